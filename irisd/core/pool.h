/* SPDX-License-Identifier: MIT
 *
 * The pool of Claude processes: which session gets one, when, and when it is taken away. Busy is no
 * error: messages wait in order. Only idle processes are ever evicted; a turn is never ended to
 * make room.
 *
 * Callers ask with pool_want and friends; net/worker.c tells what happened with pool_on_*. What can
 * be started is started by pool_run, from the loop's hook, before the pass's commit.
 */
#ifndef IRIS_CORE_POOL_H
#define IRIS_CORE_POOL_H

#include "irisd/core/session.h"
#include "irisd/irisd.h"

/* Something may have to be done for s: messages wait, or somebody wants it awake. */
void pool_want(struct session *s);
void pool_run(struct irisd *d);

/* A process slot may be free now: the first session that waits for one is looked at. */
void pool_slot_free(struct irisd *d);

/* End its process. A busy one is interrupted; its message then ends by the worker's word. */
void pool_close(struct session *s);

/* Interrupt the turn of m, which is with a process. */
void pool_interrupt(struct message *m);

/*
 * The team was removed from the configuration: fail what waits, close what is idle, let turns end.
 */
void pool_drain_team(struct team *t);

/* --- told by net/worker.c --------------------------------------------------------------------- */

struct pool_opened {
	pid_t pid;
	uint64_t start;
	int64_t ready_ms;
	const char *version;
};
void pool_on_opened(struct session *s, const struct pool_opened *o);
/* in_use: Claude already has a conversation of this id. */
void pool_on_open_failed(struct session *s, const struct err *why, bool in_use);
void pool_on_turn_refused(struct session *s, const char *message, const struct err *why);
void pool_on_seen(struct session *s, const char *message, const char *evidence);
void pool_on_activity(struct session *s, const char *message, const char *text);
void pool_on_delta(struct session *s, const char *message, const char *text);

struct pool_result {
	bool ok;
	const char *answer;
	struct err why; /* unless ok */
	struct store_usage usage;
};
void pool_on_result(struct session *s, const char *message, const struct pool_result *r);
/* The process is gone, and reason says how. */
void pool_on_exit(struct session *s, const char *reason);
void pool_on_closed(struct session *s);

#endif
