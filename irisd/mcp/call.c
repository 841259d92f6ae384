/* SPDX-License-Identifier: MIT
 *
 * A tools/call from its arrival to its one answer: who calls, progress while it waits,
 * cancellation. What a tool does is its own file's.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/compat.h"
#include "common/json.h"
#include "common/log.h"
#include "common/xmalloc.h"
#include "irisd/core/message.h"
#include "irisd/core/tunnel.h"
#include "irisd/mcp/agent.h"
#include "irisd/mcp/elicit_private.h"
#include "irisd/mcp/gather.h"
#include "irisd/mcp/mcp_private.h"

#define CALLS_MAX 1000 /* that wait, of one client */

static void
call_free(struct mcp_call *c)
{
	TAILQ_REMOVE(&c->mcp->calls, c, entry);
	if (c->wait != NULL)
		message_unwait(c->wait);
	if (c->watching)
		session_unwatch(c->mcp->d, c);
	if (c->agent != NULL)
		agent_free(c->agent);
	if (c->undo != NULL)
		c->undo(c);
	if (c->gather != NULL)
		gather_free(c->gather);
	if (c->tick != NULL)
		event_free(c->tick);
	/* Last: who is told may do things that would end what the call waits for. */
	elicit_release(c);
	free(c->id);
	free(c->first);
	free(c->token);
	free(c->said);
	cJSON_Delete(c->kept);
	free(c);
}

void
mcp_call_content(struct mcp_call *c, cJSON *content, const char *structured, bool failed)
{
	cJSON *r = mcp_result(c->modern, false);

	json_put(r, "content", content);
	if (failed)
		json_put_bool(r, "isError", true);
	if (structured != NULL)
		json_put_raw(r, "structuredContent", structured, strlen(structured));
	/* What the client was asked is taken back first: over HTTP nothing follows an answer. */
	elicit_withdraw(c);
	if (!elicit_hold_keep(c, r))
		c->mcp->carrier->send(c->mcp, rpc_result(c->id, r));
	call_free(c);
}

void
mcp_call_error(struct mcp_call *c, int code, const char *text, cJSON *data)
{
	c->mcp->carrier->send(c->mcp, rpc_error_code(c->id, code, text, data));
	call_free(c);
}

/*
 * One text block, and for a good result the same as structuredContent. An error result has none: it
 * would have to conform to the tool's output schema (2025-11-25, tools, output schema), and clients
 * check.
 */
static void
answer(struct mcp_call *c, const char *text, bool structured, bool failed)
{
	cJSON *content = cJSON_CreateArray(), *block = json_new();

	json_put_str(block, "type", "text");
	json_put_str(block, "text", text);
	cJSON_AddItemToArray(content, block);
	mcp_call_content(c, content, structured ? text : NULL, failed);
}

static void
answer_json(struct mcp_call *c, cJSON *o, bool failed)
{
	char *text = json_print(o);

	cJSON_Delete(o);
	answer(c, text, !failed, failed);
	free(text);
}

void
mcp_call_done(struct mcp_call *c, cJSON *structured)
{
	answer_json(c, structured, false);
}

void
mcp_call_text(struct mcp_call *c, const char *text)
{
	answer(c, text, false, false);
}

void
mcp_call_failed(struct mcp_call *c, const struct err *why, cJSON *extra)
{
	cJSON *o = extra != NULL ? extra : json_new();

	json_put_str(o, "error", why->msg);
	json_put_str(o, "code", err_name(why->code));
	json_put_str(o, "tool", c->tool);
	answer_json(c, o, true);
}

/* 2025-11-25 and 2026-07-28: the value must grow; the total is not known. */
static void
send_progress(struct mcp_call *c)
{
	cJSON *p = json_new();

	json_put_raw(p, "progressToken", c->token, strlen(c->token));
	json_put_int(p, "progress", ++c->progress);
	json_put_str(p, "message", c->said);
	c->mcp->carrier->send(c->mcp, rpc_notification("notifications/progress", p));
}

static void
arm_tick(struct mcp_call *c)
{
	struct timeval tv = {MCP_TICK_MS / 1000, (MCP_TICK_MS % 1000) * 1000};

	evtimer_add(c->tick, &tv);
}

static void
tick_cb(evutil_socket_t fd, short what, void *arg)
{
	struct mcp_call *c = arg;
	char text[MESSAGE_WHERE];
	struct message *m;

	(void)fd;
	(void)what;
	if (c->wait != NULL && (m = c->wait->message) != NULL) {
		message_describe(m, text, sizeof text);
		free(c->said);
		c->said = xasprintf("%s (%lld s)", text, (long long)(mcp_call_duration(c) / 1000));
	}
	send_progress(c);
	arm_tick(c);
}

void
mcp_call_progress(struct mcp_call *c, const char *text)
{
	if (c->token == NULL || (c->said != NULL && strcmp(c->said, text) == 0))
		return;
	free(c->said);
	c->said = xstrdup(text);
	if (c->tick == NULL)
		c->tick = evtimer_new(c->mcp->d->loop.base, tick_cb, c);
	send_progress(c);
	arm_tick(c);
}

int64_t
mcp_call_duration(const struct mcp_call *c)
{
	return compat_mono_ms() - c->started;
}

int
mcp_call_from(struct mcp_call *c, const cJSON *args, char *name, size_t size, struct err *err)
{
	const char *said = json_str(args, "fromTeam");

	c->mcp->carrier->who(c->mcp, name, size);
	if (said == NULL || strcmp(said, name) == 0)
		return 0;
	if (c->mcp->carrier->speak_as != NULL) {
		if (c->mcp->carrier->speak_as(c->mcp, said, err) == -1)
			return -1;
		compat_strlcpy(name, said, size);
		return 0;
	}
	return err_set(err, ERR_REFUSED,
	    "fromTeam is \"%.100s\", but this session belongs to team \"%s\"; leave fromTeam out",
	    said, name);
}

struct team *
mcp_call_team(struct mcp_call *c, const cJSON *args, const char *argument, char *from, size_t size)
{
	struct team *t = NULL;
	struct err err;

	if (mcp_call_from(c, args, from, size, &err) == 0)
		t = team_require(c->mcp->d, json_str(args, argument), &err);
	if (t == NULL)
		mcp_call_failed(c, &err, NULL);
	return t;
}

struct team *
mcp_call_team_to_start(
    struct mcp_call *c, const cJSON *args, const char *argument, char *from, size_t size)
{
	struct team *t = mcp_call_team(c, args, argument, from, size);
	struct err err;

	if (t == NULL || !t->d->stopping)
		return t;
	err_set(&err, ERR_UNAVAILABLE, "irisd is being stopped");
	mcp_call_failed(c, &err, NULL);
	return NULL;
}

/* The raw text of params._meta.progressToken; NULL when there is none that MCP allows. */
static char *
progress_token(const struct rpc_msg *msg, const char *line, size_t len)
{
	const cJSON *token = json_get(json_obj(msg->params, "_meta"), "progressToken");
	const char *p;
	size_t n;

	if ((!cJSON_IsString(token) && !cJSON_IsNumber(token)) ||
	    !json_raw_member(line, len, "params", &p, &n) ||
	    !json_raw_member(p, n, "_meta", &p, &n) ||
	    !json_raw_member(p, n, "progressToken", &p, &n) || n > RPC_ID_MAX)
		return NULL;
	return xstrndup(p, n);
}

uint64_t
mcp_call_digest(const char *line, size_t len)
{
	uint64_t h = 14695981039346656037u;
	const char *p;
	size_t n, i;

	if (!json_raw_member(line, len, "params", &p, &n) ||
	    !json_raw_member(p, n, "arguments", &p, &n))
		return h;
	for (i = 0; i < n; i++)
		h = (h ^ (unsigned char)p[i]) * 1099511628211u;
	return h;
}

/* What differs between two requests for one call. Behind a spawned session there is no person. */
static void
take_request(
    struct mcp_call *c, struct mcp *m, const struct rpc_msg *msg, const char *line, size_t len)
{
	const cJSON *meta = json_obj(msg->params, "_meta");

	c->mcp = m;
	c->id = xstrdup(msg->id);
	c->token = progress_token(msg, line, len);
	if (m->session == NULL)
		c->can =
		    c->modern ? elicit_capabilities(json_obj(meta, MCP_META_CAPABILITIES)) : m->can;
	if (c->modern && c->can != 0)
		c->digest = mcp_call_digest(line, len);
	TAILQ_INSERT_TAIL(&m->calls, c, entry);
}

void
mcp_call_detach(struct mcp_call *c, struct mcp *to)
{
	TAILQ_REMOVE(&c->mcp->calls, c, entry);
	free(c->id);
	free(c->token);
	c->id = xstrdup("null");
	c->token = NULL;
	if (c->tick != NULL)
		evtimer_del(c->tick);
	c->mcp = to;
	TAILQ_INSERT_TAIL(&to->calls, c, entry);
}

void
mcp_call_attach(
    struct mcp_call *c, struct mcp *m, const struct rpc_msg *msg, const char *line, size_t len)
{
	char *said = c->said;

	TAILQ_REMOVE(&c->mcp->calls, c, entry);
	free(c->id);
	take_request(c, m, msg, line, len);
	if (said != NULL) {
		c->said = NULL;
		mcp_call_progress(c, said);
		free(said);
	}
}

static bool
too_fast(struct mcp *m, struct err *err)
{
	char who[TEAM_NAME_MAX];

	if (!m->tunnel)
		return false;
	m->carrier->who(m, who, sizeof who);
	return tunnel_allows(m->d, who, err) == -1;
}

void
mcp_call_start(struct mcp *m, const struct rpc_msg *msg, const char *line, size_t len, bool modern)
{
	const cJSON *args = json_get(msg->params, "arguments");
	const cJSON *given = modern ? json_get(msg->params, "inputResponses") : NULL;
	const char *name = json_str(msg->params, "name");
	char first[RPC_ID_MAX + 1], text[256];
	const struct mcp_tool *t;
	struct mcp_call *c;
	struct err err;
	int n = 0;

	TAILQ_FOREACH (c, &m->calls, entry)
		n++;
	if (n >= CALLS_MAX) {
		snprintf(
		    text, sizeof text, "%d calls of this client wait for their answers already", n);
		m->carrier->send(m, rpc_error_code(msg->id, RPC_INVALID_REQUEST, text, NULL));
		return;
	}
	compat_strlcpy(first, msg->id, sizeof first);
	if (modern && json_get(msg->params, "requestState") != NULL &&
	    !elicit_hold_earlier(m, msg, first)) {
		elicit_resume(m, msg, line, len);
		return;
	}
	if (given != NULL && !cJSON_IsObject(given)) {
		m->carrier->send(m,
		    rpc_error_code(
			msg->id, RPC_INVALID_PARAMS, "inputResponses must be an object", NULL));
		return;
	}
	if (name == NULL || (t = mcp_tool_find(name)) == NULL) {
		snprintf(text, sizeof text, "unknown tool \"%.100s\"; tools/list names them",
		    name != NULL ? name : "");
		json_utf8_mend(text);
		m->carrier->send(m, rpc_error_code(msg->id, RPC_INVALID_PARAMS, text, NULL));
		return;
	}
	c = xcalloc(1, sizeof *c);
	c->modern = modern;
	c->first = xstrdup(first);
	c->tool = t->name;
	c->started = compat_mono_ms();
	take_request(c, m, msg, line, len);
	if (given != NULL)
		elicit_given(c, given);
	/* Missing arguments are none: some clients leave them out. */
	if (too_fast(m, &err) || mcp_tool_check(t, args, &err) == -1)
		mcp_call_failed(c, &err, NULL);
	else
		t->fn(c, args);
}

/* The call goes, and what it has sent to several teams ends as then says. */
static void
drop_gather(struct mcp_call *c, void (*then)(struct message *))
{
	struct message **list;
	size_t n = gather_messages(c->gather, &list), i;

	call_free(c);
	for (i = 0; i < n; i++)
		then(list[i]);
	free(list);
}

/* Who waits for it elsewhere (the same key, message_result) keeps it going. */
static void
cancel_unless_awaited(struct message *m)
{
	if (TAILQ_EMPTY(&m->waits))
		message_cancel(m, "cancelled by the client that asked");
}

/*
 * The person pressed Esc: the team is interrupted as well. A client's own time limit is no such
 * wish: the team goes on, and the answer can be fetched.
 */
void
mcp_call_cancel(struct mcp *m, const char *id, const char *reason)
{
	bool timed_out = reason != NULL && strstr(reason, "timed out") != NULL;
	struct mcp_call *c;
	struct message *msg;

	TAILQ_FOREACH (c, &m->calls, entry)
		if (strcmp(c->id, id) == 0)
			break;
	if (c == NULL)
		return;
	msg = c->wait != NULL && !timed_out && !c->observes ? c->wait->message : NULL;
	elicit_withdraw(c);
	log_info("mcp call cancelled tool=%s message=%s reason=%.100s", c->tool, c->message,
	    reason != NULL ? reason : "");
	if (c->gather != NULL && !timed_out) {
		drop_gather(c, cancel_unless_awaited);
		return;
	}
	call_free(c);
	if (msg != NULL)
		cancel_unless_awaited(msg);
}

void
mcp_lost(struct mcp *m)
{
	struct mcp_call *c, *next;
	struct message *msg;

	if (m->carrier->unasked)
		elicit_hold_end(m->d, m->principal, true);
	TAILQ_FOREACH_SAFE (c, &m->calls, entry, next) {
		if (c->gather != NULL) {
			drop_gather(c, message_abandoned);
			continue;
		}
		if (c->wait == NULL || c->observes)
			continue;
		msg = c->wait->message;
		call_free(c);
		message_abandoned(msg);
	}
}

void
mcp_call_drop_all(struct mcp *m)
{
	while (!TAILQ_EMPTY(&m->calls))
		call_free(TAILQ_FIRST(&m->calls));
}
