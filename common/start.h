/* SPDX-License-Identifier: MIT
 *
 * Start irisd when none runs: shared by the shim and the CLI. Among many that try at once, one
 * starts it and the others wait for that one, without polling: they queue for a lock that the
 * kernel releases.
 */
#ifndef IRIS_COMMON_START_H
#define IRIS_COMMON_START_H

#include <sys/types.h>

#include "common/err.h"
#include "common/paths.h"

/*
 * A descriptor connected to irisd's socket, starting irisd when nobody listens. started (may be
 * NULL) tells whether this call did. -1: what irisd said when it could not start (ERR_CONFIG with
 * the place in the file, ...), or ERR_TIMEOUT after timeout_ms.
 */
int start_connect(const struct paths *p, int timeout_ms, int *started, struct err *err);

/*
 * Keep everybody else from starting irisd until the descriptor is closed: they wait. For who ends
 * one irisd and starts the next; it connects with start_connect_held.
 */
int start_hold(const struct paths *p, struct err *err);
int start_connect_held(const struct paths *p, int timeout_ms, int *started, struct err *err);

/*
 * Who has irisd's lock, by what it has written into that file, of which lock is a descriptor. 0:
 * nothing is there, or what a dead one has left.
 */
pid_t start_holder(int lock);

/*
 * irisd's half: its standard output is the starter's pipe. Tells that it listens (message NULL),
 * or why it does not; then standard output becomes /dev/null. Harmless when nobody waits.
 */
void start_report(const struct err *failure);

#endif
