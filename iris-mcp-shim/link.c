/* SPDX-License-Identifier: MIT
 *
 * Reaching irisd, see link.h. Owns the descriptor of the connection and the thread that starts
 * irisd.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/call.h"
#include "common/compat.h"
#include "common/start.h"
#include "common/xmalloc.h"
#include "iris-mcp-shim/link.h"

/* Less than the series, so that the thread's own sentence is there before the series ends. */
#define START_MS (LINK_SERIES_MS - 500)

/*
 * How long errors that a restart explains are tried again: the old irisd may still be on its way
 * out.
 */
#define SETTLE_MS 1500

struct attempt {
	const struct paths *paths;
	int fd, report;
	struct err err;
};

int
link_init(struct link *l, const struct paths *paths, bool remote, struct err *err)
{
	memset(l, 0, sizeof *l);
	l->paths = paths;
	l->remote = remote;
	l->fd = -1;
	if (compat_pipe(l->result) == -1)
		return err_sys(err, ERR_IO, "can not make a pipe");
	return 0;
}

static void *
attempt_main(void *arg)
{
	struct attempt *a = arg;

	a->fd = start_connect(a->paths, START_MS, NULL, &a->err);
	/* A pointer is less than PIPE_BUF: written as a whole. */
	while (write(a->report, &a, sizeof a) == -1 && errno == EINTR)
		continue;
	return NULL;
}

static int
attempt_start(struct link *l, struct err *err)
{
	struct attempt *a = xcalloc(1, sizeof *a);
	sigset_t all, old;
	pthread_t thread;
	int e;

	a->paths = l->paths;
	a->report = l->result[1];
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	e = pthread_create(&thread, NULL, attempt_main, a);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (e != 0) {
		free(a);
		errno = e;
		return err_sys(err, ERR_IO, "can not start a thread to start irisd");
	}
	pthread_detach(thread);
	l->busy = true;
	return 0;
}

static enum link_event
connected(struct link *l, int fd, struct err *err)
{
	if (compat_set_nonblock(fd) == -1) {
		err_sys(err, ERR_IO, "can not use the connection to irisd");
		close(fd);
		l->state = LINK_DOWN;
		return LINK_FAILED;
	}
	l->fd = fd;
	l->state = LINK_UP;
	return LINK_CONNECTED;
}

/* What a person at the other end of a team's tunnel can do about it. */
static void
say_down(const struct link *l, struct err *why)
{
	if (l->remote && why->code == ERR_UNAVAILABLE)
		err_set(why, ERR_UNAVAILABLE,
		    "the line from Iris to this host is down: nobody answers on %s. Iris makes it again "
		    "by itself while it runs and this host can be reached; \"iris remote list\", there "
		    "where Iris runs, tells what is the matter",
		    l->paths->sock);
}

/* Pauses of 0, 50, 100, 200, ... 1600 ms. */
static enum link_event
try_later(struct link *l, struct err *why)
{
	int64_t now = compat_mono_ms(), until = l->deadline, pause;

	if (why->code == ERR_CONFIG || why->code == ERR_REFUSED || why->code == ERR_PROTOCOL ||
	    why->code == ERR_LIMIT)
		until = 0;
	else if (why->code != ERR_UNAVAILABLE)
		until = l->deadline - LINK_SERIES_MS + SETTLE_MS;
	pause = l->tries == 0 ? 0 : 50 << (l->tries < 6 ? l->tries - 1 : 5);
	l->tries++;
	if (now + pause >= until) {
		l->state = LINK_DOWN;
		say_down(l, why);
		return LINK_FAILED;
	}
	l->next_try = now + pause;
	l->state = LINK_PAUSE;
	return LINK_NOTHING;
}

void
link_want(struct link *l, bool start)
{
	int64_t now = compat_mono_ms();

	if (l->state != LINK_DOWN && (l->start || !start))
		return;
	l->deadline = now + LINK_SERIES_MS;
	l->next_try = now;
	l->tries = 0;
	l->start = start;
	/* A connection without an answer of irisd may be of no use: then this series goes on. */
	if (l->state == LINK_UP)
		return;
	l->state = l->busy ? LINK_STARTING : LINK_PAUSE;
}

enum link_event
link_result(struct link *l, struct err *err)
{
	struct attempt *a;
	int fd;

	if (read(l->result[0], &a, sizeof a) != (ssize_t)sizeof a)
		return LINK_NOTHING;
	l->busy = false;
	fd = a->fd;
	*err = a->err;
	free(a);
	if (fd != -1 && l->state == LINK_UP) {
		close(fd);
		return LINK_NOTHING;
	}
	if (fd != -1)
		return connected(l, fd, err);
	if (l->state != LINK_STARTING)
		return LINK_NOTHING;
	return try_later(l, err);
}

enum link_event
link_step(struct link *l, struct err *err)
{
	int fd;

	if (l->state == LINK_STARTING && compat_mono_ms() >= l->deadline) {
		err_set(err, ERR_TIMEOUT, "irisd did not start within %d s; its log is %s",
		    LINK_SERIES_MS / 1000, l->paths->logfile);
		l->state = LINK_DOWN;
		return LINK_FAILED;
	}
	if (l->state != LINK_PAUSE || compat_mono_ms() < l->next_try)
		return LINK_NOTHING;
	if ((fd = call_socket(l->paths->sock, err)) != -1)
		return connected(l, fd, err);
	if (err->code != ERR_UNAVAILABLE || !l->start || l->remote)
		return try_later(l, err);
	if (!l->busy && attempt_start(l, err) == -1)
		return try_later(l, err);
	l->state = LINK_STARTING;
	return LINK_NOTHING;
}

enum link_event
link_lost(struct link *l, bool established, const struct err *why, struct err *err)
{
	close(l->fd);
	l->fd = -1;
	l->state = LINK_DOWN;
	if (established)
		return LINK_NOTHING;
	*err = *why;
	return try_later(l, err);
}

int
link_wait_fd(const struct link *l)
{
	return l->busy ? l->result[0] : -1;
}

int
link_timeout(const struct link *l)
{
	int64_t until, left;

	if (l->state != LINK_PAUSE && l->state != LINK_STARTING)
		return -1;
	until = l->state == LINK_PAUSE ? l->next_try : l->deadline;
	left = until - compat_mono_ms();
	return left < 0 ? 0 : (int)left;
}
