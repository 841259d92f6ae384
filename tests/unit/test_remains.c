/* SPDX-License-Identifier: MIT
 *
 * Unit tests for common/remains.c and compat_proc_fd: real processes that have cut their ties.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <sys/resource.h>
#include <sys/wait.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/compat.h"
#include "common/remains.h"
#include "common/spawn.h"
#include "common/xmalloc.h"
#include "tests/unit/argv.h"

#define DEADLINE_MS 5000

static struct remains *r;
static char mark[64];
static const char *const entry = mark;

/* A mark for each test: what the one before has killed may still be on its way out. */
static int
setup(void **state)
{
	static int n;

	(void)state;
	r = xcalloc(1, sizeof *r);
	snprintf(mark, sizeof mark, "IRIS_TEST_REMAINS=%ld-%d", (long)getpid(), ++n);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	free(r);
	return 0;
}

/* A shell with a child of its own, both marked. */
static pid_t
marked_pair(void)
{
	struct spawn s = {.path = "/bin/sh",
	    .argv = ARGV("sh", "-c", "sleep 60 & wait"),
	    .fds = {-1, -1, -1},
	    .own_session = true};
	struct err err;
	pid_t pid;

	s.envp = ARGV(mark, "PATH=/bin:/usr/bin");
	pid = spawn_process(&s, &err);
	assert_true(pid > 0);
	return pid;
}

/* Look until so many are found: a process in the middle of exec has no environment. */
static void
find_marked(size_t want)
{
	int64_t deadline = compat_mono_ms() + DEADLINE_MS;

	while (r->n < want && compat_mono_ms() < deadline) {
		remains_note_marked(r, &entry, 1);
		poll(NULL, 0, 1);
	}
	assert_int_equal(r->n, want);
}

static void
test_marked(void **state)
{
	int64_t deadline = compat_mono_ms() + DEADLINE_MS;
	pid_t pid = marked_pair();
	int status;

	(void)state;
	find_marked(2);
	/* Noted once, however often it is seen. */
	remains_note_marked(r, &entry, 1);
	remains_note(r, pid);
	assert_int_equal(r->n, 2);
	assert_int_equal(remains_count(r), 2);
	remains_signal(r, SIGKILL);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	while (remains_count(r) > 0 && compat_mono_ms() < deadline)
		poll(NULL, 0, 1);
	assert_int_equal(r->n, 0);
}

/* What a noted one has started is found by its parent. */
static void
test_tree(void **state)
{
	int64_t deadline = compat_mono_ms() + DEADLINE_MS;
	pid_t pid = marked_pair();

	(void)state;
	while (r->n < 1 && compat_mono_ms() < deadline)
		remains_note_tree(r, pid);
	assert_int_equal(r->n, 1);
	assert_int_not_equal(r->list[0].pid, pid);
	remains_note(r, pid);
	remains_signal(r, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

/* Never this process, nor one that has ended, nor a pid that has come to mean another one. */
static void
test_not_noted(void **state)
{
	pid_t pid = marked_pair();

	(void)state;
	remains_note(r, getpid());
	remains_note(r, 0);
	assert_int_equal(r->n, 0);
	find_marked(2);
	r->list[0].start++;
	r->list[1].start++;
	remains_signal(r, SIGKILL);
	assert_int_equal(remains_count(r), 0);
	assert_int_equal(waitpid(pid, NULL, WNOHANG), 0);
	find_marked(2);
	remains_signal(r, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

/* Two roots with one look; and where nothing can be looked at, what is noted is kept. */
static void
test_unknown(void **state)
{
	pid_t pid = marked_pair(), other = marked_pair();
	struct rlimit old, none;
	size_t left;
	int fd, rv;

	(void)state;
	find_marked(4);
	fd = dup(STDERR_FILENO);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	none = old;
	none.rlim_cur = (rlim_t)fd;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	rv = remains_note_marked(r, &entry, 1);
	left = remains_count(r);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
	close(fd);
	assert_int_equal(rv, -1);
	assert_int_equal(left, 4);
	/* The children, by their parents alone. */
	r->n = 0;
	remains_note(r, pid);
	remains_note(r, other);
	remains_signal(r, SIGSTOP);
	assert_int_equal(r->n, 4);
	remains_signal(r, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_int_equal(waitpid(other, NULL, 0), other);
}

static void
test_proc_fd(void **state)
{
	pid_t pid = marked_pair();
	struct pollfd pfd = {.fd = compat_proc_fd(pid), .events = POLLIN};

	(void)state;
	assert_true(pfd.fd >= 0);
	assert_int_equal(poll(&pfd, 1, 0), 0);
	find_marked(2);
	remains_signal(r, SIGKILL);
	assert_int_equal(poll(&pfd, 1, DEADLINE_MS), 1);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	close(pfd.fd);
	assert_int_equal(compat_proc_fd(pid), -1);
	assert_int_equal(errno, ESRCH);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_marked, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_tree, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_not_noted, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_unknown, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_proc_fd, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
