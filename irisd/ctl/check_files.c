/* SPDX-License-Identifier: MIT
 *
 * doctor's look at the file system: IRIS_HOME, the teams' directories, Iris's own programs, the
 * registration with Claude Code, free space. Called by doctor.c; changes nothing.
 */
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/spawn.h"
#include "irisd/ctl/checks.h"
#include "irisd/ctl/clientfile.h"

#define SPACE_WARN ((uint64_t)256 * 1024 * 1024)
#define SPACE_FAIL ((uint64_t)16 * 1024 * 1024)

/* One directory or file that must be the user's own and closed to others. */
static int
check_mode(struct checks *l, const char *name, const char *path, const char *fix)
{
	struct stat st;

	if (stat(path, &st) == -1) {
		if (errno == ENOENT)
			return 0;
		checks_add(l, name, CHECK_FAIL, "look at its permissions", "%s: %s", path,
		    strerror(errno));
		return -1;
	}
	if (st.st_uid != geteuid()) {
		checks_add(l, name, CHECK_FAIL,
		    "remove it, or set IRIS_HOME to a directory of your own",
		    "%s belongs to another user (uid %lu)", path, (unsigned long)st.st_uid);
		return -1;
	}
	if ((st.st_mode & 077) != 0) {
		checks_add(l, name, CHECK_FAIL, fix, "%s is open to others (mode %03o)", path,
		    (unsigned)st.st_mode & 0777u);
		return -1;
	}
	return 1;
}

/* Whether Iris can write there: in the directory, or in the one that it would be made in. */
static bool
check_writable(struct checks *l, const char *home)
{
	char parent[PATHS_MAX], *slash;

	if (access(home, W_OK | X_OK) == 0)
		return true;
	if (errno != ENOENT) {
		checks_add(l, "home", CHECK_FAIL, "chmod 700 it, or set IRIS_HOME elsewhere",
		    "can not write in %s: %s", home, strerror(errno));
		return false;
	}
	snprintf(parent, sizeof parent, "%s", home);
	if ((slash = strrchr(parent, '/')) != NULL)
		slash[slash == parent ? 1 : 0] = '\0';
	if (access(parent, W_OK | X_OK) == 0)
		return true;
	checks_add(l, "home", CHECK_FAIL,
	    errno == ENOENT ? "make that directory first, or set IRIS_HOME elsewhere"
			    : "look at its permissions, or set IRIS_HOME elsewhere",
	    "%s can not be made in %s: %s", home, parent, strerror(errno));
	return false;
}

void
check_home(struct checks *l, const struct paths *p)
{
	const char *dirs[] = {p->home, p->run, p->log}, *files[] = {p->db, p->sock};
	char dotenv[PATHS_MAX];
	bool bad = false;
	struct stat st;
	size_t i;

	for (i = 0; i < 3; i++)
		bad |= check_mode(l, "home", dirs[i], "chmod 700 it") == -1;
	for (i = 0; i < 2; i++)
		bad |= check_mode(l, "home", files[i], "chmod 600 it") == -1;
	if (paths_join(dotenv, sizeof dotenv, p->home, ".env") == 0)
		bad |= check_mode(l, "home", dotenv, "chmod 600 it: secrets are kept in it") == -1;
	if (bad || !check_writable(l, p->home))
		return;
	if (stat(p->home, &st) == -1)
		checks_add(l, "home", CHECK_OK, NULL,
		    "%s does not exist yet; it is made when needed", p->home);
	else
		checks_add(l, "home", CHECK_OK, NULL, "%s, only yours", p->home);
}

static void
check_team(struct checks *l, const struct config_team *t)
{
	char name[128];
	struct stat st;

	snprintf(name, sizeof name, "team %.100s", t->name);
	if (stat(t->path, &st) == -1)
		checks_add(l, name, CHECK_FAIL, "make the directory, or correct the team's path",
		    "%s: %s", t->path, strerror(errno));
	else if (!S_ISDIR(st.st_mode))
		checks_add(l, name, CHECK_FAIL, "correct the team's path", "%s is not a directory",
		    t->path);
	else if (access(t->path, R_OK | X_OK) == -1)
		checks_add(l, name, CHECK_FAIL, "look at its permissions", "can not enter %s: %s",
		    t->path, strerror(errno));
	else
		checks_add(l, name, CHECK_OK, NULL, "%s", t->path);
}

void
check_teams(struct checks *l, const struct config *cfg)
{
	size_t i;

	if (cfg->nteams == 0)
		checks_add(
		    l, "teams", CHECK_WARN, "iris team add NAME PATH", "there is no team yet");
	for (i = 0; i < cfg->nteams; i++)
		if (cfg->teams[i].remote == NULL)
			check_team(l, &cfg->teams[i]);
}

void
check_programs(struct checks *l)
{
	static const char *const names[] = {
	    "irisd", "iris-worker", "iris-ssh", "iris-tls", "iris-mcp-shim"};
	char path[PATHS_MAX];
	struct err e = {0};
	bool bad = false;
	size_t i;

	for (i = 0; i < sizeof names / sizeof names[0]; i++) {
		if (paths_program(names[i], path, sizeof path, &e) == 0)
			continue;
		checks_add(l, "programs", CHECK_FAIL, "install Iris again", "%s", e.msg);
		bad = true;
	}
	if (!bad)
		checks_add(l, "programs", CHECK_OK, NULL,
		    "irisd, iris-worker, iris-ssh, iris-tls and iris-mcp-shim are there");
}

/* Only where one is wanted: without, a person looks by "iris approvals", or is asked in Claude. */
void
check_notify(struct checks *l, const struct config *cfg)
{
	const char *home = getenv("HOME"), *dirs = getenv("PATH"), *name;
	char path[PATHS_MAX] = "";
	bool found;

	if (cfg->permissions.notify.n == 0)
		return;
	name = cfg->permissions.notify.v[0];
	if (strchr(name, '/') == NULL) {
		found = dirs != NULL && spawn_search(name, dirs, path, sizeof path) == 0;
	} else {
		snprintf(path, sizeof path, "%s%s", strncmp(name, "~/", 2) == 0 && home ? home : "",
		    strncmp(name, "~/", 2) == 0 && home ? name + 1 : name);
		found = access(path, X_OK) == 0;
	}
	if (found)
		checks_add(l, "notify", CHECK_OK, NULL, "%s is told of permission requests", path);
	else
		checks_add(l, "notify", CHECK_WARN, "correct permissions.notify",
		    "%s can not be executed: nobody is told of permission requests", name);
}

void
check_curl(struct checks *l)
{
	const char *dirs = getenv("PATH");
	char path[PATHS_MAX];

	if (dirs == NULL || spawn_search("curl", dirs, path, sizeof path) == -1)
		checks_add(l, "webhooks", CHECK_WARN, "install curl",
		    "curl is not in PATH: nobody is told of the end of messages by a webhook");
}

void
check_registration(struct checks *l)
{
	char ours[PATHS_MAX], *command = NULL;
	struct clientfile f = {0};
	struct err e = {0};

	if (clientfile_open(&f, &e) == -1) {
		checks_add(l, "registration", CHECK_WARN, "look at the file", "%s", e.msg);
		goto out;
	}
	if ((command = clientfile_command(&f)) == NULL)
		checks_add(l, "registration", CHECK_WARN, "iris install",
		    "Iris is not registered with Claude Code in %s", f.path);
	else if (command[0] == '/' && access(command, X_OK) == -1)
		checks_add(l, "registration", CHECK_FAIL, "iris install",
		    "%s names %s, which can not be executed: %s", f.path, command, strerror(errno));
	else if (paths_program("iris-mcp-shim", ours, sizeof ours, &e) == 0 &&
	    strcmp(ours, command) != 0)
		checks_add(l, "registration", CHECK_WARN,
		    "iris install, when this Iris is the one to use",
		    "%s names another shim than this program's: %s", f.path, command);
	else
		checks_add(l, "registration", CHECK_OK, NULL, "in %s: %s", f.path, command);
out:
	free(command);
	clientfile_close(&f);
}

void
check_disk(struct checks *l, const struct paths *p)
{
	char dir[PATHS_MAX], *slash;
	struct statvfs vfs;
	uint64_t space;

	snprintf(dir, sizeof dir, "%s", p->home);
	while (statvfs(dir, &vfs) == -1) {
		if ((slash = strrchr(dir, '/')) == NULL || slash == dir) {
			checks_add(l, "disk", CHECK_WARN, NULL, "can not tell the free space of %s",
			    p->home);
			return;
		}
		*slash = '\0';
	}
	space = (uint64_t)vfs.f_bavail * vfs.f_frsize;
	if (space < SPACE_WARN)
		checks_add(l, "disk", space < SPACE_FAIL ? CHECK_FAIL : CHECK_WARN,
		    "free some space: nothing is accepted that can not be stored",
		    "only %" PRIu64 " MiB free for %s", space >> 20, p->home);
	else
		checks_add(
		    l, "disk", CHECK_OK, NULL, "%" PRIu64 " MiB free for %s", space >> 20, p->home);
}
