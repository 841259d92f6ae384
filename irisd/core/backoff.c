/* SPDX-License-Identifier: MIT
 *
 * Restart back-off and budget, see backoff.h.
 */
#include <string.h>

#include "common/compat.h"
#include "common/json.h"
#include "common/log.h"
#include "irisd/core/backoff.h"
#include "irisd/core/event.h"
#include "irisd/core/pool.h"

#define DELAY_MAX_MS 60000 /* unless restartDelay itself is longer */

static void
timer_cb(evutil_socket_t fd, short what, void *arg)
{
	struct team *t = arg;

	(void)fd;
	(void)what;
	pool_want_team(t);
}

static int64_t
delay(const struct team *t)
{
	int64_t first = t->d->conf->config->settings.restart_delay, ms = first;
	int i;

	for (i = 1; i < t->backoff.crashes && ms < DELAY_MAX_MS; i++)
		ms *= 2;
	return ms > DELAY_MAX_MS && ms > first ? DELAY_MAX_MS : ms;
}

/* Crashes older than the window are forgotten, all at once: it begins with the first of them. */
static bool
is_over(const struct team *t)
{
	return compat_mono_ms() - t->backoff.first >= t->d->conf->config->settings.restart_window;
}

static void
age(struct team *t)
{
	if (t->backoff.crashes > 0 && is_over(t))
		backoff_reset(t);
}

void
backoff_crash(struct team *t, const char *why)
{
	struct backoff *b = &t->backoff;
	int64_t budget = t->d->conf->config->settings.restart_budget, now = compat_mono_ms();

	age(t);
	/* Whatever ends several of its Claudes at once is one crash: nothing was started between. */
	if (b->crashes == 0 || now >= b->retry) {
		if (b->crashes++ == 0)
			b->first = now;
		b->retry = now + delay(t);
	}
	compat_strlcpy(b->why, why, sizeof b->why);
	json_utf8_mend(b->why);
	event_team(t);
	if (b->crashes > budget)
		log_error("team is down team=%s crashes=%d last=\"%s\"", t->name, b->crashes, why);
	else
		log_warn("team crashed team=%s crashes=%d next_start_ms=%lld last=\"%s\"", t->name,
		    b->crashes, (long long)(b->retry - now), why);
}

void
backoff_reset(struct team *t)
{
	if (t->backoff.crashes > 0)
		event_team(t);
	t->backoff.crashes = 0;
	t->backoff.retry = 0;
}

bool
backoff_waits(struct team *t)
{
	struct backoff *b = &t->backoff;
	int64_t left;

	age(t);
	left = b->retry - compat_mono_ms();
	if (b->crashes == 0 || left <= 0)
		return false;
	if (b->timer == NULL)
		b->timer = evtimer_new(t->d->loop.base, timer_cb, t);
	if (!evtimer_pending(b->timer, NULL)) {
		struct timeval tv = {left / 1000, (left % 1000) * 1000};
		evtimer_add(b->timer, &tv);
	}
	return true;
}

bool
backoff_down(const struct team *t, struct err *why)
{
	const struct config_settings *cfg = &t->d->conf->config->settings;
	const struct backoff *b = &t->backoff;

	if (b->crashes <= cfg->restart_budget || is_over(t))
		return false;
	err_set(why, ERR_CRASHED,
	    "team %s is down: it crashed %d times within %lld s without an answer, last: %s; mend "
	    "that and run \"iris team wake %s\", or send again later",
	    t->name, b->crashes, (long long)((compat_mono_ms() - b->first) / 1000), b->why,
	    t->name);
	return true;
}

int64_t
backoff_until(const struct team *t)
{
	int64_t left = t->backoff.retry - compat_mono_ms();

	return t->backoff.crashes > 0 && left > 0 ? compat_now_ms() + left : 0;
}

void
backoff_release(struct team *t)
{
	if (t->backoff.timer != NULL)
		event_free(t->backoff.timer);
	t->backoff.timer = NULL;
}
