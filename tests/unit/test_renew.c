/* SPDX-License-Identifier: MIT
 *
 * irisd/core/renew: a conversation's end and the next one's beginning, in every state that a
 * session can be in, and what becomes of messages meanwhile.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "irisd/core/renew.h"
#include "tests/unit/pool_fixture.h"

#define TWO "teams:\n" TEAM("alpha") TEAM("beta")

static char two_teams[] = TWO;
static char one_slot[] = "settings:\n  maxProcesses: 1\n" TWO;

static struct renew_result last;
static int times;

static void
renewed(struct session *s, const struct renew_result *r, void *arg)
{
	assert_ptr_equal(s, arg);
	assert_null(s->renew);
	last = *r;
	times++;
}

static void
begin(struct session *s, bool force)
{
	struct err err;

	times = 0;
	memset(&last, 0, sizeof last);
	if (renew_start(s, force, renewed, s, &err) == -1)
		fail_msg("%s", err.msg);
}

static void
refused(struct session *s, bool force, enum err_code code, const char *part)
{
	struct err err;

	assert_int_equal(renew_start(s, force, renewed, s, &err), -1);
	assert_int_equal(err.code, code);
	assert_non_null(strstr(err.msg, part));
}

static void
row_cb(const struct store_session *row, void *arg)
{
	compat_strlcpy(arg, row->claude_id, UUID_LEN + 1);
	assert_false(row->started);
	assert_int_equal(row->messages, 0);
}

/* The new id is the only one, in memory and on disk. */
static void
is_new(const struct session *s)
{
	char id[UUID_LEN + 1] = "";

	assert_string_not_equal(s->row.claude_id, last.old_id);
	store_session_each(d.store, row_cb, id);
	assert_string_equal(id, s->row.claude_id);
}

static void
test_idle(void **state)
{
	struct session *s = idle_session("beta", "alpha");
	char old[UUID_LEN + 1];

	(void)state;
	compat_strlcpy(old, s->row.claude_id, sizeof old);
	begin(s, false);
	expect("close beta>alpha; ");
	assert_int_equal(times, 0);
	refused(s, true, ERR_REFUSED, "already");
	/* What comes meanwhile waits for the new conversation. */
	ask("beta", "alpha", "next");
	expect("");
	pool_on_closed(s);
	assert_int_equal(times, 0);
	expect("forget beta>alpha; open beta>alpha; ");
	renew_on_forgotten(s, true, NULL);
	assert_int_equal(times, 1);
	assert_true(last.had && last.stopped && last.removed);
	assert_string_equal(last.old_id, old);
	is_new(s);
	opened(s);
	expect("turn beta>alpha next; ");
	/* Late words are nobody's. */
	renew_on_forgotten(s, false, NULL);
	assert_int_equal(times, 1);
}

static void
test_asleep(void **state)
{
	struct session *s = idle_session("beta", "alpha");
	struct err why;

	(void)state;
	pool_close(s);
	expect("close beta>alpha; ");
	pool_on_closed(s);
	expect("");
	begin(s, false);
	expect("forget beta>alpha; ");
	err_set(&why, ERR_IO, "can not remove it");
	renew_on_forgotten(s, false, &why);
	assert_int_equal(times, 1);
	assert_true(last.had && !last.stopped && !last.removed);
	assert_string_equal(last.why, "can not remove it");
	is_new(s);
	/* Now there is none, so nothing has to be removed. */
	begin(s, false);
	assert_int_equal(times, 1);
	assert_false(last.had);
	expect("");
}

static void
test_busy(void **state)
{
	const char *id, *later;
	struct session *s = busy_session("beta", "alpha", &id);

	(void)state;
	later = ask("beta", "alpha", "later");
	refused(s, false, ERR_REFUSED, "at work");
	expect("");
	begin(s, true);
	expect("close beta>alpha; ");
	result(s, id, ERR_CANCELLED, "interrupted");
	pool_on_closed(s);
	expect("forget beta>alpha; open beta>alpha; ");
	renew_on_forgotten(s, true, NULL);
	assert_int_equal(times, 1);
	assert_non_null(strstr(stored(id), "failed: cancelled"));
	assert_string_equal(stored(later), "queued");
}

static void
test_starting(void **state)
{
	struct session *s = session_of("beta", "alpha");
	struct err why;

	(void)state;
	ask("beta", "alpha", "first");
	expect("open beta>alpha; ");
	begin(s, false);
	expect("close beta>alpha; ");
	err_set(&why, ERR_CANCELLED, "closed");
	pool_on_open_failed(s, &why, POOL_OPEN_REFUSED);
	assert_int_equal(times, 1);
	assert_true(last.stopped && !last.had);
	expect("open beta>alpha; ");
}

/* Waiting for a slot is no process: its place is kept. */
static void
test_waiting(void **state)
{
	const char *id;
	struct session *first = busy_session("beta", "alpha", &id);
	struct session *s = session_of("alpha", "beta");

	(void)state;
	ask("alpha", "beta", "hello");
	expect("");
	assert_int_equal(s->state, SESSION_WAITING);
	begin(s, false);
	assert_int_equal(times, 1);
	assert_int_equal(s->state, SESSION_WAITING);
	result(first, id, ERR_NONE, "done");
	expect("close beta>alpha; ");
	pool_on_closed(first);
	expect("open alpha>beta; ");
}

/* The worker dies with the message: nobody knows whether the old conversation had it. */
static void
test_doubt(void **state)
{
	const char *id;
	struct session *s = busy_session("beta", "alpha", &id);

	(void)state;
	pool_on_lost(s, "the worker died");
	expect("look beta>alpha; ");
	refused(s, false, ERR_REFUSED, "at work");
	begin(s, true);
	expect("forget beta>alpha; ");
	assert_non_null(strstr(stored(id), "cancelled"));
	renew_on_forgotten(s, true, NULL);
	assert_int_equal(times, 1);
	is_new(s);
}

static void
test_unwatch(void **state)
{
	struct session *s = idle_session("beta", "alpha");

	(void)state;
	begin(s, false);
	renew_unwatch(&d, s);
	expect("close beta>alpha; ");
	pool_on_closed(s);
	expect("forget beta>alpha; ");
	renew_on_forgotten(s, true, NULL);
	assert_int_equal(times, 0);
	assert_null(s->renew);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_idle, two_teams),
	    TEST(test_asleep, two_teams),
	    TEST(test_busy, two_teams),
	    TEST(test_starting, two_teams),
	    TEST(test_waiting, one_slot),
	    TEST(test_doubt, two_teams),
	    TEST(test_unwatch, two_teams),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
