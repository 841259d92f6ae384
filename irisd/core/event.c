/* SPDX-License-Identifier: MIT
 *
 * Who wants events, and the last events themselves, see event.h. A topic is kept from the first time
 * that somebody wants it until a while after nobody does; what falls out of the ring, or was never
 * made, shows as a gap to who asks for it. Knows nothing of what is in an event.
 */
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/compat.h"
#include "common/json.h"
#include "common/xmalloc.h"
#include "irisd/core/event_private.h"

#define HEAD_MAX 256 /* bytes of a line before an event's own members */

/* What comes anyhow as it is then, is not kept. */
#define NEVER_KEPT (EVENT_BIT(EVENT_STREAM) | EVENT_BIT(EVENT_TEXT) | EVENT_BIT(EVENT_HOST))

static const char *const topic_names[EVENT_TOPICS] = {
    [EVENT_STREAM] = "stream",
    [EVENT_TEAM] = "team",
    [EVENT_SESSION] = "session",
    [EVENT_MESSAGE] = "message",
    [EVENT_TEXT] = "text",
    [EVENT_APPROVAL] = "approval",
    [EVENT_LOG] = "log",
    [EVENT_CONFIG] = "config",
    [EVENT_POOL] = "pool",
    [EVENT_HOST] = "host",
    [EVENT_WEBHOOK] = "webhook",
};

const char *
event_topic_name(enum event_topic topic)
{
	return topic_names[topic];
}

int
event_topic_from_name(const char *name)
{
	int i;

	for (i = 0; i < EVENT_TOPICS; i++)
		if (strcmp(topic_names[i], name) == 0)
			return i;
	return -1;
}

/* --- those that are kept ------------------------------------------------------------------------ */

static void
drop_oldest(struct events *e)
{
	struct event_kept *k = TAILQ_FIRST(&e->ring);

	TAILQ_REMOVE(&e->ring, k, entry);
	e->lost = k->seq;
	e->kept--;
	e->kept_bytes -= k->len;
	free(k->from);
	free(k->to);
	free(k->also);
	free(k->line);
	free(k);
}

/* line is taken. */
static void
keep(struct events *e, enum event_topic topic, const struct event_about *w, char *line, size_t len)
{
	struct event_kept *k = xcalloc(1, sizeof *k);

	k->seq = e->seq;
	k->topic = topic;
	k->from = xstrdup_null(w->from);
	k->to = xstrdup_null(w->to);
	k->also = xstrdup_null(w->also);
	k->line = line;
	k->len = len;
	TAILQ_INSERT_TAIL(&e->ring, k, entry);
	e->kept++;
	e->kept_bytes += len;
	while (e->kept > EVENT_RING_MAX || e->kept_bytes > EVENT_RING_BYTES)
		drop_oldest(e);
}

/* --- sending ------------------------------------------------------------------------------------ */

static bool
is_team(const struct event_sub *sub, const char *name)
{
	return name != NULL && strcmp(sub->team, name) == 0;
}

static bool
takes(const struct event_sub *sub, enum event_topic topic, const struct event_about *w)
{
	if ((sub->topics & EVENT_BIT(topic)) == 0)
		return false;
	return sub->team[0] == '\0' || is_team(sub, w->from) || is_team(sub, w->to) ||
	    is_team(sub, w->also);
}

/*
 * The line of one: what is the same in all is no tree that is made to be printed, since there are
 * many. o is taken.
 */
static char *
line_of(int64_t seq, int64_t at, enum event_topic topic, const char *type, cJSON *o, size_t *len)
{
	char head[HEAD_MAX], *members = json_print(o), *line;
	/* Without its first brace. */
	size_t n, rest = strlen(members + 1);

	cJSON_Delete(o);
	n = (size_t)snprintf(head, sizeof head,
	    "{\"jsonrpc\":\"2.0\",\"method\":\"iris/event\",\"params\":{\"seq\":%" PRId64
	    ",\"at\":%" PRId64 ",\"topic\":\"%s\",\"type\":\"%s\"%s",
	    seq, at, topic_names[topic], type, rest > 1 ? "," : "");
	assert(n < sizeof head);
	line = xmalloc(n + rest + 2);
	memcpy(line, head, n);
	memcpy(line + n, members + 1, rest);
	memcpy(line + n + rest, "}", 2);
	free(members);
	*len = n + rest + 1;
	return line;
}

/* Who does not read is no reason to keep more and more for it. */
static bool
has_room(struct event_sub *sub, enum event_topic topic)
{
	size_t queued = sub->queued(sub);

	if (topic == EVENT_TEXT && queued > EVENT_MARK)
		sub->behind = true;
	else if (queued > EVENT_HARD)
		sub->lost = true;
	return !sub->lost && (topic != EVENT_TEXT || !sub->behind);
}

void
event_send(struct irisd *d, enum event_topic topic, const char *type, cJSON *o, const char *from,
    const char *to)
{
	event_send_as(d, topic, type, o, &(struct event_about){.from = from, .to = to});
}

void
event_send_as(struct irisd *d, enum event_topic topic, const char *type, cJSON *o,
    const struct event_about *about)
{
	int64_t at = about->at != 0 ? about->at : compat_now_ms();
	struct event_sub *sub;
	size_t len;
	char *line = line_of(++d->events->seq, at, topic, type, o, &len);

	TAILQ_FOREACH (sub, &d->events->subs, entry)
		if (takes(sub, topic, about) && has_room(sub, topic))
			sub->send(sub, line, len);
	if ((EVENT_BIT(topic) & NEVER_KEPT) != 0)
		free(line);
	else
		keep(d->events, topic, about, line, len);
}

/* With a number that is not a new one's. */
static void
tell(struct event_sub *sub, int64_t seq, enum event_topic topic, const char *type, cJSON *o)
{
	size_t len;
	char *line = line_of(seq, compat_now_ms(), topic, type, o, &len);

	sub->send(sub, line, len);
	free(line);
}

void
event_tell(
    struct irisd *d, struct event_sub *sub, enum event_topic topic, const char *type, cJSON *o)
{
	tell(sub, ++d->events->seq, topic, type, o);
}

static void
tell_gap(struct event_sub *sub, int64_t seq)
{
	tell(sub, seq, EVENT_STREAM, "gap", json_new());
}

void
event_gap(struct irisd *d, enum event_topic topic)
{
	struct event_sub *sub;

	TAILQ_FOREACH (sub, &d->events->subs, entry)
		if ((sub->topics & EVENT_BIT(topic)) != 0 && has_room(sub, EVENT_STREAM))
			tell_gap(sub, ++d->events->seq);
}

void
event_catch_up(struct irisd *d)
{
	struct event_sub *sub;

	TAILQ_FOREACH (sub, &d->events->subs, entry) {
		if ((!sub->behind && !sub->lost) || sub->queued(sub) > EVENT_MARK / 2)
			continue;
		if (sub->lost)
			tell_gap(sub, d->events->seq);
		sub->lost = sub->behind = false;
		if ((sub->topics & EVENT_BIT(EVENT_TEXT)) != 0)
			said_tell_all(d, sub);
	}
}

/* --- subscribing -------------------------------------------------------------------------------- */

static unsigned
live_topics(const struct events *e)
{
	const struct event_sub *sub;
	unsigned topics = 0;

	TAILQ_FOREACH (sub, &e->subs, entry)
		topics |= sub->topics;
	return topics;
}

/* From now on events of these topics are made, and of no others. */
static void
set_topics(struct irisd *d, unsigned topics)
{
	struct events *e = d->events;
	unsigned was = d->event_topics, begins = topics & ~was;
	int i;

	if (topics == was)
		return;
	d->event_topics = topics;
	/* Whoever has the number of the last event has missed those that were not made since. */
	if (begins != 0)
		e->seq++;
	for (i = 0; i < EVENT_TOPICS; i++)
		if ((begins & EVENT_BIT(i)) != 0)
			e->begun[i] = e->seq;
	if (((topics ^ was) & EVENT_BIT(EVENT_LOG)) != 0)
		event_log_watch(d, event_wanted(d, EVENT_LOG));
	if (((topics ^ was) & EVENT_BIT(EVENT_HOST)) != 0)
		event_host_watch(d, event_wanted(d, EVENT_HOST));
	while (topics == 0 && !TAILQ_EMPTY(&e->ring))
		drop_oldest(e);
}

static void
hold_cb(evutil_socket_t fd, short what, void *arg)
{
	struct irisd *d = arg;

	(void)fd;
	(void)what;
	set_topics(d, live_topics(d->events));
}

static struct events *
events_new(struct irisd *d)
{
	struct events *e = xcalloc(1, sizeof *e);
	int64_t at;

	TAILQ_INIT(&e->subs);
	TAILQ_INIT(&e->ring);
	TAILQ_INIT(&e->sessions);
	TAILQ_INIT(&e->teams);
	/* Above an earlier irisd's, also where the clock was set back since. */
	at = store_last_at(d->store);
	e->seq = e->lost = (at > d->started_at ? at : d->started_at) * 1000;
	e->active = -1;
	e->hold = evtimer_new(d->loop.base, hold_cb, d);
	return e;
}

/* Whether all that has happened in these topics since then is kept. */
static bool
has_all(const struct events *e, unsigned topics, int64_t since)
{
	int i;

	if (since < e->lost || since > e->seq)
		return false;
	for (i = 0; i < EVENT_TOPICS; i++)
		if ((topics & EVENT_BIT(i) & ~NEVER_KEPT) != 0 && since < e->begun[i])
			return false;
	return true;
}

/* seq is what this subscriber has, or has missed, up to here. */
static void
hello(struct irisd *d, struct event_sub *sub, int64_t seq)
{
	cJSON *o = json_new();

	json_put_str(o, "version", IRIS_VERSION);
	json_put_int(o, "startedAt", d->started_at);
	tell(sub, seq, EVENT_STREAM, "hello", o);
}

/* After hello, in the order in which they were: their numbers rise. */
static void
repeat(struct irisd *d, struct event_sub *sub, int64_t since)
{
	const struct events *e = d->events;
	const struct event_kept *k;
	bool whole = has_all(e, sub->topics, since);

	/* Of an irisd whose clock was ahead of this one's. */
	if (since > e->seq)
		since = e->seq;
	hello(d, sub, since);
	if (!whole)
		tell_gap(sub, since < e->lost ? e->lost : since);
	TAILQ_FOREACH (k, &e->ring, entry)
		if (k->seq > since &&
		    takes(sub, k->topic, &(struct event_about){k->from, k->to, k->also, 0}))
			sub->send(sub, k->line, k->len);
}

void
event_subscribe(struct irisd *d, struct event_sub *sub, int64_t since)
{
	if (d->events == NULL)
		d->events = events_new(d);
	sub->topics |= EVENT_BIT(EVENT_STREAM);
	if (sub->team[0] != '\0')
		sub->topics &= ~EVENT_COMMON;
	sub->behind = sub->lost = false;
	set_topics(d, d->event_topics | sub->topics);
	if (since >= 0)
		repeat(d, sub, since);
	else
		hello(d, sub, d->events->seq);
	TAILQ_INSERT_TAIL(&d->events->subs, sub, entry);
	if ((sub->topics & EVENT_BIT(EVENT_TEXT)) != 0)
		said_tell_all(d, sub);
}

void
event_unsubscribe(struct irisd *d, struct event_sub *sub)
{
	static const struct timeval tv = {EVENT_HOLD_MS / 1000, 0};
	struct events *e = d->events;
	unsigned live;

	TAILQ_REMOVE(&e->subs, sub, entry);
	live = live_topics(e);
	set_topics(d, live | (d->event_topics & ~NEVER_KEPT));
	if (d->event_topics != live)
		evtimer_add(e->hold, &tv);
}

void
event_release(struct irisd *d)
{
	struct events *e = d->events;

	if (e == NULL)
		return;
	set_topics(d, 0);
	while (!TAILQ_EMPTY(&e->sessions))
		event_session_gone(TAILQ_FIRST(&e->sessions));
	while (!TAILQ_EMPTY(&e->teams))
		event_team_gone(TAILQ_FIRST(&e->teams));
	event_free(e->hold);
	if (e->soon != NULL)
		event_free(e->soon);
	free(e);
	d->events = NULL;
}
