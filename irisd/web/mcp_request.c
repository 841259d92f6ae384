/* SPDX-License-Identifier: MIT
 *
 * One MCP request over HTTP: what its headers must say in its era, whether its key allows it, and its
 * answer, which streams only where there is something to tell before it. A client of 2026-07-28
 * cancels by closing the connection; an older one that is gone only does not wait any more.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "common/log.h"
#include "common/xmalloc.h"
#include "irisd/core/key.h"
#include "irisd/web/header.h"
#include "irisd/web/mcp_private.h"
#include "irisd/web/serve.h"

#define META_VERSION      "io.modelcontextprotocol/protocolVersion"
#define META_CAPABILITIES "io.modelcontextprotocol/clientCapabilities"

/* 2026-07-28, basic, error codes. */
#define HEADER_MISMATCH     (-32020)
#define UNSUPPORTED_VERSION (-32022)

#define QUICK_MS 100   /* most answers are there by then; what is not may be waited for */
#define BEAT_MS  15000 /* between signs of life on a stream */

void
mcp_refuse_version(struct http *h, const char *id, const char *version)
{
	cJSON *data = json_new(), *supported = cJSON_CreateArray();
	char text[160];

	cJSON_AddItemToArray(supported, cJSON_CreateString(MCP_MODERN));
	json_put(data, "supported", supported);
	json_put_str(data, "requested", version);
	snprintf(text, sizeof text, "MCP-Protocol-Version %.40s is not supported", version);
	json_utf8_mend(text);
	web_mcp_error(h, 400, NULL, id, UNSUPPORTED_VERSION, text, data);
}

static bool
mismatch(struct exchange *x, const struct rpc_msg *msg, const char *header)
{
	char text[160];

	snprintf(text, sizeof text,
	    "Header mismatch: %s is missing, or does not say what the body says", header);
	web_mcp_error(x->h, 400, NULL, msg->id, HEADER_MISMATCH, text, NULL);
	return false;
}

/* The member of the body that Mcp-Name repeats; NULL where there is none. */
static const char *
named(const struct rpc_msg *msg)
{
	if (strcmp(msg->method, "tools/call") == 0 || strcmp(msg->method, "prompts/get") == 0)
		return json_str(msg->params, "name");
	if (strcmp(msg->method, "resources/read") == 0)
		return json_str(msg->params, "uri");
	return NULL;
}

/* 2026-07-28, streamable HTTP, server validation; false when it was refused. */
static bool
check_modern(struct exchange *x, const struct rpc_msg *msg)
{
	const char *version = http_header(x->h, "MCP-Protocol-Version");
	const cJSON *meta = json_obj(msg->params, "_meta");
	const char *said = json_str(meta, META_VERSION), *name = named(msg);

	if (said == NULL || json_obj(meta, META_CAPABILITIES) == NULL) {
		web_mcp_error(x->h, 400, NULL, msg->id, RPC_INVALID_PARAMS,
		    "params._meta needs " META_VERSION " and " META_CAPABILITIES, NULL);
		return false;
	}
	if (!header_names(version, said))
		return mismatch(x, msg, "MCP-Protocol-Version");
	if (strcmp(said, MCP_MODERN) != 0) {
		mcp_refuse_version(x->h, msg->id, said);
		return false;
	}
	if (!header_names(http_header(x->h, "Mcp-Method"), msg->method))
		return mismatch(x, msg, "Mcp-Method");
	if (name != NULL && !header_names(http_header(x->h, "Mcp-Name"), name))
		return mismatch(x, msg, "Mcp-Name");
	return true;
}

/* The era of the message, and what it must have for that; false when it was refused. */
static bool
check_era(struct exchange *x, const struct rpc_msg *msg)
{
	const char *version = http_header(x->h, "MCP-Protocol-Version");

	x->modern = (version != NULL && strcmp(version, MCP_MODERN) == 0) ||
	    strcmp(msg->method, "server/discover") == 0 ||
	    json_get(json_obj(msg->params, "_meta"), META_VERSION) != NULL;
	if (x->modern)
		return check_modern(x, msg);
	/* With initialize the version is still to be found. */
	if (version == NULL || mcp_speaks_legacy(version) || strcmp(msg->method, "initialize") == 0)
		return true;
	mcp_refuse_version(x->h, msg->id, version);
	return false;
}

enum serve_place
mcp_place(const struct rpc_msg *msg)
{
	static const enum serve_place places[] = {
	    [MCP_WAITS] = SERVE_CALL, [MCP_AT_ONCE] = SERVE_QUICK, [MCP_ENDS_WAITS] = SERVE_END};
	const char *name = json_str(msg->params, "name");
	const struct mcp_tool *t = NULL;

	if (strcmp(msg->method, "subscriptions/listen") == 0)
		return SERVE_LISTEN;
	if (strcmp(msg->method, "tools/call") != 0)
		return SERVE_QUICK;
	/* One that is repeated may wait for what the first one began. */
	if (name != NULL && json_get(msg->params, "requestState") == NULL)
		t = mcp_tool_find(name);
	return places[t != NULL ? t->waits : MCP_WAITS];
}

bool
mcp_permitted(const struct exchange *x, const struct rpc_msg *msg, const char **scope)
{
	const char *name = json_str(msg->params, "name");
	const struct mcp_tool *t = NULL;

	/* A tool that does not exist does nothing: irisd says so. */
	if (strcmp(msg->method, "tools/call") == 0 && name != NULL)
		t = mcp_tool_find(name);
	if (t != NULL && t->person) {
		*scope = "approve";
		return key_allows(x->uplink.scopes, KEY_APPROVE);
	}
	*scope = t != NULL && !t->read_only ? "message" : "read";
	return key_allows(x->uplink.scopes, t != NULL && !t->read_only ? KEY_MESSAGE : KEY_READ);
}

static void
refuse_scope(struct exchange *x, const struct rpc_msg *msg, const char *scope)
{
	char extra[128], text[128];

	snprintf(extra, sizeof extra,
	    "WWW-Authenticate: Bearer realm=\"iris\", error=\"insufficient_scope\", scope=\"%s\"\r\n",
	    scope);
	snprintf(text, sizeof text, "this needs a key with the scope \"%s\"", scope);
	web_mcp_error(x->h, 403, extra, msg->id, err_rpc_code(ERR_REFUSED), text, NULL);
}

/* What 2026-07-28 wants as status for an error; the handshake era knows 200 only. */
static int
status_of(const struct exchange *x, const struct json_slice *error)
{
	const char *code;
	size_t len;

	if (!x->modern || error->p == NULL ||
	    !json_raw_member(error->p, error->len, "code", &code, &len))
		return 200;
	switch (strtol(code, NULL, 10)) {
	case RPC_METHOD_NOT_FOUND:
		return 404;
	case RPC_INVALID_REQUEST:
	case UNSUPPORTED_VERSION:
	case MCP_MISSING_CAPABILITY:
		return 400;
	default:
		return 200;
	}
}

static void
cancel(struct exchange *x, const struct rpc_msg *msg)
{
	cJSON *params = json_new();
	struct err err;
	char *line;

	log_debug("HTTP client gone method=%s", msg->method);
	if (!x->modern) {
		cJSON_Delete(params);
		return;
	}
	json_put_raw(params, "requestId", msg->id, strlen(msg->id));
	json_put_str(params, "reason", "the client closed its request");
	line = rpc_notification("notifications/cancelled", params);
	uplink_send(&x->uplink, line, strlen(line), &err);
	free(line);
}

static void
lost(struct exchange *x, const struct rpc_msg *msg, const struct err *err)
{
	char *text;

	if (x->h->stream) {
		text = rpc_error(msg->id, err, NULL);
		http_stream_send(x->h, text, strlen(text));
		free(text);
	} else {
		web_mcp_error(x->h, 503, "Retry-After: 1\r\n", msg->id, err_rpc_code(err->code),
		    err->msg, NULL);
	}
}

/* One line of irisd's: true when it was the answer, or nobody is there to read it. */
static bool
pass_on(struct exchange *x, const struct rpc_msg *msg, bool streams, const char *line, size_t len)
{
	static const char *const names[] = {"method", "error"};
	struct json_slice found[2];
	struct err err;

	if (json_members(line, len, names, 2, found, &err) == -1) {
		lost(x, msg, &err);
		return true;
	}
	if (found[0].p == NULL && !x->h->stream) {
		http_answer(x->h, status_of(x, &found[1]), "application/json",
		    x->session[0] != '\0' ? x->session : NULL, line, len);
		return true;
	}
	if (found[0].p != NULL && !streams)
		return false;
	if ((!x->h->stream && !http_stream_begin(x->h)) || !http_stream_send(x->h, line, len)) {
		cancel(x, msg);
		return true;
	}
	return found[0].p == NULL;
}

static void
relay(struct exchange *x, const struct rpc_msg *msg, bool streams)
{
	int client = -1, idle = QUICK_MS;
	struct err err;
	char *line;
	size_t len;

	for (;;) {
		switch (uplink_next(&x->uplink, client, idle, &line, &len, &err)) {
		case UPLINK_LINE:
			if (pass_on(x, msg, streams, line, len))
				return;
			break;
		case UPLINK_IDLE:
			if (x->h->stream && idle == BEAT_MS && !http_stream_beat(x->h)) {
				cancel(x, msg);
				return;
			}
			if (idle == QUICK_MS)
				client = x->h->fd;
			idle = BEAT_MS;
			break;
		case UPLINK_GONE:
			cancel(x, msg);
			return;
		case UPLINK_LOST:
			lost(x, msg, &err);
			return;
		}
	}
}

/* Whether there may be anything to tell before the answer. */
static bool
wants_stream(const struct exchange *x, const struct rpc_msg *msg)
{
	return strcmp(msg->method, "subscriptions/listen") == 0 ||
	    (x->can != 0 && strcmp(msg->method, "tools/call") == 0) ||
	    json_get(json_obj(msg->params, "_meta"), "progressToken") != NULL;
}

void
mcp_request(struct exchange *x, const struct rpc_msg *msg, const char *line, size_t len)
{
	const char *scope, *accept = mg_get_header(x->h->conn, "Accept");
	bool streams = wants_stream(x, msg) && header_accepts(accept, "text/event-stream");
	enum serve_place place = mcp_place(msg);
	struct err err;

	if (!check_era(x, msg))
		return;
	if (!mcp_permitted(x, msg, &scope)) {
		refuse_scope(x, msg, scope);
		return;
	}
	if (!streams && strcmp(msg->method, "subscriptions/listen") == 0) {
		http_problem(x->h, 406, NULL, "a subscription is a text/event-stream");
		return;
	}
	if (!serve_hold(place, x->who)) {
		web_mcp_error(x->h, 503, "Retry-After: 1\r\n", msg->id, err_rpc_code(ERR_LIMIT),
		    "as many clients as can be served wait already", NULL);
		return;
	}
	if (!x->modern && strcmp(msg->method, "initialize") == 0)
		mcp_session_make(msg, x->session, sizeof x->session);
	if (uplink_send(&x->uplink, line, len, &err) == -1)
		lost(x, msg, &err);
	else
		relay(x, msg, streams);
	serve_let_go(place, x->who);
}
