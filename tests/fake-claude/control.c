/* SPDX-License-Identifier: MIT
 *
 * The control protocol, both ways: what the host asks is answered at once, also in the middle of a
 * turn; what we ask the host (permission, calls of its in-band MCP servers) is waited for. As the
 * real CLI does, every answer of the host is echoed with --replay-user-messages.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/compat.h"
#include "common/json.h"
#include "common/xmalloc.h"
#include "fake.h"

enum stage { STAGE_INITIALIZE, STAGE_INITIALIZED, STAGE_LIST, STAGE_NONE };

/* Handshakes in flight: which request belongs to which server. */
static struct {
	char request_id[UUID_SIZE];
	enum stage stage;
} shakes[SERVERS_MAX];

/* The one question that a turn may be waiting on. */
static struct {
	char request_id[UUID_SIZE];
	cJSON *response; /* owned */
	bool pending, failed;
} question;

static void
answer(const char *request_id, cJSON *body)
{
	cJSON *line = json_new(), *response = json_new();

	json_put_str(line, "type", "control_response");
	json_put_str(response, "subtype", "success");
	json_put_str(response, "request_id", request_id);
	if (body != NULL)
		json_put(response, "response", body);
	json_put(line, "response", response);
	out_line(line);
}

static void
answer_error(const char *request_id, const char *subtype)
{
	cJSON *line = json_new(), *response = json_new();
	char *text = xasprintf("Unsupported control request subtype: %s", subtype);

	json_put_str(line, "type", "control_response");
	json_put_str(response, "subtype", "error");
	json_put_str(response, "request_id", request_id);
	json_put_str(response, "error", text);
	json_put_str(response, "error_code", "unsupported_request");
	json_put(line, "response", response);
	out_line(line);
	free(text);
}

static void
request_send(cJSON *request, char id[UUID_SIZE])
{
	cJSON *line = json_new();

	make_uuid(id);
	json_put_str(line, "type", "control_request");
	json_put_str(line, "request_id", id);
	json_put(line, "request", request);
	out_line(line);
}

static cJSON *
mcp_request(const char *server, cJSON *message)
{
	cJSON *request = json_new();

	json_put_str(request, "subtype", "mcp_message");
	json_put_str(request, "server_name", server);
	json_put(request, "message", message);
	return request;
}

static cJSON *
initialize_params(void)
{
	cJSON *params = json_new(), *info = json_new();

	json_put_str(params, "protocolVersion", "2025-11-25");
	json_put(params, "capabilities", json_new());
	json_put_str(info, "name", "claude-code");
	json_put_str(info, "title", "Claude Code (fake)");
	json_put_str(info, "version", FAKE_VERSION);
	json_put(params, "clientInfo", info);
	return params;
}

/* Send the next message of a server's handshake. */
static void
shake_send(size_t i, enum stage stage)
{
	static const char *const methods[] = {
	    "initialize", "notifications/initialized", "tools/list"};
	cJSON *message = json_new();

	json_put_str(message, "jsonrpc", "2.0");
	json_put_str(message, "method", methods[stage]);
	if (stage == STAGE_INITIALIZE)
		json_put(message, "params", initialize_params());
	if (stage != STAGE_INITIALIZED)
		json_put_int(message, "id", stage == STAGE_INITIALIZE ? 0 : 1);
	shakes[i].stage = stage;
	request_send(mcp_request(fake.servers[i].name, message), shakes[i].request_id);
}

static void
tools_keep(struct server *s, const cJSON *result)
{
	const cJSON *tool;

	s->ntools = 0;
	cJSON_ArrayForEach (tool, json_arr(result, "tools")) {
		const char *name = json_str(tool, "name");
		char *full;
		if (name == NULL || s->ntools == TOOLS_MAX)
			continue;
		full = xasprintf("mcp__%s__%s", s->name, name);
		compat_strlcpy(s->tools[s->ntools++], full, sizeof s->tools[0]);
		free(full);
	}
	s->ready = true;
}

static void
shake_take(size_t i, const cJSON *response)
{
	const cJSON *result = json_obj(json_obj(response, "mcp_response"), "result");
	struct server *s = &fake.servers[i];

	shakes[i].request_id[0] = '\0';
	if (shakes[i].stage == STAGE_INITIALIZE && result != NULL) {
		s->connected = true;
		shake_send(i, STAGE_INITIALIZED);
	} else if (shakes[i].stage == STAGE_INITIALIZED) {
		shake_send(i, STAGE_LIST);
	} else if (shakes[i].stage == STAGE_LIST && result != NULL) {
		tools_keep(s, result);
		shakes[i].stage = STAGE_NONE;
	} else {
		shakes[i].stage = STAGE_NONE;
	}
}

bool
control_servers_settled(void *unused)
{
	(void)unused;
	for (size_t i = 0; i < fake.nservers; i++) {
		if (shakes[i].request_id[0] != '\0' && !fake.eof)
			return false;
	}
	return true;
}

struct server *
control_server_of(const char *tool)
{
	for (size_t i = 0; i < fake.nservers; i++) {
		for (size_t j = 0; j < fake.servers[i].ntools; j++) {
			if (strcmp(fake.servers[i].tools[j], tool) == 0)
				return &fake.servers[i];
		}
	}
	return NULL;
}

static cJSON *
account(void)
{
	cJSON *o = json_new();

	json_put_str(o, "tokenSource", "none");
	if (!(fake.faults & FAULT(NOT_LOGGED_IN)))
		json_put_str(o, "apiKeySource",
		    getenv("ANTHROPIC_API_KEY") != NULL ? "ANTHROPIC_API_KEY" : "fake-claude");
	json_put_str(o, "apiProvider", "firstParty");
	return o;
}

static void
do_initialize(const char *id, const cJSON *request)
{
	const cJSON *name, *names = json_arr(request, "sdkMcpServers");
	cJSON *body = json_new();

	cJSON_ArrayForEach (name, names) {
		if (!cJSON_IsString(name) || fake.nservers == SERVERS_MAX)
			continue;
		compat_strlcpy(fake.servers[fake.nservers].name, name->valuestring,
		    sizeof fake.servers[0].name);
		shake_send(fake.nservers++, STAGE_INITIALIZE);
	}
	hook_register(request);
	json_put(body, "commands", cJSON_CreateArray());
	json_put(body, "agents", cJSON_CreateArray());
	json_put_str(body, "output_style", "default");
	json_put(body, "available_output_styles", cJSON_CreateArray());
	json_put(body, "models", cJSON_CreateArray());
	json_put(body, "account", account());
	json_put_int(body, "pid", getpid());
	json_put_str(body, "claude_code_version", FAKE_VERSION);
	json_put_str(body, "current_permission_mode", fake.opt.permission_mode);
	answer(id, body);
	if (fake.faults & FAULT(NEVER_READS_STDIN))
		hang();
}

static void
do_interrupt(const char *id)
{
	cJSON *body = json_new(), *queued = cJSON_CreateArray();

	for (const struct user_line *u = fake.queue; u != NULL; u = u->next)
		cJSON_AddItemToArray(queued, cJSON_CreateString(u->uuid));
	json_put(body, "still_queued", queued);
	fake.interrupted = fake.busy;
	answer(id, body);
}

static void
do_mcp_status(const char *id)
{
	cJSON *body = json_new(), *list = cJSON_CreateArray();

	for (size_t i = 0; i < fake.nservers; i++) {
		cJSON *o = json_new(), *tools = cJSON_CreateArray();
		size_t prefix = strlen("mcp____") + strlen(fake.servers[i].name);
		for (size_t j = 0; j < fake.servers[i].ntools; j++) {
			cJSON *tool = json_new();
			json_put_str(tool, "name", fake.servers[i].tools[j] + prefix);
			cJSON_AddItemToArray(tools, tool);
		}
		json_put_str(o, "name", fake.servers[i].name);
		json_put_str(o, "status", fake.servers[i].ready ? "connected" : "pending");
		json_put_str(o, "source", "sdk");
		json_put(o, "tools", tools);
		cJSON_AddItemToArray(list, o);
	}
	json_put(body, "mcpServers", list);
	answer(id, body);
}

/* A message of an in-band server to us. Progress is taken and shown nowhere, as by the real CLI. */
static void
do_mcp_message(const char *id, const cJSON *request)
{
	const char *method = json_str(json_obj(request, "message"), "method");
	const char *name = json_str(request, "server_name");

	answer(id, NULL);
	if (method == NULL || strcmp(method, "notifications/tools/list_changed") != 0)
		return;
	for (size_t i = 0; i < fake.nservers; i++) {
		if (name != NULL && strcmp(fake.servers[i].name, name) == 0)
			shake_send(i, STAGE_LIST);
	}
}

static void
do_cancel(const char *id, const cJSON *request)
{
	const char *uuid = json_str(request, "message_uuid");
	cJSON *body = json_new();
	struct user_line **u, *gone;

	for (u = &fake.queue; *u != NULL; u = &(*u)->next) {
		if (uuid != NULL && strcmp((*u)->uuid, uuid) == 0)
			break;
	}
	json_put_bool(body, "cancelled", *u != NULL);
	if ((gone = *u) != NULL) {
		*u = gone->next;
		cJSON_Delete(gone->content);
		free(gone->text);
		free(gone);
	}
	answer(id, body);
}

static void
do_set_mode(const char *id, const cJSON *request)
{
	static char mode[32];
	const char *want = json_str(request, "mode");
	cJSON *body = json_new();

	compat_strlcpy(mode, want == NULL ? "default" : want, sizeof mode);
	fake.opt.permission_mode = mode;
	json_put_str(body, "mode", mode);
	answer(id, body);
}

static void
do_version(const char *id)
{
	cJSON *body = json_new();

	json_put_str(body, "version", FAKE_VERSION);
	answer(id, body);
}

void
control_request(const cJSON *line)
{
	const cJSON *request = json_obj(line, "request");
	const char *id = json_str(line, "request_id"), *subtype = json_str(request, "subtype");

	if (id == NULL || subtype == NULL)
		return;
	if (strcmp(subtype, "initialize") == 0) {
		do_initialize(id, request);
	} else if (strcmp(subtype, "interrupt") == 0) {
		do_interrupt(id);
	} else if (strcmp(subtype, "mcp_message") == 0) {
		do_mcp_message(id, request);
	} else if (strcmp(subtype, "mcp_status") == 0) {
		do_mcp_status(id);
	} else if (strcmp(subtype, "cancel_async_message") == 0) {
		do_cancel(id, request);
	} else if (strcmp(subtype, "get_binary_version") == 0) {
		do_version(id);
	} else if (strcmp(subtype, "set_permission_mode") == 0) {
		do_set_mode(id, request);
	} else if (strcmp(subtype, "set_model") == 0) {
		answer(id, NULL);
	} else if (strcmp(subtype, "end_session") == 0) {
		answer(id, NULL);
		if (fake.faults & FAULT(IGNORE_TERM))
			return;
		if (fake.shell > 0)
			kill(-fake.shell, SIGKILL);
		end_now(fake.busy ? 1 : 0);
	} else {
		answer_error(id, subtype);
	}
}

void
control_response(const cJSON *line)
{
	const cJSON *response = json_obj(line, "response");
	const char *id = json_str(response, "request_id");

	if (id == NULL)
		return;
	if (fake.opt.replay)
		out_line(cJSON_Duplicate(line, true));
	for (size_t i = 0; i < fake.nservers; i++) {
		if (strcmp(shakes[i].request_id, id) == 0) {
			shake_take(i, json_obj(response, "response"));
			return;
		}
	}
	if (question.pending && strcmp(question.request_id, id) == 0) {
		question.pending = false;
		question.response = cJSON_DetachItemFromObjectCaseSensitive(
		    cJSON_GetObjectItemCaseSensitive(line, "response"), "response");
		question.failed = question.response == NULL;
	}
}

static bool
question_settled(void *unused)
{
	(void)unused;
	return !question.pending || fake.eof;
}

cJSON *
control_ask_within(cJSON *request, int64_t ms, const char **why)
{
	enum wait w;

	question.pending = true;
	question.failed = false;
	question.response = NULL;
	request_send(request, question.request_id);
	w = io_wait(question_settled, NULL, ms);
	*why = NULL;
	if (question.pending)
		*why = w == WAIT_INTERRUPTED ? "interrupted"
		    : w == WAIT_TIMEOUT      ? CONTROL_LATE
					     : "stream closed";
	else if (question.failed)
		*why = CONTROL_REFUSED;
	question.pending = false;
	return question.response;
}

cJSON *
control_ask(cJSON *request, const char **why)
{
	return control_ask_within(request, INT64_MAX / 4, why);
}

void
control_withdraw(void)
{
	cJSON *line = json_new();

	json_put_str(line, "type", "control_cancel_request");
	json_put_str(line, "request_id", question.request_id);
	out_line(line);
}
