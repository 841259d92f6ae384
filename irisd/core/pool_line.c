/* SPDX-License-Identifier: MIT
 *
 * The pool of a team on another machine, when the line to it is lost: what was under way goes back
 * into its queue in doubt, is looked up when the host is reached again, and goes on with a user
 * line of its own where Claude had begun with it. Nothing is given to a Claude twice. See pool.h;
 * when the line is tried again is core/line.c's.
 */
#include <stdio.h>

#include "common/compat.h"
#include "common/log.h"
#include "irisd/core/line.h"
#include "irisd/core/message.h"
#include "irisd/core/permission.h"
#include "irisd/core/pool_private.h"
#include "irisd/core/team.h"
#include "irisd/net/evict.h"

#define LOOK_FIRST_MS 2000
#define LOOK_MAX_MS   10000
#define ENDS_MAX      2 /* look-ups that are to end a Claude and do not */

/* Its message is not to be looked for where the team is now. */
static bool
moved(struct session *s, struct message *m)
{
	struct err why;

	if (!s->moved)
		return false;
	err_set(&why, ERR_LINE,
	    "team %s was moved to another machine while the old one had this message; look at the "
	    "session there before you send it again",
	    s->team->name);
	message_failed(m, &why, NULL);
	return true;
}

void
pool_in_doubt(struct session *s, const char *reason)
{
	struct message *m = s->current;

	s->current = NULL;
	if (m != NULL && !moved(s, m))
		message_requeue(m, reason);
}

void
pool_on_cut(struct session *s, const char *reason)
{
	struct message *m = s->current;

	if (s->state == SESSION_ASLEEP || s->state == SESSION_WAITING)
		return;
	if (s->team->cfg->remote == NULL) {
		/* The team was moved here meanwhile. */
		pool_on_lost(s, reason);
		evict_team(s->team);
		return;
	}
	/* It has asked over the line, and hears no answer any more. */
	permission_process_gone(s->d, s->row.instance);
	if (m != NULL) {
		/* By somebody who wanted the turn to end. */
		if (s->state == SESSION_STOPPING && !s->d->stopping)
			m->cancel_wanted = true;
		m->cut = true;
	}
	pool_in_doubt(s, reason);
	pool_became_asleep(s);
	line_lost(s->team, reason);
}

/* A message of the session has been with a process already, or may have waited for the line. */
static bool
under_way(const struct session *s)
{
	const struct message *m = TAILQ_FIRST(&s->queue);

	return m != NULL && (m->state != LADDER_QUEUED || m->recovered);
}

bool
pool_open_waits(struct session *s, const struct err *why, enum pool_open_failure how)
{
	if (how != POOL_OPEN_CUT &&
	    (how != POOL_OPEN_LINE || (!line_broken(s->team) && !under_way(s))))
		return false;
	/* Who only wants it awake does not wait for that. */
	session_tell(s, false, why);
	line_lost(s->team, why->msg);
	return true;
}

bool
pool_line_tried(const struct session *s)
{
	const struct session *other;

	if (!line_down(s->team))
		return false;
	TAILQ_FOREACH (other, &s->team->sessions, team_entry)
		if (other != s && other->state == SESSION_STARTING)
			return true;
	return false;
}

bool
pool_goes_on(struct message *m)
{
	const struct team *t = m->session->team;

	if (t->cfg->remote == NULL || t->removed || m->cancel_wanted || m->kind != STORE_KIND_ASK ||
	    m->resumes >= RESUMES_MAX)
		return false;
	m->attempts = 0;
	m->cut = true;
	m->resuming = false;
	message_certain(m);
	return true;
}

void
pool_goes_on_again(struct message *m)
{
	m->resumes--;
	m->resuming = false;
	message_certain(m);
}

static void
look_cb(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	pool_want(arg);
}

void
pool_look_again(struct message *m)
{
	int64_t left = m->look_at - compat_mono_ms();
	struct session *s = m->session;
	struct timeval tv;

	if (s->look_timer == NULL)
		s->look_timer = evtimer_new(s->d->loop.base, look_cb, s);
	/* libevent counts from the beginning of the pass: who is woken too early comes here again. */
	left = left > 0 ? left + 1 : 1;
	tv.tv_sec = left / 1000;
	tv.tv_usec = (left % 1000) * 1000;
	evtimer_add(s->look_timer, &tv);
}

void
pool_look_later(struct message *m)
{
	int64_t ms = (int64_t)LOOK_FIRST_MS << (m->looks < 4 ? m->looks : 4);
	char text[MESSAGE_WHERE];

	if (m->ending && m->looks >= ENDS_MAX) {
		message_cancelled(m, "cancelled; its Claude over there could not be ended", NULL);
		return;
	}
	m->runs = true;
	m->looks++;
	m->look_at = compat_mono_ms() + (ms < LOOK_MAX_MS ? ms : LOOK_MAX_MS);
	pool_want(m->session);
	message_describe(m, text, sizeof text);
	message_activity(m, text);
}

void
pool_line_over(struct team *t, const struct err *why)
{
	struct session *s;

	log_warn("line given up team=%s reason=%s", t->name, why->msg);
	TAILQ_FOREACH (s, &t->sessions, team_entry)
		if (s->state == SESSION_ASLEEP || s->state == SESSION_WAITING)
			pool_fail_all(s, why);
	line_forget(t);
}

void
pool_moved_team(struct team *t)
{
	struct message *m, *next;
	struct session *s;

	TAILQ_FOREACH (s, &t->sessions, team_entry) {
		s->moved = true;
		TAILQ_FOREACH_SAFE (m, &s->queue, entry, next)
			if (m->doubt != NULL || m->state == LADDER_SEEN)
				moved(s, m);
		/* It may be that nothing is left of it there. */
		s->moved = s->state != SESSION_ASLEEP && s->state != SESSION_WAITING;
	}
	line_forget(t);
}
