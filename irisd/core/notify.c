/* SPDX-License-Identifier: MIT
 *
 * Starts the user's program and looks after it, see notify.h.
 */
#include <sys/wait.h>
#include <event2/event.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/compat.h"
#include "common/json.h"
#include "common/log.h"
#include "common/spawn.h"
#include "common/xmalloc.h"
#include "irisd/core/notify.h"
#include "irisd/core/permission.h"

#define NOTIFY_MS   10000
#define NOTIFY_MAX  8   /* at once; more are told of in the log only */
#define NOTIFY_ARGS 100 /* as many as the configuration takes */

struct notify {
	TAILQ_ENTRY(notify) entry;
	pid_t pid;
	char id[UUID_LEN + 1]; /* of the request */
	struct event *timer;
	bool late;
};

static TAILQ_HEAD(, notify) all = TAILQ_HEAD_INITIALIZER(all);

static void
timer_cb(evutil_socket_t fd, short what, void *arg)
{
	struct notify *n = arg;

	(void)fd;
	(void)what;
	n->late = true;
	kill(-n->pid, SIGKILL);
}

static void
forget(struct notify *n)
{
	TAILQ_REMOVE(&all, n, entry);
	event_free(n->timer);
	free(n);
}

/* A file without a name that holds the text, open for reading at its beginning. */
static int
file_of(const struct irisd *d, const char *text, struct err *err)
{
	char path[PATHS_MAX];
	size_t len = strlen(text), done = 0;
	ssize_t n = 0;
	int fd;

	paths_join(path, sizeof path, d->paths.run, "notify-XXXXXX");
	if ((fd = mkstemp(path)) == -1)
		return err_sys(err, ERR_IO, "can not make %s", path);
	unlink(path);
	compat_set_cloexec(fd, true);
	while (done < len && (n = write(fd, text + done, len - done)) > 0)
		done += (size_t)n;
	if (done < len || lseek(fd, 0, SEEK_SET) == -1) {
		err_sys(err, ERR_IO, "can not write %s", path);
		close(fd);
		return -1;
	}
	return fd;
}

/* The program as it is to be run: a path, or a name for PATH. */
static int
program_of(const char *name, char *path, size_t size, struct err *err)
{
	const char *home = getenv("HOME"), *dirs = getenv("PATH");

	if (strncmp(name, "~/", 2) == 0 && home != NULL) {
		snprintf(path, size, "%s%s", home, name + 1);
		return 0;
	}
	if (strchr(name, '/') != NULL) {
		compat_strlcpy(path, name, size);
		return 0;
	}
	if (spawn_search(name, dirs != NULL ? dirs : "/usr/local/bin:/usr/bin:/bin", path, size) ==
	    0)
		return 0;
	return err_set(err, ERR_IO, "there is no program %.200s in PATH", name);
}

static pid_t
start(struct irisd *d, const char *text, struct err *err)
{
	const struct config_list *words = &d->conf->config->permissions.notify;
	char path[PATHS_MAX], *argv[NOTIFY_ARGS + 1] = {0};
	struct spawn sp = {.path = path,
	    .argv = argv,
	    .dir = d->paths.home,
	    .fds = {-1, -1, -1},
	    .own_session = true};
	size_t i;
	pid_t pid;

	if (program_of(words->v[0], path, sizeof path, err) == -1)
		return -1;
	for (i = 0; i < words->n && i < NOTIFY_ARGS; i++)
		argv[i] = words->v[i];
	if ((sp.fds[0] = file_of(d, text, err)) == -1)
		return -1;
	pid = spawn_process(&sp, err);
	close(sp.fds[0]);
	return pid;
}

static int
running(void)
{
	const struct notify *n;
	int i = 0;

	TAILQ_FOREACH (n, &all, entry)
		i++;
	return i;
}

void
notify_permission(struct irisd *d, const struct store_permission *row)
{
	const struct timeval limit = {NOTIFY_MS / 1000, 0};
	struct notify *n;
	struct err err;
	cJSON *o;
	char *text;
	pid_t pid;

	if (d->conf->config->permissions.notify.n == 0)
		return;
	if (running() >= NOTIFY_MAX) {
		log_warn("notify id=%s: not told, %d programs run already", row->id, NOTIFY_MAX);
		return;
	}
	o = permission_json(d, row);
	text = json_print(o);
	cJSON_Delete(o);
	pid = start(d, text, &err);
	free(text);
	if (pid == -1) {
		log_error("notify id=%s: %s", row->id, err.msg);
		return;
	}
	n = xcalloc(1, sizeof *n);
	n->pid = pid;
	compat_strlcpy(n->id, row->id, sizeof n->id);
	n->timer = evtimer_new(d->loop.base, timer_cb, n);
	evtimer_add(n->timer, &limit);
	TAILQ_INSERT_TAIL(&all, n, entry);
	log_info("notify id=%s started pid=%ld", row->id, (long)pid);
}

bool
notify_reaped(struct irisd *d, pid_t pid, int status)
{
	struct notify *n;

	(void)d;
	TAILQ_FOREACH (n, &all, entry)
		if (n->pid == pid)
			break;
	if (n == NULL)
		return false;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		log_info("notify id=%s told pid=%ld", n->id, (long)pid);
	else
		log_warn("notify id=%s failed pid=%ld %s=%d%s", n->id, (long)pid,
		    WIFSIGNALED(status) ? "signal" : "status",
		    WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status),
		    n->late ? ": it took more than ten seconds" : "");
	forget(n);
	return true;
}

void
notify_forget_all(struct irisd *d)
{
	struct notify *n;

	(void)d;
	while ((n = TAILQ_FIRST(&all)) != NULL) {
		kill(-n->pid, SIGKILL);
		forget(n);
	}
}
