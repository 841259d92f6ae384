/* SPDX-License-Identifier: MIT
 *
 * Workers that have outlived an earlier irisd: they are known by pid and start time from the
 * store, called by SIGUSR1, and taken over with their Claudes, turns and results when they say
 * hello. What a worker left in its spool file is read here as well. Decides which messages are
 * still somebody's; what becomes of them is core/pool.h's.
 */
#ifndef IRIS_NET_ADOPT_H
#define IRIS_NET_ADOPT_H

#include <cjson/cJSON.h>

#include "irisd/irisd.h"

struct worker;

/*
 * At start, with teams and sessions loaded: which of the stored workers live. Their teams' sessions
 * wait. Messages are to be recovered after this, and then adopt_leftovers called: what dead workers
 * have left (results in files; processes) is taken in and killed.
 */
void adopt_begin(struct irisd *d);
void adopt_leftovers(struct irisd *d);

/* The socket is there: call them. Each has some seconds to answer. */
void adopt_call(struct irisd *d);

/* For worker.c: such a worker has said hello (params); or it will not. */
void adopt_hello(struct worker *w, const cJSON *params);
void adopt_failed(struct worker *w, const char *reason);

/* Take in what a dead worker has left in its spool file, if it has one, and remove that. */
void adopt_spool(struct irisd *d, int64_t pid, uint64_t start);

#endif
