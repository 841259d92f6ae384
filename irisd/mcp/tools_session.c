/* SPDX-License-Identifier: MIT
 *
 * The tools about sessions, the conversations that the caller's team has with others:
 * list_sessions, session_report, session_cancel, session_compact. All but the first touch the
 * caller's own session with one team, unless told otherwise. Those that end a conversation are in
 * tools_renew.c.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/compat.h"
#include "common/json.h"
#include "common/xmalloc.h"
#include "irisd/core/describe.h"
#include "irisd/core/pool.h"
#include "irisd/core/report.h"
#include "irisd/core/talk.h"
#include "irisd/mcp/gather.h"
#include "irisd/mcp/params.h"

/* --- list_sessions ---------------------------------------------------------------------------- */

static void
fn_list(struct mcp_call *c, const cJSON *args)
{
	const char *name = json_str(args, "team");
	struct irisd *d = c->mcp->d;
	char who[TEAM_NAME_MAX];
	cJSON *o, *list, *item;
	struct session *s;
	struct team *t;
	struct err err;

	if (mcp_call_from(c, args, who, sizeof who, &err) == -1 ||
	    (name != NULL && team_require(d, name, &err) == NULL)) {
		mcp_call_failed(c, &err, NULL);
		return;
	}
	o = json_new();
	list = cJSON_CreateArray();
	TAILQ_FOREACH (t, &d->teams, entry) {
		TAILQ_FOREACH (s, &t->sessions, team_entry) {
			bool sends = strcmp(s->row.from, who) == 0;
			const char *other = sends ? t->name : s->row.from;
			if ((!sends && strcmp(t->name, who) != 0) ||
			    (name != NULL && strcmp(name, other) != 0))
				continue;
			item = describe_session(s);
			json_put_bool(item, "hasConversation", s->row.started);
			cJSON_AddItemToArray(list, item);
		}
	}
	json_put_int(o, "totalSessions", cJSON_GetArraySize(list));
	json_put(o, "sessions", list);
	json_put_int(o, "timestamp", compat_now_ms());
	mcp_call_done(c, o);
}

/* --- session_report --------------------------------------------------------------------------- */

static void
fn_report(struct mcp_call *c, const cJSON *args)
{
	char from[TEAM_NAME_MAX];
	struct team *t = mcp_call_team(c, args, "team", from, sizeof from);

	if (t != NULL)
		mcp_call_done(c, report_session(t, from));
}

/* --- session_cancel --------------------------------------------------------------------------- */

static void
cancel_told(struct gather_item *it, struct session *s, const struct err *why, bool over)
{
	struct store_message row;

	(void)s;
	(void)why;
	(void)over;
	if (!store_message_load(it->g->call->mcp->d->store, it->message, &row))
		return;
	cJSON_ReplaceItemInObjectCaseSensitive(
	    it->o, "state", cJSON_CreateString(ladder_name(row.state)));
	store_message_release(&row);
}

static void
cancel_end(struct gather *g)
{
	int n = cJSON_GetArraySize(g->list);
	cJSON *o = json_new(), *args = g->kept;
	int64_t queued = json_int_or(args, "queued", 0);

	json_put_str(o, "team", json_str(args, "team"));
	json_put_str(o, "fromTeam", json_str(args, "fromTeam"));
	json_put_bool(o, "attempted", n > 0);
	json_put_bool(o, "processFound", json_bool(args, "process", false));
	json_put_str(o, "message",
	    n > 0 ? "Interrupted. The session goes on with its next message."
		: queued > 0
		? "Nothing is at work yet, so nothing was interrupted. What waits stays queued; "
		  "message_cancel ends it."
		: "Nothing of yours is under way with this team; nothing was cancelled.");
	json_put_int(o, "queued", queued);
	json_put(o, "cancelled", g->list);
	g->list = NULL;
	json_put_int(o, "timestamp", compat_now_ms());
	mcp_call_done(g->call, o);
}

/* One on another host ends its own, and what its own team does. */
static int
may_cancel_all(const struct mcp *m, const struct team *t, const char *from, struct err *err)
{
	if (!mcp_elsewhere(m) || strcmp(t->name, from) == 0)
		return 0;
	return err_set(err, ERR_REFUSED,
	    "allSessions would end what team %s does for others, and a team on another host ends "
	    "its own only; leave allSessions out",
	    t->name);
}

static void
fn_cancel(struct mcp_call *c, const cJSON *args)
{
	char from[TEAM_NAME_MAX];
	struct team *t = mcp_call_team(c, args, "team", from, sizeof from);
	bool all = json_bool(args, "allSessions", false), process = false;
	int64_t queued = 0;
	struct message *m;
	struct session *s;
	struct gather *g;
	cJSON *kept, *o;
	struct err err;

	if (t == NULL)
		return;
	if (talk_check(t->d, from, t->name, &err) == -1 ||
	    (all && may_cancel_all(c->mcp, t, from, &err) == -1)) {
		mcp_call_failed(c, &err, NULL);
		return;
	}
	kept = json_new();
	json_put_str(kept, "team", t->name);
	json_put_str(kept, "fromTeam", from);
	g = gather_new(c, "turns", cancel_end);
	g->kept = kept;
	TAILQ_FOREACH (s, &t->sessions, team_entry) {
		if (!all && strcmp(s->row.from, from) != 0)
			continue;
		process = process || s->pid != 0;
		queued += s->queued;
		if ((m = s->current) == NULL)
			continue;
		o = gather_add(g);
		json_put_str(o, "messageId", m->id);
		json_put_str(o, "from", s->row.from);
		json_put_str(o, "state", ladder_name(m->state));
		gather_message(g, o, m, 0, cancel_told);
		message_cancel(m, "cancelled with session_cancel");
	}
	json_put_bool(kept, "process", process);
	json_put(kept, "queued", cJSON_CreateNumber((double)queued));
	gather_begun(g);
}

/* --- session_compact -------------------------------------------------------------------------- */

static void
compact_told(struct gather_item *it, struct session *s, const struct err *why, bool over)
{
	(void)s;
	(void)why;
	json_put_bool(it->o, "over", over);
}

static void
compact_end(struct gather *g)
{
	struct mcp_call *c = g->call;
	cJSON *first = cJSON_GetArrayItem(g->list, 0), *o = json_new();
	struct store_message row;
	struct err why;

	if (!store_message_load(c->mcp->d->store, c->message, &row)) {
		cJSON_Delete(o);
		err_set(&why, ERR_NOT_FOUND, "message %s is not in the store any more", c->message);
		mcp_call_failed(c, &why, NULL);
		return;
	}
	json_put_str(o, "team", row.to);
	json_put_str(o, "fromTeam", row.from);
	json_put_str(o, "messageId", row.id);
	json_put_str(o, "state", ladder_name(row.state));
	json_put_int(o, "duration", mcp_call_duration(c));
	json_put_int(o, "timestamp", compat_now_ms());
	if (ladder_final(row.state) && row.state != LADDER_ANSWERED) {
		err_set(&why, row.code, "the conversation with team %s was not compacted: %s",
		    row.to, row.reason != NULL ? row.reason : "no reason is known");
		mcp_call_failed(c, &why, o);
	} else {
		json_put_str(o, "message",
		    json_bool(first, "over", false)
			? "The conversation was compacted; it goes on from its summary."
			: "Not done yet; it goes on by itself. message_status tells when it is.");
		mcp_call_done(c, o);
	}
	store_message_release(&row);
}

static void
fn_compact(struct mcp_call *c, const cJSON *args)
{
	char from[TEAM_NAME_MAX];
	struct team *t = mcp_call_team(c, args, "team", from, sizeof from);
	struct message_new n = {.kind = STORE_KIND_COMMAND, .body = "/compact", .waits = true};
	struct gather *g;
	struct session *s;
	struct err err;

	if (t == NULL)
		return;
	s = session_get(t, from, false, NULL);
	n.to = t->name;
	n.from = from;
	n.parent = c->mcp->session != NULL ? c->mcp->session->current : NULL;
	if (s == NULL || !s->row.started) {
		err_set(&err, ERR_NOT_FOUND,
		    "%s has no conversation with team %s yet, so there is nothing to compact", from,
		    t->name);
		mcp_call_failed(c, &err, NULL);
	} else if (message_submit(c->mcp->d, &n, c->message, &err) == -1) {
		mcp_call_failed(c, &err, NULL);
	} else {
		g = gather_new(c, "turns", compact_end);
		g->own = true;
		gather_message(g, gather_add(g), message_find(c->mcp->d, c->message),
		    c->mcp->d->conf->config->settings.default_timeout, compact_told);
		mcp_call_progress(c, "compacting the conversation");
		pool_slot_free(c->mcp->d);
		gather_begun(g);
	}
}

#define SESSION_SCHEMA                                                                             \
	"{\"type\":\"object\",\"properties\":{\"from\":{\"type\":\"string\"},"                     \
	"\"to\":{\"type\":\"string\"},\"sessionId\":{\"type\":\"string\"},"                        \
	"\"state\":{\"type\":\"string\"},\"pid\":{\"type\":\"integer\"},"                          \
	"\"queued\":{\"type\":\"integer\"},\"messages\":{\"type\":\"integer\"},"                   \
	"\"createdAt\":{\"type\":\"integer\"},\"lastUsed\":{\"type\":\"integer\"},"                \
	"\"costUsd\":{\"type\":\"number\"},\"current\":{\"type\":\"string\"},"                     \
	"\"model\":{\"type\":\"string\"},\"activity\":{\"type\":\"string\"}," MCP_HEALTH_SCHEMA    \
	","                                                                                        \
	"\"hasConversation\":{\"type\":\"boolean\"}},"                                             \
	"\"required\":[\"from\",\"to\",\"sessionId\",\"state\",\"queued\",\"messages\"]}"

#define RECEIPTS_SCHEMA                                                                            \
	"{\"type\":\"array\",\"items\":{\"type\":\"object\",\"properties\":{"                      \
	"\"state\":{\"type\":\"string\"},\"at\":{\"type\":\"integer\"},"                           \
	"\"evidence\":{\"type\":\"string\"}},\"required\":[\"state\",\"at\",\"evidence\"]}}"

#define ENTRY_SCHEMA                                                                               \
	"{\"type\":\"object\",\"properties\":{\"type\":{\"type\":\"string\"},"                     \
	"\"messageId\":{\"type\":\"string\"},\"tellString\":{\"type\":\"string\"},"                \
	"\"status\":{\"type\":\"string\",\"enum\":[\"active\",\"completed\",\"terminated\"]},"     \
	"\"state\":{\"type\":\"string\"},\"isComplete\":{\"type\":\"boolean\"},"                   \
	"\"createdAt\":{\"type\":\"integer\"},\"completedAt\":{\"type\":\"integer\"},"             \
	"\"reason\":{\"type\":\"string\"},\"messageCount\":{\"type\":\"integer\"},"                \
	"\"messages\":{\"type\":\"array\",\"items\":{\"type\":\"object\",\"properties\":{"         \
	"\"type\":{\"type\":\"string\"},\"timestamp\":{\"type\":\"integer\"},"                     \
	"\"content\":{\"type\":\"string\"}}}},\"receipts\":" RECEIPTS_SCHEMA "},"                  \
	"\"required\":[\"type\",\"messageId\",\"tellString\",\"status\",\"isComplete\"]}"

const struct mcp_tool mcp_tools_session[] = {
    {.name = "list_sessions",
	.title = "List sessions",
	.description =
	    "List the sessions: which conversations this project has with other teams, in both "
	    "directions. Each with its state, process, how many messages wait or were answered, "
	    "cost, when last used.",
	.params = {{"team", MCP_STRING, false, 1, 100, "only those with this team", NULL},
	    MCP_FROM_TEAM},
	.output =
	    "{\"type\":\"object\",\"properties\":{\"sessions\":{\"type\":\"array\",\"items\":" SESSION_SCHEMA
	    "},\"totalSessions\":{\"type\":\"integer\"},"
	    "\"timestamp\":{\"type\":\"integer\"}},"
	    "\"required\":[\"sessions\",\"totalSessions\",\"timestamp\"]}",
	.read_only = true,
	.idempotent = true,
	.waits = MCP_AT_ONCE,
	.fn = fn_list},
    {.name = "session_report",
	.title = "Report on a session",
	.description =
	    "Report on a session: show what was said in this project's conversation with a team. "
	    "Its latest messages come oldest first, each with its answer (both cut to 200 "
	    "characters), state and steps, and how many were answered. message_result has a whole "
	    "answer.",
	.params = {MCP_TEAM, MCP_FROM_TEAM},
	.output =
	    "{\"type\":\"object\",\"properties\":{\"team\":{\"type\":\"string\"},"
	    "\"fromTeam\":{\"type\":\"string\"},\"hasSession\":{\"type\":\"boolean\"},"
	    "\"hasProcess\":{\"type\":\"boolean\"},\"processState\":{\"type\":\"string\"},"
	    "\"sessionId\":{\"type\":\"string\"},\"costUsd\":{\"type\":\"number\"},"
	    "\"allComplete\":{\"type\":\"boolean\"},\"entries\":{\"type\":\"array\",\"items\":" ENTRY_SCHEMA
	    "},\"stats\":{\"type\":\"object\",\"properties\":{"
	    "\"totalEntries\":{\"type\":\"integer\"},\"spawnEntries\":{\"type\":\"integer\"},"
	    "\"tellEntries\":{\"type\":\"integer\"},\"activeEntries\":{\"type\":\"integer\"},"
	    "\"completedEntries\":{\"type\":\"integer\"},"
	    "\"terminatedEntries\":{\"type\":\"integer\"}}},"
	    "\"timestamp\":{\"type\":\"integer\"}},\"required\":[\"team\",\"fromTeam\","
	    "\"hasSession\",\"hasProcess\",\"allComplete\",\"entries\",\"stats\",\"timestamp\"]}",
	.read_only = true,
	.idempotent = true,
	.large = true,
	.waits = MCP_AT_ONCE,
	.fn = fn_report},
    {.name = "session_cancel",
	.title = "Cancel what a team is doing",
	.description =
	    "Stop what a team is doing: cancel or interrupt its work on this project's message. "
	    "The message ends as cancelled, and the session can be used at once. Messages that "
	    "wait behind it stay queued (message_cancel ends one of those).",
	.params = {MCP_TEAM, MCP_FROM_TEAM,
	    {"allSessions", MCP_BOOL, false, 0, 0,
		"also interrupt what the team does for others (default false)", NULL}},
	.output =
	    "{\"type\":\"object\",\"properties\":{\"team\":{\"type\":\"string\"},"
	    "\"fromTeam\":{\"type\":\"string\"},\"attempted\":{\"type\":\"boolean\"},"
	    "\"processFound\":{\"type\":\"boolean\"},\"message\":{\"type\":\"string\"},"
	    "\"queued\":{\"type\":\"integer\"},"
	    "\"cancelled\":{\"type\":\"array\",\"items\":{\"type\":\"object\",\"properties\":{"
	    "\"messageId\":{\"type\":\"string\"},\"from\":{\"type\":\"string\"},"
	    "\"state\":{\"type\":\"string\"}},\"required\":[\"messageId\",\"from\",\"state\"]}},"
	    "\"timestamp\":{\"type\":\"integer\"}},\"required\":[\"team\",\"fromTeam\",\"attempted\","
	    "\"processFound\",\"message\",\"cancelled\",\"timestamp\"]}",
	.destructive = true,
	.idempotent = true,
	.waits = MCP_ENDS_WAITS,
	.fn = fn_cancel},
    {.name = "session_compact",
	.title = "Compact a session",
	.description =
	    "Compact this project's conversation with a team: its Claude replaces what was said so "
	    "far by a summary (/compact), so that a long conversation gets cheaper and goes on.",
	.params = {MCP_TEAM, MCP_FROM_TEAM},
	.output = "{\"type\":\"object\",\"properties\":{\"team\":{\"type\":\"string\"},"
		  "\"fromTeam\":{\"type\":\"string\"},\"messageId\":{\"type\":\"string\"},"
		  "\"state\":{\"type\":\"string\"},\"message\":{\"type\":\"string\"},"
		  "\"duration\":{\"type\":\"integer\"},\"timestamp\":{\"type\":\"integer\"}},"
		  "\"required\":[\"team\",\"fromTeam\",\"messageId\",\"state\",\"message\","
		  "\"duration\",\"timestamp\"]}",
	.fn = fn_compact},
    {0},
};
