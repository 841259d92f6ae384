/* SPDX-License-Identifier: MIT
 *
 * common/err: the table, the cutting of long texts, and what is kept of errno.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "common/err.h"
#include "common/json.h"

static void
test_table(void **state)
{
	int i, j;

	(void)state;
	assert_string_equal(err_name(ERR_NONE), "none");
	assert_string_equal(err_name(ERR_NOT_FOUND), "not_found");
	assert_int_equal(err_rpc_code(ERR_UNAVAILABLE), -31004);
	assert_int_equal(err_exit_status(ERR_CONFIG), 78);
	for (i = 1; i < ERR_COUNT; i++) {
		enum err_code c = (enum err_code)i;
		int rpc = err_rpc_code(c);
		assert_int_equal(err_code_from_name(err_name(c)), c);
		assert_true(strlen(err_meaning(c)) > 10);
		/* Only codes that JSON-RPC itself defines may lie in its range. */
		if (rpc <= -32000 && rpc >= -32768)
			assert_in_range(-rpc, 32600, 32603);
		assert_in_range(err_exit_status(c), 2, 125);
		for (j = 1; j < i; j++) {
			assert_string_not_equal(err_name(c), err_name((enum err_code)j));
			assert_int_not_equal(rpc, err_rpc_code((enum err_code)j));
			assert_int_not_equal(err_exit_status(c), err_exit_status((enum err_code)j));
		}
	}
	assert_int_equal(err_code_from_name("no such name"), ERR_INTERNAL);
	assert_int_equal(err_code_from_name(""), ERR_INTERNAL);
}

static void
test_set(void **state)
{
	struct err e;

	(void)state;
	errno = EBADF;
	assert_int_equal(err_set(&e, ERR_LIMIT, "team %s has %d", "b", 3), -1);
	assert_int_equal(errno, EBADF);
	assert_int_equal(e.code, ERR_LIMIT);
	assert_string_equal(e.msg, "team b has 3");
	assert_int_equal(err_prefix(&e, "%s: ", "config.yaml:1"), -1);
	assert_string_equal(e.msg, "config.yaml:1: team b has 3");
	assert_int_equal(e.code, ERR_LIMIT);
	errno = ENOENT;
	assert_int_equal(err_sys(&e, ERR_IO, "opening %s", "x"), -1);
	assert_int_equal(errno, ENOENT);
	assert_string_equal(e.msg, "opening x: No such file or directory");
	err_clear(&e);
	assert_int_equal(e.code, ERR_NONE);
	assert_string_equal(e.msg, "");
	assert_int_equal(err_set(NULL, ERR_IO, "%d", 1), -1);
	assert_int_equal(err_sys(NULL, ERR_IO, "%d", 1), -1);
	assert_int_equal(err_prefix(NULL, "%d", 1), -1);
}

/* A text that is cut must still be UTF-8, wherever the cut falls, for each length of sequence. */
static void
test_cut(void **state)
{
	static const char *const letters[] = {"a", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80"};
	char text[ERR_MSG_MAX + 64];
	struct err e;
	size_t i, pad;

	(void)state;
	for (i = 0; i < 4; i++) {
		size_t n = strlen(letters[i]);
		for (pad = 0; pad < 8; pad++) {
			size_t len = pad;
			memset(text, 'x', pad);
			while (len + n < sizeof text - 1) {
				memcpy(text + len, letters[i], n);
				len += n;
			}
			text[len] = '\0';
			err_set(&e, ERR_IO, "%s", text);
			assert_in_range(strlen(e.msg), ERR_MSG_MAX - 4, ERR_MSG_MAX - 1);
			assert_true(json_utf8_valid(e.msg, strlen(e.msg)));
			assert_memory_equal(e.msg, text, strlen(e.msg));
			errno = ENOENT;
			text[ERR_MSG_MAX - 10 + pad - 8] = '\0';
			err_sys(&e, ERR_IO, "%s", text);
			err_prefix(&e, "a prefix: ");
			assert_in_range(strlen(e.msg), ERR_MSG_MAX - 8, ERR_MSG_MAX - 1);
			assert_memory_equal(e.msg, "a prefix: ", 10);
		}
	}
}

/* A precision cuts as well, in the middle of the text. */
static void
test_precision(void **state)
{
	struct err e;

	(void)state;
	err_set(&e, ERR_IO, "\"%.2s\" and \"%.3s\"", "a\xc3\xa9", "\xf0\x9f\x98\x80");
	assert_string_equal(e.msg, "\"a\" and \"\"");
}

/* A text that fits exactly is not touched, also when it ends in a long sequence. */
static void
test_fits(void **state)
{
	char text[ERR_MSG_MAX];
	struct err e;

	(void)state;
	memset(text, 'y', sizeof text);
	memcpy(text + sizeof text - 5, "\xf0\x9f\x98\x80", 5);
	err_set(&e, ERR_IO, "%s", text);
	assert_string_equal(e.msg, text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_table),
	    cmocka_unit_test(test_set),
	    cmocka_unit_test(test_cut),
	    cmocka_unit_test(test_precision),
	    cmocka_unit_test(test_fits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
