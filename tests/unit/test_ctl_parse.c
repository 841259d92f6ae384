/* SPDX-License-Identifier: MIT
 *
 * The command line parser, on a table of its own: options as getopt_long reads them, operands,
 * durations.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "irisd/ctl/parse.c"

#define END                                                                                        \
	{                                                                                          \
		NULL, 0, NULL, NULL, NULL                                                          \
	}

/* In the order that set_global() knows. */
const struct ctl_option ctl_global_options[] = {
    {"json", 0, NULL, "", NULL},
    {"no-color", 0, NULL, "", NULL},
    {"quiet", 'q', NULL, "", NULL},
    {"verbose", 'v', NULL, "", NULL},
    {"help", 'h', NULL, "", NULL},
    {"version", 'V', NULL, "", NULL},
    END,
};

static const struct ctl_option options[] = {
    {"color", 'c', "C", "", NULL},
    {"force", 'f', NULL, "", NULL},
    {"form", 0, "F", "", NULL},
    END,
};

static int
run_stub(struct ctl *c, struct err *err)
{
	(void)c;
	(void)err;
	return 0;
}

const struct ctl_command ctl_commands[] = {
    {"do", "d", "A [B]", 1, 2, {0, 0}, NULL, "", NULL, options, run_stub},
    {"any", NULL, "X...", 0, -1, {0, 0}, NULL, "", NULL, NULL, run_stub},
    {"team add", "add-team", "N", 1, 1, {0, 0}, NULL, "", NULL, NULL, run_stub},
    {"team list", NULL, "", 0, 0, {0, 0}, NULL, "", NULL, NULL, run_stub},
};
const size_t ctl_ncommands = sizeof ctl_commands / sizeof ctl_commands[0];

const char *
ctl_usage(const struct ctl_command *cmd, char *buf, size_t size)
{
	snprintf(buf, size, "iris %s", cmd->name);
	return buf;
}

static struct ctl ctl;
static struct err err;

/* line: words with blanks between. */
static int
parse(const char *line)
{
	static char text[256], *argv[32];
	int argc = 0;
	char *p;

	memset(&ctl, 0, sizeof ctl);
	err_clear(&err);
	snprintf(text, sizeof text, "iris %s", line);
	for (p = strtok(text, " "); p != NULL; p = strtok(NULL, " "))
		argv[argc++] = p;
	argv[argc] = NULL;
	return ctl_parse(&ctl, argc, argv, &err);
}

static void
test_options(void **state)
{
	static const char *const same[] = {"do x --color red --force", "do --color=red x --force",
	    "do -c red -f x", "do -cred -f x", "do -fc red x", "do x -f --co red", "d x -fcred",
	    "do -f --color=red -- x"};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof same / sizeof same[0]; i++) {
		if (parse(same[i]) == -1)
			fail_msg("%s: %s", same[i], err.msg);
		assert_string_equal(ctl_opt(&ctl, "color"), "red");
		assert_string_equal(ctl_opt(&ctl, "force"), "");
		assert_null(ctl_opt(&ctl, "form"));
		assert_int_equal(ctl.noperands, 1);
		assert_string_equal(ctl.operand[0], "x");
		assert_false(ctl.json);
	}
	assert_int_equal(parse("--json -q do a b -v"), 0);
	assert_true(ctl.json && ctl.quiet && ctl.verbose);
	assert_int_equal(ctl.noperands, 2);
	assert_string_equal(ctl.operand[1], "b");
	assert_int_equal(parse("do --color= x"), 0);
	assert_string_equal(ctl_opt(&ctl, "color"), "");
}

static void
test_operands(void **state)
{
	(void)state;
	assert_int_equal(parse("any a -q - -- --json -x --"), 0);
	assert_int_equal(ctl.noperands, 5);
	assert_string_equal(ctl.operand[1], "-");
	assert_string_equal(ctl.operand[2], "--json");
	assert_string_equal(ctl.operand[4], "--");
	assert_false(ctl.json);
	assert_int_equal(parse("team add x"), 0);
	assert_string_equal(ctl.cmd->name, "team add");
	assert_int_equal(parse("add-team x"), 0);
	assert_string_equal(ctl.cmd->name, "team add");
	assert_int_equal(parse(""), 0);
	assert_null(ctl.cmd);
	assert_int_equal(parse("do --help"), 0);
	assert_true(ctl.help);
	assert_int_equal(parse("team --help"), 0);
	assert_true(ctl.help);
	assert_null(ctl.cmd);
}

static void
test_refused(void **state)
{
	static const struct {
		const char *line, *why;
	} bad[] = {
	    {"do x --colr=1", "unknown option --colr; did you mean --color?"},
	    {"do x --fo", "--fo is the beginning of several options"},
	    {"do x --force=1", "option --force takes no value"},
	    {"do x --color", "option --color needs a value: C"},
	    {"do x -c", "option -c needs a value: C"},
	    {"do x -Z", "unknown option -Z"},
	    {"do", "missing operand; usage: iris do"},
	    {"do a b c", "unexpected operand; usage: iris do"},
	    {"dd", "unknown command \"dd\""},
	    {"team", "iris team needs a word after it: add, list"},
	    {"team -q", "iris team needs a word after it: add, list"},
	    {"team lst", "unknown command \"team lst\"; did you mean list?"},
	    {"-- do x", "\"--\" before the command"},
	    {"--bad", "unknown option --bad"},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		assert_int_equal(parse(bad[i].line), -1);
		assert_int_equal(err.code, ERR_INVALID);
		if (strncmp(err.msg, bad[i].why, strlen(bad[i].why)) != 0)
			fail_msg("%s: \"%s\"", bad[i].line, err.msg);
	}
}

static void
test_numbers(void **state)
{
	static const char *const bad[] = {"", "-1", "1.5s", "s", "1 s", "+1", " 1", "1d",
	    "99999999999h", "2147483648", "18446744073709551616"};
	int64_t n;
	size_t i;

	(void)state;
	assert_int_equal(ctl_duration("250", &n, &err), 0);
	assert_int_equal(n, 250);
	assert_int_equal(ctl_duration("250ms", &n, &err), 0);
	assert_int_equal(n, 250);
	assert_int_equal(ctl_duration("30s", &n, &err), 0);
	assert_int_equal(n, 30000);
	assert_int_equal(ctl_duration("5m", &n, &err), 0);
	assert_int_equal(n, 300000);
	assert_int_equal(ctl_duration("2h", &n, &err), 0);
	assert_int_equal(n, 7200000);
	assert_int_equal(ctl_duration("0", &n, &err), 0);
	assert_int_equal(n, 0);
	for (i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_int_equal(ctl_duration(bad[i], &n, &err), -1);
	assert_int_equal(ctl_number("7", "--n", 1, 10, &n, &err), 0);
	assert_int_equal(n, 7);
	assert_int_equal(ctl_number("11", "--n", 1, 10, &n, &err), -1);
	assert_string_equal(err.msg, "--n is \"11\"; expected a number from 1 to 10");
	assert_int_equal(ctl_number("7x", "--n", 1, 10, &n, &err), -1);
	assert_int_equal(ctl_number("", "--n", 1, 10, &n, &err), -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_options),
	    cmocka_unit_test(test_operands),
	    cmocka_unit_test(test_refused),
	    cmocka_unit_test(test_numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
