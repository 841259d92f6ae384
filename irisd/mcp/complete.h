/* SPDX-License-Identifier: MIT
 *
 * completion/complete: what may stand for an argument of a prompt, or for a variable of a
 * resource's URI. The tables of prompts and resources name a function for each that something can
 * be offered for. Called by protocol.c.
 */
#ifndef IRIS_MCP_COMPLETE_H
#define IRIS_MCP_COMPLETE_H

#include "irisd/mcp/mcp.h"

struct completion;

void complete_request(struct mcp *m, const struct rpc_msg *msg, bool modern);

/* A value that fits, offered when it begins as what the client has so far. */
void completion_offer(struct completion *c, const char *value);

/* For the tables: names of all teams, of those but the client's own, and true or false. */
void complete_team(struct completion *c);
void complete_other_team(struct completion *c);
void complete_bool(struct completion *c);

#endif
