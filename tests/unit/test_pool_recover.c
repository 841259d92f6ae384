/* SPDX-License-Identifier: MIT
 *
 * Unit tests for irisd/core/pool_recover.c and backoff.c: what becomes of sessions and messages when
 * a worker, a Claude or an earlier irisd has died.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "irisd/core/backoff.h"
#include "irisd/core/message.h"
#include "irisd/core/team.h"
#include "irisd/net/evict.h"
#include "tests/unit/pool_fixture.h"

static char plain[] = "teams:\n" TEAM("alpha") TEAM("beta") TEAM("gamma");
static char tight[] =
    "settings:\n  restartBudget: 1\n  restartDelay: 40\nteams:\n" TEAM("alpha") TEAM("beta");

static char one[] =
    "settings:\n  maxProcesses: 1\nteams:\n" TEAM("alpha") TEAM("beta") TEAM("gamma");

static int receipts;

static void
count_cb(const struct store_receipt *r, void *arg)
{
	receipts += r->evidence != NULL && strcmp(r->evidence, arg) == 0;
}

/* How many receipts of the message have this evidence. */
static int
with_evidence(const char *id, char *evidence)
{
	receipts = 0;
	store_receipts_each(d.store, id, count_cb, evidence);
	return receipts;
}

/* --- a worker is lost ------------------------------------------------------------------------- */

static void
test_lost_sent_absent(void **state)
{
	char evidence[] = "handed again to claude, process 4711";
	const char *id;
	struct session *s = busy_session("beta", "alpha", &id);

	(void)state;
	ask("beta", "alpha", "next");
	pool_on_lost(s, "the worker fell");
	assert_int_equal(s->state, SESSION_ASLEEP);
	assert_null(s->current);
	/* One look, however often there is a reason for one. */
	expect("look beta>alpha; ");
	pool_want(s);
	expect("");
	looked(s, id, POOL_ABSENT, 0, NULL);
	expect("open beta>alpha again; ");
	opened(s);
	/* In its old place, before what came later. */
	expect("turn beta>alpha work; ");
	assert_int_equal(with_evidence(id, evidence), 1);
	result(s, id, ERR_NONE, "yes");
	assert_string_equal(stored(id), "queued sent sent seen answered: yes");
	expect("turn beta>alpha next; ");
}

static void
test_lost_sent_taken(void **state)
{
	char evidence[] = "transcript line 12";
	const char *id;
	struct session *s = busy_session("beta", "alpha", &id);

	(void)state;
	pool_on_lost(s, "the worker fell");
	expect("look beta>alpha; ");
	looked(s, id, POOL_TAKEN, 12, NULL);
	assert_string_equal(stored(id),
	    "queued sent seen failed: crashed: the worker fell, and its turn did not come to its end; "
	    "look at the session of team alpha before you send it again");
	assert_int_equal(with_evidence(id, evidence), 1);
	expect("");
}

static void
test_lost_answered(void **state)
{
	char evidence[] = "transcript line 12";
	const char *id;
	struct session *s = busy_session("beta", "alpha", &id);

	(void)state;
	pool_on_seen(s, id, "replay");
	pool_on_lost(s, "the worker fell");
	expect("look beta>alpha; ");
	looked(s, id, POOL_ANSWERED, 12, "the answer");
	assert_string_equal(stored(id), "queued sent seen answered: the answer");
	assert_int_equal(with_evidence(id, evidence), 1);
}

/* What Claude has said that it took is never delivered twice, not even without a trace of it. */
static void
test_lost_seen_absent(void **state)
{
	const char *id;
	struct session *s = busy_session("beta", "alpha", &id);

	(void)state;
	pool_on_seen(s, id, "replay");
	pool_on_lost(s, "the worker fell");
	expect("look beta>alpha; ");
	looked(s, id, POOL_ABSENT, 0, NULL);
	assert_string_equal(stored(id),
	    "queued sent seen failed: crashed: the worker fell, and Claude had taken the message, but "
	    "its transcript does not have it; look at the session of team alpha before you send it "
	    "again");
	expect("");
}

static void
test_lost_cancelled(void **state)
{
	const char *id;
	struct session *s = busy_session("beta", "alpha", &id);

	(void)state;
	message_cancel(message_find(&d, id), "no need");
	expect("interrupt beta>alpha; ");
	pool_on_lost(s, "the worker fell");
	expect("look beta>alpha; ");
	looked(s, id, POOL_ABSENT, 0, NULL);
	assert_string_equal(
	    stored(id), "queued sent cancelled: cancelled: cancelled before Claude had it");
	expect("");
}

static void
test_lookup_fails(void **state)
{
	const char *id;
	struct session *s = busy_session("beta", "alpha", &id);
	struct err why;

	(void)state;
	pool_on_lost(s, "the worker fell");
	expect("look beta>alpha; ");
	err_set(&why, ERR_IO, "permission denied");
	pool_on_lookup_failed(s, id, &why, true);
	expect("look beta>alpha; ");
	pool_on_lookup_failed(s, id, &why, false);
	assert_string_equal(stored(id),
	    "queued sent failed: crashed: the worker fell, and whether Claude has it can not be found "
	    "out (permission denied); look at the session of team alpha before you send it again");
	/* Late, or about another one: nothing. */
	looked(s, id, POOL_ABSENT, 0, NULL);
	expect("");
}

/* Its result was written to a file before its worker died. */
static void
test_result_of_the_lost(void **state)
{
	const char *id;
	struct session *s = busy_session("beta", "alpha", &id);

	(void)state;
	pool_on_lost(s, "the worker fell");
	result(s, id, ERR_NONE, "it had ended");
	assert_string_equal(stored(id), "queued sent seen answered: it had ended");
	expect("");
	assert_int_equal(s->state, SESSION_ASLEEP);
}

/*
 * A team that is removed gets no process any more: what comes back into its queue is looked up, and
 * ends by what was found.
 */
static void
test_lost_of_a_removed_team(void **state)
{
	const char *id;
	struct session *s = busy_session("beta", "alpha", &id);

	(void)state;
	workers_left = true;
	reload("teams:\n" TEAM("beta") TEAM("gamma"), NULL);
	pool_on_lost(s, "the worker fell");
	expect("look beta>alpha; ");
	looked(s, id, POOL_ABSENT, 0, NULL);
	expect("");
	assert_string_equal(stored(id),
	    "queued sent failed: not_found: team alpha was removed from the configuration");
}

/* Who is behind a message that was cancelled while it was looked up does not wait for ever. */
static void
test_cancelled_while_looked_up(void **state)
{
	const char *id;
	struct session *s = busy_session("beta", "alpha", &id);

	(void)state;
	ask("beta", "alpha", "next");
	pool_on_lost(s, "the worker fell");
	expect("look beta>alpha; ");
	message_cancel(message_find(&d, id), "no need");
	looked(s, id, POOL_ABSENT, 0, NULL);
	expect("open beta>alpha again; ");
}

/* Whose team is held up gives its place in the line to the next one, and gets another one later. */
static void
test_line_behind_the_held_up(void **state)
{
	const char *id;
	struct session *s = busy_session("beta", "alpha", &id);
	struct team *t = team_find(&d, "beta");

	(void)state;
	ask("alpha", "beta", "x");
	ask("alpha", "gamma", "y");
	expect("");
	assert_int_equal(session_of("alpha", "beta")->state, SESSION_WAITING);
	assert_int_equal(session_of("alpha", "gamma")->state, SESSION_WAITING);
	t->adopting++;
	result(s, id, ERR_NONE, "yes");
	expect("close beta>alpha; ");
	pool_on_closed(s);
	expect("open alpha>gamma; ");
	t->adopting--;
	pool_want_team(t);
	expect("");
	assert_int_equal(session_of("alpha", "beta")->state, SESSION_WAITING);
}

/* Its message may be with Claude: who reads that it failed is not to send it again unseen. */
static void
test_down_in_doubt(void **state)
{
	const char *id;
	struct session *s = busy_session("beta", "alpha", &id);

	(void)state;
	team_find(&d, "alpha")->backoff.crashes = 2;
	team_find(&d, "alpha")->backoff.first = compat_mono_ms();
	pool_on_lost(s, "the worker fell");
	expect("");
	assert_non_null(strstr(stored(id), "queued sent failed: crashed: team alpha is down: "));
	assert_non_null(strstr(stored(id),
	    "; nobody knows whether Claude has this message: look at the session of team alpha first"));
}

/* A worker that is ended from outside interrupts its turns; nobody has put the team to sleep. */
static void
test_turn_of_an_ended_worker(void **state)
{
	const char *id;
	struct session *s = busy_session("beta", "alpha", &id);

	(void)state;
	pool_on_seen(s, id, "replay");
	result(s, id, ERR_CANCELLED, "the session was closed before Claude had answered");
	assert_string_equal(stored(id),
	    "queued sent seen failed: crashed: the iris-worker of team alpha was ended in this turn");
}

/* --- an earlier irisd's process --------------------------------------------------------------- */

static struct message *
limbo(const char *id)
{
	struct message *m = message_find(&d, id);

	m->limbo = true;
	return m;
}

static void
test_adopt_busy(void **state)
{
	const char *id;
	struct session *s = busy_session("beta", "alpha", &id);
	struct pool_adopted a = {
	    .state = SESSION_BUSY, .pid = 99, .start = 7, .seen = "lifecycle", .version = "2.1.0"};

	(void)state;
	/* As a new irisd has it: asleep, and the message with nobody knows whom. */
	pool_on_lost(s, "x");
	message_cancel(message_find(&d, id), "x");
	id = ask("beta", "alpha", "again");
	expect("open beta>alpha again; ");
	opened(s);
	expect("turn beta>alpha again; ");
	s->current = NULL;
	session_move(s, SESSION_EV_GONE);
	a.current = limbo(id);
	pool_adopt(s, &a);
	assert_int_equal(s->state, SESSION_BUSY);
	assert_int_equal(s->pid, 99);
	assert_ptr_equal(s->current, message_find(&d, id));
	expect("");
	result(s, id, ERR_NONE, "yes");
	assert_string_equal(stored(id), "queued sent seen answered: yes");
	assert_int_equal(s->state, SESSION_IDLE);
}

static void
test_adopt_others(void **state)
{
	struct session *s = session_of("beta", "alpha");
	struct pool_adopted a = {.state = SESSION_IDLE, .pid = 99, .start = 7};

	(void)state;
	pool_adopt(s, &a);
	assert_int_equal(s->state, SESSION_IDLE);
	assert_int_equal(d.active, 1);
	ask("beta", "alpha", "x");
	expect("turn beta>alpha x; ");

	s = session_of("gamma", "alpha");
	a.state = SESSION_STARTING;
	pool_adopt(s, &a);
	expect("open gamma>alpha; ");
	opened(s);
	assert_int_equal(s->state, SESSION_IDLE);

	s = session_of("alpha", "beta");
	a.state = SESSION_STOPPING;
	pool_adopt(s, &a);
	expect("close alpha>beta; ");
	assert_int_equal(s->state, SESSION_STOPPING);
	pool_on_closed(s);
	assert_int_equal(s->state, SESSION_ASLEEP);
	assert_int_equal(d.active, 2);
}

/* --- pauses ----------------------------------------------------------------------------------- */

static void
test_pause(void **state)
{
	struct session *s = idle_session("beta", "alpha");
	struct team *t = team_find(&d, "alpha");
	char name[] = "w";
	struct err why;

	(void)state;
	pauses = true;
	pool_on_exit(s, "signal 9");
	ask("beta", "alpha", "x");
	assert_true(backoff_waits(t));
	assert_true(backoff_until(t) > compat_now_ms() - 1000);
	expect("");
	/* The pause ends by itself. */
	run_until_said(did);
	expect("open beta>alpha again; ");
	opened(s);
	expect("turn beta>alpha x; ");
	assert_false(backoff_down(t, &why));
	/* The budget is one. The message was taken: it fails for what it is. */
	pool_on_seen(s, s->current->id, "replay");
	pool_on_exit(s, "signal 11");
	assert_true(backoff_down(t, &why));
	assert_int_equal(why.code, ERR_CRASHED);
	assert_non_null(strstr(why.msg, "team alpha is down: it crashed 2 times within 0 s"));
	assert_non_null(strstr(why.msg, "last: signal 11"));
	/* Down: whatever comes fails at once, and says why. */
	const char *id = ask("beta", "alpha", "y");
	watch(s, false, name);
	expect("");
	assert_non_null(strstr(stored(id), "queued failed: crashed: team alpha is down: "));
	assert_string_equal(told, "w:crashed ");
	/* Somebody tries again. */
	backoff_reset(t);
	ask("beta", "alpha", "z");
	expect("open beta>alpha again; ");
	opened(s);
	expect("turn beta>alpha z; ");
	result(s, s->current->id, ERR_NONE, "yes");
	assert_int_equal(t->backoff.crashes, 0);
}

/* What was killed while it started is tried again; what ended by itself would end again. */
static void
test_killed_start(void **state)
{
	struct session *s = session_of("beta", "alpha");
	const char *id = ask("beta", "alpha", "x");
	struct err why;

	(void)state;
	expect("open beta>alpha; ");
	err_set(&why, ERR_CRASHED, "Claude was killed by signal 9");
	pool_on_open_failed(s, &why, POOL_OPEN_KILLED);
	assert_string_equal(stored(id), "queued");
	expect("open beta>alpha; ");
	err_set(&why, ERR_CRASHED, "Claude exited with status 1");
	pool_on_open_failed(s, &why, POOL_OPEN_REFUSED);
	assert_string_equal(stored(id), "queued failed: crashed: Claude exited with status 1");
	expect("");
}

/* It can not be killed: it is not called asleep, keeps its mark, and holds nobody else's session. */
static void
test_alive(void **state)
{
	const char *sent, *other;
	struct session *s = busy_session("beta", "alpha", &sent);
	char name[] = "sleep", where[256];

	(void)state;
	uuid_v4(s->row.instance);
	session_watch(s, true, watch_cb, name);
	pool_on_alive(s, "could not be killed");
	assert_string_equal(told, "sleep:unavailable ");
	assert_int_equal(s->state, SESSION_ASLEEP);
	assert_true(s->row.instance[0] != '\0');
	assert_true(evict_holds(s));
	assert_string_equal(stored(sent), "queued sent");
	message_describe(message_find(&d, sent), where, sizeof where);
	assert_string_equal(
	    where, "queued, place 1: the last Claude of team alpha is looked after first");
	other = ask("gamma", "alpha", "x");
	expect("open gamma>alpha; ");
	message_describe(message_find(&d, other), where, sizeof where);
	assert_string_equal(where, "queued, place 1: Claude is starting for team alpha");
	/* Nothing bears its mark here: two looks, and it goes on. */
	run_until_said(did);
	expect("look beta>alpha; ");
	assert_false(evict_holds(s));
	assert_string_equal(s->row.instance, "");
}

static void
test_open_failed_alive(void **state)
{
	struct session *s = session_of("beta", "alpha");
	const char *id = ask("beta", "alpha", "x");
	struct err why = {ERR_NOT_FOUND, "no conversation"};

	(void)state;
	/* Otherwise it would be begun anew. */
	s->row.started = true;
	expect("open beta>alpha again; ");
	uuid_v4(s->row.instance);
	pool_on_open_failed(s, &why, POOL_OPEN_ALIVE);
	assert_string_equal(stored(id), "queued failed: not_found: no conversation");
	assert_true(evict_holds(s));
	assert_true(s->row.instance[0] != '\0');
	assert_true(s->row.started);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_lost_sent_absent, plain),
	    TEST(test_lost_sent_taken, plain),
	    TEST(test_lost_answered, plain),
	    TEST(test_lost_seen_absent, plain),
	    TEST(test_lost_cancelled, plain),
	    TEST(test_lookup_fails, plain),
	    TEST(test_result_of_the_lost, plain),
	    TEST(test_lost_of_a_removed_team, plain),
	    TEST(test_cancelled_while_looked_up, plain),
	    TEST(test_line_behind_the_held_up, one),
	    TEST(test_down_in_doubt, tight),
	    TEST(test_turn_of_an_ended_worker, plain),
	    TEST(test_adopt_busy, plain),
	    TEST(test_adopt_others, plain),
	    TEST(test_pause, tight),
	    TEST(test_killed_start, plain),
	    TEST(test_alive, plain),
	    TEST(test_open_failed_alive, plain),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
