/* SPDX-License-Identifier: MIT
 *
 * status: irisd at a glance. Asks and prints; never starts an irisd.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/compat.h"
#include "common/json.h"
#include "irisd/ctl/remote.h"
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
	int64_t teams = json_int_or(st, "teams", 0), asked;
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
	if (json_int(st, "permissions", &asked) == 0 && asked > 0)
		printf("  %-10s%s%" PRId64 " wait%s for a person%s\n", "approvals",
		    term_on(stdout, TERM_YELLOW), asked, asked == 1 ? "s" : "", term_off(stdout));
}

/* How many there are; and which of them an earlier irisd has started, after a restart. */
static void
print_workers(const cJSON *st)
{
	const cJSON *list = json_arr(st, "workers"), *w;
	int64_t adopting = json_int_or(st, "adopting", 0);
	int n = cJSON_GetArraySize(list), adopted = 0;

	cJSON_ArrayForEach (w, list)
		adopted += json_bool(w, "adopted", false);
	if (n <= 0 || (adopted == 0 && adopting == 0))
		return;
	printf("  %-10s%d, %d adopted from an earlier irisd", "workers", n, adopted);
	if (adopting > 0)
		printf("; %" PRId64 " expected", adopting);
	putchar('\n');
}

/* Teams that nothing is started for at present, from the list of all. */
static cJSON *
troubles(const cJSON *teams)
{
	cJSON *list = cJSON_CreateArray(), *o;
	const cJSON *t, *line;
	const char *down;
	int64_t retry;

	cJSON_ArrayForEach (t, teams) {
		down = json_str(t, "down");
		line = json_obj(t, "line");
		if (down == NULL && line == NULL && json_int(t, "retryAt", &retry) == -1)
			continue;
		o = json_new();
		json_put_str_opt(o, "team", json_str(t, "name"));
		json_put_str_opt(o, "down", down);
		if (line != NULL)
			json_put(o, "line", cJSON_Duplicate(line, true));
		if (down == NULL && json_int(t, "retryAt", &retry) == 0)
			json_put(o, "retryAt", cJSON_Duplicate(json_get(t, "retryAt"), true));
		cJSON_AddItemToArray(list, o);
	}
	return list;
}

/* One that nothing reaches at present. */
static void
print_line(const char *team, const cJSON *line)
{
	const char *why = json_str(line, "why");
	char text[128];

	printf("%sline:%s team ", term_on(stdout, TERM_YELLOW), term_off(stdout));
	term_print(stdout, team != NULL ? team : "?", false);
	printf(": %s", ctl_line_text(line, text, sizeof text));
	if (why != NULL) {
		printf("; ");
		term_print(stdout, why, false);
	}
	putchar('\n');
}

static void
print_troubles(const cJSON *list)
{
	const char *team, *down;
	const cJSON *t, *line;
	char text[64];

	cJSON_ArrayForEach (t, list) {
		team = json_str(t, "team");
		down = json_str(t, "down");
		if ((line = json_obj(t, "line")) != NULL)
			print_line(team, line);
		if (down == NULL && json_get(t, "retryAt") == NULL)
			continue;
		printf("%s%s%s ", term_on(stdout, down != NULL ? TERM_RED : TERM_YELLOW),
		    down != NULL ? "down:" : "crashed:", term_off(stdout));
		if (down != NULL) {
			term_print(stdout, down, false);
		} else {
			printf("team ");
			term_print(stdout, team != NULL ? team : "?", false);
			printf(", %s",
			    ctl_retry_text(json_int_or(t, "retryAt", 0), text, sizeof text));
		}
		putchar('\n');
	}
}

/* Processes that do not do what they should; nothing is done to them. */
static void
print_ill(const cJSON *list, bool sessions)
{
	const char *ill, *name, *why;
	const cJSON *o;

	cJSON_ArrayForEach (o, list) {
		if ((ill = ctl_ill(o)) == NULL)
			continue;
		name = json_str(o, sessions ? "to" : "team");
		why = json_str(o, "healthReason");
		printf("%s%s:%s team ", term_on(stdout, TERM_YELLOW), ill, term_off(stdout));
		term_print(stdout, name != NULL ? name : "?", false);
		if (sessions) {
			printf(" for ");
			term_print(stdout, json_str(o, "from") ? json_str(o, "from") : "?", false);
		}
		printf(": ");
		term_print(stdout, why != NULL ? why : "no reason given", false);
		putchar('\n');
	}
}

/* What a browser is to show of a certificate that nobody has signed. */
static void
print_fingerprint(const cJSON *tls)
{
	const char *fingerprint = json_str(tls, "fingerprint");

	if (fingerprint == NULL || !json_bool(tls, "selfsigned", false))
		return;
	printf("  %-10s", "SHA-256");
	term_print(stdout, fingerprint, false);
	putchar('\n');
}

static void
print_web(const cJSON *web)
{
	const cJSON *url;
	const char *sep = "";

	if (!json_bool(web, "wanted", false))
		return;
	printf("  %-10s", "http");
	cJSON_ArrayForEach (url, json_arr(web, "urls")) {
		if (!cJSON_IsString(url))
			continue;
		fputs(sep, stdout);
		term_print(stdout, url->valuestring, false);
		sep = ", ";
	}
	puts(sep[0] == '\0' ? "no port is open" : "");
	print_fingerprint(json_obj(web, "tls"));
}

static void
print_status(const struct ctl *c, const cJSON *st)
{
	const cJSON *sessions = json_arr(st, "sessions"), *w;

	print_daemon(c, st);
	print_counts(st);
	print_web(json_obj(st, "web"));
	print_workers(st);
	if (cJSON_GetArraySize(sessions) > 0) {
		putchar('\n');
		ctl_print_sessions(sessions);
	}
	print_troubles(json_arr(st, "troubles"));
	print_ill(json_arr(st, "workers"), false);
	print_ill(sessions, true);
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
	cJSON *st = NULL, *teams = NULL;
	struct call call;
	int rv;

	if (ctl_connect(c, false, NULL, &call, err) == -1)
		return -1;
	rv = call_request(
	    &call, "iris/daemon.status", json_new(), STATUS_TIMEOUT, NULL, NULL, &st, err);
	if (rv == 0)
		rv = call_request(
		    &call, "iris/team.list", json_new(), STATUS_TIMEOUT, NULL, NULL, &teams, err);
	call_close(&call);
	if (rv == -1) {
		cJSON_Delete(st);
		return -1;
	}
	json_put(st, "troubles", troubles(json_arr(teams, "teams")));
	cJSON_Delete(teams);
	if (c->json) {
		ctl_print_json(st);
		return 0;
	}
	print_status(c, st);
	cJSON_Delete(st);
	return 0;
}
