/* SPDX-License-Identifier: MIT
 *
 * When a lost line is tried again, and what is said of it meanwhile; see line.h.
 */
#include <stdio.h>
#include <string.h>

#include "common/compat.h"
#include "common/json.h"
#include "common/log.h"
#include "common/remote.h"
#include "irisd/core/event.h"
#include "irisd/core/line.h"
#include "irisd/core/message.h"
#include "irisd/core/pool.h"
#include "irisd/mcp/follow.h"

#define DELAY_FIRST_MS 1000
#define DELAY_MAX_MS   30000

int64_t
line_delay(int n, uint32_t random)
{
	int64_t ms = DELAY_FIRST_MS;

	while (--n > 0 && ms < DELAY_MAX_MS)
		ms *= 2;
	if (ms > DELAY_MAX_MS)
		ms = DELAY_MAX_MS;
	/* Three to five quarters of it: teams of one host do not all come at once. */
	return ms * 3 / 4 + (int64_t)random % (ms / 2 + 1);
}

/* To the next try, or to the end of all, whichever comes first. */
static void
arm(struct team *t)
{
	struct line *l = &t->line;
	int64_t end = l->lost + t->cfg->remote_options.reconnect_timeout, now = compat_mono_ms();
	int64_t left = (l->next > now && l->next < end ? l->next : end) - now;
	struct timeval tv;

	/* Timers may be early by a part of a millisecond. */
	left = left > 0 ? left + 1 : 1;
	tv.tv_sec = left / 1000;
	tv.tv_usec = (left % 1000) * 1000;
	evtimer_add(l->timer, &tv);
}

static void
timer_cb(evutil_socket_t fd, short what, void *arg)
{
	struct team *t = arg;
	struct err why;

	(void)fd;
	(void)what;
	if (line_over(t, &why)) {
		pool_line_over(t, &why);
		return;
	}
	arm(t);
	pool_want_team(t);
}

/* Those who wait learn where their messages are now. */
static void
tell(struct team *t)
{
	struct message *m, *next;
	struct session *s;
	char text[MESSAGE_WHERE];

	TAILQ_FOREACH (s, &t->sessions, team_entry) {
		TAILQ_FOREACH_SAFE (m, &s->queue, entry, next) {
			message_describe(m, text, sizeof text);
			message_activity(m, text);
		}
	}
	follow_team(t->d, t->name);
	event_team(t);
}

static bool
awaited(const struct team *t)
{
	const struct session *s;

	TAILQ_FOREACH (s, &t->sessions, team_entry)
		if (s->queued > 0)
			return true;
	return false;
}

void
line_lost(struct team *t, const char *why)
{
	struct line *l = &t->line;
	int64_t now = compat_mono_ms();
	uint32_t random;

	if (t->cfg->remote == NULL)
		return;
	if (!awaited(t)) {
		log_info("line lost, and nothing waits for it team=%s reason=%s", t->name, why);
		line_forget(t);
		l->quiet = now;
		return;
	}
	compat_strlcpy(l->why, why, sizeof l->why);
	json_utf8_mend(l->why);
	if (!l->down) {
		l->down = true;
		l->tries = 0;
		l->lost = now;
		l->next = 0;
		l->since = compat_now_ms();
	}
	/* Whatever ends several sessions at once is one loss: nothing was tried between. */
	if (l->tries == 0 || now >= l->next) {
		compat_random(&random, sizeof random);
		l->next = now + line_delay(++l->tries, random);
	}
	log_warn("line lost team=%s tries=%d next_ms=%lld reason=%s", t->name, l->tries,
	    (long long)(l->next - now), l->why);
	if (l->timer == NULL)
		l->timer = evtimer_new(t->d->loop.base, timer_cb, t);
	arm(t);
	tell(t);
}

void
line_forget(struct team *t)
{
	struct line *l = &t->line;

	l->quiet = 0;
	if (!l->down)
		return;
	l->down = false;
	evtimer_del(l->timer);
	tell(t);
	/* The others of the team have waited for the same host. */
	pool_want_team(t);
}

void
line_unwanted(struct team *t)
{
	if (!t->line.down || awaited(t))
		return;
	log_info("nothing waits for the line any more team=%s", t->name);
	line_forget(t);
	t->line.quiet = t->line.lost;
}

void
line_up(struct team *t)
{
	if (t->line.down)
		log_info("line is up team=%s down_ms=%lld", t->name,
		    (long long)(compat_mono_ms() - t->line.lost));
	line_forget(t);
}

void
line_retry(struct team *t)
{
	t->line.next = 0;
	pool_want_team(t);
}

bool
line_down(const struct team *t)
{
	return t->line.down;
}

bool
line_broken(const struct team *t)
{
	const struct line *l = &t->line;

	return l->down ||
	    (l->quiet != 0 &&
		compat_mono_ms() - l->quiet < t->cfg->remote_options.reconnect_timeout);
}

bool
line_waits(const struct team *t)
{
	return t->line.down && compat_mono_ms() < t->line.next;
}

bool
line_over(const struct team *t, struct err *why)
{
	const struct line *l = &t->line;
	int64_t ms = compat_mono_ms() - l->lost;
	char host[128];

	if (!l->down || ms < t->cfg->remote_options.reconnect_timeout)
		return false;
	line_host(t, host, sizeof host);
	err_set(why, ERR_LINE,
	    "the line to %s, where team %s is, was lost and did not come back in %lld s (%s); "
	    "\"iris remote check %s\" tells more",
	    host, t->name, (long long)(ms / 1000), l->why, t->name);
	return true;
}

int64_t
line_next(const struct team *t)
{
	return line_waits(t) ? compat_now_ms() + t->line.next - compat_mono_ms() : 0;
}

int64_t
line_patience(const struct team *t)
{
	return t->line.down ? LINE_PATIENCE_MS : 0;
}

void
line_host(const struct team *t, char *buf, size_t size)
{
	struct remote_spec spec;
	struct err err;

	buf[0] = '\0';
	if (t->cfg->remote == NULL || remote_parse(t->cfg->remote, &spec, &err) == -1)
		return;
	compat_strlcpy(buf, spec.host, size);
	json_utf8_mend(buf);
	remote_release(&spec);
}

void
line_describe(const struct team *t, char *buf, size_t size)
{
	int64_t left = t->line.next - compat_mono_ms();
	char host[64], when[48] = "trying again now";

	line_host(t, host, sizeof host);
	if (left > 0)
		snprintf(
		    when, sizeof when, "trying again in %lld s", (long long)(left + 999) / 1000);
	snprintf(buf, size, "the line to %s is lost (%.200s); %s", host, t->line.why, when);
	json_utf8_mend(buf);
}

void
line_release(struct team *t)
{
	if (t->line.timer != NULL)
		event_free(t->line.timer);
	t->line.timer = NULL;
}
