/* SPDX-License-Identifier: MIT
 *
 * irisd/core/pool, with the test in the place of the workers: which process is started, which
 * message is handed over when, and how everything ends that can go wrong with a process.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "tests/unit/pool_fixture.h"

#define THREE "teams:\n" TEAM("alpha") TEAM("beta") TEAM("gamma")

static char two_slots[] = "settings:\n  maxProcesses: 2\n" THREE;
static char three_slots[] = "settings:\n  maxProcesses: 3\n" THREE;

/* --- the way of a message -------------------------------------------------------------------- */

static void
test_cold_start(void **state)
{
	struct session *s = session_of("beta", "alpha");
	const char *one = ask("beta", "alpha", "one"), *two = ask("beta", "alpha", "two"),
		   *three = ask("beta", "alpha", "three");

	(void)state;
	assert_string_equal(did, ""); /* nothing before the pass is over */
	expect("open beta>alpha; ");
	expect("");
	assert_int_equal(s->state, SESSION_STARTING);
	assert_int_equal(s->queued, 3);
	assert_string_equal(stored(one), "queued");

	opened(s);
	expect("turn beta>alpha one; ");
	expect(""); /* one at a time */
	assert_int_equal(s->state, SESSION_BUSY);
	assert_int_equal(s->queued, 2);
	assert_string_equal(stored(one), "queued sent");
	assert_string_equal(stored(two), "queued");
	pool_on_seen(s, one, "replay");
	expect("");
	assert_string_equal(stored(one), "queued sent seen");

	result(s, one, ERR_NONE, "first answer");
	expect("turn beta>alpha two; ");
	assert_string_equal(stored(one), "queued sent seen answered: first answer");
	/* The result alone is proof enough that it was seen. */
	result(s, two, ERR_NONE, "");
	expect("turn beta>alpha three; ");
	assert_string_equal(stored(two), "queued sent seen answered: ");
	pool_on_seen(s, three, "replay");
	result(s, three, ERR_AGENT, "API error");
	expect("");
	assert_string_equal(stored(three), "queued sent seen failed: agent: API error");
	assert_int_equal(s->state, SESSION_IDLE);
	assert_int_equal(s->queued, 0);
	assert_null(s->current);

	/* Warm: handed over in the pass in which it came. */
	ask("beta", "alpha", "four");
	expect("turn beta>alpha four; ");
}

static void
row_cb(const struct store_session *row, void *arg)
{
	*(int64_t *)arg = row->messages;
	assert_true(row->started);
	assert_true(row->cost_usd > 0.99 && row->cost_usd < 1.01);
	assert_true(row->last_used_at >= row->created_at);
}

/* What is known of a session: in memory, and in the store for the next irisd. */
static void
test_session_record(void **state)
{
	const char *id;
	struct session *s;
	int64_t messages = -1;

	(void)state;
	fixture_start = 12345;
	s = busy_session("beta", "alpha", &id);
	fixture_start = 0;
	assert_int_equal(s->pid, FIXTURE_PID);
	assert_int_equal(s->pid_start, 12345);
	assert_string_equal(s->version, "2.1.0");
	pool_on_activity(s, id, "is using Bash");
	assert_string_equal(s->activity, "is using Bash");
	pool_on_seen(s, id, "replay");
	result(s, id, ERR_AGENT, "no");
	assert_string_equal(s->activity, "");
	/* Two turns were paid for, one was answered. */
	store_session_each(d.store, row_cb, &messages);
	assert_int_equal(messages, 1);
	pool_on_exit(s, "status 1");
	expect("");
	assert_int_equal(s->state, SESSION_ASLEEP);
	assert_int_equal(s->pid, 0);
	assert_int_equal(s->pid_start, 0);
	assert_int_equal(d.active, 0);
}

/* Another sender is another conversation, and another process. */
static void
test_parallel(void **state)
{
	struct session *b = session_of("beta", "alpha"), *c = session_of("gamma", "alpha");

	(void)state;
	ask("beta", "alpha", "of b");
	ask("gamma", "alpha", "of c");
	expect("open beta>alpha; open gamma>alpha; ");
	opened(c);
	expect("turn gamma>alpha of c; ");
	opened(b);
	expect("turn beta>alpha of b; ");
	assert_int_equal(d.active, 2);
}

/* --- starts that fail ------------------------------------------------------------------------ */

static void
test_open_fails(void **state)
{
	struct session *s = session_of("beta", "alpha");
	const char *one = ask("beta", "alpha", "one"), *two = ask("beta", "alpha", "two");
	char awake[] = "awake";
	struct err why;

	(void)state;
	watch(s, false, awake);
	expect("open beta>alpha; ");
	err_set(&why, ERR_LOGIN, "run claude and log in");
	pool_on_open_failed(s, &why, POOL_OPEN_REFUSED);
	assert_string_equal(stored(one), "queued failed: login: run claude and log in");
	assert_string_equal(stored(two), "queued failed: login: run claude and log in");
	assert_string_equal(told, "awake:login ");
	expect(""); /* not tried again by itself */
	assert_int_equal(s->state, SESSION_ASLEEP);
	assert_int_equal(d.active, 0);
	/* The next message tries it. */
	ask("beta", "alpha", "three");
	expect("open beta>alpha; ");
}

/* The worker can not even be asked. */
static void
test_open_fails_at_once(void **state)
{
	const char *one = ask("beta", "alpha", "one"), *two = ask("beta", "alpha", "two");
	struct err why;

	(void)state;
	err_set(&why, ERR_IO, "no memory for a process");
	open_fails = &why;
	expect("open beta>alpha; ");
	assert_string_equal(stored(one), "queued failed: io: no memory for a process");
	assert_string_equal(stored(two), "queued failed: io: no memory for a process");
	assert_int_equal(d.active, 0);
	assert_int_equal(session_of("beta", "alpha")->state, SESSION_ASLEEP);
}

/* Claude's file of the conversation is gone: a new one is begun, with what waits. Once. */
static void
test_begun_anew(void **state)
{
	struct session *s = idle_session("beta", "alpha");
	char before[UUID_LEN + 1];
	const char *id;
	struct err why;

	(void)state;
	assert_true(s->row.started);
	pool_on_exit(s, "status 0");
	memcpy(before, s->row.claude_id, sizeof before);
	id = ask("beta", "alpha", "x");
	expect("open beta>alpha again; ");
	err_set(&why, ERR_NOT_FOUND, "no conversation found");
	pool_on_open_failed(s, &why, POOL_OPEN_REFUSED);
	expect("open beta>alpha; ");
	assert_string_equal(stored(id), "queued");
	assert_string_not_equal(s->row.claude_id, before);
	assert_true(uuid_valid(s->row.claude_id));
	/* The second failure is one, also where it would be mended otherwise. */
	pool_on_open_failed(s, &why, POOL_OPEN_IN_USE);
	expect("");
	assert_string_equal(stored(id), "queued failed: not_found: no conversation found");
	assert_int_equal(s->state, SESSION_ASLEEP);
}

static void
started_cb(const struct store_session *row, void *arg)
{
	*(bool *)arg = row->started;
}

/* Claude has the conversation although no message was ever seen: it is resumed. Once. */
static void
test_in_use(void **state)
{
	struct session *s = session_of("beta", "alpha");
	const char *id = ask("beta", "alpha", "x");
	char before[UUID_LEN + 1];
	bool started = false;
	struct err why;

	(void)state;
	memcpy(before, s->row.claude_id, sizeof before);
	expect("open beta>alpha; ");
	err_set(&why, ERR_INVALID, "session id is already in use");
	pool_on_open_failed(s, &why, POOL_OPEN_IN_USE);
	expect("open beta>alpha again; ");
	assert_string_equal(s->row.claude_id, before);
	store_session_each(d.store, started_cb, &started);
	assert_true(started);
	/* Not found now: not begun anew on top of that. */
	err_set(&why, ERR_NOT_FOUND, "no conversation found");
	pool_on_open_failed(s, &why, POOL_OPEN_REFUSED);
	expect("");
	assert_string_equal(stored(id), "queued failed: not_found: no conversation found");

	/* A start that succeeds gives it another try later. */
	id = ask("beta", "alpha", "y");
	expect("open beta>alpha again; ");
	opened(s);
	expect("turn beta>alpha y; ");
	result(s, id, ERR_NONE, "done");
	pool_on_exit(s, "status 0");
	id = ask("beta", "alpha", "z");
	expect("open beta>alpha again; ");
	pool_on_open_failed(s, &why, POOL_OPEN_REFUSED);
	expect("open beta>alpha; ");
	assert_string_equal(stored(id), "queued");
}

/* in_use for a conversation that was to be resumed, not_found for a new one: nothing to mend. */
static void
test_not_mended(void **state)
{
	struct session *s = session_of("beta", "alpha");
	const char *id = ask("beta", "alpha", "x");
	struct err why;

	(void)state;
	expect("open beta>alpha; ");
	err_set(&why, ERR_NOT_FOUND, "gone");
	pool_on_open_failed(s, &why, POOL_OPEN_REFUSED);
	expect("");
	assert_string_equal(stored(id), "queued failed: not_found: gone");
	s->row.started = true;
	id = ask("beta", "alpha", "y");
	expect("open beta>alpha again; ");
	err_set(&why, ERR_INVALID, "in use");
	pool_on_open_failed(s, &why, POOL_OPEN_IN_USE);
	expect("");
	assert_string_equal(stored(id), "queued failed: invalid: in use");
}

/* --- turns that fail ------------------------------------------------------------------------- */

/* A claude on its way out refuses: the message goes to the next one, three processes at most. */
static void
test_turn_refused(void **state)
{
	struct session *s = idle_session("beta", "alpha");
	const char *id = ask("beta", "alpha", "x"), *next = ask("beta", "alpha", "next");
	static const enum err_code codes[] = {ERR_REFUSED, ERR_NOT_FOUND};
	struct err why;
	size_t i;

	(void)state;
	expect("turn beta>alpha x; ");
	for (i = 0; i < 2; i++) {
		err_set(&why, codes[i], "it is being closed");
		pool_on_turn_refused(s, next, &why); /* not with it: no matter */
		assert_string_equal(did, "");
		pool_on_turn_refused(s, id, &why);
		expect("close beta>alpha; ");
		assert_int_equal(s->state, SESSION_STOPPING);
		assert_int_equal(message_position(message_find(&d, id)), 1);
		assert_int_equal(message_position(message_find(&d, next)), 2);
		pool_on_closed(s);
		expect("open beta>alpha again; ");
		opened(s);
		expect("turn beta>alpha x; ");
	}
	pool_on_turn_refused(s, id, &why);
	assert_string_equal(
	    stored(id), "queued sent sent sent failed: not_found: it is being closed");
	expect("turn beta>alpha next; ");
	/* Another error is not mended by another process. */
	err_set(&why, ERR_IO, "too long for the pipe");
	pool_on_turn_refused(s, next, &why);
	assert_string_equal(stored(next), "queued sent failed: io: too long for the pipe");
	expect("");
	assert_int_equal(s->state, SESSION_IDLE);
}

/* The worker can not be asked: the message fails, the ones behind it do so each by itself. */
static void
test_turn_fails_at_once(void **state)
{
	struct session *s = idle_session("beta", "alpha");
	const char *one = ask("beta", "alpha", "one"), *two = ask("beta", "alpha", "two");
	struct err why;

	(void)state;
	err_set(&why, ERR_IO, "its text is gone");
	turn_fails = &why;
	expect("turn beta>alpha one; turn beta>alpha two; ");
	assert_string_equal(stored(one), "queued sent failed: io: its text is gone");
	assert_string_equal(stored(two), "queued sent failed: io: its text is gone");
	assert_int_equal(s->state, SESSION_IDLE);
}

/* What was not seen is handed over once more, before what came later; a second time is enough. */
static void
test_exit_before_seen(void **state)
{
	struct session *s = idle_session("beta", "alpha");
	const char *id = ask("beta", "alpha", "x");

	(void)state;
	ask("beta", "alpha", "next");
	expect("turn beta>alpha x; ");
	pool_on_exit(s, "signal 9");
	assert_string_equal(stored(id), "queued sent");
	expect("look beta>alpha; ");
	looked(s, id, POOL_ABSENT, 0, NULL);
	expect("open beta>alpha again; ");
	opened(s);
	expect("turn beta>alpha x; ");
	assert_string_equal(stored(id), "queued sent sent");
	pool_on_exit(s, "signal 11");
	assert_string_equal(stored(id),
	    "queued sent sent failed: crashed: the Claude of team alpha ended before it had answered: "
	    "signal 11");
	/* The other one is innocent. */
	expect("open beta>alpha again; ");
	opened(s);
	expect("turn beta>alpha next; ");
}

/* The same, told by the result that the worker makes up for a turn whose process died. */
static void
test_crash_result(void **state)
{
	struct session *s = idle_session("beta", "alpha");
	const char *id = ask("beta", "alpha", "x");

	(void)state;
	expect("turn beta>alpha x; ");
	result(s, id, ERR_CRASHED, "signal 9");
	expect("close beta>alpha; ");
	pool_on_exit(s, "signal 9");
	expect("look beta>alpha; ");
	looked(s, id, POOL_ABSENT, 0, NULL);
	expect("open beta>alpha again; ");
	opened(s);
	expect("turn beta>alpha x; ");
	result(s, id, ERR_CRASHED, "signal 11");
	assert_string_equal(stored(id), "queued sent sent failed: crashed: signal 11");
	expect("close beta>alpha; ");
	pool_on_exit(s, "signal 11");
	expect("");
	assert_int_equal(s->state, SESSION_ASLEEP);
}

static void
test_exit_after_seen(void **state)
{
	const char *id;
	struct session *s = busy_session("beta", "alpha", &id);

	(void)state;
	pool_on_seen(s, id, "lifecycle");
	pool_on_exit(s, "signal 9");
	assert_string_equal(stored(id),
	    "queued sent seen failed: crashed: the Claude of team alpha ended before it had answered: "
	    "signal 9");
	expect("");
	/* The same by a result. */
	busy_session("gamma", "alpha", &id);
	s = session_of("gamma", "alpha");
	pool_on_seen(s, id, "lifecycle");
	result(s, id, ERR_CRASHED, "signal 9");
	assert_string_equal(stored(id), "queued sent seen failed: crashed: signal 9");
	expect("close gamma>alpha; ");
	pool_on_exit(s, "signal 9");
	/* Said twice, or of one that sleeps: nothing. */
	pool_on_exit(s, "signal 9");
	expect("");
}

/* What somebody wants gone is not handed over again, whatever the end looks like. */
static void
test_cancel_wanted(void **state)
{
	const char *id;
	struct session *s = busy_session("beta", "alpha", &id);
	struct err why;

	(void)state;
	message_cancel(message_find(&d, id), "no need");
	expect("interrupt beta>alpha; ");
	pool_on_exit(s, "signal 9");
	assert_string_equal(
	    stored(id), "queued sent cancelled: cancelled: cancelled while its process ended");
	expect("");

	id = ask("beta", "alpha", "x");
	expect("open beta>alpha again; ");
	opened(s);
	expect("turn beta>alpha x; ");
	message_cancel(message_find(&d, id), "no need");
	expect("interrupt beta>alpha; ");
	err_set(&why, ERR_REFUSED, "it is being closed");
	pool_on_turn_refused(s, id, &why);
	assert_string_equal(
	    stored(id), "queued sent cancelled: cancelled: cancelled before Claude had it");
	expect("");
}

/* --- results --------------------------------------------------------------------------------- */

static void
test_results(void **state)
{
	const char *id;
	struct session *s = busy_session("beta", "alpha", &id);
	int64_t messages = s->row.messages;

	(void)state;
	result(s, id, ERR_NONE, "yes");
	/* Told twice: the worker had not heard that it is stored. And of what is not with it. */
	result(s, id, ERR_NONE, "no");
	result(s, "01890000-0000-7000-8000-000000000001", ERR_AGENT, "no");
	pool_on_seen(s, id, "replay");
	pool_on_delta(s, id, "late");
	assert_string_equal(stored(id), "queued sent seen answered: yes");
	assert_int_equal(s->row.messages, messages + 1);
	expect("");
	assert_int_equal(s->state, SESSION_IDLE);

	/* Interrupted on request. */
	id = ask("beta", "alpha", "x");
	expect("turn beta>alpha x; ");
	pool_on_seen(s, id, "replay");
	message_cancel(message_find(&d, id), "no need");
	expect("interrupt beta>alpha; ");
	assert_string_equal(stored(id), "queued sent seen");
	result(s, id, ERR_CANCELLED, "interrupted");
	assert_string_equal(
	    stored(id), "queued sent seen cancelled: cancelled: interrupted on request");
	/* An answer that was faster than the wish is one. */
	id = ask("beta", "alpha", "y");
	expect("turn beta>alpha y; ");
	message_cancel(message_find(&d, id), "no need");
	expect("interrupt beta>alpha; ");
	result(s, id, ERR_NONE, "too late");
	assert_string_equal(stored(id), "queued sent seen answered: too late");
	expect("");
	assert_int_equal(s->state, SESSION_IDLE);
}

/* Results of a session that is being put to sleep. */
static void
test_results_while_stopping(void **state)
{
	const char *ida, *idb, *idc;
	struct session *a = busy_session("beta", "alpha", &ida),
		       *b = busy_session("alpha", "beta", &idb),
		       *c = busy_session("alpha", "gamma", &idc);

	(void)state;
	pool_on_seen(a, ida, "replay");
	pool_close(a);
	pool_close(b);
	expect("close beta>alpha; close alpha>beta; ");
	result(a, ida, ERR_CANCELLED, "interrupted");
	assert_string_equal(stored(ida),
	    "queued sent seen failed: cancelled: team alpha was put to sleep while it was at work on "
	    "it");
	result(b, idb, ERR_NONE, "just in time");
	assert_string_equal(stored(idb), "queued sent seen answered: just in time");
	expect("");
	assert_int_equal(a->state, SESSION_STOPPING);
	pool_on_closed(a);
	pool_on_closed(b);
	expect("");
	assert_int_equal(d.active, 1);

	d.stopping = true;
	pool_on_seen(c, idc, "replay");
	result(c, idc, ERR_CANCELLED, "interrupted");
	assert_string_equal(stored(idc),
	    "queued sent seen failed: unavailable: irisd was stopped while team gamma was at work on "
	    "it");
	expect("");
}

/* Once irisd stops, nothing begins any more; what is queued stays in the store. */
static void
test_stopping(void **state)
{
	struct session *s = idle_session("beta", "alpha"), *b = session_of("alpha", "beta");
	const char *queued = ask("beta", "alpha", "x"), *cold = ask("alpha", "beta", "y"), *id;
	struct err why;

	(void)state;
	d.stopping = true;
	expect("");
	assert_int_equal(s->state, SESSION_IDLE);
	assert_int_equal(b->state, SESSION_ASLEEP);
	d.stopping = false;
	pool_want(s);
	pool_want(b);
	expect("turn beta>alpha x; open alpha>beta; ");
	id = queued;
	d.stopping = true;
	err_set(&why, ERR_UNAVAILABLE, "the worker ends");
	pool_on_open_failed(b, &why, POOL_OPEN_REFUSED);
	assert_string_equal(stored(cold), "queued"); /* the next irisd starts it */
	pool_on_exit(s, "status 0");
	assert_string_equal(stored(id),
	    "queued sent failed: crashed: the Claude of team alpha ended before it had answered: "
	    "status 0");
	expect("");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_cold_start, two_slots),
	    TEST(test_session_record, two_slots),
	    TEST(test_parallel, two_slots),
	    TEST(test_open_fails, two_slots),
	    TEST(test_open_fails_at_once, two_slots),
	    TEST(test_begun_anew, two_slots),
	    TEST(test_in_use, two_slots),
	    TEST(test_not_mended, two_slots),
	    TEST(test_turn_refused, two_slots),
	    TEST(test_turn_fails_at_once, two_slots),
	    TEST(test_exit_before_seen, two_slots),
	    TEST(test_crash_result, two_slots),
	    TEST(test_exit_after_seen, two_slots),
	    TEST(test_cancel_wanted, two_slots),
	    TEST(test_results, two_slots),
	    TEST(test_results_while_stopping, three_slots),
	    TEST(test_stopping, two_slots),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
