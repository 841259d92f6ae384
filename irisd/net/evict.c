/* SPDX-License-Identifier: MIT
 *
 * Kills what Claudes have left that no worker can end, see evict.h. Called by worker.c, adopt.c and
 * the pool, which it tells when a session may be opened again.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/compat.h"
#include "common/log.h"
#include "common/remains.h"
#include "common/xmalloc.h"
#include "irisd/core/permission.h"
#include "irisd/core/message.h"
#include "irisd/core/pool.h"
#include "irisd/net/evict.h"

/*
 * The looks after the first one. A process in the middle of exec shows no environment, so that one
 * look that finds nothing proves nothing: two in a row do.
 */
static const int look_ms[] = {20, 20, 40, 80, 160, 320, 640, 1280, 2560};
#define LOOKS (sizeof look_ms / sizeof look_ms[0])

#define MARK_SIZE (sizeof "IRIS_CLAUDE=" + UUID_LEN)

struct evict {
	struct team *team;
	struct event *timer;
	size_t looks; /* that were made */
	bool clean;   /* the last one found nothing */
	bool stuck;   /* so many have found something that it can not be killed */
	struct remains remains;
};

/* A session with a mark that belongs to no process of a connected worker. */
static bool
stray(const struct session *s)
{
	return s->row.instance[0] != '\0' &&
	    (s->state == SESSION_ASLEEP || s->state == SESSION_WAITING);
}

/* One look at the system for all of them. */
static int
note_marks(struct remains *r, const char *const *instances, size_t n)
{
	char(*text)[MARK_SIZE] = xcalloc(n, sizeof *text);
	const char **marks = xcalloc(n, sizeof *marks);
	size_t i;
	int rv;

	for (i = 0; i < n; i++) {
		snprintf(text[i], sizeof text[i], "IRIS_CLAUDE=%s", instances[i]);
		marks[i] = text[i];
	}
	rv = remains_note_marked(r, marks, n);
	free(marks);
	free(text);
	return rv;
}

/* An ssh alone: a connection that sessions of other teams share may hang on it. */
static void
end_left(struct evict *e, const struct session *s)
{
	if (s->left_pid == 0 || compat_proc_start(s->left_pid) != s->left_start)
		return;
	if (s->remote)
		kill(s->left_pid, SIGKILL);
	else
		remains_note(&e->remains, s->left_pid);
}

/* Kill what there is of the team's strays. True when it is known that nothing is left. */
static bool
kill_all(struct evict *e)
{
	const char **instances = NULL;
	struct session *s;
	bool known = true;
	size_t n = 0;

	TAILQ_FOREACH (s, &e->team->sessions, team_entry) {
		if (!stray(s))
			continue;
		end_left(e, s);
		/* What bears its mark is ended over there, be that this very machine. */
		if (s->remote)
			continue;
		instances = xreallocarray(instances, n + 1, sizeof *instances);
		instances[n++] = s->row.instance;
	}
	if (n > 0)
		known = note_marks(&e->remains, instances, n) == 0;
	free(instances);
	remains_signal(&e->remains, SIGKILL);
	return remains_count(&e->remains) == 0 && known;
}

static void
done(struct evict *e)
{
	struct team *t = e->team;
	struct session *s;

	TAILQ_FOREACH (s, &t->sessions, team_entry) {
		if (!stray(s))
			continue;
		permission_process_gone(t->d, s->row.instance);
		s->left_pid = 0;
		/* What is left on another machine is ended there, before the next one begins. */
		if (s->remote)
			continue;
		s->row.instance[0] = '\0';
		store_session_process(t->d->store, &s->row);
	}
	evict_forget(t);
	pool_want_team(t);
}

static void
again(struct evict *e)
{
	int ms = look_ms[e->clean ? 0 : e->looks < LOOKS ? e->looks : LOOKS - 1];
	struct timeval tv = {ms / 1000, (ms % 1000) * 1000};

	e->looks++;
	evtimer_add(e->timer, &tv);
}

/* Those who wait learn that it may be for long; who only wanted the team awake waits no more. */
static void
now_stuck(struct evict *e)
{
	struct message *m, *next;
	struct session *s;
	struct err why;

	e->stuck = true;
	TAILQ_FOREACH (s, &e->team->sessions, team_entry) {
		if (!stray(s))
			continue;
		evict_why(s, &why, NULL);
		log_error("session waits from=%s to=%s reason=%s", s->row.from, s->row.to, why.msg);
		TAILQ_FOREACH_SAFE (m, &s->queue, entry, next)
			message_activity(m, why.msg);
		pool_want(s);
	}
}

static void
timer_cb(evutil_socket_t fd, short what, void *arg)
{
	struct evict *e = arg;
	bool clean = kill_all(e);

	(void)fd;
	(void)what;
	if (clean && e->clean) {
		done(e);
		return;
	}
	e->clean = clean;
	if (e->looks == LOOKS && !clean)
		now_stuck(e);
	again(e);
}

void
evict_team(struct team *t)
{
	struct evict *e = t->evict;
	struct session *s;

	TAILQ_FOREACH (s, &t->sessions, team_entry)
		if (stray(s))
			break;
	if (s == NULL)
		return;
	if (e == NULL) {
		e = t->evict = xcalloc(1, sizeof *e);
		e->team = t;
		e->timer = evtimer_new(t->d->loop.base, timer_cb, e);
	}
	e->looks = 0;
	e->clean = kill_all(e);
	again(e);
}

bool
evict_holds(const struct session *s)
{
	return s->team->evict != NULL && stray(s);
}

void
evict_why(const struct session *s, struct err *why, bool *stuck)
{
	const struct evict *e = s->team->evict;
	const char *team = s->team->name;

	if (stuck != NULL)
		*stuck = e->stuck;
	if (e->remains.n == 0)
		err_set(why, ERR_UNAVAILABLE,
		    e->stuck
			? "whether the last Claude of team %s has ended can not be told, as irisd lacks "
			  "descriptors or memory; its conversation is not opened again before that"
			: "the last Claude of team %s is looked after first",
		    team);
	else
		err_set(why, ERR_UNAVAILABLE,
		    e->stuck
			? "process %ld of the last Claude of team %s can not be killed, and its "
			  "conversation is not opened again before it is gone; mend what it "
			  "hangs on (a file system that does not answer?)"
			: "process %ld of the last Claude of team %s is ended first",
		    (long)e->remains.list[0].pid, team);
}

int
evict_marks(const char *const *instances, size_t n)
{
	struct remains *r = xcalloc(1, sizeof *r);
	int rv = note_marks(r, instances, n);

	remains_signal(r, SIGKILL);
	free(r);
	return rv;
}

void
evict_forget(struct team *t)
{
	if (t->evict == NULL)
		return;
	event_free(t->evict->timer);
	free(t->evict);
	t->evict = NULL;
}
