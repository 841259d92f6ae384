/* SPDX-License-Identifier: MIT
 *
 * What is told to irisd, iris-protocol(7): events, answers, and results, which are kept until irisd
 * has answered. params, result and data are taken. When irisd is gone, everything here is a no-op.
 */
#ifndef IRIS_WORKER_REPORT_H
#define IRIS_WORKER_REPORT_H

#include <cjson/cJSON.h>
#include <stdbool.h>

#include "common/err.h"
#include "iris-worker/worker.h"

void report_event(struct worker *w, const char *method, cJSON *params);
void report_answer(struct worker *w, const char *id, cJSON *result);
void report_error(struct worker *w, const char *id, const struct err *e, cJSON *data);

/* event/result: a request. An answer too long for a line is cut, and says so. */
void report_result(struct worker *w, cJSON *params);
/* irisd has answered the request with this id. False when there was none. */
bool report_acked(struct worker *w, const char *id);
/* Forget what was not answered: at the end. */
void report_drop(struct worker *w);

#endif
