/* SPDX-License-Identifier: MIT
 *
 * The tunnel from a team's host back to irisd, worker/tunnel of iris-protocol(7): one ssh -N -R,
 * kept up for as long as irisd wants it, also while no irisd runs. What becomes of it is told by
 * event/tunnel and in the hello.
 */
#ifndef IRIS_WORKER_TUNNEL_H
#define IRIS_WORKER_TUNNEL_H

#include <cjson/cJSON.h>

#include "common/err.h"

struct worker;

/* The params of worker/tunnel. -1 with ERR_INVALID; what fails later is told by the event. */
int tunnel_request(struct worker *w, const cJSON *params, struct err *err);

/* {plan, state, why?, address?} for hello; NULL when there is none. */
cJSON *tunnel_describe(const struct worker *w);

/* One more step for the answer to worker/check. */
void tunnel_check_step(struct worker *w, cJSON *steps);

/* No more: the worker stops, or irisd does not want it. */
void tunnel_end(struct worker *w);

#endif
