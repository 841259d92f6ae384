/* SPDX-License-Identifier: MIT
 *
 * The tools that reach several teams at once: broadcast_message, team_wake_all. One result for each
 * team; one that fails does not fail the others.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/compat.h"
#include "common/json.h"
#include "common/xmalloc.h"
#include "irisd/core/message.h"
#include "irisd/core/pool.h"
#include "irisd/mcp/gather.h"
#include "irisd/mcp/params.h"

#define TIMEOUT_MAX 3600000 /* ms, as for send_message */

static int
count(const cJSON *list, const char *member, const char *value)
{
	const cJSON *o;
	const char *v;
	int n = 0;

	cJSON_ArrayForEach (o, list)
		n += (v = json_str(o, member)) != NULL && strcmp(v, value) == 0;
	return n;
}

static void
put_error(cJSON *o, const struct err *why)
{
	json_put_str(o, "error", why->msg);
	json_put_str(o, "code", err_name(why->code));
}

/* --- broadcast_message ------------------------------------------------------------------------ */

static void
put_message(struct irisd *d, cJSON *o, const char *id)
{
	struct store_message row;

	if (!store_message_load(d->store, id, &row))
		return;
	cJSON_DeleteItemFromObject(o, "state");
	json_put_str(o, "state", ladder_name(row.state));
	json_put_str_opt(o, "response", row.answer);
	if (row.code != ERR_NONE) {
		json_put_str(o, "error", row.reason != NULL ? row.reason : "no reason is known");
		json_put_str(o, "code", err_name(row.code));
	}
	store_message_release(&row);
}

static void
broadcast_told(struct gather_item *it, struct session *s, const struct err *why, bool over)
{
	(void)s;
	(void)why;
	put_message(it->g->call->mcp->d, it->o, it->message);
	if (!over)
		json_put_bool(it->o, "timedOut", true);
}

static void
broadcast_end(struct gather *g)
{
	struct mcp_call *c = g->call;
	int total = cJSON_GetArraySize(g->list), answered = count(g->list, "state", "answered");
	cJSON *o = json_new(), *sum = json_new();
	const cJSON *item;
	int failed = 0;

	cJSON_ArrayForEach (item, g->list)
		failed += json_str(item, "error") != NULL;
	json_put_int(sum, "total", total);
	json_put_int(sum, "answered", answered);
	json_put_int(sum, "failed", failed);
	json_put_int(sum, "pending", total - answered - failed);
	json_put_str(o, "from", json_str(g->kept, "from"));
	json_put(o, "results", g->list);
	g->list = NULL;
	json_put(o, "summary", sum);
	json_put_int(o, "duration", mcp_call_duration(c));
	json_put_int(o, "timestamp", compat_now_ms());
	mcp_call_done(c, o);
}

static void
send_one(struct gather *g, const char *to, const char *from, const char *body, int64_t timeout)
{
	struct mcp_call *c = g->call;
	struct message_new n = {.to = to, .from = from, .body = body};
	char id[UUID_LEN + 1], *key = mcp_call_key(c, from, to);
	struct message *m;
	cJSON *o = gather_add(g);
	struct err err;

	json_put_str(o, "team", to);
	n.key = key;
	n.key_made = true;
	n.waits = timeout != -1;
	n.ttl = c->mcp->d->conf->config->settings.message_ttl;
	n.parent = c->mcp->session != NULL ? c->mcp->session->current : NULL;
	if (message_submit(c->mcp->d, &n, id, &err) == -1) {
		put_error(o, &err);
	} else {
		json_put_str(o, "messageId", id);
		m = message_find(c->mcp->d, id);
		if (m != NULL && timeout != -1)
			gather_message(g, o, m, timeout, broadcast_told);
		else
			put_message(c->mcp->d, o, id);
	}
	free(key);
}

static bool
named_before(const cJSON *teams, const cJSON *item)
{
	const cJSON *other;

	cJSON_ArrayForEach (other, teams) {
		if (other == item)
			return false;
		if (strcmp(other->valuestring, item->valuestring) == 0)
			return true;
	}
	return false;
}

static void
fn_broadcast(struct mcp_call *c, const cJSON *args)
{
	const cJSON *teams = json_arr(args, "teams"), *item;
	const char *body = json_str(args, "message");
	int64_t timeout =
	    json_int_or(args, "timeout", c->mcp->d->conf->config->settings.default_timeout);
	char from[TEAM_NAME_MAX];
	struct gather *g;
	struct team *t;
	struct err err;

	if (mcp_call_from(c, args, from, sizeof from, &err) == -1) {
		mcp_call_failed(c, &err, NULL);
		return;
	}
	if (!json_bool(args, "wait", true))
		timeout = -1;
	g = gather_new(c, "teams", broadcast_end);
	g->own = true;
	g->kept = json_new();
	json_put_str(g->kept, "from", from);
	cJSON_ArrayForEach (item, teams)
		if (!named_before(teams, item))
			send_one(g, item->valuestring, from, body, timeout);
	if (teams == NULL)
		TAILQ_FOREACH (t, &c->mcp->d->teams, entry)
			if (!t->removed && strcmp(t->name, from) != 0)
				send_one(g, t->name, from, body, timeout);
	pool_slot_free(c->mcp->d);
	gather_begun(g);
}

/* --- team_wake_all ---------------------------------------------------------------------------- */

static void
wake_told(struct gather_item *it, struct session *s, const struct err *why, bool over)
{
	(void)over;
	json_put_str(it->o, "status", why == NULL ? "awake" : "failed");
	if (why != NULL)
		put_error(it->o, why);
	else
		json_put_str(it->o, "sessionId", s->row.claude_id);
}

static void
stays_asleep(cJSON *o, const char *why)
{
	json_put_str(o, "status", "asleep");
	json_put_str(o, "error", why);
	json_put_str(o, "code", err_name(ERR_LIMIT));
}

/*
 * Nothing is put to sleep for this: it would be what this call has woken, or what somebody else is
 * going to use. *room is what there is for more processes.
 */
static void
wake_one(struct gather *g, const char *name, const char *from, int *room)
{
	struct irisd *d = g->call->mcp->d;
	struct team *t = team_find(d, name);
	cJSON *o = gather_add(g);
	struct session *s = NULL;
	struct err err;
	char text[160];

	json_put_str(o, "team", name);
	if (t == NULL)
		err_set(&err, ERR_NOT_FOUND, "the team was removed from the configuration");
	else
		s = session_get(t, from, true, &err);
	if (s == NULL) {
		json_put_str(o, "status", "failed");
		put_error(o, &err);
		return;
	}
	json_put_bool(o, "wasAwake", s->pid != 0);
	if (s->state == SESSION_ASLEEP && --*room < 0) {
		snprintf(text, sizeof text,
		    "not woken: settings.maxProcesses is %lld, and all are in use; a message to the team "
		    "wakes it",
		    (long long)d->conf->config->settings.max_processes);
		stays_asleep(o, text);
		return;
	}
	gather_awake(g, o, s, wake_told);
	pool_want(s);
	pool_slot_free(d);
}

/* The teams that are left: all of them in parallel, or the first one. */
static void
wake_more(struct gather *g)
{
	cJSON *left = json_get(g->kept, "left"), *item;
	const char *from = json_str(g->kept, "from");
	bool parallel = json_bool(g->kept, "parallel", false);
	int room = pool_room(g->call->mcp->d);

	while ((item = cJSON_DetachItemFromArray(left, 0)) != NULL) {
		wake_one(g, item->valuestring, from, &room);
		cJSON_Delete(item);
		if (!parallel && g->pending > 1)
			break;
	}
}

/* What was awake once may have had to give way since. */
static void
look_again(struct gather *g, cJSON *o)
{
	const char *status = json_str(o, "status");
	struct team *t = team_find(g->call->mcp->d, json_str(o, "team"));
	const struct session *s = NULL;
	struct err err;

	if (status == NULL || strcmp(status, "awake") != 0)
		return;
	if (t != NULL)
		s = session_get(t, json_str(g->kept, "from"), false, &err);
	if (s != NULL && s->state != SESSION_ASLEEP && s->state != SESSION_STOPPING &&
	    s->state != SESSION_WAITING)
		return;
	cJSON_DeleteItemFromObject(o, "status");
	stays_asleep(o, "woken, and put to sleep again meanwhile; a message to the team wakes it");
}

static void
wake_end(struct gather *g)
{
	int total = cJSON_GetArraySize(g->list), failed = count(g->list, "status", "failed");
	int before = 0, awake, asleep;
	cJSON *o = json_new(), *sum = json_new(), *item;
	char text[160];

	cJSON_ArrayForEach (item, g->list)
		look_again(g, item);
	awake = count(g->list, "status", "awake");
	asleep = count(g->list, "status", "asleep");
	cJSON_ArrayForEach (item, g->list)
		before += json_bool(item, "wasAwake", false) && json_get(item, "code") == NULL;
	json_put_int(sum, "total", total);
	json_put_int(sum, "alreadyAwake", before);
	json_put_int(sum, "woken", awake - before);
	json_put_int(sum, "asleep", asleep);
	json_put_int(sum, "failed", failed);
	snprintf(text, sizeof text, "%d of %d teams are awake%s", awake, total,
	    asleep > 0 ? "; there is no room for more (settings.maxProcesses)" : "");
	json_put_str(o, "message", text);
	json_put(o, "teams", g->list);
	g->list = NULL;
	json_put(o, "summary", sum);
	json_put_int(o, "duration", mcp_call_duration(g->call));
	json_put_int(o, "timestamp", compat_now_ms());
	mcp_call_done(g->call, o);
}

static void
fn_wake_all(struct mcp_call *c, const cJSON *args)
{
	struct irisd *d = c->mcp->d;
	char from[TEAM_NAME_MAX];
	struct gather *g;
	struct team *t;
	cJSON *left;
	struct err err;

	if (mcp_call_from(c, args, from, sizeof from, &err) == -1 ||
	    (d->stopping && err_set(&err, ERR_UNAVAILABLE, "irisd is being stopped") == -1)) {
		mcp_call_failed(c, &err, NULL);
		return;
	}
	g = gather_new(c, "teams", wake_end);
	g->next = wake_more;
	left = cJSON_CreateArray();
	TAILQ_FOREACH (t, &d->teams, entry)
		if (!t->removed && strcmp(t->name, from) != 0)
			cJSON_AddItemToArray(left, cJSON_CreateString(t->name));
	g->total = cJSON_GetArraySize(left);
	g->kept = json_new();
	json_put(g->kept, "left", left);
	json_put_str(g->kept, "from", from);
	json_put_bool(g->kept, "parallel", json_bool(args, "parallel", false));
	gather_begun(g);
}

const struct mcp_tool mcp_tools_many[] = {
    {.name = "broadcast_message",
	.title = "Ask several teams",
	.description =
	    "Ask or tell several teams, or all of them, the same thing at once and get each one's answer. "
	    "Each team gets a message of its own; one that fails does not fail the others.",
	.params =
	    {{"message", MCP_STRING, true, 1, (int64_t)MESSAGE_BODY_MAX,
		 "the question or news, complete in itself: the teams do not see this conversation",
		 NULL},
		{"teams", MCP_LIST, false, 1, 100, "their names; left out: all teams but this one",
		    NULL},
		{"wait", MCP_BOOL, false, 0, 0,
		    "wait for the answers (default true); false: message_result fetches them later",
		    NULL},
		{"timeout", MCP_INTEGER, false, -1, TIMEOUT_MAX,
		    "ms to wait for each answer; 0 waits without limit, -1 does not wait", NULL},
		MCP_FROM_TEAM},
	.output =
	    "{\"type\":\"object\",\"properties\":{\"from\":{\"type\":\"string\"},"
	    "\"results\":{\"type\":\"array\",\"items\":{\"type\":\"object\",\"properties\":{"
	    "\"team\":{\"type\":\"string\"},\"messageId\":{\"type\":\"string\"},"
	    "\"state\":{\"type\":\"string\"},\"response\":{\"type\":\"string\"},"
	    "\"timedOut\":{\"type\":\"boolean\"},\"error\":{\"type\":\"string\"},"
	    "\"code\":{\"type\":\"string\"}},\"required\":[\"team\"]}},"
	    "\"summary\":{\"type\":\"object\",\"properties\":{\"total\":{\"type\":\"integer\"},"
	    "\"answered\":{\"type\":\"integer\"},\"failed\":{\"type\":\"integer\"},"
	    "\"pending\":{\"type\":\"integer\"}}},\"duration\":{\"type\":\"integer\"},"
	    "\"timestamp\":{\"type\":\"integer\"}},"
	    "\"required\":[\"from\",\"results\",\"summary\",\"duration\",\"timestamp\"]}",
	.large = true,
	.fn = fn_broadcast},
    {.name = "team_wake_all",
	.title = "Wake all teams",
	.description =
	    "Wake all teams: start each one's Claude for this project, one after the other or in parallel, "
	    "as many as there is room for; none is put to sleep for it. "
	    "Not needed before asking: a message wakes its team by itself.",
	.params = {MCP_FROM_TEAM,
	    {"parallel", MCP_BOOL, false, 0, 0,
		"all at once, a few starting at a time (default false: one after the other)",
		NULL}},
	.output =
	    "{\"type\":\"object\",\"properties\":{\"message\":{\"type\":\"string\"},"
	    "\"teams\":{\"type\":\"array\",\"items\":{\"type\":\"object\",\"properties\":{"
	    "\"team\":{\"type\":\"string\"},\"status\":{\"type\":\"string\"},"
	    "\"wasAwake\":{\"type\":\"boolean\"},\"sessionId\":{\"type\":\"string\"},"
	    "\"error\":{\"type\":\"string\"},\"code\":{\"type\":\"string\"}},"
	    "\"required\":[\"team\",\"status\"]}},\"summary\":{\"type\":\"object\",\"properties\":{"
	    "\"total\":{\"type\":\"integer\"},\"alreadyAwake\":{\"type\":\"integer\"},"
	    "\"woken\":{\"type\":\"integer\"},\"asleep\":{\"type\":\"integer\"},"
	    "\"failed\":{\"type\":\"integer\"}}},"
	    "\"duration\":{\"type\":\"integer\"},\"timestamp\":{\"type\":\"integer\"}},"
	    "\"required\":[\"message\",\"teams\",\"summary\",\"duration\",\"timestamp\"]}",
	.idempotent = true,
	.fn = fn_wake_all},
    {0},
};
