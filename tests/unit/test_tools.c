/* SPDX-License-Identifier: MIT
 *
 * irisd/mcp/tools: the table of tools as clients get it, and the check of arguments.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <strings.h>
#include <cmocka.h>

#include "common/json.h"
#include "irisd/mcp/mcp.h"
#include "tests/unit/irisd_fixture.h"

#define CLAUDE_CUT 2048 /* Claude Code cuts descriptions and instructions there */

/* Each tool, and what its first sentence must say: a search for a person's words must find it. */
static const struct {
	const char *name;
	const char *words;
	bool read_only;
} tools[] = {
    {"send_message", "message team", false},
    {"ask_message", "ask team question answer", false},
    {"quick_message", "message team without waiting", false},
    {"message_result", "answer message", true},
    {"list_teams", "list teams", true},
    {"team_status", "teams doing", true},
    {"team_wake", "wake team", false},
    {"team_launch", "launch team", false},
    {"team_sleep", "sleep team", false},
    {"list_sessions", "list conversations sessions teams", true},
    {"session_report", "said conversation team", true},
    {"session_cancel", "stop team doing interrupt", false},
    {"session_compact", "compact conversation team summary", false},
    {"session_reboot", "start over team forget conversation", false},
    {"session_delete", "delete conversation team", false},
    {"session_fork", "open conversation team terminal window", false},
    {"permissions__approve", "claude use tool", false},
    {"permissions_pending", "permission requests wait person approve", true},
    {"permissions_answer", "approve deny permission request", false},
    {"message_status", "message way team", true},
    {"message_cancel", "cancel message", false},
    {"list_messages", "list messages sent received teams", true},
    {"search_messages", "search asked answered words", true},
    {"broadcast_message", "ask tell several teams all answer", false},
    {"team_wake_all", "wake all teams", false},
    {"get_logs", "log daemon workers wrong", true},
    {"get_agent", "prompt expert agent reviewer", true},
    {"get_date", "date time", true},
};

#define NTOOLS (sizeof tools / sizeof tools[0])

static cJSON *
listed(void)
{
	const char *text = mcp_tools_json();
	struct err err;
	cJSON *list = json_parse(text, strlen(text), &err);

	if (list == NULL)
		fail_msg("%s", err.msg);
	assert_true(cJSON_IsArray(list));
	return list;
}

/* The properties of an object schema; each must say its type, and required ones must exist. */
static void
check_schema(const char *tool, const cJSON *schema)
{
	const cJSON *props = json_obj(schema, "properties"), *p;

	assert_non_null(schema);
	assert_string_equal(json_str(schema, "type"), "object");
	assert_non_null(props);
	cJSON_ArrayForEach (p, props)
		if (json_str(p, "type") == NULL && json_arr(p, "anyOf") == NULL)
			fail_msg("%s: %s has no type", tool, p->string);
	cJSON_ArrayForEach (p, json_get(schema, "required"))
		if (json_get(props, p->valuestring) == NULL)
			fail_msg("%s: required %s is no property", tool, p->valuestring);
}

static void
test_list(void **state)
{
	cJSON *list = listed();
	const cJSON *t;
	size_t n = 0;

	(void)state;
	assert_int_equal(cJSON_GetArraySize(list), NTOOLS);
	cJSON_ArrayForEach (t, list) {
		const char *name = json_str(t, "name");
		bool read_only = json_bool(json_obj(t, "annotations"), "readOnlyHint", false);
		size_t i;
		for (i = 0; i < NTOOLS && strcmp(tools[i].name, name) != 0; i++)
			;
		if (i == NTOOLS)
			fail_msg("unexpected tool %s", name);
		n |= (size_t)1 << i;
		assert_int_equal(read_only, tools[i].read_only);
		assert_true(strlen(json_str(t, "title")) > 0);
		assert_true(strlen(json_str(t, "description")) < CLAUDE_CUT);
		check_schema(name, json_obj(t, "inputSchema"));
		if (mcp_tool_find(name)->output != NULL)
			check_schema(name, json_obj(t, "outputSchema"));
		assert_false(json_bool(json_obj(t, "inputSchema"), "additionalProperties", true));
		assert_string_equal(mcp_tool_find(name)->name, name);
	}
	assert_int_equal(n, ((size_t)1 << NTOOLS) - 1);
	assert_null(mcp_tool_find("no_such_tool"));
	assert_null(mcp_tool_find(""));
	assert_true(strlen(mcp_instructions) < CLAUDE_CUT);
	cJSON_Delete(list);
}

static bool
has_word(const char *text, size_t len, const char *word, size_t wlen)
{
	size_t i;

	for (i = 0; i + wlen <= len; i++)
		if (strncasecmp(text + i, word, wlen) == 0)
			return true;
	return false;
}

static void
test_first_sentence(void **state)
{
	size_t i, len;

	(void)state;
	for (i = 0; i < NTOOLS; i++) {
		const struct mcp_tool *t = mcp_tool_find(tools[i].name);
		const char *end = strstr(t->description, ". "), *w = tools[i].words;
		len = end != NULL ? (size_t)(end - t->description) : strlen(t->description);
		while (*w != '\0') {
			size_t n = strcspn(w, " ");
			if (!has_word(t->description, len, w, n))
				fail_msg("%s: the first sentence lacks \"%.*s\": %.*s", t->name,
				    (int)n, w, (int)len, t->description);
			w += n + strspn(w + n, " ");
		}
	}
}

/* args as JSON; want NULL: good, else a part of the message. */
static void
expect(const char *tool, const char *args, const char *want)
{
	const struct mcp_tool *t = mcp_tool_find(tool);
	cJSON *json = args != NULL ? cJSON_Parse(args) : NULL;
	struct err err = {0};
	int rv;

	assert_non_null(t);
	assert_true(args == NULL || json != NULL);
	rv = mcp_tool_check(t, json, &err);
	if (want == NULL && rv != 0)
		fail_msg("%s %s: %s", tool, args != NULL ? args : "", err.msg);
	if (want != NULL) {
		assert_int_equal(rv, -1);
		assert_int_equal(err.code, ERR_INVALID);
		if (strncmp(err.msg, tool, strlen(tool)) != 0 || strstr(err.msg, want) == NULL)
			fail_msg("%s %s: \"%s\" lacks \"%s\"", tool, args != NULL ? args : "",
			    err.msg, want);
	}
	cJSON_Delete(json);
}

static void
test_arguments(void **state)
{
	(void)state;
	expect("ask_message", "{\"toTeam\":\"b\",\"message\":\"x\"}", NULL);
	expect("ask_message",
	    "{\"toTeam\":\"b\",\"message\":\"x\",\"timeout\":-1,\"fromTeam\":\"a\"}", NULL);
	expect("ask_message",
	    "{\"toTeam\":\"b\",\"message\":\"x\",\"timeout\":3600000,"
	    "\"persist\":true,\"ttlDays\":3}",
	    NULL);
	expect("list_teams", NULL, NULL);
	expect("list_teams", "{}", NULL);
	expect("team_status", "{\"includeNotifications\":false}", NULL);

	/* Missing. */
	expect("ask_message", NULL, "\"toTeam\" is missing");
	expect("ask_message", "{\"toTeam\":\"b\"}", "\"message\" is missing");
	expect("team_wake", "{}", "\"team\" is missing");
	expect("message_result", "{}", "\"messageId\" is missing");
	/* Of another type. */
	expect("ask_message", "[]", "\"arguments\" must be an object; it takes toTeam (required)");
	expect(
	    "ask_message", "\"x\"", "\"arguments\" must be an object; it takes toTeam (required)");
	expect("ask_message", "{\"toTeam\":7,\"message\":\"x\"}", "\"toTeam\" must be a string");
	expect("ask_message", "{\"toTeam\":null,\"message\":\"x\"}", "\"toTeam\" must be a string");
	expect("ask_message", "{\"toTeam\":\"b\",\"message\":{}}", "\"message\" must be a string");
	expect("ask_message", "{\"toTeam\":\"b\",\"message\":\"x\",\"timeout\":\"5\"}",
	    "\"timeout\" must be a whole number from -1");
	expect("ask_message", "{\"toTeam\":\"b\",\"message\":\"x\",\"timeout\":2.5}",
	    "\"timeout\" must be a whole number");
	expect("ask_message", "{\"toTeam\":\"b\",\"message\":\"x\",\"timeout\":true}",
	    "\"timeout\" must be a whole number");
	expect("team_status", "{\"includeNotifications\":\"yes\"}",
	    "\"includeNotifications\" must be true or false");
	expect("team_sleep", "{\"team\":\"b\",\"force\":1}", "\"force\" must be true or false");
	/* Out of range. */
	expect("ask_message", "{\"toTeam\":\"\",\"message\":\"x\"}", "\"toTeam\" is empty");
	expect("ask_message", "{\"toTeam\":\"b\",\"message\":\"\"}", "\"message\" is empty");
	expect("ask_message", "{\"toTeam\":\"b\",\"message\":\"x\",\"timeout\":-2}",
	    "\"timeout\" must be");
	expect(
	    "ask_message", "{\"toTeam\":\"b\",\"message\":\"x\",\"timeout\":3600001}", "3600000");
	expect("ask_message", "{\"toTeam\":\"b\",\"message\":\"x\",\"timeout\":1e300}",
	    "\"timeout\" must be");
	/* Unknown. */
	expect("ask_message", "{\"totem\":\"b\",\"message\":\"x\"}", "unknown argument \"totem\"");
	expect("ask_message", "{\"toTeam\":\"b\",\"mesage\":\"x\"}", "did you mean \"message\"?");
	expect("ask_message", "{\"toteam\":\"b\",\"message\":\"x\"}", "did you mean \"toTeam\"?");
	expect("list_teams", "{\"qqqqqqqq\":1}", "unknown argument \"qqqqqqqq\"; it takes none");
	expect("team_sleep", "{\"qqqqqqqq\":1}", "it takes team (required), fromTeam, force");
}

static void
test_lengths(void **state)
{
	char *args, *long_name = xmalloc(102), *body = xmalloc(MESSAGE_BODY_MAX + 2);

	(void)state;
	memset(long_name, 'x', 101);
	long_name[101] = '\0';
	args = xasprintf("{\"toTeam\":\"%s\",\"message\":\"x\"}", long_name);
	expect("ask_message", args, "\"toTeam\" has 101 bytes, 100 are the limit");
	free(args);
	args = xasprintf("{\"toTeam\":\"%s\",\"message\":\"x\"}", long_name + 1);
	expect("ask_message", args, NULL);
	free(args);
	memset(body, 'y', MESSAGE_BODY_MAX + 1);
	body[MESSAGE_BODY_MAX + 1] = '\0';
	args = xasprintf("{\"toTeam\":\"b\",\"message\":\"%s\"}", body);
	expect("ask_message", args, "\"message\" has 4194305 bytes, 4194304 are the limit");
	free(args);
	args = xasprintf("{\"toTeam\":\"b\",\"message\":\"%s\"}", body + 1);
	expect("ask_message", args, NULL);
	free(args);
	free(long_name);
	free(body);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_list),
	    cmocka_unit_test(test_first_sentence),
	    cmocka_unit_test(test_arguments),
	    cmocka_unit_test(test_lengths),
	};

	json_init();
	return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
