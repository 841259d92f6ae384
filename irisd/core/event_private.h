/* SPDX-License-Identifier: MIT
 *
 * What event.c (who wants events, and those that are kept) and event_kinds.c (what is in them) share.
 */
#ifndef IRIS_CORE_EVENT_PRIVATE_H
#define IRIS_CORE_EVENT_PRIVATE_H

#include "irisd/core/event.h"

/* One that is kept. */
struct event_kept {
	TAILQ_ENTRY(event_kept) entry;
	int64_t seq;
	enum event_topic topic;
	char *from, *to, *also; /* owned; those of event_about */
	char *line;             /* owned */
	size_t len;
};

struct events {
	int64_t seq; /* of the last one */
	TAILQ_HEAD(, event_sub) subs;
	TAILQ_HEAD(, event_kept) ring;
	int kept;
	size_t kept_bytes;
	int64_t lost;                /* none up to this one is kept any more */
	int64_t begun[EVENT_TOPICS]; /* nor any of this topic up to that one */
	struct event *hold;          /* until topics that nobody has are no more kept */

	/* Noted to be told. */
	TAILQ_HEAD(, session) sessions;
	TAILQ_HEAD(, team) teams;
	bool pool;
	int64_t told; /* ms, monotonic: when the last ones were */
	struct event *soon;
	struct event *host;               /* net/event_host.c's; NULL: not wanted */
	struct event_log *log;            /* net/event_log.c's; NULL: not wanted */
	int active, waiting, queued, max; /* of the pool, as told last; -1: not yet */
};

/* Subscribers that have read again what held them up. */
void event_catch_up(struct irisd *d);

#endif
