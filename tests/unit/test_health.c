/* SPDX-License-Identifier: MIT
 *
 * irisd/core/health: what is made of the evidence, when it is looked for, and who is told. The
 * workers are the test itself; the processes are its own children.
 */
#include <sys/wait.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

#include "common/spawn.h"
#include "tests/unit/pool_fixture.h"

#define THREE "teams:\n" TEAM("alpha") TEAM("beta") TEAM("gamma")

static char usual[] = THREE;
static char quick[] = "settings:\n  healthCheckInterval: 20\n" THREE;

/* --- the rule --------------------------------------------------------------------------------- */

static void
test_only_proof_is_death(void **state)
{
	static const struct {
		enum compat_proc process;
		int64_t owed;
		enum health want;
	} cases[] = {
	    {COMPAT_PROC_RUNS, 0, HEALTH_ALIVE},
	    {COMPAT_PROC_RUNS, 4999, HEALTH_ALIVE},
	    {COMPAT_PROC_RUNS, 5000, HEALTH_UNKNOWN},
	    {COMPAT_PROC_RUNS, INT64_MAX, HEALTH_UNKNOWN},
	    {COMPAT_PROC_UNKNOWN, 0, HEALTH_ALIVE},
	    {COMPAT_PROC_UNKNOWN, INT64_MAX, HEALTH_UNKNOWN},
	    {COMPAT_PROC_STOPPED, 0, HEALTH_STOPPED},
	    {COMPAT_PROC_STOPPED, INT64_MAX, HEALTH_STOPPED},
	    {COMPAT_PROC_GONE, 0, HEALTH_DEAD},
	    {COMPAT_PROC_GONE, INT64_MAX, HEALTH_DEAD},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof cases / sizeof cases[0]; i++)
		assert_int_equal(
		    health_judge(cases[i].process, cases[i].owed, 5000), cases[i].want);
	assert_null(health_name(HEALTH_NONE));
	assert_string_equal(health_name(HEALTH_UNKNOWN), "unknown");
}

/* --- what the system says --------------------------------------------------------------------- */

static pid_t
child(void)
{
	char prog[] = "/bin/sleep", secs[] = "1000", *argv[] = {prog, secs, NULL};
	struct spawn sp = {.path = prog, .argv = argv, .dir = "/", .fds = {-1, -1, -1}};
	struct err err;
	pid_t pid = spawn_process(&sp, &err);

	if (pid == -1)
		fail_msg("%s", err.msg);
	return pid;
}

static void
send_signal(pid_t pid, int sig, int waitfor)
{
	int status;

	assert_int_equal(kill(pid, sig), 0);
	assert_int_equal(waitpid(pid, &status, waitfor), pid);
}

static void
test_process_states(void **state)
{
	pid_t pid = child();
	uint64_t start = compat_proc_start(pid);
	siginfo_t info;

	(void)state;
	assert_true(start != 0);
	assert_int_equal(compat_proc_state(pid, start), COMPAT_PROC_RUNS);
	assert_int_equal(compat_proc_state(pid, start + 1), COMPAT_PROC_GONE);
	assert_int_equal(compat_proc_state(pid, 0), COMPAT_PROC_UNKNOWN);
	assert_int_equal(compat_proc_state(0, start), COMPAT_PROC_UNKNOWN);
	send_signal(pid, SIGSTOP, WUNTRACED);
	assert_int_equal(compat_proc_state(pid, start), COMPAT_PROC_STOPPED);
	send_signal(pid, SIGCONT, WCONTINUED);
	assert_int_equal(compat_proc_state(pid, start), COMPAT_PROC_RUNS);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
	assert_int_equal(compat_proc_state(pid, start), COMPAT_PROC_GONE); /* a zombie */
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_int_equal(compat_proc_state(pid, start), COMPAT_PROC_GONE);
}

/* --- of a session ----------------------------------------------------------------------------- */

static const char *
health_text(struct session *s)
{
	static char why[HEALTH_WHY];

	health_of(s, why);
	return why;
}

static enum health
health_now(struct session *s)
{
	char why[HEALTH_WHY];

	return health_of(s, why);
}

static void
test_session(void **state)
{
	char where[256];
	const char *id;
	struct session *s = session_of("beta", "alpha");
	struct message *m;
	pid_t pid = child();

	(void)state;
	assert_int_equal(health_now(s), HEALTH_NONE);
	s = busy_session("beta", "alpha", &id);
	m = message_find(&d, id);
	s->pid = pid;
	s->pid_start = compat_proc_start(pid);
	assert_int_equal(health_now(s), HEALTH_ALIVE);
	health_review(s);
	assert_string_equal(s->trouble, "");

	/* Asked, and silent: told, and nothing else. */
	s->owes_since = compat_mono_ms() - 9000;
	assert_int_equal(health_now(s), HEALTH_UNKNOWN);
	health_review(s);
	assert_non_null(strstr(s->trouble, "its Claude"));
	assert_non_null(strstr(s->trouble, "has not answered for 9 s"));
	message_describe(m, where, sizeof where);
	assert_non_null(strstr(where, "team alpha: its Claude"));
	/* It speaks. */
	health_heard(s);
	assert_string_equal(s->trouble, "");
	assert_int_equal(s->health, HEALTH_ALIVE);

	send_signal(pid, SIGSTOP, WUNTRACED);
	health_review(s);
	assert_int_equal(s->health, HEALTH_STOPPED);
	assert_non_null(strstr(s->trouble, "kill -CONT"));
	send_signal(pid, SIGCONT, WCONTINUED);
	health_review(s);
	assert_int_equal(s->health, HEALTH_ALIVE);

	/* Its worker does not answer: then nobody can say what it does. */
	worker_is = HEALTH_UNKNOWN;
	health_review(s);
	assert_int_equal(s->health, HEALTH_UNKNOWN);
	assert_non_null(strstr(s->trouble, "its iris-worker"));
	worker_is = HEALTH_STOPPED;
	assert_int_equal(health_now(s), HEALTH_UNKNOWN);
	assert_non_null(strstr(health_text(s), "was stopped by a signal"));
	worker_is = HEALTH_ALIVE;

	send_signal(pid, SIGKILL, 0);
	assert_int_equal(health_now(s), HEALTH_DEAD);
	/* None of this has ended anything, or asked for anything. */
	expect("");
	assert_int_equal(s->state, SESSION_BUSY);
	assert_string_equal(stored(id), "queued sent");
	/* What is not at work is in no trouble. */
	worker_is = HEALTH_UNKNOWN;
	health_review(s);
	result(s, id, ERR_NONE, "done");
	assert_string_equal(s->trouble, "");
	assert_int_equal(s->health, HEALTH_NONE);
}

/* --- when it is looked ------------------------------------------------------------------------ */

static bool
armed(void)
{
	return d.health.timer != NULL && evtimer_pending(d.health.timer, NULL);
}

static void
test_only_while_there_is_work(void **state)
{
	struct session *s = session_of("beta", "alpha");
	const char *one = ask("beta", "alpha", "one"), *two;

	(void)state;
	assert_false(armed());
	expect("open beta>alpha; ");
	assert_true(armed()); /* it starts */
	opened(s);
	expect("turn beta>alpha one; ");
	assert_true(armed());
	assert_int_equal(d.health.work, 1);
	two = ask("alpha", "beta", "two");
	expect("open alpha>beta; ");
	assert_int_equal(d.health.work, 2);
	opened(session_of("alpha", "beta"));
	expect("turn alpha>beta two; ");
	result(s, one, ERR_NONE, "done");
	assert_true(armed()); /* the other one */
	result(session_of("alpha", "beta"), two, ERR_NONE, "done");
	assert_false(armed());
	assert_int_equal(d.health.work, 0);
	expect("");
	pool_close(s);
	assert_true(armed()); /* it stops */
	expect("close beta>alpha; ");
	pool_on_closed(s);
	assert_false(armed());
	expect("");
	assert_int_equal(d.health.work, 0);
	/* Requests that are not about a turn. */
	health_work(&d, 1);
	assert_true(armed());
	health_work(&d, -1);
	assert_false(armed());
}

/* Ask, then judge, then ask; by the interval that is in force. */
static void
test_looks(void **state)
{
	const char *id;
	struct session *s = busy_session("beta", "alpha", &id);
	int64_t began = compat_mono_ms();
	int n;

	(void)state;
	for (n = 1; n <= 4; n++) {
		while (worker_checks < n) {
			assert_int_equal(event_base_loop(d.loop.base, EVLOOP_ONCE), 0);
			assert_true(compat_mono_ms() - began < 10000);
		}
		assert_int_equal(worker_checks, n);
		assert_int_equal(worker_asked, n % 2 == 1);
	}
	reload(usual, NULL);
	health_again(&d);
	assert_true(armed());
	assert_int_equal(health_patience(&d), 5000);
	result(s, id, ERR_NONE, "done");
	assert_false(armed());
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_only_proof_is_death),
	    cmocka_unit_test(test_process_states),
	    TEST(test_session, usual),
	    TEST(test_only_while_there_is_work, usual),
	    TEST(test_looks, quick),
	};

	json_init();
	log_init("test", LOG_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
