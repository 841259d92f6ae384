/* SPDX-License-Identifier: MIT
 *
 * The connections that ssh keeps for the sessions of one host: each lives in a process of its own,
 * which outlives them for a while. At irisd's end they are told to end. Called by main.c.
 */
#ifndef IRIS_NET_MASTERS_H
#define IRIS_NET_MASTERS_H

#include <sys/types.h>

#include "irisd/irisd.h"

/*
 * Tell all of them, at the first call; true when they were told, or it has taken a second. The
 * loop's hook is called when that changes.
 */
bool masters_ended(struct irisd *d);

/* A child was reaped: true when it was one that told. */
bool masters_reaped(struct irisd *d, pid_t pid, int status);

void masters_release(struct irisd *d);

#endif
