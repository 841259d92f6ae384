/* SPDX-License-Identifier: MIT
 *
 * The message in flight: from the user line to its one result. Owns claude->turn. A result is taken
 * for the message's only where it names it, or comes after claude has said that it took the
 * message; turns that claude starts by itself, second results and subagents' words are nobody's
 * answer.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/compat.h"
#include "common/json.h"
#include "common/log.h"
#include "common/xmalloc.h"
#include "iris-worker/claude.h"
#include "iris-worker/line.h"
#include "iris-worker/report.h"

#define DELTA_MS       50                         /* at most one delta in this time */
#define DELTA_BYTES    ((size_t)65536)            /* and never more text than this in one */
#define TOOL_INPUT_MAX 400                        /* characters of what a tool is given, as JSON */
#define GUARD_MS       5000                       /* for the result after an interrupt */
#define ANSWER_MAX     ((size_t)64 * 1024 * 1024) /* bytes of an answer that are kept */

static void silence_cb(evutil_socket_t, short, void *);
static void guard_cb(evutil_socket_t, short, void *);
static void delta_cb(evutil_socket_t, short, void *);

static void
arm(struct event *ev, int64_t ms)
{
	struct timeval tv = {(time_t)(ms / 1000), (suseconds_t)(ms % 1000) * 1000};

	evtimer_add(ev, &tv);
}

static cJSON *
event_params(const struct claude *c)
{
	cJSON *p = json_new();

	json_put_str(p, "session", c->session);
	if (c->turn != NULL)
		json_put_str(p, "message", c->turn->message);
	return p;
}

void
turn_begin(struct claude *c, const char *message, const char *uuid, const char *text)
{
	struct event_base *base = c->worker->loop.base;
	struct turn *t = xcalloc(1, sizeof *t);
	cJSON *line = json_new(), *m = json_new();

	compat_strlcpy(t->message, message, sizeof t->message);
	compat_strlcpy(t->line, uuid, sizeof t->line);
	t->heard = compat_mono_ms();
	t->silence = evtimer_new(base, silence_cb, c);
	t->guard = evtimer_new(base, guard_cb, c);
	t->delta_timer = evtimer_new(base, delta_cb, c);
	if (c->response_ms > 0)
		arm(t->silence, c->response_ms);
	c->turn = t;
	json_put_str(m, "role", "user");
	json_put_str(m, "content", text);
	json_put_str(line, "type", "user");
	json_put(line, "message", m);
	json_put_null(line, "parent_tool_use_id");
	json_put_str(line, "session_id", c->id);
	json_put_str(line, "uuid", uuid);
	if (c->io != NULL)
		peer_send(c->io, json_print(line));
	cJSON_Delete(line);
}

static void
turn_free(struct claude *c)
{
	struct turn *t = c->turn;

	c->turn = NULL;
	event_free(t->silence);
	event_free(t->guard);
	event_free(t->delta_timer);
	free(t->answer);
	free(t->error);
	free(t->delta);
	free(t->activity);
	free(t);
}

static void
tell_delta(struct claude *c)
{
	struct turn *t = c->turn;
	cJSON *p;

	evtimer_del(t->delta_timer);
	if (t->delta == NULL)
		return;
	p = event_params(c);
	json_put_str(p, "text", t->delta);
	report_event_soon(c->worker, "event/delta", p);
	free(t->delta);
	t->delta = NULL;
	t->delta_at = compat_mono_ms();
	t->streamed = true;
}

static void
delta_cb(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	tell_delta(arg);
}

static void
add_delta(struct claude *c, const char *text)
{
	struct turn *t = c->turn;
	int64_t since = compat_mono_ms() - t->delta_at;
	char *joined;

	if (t->delta == NULL) {
		t->delta = xstrdup(text);
	} else {
		joined = xasprintf("%s%s", t->delta, text);
		free(t->delta);
		t->delta = joined;
	}
	if (since >= DELTA_MS || strlen(t->delta) >= DELTA_BYTES)
		tell_delta(c);
	else if (!evtimer_pending(t->delta_timer, NULL))
		arm(t->delta_timer, DELTA_MS - since);
}

/* tool, input and detail may be NULL. */
static void
tell_activity(
    struct claude *c, const char *kind, const char *tool, const char *input, const char *detail)
{
	cJSON *p = event_params(c);

	json_put_str(p, "kind", kind);
	json_put_str_opt(p, "tool", tool);
	json_put_str_opt(p, "input", input);
	json_put_str_opt(p, "detail", detail);
	report_event_soon(c->worker, "event/activity", p);
}

void
turn_activity(struct claude *c, const char *kind, const char *tool, const char *detail)
{
	struct turn *t = c->turn;
	char *now;

	if (t == NULL)
		return;
	now = xasprintf("%s/%s/%s", kind, tool != NULL ? tool : "", detail != NULL ? detail : "");
	if (t->activity != NULL && strcmp(t->activity, now) == 0) {
		free(now);
		return;
	}
	free(t->activity);
	t->activity = now;
	tell_activity(c, kind, tool, NULL, detail);
}

/* Each use is told, also where it is the same once more. */
static void
tell_tool(struct claude *c, const cJSON *block)
{
	const char *name = json_str(block, "name");
	const cJSON *in = json_obj(block, "input");
	char *input = NULL;

	if (name == NULL)
		return;
	free(c->turn->activity);
	c->turn->activity = xasprintf("tool/%s/", name);
	if (in != NULL) {
		input = json_print(in);
		input[json_utf8_prefix(input, TOOL_INPUT_MAX)] = '\0';
	}
	tell_activity(c, "tool", name, input, NULL);
	free(input);
}

static void
mark_seen(struct claude *c, const char *evidence)
{
	cJSON *p;

	if (c->turn->seen)
		return;
	c->turn->seen = evidence;
	p = event_params(c);
	json_put_str(p, "state", "seen");
	json_put_str(p, "evidence", evidence);
	report_event_soon(c->worker, "event/receipt", p);
}

static cJSON *
usage_object(struct claude *c, const struct stream_result *r)
{
	const char *model = r->model != NULL ? r->model : c->model;
	cJSON *u = json_new();
	double cost = r->cost;

	/*
	 * An older CLI gives only the sum over the session; of a resumed one the start is not
	 * known.
	 */
	if (cost < 0 && r->total_cost >= 0 && c->cost >= 0)
		cost = r->total_cost - c->cost;
	json_put_int(u, "inputTokens", r->input);
	json_put_int(u, "outputTokens", r->output);
	json_put_int(u, "cacheReadTokens", r->cache_read);
	json_put_int(u, "cacheCreationTokens", r->cache_creation);
	json_put_num(u, "costUsd", cost > 0 ? cost : 0);
	json_put_int(u, "numTurns", r->turns);
	json_put_int(u, "durationMs", r->duration_ms);
	json_put_str_opt(u, "model", model);
	return u;
}

/* The end of the turn, told once. code NULL: it went well. */
static void
finish(struct claude *c, const char *answer, const char *code, const char *reason,
    const struct stream_result *r)
{
	static const struct stream_result none = {.cost = -1, .total_cost = -1};
	cJSON *p;

	tell_delta(c);
	p = event_params(c);
	json_put_bool(p, "ok", code == NULL);
	if (c->turn->interrupted)
		json_put_bool(p, "interrupted", true);
	json_put_str(p, "answer", answer != NULL ? answer : "");
	json_put_str_opt(p, "code", code);
	json_put_str_opt(p, "reason", reason);
	/* The receipt may have gone to an irisd that is no more. */
	json_put_str_opt(p, "seen", c->turn->seen);
	json_put(p, "usage", usage_object(c, r != NULL ? r : &none));
	log_info("turn ended session=%s message=%s ok=%d code=%s", c->session, c->turn->message,
	    code == NULL, code != NULL ? code : "none");
	report_result(c->worker, c->id, p);
	if (c->turn->interrupted || c->turn->timed_out)
		control_drop_asks(c);
	turn_free(c);
	claude_event(c, CE_RESULT);
}

void
turn_fail(struct claude *c, const char *code, const char *fmt, ...)
{
	va_list ap;
	char *reason;

	if (c->turn == NULL)
		return;
	va_start(ap, fmt);
	reason = xvasprintf(fmt, ap);
	va_end(ap);
	finish(c, c->turn->answer, code, reason, NULL);
	free(reason);
}

void
turn_orphaned(struct claude *c)
{
	struct turn *t = c->turn;
	char how[CLAUDE_STDERR_MAX + 256];

	if (t == NULL)
		return;
	if (line_is_lost(c)) {
		/* It may go on over there, or have come to its end: irisd finds out. */
		log_info(
		    "the line was lost in a turn session=%s message=%s", c->session, t->message);
		turn_free(c);
	} else if (t->timed_out)
		turn_fail(c, "timeout", "Claude said nothing for %d s and was stopped",
		    c->response_ms / 1000);
	else if (c->why.code == ERR_PROTOCOL)
		turn_fail(c, "protocol", "%s", c->why.msg);
	else if (t->interrupted)
		turn_fail(c, "cancelled", "the message was cancelled, and Claude was stopped");
	else if (c->expected)
		turn_fail(c, "cancelled", "the session was closed before Claude had answered");
	else
		turn_fail(c, "crashed", "Claude %s before it had answered",
		    claude_ending(c, how, sizeof how));
}

static void
silence_cb(evutil_socket_t fd, short what, void *arg)
{
	struct claude *c = arg;
	struct turn *t = c->turn;
	int64_t left = t->heard + c->response_ms - compat_mono_ms();

	(void)fd;
	(void)what;
	if (t->tools > 0 || c->control.nasks > 0 || c->hooks.n > 0 || health_stopped(c))
		left = c->response_ms;
	if (left > 0) {
		arm(t->silence, left);
		return;
	}
	t->timed_out = true;
	control_interrupt(c);
	arm(t->guard, GUARD_MS);
}

static void
guard_cb(evutil_socket_t fd, short what, void *arg)
{
	struct claude *c = arg;

	(void)fd;
	(void)what;
	claude_fault(
	    c, ERR_TIMEOUT, "Claude did not react to an interrupt within %d s", GUARD_MS / 1000);
}

void
turn_interrupt(struct claude *c)
{
	struct turn *t = c->turn;

	if (t == NULL || t->interrupted)
		return;
	t->interrupted = true;
	if (!t->seen)
		control_cancel_message(c, t->line);
	control_interrupt(c);
	arm(t->guard, GUARD_MS);
}

/* The turn has failed by what claude says in its result. */
static void
fail_by_result(struct claude *c, const struct stream_result *r)
{
	struct turn *t = c->turn;
	const char *text = r->text != NULL && r->text[0] != '\0' ? r->text : t->answer;
	const char *code = "agent";
	char *reason;

	if (text == NULL || text[0] == '\0')
		text = "Claude Code reports an error without a text";
	if (t->timed_out) {
		code = "timeout";
		reason = xasprintf(
		    "Claude said nothing for %d s and was interrupted", c->response_ms / 1000);
	} else if (t->interrupted || (c->state == CLAUDE_STOPPING && c->expected)) {
		code = "cancelled";
		reason =
		    xstrdup(t->interrupted ? "the message was cancelled"
					   : "the session was closed before Claude had answered");
	} else if (stream_is_login(text, t->error, r->status)) {
		code = "login";
		reason = xasprintf("Claude Code is not logged in (%s): run claude in %s and use "
				   "/login, or set a valid ANTHROPIC_API_KEY",
		    text, c->dir);
	} else {
		reason = xstrdup(text);
	}
	finish(c, t->answer, code, reason, r);
	free(reason);
}

static void
take_result(struct claude *c, const struct stream_event *ev)
{
	struct turn *t = c->turn;
	struct stream_result r;
	const char *answer;

	stream_result(ev->json, t->line, &r);
	if (r.owner == STREAM_FOREIGN || (r.owner == STREAM_UNNAMED && r.self_started)) {
		/* What came so far was that other turn's. */
		if (!t->seen) {
			free(t->answer);
			t->answer = NULL;
		}
		t->tools = 0;
		return;
	}
	if (r.owner == STREAM_OURS)
		mark_seen(c, "result");
	answer = t->answer != NULL ? t->answer : r.text;
	if (!r.is_error && (!t->seen || (!t->begun && (answer == NULL || answer[0] == '\0')))) {
		claude_fault(c, ERR_PROTOCOL, "Claude sent a result before it had begun the turn");
		return;
	}
	if (r.is_error)
		fail_by_result(c, &r);
	else
		finish(c, answer, NULL, NULL, &r);
	if (r.total_cost >= 0)
		c->cost = r.total_cost;
}

static void
take_text(struct turn *t, const char *text)
{
	char *joined;

	if (text == NULL)
		return;
	if (t->answer == NULL) {
		t->answer = xstrdup(text);
		return;
	}
	if (strlen(t->answer) + strlen(text) > ANSWER_MAX)
		return;
	joined = xasprintf("%s\n\n%s", t->answer, text);
	free(t->answer);
	t->answer = joined;
}

static void
take_assistant(struct claude *c, const struct stream_event *ev)
{
	struct turn *t = c->turn;
	const cJSON *blocks = json_arr(ev->json, "content"), *block;

	take_text(t, ev->text);
	t->tools += ev->blocks;
	cJSON_ArrayForEach (block, blocks) {
		const char *type = json_str(block, "type");
		if (type != NULL && strcmp(type, "tool_use") == 0)
			tell_tool(c, block);
	}
	if (ev->error != NULL) {
		free(t->error);
		t->error = xstrdup(ev->error);
	}
}

static void
take_retry(struct claude *c, const struct stream_event *ev)
{
	char detail[256];

	snprintf(detail, sizeof detail, "attempt %d of %d: %s", ev->attempt, ev->attempts,
	    ev->error != NULL ? ev->error : "no answer");
	turn_activity(c, "retry", NULL, detail);
}

static void
take_lifecycle(struct claude *c, const struct stream_event *ev)
{
	struct turn *t = c->turn;

	if (ev->id == NULL || ev->name == NULL || strcmp(ev->id, t->line) != 0)
		return;
	if (strcmp(ev->name, "started") == 0)
		mark_seen(c, "lifecycle");
	/*
	 * Of a turn that has run the result comes before this; of one that never ran there is none.
	 */
	else if (strcmp(ev->name, "cancelled") == 0)
		turn_fail(c, "cancelled", "the message was cancelled before Claude took it");
}

/* A line while a turn is in flight. */
void
turn_line(struct claude *c, const struct stream_event *ev)
{
	struct turn *t = c->turn;

	if (ev->kind == STREAM_GARBAGE) {
		if (ev->garbage_result)
			claude_fault(c, ERR_PROTOCOL, "Claude's result can not be read");
		return;
	}
	if (ev->subagent)
		return;
	if (ev->kind == STREAM_RESULT) {
		take_result(c, ev);
	} else if (ev->kind == STREAM_REPLAY) {
		if (ev->id != NULL && strcmp(ev->id, t->line) == 0)
			mark_seen(c, "replay");
	} else if (ev->kind == STREAM_LIFECYCLE) {
		take_lifecycle(c, ev);
	} else if (ev->kind == STREAM_ASSISTANT) {
		take_assistant(c, ev);
	} else if (ev->kind == STREAM_TOOL_RESULT) {
		t->tools = t->tools > ev->blocks ? t->tools - ev->blocks : 0;
	} else if (ev->kind == STREAM_RETRY) {
		take_retry(c, ev);
	} else if (t->seen && ev->kind == STREAM_THINKING) {
		turn_activity(c, "thinking", NULL, NULL);
	} else if (t->seen && ev->kind == STREAM_BLOCK) {
		if (ev->name != NULL && strcmp(ev->name, "text") == 0 &&
		    (t->streamed || t->delta != NULL))
			add_delta(c, "\n\n");
	} else if (t->seen && ev->kind == STREAM_DELTA) {
		turn_activity(c, "text", NULL, NULL);
		add_delta(c, ev->text);
	}
}
