/* SPDX-License-Identifier: MIT
 *
 * What start, stop (daemon.c) and restart (restart.c) share: the end of an irisd, and what is said
 * of its beginning.
 */
#ifndef IRIS_CTL_DAEMON_H
#define IRIS_CTL_DAEMON_H

#include "irisd/ctl/ctl.h"

#define DAEMON_STOP_MS 10000

/* Whether some irisd holds the lock, listening or not. */
bool daemon_locked(const struct ctl *c);

/*
 * Wait until irisd is gone, DAEMON_STOP_MS at most: until fd, a connection on which daemon.stop was
 * answered, or -1 when nobody listened, has ended; and with lock until nobody holds irisd's lock.
 */
int daemon_wait_gone(struct ctl *c, int fd, bool lock, struct err *err);

/* Stop irisd with everything. 0 when it is gone; was tells whether one ran, pid which (or 0). */
int daemon_stop(struct ctl *c, bool *was, int64_t *pid, struct err *err);

/* "irisd started, pid ...", or as JSON; call is a connection to it. */
void daemon_print_started(struct ctl *c, const struct call *call, const char *how);

#endif
