/* SPDX-License-Identifier: MIT
 *
 * The tool get_logs: what irisd, its web process and its workers have logged, read back from their
 * one file, so that lines from before a restart are there as well.
 */
#include <stdlib.h>
#include <string.h>

#include "common/compat.h"
#include "common/json.h"
#include "common/log_read.h"
#include "irisd/mcp/mcp.h"

#define LINES_MAX     1000
#define LINES_DEFAULT 100
#define STORE         "irisd"

struct logs {
	cJSON *list;
	bool raw;
};

static void
line_cb(const struct log_line *l, void *arg)
{
	struct logs *logs = arg;
	cJSON *o;

	if (logs->raw) {
		cJSON_AddItemToArray(logs->list, cJSON_CreateString(l->raw));
		return;
	}
	o = json_new();
	if (l->at != 0)
		json_put_int(o, "timestamp", l->at);
	json_put_str(o, "level", log_level_name(l->level));
	json_put_str(o, "component", l->component);
	if (l->pid != 0)
		json_put_int(o, "pid", l->pid);
	json_put_str(o, "message", l->message);
	cJSON_AddItemToArray(logs->list, o);
}

/* Iris MCP knows two more: what is below debug is none here, and what is fatal is an error. */
static unsigned
level_bit(const char *name)
{
	enum log_level level = LOG_DEBUG;

	if (strcmp(name, "fatal") == 0)
		level = LOG_ERROR;
	else if (log_level_from_name(name, &level) == -1)
		level = LOG_DEBUG;
	return 1u << level;
}

static unsigned
wanted_levels(const cJSON *level)
{
	const cJSON *item;
	unsigned set = 0;

	if (cJSON_IsString(level))
		return level_bit(level->valuestring);
	cJSON_ArrayForEach (item, level)
		set |= level_bit(item->valuestring);
	return set;
}

static void
stores(struct mcp_call *c)
{
	cJSON *o = json_new(), *list = cJSON_CreateArray();

	cJSON_AddItemToArray(list, cJSON_CreateString(STORE));
	json_put(o, "logs", cJSON_CreateArray());
	json_put_int(o, "logCount", 0);
	json_put_str(o, "storeName", STORE);
	json_put(o, "availableStores", list);
	json_put_int(o, "timestamp", compat_now_ms());
	mcp_call_done(c, o);
}

static void
fn_logs(struct mcp_call *c, const cJSON *args)
{
	struct log_filter f = {.since = json_int_or(args, "logs_since", 0),
	    .levels = wanted_levels(json_get(args, "level")),
	    .component = json_str(args, "component"),
	    .contains = json_str(args, "contains"),
	    .limit = (int)json_int_or(args, "limit", LINES_DEFAULT)};
	const char *format = json_str(args, "format");
	struct logs logs = {.raw = format != NULL && strcmp(format, "raw") == 0};
	cJSON *o, *query;
	struct err err;

	if (mcp_elsewhere(c->mcp)) {
		err_set(&err, ERR_REFUSED,
		    "the log is that of Iris's own machine, and tells of all teams; a team on another "
		    "host does not get it. A person there reads it by \"iris log\"");
		mcp_call_failed(c, &err, NULL);
		return;
	}
	if (json_bool(args, "getAllStores", false)) {
		stores(c);
		return;
	}
	if (f.since > compat_now_ms()) {
		err_set(&err, ERR_INVALID,
		    "logs_since is in the future; give a time in ms since 1970, as get_date returns it "
		    "in timestamp");
		mcp_call_failed(c, &err, NULL);
		return;
	}
	logs.list = cJSON_CreateArray();
	if (log_read(c->mcp->d->paths.logfile, &f, line_cb, &logs, NULL, &err) == -1) {
		cJSON_Delete(logs.list);
		mcp_call_failed(c, &err, NULL);
		return;
	}
	o = json_new();
	query = json_new();
	json_put_int(o, "logCount", cJSON_GetArraySize(logs.list));
	json_put(o, "logs", logs.list);
	json_put_str(o, "storeName", STORE);
	json_put_int(o, "timestamp", compat_now_ms());
	json_put_int(query, "since", f.since);
	json_put_str(query, "format", logs.raw ? "raw" : "parsed");
	if (json_get(args, "level") != NULL)
		json_put(query, "level", cJSON_Duplicate(json_get(args, "level"), true));
	json_put_str_opt(query, "component", f.component);
	json_put_str_opt(query, "contains", f.contains);
	json_put_int(query, "limit", f.limit);
	json_put(o, "query", query);
	mcp_call_done(c, o);
}

const struct mcp_tool mcp_tools_log[] = {
    {.name = "get_logs",
	.title = "Iris's own log",
	.description =
	    "Show Iris's own log: what its daemon and its workers did and what went wrong, the newest "
	    "lines that fit, oldest first. It has no texts of messages.",
	.params = {{"logs_since", MCP_INTEGER, false, 0, INT64_C(9007199254740991),
		       "only lines from this time on, in ms since 1970", NULL},
	    {"level", MCP_STRINGS, false, 1, 10, "only lines of this level, or of these",
		"trace debug info warn error fatal"},
	    {"component", MCP_STRING, false, 1, 31,
		"only lines of this program: irisd, irisd-web, iris-worker; stderr for what is no line "
		"of the log",
		NULL},
	    {"contains", MCP_STRING, false, 1, 200, "only lines with this text in them", NULL},
	    {"limit", MCP_INTEGER, false, 1, LINES_MAX, "at most so many (default 100)", NULL},
	    {"format", MCP_STRING, false, 1, 10, "parsed (the default), or raw: whole lines",
		"parsed raw"},
	    {"storeName", MCP_STRING, false, 1, 20, "there is only one", STORE " iris-mcp"},
	    {"getAllStores", MCP_BOOL, false, 0, 0, "only name the stores there are", NULL}},
	.output =
	    "{\"type\":\"object\",\"properties\":{\"logs\":{\"type\":\"array\",\"items\":{"
	    "\"type\":[\"object\",\"string\"],\"properties\":{\"timestamp\":{\"type\":\"integer\"},"
	    "\"level\":{\"type\":\"string\"},\"component\":{\"type\":\"string\"},"
	    "\"pid\":{\"type\":\"integer\"},\"message\":{\"type\":\"string\"}}}},"
	    "\"logCount\":{\"type\":\"integer\"},\"storeName\":{\"type\":\"string\"},"
	    "\"availableStores\":{\"type\":\"array\",\"items\":{\"type\":\"string\"}},"
	    "\"timestamp\":{\"type\":\"integer\"},\"query\":{\"type\":\"object\",\"properties\":{"
	    "\"since\":{\"type\":\"integer\"},\"format\":{\"type\":\"string\"},\"level\":{},"
	    "\"component\":{\"type\":\"string\"},\"contains\":{\"type\":\"string\"},"
	    "\"limit\":{\"type\":\"integer\"}}}},"
	    "\"required\":[\"logs\",\"logCount\",\"storeName\",\"timestamp\"]}",
	.read_only = true,
	.idempotent = true,
	.large = true,
	.waits = MCP_AT_ONCE,
	.fn = fn_logs},
    {0},
};
