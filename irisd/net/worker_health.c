/* SPDX-License-Identifier: MIT
 *
 * Looks at the workers for core/health.c: asks those that have something to do (worker/ping), and
 * takes what they answer of their Claudes. A worker whose process is gone is lost, as if its
 * connection had ended; nothing else that is found has consequences.
 */
#include "common/compat.h"
#include "common/json.h"
#include "common/log.h"
#include "irisd/net/worker_private.h"

static int64_t
owed(const struct worker *w)
{
	return w->pinged != 0 ? compat_mono_ms() - w->pinged : 0;
}

static enum health
judge(const struct worker *w, char why[HEALTH_WHY])
{
	enum health h =
	    health_judge(compat_proc_state(w->pid, w->start), owed(w), health_patience(w->d));

	health_why(why, h, "iris-worker", w->pid, owed(w));
	return h;
}

enum health
worker_health(const struct team *t, char why[HEALTH_WHY])
{
	why[0] = '\0';
	return t->worker != NULL ? judge(t->worker, why) : HEALTH_NONE;
}

void
worker_health_put(const struct worker *w, cJSON *o)
{
	char why[HEALTH_WHY];

	json_put_str(o, "health", health_name(judge(w, why)));
	json_put_str_opt(o, "healthReason", why[0] != '\0' ? why : NULL);
}

/* It changes: once in the log. */
static void
review(struct worker *w)
{
	enum health was = w->health;
	char why[HEALTH_WHY];
	struct session *s;

	w->health = judge(w, why);
	if (w->health == HEALTH_ALIVE && was != HEALTH_ALIVE && was != HEALTH_NONE)
		log_info("worker goes on team=%s pid=%ld was=%s", w->team->name, (long)w->pid,
		    health_name(was));
	else if (w->health != HEALTH_ALIVE && w->health != was)
		log_warn("worker is %s team=%s pid=%ld: %s",
		    w->health == HEALTH_UNKNOWN ? "silent" : health_name(w->health), w->team->name,
		    (long)w->pid, why);
	if (w->team->worker != w || w->health == HEALTH_DEAD)
		return;
	TAILQ_FOREACH (s, &w->team->sessions, team_entry)
		health_review(s);
}

static bool
has_work(const struct worker *w)
{
	const struct session *s;

	if (!TAILQ_EMPTY(&w->calls))
		return true;
	if (w->team->worker != w)
		return false;
	TAILQ_FOREACH (s, &w->team->sessions, team_entry)
		if (s->state == SESSION_STARTING || s->state == SESSION_BUSY ||
		    s->state == SESSION_STOPPING)
			return true;
	return false;
}

void
worker_check_all(struct irisd *d, bool ask)
{
	struct worker *w, *next;

	TAILQ_FOREACH_SAFE (w, &d->workers, entry, next) {
		/* One that has not said hello, or has not this any more, has a time limit. */
		if (w->gone || w->reaped || w->peer == NULL || !has_work(w))
			continue;
		if (ask && w->pinged == 0) {
			w->pinged = compat_mono_ms();
			worker_request(w, "worker/ping", json_new(), WORKER_PING, NULL, NULL);
		}
		review(w);
		if (w->health == HEALTH_DEAD)
			worker_ended(w, "has ended");
	}
}

/* An error is an answer as well: one of an older Iris does not know the question. */
void
worker_pinged(struct worker *w, const cJSON *result)
{
	const cJSON *o;
	struct session *s;
	const char *key;
	int64_t ms;

	w->pinged = 0;
	if (w->team->worker == w) {
		cJSON_ArrayForEach (o, json_arr(result, "claudes")) {
			key = json_str(o, "session");
			s = key != NULL ? session_by_key(w->team, key) : NULL;
			if (s == NULL || s->pid == 0 || json_int_or(o, "pid", 0) != s->pid)
				continue;
			ms = json_int_or(o, "unansweredMs", 0);
			s->owes_since = ms > 0 ? compat_mono_ms() - ms : 0;
		}
	}
	review(w);
}
