/* SPDX-License-Identifier: MIT
 *
 * What is told to irisd, iris-protocol(7): events, answers, and results. params, result and data
 * are taken. While irisd is gone events and answers are dropped; results are kept until it has
 * stored them, in memory and, while there is no irisd, in the spool.
 */
#ifndef IRIS_WORKER_REPORT_H
#define IRIS_WORKER_REPORT_H

#include <cjson/cJSON.h>
#include <stdbool.h>

#include "common/err.h"
#include "common/rpc.h"
#include "iris-worker/worker.h"

void report_event(struct worker *w, const char *method, cJSON *params);
/* Leaves with the next line, and after PEER_SOON_MS by itself: what irisd only takes note of. */
void report_event_soon(struct worker *w, const char *method, cJSON *params);
void report_answer(struct worker *w, const char *id, cJSON *result);
/* The same for a good answer that says nothing more. */
void report_done(struct worker *w, const char *id);
void report_error(struct worker *w, const char *id, const struct err *e, cJSON *data);

/* event/result: a request. An answer too long for a line is cut, and says so. */
void report_result(struct worker *w, const char *claude_id, cJSON *params);

/* Cut the member answer where it is too long for a line. */
void report_cut_answer(cJSON *params);

/* irisd has answered a request of ours. False when there was none with this id. */
bool report_acked(struct worker *w, const struct rpc_msg *m);

/* There is no irisd: what it has not stored goes to the spool. */
void report_spool(struct worker *w);

/* The messages whose results are not stored yet, for hello; and the results themselves again. */
cJSON *report_pending(const struct worker *w);
void report_again(struct worker *w);

/* Forget what was not answered: at the end. It is in the spool where there is one. */
void report_drop(struct worker *w);

#endif
