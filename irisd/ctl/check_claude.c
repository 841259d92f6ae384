/* SPDX-License-Identifier: MIT
 *
 * doctor's look at Claude Code: found, executable, which version, logged in. Each program is run at
 * most twice, for 10 s at most. Called by doctor.c.
 */
#include <sys/stat.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/claude_path.h"
#include "common/json.h"
#include "irisd/ctl/capture.h"
#include "irisd/ctl/checks.h"

#define RUN_TIMEOUT 10000
#define INSTALL_FIX                                                                                \
	"install Claude Code (npm install -g @anthropic-ai/claude-code), or set claudePath in "    \
	"the configuration"
#define LOGIN_FIX "run \"claude auth login\", or set ANTHROPIC_API_KEY where irisd is started"

/* Where it is: 0 with the path, or -1 after a finding was added. */
static int
locate(struct checks *l, const char *program, char *path)
{
	struct stat st;

	if (strchr(program, '/') == NULL) {
		if (claude_path_search(
			program, getenv("PATH"), paths_user_home(), path, PATHS_MAX) == 0)
			return 0;
		if (errno == EACCES)
			checks_add(l, "claude", CHECK_FAIL, "make it executable (chmod +x)",
			    "%s can not be executed", path);
		else
			checks_add(l, "claude", CHECK_FAIL, INSTALL_FIX,
			    "there is no \"%s\" in PATH nor in " CLAUDE_PATH_DIRS, program);
		return -1;
	}
	snprintf(path, PATHS_MAX, "%s", program);
	if (stat(path, &st) == -1) {
		checks_add(l, "claude", CHECK_FAIL, INSTALL_FIX, "%s: %s", path, strerror(errno));
		return -1;
	}
	if (!S_ISREG(st.st_mode) || access(path, X_OK) == -1) {
		checks_add(l, "claude", CHECK_FAIL, "make it executable (chmod +x)",
		    "%s can not be executed", path);
		return -1;
	}
	return 0;
}

/* The first line of what it printed. */
static char *
first_line(char *out)
{
	char *s = out + strspn(out, " \t\r\n");

	s[strcspn(s, "\r\n")] = '\0';
	return s;
}

static int
check_version(struct checks *l, const char *path)
{
	char name[] = "claude", option[] = "--version", *argv[] = {name, option, NULL}, *line;
	char by_hand[PATHS_MAX + 64];
	struct capture c;
	struct err e = {0};

	snprintf(by_hand, sizeof by_hand, "run it by hand: %s --version", path);
	if (capture_run(&c, path, argv, RUN_TIMEOUT, &e) == -1) {
		checks_add(l, "claude", CHECK_FAIL, by_hand, "%s", e.msg);
		return -1;
	}
	line = first_line(c.out);
	if (c.status != 0) {
		checks_add(l, "claude", CHECK_FAIL, by_hand,
		    "%s --version ended with status %d: %.200s", path, c.status, line);
		return -1;
	}
	if (!isdigit((unsigned char)line[0])) {
		checks_add(l, "claude", CHECK_WARN, "see whether this is Claude Code",
		    "%s says its version is \"%.100s\"", path, line);
		return 0;
	}
	checks_add(l, "claude", CHECK_OK, NULL, "%s, version %.100s", path, line);
	return 0;
}

static void
check_login(struct checks *l, const char *path)
{
	char name[] = "claude", word[] = "auth", verb[] = "status";
	char *argv[] = {name, word, verb, NULL}, by_hand[PATHS_MAX + 64];
	struct capture c;
	struct err e = {0};
	const char *method;
	cJSON *tree;

	snprintf(by_hand, sizeof by_hand, "run it by hand: %s auth status", path);
	if (capture_run(&c, path, argv, RUN_TIMEOUT, &e) == -1) {
		checks_add(l, "claude login", CHECK_WARN, by_hand, "%s", e.msg);
		return;
	}
	tree = json_parse(c.out, strlen(c.out), NULL);
	method = json_str(tree, "authMethod");
	if (!cJSON_IsBool(json_get(tree, "loggedIn")))
		checks_add(l, "claude login", CHECK_WARN, by_hand,
		    "%s auth status does not say whether it is logged in", path);
	else if (!json_bool(tree, "loggedIn", false))
		checks_add(l, "claude login", CHECK_FAIL, LOGIN_FIX, "%s is not logged in", path);
	else
		checks_add(l, "claude login", CHECK_OK, NULL, "logged in%s%s",
		    method ? ", by " : "", method ? method : "");
	cJSON_Delete(tree);
}

/* Whether an earlier team of the list names the same program. */
static bool
seen_before(const struct config *cfg, size_t i)
{
	size_t k;

	for (k = 0; k < i; k++)
		if (cfg->teams[k].remote == NULL &&
		    strcmp(cfg->teams[k].claude_path, cfg->teams[i].claude_path) == 0)
			return true;
	return false;
}

static void
check_one(struct checks *l, const char *program)
{
	char path[PATHS_MAX];

	if (locate(l, program, path) == 0 && check_version(l, path) == 0)
		check_login(l, path);
}

void
check_claudes(struct checks *l, const struct config *cfg)
{
	size_t i;

	for (i = 0; cfg != NULL && i < cfg->nteams; i++) {
		if (cfg->teams[i].remote != NULL)
			continue;
		if (!seen_before(cfg, i))
			check_one(l, cfg->teams[i].claude_path);
	}
	/*
	 * A team has the one of the settings, unless it names another: with teams there is none to
	 * add, and teams on other machines need none here.
	 */
	if (cfg == NULL || cfg->nteams == 0)
		check_one(l, cfg != NULL ? cfg->settings.claude_path : "claude");
}
