/* SPDX-License-Identifier: MIT
 *
 * common/spawn: what a child starts with, and that it gets nothing else.
 */
#include <sys/wait.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "common/compat.h"
#include "common/spawn.h"
#include "tests/unit/argv.h"

static char output[8192];

/* Run a shell command as a child; output gets what it wrote to 1 and 2. Returns its wait status. */
static int
run(struct spawn *s, const char *script)
{
	size_t len = 0;
	int fds[2], status;
	struct err err;
	ssize_t n;
	pid_t pid;

	s->path = "/bin/sh";
	s->argv = ARGV("sh", "-c", script);
	assert_int_equal(compat_pipe(fds), 0);
	s->fds[1] = s->fds[2] = fds[1];
	pid = spawn_process(s, &err);
	close(fds[1]);
	if (pid == -1)
		fail_msg("%s", err.msg);
	while ((n = read(fds[0], output + len, sizeof output - 1 - len)) > 0)
		len += (size_t)n;
	output[len] = '\0';
	close(fds[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static void
test_directory(void **state)
{
	struct spawn s = {.dir = "/usr", .fds = {-1, -1, -1}};

	(void)state;
	assert_int_equal(run(&s, "pwd -P"), 0);
	assert_string_equal(output, "/usr\n");
}

/* Everything that this process has open stays here, with or without close-on-exec. */
static void
test_no_descriptor_leaks(void **state)
{
	struct spawn s = {.fds = {-1, -1, -1}};
	int open_fds[20], i;

	(void)state;
	for (i = 0; i < 20; i++)
		open_fds[i] = open("/dev/null", O_RDONLY | (i % 2 ? O_CLOEXEC : 0));
	assert_true(fcntl(open_fds[19], F_DUPFD, 200) >= 200);
	/*
	 * The shell itself lists the directory: whatever descriptor that takes is not there
	 * before and after.
	 */
	assert_int_equal(
	    run(&s,
		"for f in 0 1 2 3 4 5 6 7 8 9; do [ -e /dev/fd/$f ] && printf '%s ' $f; done;"
		"for f in /dev/fd/*; do f=${f##*/}; [ \"$f\" -gt 9 ] && [ -e /dev/fd/$f ] && echo \"high $f\"; done; true"),
	    0);
	assert_string_equal(output, "0 1 2 ");
	for (i = 0; i < 20; i++)
		close(open_fds[i]);
	for (i = 200; i < 210; i++)
		close(i);
}

static void
test_null_descriptors(void **state)
{
	struct spawn s = {.fds = {-1, -1, -1}};

	(void)state;
	assert_int_equal(run(&s, "cat; echo end"), 0);
	assert_string_equal(output, "end\n");
}

/* Targets in the wrong order: 0 and 1 exchanged must not overwrite each other. */
static void
test_swapped_descriptors(void **state)
{
	struct spawn s = {.path = "/bin/sh", .argv = ARGV("sh", "-c", "read a; echo \"got $a\"")};
	char buf[64];
	int to[2], from[2], saved0 = dup(0), saved1 = dup(1), status;
	struct err err;
	ssize_t n;
	pid_t pid;

	(void)state;
	assert_int_equal(pipe(to), 0);
	assert_int_equal(pipe(from), 0);
	assert_int_equal(write(to[1], "line\n", 5), 5);
	dup2(from[1], 0);
	dup2(to[0], 1);
	s.fds[0] = 1;
	s.fds[1] = 0;
	s.fds[2] = 2;
	pid = spawn_process(&s, &err);
	dup2(saved0, 0);
	dup2(saved1, 1);
	close(from[1]);
	assert_true(pid > 0);
	n = read(from[0], buf, sizeof buf);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(n, 9);
	assert_memory_equal(buf, "got line\n", 9);
	close(to[0]);
	close(to[1]);
	close(from[0]);
	close(saved0);
	close(saved1);
}

static void
test_signals_are_default(void **state)
{
	struct spawn s = {.fds = {-1, -1, -1}};
	sigset_t block, old;
	int status;

	(void)state;
	signal(SIGPIPE, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	sigemptyset(&block);
	sigaddset(&block, SIGTERM);
	sigaddset(&block, SIGUSR1);
	sigprocmask(SIG_BLOCK, &block, &old);
	status = run(&s, "kill -TERM $$; echo survived");
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGTERM);
	status = run(&s, "kill -PIPE $$; echo survived");
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGPIPE);
	status = run(&s, "kill -USR1 $$; echo survived");
	assert_true(WIFSIGNALED(status));
	sigprocmask(SIG_SETMASK, &old, NULL);
	signal(SIGTERM, SIG_DFL);
}

static void
test_group_and_session(void **state)
{
	struct spawn s = {.path = "/bin/sleep", .argv = ARGV("sleep", "30"), .fds = {-1, -1, -1}};
	struct err err;
	pid_t pid;
	int own;

	(void)state;
	for (own = 0; own < 2; own++) {
		s.own_session = own == 1;
		pid = spawn_process(&s, &err);
		assert_true(pid > 0);
		assert_int_equal(getpgid(pid), pid);
		if (own)
			assert_int_equal(getsid(pid), pid);
		else
			assert_int_equal(getsid(pid), getsid(0));
		assert_true(compat_proc_start(pid) != 0);
		kill(pid, SIGKILL);
		assert_int_equal(waitpid(pid, NULL, 0), pid);
		assert_int_equal(compat_proc_start(pid), 0);
	}
}

static void
test_environment(void **state)
{
	struct spawn s = {.envp = ARGV("ONLY=this"), .fds = {-1, -1, -1}};

	(void)state;
	setenv("IRIS_TEST_INHERITED", "yes", 1);
	assert_int_equal(run(&s, "echo \"$ONLY$IRIS_TEST_INHERITED\""), 0);
	assert_string_equal(output, "this\n");
	s.envp = NULL;
	assert_int_equal(run(&s, "echo \"$ONLY$IRIS_TEST_INHERITED\""), 0);
	assert_string_equal(output, "yes\n");
}

static int
count_fds(void)
{
	int fd, n = 0;

	for (fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) != -1;
	return n;
}

static void
test_failures(void **state)
{
	struct spawn s = {.path = "/nonexistent/x", .argv = ARGV("x"), .fds = {-1, -1, -1}};
	int before = count_fds();
	struct err err;

	(void)state;
	assert_int_equal(spawn_process(&s, &err), -1);
	assert_int_equal(errno, ENOENT);
	assert_int_equal(err.code, ERR_IO);
	assert_string_equal(err.msg, "can not start /nonexistent/x: No such file or directory");
	s.path = "/etc/passwd";
	assert_int_equal(spawn_process(&s, &err), -1);
	assert_int_equal(errno, EACCES);
	s.path = "/bin/sh";
	s.dir = "/nonexistent";
	assert_int_equal(spawn_process(&s, &err), -1);
	assert_int_equal(err.code, ERR_DIRECTORY);
	assert_string_equal(err.msg, "can not enter /nonexistent: No such file or directory");
	s.dir = "/bin/sh";
	assert_int_equal(spawn_process(&s, &err), -1);
	assert_int_equal(err.code, ERR_DIRECTORY);
	assert_string_equal(err.msg, "can not enter /bin/sh: Not a directory");
	assert_int_equal(count_fds(), before);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_directory),
	    cmocka_unit_test(test_no_descriptor_leaks),
	    cmocka_unit_test(test_null_descriptors),
	    cmocka_unit_test(test_swapped_descriptors),
	    cmocka_unit_test(test_signals_are_default),
	    cmocka_unit_test(test_group_and_session),
	    cmocka_unit_test(test_environment),
	    cmocka_unit_test(test_failures),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
