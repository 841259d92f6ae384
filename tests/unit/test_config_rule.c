/* SPDX-License-Identifier: MIT
 *
 * permissions in config.yaml: what its lists take and refuse, and where.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/config_impl.h"

static struct config *
load(const char *text, struct err *err)
{
	return config_parse("/nowhere/config.yaml", text, strlen(text), err);
}

static void
test_everything(void **state)
{
	struct err err;
	struct config *c = load(
	    "permissions:\n  allow: ['Bash(git status:*)', WebSearch, 'mcp__github__get_*']\n"
	    "  deny: ['Read(~/.ssh/**)']\n  talk: [deny guest:* -> production, '* -> *']\n"
	    "  notify: [cat, -u]\n  guard:\n    sql: log\n    commands: [deny terraform destroy]\n"
	    "teams:\n  a:\n    path: /tmp\n    permissions:\n      ask: ['Bash(npm publish:*)']\n",
	    &err);

	(void)state;
	assert_non_null(c);
	assert_int_equal(c->warnings.n, 0);
	assert_int_equal(c->permissions.rules.allow.n, 3);
	assert_string_equal(c->permissions.rules.allow.v[0], "Bash(git status:*)");
	assert_string_equal(c->permissions.rules.deny.v[0], "Read(~/.ssh/**)");
	assert_string_equal(c->permissions.talk.v[0], "deny guest:* -> production");
	assert_string_equal(c->permissions.notify.v[1], "-u");
	assert_int_equal(c->permissions.guard.sql, CONFIG_ACTION_LOG);
	assert_int_equal(c->permissions.guard.disk, CONFIG_ACTION_DENY);
	assert_string_equal(c->permissions.guard.commands.v[0], "deny terraform destroy");
	assert_string_equal(c->teams[0].rules.ask.v[0], "Bash(npm publish:*)");
	assert_int_equal(c->teams[0].rules.allow.n, 0);
	config_free(c);
}

static void
test_refused(void **state)
{
	static const struct {
		const char *text, *why;
	} bad[] = {
	    {"allow: ['Bash(git']", ":2:11: permissions.allow: \"Bash(git\" is no rule"},
	    {"deny: ['Bash()']", "has nothing between"},
	    {"deny: ['(x)']", "does not begin with a tool"},
	    {"ask: ['mcp__a__b(x)']", "has \"(\" after an MCP tool"},
	    {"talk: ['a b']", "does not say from whom"},
	    {"talk: ['a -> ']", "does not end with whom"},
	    {"talk: ['a -> b c']", "does not end with whom"},
	    {"guard: {commands: ['terraform destroy']}", "does not begin with an action"},
	    {"guard: {commands: ['deny ']}", "names no command"},
	    {"guard: {sql: maybe}", "expected off, log, ask or deny"},
	    {"allow: WebSearch", "permissions.allow is a single value; expected a list of rules"},
	};
	char text[200];
	struct err err;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		snprintf(text, sizeof text, "permissions:\n  %s\n", bad[i].text);
		assert_null(load(text, &err));
		assert_int_equal(err.code, ERR_CONFIG);
		if (strstr(err.msg, bad[i].why) == NULL)
			fail_msg("%s: %s", bad[i].text, err.msg);
	}
}

static void
test_unknown_key(void **state)
{
	struct err err;
	struct config *c = load("permissions:\n  guards: {}\n  guard:\n    disc: off\n", &err);

	(void)state;
	assert_non_null(c);
	assert_int_equal(c->warnings.n, 2);
	assert_non_null(strstr(c->warnings.v[0], "did you mean \"guard\"?"));
	assert_non_null(strstr(c->warnings.v[1], "did you mean \"disk\"?"));
	config_free(c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_everything),
	    cmocka_unit_test(test_refused),
	    cmocka_unit_test(test_unknown_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
