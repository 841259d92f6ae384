/* SPDX-License-Identifier: MIT
 *
 * The record of a session and its state table, see session.h.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/compat.h"
#include "common/log.h"
#include "common/xmalloc.h"
#include "irisd/core/event.h"
#include "irisd/core/message.h"
#include "irisd/core/renew.h"
#include "irisd/core/session.h"
#include "irisd/core/session_key.h"
#include "irisd/core/talk.h"
#include "irisd/core/team.h"
#include "irisd/mcp/inband.h"
#include "irisd/mcp/follow.h"

static const char *const state_names[SESSION_STATES] = {
    [SESSION_ASLEEP] = "asleep",
    [SESSION_WAITING] = "waiting",
    [SESSION_STARTING] = "starting",
    [SESSION_IDLE] = "idle",
    [SESSION_BUSY] = "busy",
    [SESSION_STOPPING] = "stopping",
};

static const char *const event_names[SESSION_EVENTS] = {
    [SESSION_EV_WAIT] = "wait",
    [SESSION_EV_START] = "start",
    [SESSION_EV_OPENED] = "opened",
    [SESSION_EV_TURN] = "turn",
    [SESSION_EV_RESULT] = "result",
    [SESSION_EV_CLOSE] = "close",
    [SESSION_EV_GONE] = "gone",
};

/* clang-format off */
#define ASLEEP   (SESSION_ASLEEP + 1)
#define WAITING  (SESSION_WAITING + 1)
#define STARTING (SESSION_STARTING + 1)
#define IDLE     (SESSION_IDLE + 1)
#define BUSY     (SESSION_BUSY + 1)
#define STOPPING (SESSION_STOPPING + 1)
/* Next state + 1; 0 can not happen. */
static const unsigned char table[SESSION_STATES][SESSION_EVENTS] = {
	/*                      WAIT     START     OPENED  TURN  RESULT    CLOSE     GONE   */
	[SESSION_ASLEEP]   = {  WAITING, STARTING, 0,      0,    0,        0,        ASLEEP },
	[SESSION_WAITING]  = {  0,       STARTING, 0,      0,    0,        0,        ASLEEP },
	[SESSION_STARTING] = {  0,       0,        IDLE,   0,    0,        STOPPING, ASLEEP },
	[SESSION_IDLE]     = {  0,       0,        0,      BUSY, 0,        STOPPING, ASLEEP },
	[SESSION_BUSY]     = {  0,       0,        0,      0,    IDLE,     STOPPING, ASLEEP },
	[SESSION_STOPPING] = {  0,       0,        STOPPING, 0,  STOPPING, STOPPING, ASLEEP },
};
/* clang-format on */

static bool
holds_slot(enum session_state state)
{
	return state != SESSION_ASLEEP && state != SESSION_WAITING;
}

const char *
session_state_name(enum session_state state)
{
	return state_names[state];
}

void
session_move(struct session *s, enum session_event event)
{
	unsigned char next = table[s->state][event];
	enum session_state was = s->state;

	if (next == 0)
		fatalx("session %s -> %s is %s and can not take \"%s\"; please report this",
		    s->row.from, s->team->name, state_names[s->state], event_names[event]);
	if (s->state == SESSION_WAITING && next != WAITING)
		TAILQ_REMOVE(&s->d->waiting, s, wait_entry);
	if (s->state != SESSION_WAITING && next == WAITING)
		TAILQ_INSERT_TAIL(&s->d->waiting, s, wait_entry);
	s->d->active += holds_slot((enum session_state)(next - 1)) - holds_slot(s->state);
	if (s->state != (enum session_state)(next - 1))
		log_debug("session %s from=%s to=%s was=%s event=%s", state_names[next - 1],
		    s->row.from, s->team->name, state_names[s->state], event_names[event]);
	s->state = (enum session_state)(next - 1);
	health_moved(s, was);
	if (event == SESSION_EV_GONE)
		session_key_end(s);
	follow_session(s);
	event_session(s);
	event_pool(s->d);
	/* Whether the team is awake. */
	if (event == SESSION_EV_OPENED || event == SESSION_EV_GONE) {
		follow_team(s->d, s->team->name);
		event_team(s->team);
	}
}

static struct session *
session_new(struct team *t, const struct store_session *row)
{
	struct session *s = xcalloc(1, sizeof *s);

	s->d = t->d;
	s->team = t;
	s->remote = t->cfg->remote != NULL;
	s->row = *row;
	s->row.from = xstrdup(row->from);
	s->row.to = xstrdup(row->to);
	snprintf(s->key, sizeof s->key, "s%lld", (long long)row->id);
	TAILQ_INIT(&s->queue);
	TAILQ_INIT(&s->watches);
	TAILQ_INSERT_TAIL(&t->sessions, s, team_entry);
	event_session(s);
	return s;
}

struct session *
session_get(struct team *t, const char *from, bool create, struct err *err)
{
	struct store_session row = {0};
	char name[TEAM_NAME_MAX];
	struct session *s;

	if (create && talk_check(t->d, from, t->name, err) == -1)
		return NULL;
	TAILQ_FOREACH (s, &t->sessions, team_entry)
		if (strcmp(s->row.from, from) == 0)
			return s;
	if (!create) {
		err_set(err, ERR_NOT_FOUND, "%s has no session with %s yet", from, t->name);
		return NULL;
	}
	compat_strlcpy(name, from, sizeof name);
	row.from = name;
	row.to = t->name;
	row.created_at = row.last_used_at = compat_now_ms();
	uuid_v4(row.claude_id);
	if (store_session_insert(t->d->store, &row, err) == -1)
		return NULL;
	return session_new(t, &row);
}

struct session *
session_by_key(struct team *t, const char *key)
{
	struct session *s;

	TAILQ_FOREACH (s, &t->sessions, team_entry)
		if (strcmp(s->key, key) == 0)
			return s;
	return NULL;
}

struct session *
session_by_claude_id(struct irisd *d, const char *claude_id)
{
	struct session *s;
	struct team *t;

	TAILQ_FOREACH (t, &d->teams, entry)
		TAILQ_FOREACH (s, &t->sessions, team_entry)
			if (strcmp(s->row.claude_id, claude_id) == 0)
				return s;
	return NULL;
}

static void
load_cb(const struct store_session *row, void *arg)
{
	struct team *t = team_find(arg, row->to);

	if (t != NULL && session_get(t, row->from, false, NULL) == NULL)
		session_new(t, row);
}

void
session_load_all(struct irisd *d)
{
	store_session_each(d->store, load_cb, d);
}

void
session_free(struct session *s)
{
	struct session_watch *w;

	if (s->on_ready)
		TAILQ_REMOVE(&s->d->ready, s, ready_entry);
	if (s->state == SESSION_WAITING)
		TAILQ_REMOVE(&s->d->waiting, s, wait_entry);
	s->d->active -= holds_slot(s->state);
	while ((w = TAILQ_FIRST(&s->watches)) != NULL) {
		TAILQ_REMOVE(&s->watches, w, entry);
		free(w);
	}
	if (s->idle_timer != NULL)
		event_free(s->idle_timer);
	if (s->look_timer != NULL)
		event_free(s->look_timer);
	inband_release(s);
	renew_release(s);
	event_session_gone(s);
	TAILQ_REMOVE(&s->team->sessions, s, team_entry);
	store_session_release(&s->row);
	free(s);
}

void
session_watch(struct session *s, bool asleep,
    void (*cb)(struct session *, const struct err *, void *), void *arg)
{
	struct session_watch *w = xcalloc(1, sizeof *w);

	w->asleep = asleep;
	w->cb = cb;
	w->arg = arg;
	TAILQ_INSERT_TAIL(&s->watches, w, entry);
}

void
session_tell(struct session *s, bool asleep, const struct err *err)
{
	struct session_watch *w, *next;

	TAILQ_FOREACH_SAFE (w, &s->watches, entry, next) {
		if (w->asleep != asleep)
			continue;
		TAILQ_REMOVE(&s->watches, w, entry);
		w->cb(s, err, w->arg);
		free(w);
	}
}

void
session_unwatch(struct irisd *d, void *arg)
{
	struct session_watch *w, *next;
	struct session *s;
	struct team *t;

	TAILQ_FOREACH (t, &d->teams, entry) {
		TAILQ_FOREACH (s, &t->sessions, team_entry) {
			TAILQ_FOREACH_SAFE (w, &s->watches, entry, next) {
				if (w->arg != arg)
					continue;
				TAILQ_REMOVE(&s->watches, w, entry);
				free(w);
			}
		}
	}
}
