/* SPDX-License-Identifier: MIT
 *
 * The tools about teams: list_teams, team_status, team_wake (team_launch), team_sleep. Wake and
 * sleep touch the caller's own session with the team and no other one's.
 */
#include <string.h>

#include "common/compat.h"
#include "common/json.h"
#include "irisd/core/describe.h"
#include "irisd/core/message.h"
#include "irisd/core/pool.h"
#include "irisd/core/line.h"
#include "irisd/core/talk.h"
#include "irisd/mcp/mcp.h"

/* Where others lie on this machine is nothing to one on another. */
static cJSON *
team_config(struct mcp *m, const struct team *t)
{
	char who[TEAM_NAME_MAX];
	cJSON *o = json_new();

	m->carrier->who(m, who, sizeof who);
	if (!mcp_elsewhere(m) || strcmp(t->name, who) == 0)
		json_put_str(o, "path", t->cfg->path);
	json_put_str(o, "description", t->cfg->description);
	json_put_str_opt(o, "color", t->cfg->color);
	json_put_int(o, "idleTimeout", t->cfg->idle_timeout);
	return o;
}

static void
fn_list(struct mcp_call *c, const cJSON *args)
{
	cJSON *o = json_new(), *list = cJSON_CreateArray(), *item;
	struct team *t;

	(void)args;
	TAILQ_FOREACH (t, &c->mcp->d->teams, entry) {
		if (t->removed)
			continue;
		item = json_new();
		json_put_str(item, "name", t->name);
		json_put(item, "config", team_config(c->mcp, t));
		cJSON_AddItemToArray(list, item);
	}
	json_put_int(o, "totalTeams", cJSON_GetArraySize(list));
	json_put(o, "teams", list);
	json_put_int(o, "timestamp", compat_now_ms());
	mcp_call_done(c, o);
}

/* The pair from -> t, as the caller sees it. */
static cJSON *
team_status(struct mcp *m, struct team *t, const char *from)
{
	struct session *s = session_get(t, from, false, NULL);
	cJSON *o = json_new();
	char line[512];

	json_put_str(o, "name", t->name);
	json_put_str(o, "status", s != NULL && s->pid != 0 ? "awake" : "asleep");
	json_put_str(o, "state", session_state_name(s != NULL ? s->state : SESSION_ASLEEP));
	if (s != NULL) {
		if (s->pid != 0)
			json_put_int(o, "pid", s->pid);
		json_put_str(o, "sessionId", s->row.claude_id);
		json_put_int(o, "messageCount", s->row.messages);
		json_put_int(o, "lastActivity", s->row.last_used_at);
		json_put_int(o, "queued", s->queued);
		json_put_str_opt(o, "activity", s->activity[0] != '\0' ? s->activity : NULL);
		describe_health(o, s);
	}
	if (line_down(t)) {
		line_describe(t, line, sizeof line);
		json_put_str(o, "line", line);
	}
	json_put(o, "config", team_config(m, t));
	return o;
}

/* What waits for the caller itself: messages that others have sent to its team. */
static cJSON *
notifications(struct irisd *d, const char *who)
{
	struct team *own = team_find(d, who);
	int64_t pending = 0, total = 0;
	cJSON *o = json_new();
	struct session *s;

	if (own != NULL) {
		TAILQ_FOREACH (s, &own->sessions, team_entry) {
			pending += s->queued + (s->current != NULL);
			total += s->row.messages;
		}
	}
	json_put_int(o, "pending", pending);
	json_put_int(o, "total", total + pending);
	return o;
}

static void
fn_status(struct mcp_call *c, const cJSON *args)
{
	struct irisd *d = c->mcp->d;
	const char *name = json_str(args, "team");
	char from[TEAM_NAME_MAX];
	cJSON *o, *list, *pool;
	int64_t total = 0;
	struct session *s;
	struct team *t, *only = NULL;
	struct err err;

	if (mcp_call_from(c, args, from, sizeof from, &err) == -1 ||
	    (name != NULL && (only = team_require(d, name, &err)) == NULL)) {
		mcp_call_failed(c, &err, NULL);
		return;
	}
	o = json_new();
	list = cJSON_CreateArray();
	pool = json_new();
	TAILQ_FOREACH (t, &d->teams, entry) {
		TAILQ_FOREACH (s, &t->sessions, team_entry)
			total += s->row.messages;
		if (!t->removed && (only == NULL || only == t))
			cJSON_AddItemToArray(list, team_status(c->mcp, t, from));
	}
	json_put(o, "teams", list);
	json_put_int(pool, "activeProcesses", d->active);
	json_put_int(pool, "maxProcesses", d->conf->config->settings.max_processes);
	json_put_int(pool, "totalMessages", total);
	json_put(o, "pool", pool);
	if (json_bool(args, "includeNotifications", true))
		json_put(o, "notifications", notifications(d, from));
	json_put_int(o, "timestamp", compat_now_ms());
	mcp_call_done(c, o);
}

/* Ends a wake or a sleep: the session is as it was wanted, or why not. */
static void
watch_cb(struct session *s, const struct err *why, void *arg)
{
	struct mcp_call *c = arg;
	bool sleep = strcmp(c->tool, "team_sleep") == 0;
	cJSON *o = json_new();

	json_put_str(o, "team", s->team->name);
	json_put_int(o, "duration", mcp_call_duration(c));
	json_put_int(o, "timestamp", compat_now_ms());
	if (why != NULL) {
		mcp_call_failed(c, why, o);
		return;
	}
	json_put_str(o, "status", sleep ? "sleeping" : "awake");
	json_put_str(o, "sessionId", s->row.claude_id);
	json_put_str(o, "message",
	    sleep ? "The session is asleep; its conversation is kept."
		  : "The session is awake and takes messages.");
	mcp_call_done(c, o);
}

static void
already_asleep(struct mcp_call *c, const struct team *t, const struct session *s)
{
	cJSON *o = json_new();

	json_put_str(o, "team", t->name);
	json_put_str(o, "status", "already_asleep");
	if (s != NULL)
		json_put_str(o, "sessionId", s->row.claude_id);
	json_put_str(o, "message",
	    s != NULL ? "The session has no process." : "There is no session with this team yet.");
	json_put_int(o, "duration", mcp_call_duration(c));
	json_put_int(o, "timestamp", compat_now_ms());
	mcp_call_done(c, o);
}

static void
fn_wake(struct mcp_call *c, const cJSON *args)
{
	char from[TEAM_NAME_MAX];
	struct team *t = mcp_call_team_to_start(c, args, "team", from, sizeof from);
	struct session *s;
	struct err err;

	if (t == NULL)
		return;
	if ((s = session_get(t, from, true, &err)) == NULL) {
		mcp_call_failed(c, &err, NULL);
		return;
	}
	c->watching = true;
	session_watch(s, false, watch_cb, c);
	pool_want(s);
	/* As with a message: the caller's own process now waits. */
	pool_slot_free(c->mcp->d);
	mcp_call_progress(c, "waking the team");
}

static void
fn_sleep(struct mcp_call *c, const cJSON *args)
{
	char from[TEAM_NAME_MAX];
	struct team *t = mcp_call_team(c, args, "team", from, sizeof from);
	struct session *s;
	struct err err;

	if (t == NULL)
		return;
	if (talk_check(t->d, from, t->name, &err) == -1) {
		mcp_call_failed(c, &err, NULL);
		return;
	}
	s = session_get(t, from, false, NULL);
	if (s == NULL || s->state == SESSION_ASLEEP) {
		already_asleep(c, t, s);
		return;
	}
	if ((s->current != NULL || s->queued > 0) && !json_bool(args, "force", false)) {
		err_set(&err, ERR_REFUSED,
		    "team %s is at work for you (%d more waiting); wait for it, or give force: true "
		    "to interrupt it",
		    t->name, s->queued);
		mcp_call_failed(c, &err, NULL);
		return;
	}
	c->watching = true;
	session_watch(s, true, watch_cb, c);
	mcp_call_progress(c, "stopping the team's process");
	pool_close(s);
}

#define CONFIG_SCHEMA                                                                              \
	"{\"type\":\"object\",\"properties\":{\"path\":{\"type\":\"string\"},"                     \
	"\"description\":{\"type\":\"string\"},\"color\":{\"type\":\"string\"},"                   \
	"\"idleTimeout\":{\"type\":\"integer\"}},\"required\":[\"description\"]}"

#define CHANGE_OUTPUT                                                                              \
	"{\"type\":\"object\",\"properties\":{\"team\":{\"type\":\"string\"},"                     \
	"\"status\":{\"type\":\"string\"},\"sessionId\":{\"type\":\"string\"},"                    \
	"\"message\":{\"type\":\"string\"},\"duration\":{\"type\":\"integer\"},"                   \
	"\"timestamp\":{\"type\":\"integer\"}},"                                                   \
	"\"required\":[\"team\",\"status\",\"duration\",\"timestamp\"]}"

#define P_TEAM                                                                                     \
	{                                                                                          \
		"team", MCP_STRING, true, 1, 100, "the team, by its name in list_teams", NULL      \
	}
#define P_FROM                                                                                     \
	{                                                                                          \
		"fromTeam", MCP_STRING, false, 1, TEAM_NAME_MAX,                                   \
		    "who asks; best left out, Iris knows it", NULL                                 \
	}

const struct mcp_tool mcp_tools_team[] = {
    {.name = "list_teams",
	.title = "List teams",
	.description =
	    "List the teams: which other projects there are and who can be asked, with name, "
	    "description and directory. Call it first when it is not clear which team the person "
	    "means.",
	.output =
	    "{\"type\":\"object\",\"properties\":{\"teams\":{\"type\":\"array\",\"items\":{"
	    "\"type\":\"object\",\"properties\":{\"name\":{\"type\":\"string\"},\"config\":" CONFIG_SCHEMA
	    "},\"required\":[\"name\",\"config\"]}},\"totalTeams\":{\"type\":\"integer\"},"
	    "\"timestamp\":{\"type\":\"integer\"}},"
	    "\"required\":[\"teams\",\"totalTeams\",\"timestamp\"]}",
	.read_only = true,
	.idempotent = true,
	.waits = MCP_AT_ONCE,
	.fn = fn_list},
    {.name = "team_status",
	.title = "Team status",
	.description =
	    "Show the status of the teams: who is awake or asleep, what they are doing, which are "
	    "busy, how many messages wait. This is about their Claude sessions with this project; "
	    "also tells when each was last used, and how full the process pool is.",
	.params = {P_FROM, {"team", MCP_STRING, false, 1, 100, "only this team", NULL},
	    {"includeNotifications", MCP_BOOL, false, 0, 0,
		"also how many messages wait for this project itself (default true)", NULL}},
	.output =
	    "{\"type\":\"object\",\"properties\":{\"teams\":{\"type\":\"array\",\"items\":{"
	    "\"type\":\"object\",\"properties\":{\"name\":{\"type\":\"string\"},"
	    "\"status\":{\"type\":\"string\",\"enum\":[\"awake\",\"asleep\"]},"
	    "\"state\":{\"type\":\"string\"},\"pid\":{\"type\":\"integer\"},"
	    "\"sessionId\":{\"type\":\"string\"},\"messageCount\":{\"type\":\"integer\"},"
	    "\"lastActivity\":{\"type\":\"integer\"},\"queued\":{\"type\":\"integer\"},"
	    "\"activity\":{\"type\":\"string\"}," MCP_HEALTH_SCHEMA
	    ",\"line\":{\"type\":\"string\"},\"config\":" CONFIG_SCHEMA "},"
	    "\"required\":[\"name\",\"status\",\"config\"]}},"
	    "\"pool\":{\"type\":\"object\",\"properties\":{\"activeProcesses\":{\"type\":\"integer\"},"
	    "\"maxProcesses\":{\"type\":\"integer\"},\"totalMessages\":{\"type\":\"integer\"}}},"
	    "\"notifications\":{\"type\":\"object\",\"properties\":{\"pending\":{\"type\":\"integer\"},"
	    "\"total\":{\"type\":\"integer\"}}},\"timestamp\":{\"type\":\"integer\"}},"
	    "\"required\":[\"teams\",\"pool\",\"timestamp\"]}",
	.read_only = true,
	.idempotent = true,
	.waits = MCP_AT_ONCE,
	.fn = fn_status},
    {.name = "team_wake",
	.title = "Wake a team",
	.description =
	    "Wake a team: start its Claude for this project now, so that the next question is answered "
	    "sooner. Not needed before asking: a message wakes the team by itself.",
	.params = {P_TEAM, P_FROM},
	.output = CHANGE_OUTPUT,
	.idempotent = true,
	.fn = fn_wake},
    {.name = "team_launch",
	.title = "Launch a team",
	.description = "Launch a team: start its Claude for this project now. Same as team_wake.",
	.params = {P_TEAM, P_FROM},
	.output = CHANGE_OUTPUT,
	.idempotent = true,
	.fn = fn_wake},
    {.name = "team_sleep",
	.title = "Put a team to sleep",
	.description =
	    "Put a team to sleep: stop its Claude process for this project. The conversation is kept and "
	    "goes on with the next message. Refused while the team is at work, unless force is true: then "
	    "it is interrupted.",
	.params = {P_TEAM, P_FROM,
	    {"force", MCP_BOOL, false, 0, 0,
		"interrupt the team when it is at work (default false)", NULL}},
	.output = CHANGE_OUTPUT,
	.destructive = true,
	.idempotent = true,
	.waits = MCP_ENDS_WAITS,
	.fn = fn_sleep},
    {0},
};
