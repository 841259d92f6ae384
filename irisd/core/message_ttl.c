/* SPDX-License-Identifier: MIT
 *
 * The timer of a message with a ttl, see message_ttl.h. Only what is queued and was never handed
 * over expires: of anything else Claude may have taken notice.
 */
#include <stdio.h>

#include "common/compat.h"
#include "irisd/core/message_ttl.h"
#include "irisd/core/team.h"

#define SECOND 1000
#define DAY    86400000

/* In the unit that a person would have given it in. */
static void
print_ms(int64_t ms, char *buf, size_t size)
{
	long long n = ms;

	if (n % DAY == 0)
		snprintf(buf, size, "%lld day%s", n / DAY, n == DAY ? "" : "s");
	else if (n % SECOND == 0)
		snprintf(buf, size, "%lld s", n / SECOND);
	else
		snprintf(buf, size, "%lld ms", n);
}

static void
set_timer(struct message *m, int64_t left)
{
	struct timeval tv = {(time_t)(left / 1000), (suseconds_t)(left % 1000 * 1000)};

	evtimer_add(m->ttl, &tv);
}

static void
ttl_cb(evutil_socket_t fd, short what, void *arg)
{
	struct message *m = arg;
	struct store_message row;
	char after[48];
	struct err why;
	int64_t left;

	(void)fd;
	(void)what;
	if (m->state != LADDER_QUEUED || !store_message_load(m->d->store, m->id, &row))
		return;
	left = row.expires_at - compat_now_ms();
	print_ms(row.expires_at - row.created_at, after, sizeof after);
	store_message_release(&row);
	if (left > 0) {
		/* libevent counts from the beginning of the pass in which it was armed. */
		set_timer(m, left);
		return;
	}
	err_set(&why, ERR_EXPIRED,
	    "it was still queued for team %s after its time to live of %s; nothing of it was delivered: "
	    "send it again, with a longer ttl or without one",
	    m->session->team->name, after);
	message_expired(m, why.msg);
}

void
message_ttl_arm(struct message *m, const struct store_message *row)
{
	int64_t left = row->expires_at - compat_now_ms();

	if (row->expires_at == 0 || m->state != LADDER_QUEUED)
		return;
	m->ttl = evtimer_new(m->d->loop.base, ttl_cb, m);
	set_timer(m, left > 0 ? left : 0);
}

void
message_ttl_disarm(struct message *m)
{
	if (m->ttl != NULL)
		event_free(m->ttl);
	m->ttl = NULL;
}
