/* SPDX-License-Identifier: MIT
 *
 * worker/open: a Claude is started, or the one that runs already is taken up again by a new irisd,
 * and the request is answered when it is ready or has failed. Called by worker.c and, for what
 * becomes of the start, by control.c and claude.c.
 */
#include <errno.h>
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
#include "iris-worker/line.h"
#include "iris-worker/remote.h"
#include "iris-worker/report.h"
#include "iris-worker/session_mcp.h"
#include "iris-worker/transport.h"

#define SPAWN_MS    30000 /* where worker/open does not say */
#define STOP_MS     8000
#define TIME_MAX_MS 86400000

extern char **environ;

/* Why a claude that never became ready did not. */
static void
start_failure(struct claude *c, struct err *err, cJSON **data)
{
	const char *said = c->start_error != NULL ? c->start_error : c->words;
	char how[CLAUDE_STDERR_MAX + 256];
	bool signalled;
	int status = claude_status(c, &signalled);

	*data = NULL;
	if (c->why.code != ERR_NONE) {
		*err = c->why;
	} else if (c->expected) {
		err_set(err, ERR_CANCELLED, "the session was closed before Claude was ready");
	} else if (line_failure(c, err)) {
		log_debug("no claude on another host session=%s", c->session);
		/* The host was there: it is a line that was lost, and not one that never was. */
		if (err->code == ERR_LINE && line_was_up(c)) {
			*data = json_new();
			json_put_bool(*data, "line", true);
		}
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
		    !signalled && (status == 126 || status == 127) ? ERR_NO_CLAUDE : ERR_CRASHED,
		    "Claude %s while it was starting in %s", claude_ending(c, how, sizeof how),
		    c->dir);
		/* Not what would happen again: it was killed, or had come up before. */
		if (c->ready || signalled) {
			*data = json_new();
			json_put_bool(*data, "killed", true);
		}
	}
}

void
open_failed(struct claude *c)
{
	struct err err;
	cJSON *data;

	start_failure(c, &err, &data);
	if (c->stop.alive) {
		data = data != NULL ? data : json_new();
		json_put_bool(data, "alive", true);
		json_put_int(data, "pid", c->pid);
	}
	log_warn("claude did not start session=%s reason=\"%s\"", c->session, err.msg);
	if (c->open_id != NULL)
		report_error(c->worker, c->open_id, &err, data);
	else
		cJSON_Delete(data);
}

static void
answer_open(struct claude *c)
{
	cJSON *p = json_new();

	json_put_int(p, "pid", c->pid);
	json_put_int(p, "startTime", (int64_t)c->start);
	json_put_int(p, "readyMs", c->ready_ms);
	if (c->line != NULL)
		json_put_int(p, "remotePid", c->line->pid);
	if (c->account != NULL)
		json_put(p, "account", cJSON_Duplicate(c->account, true));
	json_put_str_opt(p, "version", c->version);
	report_answer(c->worker, c->open_id, p);
	free(c->open_id);
	c->open_id = NULL;
}

void
open_ready(struct claude *c, const cJSON *account, const char *version)
{
	c->ready = true;
	c->ready_ms = compat_mono_ms() - c->spawned_at;
	if (account != NULL)
		c->account = cJSON_Duplicate(account, true);
	c->version = xstrdup_null(version);
	if (c->open_id != NULL)
		answer_open(c);
	claude_event(c, CE_READY);
}

int
claude_attach(struct claude *c, const cJSON *params, const char *open_id, struct err *err)
{
	const char *instance = json_str(params, "instance");
	struct err replaced;

	if (instance == NULL || strcmp(instance, c->instance) != 0)
		return err_set(err, ERR_REFUSED, "session %s is open already", c->session);
	if (c->open_id != NULL) {
		err_set(&replaced, ERR_CANCELLED, "session %s was asked for again", c->session);
		report_error(c->worker, c->open_id, &replaced, NULL);
		free(c->open_id);
	}
	c->open_id = xstrdup(open_id);
	/* One that is on its way out again is awaited, or two would hold one conversation. */
	if (c->ready && c->state != CLAUDE_STOPPING)
		answer_open(c);
	return 0;
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

/*
 * Start the program. Ours are fds[0] (its stdin), fds[1], fds[2]. The first two are sockets: pipes
 * could be opened by whatever the program starts, by way of /proc, and answers be written there
 * that look like ours.
 */
static pid_t
start(const struct transport *t, int fds[3], struct err *err)
{
	int in[2] = {-1, -1}, out[2] = {-1, -1}, errs[2] = {-1, -1};
	struct spawn s = {.path = t->path,
	    .argv = t->argv,
	    .envp = t->envp,
	    .dir = t->dir,
	    .own_session = t->remote != NULL};
	pid_t pid = -1;

	if (compat_pair(in) == -1 || compat_pair(out) == -1 || compat_pipe(errs) == -1) {
		err_sys(err, ERR_IO, "can not make sockets and a pipe for claude");
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
claude_new(struct worker *w, const cJSON *params, const char *instance, const char *open_id)
{
	struct claude *c = xcalloc(1, sizeof *c);

	c->worker = w;
	c->state = CLAUDE_PREPARING;
	c->session = xstrdup(json_str(params, "session"));
	c->id = xstrdup(json_str(params, "claudeId"));
	c->resume = json_bool(params, "resume", false);
	c->cost = c->resume ? -1 : 0;
	c->spawn_ms = time_param(params, "spawnTimeout", SPAWN_MS);
	c->response_ms = time_param(params, "responseTimeout", 0);
	c->stop_ms = time_param(params, "stopTimeout", STOP_MS);
	compat_strlcpy(c->instance, instance, sizeof c->instance);
	snprintf(c->mark, sizeof c->mark, TRANSPORT_MARK "=%s", instance);
	c->open_id = xstrdup(open_id);
	c->spawn_timer = evtimer_new(w->loop.base, spawn_timeout_cb, c);
	TAILQ_INIT(&c->control.asks);
	hook_init(c);
	TAILQ_INIT(&c->inband.calls);
	TAILQ_INSERT_TAIL(&w->claudes, c, entry);
	return c;
}

/* What is different where it runs: a line must come up before Claude can. */
static void
begin(struct claude *c, struct transport *t, const cJSON *params)
{
	struct timeval tv = {c->spawn_ms / 1000, (c->spawn_ms % 1000) * 1000};

	if (t->remote == NULL) {
		c->dir = xstrdup(t->dir);
		if (c->spawn_ms > 0)
			evtimer_add(c->spawn_timer, &tv);
		control_init(c);
		return;
	}
	c->dir = xasprintf("%s on %s", json_str(params, "cwd"), t->remote->host);
	/* Nothing behind it yet: what is read there next is for the wrapper. */
	peer_send(c->io, t->preamble);
	line_begin(c, t->remote, params);
	t->preamble = NULL;
	t->remote = NULL;
}

/* Start it as t says, which is released. */
static int
run(struct claude *c, struct transport *t, const cJSON *params, struct err *err)
{
	int fds[3];
	pid_t pid;

	if ((pid = start(t, fds, err)) == -1) {
		transport_release(t);
		return -1;
	}
	c->pid = pid;
	c->start = compat_proc_start(pid);
	c->spawned_at = compat_mono_ms();
	claude_pipes(c, fds);
	claude_event(c, CE_BEGUN);
	begin(c, t, params);
	transport_release(t);
	log_info("claude started session=%s pid=%ld resume=%d dir=\"%s\"", c->session, (long)pid,
	    c->resume, c->dir);
	return 0;
}

void
open_prepared(struct claude *c)
{
	const cJSON *params = session_mcp_params(c->session_mcp);
	struct transport t;
	struct err err;

	if (transport_build(params, environ, c->instance, &t, &err) == -1 ||
	    run(c, &t, params, &err) == -1)
		claude_fault(c, err.code, "%s", err.msg);
}

int
claude_open(struct worker *w, const cJSON *params, const char *open_id, struct err *err)
{
	const char *instance = json_str(params, "instance");
	struct session_mcp *mcp;
	char own[UUID_LEN + 1];
	struct transport t;
	struct claude *c;
	int rv;

	if (instance == NULL) {
		uuid_v4(own);
		instance = own;
	}
	if (!uuid_valid(instance))
		return err_set(err, ERR_INVALID, "instance must be a UUID");
	if (session_mcp_new(params, &mcp, err) == -1)
		return -1;
	params = mcp != NULL ? session_mcp_params(mcp) : params;
	if (transport_build(params, environ, instance, &t, err) == -1) {
		session_mcp_end(mcp);
		return -1;
	}
	c = claude_new(w, params, instance, open_id);
	c->session_mcp = mcp;
	if (mcp != NULL && session_mcp_has_script(mcp)) {
		transport_release(&t);
		rv = session_mcp_run(mcp, c, err);
	} else if (mcp != NULL && session_mcp_write(mcp, err) == -1) {
		transport_release(&t);
		rv = -1;
	} else {
		rv = run(c, &t, params, err);
	}
	if (rv == -1)
		claude_drop(c);
	return rv;
}
