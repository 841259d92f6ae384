/* SPDX-License-Identifier: MIT
 *
 * The table of sessions as status and team show print it, and what else both say of teams.
 */
#ifndef IRIS_CTL_SESSIONS_H
#define IRIS_CTL_SESSIONS_H

#include <cjson/cJSON.h>
#include <stddef.h>
#include <stdint.h>

/* When a team that has crashed is started again (ms, wall clock), for people. Returns buf. */
const char *ctl_retry_text(int64_t at, char *buf, size_t size);

/* What is wrong with the process of a session or a worker, in a word; NULL: nothing. */
const char *ctl_ill(const cJSON *o);

/* sessions: the array of daemon.status or team.show. */
void ctl_print_sessions(const cJSON *sessions);

#endif
