/* SPDX-License-Identifier: MIT
 *
 * common/uuid: version and variant bits, order, and what counts as one.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "common/compat.h"
#include "common/uuid.h"

static void
check_form(const char *u, char version)
{
	assert_true(uuid_valid(u));
	assert_int_equal(strlen(u), UUID_LEN);
	assert_int_equal(u[14], version);
	assert_non_null(strchr("89ab", u[19]));
	assert_int_equal(strspn(u, "0123456789abcdef-"), UUID_LEN);
}

static int64_t
time_of(const char *u)
{
	char digits[13];

	memcpy(digits, u, 8);
	memcpy(digits + 8, u + 9, 4);
	digits[12] = '\0';
	return (int64_t)strtoull(digits, NULL, 16);
}

static void
test_v7_order(void **state)
{
	char prev[UUID_LEN + 1], cur[UUID_LEN + 1];
	int64_t before = compat_now_ms();
	int i;

	(void)state;
	uuid_v7(prev);
	assert_in_range(time_of(prev), before, compat_now_ms());
	for (i = 0; i < 100000; i++) {
		uuid_v7(cur);
		check_form(cur, '7');
		assert_true(strcmp(prev, cur) < 0);
		memcpy(prev, cur, sizeof prev);
	}
	/* However many are made in a millisecond, their time stays near the clock's. */
	assert_true(time_of(cur) <= compat_now_ms() + 100);
}

static int
compare(const void *a, const void *b)
{
	return strcmp(a, b);
}

static void
test_v4_unique(void **state)
{
	enum { N = 20000 };
	char(*all)[UUID_LEN + 1] = calloc(N, sizeof *all);
	int i;

	(void)state;
	assert_non_null(all);
	for (i = 0; i < N; i++) {
		uuid_v4(all[i]);
		check_form(all[i], '4');
	}
	qsort(all, N, sizeof *all, compare);
	for (i = 1; i < N; i++)
		assert_string_not_equal(all[i - 1], all[i]);
	free(all);
}

static void
test_valid(void **state)
{
	static const char *const bad[] = {"", "-", "0193aaaa-bbbb-7ccc-8ddd-eeeeeeeeeee",
	    "0193aaaa-bbbb-7ccc-8ddd-eeeeeeeeeeeee", "0193aaaa_bbbb-7ccc-8ddd-eeeeeeeeeeee",
	    "0193aaaabbbb-7ccc-8ddd-eeeeeeeeeeee-", "g193aaaa-bbbb-7ccc-8ddd-eeeeeeeeeeee",
	    "0193aaaa-bbbb-7ccc-8ddd-eeeeeeeeeee\xe9", " 0193aaaa-bbbb-7ccc-8ddd-eeeeeeeeeee"};
	size_t i;

	(void)state;
	assert_true(uuid_valid("0193aaaa-bbbb-7ccc-8ddd-eeeeeeeeeeee"));
	assert_true(uuid_valid("0193AAAA-BBBB-7CCC-8DDD-EEEEEEEEEEEE"));
	for (i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_false(uuid_valid(bad[i]));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_v7_order),
	    cmocka_unit_test(test_v4_unique),
	    cmocka_unit_test(test_valid),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
