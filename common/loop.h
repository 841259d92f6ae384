/* SPDX-License-Identifier: MIT
 *
 * The event loop of irisd and iris-worker: libevent, one pass at a time, and between two passes
 * the after-hook. In a pass callbacks change state and queue output; after it, in this order,
 *
 *	1. the hook runs (irisd: start what can start, commit to the store),
 *	2. what was queued is written to the peers,
 *	3. what died is freed.
 *
 * So nothing is told to anybody before it is on disk, and no callback frees what another one
 * still holds.
 */
#ifndef IRIS_COMMON_LOOP_H
#define IRIS_COMMON_LOOP_H

#include <sys/queue.h>
#include <stdbool.h>
#include <event2/event.h>

struct peer;
struct loop_defer;

struct loop {
	struct event_base *base;
	void (*hook)(void *); /* may be NULL */
	void *hook_arg;
	bool stop;
	int peers;                         /* that live */
	TAILQ_HEAD(, peer) dirty;          /* peers with output queued in this pass */
	TAILQ_HEAD(, loop_defer) deferred; /* to be called at the end of this pass */
};

/* Fatal when the system gives no event loop. */
void loop_init(struct loop *l, void (*hook)(void *), void *arg);

/* Passes until loop_stop; then one last after-hook has run. */
void loop_run(struct loop *l);
void loop_stop(struct loop *l);

/*
 * Passes without the hook until no peer is left; each must have been closed (peer_close bounds it
 * in time).
 */
void loop_drain(struct loop *l);

/* Call fn(arg) at the end of this pass: for frees. */
void loop_defer(struct loop *l, void (*fn)(void *), void *arg);

/* Everything that was not freed by then is the caller's mistake; checked by the leak sanitizer. */
void loop_release(struct loop *l);

#endif
