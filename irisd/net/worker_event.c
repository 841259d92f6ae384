/* SPDX-License-Identifier: MIT
 *
 * What workers say: their answers and events, checked and turned into calls of core/pool.h, mcp/
 * and core/permission.h. One table for the events.
 */
#include <stdio.h>
#include <string.h>

#include "common/compat.h"
#include "common/json.h"
#include "common/log.h"
#include "common/rpc.h"
#include "irisd/core/event.h"
#include "irisd/core/permission.h"
#include "irisd/core/pool.h"
#include "irisd/core/renew.h"
#include "irisd/core/tunnel.h"
#include "irisd/mcp/inband.h"
#include "irisd/net/worker_private.h"

static void
opened(struct session *s, const cJSON *result)
{
	struct pool_opened o = {0};

	o.pid = (pid_t)json_int_or(result, "pid", 0);
	o.start = compat_proc_start(o.pid);
	o.ready_ms = json_int_or(result, "readyMs", 0);
	o.version = json_str(result, "version");
	pool_on_opened(s, &o);
}

static enum pool_open_failure
open_failure(const cJSON *error, const struct err *err)
{
	const cJSON *data = json_obj(error, "data");

	if (json_bool(data, "alive", false))
		return POOL_OPEN_ALIVE;
	if (err->code == ERR_LINE)
		return json_bool(data, "line", false) ? POOL_OPEN_CUT : POOL_OPEN_LINE;
	if (err->code == ERR_UNAVAILABLE || err->code == ERR_CANCELLED)
		return POOL_OPEN_LEAVING;
	if (json_bool(data, "inUse", false))
		return POOL_OPEN_IN_USE;
	return json_bool(data, "killed", false) ? POOL_OPEN_KILLED : POOL_OPEN_REFUSED;
}

static void
open_failed(struct session *s, const cJSON *error, const struct err *err)
{
	enum pool_open_failure how = open_failure(error, err);

	if (how == POOL_OPEN_ALIVE) {
		s->left_pid = (pid_t)json_int_or(json_obj(error, "data"), "pid", 0);
		s->left_start = compat_proc_start(s->left_pid);
	}
	pool_on_open_failed(s, err, how);
}

static void
looked_up(struct session *s, const char *message, const cJSON *result, const struct err *error,
    bool leaving)
{
	static const char *const names[] = {[POOL_ABSENT] = "absent",
	    [POOL_TAKEN] = "taken",
	    [POOL_ANSWERED] = "answered",
	    [POOL_RUNNING] = "running"};
	const char *state = json_str(result, "state");
	struct pool_lookup l = {POOL_TAKEN, json_int_or(result, "line", 0), NULL};
	int i;

	if (error != NULL) {
		pool_on_lookup_failed(s, message, error, leaving);
		return;
	}
	for (i = POOL_ABSENT; i <= POOL_RUNNING; i++)
		if (state != NULL && strcmp(state, names[i]) == 0)
			l.found = (enum pool_found)i;
	if (l.found == POOL_ANSWERED && (l.answer = json_str(result, "answer")) == NULL)
		l.found = POOL_TAKEN;
	pool_on_lookup(s, message, &l);
}

void
worker_answered(
    struct worker *w, const struct worker_call *call, const cJSON *result, const cJSON *error)
{
	struct session *s = session_by_key(w->team, call->session);
	struct err err;

	if (error != NULL) {
		rpc_error_to_err(error, &err);
		if (!w->stopping && err.code == ERR_UNAVAILABLE)
			worker_leaves(w);
	}
	if (call->kind == WORKER_PING)
		worker_pinged(w, result);
	if (call->kind == WORKER_CHECK || call->kind == WORKER_TRUST)
		worker_host_answered(w, call->id, result, error != NULL ? &err : NULL);
	if (s != NULL && call->kind == WORKER_LOOKUP)
		looked_up(s, call->message, result, error != NULL ? &err : NULL, w->leaving);
	if (s != NULL && call->kind == WORKER_FORGET)
		renew_on_forgotten(
		    s, json_bool(result, "removed", false), error != NULL ? &err : NULL);
	/* The process that was meant may have ended meanwhile, and another one been asked for. */
	if (s == NULL || s->process != call->process)
		return;
	switch (call->kind) {
	case WORKER_LOOKUP:
	case WORKER_FORGET:
	case WORKER_PING:
	case WORKER_CHECK:
	case WORKER_TRUST:
		break;
	case WORKER_OPEN:
		/* Closed, and the close answered, before this: it is over. */
		if (s->state != SESSION_STARTING && s->state != SESSION_STOPPING)
			break;
		/* Closed, and not by us. */
		if (error != NULL && err.code == ERR_CANCELLED && s->state == SESSION_STARTING)
			worker_leaves(w);
		if (error == NULL)
			opened(s, result);
		else
			open_failed(s, error, &err);
		break;
	case WORKER_TURN:
		if (error != NULL)
			pool_on_turn_refused(s, call->message, &err);
		break;
	case WORKER_CLOSE:
		pool_on_closed(s);
		break;
	case WORKER_OTHER:
		break;
	}
}

static int
ev_session(struct session *s, const char *id, const cJSON *p, struct err *err)
{
	const char *model = json_str(p, "model"), *version = json_str(p, "version");

	(void)id;
	(void)err;
	if (model != NULL)
		compat_strlcpy(s->model, model, sizeof s->model);
	json_utf8_mend(s->model);
	if (version != NULL)
		compat_strlcpy(s->version, version, sizeof s->version);
	json_utf8_mend(s->version);
	event_session(s);
	return 0;
}

static int
need_message(const cJSON *p, const char **message, struct err *err)
{
	if ((*message = json_str(p, "message")) == NULL)
		return err_set(err, ERR_PROTOCOL, "an event without its message");
	return 0;
}

static int
ev_receipt(struct session *s, const char *id, const cJSON *p, struct err *err)
{
	const char *message, *evidence = json_str(p, "evidence"), *state = json_str(p, "state");

	(void)id;
	if (need_message(p, &message, err) == -1)
		return -1;
	if (state == NULL || strcmp(state, "seen") != 0 || evidence == NULL)
		return err_set(err, ERR_PROTOCOL, "a receipt without state and evidence");
	pool_on_seen(s, message, evidence);
	return 0;
}

static int
ev_delta(struct session *s, const char *id, const cJSON *p, struct err *err)
{
	const char *message, *text = json_str(p, "text");

	(void)id;
	if (need_message(p, &message, err) == -1)
		return -1;
	if (text != NULL)
		pool_on_delta(s, message, text);
	return 0;
}

static int
ev_activity(struct session *s, const char *id, const cJSON *p, struct err *err)
{
	const char *message, *kind = json_str(p, "kind"), *tool = json_str(p, "tool");
	const char *detail = json_str(p, "detail");
	char text[160];

	(void)id;
	if (need_message(p, &message, err) == -1)
		return -1;
	if (kind == NULL)
		return err_set(err, ERR_PROTOCOL, "an activity without its kind");
	if (strcmp(kind, "tool") == 0 && tool != NULL)
		pool_on_tool(s, message, tool, json_str(p, "input"));
	if (strcmp(kind, "tool") == 0)
		snprintf(text, sizeof text, "using %.100s", tool != NULL ? tool : "a tool");
	else if (strcmp(kind, "text") == 0)
		snprintf(text, sizeof text, "writing");
	else if (strcmp(kind, "retry") == 0)
		snprintf(text, sizeof text, "waiting for the API, %.120s",
		    detail != NULL ? detail : "trying again");
	else
		snprintf(text, sizeof text, "%.150s", kind);
	json_utf8_mend(text);
	pool_on_activity(s, message, text);
	return 0;
}

static int
ev_ask(struct session *s, const char *id, const cJSON *p, struct err *err)
{
	struct permission_ask a = {.session = s,
	    .team = s->team,
	    .instance = s->row.instance,
	    .request = json_str(p, "request"),
	    .message = s->current != NULL ? s->current->id : NULL,
	    .tool = json_str(p, "tool"),
	    .input = json_obj(p, "input"),
	    .cwd = json_str(p, "cwd"),
	    .description = json_str(p, "description"),
	    .blocked_path = json_str(p, "blockedPath"),
	    .suggestions = json_arr(p, "suggestions")};

	(void)id;
	if (a.request == NULL || a.tool == NULL || a.input == NULL)
		return err_set(err, ERR_PROTOCOL, "an ask without request, tool and input");
	permission_ask(s->d, &a);
	return 0;
}

static int
ev_unask(struct session *s, const char *id, const cJSON *p, struct err *err)
{
	const char *request = json_str(p, "request");

	(void)id;
	if (request == NULL)
		return err_set(err, ERR_PROTOCOL, "an unask without its request");
	permission_withdrawn(s, request);
	return 0;
}

static int
ev_hook(struct session *s, const char *id, const cJSON *p, struct err *err)
{
	const char *request = json_str(p, "request"), *tool = json_str(p, "tool");
	char why[640];

	(void)id;
	if (request == NULL || tool == NULL || json_obj(p, "input") == NULL)
		return err_set(err, ERR_PROTOCOL, "a hook without request, tool and input");
	why[0] = '\0';
	worker_hooked(s, request,
	    permission_hook(s, tool, json_obj(p, "input"), json_str(p, "cwd"), why, sizeof why),
	    why);
	return 0;
}

static int
ev_mcp(struct session *s, const char *id, const cJSON *p, struct err *err)
{
	const cJSON *message = json_obj(p, "message");

	(void)id;
	if (message == NULL)
		return err_set(err, ERR_PROTOCOL, "an mcp event without its message");
	inband_input(s, message);
	return 0;
}

int
worker_read_result(const cJSON *p, const char **message, struct pool_result *r, struct err *err)
{
	const cJSON *u = json_obj(p, "usage");
	const char *code, *reason;

	memset(r, 0, sizeof *r);
	if (need_message(p, message, err) == -1)
		return -1;
	r->ok = json_bool(p, "ok", false);
	r->interrupted = json_bool(p, "interrupted", false);
	r->seen = json_str(p, "seen");
	r->answer = json_str(p, "answer");
	r->usage.input_tokens = json_int_or(u, "inputTokens", 0);
	r->usage.output_tokens = json_int_or(u, "outputTokens", 0);
	r->usage.cache_read_tokens = json_int_or(u, "cacheReadTokens", 0);
	r->usage.cache_creation_tokens = json_int_or(u, "cacheCreationTokens", 0);
	r->usage.num_turns = json_int_or(u, "numTurns", 0);
	r->usage.duration_ms = json_int_or(u, "durationMs", 0);
	r->usage.cost_usd = json_num_or(u, "costUsd", 0);
	/* Only copied from, while params live. */
	r->usage.model = cJSON_GetStringValue(json_get(u, "model"));
	if (r->ok && r->answer == NULL)
		return err_set(err, ERR_PROTOCOL, "a good result without its answer");
	if (!r->ok) {
		code = json_str(p, "code");
		reason = json_str(p, "reason");
		err_set(&r->why, code != NULL ? err_code_from_name(code) : ERR_AGENT, "%s",
		    reason != NULL ? reason : "the turn failed without a reason");
	}
	return 0;
}

static int
ev_result(struct session *s, const char *id, const cJSON *p, struct err *err)
{
	struct pool_result r;
	const char *message;

	if (id == NULL)
		return err_set(err, ERR_PROTOCOL, "a result must be a request");
	if (worker_read_result(p, &message, &r, err) == -1)
		return -1;
	pool_on_result(s, message, &r);
	/* Leaves after the commit: the worker may forget the result then. */
	worker_done(s->team->worker, id);
	return 0;
}

static int
ev_exit(struct session *s, const char *id, const cJSON *p, struct err *err)
{
	const char *reason = json_str(p, "reason");

	(void)id;
	(void)err;
	/* A process that never opened is told by the answer to worker/open; another one is nobody's. */
	if (s->pid == 0 || json_int_or(p, "pid", 0) != s->pid)
		return 0;
	if (json_bool(p, "line", false)) {
		pool_on_cut(s, reason != NULL ? reason : "the line was lost");
		return 0;
	}
	/* Ended in order, and not by us: its worker has begun to stop by itself. */
	if (json_bool(p, "expected", false) && s->state != SESSION_STOPPING && !s->d->stopping)
		worker_leaves(s->team->worker);
	reason = reason != NULL ? reason : "it gave no reason";
	if (json_bool(p, "alive", false))
		pool_on_alive(s, reason);
	else
		pool_on_exit(s, reason);
	return 0;
}

static const struct {
	const char *method;
	int (*fn)(struct session *, const char *id, const cJSON *params, struct err *);
} events[] = {
    {"event/session", ev_session},
    {"event/receipt", ev_receipt},
    {"event/delta", ev_delta},
    {"event/activity", ev_activity},
    {"event/ask", ev_ask},
    {"event/unask", ev_unask},
    {"event/hook", ev_hook},
    {"event/mcp", ev_mcp},
    {"event/result", ev_result},
    {"event/exit", ev_exit},
};

static void
ev_tunnel(struct team *t, const cJSON *p)
{
	tunnel_told(t, p);
}

/* Those that are of no session. */
static const struct {
	const char *method;
	void (*fn)(struct team *, const cJSON *params);
} team_events[] = {
    {"event/tunnel", ev_tunnel},
};

int
worker_event(
    struct worker *w, const char *id, const char *method, const cJSON *params, struct err *err)
{
	const char *key = json_str(params, "session");
	struct session *s;
	size_t i;

	for (i = 0; i < sizeof team_events / sizeof team_events[0]; i++) {
		if (strcmp(team_events[i].method, method) != 0)
			continue;
		if (w->team->worker == w)
			team_events[i].fn(w->team, params);
		return 0;
	}
	for (i = 0; i < sizeof events / sizeof events[0]; i++)
		if (strcmp(events[i].method, method) == 0)
			break;
	if (i == sizeof events / sizeof events[0])
		return err_set(err, ERR_PROTOCOL, "unknown event %.60s", method);
	if (key == NULL || (s = session_by_key(w->team, key)) == NULL)
		return err_set(err, ERR_PROTOCOL, "%s of an unknown session", method);
	/* Retired: all that it had was ended then. It may forget what it still holds. */
	if (w->team->worker != w) {
		if (id != NULL)
			worker_done(w, id);
		return 0;
	}
	health_heard(s);
	return events[i].fn(s, id, params, err);
}
