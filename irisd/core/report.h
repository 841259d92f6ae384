/* SPDX-License-Identifier: MIT
 *
 * What was said in a session, from the store: for the tool session_report and for iris(1). Reads,
 * changes nothing.
 */
#ifndef IRIS_CORE_REPORT_H
#define IRIS_CORE_REPORT_H

#include <cjson/cJSON.h>

#include "irisd/core/team.h"

/* The latest messages from -> t, oldest first, and their counts; iris-protocol(7), session_report. */
cJSON *report_session(struct team *t, const char *from);

#endif
