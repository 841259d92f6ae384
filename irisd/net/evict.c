/* SPDX-License-Identifier: MIT
 *
 * Kills what a lost worker's Claudes have left, see evict.h. Called by worker.c and adopt.c; tells
 * the pool when a team's sessions may be opened again.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/compat.h"
#include "common/log.h"
#include "common/remains.h"
#include "common/xmalloc.h"
#include "irisd/core/pool.h"
#include "irisd/net/evict.h"

/*
 * The looks after the first one. A process in the middle of exec shows no environment, so that one
 * look that finds nothing proves nothing: two in a row do.
 */
static const int look_ms[] = {20, 20, 40, 80, 160, 320, 640, 1280, 2560};
#define LOOKS (sizeof look_ms / sizeof look_ms[0])

struct evict {
	struct team *team;
	struct event *timer;
	size_t looks; /* that were made */
	bool clean;   /* the last one found nothing */
	struct remains remains;
};

static void
look(struct remains *r, const struct session *s)
{
	char mark[64];

	snprintf(mark, sizeof mark, "IRIS_CLAUDE=%s", s->row.instance);
	remains_note_marked(r, mark);
}

/* A session with a mark that belongs to no process of a connected worker. */
static bool
stray(const struct session *s)
{
	return s->row.instance[0] != '\0' &&
	    (s->state == SESSION_ASLEEP || s->state == SESSION_WAITING);
}

static size_t
kill_all(struct evict *e)
{
	struct session *s;

	TAILQ_FOREACH (s, &e->team->sessions, team_entry) {
		if (!stray(s))
			continue;
		if (s->left_pid != 0 && compat_proc_start(s->left_pid) == s->left_start)
			remains_note(&e->remains, s->left_pid);
		look(&e->remains, s);
	}
	remains_signal(&e->remains, SIGKILL);
	return remains_count(&e->remains);
}

static void
done(struct evict *e)
{
	struct team *t = e->team;
	struct session *s;

	TAILQ_FOREACH (s, &t->sessions, team_entry) {
		if (!stray(s))
			continue;
		s->row.instance[0] = '\0';
		s->left_pid = 0;
		store_session_process(t->d->store, &s->row);
	}
	evict_forget(t);
	pool_want_team(t);
}

static void
again(struct evict *e)
{
	int ms = look_ms[e->looks < LOOKS ? e->looks : LOOKS - 1];
	struct timeval tv = {ms / 1000, (ms % 1000) * 1000};

	e->looks++;
	evtimer_add(e->timer, &tv);
}

static void
timer_cb(evutil_socket_t fd, short what, void *arg)
{
	struct evict *e = arg;
	size_t left = kill_all(e);

	(void)fd;
	(void)what;
	if (left == 0 && e->clean) {
		done(e);
		return;
	}
	e->clean = left == 0;
	if (e->looks == LOOKS)
		log_error("%zu processes of team %s can not be killed; its sessions wait for that",
		    left, e->team->name);
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
	e->clean = kill_all(e) == 0;
	again(e);
}

void
evict_mark(const char *instance)
{
	struct remains *r = xcalloc(1, sizeof *r);
	char mark[64];

	snprintf(mark, sizeof mark, "IRIS_CLAUDE=%s", instance);
	remains_note_marked(r, mark);
	remains_signal(r, SIGKILL);
	free(r);
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
