/* SPDX-License-Identifier: MIT
 *
 * irisd's requests to the worker, iris-protocol(7): one table, one function each. Owns the list of
 * claudes, and says what happens to them when irisd goes and comes: the connection itself is
 * link.c's. A line that is not what the protocol says is a fault of Iris itself, and ends the
 * worker.
 */
#include <sys/wait.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/compat.h"
#include "common/json.h"
#include "common/log.h"
#include "common/paths.h"
#include "common/rpc.h"
#include "common/uuid.h"
#include "common/xmalloc.h"
#include "iris-worker/claude.h"
#include "iris-worker/errand.h"
#include "iris-worker/forget.h"
#include "iris-worker/report.h"
#include "iris-worker/session_mcp.h"
#include "iris-worker/transcript.h"
#include "iris-worker/tunnel.h"
#include "iris-worker/worker.h"

#define ACK_MS 2000 /* at the end: how long irisd may take to store the last results */

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
static int do_hook(struct worker *, const struct request *, struct err *);
static int do_mcp(struct worker *, const struct request *, struct err *);
static int do_lookup(struct worker *, const struct request *, struct err *);
static int do_forget(struct worker *, const struct request *, struct err *);
static int do_check(struct worker *, const struct request *, struct err *);
static int do_trust(struct worker *, const struct request *, struct err *);
static int do_tunnel(struct worker *, const struct request *, struct err *);
static int do_ping(struct worker *, const struct request *, struct err *);
static int do_settings(struct worker *, const struct request *, struct err *);
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
    {"worker/hook", do_hook, true, false},
    {"worker/mcp", do_mcp, false, false},
    {"worker/lookup", do_lookup, false, true},
    {"worker/forget", do_forget, false, true},
    {"worker/check", do_check, false, true},
    {"worker/trust", do_trust, false, true},
    {"worker/tunnel", do_tunnel, false, false},
    {"worker/ping", do_ping, false, true},
    {"worker/settings", do_settings, false, false},
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
		return claude_attach(r->claude, r->params, r->id, err);
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
	const char *line = json_str(r->params, "line");

	(void)w;
	if (message == NULL || !uuid_valid(message) || (line != NULL && !uuid_valid(line)))
		return err_set(err, ERR_INVALID, "message and line must be UUIDs");
	if (text == NULL || text[0] == '\0')
		return err_set(err, ERR_INVALID, "text must be a string, and not empty");
	return claude_turn(r->claude, message, line != NULL ? line : message, text, err);
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
do_hook(struct worker *w, const struct request *r, struct err *err)
{
	(void)w;
	return hook_answer(r->claude, r->params, err);
}

static int
do_mcp(struct worker *w, const struct request *r, struct err *err)
{
	(void)w;
	(void)err;
	if (r->claude != NULL)
		inband_answer(r->claude, r->line, r->len);
	return 0;
}

/* The team is on another host. */
static bool
is_remote(const struct request *r)
{
	return json_obj(r->params, "remote") != NULL;
}

/* What became of a message that a Claude which is no more may have received. */
static int
do_lookup(struct worker *w, const struct request *r, struct err *err)
{
	const char *id = json_str(r->params, "claudeId"), *message = json_str(r->params, "message");
	const char *turn = json_str(r->params, "turn");
	char dir[PATHS_MAX];
	struct transcript t;
	cJSON *p;
	int rv;

	/* They become part of a path, or of a script. */
	if (id == NULL || !uuid_valid(id) || message == NULL || !uuid_valid(message) ||
	    (turn != NULL && !uuid_valid(turn)))
		return err_set(err, ERR_INVALID, "claudeId, message and turn must be UUIDs");
	if (is_remote(r))
		return errand_lookup(w, r->params, r->id, err);
	if (transcript_config_dir(json_obj(r->params, "env"), dir, sizeof dir, err) == -1)
		return -1;
	if ((rv = transcript_lookup(dir, id, turn != NULL ? turn : message, &t, err)) == 0) {
		p = transcript_describe(&t);
		report_cut_answer(p);
		report_answer(w, r->id, p);
	}
	transcript_release(&t);
	return rv;
}

/* A conversation that irisd wants no more of. */
static int
do_forget(struct worker *w, const struct request *r, struct err *err)
{
	const char *id = json_str(r->params, "claudeId");
	char dir[PATHS_MAX];
	cJSON *p;

	if (id == NULL || !uuid_valid(id))
		return err_set(err, ERR_INVALID, "claudeId must be a UUID");
	if (r->claude != NULL)
		return err_set(err, ERR_REFUSED, "the session is open");
	if (is_remote(r))
		return errand_forget(w, r->params, r->id, err);
	if (transcript_config_dir(json_obj(r->params, "env"), dir, sizeof dir, err) == -1 ||
	    forget_conversation(dir, id, err) == -1)
		return -1;
	p = json_new();
	json_put_bool(p, "removed", true);
	report_answer(w, r->id, p);
	return 0;
}

static int
do_check(struct worker *w, const struct request *r, struct err *err)
{
	if (!is_remote(r))
		return err_set(err, ERR_INVALID, "remote must be an object");
	return errand_check(w, r->params, r->id, err);
}

static int
do_trust(struct worker *w, const struct request *r, struct err *err)
{
	if (!is_remote(r))
		return err_set(err, ERR_INVALID, "remote must be an object");
	return errand_trust(w, r->params, r->id, err);
}

static int
do_tunnel(struct worker *w, const struct request *r, struct err *err)
{
	return tunnel_request(w, r->params, err);
}

/* That it is answered is one half of what irisd wants to know. */
static int
do_ping(struct worker *w, const struct request *r, struct err *err)
{
	cJSON *p = json_new(), *list = cJSON_CreateArray();
	struct claude *c;

	(void)err;
	/* An end is proof, and found here also where its signal was not. */
	worker_reap(w);
	TAILQ_FOREACH (c, &w->claudes, entry)
		cJSON_AddItemToArray(list, health_look(c));
	json_put(p, "claudes", list);
	report_answer(w, r->id, p);
	return 0;
}

static int
do_settings(struct worker *w, const struct request *r, struct err *err)
{
	const char *name = json_str(r->params, "logLevel");
	int64_t stop = json_int_or(r->params, "stopTimeout", 0);
	enum log_level level;
	struct claude *c;

	if (name == NULL || log_level_from_name(name, &level) == -1)
		return err_set(err, ERR_INVALID, "logLevel must be debug, info, warn or error");
	if (stop <= 0 || stop > INT_MAX)
		return err_set(err, ERR_INVALID, "stopTimeout must be a number of ms");
	log_set_level(level);
	TAILQ_FOREACH (c, &w->claudes, entry)
		c->stop_ms = (int)stop;
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
		report_done(w, m->id);
	}
}

/*
 * The loop ends when nothing lives and everything is stored, or nobody is there to store it: then
 * it is in the spool.
 */
static void
finish_if_done(struct worker *w)
{
	if (!w->stopping || !TAILQ_EMPTY(&w->claudes) || !errand_none(w))
		return;
	if (link_up(w) && !TAILQ_EMPTY(&w->results)) {
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

void
worker_message(struct worker *w, const struct rpc_msg *m, const char *line, size_t len)
{
	if (m->kind == RPC_REQUEST || m->kind == RPC_NOTIFICATION) {
		dispatch(w, m, line, len);
	} else {
		if (!report_acked(w, m))
			log_warn("an answer that nobody waits for id=%s", m->id);
		finish_if_done(w);
	}
}

void
worker_fault(struct worker *w)
{
	w->exit_status = WORKER_EX_PROTOCOL;
	worker_stop(w);
}

void
worker_lost(struct worker *w)
{
	struct claude *c;

	/* Ids of requests are the old irisd's own: the next one uses the same for others. */
	TAILQ_FOREACH (c, &w->claudes, entry)
		claude_forget_requests(c);
	errand_lost(w);
	free(w->stop_id);
	w->stop_id = NULL;
	report_spool(w);
	finish_if_done(w);
}

void
worker_orphan(struct worker *w)
{
	struct claude *c, *next;

	w->stopping = w->orphaned = true;
	TAILQ_FOREACH_SAFE (c, &w->claudes, entry, next)
		claude_orphan(c);
	tunnel_end(w);
	errand_stop(w);
	finish_if_done(w);
}

void
worker_describe(struct worker *w, cJSON *hello)
{
	cJSON *sessions = cJSON_CreateArray();
	const struct claude *c;

	TAILQ_FOREACH (c, &w->claudes, entry)
		cJSON_AddItemToArray(sessions, claude_describe(c));
	json_put(hello, "sessions", sessions);
	json_put(hello, "results", report_pending(w));
	if (w->tunnel != NULL)
		json_put(hello, "tunnel", tunnel_describe(w));
}

void
worker_replay(struct worker *w)
{
	struct claude *c;

	report_again(w);
	TAILQ_FOREACH (c, &w->claudes, entry) {
		inband_replay(c);
		control_replay(c);
		hook_replay(c);
	}
}

void
worker_init(struct worker *w, const struct worker_options *o)
{
	memset(w, 0, sizeof *w);
	loop_init(&w->loop, NULL, NULL);
	w->team = o->team;
	TAILQ_INIT(&w->claudes);
	TAILQ_INIT(&w->errands);
	TAILQ_INIT(&w->results);
	w->stop_timer = evtimer_new(w->loop.base, stop_timer_cb, w);
	spool_init(&w->spool, o->spool_dir, getpid(), compat_proc_start(getpid()));
	link_init(w, o);
}

void
worker_release(struct worker *w)
{
	tunnel_end(w);
	errand_release(w);
	link_release(w);
	report_drop(w);
	spool_close(&w->spool);
	event_free(w->stop_timer);
	free(w->stop_id);
	loop_release(&w->loop);
}

void
worker_stop(struct worker *w)
{
	struct claude *c, *next;

	w->stopping = true;
	link_end(w);
	TAILQ_FOREACH_SAFE (c, &w->claudes, entry, next)
		claude_close(c, NULL);
	tunnel_end(w);
	errand_stop(w);
	finish_if_done(w);
}

void
worker_claude_gone(struct worker *w)
{
	finish_if_done(w);
}

void
worker_errand_gone(struct worker *w)
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
		if (waitpid(info.si_pid, &status, 0) != info.si_pid)
			continue;
		if (c != NULL)
			claude_exited(c, status);
		else if (!session_mcp_reaped(w, info.si_pid, status))
			errand_reaped(w, info.si_pid, status);
	}
	TAILQ_FOREACH_SAFE (c, &w->claudes, entry, next)
		stop_check(c);
}
