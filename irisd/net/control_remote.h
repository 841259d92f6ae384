/* SPDX-License-Identifier: MIT
 *
 * The waits of iris/remote.check and iris/remote.trust: a call is answered when the worker that was
 * asked has answered, is lost, or has taken too long.
 */
#ifndef IRIS_NET_CONTROL_REMOTE_H
#define IRIS_NET_CONTROL_REMOTE_H

#include "irisd/net/control.h"
#include "irisd/net/worker.h"

/* result, or why there is none. Nobody may wait for it any more. */
void control_remote_answered(struct irisd *d, const struct worker_ticket *ticket,
    const cJSON *result, const struct err *why);

/* The call ends, however. */
void control_remote_release(struct control *c);

#endif
