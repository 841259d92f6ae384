/* SPDX-License-Identifier: MIT
 *
 * log: what irisd, its web process and its workers have logged, from the file itself, so that it
 * also tells why no irisd runs.
 */
#include <sys/stat.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/compat.h"
#include "common/frame.h"
#include "common/json.h"
#include "common/log_read.h"
#include "irisd/ctl/ctl.h"
#include "irisd/ctl/term.h"

#define LINES_MAX 10000

struct follow {
	const char *path, *dir;
	int fd; /* -1: there is no file */
	ino_t ino;
	struct frame in;
};

static void
collect_cb(const struct log_line *l, void *arg)
{
	cJSON_AddItemToArray(arg, log_line_json(l));
}

static void
print_cb(const struct log_line *l, void *arg)
{
	enum term_style style = l->level == LOG_ERROR ? TERM_RED
	    : l->level == LOG_WARN                    ? TERM_YELLOW
	    : l->level == LOG_DEBUG                   ? TERM_DIM
						      : TERM_PLAIN;

	(void)arg;
	fputs(term_on(stdout, style), stdout);
	term_print(stdout, l->raw, false);
	printf("%s\n", style == TERM_PLAIN ? "" : term_off(stdout));
}

/* The same, one object a line, while nobody knows how many there will be. */
static void
stream_cb(const struct log_line *l, void *arg)
{
	(void)arg;
	ctl_print_json(log_line_json(l));
}

static int
make_filter(struct ctl *c, struct log_filter *f, struct err *err)
{
	const char *level = ctl_opt(c, "level"), *since = ctl_opt(c, "since");
	const char *limit = ctl_opt(c, "limit");
	enum log_level min = LOG_DEBUG;
	int64_t n = 50, ms;

	memset(f, 0, sizeof *f);
	if (level != NULL && log_level_from_name(level, &min) == -1)
		return err_set(err, ERR_INVALID,
		    "no such level: \"%.40s\"; expected debug, info, warn or error", level);
	for (; min <= LOG_ERROR; min++)
		f->levels |= 1u << min;
	if (since != NULL) {
		if (ctl_duration(since, &ms, err) == -1)
			return -1;
		f->since = compat_now_ms() - ms;
		n = LINES_MAX;
	}
	if (limit != NULL && ctl_number(limit, "--limit", 0, LINES_MAX, &n, err) == -1)
		return -1;
	f->limit = (int)n;
	f->component = ctl_opt(c, "component");
	f->contains = ctl_opt(c, "grep");
	return 0;
}

static void
show_new(struct follow *w, const struct log_filter *f, void (*cb)(const struct log_line *, void *))
{
	struct log_line l;
	size_t len;
	char *line;
	int rv;

	while (frame_read(&w->in, w->fd) > 0)
		while ((rv = frame_next(&w->in, &line, &len)) == 1)
			if (log_line_fits(line, f, &l))
				cb(&l, NULL);
	fflush(stdout);
}

/* It was moved away: until there is another one. */
static int
await_file(const struct follow *w, struct err *err)
{
	int watch = compat_watch(w->dir);

	if (watch == -1)
		return err_sys(err, ERR_IO, "can not watch %s", w->dir);
	while (access(w->path, F_OK) == -1 && errno == ENOENT && compat_watch_wait(watch) == 0)
		continue;
	close(watch);
	return 0;
}

/* Another file may have the name by now: begin that one. */
static int
look_again(struct follow *w, struct err *err)
{
	struct stat st;

	if (stat(w->path, &st) == 0 && w->fd != -1 && st.st_ino == w->ino)
		return 0;
	if (w->fd != -1)
		close(w->fd);
	w->fd = -1;
	if (await_file(w, err) == -1)
		return -1;
	w->fd = open(w->path, O_RDONLY | O_CLOEXEC);
	if (w->fd == -1 || fstat(w->fd, &st) == -1)
		return err_sys(err, ERR_IO, "can not read the log %s", w->path);
	w->ino = st.st_ino;
	frame_release(&w->in);
	frame_init(&w->in, LOG_LINE_MAX * 2);
	return 1;
}

/* Until Ctrl-C, or until the file is gone. */
static int
follow(const struct paths *paths, int64_t from, const struct log_filter *f,
    void (*cb)(const struct log_line *, void *), struct err *err)
{
	struct follow w = {.path = paths->logfile, .dir = paths->log, .fd = -1};
	int watch = -1, rv = -1;

	frame_init(&w.in, LOG_LINE_MAX * 2);
	if (look_again(&w, err) == -1)
		goto out;
	lseek(w.fd, (off_t)from, SEEK_SET);
	for (;;) {
		if (watch == -1 && (watch = compat_watch(w.path)) == -1) {
			err_sys(err, ERR_IO, "can not watch the log %s", w.path);
			goto out;
		}
		/* Before the wait: what was written before the watch began tells nobody. */
		show_new(&w, f, cb);
		if (compat_watch_wait(watch) == -1)
			break;
		show_new(&w, f, cb);
		if ((rv = look_again(&w, err)) == -1)
			goto out;
		if (rv == 1) {
			close(watch);
			watch = -1;
		}
	}
	rv = 0;
out:
	if (watch != -1)
		close(watch);
	if (w.fd != -1)
		close(w.fd);
	frame_release(&w.in);
	return rv;
}

int
ctl_log_run(struct ctl *c, struct err *err)
{
	bool on = ctl_opt(c, "follow") != NULL;
	void (*cb)(const struct log_line *, void *) = c->json ? stream_cb : print_cb;
	struct log_filter f;
	cJSON *list = NULL, *o;
	int64_t end;
	int rv;

	if (make_filter(c, &f, err) == -1)
		return -1;
	if (c->json && !on) {
		list = cJSON_CreateArray();
		cb = collect_cb;
	}
	rv = log_read(c->paths.logfile, &f, cb, list, &end, err);
	if (rv == 0 && list != NULL) {
		o = json_new();
		json_put(o, "lines", list);
		list = NULL;
		ctl_print_json(o);
	}
	cJSON_Delete(list);
	if (rv == 0 && on)
		rv = follow(&c->paths, end, &f, cb, err);
	return rv;
}
