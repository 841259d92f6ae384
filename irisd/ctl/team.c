/* SPDX-License-Identifier: MIT
 *
 * The team commands. add and remove edit config.yaml and tell a running irisd to read it again;
 * list and show ask irisd, or read the file where none runs; wake and sleep are irisd's work.
 */
#include <sys/stat.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/config.h"
#include "common/config_edit.h"
#include "common/json.h"
#include "common/nearest.h"
#include "irisd/ctl/ctl.h"
#include "irisd/ctl/sessions.h"
#include "irisd/ctl/term.h"

#define CALL_TIMEOUT 10000
#define WAKE_TIMEOUT 120000 /* ms: irisd has the shorter limits of the configuration */

/* Let irisd read the changed file. True when one runs and did; *failed when it refused. */
static bool
reload(struct ctl *c, bool *failed, struct err *err)
{
	struct err e = {0};

	*failed = false;
	if (ctl_call(c, false, "iris/config.reload", json_new(), CALL_TIMEOUT, NULL, &e) == 0)
		return true;
	if (e.code != ERR_UNAVAILABLE) {
		*failed = true;
		*err = e;
		err_prefix(err, "the file is changed, but the irisd that runs did not take it: ");
	}
	return false;
}

static const char *
reload_text(bool reloaded)
{
	return reloaded ? "irisd has read it" : "irisd does not run; it reads it when it starts";
}

/* The absolute path of the team's directory, and whether it can be used. */
static int
check_dir(const char *given, char *path, struct err *err)
{
	struct stat st;

	if (realpath(given, path) == NULL)
		return err_sys(err, ERR_DIRECTORY, "can not use %s as a team's directory", given);
	if (stat(path, &st) == -1 || !S_ISDIR(st.st_mode))
		return err_set(err, ERR_DIRECTORY, "%s is not a directory", path);
	if (access(path, R_OK | X_OK) == -1)
		return err_sys(err, ERR_DIRECTORY, "can not enter %s", path);
	if (!json_utf8_valid(path, strlen(path)))
		return err_set(err, ERR_DIRECTORY, "the name of the directory is not UTF-8");
	return 0;
}

static bool
has_claude_md(const char *path)
{
	static const char *const names[] = {"CLAUDE.md", ".claude/CLAUDE.md", "CLAUDE.local.md"};
	char file[PATHS_MAX];
	size_t i;

	for (i = 0; i < sizeof names / sizeof names[0]; i++)
		if (paths_join(file, sizeof file, path, names[i]) == 0 && access(file, F_OK) == 0)
			return true;
	return false;
}

static int
add_to_file(struct ctl *c, const char *path, struct err *err)
{
	char description[160], idle[32];
	const char *given = ctl_opt(c, "description"), *time = ctl_opt(c, "idle-timeout");
	int64_t ms;

	snprintf(description, sizeof description, "Team %s", c->operand[0]);
	if (time != NULL && ctl_duration(time, &ms, err) == -1)
		return -1;
	if (time != NULL)
		snprintf(idle, sizeof idle, "%" PRId64, ms);
	struct config_edit_field fields[] = {
	    {"path", path},
	    {"description", given != NULL ? given : description},
	    {"color", ctl_opt(c, "color")},
	    {"idleTimeout", time != NULL ? idle : NULL},
	    {"model", ctl_opt(c, "model")},
	    {"grantPermission", ctl_opt(c, "grant-permission")},
	    {"permissionMode", ctl_opt(c, "permission-mode")},
	    {"claudePath", ctl_opt(c, "claude-path")},
	};
	struct config_edit_team team = {fields, sizeof fields / sizeof fields[0]};
	return config_edit_add_team(c->paths.config, c->operand[0], &team, err);
}

int
ctl_team_add_run(struct ctl *c, struct err *err)
{
	char path[PATHS_MAX];
	bool reloaded, failed, has_md;
	cJSON *tree;

	if (config_check_team_name(c->operand[0], err) == -1 ||
	    check_dir(c->noperands > 1 ? c->operand[1] : ".", path, err) == -1 ||
	    paths_make(&c->paths, err) == -1 || add_to_file(c, path, err) == -1)
		return -1;
	has_md = has_claude_md(path);
	reloaded = reload(c, &failed, err);
	if (failed)
		return -1;
	if (c->json) {
		tree = json_new();
		json_put_str(tree, "team", c->operand[0]);
		json_put_str(tree, "path", path);
		json_put_str(tree, "config", c->paths.config);
		json_put_bool(tree, "reloaded", reloaded);
		json_put_bool(tree, "claudeMd", has_md);
		ctl_print_json(tree);
		return 0;
	}
	printf("team %s%s%s: ", term_on(stdout, TERM_BOLD), c->operand[0], term_off(stdout));
	term_print(stdout, path, false);
	printf("\nwritten to ");
	term_print(stdout, c->paths.config, false);
	printf("; %s\n", reload_text(reloaded));
	fflush(stdout);
	if (!has_md)
		fprintf(stderr,
		    "%swarning:%s there is no CLAUDE.md in it; without one its Claude knows "
		    "little of the project (\"/init\" in claude writes it)\n",
		    term_on(stderr, TERM_YELLOW), term_off(stderr));
	return 0;
}

/* What is not there needs no question: the attempt to remove it tells why it can not be. */
static bool
in_file(const struct ctl *c, const char *name)
{
	struct config *cfg = config_load(c->paths.config, NULL);
	bool found = cfg != NULL && config_find_team(cfg, name) != NULL;

	config_free(cfg);
	return found;
}

int
ctl_team_remove_run(struct ctl *c, struct err *err)
{
	bool reloaded, failed;
	char question[256];
	cJSON *tree;

	if (ctl_opt(c, "yes") == NULL && in_file(c, c->operand[0])) {
		if (!ctl_can_ask())
			return err_set(err, ERR_INVALID,
			    "there is no terminal to ask on; --yes removes the team without "
			    "asking");
		snprintf(question, sizeof question, "Take team %.100s out of the configuration?",
		    c->operand[0]);
		if (!ctl_confirm(question))
			return err_set(err, ERR_CANCELLED, "nothing was changed");
	}
	if (config_edit_remove_team(c->paths.config, c->operand[0], err) == -1)
		return -1;
	reloaded = reload(c, &failed, err);
	if (failed)
		return -1;
	if (c->json) {
		tree = json_new();
		json_put_str(tree, "team", c->operand[0]);
		json_put_str(tree, "config", c->paths.config);
		json_put_bool(tree, "reloaded", reloaded);
		ctl_print_json(tree);
		return 0;
	}
	printf("team %s is out of ", c->operand[0]);
	term_print(stdout, c->paths.config, false);
	printf("; %s\nthe old file is ", reload_text(reloaded));
	term_print(stdout, c->paths.config, false);
	printf(".bak\n");
	return 0;
}

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
	if (json_int(t, "retryAt", &retry) == 0)
		return ctl_retry_text(retry, buf, size);
	*style = status != NULL && strcmp(status, "awake") == 0 ? TERM_GREEN : TERM_DIM;
	return status;
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
		term_table_cell(&table, 2, json_str(t, "path"), TERM_PLAIN);
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
	const cJSON *p;
	int64_t retry;
	char text[64];

	printf("%s", term_on(stdout, TERM_BOLD));
	term_print(stdout, name ? name : "?", false);
	printf("%s\n", term_off(stdout));
	print_field("description", json_str(t, "description"));
	print_field("path", json_str(t, "path"));
	print_field("remote", json_str(t, "remote"));
	print_field("color", json_str(t, "color"));
	print_field("permission", json_str(t, "grantPermission"));
	print_field("status", json_str(t, "status"));
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
