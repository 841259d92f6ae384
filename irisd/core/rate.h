/* SPDX-License-Identifier: MIT
 *
 * How often somebody may ask: one bucket for each, known by a name, filled evenly. Nothing is kept
 * of who has not asked for as long as its bucket takes to be full. For net/control_key.c.
 */
#ifndef IRIS_CORE_RATE_H
#define IRIS_CORE_RATE_H

#include <stdbool.h>
#include <stdint.h>

#define RATE_BURST_S 5 /* a full bucket holds what comes in so many seconds */

struct rates; /* NULL: nobody has asked yet */

/*
 * One more of who's requests at now (ms, monotonic), of which there may be per_second (1 at least).
 * False when that is too many; then *wait is in how many ms there may be one.
 */
bool rate_take(struct rates **all, const char *who, int64_t per_second, int64_t now, int64_t *wait);

/*
 * A request of who's took irisd ms of its time, in which nobody else had any: it may have a part of
 * that only, RATE_SHARE percent in the long run.
 */
void rate_took(struct rates **all, const char *who, int64_t ms);
#define RATE_SHARE 20

/* This one does not come back. */
void rate_forget(struct rates **all, const char *who);
void rate_release(struct rates **all);

#endif
