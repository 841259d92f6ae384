/* SPDX-License-Identifier: MIT
 *
 * New lines of the log file, as events of the topic log, while somebody has it: irisd's own, and those
 * of its workers and the web process, which write to the same file. After a sign of change the file is
 * read a moment later, so that many lines cost one look; what was moved away is read to its end.
 */
#include <sys/stat.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/compat.h"
#include "common/json.h"
#include "common/log_read.h"
#include "common/xmalloc.h"
#include "irisd/core/event_private.h"

#define SETTLE_MS  100
#define CHUNK      ((size_t)64 * 1024)      /* read in one pass of the loop */
#define BEHIND_MAX ((off_t)4 * 1024 * 1024) /* bytes: what is further behind is left out */
#define OLD_MS     2000 /* in which others may still write to a file that was moved away */

struct source {
	int fd; /* -1: none */
	off_t at;
};

struct event_log {
	struct irisd *d;
	struct source file, old;
	int64_t old_until;  /* ms, monotonic */
	int fds[3];         /* compat_watch_open's */
	struct event *sign; /* NULL while nothing is watched */
	struct event *look;
	char *buf; /* CHUNK + 1 bytes */
};

static void
tell(struct irisd *d, char *text)
{
	static const struct log_filter all = {0};
	struct log_line l;
	cJSON *o, *line;

	if (text[0] == '\0' || !log_line_fits(text, &all, &l))
		return;
	o = json_new();
	line = json_new();
	json_put_int(line, "at", l.at != 0 ? l.at : compat_now_ms());
	json_put_str(line, "level", log_level_name(l.level));
	json_put_str(line, "component", l.component);
	json_put_int(line, "pid", l.pid);
	json_put_str(line, "message", l.message);
	json_put(o, "line", line);
	event_send(d, EVENT_LOG, "log", o, NULL, NULL);
}

/* Whole lines of one chunk. True when there may be more. */
static bool
read_some(struct event_log *w, struct source *s)
{
	struct stat st;
	char *p, *end;
	ssize_t n;

	if (s->fd == -1 || fstat(s->fd, &st) == -1)
		return false;
	if (st.st_size < s->at)
		s->at = 0; /* it was emptied */
	if (st.st_size - s->at > BEHIND_MAX) {
		s->at = st.st_size;
		event_gap(w->d, EVENT_LOG);
	}
	if ((n = pread(s->fd, w->buf, CHUNK, s->at)) <= 0)
		return false;
	w->buf[n] = '\0';
	for (p = w->buf; (end = memchr(p, '\n', (size_t)(w->buf + n - p))) != NULL; p = end + 1) {
		*end = '\0';
		tell(w->d, p);
	}
	/* One without an end is none of the log's. */
	if (p == w->buf && (size_t)n == CHUNK)
		p += n;
	s->at += p - w->buf;
	return p != w->buf && (size_t)n == CHUNK;
}

static void
shut(struct source *s)
{
	if (s->fd != -1)
		close(s->fd);
	s->fd = -1;
	s->at = 0;
}

static int
open_log(const struct event_log *w)
{
	return open(w->d->paths.logfile, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
}

/* True when another file has the name now, which is to be read then. */
static bool
follow(struct event_log *w)
{
	struct stat own, file;
	int fd;

	if (w->file.fd != -1 && fstat(w->file.fd, &own) == 0 &&
	    stat(w->d->paths.logfile, &file) == 0 && own.st_dev == file.st_dev &&
	    own.st_ino == file.st_ino)
		return false;
	if ((fd = open_log(w)) == -1)
		return false;
	shut(&w->old);
	w->old = w->file;
	w->old_until = compat_mono_ms() + OLD_MS;
	w->file = (struct source){fd, 0};
	return true;
}

static void
disarm(struct event_log *w)
{
	int i;

	if (w->sign == NULL)
		return;
	event_free(w->sign);
	w->sign = NULL;
	for (i = 0; i < 3; i++)
		if (w->fds[i] != -1)
			close(w->fds[i]);
}

static void
look_soon(struct event_log *w, int64_t ms)
{
	struct timeval tv = {ms / 1000, (ms % 1000) * 1000};

	evtimer_add(w->look, &tv);
}

static void
sign_cb(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	disarm(arg);
	look_soon(arg, SETTLE_MS);
}

static void
arm(struct event_log *w)
{
	const char *path = w->d->paths.logfile, *paths[2] = {path, NULL};
	char dir[PATHS_MAX];
	char *slash;

	compat_strlcpy(dir, path, sizeof dir);
	if ((slash = strrchr(dir, '/')) != NULL)
		*slash = '\0';
	paths[1] = dir;
	if (compat_watch_open(paths, 2, w->fds) == -1) {
		/* For want of descriptors: later. */
		look_soon(w, OLD_MS);
		return;
	}
	w->sign = event_new(w->d->loop.base, w->fds[0], EV_READ, sign_cb, w);
	event_add(w->sign, NULL);
}

/* Watched afresh first, and only then read: nothing is missed. */
static void
look_cb(evutil_socket_t fd, short what, void *arg)
{
	struct event_log *w = arg;
	bool more;

	(void)fd;
	(void)what;
	if (w->sign == NULL)
		arm(w);
	more = read_some(w, &w->old);
	if (!more && w->old.fd != -1 && compat_mono_ms() >= w->old_until)
		shut(&w->old);
	if (!more)
		more = read_some(w, &w->file);
	if (more || follow(w))
		event_active(w->look, EV_TIMEOUT, 1);
	else if (w->old.fd != -1 && w->sign != NULL)
		look_soon(w, OLD_MS);
}

/* From here on: what is in the file was there before. */
static void
begin(struct irisd *d)
{
	struct event_log *w = d->events->log = xcalloc(1, sizeof *w);
	struct stat st;

	w->d = d;
	w->buf = xmalloc(CHUNK + 1);
	w->old.fd = -1;
	w->file.fd = open_log(w);
	if (w->file.fd != -1 && fstat(w->file.fd, &st) == 0)
		w->file.at = st.st_size;
	w->look = evtimer_new(d->loop.base, look_cb, w);
	arm(w);
}

void
event_log_watch(struct irisd *d, bool on)
{
	struct event_log *w = d->events->log;

	if (on) {
		begin(d);
		return;
	}
	d->events->log = NULL;
	disarm(w);
	event_free(w->look);
	shut(&w->file);
	shut(&w->old);
	free(w->buf);
	free(w);
}
