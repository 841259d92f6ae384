/* SPDX-License-Identifier: MIT
 *
 * common/start: who starts irisd, what is said when it does not start, and the report of the one
 * that was started. The irisd here is a shell script; the socket is this test's own.
 */
#define _XOPEN_SOURCE 700 /* nftw */
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "common/compat.h"
#include "common/start.h"

static char root[64], script[PATHS_MAX];
static struct paths p;

static int
remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path);
}

/* The program that is started lies beside the running one: this test's own directory. */
static void
install(const char *body)
{
	char *slash;
	FILE *f;

	assert_int_equal(compat_self_path(script, sizeof script), 0);
	slash = strrchr(script, '/');
	assert_non_null(slash);
	compat_strlcpy(slash + 1, "irisd", sizeof script - (size_t)(slash + 1 - script));
	f = fopen(script, "w");
	assert_non_null(f);
	fprintf(f, "#!/bin/sh\n%s\n", body);
	fclose(f);
	assert_int_equal(chmod(script, 0700), 0);
}

static int
setup(void **state)
{
	struct err err;

	(void)state;
	snprintf(root, sizeof root, "/tmp/iris-start-XXXXXX");
	if (mkdtemp(root) == NULL)
		return -1;
	setenv("IRIS_HOME", root, 1);
	return paths_init(&p, &err);
}

static int
teardown(void **state)
{
	(void)state;
	unlink(script);
	return nftw(root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static int
listen_at(const char *path)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	int fd = compat_socket(false);

	compat_strlcpy(sun.sun_path, path, sizeof sun.sun_path);
	assert_int_equal(bind(fd, (struct sockaddr *)&sun, sizeof sun), 0);
	assert_int_equal(listen(fd, 8), 0);
	return fd;
}

static int
lines_of(const char *name)
{
	char path[128];
	int c, n = 0;
	FILE *f;

	snprintf(path, sizeof path, "%s/%s", root, name);
	if ((f = fopen(path, "r")) == NULL)
		return 0;
	while ((c = getc(f)) != EOF)
		n += c == '\n';
	fclose(f);
	return n;
}

static void
test_running(void **state)
{
	int l = listen_at(p.sock), started = 7, fd;
	struct err err;

	(void)state;
	install("echo x >> $IRIS_HOME/starts");
	fd = start_connect(&p, 1000, &started, &err);
	assert_true(fd >= 0);
	assert_int_equal(started, 0);
	assert_int_equal(lines_of("starts"), 0);
	close(fd);
	close(l);
}

/* The script makes the socket ready by moving a listening one to its place. */
static void
test_starts(void **state)
{
	char aside[128];
	struct err err;
	int l, fd, started = 0;

	(void)state;
	snprintf(aside, sizeof aside, "%s/aside", root);
	l = listen_at(aside);
	install(
	    "echo x >> $IRIS_HOME/starts; pwd > $IRIS_HOME/cwd; echo to the log >&2; mv $IRIS_HOME/aside "
	    "$IRIS_HOME/irisd.sock; echo READY");
	fd = start_connect(&p, 5000, &started, &err);
	if (fd == -1)
		fail_msg("%s", err.msg);
	assert_int_equal(started, 1);
	assert_int_equal(lines_of("starts"), 1);
	assert_int_equal(lines_of("log/irisd.log"), 1);
	close(fd);
	fd = start_connect(&p, 5000, &started, &err);
	assert_int_equal(started, 0);
	assert_int_equal(lines_of("starts"), 1);
	close(fd);
	close(l);
	waitpid(-1, NULL, 0);
}

static void
test_does_not_start(void **state)
{
	static const struct {
		const char *body;
		enum err_code code;
		const char *msg;
	} cases[] = {
	    {"echo 'ERROR config /h/config.yaml:12:5: expected a number'", ERR_CONFIG,
		"irisd did not start: /h/config.yaml:12:5: expected a number"},
	    {"echo 'ERROR no_such_name text'", ERR_INTERNAL, "irisd did not start: text"},
	    {"exit 3", ERR_IO, "irisd ended before it was ready; its log tells why"},
	    {"echo garbage", ERR_IO, "irisd ended before it was ready; its log tells why"},
	    {"head -c 100000 /dev/zero | tr '\\0' x", ERR_IO,
		"irisd ended before it was ready; its log tells why"},
	    {"echo READY", ERR_UNAVAILABLE, NULL},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		int started = 0, fd;
		struct err err;
		install(cases[i].body);
		fd = start_connect(&p, 5000, &started, &err);
		assert_int_equal(fd, -1);
		assert_int_equal(err.code, cases[i].code);
		if (cases[i].msg != NULL)
			assert_string_equal(err.msg, cases[i].msg);
	}
	while (waitpid(-1, NULL, 0) > 0)
		continue;
}

static void
test_hangs(void **state)
{
	int64_t t = compat_mono_ms();
	struct err err;

	(void)state;
	install("exec sleep 2");
	assert_int_equal(start_connect(&p, 100, NULL, &err), -1);
	assert_int_equal(err.code, ERR_TIMEOUT);
	assert_in_range(compat_mono_ms() - t, 100, 1900);
	assert_true(waitpid(-1, NULL, 0) > 0);
}

/*
 * Somebody else starts one: wait for the lock, then use what that one has started; or give up
 * when time is over.
 */
static void
test_others_lock(void **state)
{
	struct err err;
	int lock, fd, i;
	pid_t pid;

	(void)state;
	install("echo x >> $IRIS_HOME/starts; echo READY");
	assert_int_equal(paths_make(&p, &err), 0);
	for (i = 0; i < 2; i++) {
		int ready[2];
		char c;
		assert_int_equal(pipe(ready), 0);
		if ((pid = fork()) == 0) {
			lock = open(p.start, O_RDWR | O_CREAT, 0600);
			flock(lock, LOCK_EX);
			if (write(ready[1], "x", 1) != 1)
				_exit(1);
			usleep(150000);
			if (i == 1)
				listen_at(p.sock);
			flock(lock, LOCK_UN);
			usleep(500000);
			_exit(0);
		}
		assert_int_equal(read(ready[0], &c, 1), 1);
		close(ready[0]);
		close(ready[1]);
		fd = start_connect(&p, i == 0 ? 50 : 5000, NULL, &err);
		assert_true((fd != -1) == (i == 1));
		if (i == 0)
			assert_int_equal(err.code, ERR_TIMEOUT);
		if (fd != -1)
			close(fd);
		assert_int_equal(waitpid(pid, NULL, 0), pid);
	}
	assert_int_equal(lines_of("starts"), 0);
}

/* irisd's half, in a child whose standard output is a pipe. */
static void
test_report(void **state)
{
	static const char *const expected[] = {"READY\n", "ERROR config a.yaml:1:2: bad\n"};
	int i;

	(void)state;
	for (i = 0; i < 2; i++) {
		char buf[128];
		size_t len = 0;
		int fds[2], status;
		ssize_t n;
		pid_t pid;
		assert_int_equal(pipe(fds), 0);
		if ((pid = fork()) == 0) {
			struct err err;
			dup2(fds[1], STDOUT_FILENO);
			close(fds[1]);
			err_set(&err, ERR_CONFIG, "a.yaml:1:2: bad");
			start_report(i == 0 ? NULL : &err);
			/*
			 * Standard output is now /dev/null: the pipe has ended, and this goes
			 * nowhere.
			 */
			_exit(write(STDOUT_FILENO, "more", 4) == 4 ? 0 : 1);
		}
		close(fds[1]);
		while ((n = read(fds[0], buf + len, sizeof buf - 1 - len)) > 0)
			len += (size_t)n;
		buf[len] = '\0';
		close(fds[0]);
		assert_string_equal(buf, expected[i]);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_int_equal(status, 0);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_running, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_starts, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_does_not_start, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_hangs, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_others_lock, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_report, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
