/* SPDX-License-Identifier: MIT
 *
 * The worker: its connection to irisd, its claudes, and what is told to irisd about them. One
 * struct, made by main(); everything else gets a pointer to it.
 */
#ifndef IRIS_WORKER_WORKER_H
#define IRIS_WORKER_WORKER_H

#include <sys/queue.h>
#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "common/loop.h"
#include "common/peer.h"

#define WORKER_CLAUDES_MAX 64 /* processes of one worker; irisd's pool has its own, lower limit */

struct claude;
struct unacked;

struct worker {
	struct loop loop;
	struct peer *irisd; /* NULL once the connection has ended */
	const char *team;
	TAILQ_HEAD(, claude) claudes;
	TAILQ_HEAD(, unacked) results; /* told to irisd, and not yet stored by it */
	uint64_t next_id;
	char *stop_id; /* owned: the id of worker/stop, until it is answered */
	bool stopping;
	struct event *stop_timer; /* bounds the wait for answers at the end */
	int exit_status;
};

/* team is kept as a pointer. */
void worker_init(struct worker *w, const char *team);
void worker_release(struct worker *w);

/* Take over a connected descriptor and say hello. */
void worker_connect(struct worker *w, int fd);

/* Stop all claudes in order, then the loop. */
void worker_stop(struct worker *w);

/* Children have ended (SIGCHLD): reap all of them. */
void worker_reap(struct worker *w);

/* For claude.c: this one is gone. */
void worker_claude_gone(struct worker *w);

#endif
