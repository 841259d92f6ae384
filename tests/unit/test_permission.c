/* SPDX-License-Identifier: MIT
 *
 * irisd/core/permission: what each grantPermission answers, and that only Iris's own tools are
 * its own.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "common/compat.h"
#include "common/json.h"
#include "irisd/core/permission.h"
#include "irisd/mcp/mcp.h"
#include "tests/unit/irisd_fixture.h"

#define GRANT(name, dir)                                                                           \
	"  " name ":\n    path: " dir "\n    description: D\n    grantPermission: " name "\n"
#define TEAMS                                                                                      \
	"teams:\n" GRANT("'yes'", "alpha") GRANT("'no'", "beta") GRANT("ask", "gamma")             \
	    GRANT("forward", "scripts")

static const char *const grants[] = {"yes", "no", "ask", "forward"};

static struct irisd d;

static int
setup(void **state)
{
	if (fixture_setup(state) == -1)
		return -1;
	fixture_irisd(&d, TEAMS);
	return 0;
}

static int
teardown(void **state)
{
	fixture_irisd_release(&d);
	return fixture_teardown(state);
}

static struct session *
session_with(const char *team)
{
	struct err err;
	struct session *s = session_get(team_find(&d, team), "ask", true, &err);

	if (s == NULL)
		fail_msg("%s", err.msg);
	return s;
}

/*
 * Decide; the answer's form is checked here. Returns the message of a refusal (until the next
 * call), or NULL when it was allowed and the input came back as it was.
 */
static const char *
decide(const char *team, const char *tool, const char *input)
{
	static char why[1024];
	struct session *s = session_with(team);
	struct err err;
	cJSON *in = json_parse(input, strlen(input), &err), *o;
	const cJSON *p;
	char *line, *back;
	bool allowed;

	assert_non_null(in);
	line = permission_decide(s, "req \"7\"", tool, in);
	if ((o = json_parse(line, strlen(line), &err)) == NULL)
		fail_msg("%s: %s", err.msg, line);
	assert_string_equal(json_str(o, "jsonrpc"), "2.0");
	assert_string_equal(json_str(o, "method"), "worker/answer");
	assert_non_null(json_get(o, "id"));
	p = json_obj(o, "params");
	assert_non_null(p);
	assert_string_equal(json_str(p, "session"), s->key);
	assert_string_equal(json_str(p, "request"), "req \"7\"");
	allowed = strcmp(json_str(p, "behavior"), "allow") == 0;
	assert_int_equal(cJSON_GetArraySize(p), 4);
	if (allowed) {
		back = json_print(json_get(p, "updatedInput"));
		assert_string_equal(back, input);
		free(back);
	} else {
		assert_string_equal(json_str(p, "behavior"), "deny");
		snprintf(why, sizeof why, "%s", json_str(p, "message"));
		assert_true(why[0] != '\0');
	}
	free(line);
	cJSON_Delete(o);
	cJSON_Delete(in);
	return allowed ? NULL : why;
}

static void
expect_refused(const char *team, const char *tool, const char *words)
{
	const char *why = decide(team, tool, "{\"command\":\"rm\"}");

	if (why == NULL)
		fail_msg("team %s: %s was allowed", team, tool);
	if (strstr(why, words) == NULL)
		fail_msg("\"%s\" lacks \"%s\"", why, words);
}

static void
test_modes(void **state)
{
	(void)state;
	assert_null(decide("yes", "Bash", "{\"command\":\"rm\"}"));
	expect_refused("no", "Bash",
	    "Bash is not permitted: team no is read-only for other teams (grantPermission: no). Answer "
	    "without it, and say what could not be done.");
	expect_refused("ask", "Bash",
	    "Bash needs a person's permission, and nobody can be asked from here (team ask has "
	    "grantPermission: ask). Answer without it, and say which permission was missing");
	expect_refused("forward", "Bash", "(team forward has grantPermission: forward)");
	expect_refused("ask", "Bash", "grantPermission: yes in Iris's configuration.");
}

/* Claude Code runs the tool with what we give back: it must be what was asked about. */
static void
test_input_unchanged(void **state)
{
	static const char *const inputs[] = {"{}", "{\"a\":[1,2.5,-0.001,true,false,null,\"\"]}",
	    "{\"b\":{\"a\":{\"c\":\"\xc3\xa4 \\\"q\\\" \\n \\\\\"}},\"a\":1732297124123456}",
	    "{\"behavior\":\"deny\",\"updatedInput\":{},\"session\":\"s999\"}"};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof inputs / sizeof inputs[0]; i++) {
		assert_null(decide("yes", "Write", inputs[i]));
		assert_null(decide("no", "mcp__iris__ask_message", inputs[i]));
	}
}

static void
test_own_tools(void **state)
{
	const struct mcp_tool *const tables[] = {mcp_tools_message, mcp_tools_team, mcp_tools_misc};
	const struct mcp_tool *t;
	char name[200];
	size_t i, j;
	int n = 0;

	(void)state;
	for (i = 0; i < sizeof tables / sizeof tables[0]; i++) {
		for (t = tables[i]; t->name != NULL; t++) {
			snprintf(name, sizeof name, "mcp__iris__%s", t->name);
			for (j = 0; j < sizeof grants / sizeof grants[0]; j++)
				if (decide(grants[j], name, "{}") != NULL)
					fail_msg("team %s: %s was refused", grants[j], name);
			n++;
		}
	}
	assert_true(n >= 10);
}

/* Names that only look like ours. */
static void
test_look_alikes(void **state)
{
	static const char *const names[] = {"mcp__irisx__ask_message",
	    "mcp__iris_evil__ask_message", "mcp__iris__evil__ask_message",
	    "mcp__iris__ask_message2", "mcp__iris__ask_messag", "mcp__iris__ask_message ",
	    "mcp__iris__ASK_MESSAGE", "MCP__IRIS__ask_message", "mcp__iris__", "mcp__iris__Bash",
	    "mcp__iris_ask_message", "mcp_iris__ask_message", "mcp__iris__mcp__iris__ask_message",
	    "xmcp__iris__ask_message", " mcp__iris__ask_message", "mcp__other__ask_message",
	    "ask_message", ""};
	size_t i, j;

	(void)state;
	for (i = 0; i < sizeof names / sizeof names[0]; i++)
		for (j = 1; j < sizeof grants / sizeof grants[0]; j++)
			expect_refused(grants[j], names[i], "Answer without it");
}

/* Long names are cut, and the cut leaves UTF-8. */
static void
test_long_name(void **state)
{
	char tool[2000] = "";
	const char *why;
	size_t i, j;

	(void)state;
	for (j = 0; j < 4; j++) {
		memset(tool, 'x', j);
		tool[j] = '\0';
		for (i = 0; i < 200; i++)
			compat_strlcat(tool, "\xe2\x82\xac", sizeof tool);
		for (i = 1; i < sizeof grants / sizeof grants[0]; i++) {
			why = decide(grants[i], tool, "{}");
			assert_non_null(why);
			assert_true(strlen(why) < 512);
			assert_true(json_utf8_valid(why, strlen(why)));
			assert_non_null(strstr(why, "Answer without it"));
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_modes, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_input_unchanged, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_own_tools, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_look_alikes, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_long_name, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
