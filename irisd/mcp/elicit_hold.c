/* SPDX-License-Identifier: MIT
 *
 * Calls of 2026-07-28 between the result that asks their client something and its next tools/call,
 * see elicit.h. A call that is held belongs to a struct mcp of its own, without a connection, so
 * that what it waits for goes on and ends as with any client.
 *
 * requestState is 122 random bits that name what irisd holds, and which irisd; one that was used or
 * has expired is refused. It is good only for who got it (the connection, or the key over HTTP, and
 * the team), for the same tool and the same arguments, once. Behind those is the id of the call's
 * first request: to the next irisd the call is that one again, as with any that a shim repeats, and
 * what is asked is asked anew. Made up, that id names another call of the same client's, no more.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/compat.h"
#include "common/json.h"
#include "common/log.h"
#include "common/xmalloc.h"
#include "irisd/mcp/elicit_private.h"
#include "irisd/mcp/mcp_private.h"

#define HELD_MAX        1000 /* calls, of all clients */
#define HELD_CLIENT_MAX 100

struct hold {
	struct mcp mcp; /* the call's while it is held; its only one, none when it has ended */
	char *state;    /* owned */
	char name[TEAM_NAME_MAX]; /* who has called */
	const char *tool;
	uint64_t digest; /* of the arguments */
	cJSON *result;   /* owned: what the call has ended with meanwhile */
	struct event *expiry;
};

/* Which irisd: made once. */
static char life[UUID_LEN + 1];

/* Nobody to tell how it goes. */
static void
hold_send(struct mcp *m, char *text)
{
	(void)m;
	free(text);
}

static void
hold_who(struct mcp *m, char *name, size_t size)
{
	struct hold *h = m->arg;

	compat_strlcpy(name, h->name, size);
}

static const struct mcp_carrier hold_carrier = {.send = hold_send, .who = hold_who};

static bool
is_hold(const struct mcp *m)
{
	return m->carrier == &hold_carrier;
}

/* Its call, if it still has one, ends without an answer. */
static void
hold_free(struct hold *h)
{
	mcp_release(&h->mcp);
	event_free(h->expiry);
	cJSON_Delete(h->result);
	free(h->state);
	free(h);
}

static void
expiry_cb(evutil_socket_t fd, short what, void *arg)
{
	struct hold *h = arg;

	(void)fd;
	(void)what;
	log_info("a call that needs input was not repeated tool=%s from=%s", h->tool, h->name);
	mcp_lost(&h->mcp);
	hold_free(h);
}

/* The id in hexadecimal digits: a string's has quotes. */
static char *
state_of(const char *unique, const char *first)
{
	size_t n = strlen(first), i;
	char *hex = xmalloc(2 * n + 1), *state;

	for (i = 0; i < n; i++)
		snprintf(hex + 2 * i, 3, "%02x", (unsigned char)first[i]);
	state = xasprintf("%s:%s:%s", unique, life, hex);
	free(hex);
	return state;
}

static bool
first_of(const char *hex, char first[RPC_ID_MAX + 1])
{
	char digits[3] = "";
	size_t n = strlen(hex), i;

	if (n == 0 || n % 2 != 0 || n / 2 > RPC_ID_MAX || strspn(hex, "0123456789abcdef") != n)
		return false;
	for (i = 0; i < n / 2; i++) {
		memcpy(digits, hex + 2 * i, 2);
		first[i] = (char)strtol(digits, NULL, 16);
	}
	first[i] = '\0';
	return json_utf8_valid(first, i);
}

static struct hold *
hold_new(struct mcp_call *c)
{
	struct timeval tv = {ELICIT_HOLD_S, 0};
	struct mcp *from = c->mcp;
	struct hold *h = xcalloc(1, sizeof *h);
	char unique[UUID_LEN + 1];

	mcp_init(&h->mcp, from->d, &hold_carrier, h);
	compat_strlcpy(h->mcp.principal, from->principal, sizeof h->mcp.principal);
	compat_strlcpy(h->mcp.instance, from->instance, sizeof h->mcp.instance);
	h->mcp.dir = xstrdup_null(from->dir);
	from->carrier->who(from, h->name, sizeof h->name);
	uuid_v4(unique);
	if (life[0] == '\0')
		uuid_v4(life);
	h->state = state_of(unique, c->first);
	h->tool = c->tool;
	h->digest = c->digest;
	h->expiry = evtimer_new(from->d->loop.base, expiry_cb, h);
	evtimer_add(h->expiry, &tv);
	return h;
}

bool
elicit_hold_room(struct mcp *m)
{
	const struct mcp *other;
	int all = 0, own = 0;

	LIST_FOREACH(other, &m->d->mcps, all)
	{
		if (!is_hold(other))
			continue;
		all++;
		own += strcmp(other->principal, m->principal) == 0;
	}
	return all < HELD_MAX && own < HELD_CLIENT_MAX;
}

void
elicit_hold(struct mcp_call *c)
{
	cJSON *r, *requests, *o;
	struct elicit *e;
	struct hold *h;
	struct err err;

	/* There was room when it was asked; others may have come between. */
	if (!elicit_hold_room(c->mcp)) {
		err_set(&err, ERR_LIMIT, "too many calls of this client wait for its answers");
		mcp_call_failed(c, &err, NULL);
		return;
	}
	r = mcp_result(true, false);
	requests = json_new();
	h = hold_new(c);
	TAILQ_FOREACH (e, &c->elicits->open, entry) {
		o = json_new();
		json_put_str(o, "method", e->kind->method);
		json_put(o, "params", cJSON_Duplicate(e->params, true));
		json_put(requests, e->key, o);
	}
	cJSON_ReplaceItemInObjectCaseSensitive(
	    r, "resultType", cJSON_CreateString("input_required"));
	json_put(r, "inputRequests", requests);
	json_put_str(r, "requestState", h->state);
	c->mcp->carrier->send(c->mcp, rpc_result(c->id, r));
	c->elicits->held = true;
	mcp_call_detach(c, &h->mcp);
}

bool
elicit_hold_keep(struct mcp_call *c, cJSON *result)
{
	struct hold *h = c->mcp->arg;

	if (!is_hold(c->mcp))
		return false;
	h->result = result;
	return true;
}

bool
elicit_hold_earlier(const struct mcp *m, const struct rpc_msg *msg, char first[RPC_ID_MAX + 1])
{
	const size_t at = UUID_LEN + 1, end = 2 * at; /* of life, and of the id */
	const char *state = json_str(msg->params, "requestState");
	char which[UUID_LEN + 1];

	if (m->instance[0] == '\0' || state == NULL || strlen(state) <= end ||
	    state[at - 1] != ':' || state[end - 1] != ':')
		return false;
	compat_strlcpy(which, state + at, sizeof which);
	if (!uuid_valid(which) || strcmp(which, life) == 0)
		return false;
	return first_of(state + end, first);
}

/* --- the next request ------------------------------------------------------------------------- */

static void
refuse(struct mcp *m, const struct rpc_msg *msg, const char *text)
{
	m->carrier->send(m, rpc_error_code(msg->id, RPC_INVALID_PARAMS, text, NULL));
}

/* The same text whatever is wrong with it: nothing is to be learnt by trying. */
static struct hold *
find(struct mcp *m, const struct rpc_msg *msg, const char *line, size_t len)
{
	const char *state = json_str(msg->params, "requestState");
	const char *tool = json_str(msg->params, "name");
	char name[TEAM_NAME_MAX];
	struct mcp *other;
	struct hold *h;

	m->carrier->who(m, name, sizeof name);
	LIST_FOREACH(other, &m->d->mcps, all)
	{
		h = other->arg;
		if (is_hold(other) && state != NULL && tool != NULL &&
		    strcmp(h->state, state) == 0 && strcmp(h->mcp.principal, m->principal) == 0 &&
		    strcmp(h->name, name) == 0 && strcmp(h->tool, tool) == 0 &&
		    h->digest == mcp_call_digest(line, len))
			return h;
	}
	refuse(m, msg,
	    "this requestState is not known for this call: it was used, is too old, or irisd was "
	    "started again since; make the call again without it");
	return NULL;
}

/* Whether all that is answered is answered well; false when the request was refused. */
static bool
check(struct mcp *m, const struct rpc_msg *msg, const struct mcp_call *c)
{
	const cJSON *all = json_get(msg->params, "inputResponses"), *a;
	const struct elicit *e;
	struct err err;
	char *text;

	if (all != NULL && !cJSON_IsObject(all)) {
		refuse(m, msg, "inputResponses must be an object");
		return false;
	}
	if (c == NULL)
		return true;
	TAILQ_FOREACH (e, &c->elicits->open, entry) {
		if ((a = json_get(all, e->key)) == NULL ||
		    elicit_check(e->kind, e->params, a, &err) == 0)
			continue;
		text = xasprintf("inputResponses.%s: %s", e->key, err.msg);
		json_utf8_mend(text);
		refuse(m, msg, text);
		free(text);
		return false;
	}
	return true;
}

void
elicit_resume(struct mcp *m, const struct rpc_msg *msg, const char *line, size_t len)
{
	const cJSON *all = json_get(msg->params, "inputResponses"), *a;
	struct hold *h = find(m, msg, line, len);
	struct mcp_call *c;
	struct elicit *e;

	if (h == NULL)
		return;
	c = TAILQ_FIRST(&h->mcp.calls);
	if (!check(m, msg, c))
		return;
	if (h->result != NULL) {
		m->carrier->send(m, rpc_result(msg->id, h->result));
		h->result = NULL;
	} else if (c == NULL) {
		refuse(m, msg, "the call has ended meanwhile");
	} else {
		mcp_call_attach(c, m, msg, line, len);
		c->elicits->held = false;
		TAILQ_FOREACH (e, &c->elicits->open, entry)
			if ((a = json_get(all, e->key)) != NULL)
				e->answer = cJSON_Duplicate(a, true);
		elicit_work(c);
	}
	hold_free(h);
}

/* --- ends ------------------------------------------------------------------------------------- */

/* The next one that is held of this client, of any when principal is NULL. */
static struct hold *
held(struct irisd *d, const char *principal)
{
	struct mcp *m;

	LIST_FOREACH(m, &d->mcps, all)
	if (is_hold(m) && (principal == NULL || strcmp(m->principal, principal) == 0))
		return m->arg;
	return NULL;
}

void
elicit_hold_end(struct irisd *d, const char *principal, bool lost)
{
	struct hold *h;

	while ((h = held(d, principal)) != NULL) {
		if (lost)
			mcp_lost(&h->mcp);
		hold_free(h);
	}
}

void
elicit_hold_end_all(struct irisd *d)
{
	elicit_hold_end(d, NULL, false);
}
