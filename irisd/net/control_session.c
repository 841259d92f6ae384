/* SPDX-License-Identifier: MIT
 *
 * Control calls about sessions, but for compacting, which is a message (control_message.c).
 */
#include <stdlib.h>
#include <string.h>

#include "common/compat.h"
#include "common/json.h"
#include "irisd/core/describe.h"
#include "irisd/core/event.h"
#include "irisd/core/fork.h"
#include "irisd/core/pool.h"
#include "irisd/core/renew.h"
#include "irisd/core/report.h"
#include "irisd/net/control.h"

void
control_session_list(struct control *c, const cJSON *params)
{
	const char *team = json_str(params, "team"), *from = json_str(params, "from");
	cJSON *o, *list;
	struct session *s;
	struct team *t;
	struct err err;

	if (team != NULL && team_require(c->client->d, team, &err) == NULL) {
		control_failed(c, &err);
		return;
	}
	o = json_new();
	list = cJSON_CreateArray();
	TAILQ_FOREACH (t, &c->client->d->teams, entry)
		TAILQ_FOREACH (s, &t->sessions, team_entry)
			if ((team == NULL || strcmp(team, t->name) == 0) &&
			    (from == NULL || strcmp(from, s->row.from) == 0))
				cJSON_AddItemToArray(list, describe_session(s));
	json_put(o, "sessions", list);
	control_done(c, o);
}

void
control_session_report(struct control *c, const cJSON *params)
{
	struct team *t = control_team(c, params);
	char from[TEAM_NAME_MAX];

	if (t != NULL && control_from(c, params, from, sizeof from))
		control_done(c, report_session(t, from));
}

static cJSON *
renewed(const struct session *s, const struct renew_result *r)
{
	cJSON *o = json_new();

	json_put_str(o, "team", s->team->name);
	json_put_str(o, "from", s->row.from);
	json_put_bool(o, "hadSession", r->had);
	if (r->had)
		json_put_str(o, "oldSessionId", r->old_id);
	json_put_str(o, "sessionId", s->row.claude_id);
	json_put_bool(o, "stopped", r->stopped);
	json_put_bool(o, "removed", r->removed);
	json_put_str_opt(o, "problem", r->why[0] != '\0' ? r->why : NULL);
	return o;
}

static void
awake_cb(struct session *s, const struct err *why, void *arg)
{
	struct control *c = arg;
	cJSON *o = c->result;

	c->result = NULL;
	c->watching = false;
	if (why != NULL) {
		cJSON_Delete(o);
		control_failed(c, why);
		return;
	}
	json_put_int(o, "pid", s->pid);
	json_put_int(o, "duration", compat_mono_ms() - c->started);
	control_done(c, o);
}

static void
rebooted_cb(struct session *s, const struct renew_result *r, void *arg)
{
	struct control *c = arg;

	c->renewing = false;
	c->watching = true;
	c->result = renewed(s, r);
	session_watch(s, false, awake_cb, c);
	pool_want(s);
}

static void
deleted_cb(struct session *s, const struct renew_result *r, void *arg)
{
	struct control *c = arg;
	cJSON *o = renewed(s, r);

	event_session_deleted(s);
	json_put_int(o, "duration", compat_mono_ms() - c->started);
	control_done(c, o);
}

/* There was nothing: then it is gone, too. */
static void
nothing(struct control *c, const struct team *t, const char *from)
{
	cJSON *o = json_new();

	json_put_str(o, "team", t->name);
	json_put_str(o, "from", from);
	json_put_bool(o, "hadSession", false);
	json_put_bool(o, "stopped", false);
	json_put_bool(o, "removed", false);
	json_put_int(o, "duration", 0);
	control_done(c, o);
}

static void
renew(struct control *c, const cJSON *params, renew_cb cb)
{
	struct team *t = control_team(c, params);
	char from[TEAM_NAME_MAX];
	struct session *s;
	struct err err;

	if (t == NULL || !control_from(c, params, from, sizeof from))
		return;
	c->renewing = true;
	if (c->client->d->stopping) {
		err_set(&err, ERR_UNAVAILABLE, "irisd is being stopped");
		control_failed(c, &err);
	} else if (cb == deleted_cb && session_get(t, from, false, NULL) == NULL) {
		nothing(c, t, from);
	} else if ((s = session_get(t, from, cb == rebooted_cb, &err)) == NULL ||
	    renew_start(s, json_bool(params, "force", false), cb, c, &err) == -1) {
		control_failed(c, &err);
	}
}

void
control_session_reboot(struct control *c, const cJSON *params)
{
	renew(c, params, rebooted_cb);
}

void
control_session_delete(struct control *c, const cJSON *params)
{
	renew(c, params, deleted_cb);
}

void
control_session_fork(struct control *c, const cJSON *params)
{
	struct team *t = control_team(c, params);
	char from[TEAM_NAME_MAX];
	struct fork_command f;
	struct session *s;
	cJSON *o, *argv;
	struct err err;
	size_t i;

	if (t == NULL || !control_from(c, params, from, sizeof from))
		return;
	if ((s = fork_session_of(t, from, &err)) == NULL) {
		control_failed(c, &err);
		return;
	}
	o = json_new();
	argv = cJSON_CreateArray();
	fork_command_make(&f, s);
	for (i = 0; f.argv[i] != NULL; i++)
		cJSON_AddItemToArray(argv, cJSON_CreateString(f.argv[i]));
	json_put_str(o, "team", t->name);
	json_put_str(o, "from", from);
	json_put_str(o, "sessionId", s->row.claude_id);
	json_put_str(o, "directory", f.dir);
	json_put(o, "argv", argv);
	json_put_str(o, "command", f.text);
	json_put_str_opt(o, "byHand", f.by_hand ? FORK_BY_HAND : NULL);
	fork_command_release(&f);
	control_done(c, o);
}
