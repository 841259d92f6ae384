/* SPDX-License-Identifier: MIT
 *
 * irisd/core/ladder: every pair of states, and the properties that iris(7) promises.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "irisd/core/ladder.h"

static const char *const names[LADDER_COUNT] = {
    "queued", "sent", "seen", "answered", "failed", "expired", "cancelled"};

static void
test_names(void **state)
{
	enum ladder l;
	int i;

	(void)state;
	for (i = 0; i < LADDER_COUNT; i++) {
		assert_string_equal(ladder_name((enum ladder)i), names[i]);
		assert_int_equal(ladder_from_name(names[i], &l), 0);
		assert_int_equal(l, i);
	}
	l = LADDER_SEEN;
	assert_int_equal(ladder_from_name("", &l), -1);
	assert_int_equal(ladder_from_name("Queued", &l), -1);
	assert_int_equal(ladder_from_name("queue", &l), -1);
	assert_int_equal(l, LADDER_SEEN);
}

/* The drawing of DESIGN section 3, pair by pair. */
static void
test_steps(void **state)
{
	static const char *const allowed[] = {"queued sent", "queued failed", "queued expired",
	    "queued cancelled", "sent sent", "sent seen", "sent failed", "sent cancelled",
	    "seen answered", "seen failed", "seen cancelled"};
	char pair[64];
	int from, to;
	size_t i;

	(void)state;
	for (from = 0; from < LADDER_COUNT; from++) {
		for (to = 0; to < LADDER_COUNT; to++) {
			bool want = false;
			snprintf(pair, sizeof pair, "%s %s", names[from], names[to]);
			for (i = 0; i < sizeof allowed / sizeof allowed[0]; i++)
				want = want || strcmp(allowed[i], pair) == 0;
			if (ladder_allows((enum ladder)from, (enum ladder)to) != want)
				fail_msg("%s: expected %s", pair, want ? "allowed" : "forbidden");
		}
	}
}

/* Never left once it has ended; never down; every state that is not final has a way out. */
static void
test_properties(void **state)
{
	int from, to, ways;

	(void)state;
	for (from = 0; from < LADDER_COUNT; from++) {
		ways = 0;
		for (to = 0; to < LADDER_COUNT; to++) {
			if (!ladder_allows((enum ladder)from, (enum ladder)to))
				continue;
			ways += to != from;
			assert_true(to >= from);
		}
		if (ladder_final((enum ladder)from))
			assert_int_equal(ways, 0);
		else
			assert_true(ways > 0 && ladder_allows((enum ladder)from, LADDER_FAILED));
	}
	assert_false(ladder_final(LADDER_SEEN));
	assert_true(ladder_final(LADDER_ANSWERED));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_names),
	    cmocka_unit_test(test_steps),
	    cmocka_unit_test(test_properties),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
