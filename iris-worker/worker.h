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
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "common/loop.h"
#include "common/rpc.h"
#include "iris-worker/link.h"
#include "iris-worker/spool.h"

#define WORKER_CLAUDES_MAX 64 /* processes of one worker; irisd's pool has its own, lower limit */
#define WORKER_EX_PROTOCOL 76 /* exit status: irisd and this worker do not understand each other */

struct claude;
struct tunnel;
struct errand;
struct unacked;

struct worker_options {
	const char *sock, *team;
	const char *spool_dir; /* NULL: no spool */
	int orphan_ms;
};

struct worker {
	struct loop loop;
	struct link link;
	struct spool spool;
	const char *team;
	TAILQ_HEAD(, claude) claudes;
	TAILQ_HEAD(, errand) errands;
	TAILQ_HEAD(, unacked) results; /* told to irisd, or to be told, and not yet stored by it */
	uint64_t next_id;
	char *stop_id;            /* owned: the id of worker/stop, until it is answered */
	bool stopping;            /* it ends when its last claude and errand are gone */
	bool orphaned;            /* there will be no irisd any more for this worker */
	struct event *stop_timer; /* bounds the wait for answers at the end */
	struct tunnel *tunnel;    /* to the team's host; NULL: none is wanted */
	int exit_status;
};

/* The strings are kept as pointers. */
void worker_init(struct worker *w, const struct worker_options *o);
void worker_release(struct worker *w);

/* Stop all claudes in order, then the loop. */
void worker_stop(struct worker *w);

/* Children have ended (SIGCHLD): reap all of them. */
void worker_reap(struct worker *w);

/* For claude.c: this one is gone. */
void worker_claude_gone(struct worker *w);
/* For errand.c: the same. */
void worker_errand_gone(struct worker *w);

/*
 * For link.c. A message of irisd's, other than the answer to hello; the line it was read from; all
 * valid until it returns.
 */
void worker_message(struct worker *w, const struct rpc_msg *m, const char *line, size_t len);
/* irisd has broken the protocol: the worker stops. */
void worker_fault(struct worker *w);
/* The connection has ended: whom it was to answer is not there any more. */
void worker_lost(struct worker *w);
/*
 * No irisd will come: nobody answers what Claudes ask for, turns go to their end, then everything
 * does.
 */
void worker_orphan(struct worker *w);
/* The members of hello, and what is told again behind it. */
void worker_describe(struct worker *w, cJSON *hello);
void worker_replay(struct worker *w);

#endif
