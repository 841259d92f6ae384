/* SPDX-License-Identifier: MIT
 *
 * Tells a person that something waits for them: the program of permissions.notify gets the request
 * as a JSON object on its standard input. It is no shell's, has ten seconds, and what becomes of it
 * is logged; irisd does not wait for it.
 */
#ifndef IRIS_CORE_NOTIFY_H
#define IRIS_CORE_NOTIFY_H

#include "irisd/irisd.h"
#include "irisd/store/store.h"

void notify_permission(struct irisd *d, const struct store_permission *row);

/* A child was reaped: true when it was such a program. */
bool notify_reaped(struct irisd *d, pid_t pid, int status);

/* At irisd's end: those that run are ended. */
void notify_forget_all(struct irisd *d);

#endif
