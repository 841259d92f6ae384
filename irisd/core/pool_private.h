/* SPDX-License-Identifier: MIT
 *
 * What pool.c (who gets a process) and pool_process.c (what becomes of it) share.
 */
#ifndef IRIS_CORE_POOL_PRIVATE_H
#define IRIS_CORE_POOL_PRIVATE_H

#include "irisd/core/pool.h"

/* No process any more: forget what was known of it, and let others have the slot. */
void pool_became_asleep(struct session *s);

/* Everything that waits for this session, which has no process, ends with why. */
void pool_fail_all(struct session *s, const struct err *why);

/* --- pool_line.c ------------------------------------------------------------------------------ */

/* What is with its process goes back into its queue in doubt. */
void pool_in_doubt(struct session *s, const char *reason);
/* The host was not reached for an open: true when that is waited for, false when it is final. */
bool pool_open_waits(struct session *s, const struct err *why, enum pool_open_failure how);
/*
 * The line is down and another session of the team tries it: a host that does not answer takes one
 * slot for that, and not one for each of those who wait.
 */
bool pool_line_tried(const struct session *s);
/* m, which Claude has and has not finished, goes on with a line of its own; false: it does not. */
bool pool_goes_on(struct message *m);
/* The line that was to go on with m never arrived: the next one will. */
void pool_goes_on_again(struct message *m);
/* Its Claude still works on m: it is looked up again a little later. */
void pool_look_later(struct message *m);
/* That is not due yet: the session is looked at when it is. */
void pool_look_again(struct message *m);

#endif
