/* SPDX-License-Identifier: MIT
 *
 * Adoption of workers, see adopt.h.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/compat.h"
#include "common/json.h"
#include "common/log.h"
#include "common/xmalloc.h"
#include "irisd/core/permission.h"
#include "irisd/core/pool.h"
#include "irisd/core/session_key.h"
#include "irisd/core/tunnel.h"
#include "irisd/net/adopt.h"
#include "irisd/net/control.h"
#include "irisd/net/evict.h"
#include "irisd/net/worker_private.h"

#define CALL_MS 10000 /* from irisd's start to a living worker's hello */

/* --- what a dead worker has left -------------------------------------------------------------- */

/* One line of a spool file: a result, as in event/result, whose message may be final already. */
static void
take_spooled(struct irisd *d, const char *line, size_t len)
{
	struct pool_result r;
	const char *message;
	struct message *m;
	struct err err;
	cJSON *p = json_parse(line, len, &err);

	if (p == NULL || worker_read_result(p, &message, &r, &err) == -1)
		log_warn("a line of a spool file is not a result: %s", err.msg);
	else if ((m = message_find(d, message)) != NULL)
		pool_on_result(m->session, message, &r);
	cJSON_Delete(p);
}

static void
read_spool(struct irisd *d, const char *path)
{
	/* Nothing that has this name makes irisd wait. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	FILE *f = fd != -1 ? fdopen(fd, "r") : NULL;
	char *line = NULL;
	size_t size = 0;
	ssize_t n;

	if (f == NULL) {
		if (errno != ENOENT)
			log_error("can not read %s: %s", path, strerror(errno));
		if (fd != -1)
			close(fd);
		return;
	}
	/* A last line without its end was not finished, and nobody was told of it. */
	while ((n = getline(&line, &size, f)) > 0 && line[n - 1] == '\n')
		take_spooled(d, line, (size_t)n - 1);
	free(line);
	if (ferror(f)) {
		log_error("can not read %s: %s; it stays", path, strerror(errno));
		fclose(f);
		return;
	}
	fclose(f);
	store_commit(d->store);
	if (unlink(path) == -1)
		log_warn("can not remove %s: %s", path, strerror(errno));
	log_info("results of a worker that has ended were taken file=%s", path);
}

void
adopt_spool(struct irisd *d, int64_t pid, uint64_t start)
{
	char name[64], path[PATHS_MAX];

	snprintf(name, sizeof name, "%" PRId64 "-%" PRIu64 ".jsonl", pid, start);
	if (paths_join(path, sizeof path, d->paths.spool, name) == 0)
		read_spool(d, path);
}

/* The files of workers that live stay theirs: they tell it all themselves. */
static void
read_all_spools(struct irisd *d)
{
	DIR *dir = opendir(d->paths.spool);
	struct dirent *de;
	int64_t pid;
	uint64_t start;

	if (dir == NULL)
		return;
	while ((de = readdir(dir)) != NULL) {
		if (sscanf(de->d_name, "%" SCNd64 "-%" SCNu64 ".jsonl", &pid, &start) == 2 &&
		    compat_proc_start((pid_t)pid) != start)
			adopt_spool(d, pid, start);
	}
	closedir(dir);
}

struct strays {
	struct irisd *d;
	struct store_session *v; /* id and instance only */
	size_t n;
};

static void
stray_cb(const struct store_session *row, void *arg)
{
	struct strays *l = arg;

	if (row->instance[0] == '\0' || team_find(l->d, row->to) != NULL)
		return;
	l->v = xreallocarray(l->v, l->n + 1, sizeof *l->v);
	l->v[l->n] = *row;
	l->v[l->n].from = l->v[l->n].to = NULL;
	l->n++;
}

/* What is left of teams that are not configured any more. */
static void
evict_foreign(struct irisd *d)
{
	struct strays l = {d, NULL, 0};
	const char **instances;
	size_t i;

	store_session_each(d->store, stray_cb, &l);
	if (l.n == 0)
		return;
	instances = xcalloc(l.n, sizeof *instances);
	for (i = 0; i < l.n; i++)
		instances[i] = l.v[i].instance;
	/* Where nothing could be seen, the next irisd looks again. */
	if (evict_marks(instances, l.n) == 0) {
		for (i = 0; i < l.n; i++) {
			l.v[i].instance[0] = '\0';
			store_session_process(d->store, &l.v[i]);
		}
	}
	free(instances);
	free(l.v);
}

void
adopt_leftovers(struct irisd *d)
{
	struct team *t;

	read_all_spools(d);
	evict_foreign(d);
	TAILQ_FOREACH (t, &d->teams, entry)
		if (t->adopting == 0)
			evict_team(t);
}

/* --- who lives -------------------------------------------------------------------------------- */

static void
exit_cb(evutil_socket_t fd, short what, void *arg)
{
	struct worker *w = arg;

	(void)fd;
	(void)what;
	event_del(w->exit_ev);
	if (!w->reaped)
		worker_ended(w, "ended");
}

/* Its end is to be seen though it is no child of ours. Elsewhere its connection tells. */
static void
watch_exit(struct worker *w)
{
	if ((w->exit_fd = compat_proc_fd(w->pid)) == -1)
		return;
	w->exit_ev = event_new(w->d->loop.base, w->exit_fd, EV_READ, exit_cb, w);
	event_add(w->exit_ev, NULL);
}

struct rows {
	struct store_worker *v;
	size_t n;
};

static void
row_cb(const struct store_worker *row, void *arg)
{
	struct rows *r = arg;

	r->v = xreallocarray(r->v, r->n + 1, sizeof *r->v);
	r->v[r->n] = *row;
	r->v[r->n++].team = xstrdup(row->team);
}

static void
expect(struct team *t, const struct store_worker *row)
{
	struct worker *w = worker_new(t, (pid_t)row->pid, row->start);

	w->adopting = true;
	t->adopting++;
	watch_exit(w);
	worker_arm(w, CALL_MS);
	log_info("a worker lives team=%s pid=%ld", t->name, (long)w->pid);
}

void
adopt_begin(struct irisd *d)
{
	struct rows r = {NULL, 0};
	struct team *t;
	size_t i;
	bool lives;

	/* Collected first: rows are removed below. */
	store_worker_each(d->store, row_cb, &r);
	for (i = 0; i < r.n; i++) {
		t = team_find(d, r.v[i].team);
		lives = compat_proc_start((pid_t)r.v[i].pid) == r.v[i].start;
		if (lives && t != NULL) {
			expect(t, &r.v[i]);
		} else {
			/* A team that is not configured any more: its worker ends in order. */
			if (lives)
				kill((pid_t)r.v[i].pid, SIGTERM);
			store_worker_delete(d->store, r.v[i].pid, r.v[i].start);
		}
		free(r.v[i].team);
	}
	free(r.v);
}

void
adopt_call(struct irisd *d)
{
	struct worker *w;

	TAILQ_FOREACH (w, &d->workers, entry)
		if (w->adopting && compat_proc_start(w->pid) == w->start)
			kill(w->pid, SIGUSR1);
}

/* --- what they say ---------------------------------------------------------------------------- */

static bool
holds_result(const cJSON *results, const char *message)
{
	const cJSON *item;

	cJSON_ArrayForEach (item, results)
		if (cJSON_IsString(item) && strcmp(item->valuestring, message) == 0)
			return true;
	return false;
}

static enum session_state
state_from_name(const char *name)
{
	enum session_state state;

	for (state = SESSION_STARTING; state < SESSION_STATES; state++)
		if (name != NULL && strcmp(session_state_name(state), name) == 0)
			return state;
	return SESSION_STOPPING;
}

static void
take_session(struct worker *w, const cJSON *o)
{
	const char *key = json_str(o, "session"), *instance = json_str(o, "instance");
	const char *message = json_str(o, "message");
	struct session *s = key != NULL ? session_by_key(w->team, key) : NULL;
	struct pool_adopted a = {0};
	bool known;

	if (key == NULL)
		return;
	known = s != NULL && instance != NULL && strcmp(instance, s->row.instance) == 0;
	if (!known)
		log_warn("a worker has a process that no session knows team=%s session=%.40s",
		    w->team->name, key);
	if (s == NULL || s->state != SESSION_ASLEEP) {
		worker_close_unknown(w, key);
		return;
	}
	a.state = state_from_name(json_str(o, "state"));
	a.pid = (pid_t)json_int_or(o, "pid", 0);
	a.start = (uint64_t)json_int_or(o, "startTime", 0);
	a.model = json_str(o, "model");
	a.version = json_str(o, "version");
	a.seen = json_str(o, "seen");
	if (known && message != NULL && (a.current = message_find(w->d, message)) != NULL &&
	    (a.current->session != s || !a.current->limbo))
		a.current = NULL;
	/*
	 * A turn of which we know nothing: it ended for its senders. Its process is no use, and the
	 * next one waits for its end, or two would hold one conversation.
	 */
	if (!known || (a.state == SESSION_BUSY && a.current == NULL))
		a.state = SESSION_STOPPING;
	if (known)
		permission_adopted(s);
	pool_adopt(s, &a);
}

/*
 * All workers of the team have spoken or died. What none of them has may have been with one that
 * had died before irisd did, so that this, too, is looked up.
 */
static void
settle(struct team *t, const cJSON *results, const char *doubt)
{
	struct message *m, *next;

	HASH_ITER(hh, t->d->messages, m, next)
	{
		if (m->limbo && m->session->team == t && !holds_result(results, m->id))
			message_requeue(m,
			    doubt != NULL ? doubt
					  : "irisd ended, and the team's iris-worker does not have "
					    "the message");
	}
	session_key_settle(t);
	evict_team(t);
	tunnel_sync_team(t);
	pool_want_team(t);
	if (worker_adopting(t->d) == 0) {
		log_info("workers of the last irisd are adopted or gone");
		permission_settled(t->d);
		control_settled(t->d);
	}
}

static void
spoken(struct worker *w)
{
	w->adopting = false;
	w->team->adopting--;
}

void
adopt_hello(struct worker *w, const cJSON *params)
{
	const cJSON *item;
	struct team *t = w->team;

	spoken(w);
	t->worker = w;
	worker_settings(w);
	tunnel_adopted(t, json_obj(params, "tunnel"));
	cJSON_ArrayForEach (item, json_arr(params, "sessions"))
		take_session(w, item);
	log_info("worker adopted team=%s pid=%ld sessions=%d results=%d", t->name, (long)w->pid,
	    cJSON_GetArraySize(json_arr(params, "sessions")),
	    cJSON_GetArraySize(json_arr(params, "results")));
	if (t->adopting == 0)
		settle(t, json_arr(params, "results"), NULL);
}

void
adopt_failed(struct worker *w, const char *reason)
{
	struct team *t = w->team;

	spoken(w);
	adopt_spool(w->d, w->pid, w->start);
	if (t->adopting == 0)
		settle(t, NULL, reason);
}
