/* SPDX-License-Identifier: MIT
 *
 * Watches config.yaml, what it is a link to, .env beside it, and the directories of all: editors put
 * another file in the old one's place. The system says that something has changed; once the writer
 * has had a moment to finish, everything is watched afresh, and only then looked at, so that
 * nothing is missed. A change of other files in the directory ends there.
 */
#include <sys/stat.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/compat.h"
#include "common/log.h"
#include "common/xmalloc.h"
#include "irisd/watch.h"

#define SETTLE_MS 100 /* from the first sign of a change to the look */
#define AGAIN_S   5   /* to the next look and try where nothing can be watched */
#define PATHS     6

/* One state of one file; all 0 for none. */
struct look {
	dev_t dev;
	ino_t ino;
	off_t size;
	struct timespec changed;
};

struct watch {
	struct irisd *d;
	char env[PATHS_MAX];
	int fds[PATHS + 1]; /* compat_watch_open's */
	struct event *ev;   /* NULL while nothing is watched */
	struct event *timer;
	bool blind; /* the last try to watch has failed */
	struct look config, dotenv;
};

static struct look
look_at(const char *path)
{
	struct look l;
	struct stat st;

	memset(&l, 0, sizeof l);
	if (stat(path, &st) == -1)
		return l;
	l.dev = st.st_dev;
	l.ino = st.st_ino;
	l.size = st.st_size;
	l.changed = compat_changed(&st);
	return l;
}

static bool
same(const struct look *a, const struct look *b)
{
	return a->dev == b->dev && a->ino == b->ino && a->size == b->size &&
	    a->changed.tv_sec == b->changed.tv_sec && a->changed.tv_nsec == b->changed.tv_nsec;
}

static void
disarm(struct watch *w)
{
	size_t i;

	if (w->ev == NULL)
		return;
	event_free(w->ev);
	w->ev = NULL;
	for (i = 0; i <= PATHS; i++)
		if (w->fds[i] != -1)
			close(w->fds[i]);
}

static void
changed_cb(evutil_socket_t fd, short what, void *arg)
{
	static const struct timeval settle = {0, SETTLE_MS * 1000};
	struct watch *w = arg;

	(void)fd;
	(void)what;
	disarm(w);
	evtimer_add(w->timer, &settle);
}

static void
dir_of(const char *path, char *dir, size_t size)
{
	char *slash;

	compat_strlcpy(dir, path, size);
	if ((slash = strrchr(dir, '/')) != NULL)
		slash[slash == dir ? 1 : 0] = '\0';
}

static void
arm(struct watch *w)
{
	static const struct timeval again = {AGAIN_S, 0};
	const char *config = w->d->paths.config;
	char dir[PATHS_MAX], target_dir[PATH_MAX], env_dir[PATH_MAX];
	const char *paths[PATHS] = {config, w->env, dir};
	char *target = realpath(config, NULL), *env = realpath(w->env, NULL);
	size_t n = 3, i;

	/* Those beyond what is watched this time are nobody's to close. */
	for (i = 0; i <= PATHS; i++)
		w->fds[i] = -1;
	dir_of(config, dir, sizeof dir);
	if (target != NULL) {
		dir_of(target, target_dir, sizeof target_dir);
		paths[n++] = target_dir;
	}
	if (env != NULL) {
		dir_of(env, env_dir, sizeof env_dir);
		paths[n++] = env_dir;
	}
	if (compat_watch_open(paths, n, w->fds) == -1) {
		if (!w->blind)
			log_warn(
			    "the configuration can not be watched, \"iris reload\" reads it again: %s",
			    strerror(errno));
		/* Descriptors may be short for a moment only. */
		w->blind = true;
		evtimer_add(w->timer, &again);
	} else {
		w->blind = false;
		w->ev = event_new(w->d->loop.base, w->fds[0], EV_READ, changed_cb, w);
		event_add(w->ev, NULL);
	}
	free(target);
	free(env);
}

static void
timer_cb(evutil_socket_t fd, short what, void *arg)
{
	struct watch *w = arg;
	struct irisd *d = w->d;
	struct look config, dotenv;
	struct err err;

	(void)fd;
	(void)what;
	arm(w);
	/* It could hardly be read then, and would not be looked at again. */
	if (w->blind)
		return;
	config = look_at(d->paths.config);
	dotenv = look_at(w->env);
	if (same(&config, &w->config) && same(&dotenv, &w->dotenv))
		return;
	w->config = config;
	w->dotenv = dotenv;
	/* It may end this watch. */
	irisd_reload(d, NULL, &err);
}

void
watch_sync(struct irisd *d)
{
	struct watch *w = d->watch;
	char dir[PATHS_MAX];

	if (!d->conf->config->settings.hot_reload_config) {
		watch_release(d);
		return;
	}
	if (w != NULL)
		return;
	w = d->watch = xcalloc(1, sizeof *w);
	w->d = d;
	dir_of(d->paths.config, dir, sizeof dir);
	paths_join(w->env, sizeof w->env, dir, ".env");
	w->timer = evtimer_new(d->loop.base, timer_cb, w);
	arm(w);
	w->config = look_at(d->paths.config);
	w->dotenv = look_at(w->env);
}

void
watch_release(struct irisd *d)
{
	struct watch *w = d->watch;

	if (w == NULL)
		return;
	d->watch = NULL;
	disarm(w);
	event_free(w->timer);
	free(w);
}

void
watch_mark(struct irisd *d)
{
	struct look l = look_at(d->paths.config);

	d->config_file.ino = l.ino;
	d->config_file.size = l.size;
	d->config_file.changed = l.changed;
}

bool
watch_unread(const struct irisd *d)
{
	struct look l = look_at(d->paths.config);

	return d->watch == NULL &&
	    (l.ino != d->config_file.ino || l.size != d->config_file.size ||
		l.changed.tv_sec != d->config_file.changed.tv_sec ||
		l.changed.tv_nsec != d->config_file.changed.tv_nsec);
}
