/* SPDX-License-Identifier: MIT
 *
 * Which names count as near, and in which order.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <string.h>
#include <cmocka.h>

#include "common/nearest.h"

static const char *const teams[] = {"frontend", "backend", "backend-api", "database", "docs", "db"};
#define NTEAMS (sizeof teams / sizeof teams[0])

static void
expect(const char *want, const char *first, const char *second)
{
	const char *near[NEAREST_MAX];
	size_t n = nearest_names(want, teams, NTEAMS, near, NEAREST_MAX);

	assert_true(n >= (size_t)(first != NULL) + (second != NULL));
	if (first == NULL)
		assert_int_equal(n, 0);
	else
		assert_string_equal(near[0], first);
	if (second != NULL)
		assert_string_equal(near[1], second);
}

static void
test_letters(void **state)
{
	(void)state;
	expect("backend", "backend", "backend-api");
	expect("bakend", "backend", NULL);
	expect("abckend", "backend", NULL);
	expect("backennd", "backend", NULL);
	expect("frontned", "frontend", NULL);
	expect("dosc", "docs", NULL);
}

static void
test_case(void **state)
{
	(void)state;
	expect("BACKEND", "backend", "backend-api");
	expect("Docs", "docs", NULL);
}

static void
test_parts(void **state)
{
	(void)state;
	expect("data", "database", NULL);
	expect("api", "backend-api", NULL);
	expect("frontend-web", "frontend", NULL);
	expect("f", "frontend", NULL);
}

static void
test_far(void **state)
{
	(void)state;
	expect("zebra", NULL, NULL);
	expect("", NULL, NULL);
	expect("x", NULL, NULL);
}

static void
test_bounds(void **state)
{
	char longname[5000];
	const char *near[NEAREST_MAX + 1];
	const char *many[40];
	size_t i;

	(void)state;
	memset(longname, 'b', sizeof longname - 1);
	longname[sizeof longname - 1] = '\0';
	expect(longname, NULL, NULL);
	assert_int_equal(nearest_names("backend", teams, 0, near, 3), 0);
	assert_int_equal(nearest_names("backend", teams, NTEAMS, near, 0), 0);
	assert_int_equal(nearest_names("backend", teams, NTEAMS, near, 1), 1);
	for (i = 0; i < 40; i++)
		many[i] = "same";
	near[NEAREST_MAX] = "untouched";
	assert_int_equal(nearest_names("same", many, 40, near, 1000), NEAREST_MAX);
	assert_string_equal(near[NEAREST_MAX], "untouched");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_letters),
	    cmocka_unit_test(test_case),
	    cmocka_unit_test(test_parts),
	    cmocka_unit_test(test_far),
	    cmocka_unit_test(test_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
