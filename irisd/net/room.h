/* SPDX-License-Identifier: MIT
 *
 * Room for connections: how many descriptors the system gives to irisd, and who may have them. A
 * reserve is kept for what keeps irisd at work and reachable (workers, the CLI, files); sessions of
 * Claude Code, of which there may be any number, get the rest. Decides; client.c acts.
 */
#ifndef IRIS_NET_ROOM_H
#define IRIS_NET_ROOM_H

#include "irisd/irisd.h"

/* Count what is open before there is a connection. */
void room_init(struct irisd *d);

/* Whether one more connection may be taken from the backlog. */
bool room_to_accept(const struct irisd *d);

/* Fewer than the reserve are free. */
bool room_short(const struct irisd *d);

/*
 * Whether a shim, whose connection is open already, may stay when `leaving` others do not: -1 with
 * ERR_LIMIT.
 */
int room_for_shim(const struct irisd *d, int leaving, struct err *err);

/* Whether a call of the CLI may keep its connection for as long as an answer takes: the same. */
int room_to_wait(const struct irisd *d, struct err *err);

#endif
