/* SPDX-License-Identifier: MIT
 *
 * Computes and prepares the places where Iris keeps things, see paths.h.
 */
#include <sys/stat.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pwd.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/compat.h"
#include "common/paths.h"

#define SOCK_MAX (PATHS_SOCK_MAX - 1)

int
paths_join(char *out, size_t size, const char *dir, const char *name)
{
	size_t len = strlen(dir);
	const char *slash = len > 0 && dir[len - 1] == '/' ? "" : "/";

	return snprintf(out, size, "%s%s%s", dir, slash, name) < (int)size ? 0 : -1;
}

bool
paths_contains(const char *dir, const char *path)
{
	size_t n = strlen(dir);

	if (strcmp(dir, "/") == 0)
		return path[0] == '/';
	return strncmp(dir, path, n) == 0 && (path[n] == '\0' || path[n] == '/');
}

const char *
paths_user_home(void)
{
	const char *home = getenv("HOME");
	struct passwd *pw;

	if (home != NULL && home[0] == '/')
		return home;
	pw = getpwuid(getuid());
	return pw != NULL && pw->pw_dir[0] == '/' ? pw->pw_dir : NULL;
}

/*
 * FNV-1a: only to give each long IRIS_HOME a short name; who may use it is checked by owner and
 * mode.
 */
static uint64_t
hash(const char *s)
{
	uint64_t h = 14695981039346656037u;

	for (; *s != '\0'; s++)
		h = (h ^ (unsigned char)*s) * 1099511628211u;
	return h;
}

static int
set_sock(struct paths *p, struct err *err)
{
	char full[PATHS_MAX];

	if (paths_join(full, sizeof full, p->home, "irisd.sock") == -1)
		return err_set(err, ERR_CONFIG, "IRIS_HOME is too long: %s", p->home);
	if (strlen(full) <= SOCK_MAX)
		compat_strlcpy(p->sock, full, sizeof p->sock);
	else
		snprintf(p->sock, sizeof p->sock, "/tmp/iris-%lu/%016llx.sock",
		    (unsigned long)getuid(), (unsigned long long)hash(p->home));
	return 0;
}

static int
set_config(struct paths *p, struct err *err)
{
	const char *env = getenv("IRIS_CONFIG_PATH");
	char yml[PATHS_MAX];

	if (env != NULL && env[0] != '\0') {
		if (compat_strlcpy(p->config, env, sizeof p->config) >= sizeof p->config)
			return err_set(err, ERR_CONFIG, "IRIS_CONFIG_PATH is too long");
		return 0;
	}
	if (paths_join(p->config, sizeof p->config, p->home, "config.yaml") == -1 ||
	    paths_join(yml, sizeof yml, p->home, "config.yml") == -1)
		return err_set(err, ERR_CONFIG, "IRIS_HOME is too long: %s", p->home);
	if (access(p->config, F_OK) == -1 && access(yml, F_OK) == 0)
		compat_strlcpy(p->config, yml, sizeof p->config);
	return 0;
}

int
paths_init(struct paths *p, struct err *err)
{
	const char *env = getenv("IRIS_HOME"), *home;
	size_t len;

	memset(p, 0, sizeof *p);
	if (env != NULL && env[0] != '\0') {
		if (env[0] != '/')
			return err_set(err, ERR_CONFIG,
			    "IRIS_HOME is \"%s\"; it must be an absolute path", env);
		compat_strlcpy(p->home, env, sizeof p->home);
	} else {
		if ((home = paths_user_home()) == NULL)
			return err_set(err, ERR_CONFIG,
			    "no home directory: set HOME or IRIS_HOME to an absolute path");
		snprintf(p->home, sizeof p->home, "%s/.iris", home);
	}
	for (len = strlen(p->home); len > 1 && p->home[len - 1] == '/'; len--)
		p->home[len - 1] = '\0';
	if (len > PATHS_MAX - 64)
		return err_set(err, ERR_CONFIG, "IRIS_HOME is too long");
	paths_join(p->db, sizeof p->db, p->home, "iris.db");
	paths_join(p->run, sizeof p->run, p->home, "run");
	paths_join(p->log, sizeof p->log, p->home, "log");
	paths_join(p->logfile, sizeof p->logfile, p->home, "log/irisd.log");
	paths_join(p->spool, sizeof p->spool, p->home, "run/spool");
	paths_join(p->lock, sizeof p->lock, p->home, "run/irisd.lock");
	paths_join(p->start, sizeof p->start, p->home, "run/start.lock");
	if (set_config(p, err) == -1)
		return -1;
	return set_sock(p, err);
}

/*
 * A directory that only this user can enter. Never follows a link that somebody may have planted.
 * One in the user's own home that is too open is closed; in a shared place (/tmp) it is not
 * trusted at all.
 */
static int
make_private(const char *dir, bool shared, struct err *err)
{
	struct stat st;

	if (mkdir(dir, 0700) == -1 && errno != EEXIST)
		return err_sys(err, ERR_IO, "can not make the directory %s", dir);
	if (lstat(dir, &st) == -1)
		return err_sys(err, ERR_IO, "can not look at the directory %s", dir);
	if (!S_ISDIR(st.st_mode))
		return err_set(err, ERR_CONFIG, "%s is not a directory", dir);
	if (st.st_uid != geteuid())
		return err_set(err, ERR_REFUSED,
		    "%s belongs to another user (uid %lu); remove it or set IRIS_HOME elsewhere",
		    dir, (unsigned long)st.st_uid);
	if ((st.st_mode & 077) != 0 && shared)
		return err_set(err, ERR_REFUSED,
		    "%s is open to other users, who may have put things there; remove it", dir);
	if ((st.st_mode & 077) != 0 && chmod(dir, 0700) == -1)
		return err_sys(err, ERR_IO, "%s is open to others and can not be closed", dir);
	return 0;
}

int
paths_make(const struct paths *p, struct err *err)
{
	char dir[sizeof p->sock], *slash;
	struct stat st;

	/* IRIS_HOME itself may be a link of the user's own making. */
	if (lstat(p->home, &st) == 0 && S_ISLNK(st.st_mode)) {
		if (stat(p->home, &st) == -1 || st.st_uid != geteuid())
			return err_set(err, ERR_CONFIG,
			    "%s is a link to nothing or to another user's directory", p->home);
	} else if (make_private(p->home, false, err) == -1) {
		return -1;
	}
	if (make_private(p->run, false, err) == -1 || make_private(p->spool, false, err) == -1 ||
	    make_private(p->log, false, err) == -1)
		return -1;
	compat_strlcpy(dir, p->sock, sizeof dir);
	if ((slash = strrchr(dir, '/')) != NULL)
		*slash = '\0';
	return paths_contains(p->home, dir) ? 0 : make_private(dir, true, err);
}

/* By its name, where that is short enough, or by what stands for it. */
int
paths_door(const struct paths *p, const char *team, char *out, size_t size, struct err *err)
{
	char dir[PATHS_MAX], name[PATHS_MAX], full[PATHS_MAX];
	bool shared = false;

	if (paths_join(dir, sizeof dir, p->run, "remote") == -1)
		return err_set(err, ERR_CONFIG, "IRIS_HOME is too long: %s", p->home);
	snprintf(name, sizeof name, "%s.sock", team);
	if (paths_join(full, sizeof full, dir, name) == -1 || strlen(full) > SOCK_MAX) {
		snprintf(name, sizeof name, "%016llx.sock", (unsigned long long)hash(team));
		paths_join(full, sizeof full, dir, name);
	}
	if (strlen(full) > SOCK_MAX) {
		shared = true;
		snprintf(dir, sizeof dir, "/tmp/iris-%lu", (unsigned long)getuid());
		snprintf(name, sizeof name, "%016llx%016llx.sock",
		    (unsigned long long)hash(p->home), (unsigned long long)hash(team));
		paths_join(full, sizeof full, dir, name);
	}
	if (make_private(dir, shared, err) == -1)
		return -1;
	compat_strlcpy(out, full, size);
	return 0;
}

int
paths_control(const struct paths *p, char *out, size_t size, struct err *err)
{
	static const size_t longest = SOCK_MAX - 1 - PATHS_CONTROL_NAME - 17;
	char dir[PATHS_MAX];

	/* What ssh would expand, or an argument of its could not hold, is as good as too long. */
	if (paths_join(dir, sizeof dir, p->run, "ssh") == 0 && strlen(dir) <= longest &&
	    strpbrk(dir, "\"\\%$ ") == NULL) {
		if (make_private(dir, false, err) == -1)
			return -1;
	} else {
		snprintf(dir, sizeof dir, "/tmp/iris-%lu", (unsigned long)getuid());
		if (make_private(dir, true, err) == -1)
			return -1;
		snprintf(dir, sizeof dir, "/tmp/iris-%lu/%016llx", (unsigned long)getuid(),
		    (unsigned long long)hash(p->home));
		if (make_private(dir, true, err) == -1)
			return -1;
	}
	compat_strlcpy(out, dir, size);
	return 0;
}

int
paths_program(const char *name, char *out, size_t size, struct err *err)
{
	char self[PATHS_MAX], real[PATHS_MAX], rel[128], *slash;

	if (compat_self_path(self, sizeof self) == 0 && realpath(self, real) != NULL &&
	    (slash = strrchr(real, '/')) != NULL) {
		*slash = '\0';
		if (paths_join(out, size, real, name) == 0 && access(out, X_OK) == 0)
			return 0;
		snprintf(rel, sizeof rel, "../libexec/iris/%s", name);
		if (paths_join(out, size, real, rel) == 0 && access(out, X_OK) == 0)
			return 0;
		snprintf(rel, sizeof rel, "../../bin/%s", name);
		if (paths_join(out, size, real, rel) == 0 && access(out, X_OK) == 0)
			return 0;
	}
	if (paths_join(out, size, IRIS_LIBEXECDIR, name) == 0 && access(out, X_OK) == 0)
		return 0;
	return err_set(err, ERR_IO,
	    "the program %s is not beside this one nor in %s; install Iris again", name,
	    IRIS_LIBEXECDIR);
}

int
paths_data(const char *name, char *out, size_t size)
{
	char self[PATHS_MAX], real[PATHS_MAX], rel[128], *slash;

	if (compat_self_path(self, sizeof self) == 0 && realpath(self, real) != NULL &&
	    (slash = strrchr(real, '/')) != NULL) {
		*slash = '\0';
		snprintf(rel, sizeof rel, "../share/iris/%s", name);
		if (paths_join(out, size, real, rel) == 0 && access(out, R_OK | X_OK) == 0)
			return 0;
	}
	return paths_join(out, size, IRIS_DATADIR, name) == 0 && access(out, R_OK | X_OK) == 0 ? 0
											       : -1;
}
