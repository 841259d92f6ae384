/* SPDX-License-Identifier: MIT
 *
 * The pause after a crash, per team: restartDelay, doubling with each crash that no answer has come
 * since; and the budget: with more than restartBudget of them in restartWindow the team is down
 * until the window has passed or somebody wakes it. Counts and times only; pool.c asks.
 */
#ifndef IRIS_CORE_BACKOFF_H
#define IRIS_CORE_BACKOFF_H

#include "irisd/core/team.h"

/* The team's worker, or a Claude of it, has ended unasked. Within a pause it is the same crash. */
void backoff_crash(struct team *t, const char *why);
/* It works: an answer came. Or somebody wants it tried again. */
void backoff_reset(struct team *t);

/* True while nothing may be started; the team's sessions are looked at again when that is over. */
bool backoff_waits(struct team *t);
/* True, with why, while the budget is used up. */
bool backoff_down(const struct team *t, struct err *why);

/* ms, wall clock, of the next start; 0 when nothing is in its way. */
int64_t backoff_until(const struct team *t);
void backoff_release(struct team *t);

#endif
