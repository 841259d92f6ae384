/* SPDX-License-Identifier: MIT
 *
 * status: irisd at a glance. Asks once and prints; never starts an irisd.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/compat.h"
#include "common/json.h"
#include "irisd/ctl/ctl.h"
#include "irisd/ctl/sessions.h"
#include "irisd/ctl/term.h"

#define STATUS_TIMEOUT 10000

static void
field(const char *name, const char *value)
{
	if (value == NULL)
		return;
	printf("  %-10s", name);
	term_print(stdout, value, false);
	putchar('\n');
}

static void
print_daemon(const struct ctl *c, const cJSON *st)
{
	const char *version = json_str(st, "version");
	char up[32], text[256];
	int64_t rss;

	printf("%sirisd %s%s %sruns%s, pid %" PRId64 ", for %s", term_on(stdout, TERM_BOLD),
	    version ? version : "?", term_off(stdout), term_on(stdout, TERM_GREEN),
	    term_off(stdout), json_int_or(st, "pid", 0),
	    term_duration(json_int_or(st, "uptime", 0), up, sizeof up));
	if (json_int(st, "rss", &rss) == 0)
		printf(", %.1f MiB", (double)rss / 1048576.0);
	putchar('\n');
	field("home", json_str(st, "home"));
	field("config", json_str(st, "config"));
	field("socket", json_str(st, "socket"));
	field("claude", json_str(json_obj(st, "claude"), "path"));
	if (version != NULL && strcmp(version, IRIS_VERSION) != 0) {
		snprintf(text, sizeof text,
		    "this program is %s: \"iris restart\" brings them together", IRIS_VERSION);
		field("version", text);
	}
	if (c->verbose)
		field("database", json_str(st, "database"));
}

static void
print_counts(const cJSON *st)
{
	static const char *const states[] = {
	    "queued", "sent", "seen", "answered", "failed", "expired", "cancelled"};
	const cJSON *pool = json_obj(st, "pool"), *messages = json_obj(st, "messages");
	int64_t teams = json_int_or(st, "teams", 0);
	const char *sep = "";
	size_t i;

	printf("  %-10s%" PRId64 " of %" PRId64 " processes, %" PRId64 " waiting; %" PRId64
	       " team%s\n",
	    "pool", json_int_or(pool, "active", 0), json_int_or(pool, "max", 0),
	    json_int_or(pool, "waiting", 0), teams, teams == 1 ? "" : "s");
	printf("  %-10s", "messages");
	for (i = 0; i < sizeof states / sizeof states[0]; i++) {
		int64_t n = json_int_or(messages, states[i], 0);
		if (n == 0)
			continue;
		printf("%s%" PRId64 " %s", sep, n, states[i]);
		sep = ", ";
	}
	printf("%s\n", sep[0] == '\0' ? "none yet" : "");
}

static void
print_status(const struct ctl *c, const cJSON *st)
{
	const cJSON *sessions = json_arr(st, "sessions"), *w;

	print_daemon(c, st);
	print_counts(st);
	if (cJSON_GetArraySize(sessions) > 0) {
		putchar('\n');
		ctl_print_sessions(sessions);
	}
	cJSON_ArrayForEach (w, json_arr(st, "warnings")) {
		if (!cJSON_IsString(w))
			continue;
		printf("%swarning:%s ", term_on(stdout, TERM_YELLOW), term_off(stdout));
		term_print(stdout, w->valuestring, false);
		putchar('\n');
	}
}

int
ctl_status_run(struct ctl *c, struct err *err)
{
	cJSON *st = NULL;

	if (ctl_call(c, false, "iris/daemon.status", json_new(), STATUS_TIMEOUT, &st, err) == -1)
		return -1;
	if (c->json) {
		ctl_print_json(st);
		return 0;
	}
	print_status(c, st);
	cJSON_Delete(st);
	return 0;
}
