/* SPDX-License-Identifier: MIT
 *
 * Questions to the client of a call, see elicit.h: what may be asked, the requests of the handshake
 * era and the responses to them, and telling the tools. How a call of 2026-07-28 gets over from one
 * request to the next is elicit_hold.c's.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "common/log.h"
#include "common/xmalloc.h"
#include "irisd/mcp/elicit_private.h"
#include "irisd/mcp/mcp_private.h"

#define OPEN_MAX 16 /* questions of one call */

static const struct elicit_kind kinds[] = {
    {"elicitation/create", "elicitation", MCP_CAN_ELICIT},
    {"sampling/createMessage", "sampling", MCP_CAN_SAMPLE},
    {"roots/list", "roots", MCP_CAN_ROOTS},
};
#define NKINDS (sizeof kinds / sizeof kinds[0])

/* 2025-11-25, elicitation, capabilities: an empty object means forms. */
static bool
has_forms(const cJSON *elicitation)
{
	return json_obj(elicitation, "form") != NULL || json_obj(elicitation, "url") == NULL;
}

unsigned
elicit_capabilities(const cJSON *capabilities)
{
	const cJSON *o;
	unsigned can = 0;
	size_t i;

	for (i = 0; i < NKINDS; i++)
		if ((o = json_obj(capabilities, kinds[i].capability)) != NULL &&
		    (kinds[i].can != MCP_CAN_ELICIT || has_forms(o)))
			can |= kinds[i].can;
	return can;
}

cJSON *
elicit_capabilities_json(unsigned can)
{
	cJSON *o = json_new();
	size_t i;

	for (i = 0; i < NKINDS; i++)
		if ((can & kinds[i].can) != 0)
			json_put(o, kinds[i].capability, json_new());
	return o;
}

bool
mcp_call_can_elicit(const struct mcp_call *c)
{
	return (c->can & MCP_CAN_ELICIT) != 0;
}

bool
mcp_call_held(const struct mcp_call *c)
{
	return c->elicits != NULL && c->elicits->held;
}

/* --- telling the tools ------------------------------------------------------------------------ */

static void
elicit_free(struct elicit *e)
{
	cJSON_Delete(e->params);
	cJSON_Delete(e->answer);
	free(e);
}

/* It is over: nothing of the call may be touched after this. */
static void
tell(struct elicit *e, enum elicit_action action)
{
	const cJSON *content = NULL;

	TAILQ_REMOVE(&e->call->elicits->open, e, entry);
	if (action == ELICIT_ACCEPT && e->kind->can == MCP_CAN_ELICIT)
		content = json_obj(e->answer, "content");
	else if (action == ELICIT_ACCEPT)
		content = e->answer;
	e->done(e->arg, action, content);
	elicit_free(e);
}

static enum elicit_action
action_of(const struct elicit *e)
{
	const char *action = json_str(e->answer, "action");

	if (e->kind->can != MCP_CAN_ELICIT || strcmp(action, "accept") == 0)
		return ELICIT_ACCEPT;
	return strcmp(action, "decline") == 0 ? ELICIT_DECLINE : ELICIT_CANCEL;
}

/* The next that is over: answered, or the client has repeated the call and declares it no more. */
static struct elicit *
next_over(struct mcp_call *c)
{
	struct elicit *e;

	TAILQ_FOREACH (e, &c->elicits->open, entry)
		if (e->answer != NULL || (!c->elicits->held && (c->can & e->kind->can) == 0))
			return e;
	return NULL;
}

static void
work_cb(evutil_socket_t fd, short what, void *arg)
{
	struct mcp_call *c = arg;
	struct elicit *e = next_over(c);

	(void)fd;
	(void)what;
	if (e != NULL) {
		/* What it is told may end the call, and this with it. */
		elicit_work(c);
		tell(e, e->answer != NULL ? action_of(e) : ELICIT_FAILED);
	} else if (c->modern && !c->elicits->held && !TAILQ_EMPTY(&c->elicits->open)) {
		elicit_hold(c);
	}
}

/* Not at once: the questions of one pass go out together. */
void
elicit_work(struct mcp_call *c)
{
	struct timeval now = {0, 0};

	evtimer_add(c->elicits->work, &now);
}

static struct elicits *
elicits_of(struct mcp_call *c)
{
	if (c->elicits == NULL) {
		c->elicits = xcalloc(1, sizeof *c->elicits);
		TAILQ_INIT(&c->elicits->open);
		c->elicits->work = evtimer_new(c->mcp->d->loop.base, work_cb, c);
	}
	return c->elicits;
}

void
elicit_given(struct mcp_call *c, const cJSON *responses)
{
	elicits_of(c)->given = cJSON_Duplicate(responses, true);
}

/* --- asking ----------------------------------------------------------------------------------- */

/* A response is to be matched with its text, so the id is one JSON string. */
static void
send_request(struct elicit *e)
{
	char id[UUID_LEN + 3];

	snprintf(id, sizeof id, "\"%s\"", e->id);
	e->call->mcp->carrier->send(
	    e->call->mcp, rpc_request(id, e->kind->method, cJSON_Duplicate(e->params, true)));
}

static void
withdraw(struct elicit *e, const char *reason)
{
	cJSON *params = json_new();

	json_put_str(params, "requestId", e->id);
	json_put_str(params, "reason", reason);
	e->call->mcp->carrier->send(
	    e->call->mcp, rpc_notification("notifications/cancelled", params));
}

static const struct elicit_kind *
find_kind(const char *method)
{
	size_t i;

	for (i = 0; i < NKINDS; i++)
		if (strcmp(kinds[i].method, method) == 0)
			return &kinds[i];
	return NULL;
}

static bool
may_ask(struct mcp_call *c, const char *key, const struct elicit_kind *k)
{
	const struct elicit *e;
	int n = 0;

	if ((c->can & k->can) == 0)
		return false;
	if (c->elicits != NULL) {
		if (c->elicits->closing)
			return false;
		TAILQ_FOREACH (e, &c->elicits->open, entry) {
			n++;
			if (key != NULL && strcmp(key, e->key) == 0)
				return false;
		}
	}
	return n < OPEN_MAX && (!c->modern || elicit_hold_room(c->mcp));
}

/* The answer that came with the first call. It counts once: who asks again wants another one. */
static cJSON *
take_given(struct mcp_call *c, const char *key, const struct elicit_kind *k, const cJSON *params)
{
	cJSON *given = cJSON_DetachItemFromObjectCaseSensitive(c->elicits->given, key);

	if (given != NULL && elicit_check(k, params, given, NULL) == 0)
		return given;
	cJSON_Delete(given);
	return NULL;
}

struct elicit *
mcp_client_request(struct mcp_call *c, const char *key, const char *method, cJSON *params,
    elicit_cb *done, void *arg)
{
	const struct elicit_kind *k = find_kind(method);
	struct elicit *e;

	if (k == NULL || !may_ask(c, key, k)) {
		cJSON_Delete(params);
		return NULL;
	}
	e = xcalloc(1, sizeof *e);
	e->call = c;
	e->kind = k;
	e->params = params;
	e->done = done;
	e->arg = arg;
	uuid_v4(e->id);
	e->key = key != NULL ? key : e->id;
	TAILQ_INSERT_TAIL(&elicits_of(c)->open, e, entry);
	if (c->modern) {
		if (key != NULL)
			e->answer = take_given(c, key, k, params);
		elicit_work(c);
	} else {
		send_request(e);
	}
	log_debug("client asked method=%s tool=%s id=%s", k->method, c->tool, e->id);
	return e;
}

struct elicit *
mcp_elicit(struct mcp_call *c, const char *message, const cJSON *schema, elicit_cb *done, void *arg)
{
	cJSON *params = json_new();

	json_put_str(params, "message", message);
	json_put(params, "requestedSchema", cJSON_Duplicate(schema, true));
	return mcp_client_request(c, NULL, "elicitation/create", params, done, arg);
}

void
elicit_cancel(struct elicit *e)
{
	if (!e->call->modern)
		withdraw(e, "the answer is not needed any more");
	TAILQ_REMOVE(&e->call->elicits->open, e, entry);
	elicit_free(e);
}

void
elicit_withdraw(struct mcp_call *c)
{
	struct elicit *e;

	if (c->elicits == NULL || c->modern)
		return;
	TAILQ_FOREACH (e, &c->elicits->open, entry)
		withdraw(e, "the call has ended");
}

void
elicit_withdraw_all(struct mcp *m)
{
	struct mcp_call *c;

	TAILQ_FOREACH (c, &m->calls, entry)
		elicit_withdraw(c);
}

void
elicit_release(struct mcp_call *c)
{
	struct elicits *s = c->elicits;
	struct elicit *e;

	if (s == NULL)
		return;
	s->closing = true;
	while ((e = TAILQ_FIRST(&s->open)) != NULL)
		tell(e, ELICIT_GONE);
	event_free(s->work);
	cJSON_Delete(s->given);
	free(s);
}

void
mcp_call_missing(struct mcp_call *c, unsigned can)
{
	cJSON *data;
	struct err err;
	char text[160];

	snprintf(text, sizeof text, "%s asks its client for something that this client does not do",
	    c->tool);
	if (!c->modern || (c->elicits != NULL && c->elicits->held)) {
		err_set(&err, ERR_REFUSED, "%s", text);
		mcp_call_failed(c, &err, NULL);
		return;
	}
	data = json_new();
	json_put(data, "requiredCapabilities", elicit_capabilities_json(can));
	mcp_call_error(c, MCP_MISSING_CAPABILITY, text, data);
}

/* --- responses of the handshake era ----------------------------------------------------------- */

/*
 * The question with this id that the client was asked. Over HTTP the response comes on a connection
 * of its own, so all of the client's are looked at; two clients with one key are one.
 */
static struct elicit *
find_open(struct mcp *from, const char *id)
{
	struct mcp_call *c;
	struct elicit *e;
	struct mcp *m;

	LIST_FOREACH(m, &from->d->mcps, all)
	{
		if (strcmp(m->principal, from->principal) != 0)
			continue;
		TAILQ_FOREACH (c, &m->calls, entry) {
			if (c->modern || c->elicits == NULL)
				continue;
			TAILQ_FOREACH (e, &c->elicits->open, entry)
				if (strcmp(e->id, id) == 0)
					return e;
		}
	}
	return NULL;
}

void
elicit_response(struct mcp *m, const struct rpc_msg *msg)
{
	const char *id = json_str(msg->json, "id");
	struct elicit *e;
	struct err err;

	/* One to an irisd that is gone, or to what was over meanwhile: nobody waits for it. */
	if (id == NULL || (e = find_open(m, id)) == NULL) {
		log_debug("response to no question id=%.64s", id != NULL ? id : "");
		return;
	}
	if (msg->kind == RPC_ERROR) {
		log_info("the client refused method=%s tool=%s error=%.100s", e->kind->method,
		    e->call->tool,
		    json_str(msg->error, "message") != NULL ? json_str(msg->error, "message") : "");
		tell(e, ELICIT_FAILED);
	} else if (elicit_check(e->kind, e->params, msg->result, &err) == -1) {
		log_warn("the client's response is no answer method=%s tool=%s reason=%s",
		    e->kind->method, e->call->tool, err.msg);
		tell(e, ELICIT_FAILED);
	} else {
		e->answer = cJSON_Duplicate(msg->result, true);
		tell(e, action_of(e));
	}
}
