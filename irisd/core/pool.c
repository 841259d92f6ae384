/* SPDX-License-Identifier: MIT
 *
 * Who gets a process and when: the queue of those who want one, the slots, idle times and giving
 * way. See pool.h; what becomes of a process afterwards is pool_process.c's.
 */
#include <stdio.h>
#include <string.h>

#include "common/compat.h"
#include "common/log.h"
#include "irisd/core/backoff.h"
#include "irisd/core/line.h"
#include "irisd/core/message.h"
#include "irisd/core/pool_private.h"
#include "irisd/core/renew.h"
#include "irisd/core/team.h"
#include "irisd/mcp/inband.h"
#include "irisd/net/evict.h"
#include "irisd/net/worker.h"

void
pool_want(struct session *s)
{
	if (s->on_ready)
		return;
	s->on_ready = true;
	TAILQ_INSERT_TAIL(&s->d->ready, s, ready_entry);
}

void
pool_want_team(struct team *t)
{
	struct session *s;

	TAILQ_FOREACH (s, &t->sessions, team_entry)
		pool_want(s);
}

void
pool_slot_free(struct irisd *d)
{
	if (!TAILQ_EMPTY(&d->waiting))
		pool_want(TAILQ_FIRST(&d->waiting));
}

static bool
wanted_awake(const struct session *s)
{
	const struct session_watch *w;

	if (s->queued > 0)
		return true;
	TAILQ_FOREACH (w, &s->watches, entry)
		if (!w->asleep)
			return true;
	return false;
}

void
pool_fail_all(struct session *s, const struct err *why)
{
	struct message *m, *next;
	struct err unsure, begun;

	err_set(&unsure, why->code,
	    "%s; nobody knows whether Claude has this message: look at the session of team %s first",
	    why->msg, s->team->name);
	err_set(&begun, why->code,
	    "%s; Claude had begun with this message: look at the session of team %s first",
	    why->msg, s->team->name);
	TAILQ_FOREACH_SAFE (m, &s->queue, entry, next) {
		if (m->cancel_wanted && s->team->cfg->remote != NULL)
			message_cancelled(
			    m, "cancelled; whether Claude had it was not found out", NULL);
		else
			message_failed(m,
			    m->doubt != NULL              ? &unsure
				: m->state == LADDER_SEEN ? &begun
							  : why,
			    NULL);
	}
	session_tell(s, false, why);
}

static void
idle_cb(evutil_socket_t fd, short what, void *arg)
{
	struct session *s = arg;

	(void)fd;
	(void)what;
	if (s->state == SESSION_IDLE && s->queued == 0) {
		log_info("session idle for too long from=%s to=%s", s->row.from, s->team->name);
		pool_close(s);
	}
}

void
pool_became_idle(struct session *s)
{
	int64_t ms = s->team->cfg->idle_timeout;
	struct timeval tv = {ms / 1000, (ms % 1000) * 1000};

	if (s->team->removed || s->stale) {
		pool_close(s);
		return;
	}
	s->idle_since = compat_mono_ms();
	s->activity[0] = '\0';
	if (s->idle_timer == NULL)
		s->idle_timer = evtimer_new(s->d->loop.base, idle_cb, s);
	evtimer_add(s->idle_timer, &tv);
	pool_want(s);
	/* Its own messages first; if there are none, it may have to give way. */
	pool_slot_free(s->d);
}

void
pool_became_asleep(struct session *s)
{
	session_move(s, SESSION_EV_GONE);
	inband_release(s);
	s->pid = 0;
	s->pid_start = 0;
	s->activity[0] = '\0';
	if (s->idle_timer != NULL)
		evtimer_del(s->idle_timer);
	session_tell(s, true, NULL);
	pool_want(s);
	/* One tries the line, the others wait for that. */
	if (line_down(s->team))
		pool_want_team(s->team);
	pool_slot_free(s->d);
}

static struct session *
least_recently_used(struct irisd *d)
{
	struct session *s, *oldest = NULL;
	struct team *t;

	TAILQ_FOREACH (t, &d->teams, entry)
		TAILQ_FOREACH (s, &t->sessions, team_entry)
			if (s->state == SESSION_IDLE && s->queued == 0 &&
			    (oldest == NULL || s->idle_since < oldest->idle_since))
				oldest = s;
	return oldest;
}

static void
start(struct session *s)
{
	struct err err;

	session_move(s, SESSION_EV_START);
	/* What an earlier one may have left over there, the host ends before it opens this one. */
	if (s->team->cfg->remote != NULL)
		s->row.instance[0] = '\0';
	/* More than one slot may have become free in this pass. */
	pool_slot_free(s->d);
	if (worker_open(s, &err) == -1)
		pool_on_open_failed(s, &err, POOL_OPEN_REFUSED);
}

/*
 * Processes in the way of a new one: a turn that waits for another team holds no slot meanwhile, or
 * teams that ask one another could wait for a slot for ever.
 */
struct slots {
	int taken;
	int stopping; /* will be gone by themselves */
	int starting; /* not ready yet */
};

static void
count_slots(struct irisd *d, struct slots *n)
{
	struct session *s;
	struct team *t;

	*n = (struct slots){.taken = d->active};
	TAILQ_FOREACH (t, &d->teams, entry)
		TAILQ_FOREACH (s, &t->sessions, team_entry) {
			n->taken -= s->state == SESSION_BUSY && inband_waits(s);
			n->stopping += s->state == SESSION_STOPPING;
			n->starting += s->state == SESSION_STARTING;
		}
}

int
pool_room(struct irisd *d)
{
	const struct session *s;
	struct slots n;
	int room;

	count_slots(d, &n);
	room = d->conf->config->settings.max_processes - n.taken;
	TAILQ_FOREACH (s, &d->waiting, wait_entry)
		room--;
	return room > 0 ? room : 0;
}

void
pool_fit(struct irisd *d)
{
	struct session *s;
	struct slots n;
	int over;

	count_slots(d, &n);
	over = n.taken - n.stopping - (int)d->conf->config->settings.max_processes;
	for (; over > 0 && (s = least_recently_used(d)) != NULL; over--) {
		log_info(
		    "session gives way from=%s to=%s for=maxProcesses", s->row.from, s->team->name);
		pool_close(s);
	}
	d->too_many = over > 0;
}

/* How many wait for a slot before s, itself included. */
static int
place(const struct session *s)
{
	const struct session *other;
	int n = 0;

	TAILQ_FOREACH (other, &s->d->waiting, wait_entry) {
		n++;
		if (other == s)
			break;
	}
	return n;
}

/* Slots are given in the order of d->waiting; who comes later queues behind. */
static void
start_or_wait(struct session *s)
{
	struct irisd *d = s->d;
	const struct config_settings *cfg = &d->conf->config->settings;
	struct session *victim, *first = TAILQ_FIRST(&d->waiting);
	struct slots n;
	bool room;

	count_slots(d, &n);
	room = n.taken < cfg->max_processes;
	if (room && n.starting < cfg->max_starts && (first == NULL || first == s)) {
		start(s);
		return;
	}
	if (s->state == SESSION_ASLEEP)
		session_move(s, SESSION_EV_WAIT);
	/* The next one that is ready has this looked at again. */
	if (n.starting >= cfg->max_starts)
		return;
	if (room) {
		pool_want(first);
	} else if (n.stopping < place(s) && (victim = least_recently_used(d)) != NULL) {
		log_info("session gives way from=%s to=%s for=%s->%s", victim->row.from,
		    victim->team->name, s->row.from, s->team->name);
		pool_close(victim);
	}
}

/*
 * Slots go by who has waited longest: between two turns a session makes room for one whose message
 * is older than its own next one (ids sort by time), or a long queue could keep others waiting for
 * all of it.
 */
static bool
must_give_way(struct session *s)
{
	struct session *first = TAILQ_FIRST(&s->d->waiting);
	const struct message *theirs, *ours = TAILQ_FIRST(&s->queue);
	struct slots n;

	if (first == NULL || ours == NULL)
		return false;
	count_slots(s->d, &n);
	if (n.taken < s->d->conf->config->settings.max_processes || n.stopping > 0)
		return false;
	theirs = TAILQ_FIRST(&first->queue);
	return theirs == NULL || strcmp(theirs->id, ours->id) < 0;
}

static void
hand_over(struct session *s)
{
	struct message *m = TAILQ_FIRST(&s->queue);
	bool on = m->state == LADDER_SEEN;
	char evidence[128];
	struct err err;

	if (on)
		snprintf(evidence, sizeof evidence,
		    "resumed after its line was lost (%lld of %d times), process %ld",
		    (long long)m->resumes + 1, RESUMES_MAX, (long)s->pid);
	else
		snprintf(evidence, sizeof evidence, "%s to claude, process %ld",
		    m->attempts == 0 ? "handed" : "handed again", (long)s->pid);
	session_move(s, SESSION_EV_TURN);
	evtimer_del(s->idle_timer);
	s->current = m;
	if (on)
		message_resumed(m, evidence);
	else
		message_sent(m, evidence);
	if (worker_turn(s, m, &err) == -1)
		pool_on_turn_refused(s, m->id, &err);
}

/* The first message may or may not have reached Claude: nothing is done before that is known. */
static bool
in_doubt(const struct session *s)
{
	const struct message *m = TAILQ_FIRST(&s->queue);

	return m != NULL && m->doubt != NULL;
}

static void
look_up(struct session *s)
{
	struct message *m = TAILQ_FIRST(&s->queue);
	struct err err;

	if (m->looking || line_waits(s->team))
		return;
	if (compat_mono_ms() < m->look_at && (m->ending || !m->cancel_wanted)) {
		pool_look_again(m);
		return;
	}
	if (s->team->worker == NULL && backoff_waits(s->team))
		return;
	m->looking = true;
	if (m->cancel_wanted && !m->ending)
		m->looks = 0;
	m->ending = m->cancel_wanted;
	if (worker_lookup(s, m, &err) == -1)
		pool_on_lookup_failed(s, m->id, &err, false);
}

/* It wants a process and has none. */
static void
look_at_sleeper(struct session *s)
{
	struct err why;

	if (backoff_down(s->team, &why)) {
		pool_fail_all(s, &why);
		pool_want(s);
	} else if (in_doubt(s)) {
		look_up(s);
	} else if (!backoff_waits(s->team) && !line_waits(s->team) && !pool_line_tried(s)) {
		start_or_wait(s);
	} else if (s->state == SESSION_WAITING) {
		/* Others may have the slot meanwhile. */
		pool_became_asleep(s);
	}
}

/* Nothing is done for it now. Whoever ends that looks at the team's sessions again. */
static bool
held_up(const struct session *s)
{
	const struct team *t = s->team;

	return t->adopting > 0 || evict_holds(s) || worker_leaving(t) || renew_holds(s);
}

/* It may be for long: who only wants it awake does not wait for that. */
static void
tell_stuck(struct session *s)
{
	struct err why;
	bool stuck;

	if (!evict_holds(s))
		return;
	evict_why(s, &why, &stuck);
	if (stuck)
		session_tell(s, false, &why);
}

static void
look_at(struct session *s)
{
	if (s->d->stopping)
		return;
	if (!wanted_awake(s)) {
		if (s->state == SESSION_ASLEEP)
			worker_retire(s->team);
		else if (s->state == SESSION_WAITING)
			/* What it wanted a slot for was cancelled: the next one's turn. */
			pool_became_asleep(s);
		else if (s->state == SESSION_IDLE && s->d->too_many)
			pool_fit(s->d);
		return;
	}
	if (held_up(s)) {
		tell_stuck(s);
		/* Others may have the slot meanwhile. */
		if (s->state == SESSION_WAITING)
			pool_became_asleep(s);
		return;
	}
	switch (s->state) {
	case SESSION_ASLEEP:
	case SESSION_WAITING:
		look_at_sleeper(s);
		break;
	case SESSION_IDLE:
		session_tell(s, false, NULL);
		/* Over a line the look-up ends whatever holds the conversation. */
		if (in_doubt(s) && s->team->cfg->remote != NULL)
			pool_close(s);
		else if (in_doubt(s))
			look_up(s);
		else if (must_give_way(s))
			pool_close(s);
		else if (s->queued > 0)
			hand_over(s);
		break;
	case SESSION_BUSY:
		session_tell(s, false, NULL);
		break;
	case SESSION_STARTING:
	case SESSION_STOPPING:
	case SESSION_STATES:
		break;
	}
}

void
pool_run(struct irisd *d)
{
	struct session *s;

	while ((s = TAILQ_FIRST(&d->ready)) != NULL) {
		TAILQ_REMOVE(&d->ready, s, ready_entry);
		s->on_ready = false;
		look_at(s);
	}
	team_collect(d);
}

void
pool_close(struct session *s)
{
	static const struct err why = {
	    ERR_CANCELLED, "the team was put to sleep before it had started"};

	switch (s->state) {
	case SESSION_STARTING:
	case SESSION_IDLE:
	case SESSION_BUSY:
		session_move(s, SESSION_EV_CLOSE);
		if (s->idle_timer != NULL)
			evtimer_del(s->idle_timer);
		worker_close(s);
		break;
	case SESSION_WAITING:
		pool_fail_all(s, &why);
		pool_became_asleep(s);
		break;
	case SESSION_ASLEEP:
	case SESSION_STOPPING:
	case SESSION_STATES:
		break;
	}
}

void
pool_interrupt(struct message *m)
{
	if (m->session->current == m)
		worker_interrupt(m->session, m);
}

void
pool_drain_team(struct team *t)
{
	struct err why;
	struct session *s;

	err_set(&why, ERR_NOT_FOUND, "team %s was removed from the configuration", t->name);
	TAILQ_FOREACH (s, &t->sessions, team_entry) {
		pool_fail_all(s, &why);
		if (s->state != SESSION_BUSY)
			pool_close(s);
	}
}
