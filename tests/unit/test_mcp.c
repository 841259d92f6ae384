/* SPDX-License-Identifier: MIT
 *
 * irisd/mcp/protocol and call: lines in, lines out, with a carrier that only collects. Both eras.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "common/json.h"
#include "irisd/mcp/mcp.h"
#include "tests/unit/irisd_fixture.h"

#define TEAMS                                                                                      \
	"teams:\n  alpha:\n    path: alpha\n    description: A\n"                                  \
	"  beta:\n    path: beta\n    description: B\n"
#define V "{\"jsonrpc\":\"2.0\","
#define META(version)                                                                              \
	"\"_meta\":{\"io.modelcontextprotocol/protocolVersion\":\"" version "\","                  \
	"\"io.modelcontextprotocol/clientCapabilities\":{}}"
#define MODERN META("2026-07-28")

static struct irisd d;
static struct mcp m;
static char *lines[64];
static size_t nlines;
static char caller[64] = "alpha";

static void
collect(struct mcp *mcp, char *text)
{
	assert_ptr_equal(mcp, &m);
	assert_true(nlines < sizeof lines / sizeof lines[0]);
	assert_null(strchr(text, '\n'));
	lines[nlines++] = text;
}

static void
who(struct mcp *mcp, char *name, size_t size)
{
	assert_ptr_equal(mcp, &m);
	snprintf(name, size, "%s", caller);
}

static const struct mcp_carrier carrier = {.send = collect, .who = who, .unasked = true};

static void
forget_lines(void)
{
	while (nlines > 0)
		free(lines[--nlines]);
}

static int
setup(void **state)
{
	if (fixture_setup(state) == -1)
		return -1;
	fixture_irisd(&d, TEAMS);
	mcp_init(&m, &d, &carrier, NULL);
	snprintf(caller, sizeof caller, "alpha");
	return 0;
}

static int
teardown(void **state)
{
	mcp_release(&m);
	forget_lines();
	fixture_irisd_release(&d);
	return fixture_teardown(state);
}

/* Hand it one line; what came before is forgotten. */
static void
put(const char *line)
{
	char *copy = xstrdup(line);

	forget_lines();
	mcp_line(&m, copy, strlen(copy));
	free(copy);
}

/* The only line that came, parsed; the caller deletes it. */
static cJSON *
only(void)
{
	struct err err;
	cJSON *o;

	assert_int_equal(nlines, 1);
	if ((o = json_parse(lines[0], strlen(lines[0]), &err)) == NULL)
		fail_msg("%s: %s", err.msg, lines[0]);
	assert_string_equal(json_str(o, "jsonrpc"), "2.0");
	return o;
}

static cJSON *
ask(const char *line)
{
	put(line);
	return only();
}

static void
expect_error(const char *line, int code, const char *words)
{
	cJSON *o = ask(line);
	const cJSON *e = json_obj(o, "error");

	if (e == NULL)
		fail_msg("no error: %s", lines[0]);
	assert_int_equal(json_int_or(e, "code", 0), code);
	if (strstr(json_str(e, "message"), words) == NULL)
		fail_msg("\"%s\" lacks \"%s\"", json_str(e, "message"), words);
	cJSON_Delete(o);
}

static void
test_initialize(void **state)
{
	static const char *const pairs[][2] = {{"2025-11-25", "2025-11-25"},
	    {"2025-06-18", "2025-06-18"}, {"2025-03-26", "2025-03-26"},
	    {"2024-11-05", "2024-11-05"}, {"2023-01-01", "2025-11-25"},
	    {"2026-07-28", "2025-11-25"}, {"", "2025-11-25"}};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
		char *line = xasprintf(V "\"id\":1,\"method\":\"initialize\",\"params\":{"
					 "\"protocolVersion\":\"%s\",\"capabilities\":{},"
					 "\"clientInfo\":{\"name\":\"t\"}}}",
		    pairs[i][0]);
		cJSON *o = ask(line);
		const cJSON *r = json_obj(o, "result");
		assert_string_equal(json_str(r, "protocolVersion"), pairs[i][1]);
		assert_string_equal(json_str(json_obj(r, "serverInfo"), "name"), "iris");
		assert_non_null(json_obj(json_obj(r, "capabilities"), "tools"));
		assert_string_equal(json_str(r, "instructions"), mcp_instructions);
		assert_null(json_get(r, "resultType"));
		cJSON_Delete(o);
		free(line);
	}
	expect_error(V "\"id\":1,\"method\":\"initialize\"}", -32602, "protocolVersion");
	put(V "\"method\":\"notifications/initialized\"}");
	assert_int_equal(nlines, 0);
}

static void
test_discover(void **state)
{
	cJSON *o, *v;

	(void)state;
	o = ask(V "\"id\":1,\"method\":\"server/discover\",\"params\":{" MODERN "}}");
	v = json_get(json_obj(o, "result"), "supportedVersions");
	assert_int_equal(cJSON_GetArraySize(v), 5);
	assert_string_equal(cJSON_GetArrayItem(v, 0)->valuestring, "2026-07-28");
	assert_string_equal(cJSON_GetArrayItem(v, 4)->valuestring, "2024-11-05");
	assert_string_equal(json_str(json_obj(o, "result"), "resultType"), "complete");
	assert_string_equal(json_str(json_obj(json_obj(json_obj(o, "result"), "_meta"),
					 "io.modelcontextprotocol/serverInfo"),
				"name"),
	    "iris");
	cJSON_Delete(o);
}

static void
test_modern_checks(void **state)
{
	cJSON *o;

	(void)state;
	o = ask(V "\"id\":1,\"method\":\"tools/list\",\"params\":{" META("2027-01-01") "}}");
	assert_int_equal(json_int_or(json_obj(o, "error"), "code", 0), -32022);
	assert_string_equal(
	    json_str(json_obj(json_obj(o, "error"), "data"), "requested"), "2027-01-01");
	assert_string_equal(
	    cJSON_GetArrayItem(json_get(json_obj(json_obj(o, "error"), "data"), "supported"), 0)
		->valuestring,
	    "2026-07-28");
	cJSON_Delete(o);
	expect_error(V "\"id\":1,\"method\":\"server/discover\"}", -32602, "_meta needs");
	expect_error(V "\"id\":1,\"method\":\"tools/list\",\"params\":{\"_meta\":{"
		       "\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\"}}}",
	    -32602, "clientCapabilities");
	expect_error(V "\"id\":1,\"method\":\"tools/list\",\"params\":{\"_meta\":{"
		       "\"io.modelcontextprotocol/protocolVersion\":5}}}",
	    -32602, "_meta needs");
	/* What belongs to one era only. */
	expect_error(V "\"id\":1,\"method\":\"initialize\",\"params\":{"
		       "\"protocolVersion\":\"2025-11-25\"," MODERN "}}",
	    -32601, "no such method");
	expect_error(V
	    "\"id\":1,\"method\":\"subscriptions/listen\",\"params\":{\"notifications\":{}}}",
	    -32601, "no such method");
}

static void
test_tools_list(void **state)
{
	char *tools;
	cJSON *o;

	(void)state;
	o = ask(V "\"id\":1,\"method\":\"tools/list\"}");
	tools = json_print(json_get(json_obj(o, "result"), "tools"));
	assert_string_equal(tools, mcp_tools_json());
	free(tools);
	assert_null(json_get(json_obj(o, "result"), "nextCursor"));
	cJSON_Delete(o);
	o = ask(V "\"id\":1,\"method\":\"tools/list\",\"params\":{" MODERN "}}");
	assert_string_equal(json_str(json_obj(o, "result"), "resultType"), "complete");
	assert_true(json_int_or(json_obj(o, "result"), "ttlMs", -1) >= 0);
	cJSON_Delete(o);
	expect_error(V "\"id\":1,\"method\":\"tools/list\",\"params\":{\"cursor\":\"x\"}}", -32602,
	    "cursor");
}

/* Ids come back as they were written, to the byte. */
static void
test_ids(void **state)
{
	static const char *const ids[] = {"1", "0", "-5", "\"abc\"", "\"\"", "\"1\"",
	    "9007199254740993", "123456789012345678901234567890", "\"\\u00e4\\\"\\n\"",
	    "\"\xc3\xa4\""};
	char *line, *want;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof ids / sizeof ids[0]; i++) {
		line = xasprintf(V "\"id\":%s,\"method\":\"ping\"}", ids[i]);
		put(line);
		assert_int_equal(nlines, 1);
		want = xasprintf("\"id\":%s", ids[i]);
		if (strstr(lines[0], want) == NULL)
			fail_msg("%s is not in %s", want, lines[0]);
		assert_non_null(strstr(lines[0], "\"result\":{}"));
		free(want);
		free(line);
	}
}

static void
test_bad_lines(void **state)
{
	static const struct {
		const char *line;
		int code;
	} bad[] = {
	    {"", -32700},
	    {"{", -32700},
	    {"nonsense", -32700},
	    {V "\"id\":1,\"method\":\"ping\"} x", -32700},
	    {V "\"id\":1,\"method\":\"\xff\"}", -32700},
	    {"[]", -32600},
	    {"5", -32600},
	    {"{}", -32600},
	    {"{\"jsonrpc\":\"1.0\",\"id\":1,\"method\":\"ping\"}", -32600},
	    {V "\"id\":{},\"method\":\"ping\"}", -32600},
	    {V "\"id\":1,\"method\":5}", -32600},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof bad / sizeof bad[0]; i++)
		expect_error(bad[i].line, bad[i].code, "");
	expect_error(V "\"id\":1,\"method\":\"roots/list\"}", -32601, "no such method");
	/* An answer, and notifications of every kind, are taken without a word. */
	put(V "\"id\":1,\"result\":{}}");
	assert_int_equal(nlines, 0);
	put(V "\"method\":\"notifications/whatever\",\"params\":{}}");
	assert_int_equal(nlines, 0);
	put(V "\"method\":\"notifications/cancelled\",\"params\":{\"requestId\":99}}");
	assert_int_equal(nlines, 0);
	put(V "\"method\":\"notifications/cancelled\"}");
	assert_int_equal(nlines, 0);
}

static void
test_listen(void **state)
{
	struct err why;

	(void)state;
	put(V "\"id\":\"s1\",\"method\":\"subscriptions/listen\","
	      "\"params\":{\"notifications\":{"
	      "\"toolsListChanged\":true}," MODERN "}}");
	assert_int_equal(nlines, 1);
	assert_non_null(
	    strstr(lines[0], "\"method\":\"notifications/subscriptions/acknowledged\""));
	assert_non_null(strstr(lines[0], "\"io.modelcontextprotocol/subscriptionId\":\"s1\""));
	assert_null(strstr(lines[0], "\"id\":\"s1\","));
	put(V "\"method\":\"notifications/cancelled\",\"params\":{\"requestId\":\"s1\"}}");
	assert_int_equal(nlines, 0);
	err_set(&why, ERR_UNAVAILABLE, "stopped");
	mcp_stop(&m, &why);
	assert_int_equal(nlines, 0);

	put(V "\"id\":7,\"method\":\"subscriptions/listen\","
	      "\"params\":{\"notifications\":{}," MODERN "}}");
	forget_lines();
	mcp_stop(&m, &why);
	assert_int_equal(nlines, 1);
	assert_non_null(strstr(lines[0], "\"id\":7"));
	assert_non_null(strstr(lines[0], "\"result\""));
	expect_error(V "\"id\":1,\"method\":\"subscriptions/listen\",\"params\":{" MODERN "}}",
	    -32602, "notifications");
}

#define CALL(id, rest) V "\"id\":" id ",\"method\":\"tools/call\",\"params\":{" rest "}}"

static void
test_call(void **state)
{
	cJSON *o, *text;
	const cJSON *r;
	struct err err;

	(void)state;
	o = ask(CALL("1", "\"name\":\"list_teams\",\"arguments\":{}"));
	r = json_obj(o, "result");
	assert_int_equal(json_int_or(json_obj(r, "structuredContent"), "totalTeams", 0), 2);
	assert_int_equal(cJSON_GetArraySize(json_get(r, "content")), 1);
	text = cJSON_GetArrayItem(json_get(r, "content"), 0);
	assert_string_equal(json_str(text, "type"), "text");
	text = json_parse(json_str(text, "text"), strlen(json_str(text, "text")), &err);
	assert_true(cJSON_Compare(text, json_get(r, "structuredContent"), true));
	assert_null(json_get(r, "isError"));
	assert_null(json_get(r, "resultType"));
	cJSON_Delete(text);
	cJSON_Delete(o);

	o = ask(CALL("1", "\"name\":\"get_date\"," MODERN));
	assert_string_equal(json_str(json_obj(o, "result"), "resultType"), "complete");
	cJSON_Delete(o);

	/* A tool's failure is a result, without structured content: it would not fit the schema. */
	o = ask(CALL(
	    "1", "\"name\":\"ask_message\",\"arguments\":{\"toTeam\":\"bta\",\"message\":\"x\"}"));
	assert_true(json_bool(json_obj(o, "result"), "isError", false));
	assert_null(json_get(json_obj(o, "result"), "structuredContent"));
	assert_non_null(strstr(lines[0], "the nearest: beta"));
	cJSON_Delete(o);
	expect_error(CALL("1", "\"name\":\"list_team\""), -32602, "unknown tool \"list_team\"");
	expect_error(CALL("1", "\"arguments\":{}"), -32602, "unknown tool");
	expect_error(V "\"id\":1,\"method\":\"tools/call\"}", -32602, "unknown tool");
}

/* A message that waits: progress only with a token, and its token as it was written. */
static void
test_waiting(void **state)
{
	int64_t counts[LADDER_COUNT];
	struct err why;

	(void)state;
	put(CALL("\"w\"",
	    "\"name\":\"ask_message\",\"arguments\":{\"toTeam\":\"beta\",\"message\":\"x\"}"));
	assert_int_equal(nlines, 0);
	put(CALL("8",
	    "\"name\":\"ask_message\",\"arguments\":{\"toTeam\":\"beta\",\"message\":\"y\"},"
	    "\"_meta\":{\"progressToken\":9007199254740993}"));
	assert_int_equal(nlines, 1);
	assert_non_null(strstr(lines[0], "\"method\":\"notifications/progress\""));
	assert_non_null(strstr(lines[0], "\"progressToken\":9007199254740993"));
	assert_non_null(strstr(lines[0], "queued, place 2"));

	/* Cancelled by its id: no answer, and the message has ended. */
	put(V "\"method\":\"notifications/cancelled\",\"params\":{\"requestId\":\"w\"}}");
	assert_int_equal(nlines, 0);
	store_message_counts(d.store, counts);
	assert_int_equal(counts[LADDER_CANCELLED], 1);
	assert_int_equal(counts[LADDER_QUEUED], 1);
	/* Another one's id of another type is not this one's. */
	put(V "\"method\":\"notifications/cancelled\",\"params\":{\"requestId\":\"8\"}}");
	store_message_counts(d.store, counts);
	assert_int_equal(counts[LADDER_QUEUED], 1);

	/* irisd stops: who waits is told, the message stays. */
	err_set(&why, ERR_UNAVAILABLE, "irisd was stopped");
	mcp_stop(&m, &why);
	assert_int_equal(nlines, 1);
	assert_non_null(strstr(lines[0], "\"id\":8"));
	assert_non_null(strstr(lines[0], "\\\"code\\\":\\\"unavailable\\\""));
	store_message_counts(d.store, counts);
	assert_int_equal(counts[LADDER_QUEUED], 1);
}

/* The client's own time limit is no wish to end the message. */
static void
test_client_timeout(void **state)
{
	int64_t counts[LADDER_COUNT];

	(void)state;
	put(CALL(
	    "1", "\"name\":\"ask_message\",\"arguments\":{\"toTeam\":\"beta\",\"message\":\"x\"}"));
	put(V "\"method\":\"notifications/cancelled\",\"params\":{\"requestId\":1,"
	      "\"reason\":\"McpError: MCP error -32001: Request timed out\"}}");
	store_message_counts(d.store, counts);
	assert_int_equal(counts[LADDER_QUEUED], 1);
	assert_int_equal(counts[LADDER_CANCELLED], 0);
}

/* The same call of the same client instance is one message; without an instance each is new. */
static void
test_instance(void **state)
{
	const char *call = CALL("3",
	    "\"name\":\"quick_message\",\"arguments\":{\"toTeam\":\"beta\",\"message\":\"x\"}");
	int64_t counts[LADDER_COUNT];

	(void)state;
	snprintf(m.instance, sizeof m.instance, "instance-1");
	put(call);
	put(call);
	store_message_counts(d.store, counts);
	assert_int_equal(counts[LADDER_QUEUED], 1);
	snprintf(m.instance, sizeof m.instance, "instance-2");
	put(call);
	m.instance[0] = '\0';
	put(call);
	put(call);
	store_message_counts(d.store, counts);
	assert_int_equal(counts[LADDER_QUEUED], 4);
}

static void
test_who(void **state)
{
	(void)state;
	put(CALL("1",
	    "\"name\":\"quick_message\",\"arguments\":{\"toTeam\":\"beta\",\"message\":\"x\","
	    "\"fromTeam\":\"beta\"}"));
	assert_non_null(strstr(lines[0], "\\\"code\\\":\\\"refused\\\""));
	snprintf(caller, sizeof caller, "guest:x-00000000");
	put(CALL("1",
	    "\"name\":\"quick_message\",\"arguments\":{\"toTeam\":\"beta\",\"message\":\"x\","
	    "\"fromTeam\":\"beta\"}"));
	assert_non_null(strstr(lines[0], "leave fromTeam out"));
	put(CALL("1",
	    "\"name\":\"quick_message\",\"arguments\":{\"toTeam\":\"beta\",\"message\":\"x\"}"));
	assert_non_null(strstr(lines[0], "\\\"from\\\":\\\"guest:x-00000000\\\""));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_initialize),
	    TEST(test_discover),
	    TEST(test_modern_checks),
	    TEST(test_tools_list),
	    TEST(test_ids),
	    TEST(test_bad_lines),
	    TEST(test_listen),
	    TEST(test_call),
	    TEST(test_waiting),
	    TEST(test_client_timeout),
	    TEST(test_instance),
	    TEST(test_who),
	};

	json_init();
	log_init("test", LOG_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
