/* SPDX-License-Identifier: MIT
 *
 * One Claude process, see claude.h: owns its state and its pipes, and hands each of its lines to
 * the part that knows it. Called by worker.c for irisd's requests and for the ends of children.
 * Decides no policy; open.c starts it.
 */
#include <sys/wait.h>
#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/compat.h"
#include "common/json.h"
#include "common/log.h"
#include "common/xmalloc.h"
#include "iris-worker/claude.h"
#include "iris-worker/line.h"
#include "iris-worker/report.h"
#include "iris-worker/session_mcp.h"

#define MIB ((size_t)1024 * 1024)

static const struct peer_limits io_limits = {64 * MIB, 48 * MIB, 48 * MIB};
static const struct peer_limits errs_limits = {4 * MIB, 1, 1};

static void do_begun(struct claude *);
static void do_abandon(struct claude *);
static void do_ready(struct claude *);
static void do_turn(struct claude *);
static void do_result(struct claude *);
static void do_over(struct claude *);
static void do_stop(struct claude *);
static void do_fault(struct claude *);
static void do_exit(struct claude *);
static void do_clean(struct claude *);

static const char *const state_names[CLAUDE_STATES] = {
    [CLAUDE_PREPARING] = "starting",
    [CLAUDE_STARTING] = "starting",
    [CLAUDE_IDLE] = "idle",
    [CLAUDE_BUSY] = "busy",
    [CLAUDE_STOPPING] = "stopping",
    [CLAUDE_GONE] = "gone",
};

/* Every transition. An event without an entry means nothing in that state. */
/* clang-format off */
static const struct {
	enum claude_state next;
	void (*act)(struct claude *);
} table[CLAUDE_STATES][CLAUDE_EVENTS] = {
	[CLAUDE_PREPARING] = {
		[CE_BEGUN]  = {CLAUDE_STARTING,	do_begun},
		[CE_STOP]   = {CLAUDE_STOPPING,	do_abandon},
		[CE_FAULT]  = {CLAUDE_STOPPING,	do_abandon},
	},
	[CLAUDE_STARTING] = {
		[CE_READY]  = {CLAUDE_IDLE,	do_ready},
		[CE_STOP]   = {CLAUDE_STOPPING,	do_stop},
		[CE_FAULT]  = {CLAUDE_STOPPING,	do_fault},
		[CE_EXIT]   = {CLAUDE_STOPPING,	do_exit},
	},
	[CLAUDE_IDLE] = {
		[CE_TURN]   = {CLAUDE_BUSY,	do_turn},
		[CE_STOP]   = {CLAUDE_STOPPING,	do_stop},
		[CE_FAULT]  = {CLAUDE_STOPPING,	do_fault},
		[CE_EXIT]   = {CLAUDE_STOPPING,	do_exit},
	},
	[CLAUDE_BUSY] = {
		[CE_RESULT] = {CLAUDE_IDLE,	do_result},
		[CE_STOP]   = {CLAUDE_STOPPING,	do_stop},
		[CE_FAULT]  = {CLAUDE_STOPPING,	do_fault},
		[CE_EXIT]   = {CLAUDE_STOPPING,	do_exit},
	},
	[CLAUDE_STOPPING] = {
		[CE_RESULT] = {CLAUDE_STOPPING,	do_over},
		[CE_FAULT]  = {CLAUDE_STOPPING,	do_fault},
		[CE_EXIT]   = {CLAUDE_STOPPING,	do_exit},
		[CE_CLEAN]  = {CLAUDE_GONE,	do_clean},
	},
	[CLAUDE_GONE] = {{0}},
};
/* clang-format on */

void
claude_event(struct claude *c, enum claude_event ev)
{
	if (table[c->state][ev].act == NULL)
		return;
	if (table[c->state][ev].next != c->state)
		log_debug("claude session=%s pid=%ld %s -> %s", c->session, (long)c->pid,
		    state_names[c->state], state_names[table[c->state][ev].next]);
	/* The state first: an action may raise the next event. */
	void (*act)(struct claude *) = table[c->state][ev].act;
	c->state = table[c->state][ev].next;
	act(c);
}

static void
do_begun(struct claude *c)
{
	log_debug("claude has a process session=%s pid=%ld", c->session, (long)c->pid);
}

/* There was nothing to stop. */
static void
do_abandon(struct claude *c)
{
	c->exited = true;
	claude_event(c, CE_CLEAN);
}

static void
do_ready(struct claude *c)
{
	evtimer_del(c->spawn_timer);
	log_info("claude is ready session=%s pid=%ld ms=%lld", c->session, (long)c->pid,
	    (long long)(compat_mono_ms() - c->spawned_at));
}

static void
do_turn(struct claude *c)
{
	log_debug("a turn begins session=%s", c->session);
}

static void
do_result(struct claude *c)
{
	log_debug("a turn has ended session=%s", c->session);
	/* It was the last one: nobody sends another. */
	if (c->worker->orphaned)
		claude_close(c, NULL);
}

static void
do_over(struct claude *c)
{
	stop_turn_over(c);
}

static void
do_stop(struct claude *c)
{
	evtimer_del(c->spawn_timer);
	stop_begin(c, false);
}

static void
do_fault(struct claude *c)
{
	evtimer_del(c->spawn_timer);
	log_warn("claude is stopped session=%s pid=%ld reason=\"%s\"", c->session, (long)c->pid,
	    c->why.msg);
	stop_begin(c, true);
}

static void
do_exit(struct claude *c)
{
	evtimer_del(c->spawn_timer);
	stop_exited(c);
}

void
claude_fault(struct claude *c, enum err_code code, const char *fmt, ...)
{
	va_list ap;

	if (c->why.code == ERR_NONE) {
		va_start(ap, fmt);
		err_vset(&c->why, code, fmt, ap);
		va_end(ap);
	}
	claude_event(c, CE_FAULT);
}

void
claude_forget_requests(struct claude *c)
{
	size_t i;

	for (i = 0; i < c->nclose; i++)
		free(c->close_ids[i]);
	free(c->close_ids);
	free(c->open_id);
	c->close_ids = NULL;
	c->open_id = NULL;
	c->nclose = 0;
}

static void
claude_free(void *arg)
{
	struct claude *c = arg;

	control_release(c);
	hook_release(c);
	inband_release(c);
	stop_release(c);
	line_release(c);
	session_mcp_end(c->session_mcp);
	event_free(c->spawn_timer);
	claude_forget_requests(c);
	cJSON_Delete(c->account);
	free(c->version);
	free(c->session);
	free(c->id);
	free(c->dir);
	free(c->start_error);
	free(c->init);
	free(c->model);
	free(c);
}

void
claude_drop(struct claude *c)
{
	TAILQ_REMOVE(&c->worker->claudes, c, entry);
	claude_free(c);
}

static void
report_exit(struct claude *c)
{
	char how[CLAUDE_STDERR_MAX + 256];
	bool signalled, lost = line_is_lost(c);
	int status = claude_status(c, &signalled);
	cJSON *p = json_new();
	struct err err;

	claude_ending(c, how, sizeof how);
	if (lost)
		line_judge(c, &err);
	json_put_str(p, "session", c->session);
	json_put_int(p, "pid", c->pid);
	json_put_str(p, "how", signalled ? "signal" : "exit");
	json_put_int(p, "status", status);
	json_put_bool(p, "expected", c->expected);
	json_put_bool(p, "alive", c->stop.alive);
	if (lost)
		json_put_bool(p, "line", true);
	json_put_str(p, "stderr", c->words);
	json_put_str(p, "reason", c->why.code != ERR_NONE ? c->why.msg : lost ? err.msg : how);
	report_event(c->worker, "event/exit", p);
}

static void
do_clean(struct claude *c)
{
	char how[CLAUDE_STDERR_MAX + 256];
	struct worker *w = c->worker;
	size_t i;

	turn_orphaned(c);
	session_mcp_end(c->session_mcp);
	c->session_mcp = NULL;
	if (c->ready)
		report_exit(c);
	if (!c->ready || c->open_id != NULL)
		open_failed(c);
	for (i = 0; i < c->nclose; i++)
		report_answer(w, c->close_ids[i], NULL);
	log_info("claude is gone session=%s pid=%ld expected=%d how=\"%s\"", c->session,
	    (long)c->pid, c->expected, claude_ending(c, how, sizeof how));
	if (c->io != NULL)
		peer_close(c->io, 0);
	if (c->errs != NULL)
		peer_close(c->errs, 0);
	c->io = c->errs = NULL;
	stop_release(c);
	TAILQ_REMOVE(&w->claudes, c, entry);
	loop_defer(&w->loop, claude_free, c);
	worker_claude_gone(w);
}

int
claude_status(const struct claude *c, bool *signalled)
{
	int status = -1;

	*signalled = false;
	if (c->line != NULL) {
		/* As a shell tells it. */
		*signalled = c->line->status > 128;
		status = *signalled ? c->line->status - 128 : c->line->status;
	} else if (c->exited) {
		*signalled = WIFSIGNALED(c->status);
		status = *signalled ? WTERMSIG(c->status) : WEXITSTATUS(c->status);
	}
	return status;
}

const char *
claude_ending(const struct claude *c, char *buf, size_t size)
{
	char how[64], words[CLAUDE_STDERR_MAX + 1], *nl;
	bool signalled;
	int status = claude_status(c, &signalled);

	if (c->pid == 0)
		snprintf(how, sizeof how, "was not started");
	else if (!c->exited)
		snprintf(how, sizeof how, "could not be killed");
	else if (status == -1)
		snprintf(how, sizeof how, "was cut off");
	else if (signalled)
		snprintf(how, sizeof how, "was killed by signal %d", status);
	else
		snprintf(how, sizeof how, "exited with status %d", status);
	compat_strlcpy(words, c->words, sizeof words);
	while ((nl = strrchr(words, '\n')) != NULL && nl[1] == '\0')
		*nl = '\0';
	for (nl = words; (nl = strchr(nl, '\n')) != NULL; nl++)
		*nl = ' ';
	if (snprintf(buf, size, words[0] != '\0' ? "%s: %s" : "%s", how, words) >= (int)size)
		buf[size - 1] = '\0';
	return buf;
}

/* init is printed at the begin of each turn; what differs from the last time is told. */
static void
take_init(struct claude *c, const struct stream_event *ev)
{
	cJSON *p;
	char *text;

	if (ev->session_id != NULL && strcmp(ev->session_id, c->id) != 0) {
		claude_fault(c, ERR_PROTOCOL,
		    "Claude answered as session %s where %s was asked for; it was stopped",
		    ev->session_id, c->id);
		return;
	}
	if (c->turn != NULL)
		c->turn->begun = true;
	free(c->model);
	c->model = xstrdup_null(json_str(ev->json, "model"));
	if (json_str(ev->json, "claude_code_version") != NULL) {
		free(c->version);
		c->version = xstrdup(json_str(ev->json, "claude_code_version"));
	}
	p = json_new();
	json_put_str(p, "session", c->session);
	json_put_str(p, "claudeId", c->id);
	json_put_str_opt(p, "model", c->model);
	json_put_str_opt(p, "version", json_str(ev->json, "claude_code_version"));
	json_put_str_opt(p, "permissionMode", json_str(ev->json, "permissionMode"));
	json_put_str_opt(p, "cwd", json_str(ev->json, "cwd"));
	text = json_print(p);
	if (c->init != NULL && strcmp(c->init, text) == 0) {
		free(text);
		cJSON_Delete(p);
		return;
	}
	free(c->init);
	c->init = text;
	report_event(c->worker, "event/session", p);
}

/* A result while starting says why there will be no session (--resume of an unknown id). */
static void
take_early_result(struct claude *c, const struct stream_event *ev)
{
	struct stream_result r;

	stream_result(ev->json, NULL, &r);
	if (c->start_error == NULL && r.is_error && r.text != NULL)
		c->start_error = xstrdup(r.text);
}

static void
take_line(struct claude *c, const struct stream_event *ev)
{
	/* One that has broken the protocol is not believed any more. */
	if (c->why.code == ERR_PROTOCOL)
		return;
	c->heard = compat_mono_ms();
	c->probed = 0;
	/* A sign of life, and no word about the turn. */
	if (control_is_probe(c, ev))
		return;
	if (c->turn != NULL)
		c->turn->heard = c->heard;
	switch (ev->kind) {
	case STREAM_CONTROL_REQ:
	case STREAM_CONTROL_RESP:
	case STREAM_CONTROL_CANCEL:
		control_line(c, ev);
		return;
	case STREAM_INIT:
		take_init(c, ev);
		return;
	case STREAM_GARBAGE:
		c->garbage++;
		log_debug("claude wrote a line that is not JSON session=%s bytes=%zu count=%lu",
		    c->session, ev->len, c->garbage);
		break;
	case STREAM_UNSAVED:
		log_warn("claude could not save all that it did: a later session may miss part of "
			 "the conversation; make room on its disk session=%s claude=%s error=%s",
		    c->session, c->id, ev->error != NULL ? ev->error : "?");
		break;
	case STREAM_RESULT:
		if (!c->ready)
			take_early_result(c, ev);
		break;
	case STREAM_OTHER:
	case STREAM_ASSISTANT:
	case STREAM_TOOL_RESULT:
	case STREAM_REPLAY:
	case STREAM_BLOCK:
	case STREAM_DELTA:
	case STREAM_THINKING:
	case STREAM_LIFECYCLE:
	case STREAM_STATE:
	case STREAM_RETRY:
		break;
	}
	if (c->turn != NULL)
		turn_line(c, ev);
}

/* Its output has ended; it itself has not, or that is not known yet: SIGCHLD tells. */
static void
io_ended(struct claude *c, struct peer *p)
{
	c->io = NULL;
	if (c->exited || c->state == CLAUDE_STOPPING) {
		stop_check(c);
		return;
	}
	if (strncmp(peer_why(p), "closed", 6) != 0)
		claude_fault(c, ERR_PROTOCOL, "Claude %s and was stopped", peer_why(p));
	else
		claude_event(c, CE_STOP);
}

static void
io_cb(struct peer *p, char *line, size_t len, void *arg)
{
	struct claude *c = arg;
	struct stream_event ev;

	if (line == NULL) {
		io_ended(c, p);
		return;
	}
	if (len == 0 || c->state == CLAUDE_GONE || line_take(c, line, len))
		return;
	stream_parse(line, len, &ev);
	take_line(c, &ev);
	stream_clear(&ev);
}

/* Keep the last lines of what it says on stderr. */
static void
errs_cb(struct peer *p, char *line, size_t len, void *arg)
{
	struct claude *c = arg;
	char *clean, *cut;
	size_t n, have = strlen(c->words);

	(void)p;
	if (line == NULL) {
		c->errs = NULL;
		stop_check(c);
		return;
	}
	if (len == 0)
		return;
	log_debug("claude says session=%s stderr=\"%.1000s\"", c->session, line);
	if (len > CLAUDE_STDERR_MAX / 2)
		len = CLAUDE_STDERR_MAX / 2;
	clean = stream_repair(line, len, &n);
	if (n > CLAUDE_STDERR_MAX - 1)
		clean[n = CLAUDE_STDERR_MAX - 1] = '\0';
	while (have > 0 && have + n + 1 > CLAUDE_STDERR_MAX) {
		cut = strchr(c->words, '\n');
		cut = cut != NULL ? cut + 1 : c->words + have;
		memmove(c->words, cut, strlen(cut) + 1);
		have = strlen(c->words);
	}
	memcpy(c->words + have, clean, n);
	memcpy(c->words + have + n, "\n", 2);
	free(clean);
}

void
claude_pipes(struct claude *c, const int fds[3])
{
	c->io = peer_new(&c->worker->loop, fds[1], fds[0], &io_limits, io_cb, c);
	c->errs = peer_new(&c->worker->loop, fds[2], -1, &errs_limits, errs_cb, c);
}

struct claude *
claude_find(struct worker *w, const char *session)
{
	struct claude *c;

	TAILQ_FOREACH (c, &w->claudes, entry) {
		if (session != NULL && strcmp(c->session, session) == 0)
			return c;
	}
	return NULL;
}

int
claude_turn(
    struct claude *c, const char *message, const char *line, const char *text, struct err *err)
{
	if (table[c->state][CE_TURN].act == NULL)
		return err_set(
		    err, ERR_REFUSED, "session %s is %s", c->session, state_names[c->state]);
	turn_begin(c, message, line, text);
	claude_event(c, CE_TURN);
	return 0;
}

void
claude_close(struct claude *c, const char *close_id)
{
	if (close_id != NULL) {
		c->close_ids = xreallocarray(c->close_ids, c->nclose + 1, sizeof *c->close_ids);
		c->close_ids[c->nclose++] = xstrdup(close_id);
	}
	c->expected = true;
	claude_event(c, CE_STOP);
}

void
claude_orphan(struct claude *c)
{
	control_orphan(c);
	hook_orphan(c);
	inband_orphan(c);
	if (c->state == CLAUDE_PREPARING || c->state == CLAUDE_STARTING || c->state == CLAUDE_IDLE)
		claude_close(c, NULL);
}

const char *
claude_state_name(const struct claude *c)
{
	return state_names[c->state];
}

cJSON *
claude_describe(const struct claude *c)
{
	cJSON *p = json_new();

	json_put_str(p, "session", c->session);
	json_put_str(p, "claudeId", c->id);
	json_put_str(p, "instance", c->instance);
	json_put_int(p, "pid", c->pid);
	json_put_int(p, "startTime", (int64_t)c->start);
	json_put_str(p, "state", state_names[c->state]);
	if (c->turn != NULL) {
		json_put_str(p, "message", c->turn->message);
		json_put_str_opt(p, "seen", c->turn->seen);
	}
	json_put_str_opt(p, "model", c->model);
	json_put_str_opt(p, "version", c->version);
	return p;
}

void
claude_exiting(struct claude *c)
{
	/* Not reaped: its pid and its group are still its own, and what is in them can be named. */
	stop_snapshot(c);
}

void
claude_exited(struct claude *c, int status)
{
	c->exited = true;
	c->status = status;
	claude_event(c, CE_EXIT);
}
