/* SPDX-License-Identifier: MIT
 *
 * irisd/core/session: every state x event; what is not allowed ends the process, in a child of its
 * own. Also slots, watches, and what comes back from the store.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "tests/unit/child.h"
#include "tests/unit/irisd_fixture.h"

#define TEAMS                                                                                      \
	"teams:\n  alpha:\n    path: alpha\n    description: A\n"                                  \
	"  beta:\n    path: beta\n    description: B\n"

#define NO (-1)

static const char *const states[] = {"asleep", "waiting", "starting", "idle", "busy", "stopping"};
static const char *const events[] = {"wait", "start", "opened", "turn", "result", "close", "gone"};

/* clang-format off */
/* The next state for each event, in the order of enum session_event. */
static const int next[SESSION_STATES][SESSION_EVENTS] = {
	[SESSION_ASLEEP]   = {SESSION_WAITING, SESSION_STARTING, NO, NO, NO, NO, SESSION_ASLEEP},
	[SESSION_WAITING]  = {NO, SESSION_STARTING, NO, NO, NO, NO, SESSION_ASLEEP},
	[SESSION_STARTING] = {NO, NO, SESSION_IDLE, NO, NO, SESSION_STOPPING, SESSION_ASLEEP},
	[SESSION_IDLE]     = {NO, NO, NO, SESSION_BUSY, NO, SESSION_STOPPING, SESSION_ASLEEP},
	[SESSION_BUSY]     = {NO, NO, NO, NO, SESSION_IDLE, SESSION_STOPPING, SESSION_ASLEEP},
	[SESSION_STOPPING] = {NO, NO, SESSION_STOPPING, NO, SESSION_STOPPING, SESSION_STOPPING,
			      SESSION_ASLEEP},
};
/* The way from asleep to each state. */
static const int way[SESSION_STATES][4] = {
	[SESSION_ASLEEP]   = {NO},
	[SESSION_WAITING]  = {SESSION_EV_WAIT, NO},
	[SESSION_STARTING] = {SESSION_EV_START, NO},
	[SESSION_IDLE]     = {SESSION_EV_START, SESSION_EV_OPENED, NO},
	[SESSION_BUSY]     = {SESSION_EV_START, SESSION_EV_OPENED, SESSION_EV_TURN, NO},
	[SESSION_STOPPING] = {SESSION_EV_START, SESSION_EV_CLOSE, NO},
};
/* clang-format on */

static struct irisd d;

static int
setup(void **state)
{
	if (fixture_setup(state) == -1)
		return -1;
	fixture_irisd(&d, TEAMS);
	return 0;
}

static int
teardown(void **state)
{
	fixture_irisd_release(&d);
	return fixture_teardown(state);
}

static struct session *
session_of(const char *from, const char *to)
{
	struct err err;
	struct session *s = session_get(team_find(&d, to), from, true, &err);

	if (s == NULL)
		fail_msg("%s", err.msg);
	return s;
}

static void
bring_to(struct session *s, int state)
{
	int i;

	for (i = 0; way[state][i] != NO; i++)
		session_move(s, (enum session_event)way[state][i]);
	assert_int_equal(s->state, state);
}

static void
test_allowed(void **state)
{
	int from, ev;

	(void)state;
	for (from = 0; from < SESSION_STATES; from++) {
		assert_string_equal(session_state_name((enum session_state)from), states[from]);
		for (ev = 0; ev < SESSION_EVENTS; ev++) {
			struct session *s;
			if (next[from][ev] == NO)
				continue;
			s = session_of("beta", "alpha");
			bring_to(s, from);
			session_move(s, (enum session_event)ev);
			assert_int_equal(s->state, next[from][ev]);
			/* A slot is held exactly by those that have, or may have, a process. */
			assert_int_equal(
			    d.active, s->state != SESSION_ASLEEP && s->state != SESSION_WAITING);
			assert_int_equal(TAILQ_FIRST(&d.waiting) == s, s->state == SESSION_WAITING);
			if (s->state != SESSION_ASLEEP)
				session_move(s, SESSION_EV_GONE);
			assert_int_equal(d.active, 0);
			assert_true(TAILQ_EMPTY(&d.waiting));
		}
	}
}

/* In a child: "STATE EVENT" that the table does not have. */
static int
child_forbidden(const char *arg)
{
	struct session *s;
	int from, ev;

	if (sscanf(arg, "%d %d", &from, &ev) != 2)
		return 2;
	if (setup(NULL) == -1)
		return 3;
	s = session_of("beta", "alpha");
	bring_to(s, from);
	/* Before the end: it leaves nothing behind. */
	fixture_teardown(NULL);
	session_move(s, (enum session_event)ev);
	return 0;
}

static void
test_forbidden(void **state)
{
	char arg[32], want[128];
	int from, ev, status, n = 0;

	(void)state;
	for (from = 0; from < SESSION_STATES; from++) {
		for (ev = 0; ev < SESSION_EVENTS; ev++) {
			if (next[from][ev] != NO)
				continue;
			snprintf(arg, sizeof arg, "%d %d", from, ev);
			status = child_run(arg, NULL);
			/* It says why and exits: no crash, and no going on. */
			if (!WIFEXITED(status) || WEXITSTATUS(status) == 0)
				fail_msg("%s %s: status %d: %s", states[from], events[ev], status,
				    child_output);
			snprintf(want, sizeof want,
			    "session beta -> alpha is %s and can not take \"%s\"", states[from],
			    events[ev]);
			if (strstr(child_output, want) == NULL)
				fail_msg("expected \"%s\" in: %s", want, child_output);
			n++;
		}
	}
	assert_int_equal(n, 24);
}

static void
test_get(void **state)
{
	struct session *s, *other;
	struct err err;

	(void)state;
	assert_null(session_get(team_find(&d, "alpha"), "beta", false, &err));
	assert_int_equal(err.code, ERR_NOT_FOUND);
	s = session_of("beta", "alpha");
	assert_ptr_equal(session_of("beta", "alpha"), s);
	other = session_of("guest:x-00000000", "alpha");
	assert_ptr_not_equal(other, s);
	assert_string_not_equal(other->row.claude_id, s->row.claude_id);
	assert_string_not_equal(other->key, s->key);
	assert_ptr_equal(session_by_key(team_find(&d, "alpha"), s->key), s);
	assert_null(session_by_key(team_find(&d, "beta"), s->key));
	assert_null(session_by_key(team_find(&d, "alpha"), "nobody"));
}

/* What another irisd has left in the store is there again, with the same conversation; once. */
static void
test_load(void **state)
{
	struct session *s = session_of("beta", "alpha");
	char claude[UUID_LEN + 1];
	int n = 0;

	(void)state;
	s->row.started = true;
	s->row.messages = 3;
	memcpy(claude, s->row.claude_id, sizeof claude);
	store_session_update(d.store, &s->row);
	store_commit(d.store);
	session_free(s);
	session_load_all(&d);
	session_load_all(&d);
	TAILQ_FOREACH (s, &team_find(&d, "alpha")->sessions, team_entry)
		n++;
	assert_int_equal(n, 1);
	s = session_get(team_find(&d, "alpha"), "beta", false, NULL);
	assert_non_null(s);
	assert_string_equal(s->row.claude_id, claude);
	assert_true(s->row.started);
	assert_int_equal(s->row.messages, 3);
	assert_int_equal(s->state, SESSION_ASLEEP);
}

static char told[128];

static void
watch_cb(struct session *s, const struct err *err, void *arg)
{
	size_t n = strlen(told);

	(void)s;
	snprintf(told + n, sizeof told - n, "%s:%s ", (const char *)arg,
	    err != NULL ? err_name(err->code) : "ok");
}

static void
test_watches(void **state)
{
	struct session *s = session_of("beta", "alpha");
	char one[] = "one", two[] = "two", three[] = "three";
	struct err err;

	(void)state;
	told[0] = '\0';
	session_watch(s, false, watch_cb, one);
	session_watch(s, true, watch_cb, two);
	session_watch(s, false, watch_cb, three);
	session_unwatch(&d, three);
	session_tell(s, false, NULL);
	assert_string_equal(told, "one:ok ");
	session_tell(s, false, NULL);
	err_set(&err, ERR_LOGIN, "x");
	session_tell(s, true, &err);
	session_tell(s, true, &err);
	assert_string_equal(told, "one:ok two:login ");
	/* One that is never told goes with its session. */
	session_watch(s, false, watch_cb, one);
}

int
main(int argc, char *argv[])
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_allowed, setup, teardown),
	    cmocka_unit_test(test_forbidden),
	    cmocka_unit_test_setup_teardown(test_get, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_load, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_watches, setup, teardown),
	};

	if (argc == 2)
		return child_forbidden(argv[1]);
	snprintf(child_program, sizeof child_program, "%s", argv[0]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
