/* SPDX-License-Identifier: MIT
 *
 * irisd/core/pool_line: what becomes of the messages of a team on another machine, when its line is
 * lost; test_core_line.c has the line itself.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "irisd/core/line.h"
#include "irisd/core/renew.h"
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

/* The pause is over. */
static void
try_again(void)
{
	line_retry(far());
}

static void
cut(struct session *s)
{
	pool_on_cut(s, "the line to box was lost: Broken pipe");
}

static void
unreachable(struct session *s, enum pool_open_failure how)
{
	static const struct err why = {ERR_LINE, "box can not be reached: No route to host"};

	pool_on_open_failed(s, &why, how);
}

static void
no_line(struct session *s, const char *id)
{
	static const struct err why = {ERR_LINE, "box can not be reached: No route to host"};

	pool_on_lookup_failed(s, id, &why, false);
}

static const char *
where(const char *id)
{
	static char text[MESSAGE_WHERE];

	message_describe(message_find(&d, id), text, sizeof text);
	return text;
}

static void
has(const char *text, const char *words)
{
	if (strstr(text, words) == NULL)
		fail_msg("\"%s\" lacks \"%s\"", text, words);
}

/* One that its Claude has seen, when the host is reached again. */
static struct session *
looked_for(const char **id)
{
	struct session *s = busy_session("beta", "far", id);

	pool_on_seen(s, *id, "replay");
	cut(s);
	try_again();
	expect("look beta>far; ");
	return s;
}

/* On the way, and while the next one waits behind. */
static void
test_cut_absent(void **state)
{
	struct session *s;
	const char *id, *next;

	(void)state;
	s = busy_session("beta", "far", &id);
	next = ask("beta", "far", "next");
	expect("");
	cut(s);
	expect("");
	assert_int_equal(s->state, SESSION_ASLEEP);
	assert_string_equal(stored(id), "queued sent");
	has(where(id), "the line to box is lost (the line to box was lost: Broken pipe); trying");
	has(where(next), "queued, place 2: the line to box is lost (");
	try_again();
	expect("look beta>far; ");
	has(where(id), "the line to box is lost (");
	no_line(s, id);
	expect("");
	has(where(id), "(box can not be reached: No route to host)");
	assert_int_equal(far()->line.tries, 2);
	try_again();
	expect("look beta>far; ");
	looked(s, id, POOL_ABSENT, 0, NULL);
	expect("open beta>far again; ");
	assert_false(line_down(far()));
	opened(s);
	expect("turn beta>far work; ");
	pool_on_seen(s, id, "replay");
	result(s, id, ERR_NONE, "yes");
	expect("turn beta>far next; ");
	assert_string_equal(stored(id), "queued sent sent seen answered: yes");
	result(s, next, ERR_NONE, "yes, too");
	expect("");
	assert_string_equal(stored(next), "queued sent seen answered: yes, too");
}

/* The turn came to its end over there. */
static void
test_cut_answered(void **state)
{
	struct session *s;
	const char *id;

	(void)state;
	s = looked_for(&id);
	looked(s, id, POOL_RUNNING, 0, NULL);
	expect("");
	has(where(id), "team far still works on it at box; its answer is awaited");
	pool_want(s);
	expect(""); /* not before its time */
	assert_in_range(
	    message_find(&d, id)->look_at, compat_mono_ms() + 1000, compat_mono_ms() + 2100);
	message_find(&d, id)->look_at = 0;
	pool_want(s);
	expect("look beta>far; ");
	looked(s, id, POOL_RUNNING, 0, NULL);
	assert_in_range(
	    message_find(&d, id)->look_at, compat_mono_ms() + 3000, compat_mono_ms() + 4100);
	message_find(&d, id)->look_at = 0;
	pool_want(s);
	expect("look beta>far; ");
	looked(s, id, POOL_ANSWERED, 9, "done there");
	expect("");
	assert_string_equal(stored(id), "queued sent seen answered: done there");
}

/* Cut off over there as well: it goes on, with a line of its own, and is not given once more. */
static void
test_resume(void **state)
{
	struct store_message row;
	char turn[UUID_LEN + 1];
	struct session *s;
	const char *id;

	(void)state;
	s = looked_for(&id);
	looked(s, id, POOL_TAKEN, 9, NULL);
	expect("open beta>far again; ");
	has(where(id), "team far is asked to go on with it: the line to box was lost in its turn");
	opened(s);
	expect("go on beta>far work; ");
	assert_string_equal(stored(id), "queued sent seen seen");
	snprintf(turn, sizeof turn, "%s", message_find(&d, id)->turn);
	assert_string_not_equal(turn, id);
	/* Cut before that line arrived: a new one, and it counts as none. */
	cut(s);
	try_again();
	expect("look beta>far turn; ");
	looked(s, id, POOL_ABSENT, 0, NULL);
	expect("open beta>far again; ");
	opened(s);
	expect("go on beta>far work; ");
	assert_string_not_equal(turn, message_find(&d, id)->turn);
	assert_true(store_message_load(d.store, id, &row));
	assert_int_equal(row.resumes, 1);
	store_message_release(&row);
	pool_on_seen(s, id, "lifecycle");
	result(s, id, ERR_NONE, "whole");
	expect("");
	assert_string_equal(stored(id), "queued sent seen seen seen answered: whole");
}

static void
test_resume_limit(void **state)
{
	struct session *s;
	const char *id;
	int i;

	(void)state;
	s = busy_session("beta", "far", &id);
	for (i = 0; i <= RESUMES_MAX; i++) {
		pool_on_seen(s, id, "replay");
		cut(s);
		try_again();
		expect(i == 0 ? "look beta>far; " : "look beta>far turn; ");
		looked(s, id, POOL_TAKEN, 9, NULL);
		if (i == RESUMES_MAX)
			break;
		expect("open beta>far again; ");
		opened(s);
		expect("go on beta>far work; ");
	}
	expect("");
	has(stored(id), "queued sent seen seen seen seen failed: line: ");
	has(stored(id),
	    "its turn was cut off each time that it was gone on with; look at the "
	    "session of team far before you send it again");
}

/* The process that is to go on refuses, or ends, before Claude has the line. */
static void
test_resume_refused(void **state)
{
	static const struct err refused = {ERR_REFUSED, "it is on its way out"};
	struct session *s;
	const char *id;

	(void)state;
	s = looked_for(&id);
	looked(s, id, POOL_TAKEN, 9, NULL);
	expect("open beta>far again; ");
	opened(s);
	expect("go on beta>far work; ");
	pool_on_turn_refused(s, id, &refused);
	expect("close beta>far; ");
	pool_on_exit(s, "exit 0");
	expect("open beta>far again; ");
	opened(s);
	expect("go on beta>far work; ");
	assert_int_equal(message_find(&d, id)->resumes, 1);
	pool_on_seen(s, id, "lifecycle");
	/* With proof that it ended, and Claude had it: as on this machine. */
	pool_on_exit(s, "exit 1");
	expect("");
	has(stored(id), "failed: crashed: the Claude of team far ended before it had answered");

	id = ask("beta", "far", "more");
	expect("open beta>far again; ");
	opened(s);
	expect("turn beta>far more; ");
	cut(s);
	try_again();
	expect("look beta>far; ");
	looked(s, id, POOL_TAKEN, 9, NULL);
	expect("open beta>far again; ");
	opened(s);
	expect("go on beta>far more; ");
	pool_on_exit(s, "exit 1");
	expect("look beta>far turn; ");
	looked(s, id, POOL_ABSENT, 0, NULL);
	expect("open beta>far again; ");
	opened(s);
	expect("go on beta>far more; ");
	assert_int_equal(message_find(&d, id)->resumes, 1);
	result(s, id, ERR_NONE, "whole");
	has(stored(id), "answered: whole");
}

/* Somebody does not want it any more: over there it is ended first. */
static void
test_cancel(void **state)
{
	const enum pool_found found[] = {POOL_ABSENT, POOL_TAKEN};
	struct session *s;
	const char *id;
	size_t i;

	(void)state;
	for (i = 0; i < 2; i++) {
		s = session_of("beta", "far");
		id = ask("beta", "far", "work");
		expect(i == 0 ? "open beta>far; " : "open beta>far again; ");
		opened(s);
		expect("turn beta>far work; ");
		pool_on_seen(s, id, "replay");
		cut(s);
		expect("");
		message_cancel(message_find(&d, id), "by hand");
		expect("");
		assert_string_equal(stored(id), "queued sent seen");
		has(where(id), "the line to box is lost (");
		try_again();
		expect("end beta>far; ");
		looked(s, id, found[i], 9, NULL);
		expect("");
		has(stored(id),
		    "queued sent seen cancelled: cancelled: cancelled; its line was lost");
	}
	/* While it is looked up, and runs: at once a second time, to end it. */
	id = ask("beta", "far", "work");
	expect("open beta>far again; ");
	opened(s);
	expect("turn beta>far work; ");
	cut(s);
	try_again();
	expect("look beta>far; ");
	message_cancel(message_find(&d, id), "by hand");
	expect("");
	looked(s, id, POOL_RUNNING, 0, NULL);
	expect("end beta>far; ");
	has(where(id), "box is asked to end team far's work on it");
	/* It can not be ended at once: not looked at again and again. */
	looked(s, id, POOL_RUNNING, 0, NULL);
	expect("");
	message_find(&d, id)->look_at = 0;
	pool_want(s);
	expect("end beta>far; ");
	looked(s, id, POOL_ANSWERED, 9, "too late");
	expect("");
	assert_string_equal(stored(id), "queued sent seen answered: too late");
	/* What is not in doubt is cancelled at once. */
	id = ask("beta", "far", "work");
	expect("open beta>far again; ");
	message_cancel(message_find(&d, id), "by hand");
	assert_string_equal(stored(id), "queued cancelled: cancelled: by hand");
}

/* Closed by force in the turn, and cut then: nobody wants it to go on. */
static void
test_closed(void **state)
{
	struct session *s;
	const char *id;

	(void)state;
	s = busy_session("beta", "far", &id);
	pool_on_seen(s, id, "replay");
	pool_close(s);
	expect("close beta>far; ");
	watch(s, true, (char[]){"asleep"});
	cut(s);
	expect("");
	assert_string_equal(told, "asleep:ok ");
	try_again();
	expect("end beta>far; ");
	looked(s, id, POOL_TAKEN, 9, NULL);
	expect("");
	has(stored(id), "cancelled: cancelled: ");
}

/* A line that was never up fails at once; one that was lost is waited for. */
static void
test_open(void **state)
{
	struct session *s = session_of("beta", "far");
	const char *id = ask("beta", "far", "one");

	(void)state;
	expect("open beta>far; ");
	unreachable(s, POOL_OPEN_LINE);
	expect("");
	assert_string_equal(
	    stored(id), "queued failed: line: box can not be reached: No route to host");
	assert_int_equal(far()->backoff.crashes, 0);
	assert_false(line_down(far()));

	s = idle_session("beta", "far");
	cut(s);
	expect("");
	/* Nobody waits for it; who comes now has it tried, and waits. */
	assert_false(line_down(far()));
	id = ask("beta", "far", "two");
	expect("open beta>far again; ");
	unreachable(s, POOL_OPEN_LINE);
	expect("");
	has(where(id), "queued, place 1: the line to box is lost (");
	try_again();
	expect("open beta>far again; ");
	watch(s, false, (char[]){"awake"});
	unreachable(s, POOL_OPEN_LINE);
	expect("");
	assert_string_equal(told, "awake:line ");
	assert_string_equal(stored(id), "queued");
	try_again();
	expect("open beta>far again; ");
	opened(s);
	expect("turn beta>far two; ");
	assert_false(line_down(far()));
	assert_int_equal(far()->backoff.crashes, 0);
}

/* The host was there, and the line lost before Claude was ready. */
static void
test_open_cut(void **state)
{
	static const struct err host = {ERR_HOST, "box refuses the key"};
	struct session *s = session_of("beta", "far");
	const char *id = ask("beta", "far", "one");

	(void)state;
	expect("open beta>far; ");
	unreachable(s, POOL_OPEN_CUT);
	expect("");
	assert_string_equal(stored(id), "queued");
	assert_true(line_down(far()));
	try_again();
	expect("open beta>far; ");
	/* What a person must mend is not tried again. */
	pool_on_open_failed(s, &host, POOL_OPEN_REFUSED);
	expect("");
	assert_string_equal(stored(id), "queued failed: host: box refuses the key");
	assert_int_equal(far()->backoff.crashes, 0);
}

/* Both sessions of the team; what the host refuses; and the end of all patience. */
static void
test_over(void **state)
{
	static const struct err host = {ERR_HOST, "the key of box has changed"};
	struct session *s, *other;
	const char *id, *id2, *behind;
	struct err why;

	(void)state;
	s = busy_session("beta", "far", &id);
	other = busy_session("alpha", "far", &id2);
	pool_on_seen(other, id2, "replay");
	behind = ask("alpha", "far", "behind");
	cut(s);
	cut(other);
	expect("");
	try_again();
	expect("look beta>far; look alpha>far; ");
	no_line(s, id);
	no_line(other, id2);
	expect("");
	message_cancel(message_find(&d, id), "by hand");
	expect("");
	far()->line.lost -= 600000;
	assert_true(line_over(far(), &why));
	pool_line_over(far(), &why);
	expect("");
	has(stored(id), "queued sent cancelled: cancelled: ");
	has(stored(id2),
	    "queued sent seen failed: line: the line to box, where team far is, was "
	    "lost and did not come back");
	has(stored(id2), "nobody knows whether Claude has this message");
	has(stored(behind), "queued failed: line: ");
	assert_null(strstr(stored(behind), "nobody knows"));
	assert_false(line_down(far()));
	/* Not the line, but what only a person can mend. */
	id = ask("beta", "far", "work");
	expect("open beta>far again; ");
	opened(s);
	expect("turn beta>far work; ");
	cut(s);
	try_again();
	expect("look beta>far; ");
	pool_on_lookup_failed(s, id, &host, false);
	expect("");
	has(stored(id), "queued sent failed: host: ");
	has(stored(id), "the key of box has changed");
}

static void
test_over_by_timer(void **state)
{
	struct session *s;
	const char *id;

	(void)state;
	s = busy_session("beta", "far", &id);
	cut(s);
	watch(s, false, (char[]){"over"});
	assert_int_equal(far()->cfg->remote_options.reconnect_timeout, 1);
	run_until_said(told);
	has(stored(id), "failed: line: ");
}

/* The worker is gone: as with a cut, but that it is no fault of the line. */
static void
test_lost(void **state)
{
	struct session *s;
	const char *id;

	(void)state;
	s = busy_session("beta", "far", &id);
	pool_on_seen(s, id, "replay");
	pool_on_lost(s, "the team's iris-worker was killed");
	assert_int_equal(s->left_pid, FIXTURE_PID);
	expect("look beta>far; ");
	assert_false(line_down(far()));
	looked(s, id, POOL_TAKEN, 9, NULL);
	expect("open beta>far again; ");
	opened(s);
	expect("go on beta>far work; ");
}

/* A conversation is not looked at while its process runs: the look-up would end that. */
static void
test_doubt_awake(void **state)
{
	const char *doubted;
	struct session *s = busy_session("beta", "far", &doubted);
	struct pool_adopted a = {.state = SESSION_IDLE, .pid = FIXTURE_PID};

	(void)state;
	/* irisd ended as it handed it over: the worker has never heard of it. */
	message_forget_all(&d);
	team_free_all(&d);
	team_sync(&d, d.conf, NULL);
	session_load_all(&d);
	message_recover_all(&d);
	s = session_of("beta", "far");
	pool_adopt(s, &a);
	expect("close beta>far; ");
	pool_on_exit(s, "it was closed");
	expect("look beta>far; ");
	looked(s, doubted, POOL_ABSENT, 0, NULL);
	expect("open beta>far again; ");
}

static void
test_moved(void **state)
{
	struct session *s;
	const char *id, *id2;

	(void)state;
	s = busy_session("beta", "far", &id);
	busy_session("alpha", "far", &id2);
	cut(s);
	expect("");
	reload("teams:\n" TEAM("alpha")
		   TEAM("beta") "  far:\n    path: ~/p\n    remote: ssh other\n"
				"    description: D\n    grantPermission: yes\n",
	    NULL);
	expect("");
	has(stored(id),
	    "queued sent failed: line: team far was moved to another machine while the "
	    "old one had this message");
	assert_false(line_down(far()));
	/* Its turn goes on, and where it is cut now, nobody looks on the wrong machine. */
	assert_string_equal(stored(id2), "queued sent");
	cut(session_of("alpha", "far"));
	expect("");
	has(stored(id2), "queued sent failed: line: team far was moved");
}

/* A command of Claude Code's own is not gone on with. */
static void
test_command(void **state)
{
	struct message_new n = {
	    .to = "far", .from = "beta", .body = "/compact", .kind = STORE_KIND_COMMAND};
	struct session *s = idle_session("beta", "far");
	char id[UUID_LEN + 1];

	(void)state;
	accepted(&n, id);
	expect("turn beta>far /compact; ");
	pool_on_seen(s, id, "replay");
	cut(s);
	try_again();
	expect("look beta>far; ");
	looked(s, id, POOL_TAKEN, 9, NULL);
	expect("");
	has(stored(id), "failed: line: ");
}

/* irisd ends meanwhile: what is in the store is enough to go on. */
static void
test_restart(void **state)
{
	struct session *s;
	const char *id;
	char turn[UUID_LEN + 1];

	(void)state;
	s = looked_for(&id);
	looked(s, id, POOL_TAKEN, 9, NULL);
	expect("open beta>far again; ");
	opened(s);
	expect("go on beta>far work; ");
	snprintf(turn, sizeof turn, "%s", message_find(&d, id)->turn);
	fixture_pass(&d);
	message_forget_all(&d);
	team_free_all(&d);
	team_sync(&d, d.conf, NULL);
	session_load_all(&d);
	message_recover_all(&d);
	s = session_of("beta", "far");
	expect("look beta>far turn; ");
	assert_string_equal(message_find(&d, id)->turn, turn);
	assert_int_equal(message_find(&d, id)->resumes, 1);
	looked(s, id, POOL_TAKEN, 12, NULL);
	expect("open beta>far again; ");
	opened(s);
	expect("go on beta>far work; ");
	assert_string_not_equal(message_find(&d, id)->turn, turn);
	assert_int_equal(message_find(&d, id)->resumes, 2);
	result(s, id, ERR_NONE, "whole");
	assert_string_equal(stored(id), "queued sent seen seen seen answered: whole");
}

#define IMPATIENT FAR "    remoteOptions:\n      reconnectTimeout: 1\n"

int
main(void)
{
	static char conf[] = CONF, impatient[] = "teams:\n" TEAM("alpha") TEAM("beta") IMPATIENT;
	const struct CMUnitTest tests[] = {
	    TEST(test_cut_absent, conf),
	    TEST(test_cut_answered, conf),
	    TEST(test_resume, conf),
	    TEST(test_resume_limit, conf),
	    TEST(test_resume_refused, conf),
	    TEST(test_cancel, conf),
	    TEST(test_closed, conf),
	    TEST(test_open, conf),
	    TEST(test_open_cut, conf),
	    TEST(test_over, conf),
	    TEST(test_over_by_timer, impatient),
	    TEST(test_lost, conf),
	    TEST(test_doubt_awake, conf),
	    TEST(test_moved, conf),
	    TEST(test_command, conf),
	    TEST(test_restart, conf),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
