/* SPDX-License-Identifier: MIT
 *
 * common/log: the form of a line, levels, escapes, the cut of long lines, and that no secret gets
 * through.
 */
#include <sys/wait.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "common/log.h"

static char line[2 * LOG_LINE_MAX];
static int out[2];

/* What was logged since the last call. */
static const char *
logged(void)
{
	ssize_t n;

	assert_int_equal(write(out[1], "\0", 1), 1);
	n = read(out[0], line, sizeof line);
	assert_true(n > 0);
	assert_int_equal(line[n - 1], '\0');
	return line;
}

static int
setup(void **state)
{
	(void)state;
	log_init("prog", LOG_INFO);
	if (pipe(out) == -1)
		return -1;
	log_set_fd(out[1]);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	log_set_fd(STDERR_FILENO);
	close(out[0]);
	close(out[1]);
	return 0;
}

static void
test_form(void **state)
{
	char expected[64];
	int y, mo, d, h, mi, s, ms, n = 0;

	(void)state;
	log_warn("team=%s queued=%d", "b", 3);
	assert_int_equal(
	    sscanf(logged(), "%d-%d-%dT%d:%d:%d.%dZ %n", &y, &mo, &d, &h, &mi, &s, &ms, &n), 7);
	assert_int_equal(n, 25);
	assert_in_range(y, 2024, 9999);
	snprintf(expected, sizeof expected, "warn prog[%ld] team=b queued=3\n", (long)getpid());
	assert_string_equal(line + n, expected);
}

static void
test_levels(void **state)
{
	enum log_level level = LOG_INFO;
	int evaluated = 0;

	(void)state;
	log_at(LOG_DEBUG, "hidden");
	log_debug("%d", evaluated++);
	assert_string_equal(logged(), "");
	assert_int_equal(evaluated, 0);
	log_set_level(LOG_DEBUG);
	log_debug("%d", evaluated++);
	assert_non_null(strstr(logged(), " debug prog["));
	assert_int_equal(evaluated, 1);
	log_set_level(LOG_ERROR);
	log_warn("hidden");
	assert_string_equal(logged(), "");
	log_error("shown");
	assert_non_null(strstr(logged(), "shown"));
	assert_int_equal(log_level_from_name("warn", &level), 0);
	assert_int_equal(level, LOG_WARN);
	assert_int_equal(log_level_from_name("WARN", &level), -1);
	assert_int_equal(log_level_from_name("", &level), -1);
	assert_int_equal(level, LOG_WARN);
}

/* One event is one line, and nobody's terminal is driven by it. */
static void
test_escapes(void **state)
{
	(void)state;
	errno = EINTR;
	log_info("a\nb\r\033[31m\x7f c\\ \xc3\xa9");
	assert_int_equal(errno, EINTR);
	logged();
	assert_ptr_equal(strchr(line, '\n'), line + strlen(line) - 1);
	assert_null(strchr(line, '\033'));
	assert_null(strchr(line, '\r'));
	assert_null(strchr(line, '\x7f'));
	assert_non_null(strstr(line, "\\x1b[31m\\x7f c"));
	assert_non_null(strstr(line, "\xc3\xa9"));
}

/* Neither the other control characters, nor other line ends, nor what turns a text around. */
static void
test_invisible(void **state)
{
	(void)state;
	log_info(
	    "a\xc2\x9b"
	    "31m\xc2\x85 \xe2\x80\xa8\xe2\x80\xae\xe2\x81\xa6\xe2\x80\x8f. \xc2\xa0\xe2\x80\xa6\xe2\x81\xa0\xe2\x82\xac\xe2\x80");
	logged();
	assert_non_null(strstr(line, "a\\u009b31m\\u0085 \\u2028\\u202e\\u2066\\u200f. "));
	assert_non_null(strstr(line, ". \xc2\xa0\xe2\x80\xa6\xe2\x81\xa0\xe2\x82\xac\xe2\x80\n"));
}

static void
test_long(void **state)
{
	static const char fill[] = {'m', '\001', '\n'};
	char text[3 * LOG_LINE_MAX];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof fill; i++) {
		memset(text, fill[i], sizeof text - 1);
		text[sizeof text - 1] = '\0';
		log_info("%s", text);
		logged();
		assert_in_range(strlen(line), LOG_LINE_MAX / 2, LOG_LINE_MAX + 128);
		assert_string_equal(line + strlen(line) - 4, "...\n");
	}
}

struct redaction {
	const char *text, *expected;
};

static void
test_redact(void **state)
{
	static const struct redaction cases[] = {
	    {"key sk-ant-api03-AbCd_123-xyz!", "key sk-ant-[redacted]!"},
	    {"Authorization: Bearer abcdefghijklmnop end", "Authorization: Bearer [redacted] end"},
	    {"authorization: bearer abcdefghijklmnop", "authorization: bearer [redacted]"},
	    {"ANTHROPIC_API_KEY=0123456789abcdef next", "ANTHROPIC_API_KEY=[redacted] next"},
	    {"{\"password\": \"correcthorsebattery\"}", "{\"password\": \"[redacted]\"}"},
	    {"csrfToken:0123456789abcdef", "csrfToken:[redacted]"},
	    {"a=1 my_secret=0123456789 b=2", "a=1 my_secret=[redacted] b=2"},
	    {"token=short stays", "token=short stays"},
	    {"team=backend path=/home/u/a-long-directory",
		"team=backend path=/home/u/a-long-directory"},
	    {"sk-ant-aaaaaaaaaaaa sk-ant-bbbbbbbbbbbb", "sk-ant-[redacted] sk-ant-[redacted]"},
	    {"", ""},
	    {"=:=:token=", "=:=:token="},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char text[128];
		snprintf(text, sizeof text, "%s", cases[i].text);
		log_redact(text);
		assert_string_equal(text, cases[i].expected);
	}
	log_info("sk-ant-api03-%s", "0123456789");
	assert_null(strstr(logged(), "0123456789"));
}

static void
test_fatal(void **state)
{
	int status, with_errno;
	pid_t pid;

	(void)state;
	for (with_errno = 0; with_errno < 2; with_errno++) {
		if ((pid = fork()) == 0) {
			errno = ENOSPC;
			if (with_errno)
				fatal("writing %s", "x");
			fatalx("no way");
		}
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFEXITED(status));
		assert_int_equal(WEXITSTATUS(status), 1);
		assert_non_null(strstr(
		    logged(), with_errno ? "writing x: No space left on device\n" : "] no way\n"));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_form, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_levels, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_escapes, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_invisible, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_long, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_redact, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_fatal, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
