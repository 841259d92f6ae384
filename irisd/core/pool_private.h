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

#endif
