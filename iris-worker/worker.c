/* SPDX-License-Identifier: MIT
 *
 * irisd's requests to the worker, iris-protocol(7): one table, one function each. Owns the
 * connection and the list of claudes. A line that is not what the protocol says is a fault of Iris
 * itself, and ends the worker.
 */
#include <sys/wait.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/call.h"
#include "common/compat.h"
#include "common/json.h"
#include "common/log.h"
#include "common/rpc.h"
#include "common/xmalloc.h"
#include "iris-worker/claude.h"
#include "iris-worker/report.h"
#include "iris-worker/worker.h"

#define ACK_MS      2000 /* at the end: how long irisd may take to store the last results */
#define HELLO_ID    "\"hello\""
#define EX_PROTOCOL 76

struct request {
	const char *id; /* raw; NULL for a notification */
	const cJSON *params;
	const char *line;
	size_t len;
	struct claude *claude; /* of params.session; NULL when there is none */
};

static int do_open(struct worker *, const struct request *, struct err *);
static int do_turn(struct worker *, const struct request *, struct err *);
static int do_interrupt(struct worker *, const struct request *, struct err *);
static int do_answer(struct worker *, const struct request *, struct err *);
static int do_mcp(struct worker *, const struct request *, struct err *);
static int do_close(struct worker *, const struct request *, struct err *);
static int do_stop(struct worker *, const struct request *, struct err *);

/* later: the function has the id, and the answer comes when it is known. */
static const struct {
	const char *method;
	int (*fn)(struct worker *, const struct request *, struct err *);
	bool needs_session, later;
} methods[] = {
    {"worker/open", do_open, false, true},
    {"worker/turn", do_turn, true, false},
    {"worker/interrupt", do_interrupt, false, false},
    {"worker/answer", do_answer, true, false},
    {"worker/mcp", do_mcp, false, false},
    {"worker/close", do_close, true, true},
    {"worker/stop", do_stop, false, true},
};

static int
do_open(struct worker *w, const struct request *r, struct err *err)
{
	const char *session = json_str(r->params, "session");
	struct claude *c;
	unsigned n = 0;

	if (session == NULL || session[0] == '\0')
		return err_set(err, ERR_INVALID, "session must be a string");
	if (w->stopping)
		return err_set(err, ERR_UNAVAILABLE, "the worker is stopping");
	if (r->claude != NULL)
		return err_set(err, ERR_REFUSED, "session %s is open already", session);
	TAILQ_FOREACH (c, &w->claudes, entry)
		n++;
	if (n >= WORKER_CLAUDES_MAX)
		return err_set(
		    err, ERR_LIMIT, "one worker runs %d sessions at most", WORKER_CLAUDES_MAX);
	return claude_open(w, r->params, r->id, err);
}

static int
do_turn(struct worker *w, const struct request *r, struct err *err)
{
	const char *message = json_str(r->params, "message"), *text = json_str(r->params, "text");

	(void)w;
	if (message == NULL || !uuid_valid(message))
		return err_set(err, ERR_INVALID, "message must be a UUID");
	if (text == NULL || text[0] == '\0')
		return err_set(err, ERR_INVALID, "text must be a string, and not empty");
	return claude_turn(r->claude, message, text, err);
}

static int
do_interrupt(struct worker *w, const struct request *r, struct err *err)
{
	const char *message = json_str(r->params, "message");
	struct claude *c = r->claude;

	(void)w;
	(void)err;
	if (c != NULL && c->turn != NULL && message != NULL &&
	    strcmp(c->turn->message, message) == 0)
		turn_interrupt(c);
	return 0;
}

static int
do_answer(struct worker *w, const struct request *r, struct err *err)
{
	(void)w;
	return control_answer(r->claude, r->params, r->line, r->len, err);
}

static int
do_mcp(struct worker *w, const struct request *r, struct err *err)
{
	(void)w;
	(void)err;
	if (r->claude != NULL)
		control_mcp(r->claude, r->line, r->len);
	return 0;
}

static int
do_close(struct worker *w, const struct request *r, struct err *err)
{
	(void)w;
	(void)err;
	claude_close(r->claude, r->id);
	return 0;
}

static int
do_stop(struct worker *w, const struct request *r, struct err *err)
{
	(void)err;
	if (w->stop_id != NULL)
		return err_set(err, ERR_REFUSED, "the worker is stopping already");
	w->stop_id = xstrdup(r->id != NULL ? r->id : "null");
	worker_stop(w);
	return 0;
}

static void
dispatch(struct worker *w, const struct rpc_msg *m, const char *line, size_t len)
{
	struct request r = {m->id, m->params, line, len, NULL};
	struct err err;
	size_t i, n = sizeof methods / sizeof methods[0];
	int rv;

	for (i = 0; i < n && strcmp(methods[i].method, m->method) != 0; i++)
		;
	r.claude = claude_find(w, json_str(m->params, "session"));
	if (i == n)
		rv = err_set(&err, ERR_INVALID, "unknown method %s", m->method);
	else if (methods[i].later && m->id == NULL)
		rv = err_set(&err, ERR_INVALID, "%s must have an id", m->method);
	else if (methods[i].needs_session && r.claude == NULL)
		rv = err_set(&err, ERR_NOT_FOUND, "no such session is open");
	else
		rv = methods[i].fn(w, &r, &err);
	if (rv == -1) {
		log_warn("refused method=%s reason=\"%s\"", m->method, err.msg);
		if (m->id != NULL)
			report_error(w, m->id, &err, NULL);
	} else if (m->id != NULL && !methods[i].later) {
		report_answer(w, m->id, NULL);
	}
}

/* The loop ends when nothing lives and everything is stored, or nobody is there to store it. */
static void
finish_if_done(struct worker *w)
{
	if (!w->stopping || !TAILQ_EMPTY(&w->claudes))
		return;
	if (w->irisd != NULL && !TAILQ_EMPTY(&w->results)) {
		struct timeval tv = {ACK_MS / 1000, (ACK_MS % 1000) * 1000};
		if (!evtimer_pending(w->stop_timer, NULL))
			evtimer_add(w->stop_timer, &tv);
		return;
	}
	if (w->stop_id != NULL) {
		report_answer(w, w->stop_id, NULL);
		free(w->stop_id);
		w->stop_id = NULL;
	}
	loop_stop(&w->loop);
}

static void
stop_timer_cb(evutil_socket_t fd, short what, void *arg)
{
	struct worker *w = arg;

	(void)fd;
	(void)what;
	report_drop(w);
	finish_if_done(w);
}

static void
take_answer(struct worker *w, const struct rpc_msg *m)
{
	if (m->id == NULL || strcmp(m->id, HELLO_ID) == 0) {
		if (m->kind == RPC_ERROR) {
			log_error("irisd refuses this worker: %s",
			    json_str(m->error, "message") != NULL ? json_str(m->error, "message")
								  : "no reason given");
			w->exit_status = EX_PROTOCOL;
			worker_stop(w);
		}
		return;
	}
	if (!report_acked(w, m->id))
		log_warn("an answer that nobody waits for id=%s", m->id);
	else if (m->kind == RPC_ERROR)
		log_error("irisd did not take a result: %s",
		    json_str(m->error, "message") != NULL ? json_str(m->error, "message") : "");
	finish_if_done(w);
}

static void
irisd_cb(struct peer *p, char *line, size_t len, void *arg)
{
	struct worker *w = arg;
	struct rpc_msg m;
	struct err err;

	if (line == NULL) {
		log_info("the connection to irisd has ended reason=\"%s\"", peer_why(p));
		w->irisd = NULL;
		worker_stop(w);
		return;
	}
	if (rpc_parse(line, len, &m, &err) == -1) {
		log_error("irisd broke the protocol: %s", err.msg);
		w->exit_status = EX_PROTOCOL;
		rpc_clear(&m);
		worker_stop(w);
		return;
	}
	if (m.kind == RPC_REQUEST || m.kind == RPC_NOTIFICATION)
		dispatch(w, &m, line, len);
	else
		take_answer(w, &m);
	rpc_clear(&m);
}

void
worker_init(struct worker *w, const char *team)
{
	memset(w, 0, sizeof *w);
	loop_init(&w->loop, NULL, NULL);
	w->team = team;
	TAILQ_INIT(&w->claudes);
	TAILQ_INIT(&w->results);
	w->stop_timer = evtimer_new(w->loop.base, stop_timer_cb, w);
}

void
worker_release(struct worker *w)
{
	if (w->irisd != NULL)
		peer_close(w->irisd, 0);
	w->irisd = NULL;
	report_drop(w);
	event_free(w->stop_timer);
	free(w->stop_id);
	loop_release(&w->loop);
}

void
worker_connect(struct worker *w, int fd)
{
	/*
	 * Output to irisd is not limited: it is ours, and it reads. The soft limit slows its
	 * requests.
	 */
	static const struct peer_limits limits = {
	    RPC_LINE_MAX, (size_t)32 * 1024 * 1024, (size_t)512 * 1024 * 1024};
	cJSON *p = call_hello_params("worker");

	json_put_str(p, "team", w->team);
	json_put_int(p, "startTime", (int64_t)compat_proc_start(getpid()));
	w->irisd = peer_new(&w->loop, fd, fd, &limits, irisd_cb, w);
	peer_send(w->irisd, rpc_request(HELLO_ID, "iris/hello", p));
}

void
worker_stop(struct worker *w)
{
	struct claude *c, *next;

	w->stopping = true;
	TAILQ_FOREACH_SAFE (c, &w->claudes, entry, next)
		claude_close(c, NULL);
	finish_if_done(w);
}

void
worker_claude_gone(struct worker *w)
{
	finish_if_done(w);
}

void
worker_reap(struct worker *w)
{
	struct claude *c, *next;
	siginfo_t info;
	int status;

	for (;;) {
		memset(&info, 0, sizeof info);
		if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == -1 || info.si_pid == 0)
			break;
		TAILQ_FOREACH (c, &w->claudes, entry) {
			if (c->pid == info.si_pid && !c->exited)
				break;
		}
		if (c != NULL)
			claude_exiting(c);
		if (waitpid(info.si_pid, &status, 0) == info.si_pid && c != NULL)
			claude_exited(c, status);
	}
	TAILQ_FOREACH_SAFE (c, &w->claudes, entry, next)
		stop_check(c);
}
