/* SPDX-License-Identifier: MIT
 *
 * Has a team's worker hold, or let go, the tunnel to the team's host: worker/tunnel of
 * iris-protocol(7). What becomes of it is told by event/tunnel, not by the answer.
 */
#include "common/json.h"
#include "irisd/net/worker_private.h"

int
worker_tunnel(struct team *t, cJSON *params, struct err *err)
{
	struct worker *w = t->worker;

	if (w != NULL && (w->stopping || w->leaving)) {
		cJSON_Delete(params);
		return err_set(err, ERR_UNAVAILABLE,
		    "the team's iris-worker ends; the next one is waited for");
	}
	if (w == NULL && (w = worker_start(t, err)) == NULL) {
		cJSON_Delete(params);
		return -1;
	}
	worker_request(w, "worker/tunnel", params, WORKER_OTHER, NULL, NULL);
	return 0;
}
