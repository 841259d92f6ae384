/* SPDX-License-Identifier: MIT
 *
 * MCP over HTTP, as its revisions of 2025-03-26 and later have it: POST /mcp for whoever has a key,
 * POST /mcp/<id> for a session by Claude's id of it. What a message means is irisd's; here is only
 * what HTTP adds: headers that mirror the body, status codes, answers that stream.
 */
#ifndef IRIS_WEB_MCP_H
#define IRIS_WEB_MCP_H

#include "irisd/web/http.h"

/* session: Claude's id, or NULL. */
void web_mcp(struct http *h, const char *session);

#endif
