/* SPDX-License-Identifier: MIT
 *
 * What the machine and Iris's own processes use, as JSON: for the events of the topic host and for
 * control calls. Looks at the system each time; keeps nothing.
 */
#ifndef IRIS_NET_USAGE_H
#define IRIS_NET_USAGE_H

#include <cjson/cJSON.h>

#include "irisd/irisd.h"

/* {load, cpus, memTotal, memAvailable} */
cJSON *usage_host(void);

/*
 * A list of {kind, pid, team?, from?, rss, cpu, uptime}, one for each process of Iris and each
 * Claude; with details, sessionId, state, startedAt, argv and remote as well.
 */
cJSON *usage_processes(struct irisd *d, bool details);

#endif
