/* SPDX-License-Identifier: MIT
 *
 * Tools as the real CLI runs them: ask for permission over the control protocol, call the host's
 * in-band MCP server or start a command in a session of its own, and print the tool_result line.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/compat.h"
#include "common/json.h"
#include "common/xmalloc.h"
#include "fake.h"

#define OUTPUT_MAX 30000

extern char **environ;

static const char rejected[] =
    "The user doesn't want to proceed with this tool use. The tool use was rejected.";

static void
tool_id(char *out, size_t size)
{
	static unsigned count;

	snprintf(out, size, "toolu_fake%08u", ++count);
}

static void
tool_result_line(const char *id, const char *text, bool is_error)
{
	cJSON *o = json_new(), *message = json_new(), *content = cJSON_CreateArray();
	cJSON *block = json_new();

	json_put_str(block, "tool_use_id", id);
	json_put_str(block, "type", "tool_result");
	json_put_str(block, "content", text);
	json_put_bool(block, "is_error", is_error);
	cJSON_AddItemToArray(content, block);
	json_put_str(o, "type", "user");
	json_put_str(message, "role", "user");
	json_put(message, "content", content);
	json_put(o, "message", message);
	json_put_null(o, "parent_tool_use_id");
	out_event(o);
}

/* --allowedTools: names, or mcp__server for all of a server, apart by commas or blanks. */
static bool
is_allowed(const char *tool)
{
	const char *p = fake.opt.allowed_tools;

	if (strcmp(fake.opt.permission_mode, "bypassPermissions") == 0 ||
	    strcmp(fake.opt.permission_mode, "auto") == 0)
		return true;
	while (p != NULL && *p != '\0') {
		size_t n = strcspn(p, ", ");
		if (n > 0 && strncmp(p, tool, n) == 0 &&
		    (tool[n] == '\0' ||
			(strncmp(p, "mcp__", 5) == 0 && strncmp(tool + n, "__", 2) == 0)))
			return true;
		p += n + strspn(p + n, ", ");
	}
	return false;
}

static cJSON *
permission_request(const char *id, const char *tool, const cJSON *input)
{
	cJSON *o = json_new();

	json_put_str(o, "subtype", "can_use_tool");
	json_put_str(o, "tool_name", tool);
	json_put_str(o, "display_name", tool);
	json_put(o, "input", cJSON_Duplicate(input, true));
	json_put(o, "permission_suggestions", cJSON_CreateArray());
	json_put_str(o, "tool_use_id", id);
	return o;
}

/*
 * Ask whether tool may run. NULL: yes, with *input replaced by the host's; else why not, malloc'ed.
 * An interrupt shows as fake.interrupted.
 */
static char *
permission_ask(const char *id, const char *tool, cJSON **input)
{
	const char *behavior, *message, *why;
	cJSON *answer, *updated;
	char *refusal;
	enum hook_decision hooked = hook_decide(id, tool, input, &refusal);

	if (hooked == HOOK_DENY || (hooked == HOOK_NONE && is_allowed(tool)))
		return refusal;
	if (!fake.opt.prompt_stdio)
		return xasprintf("Claude requested permissions to use %s, but you haven't granted "
				 "it yet.",
		    tool);
	out_state("requires_action");
	answer = control_ask(permission_request(id, tool, *input), &why);
	behavior = json_str(answer, "behavior");
	message = json_str(answer, "message");
	updated = cJSON_DetachItemFromObjectCaseSensitive(answer, "updatedInput");
	if (why != NULL)
		refusal = xasprintf("Tool permission request failed: Error: Tool permission %s "
				    "before response received",
		    why);
	else if (behavior != NULL && strcmp(behavior, "allow") == 0 && updated == NULL)
		refusal =
		    xstrdup("Tool permission request failed: ZodError: updatedInput required");
	else if (behavior == NULL || strcmp(behavior, "allow") != 0)
		refusal = xstrdup(message == NULL ? rejected : message);
	if (json_bool(answer, "interrupt", false))
		fake.interrupted = true;
	if (refusal == NULL) {
		cJSON_Delete(*input);
		*input = updated;
	} else {
		cJSON_Delete(updated);
	}
	cJSON_Delete(answer);
	out_state("running");
	return refusal;
}

static cJSON *
call_request(
    const struct server *s, const char *tool, const char *id, const cJSON *input, int64_t rpc_id)
{
	cJSON *request = json_new(), *message = json_new(), *params = json_new();
	cJSON *meta = json_new();

	json_put_str(message, "jsonrpc", "2.0");
	json_put_int(message, "id", rpc_id);
	json_put_str(message, "method", "tools/call");
	json_put_str(params, "name", tool + strlen("mcp____") + strlen(s->name));
	json_put(params, "arguments", cJSON_Duplicate(input, true));
	json_put_str(meta, "claudecode/toolUseId", id);
	json_put_int(meta, "progressToken", rpc_id);
	json_put(params, "_meta", meta);
	json_put(message, "params", params);
	json_put_str(request, "subtype", "mcp_message");
	json_put_str(request, "server_name", s->name);
	json_put(request, "message", message);
	return request;
}

/* Tell the server that nobody waits for the call any more. Its answer to this is not waited for. */
static void
call_cancel(const struct server *s, int64_t rpc_id)
{
	char id[UUID_SIZE];
	cJSON *line = json_new(), *request = json_new(), *message = json_new();
	cJSON *params = json_new();

	json_put_int(params, "requestId", rpc_id);
	json_put_str(params, "reason", "AbortError: remote-cancel");
	json_put_str(message, "jsonrpc", "2.0");
	json_put_str(message, "method", "notifications/cancelled");
	json_put(message, "params", params);
	json_put_str(request, "subtype", "mcp_message");
	json_put_str(request, "server_name", s->name);
	json_put(request, "message", message);
	make_uuid(id);
	json_put_str(line, "type", "control_request");
	json_put_str(line, "request_id", id);
	json_put(line, "request", request);
	out_line(line);
}

/*
 * What the model sees of an MCP result: the structured content where there is some, else the texts.
 */
static char *
result_text(const cJSON *reply, bool *is_error)
{
	const cJSON *result = json_obj(reply, "result"), *block;
	const cJSON *structured = json_obj(result, "structuredContent");
	const char *error = json_str(json_obj(reply, "error"), "message");
	char *text;

	*is_error = error != NULL || json_bool(result, "isError", false);
	if (error != NULL)
		return xasprintf("MCP error: %s", error);
	if (structured != NULL)
		return json_print(structured);
	text = xstrdup("");
	cJSON_ArrayForEach (block, json_arr(result, "content")) {
		const char *part = json_str(block, "text");
		char *joined = xasprintf("%s%s", text, part == NULL ? "" : part);
		free(text);
		text = joined;
	}
	return text;
}

static char *
call_server(const char *tool, const char *id, const cJSON *input, bool *is_error)
{
	static int64_t rpc_id = 1;
	struct server *s = control_server_of(tool);
	cJSON *answer;
	const char *why;
	char *text;

	*is_error = true;
	if (s == NULL)
		return xasprintf("Error: No such tool available: %s", tool);
	answer = control_ask(call_request(s, tool, id, input, ++rpc_id), &why);
	if (why != NULL)
		text = xasprintf("MCP error: %s", why);
	else
		text = result_text(json_obj(answer, "mcp_response"), is_error);
	if (fake.interrupted)
		call_cancel(s, rpc_id);
	cJSON_Delete(answer);
	return text;
}

char *
tool_call(struct turn *t, const char *tool, cJSON *input)
{
	bool is_error = true;
	char id[32], *text;

	tool_id(id, sizeof id);
	message_begin(t);
	message_tool_use(t, id, tool, input);
	message_end(t, "tool_use");
	text = permission_ask(id, tool, &input);
	if (text == NULL)
		text = call_server(tool, id, input, &is_error);
	cJSON_Delete(input);
	tool_result_line(id, fake.interrupted ? rejected : text, is_error || fake.interrupted);
	if (!fake.interrupted)
		return text;
	free(text);
	return NULL;
}

static char **
shell_env(void)
{
	size_t n = 0;
	char **env;

	while (environ[n] != NULL)
		n++;
	env = xcalloc(n + 3, sizeof *env);
	memcpy(env, environ, n * sizeof *env);
	env[n] = xstrdup("CLAUDECODE=1");
	env[n + 1] = xasprintf("CLAUDE_CODE_SESSION_ID=%s", fake.session);
	return env;
}

/* Start the command as the leader of a session of its own, its output in a pipe. 0 or an errno. */
static int
shell_spawn(const char *command, pid_t *pid, int *fd)
{
	char sh[] = "/bin/sh", dash_c[] = "-c", *copy = xstrdup(command), **env = shell_env();
	char *argv[] = {sh, dash_c, copy, NULL};
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	int p[2], error;
	size_t n = 0;

	if (compat_pipe(p) == -1)
		die(1, "fake-claude: pipe: %s", strerror(errno));
	posix_spawn_file_actions_init(&actions);
	posix_spawnattr_init(&attr);
	posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", 0, 0);
	posix_spawn_file_actions_adddup2(&actions, p[1], 1);
	posix_spawn_file_actions_adddup2(&actions, p[1], 2);
	error = compat_spawn_prepare(&actions, &attr, NULL, true);
	if (error == 0)
		error = posix_spawn(pid, sh, &actions, &attr, argv, env);
	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attr);
	close(p[1]);
	while (env[n + 2] != NULL)
		n++;
	free(env[n]);
	free(env[n + 1]);
	free(env);
	free(copy);
	*fd = p[0];
	return error;
}

/* Collect output until the pipe closes; an interrupt kills the command's group. */
static char *
shell_output(pid_t pid, int fd)
{
	char *text = xcalloc(1, OUTPUT_MAX + 1), scrap[4096];
	size_t len = 0;
	ssize_t n;
	struct pollfd pfd = {.fd = fd, .events = POLLIN};

	for (;;) {
		if (fake.interrupted) {
			kill(-pid, SIGKILL);
			break;
		}
		io_pump(-1, fd);
		if (poll(&pfd, 1, 0) != 1)
			continue;
		n = read(fd, scrap, sizeof scrap);
		if (n <= 0)
			break;
		if ((size_t)n > OUTPUT_MAX - len)
			n = (ssize_t)(OUTPUT_MAX - len);
		memcpy(text + len, scrap, (size_t)n);
		len += (size_t)n;
	}
	while (len > 0 && text[len - 1] == '\n')
		text[--len] = '\0';
	return text;
}

static char *
shell_run(const char *command, bool *is_error)
{
	int fd, status = 0, error;
	char *text;
	pid_t pid;

	*is_error = true;
	if ((error = shell_spawn(command, &pid, &fd)) != 0) {
		close(fd);
		return xasprintf("cannot start /bin/sh: %s", strerror(error));
	}
	fake.shell = pid;
	text = shell_output(pid, fd);
	fake.shell = 0;
	close(fd);
	while (waitpid(pid, &status, 0) == -1 && errno == EINTR)
		;
	*is_error = !(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	return text;
}

char *
tool_bash(struct turn *t, const char *command)
{
	cJSON *input = json_new();
	const char *run;
	bool is_error = true;
	char id[32], *text;

	tool_id(id, sizeof id);
	json_put_str(input, "command", command);
	json_put_str(input, "description", "run a command");
	message_begin(t);
	message_tool_use(t, id, "Bash", input);
	message_end(t, "tool_use");
	text = permission_ask(id, "Bash", &input);
	run = json_str(input, "command");
	if (text == NULL)
		text = shell_run(run == NULL ? "" : run, &is_error);
	cJSON_Delete(input);
	tool_result_line(id, fake.interrupted ? rejected : text, is_error || fake.interrupted);
	if (!fake.interrupted)
		return text;
	free(text);
	return NULL;
}

/* What it is to be given where nothing else is said: that of Write. */
static cJSON *
perm_input(const char *json)
{
	cJSON *input = *json != '\0' ? cJSON_Parse(json) : json_new();

	if (input == NULL)
		die(1, "fake-claude: PERM: not JSON: %s", json);
	if (*json == '\0') {
		json_put_str(input, "file_path", "notes.txt");
		json_put_str(input, "content", "text");
	}
	return input;
}

/* Ask for a permission and say what came of it; nothing runs. */
char *
tool_perm(struct turn *t, const char *arg)
{
	size_t n = strcspn(arg, " ");
	char id[32], *refusal, *text, *shown, *tool = xstrndup(arg, n);
	cJSON *input = perm_input(arg + n + strspn(arg + n, " "));

	tool_id(id, sizeof id);
	message_begin(t);
	message_tool_use(t, id, tool, input);
	message_end(t, "tool_use");
	refusal = permission_ask(id, tool, &input);
	shown = json_print(input);
	if (refusal == NULL)
		text = xasprintf("allowed: %s", shown);
	else
		text = xasprintf("denied: %s", refusal);
	tool_result_line(id, text, refusal != NULL);
	free(tool);
	free(shown);
	free(refusal);
	cJSON_Delete(input);
	if (!fake.interrupted)
		return text;
	free(text);
	return NULL;
}
