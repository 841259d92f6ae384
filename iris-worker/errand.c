/* SPDX-License-Identifier: MIT
 *
 * Runs errands, see errand.h: owns their processes, their pipes and their time. An errand waits for
 * one of the places, runs, has said that it is at its end or has failed, which is told at once, and
 * is ended where it does not end by itself. Only the ssh of its own is signalled: the connection
 * that the sessions of a host share may be below it. Knows nothing of what scripts are for.
 */
#include <sys/wait.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/compat.h"
#include "common/json.h"
#include "common/log.h"
#include "common/peer.h"
#include "common/spawn.h"
#include "common/xmalloc.h"
#include "iris-worker/errand.h"
#include "iris-worker/remote.h"
#include "iris-worker/report.h"
#include "iris-worker/ssh_words.h"
#include "iris-worker/stream.h"
#include "iris-worker/worker.h"

#define KIB       ((size_t)1024)
#define OWN_WORDS "{\"type\":\"iris_remote\","

#define SLACK_MS 2000 /* for a login and a shell, on top of the connection */
#define DRAIN_MS 250  /* its pipes are read so long after its end, when something holds them open */
#define GRACE_MS 500  /* to end by itself when it has said all, or hears the end of its input */
#define TERM_MS  1000 /* from TERM to KILL */
#define LOST_MS  3000 /* after KILL: it can not be killed */

enum errand_state { ERRAND_WAITS, ERRAND_RUNS, ERRAND_DRAINS, ERRAND_OVER, ERRAND_GONE };

struct errand {
	TAILQ_ENTRY(errand) entry; /* in worker->errands, in the order of their start */
	struct worker *worker;
	struct errand_calls calls;
	void *arg;
	struct remote *remote; /* owned */
	char *script;          /* owned; NULL: none, or it is on its way */
	char *request;         /* owned; NULL: none, or irisd does not wait for it any more */
	enum errand_state state;
	int limit_ms;
	size_t line_max, total_max, total, said;
	bool program, lasting;
	bool held;      /* its script waits for the word to go */
	bool connected; /* a script has spoken there */
	bool done;      /* it has said that it is at its end */
	bool exited;
	int status;
	int signal;          /* the last one that it was sent, once over */
	pid_t pid;           /* 0: not started */
	struct peer *io;     /* its stdin and stdout; NULL once ended */
	struct peer *errs;   /* its stderr; NULL once ended */
	struct event *timer; /* of the present state */
	struct ssh_verdict why;
	char words[ERRAND_WORDS_MAX];
};

static void
arm(struct errand *e, int ms)
{
	struct timeval tv = {ms / 1000, (ms % 1000) * 1000};

	evtimer_add(e->timer, &tv);
}

/* In its first state, the timer is its turn. */
static void
schedule(struct worker *w)
{
	struct errand *e;
	unsigned n = 0;

	TAILQ_FOREACH (e, &w->errands, entry) {
		if (n++ >= ERRANDS_AT_ONCE)
			break;
		if (e->state == ERRAND_WAITS)
			arm(e, 0);
	}
}

static void
errand_free(void *arg)
{
	struct errand *e = arg;

	if (e->calls.release != NULL)
		e->calls.release(e->arg);
	event_free(e->timer);
	remote_free(e->remote);
	free(e->script);
	free(e->request);
	free(e);
}

static void
gone(struct errand *e)
{
	struct worker *w = e->worker;

	if (e->state == ERRAND_GONE)
		return;
	e->state = ERRAND_GONE;
	evtimer_del(e->timer);
	TAILQ_REMOVE(&w->errands, e, entry);
	loop_defer(&w->loop, errand_free, e);
	schedule(w);
	worker_errand_gone(w);
}

/* It has nothing more to say to us: its process ends by itself, soon, or is made to. */
static void
leave(struct errand *e)
{
	e->state = ERRAND_OVER;
	if (e->io != NULL)
		peer_close(e->io, 0);
	if (e->errs != NULL)
		peer_close(e->errs, 0);
	e->io = e->errs = NULL;
	if (e->pid == 0 || e->exited) {
		gone(e);
	} else if (e->done) {
		arm(e, GRACE_MS);
	} else {
		kill(e->pid, e->signal = SIGTERM);
		arm(e, TERM_MS);
	}
}

static void
over(struct errand *e, const struct err *err)
{
	if (e->state >= ERRAND_OVER)
		return;
	if (err != NULL)
		log_info("an errand has failed host=%s reason=\"%s\"", e->remote->host, err->msg);
	e->state = ERRAND_OVER;
	e->calls.over(e, err, e->arg);
	leave(e);
}

/* With e->why. */
static void
fail(struct errand *e)
{
	struct err err;

	err_set(&err, e->why.code, "%s; %s", e->why.what, e->why.mend);
	over(e, &err);
}

static void
fail_with(struct errand *e, enum err_code code, const char *what, const char *mend)
{
	e->why.code = code;
	compat_strlcpy(e->why.what, what, sizeof e->why.what);
	json_utf8_mend(e->why.what);
	compat_strlcpy(e->why.mend, mend, sizeof e->why.mend);
	fail(e);
}

static void
too_much(struct errand *e)
{
	char what[256];

	snprintf(
	    what, sizeof what, "what %.100s has sent is too much for an answer", e->remote->host);
	fail_with(e, ERR_HOST, what, "see what the login's start-up files print there");
}

/* It has ended, and has not said that it was at its end. */
static void
ended_early(struct errand *e)
{
	int status = WIFEXITED(e->status) ? WEXITSTATUS(e->status) : -1;
	const struct remote *r = e->remote;
	char what[640];

	ssh_words_ended(r->host, r->ssh2, e->words, e->connected, status, &e->why);
	if (!e->connected || status == 255 || status == -1) {
		fail(e);
		return;
	}
	snprintf(what, sizeof what,
	    "%.100s ended the work that Iris does there too early (status %d)", r->host, status);
	fail_with(e, ERR_LINE, what, "try again");
}

/* All has been read that it had to say. */
static void
settle(struct errand *e)
{
	if (e->done || (e->program && WIFEXITED(e->status) && WEXITSTATUS(e->status) == 0))
		over(e, NULL);
	else
		ended_early(e);
}

static void
check_ended(struct errand *e)
{
	if (e->state >= ERRAND_OVER)
		return;
	if (e->exited && e->io == NULL && e->errs == NULL) {
		settle(e);
	} else if (e->exited && e->state == ERRAND_RUNS) {
		e->state = ERRAND_DRAINS;
		arm(e, DRAIN_MS);
	}
}

/* A word of the script's own, NULL where it is none. What it names may be no UTF-8. */
static cJSON *
own_word(const char *line, size_t len)
{
	size_t n = sizeof OWN_WORDS - 1;
	cJSON *own;
	char *text;

	if (len < n || memcmp(line, OWN_WORDS, n) != 0)
		return NULL;
	if ((own = json_parse(line, len, NULL)) == NULL) {
		text = stream_repair(line, len, &n);
		own = json_parse(text, n, NULL);
		free(text);
	}
	return own;
}

static void
end_input(struct errand *e)
{
	e->held = false;
	if (e->io != NULL)
		peer_end_output(e->io);
}

/* Its script is there, and waits to hear that it is still wanted. */
static void
go(struct errand *e)
{
	if (!e->held || e->io == NULL)
		return;
	peer_send_copy(e->io, REMOTE_GO, strlen(REMOTE_GO));
	end_input(e);
}

static void
take_line(struct errand *e, char *line, size_t len)
{
	cJSON *own = own_word(line, len);
	int64_t pid;

	if (own == NULL && !e->connected)
		ssh_words_add(e->words, sizeof e->words, line, len);
	if (own != NULL) {
		if (!e->connected && e->state == ERRAND_RUNS)
			arm(e, e->limit_ms);
		e->connected = true;
		e->done = json_bool(own, "end", false);
		if (json_int(own, "hello", &pid) == 0)
			go(e);
	}
	e->calls.line(e, own, line, len, e->arg);
	cJSON_Delete(own);
	if (e->done)
		over(e, NULL);
}

static void
io_cb(struct peer *p, char *line, size_t len, void *arg)
{
	struct errand *e = arg;

	if (line != NULL) {
		e->total += len + 1;
		if (e->total > e->total_max)
			too_much(e);
		else
			take_line(e, line, len);
		return;
	}
	e->io = NULL;
	if (strncmp(peer_why(p), "closed", 6) != 0)
		too_much(e);
	else
		check_ended(e);
}

static void
errs_cb(struct peer *p, char *line, size_t len, void *arg)
{
	struct errand *e = arg;

	(void)p;
	if (line == NULL) {
		e->errs = NULL;
		check_ended(e);
		return;
	}
	e->said += len + 1;
	if (e->said > e->total_max) {
		too_much(e);
		return;
	}
	ssh_words_add(e->words, sizeof e->words, line, len);
	if (e->calls.said != NULL)
		e->calls.said(e, line, len, e->arg);
}

/* Ours are fds[0] (its stdin), fds[1], fds[2]. */
static pid_t
spawn(const struct remote *r, int fds[3], struct err *err)
{
	int in[2] = {-1, -1}, out[2] = {-1, -1}, errs[2] = {-1, -1}, i;
	struct spawn s = {.path = r->path, .argv = r->argv, .envp = r->envp, .own_session = true};
	pid_t pid = -1;

	if (compat_pair(in) == -1 || compat_pair(out) == -1 || compat_pipe(errs) == -1) {
		err_sys(err, ERR_IO, "can not make sockets and a pipe for ssh");
		goto out;
	}
	s.fds[0] = in[0];
	s.fds[1] = out[1];
	s.fds[2] = errs[1];
	if ((pid = spawn_process(&s, err)) == -1)
		goto out;
	fds[0] = in[1];
	fds[1] = out[0];
	fds[2] = errs[0];
	in[1] = out[0] = errs[0] = -1;
out:
	for (i = 0; i < 2; i++) {
		if (in[i] != -1)
			close(in[i]);
		if (out[i] != -1)
			close(out[i]);
		if (errs[i] != -1)
			close(errs[i]);
	}
	return pid;
}

static void
begin(struct errand *e)
{
	struct peer_limits limits = {e->line_max, 1024 * KIB, 0};
	struct loop *loop = &e->worker->loop;
	struct err err;
	int fds[3];

	if ((e->pid = spawn(e->remote, fds, &err)) == -1) {
		e->pid = 0;
		fail_with(e, ERR_HOST, err.msg, "install OpenSSH, or set ssh2: true");
		return;
	}
	e->state = ERRAND_RUNS;
	e->io = peer_new(loop, fds[1], fds[0], &limits, io_cb, e);
	limits.line_max = 64 * KIB;
	e->errs = peer_new(loop, fds[2], -1, &limits, errs_cb, e);
	if (e->script != NULL) {
		e->held = true;
		peer_send(e->io, e->script);
	} else {
		end_input(e);
	}
	e->script = NULL;
	arm(e, e->remote->connect_ms + (e->program ? e->limit_ms : SLACK_MS));
}

static void
too_late(struct errand *e)
{
	char what[640], last[SSH_WORDS_QUOTE];

	/* What reads there may be no shell: at the end of its input it may say what it is. */
	if (e->held && !e->connected) {
		end_input(e);
		arm(e, GRACE_MS);
		return;
	}
	ssh_words_last(e->words, last, sizeof last);
	/* It may be the shared connection that hangs; the next one is made anew. */
	if (!e->connected)
		remote_unshare(e->remote);
	snprintf(what, sizeof what, "%.100s %s within %d ms%s%s%s", e->remote->host,
	    e->connected ? "has not done what Iris asked for" : "has not answered",
	    e->connected ? e->limit_ms : e->remote->connect_ms, last[0] != '\0' ? " (" : "", last,
	    last[0] != '\0' ? ")" : "");
	fail_with(e, ERR_LINE, what, "see that it is up, not overloaded, and can be reached");
}

static void
timer_cb(evutil_socket_t fd, short what, void *arg)
{
	struct errand *e = arg;

	(void)fd;
	(void)what;
	switch (e->state) {
	case ERRAND_WAITS:
		if (e->why.code != ERR_NONE)
			fail(e);
		else
			begin(e);
		break;
	case ERRAND_RUNS:
		too_late(e);
		break;
	case ERRAND_DRAINS:
		settle(e);
		break;
	case ERRAND_OVER:
		if (e->signal == SIGKILL) {
			log_error("an ssh can not be killed pid=%ld", (long)e->pid);
			gone(e);
			break;
		}
		e->signal = e->signal == 0 ? SIGTERM : SIGKILL;
		kill(e->pid, e->signal);
		arm(e, e->signal == SIGTERM ? TERM_MS : LOST_MS);
		break;
	case ERRAND_GONE:
		break;
	}
}

struct errand *
errand_start(
    struct worker *w, const struct errand_spec *s, const struct errand_calls *calls, void *arg)
{
	struct errand *e = xcalloc(1, sizeof *e), *other;
	unsigned n = 0;

	e->worker = w;
	e->calls = *calls;
	e->arg = arg;
	e->remote = s->remote;
	e->script = s->script;
	e->request = xstrdup_null(s->request);
	e->limit_ms = s->limit_ms;
	e->line_max = s->line_max != 0 ? s->line_max : 64 * KIB;
	e->total_max = s->total_max != 0 ? s->total_max : 1024 * KIB;
	e->program = s->program;
	e->lasting = s->lasting;
	e->timer = evtimer_new(w->loop.base, timer_cb, e);
	TAILQ_FOREACH (other, &w->errands, entry)
		n++;
	TAILQ_INSERT_TAIL(&w->errands, e, entry);
	if (n >= ERRANDS_MAX) {
		e->why = (struct ssh_verdict){
		    ERR_LIMIT, "too much is asked of this team's host", "try again later"};
		arm(e, 0);
	} else if (w->stopping && !s->lasting) {
		e->why =
		    (struct ssh_verdict){ERR_UNAVAILABLE, "the worker is stopping", "try again"};
		arm(e, 0);
	} else {
		schedule(w);
	}
	return e;
}

void
errand_cancel(struct errand *e)
{
	if (e->state < ERRAND_OVER)
		leave(e);
}

void
errand_enough(struct errand *e)
{
	over(e, NULL);
}

const char *
errand_host(const struct errand *e)
{
	return e->remote->host;
}

const char *
errand_words(const struct errand *e)
{
	return e->words;
}

const struct ssh_verdict *
errand_why(const struct errand *e)
{
	return &e->why;
}

bool
errand_connected(const struct errand *e)
{
	return e->connected;
}

void
errand_answer(struct errand *e, cJSON *result)
{
	if (e->request != NULL)
		report_answer(e->worker, e->request, result);
	else
		cJSON_Delete(result);
}

void
errand_refuse(struct errand *e, const struct err *err)
{
	if (e->request != NULL)
		report_error(e->worker, e->request, err, NULL);
}

bool
errand_reaped(struct worker *w, pid_t pid, int status)
{
	struct errand *e;

	TAILQ_FOREACH (e, &w->errands, entry) {
		if (e->pid == pid && !e->exited)
			break;
	}
	if (e == NULL)
		return false;
	e->exited = true;
	e->status = status;
	if (e->state == ERRAND_OVER)
		gone(e);
	else
		check_ended(e);
	return true;
}

void
errand_lost(struct worker *w)
{
	struct errand *e, *next;

	TAILQ_FOREACH_SAFE (e, &w->errands, entry, next) {
		if (e->request == NULL)
			continue;
		free(e->request);
		e->request = NULL;
		errand_cancel(e);
	}
}

void
errand_stop(struct worker *w)
{
	struct errand *e, *next;

	TAILQ_FOREACH_SAFE (e, &w->errands, entry, next) {
		if (!e->lasting && e->state < ERRAND_OVER)
			fail_with(e, ERR_UNAVAILABLE, "the worker is stopping", "try again");
	}
}

bool
errand_none(const struct worker *w)
{
	return TAILQ_EMPTY(&w->errands);
}

void
errand_release(struct worker *w)
{
	struct errand *e;

	while ((e = TAILQ_FIRST(&w->errands)) != NULL) {
		errand_cancel(e);
		if (e->pid != 0 && !e->exited)
			kill(e->pid, SIGKILL);
		gone(e);
	}
}
