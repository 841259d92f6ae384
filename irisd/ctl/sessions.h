/* SPDX-License-Identifier: MIT
 *
 * The table of sessions as status and team show print it.
 */
#ifndef IRIS_CTL_SESSIONS_H
#define IRIS_CTL_SESSIONS_H

#include <cjson/cJSON.h>

/* sessions: the array of daemon.status or team.show. */
void ctl_print_sessions(const cJSON *sessions);

#endif
