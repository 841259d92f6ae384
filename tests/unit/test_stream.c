/* SPDX-License-Identifier: MIT
 *
 * The stream-json reader: lines as the CLI writes them, and lines that it should never write.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "iris-worker/stream.h"

#define U1 "2f0d7a52-1111-4222-8333-444455556666"
#define U2 "2f0d7a52-9999-4222-8333-444455556666"

static struct stream_event
parse(const char *line)
{
	struct stream_event ev;

	stream_parse(line, strlen(line), &ev);
	return ev;
}

static void
kinds_are_told_apart(void **state)
{
	static const struct {
		const char *line;
		enum stream_kind kind;
	} cases[] = {
	    {"{\"type\":\"system\",\"subtype\":\"init\",\"session_id\":\"x\"}", STREAM_INIT},
	    {"{\"session_id\":\"x\",\"type\":\"result\",\"subtype\":\"success\"}", STREAM_RESULT},
	    {"{\"type\":\"system\",\"subtype\":\"status\"}", STREAM_OTHER},
	    {"{\"type\":\"system\",\"subtype\":\"thinking_tokens\"}", STREAM_THINKING},
	    {"{\"type\":\"rate_limit_event\"}", STREAM_OTHER},
	    {"{\"type\":17}", STREAM_OTHER},
	    {"{}", STREAM_OTHER},
	    {"[1,2]", STREAM_OTHER},
	    {"\"result\"", STREAM_OTHER},
	    {"{\"type\":\"user\",\"message\":{\"content\":\"x\"}}", STREAM_OTHER},
	    {"{\"type\":\"user\",\"isReplay\":true,\"uuid\":\"u\"}", STREAM_REPLAY},
	    {"{\"type\":\"control_request\",\"request\":{}}", STREAM_OTHER},
	    {"{\"type\":\"control_request\",\"request_id\":\"a\"}", STREAM_CONTROL_REQ},
	    {"{\"type\":\"control_response\",\"response\":{\"request_id\":\"a\"}}",
		STREAM_CONTROL_RESP},
	    {"{\"type\":\"control_cancel_request\",\"request_id\":\"a\"}", STREAM_CONTROL_CANCEL},
	    {"{\"type\":\"assistant\"}", STREAM_ASSISTANT},
	    {"{\"type\":\"assistant\",\"message\":7}", STREAM_ASSISTANT},
	    {"{\"type\":\"assistant\",\"message\":{\"content\":\"x\"}}", STREAM_ASSISTANT},
	    {"{\"type\":\"user\",\"isReplay\":false,\"message\":{\"content\":"
	     "[{\"type\":\"tool_result\"}]}}",
		STREAM_TOOL_RESULT},
	    {"{\"type\":\"user\",\"isReplay\":\"true\"}", STREAM_OTHER},
	    /* Nobody writes it so, but it is the same. */
	    {"{\"type\":\"res\\u0075lt\"}", STREAM_RESULT},
	    {"{\"type\":\"stream_event\"}", STREAM_OTHER},
	    {"{\"type\":\"stream_event\",\"event\":[]}", STREAM_OTHER},
	    {"{\"type\":\"stream_event\",\"event\":{\"type\":\"content_block_delta\"}}",
		STREAM_OTHER},
	    {"{\"type\":\"stream_event\",\"event\":{\"type\":\"content_block_start\","
	     "\"content_block\":{\"type\":\"thinking\"}}}",
		STREAM_THINKING},
	    {"{\"type\":\"stream_event\",\"event\":{\"type\":\"message_start\"}}", STREAM_OTHER},
	    {"nonsense", STREAM_GARBAGE},
	    {"{\"type\":\"result\"", STREAM_GARBAGE},
	    {"", STREAM_GARBAGE},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct stream_event ev = parse(cases[i].line);
		if (ev.kind != cases[i].kind)
			fail_msg("%s: kind %d, not %d", cases[i].line, ev.kind, cases[i].kind);
		stream_clear(&ev);
	}
}

static void
assistant_blocks(void **state)
{
	struct stream_event ev = parse(
	    "{\"type\":\"assistant\",\"message\":{\"content\":[{\"type\":\"thinking\",\"thinking\":\"h\"},"
	    "{\"type\":\"text\",\"text\":\"one\"},{\"type\":\"tool_use\",\"name\":\"Bash\"},"
	    "{\"type\":\"text\",\"text\":\"two\"},{\"type\":\"text\",\"text\":\"\"}]},"
	    "\"parent_tool_use_id\":null,\"error\":\"authentication_failed\"}");

	(void)state;
	assert_string_equal(ev.text, "one\n\ntwo");
	assert_string_equal(ev.name, "Bash");
	assert_int_equal(ev.blocks, 1);
	assert_false(ev.subagent);
	assert_string_equal(ev.error, "authentication_failed");
	stream_clear(&ev);

	ev = parse("{\"type\":\"assistant\",\"parent_tool_use_id\":\"toolu_1\",\"message\":{}}");
	assert_true(ev.subagent);
	assert_null(ev.text);
	stream_clear(&ev);
}

static void
deltas_and_blocks(void **state)
{
	struct stream_event ev =
	    parse("{\"type\":\"stream_event\",\"event\":{\"type\":\"content_block_delta\","
		  "\"delta\":{\"type\":\"text_delta\",\"text\":\"h\\u00e9\"}}}");

	(void)state;
	assert_int_equal(ev.kind, STREAM_DELTA);
	assert_string_equal(ev.text, "h\xc3\xa9");
	stream_clear(&ev);
	ev = parse("{\"type\":\"stream_event\",\"event\":{\"type\":\"content_block_start\","
		   "\"content_block\":{\"type\":\"text\"}}}");
	assert_int_equal(ev.kind, STREAM_BLOCK);
	assert_string_equal(ev.name, "text");
	stream_clear(&ev);
	ev = parse("{\"type\":\"stream_event\",\"event\":{\"type\":\"content_block_delta\","
		   "\"delta\":{\"type\":\"input_json_delta\",\"partial_json\":\"x\"}}}");
	assert_int_equal(ev.kind, STREAM_OTHER);
	stream_clear(&ev);
}

static void
flat_members(void **state)
{
	struct stream_event ev =
	    parse("{\"tools\":[\"Bash\"],\"cwd\":\"/a\",\"session_id\":\"s\",\"type\":\"system\","
		  "\"model\":\"m\",\"claude_code_version\":\"2\",\"subtype\":\"init\","
		  "\"permissionMode\":\"default\"}");

	(void)state;
	assert_int_equal(ev.kind, STREAM_INIT);
	assert_string_equal(ev.session_id, "s");
	assert_string_equal(json_str(ev.json, "model"), "m");
	assert_string_equal(json_str(ev.json, "claude_code_version"), "2");
	assert_string_equal(json_str(ev.json, "permissionMode"), "default");
	assert_string_equal(json_str(ev.json, "cwd"), "/a");
	stream_clear(&ev);
	ev = parse(
	    "{\"type\":\"command_lifecycle\",\"command_uuid\":\"" U1 "\",\"state\":\"started\"}");
	assert_int_equal(ev.kind, STREAM_LIFECYCLE);
	assert_string_equal(ev.id, U1);
	assert_string_equal(ev.name, "started");
	stream_clear(&ev);
	ev =
	    parse("{\"type\":\"system\",\"subtype\":\"api_retry\",\"attempt\":2,\"max_retries\":10,"
		  "\"error\":\"overloaded\"}");
	assert_int_equal(ev.kind, STREAM_RETRY);
	assert_int_equal(ev.attempt, 2);
	assert_int_equal(ev.attempts, 10);
	assert_string_equal(ev.error, "overloaded");
	stream_clear(&ev);
	ev = parse("{\"type\":\"system\",\"subtype\":\"session_writes_lost\",\"lost\":"
		   "[\"transcript\"],\"error_code\":\"ENOSPC\"}");
	assert_int_equal(ev.kind, STREAM_UNSAVED);
	assert_string_equal(ev.error, "ENOSPC");
	stream_clear(&ev);
	ev = parse("{\"message\":{\"content\":\"q\"},\"uuid\":\"" U1 "\",\"isReplay\":true,"
		   "\"parent_tool_use_id\":null,\"type\":\"user\"}");
	assert_int_equal(ev.kind, STREAM_REPLAY);
	assert_string_equal(ev.id, U1);
	assert_false(ev.subagent);
	stream_clear(&ev);
}

static void
result_usage(void **state)
{
	struct stream_event ev = parse(
	    "{\"duration_ms\":130,\"type\":\"result\",\"subtype\":\"success\",\"is_error\":false,"
	    "\"result\":\"done\",\"num_turns\":2,\"total_cost_usd\":0.5,"
	    "\"usage\":{\"input_tokens\":10,\"output_tokens\":20,\"cache_read_input_tokens\":30,"
	    "\"cache_creation_input_tokens\":40},\"modelUsage\":{\"old\":{\"costUSD\":9}},"
	    "\"model_usage_since_last_result\":{\"small\":{\"costUSD\":0.01},\"big\":{\"costUSD\":0.04}},"
	    "\"user_message_uuid\":\"" U1 "\"}");
	struct stream_result r;

	(void)state;
	stream_result(ev.json, U1, &r);
	assert_false(r.is_error);
	assert_int_equal(r.owner, STREAM_OURS);
	assert_string_equal(r.text, "done");
	assert_int_equal(r.input, 10);
	assert_int_equal(r.output, 20);
	assert_int_equal(r.cache_read, 30);
	assert_int_equal(r.cache_creation, 40);
	assert_int_equal(r.turns, 2);
	assert_int_equal(r.duration_ms, 130);
	assert_true(r.cost > 0.0499 && r.cost < 0.0501);
	assert_string_equal(r.model, "big");
	stream_result(ev.json, U2, &r);
	assert_int_equal(r.owner, STREAM_FOREIGN);
	stream_clear(&ev);
}

static void
result_errors(void **state)
{
	struct stream_result r;
	struct stream_event ev =
	    parse("{\"type\":\"result\",\"subtype\":\"error_during_execution\",\"is_error\":true,"
		  "\"errors\":[\"No conversation found\"],\"api_error_status\":401,"
		  "\"user_message_uuids\":[\"" U2 "\",\"" U1 "\"],\"usage\":{},"
		  "\"model_usage_since_last_result\":{\"m\":{\"costUSD\":1,\"inputTokens\":7}}}");

	(void)state;
	stream_result(ev.json, U1, &r);
	assert_true(r.is_error);
	assert_int_equal(r.owner, STREAM_OURS);
	assert_string_equal(r.text, "No conversation found");
	assert_int_equal(r.status, 401);
	assert_int_equal(r.input, 7);
	stream_clear(&ev);

	ev = parse(
	    "{\"type\":\"result\",\"is_error\":null,\"origin\":{\"kind\":\"task-notification\"}}");
	stream_result(ev.json, U1, &r);
	assert_false(r.is_error);
	assert_true(r.self_started);
	assert_int_equal(r.owner, STREAM_UNNAMED);
	assert_null(r.text);
	assert_true(r.cost < 0 && r.total_cost < 0);
	stream_clear(&ev);
}

static void
login_is_recognised(void **state)
{
	(void)state;
	assert_true(stream_is_login("Not logged in \xc2\xb7 Please run /login", NULL, 0));
	assert_true(stream_is_login("x", "authentication_failed", 0));
	assert_true(stream_is_login("x", NULL, 401));
	assert_false(stream_is_login("API Error: 400", "invalid_request", 400));
	assert_false(stream_is_login(NULL, NULL, 0));
}

/*
 * What the strict reader refuses is repaired, so that one bad byte in an answer does not lose it.
 */
static void
hostile_lines_are_repaired(void **state)
{
	static const char nul[] = "{\"type\":\"result\",\"result\":\"a\0b\"}";
	static const struct {
		const char *line, *text;
	} cases[] = {
	    {"{\"type\":\"result\",\"result\":\"a\xff"
	     "b\"}",
		"a\xef\xbf\xbd"
		"b"},
	    {"{\"type\":\"result\",\"result\":\"a\xc3\"}", "a\xef\xbf\xbd"},
	    {"{\"type\":\"result\",\"result\":\"a\\u0000b\"}",
		"a\xef\xbf\xbd"
		"b"},
	    {"{\"type\":\"result\",\"result\":\"a\\ud83dz\"}", "a\xef\xbf\xbdz"},
	    {"{\"type\":\"result\",\"result\":\"\\udc00\\ud83d\\ude00\\ud83d\"}",
		"\xef\xbf\xbd\xf0\x9f\x98\x80\xef\xbf\xbd"},
	    {"{\"type\":\"result\",\"result\":\"tab\there\"}", "tab here"},
	    {"{\"type\":\"result\",\"result\":\"\\\\u0000 \\\"\xff\"}", "\\u0000 \"\xef\xbf\xbd"},
	};
	struct stream_event ev;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		ev = parse(cases[i].line);
		assert_int_equal(ev.kind, STREAM_RESULT);
		assert_string_equal(json_str(ev.json, "result"), cases[i].text);
		assert_non_null(ev.repaired);
		assert_ptr_equal(ev.line, ev.repaired);
		stream_clear(&ev);
	}
	stream_parse(nul, sizeof nul - 1, &ev);
	assert_int_equal(ev.kind, STREAM_RESULT);
	assert_string_equal(json_str(ev.json, "result"), "a b");
	stream_clear(&ev);
}

static void
unreadable_results_are_marked(void **state)
{
	struct stream_event ev = parse("{\"is_error\":false,\"type\":\"result\",\"result\":\"hal");

	(void)state;
	assert_int_equal(ev.kind, STREAM_GARBAGE);
	assert_true(ev.garbage_result);
	stream_clear(&ev);
	ev = parse("{\"type\":\"assistant\",\"text\":\"{\\\"type\\\":\\\"result\\\"}");
	assert_int_equal(ev.kind, STREAM_GARBAGE);
	assert_false(ev.garbage_result);
	stream_clear(&ev);
}

/* Every truncation and every single-byte change of a line is survived. */
static void
mutations_are_survived(void **state)
{
	static const char line[] =
	    "{\"type\":\"assistant\",\"message\":{\"content\":[{\"type\":\"text\",\"text\":\"\\u00e9\\ud83d"
	    "\\ude00\xc3\xa9\"},{\"type\":\"tool_use\",\"name\":\"x\"}]},\"parent_tool_use_id\":null}";
	char copy[sizeof line];
	struct stream_event ev;
	size_t i;
	int b;

	(void)state;
	for (i = 0; i < sizeof line; i++) {
		stream_parse(line, i, &ev);
		stream_clear(&ev);
	}
	for (i = 0; i < sizeof line - 1; i++) {
		for (b = 0; b < 256; b++) {
			memcpy(copy, line, sizeof line);
			copy[i] = (char)b;
			stream_parse(copy, sizeof line - 1, &ev);
			if (ev.kind == STREAM_ASSISTANT && ev.text != NULL)
				assert_true(json_utf8_valid(ev.text, strlen(ev.text)));
			stream_clear(&ev);
		}
	}
}

static void
raw_members(void **state)
{
	static const char line[] =
	    "{\"request\":{\"message\":{\"jsonrpc\":\"2.0\", \"id\": 1.0 }}}";
	static const char *const path[] = {"request", "message", "id", NULL};
	static const char *const missing[] = {"request", "nothing", NULL};
	const char *raw;
	size_t len;

	(void)state;
	assert_true(stream_raw(line, sizeof line - 1, path, &raw, &len));
	assert_int_equal(len, 3);
	assert_memory_equal(raw, "1.0", 3);
	assert_false(stream_raw(line, sizeof line - 1, missing, &raw, &len));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(kinds_are_told_apart),
	    cmocka_unit_test(assistant_blocks),
	    cmocka_unit_test(deltas_and_blocks),
	    cmocka_unit_test(flat_members),
	    cmocka_unit_test(result_usage),
	    cmocka_unit_test(result_errors),
	    cmocka_unit_test(login_is_recognised),
	    cmocka_unit_test(hostile_lines_are_repaired),
	    cmocka_unit_test(unreadable_results_are_marked),
	    cmocka_unit_test(mutations_are_survived),
	    cmocka_unit_test(raw_members),
	};

	json_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
