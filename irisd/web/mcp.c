/* SPDX-License-Identifier: MIT
 *
 * MCP over HTTP, see mcp.h: who may, and what came (one message, or a batch of 2025-03-26). How a
 * request is checked against its headers and answered is mcp_request.c's.
 */
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "common/uuid.h"
#include "common/xmalloc.h"
#include "irisd/core/key.h"
#include "irisd/web/header.h"
#include "irisd/web/mcp.h"
#include "irisd/web/mcp_private.h"
#include "irisd/web/serve.h"

#define TOKEN_MAX 256 /* bytes of a bearer token; ours are shorter */

void
web_mcp_error(struct http *h, int status, const char *extra, const char *id, int code,
    const char *text, cJSON *data)
{
	cJSON *o = json_new(), *e = json_new();
	char *body;

	json_put_str(o, "jsonrpc", "2.0");
	if (id != NULL)
		json_put_raw(o, "id", id, strlen(id));
	json_put_int(e, "code", code);
	json_put_str(e, "message", text);
	if (data != NULL)
		json_put(e, "data", data);
	json_put(o, "error", e);
	body = json_print(o);
	cJSON_Delete(o);
	http_answer(h, status, "application/json", extra, body, strlen(body));
	free(body);
}

/* What irisd has said to the key, or why it says nothing. */
static void
refuse(struct http *h, const struct err *err)
{
	static const char bearer[] =
	    "WWW-Authenticate: Bearer realm=\"iris\", error=\"invalid_token\"\r\n";

	if (err->code == ERR_UNAUTHORIZED)
		web_mcp_error(h, 401, bearer, NULL, err_rpc_code(err->code), err->msg, NULL);
	else if (err->code == ERR_REFUSED)
		web_mcp_error(h, 403, NULL, NULL, err_rpc_code(err->code), err->msg, NULL);
	else if (err->code == ERR_NOT_FOUND)
		web_mcp_error(h, 404, NULL, NULL, RPC_INVALID_PARAMS, err->msg, NULL);
	else
		web_mcp_error(
		    h, 503, "Retry-After: 1\r\n", NULL, err_rpc_code(err->code), err->msg, NULL);
}

/* The parts of the transport: false when it was refused. */
static bool
check_form(struct http *h)
{
	const char *accept = mg_get_header(h->conn, "Accept");

	if (strcmp(h->method, "POST") != 0) {
		h->close |= h->ri->content_length > 0;
		http_problem(h, 405, "Allow: POST\r\n",
		    "MCP messages come by POST; this server has no stream of its own to GET, and no "
		    "session to DELETE");
		return false;
	}
	if (!header_type_is(http_header(h, "Content-Type"), "application/json")) {
		h->close = true;
		http_problem(
		    h, 415, "Accept: application/json\r\n", "the body must be application/json");
		return false;
	}
	if (!header_accepts(accept, "application/json") &&
	    !header_accepts(accept, "text/event-stream")) {
		h->close = true;
		http_problem(h, 406, NULL, "answers are application/json or text/event-stream");
		return false;
	}
	return true;
}

/* Newlines between the tokens would end the line; within strings JSON has none. */
static void
one_line(char *body, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		if (body[i] == '\n' || body[i] == '\r')
			body[i] = ' ';
}

static void
one_message(struct exchange *x, const char *line, size_t len)
{
	const char *version = http_header(x->h, "MCP-Protocol-Version");
	struct rpc_msg msg;
	struct err err;

	if (rpc_parse(line, len, &msg, &err) == -1)
		web_mcp_error(x->h, 400, NULL, msg.id,
		    err.code == ERR_INVALID ? RPC_PARSE_ERROR : RPC_INVALID_REQUEST, err.msg, NULL);
	else if (msg.kind == RPC_REQUEST)
		mcp_request(x, &msg, line, len);
	else if (version != NULL && strcmp(version, MCP_MODERN) != 0 && !mcp_speaks_legacy(version))
		mcp_refuse_version(x->h, NULL, version);
	else if (msg.kind != RPC_NOTIFICATION && uplink_send(&x->uplink, line, len, &err) == -1)
		web_mcp_error(
		    x->h, 503, "Retry-After: 1\r\n", NULL, err_rpc_code(err.code), err.msg, NULL);
	else
		/*
		 * An answer is for irisd, which knows the question. Notifications change nothing:
		 * to cancel, a client of 2026-07-28 closes its request, and an older one can not
		 * be told from others that use the same ids.
		 */
		http_answer(x->h, 202, NULL, NULL, NULL, 0);
	rpc_clear(&msg);
}

void
web_mcp(struct http *h, const char *session)
{
	static const struct http_limit limit = {HTTP_BODY_MAX, 0};
	const char *authorization = http_header(h, "Authorization");
	char token[TOKEN_MAX], *body;
	struct exchange x = {.h = h};
	struct err err;
	int status;
	size_t len;

	if (!check_form(h))
		return;
	if (header_accepts(mg_get_header(h->conn, "Accept"), "text/event-stream"))
		x.can = mcp_session_can(http_header(h, "Mcp-Session-Id"));
	if (!header_bearer(authorization, token, sizeof token)) {
		h->close = true;
		web_mcp_error(h, 401, "WWW-Authenticate: Bearer realm=\"iris\"\r\n", NULL,
		    err_rpc_code(ERR_UNAUTHORIZED),
		    "this needs a key, \"Authorization: Bearer KEY\"; \"iris key create\" makes one",
		    NULL);
		return;
	}
	x.who = serve_who(token);
	if (session != NULL && !uuid_valid(session))
		err_set(&err, ERR_NOT_FOUND, "Session not found: %.64s", session);
	else if (uplink_open(&x.uplink, serve_sock(), token, session, x.can, &err) == 0)
		err_clear(&err);
	if (err.code != ERR_NONE) {
		h->close = true;
		refuse(h, &err);
		return;
	}
	if ((body = http_body(h, &limit, &len, &status)) == NULL) {
		http_problem(h, status, NULL,
		    status == 413 ? "the body is longer than 16 MiB" : "the body is not complete");
	} else {
		one_line(body, len);
		if (len > 0 && body[strspn(body, " \t")] == '[')
			mcp_batch(&x, body, len);
		else
			one_message(&x, body, len);
		free(body);
	}
	uplink_close(&x.uplink);
}
