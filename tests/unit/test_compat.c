/* SPDX-License-Identifier: MIT
 *
 * common/compat: strings, descriptors, clocks, who is at the other end, and finding what a child
 * leaves behind.
 */
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <sched.h>
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

static void
test_strings(void **state)
{
	char buf[6] = "zzzzz";

	(void)state;
	assert_int_equal(compat_strlcpy(buf, "abc", sizeof buf), 3);
	assert_string_equal(buf, "abc");
	assert_int_equal(compat_strlcat(buf, "de", sizeof buf), 5);
	assert_string_equal(buf, "abcde");
	assert_int_equal(compat_strlcat(buf, "f", sizeof buf), 6);
	assert_string_equal(buf, "abcde");
	assert_int_equal(compat_strlcpy(buf, "123456789", sizeof buf), 9);
	assert_string_equal(buf, "12345");
	assert_int_equal(compat_strlcpy(buf, "x", 0), 1);
	assert_string_equal(buf, "12345");
	assert_int_equal(compat_strlcat(buf, "ab", 3), 5);
	assert_string_equal(buf, "12345");
}

static int
flags_ok(int fd, bool nonblock)
{
	return (fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0 &&
	    ((fcntl(fd, F_GETFL) & O_NONBLOCK) != 0) == nonblock;
}

static void
test_descriptors(void **state)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	int pipefd[2], l, c, a;
	uid_t uid = (uid_t)-1;
	pid_t pid = -1;

	(void)state;
	assert_int_equal(compat_pipe(pipefd), 0);
	assert_true(flags_ok(pipefd[0], false) && flags_ok(pipefd[1], false));
	assert_int_equal(compat_set_nonblock(pipefd[0]), 0);
	assert_true(flags_ok(pipefd[0], true));
	assert_int_equal(compat_set_cloexec(pipefd[1], false), 0);
	assert_int_equal(fcntl(pipefd[1], F_GETFD), 0);
	close(pipefd[0]);
	close(pipefd[1]);
	l = compat_socket(true);
	assert_true(flags_ok(l, true));
	snprintf(sun.sun_path, sizeof sun.sun_path, "/tmp/iris-compat-%ld.sock", (long)getpid());
	assert_int_equal(bind(l, (struct sockaddr *)&sun, sizeof sun), 0);
	assert_int_equal(listen(l, 1), 0);
	assert_int_equal(compat_accept(l), -1);
	assert_int_equal(errno, EAGAIN);
	c = compat_socket(false);
	assert_true(flags_ok(c, false));
	assert_int_equal(connect(c, (struct sockaddr *)&sun, sizeof sun), 0);
	a = compat_accept(l);
	assert_true(flags_ok(a, true));
	assert_int_equal(compat_peer_cred(a, &uid, &pid), 0);
	assert_int_equal(uid, geteuid());
	assert_true(pid == getpid() || pid == 0);
	assert_int_equal(compat_peer_cred(-1, &uid, &pid), -1);
	unlink(sun.sun_path);
	close(l);
	close(c);
	close(a);
}

static void
test_clocks_and_random(void **state)
{
	unsigned char a[32] = {0}, b[32] = {0};
	int64_t t = compat_mono_ms(), w = compat_now_ms();
	char self[4096];

	(void)state;
	usleep(20000);
	assert_in_range(compat_mono_ms() - t, 19, 60000);
	assert_in_range(compat_now_ms() - w, 15, 60000);
	assert_true(w > 1700000000000);
	compat_random(a, sizeof a);
	compat_random(b, sizeof b);
	assert_memory_not_equal(a, b, sizeof a);
	assert_int_equal(compat_self_path(self, sizeof self), 0);
	assert_int_equal(access(self, X_OK), 0);
	assert_non_null(strstr(self, "test_compat"));
}

static void
test_allocate(void **state)
{
	FILE *f = tmpfile();
	struct stat st;

	(void)state;
	assert_non_null(f);
	assert_int_equal(compat_allocate(fileno(f), 1024 * 1024), 0);
	assert_int_equal(fstat(fileno(f), &st), 0);
	assert_int_equal(st.st_size, 1024 * 1024);
	assert_true((int64_t)st.st_blocks * 512 >= 1024 * 1024);
	fclose(f);
	assert_int_not_equal(compat_allocate(-1, 4096), 0);
}

static bool
contains(const pid_t *pids, size_t n, pid_t pid)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (pids[i] == pid)
			return true;
	return false;
}

/*
 * A child whose own child left its session and group, as what Claude's Bash tool starts may do:
 * it is found through its parents, and when its parent is gone, no more; one in the group is
 * found either way.
 */
static void
test_descendants(void **state)
{
	static const char script[] =
	    "setsid sleep 30 & echo $!; sh -c 'sleep 31 & echo $!'; (sleep 32 & echo $!; wait) & wait";
	struct spawn s = {.path = "/bin/sh", .argv = ARGV("sh", "-c", script), .fds = {-1, -1, -1}};
	pid_t root, pids[32], sleeper[3];
	struct err err;
	size_t n, i;
	int fds[2];
	FILE *f;

	(void)state;
	assert_int_equal(compat_pipe(fds), 0);
	s.fds[1] = fds[1];
	root = spawn_process(&s, &err);
	assert_true(root > 0);
	close(fds[1]);
	f = fdopen(fds[0], "r");
	for (i = 0; i < 3; i++) {
		char line[32];
		assert_non_null(fgets(line, sizeof line, f));
		sleeper[i] = (pid_t)strtol(line, NULL, 10);
	}
	n = compat_proc_descendants(&root, 1, pids, 32);
	assert_in_range(n, 3, 6);
	for (i = 0; i < 3; i++)
		assert_true(contains(pids, n, sleeper[i]));
	assert_false(contains(pids, n, root));
	assert_false(contains(pids, n, getpid()));
	/* The count is the truth also where the room is short. */
	pids[1] = -7;
	assert_int_equal(compat_proc_descendants(&root, 1, pids, 1), n);
	assert_int_equal(pids[1], -7);
	n = compat_proc_descendants(&root, 1, pids, 32);
	for (i = 0; i < n; i++)
		kill(pids[i], SIGKILL);
	kill(root, SIGKILL);
	assert_int_equal(waitpid(root, NULL, 0), root);
	fclose(f);
}

/* A child that has cut every tie is still found by what its environment says, and by that alone. */
static void
test_marked(void **state)
{
	struct spawn s = {.path = "/bin/sleep", .argv = ARGV("sleep", "30"), .fds = {-1, -1, -1}};
	char mark[64], longer[80], wrong[80];
	const char *marks[] = {mark, longer, wrong};
	int64_t deadline = compat_mono_ms() + 5000;
	pid_t pid, pids[4];
	struct err err;

	(void)state;
	snprintf(mark, sizeof mark, "IRIS_TEST_MARK=%ld", (long)getpid());
	snprintf(longer, sizeof longer, "X%s", mark);
	snprintf(wrong, sizeof wrong, "%s0", mark);
	s.own_session = true;
	s.envp = ARGV("A=b", longer, mark);
	pid = spawn_process(&s, &err);
	assert_true(pid > 0);
	/* posix_spawn returns a moment before the new program's environment can be seen. */
	while (compat_proc_marked(marks, 1, pids, 4) == 0 && compat_mono_ms() < deadline)
		sched_yield();
	assert_int_equal(compat_proc_marked(marks, 1, pids, 4), 1);
	assert_int_equal(pids[0], pid);
	assert_int_equal(compat_proc_marked(marks + 1, 1, pids, 4), 1);
	assert_int_equal(compat_proc_marked(marks + 2, 1, pids, 4), 0);
	/* Once, however many of its entries are asked for. */
	assert_int_equal(compat_proc_marked(marks, 3, pids, 4), 1);
	mark[strlen(mark) - 1] = '\0';
	assert_int_equal(compat_proc_marked(marks, 1, pids, 4), 0);
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

/* What can not be looked at is not taken for what is not there. */
static void
test_no_descriptors(void **state)
{
	const char *mark = "IRIS_TEST_NOBODY=1";
	struct rlimit old, none;
	int fds[2], e;
	ssize_t found;
	uint64_t start;
	pid_t pids[4];

	(void)state;
	/* All below this one are taken. */
	assert_int_equal(compat_pipe(fds), 0);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	none = old;
	none.rlim_cur = (rlim_t)fds[0];
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	found = compat_proc_marked(&mark, 1, pids, 4);
	errno = 0;
	start = compat_proc_start(getpid());
	e = errno;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
	close(fds[0]);
	close(fds[1]);
	assert_int_equal(found, -1);
	assert_int_equal(start, 0);
	assert_int_equal(e, EMFILE);
	assert_int_equal(compat_proc_marked(&mark, 1, pids, 4), 0);
	assert_int_equal(compat_proc_start(0), 0);
	assert_int_equal(errno, ESRCH);
}

static void
test_zombie_is_no_process(void **state)
{
	struct spawn s = {.path = "/bin/sh", .argv = ARGV("sh", "-c", ":"), .fds = {-1, -1, -1}};
	struct err err;
	siginfo_t info;
	pid_t pid, self = getpid(), pids[4];
	size_t n;

	(void)state;
	assert_true(compat_proc_start(getpid()) != 0);
	assert_int_equal(compat_proc_start(0), 0);
	assert_int_equal(compat_proc_start(-1), 0);
	pid = spawn_process(&s, &err);
	assert_true(pid > 0);
	assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
	assert_int_equal(compat_proc_start(pid), 0);
	n = compat_proc_descendants(&self, 1, pids, 4);
	assert_false(contains(pids, n < 4 ? n : 4, pid));
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

/* 32 MiB that are touched, and CPU until the clock says that some was used, are seen. */
static void
test_usage(void **state)
{
	size_t size = (size_t)32 << 20;
	struct compat_usage before, after;
	struct compat_host host;
	char *p;
	struct timespec ts;
	size_t i;

	(void)state;
	assert_int_equal(compat_proc_usage(getpid(), &before), 0);
	assert_true(before.start == compat_proc_start(getpid()));
	assert_true(before.started_at <= compat_now_ms() + 100);
	assert_true(before.started_at > compat_now_ms() - 600 * 1000);
	p = malloc(size);
	assert_non_null(p);
	do {
		for (i = 0; i < size; i += 1024)
			((volatile char *)p)[i] = (char)i;
		clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	} while (ts.tv_sec * 1000 + ts.tv_nsec / 1000000 < before.cpu + 100);
	assert_int_equal(compat_proc_usage(getpid(), &after), 0);
	assert_true(after.cpu >= before.cpu + 50);
	assert_true(after.rss - before.rss > (int64_t)size / 2);
	free(p);
	assert_int_equal(compat_proc_usage(0, &after), -1);
	assert_int_equal(compat_proc_usage(-1, &after), -1);

	compat_host_usage(&host);
	assert_true(host.cpus >= 1);
	assert_true(host.load[0] >= 0);
	assert_true(host.mem_total > (int64_t)64 << 20);
	assert_true(host.mem_available > 0 && host.mem_available <= host.mem_total);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_strings),
	    cmocka_unit_test(test_descriptors),
	    cmocka_unit_test(test_clocks_and_random),
	    cmocka_unit_test(test_allocate),
	    cmocka_unit_test(test_descendants),
	    cmocka_unit_test(test_marked),
	    cmocka_unit_test(test_no_descriptors),
	    cmocka_unit_test(test_zombie_is_no_process),
	    cmocka_unit_test(test_usage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
