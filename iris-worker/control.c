/* SPDX-License-Identifier: MIT
 *
 * The control protocol of stream-json, both directions over the pipe that carries the turns:
 * initialize, interrupt, and permission requests; what is MCP goes to inband.c, hooks to hook.c.
 * Owns the list of permission requests that irisd has still to answer. Request ids of ours are
 * iris-1, iris-2, ...; claude's are its own, and it echoes our answers back, so an answer to an id
 * that is not ours is nothing.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/compat.h"
#include "common/json.h"
#include "common/log.h"
#include "common/rpc.h"
#include "common/xmalloc.h"
#include "iris-worker/claude.h"
#include "iris-worker/report.h"

#define ASKS_MAX 64  /* permission requests open at once */
#define ID_MAX   200 /* bytes of a request's id; claude's are UUIDs */
#define NOBODY                                                                                     \
	"{\"behavior\":\"deny\",\"message\":\"Nobody can permit this: irisd is not running.\"}"
#define TOO_MUCH                                                                                   \
	"{\"behavior\":\"deny\",\"message\":\"Iris can not handle this request: too many or too "  \
	"large.\"}"

static const char *const input_path[] = {"request", "input", NULL};
static const char *const suggestions_path[] = {"request", "permission_suggestions", NULL};

static void
send_object(struct claude *c, cJSON *o)
{
	if (c->io != NULL)
		peer_send(c->io, json_print(o));
	cJSON_Delete(o);
}

/* request is taken. Returns its number. */
static unsigned
send_request(struct claude *c, cJSON *request)
{
	cJSON *o = json_new();
	char id[32];

	snprintf(id, sizeof id, "iris-%u", ++c->control.next);
	json_put_str(o, "type", "control_request");
	json_put_str(o, "request_id", id);
	json_put(o, "request", request);
	send_object(c, o);
	return c->control.next;
}

static cJSON *
request_new(const char *subtype)
{
	cJSON *r = json_new();

	json_put_str(r, "subtype", subtype);
	return r;
}

void
control_send_answer(struct claude *c, const char *id, const char *raw)
{
	cJSON *o = json_new(), *r = json_new();

	json_put_str(r, "subtype", "success");
	json_put_str(r, "request_id", id);
	json_put_raw(r, "response", raw, strlen(raw));
	json_put_str(o, "type", "control_response");
	json_put(o, "response", r);
	send_object(c, o);
}

void
control_send_refusal(struct claude *c, const char *id, const char *text)
{
	cJSON *o = json_new(), *r = json_new();

	json_put_str(r, "subtype", "error");
	json_put_str(r, "request_id", id);
	json_put_str(r, "error", text);
	json_put_str(o, "type", "control_response");
	json_put(o, "response", r);
	send_object(c, o);
}

void
control_init(struct claude *c)
{
	cJSON *r = request_new("initialize"), *servers = cJSON_CreateArray();

	cJSON_AddItemToArray(servers, cJSON_CreateString(INBAND_SERVER));
	json_put(r, "sdkMcpServers", servers);
	json_put(r, "hooks", hook_registration());
	c->control.init = send_request(c, r);
}

static void
free_ask(struct claude *c, struct ask *a)
{
	TAILQ_REMOVE(&c->control.asks, a, entry);
	c->control.nasks--;
	free(a->id);
	free(a->params);
	free(a->use);
	free(a);
}

void
control_release(struct claude *c)
{
	while (!TAILQ_EMPTY(&c->control.asks))
		free_ask(c, TAILQ_FIRST(&c->control.asks));
}

void
control_interrupt(struct claude *c)
{
	send_request(c, request_new("interrupt"));
}

/* Claude answers it in every state, and its conversation knows nothing of it. */
void
control_probe(struct claude *c)
{
	c->control.probe = send_request(c, request_new("get_binary_version"));
}

bool
control_is_probe(const struct claude *c, const struct stream_event *ev)
{
	char id[32];

	if (ev->kind != STREAM_CONTROL_RESP || c->control.probe == 0)
		return false;
	snprintf(id, sizeof id, "iris-%u", c->control.probe);
	return strcmp(ev->id, id) == 0;
}

void
control_send_mcp(struct claude *c, const char *server, const char *raw, size_t rawlen)
{
	cJSON *r = request_new("mcp_message");

	json_put_str(r, "server_name", server);
	json_put_raw(r, "message", raw, rawlen);
	send_request(c, r);
}

void
control_cancel_message(struct claude *c, const char *message)
{
	cJSON *r = request_new("cancel_async_message");

	json_put_str(r, "message_uuid", message);
	c->control.cancel = send_request(c, r);
}

static cJSON *
session_params(const struct claude *c)
{
	cJSON *p = json_new();

	json_put_str(p, "session", c->session);
	return p;
}

bool
control_ask(struct claude *c, const char *id, char *use, cJSON *params)
{
	struct ask *a;

	if (c->control.nasks >= ASKS_MAX)
		return false;
	a = xcalloc(1, sizeof *a);
	a->id = xstrdup(id);
	a->use = use;
	a->params = json_print(params);
	TAILQ_INSERT_TAIL(&c->control.asks, a, entry);
	c->control.nasks++;
	/* First: irisd says more of what is waited for, once it has the question. */
	turn_activity(c, "waiting", json_str(params, "tool"), NULL);
	report_event(c->worker, "event/ask", params);
	return true;
}

/* can_use_tool: irisd decides; the answer comes with worker/answer. */
static void
take_ask(struct claude *c, const struct stream_event *ev, const cJSON *request)
{
	const char *raw, *suggestions;
	size_t rawlen, slen;
	cJSON *p;

	if (hook_granted(c, ev, request))
		return;
	if (c->worker->orphaned) {
		control_send_answer(c, ev->id, NOBODY);
		return;
	}
	/* What is no request would be ours to irisd, which ends a worker that says such things. */
	if (json_str(request, "tool_name") == NULL || json_obj(request, "input") == NULL ||
	    !stream_raw(ev->line, ev->len, input_path, &raw, &rawlen) ||
	    rawlen > RPC_LINE_MAX / 2) {
		control_send_answer(c, ev->id, TOO_MUCH);
		return;
	}
	p = session_params(c);
	if (c->turn != NULL)
		json_put_str(p, "message", c->turn->message);
	json_put_str(p, "request", ev->id);
	json_put_str(p, "tool", json_str(request, "tool_name"));
	json_put_raw(p, "input", raw, rawlen);
	json_put_str_opt(p, "description", json_str(request, "description"));
	if (json_arr(request, "permission_suggestions") != NULL &&
	    stream_raw(ev->line, ev->len, suggestions_path, &suggestions, &slen))
		json_put_raw(p, "suggestions", suggestions, slen);
	json_put_str_opt(p, "blockedPath", json_str(request, "blocked_path"));
	if (!control_ask(c, ev->id, NULL, p)) {
		cJSON_Delete(p);
		control_send_answer(c, ev->id, TOO_MUCH);
	}
}

static struct ask *
find_ask(struct claude *c, const char *id)
{
	struct ask *a;

	TAILQ_FOREACH (a, &c->control.asks, entry) {
		if (id != NULL && strcmp(a->id, id) == 0)
			return a;
	}
	return NULL;
}

/*
 * Claude names each request anew. One that has the name of another that is open would be answered
 * in its place.
 */
static bool
is_misnamed(struct claude *c, const char *id, const char *subtype)
{
	if (strcmp(subtype, "can_use_tool") != 0 && strcmp(subtype, "hook_callback") != 0)
		return false;
	return strlen(id) > ID_MAX || find_ask(c, id) != NULL || hook_is_open(c, id);
}

static void
take_request(struct claude *c, const struct stream_event *ev)
{
	const cJSON *request = json_obj(ev->json, "request");
	const char *subtype = ev->name != NULL ? ev->name : "";

	if (is_misnamed(c, ev->id, subtype)) {
		if (!c->control.misnamed)
			log_warn("claude's request ignored, and others like it: its id is taken or "
				 "too long session=%s id=%.40s",
			    c->session, ev->id);
		c->control.misnamed = true;
	} else if (strcmp(subtype, "can_use_tool") == 0) {
		take_ask(c, ev, request);
	} else if (strcmp(subtype, "hook_callback") == 0) {
		hook_line(c, ev, request);
	} else if (strcmp(subtype, "mcp_message") == 0) {
		inband_line(c, ev, request);
	} else if (strcmp(subtype, "elicitation") == 0) {
		control_send_answer(c, ev->id, "{\"action\":\"decline\"}");
	} else {
		log_debug(
		    "claude asks for something unknown session=%s subtype=%s", c->session, subtype);
		control_send_refusal(c, ev->id, "Unsupported control request subtype");
	}
}

/* True where nobody has told claude who pays: then no turn can succeed. */
static bool
is_logged_out(const cJSON *account)
{
	const char *token = json_str(account, "tokenSource");
	const char *provider = json_str(account, "apiProvider");

	return token != NULL && strcmp(token, "none") == 0 &&
	    json_str(account, "apiKeySource") == NULL && provider != NULL &&
	    strcmp(provider, "firstParty") == 0;
}

static void
take_ready(struct claude *c, const struct stream_event *ev)
{
	const cJSON *response = json_obj(ev->json, "response");
	const cJSON *body = json_obj(response, "response");
	const cJSON *account = json_obj(body, "account");
	const char *version = json_str(body, "claude_code_version");

	if (ev->name == NULL || strcmp(ev->name, "success") != 0) {
		claude_fault(c, ERR_PROTOCOL, "Claude refused to initialize: %s",
		    json_str(response, "error") != NULL ? json_str(response, "error")
							: "no reason given");
		return;
	}
	if (is_logged_out(account)) {
		claude_fault(c, ERR_LOGIN,
		    "Claude Code is not logged in: run claude in %s and use /login, or set "
		    "ANTHROPIC_API_KEY",
		    c->dir);
		return;
	}
	if (!c->ready && c->state == CLAUDE_STARTING)
		open_ready(c, account, version);
}

static void
take_response(struct claude *c, const struct stream_event *ev)
{
	const cJSON *response = json_obj(ev->json, "response");
	char id[32];

	snprintf(id, sizeof id, "iris-%u", c->control.init);
	if (strcmp(ev->id, id) == 0) {
		take_ready(c, ev);
		return;
	}
	snprintf(id, sizeof id, "iris-%u", c->control.cancel);
	if (c->control.cancel != 0 && strcmp(ev->id, id) == 0) {
		c->control.cancel = 0;
		/* It never began, so no result will come. */
		if (c->turn != NULL && !c->turn->seen &&
		    json_bool(json_obj(response, "response"), "cancelled", false))
			turn_fail(
			    c, "cancelled", "the message was cancelled before Claude took it");
	}
}

static void
withdraw(struct claude *c, struct ask *a)
{
	cJSON *p = session_params(c);

	json_put_str(p, "request", a->id);
	report_event(c->worker, "event/unask", p);
	free_ask(c, a);
}

void
control_drop_asks(struct claude *c)
{
	struct ask *a, *next;

	/* A hook is withdrawn by claude itself. */
	TAILQ_FOREACH_SAFE (a, &c->control.asks, entry, next)
		if (a->use == NULL)
			withdraw(c, a);
}

static void
take_cancel(struct claude *c, const struct stream_event *ev)
{
	struct ask *a = find_ask(c, ev->id);

	if (a != NULL)
		withdraw(c, a);
	inband_cancel(c, ev->id);
	hook_cancel(c, ev->id);
}

void
control_line(struct claude *c, const struct stream_event *ev)
{
	if (ev->kind == STREAM_CONTROL_REQ)
		take_request(c, ev);
	else if (ev->kind == STREAM_CONTROL_RESP)
		take_response(c, ev);
	else
		take_cancel(c, ev);
}

/*
 * The body of an answer to can_use_tool. allow must carry the input, also where nothing was changed
 * in it.
 */
static cJSON *
answer_body(const struct ask *a, const cJSON *params, const char *line, size_t len, bool allow)
{
	static const char *const input[] = {"params", "updatedInput", NULL};
	static const char *const permissions[] = {"params", "updatedPermissions", NULL};
	const char *raw, *text = json_str(params, "message");
	cJSON *body = json_new();
	size_t rawlen;

	json_put_str(body, "behavior", allow ? "allow" : "deny");
	if (!allow) {
		json_put_str(body, "message",
		    text != NULL && text[0] != '\0' ? text : "Not permitted by Iris.");
		if (json_bool(params, "interrupt", false))
			json_put_bool(body, "interrupt", true);
		return body;
	}
	if (json_obj(params, "updatedInput") != NULL && stream_raw(line, len, input, &raw, &rawlen))
		json_put_raw(body, "updatedInput", raw, rawlen);
	else if (json_raw_member(a->params, strlen(a->params), "input", &raw, &rawlen))
		json_put_raw(body, "updatedInput", raw, rawlen);
	if (json_arr(params, "updatedPermissions") != NULL &&
	    stream_raw(line, len, permissions, &raw, &rawlen))
		json_put_raw(body, "updatedPermissions", raw, rawlen);
	return body;
}

int
control_answer(struct claude *c, const cJSON *params, const char *line, size_t len, struct err *err)
{
	const char *behavior = json_str(params, "behavior");
	struct ask *a = find_ask(c, json_str(params, "request"));
	bool allow;
	cJSON *body;
	char *raw;

	if (a == NULL)
		return err_set(err, ERR_NOT_FOUND, "no permission request with this id is open");
	if (behavior == NULL || (strcmp(behavior, "allow") != 0 && strcmp(behavior, "deny") != 0))
		return err_set(err, ERR_INVALID, "behavior must be \"allow\" or \"deny\"");
	allow = strcmp(behavior, "allow") == 0;
	body = answer_body(a, params, line, len, allow);
	if (a->use != NULL) {
		hook_decided(c, a, body);
	} else {
		raw = json_print(body);
		control_send_answer(c, a->id, raw);
		free(raw);
	}
	cJSON_Delete(body);
	free_ask(c, a);
	/* The tool runs now, or Claude goes on: silence counts from here. */
	if (c->turn != NULL)
		c->turn->heard = compat_mono_ms();
	return 0;
}

void
control_replay(struct claude *c)
{
	struct ask *a;

	TAILQ_FOREACH (a, &c->control.asks, entry)
		report_event(c->worker, "event/ask", cJSON_CreateRaw(a->params));
}

void
control_orphan(struct claude *c)
{
	struct ask *a;

	while ((a = TAILQ_FIRST(&c->control.asks)) != NULL) {
		if (a->use != NULL)
			hook_refuse(c, a->id);
		else
			control_send_answer(c, a->id, NOBODY);
		free_ask(c, a);
		if (c->turn != NULL)
			c->turn->heard = compat_mono_ms();
	}
}
