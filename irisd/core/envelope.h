/* SPDX-License-Identifier: MIT
 *
 * The envelope in which a message reaches a Claude: who asks, which message this is, how far it has
 * come. irisd writes it, and no body can forge one, since every tag of that name in a body is
 * defused. Pure.
 */
#ifndef IRIS_CORE_ENVELOPE_H
#define IRIS_CORE_ENVELOPE_H

#include <stdint.h>

/* The text of the user line, malloc'ed. */
char *envelope_wrap(
    const char *id, const char *from, const char *to, int64_t hops, const char *body);

/*
 * The same for Iris's own words on a turn that a lost line has cut off: to go on with message id of
 * from. turn is the new user line's.
 */
char *envelope_resume(
    const char *turn, const char *id, const char *from, const char *to, int64_t hops);

/* What a team's Claude is told about envelopes, for its system prompt; malloc'ed. */
char *envelope_instructions(const char *team, const char *description);

#endif
