/* SPDX-License-Identifier: MIT
 *
 * MCP prompts, which Claude Code shows as slash commands: prompts/list, prompts/get,
 * completion/complete. One prompt for each agent, and ask and handoff. Called by protocol.c.
 */
#ifndef IRIS_MCP_PROMPTS_H
#define IRIS_MCP_PROMPTS_H

#include "irisd/mcp/mcp.h"

struct mcp_prompt;

void prompts_list(struct mcp *m, const struct rpc_msg *msg, bool modern);
/* Answered now, or when its git diff is there. */
void prompts_get(struct mcp *m, const struct rpc_msg *msg, bool modern);
void prompts_complete(struct mcp *m, const struct rpc_msg *msg, bool modern);

/* notifications/cancelled for this raw id: no answer. */
void prompts_cancel(struct mcp *m, const char *id);
/* End those that are not answered yet; why NULL: without an answer, the client is gone. */
void prompts_end(struct mcp *m, const struct err *why);

#endif
