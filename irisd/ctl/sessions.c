/* SPDX-License-Identifier: MIT
 *
 * Prints sessions: who talks to whom, whether a Claude runs for them, and what it does. See
 * sessions.h.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/compat.h"
#include "common/json.h"
#include "irisd/ctl/sessions.h"
#include "irisd/ctl/term.h"

static enum term_style
state_style(const char *state)
{
	if (state == NULL || strcmp(state, "asleep") == 0)
		return TERM_DIM;
	return strcmp(state, "busy") == 0 ? TERM_YELLOW : TERM_GREEN;
}

/* irisd may send what the Claude does as a word or as an object {kind, tool, detail}. */
static void
activity_text(const cJSON *session, char *buf, size_t size)
{
	const cJSON *a = json_get(session, "activity");
	const char *kind = json_str(a, "kind"), *tool = json_str(a, "tool");

	buf[0] = '\0';
	if (cJSON_IsString(a))
		snprintf(buf, size, "%s", a->valuestring);
	else if (kind != NULL)
		snprintf(buf, size, "%s%s%s", kind, tool ? " " : "", tool ? tool : "");
}

const char *
ctl_retry_text(int64_t at, char *buf, size_t size)
{
	int64_t left = at - compat_now_ms();
	char took[32];

	snprintf(
	    buf, size, "next start in %s", term_duration(left > 0 ? left : 0, took, sizeof took));
	return buf;
}

const char *
ctl_ill(const cJSON *o)
{
	const char *health = json_str(o, "health");

	return health != NULL && strcmp(health, "alive") != 0 ? health : NULL;
}

void
ctl_print_sessions(const cJSON *sessions)
{
	static const char *const heads[] = {
	    "SESSION", "STATE", "PID", "QUEUE", "LAST USED", "DOING"};
	const cJSON *s;
	struct term_table t;
	char text[512], ago[32];
	const char *from, *to, *ill;
	int64_t n;

	term_table_init(&t, 6, heads);
	cJSON_ArrayForEach (s, sessions) {
		from = json_str(s, "from");
		to = json_str(s, "to");
		term_table_row(&t);
		snprintf(text, sizeof text, "%s -> %s", from ? from : "?", to ? to : "?");
		term_table_cell(&t, 0, text, TERM_PLAIN);
		ill = ctl_ill(s);
		snprintf(text, sizeof text, "%s%s%s",
		    json_str(s, "state") ? json_str(s, "state") : "?", ill ? ", " : "",
		    ill ? ill : "");
		term_table_cell(&t, 1, text, ill ? TERM_RED : state_style(json_str(s, "state")));
		snprintf(text, sizeof text, "%" PRId64, json_int_or(s, "pid", 0));
		term_table_cell(&t, 2, json_int_or(s, "pid", 0) > 0 ? text : NULL, TERM_PLAIN);
		snprintf(text, sizeof text, "%" PRId64, json_int_or(s, "queued", 0));
		term_table_cell(&t, 3, text, TERM_PLAIN);
		if (json_int(s, "lastUsed", &n) == 0 && n > 0) {
			snprintf(text, sizeof text, "%s ago",
			    term_duration(compat_now_ms() - n, ago, sizeof ago));
			term_table_cell(&t, 4, text, TERM_PLAIN);
		} else {
			term_table_cell(&t, 4, NULL, TERM_PLAIN);
		}
		activity_text(s, text, sizeof text);
		term_table_cell(&t, 5, text, TERM_PLAIN);
	}
	term_table_print(&t, "");
}
