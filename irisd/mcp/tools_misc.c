/* SPDX-License-Identifier: MIT
 *
 * Small tools of no family: get_date.
 */
#include <time.h>

#include "common/compat.h"
#include "common/json.h"
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

const struct mcp_tool mcp_tools_misc[] = {
    {.name = "get_date",
	.title = "Date and time",
	.description = "Get the current date and time in UTC: ISO 8601, Unix time, and its parts.",
	.output = "{\"type\":\"object\",\"properties\":{\"timestamp\":{\"type\":\"integer\"},"
		  "\"iso\":{\"type\":\"string\"},\"utc\":{\"type\":\"string\"},"
		  "\"unix\":{\"type\":\"integer\"},\"components\":{\"type\":\"object\"}},"
		  "\"required\":[\"timestamp\",\"iso\",\"utc\",\"unix\",\"components\"]}",
	.read_only = true,
	.waits = MCP_AT_ONCE,
	.fn = fn_date},
    {0},
};
