/* SPDX-License-Identifier: MIT
 *
 * One poll(2) for all hops and flows, see line.h. Called by everything that waits.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "common/xmalloc.h"
#include "iris-worker/ssh/forward.h"
#include "iris-worker/ssh/line.h"
#include "iris-worker/ssh/say.h"

#define POLL_MAX (1 + LINE_HOPS + 3 * LINE_FLOWS)

void
line_init(struct line *l)
{
	memset(l, 0, sizeof *l);
	TAILQ_INIT(&l->flows);
	l->wake = -1;
}

struct hop *
line_last(struct line *l)
{
	return l->nhops == 0 ? NULL : l->hops[l->nhops - 1];
}

/* From the far end to the near one: what is told to a host goes through those before it. */
void
line_release(struct line *l)
{
	struct flow *f;
	struct hop *h;

	while (l->nhops > 0) {
		h = l->hops[--l->nhops];
		while ((f = TAILQ_LAST(&l->flows, flow_list)) != NULL && f->hop == h)
			flow_free(l, f);
		if (h->session != NULL) {
			ssh_disconnect(h->session);
			if (h->event != NULL) {
				ssh_event_remove_session(h->event, h->session);
				ssh_event_free(h->event);
			}
			ssh_free(h->session);
		}
		if (h->proxy > 0)
			kill(h->proxy, SIGHUP);
		conf_release(&h->conf);
		free(h);
	}
	forward_release(l);
}

int
line_lost(struct hop *h)
{
	const char *why = ssh_get_error(h->session);

	if (why != NULL && strstr(why, "SSH_MSG_DISCONNECT") != NULL)
		say("Received disconnect from %s: %s", h->where, why);
	else if (why != NULL && *why != '\0' && strstr(why, "disconnected") == NULL)
		say_debug("%s", why);
	say("Connection to %s closed by remote host.", h->conf.name);
	return -1;
}

static size_t
add(struct pollfd *set, size_t n, int fd, short events)
{
	set[n].fd = fd;
	set[n].events = events;
	set[n].revents = 0;
	return n + 1;
}

static size_t
collect(struct line *l, struct pollfd *set)
{
	struct flow *f;
	size_t i, n;
	int flags;

	n = add(set, 0, l->wake, POLLIN);
	for (i = 0; i < l->nhops; i++) {
		flags = ssh_get_poll_flags(l->hops[i]->session);
		n = add(set, n, ssh_get_fd(l->hops[i]->session),
		    POLLIN | ((flags & SSH_WRITE_PENDING) != 0 ? POLLOUT : 0));
	}
	TAILQ_FOREACH (f, &l->flows, link) {
		const int fds[3] = {flow_wants_input(f) ? f->rfd : -1,
		    f->down.len > 0 ? f->wfd : -1, f->errs.len > 0 ? f->efd : -1};

		for (i = 0; i < 3; i++) {
			f->polled[i] = -1;
			if (fds[i] == -1)
				continue;
			f->polled[i] = (int)n;
			n = add(set, n, fds[i], i == 0 ? POLLIN : POLLOUT);
		}
	}
	return n;
}

static int
run_hops(struct line *l, const struct pollfd *set)
{
	struct hop *h;
	uint64_t before;
	size_t i;

	for (i = 0; i < l->nhops; i++) {
		h = l->hops[i];
		h->active = set[1 + i].revents != 0;
		if (!h->active || h->event == NULL)
			continue;
		before = h->raw.in_bytes;
		if (ssh_event_dopoll(h->event, 0) == SSH_ERROR || !ssh_is_connected(h->session))
			return line_lost(h);
		if (i == l->nhops - 1 && h->raw.in_bytes != before)
			l->heard = compat_mono_ms();
	}
	return 0;
}

/* What a call for one flow has read may be for another one: nothing else tells that one. */
static uint64_t
heard_bytes(const struct line *l)
{
	uint64_t sum = 0;
	size_t i;

	for (i = 0; i < l->nhops; i++)
		sum += l->hops[i]->raw.in_bytes;
	return sum;
}

void
line_heard(struct line *l)
{
	struct flow *f;

	l->heard = compat_mono_ms();
	TAILQ_FOREACH (f, &l->flows, link)
		f->fresh = true;
}

static void
run_flows(struct line *l, const struct pollfd *set)
{
	struct flow *f, *next;
	uint64_t before = heard_bytes(l);
	bool ready[3];
	size_t i;

	TAILQ_FOREACH_SAFE (f, &l->flows, link, next) {
		for (i = 0; i < 3; i++)
			ready[i] = f->polled[i] != -1 && set[f->polled[i]].revents != 0;
		if (f->fresh || f->hop->active || ready[0] || ready[1] || ready[2])
			flow_run(f, ready[0]);
		if (!f->keep && flow_ended(f))
			flow_free(l, f);
	}
	if (heard_bytes(l) != before)
		line_heard(l);
}

static int
check_hops(struct line *l)
{
	size_t i;

	for (i = 0; i < l->nhops; i++)
		if (l->hops[i]->event != NULL && !ssh_is_connected(l->hops[i]->session))
			return line_lost(l->hops[i]);
	return 0;
}

int
line_step(struct line *l, int timeout)
{
	struct pollfd set[POLL_MAX];
	struct flow *f;
	bool fresh = false;
	size_t n;
	int rc;

	if (check_hops(l) == -1)
		return -1;
	n = collect(l, set);
	TAILQ_FOREACH (f, &l->flows, link)
		fresh = fresh || (f->fresh && !f->held);
	rc = poll(set, (nfds_t)n, fresh ? 0 : timeout);
	if (rc == -1 && errno != EINTR)
		fatal("poll");
	if (rc > 0 && set[0].revents != 0)
		return 1;
	if (rc == -1 || (rc == 0 && !fresh))
		return 0;
	rc = run_hops(l, set);
	/* Also what has come before the connection was lost is still passed on. */
	run_flows(l, set);
	return rc == -1 ? -1 : check_hops(l);
}
