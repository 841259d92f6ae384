/* SPDX-License-Identifier: MIT
 *
 * irisd/core/line: whether a team's line is lost, and when it is tried again.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "irisd/core/line.h"
#include "tests/unit/pool_fixture.h"

#define FAR                                                                                        \
	"  far:\n    path: ~/p\n    remote: ssh me@box\n    description: D\n"                      \
	"    grantPermission: yes\n"
#define CONF "teams:\n" TEAM("alpha") TEAM("beta") FAR

static struct team *
far(void)
{
	return team_find(&d, "far");
}

static void
has(const char *text, const char *words)
{
	if (strstr(text, words) == NULL)
		fail_msg("\"%s\" lacks \"%s\"", text, words);
}

static void
test_delay(void **state)
{
	static const int64_t base[] = {1000, 2000, 4000, 8000, 16000, 30000, 30000, 30000};
	uint32_t r;
	int64_t ms, low, high;
	int n, i;

	(void)state;
	for (n = 1; n <= 8; n++) {
		low = INT64_MAX;
		high = 0;
		for (i = 0; i < 2000; i++) {
			compat_random(&r, sizeof r);
			ms = line_delay(n, r);
			low = ms < low ? ms : low;
			high = ms > high ? ms : high;
		}
		assert_in_range(low, base[n - 1] * 3 / 4, base[n - 1] * 4 / 5);
		assert_in_range(high, base[n - 1] * 6 / 5, base[n - 1] * 5 / 4);
	}
	assert_in_range(line_delay(1000000, 7), 22500, 37500);
}

static void
test_line(void **state)
{
	struct team *t = far();
	const char *id;
	struct err why;
	char text[256];

	(void)state;
	assert_false(line_down(t));
	assert_false(line_waits(t));
	assert_false(line_over(t, &why));
	/* Nobody waits for it. */
	assert_false(line_broken(t));
	line_lost(t, "none");
	assert_false(line_down(t));
	assert_true(line_broken(t));
	t->line.quiet -= 600000;
	assert_false(line_broken(t));
	line_lost(t, "none");
	line_up(t);
	assert_false(line_broken(t));
	id = ask("beta", "far", "one");
	line_lost(t, "one");
	line_lost(t, "two");
	assert_true(line_down(t));
	assert_true(line_waits(t));
	/* Several sessions that end at once are one loss. */
	assert_int_equal(t->line.tries, 1);
	line_describe(t, text, sizeof text);
	has(text, "the line to box is lost (two); trying again in ");
	assert_in_range(line_next(t), compat_now_ms() + 300, compat_now_ms() + 1300);
	t->line.next = 0;
	assert_false(line_waits(t));
	assert_int_equal(line_next(t), 0);
	line_lost(t, "three");
	assert_int_equal(t->line.tries, 2);
	assert_true(line_waits(t));
	t->line.lost -= 600000;
	assert_true(line_over(t, &why));
	assert_int_equal(why.code, ERR_LINE);
	has(why.msg,
	    "the line to box, where team far is, was lost and did not come back in 600 s "
	    "(three)");
	has(why.msg, "iris remote check far");
	line_up(t);
	assert_false(line_down(t));
	assert_false(line_over(t, &why));
	line_lost(t, "four");
	assert_true(line_down(t));
	message_cancel(message_find(&d, id), "no need");
	assert_false(line_down(t));
	assert_true(line_broken(t));
	/* A team of this machine has none. */
	line_lost(team_find(&d, "alpha"), "odd");
	assert_false(line_down(team_find(&d, "alpha")));
}

int
main(void)
{
	static char conf[] = CONF;
	const struct CMUnitTest tests[] = {TEST(test_delay, conf), TEST(test_line, conf)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
