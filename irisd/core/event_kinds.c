/* SPDX-License-Identifier: MIT
 *
 * What is in the events, see event.h: each says one thing that has happened, in the objects of
 * describe.h. What changes often is only noted, and told as it is at the end of a pass; event.c sends.
 */
#include <stdlib.h>
#include <string.h>

#include "common/compat.h"
#include "common/json.h"
#include "common/xmalloc.h"
#include "irisd/core/describe.h"
#include "irisd/core/event_private.h"
#include "irisd/core/message.h"
#include "irisd/core/permission.h"

/* --- noted, and told at the end of a pass --------------------------------------------------------- */

void
event_session(struct session *s)
{
	if (!event_wanted(s->d, EVENT_SESSION) || s->to_tell)
		return;
	s->to_tell = true;
	TAILQ_INSERT_TAIL(&s->d->events->sessions, s, told_entry);
}

void
event_session_gone(struct session *s)
{
	if (s->to_tell)
		TAILQ_REMOVE(&s->d->events->sessions, s, told_entry);
	s->to_tell = false;
}

void
event_team(struct team *t)
{
	if (!event_wanted(t->d, EVENT_TEAM) || t->to_tell || t->removed)
		return;
	t->to_tell = true;
	TAILQ_INSERT_TAIL(&t->d->events->teams, t, told_entry);
}

void
event_team_gone(struct team *t)
{
	if (t->to_tell)
		TAILQ_REMOVE(&t->d->events->teams, t, told_entry);
	t->to_tell = false;
}

void
event_pool(struct irisd *d)
{
	if (event_wanted(d, EVENT_POOL))
		d->events->pool = true;
}

static void
tell_sessions(struct irisd *d)
{
	struct session *s;
	cJSON *o;

	while ((s = TAILQ_FIRST(&d->events->sessions)) != NULL) {
		event_session_gone(s);
		if (!event_wanted(d, EVENT_SESSION))
			continue;
		o = json_new();
		json_put(o, "session", describe_session(s));
		event_send(d, EVENT_SESSION, "session", o, s->row.from, s->team->name);
	}
}

static void
tell_teams(struct irisd *d)
{
	struct team *t;
	cJSON *o;

	while ((t = TAILQ_FIRST(&d->events->teams)) != NULL) {
		event_team_gone(t);
		if (!event_wanted(d, EVENT_TEAM) || t->removed)
			continue;
		o = json_new();
		json_put(o, "team", describe_team(t));
		event_send(d, EVENT_TEAM, "team", o, NULL, t->name);
	}
}

static void
tell_pool(struct irisd *d)
{
	int max = (int)d->conf->config->settings.max_processes, waiting = 0;
	struct events *e = d->events;
	const struct session *s;
	cJSON *o;

	e->pool = false;
	TAILQ_FOREACH (s, &d->waiting, wait_entry)
		waiting++;
	if (!event_wanted(d, EVENT_POOL) ||
	    (e->active == d->active && e->waiting == waiting && e->queued == d->queued &&
		e->max == max))
		return;
	e->active = d->active;
	e->waiting = waiting;
	e->queued = d->queued;
	e->max = max;
	o = json_new();
	json_put_int(o, "active", d->active);
	json_put_int(o, "max", max);
	json_put_int(o, "waiting", waiting);
	json_put_int(o, "queued", d->queued);
	event_send(d, EVENT_POOL, "pool", o, NULL, NULL);
}

static void
soon_cb(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg; /* the hook of this pass does it */
}

/* The first of a row at once, what follows in a moment, as it is then. */
static bool
is_too_soon(struct irisd *d)
{
	static const struct timeval spacing = {0, EVENT_SPACING_MS * 1000};
	struct events *e = d->events;
	int64_t now = compat_mono_ms();

	if (now - e->told >= EVENT_SPACING_MS) {
		e->told = now;
		return false;
	}
	if (e->soon == NULL)
		e->soon = evtimer_new(d->loop.base, soon_cb, d);
	if (!evtimer_pending(e->soon, NULL))
		evtimer_add(e->soon, &spacing);
	return true;
}

void
event_run(struct irisd *d)
{
	struct events *e = d->events;

	if (d->event_topics == 0)
		return;
	event_catch_up(d);
	if ((!TAILQ_EMPTY(&e->sessions) || !TAILQ_EMPTY(&e->teams) || e->pool) && !is_too_soon(d)) {
		tell_teams(d);
		tell_sessions(d);
		tell_pool(d);
	}
}

/* --- told at once --------------------------------------------------------------------------------- */

void
event_session_deleted(struct session *s)
{
	cJSON *o;

	if (!event_wanted(s->d, EVENT_SESSION))
		return;
	o = json_new();
	json_put_str(o, "from", s->row.from);
	json_put_str(o, "to", s->team->name);
	event_send(s->d, EVENT_SESSION, "session.deleted", o, s->row.from, s->team->name);
	event_session(s);
}

/* Its texts are cut by whoever has them whole. */
static void
send_message(struct irisd *d, const struct store_message *row)
{
	cJSON *o = json_new();

	json_put(o, "message", describe_message(row, NULL));
	event_send(d, EVENT_MESSAGE, "message", o, row->from, row->to);
}

void
event_message_came(struct irisd *d, const struct store_message *row)
{
	struct store_message brief = *row;

	if (!event_wanted(d, EVENT_MESSAGE))
		return;
	brief.body = xstrndup(row->body, json_utf8_prefix(row->body, STORE_BRIEF));
	brief.state = LADDER_QUEUED;
	brief.updated_at = row->created_at;
	send_message(d, &brief);
	free(brief.body);
}

void
event_message_ended(struct irisd *d, const char *id)
{
	struct store_message row;

	if (!event_wanted(d, EVENT_MESSAGE) || !store_message_load_brief(d->store, id, &row))
		return;
	send_message(d, &row);
	store_message_release(&row);
}

void
event_receipt(const struct message *m, enum ladder state, int64_t at, const char *evidence)
{
	const char *from = m->session->row.from, *to = m->session->team->name;
	cJSON *o;

	if (!event_wanted(m->d, EVENT_MESSAGE))
		return;
	o = json_new();
	json_put_str(o, "id", m->id);
	json_put_str(o, "from", from);
	json_put_str(o, "to", to);
	json_put_str(o, "state", ladder_name(state));
	json_put_str(o, "evidence", evidence);
	/* When it was stored, which is what its receipt says. */
	event_send_as(m->d, EVENT_MESSAGE, "receipt", o,
	    &(struct event_about){.from = from, .to = to, .at = at});
}

void
event_approval(struct irisd *d, const struct store_permission *row)
{
	cJSON *o;

	if (!event_wanted(d, EVENT_APPROVAL))
		return;
	o = json_new();
	json_put(o, "permission", permission_json(d, row));
	event_send_as(d, EVENT_APPROVAL, "approval", o,
	    &(struct event_about){.from = row->from, .to = row->to, .also = row->asked});
}

void
event_config(struct irisd *d, const cJSON *diff)
{
	static const char *const lists[] = {"added", "removed", "changed", "settings"};
	size_t i;
	cJSON *o;

	event_pool(d);
	if (!event_wanted(d, EVENT_CONFIG))
		return;
	o = json_new();
	for (i = 0; i < sizeof lists / sizeof lists[0]; i++)
		json_put(o, lists[i],
		    json_get(diff, lists[i]) != NULL
			? cJSON_Duplicate(json_get(diff, lists[i]), true)
			: cJSON_CreateArray());
	event_send(d, EVENT_CONFIG, "config", o, NULL, NULL);
}

void
event_config_refused(struct irisd *d, const char *why)
{
	cJSON *o;

	if (!event_wanted(d, EVENT_CONFIG))
		return;
	o = json_new();
	json_put_str(o, "error", why);
	event_send(d, EVENT_CONFIG, "config", o, NULL, NULL);
}

void
event_webhook(struct irisd *d, const char *from, const char *to, cJSON *webhook)
{
	cJSON *o;

	if (!event_wanted(d, EVENT_WEBHOOK)) {
		cJSON_Delete(webhook);
		return;
	}
	o = json_new();
	json_put(o, "webhook", webhook);
	event_send(d, EVENT_WEBHOOK, "webhook", o, from, to);
}
