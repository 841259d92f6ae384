/* SPDX-License-Identifier: MIT
 *
 * Reads and writes JSON-RPC messages, see rpc.h. Knows no method.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "common/rpc.h"
#include "common/xmalloc.h"

/*
 * JSON-RPC 2.0 section 4; MCP forbids null ids. Only an error answer may have one (section 5): it
 * is about a line whose id could not be read.
 */
static int
take_id(const char *line, size_t len, struct rpc_msg *m, struct err *err)
{
	const cJSON *id = json_get(m->json, "id");
	const char *raw;
	size_t rawlen;

	if (id == NULL ||
	    (cJSON_IsNull(id) && json_get(m->json, "method") == NULL &&
		json_obj(m->json, "error") != NULL))
		return 0;
	if (!cJSON_IsString(id) && !cJSON_IsNumber(id))
		return err_set(err, ERR_PROTOCOL, "id must be a string or a number");
	if (!json_raw_member(line, len, "id", &raw, &rawlen) || rawlen > RPC_ID_MAX)
		return err_set(err, ERR_PROTOCOL, "id is longer than %d bytes", RPC_ID_MAX);
	/*
	 * The name may stand there twice, once with an escape: the tree and the text then mean
	 * different ones.
	 */
	if (raw[0] != '"' && raw[0] != '-' && (raw[0] < '0' || raw[0] > '9'))
		return err_set(err, ERR_PROTOCOL, "id must be a string or a number");
	m->id = xstrndup(raw, rawlen);
	return 0;
}

/*
 * A line that is no JSON, often for one character (half a surrogate pair, NaN): where it is plain
 * whose request it was meant to be, the error can be told to who waits for the answer.
 */
static char *
salvage_id(const char *line, size_t len)
{
	const char *raw, *method;
	size_t rawlen, n;

	if (!json_raw_member(line, len, "id", &raw, &rawlen) || rawlen > RPC_ID_MAX ||
	    !json_raw_member(line, len, "method", &method, &n) || method[0] != '"')
		return NULL;
	if (raw[0] != '"' && raw[0] != '-' && (raw[0] < '0' || raw[0] > '9'))
		return NULL;
	return json_check(raw, rawlen, NULL) == 0 ? xstrndup(raw, rawlen) : NULL;
}

static int
classify(struct rpc_msg *m, struct err *err)
{
	const char *version = json_str(m->json, "jsonrpc");
	const cJSON *method = json_get(m->json, "method");

	if (version == NULL || strcmp(version, "2.0") != 0)
		return err_set(err, ERR_PROTOCOL, "\"jsonrpc\" must be \"2.0\"");
	m->result = json_get(m->json, "result");
	m->error = json_get(m->json, "error");
	m->params = json_get(m->json, "params");
	/* Clients with strict schemas have null for what they leave out. */
	if (cJSON_IsNull(m->params))
		m->params = NULL;
	if (method != NULL) {
		if ((m->method = cJSON_GetStringValue(method)) == NULL)
			return err_set(err, ERR_PROTOCOL, "method must be a string");
		if (m->params != NULL && !cJSON_IsObject(m->params) && !cJSON_IsArray(m->params))
			return err_set(err, ERR_PROTOCOL, "params must be an object or a list");
		m->kind = m->id != NULL ? RPC_REQUEST : RPC_NOTIFICATION;
		return 0;
	}
	if (m->error != NULL && cJSON_IsObject(m->error)) {
		m->kind = RPC_ERROR;
		return 0;
	}
	if (m->result != NULL && m->id != NULL) {
		m->kind = RPC_RESPONSE;
		return 0;
	}
	return err_set(err, ERR_PROTOCOL, "neither a request nor an answer");
}

int
rpc_parse(const char *line, size_t len, struct rpc_msg *m, struct err *err)
{
	memset(m, 0, sizeof *m);
	if ((m->json = json_parse(line, len, err)) == NULL) {
		m->id = salvage_id(line, len);
		return -1;
	}
	if (!cJSON_IsObject(m->json))
		return err_set(err, ERR_PROTOCOL, "a message must be a JSON object");
	if (take_id(line, len, m, err) == -1)
		return -1;
	return classify(m, err);
}

void
rpc_clear(struct rpc_msg *m)
{
	cJSON_Delete(m->json);
	free(m->id);
	memset(m, 0, sizeof *m);
}

static cJSON *
envelope(const char *id)
{
	cJSON *o = json_new();

	json_put_str(o, "jsonrpc", "2.0");
	if (id != NULL)
		json_put_raw(o, "id", id, strlen(id));
	return o;
}

static char *
finish(cJSON *o)
{
	char *line = json_print(o);

	cJSON_Delete(o);
	return line;
}

char *
rpc_request(const char *id, const char *method, cJSON *params)
{
	cJSON *o = envelope(id);

	json_put_str(o, "method", method);
	if (params != NULL)
		json_put(o, "params", params);
	return finish(o);
}

char *
rpc_request_n(uint64_t id, const char *method, cJSON *params)
{
	char text[32];

	snprintf(text, sizeof text, "%" PRIu64, id);
	return rpc_request(text, method, params);
}

char *
rpc_notification(const char *method, cJSON *params)
{
	return rpc_request(NULL, method, params);
}

char *
rpc_result(const char *id, cJSON *result)
{
	cJSON *o = envelope(id);

	json_put(o, "result", result != NULL ? result : json_new());
	return finish(o);
}

char *
rpc_result_text(const char *id, const char *result)
{
	static const char before[] = "{\"jsonrpc\":\"2.0\",\"id\":", between[] = ",\"result\":";
	size_t idlen = strlen(id), len = strlen(result);
	char *line = xmalloc(sizeof before + idlen + sizeof between + len), *p = line;

	memcpy(p, before, sizeof before - 1);
	p += sizeof before - 1;
	memcpy(p, id, idlen);
	p += idlen;
	memcpy(p, between, sizeof between - 1);
	p += sizeof between - 1;
	memcpy(p, result, len);
	p[len] = '}';
	p[len + 1] = '\0';
	return line;
}

char *
rpc_error_code(const char *id, int code, const char *message, cJSON *data)
{
	cJSON *o = envelope(id != NULL ? id : "null"), *e = json_new();

	json_put_int(e, "code", code);
	json_put_str(e, "message", message);
	if (data != NULL)
		json_put(e, "data", data);
	json_put(o, "error", e);
	return finish(o);
}

char *
rpc_error(const char *id, const struct err *e, cJSON *data)
{
	if (data == NULL)
		data = json_new();
	json_put_str(data, "code", err_name(e->code));
	return rpc_error_code(id, err_rpc_code(e->code), e->msg, data);
}

void
rpc_error_to_err(const cJSON *error, struct err *err)
{
	const char *name = json_str(json_obj(error, "data"), "code");
	const char *message = json_str(error, "message");

	err_set(err, name != NULL ? err_code_from_name(name) : ERR_PROTOCOL, "%s",
	    message != NULL ? message : "an error without a message");
}
