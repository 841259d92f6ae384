/* SPDX-License-Identifier: MIT
 *
 * The health of processes, see health.h. A look has two halves, a moment apart: the workers that
 * have something to do are asked, and then who has not answered is judged.
 */
#include <assert.h>
#include <stdio.h>

#include "common/log.h"
#include "irisd/core/event.h"
#include "irisd/core/health.h"
#include "irisd/core/message.h"
#include "irisd/core/team.h"
#include "irisd/mcp/follow.h"
#include "irisd/net/worker.h"

#define PATIENCE_MS 5000

static const char *const names[HEALTH_STATES] = {
    [HEALTH_ALIVE] = "alive",
    [HEALTH_UNKNOWN] = "unknown",
    [HEALTH_STOPPED] = "stopped",
    [HEALTH_DEAD] = "dead",
};

const char *
health_name(enum health h)
{
	return names[h];
}

static int64_t
interval(const struct irisd *d)
{
	return d->conf->config->settings.health_check_interval;
}

int64_t
health_patience(const struct irisd *d)
{
	return interval(d) < PATIENCE_MS ? interval(d) : PATIENCE_MS;
}

enum health
health_judge(enum compat_proc process, int64_t owed, int64_t patience)
{
	if (process == COMPAT_PROC_GONE)
		return HEALTH_DEAD;
	if (process == COMPAT_PROC_STOPPED)
		return HEALTH_STOPPED;
	return owed >= patience ? HEALTH_UNKNOWN : HEALTH_ALIVE;
}

void
health_why(char why[HEALTH_WHY], enum health h, const char *what, pid_t pid, int64_t owed)
{
	why[0] = '\0';
	switch (h) {
	case HEALTH_STOPPED:
		snprintf(why, HEALTH_WHY,
		    "its %s (process %ld) was stopped by a signal; \"kill -CONT %ld\" lets it go on",
		    what, (long)pid, (long)pid);
		break;
	case HEALTH_UNKNOWN:
		snprintf(why, HEALTH_WHY,
		    "its %s (process %ld) has not answered for %lld s; it may be slow or hang, and "
		    "is left alone",
		    what, (long)pid, (long long)(owed / 1000));
		break;
	case HEALTH_DEAD:
		snprintf(why, HEALTH_WHY, "its %s (process %ld) has ended", what, (long)pid);
		break;
	case HEALTH_NONE:
	case HEALTH_ALIVE:
	case HEALTH_STATES:
		break;
	}
}

enum health
health_of(const struct session *s, char why[HEALTH_WHY])
{
	int64_t owed = s->owes_since != 0 ? compat_mono_ms() - s->owes_since : 0;
	enum health h, worker;

	why[0] = '\0';
	if (s->state == SESSION_ASLEEP || s->state == SESSION_WAITING)
		return HEALTH_NONE;
	/* What stands in the way of its Claude is what is told, if both are in trouble. */
	worker = worker_health(s->team, why);
	if (worker != HEALTH_ALIVE && worker != HEALTH_NONE)
		return HEALTH_UNKNOWN;
	if (s->pid == 0)
		return worker;
	h = health_judge(compat_proc_state(s->pid, s->pid_start), owed, health_patience(s->d));
	health_why(why, h, "Claude", s->pid, owed);
	return h;
}

void
health_heard(struct session *s)
{
	s->owes_since = 0;
	if (s->health == HEALTH_UNKNOWN || s->health == HEALTH_STOPPED)
		health_review(s);
}

void
health_review(struct session *s)
{
	char why[HEALTH_WHY];
	enum health h, was = s->health;

	if (s->state != SESSION_STARTING && s->state != SESSION_BUSY)
		return;
	/* An end is told by the worker, with how it came. */
	if ((h = health_of(s, why)) == HEALTH_DEAD)
		return;
	s->health = h;
	compat_strlcpy(s->trouble, why, sizeof s->trouble);
	if (h == was)
		return;
	if (h == HEALTH_ALIVE && was == HEALTH_NONE)
		return;
	if (h == HEALTH_ALIVE)
		log_info("session goes on from=%s to=%s pid=%ld was=%s", s->row.from, s->team->name,
		    (long)s->pid, names[was]);
	else
		log_warn("session is %s from=%s to=%s pid=%ld: %s",
		    h == HEALTH_STOPPED ? "stopped" : "silent", s->row.from, s->team->name,
		    (long)s->pid, why);
	follow_session(s);
	event_session(s);
	if (s->current != NULL)
		message_activity(s->current, h == HEALTH_ALIVE ? "its process goes on" : why);
}

/* --- when to look ----------------------------------------------------------------------------- */

static void
arm(struct irisd *d, int64_t ms)
{
	struct timeval tv = {ms / 1000, (ms % 1000) * 1000};

	evtimer_add(d->health.timer, &tv);
}

static void
timer_cb(evutil_socket_t fd, short what, void *arg)
{
	struct irisd *d = arg;
	int64_t patience = health_patience(d), rest = interval(d) - patience;
	bool ask = !d->health.asked;

	(void)fd;
	(void)what;
	d->health.asked = ask;
	worker_check_all(d, ask);
	/* What was found may have ended all that was to be done. */
	if (d->health.work > 0)
		arm(d, ask ? patience : rest > 0 ? rest : 1);
}

void
health_work(struct irisd *d, int n)
{
	int was = d->health.work;

	d->health.work += n;
	assert(d->health.work >= 0);
	if (was == 0 && d->health.work > 0) {
		if (d->health.timer == NULL)
			d->health.timer = evtimer_new(d->loop.base, timer_cb, d);
		d->health.asked = false;
		arm(d, interval(d));
	} else if (was > 0 && d->health.work == 0) {
		evtimer_del(d->health.timer);
	}
}

static bool
works(int state)
{
	return state == SESSION_STARTING || state == SESSION_BUSY || state == SESSION_STOPPING;
}

void
health_moved(struct session *s, int was)
{
	if (works(s->state) != works(was))
		health_work(s->d, works(s->state) ? 1 : -1);
	if (!works(s->state)) {
		s->health = HEALTH_NONE;
		s->trouble[0] = '\0';
		s->owes_since = 0;
	}
}

void
health_again(struct irisd *d)
{
	if (d->health.work == 0)
		return;
	d->health.asked = false;
	arm(d, interval(d));
}

void
health_release(struct irisd *d)
{
	if (d->health.timer != NULL)
		event_free(d->health.timer);
	d->health.timer = NULL;
}
