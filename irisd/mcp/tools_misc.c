/* SPDX-License-Identifier: MIT
 *
 * Small tools of no family: get_date, permissions__approve.
 */
#include <stdlib.h>
#include <time.h>

#include "common/compat.h"
#include "common/json.h"
#include "irisd/core/permission.h"
#include "irisd/mcp/mcp.h"

static void
fn_date(struct mcp_call *c, const cJSON *args)
{
	int64_t now = compat_now_ms();
	time_t sec = (time_t)(now / 1000);
	cJSON *o = json_new(), *parts = json_new();
	char text[64];
	struct tm tm;

	(void)args;
	gmtime_r(&sec, &tm);
	json_put_int(o, "timestamp", now);
	json_put_str(o, "iso", json_time(now, text, sizeof text));
	strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &tm);
	json_put_str(o, "utc", text);
	json_put_int(o, "unix", sec);
	json_put_int(parts, "year", tm.tm_year + 1900);
	json_put_int(parts, "month", tm.tm_mon + 1);
	json_put_int(parts, "day", tm.tm_mday);
	json_put_int(parts, "hours", tm.tm_hour);
	json_put_int(parts, "minutes", tm.tm_min);
	json_put_int(parts, "seconds", tm.tm_sec);
	json_put_int(parts, "milliseconds", now % 1000);
	json_put_int(parts, "dayOfWeek", tm.tm_wday);
	json_put_int(parts, "dayOfYear", tm.tm_yday + 1);
	json_put(o, "components", parts);
	mcp_call_done(c, o);
}

/*
 * Claude Code's --permission-prompt-tool: the answer is the text itself, in this form and no other.
 */
static void
fn_approve(struct mcp_call *c, const cJSON *args)
{
	const struct session *s = c->mcp->session;
	cJSON *o = json_new();
	char buf[512], *text;
	const char *why;

	why = s != NULL
	    ? permission_refusal(s, json_str(args, "tool_name"), buf, sizeof buf)
	    : "Permission denied: this is no session that Iris has started, so no team's settings "
	      "decide here.";
	json_put_str(o, "behavior", why == NULL ? "allow" : "deny");
	if (why == NULL)
		json_put(o, "updatedInput", cJSON_Duplicate(json_obj(args, "input"), true));
	else
		json_put_str(o, "message", why);
	text = json_print(o);
	cJSON_Delete(o);
	mcp_call_text(c, text);
	free(text);
}

const struct mcp_tool mcp_tools_misc[] = {
    {.name = "get_date",
	.title = "Date and time",
	.description = "Get the current date and time in UTC: ISO 8601, Unix time, and its parts.",
	.output = "{\"type\":\"object\",\"properties\":{\"timestamp\":{\"type\":\"integer\"},"
		  "\"iso\":{\"type\":\"string\"},\"utc\":{\"type\":\"string\"},"
		  "\"unix\":{\"type\":\"integer\"},\"components\":{\"type\":\"object\"}},"
		  "\"required\":[\"timestamp\",\"iso\",\"utc\",\"unix\",\"components\"]}",
	.read_only = true,
	.fn = fn_date},
    {.name = "permissions__approve",
	.title = "Decide on a permission",
	.description =
	    "Decide whether a team's Claude may use a tool: for Claude Code's --permission-prompt-tool, "
	    "not for a model. The team's grantPermission decides.",
	.params = {{"tool_name", MCP_STRING, true, 1, 200, "the tool that is to be used", NULL},
	    {"input", MCP_OBJECT, true, 0, 0, "what it is to be used with", NULL},
	    {"tool_use_id", MCP_STRING, false, 0, 200, "Claude Code's name of the use", NULL},
	    {"reason", MCP_STRING, false, 0, 4096, "why it is asked for", NULL}},
	.read_only = true,
	.large = true,
	.fn = fn_approve},
    {0},
};
