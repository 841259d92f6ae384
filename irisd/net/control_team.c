/* SPDX-License-Identifier: MIT
 *
 * Control calls about teams.
 */
#include <string.h>

#include "common/compat.h"
#include "common/json.h"
#include "irisd/core/backoff.h"
#include "irisd/core/describe.h"
#include "irisd/core/line.h"
#include "irisd/core/pool.h"
#include "irisd/core/talk.h"
#include "irisd/net/control.h"
#include "irisd/net/control_scope.h"

struct team *
control_team(struct control *c, const cJSON *params)
{
	const char *name = json_str(params, "team");
	struct team *t = NULL;
	struct err err;

	if (name == NULL)
		err_set(&err, ERR_INVALID, "%s needs team", c->method);
	else
		t = team_require(c->client->d, name, &err);
	if (t == NULL)
		control_failed(c, &err);
	return t;
}

void
control_team_list(struct control *c, const cJSON *params)
{
	cJSON *o = json_new(), *list = cJSON_CreateArray();
	char from[TEAM_NAME_MAX];
	struct team *t;

	(void)params;
	TAILQ_FOREACH (t, &c->client->d->teams, entry)
		if (!t->removed)
			cJSON_AddItemToArray(list, describe_team(t));
	client_who(c->client, from, sizeof from);
	json_put(o, "teams", list);
	json_put_str(o, "from", from);
	control_done(c, o);
}

void
control_team_show(struct control *c, const cJSON *params)
{
	struct team *t = control_team(c, params);
	cJSON *o, *list;
	struct session *s;
	int queued = 0;

	if (t == NULL)
		return;
	o = describe_team(t);
	list = cJSON_CreateArray();
	TAILQ_FOREACH (s, &t->sessions, team_entry) {
		queued += s->queued;
		cJSON_AddItemToArray(list, describe_session(s));
	}
	json_put(o, "sessions", list);
	json_put_int(o, "queued", queued);
	json_put(o, "problems", describe_problems(t));
	control_done(c, o);
}

static void
wake_cb(struct session *s, const struct err *why, void *arg)
{
	struct control *c = arg;
	cJSON *o;

	if (why != NULL) {
		control_failed(c, why);
		return;
	}
	o = json_new();
	json_put_str(o, "team", s->team->name);
	json_put_str(o, "status", "awake");
	json_put_str(o, "from", s->row.from);
	json_put_str(o, "sessionId", s->row.claude_id);
	json_put_int(o, "pid", s->pid);
	json_put_int(o, "duration", compat_mono_ms() - c->started);
	control_done(c, o);
}

void
control_team_wake(struct control *c, const cJSON *params)
{
	struct team *t = control_team(c, params);
	char from[TEAM_NAME_MAX];
	struct session *s;
	struct err err;

	if (t == NULL)
		return;
	if (!control_from(c, params, from, sizeof from))
		return;
	if (c->client->d->stopping) {
		err_set(&err, ERR_UNAVAILABLE, "irisd is being stopped");
		control_failed(c, &err);
	} else if ((s = session_get(t, from, true, &err)) == NULL) {
		control_failed(c, &err);
	} else {
		c->watching = true;
		session_watch(s, false, wake_cb, c);
		/* A person who says so may try again what has crashed too often. */
		backoff_reset(t);
		line_retry(t);
	}
}

static void
sleep_done(struct control *c, const char *team)
{
	cJSON *o = json_new();

	json_put_str(o, "team", team);
	json_put_str(o, "status", c->stopped > 0 ? "sleeping" : "already_asleep");
	json_put_int(o, "stopped", c->stopped);
	control_done(c, o);
}

static void
sleep_cb(struct session *s, const struct err *why, void *arg)
{
	struct control *c = arg;

	if (why != NULL) {
		session_unwatch(c->client->d, c);
		control_failed(c, why);
		return;
	}
	c->stopped++;
	if (--c->pending == 0)
		sleep_done(c, s->team->name);
}

/* All sessions of the team, or the one with params.from; a key of one team has only its own. */
void
control_team_sleep(struct control *c, const cJSON *params)
{
	struct team *t = control_team(c, params);
	const char *from = json_str(params, "from");
	bool force = json_bool(params, "force", false);
	char who[TEAM_NAME_MAX];
	struct session *s, *next;
	struct err err;

	if (t == NULL)
		return;
	if (from == NULL || from[0] == '\0')
		from = control_team_only(c->client);
	client_who(c->client, who, sizeof who);
	if (!control_is_admin(c->client) &&
	    talk_check(t->d, from != NULL ? from : who, t->name, &err) == -1) {
		control_failed(c, &err);
		return;
	}
	TAILQ_FOREACH (s, &t->sessions, team_entry) {
		if ((from != NULL && strcmp(from, s->row.from) != 0) || force)
			continue;
		if (s->current != NULL || s->queued > 0) {
			err_set(&err, ERR_REFUSED,
			    "team %s is at work for %s; wait for it, or use --force to interrupt it",
			    t->name, s->row.from);
			control_failed(c, &err);
			return;
		}
	}
	c->pending = 1;
	TAILQ_FOREACH_SAFE (s, &t->sessions, team_entry, next) {
		if ((from != NULL && strcmp(from, s->row.from) != 0) || s->state == SESSION_ASLEEP)
			continue;
		c->pending++;
		c->watching = true;
		session_watch(s, true, sleep_cb, c);
		pool_close(s);
	}
	if (--c->pending == 0)
		sleep_done(c, t->name);
}
