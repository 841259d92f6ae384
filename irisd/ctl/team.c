/* SPDX-License-Identifier: MIT
 *
 * The team commands that change nothing in the file: list and show ask irisd, or read the file where
 * none runs; wake and sleep are irisd's work. add and remove are in team_edit.c.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/config.h"
#include "common/json.h"
#include "common/nearest.h"
#include "common/remote.h"
#include "common/xmalloc.h"
#include "irisd/ctl/remote.h"
#include "irisd/ctl/sessions.h"
#include "irisd/ctl/term.h"

#define CALL_TIMEOUT 10000
#define WAKE_TIMEOUT 120000 /* ms: irisd has the shorter limits of the configuration */

/* The file's view of a team, for when no irisd runs: the fields of team.list. */
static cJSON *
team_json(const struct config_team *t)
{
	cJSON *o = json_new();

	json_put_str(o, "name", t->name);
	json_put_str(o, "path", t->path);
	json_put_str(o, "description", t->description);
	json_put_str_opt(o, "color", t->color);
	json_put_str_opt(o, "remote", t->remote);
	json_put_str(o, "grantPermission", config_grant_names[t->grant_permission]);
	json_put_str(o, "status", "asleep");
	json_put_bool(o, "exists", !t->path_missing);
	return o;
}

/* {teams: [...]} from irisd or from the file. */
static cJSON *
get_teams(struct ctl *c, bool *running, struct err *err)
{
	cJSON *result = NULL, *teams;
	struct config *cfg;
	size_t i;

	*running = true;
	if (ctl_call(c, false, "iris/team.list", json_new(), CALL_TIMEOUT, &result, err) == 0)
		return result;
	if (err->code != ERR_UNAVAILABLE)
		return NULL;
	*running = false;
	if (access(c->paths.config, F_OK) == -1 && errno == ENOENT)
		cfg = config_default(c->paths.config);
	else
		cfg = config_load(c->paths.config, err);
	if (cfg == NULL)
		return NULL;
	err_clear(err);
	result = json_new();
	teams = cJSON_CreateArray();
	for (i = 0; i < cfg->nteams; i++)
		cJSON_AddItemToArray(teams, team_json(&cfg->teams[i]));
	json_put(result, "teams", teams);
	config_free(cfg);
	return result;
}

static int
print_names(struct ctl *c, struct err *err)
{
	struct config *cfg;
	size_t i;

	if (access(c->paths.config, F_OK) == -1 && errno == ENOENT)
		return 0;
	if ((cfg = config_load(c->paths.config, err)) == NULL)
		return -1;
	for (i = 0; i < cfg->nteams; i++)
		puts(cfg->teams[i].name);
	config_free(cfg);
	return 0;
}

/* In a word, and how it looks: awake, asleep, or what keeps it from being started. */
static const char *
team_status(const cJSON *t, enum term_style *style, char *buf, size_t size)
{
	const char *status = json_str(t, "status");
	int64_t retry;

	*style = TERM_RED;
	if (!json_bool(t, "exists", true))
		return "no directory";
	if (json_str(t, "down") != NULL)
		return "down";
	*style = TERM_YELLOW;
	if (json_obj(t, "line") != NULL)
		return "line lost";
	if (json_int(t, "retryAt", &retry) == 0)
		return ctl_retry_text(retry, buf, size);
	*style = status != NULL && strcmp(status, "awake") == 0 ? TERM_GREEN : TERM_DIM;
	return status;
}

/* Where it is: of one on another machine, as scp(1) writes it. */
static void
path_cell(struct term_table *table, size_t col, const cJSON *t)
{
	const char *path = json_str(t, "path"), *remote = json_str(t, "remote");
	struct remote_spec spec;
	struct err why;
	char *text;

	if (path == NULL || remote == NULL || remote_parse(remote, &spec, &why) == -1) {
		term_table_cell(table, col, path, TERM_PLAIN);
		return;
	}
	text = xasprintf("%s:%s", spec.dest, path);
	term_table_cell(table, col, text, TERM_PLAIN);
	free(text);
	remote_release(&spec);
}

int
ctl_team_list_run(struct ctl *c, struct err *err)
{
	static const char *const heads[] = {"TEAM", "STATUS", "PATH", "DESCRIPTION"};
	struct term_table table;
	enum term_style style;
	const char *status;
	cJSON *result;
	const cJSON *t;
	char text[64];
	bool running;

	if (ctl_opt(c, "names") != NULL && !c->json)
		return print_names(c, err);
	if ((result = get_teams(c, &running, err)) == NULL)
		return -1;
	if (c->json) {
		ctl_print_json(result);
		return 0;
	}
	if (cJSON_GetArraySize(json_arr(result, "teams")) <= 0) {
		printf("no teams yet; \"iris team add NAME PATH\" adds one\n");
		cJSON_Delete(result);
		return 0;
	}
	term_table_init(&table, 4, heads);
	cJSON_ArrayForEach (t, json_arr(result, "teams")) {
		status = team_status(t, &style, text, sizeof text);
		term_table_row(&table);
		term_table_cell(&table, 0, json_str(t, "name"), TERM_BOLD);
		term_table_cell(&table, 1, status, style);
		path_cell(&table, 2, t);
		term_table_cell(&table, 3, json_str(t, "description"), TERM_PLAIN);
	}
	term_table_print(&table, "");
	if (!running && !c->quiet && term.err_tty)
		fprintf(stderr, "%sirisd does not run; this is what the configuration says%s\n",
		    term_on(stderr, TERM_DIM), term_off(stderr));
	cJSON_Delete(result);
	return 0;
}

static void
print_field(const char *name, const char *value)
{
	if (value == NULL)
		return;
	printf("  %-12s", name);
	term_print(stdout, value, false);
	putchar('\n');
}

static void
print_team(const cJSON *t)
{
	const char *name = json_str(t, "name");
	const cJSON *p, *line;
	int64_t retry;
	char text[128];

	printf("%s", term_on(stdout, TERM_BOLD));
	term_print(stdout, name ? name : "?", false);
	printf("%s\n", term_off(stdout));
	print_field("description", json_str(t, "description"));
	print_field("path", json_str(t, "path"));
	print_field("remote", json_str(t, "remote"));
	print_field("color", json_str(t, "color"));
	print_field("permission", json_str(t, "grantPermission"));
	print_field("status", json_str(t, "status"));
	if ((line = json_obj(t, "line")) != NULL)
		print_field("line", ctl_line_text(line, text, sizeof text));
	if (json_int(t, "retryAt", &retry) == 0)
		print_field("crashed", ctl_retry_text(retry, text, sizeof text));
	print_field("problem", json_str(t, "down"));
	if (!json_bool(t, "exists", true))
		print_field("problem", "the directory does not exist or can not be entered");
	cJSON_ArrayForEach (p, json_arr(t, "problems"))
		print_field("problem", cJSON_GetStringValue(p));
	if (cJSON_GetArraySize(json_arr(t, "sessions")) > 0) {
		putchar('\n');
		ctl_print_sessions(json_arr(t, "sessions"));
	}
}

/* From the file, when no irisd runs. */
static cJSON *
team_from_file(struct ctl *c, const char *name, struct err *err)
{
	const char *names[256], *near[3];
	const struct config_team *t;
	struct config *cfg;
	size_t i, n = 0;
	cJSON *o = NULL;

	if ((cfg = config_load(c->paths.config, err)) == NULL)
		return NULL;
	if ((t = config_find_team(cfg, name)) != NULL) {
		o = team_json(t);
	} else {
		for (i = 0; i < cfg->nteams && n < sizeof names / sizeof names[0]; i++)
			names[n++] = cfg->teams[i].name;
		n = nearest_names(name, names, n, near, 3);
		err_set(err, ERR_NOT_FOUND, "there is no team \"%s\"%s%s%s", name,
		    n > 0 ? "; did you mean " : "; \"iris team list\" lists them",
		    n > 0 ? near[0] : "", n > 0 ? "?" : "");
	}
	config_free(cfg);
	return o;
}

int
ctl_team_show_run(struct ctl *c, struct err *err)
{
	cJSON *params = json_new(), *t = NULL;

	json_put_str(params, "team", c->operand[0]);
	if (ctl_call(c, false, "iris/team.show", params, CALL_TIMEOUT, &t, err) == -1) {
		if (err->code != ERR_UNAVAILABLE)
			return -1;
		if ((t = team_from_file(c, c->operand[0], err)) == NULL)
			return -1;
	}
	if (c->json) {
		ctl_print_json(t);
		return 0;
	}
	print_team(t);
	cJSON_Delete(t);
	return 0;
}

static int
wake_or_sleep(struct ctl *c, const char *method, cJSON *params, bool start, struct err *err)
{
	struct ctl_wait w = {0};
	const char *status;
	cJSON *r = NULL;
	char took[32];
	int64_t n;
	int rv;

	json_put_str(params, "team", c->operand[0]);
	json_put_str_opt(params, "from", ctl_opt(c, "from"));
	rv = ctl_wait_call(c, start, method, params, WAKE_TIMEOUT, &w, &r, err);
	if (w.interrupted)
		return CTL_INTERRUPTED;
	if (rv == -1)
		return -1;
	if (c->json) {
		ctl_print_json(r);
		return 0;
	}
	status = json_str(r, "status");
	if (status != NULL && strcmp(status, "already_asleep") == 0)
		status = "asleep already";
	printf("%s: %s", c->operand[0], status ? status : "?");
	if (json_int(r, "pid", &n) == 0)
		printf(", pid %" PRId64, n);
	if (json_int(r, "duration", &n) == 0)
		printf(", after %s", term_duration(n, took, sizeof took));
	if (json_int(r, "stopped", &n) == 0 && n > 0)
		printf(", %" PRId64 " stopped", n);
	putchar('\n');
	cJSON_Delete(r);
	return 0;
}

int
ctl_team_wake_run(struct ctl *c, struct err *err)
{
	return wake_or_sleep(c, "iris/team.wake", json_new(), true, err);
}

int
ctl_team_sleep_run(struct ctl *c, struct err *err)
{
	cJSON *params = json_new();

	if (ctl_opt(c, "force") != NULL)
		json_put_bool(params, "force", true);
	return wake_or_sleep(c, "iris/team.sleep", params, false, err);
}
