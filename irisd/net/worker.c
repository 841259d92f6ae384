/* SPDX-License-Identifier: MIT
 *
 * Worker processes and their connections: their start, their hello, their end, see worker.h. What
 * they are asked is worker_ask.c's, what they say worker_event.c's.
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
#include "common/rpc.h"
#include "common/spawn.h"
#include "common/xmalloc.h"
#include "irisd/core/backoff.h"
#include "irisd/core/pool.h"
#include "irisd/core/renew.h"
#include "irisd/core/tunnel.h"
#include "irisd/mcp/inband.h"
#include "irisd/net/adopt.h"
#include "irisd/net/evict.h"
#include "irisd/net/worker_private.h"

#define HELLO_TIMEOUT_MS 10000
#define STOP_EXTRA_MS    1000 /* beyond settings.stopTimeout, for the worker's own end */
#define LAST_WORDS_MS    1000 /* from a worker's death to the end of its connection */
#define LEAVE_GRACE_MS   2000 /* for what is queued when irisd hands over */
#define LEFTOVERS_MAX    256

/*
 * Kill a worker with everything that descends from it, when it still is the one that was meant. Of
 * a remote team, alone: connections that others share may hang on it, and net/evict.c ends its own.
 */
static void
kill_tree(const struct team *t, pid_t pid, uint64_t start)
{
	pid_t pids[LEFTOVERS_MAX];
	size_t n, i;

	if (pid <= 0 || compat_proc_start(pid) != start || start == 0)
		return;
	n = t->cfg->remote == NULL ? compat_proc_descendants(&pid, 1, pids, LEFTOVERS_MAX) : 0;
	for (i = 0; i < n && i < LEFTOVERS_MAX; i++)
		kill(pids[i], SIGKILL);
	kill(pid, SIGKILL);
}

static void
call_free(struct worker *w, struct worker_call *c)
{
	if (c->kind != WORKER_PING)
		health_work(w->d, -1);
	TAILQ_REMOVE(&w->calls, c, entry);
	free(c);
}

static void
worker_free(struct worker *w)
{
	struct worker_call *c;

	while ((c = TAILQ_FIRST(&w->calls)) != NULL)
		call_free(w, c);
	TAILQ_REMOVE(&w->d->workers, w, entry);
	if (w->team->worker == w)
		w->team->worker = NULL;
	if (w->exit_ev != NULL)
		event_free(w->exit_ev);
	if (w->exit_fd != -1)
		close(w->exit_fd);
	event_free(w->timer);
	cJSON_Delete(w->held);
	free(w);
}

/* What its sessions have in doubt, whether in flight or with a result that it still held. */
static void
sessions_lost(struct team *t, const char *reason)
{
	struct message *m, *next;
	struct session *s;

	TAILQ_FOREACH (s, &t->sessions, team_entry)
		pool_on_lost(s, reason);
	HASH_ITER(hh, t->d->messages, m, next)
	{
		if (m->session->team != t)
			continue;
		if (m->limbo)
			message_requeue(m, reason);
		m->looking = false;
	}
}

/* What it was asked to remove, nobody will. */
static void
transcripts_kept(struct worker *w, const char *reason)
{
	struct worker_call *c;
	struct session *s;
	struct err err;

	err_set(&err, ERR_UNAVAILABLE, "%s", reason);
	TAILQ_FOREACH (c, &w->calls, entry)
		if (c->kind == WORKER_FORGET && (s = session_by_key(w->team, c->session)) != NULL)
			renew_on_forgotten(s, false, &err);
}

void
worker_lost(struct worker *w, const char *why)
{
	bool current = w->team->worker == w;
	char reason[256];

	if (w->gone)
		return;
	w->gone = true;
	evtimer_del(w->timer);
	if (w->peer != NULL)
		peer_close(w->peer, 0);
	w->peer = NULL;
	snprintf(reason, sizeof reason, "the team's iris-worker %s", why);
	worker_host_lost(w, reason);
	if (!w->stopping)
		log_warn("worker lost team=%s pid=%ld reason=%s", w->team->name, (long)w->pid, why);
	if (!w->reaped)
		kill_tree(w->team, w->pid, w->start);
	/* Neither a child nor watched: this is all that will be known of its end. */
	w->reaped = w->reaped || (!w->child && w->exit_ev == NULL);
	if (w->adopting) {
		adopt_failed(w, reason);
		return;
	}
	/* Results that it could not get rid of in time, whoever it was. */
	adopt_spool(w->d, w->pid, w->start);
	/*
	 * A worker that was retired has no sessions any more; those of its team are its
	 * successor's.
	 */
	if (!current)
		return;
	w->team->worker = NULL;
	if (!w->stopping && !w->leaving)
		backoff_crash(w->team, reason);
	sessions_lost(w->team, reason);
	transcripts_kept(w, reason);
	evict_team(w->team);
	tunnel_lost(w->team, reason);
	pool_want_team(w->team);
}

/* The end of its connection or of its process, whichever comes last, is its end. */
void
worker_free_if_done(struct worker *w)
{
	if (!w->gone || !w->reaped)
		return;
	store_worker_delete(w->d->store, w->pid, w->start);
	worker_free(w);
}

static void
timer_cb(evutil_socket_t fd, short what, void *arg)
{
	struct worker *w = arg;

	(void)fd;
	(void)what;
	worker_lost(
	    w, w->stopping || w->leaving ? "did not stop in time" : "did not connect in time");
	worker_free_if_done(w);
}

void
worker_arm(struct worker *w, int64_t ms)
{
	struct timeval tv = {ms / 1000, (ms % 1000) * 1000};

	evtimer_add(w->timer, &tv);
}

struct worker *
worker_new(struct team *t, pid_t pid, uint64_t start)
{
	struct worker *w = xcalloc(1, sizeof *w);

	w->d = t->d;
	w->team = t;
	w->pid = pid;
	w->start = start;
	w->exit_fd = -1;
	w->timer = evtimer_new(t->d->loop.base, timer_cb, w);
	TAILQ_INIT(&w->calls);
	TAILQ_INSERT_TAIL(&t->d->workers, w, entry);
	return w;
}

struct worker *
worker_start(struct team *t, struct err *err)
{
	const struct config_settings *cfg = &t->d->conf->config->settings;
	char prog[PATHS_MAX], s[] = "-s", o[] = "-t", l[] = "-l", level[16], dir[] = "-d";
	char orphan[] = "-o", orphan_ms[32], file[] = "-g";
	char *argv[] = {prog, s, t->d->paths.sock, o, t->name, l, level, dir, t->d->paths.spool,
	    orphan, orphan_ms, file, t->d->paths.logfile, NULL};
	struct spawn sp = {.path = prog,
	    .argv = argv,
	    .dir = "/",
	    .fds = {-1, -1, STDERR_FILENO},
	    .own_session = true};
	struct store_worker row;
	struct worker *w;
	pid_t pid;

	compat_strlcpy(level, config_log_level_names[cfg->log_level], sizeof level);
	snprintf(orphan_ms, sizeof orphan_ms, "%lld", (long long)cfg->orphan_timeout);
	if (paths_program("iris-worker", prog, sizeof prog, err) == -1 ||
	    (pid = spawn_process(&sp, err)) == -1)
		return NULL;
	w = worker_new(t, pid, compat_proc_start(pid));
	w->child = true;
	w->held = cJSON_CreateArray();
	t->worker = w;
	/* On disk before anything is handed to it: its hello is answered after the commit only. */
	row = (struct store_worker){pid, w->start, t->name};
	store_worker_insert(t->d->store, &row);
	worker_arm(w, HELLO_TIMEOUT_MS);
	log_info("worker started team=%s pid=%ld", t->name, (long)pid);
	return w;
}

void
worker_send(struct worker *w, char *text)
{
	if (w->gone)
		free(text);
	else if (w->peer != NULL)
		peer_send(w->peer, text);
	else {
		cJSON_AddItemToArray(w->held, cJSON_CreateRaw(text));
		free(text);
	}
}

void
worker_done(struct worker *w, const char *id)
{
	char *line;

	if (w->gone || w->peer == NULL)
		return;
	line = rpc_result(id, NULL);
	peer_send_soon(w->peer, line, strlen(line));
	free(line);
}

static void
stop(struct worker *w)
{
	if (w->stopping || w->gone)
		return;
	w->stopping = true;
	if (w->adopting) {
		/* It has not called yet; it ends in order by this as well. */
		kill(w->pid, SIGTERM);
		worker_arm(w, w->d->conf->config->settings.stop_timeout + STOP_EXTRA_MS);
		return;
	}
	worker_request(w, "worker/stop", json_new(), WORKER_OTHER, NULL, NULL);
	worker_arm(w, w->d->conf->config->settings.stop_timeout + STOP_EXTRA_MS);
}

void
worker_retire(struct team *t)
{
	struct message *m, *next;
	struct worker_call *c;
	struct session *s;

	/* One that leaves goes anyway, and its end is what others of the team may wait for. */
	if (t->worker == NULL || t->worker->leaving || tunnel_keeps_worker(t))
		return;
	TAILQ_FOREACH (s, &t->sessions, team_entry)
		if (s->state != SESSION_ASLEEP && s->state != SESSION_WAITING)
			return;
	TAILQ_FOREACH (c, &t->worker->calls, entry)
		if (c->kind == WORKER_LOOKUP || c->kind == WORKER_FORGET ||
		    c->kind == WORKER_CHECK || c->kind == WORKER_TRUST)
			return;
	/* A result that it has named in its hello is still to come. */
	HASH_ITER(hh, t->d->messages, m, next)
	{
		if (m->limbo && m->session->team == t)
			return;
	}
	stop(t->worker);
	t->worker = NULL;
}

bool
worker_left(const struct team *t)
{
	const struct worker *w;

	TAILQ_FOREACH (w, &t->d->workers, entry)
		if (w->team == t)
			return true;
	return false;
}

void
worker_leaves(struct worker *w)
{
	if (w->leaving)
		return;
	w->leaving = true;
	log_info("worker ends by itself team=%s pid=%ld", w->team->name, (long)w->pid);
	worker_arm(w, w->d->conf->config->settings.stop_timeout + STOP_EXTRA_MS);
}

bool
worker_leaving(const struct team *t)
{
	return t->worker != NULL && t->worker->leaving;
}

void
worker_stop_all(struct irisd *d)
{
	struct worker *w;

	TAILQ_FOREACH (w, &d->workers, entry)
		stop(w);
}

void
worker_leave_all(struct irisd *d)
{
	struct session *s;
	struct team *t;
	struct worker *w;

	/* Their in-band clients ask the next irisd again; what they wait for here is let go. */
	TAILQ_FOREACH (t, &d->teams, entry)
		TAILQ_FOREACH (s, &t->sessions, team_entry)
			inband_release(s);
	while ((w = TAILQ_FIRST(&d->workers)) != NULL) {
		if (w->peer != NULL)
			peer_close(w->peer, LEAVE_GRACE_MS);
		worker_free(w);
	}
}

static void
take_answer(struct worker *w, struct rpc_msg *m)
{
	struct worker_call *c;
	char id[32];

	TAILQ_FOREACH (c, &w->calls, entry) {
		snprintf(id, sizeof id, "%llu", (unsigned long long)c->id);
		if (m->id != NULL && strcmp(m->id, id) == 0) {
			bool host = c->kind == WORKER_CHECK || c->kind == WORKER_TRUST;
			worker_answered(w, c, m->result, m->error);
			call_free(w, c);
			if (host)
				worker_host_done(w);
			return;
		}
	}
}

static void
line_cb(struct peer *peer, char *line, size_t len, void *arg)
{
	struct worker *w = arg;
	struct rpc_msg m;
	struct err err;
	int rv;

	if (line == NULL) {
		char why[160];
		snprintf(why, sizeof why, "ended (%s)", peer_why(peer));
		worker_lost(w, why);
		worker_free_if_done(w);
		return;
	}
	if ((rv = rpc_parse(line, len, &m, &err)) == 0) {
		if (m.kind == RPC_RESPONSE || m.kind == RPC_ERROR)
			take_answer(w, &m);
		else
			rv = worker_event(w, m.id, m.method, m.params, &err);
	}
	rpc_clear(&m);
	if (rv == -1) {
		/* Our own child: a bad line is a fault, and it starts afresh. */
		log_error("worker broke the protocol team=%s pid=%ld: %s", w->team->name,
		    (long)w->pid, err.msg);
		worker_lost(w, "broke the protocol and was ended");
		worker_free_if_done(w);
	}
}

int
worker_adopting(const struct irisd *d)
{
	const struct team *t;
	int n = 0;

	TAILQ_FOREACH (t, &d->teams, entry)
		n += t->adopting;
	return n;
}

int
worker_adopt(struct irisd *d, struct peer *peer, pid_t pid, const struct rpc_msg *hello,
    cJSON *result, struct err *err)
{
	const char *team = json_str(hello->params, "team");
	const cJSON *line;
	struct worker *w;

	TAILQ_FOREACH (w, &d->workers, entry)
		if (w->pid == pid && w->peer == NULL && !w->gone)
			break;
	if (w == NULL || team == NULL || strcmp(team, w->team->name) != 0 ||
	    compat_proc_start(pid) != w->start || (w->adopting && w->team->worker != NULL)) {
		cJSON_Delete(result);
		return err_set(err, ERR_REFUSED,
		    "process %ld is not a worker that irisd has started", (long)pid);
	}
	w->peer = peer;
	peer_set_cb(peer, line_cb, w);
	if (!w->stopping)
		evtimer_del(w->timer);
	peer_send(peer, rpc_result(hello->id, result));
	cJSON_ArrayForEach (line, w->held)
		peer_send_copy(peer, line->valuestring, strlen(line->valuestring));
	cJSON_Delete(w->held);
	w->held = NULL;
	if (w->adopting)
		adopt_hello(w, hello->params);
	return 0;
}

void
worker_ended(struct worker *w, const char *how)
{
	w->reaped = true;
	/* A result may lie in its socket; behind it is the end, which is told to line_cb. */
	if (w->peer != NULL)
		worker_arm(w, LAST_WORDS_MS);
	else
		worker_lost(w, how);
	worker_free_if_done(w);
}

bool
worker_reaped(struct irisd *d, pid_t pid, int status)
{
	struct worker *w;
	char why[128];

	TAILQ_FOREACH (w, &d->workers, entry)
		if (w->pid == pid && w->child && !w->reaped)
			break;
	if (w == NULL)
		return false;
	if (WIFSIGNALED(status))
		snprintf(why, sizeof why, "was ended by signal %d", WTERMSIG(status));
	else
		snprintf(why, sizeof why, "ended with status %d", WEXITSTATUS(status));
	if (!w->stopping || status != 0)
		log_warn("worker %s team=%s pid=%ld", why, w->team->name, (long)w->pid);
	worker_ended(w, why);
	return true;
}

cJSON *
worker_json(const struct irisd *d)
{
	cJSON *list = cJSON_CreateArray(), *o;
	const struct session *s;
	const struct worker *w;
	int n;

	TAILQ_FOREACH (w, &d->workers, entry) {
		n = 0;
		TAILQ_FOREACH (s, &w->team->sessions, team_entry)
			n += s->pid != 0;
		o = json_new();
		json_put_str(o, "team", w->team->name);
		json_put_int(o, "pid", w->pid);
		json_put_int(o, "sessions", n);
		json_put_bool(o, "adopted", !w->child && !w->adopting);
		worker_health_put(w, o);
		cJSON_AddItemToArray(list, o);
	}
	return list;
}
