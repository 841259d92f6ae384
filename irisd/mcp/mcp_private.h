/* SPDX-License-Identifier: MIT
 *
 * What protocol.c and call.c share.
 */
#ifndef IRIS_MCP_MCP_PRIVATE_H
#define IRIS_MCP_MCP_PRIVATE_H

#include "irisd/mcp/mcp.h"

#define MCP_META_CAPABILITIES "io.modelcontextprotocol/clientCapabilities"
#define MCP_META_SUBSCRIPTION "io.modelcontextprotocol/subscriptionId"

/* An empty result of the era; list: with what 2026-07-28 wants on lists and discovery. */
cJSON *mcp_result(bool modern, bool list);

/* tools/call */
void mcp_call_start(
    struct mcp *m, const struct rpc_msg *msg, const char *line, size_t len, bool modern);
/* End a call with an error of the protocol. */
void mcp_call_error(struct mcp_call *c, int code, const char *text, cJSON *data);
/*
 * Take a call off the request that it came with, which has been answered, and give it to another
 * client's list; and on with it, for a new request.
 */
void mcp_call_detach(struct mcp_call *c, struct mcp *to);
void mcp_call_attach(
    struct mcp_call *c, struct mcp *m, const struct rpc_msg *msg, const char *line, size_t len);
/*
 * FNV-1a of the arguments' text: that a call is repeated with the same ones. No secret hangs on it
 * (the arguments of the first request count), and it is made for every call, so it is cheap.
 */
uint64_t mcp_call_digest(const char *line, size_t len);
/* notifications/cancelled for this raw id; reason may be NULL. */
void mcp_call_cancel(struct mcp *m, const char *id, const char *reason);
void mcp_call_drop_all(struct mcp *m);

#endif
