/* SPDX-License-Identifier: MIT
 *
 * Peers, see peer.h. Owns their descriptors and buffers. Called by the loop; calls back with
 * lines. Never looks into a line.
 */
#include <sys/socket.h>
#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <event2/buffer.h>

#include "common/compat.h"
#include "common/frame.h"
#include "common/log.h"
#include "common/peer.h"
#include "common/xmalloc.h"

#define COPY_MAX 4096 /* lines above this are handed to the output as they are, not copied */

struct peer {
	TAILQ_ENTRY(peer) entry; /* in loop->dirty */
	struct loop *loop;
	int rfd, wfd;
	struct event *rev, *wev; /* wev is pending only while output waits for room */
	struct event *grace;     /* after peer_close, while output is left */
	struct event *soon;      /* pending while only lines of peer_send_soon wait */
	struct frame in;
	struct evbuffer *held; /* queued in this pass, not to be written before its hook */
	struct evbuffer *out;
	struct peer_limits limits;
	peer_cb cb;
	void *arg;
	bool dirty;
	bool held_by_owner; /* reading stopped by peer_hold */
	bool throttled;     /* reading stopped by out_soft */
	bool end_output;    /* close wfd when out is empty */
	bool broken;        /* writing failed: what is there already is read, then it ends */
	bool closing;       /* peer_close was called: no more callbacks */
	bool dying;         /* its end is known and will be told in the next pass */
	bool dead;          /* to be freed at the end of this pass */
	char why[128];
};

static void
peer_free(void *arg)
{
	struct peer *p = arg;

	if (p->dirty)
		TAILQ_REMOVE(&p->loop->dirty, p, entry);
	event_free(p->rev);
	if (p->wev != NULL)
		event_free(p->wev);
	if (p->grace != NULL)
		event_free(p->grace);
	if (p->soon != NULL)
		event_free(p->soon);
	if (p->wfd != -1 && p->wfd != p->rfd)
		close(p->wfd);
	if (p->rfd != -1)
		close(p->rfd);
	p->loop->peers--;
	frame_release(&p->in);
	evbuffer_free(p->held);
	evbuffer_free(p->out);
	free(p);
}

static void
bury(struct peer *p)
{
	if (p->dead)
		return;
	p->dead = true;
	event_del(p->rev);
	if (p->wev != NULL)
		event_del(p->wev);
	loop_defer(p->loop, peer_free, p);
}

static void
update_reading(struct peer *p)
{
	bool want = !p->held_by_owner && !p->throttled && !p->closing && !p->dying && !p->dead;

	if (want)
		event_add(p->rev, NULL);
	else if (!p->dying)
		event_del(p->rev);
}

/*
 * The end, told from the loop and never from within a call of the owner's: the read event is made
 * active, and its callback sees dying.
 */
static void
end(struct peer *p, const char *why)
{
	if (p->dying || p->dead)
		return;
	if (p->closing) {
		bury(p);
		return;
	}
	compat_strlcpy(p->why, why, sizeof p->why);
	p->dying = true;
	event_del(p->rev);
	if (p->wev != NULL)
		event_del(p->wev);
	event_active(p->rev, EV_READ, 1);
}

static void
tell_end(struct peer *p)
{
	p->closing = true;
	p->cb(p, NULL, 0, p->arg);
	bury(p);
}

static void
deliver_lines(struct peer *p)
{
	size_t len;
	char *line;
	int rv = 0;

	while (!p->closing && !p->dying && (rv = frame_next(&p->in, &line, &len)) == 1)
		p->cb(p, line, len, p->arg);
	if (rv == -1) {
		char why[sizeof p->why];
		snprintf(why, sizeof why, "sent a line longer than %zu bytes", p->limits.line_max);
		end(p, why);
	} else if (!p->closing && !p->dying) {
		frame_trim(&p->in);
	}
}

static void
read_cb(evutil_socket_t fd, short what, void *arg)
{
	struct peer *p = arg;
	ssize_t n;

	(void)fd;
	(void)what;
	if (p->dead || p->closing)
		return;
	if (p->dying) {
		tell_end(p);
		return;
	}
	n = frame_read(&p->in, p->rfd);
	if (n > 0) {
		deliver_lines(p);
		if (p->broken && !p->closing && !p->dying)
			event_active(p->rev, EV_READ, 1);
	} else if (n == 0)
		end(p, frame_pending(&p->in) > 0 ? "closed in the middle of a line" : "closed");
	else if (errno == EAGAIN && p->broken)
		end(p, "closed");
	else if (errno != EAGAIN && errno != EINTR)
		end(p, strerror(errno));
}

static void
drop_queued(struct peer *p)
{
	evbuffer_drain(p->out, evbuffer_get_length(p->out));
	/* What was queued since as well, or it would keep the other direction shut for good. */
	evbuffer_drain(p->held, evbuffer_get_length(p->held));
	event_free(p->wev);
	p->wev = NULL;
}

/*
 * Of a pair of pipes the other side has closed its input. What it has still to say is read; the
 * end comes from there.
 */
static void
drop_output(struct peer *p)
{
	drop_queued(p);
	close(p->wfd);
	p->wfd = -1;
	if (p->closing)
		bury(p);
}

/*
 * Of one descriptor the other side is gone. What it has said before is still there: it is read
 * first, and its end told behind that.
 */
static void
break_output(struct peer *p)
{
	if (p->closing) {
		bury(p);
		return;
	}
	drop_queued(p);
	p->wfd = -1;
	p->broken = true;
	p->throttled = false;
	update_reading(p);
	event_active(p->rev, EV_READ, 1);
}

static void
write_some(struct peer *p)
{
	while (evbuffer_get_length(p->out) > 0) {
		if (evbuffer_write(p->out, p->wfd) > 0)
			continue;
		if (errno == EINTR)
			continue;
		if (errno == EAGAIN) {
			event_add(p->wev, NULL);
			break;
		}
		if (p->wfd != p->rfd) {
			drop_output(p);
			break;
		}
		break_output(p);
		return;
	}
	if (evbuffer_get_length(p->out) == 0) {
		if (p->wev != NULL)
			event_del(p->wev);
		if (p->wfd != -1 && p->end_output && evbuffer_get_length(p->held) == 0) {
			event_free(p->wev);
			p->wev = NULL;
			if (p->wfd == p->rfd)
				shutdown(p->wfd, SHUT_WR);
			else
				close(p->wfd);
			p->wfd = -1;
		}
		if (p->closing)
			bury(p);
	}
	if (p->throttled && peer_queued(p) <= p->limits.out_soft / 2) {
		p->throttled = false;
		update_reading(p);
	}
}

static void
write_cb(evutil_socket_t fd, short what, void *arg)
{
	struct peer *p = arg;

	(void)fd;
	(void)what;
	if (!p->dead && !p->dying)
		write_some(p);
}

static void
grace_cb(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	bury(arg);
}

static void
mark_dirty(struct peer *p)
{
	if (!p->dirty) {
		p->dirty = true;
		TAILQ_INSERT_TAIL(&p->loop->dirty, p, entry);
	}
}

struct peer *
peer_new(struct loop *l, int rfd, int wfd, const struct peer_limits *limits, peer_cb cb, void *arg)
{
	struct peer *p = xcalloc(1, sizeof *p);

	signal(SIGPIPE, SIG_IGN);
	p->loop = l;
	l->peers++;
	p->rfd = rfd;
	p->wfd = wfd;
	p->limits = *limits;
	p->cb = cb;
	p->arg = arg;
	frame_init(&p->in, limits->line_max);
	p->held = evbuffer_new();
	p->out = evbuffer_new();
	if (compat_set_nonblock(rfd) == -1 || (wfd != -1 && compat_set_nonblock(wfd) == -1))
		fatal("can not make a descriptor non-blocking");
	p->rev = event_new(l->base, rfd, EV_READ | EV_PERSIST, read_cb, p);
	if (wfd != -1)
		p->wev = event_new(l->base, wfd, EV_WRITE, write_cb, p);
	update_reading(p);
	return p;
}

void
peer_set_cb(struct peer *p, peer_cb cb, void *arg)
{
	p->cb = cb;
	p->arg = arg;
}

void
peer_set_limits(struct peer *p, const struct peer_limits *limits)
{
	p->limits = *limits;
	p->in.max = limits->line_max;
}

static void
free_line(const void *data, size_t len, void *arg)
{
	(void)data;
	(void)len;
	free(arg);
}

/* After output was queued: flow control by the limits. */
static void
check_limits(struct peer *p)
{
	size_t queued = peer_queued(p);

	if (p->limits.out_hard != 0 && queued > p->limits.out_hard) {
		char why[sizeof p->why];
		snprintf(why, sizeof why, "reads too slowly: %zu bytes wait for it", queued);
		end(p, why);
	} else if (!p->throttled && queued > p->limits.out_soft) {
		p->throttled = true;
		update_reading(p);
	}
}

void
peer_send(struct peer *p, char *text)
{
	size_t len = strlen(text);

	if (len <= COPY_MAX) {
		peer_send_copy(p, text, len);
		free(text);
		return;
	}
	if (p->closing || p->dying || p->dead || p->wfd == -1) {
		free(text);
		return;
	}
	text[len] = '\n';
	if (evbuffer_add_reference(p->held, text, len + 1, free_line, text) == -1)
		fatalx("out of memory, queueing output");
	mark_dirty(p);
	check_limits(p);
}

static void
queue_copy(struct peer *p, const char *text, size_t len)
{
	if (evbuffer_add(p->held, text, len) == -1 || evbuffer_add(p->held, "\n", 1) == -1)
		fatalx("out of memory, queueing output");
}

static void
soon_cb(evutil_socket_t fd, short what, void *arg)
{
	struct peer *p = arg;

	(void)fd;
	(void)what;
	if (!p->dying && !p->dead)
		mark_dirty(p);
}

void
peer_send_soon(struct peer *p, const char *text, size_t len)
{
	static const struct timeval tv = {0, PEER_SOON_MS * 1000};

	if (p->closing || p->dying || p->dead || p->wfd == -1)
		return;
	queue_copy(p, text, len);
	if (!p->dirty) {
		if (p->soon == NULL)
			p->soon = evtimer_new(p->loop->base, soon_cb, p);
		if (!evtimer_pending(p->soon, NULL))
			evtimer_add(p->soon, &tv);
	}
	check_limits(p);
}

void
peer_send_copy(struct peer *p, const char *text, size_t len)
{
	if (p->closing || p->dying || p->dead || p->wfd == -1)
		return;
	queue_copy(p, text, len);
	mark_dirty(p);
	check_limits(p);
}

void
peer_close(struct peer *p, int grace_ms)
{
	struct timeval tv = {grace_ms / 1000, (grace_ms % 1000) * 1000};

	if (p->closing || p->dead)
		return;
	p->closing = true;
	event_del(p->rev);
	if (p->dying || peer_queued(p) == 0 || grace_ms == 0) {
		bury(p);
		return;
	}
	p->grace = evtimer_new(p->loop->base, grace_cb, p);
	evtimer_add(p->grace, &tv);
	mark_dirty(p);
}

void
peer_end_output(struct peer *p)
{
	p->end_output = true;
	mark_dirty(p);
}

void
peer_hold(struct peer *p, bool hold)
{
	p->held_by_owner = hold;
	update_reading(p);
}

size_t
peer_queued(const struct peer *p)
{
	return evbuffer_get_length(p->held) + evbuffer_get_length(p->out);
}

const char *
peer_why(const struct peer *p)
{
	return p->why;
}

int
peer_fd(const struct peer *p)
{
	return p->rfd;
}

void
peer_flush_dirty(struct loop *l)
{
	struct peer *p;

	while ((p = TAILQ_FIRST(&l->dirty)) != NULL) {
		TAILQ_REMOVE(&l->dirty, p, entry);
		p->dirty = false;
		if (p->dead || p->dying || p->wfd == -1)
			continue;
		if (evbuffer_add_buffer(p->out, p->held) == -1)
			fatalx("out of memory, queueing output");
		if (p->soon != NULL)
			evtimer_del(p->soon);
		write_some(p);
	}
}
