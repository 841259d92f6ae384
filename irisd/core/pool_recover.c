/* SPDX-License-Identifier: MIT
 *
 * The pool after a death: processes that have outlived an earlier irisd are taken over as they are,
 * and of a message that may or may not have reached its Claude the transcript decides. See pool.h.
 */
#include <stdio.h>
#include <string.h>

#include "common/compat.h"
#include "common/json.h"
#include "common/log.h"
#include "irisd/core/line.h"
#include "irisd/core/message.h"
#include "irisd/core/pool_private.h"
#include "irisd/core/team.h"
#include "irisd/net/worker.h"

static void
copy_text(char *to, const char *from, size_t size)
{
	compat_strlcpy(to, from != NULL ? from : "", size);
	json_utf8_mend(to);
}

static void
adopt_turn(struct session *s, struct message *m, const char *seen)
{
	session_move(s, SESSION_EV_TURN);
	s->current = m;
	m->limbo = false;
	if (seen != NULL)
		message_seen(m, seen);
	if (m->cancel_wanted)
		pool_interrupt(m);
}

void
pool_adopt(struct session *s, const struct pool_adopted *a)
{
	struct err err;

	s->pid = a->pid;
	s->pid_start = a->start;
	s->process++;
	copy_text(s->model, a->model, sizeof s->model);
	copy_text(s->version, a->version, sizeof s->version);
	session_move(s, SESSION_EV_START);
	log_info("session adopted from=%s to=%s pid=%ld state=%s", s->row.from, s->team->name,
	    (long)a->pid, session_state_name(a->state));
	if (a->state == SESSION_STARTING) {
		/* Its end of starting was promised to another irisd: ask again. */
		s->pid = 0;
		if (worker_open(s, &err) == -1)
			pool_on_open_failed(s, &err, POOL_OPEN_REFUSED);
		return;
	}
	session_move(s, SESSION_EV_OPENED);
	if (a->current != NULL)
		adopt_turn(s, a->current, a->seen);
	if (a->state == SESSION_STOPPING)
		pool_close(s);
	else if (s->state == SESSION_IDLE)
		pool_became_idle(s);
}

static struct message *
looked_for(struct session *s, const char *message)
{
	struct message *m = message_find(s->d, message);

	/* Also where it has ended meanwhile: others wait behind it. */
	pool_want(s);
	if (m == NULL || m->session != s || !m->looking)
		return NULL;
	m->looking = false;
	return m;
}

/* Claude has it, or may have it, and no answer is to be had: it is not given to it once more. */
static void
fail(struct message *m, enum err_code code, const char *what)
{
	const char *team = m->session->team->name;
	struct err why;

	if (m->cancel_wanted) {
		message_cancelled(m,
		    m->cut ? "cancelled; its line was lost, and its turn was ended then"
			   : "cancelled; its turn ended by a crash",
		    NULL);
		return;
	}
	err_set(&why, m->cut && code == ERR_CRASHED ? ERR_LINE : code,
	    "%s, and %s; look at the session of team %s before you send it again", m->doubt, what,
	    team);
	message_failed(m, &why, NULL);
}

/* It is not in the transcript. */
static void
absent(struct message *m)
{
	const struct team *t = m->session->team;
	struct err why;

	if (m->turn[0] != '\0' && !m->cancel_wanted && !t->removed && m->attempts < ATTEMPTS_CUT)
		pool_goes_on_again(m);
	else if (m->state == LADDER_SEEN)
		fail(m, ERR_CRASHED,
		    "Claude had taken the message, but its transcript does not have it");
	else if (m->cancel_wanted)
		message_cancelled(m, "cancelled before Claude had it", NULL);
	else if (t->removed) {
		err_set(&why, ERR_NOT_FOUND, "team %s was removed from the configuration", t->name);
		message_failed(m, &why, NULL);
	} else if (m->attempts >= (m->cut ? ATTEMPTS_CUT : ATTEMPTS_CRASH))
		fail(m, ERR_CRASHED,
		    m->cut ? "it was cut off again with each try" : "a second try was the last");
	else
		message_certain(m);
}

void
pool_on_lookup(struct session *s, const char *message, const struct pool_lookup *l)
{
	struct message *m;
	char evidence[64];

	/* Whatever the host says: it is there. */
	line_up(s->team);
	if ((m = looked_for(s, message)) == NULL)
		return;
	log_info("transcript searched id=%s from=%s to=%s found=%d line=%lld", m->id, s->row.from,
	    s->team->name, (int)l->found, (long long)l->line);
	snprintf(evidence, sizeof evidence, "transcript line %lld", (long long)l->line);
	if (l->found != POOL_ABSENT && !s->row.started) {
		s->row.started = true;
		store_session_update(s->d->store, &s->row);
	}
	switch (l->found) {
	case POOL_RUNNING:
		pool_look_later(m);
		break;
	case POOL_ANSWERED:
		message_found(m, l->answer, evidence);
		break;
	case POOL_TAKEN:
		message_seen(m, evidence);
		if (!pool_goes_on(m))
			fail(m, ERR_CRASHED,
			    m->resumes >= RESUMES_MAX
				? "its turn was cut off each time that it was gone on with"
				: "its turn did not come to its end");
		break;
	case POOL_ABSENT:
		absent(m);
		break;
	}
}

void
pool_on_lookup_failed(struct session *s, const char *message, const struct err *why, bool again)
{
	bool cut = why->code == ERR_LINE && s->team->cfg->remote != NULL;
	struct message *m;
	char what[256];

	if (cut)
		line_lost(s->team, why->msg);
	m = looked_for(s, message);
	if (m == NULL || again || cut)
		return;
	snprintf(
	    what, sizeof what, "whether Claude has it can not be found out (%.200s)", why->msg);
	json_utf8_mend(what);
	fail(m, why->code == ERR_HOST ? ERR_HOST : ERR_CRASHED, what);
}

void
pool_renew_team(struct team *t)
{
	struct session *s;

	TAILQ_FOREACH (s, &t->sessions, team_entry) {
		s->stale = s->state != SESSION_ASLEEP && s->state != SESSION_WAITING;
		if (s->state == SESSION_IDLE)
			pool_close(s);
	}
}

void
pool_idle_again(struct irisd *d)
{
	struct timeval tv;
	struct session *s;
	struct team *t;
	int64_t left;

	TAILQ_FOREACH (t, &d->teams, entry) {
		TAILQ_FOREACH (s, &t->sessions, team_entry) {
			if (s->state != SESSION_IDLE || s->idle_timer == NULL)
				continue;
			left = s->idle_since + t->cfg->idle_timeout - compat_mono_ms();
			left = left > 0 ? left : 0;
			tv.tv_sec = left / 1000;
			tv.tv_usec = (left % 1000) * 1000;
			evtimer_add(s->idle_timer, &tv);
		}
	}
}
