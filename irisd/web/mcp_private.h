/* SPDX-License-Identifier: MIT
 *
 * What the files of MCP over HTTP share.
 */
#ifndef IRIS_WEB_MCP_PRIVATE_H
#define IRIS_WEB_MCP_PRIVATE_H

#include "common/rpc.h"
#include "irisd/mcp/mcp.h"
#include "irisd/web/http.h"
#include "irisd/web/uplink.h"
#include "irisd/web/serve.h"

/* One POST, from its body to its answer. */
struct exchange {
	struct http *h;
	struct uplink uplink;
	uint64_t who;     /* serve_who of its key */
	bool modern;      /* the message is of 2026-07-28 */
	unsigned can;     /* in the handshake era: what the client may be asked, MCP_CAN_* */
	char session[64]; /* the header that tells a client its session's id; "" for none */
};

/* mcp.c: an error as JSON-RPC has it; id NULL: none; data (taken) may be NULL. */
void web_mcp_error(struct http *h, int status, const char *extra, const char *id, int code,
    const char *text, cJSON *data);

/* mcp_request.c: one request, which line is. */
void mcp_request(struct exchange *x, const struct rpc_msg *msg, const char *line, size_t len);
void mcp_refuse_version(struct http *h, const char *id, const char *version);
/* The scope that the request needs; false, with the scope's name, when the key has it not. */
bool mcp_permitted(const struct exchange *x, const struct rpc_msg *msg, const char **scope);
/* The place that it needs, since its answer may take long. */
enum serve_place mcp_place(const struct rpc_msg *msg);

/*
 * mcp_session.c: the header with an id that says what the client declares in this initialize, ""
 * where that is nothing; and what an id, which may be NULL, says.
 */
void mcp_session_make(const struct rpc_msg *msg, char *header, size_t size);
unsigned mcp_session_can(const char *id);

/* mcp_batch.c: several messages in a list, which 2025-03-26 alone has. */
void mcp_batch(struct exchange *x, const char *text, size_t len);

#endif
