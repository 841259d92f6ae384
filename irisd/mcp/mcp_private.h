/* SPDX-License-Identifier: MIT
 *
 * What protocol.c and call.c share.
 */
#ifndef IRIS_MCP_MCP_PRIVATE_H
#define IRIS_MCP_MCP_PRIVATE_H

#include "irisd/mcp/mcp.h"

#define MCP_META_SUBSCRIPTION "io.modelcontextprotocol/subscriptionId"

/* An empty result of the era; list: with what 2026-07-28 wants on lists and discovery. */
cJSON *mcp_result(bool modern, bool list);

/* tools/call */
void mcp_call_start(
    struct mcp *m, const struct rpc_msg *msg, const char *line, size_t len, bool modern);
/* notifications/cancelled for this raw id; reason may be NULL. */
void mcp_call_cancel(struct mcp *m, const char *id, const char *reason);
void mcp_call_drop_all(struct mcp *m);

#endif
