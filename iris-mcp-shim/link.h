/* SPDX-License-Identifier: MIT
 *
 * The way to irisd: connecting, starting it, trying again. Nothing here blocks the relay; what
 * may take long (waiting for the start lock and for irisd to be ready) is done by a thread that
 * hands over one descriptor and touches nothing else.
 *
 * Attempts come in series of at most LINK_SERIES_MS, with growing pauses. A series that fails
 * says why, and nothing is tried until the next link_want.
 */
#ifndef IRIS_SHIM_LINK_H
#define IRIS_SHIM_LINK_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "common/paths.h"

#define LINK_SERIES_MS 10000

enum link_state { LINK_DOWN, LINK_PAUSE, LINK_STARTING, LINK_UP };
enum link_event { LINK_NOTHING, LINK_CONNECTED, LINK_FAILED };

struct link {
	const struct paths *paths;
	bool remote; /* paths->sock leads to an irisd on another machine: it is never started */
	enum link_state state;
	int fd;           /* the connection, non-blocking; -1 unless LINK_UP */
	int result[2];    /* the thread's pipe */
	bool busy;        /* a thread runs */
	bool start;       /* this series may start irisd */
	int64_t deadline; /* of this series, ms of compat_mono_ms */
	int64_t next_try;
	unsigned tries;
};

int link_init(struct link *l, const struct paths *paths, bool remote, struct err *err);

/*
 * Begin a series unless one runs, or has led to a connection. start: with irisd started where none
 * runs.
 */
void link_want(struct link *l, bool start);

/* One step; call it before each wait. LINK_FAILED fills err. */
enum link_event link_step(struct link *l, struct err *err);

/* Call it when link_wait_fd can be read. As link_step. */
enum link_event link_result(struct link *l, struct err *err);

/* The connection is of no use. established: irisd had answered on it, so a new series may begin. */
enum link_event link_lost(struct link *l, bool established, const struct err *why, struct err *err);

/*
 * The descriptor to wait for besides the connection (-1: none), and for how long, ms (-1: no
 * limit).
 */
int link_wait_fd(const struct link *l);
int link_timeout(const struct link *l);

#endif
