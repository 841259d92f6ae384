/* SPDX-License-Identifier: MIT
 *
 * One Claude process, see claude.h: starts it, owns its state and its pipes, and hands each of its
 * lines to the part that knows it. Called by worker.c for irisd's requests and for the ends of
 * children. Decides no policy.
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
#include "common/spawn.h"
#include "common/xmalloc.h"
#include "iris-worker/claude.h"
#include "iris-worker/report.h"
#include "iris-worker/transport.h"

#define MIB         ((size_t)1024 * 1024)
#define SPAWN_MS    30000 /* where worker/open does not say */
#define STOP_MS     8000
#define TIME_MAX_MS 86400000

extern char **environ;

static const struct peer_limits io_limits = {64 * MIB, 48 * MIB, 48 * MIB};
static const struct peer_limits errs_limits = {4 * MIB, 1, 1};

static void do_ready(struct claude *);
static void do_turn(struct claude *);
static void do_result(struct claude *);
static void do_over(struct claude *);
static void do_stop(struct claude *);
static void do_fault(struct claude *);
static void do_exit(struct claude *);
static void do_clean(struct claude *);

static const char *const state_names[CLAUDE_STATES] = {
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

static void
claude_free(void *arg)
{
	struct claude *c = arg;
	size_t i;

	control_release(c);
	stop_release(c);
	event_free(c->spawn_timer);
	for (i = 0; i < c->nclose; i++)
		free(c->close_ids[i]);
	free(c->close_ids);
	free(c->session);
	free(c->id);
	free(c->dir);
	free(c->open_id);
	free(c->start_error);
	free(c->init);
	free(c->model);
	free(c);
}

/* Why a claude that never became ready did not. */
static void
start_failure(struct claude *c, struct err *err, cJSON **data)
{
	const char *said = c->start_error != NULL ? c->start_error : c->words;
	char how[CLAUDE_STDERR_MAX + 256];

	*data = NULL;
	if (c->why.code != ERR_NONE) {
		*err = c->why;
	} else if (c->expected) {
		err_set(err, ERR_CANCELLED, "the session was closed before Claude was ready");
	} else if (strstr(said, "No conversation found") != NULL ||
	    strstr(c->words, "No conversation found") != NULL) {
		err_set(err, ERR_NOT_FOUND,
		    "Claude has no conversation %s in %s any more; begin a new one", c->id, c->dir);
	} else if (strstr(c->words, "is already in use") != NULL) {
		err_set(err, ERR_INVALID, "Claude's session id %s is already in use", c->id);
		*data = json_new();
		json_put_bool(*data, "inUse", true);
	} else if (stream_is_login(said, NULL, 0)) {
		err_set(err, ERR_LOGIN, "Claude Code is not logged in: %s", said);
	} else {
		err_set(err,
		    c->exited && WIFEXITED(c->status) &&
			    (WEXITSTATUS(c->status) == 126 || WEXITSTATUS(c->status) == 127)
			? ERR_NO_CLAUDE
			: ERR_CRASHED,
		    "Claude %s while it was starting in %s", claude_ending(c, how, sizeof how),
		    c->dir);
	}
}

static void
report_exit(struct claude *c)
{
	char how[CLAUDE_STDERR_MAX + 256];
	bool signalled = c->exited && WIFSIGNALED(c->status);
	cJSON *p = json_new();

	claude_ending(c, how, sizeof how);
	json_put_str(p, "session", c->session);
	json_put_int(p, "pid", c->pid);
	json_put_str(p, "how", signalled ? "signal" : "exit");
	json_put_int(p, "status",
	    signalled                               ? WTERMSIG(c->status)
		: c->exited && WIFEXITED(c->status) ? WEXITSTATUS(c->status)
						    : -1);
	json_put_bool(p, "expected", c->expected);
	json_put_str(p, "stderr", c->words);
	json_put_str(p, "reason", c->why.code != ERR_NONE ? c->why.msg : how);
	report_event(c->worker, "event/exit", p);
}

static void
do_clean(struct claude *c)
{
	char how[CLAUDE_STDERR_MAX + 256];
	struct worker *w = c->worker;
	struct err err;
	cJSON *data;
	size_t i;

	turn_orphaned(c);
	if (c->open_id != NULL) {
		start_failure(c, &err, &data);
		log_warn("claude did not start session=%s reason=\"%s\"", c->session, err.msg);
		report_error(w, c->open_id, &err, data);
	} else {
		report_exit(c);
	}
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

const char *
claude_ending(const struct claude *c, char *buf, size_t size)
{
	char how[64], words[CLAUDE_STDERR_MAX + 1], *nl;

	if (!c->exited)
		snprintf(how, sizeof how, "could not be killed");
	else if (WIFSIGNALED(c->status))
		snprintf(how, sizeof how, "was killed by signal %d", WTERMSIG(c->status));
	else
		snprintf(how, sizeof how, "exited with status %d", WEXITSTATUS(c->status));
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
	if (c->turn != NULL)
		c->turn->heard = compat_mono_ms();
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
	case STREAM_RESULT:
		if (c->open_id != NULL)
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
	if (len == 0 || c->state == CLAUDE_GONE)
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

static void
spawn_timeout_cb(evutil_socket_t fd, short what, void *arg)
{
	struct claude *c = arg;

	(void)fd;
	(void)what;
	claude_fault(c, ERR_TIMEOUT, "Claude was not ready within %d ms of its start in %s",
	    c->spawn_ms, c->dir);
}

/* Start the program with three pipes. Ours are fds[0] (its stdin), fds[1], fds[2]. */
static pid_t
start(const struct transport *t, int fds[3], struct err *err)
{
	int in[2] = {-1, -1}, out[2] = {-1, -1}, errs[2] = {-1, -1};
	struct spawn s = {.path = t->path, .argv = t->argv, .envp = t->envp, .dir = t->dir};
	pid_t pid = -1;

	if (compat_pipe(in) == -1 || compat_pipe(out) == -1 || compat_pipe(errs) == -1) {
		err_sys(err, ERR_IO, "can not make pipes for claude");
		goto out;
	}
	s.fds[0] = in[0];
	s.fds[1] = out[1];
	s.fds[2] = errs[1];
	if ((pid = spawn_process(&s, err)) == -1) {
		if (err->code != ERR_DIRECTORY)
			transport_exec_error(t, errno, err);
		goto out;
	}
	fds[0] = in[1];
	fds[1] = out[0];
	fds[2] = errs[0];
	in[1] = out[0] = errs[0] = -1;
out:
	for (int i = 0; i < 2; i++) {
		if (in[i] != -1)
			close(in[i]);
		if (out[i] != -1)
			close(out[i]);
		if (errs[i] != -1)
			close(errs[i]);
	}
	return pid;
}

static int
time_param(const cJSON *params, const char *name, int dflt)
{
	int64_t v = json_int_or(params, name, dflt);

	return v < 0 ? dflt : v > TIME_MAX_MS ? TIME_MAX_MS : (int)v;
}

static struct claude *
claude_new(struct worker *w, const cJSON *params, const char *open_id)
{
	struct claude *c = xcalloc(1, sizeof *c);

	c->worker = w;
	c->state = CLAUDE_STARTING;
	c->session = xstrdup(json_str(params, "session"));
	c->id = xstrdup(json_str(params, "claudeId"));
	c->dir = xstrdup(json_str(params, "cwd"));
	c->resume = json_bool(params, "resume", false);
	c->cost = c->resume ? -1 : 0;
	c->spawn_ms = time_param(params, "spawnTimeout", SPAWN_MS);
	c->response_ms = time_param(params, "responseTimeout", 0);
	c->stop_ms = time_param(params, "stopTimeout", STOP_MS);
	c->open_id = xstrdup(open_id);
	c->spawn_timer = evtimer_new(w->loop.base, spawn_timeout_cb, c);
	TAILQ_INIT(&c->control.asks);
	TAILQ_INIT(&c->control.calls);
	TAILQ_INSERT_TAIL(&w->claudes, c, entry);
	return c;
}

int
claude_open(struct worker *w, const cJSON *params, const char *open_id, struct err *err)
{
	struct transport t;
	struct timeval tv;
	struct claude *c;
	char id[UUID_LEN + 1], mark[64];
	int fds[3];
	pid_t pid;

	uuid_v4(id);
	snprintf(mark, sizeof mark, TRANSPORT_MARK "=%s", id);
	if (transport_build(params, environ, mark, &t, err) == -1)
		return -1;
	pid = start(&t, fds, err);
	transport_release(&t);
	if (pid == -1)
		return -1;
	c = claude_new(w, params, open_id);
	compat_strlcpy(c->mark, mark, sizeof c->mark);
	c->pid = pid;
	c->start = compat_proc_start(pid);
	c->spawned_at = compat_mono_ms();
	c->io = peer_new(&w->loop, fds[1], fds[0], &io_limits, io_cb, c);
	c->errs = peer_new(&w->loop, fds[2], -1, &errs_limits, errs_cb, c);
	if (c->spawn_ms > 0) {
		tv = (struct timeval){c->spawn_ms / 1000, (c->spawn_ms % 1000) * 1000};
		evtimer_add(c->spawn_timer, &tv);
	}
	control_init(c);
	log_info("claude started session=%s pid=%ld resume=%d dir=\"%s\"", c->session, (long)pid,
	    c->resume, c->dir);
	return 0;
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
claude_turn(struct claude *c, const char *message, const char *text, struct err *err)
{
	if (table[c->state][CE_TURN].act == NULL)
		return err_set(
		    err, ERR_REFUSED, "session %s is %s", c->session, state_names[c->state]);
	turn_begin(c, message, text);
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
