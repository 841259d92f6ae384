/* SPDX-License-Identifier: MIT
 *
 * The ladder that every message climbs (iris(7)): which states there are, what they are called on
 * the wire and in the store, and which step may follow which. Pure.
 *
 *	queued -> sent -> seen -> answered
 *	   \________\______\____-> failed | expired | cancelled
 */
#ifndef IRIS_CORE_LADDER_H
#define IRIS_CORE_LADDER_H

#include <stdbool.h>

enum ladder {
	LADDER_QUEUED, /* on disk, accepted */
	LADDER_SENT,   /* handed to the team's worker; whether Claude has it is not known */
	LADDER_SEEN,   /* Claude said that it took it */
	LADDER_ANSWERED,
	LADDER_FAILED,
	LADDER_EXPIRED,
	LADDER_CANCELLED,
	LADDER_COUNT
};

const char *ladder_name(enum ladder state);

/* -1 when name is none of them. */
int ladder_from_name(const char *name, enum ladder *state);

bool ladder_final(enum ladder state);

/*
 * Whether a message may go from one state to another. A second sent is a step of its own: the
 * message was delivered again because it provably never arrived.
 */
bool ladder_allows(enum ladder from, enum ladder to);

#endif
