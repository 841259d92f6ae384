/* SPDX-License-Identifier: MIT
 *
 * irisd/core/message, after it was accepted: those who wait, its time to live, cancelling, what is
 * said of it, and what a new irisd makes of what the old one left. The test is in the place of the
 * workers.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "tests/unit/pool_fixture.h"

#define THREE "teams:\n" TEAM("alpha") TEAM("beta") TEAM("gamma")

static char plain[] = THREE;
static char one_slot[] = "settings:\n  maxProcesses: 1\n" THREE;
static char left[] = "settings:\n  cancelOnDisconnect: true\n" THREE;

/* --- waiting --------------------------------------------------------------------------------- */

static const char *const event_names[] = {"state", "activity", "delta", "final", "timeout"};
static char heard[1024];
static struct wait *to_unwait;

static void
wait_cb(struct wait *w, enum wait_event ev, const char *text)
{
	size_t n = strlen(heard);

	if (text == NULL)
		snprintf(
		    heard + n, sizeof heard - n, "%s:%s; ", (const char *)w->arg, event_names[ev]);
	else
		snprintf(heard + n, sizeof heard - n, "%s:%s %s; ", (const char *)w->arg,
		    event_names[ev], text);
	if (w == to_unwait)
		message_unwait(w);
}

#define expect_heard(want)                                                                         \
	do {                                                                                       \
		assert_string_equal(heard, want);                                                  \
		heard[0] = '\0';                                                                   \
	} while (0)

static int
setup(void **state)
{
	heard[0] = '\0';
	to_unwait = NULL;
	return pool_setup(state);
}

#define WAIT_TEST(f, conf) cmocka_unit_test_prestate_setup_teardown(f, setup, pool_teardown, conf)

static void
test_waits(void **state)
{
	const char *id = ask("beta", "alpha", "x");
	struct session *s = session_of("beta", "alpha");
	char a[] = "a", b[] = "b", c[] = "c";
	struct message *m = message_find(&d, id);
	struct wait *w;

	(void)state;
	message_wait(m, 0, wait_cb, a);
	w = message_wait(m, 0, wait_cb, b);
	expect("open beta>alpha; ");
	expect_heard("");
	opened(s);
	expect("turn beta>alpha x; ");
	expect_heard(
	    "a:state handed to claude, process 4711; b:state handed to claude, process 4711; ");
	pool_on_seen(s, id, "lifecycle");
	pool_on_seen(s, id, "replay"); /* more evidence is no further step */
	expect_heard("a:state lifecycle; b:state lifecycle; ");
	pool_on_activity(s, id, "is using Bash");
	expect_heard("a:activity is using Bash; b:activity is using Bash; ");
	message_unwait(w);
	pool_on_delta(s, id, "Hel");
	pool_on_delta(s, id, "lo");
	expect_heard("a:delta Hel; a:delta lo; ");
	/* One that comes late hears the rest. */
	message_wait(m, 60000, wait_cb, c);
	result(s, id, ERR_NONE, "Hello");
	expect_heard("a:final; c:final; ");
	assert_string_equal(stored(id), "queued sent seen answered: Hello");
	expect("");
	expect_heard("");
}

/* Whatever the end is, everybody hears of it, once; also who lets go in the very moment. */
static void
test_wait_ends(void **state)
{
	struct session *s = idle_session("beta", "alpha");
	char a[] = "a", b[] = "b";
	const char *id;

	(void)state;
	id = ask("beta", "alpha", "x");
	message_wait(message_find(&d, id), 0, wait_cb, a);
	message_cancel(message_find(&d, id), "no need");
	expect_heard("a:final; ");

	id = ask("beta", "alpha", "y");
	to_unwait = message_wait(message_find(&d, id), 1000, wait_cb, a);
	message_wait(message_find(&d, id), 0, wait_cb, b);
	message_failed(message_find(&d, id), &(struct err){ERR_IO, "bad"}, NULL);
	expect_heard("a:final; b:final; ");

	/* The answer without a sign of life before: its step to seen is told as well. */
	id = ask("beta", "alpha", "z");
	expect("turn beta>alpha z; ");
	to_unwait = NULL;
	message_wait(message_find(&d, id), 0, wait_cb, a);
	result(s, id, ERR_NONE, "yes");
	expect_heard("a:state result; a:final; ");
	/* Of one who lets go at a step the rest is not told. */
	id = ask("beta", "alpha", "z");
	to_unwait = message_wait(message_find(&d, id), 0, wait_cb, a);
	expect("turn beta>alpha z; ");
	result(s, id, ERR_NONE, "yes");
	expect_heard("a:state handed to claude, process 4711; ");
}

static void
test_timeout(void **state)
{
	const char *id = ask("beta", "alpha", "x");
	struct message *m = message_find(&d, id);
	struct session *s = session_of("beta", "alpha");
	char a[] = "a", b[] = "b", c[] = "c";
	struct wait *gone;

	(void)state;
	expect("open beta>alpha; ");
	gone = message_wait(m, 1, wait_cb, c);
	message_unwait(gone);
	message_wait(m, 2, wait_cb, a);
	message_wait(m, 60000, wait_cb, b);
	run_until_said(heard);
	expect_heard("a:timeout; ");
	/* The message goes on. */
	assert_string_equal(stored(id), "queued");
	opened(s);
	expect("turn beta>alpha x; ");
	result(s, id, ERR_NONE, "yes");
	expect_heard("b:state handed to claude, process 4711; b:state result; b:final; ");
}

/* --- time to live ---------------------------------------------------------------------------- */

static void
test_ttl(void **state)
{
	struct message_new n = {.to = "alpha", .from = "beta", .body = "x", .ttl = 20, .key = "k"};
	char id[UUID_LEN + 1], again[UUID_LEN + 1], a[] = "a";
	struct store_message row;

	(void)state;
	accepted(&n, id);
	assert_true(store_message_load(d.store, id, &row));
	assert_int_equal(row.expires_at - row.created_at, 20);
	store_message_release(&row);
	message_wait(message_find(&d, id), 0, wait_cb, a);
	expect("open beta>alpha; ");
	run_until_said(heard);
	expect_heard("a:final; ");
	assert_string_equal(stored(id),
	    "queued expired: expired: it was still queued for team alpha after its time to live of 20 "
	    "ms; nothing of it was delivered: send it again, with a longer ttl or without one");
	assert_int_equal(d.queued, 0);
	assert_int_equal(session_of("beta", "alpha")->queued, 0);
	/* Its key still finds it, and does not send it again. */
	accepted(&n, again);
	assert_string_equal(again, id);
	assert_null(message_find(&d, id));
	/* The process that was on its way for it has nothing to do. */
	opened(session_of("beta", "alpha"));
	expect("");
}

/* Handed over once, it expires no more, whatever becomes of its process. */
static void
test_ttl_delivered(void **state)
{
	struct message_new n = {.to = "alpha", .from = "beta", .body = "x", .ttl = 30};
	struct session *s = idle_session("beta", "alpha");
	char first[UUID_LEN + 1], second[UUID_LEN + 1], a[] = "a";
	struct wait *w;

	(void)state;
	accepted(&n, first);
	accepted(&n, second);
	expect("turn beta>alpha x; ");
	message_wait(message_find(&d, second), 0, wait_cb, a);
	run_until_said(heard);
	expect_heard("a:final; ");
	assert_string_equal(ladder_name(message_find(&d, first)->state), "sent");
	/* Back in the queue: it may have been with Claude, so that it is not called undelivered. */
	pool_on_exit(s, "it fell");
	w = message_wait(message_find(&d, first), 60, wait_cb, a);
	(void)w;
	run_until_said(heard);
	assert_non_null(strstr(heard, "a:timeout; "));
	heard[0] = '\0';
	assert_non_null(message_find(&d, first));
	message_cancel(message_find(&d, first), "no need");
}

/* --- cancelling, describing ------------------------------------------------------------------ */

static void
test_cancel(void **state)
{
	const char *one = ask("beta", "alpha", "one"), *two = ask("beta", "alpha", "two"),
		   *three = ask("beta", "alpha", "three");
	struct session *s = session_of("beta", "alpha");

	(void)state;
	message_cancel(message_find(&d, two), "the asker has gone");
	assert_string_equal(stored(two), "queued cancelled: cancelled: the asker has gone");
	assert_int_equal(s->queued, 2);
	assert_int_equal(message_position(message_find(&d, three)), 2);
	expect("open beta>alpha; ");
	opened(s);
	expect("turn beta>alpha one; ");
	message_cancel(message_find(&d, one), "the asker has gone");
	expect("interrupt beta>alpha; ");
	assert_string_equal(stored(one), "queued sent");
	/* The wish twice: the interrupt may have been too early. */
	message_cancel(message_find(&d, one), "the asker has gone");
	expect("interrupt beta>alpha; ");
	result(s, one, ERR_CANCELLED, "interrupted");
	assert_string_equal(
	    stored(one), "queued sent cancelled: cancelled: interrupted on request");
	expect("turn beta>alpha three; ");
}

/* Only by the setting, only without others who wait, and never by irisd's own end. */
static void
test_abandoned(void **state)
{
	const char *id = ask("beta", "alpha", "x");
	struct message *m = message_find(&d, id);
	char a[] = "a";
	struct wait *w;

	(void)state;
	expect("open beta>alpha; ");
	w = message_wait(m, 0, wait_cb, a);
	message_abandoned(m);
	assert_string_equal(stored(id), "queued");
	message_unwait(w);
	d.stopping = true;
	message_abandoned(m);
	d.stopping = false;
	assert_string_equal(stored(id), "queued");
	message_abandoned(m);
	assert_string_equal(stored(id),
	    "queued cancelled: cancelled: who waited for its answer has gone "
	    "(settings.cancelOnDisconnect)");
}

static void
test_abandoned_off(void **state)
{
	const char *id = ask("beta", "alpha", "x");

	(void)state;
	message_abandoned(message_find(&d, id));
	assert_string_equal(stored(id), "queued");
}

static const char *
describe(const char *id)
{
	static char buf[200];

	message_describe(message_find(&d, id), buf, sizeof buf);
	return buf;
}

static void
test_describe(void **state)
{
	const char *one = ask("beta", "alpha", "one"), *two = ask("beta", "alpha", "two"), *other;
	struct session *s = session_of("beta", "alpha");
	char tiny[sizeof "team alpha: is using B" + 1];

	(void)state;
	assert_string_equal(describe(two), "queued, place 2 for team alpha");
	expect("open beta>alpha; ");
	assert_string_equal(describe(one), "queued, place 1: Claude is starting for team alpha");
	opened(s);
	expect("turn beta>alpha one; ");
	assert_string_equal(describe(one), "sent to team alpha");
	assert_string_equal(describe(two), "queued, place 1 for team alpha");
	other = ask("alpha", "beta", "x");
	expect("");
	assert_string_equal(describe(other), "queued, place 1: all 1 process slots are taken");
	pool_on_seen(s, one, "replay");
	assert_string_equal(describe(one), "team alpha is at work on it");
	pool_on_activity(s, one, "is using B\xc3\xa4sh");
	assert_string_equal(describe(one), "team alpha: is using B\xc3\xa4sh");
	assert_int_equal(message_position(message_find(&d, one)), 0);
	/* Cut within a letter: what is left is UTF-8. */
	message_describe(message_find(&d, one), tiny, sizeof tiny);
	assert_int_equal(strncmp(tiny, "team alpha: is using B", 22), 0);
	assert_true(json_utf8_valid(tiny, strlen(tiny)));
}

/* --- a new irisd ----------------------------------------------------------------------------- */

/* As if irisd had ended here and another one had begun with this configuration. */
static void
new_irisd(const char *text)
{
	struct conf *old = d.conf;

	store_commit(d.store);
	fixture_pass(&d);
	message_forget_all(&d);
	assert_null(d.messages);
	team_free_all(&d);
	did[0] = '\0';
	d.conf = fixture_conf(text);
	conf_unref(old);
	team_sync(&d, d.conf, NULL);
	session_load_all(&d);
	message_recover_all(&d);
	assert_int_equal(d.active, 0);
}

static void
test_recovery(void **state)
{
	const char *seen, *sent, *queued, *second, *gone;
	struct session *s = busy_session("beta", "alpha", &seen);
	struct message_new n = {.to = "alpha", .from = "beta", .body = "in turn", .key = "k"};
	char id[UUID_LEN + 1], again[UUID_LEN + 1];
	struct message *m;

	(void)state;
	pool_on_seen(s, seen, "replay");
	busy_session("alpha", "beta", &sent);
	queued = ask("beta", "alpha", "queued");
	second = ask("beta", "alpha", "second");
	n.parent = message_find(&d, seen);
	accepted(&n, id);
	gone = ask("beta", "gamma", "gone");
	new_irisd("teams:\n" TEAM("alpha") TEAM("beta"));

	/* Of these it is not known what Claude has of them; nothing is said before that is. */
	assert_string_equal(stored(seen), "queued sent seen");
	assert_string_equal(stored(sent), "queued sent");
	assert_string_equal(
	    stored(gone), "queued failed: not_found: the team is not configured any more");
	assert_string_equal(stored(queued), "queued");
	assert_int_equal(message_position(message_find(&d, seen)), 1);
	assert_int_equal(message_position(message_find(&d, queued)), 2);
	assert_int_equal(message_position(message_find(&d, second)), 3);
	m = message_find(&d, id);
	assert_int_equal(message_position(m), 4);
	assert_string_equal(m->root, seen);
	assert_string_equal(m->parent, seen);
	assert_int_equal(m->hops, 1);
	/* Its key still finds it. */
	n.parent = NULL;
	accepted(&n, again);
	assert_string_equal(again, id);
	/* They go their way, in the conversation that there was. */
	expect("look beta>alpha; look alpha>beta; ");
	s = session_of("beta", "alpha");
	looked(s, seen, POOL_TAKEN, 7, NULL);
	assert_string_equal(stored(seen),
	    "queued sent seen failed: crashed: irisd and the team's worker ended while the message "
	    "was with the team, and its turn did not come to its end; look at the session of team "
	    "alpha before you send it again");
	looked(session_of("alpha", "beta"), sent, POOL_ANSWERED, 9, "found");
	assert_string_equal(stored(sent), "queued sent seen answered: found");
	expect("open beta>alpha again; ");
	opened(s);
	expect("turn beta>alpha queued; ");
	result(s, queued, ERR_NONE, "yes");
	assert_string_equal(stored(queued), "queued sent seen answered: yes");
	expect("turn beta>alpha second; ");
}

/* Nothing is left, whatever state they are in and whoever waits: the leak sanitizer looks. */
static void
test_forget(void **state)
{
	const char *busy;
	struct session *s = busy_session("beta", "alpha", &busy);
	char a[] = "a";
	int i;

	(void)state;
	pool_on_seen(s, busy, "replay");
	message_wait(message_find(&d, busy), 60000, wait_cb, a);
	for (i = 0; i < 20; i++)
		message_wait(message_find(&d, ask("beta", "alpha", "x")), 60000, wait_cb, a);
	heard[0] = '\0';
	message_forget_all(&d);
	assert_null(d.messages);
	assert_int_equal(s->queued, 0);
	assert_string_equal(heard, ""); /* it is nobody's end */
	assert_int_equal(stored_messages(), 22);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    WAIT_TEST(test_waits, plain),
	    WAIT_TEST(test_wait_ends, plain),
	    WAIT_TEST(test_timeout, plain),
	    WAIT_TEST(test_ttl, plain),
	    WAIT_TEST(test_ttl_delivered, plain),
	    TEST(test_cancel, plain),
	    WAIT_TEST(test_abandoned, left),
	    WAIT_TEST(test_abandoned_off, plain),
	    TEST(test_describe, one_slot),
	    TEST(test_recovery, plain),
	    WAIT_TEST(test_forget, plain),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
