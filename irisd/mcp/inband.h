/* SPDX-License-Identifier: MIT
 *
 * MCP over a spawned session's own pipe: the worker passes what its Claude says to the server
 * "iris", and what the server answers. The identity is the session's and can not be forged.
 */
#ifndef IRIS_MCP_INBAND_H
#define IRIS_MCP_INBAND_H

#include <cjson/cJSON.h>
#include <stdbool.h>

#include "irisd/core/session.h"

/* One MCP message from the session's Claude. */
void inband_input(struct session *s, const cJSON *message);

/* True while one of its calls waits: for a message, or for another team's process. */
bool inband_waits(const struct session *s);

/* The session's process is gone: its calls are dropped. */
void inband_release(struct session *s);

#endif
