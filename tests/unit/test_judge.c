/* SPDX-License-Identifier: MIT
 *
 * irisd/core/judge: in which order rules, the guard and grantPermission decide, and that only
 * Iris's own tools are its own.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "common/compat.h"
#include "common/json.h"
#include "irisd/core/judge.h"
#include "irisd/mcp/mcp.h"
#include "tests/unit/irisd_fixture.h"

#define GRANT(name, dir)                                                                           \
	"  " name ":\n    path: " dir "\n    description: D\n    grantPermission: " name "\n"
#define RULES                                                                                      \
	"permissions:\n  deny: [WebSearch, 'Bash(curl:*)']\n  ask: [NotebookEdit]\n"               \
	"  allow: [WebSearch, 'Bash(git status:*)', 'Bash(make all)', Glob]\n"
#define TEAMS                                                                                      \
	RULES                                                                                      \
	"teams:\n" GRANT("'yes'", "alpha") GRANT("'no'", "beta") GRANT("ask", "gamma") GRANT(      \
	    "forward", "scripts") "  planner:\n    path: with space_and.dots \xc3\xa4\xc3\xb6\n"   \
				  "    description: D\n    grantPermission: 'yes'\n"               \
				  "    permissionMode: plan\n"

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

/* What is said about a use, with the command or the path as its input; the verdict lives on. */
static const struct verdict *
said(const char *team, const char *tool, const char *what, bool before)
{
	static struct verdict v;
	cJSON *in = json_new();

	json_put_str(in, strcmp(tool, "Bash") == 0 ? "command" : "file_path", what);
	judge(&d, team_find(&d, team), NULL, tool, in, before, &v);
	cJSON_Delete(in);
	return &v;
}

static void
expect(const char *team, const char *tool, const char *what, enum judge_how how, const char *rule)
{
	const struct verdict *v = said(team, tool, what, false);

	if (v->how != how || strcmp(v->rule, rule) != 0)
		fail_msg("%s %s %s: %d \"%s\"", team, tool, what, (int)v->how, v->rule);
}

static void
test_modes(void **state)
{
	(void)state;
	expect("yes", "Bash", "make", JUDGE_ALLOW, "grantPermission: yes");
	expect("no", "Bash", "make", JUDGE_DENY, "grantPermission: no");
	expect("ask", "Bash", "make", JUDGE_ASK, "grantPermission: ask");
	expect("forward", "Bash", "make", JUDGE_FORWARD, "grantPermission: forward");
}

/* A question to the person is none to be allowed by a setting: there would be no answer in it. */
static void
test_question(void **state)
{
	(void)state;
	expect("yes", "AskUserQuestion", "x", JUDGE_DENY, "grantPermission: yes");
	expect("ask", "AskUserQuestion", "x", JUDGE_ASK, "grantPermission: ask");
	expect("yes", "ExitPlanMode", "x", JUDGE_ALLOW, "grantPermission: yes");
	expect("planner", "ExitPlanMode", "x", JUDGE_DENY, "grantPermission: yes");
	expect("planner", "Bash", "make", JUDGE_ALLOW, "grantPermission: yes");
}

static void
test_rules_before_modes(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < sizeof grants / sizeof grants[0]; i++) {
		expect(grants[i], "WebSearch", "x", JUDGE_DENY, "permissions.deny: WebSearch");
		expect(grants[i], "Bash", "curl x", JUDGE_DENY, "permissions.deny: Bash(curl:*)");
		expect(grants[i], "Bash", "git status -s", JUDGE_ALLOW,
		    "permissions.allow: Bash(git status:*)");
		expect(grants[i], "Bash", "git status; curl x", JUDGE_DENY,
		    "permissions.deny: Bash(curl:*)");
	}
	/* Each part by one of the rules. */
	expect(
	    "no", "Bash", "git status && make all", JUDGE_ALLOW, "several rules that allow: Bash");
	expect("no", "Bash", "git status && make some", JUDGE_DENY, "grantPermission: no");
	expect("yes", "NotebookEdit", "x", JUDGE_ASK, "permissions.ask: NotebookEdit");
	expect("ask", "NotebookEdit", "x", JUDGE_ASK, "permissions.ask: NotebookEdit");
	expect("no", "NotebookEdit", "x", JUDGE_DENY, "permissions.ask: NotebookEdit");
	expect("forward", "NotebookEdit", "x", JUDGE_FORWARD, "permissions.ask: NotebookEdit");
}

/* Before Claude Code's own rules only what refuses or asks has something to say. */
static void
test_hook(void **state)
{
	(void)state;
	assert_int_equal(said("no", "Bash", "make", true)->how, JUDGE_NOTHING);
	assert_int_equal(said("yes", "Bash", "make", true)->how, JUDGE_NOTHING);
	assert_int_equal(said("ask", "Bash", "git status", true)->how, JUDGE_NOTHING);
	assert_int_equal(said("yes", "WebSearch", "x", true)->how, JUDGE_DENY);
	assert_int_equal(said("yes", "NotebookEdit", "x", true)->how, JUDGE_ASK);
}

static void
test_guard(void **state)
{
	const struct verdict *v;

	(void)state;
	v = said("yes", "Bash", "sudo sh -c 'rm -rf /'", false);
	assert_int_equal(v->how, JUDGE_ASK);
	assert_string_equal(v->via, "guard");
	assert_int_equal(strncmp(v->rule, "deleteOutside: ", strlen("deleteOutside: ")), 0);
	assert_int_equal(said("no", "Bash", "rm -rf /", true)->how, JUDGE_DENY);
	assert_int_equal(said("yes", "Bash", "mkfs.ext4 /dev/sda1", false)->how, JUDGE_DENY);
	/* A rule that allows does not open it. */
	v = said("yes", "Bash", "git status && rm -rf ~", false);
	assert_int_equal(v->how, JUDGE_ASK);
}

/* An earlier command may have gone elsewhere. */
static void
test_cwd(void **state)
{
	struct verdict v;
	cJSON *in = json_new();

	(void)state;
	json_put_str(in, "command", "rm -rf work");
	judge(&d, team_find(&d, "yes"), NULL, "Bash", in, true, &v);
	assert_int_equal(v.how, JUDGE_NOTHING);
	judge(&d, team_find(&d, "yes"), "/", "Bash", in, true, &v);
	assert_int_equal(v.how, JUDGE_ASK);
	assert_string_equal(v.guard.kind, "deleteOutside");
	cJSON_Delete(in);
}

static void
remember(const char *rule, const char *team, int64_t expires, int64_t revoked)
{
	struct store_rule r = {.rule = (char *)(uintptr_t)rule,
	    .team = (char *)(uintptr_t)team,
	    .by = (char *)(uintptr_t) "me",
	    .created_at = 1,
	    .expires_at = expires};

	store_rule_insert(d.store, &r);
	r.revoked_at = revoked;
	if (revoked != 0)
		store_rule_revoke(d.store, &r);
}

static void
test_remembered(void **state)
{
	(void)state;
	remember("Bash(make mine)", "ask", 0, 0);
	remember("Bash(make old)", NULL, 5, 0);
	remember("Bash(make no)", NULL, 0, 5);
	remember("Bash(make every)", NULL, compat_now_ms() + 100000, 0);
	expect("ask", "Bash", "make mine", JUDGE_ALLOW, "remembered rule 1: Bash(make mine)");
	expect("forward", "Bash", "make mine", JUDGE_FORWARD, "grantPermission: forward");
	expect("ask", "Bash", "make old", JUDGE_ASK, "grantPermission: ask");
	expect("ask", "Bash", "make no", JUDGE_ASK, "grantPermission: ask");
	expect("forward", "Bash", "make every", JUDGE_ALLOW, "remembered rule 4: Bash(make every)");
}

static void
test_own_tools(void **state)
{
	const struct mcp_tool *const tables[] = {
	    mcp_tools_message, mcp_tools_team, mcp_tools_misc, mcp_tools_permission};
	const struct mcp_tool *t;
	char name[200];
	size_t i, j;
	int n = 0;

	(void)state;
	for (i = 0; i < sizeof tables / sizeof tables[0]; i++) {
		for (t = tables[i]; t->name != NULL; t++) {
			snprintf(name, sizeof name, "mcp__iris__%s", t->name);
			for (j = 0; j < sizeof grants / sizeof grants[0]; j++)
				if (said(grants[j], name, "", false)->how != JUDGE_ALLOW)
					fail_msg("team %s: %s is not allowed", grants[j], name);
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
			assert_int_not_equal(
			    said(grants[j], names[i], "", false)->how, JUDGE_ALLOW);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_modes, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_question, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_rules_before_modes, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_hook, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_guard, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_cwd, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_remembered, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_own_tools, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_look_alikes, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
