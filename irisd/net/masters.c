/* SPDX-License-Identifier: MIT
 *
 * "ssh -O exit" for each socket in ssh's directory, all at once, see masters.h. A master that hears
 * nothing ends by itself later: nobody waits for it.
 */
#include <sys/stat.h>
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/compat.h"
#include "common/log.h"
#include "common/spawn.h"
#include "common/xmalloc.h"
#include "irisd/net/masters.h"

#define PATIENCE_MS 1000
#define MASTERS_MAX 64

/* One irisd, one end. */
static struct {
	bool begun, late;
	pid_t pids[MASTERS_MAX]; /* those that tell and have not ended */
	size_t n;
	struct event *timer;
} ends;

static void
timer_cb(evutil_socket_t fd, short what, void *arg)
{
	size_t i;

	(void)fd;
	(void)what;
	(void)arg;
	log_warn("connections of ssh were not told to end in time n=%zu", ends.n);
	for (i = 0; i < ends.n; i++)
		kill(ends.pids[i], SIGKILL);
	ends.late = true;
}

/* By the name within its directory: what ssh would expand in a path is none of it. */
static void
tell(const char *ssh, const char *dir, const char *name)
{
	char prog[] = "ssh", none[] = "-Fnone", o[] = "-o", exit_[] = "-Oexit", end[] = "--",
	     host[] = "iris";
	char *path = xasprintf("ControlPath=%s", name);
	char *argv[] = {prog, none, o, path, exit_, end, host, NULL};
	struct spawn sp = {.path = ssh, .argv = argv, .dir = dir, .fds = {-1, -1, -1}};
	struct err err;
	pid_t pid;

	if ((pid = spawn_process(&sp, &err)) == -1)
		log_warn("a connection of ssh is not told to end: %s", err.msg);
	else
		ends.pids[ends.n++] = pid;
	free(path);
}

static void
tell_all(const char *dir)
{
	const char *dirs = getenv("PATH");
	char ssh[PATHS_MAX], path[PATHS_MAX];
	struct dirent *de;
	struct stat st;
	DIR *list = opendir(dir);

	if (list == NULL)
		return;
	if (spawn_search("ssh", dirs != NULL ? dirs : "/usr/bin:/bin", ssh, sizeof ssh) == 0)
		while ((de = readdir(list)) != NULL && ends.n < MASTERS_MAX)
			/* ssh's names are hexadecimal digits. */
			if (strspn(de->d_name, "0123456789abcdef") == strlen(de->d_name) &&
			    paths_join(path, sizeof path, dir, de->d_name) == 0 &&
			    lstat(path, &st) == 0 && S_ISSOCK(st.st_mode))
				tell(ssh, dir, de->d_name);
	closedir(list);
}

static bool
any_remote(const struct irisd *d)
{
	const struct config *c = d->conf->config;
	size_t i;

	for (i = 0; i < c->nteams; i++)
		if (c->teams[i].remote != NULL)
			return true;
	return false;
}

bool
masters_ended(struct irisd *d)
{
	static const struct timeval patience = {PATIENCE_MS / 1000, 0};
	char dir[PATHS_MAX];
	struct err err;

	if (!ends.begun) {
		ends.begun = true;
		if (any_remote(d) && paths_control(&d->paths, dir, sizeof dir, &err) == 0)
			tell_all(dir);
		if (ends.n > 0) {
			ends.timer = evtimer_new(d->loop.base, timer_cb, NULL);
			evtimer_add(ends.timer, &patience);
		}
	}
	return ends.n == 0 || ends.late;
}

bool
masters_reaped(struct irisd *d, pid_t pid, int status)
{
	size_t i;

	(void)d;
	(void)status;
	for (i = 0; i < ends.n; i++) {
		if (ends.pids[i] == pid) {
			ends.pids[i] = ends.pids[--ends.n];
			return true;
		}
	}
	return false;
}

void
masters_release(struct irisd *d)
{
	(void)d;
	if (ends.timer != NULL)
		event_free(ends.timer);
	ends.timer = NULL;
}
