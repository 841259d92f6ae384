/* SPDX-License-Identifier: MIT
 *
 * One turn, from the user lines that were queued to the result line, in the order of the real CLI:
 * started, init, replay, what the text asked for (directive.c), result, completed or cancelled. The
 * faults of a turn are shown here.
 */
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/compat.h"
#include "common/json.h"
#include "common/xmalloc.h"
#include "fake.h"

#define BIG_LINE (100u * 1000 * 1000)

extern char **environ;

static void
init_line(void)
{
	static const char *const builtin[] = {"Task", "Bash", "Edit", "Read", "Write"};
	cJSON *o = json_new(), *tools = cJSON_CreateArray(), *servers = cJSON_CreateArray();

	for (size_t i = 0; i < sizeof builtin / sizeof builtin[0]; i++)
		cJSON_AddItemToArray(tools, cJSON_CreateString(builtin[i]));
	for (size_t i = 0; i < fake.nservers; i++) {
		cJSON *s = json_new();
		for (size_t j = 0; j < fake.servers[i].ntools; j++)
			cJSON_AddItemToArray(tools, cJSON_CreateString(fake.servers[i].tools[j]));
		json_put_str(s, "name", fake.servers[i].name);
		json_put_str(s, "status", fake.servers[i].ready ? "connected" : "failed");
		json_put_str(s, "source", "sdk");
		cJSON_AddItemToArray(servers, s);
	}
	json_put_str(o, "type", "system");
	json_put_str(o, "subtype", "init");
	json_put_str(o, "cwd", fake.cwd);
	json_put(o, "tools", tools);
	json_put(o, "mcp_servers", servers);
	json_put_str(o, "model", fake.opt.model);
	json_put_str(o, "permissionMode", fake.opt.permission_mode);
	json_put(o, "slash_commands", cJSON_CreateArray());
	json_put_str(o, "apiKeySource",
	    fake.faults & FAULT(NOT_LOGGED_IN)        ? "none"
		: getenv("ANTHROPIC_API_KEY") != NULL ? "ANTHROPIC_API_KEY"
						      : "fake-claude");
	json_put_str(o, "claude_code_version", FAKE_VERSION);
	json_put_str(o, "output_style", "default");
	out_event(o);
}

static void
put_model_usage(cJSON *o, const char *name, int64_t input, int64_t output, double cost)
{
	cJSON *models = json_new(), *m = json_new();

	json_put_int(m, "inputTokens", input);
	json_put_int(m, "outputTokens", output);
	json_put_int(m, "cacheReadInputTokens", 0);
	json_put_int(m, "cacheCreationInputTokens", 0);
	json_put_num(m, "costUSD", cost);
	json_put(models, fake.opt.model, m);
	json_put(o, name, models);
}

/* Whose turn this was. */
static void
put_lines(cJSON *o, const struct turn *t)
{
	cJSON *uuids = cJSON_CreateArray();

	for (const struct user_line *u = t->lines; u != NULL; u = u->next) {
		cJSON_AddItemToArray(uuids, cJSON_CreateString(u->uuid));
		if (u->next == NULL)
			json_put_str(o, "user_message_uuid", u->uuid);
	}
	json_put(o, "user_message_uuids", uuids);
}

static void
put_outcome(cJSON *o, const struct turn *t, int status, bool failed)
{
	cJSON *errors;

	if (t->faults & FAULT(IS_ERROR_NULL))
		json_put_null(o, "is_error");
	else
		json_put_bool(o, "is_error", failed);
	if (fake.interrupted) {
		errors = cJSON_CreateArray();
		cJSON_AddItemToArray(errors,
		    cJSON_CreateString("[ede_diagnostic] result_type=user last_content_type=n/a "
				       "stop_reason=null"));
		json_put_str(o, "subtype", "error_during_execution");
		json_put_str(
		    o, "terminal_reason", t->block > 0 ? "aborted_tools" : "aborted_streaming");
		json_put_null(o, "stop_reason");
		json_put(o, "errors", errors);
		return;
	}
	json_put_str(o, "subtype", "success");
	json_put_str(o, "terminal_reason", failed ? "api_error" : "completed");
	json_put_str(o, "stop_reason", failed ? "stop_sequence" : "end_turn");
	if (status != 0)
		json_put_int(o, "api_error_status", status);
	else
		json_put_null(o, "api_error_status");
	json_put_str(o, "result", t->last_text == NULL ? "" : t->last_text);
}

/*
 * The result line; the key order is not that of older versions on purpose: nobody may match a
 * prefix.
 */
static void
result_line(const struct turn *t, int status, bool failed)
{
	cJSON *o = json_new(), *usage = json_new();
	double cost = (double)t->input_tokens * 0.000004 + (double)t->output_tokens * 0.000020;
	int64_t took = compat_mono_ms() - t->started;

	json_put_int(usage, "input_tokens", fake.interrupted ? 0 : t->input_tokens);
	json_put_int(usage, "cache_creation_input_tokens", 0);
	json_put_int(usage, "cache_read_input_tokens", 0);
	json_put_int(usage, "output_tokens", fake.interrupted ? 0 : t->output_tokens);
	json_put_int(o, "duration_api_ms", took);
	json_put_num(o, "total_cost_usd", fake.cost + cost);
	json_put(o, "usage", usage);
	put_model_usage(o, "modelUsage", fake.input_tokens + t->input_tokens,
	    fake.output_tokens + t->output_tokens, fake.cost + cost);
	put_model_usage(
	    o, "model_usage_since_last_result", t->input_tokens, t->output_tokens, cost);
	json_put(o, "permission_denials", cJSON_CreateArray());
	json_put_int(o, "num_turns", t->steps > 0 ? t->steps : 1);
	put_outcome(o, t, status, failed);
	json_put_str(o, "type", "result");
	json_put_int(o, "duration_ms", took);
	put_lines(o, t);
	json_put_int(o, "queued_turn_count", 0);
	json_put_int(o, "result_index", fake.results);
	out_event(o);
	fake.last_is_error = failed;
}

/* Lines that no JSON printer makes: written by hand. */
static void
broken_line(const struct turn *t)
{
	static const char head[] = "{\"type\":\"assistant\",\"message\":{\"role\":\"assistant\","
				   "\"content\":[{\"type\":\"text\",\"text\":\"";
	static const char tail[] = "\"}]},\"parent_tool_use_id\":null}\n";

	if (!(t->faults &
		(FAULT(HALF_LINE) | FAULT(LINE_100MB) | FAULT(INVALID_UTF8) | FAULT(NUL_IN_LINE))))
		return;
	io_raw(head, sizeof head - 1);
	if (t->faults & FAULT(HALF_LINE))
		end_now(1);
	if (t->faults & FAULT(LINE_100MB)) {
		char *big = xmalloc(BIG_LINE);
		memset(big, 'x', BIG_LINE);
		io_raw(big, BIG_LINE);
		free(big);
	} else if (t->faults & FAULT(INVALID_UTF8)) {
		io_raw("bad \xff\xfe\xc0\xaf utf-8", 14);
	} else {
		io_raw("a\0b", 3);
	}
	io_raw(tail, sizeof tail - 1);
}

/* A child in a session of its own that keeps our stdout and stderr open for a minute. */
_Noreturn static void
leave_grandchild(void)
{
	char sh[] = "/bin/sh", dash_c[] = "-c", command[] = "exec sleep 60";
	char *argv[] = {sh, dash_c, command, NULL};
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	pid_t pid;

	posix_spawn_file_actions_init(&actions);
	posix_spawnattr_init(&attr);
	posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", 0, 0);
	posix_spawn_file_actions_adddup2(&actions, 1, 1);
	posix_spawn_file_actions_adddup2(&actions, 2, 2);
	if (compat_spawn_prepare(&actions, &attr, NULL, true) != 0 ||
	    posix_spawn(&pid, sh, &actions, &attr, argv, environ) != 0)
		die(1, "fake-claude: cannot start the grandchild");
	end_now(0);
}

static void
interrupted_line(void)
{
	cJSON *o = json_new(), *message = json_new(), *content = cJSON_CreateArray();
	cJSON *block = json_new();
	char uuid[UUID_SIZE];

	json_put_str(block, "type", "text");
	json_put_str(block, "text", "[Request interrupted by user]");
	cJSON_AddItemToArray(content, block);
	make_uuid(uuid);
	transcript_user(uuid, content);
	json_put_str(o, "type", "user");
	json_put_str(message, "role", "user");
	json_put(message, "content", content);
	json_put(o, "message", message);
	json_put_null(o, "parent_tool_use_id");
	out_event(o);
}

static void
turn_begin(struct turn *t)
{
	fake.busy = true;
	fake.interrupted = false;
	t->started = compat_mono_ms();
	out_state("running");
	for (const struct user_line *u = t->lines; u != NULL; u = u->next) {
		transcript_queue("enqueue", u->text);
		transcript_queue("dequeue", NULL);
		transcript_user(u->uuid, u->content);
	}
	for (const struct user_line *u = t->lines; u != NULL; u = u->next)
		out_lifecycle(u->uuid, "started");
	if (t->faults & FAULT(CRASH_MID_TURN))
		raise(SIGKILL);
	if ((t->faults & FAULT(SILENT_TURN)) || (fake.faults & FAULT(NEVER_READS_STDIN)))
		hang();
	io_wait(control_servers_settled, NULL, 5000);
	if (t->faults & FAULT(RESULT_FIRST))
		result_line(t, 0, false);
	init_line();
}

static void
turn_end(struct turn *t, int status, bool failed)
{
	struct user_line *u;

	failed = failed || fake.interrupted;
	message_replay(t);
	message_write(t, NULL);
	if (fake.interrupted)
		interrupted_line();
	if (t->faults & FAULT(GRANDCHILD))
		leave_grandchild();
	if (t->faults & FAULT(NO_RESULT))
		end_now(0);
	if (!(t->faults & FAULT(RESULT_FIRST)))
		result_line(t, status, failed);
	if (t->faults & FAULT(DOUBLE_RESULT))
		result_line(t, status, failed);
	fake.results++;
	fake.cost += (double)t->input_tokens * 0.000004 + (double)t->output_tokens * 0.000020;
	fake.input_tokens += t->input_tokens;
	fake.output_tokens += t->output_tokens;
	for (u = t->lines; u != NULL; u = u->next)
		out_lifecycle(u->uuid, failed ? "cancelled" : "completed");
	out_state("idle");
	if (!fake.opt.stream_out)
		printf("%s\n", t->last_text == NULL ? "" : t->last_text);
	fake.busy = false;
}

/* Faults of the process that a text switched on hold from then on. */
static void
turn_faults(struct turn *t)
{
	unsigned asked = fault_from_text(t->text);

	t->faults = fake.turn_env | (asked & fault_turn_mask());
	if ((asked & ~fault_turn_mask() & ~fake.faults) == 0)
		return;
	fake.faults |= asked & ~fault_turn_mask();
	if (asked & FAULT(OTHER_SESSION_ID))
		make_uuid(fake.session);
	io_init();
}

/* Adjacent lines become one turn. */
static char *
join_lines(const struct user_line *u)
{
	char *text = xstrdup(u->text);

	for (u = u->next; u != NULL; u = u->next) {
		char *joined = xasprintf("%s\n%s", text, u->text);
		free(text);
		text = joined;
	}
	return text;
}

void
turn_run(struct user_line *lines)
{
	struct turn t = {.lines = lines, .text = join_lines(lines)};
	struct user_line *next;
	bool failed = false;
	int status = 0;

	turn_faults(&t);
	turn_begin(&t);
	if (fake.faults & FAULT(NOT_LOGGED_IN)) {
		message_synthetic(
		    &t, "Not logged in \xc2\xb7 Please run /login", "authentication_failed", 0);
		failed = true;
	} else if (t.faults & FAULT(API_ERROR)) {
		status = 400;
		message_synthetic(
		    &t, "API Error: 400 the fake API refuses this", "invalid_request", status);
		failed = true;
	} else {
		broken_line(&t);
		directive_run(&t);
	}
	turn_end(&t, status, failed);
	for (; lines != NULL; lines = next) {
		next = lines->next;
		cJSON_Delete(lines->content);
		free(lines->text);
		free(lines);
	}
	free(t.text);
	free(t.last_text);
	if (fake.quit)
		end_now(0);
}
