/* SPDX-License-Identifier: MIT
 *
 * How a remote team's host is reached, for its worker: the member "remote" of iris-protocol(7).
 */
#ifndef IRIS_NET_REMOTE_PARAMS_H
#define IRIS_NET_REMOTE_PARAMS_H

#include <cjson/cJSON.h>

#include "irisd/irisd.h"

/* NULL for a local team. */
cJSON *remote_params(const struct irisd *d, const struct config_team *t);

#endif
