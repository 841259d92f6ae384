/* SPDX-License-Identifier: MIT
 *
 * irisd/core/pool, with the test in the place of the workers: who gets a slot and who gives
 * way, falling asleep on request, for idleness, or because the team has gone.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "irisd/mcp/inband.h"
#include "tests/unit/pool_fixture.h"

#define THREE "teams:\n" TEAM("alpha") TEAM("beta") TEAM("gamma")

static char one_slot[] = "settings:\n  maxProcesses: 1\n" THREE;
static char two_slots[] = "settings:\n  maxProcesses: 2\n" THREE;
static char three_slots[] = "settings:\n  maxProcesses: 3\n" THREE;
static char one_start[] = "settings:\n  maxStarts: 1\n" THREE;
static char idle_soon[] = "settings:\n  idleTimeout: 1\n" THREE;
static char without_alpha[] = "settings:\n  maxProcesses: 2\nteams:\n" TEAM("beta") TEAM("gamma");

/* --- slots ----------------------------------------------------------------------------------- */

static void
test_lru_gives_way(void **state)
{
	struct session *a = idle_session("beta", "alpha"), *b = idle_session("alpha", "beta"),
		       *c = session_of("alpha", "gamma");

	(void)state;
	/* Not the first in any list, but the one that is idle for the longest time. */
	a->idle_since = 2000;
	b->idle_since = 1000;
	ask("alpha", "gamma", "x");
	expect("close alpha>beta; ");
	expect("");
	assert_int_equal(c->state, SESSION_WAITING);
	assert_int_equal(b->state, SESSION_STOPPING);
	assert_int_equal(a->state, SESSION_IDLE);
	assert_int_equal(d.active, 2);
	pool_on_closed(b);
	expect("open alpha>gamma; ");
	opened(c);
	expect("turn alpha>gamma x; ");
	assert_int_equal(d.active, 2);
}

static void
test_busy_never_gives_way(void **state)
{
	const char *ida, *idb;
	struct session *a = busy_session("beta", "alpha", &ida),
		       *b = busy_session("alpha", "beta", &idb), *c = session_of("alpha", "gamma");
	const char *more = ask("beta", "alpha", "more"), *waits = ask("alpha", "gamma", "x");

	(void)state;
	expect("");
	assert_int_equal(c->state, SESSION_WAITING);
	assert_string_equal(stored(more), "queued");
	assert_string_equal(stored(waits), "queued");
	/* One that has just become idle goes on with what came before. */
	result(a, ida, ERR_NONE, "done");
	expect("turn beta>alpha more; ");
	result(b, idb, ERR_NONE, "done");
	expect("close alpha>beta; ");
	pool_on_exit(b, "status 0");
	expect("open alpha>gamma; ");
}

/* One after the other, in the order in which they came; a start that fails or is given up counts as over. */
static void
test_starts_are_paced(void **state)
{
	struct session *a = session_of("beta", "alpha"), *b = session_of("alpha", "beta"),
		       *c = session_of("alpha", "gamma");
	struct err why;

	(void)state;
	ask("beta", "alpha", "x");
	ask("alpha", "beta", "y");
	ask("alpha", "gamma", "z");
	expect("open beta>alpha; ");
	assert_int_equal(b->state, SESSION_WAITING);
	expect("");
	opened(a);
	expect("turn beta>alpha x; open alpha>beta; ");
	assert_int_equal(c->state, SESSION_WAITING);
	err_set(&why, ERR_LOGIN, "not logged in");
	pool_on_open_failed(b, &why, POOL_OPEN_REFUSED);
	expect("open alpha>gamma; ");
	pool_close(c);
	expect("close alpha>gamma; ");
	ask("alpha", "beta", "again");
	expect("open alpha>beta; ");
}

static void
test_waiting_in_order(void **state)
{
	const char *id;
	struct session *a = busy_session("beta", "alpha", &id), *b = session_of("alpha", "beta"),
		       *c = session_of("alpha", "gamma");

	(void)state;
	ask("alpha", "gamma", "first");
	expect("");
	ask("alpha", "beta", "second");
	expect("");
	/* A further message does not change its place. */
	ask("alpha", "beta", "third");
	expect("");
	result(a, id, ERR_NONE, "done");
	expect("close beta>alpha; ");
	pool_on_closed(a);
	expect("open alpha>gamma; ");
	assert_int_equal(b->state, SESSION_WAITING);
	opened(c);
	expect("turn alpha>gamma first; ");
	result(c, TAILQ_EMPTY(&c->queue) ? c->current->id : "", ERR_NONE, "done");
	expect("close alpha>gamma; ");
	pool_on_closed(c);
	expect("open alpha>beta; ");
	assert_true(TAILQ_EMPTY(&d.waiting));
}

/* As many give way as there are that wait, not one more, however often they are looked at. */
static void
test_no_over_eviction(void **state)
{
	struct session *a = idle_session("beta", "alpha"), *b = idle_session("gamma", "alpha"),
		       *c = idle_session("alpha", "beta"), *w = session_of("gamma", "beta");
	int i;

	(void)state;
	a->idle_since = 1000;
	b->idle_since = 2000;
	c->idle_since = 3000;
	ask("gamma", "beta", "x");
	expect("close beta>alpha; ");
	for (i = 0; i < 3; i++) {
		ask("gamma", "beta", "more");
		pool_want(w);
		pool_slot_free(&d);
		expect("");
	}
	ask("beta", "gamma", "y");
	expect("close gamma>alpha; ");
	pool_on_closed(a);
	pool_on_closed(b);
	expect("open gamma>beta; open beta>gamma; ");
	assert_int_equal(c->state, SESSION_IDLE);
	assert_int_equal(d.active, 3);
}

/* However a slot becomes free, the first that waits gets it. */
static void
test_slot_freed(void **state)
{
	struct session *a = session_of("beta", "alpha"), *b = session_of("alpha", "beta"),
		       *c = session_of("alpha", "gamma");
	const char *id;
	struct err why;

	(void)state;
	ask("beta", "alpha", "x");
	expect("open beta>alpha; ");
	id = ask("alpha", "beta", "y");
	ask("alpha", "gamma", "z");
	expect("");
	/* Its start fails. */
	err_set(&why, ERR_LOGIN, "not logged in");
	pool_on_open_failed(a, &why, POOL_OPEN_REFUSED);
	expect("open alpha>beta; ");
	/* What it was started for is cancelled: it is idle, and gives way. */
	message_cancel(message_find(&d, id), "no need");
	expect("");
	opened(b);
	expect("close alpha>beta; ");
	pool_on_closed(b);
	expect("open alpha>gamma; ");
	/* It dies in the middle of a turn. */
	opened(c);
	expect("turn alpha>gamma z; ");
	pool_on_seen(c, c->current->id, "replay");
	ask("beta", "alpha", "again");
	expect("");
	assert_int_equal(a->state, SESSION_WAITING);
	pool_on_exit(c, "killed");
	expect("open beta>alpha; ");
}

/*
 * Between two turns the process goes to whom the older message waits for, not to the longer
 * queue.
 */
static void
test_older_message_first(void **state)
{
	const char *id, *next;
	struct session *a = busy_session("beta", "alpha", &id), *b = session_of("alpha", "beta");

	(void)state;
	next = ask("beta", "alpha", "older");
	ask("alpha", "beta", "between");
	ask("beta", "alpha", "newer");
	expect("");
	result(a, id, ERR_NONE, "done");
	expect("turn beta>alpha older; ");
	result(a, next, ERR_NONE, "done");
	expect("close beta>alpha; ");
	expect("");
	pool_on_closed(a);
	expect("open alpha>beta; ");
	opened(b);
	expect("turn alpha>beta between; ");
	result(b, b->current->id, ERR_NONE, "done");
	expect("close alpha>beta; ");
	pool_on_closed(b);
	expect("open beta>alpha again; ");
	opened(a);
	expect("turn beta>alpha newer; ");
}

/* There are fewer slots from now on: idle ones end, busy ones when they have nothing more to do. */
static void
test_fewer_slots(void **state)
{
	const char *idb, *idc, *more;
	struct session *a = idle_session("beta", "alpha"), *b = busy_session("alpha", "beta", &idb),
		       *c = busy_session("alpha", "gamma", &idc);

	(void)state;
	more = ask("alpha", "gamma", "more");
	expect("");
	reload(one_slot, NULL);
	pool_fit(&d);
	expect("close beta>alpha; ");
	pool_on_closed(a);
	expect("");
	result(c, idc, ERR_NONE, "done");
	expect("turn alpha>gamma more; ");
	result(b, idb, ERR_NONE, "done");
	expect("close alpha>beta; ");
	result(c, more, ERR_NONE, "done");
	expect("");
	pool_on_closed(b);
	expect("");
	assert_int_equal(c->state, SESSION_IDLE);
	assert_int_equal(d.active, 1);
	/* As many as there are again: nobody has to go any more. */
	reload(three_slots, NULL);
	pool_fit(&d);
	ask("beta", "alpha", "x");
	expect("open beta>alpha again; ");
	opened(a);
	expect("turn beta>alpha x; ");
	result(a, a->current->id, ERR_NONE, "done");
	expect("");
}

/* The first that waits has nothing to wait for any more: the slot is the next one's. */
static void
test_cancelled_while_waiting(void **state)
{
	const char *ida, *idb;
	struct session *a = busy_session("beta", "alpha", &ida), *b = session_of("alpha", "beta"),
		       *c = session_of("alpha", "gamma");

	(void)state;
	idb = ask("alpha", "beta", "y");
	expect("");
	ask("alpha", "gamma", "z");
	expect("");
	message_cancel(message_find(&d, idb), "no need");
	assert_string_equal(stored(idb), "queued cancelled: cancelled: no need");
	result(a, ida, ERR_NONE, "done");
	expect("close beta>alpha; ");
	pool_on_closed(a);
	expect("open alpha>gamma; ");
	assert_int_equal(b->state, SESSION_ASLEEP);
	assert_true(TAILQ_EMPTY(&d.waiting));
	assert_int_equal(c->state, SESSION_STARTING);
}

/* alpha's turn asks gamma, and there is one slot: it holds none while it waits for the answer. */
static void
test_turn_that_waits(void **state)
{
	const char *id, *plain;
	struct session *a = busy_session("beta", "alpha", &id), *c;
	struct err err;
	cJSON *call;
	char line[] =
	    "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"tools/call\",\"params\":{\"name\":"
	    "\"ask_message\",\"arguments\":{\"toTeam\":\"gamma\",\"message\":\"deep\"}}}";

	(void)state;
	pool_on_seen(a, id, "replay");
	plain = ask("beta", "gamma", "plain");
	expect(""); /* a plain turn does hold it */
	message_cancel(message_find(&d, plain), "no need");
	expect("");
	call = json_parse(line, strlen(line), &err);
	assert_non_null(call);
	inband_input(a, call);
	cJSON_Delete(call);
	assert_true(inband_waits(a));
	c = session_of("alpha", "gamma");
	expect("open alpha>gamma; ");
	assert_int_equal(d.active, 2);
	opened(c);
	expect("turn alpha>gamma deep; ");
	assert_int_equal(a->state, SESSION_BUSY);
	result(c, c->current->id, ERR_NONE, "deep answer");
	assert_non_null(strstr(mcp_said, "deep answer"));
	assert_false(inband_waits(a));
	/* Both have a process, one more than there are slots: both must give way first. */
	ask("gamma", "beta", "later");
	expect("close alpha>gamma; ");
	pool_on_closed(c);
	expect("");
	result(a, id, ERR_NONE, "done");
	expect("close beta>alpha; ");
	pool_on_closed(a);
	expect("open gamma>beta; ");
}

/* --- awake and asleep ------------------------------------------------------------------------ */

static void
test_watchers(void **state)
{
	struct session *s = session_of("beta", "alpha");
	char wake[] = "wake", two[] = "two", sleep_[] = "sleep", again[] = "again";
	struct err why;

	(void)state;
	watch(s, false, wake);
	expect("open beta>alpha; "); /* nobody needs to send a message for that */
	watch(s, false, two);
	expect("");
	assert_string_equal(told, "");
	opened(s);
	expect("");
	assert_string_equal(told, "wake:ok two:ok ");
	told[0] = '\0';
	watch(s, false, again); /* awake already */
	expect("");
	assert_string_equal(told, "again:ok ");
	told[0] = '\0';
	watch(s, true, sleep_);
	pool_close(s);
	expect("close beta>alpha; ");
	assert_string_equal(told, "");
	pool_on_closed(s);
	assert_string_equal(told, "sleep:ok ");
	expect("");
	told[0] = '\0';

	/* Put to sleep while it starts. */
	watch(s, false, wake);
	expect("open beta>alpha; ");
	watch(s, true, sleep_);
	pool_close(s);
	expect("close beta>alpha; ");
	err_set(&why, ERR_CANCELLED, "closed");
	pool_on_open_failed(s, &why, POOL_OPEN_REFUSED);
	assert_string_equal(told, "wake:cancelled sleep:ok ");
	expect("");
	assert_int_equal(s->state, SESSION_ASLEEP);
}

/* A busy session is awake; a waiting one that is put to sleep tells both. */
static void
test_watchers_slots(void **state)
{
	const char *id, *waits;
	struct session *b = session_of("alpha", "beta");
	char wake[] = "wake", sleep_[] = "sleep";

	(void)state;
	watch(busy_session("beta", "alpha", &id), false, wake);
	expect("");
	assert_string_equal(told, "wake:ok ");
	told[0] = '\0';
	waits = ask("alpha", "beta", "x");
	watch(b, false, wake);
	expect("");
	assert_int_equal(b->state, SESSION_WAITING);
	watch(b, true, sleep_);
	pool_close(b);
	assert_string_equal(told, "wake:cancelled sleep:ok ");
	assert_string_equal(stored(waits),
	    "queued failed: cancelled: the team was put to sleep before it had started");
	expect("");
	assert_true(TAILQ_EMPTY(&d.waiting));
}

static void
test_close_in_every_state(void **state)
{
	struct session *s = session_of("beta", "alpha");
	const char *id;

	(void)state;
	pool_close(s); /* asleep */
	pool_on_closed(s);
	expect("");
	assert_int_equal(s->state, SESSION_ASLEEP);

	id = ask("beta", "alpha", "x"); /* starting: what is queued is for the next process */
	expect("open beta>alpha; ");
	pool_close(s);
	pool_close(s); /* stopping */
	expect("close beta>alpha; ");
	opened(s); /* it had been quicker */
	expect("");
	assert_int_equal(s->state, SESSION_STOPPING);
	assert_string_equal(stored(id), "queued");
	pool_on_closed(s);
	expect("open beta>alpha; ");
	opened(s);
	expect("turn beta>alpha x; ");

	pool_close(s); /* busy: not handed over again */
	expect("close beta>alpha; ");
	pool_on_closed(s);
	assert_string_equal(stored(id),
	    "queued sent failed: crashed: the Claude of team alpha ended before it had answered: it "
	    "was closed");
	expect("");

	s = idle_session("gamma", "alpha"); /* idle */
	pool_on_closed(s);                  /* a late word on an earlier close */
	assert_int_equal(s->state, SESSION_IDLE);
	pool_close(s);
	expect("close gamma>alpha; ");
	pool_on_closed(s);
	expect("");
	assert_int_equal(d.active, 0);
}

static void
test_idle_timeout(void **state)
{
	struct session *s = idle_session("beta", "alpha");
	const char *id;

	(void)state;
	run_until_said(did);
	assert_string_equal(did, "close beta>alpha; ");
	did[0] = '\0';
	pool_on_closed(s);
	expect("");

	/* Neither a turn nor the end of one that was closed meets the timer of before. */
	s = busy_session("gamma", "alpha", &id);
	assert_false(evtimer_pending(s->idle_timer, NULL));
	result(s, id, ERR_NONE, "done");
	assert_true(evtimer_pending(s->idle_timer, NULL));
	pool_on_exit(s, "status 0");
	assert_false(evtimer_pending(s->idle_timer, NULL));
}

/* --- teams that go --------------------------------------------------------------------------- */

static void
test_drain(void **state)
{
	const char *id, *queued, *waits;
	struct session *busy = busy_session("beta", "alpha", &id),
		       *idle = idle_session("gamma", "alpha"), *w;
	char wake[] = "wake";
	struct err err;

	(void)state;
	queued = ask("beta", "alpha", "queued");
	w = session_of("guest:x-00000000", "alpha");
	watch(w, false, wake);
	waits = ask("guest:x-00000000", "alpha", "waits");
	idle->idle_since = 1;
	expect("close gamma>alpha; ");
	assert_int_equal(w->state, SESSION_WAITING);
	pool_on_closed(idle);
	expect("open guest:x-00000000>alpha; ");
	opened(w);
	expect("turn guest:x-00000000>alpha waits; ");
	result(w, waits, ERR_NONE, "yes");
	expect("");

	workers_left = true;
	reload(without_alpha, NULL);
	assert_string_equal(did, "close guest:x-00000000>alpha; ");
	did[0] = '\0';
	assert_int_equal(d.draining, 1);
	assert_string_equal(stored(queued),
	    "queued failed: not_found: team alpha was removed from the configuration");
	assert_null(team_find(&d, "alpha"));
	assert_null(team_require(&d, "alpha", &err));
	/* The turn comes to its end. */
	expect("");
	assert_int_equal(busy->state, SESSION_BUSY);
	result(busy, id, ERR_NONE, "last words");
	assert_string_equal(stored(id), "queued sent seen answered: last words");
	expect("close beta>alpha; ");
	pool_on_closed(w);
	expect("");
	pool_on_closed(busy);
	expect("");
	assert_int_equal(d.draining, 1); /* its worker is still there */
	workers_left = false;
	expect("");
	assert_int_equal(d.draining, 0);
	assert_int_equal(d.active, 0);
}

/* A turn of a removed team that was not seen is not begun again; what starts is ended. */
static void
test_drain_failures(void **state)
{
	const char *id, *queued;
	struct session *busy = busy_session("beta", "alpha", &id),
		       *s = session_of("gamma", "alpha");
	struct err why;

	(void)state;
	queued = ask("gamma", "alpha", "x");
	expect("open gamma>alpha; ");
	reload(without_alpha, NULL);
	assert_string_equal(stored(queued),
	    "queued failed: not_found: team alpha was removed from the configuration");
	assert_string_equal(did, "close gamma>alpha; ");
	did[0] = '\0';
	err_set(&why, ERR_CANCELLED, "closed");
	pool_on_open_failed(s, &why, POOL_OPEN_REFUSED);
	pool_on_exit(busy, "signal 9");
	assert_string_equal(stored(id),
	    "queued sent failed: crashed: the Claude of team alpha ended before it had answered: signal "
	    "9");
	expect("");
	assert_int_equal(d.draining, 0);
	assert_int_equal(d.active, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_lru_gives_way, two_slots),
	    TEST(test_busy_never_gives_way, two_slots),
	    TEST(test_starts_are_paced, one_start),
	    TEST(test_waiting_in_order, one_slot),
	    TEST(test_older_message_first, one_slot),
	    TEST(test_no_over_eviction, three_slots),
	    TEST(test_slot_freed, one_slot),
	    TEST(test_fewer_slots, three_slots),
	    TEST(test_cancelled_while_waiting, one_slot),
	    TEST(test_turn_that_waits, one_slot),
	    TEST(test_watchers, two_slots),
	    TEST(test_watchers_slots, one_slot),
	    TEST(test_close_in_every_state, two_slots),
	    TEST(test_idle_timeout, idle_soon),
	    TEST(test_drain, two_slots),
	    TEST(test_drain_failures, two_slots),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
