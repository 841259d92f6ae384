/* SPDX-License-Identifier: MIT
 *
 * The tools that look at messages and end them: message_status, message_cancel, list_messages,
 * search_messages. A caller sees only messages that its team has sent or received, and cancels only
 * those that it has sent.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/compat.h"
#include "common/json.h"
#include "irisd/core/describe.h"
#include "irisd/core/line.h"
#include "irisd/core/message.h"
#include "irisd/core/search.h"
#include "irisd/mcp/gather.h"
#include "irisd/mcp/params.h"

#define LIST_MAX     100
#define LIST_DEFAULT 20
#define FIND_MAX     50
#define FIND_DEFAULT 10

/*
 * The message of args.messageId, loaded into row, which the caller may see (or, with own, has
 * sent). False when the call was ended.
 */
static bool
load(struct mcp_call *c, const cJSON *args, bool own, struct store_message *row)
{
	const char *id = json_str(args, "messageId");
	char who[TEAM_NAME_MAX];
	struct err err;

	if (mcp_call_from(c, args, who, sizeof who, &err) == -1) {
		mcp_call_failed(c, &err, NULL);
		return false;
	}
	if (!uuid_valid(id)) {
		err_set(&err, ERR_INVALID,
		    "\"%.64s\" is not a message id; list_messages shows those of this project", id);
	} else if (!store_message_load(c->mcp->d->store, id, row)) {
		err_set(&err, ERR_NOT_FOUND,
		    "there is no message %s; list_messages shows those of this project", id);
	} else if (strcmp(row->from, who) == 0 || (!own && strcmp(row->to, who) == 0)) {
		return true;
	} else {
		err_set(&err, ERR_REFUSED, "message %s was not sent by \"%s\"%s", id, who,
		    own ? "; only who sent a message may cancel it" : " and not to it");
		store_message_release(row);
	}
	mcp_call_failed(c, &err, NULL);
	return false;
}

/* Everything about a message but its whole texts. */
static cJSON *
status(struct irisd *d, const struct store_message *row)
{
	const struct message *m = message_find(d, row->id);
	cJSON *o = json_new();
	char where[MESSAGE_WHERE];

	json_put_str(o, "messageId", row->id);
	json_put_str(o, "state", ladder_name(row->state));
	json_put_str(o, "from", row->from);
	json_put_str(o, "to", row->to);
	json_put_int(o, "createdAt", row->created_at);
	json_put_int(o, "updatedAt", row->updated_at);
	if (row->expires_at != 0)
		json_put_int(o, "expiresAt", row->expires_at);
	if (m != NULL) {
		message_describe(m, where, sizeof where);
		json_put_str(o, "activity", where);
		if (message_position(m) > 0)
			json_put_int(o, "position", message_position(m));
	}
	if (row->code != ERR_NONE) {
		json_put_str(o, "code", err_name(row->code));
		json_put_str_opt(o, "reason", row->reason);
	}
	json_put(o, "receipts", describe_receipts(d->store, row->id));
	json_put_int(o, "timestamp", compat_now_ms());
	return o;
}

static void
fn_status(struct mcp_call *c, const cJSON *args)
{
	struct store_message row;

	if (!load(c, args, false, &row))
		return;
	mcp_call_done(c, status(c->mcp->d, &row));
	store_message_release(&row);
}

/* --- message_cancel --------------------------------------------------------------------------- */

static void
cancelled(struct mcp_call *c, bool was_over)
{
	struct store_message row;
	struct err err;
	char text[128];
	cJSON *o;

	if (!store_message_load(c->mcp->d->store, c->message, &row)) {
		err_set(&err, ERR_NOT_FOUND, "message %s is not in the store any more", c->message);
		mcp_call_failed(c, &err, NULL);
		return;
	}
	o = status(c->mcp->d, &row);
	json_put_bool(o, "cancelled", row.state == LADDER_CANCELLED && !was_over);
	snprintf(text, sizeof text,
	    was_over ? "The message had ended before (%s); nothing was cancelled."
		: row.state == LADDER_CANCELLED ? "The message is %s."
		: !ladder_final(row.state)
		? "It is to be cancelled (%s now), as soon as its team's machine can be reached."
		: "The message ended (%s) before it could be cancelled.",
	    ladder_name(row.state));
	json_put_str(o, "message", text);
	store_message_release(&row);
	mcp_call_done(c, o);
}

static void
cancel_told(struct gather_item *it, struct session *s, const struct err *why, bool over)
{
	(void)it;
	(void)s;
	(void)why;
	(void)over;
}

static void
cancel_end(struct gather *g)
{
	cancelled(g->call, false);
}

static void
fn_cancel(struct mcp_call *c, const cJSON *args)
{
	struct store_message row;
	struct message *m;
	struct gather *g;

	if (!load(c, args, true, &row))
		return;
	compat_strlcpy(c->message, row.id, sizeof c->message);
	store_message_release(&row);
	if ((m = message_find(c->mcp->d, c->message)) == NULL) {
		cancelled(c, true);
		return;
	}
	/* First the wait, then the wish: a queued one ends at once. */
	g = gather_new(c, "messages", cancel_end);
	gather_message(g, gather_add(g), m, line_patience(m->session->team), cancel_told);
	message_cancel(m, "cancelled with message_cancel");
	gather_begun(g);
}

/* --- list_messages ---------------------------------------------------------------------------- */

static void
list_cb(const struct store_message *m, void *arg)
{
	cJSON *o = json_new();

	json_put_str(o, "messageId", m->id);
	json_put_str(o, "state", ladder_name(m->state));
	json_put_str(o, "from", m->from);
	json_put_str(o, "to", m->to);
	json_put_str(o, "message", m->body);
	json_put_str_opt(o, "response", m->answer);
	if (m->code != ERR_NONE)
		json_put_str_opt(o, "reason", m->reason);
	json_put_int(o, "createdAt", m->created_at);
	json_put_int(o, "updatedAt", m->updated_at);
	cJSON_AddItemToArray(arg, o);
}

static void
fn_list(struct mcp_call *c, const cJSON *args)
{
	const char *state = json_str(args, "state"), *direction = json_str(args, "direction");
	int64_t limit = json_int_or(args, "limit", LIST_DEFAULT);
	struct store_filter f = {.state = -1, .brief = true};
	char who[TEAM_NAME_MAX];
	cJSON *o, *list;
	enum ladder l;
	struct err err;

	f.before = json_str(args, "before");
	if (mcp_call_from(c, args, who, sizeof who, &err) == -1) {
		mcp_call_failed(c, &err, NULL);
		return;
	}
	if (f.before != NULL && !uuid_valid(f.before)) {
		err_set(&err, ERR_INVALID, "\"%.64s\" (before) is not a message id", f.before);
		mcp_call_failed(c, &err, NULL);
		return;
	}
	f.who = who;
	f.other = json_str(args, "team");
	if (direction != NULL && strcmp(direction, "sent") == 0)
		f.from = who;
	else if (direction != NULL && strcmp(direction, "received") == 0)
		f.team = who;
	if (state != NULL && ladder_from_name(state, &l) == 0)
		f.state = (int)l;
	f.limit = (int)limit + 1;
	list = cJSON_CreateArray();
	store_message_each(c->mcp->d->store, &f, list_cb, list);
	o = json_new();
	json_put_bool(o, "more", cJSON_GetArraySize(list) > limit);
	if (cJSON_GetArraySize(list) > limit)
		cJSON_DeleteItemFromArray(list, (int)limit);
	json_put(o, "messages", list);
	json_put_int(o, "timestamp", compat_now_ms());
	mcp_call_done(c, o);
}

/* --- search_messages -------------------------------------------------------------------------- */

static void
found_cb(const struct store_message *m, const char *excerpt, void *arg)
{
	cJSON *o = json_new();

	json_put_str(o, "messageId", m->id);
	json_put_str(o, "state", ladder_name(m->state));
	json_put_str(o, "from", m->from);
	json_put_str(o, "to", m->to);
	json_put_str(o, "excerpt", excerpt != NULL ? excerpt : "");
	json_put_int(o, "createdAt", m->created_at);
	cJSON_AddItemToArray(arg, o);
}

static void
fn_search(struct mcp_call *c, const cJSON *args)
{
	int64_t limit = json_int_or(args, "limit", FIND_DEFAULT);
	const char *query = json_str(args, "query");
	struct irisd *d = c->mcp->d;
	char who[TEAM_NAME_MAX];
	cJSON *o, *list;
	struct err err;

	if (mcp_call_from(c, args, who, sizeof who, &err) == -1) {
		mcp_call_failed(c, &err, NULL);
		return;
	}
	list = cJSON_CreateArray();
	search_catch_up(d);
	if (!store_search(d->store,
		&(struct store_find){.query = query, .who = who, .state = -1, .limit = (int)limit},
		found_cb, list)) {
		cJSON_Delete(list);
		err_set(&err, ERR_INVALID, "query has no words; give one or more");
		mcp_call_failed(c, &err, NULL);
		return;
	}
	o = json_new();
	json_put_str(o, "query", query);
	json_put_int(o, "count", cJSON_GetArraySize(list));
	json_put(o, "messages", list);
	json_put_int(o, "timestamp", compat_now_ms());
	mcp_call_done(c, o);
}

#define STATUS_SCHEMA(more, required)                                                              \
	"{\"type\":\"object\",\"properties\":{\"messageId\":{\"type\":\"string\"},"                \
	"\"state\":{\"type\":\"string\"},\"from\":{\"type\":\"string\"},"                          \
	"\"to\":{\"type\":\"string\"},\"createdAt\":{\"type\":\"integer\"},"                       \
	"\"updatedAt\":{\"type\":\"integer\"},\"expiresAt\":{\"type\":\"integer\"},"               \
	"\"activity\":{\"type\":\"string\"},\"position\":{\"type\":\"integer\"},"                  \
	"\"code\":{\"type\":\"string\"},\"reason\":{\"type\":\"string\"},"                         \
	"\"receipts\":{\"type\":\"array\",\"items\":{\"type\":\"object\",\"properties\":{"         \
	"\"state\":{\"type\":\"string\"},\"at\":{\"type\":\"integer\"},"                           \
	"\"evidence\":{\"type\":\"string\"}},\"required\":[\"state\",\"at\",\"evidence\"]}}," more \
	"\"timestamp\":{\"type\":\"integer\"}},\"required\":[\"messageId\",\"state\",\"from\","    \
	"\"to\",\"createdAt\",\"updatedAt\",\"receipts\",\"timestamp\"" required "]}"

const struct mcp_tool mcp_tools_query[] = {
    {.name = "message_status",
	.title = "Where a message is",
	.description =
	    "Tell where a message is on its way to a team (its status): in the queue, delivered, "
	    "being worked on, answered. Each step comes with its time and its evidence; also its "
	    "place in the queue, and what the team is doing with it. message_result has the "
	    "answer.",
	.params = {MCP_MESSAGE_ID, MCP_FROM_TEAM},
	.output = STATUS_SCHEMA("", ""),
	.read_only = true,
	.idempotent = true,
	.waits = MCP_AT_ONCE,
	.fn = fn_status},
    {.name = "message_cancel",
	.title = "Cancel a message",
	.description =
	    "Cancel a message that this project has sent, or take back what it asked: a question "
	    "that waits ends at once and is never delivered, one that a team works on is "
	    "interrupted.",
	.params = {MCP_MESSAGE_ID, MCP_FROM_TEAM},
	.output = STATUS_SCHEMA("\"cancelled\":{\"type\":\"boolean\"},"
				"\"message\":{\"type\":\"string\"},",
	    ",\"cancelled\",\"message\""),
	.destructive = true,
	.idempotent = true,
	.waits = MCP_AT_ONCE,
	.fn = fn_cancel},
    {.name = "list_messages",
	.title = "List messages",
	.description =
	    "List the messages that this project has sent to other teams or received from them: "
	    "what was asked and answered before. The newest come first, question and answer are "
	    "cut to 200 characters. More pages: before, with the last messageId.",
	.params = {{"team", MCP_STRING, false, 1, TEAM_NAME_MAX, "only those with this team", NULL},
	    {"state", MCP_STRING, false, 1, 20, "only those in this state", MCP_STATES},
	    {"direction", MCP_STRING, false, 1, 20, "sent, received, or both (the default)",
		"sent received both"},
	    {"limit", MCP_INTEGER, false, 1, LIST_MAX, "at most so many (default 20)", NULL},
	    {"before", MCP_STRING, false, 1, 64, "only those older than this messageId", NULL},
	    MCP_FROM_TEAM},
	.output =
	    "{\"type\":\"object\",\"properties\":{\"messages\":{\"type\":\"array\",\"items\":{"
	    "\"type\":\"object\",\"properties\":{\"messageId\":{\"type\":\"string\"},"
	    "\"state\":{\"type\":\"string\"},\"from\":{\"type\":\"string\"},"
	    "\"to\":{\"type\":\"string\"},\"message\":{\"type\":\"string\"},"
	    "\"response\":{\"type\":\"string\"},\"reason\":{\"type\":\"string\"},"
	    "\"createdAt\":{\"type\":\"integer\"},\"updatedAt\":{\"type\":\"integer\"}},"
	    "\"required\":[\"messageId\",\"state\",\"from\",\"to\",\"message\",\"createdAt\"]}},"
	    "\"more\":{\"type\":\"boolean\"},\"timestamp\":{\"type\":\"integer\"}},"
	    "\"required\":[\"messages\",\"more\",\"timestamp\"]}",
	.read_only = true,
	.idempotent = true,
	.large = true,
	.waits = MCP_AT_ONCE,
	.fn = fn_list},
    {.name = "search_messages",
	.title = "Search messages",
	.description =
	    "Search what this project and other teams have asked and answered earlier, by words: all of "
	    "them must be in the question or its answer; word* finds what begins like this. The newest "
	    "come first. message_result has the whole answer.",
	.params = {{"query", MCP_STRING, true, 1, 1000, "the words to search for", NULL},
	    {"limit", MCP_INTEGER, false, 1, FIND_MAX, "at most so many (default 10)", NULL},
	    MCP_FROM_TEAM},
	.output =
	    "{\"type\":\"object\",\"properties\":{\"query\":{\"type\":\"string\"},"
	    "\"count\":{\"type\":\"integer\"},\"messages\":{\"type\":\"array\",\"items\":{"
	    "\"type\":\"object\",\"properties\":{\"messageId\":{\"type\":\"string\"},"
	    "\"state\":{\"type\":\"string\"},\"from\":{\"type\":\"string\"},"
	    "\"to\":{\"type\":\"string\"},\"excerpt\":{\"type\":\"string\"},"
	    "\"createdAt\":{\"type\":\"integer\"}},"
	    "\"required\":[\"messageId\",\"state\",\"from\",\"to\",\"excerpt\",\"createdAt\"]}},"
	    "\"timestamp\":{\"type\":\"integer\"}},"
	    "\"required\":[\"query\",\"count\",\"messages\",\"timestamp\"]}",
	.read_only = true,
	.idempotent = true,
	.waits = MCP_AT_ONCE,
	.fn = fn_search},
    {0},
};
