/* SPDX-License-Identifier: MIT
 *
 * team add and team remove: they edit config.yaml, whose comments they keep, and tell a running
 * irisd to read it again. What they are told is checked before the file is touched; nothing of a
 * team on another machine is looked at.
 */
#include <sys/stat.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/config.h"
#include "common/config_edit.h"
#include "common/json.h"
#include "common/remote.h"
#include "irisd/ctl/ctl.h"
#include "irisd/ctl/term.h"

#define CALL_TIMEOUT 10000

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

/* What stands for the team in the file, beside its name. */
static int
add_to_file(struct ctl *c, const char *path, const char *identity, struct err *err)
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
	    {"remote", ctl_opt(c, "remote")},
	    {"ssh2", ctl_opt(c, "ssh2") != NULL ? "true" : NULL},
	    {"description", given != NULL ? given : description},
	    {"color", ctl_opt(c, "color")},
	    {"idleTimeout", time != NULL ? idle : NULL},
	    {"model", ctl_opt(c, "model")},
	    {"grantPermission", ctl_opt(c, "grant-permission")},
	    {"permissionMode", ctl_opt(c, "permission-mode")},
	    {"claudePath", ctl_opt(c, "claude-path")},
	    {"remoteOptions.identity", identity},
	    {"remoteOptions.port", ctl_opt(c, "port")},
	};
	struct config_edit_team team = {fields, sizeof fields / sizeof fields[0]};
	return config_edit_add_team(c->paths.config, c->operand[0], &team, err);
}

/* The directory as it is given: an operand, or --path. NULL: none. */
static int
given_dir(const struct ctl *c, const char **dir, struct err *err)
{
	*dir = ctl_opt(c, "path");
	if (c->noperands > 1 && *dir != NULL)
		return err_set(err, ERR_INVALID,
		    "the directory is given twice: %.100s, and --path %.100s", c->operand[1], *dir);
	if (c->noperands > 1)
		*dir = c->operand[1];
	return 0;
}

/* The key file that opens the other machine, as an absolute path. */
static int
check_identity(const char *given, char *path, struct err *err)
{
	size_t n = strlen(given);

	if (realpath(given, path) == NULL || access(path, R_OK) == -1)
		return err_sys(err, ERR_INVALID, "can not read --identity %s", given);
	if (n > 4 && strcmp(given + n - 4, ".pub") == 0)
		return err_set(err, ERR_INVALID,
		    "--identity %.200s is the public half of a key; expected the file without .pub",
		    given);
	return 0;
}

/* For a team on another machine: the directory is a text, nothing of it is looked at here. */
static int
check_remote(const struct ctl *c, const char *dir, char *identity, struct err *err)
{
	const char *port = ctl_opt(c, "port"), *file = ctl_opt(c, "identity");
	struct remote_spec spec;
	int64_t n;

	if (dir == NULL)
		return err_set(err, ERR_INVALID,
		    "--remote needs --path DIR, the project's directory on that machine");
	if (remote_parse(ctl_opt(c, "remote"), &spec, err) == -1)
		return err_prefix(err, "--remote: ");
	remote_release(&spec);
	if (port != NULL && ctl_number(port, "--port", 1, 65535, &n, err) == -1)
		return -1;
	return file != NULL ? check_identity(file, identity, err) : 0;
}

static int
check_local(const struct ctl *c, const char *dir, char *path, struct err *err)
{
	static const char *const remote[] = {"ssh2", "identity", "port"};
	size_t i;

	for (i = 0; i < sizeof remote / sizeof remote[0]; i++)
		if (ctl_opt(c, remote[i]) != NULL)
			return err_set(err, ERR_INVALID,
			    "--%s is for a team on another machine; --remote \"ssh user@host\" "
			    "makes it one",
			    remote[i]);
	return check_dir(dir != NULL ? dir : ".", path, err);
}

static void
print_added(const struct ctl *c, const char *path, bool reloaded, bool has_md)
{
	const char *remote = ctl_opt(c, "remote"), *name = c->operand[0];

	printf("team %s%s%s: ", term_on(stdout, TERM_BOLD), name, term_off(stdout));
	term_print(stdout, path, false);
	if (remote != NULL) {
		printf(" by ");
		term_print(stdout, remote, false);
	}
	printf("\nwritten to ");
	term_print(stdout, c->paths.config, false);
	printf("; %s\n", reload_text(reloaded));
	if (remote != NULL)
		printf("next: \"iris remote trust %s\", unless ssh knows the host's key, and "
		       "\"iris remote check %s\"\n",
		    name, name);
	fflush(stdout);
	if (remote == NULL && !has_md)
		fprintf(stderr,
		    "%swarning:%s there is no CLAUDE.md in it; without one its Claude knows "
		    "little of the project (\"/init\" in claude writes it)\n",
		    term_on(stderr, TERM_YELLOW), term_off(stderr));
}

static void
print_added_json(const struct ctl *c, const char *path, bool reloaded, bool has_md)
{
	const char *remote = ctl_opt(c, "remote");
	cJSON *tree = json_new();

	json_put_str(tree, "team", c->operand[0]);
	json_put_str(tree, "path", path);
	json_put_str_opt(tree, "remote", remote);
	json_put_str(tree, "config", c->paths.config);
	json_put_bool(tree, "reloaded", reloaded);
	if (remote == NULL)
		json_put_bool(tree, "claudeMd", has_md);
	ctl_print_json(tree);
}

int
ctl_team_add_run(struct ctl *c, struct err *err)
{
	bool reloaded, failed, has_md, remote = ctl_opt(c, "remote") != NULL;
	char real[PATHS_MAX], identity[PATHS_MAX] = "";
	const char *dir, *path;

	if (config_check_team_name(c->operand[0], err) == -1 || given_dir(c, &dir, err) == -1 ||
	    (remote ? check_remote(c, dir, identity, err) : check_local(c, dir, real, err)) == -1)
		return -1;
	path = remote ? dir : real;
	if (paths_make(&c->paths, err) == -1 ||
	    add_to_file(c, path, identity[0] != '\0' ? identity : NULL, err) == -1)
		return -1;
	has_md = !remote && has_claude_md(path);
	reloaded = reload(c, &failed, err);
	if (failed)
		return -1;
	if (c->json)
		print_added_json(c, path, reloaded, has_md);
	else
		print_added(c, path, reloaded, has_md);
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
