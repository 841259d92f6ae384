/* SPDX-License-Identifier: MIT
 *
 * irisd/core/login and irisd/core/rate: links that are good once and for their time, and buckets
 * that let through what they should and tell when to come again.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "irisd/core/key.h"
#include "irisd/core/login.h"
#include "irisd/core/rate.h"

#define T0 ((int64_t)1000000)

static void
test_once(void **state)
{
	struct login want = {KEY_READ | KEY_ADMIN, 7000}, other = {KEY_READ, 1}, got = {0, 0};
	char one[LOGIN_TOKEN_LEN + 1], two[LOGIN_TOKEN_LEN + 1];
	struct logins *all = NULL;

	(void)state;
	assert_false(login_take(&all, "", T0, &got));
	login_make(&all, &want, T0, one);
	login_make(&all, &other, T0, two);
	assert_int_equal(strspn(one, "0123456789abcdef"), LOGIN_TOKEN_LEN);
	assert_int_equal(strlen(one), LOGIN_TOKEN_LEN);
	assert_string_not_equal(one, two);
	assert_false(login_take(&all, "", T0, &got));
	assert_true(login_take(&all, one, T0 + LOGIN_MS - 1, &got));
	assert_int_equal(got.scopes, KEY_READ | KEY_ADMIN);
	assert_int_equal(got.life, 7000);
	assert_false(login_take(&all, one, T0 + LOGIN_MS - 1, &got));
	assert_true(login_take(&all, two, T0 + LOGIN_MS - 1, &got));
	assert_int_equal(got.scopes, KEY_READ);
	assert_null(all);
}

static void
test_too_late(void **state)
{
	struct login want = {KEY_READ, 1}, got;
	struct logins *all = NULL;
	char token[LOGIN_TOKEN_LEN + 1];

	(void)state;
	login_make(&all, &want, T0, token);
	assert_false(login_take(&all, token, T0 + LOGIN_MS, &got));
	/* Nor is anything of it kept. */
	assert_null(all);
}

static void
test_not_many(void **state)
{
	char tokens[LOGINS_MAX + 1][LOGIN_TOKEN_LEN + 1];
	struct login want = {KEY_READ, 1}, got;
	struct logins *all = NULL;
	int i;

	(void)state;
	for (i = 0; i <= LOGINS_MAX; i++)
		login_make(&all, &want, T0 + i, tokens[i]);
	assert_false(login_take(&all, tokens[0], T0 + i, &got));
	for (i = 1; i <= LOGINS_MAX; i++)
		assert_true(login_take(&all, tokens[i], T0 + i, &got));
	login_make(&all, &want, T0, tokens[0]);
	login_release(&all);
	assert_null(all);
}

/* How many of n requests at now are let through; *wait of the last one that is not. */
static int
taken(struct rates **all, const char *who, int64_t per_second, int64_t now, int n, int64_t *wait)
{
	int i, done = 0;

	*wait = 0;
	for (i = 0; i < n; i++)
		done += rate_take(all, who, per_second, now, wait);
	return done;
}

static void
test_rate(void **state)
{
	static const int64_t rates[] = {1, 2, 3, 7, 100, 1000, 100000};
	struct rates *all = NULL;
	int64_t wait, r;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof rates / sizeof rates[0]; i++) {
		r = rates[i];
		/* A full bucket, and nothing beyond it. */
		assert_int_equal(taken(&all, "a", r, T0, (int)(5 * r + 3), &wait), 5 * r);
		assert_true(wait >= 1 && wait <= 1000 / r + 1);
		/* Not before the time that was told, and then one. */
		if (r <= 1000) {
			assert_int_equal(taken(&all, "a", r, T0 + wait - 1, 1, &wait), 0);
			assert_int_equal(taken(&all, "a", r, T0 + 1000 / r + 1, 1, &wait), 1);
		}
		/* Never more than a full one, however long nobody has come; and not another's. */
		assert_int_equal(taken(&all, "a", r, T0 + 3600000, (int)(6 * r), &wait), 5 * r);
		assert_int_equal(taken(&all, "b", r, T0 + 3600000, (int)(6 * r), &wait), 5 * r);
		rate_forget(&all, "a");
		assert_int_equal(taken(&all, "a", r, T0 + 3600000, 1, &wait), 1);
		rate_release(&all);
		assert_null(all);
	}
}

/* Over ten seconds what was full, and what came in. */
static void
test_rate_steady(void **state)
{
	struct rates *all = NULL;
	int64_t wait, at;
	int n = 0;

	(void)state;
	for (at = 0; at < 10000; at++)
		n += taken(&all, "a", 100, T0 + at, 2, &wait);
	assert_in_range(n, 500 + 990, 500 + 1000);
	rate_release(&all);
}

/* Who takes long has less: of ten seconds two, beside what was full. */
static void
test_rate_took(void **state)
{
	struct rates *all = NULL;
	int64_t wait, at;
	int n = 0;

	(void)state;
	rate_took(&all, "a", 1000);
	assert_null(all);
	for (at = 0; at < 10000; at++)
		if (taken(&all, "a", 100, T0 + at, 1, &wait) == 1) {
			rate_took(&all, "a", 100);
			n++;
		}
	assert_in_range(n, 25, 32);
	rate_release(&all);
}

/* Who has not come for long is not kept: the next new one sweeps. */
static void
test_rate_sweep(void **state)
{
	struct rates *all = NULL;
	int64_t wait;

	(void)state;
	taken(&all, "old", 1, T0, 5, &wait);
	taken(&all, "new", 1, T0 + 5001, 1, &wait);
	rate_forget(&all, "new");
	assert_null(all);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_once),
	    cmocka_unit_test(test_too_late),
	    cmocka_unit_test(test_not_many),
	    cmocka_unit_test(test_rate),
	    cmocka_unit_test(test_rate_steady),
	    cmocka_unit_test(test_rate_took),
	    cmocka_unit_test(test_rate_sweep),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
