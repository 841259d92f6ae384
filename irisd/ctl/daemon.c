/* SPDX-License-Identifier: MIT
 *
 * start and stop. Starting is common/start.h's; stopping is a request, after which this waits until
 * the connection has ended and irisd's lock is free: only then is irisd really gone. What restart
 * (restart.c) needs of it is in daemon.h.
 */
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/compat.h"
#include "common/json.h"
#include "common/start.h"
#include "irisd/ctl/ctl.h"
#include "irisd/ctl/daemon.h"
#include "irisd/ctl/term.h"

#define SETTLE_MS 30000 /* irisd gives each worker 10 s, then kills it */
#define DEAF_MS   2000 /* one that stops does not listen for a while, one that starts for a moment */

void
daemon_print_started(struct ctl *c, const struct call *call, const char *how)
{
	int64_t pid = json_int_or(call->hello, "pid", 0);
	cJSON *tree;

	if (c->json) {
		tree = json_new();
		json_put_str(tree, "status", how);
		json_put_int(tree, "pid", pid);
		json_put_str_opt(tree, "version", json_str(call->hello, "version"));
		json_put_str(tree, "socket", c->paths.sock);
		ctl_print_json(tree);
		return;
	}
	printf("irisd %s%s%s, pid %" PRId64 ", socket ", term_on(stdout, TERM_GREEN),
	    strcmp(how, "running") == 0 ? "runs already" : how, term_off(stdout), pid);
	term_print(stdout, c->paths.sock, false);
	putchar('\n');
}

int
ctl_start_run(struct ctl *c, struct err *err)
{
	struct call call;
	int started;

	if (ctl_connect(c, true, &started, &call, err) == -1)
		return -1;
	daemon_print_started(c, &call, started ? "started" : "running");
	call_close(&call);
	return 0;
}

static void
on_alarm(int sig)
{
	/* Only to end a system call with EINTR. */
	(void)sig;
}

/* How far the wait for the end is; says so once, after the first second. */
static int
progress(const struct ctl *c, int64_t began, bool *said, struct err *err)
{
	int64_t took = compat_mono_ms() - began;

	if (took >= DAEMON_STOP_MS)
		return err_set(err, ERR_TIMEOUT,
		    "irisd has not ended after %d s; its log is %s, its pid is in \"iris status\"",
		    DAEMON_STOP_MS / 1000, c->paths.logfile);
	if (took >= 1000 && !*said && !c->quiet) {
		fputs("iris: waiting for irisd to stop its Claude processes ...\n", stderr);
		*said = true;
	}
	return 0;
}

/*
 * Until the other end closes: what still comes is read and dropped. The timer ends a read each
 * second.
 */
static int
wait_closed(struct ctl *c, int fd, int64_t began, bool *said, struct err *err)
{
	char buf[4096];
	ssize_t n;

	for (;;) {
		n = read(fd, buf, sizeof buf);
		if (n == 0 || (n == -1 && errno != EINTR))
			return 0;
		if (progress(c, began, said, err) == -1)
			return -1;
	}
}

/* One that does not listen and does not end: its socket was removed, only a signal reaches it. */
static void
end_deaf(int lock, bool *asked)
{
	pid_t pid = start_holder(lock);

	if (pid == 0 || *asked)
		return;
	*asked = true;
	kill(pid, SIGTERM);
}

/*
 * Until nobody holds irisd's lock: it goes with the process, however that ends. deaf: nobody
 * listened from the beginning.
 */
static int
wait_unlocked(struct ctl *c, int64_t began, bool deaf, bool *said, struct err *err)
{
	int fd = open(c->paths.lock, O_RDWR | O_CLOEXEC), other = -1, rv = 0;
	bool asked = false;

	if (fd == -1)
		return errno == ENOENT ? 0 : err_sys(err, ERR_IO, "can not open %s", c->paths.lock);
	while (rv == 0 && flock(fd, LOCK_EX) == -1) {
		if (errno != EINTR)
			rv = err_sys(err, ERR_IO, "can not lock %s", c->paths.lock);
		else if ((other = call_socket(c->paths.sock, NULL)) != -1)
			break;
		else if ((rv = progress(c, began, said, err)) == 0 && deaf &&
		    compat_mono_ms() - began >= DEAF_MS)
			end_deaf(fd, &asked);
	}
	/* Who listens is the next one, started meanwhile by somebody's shim. */
	if (other != -1)
		close(other);
	close(fd);
	return rv;
}

int
daemon_wait_gone(struct ctl *c, int fd, bool lock, struct err *err)
{
	struct itimerval every = {.it_interval = {.tv_sec = 1}, .it_value = {.tv_sec = 1}},
			 off = {0};
	struct sigaction sa = {.sa_handler = on_alarm}, old;
	int64_t began = compat_mono_ms();
	bool said = false;
	int rv;

	sigemptyset(&sa.sa_mask);
	sigaction(SIGALRM, &sa, &old);
	setitimer(ITIMER_REAL, &every, NULL);
	rv = fd == -1 ? 0 : wait_closed(c, fd, began, &said, err);
	if (rv == 0 && lock)
		rv = wait_unlocked(c, began, fd == -1, &said, err);
	setitimer(ITIMER_REAL, &off, NULL);
	sigaction(SIGALRM, &old, NULL);
	return rv;
}

bool
daemon_locked(const struct ctl *c)
{
	int fd = open(c->paths.lock, O_RDWR | O_CLOEXEC);
	bool held;

	if (fd == -1)
		return false;
	held = flock(fd, LOCK_EX | LOCK_NB) == -1 && errno == EWOULDBLOCK;
	close(fd);
	return held;
}

int
daemon_stop(struct ctl *c, bool *was, int64_t *pid, struct err *err)
{
	struct call call;
	int rv;

	*was = true;
	*pid = 0;
	if (ctl_connect(c, false, NULL, &call, err) == -1) {
		if (err->code != ERR_UNAVAILABLE)
			return -1;
		/* None listens, but one may be on its way out. */
		*was = daemon_locked(c);
		return *was ? daemon_wait_gone(c, -1, true, err) : 0;
	}
	*pid = json_int_or(call.hello, "pid", 0);
	rv = call_request(
	    &call, "iris/daemon.stop", json_new(), DAEMON_STOP_MS, NULL, NULL, NULL, err);
	/* That it closes before it has answered comes to the same. */
	if (rv == 0 || err->code == ERR_UNAVAILABLE)
		rv = daemon_wait_gone(c, call.fd, true, err);
	call_close(&call);
	return rv;
}

/*
 * None runs, but the last one did not end in order: its lock file is not empty. Its workers may go
 * on, and only an irisd can end them.
 */
static bool
has_left_workers(const struct ctl *c)
{
	struct stat st;

	return stat(c->paths.lock, &st) == 0 && st.st_size > 0;
}

/* Start an irisd, which takes over what the last one has left, and stop it; n becomes how many. */
static int
stop_left(struct ctl *c, int *n, struct err *err)
{
	struct call call;
	cJSON *r = NULL;
	int64_t pid;
	int rv;
	bool was;

	if (ctl_connect(c, true, NULL, &call, err) == -1)
		return err_prefix(err,
		    "the last irisd did not end in order, and to end what it may have left another one "
		    "must be started; but ");
	rv = call_request(&call, "iris/daemon.settled", json_new(), SETTLE_MS, NULL, NULL, &r, err);
	call_close(&call);
	*n = cJSON_GetArraySize(json_arr(r, "workers"));
	cJSON_Delete(r);
	if (rv == -1 && err->code != ERR_UNAVAILABLE)
		return -1;
	return daemon_stop(c, &was, &pid, err);
}

int
ctl_stop_run(struct ctl *c, struct err *err)
{
	int64_t began = compat_mono_ms(), pid;
	char took[32];
	cJSON *tree;
	int left = 0;
	bool was;

	if (daemon_stop(c, &was, &pid, err) == -1 ||
	    (!was && has_left_workers(c) && stop_left(c, &left, err) == -1))
		return -1;
	if (c->json) {
		tree = json_new();
		json_put_str(tree, "status", was || left > 0 ? "stopped" : "not_running");
		if (pid != 0)
			json_put_int(tree, "pid", pid);
		if (left > 0)
			json_put_int(tree, "workers", left);
		ctl_print_json(tree);
	} else if (was) {
		printf("irisd stopped, after %s\n",
		    term_duration(compat_mono_ms() - began, took, sizeof took));
	} else if (left > 0) {
		printf("irisd was not running; %d worker%s that it had left %s stopped, after %s\n",
		    left, left == 1 ? "" : "s", left == 1 ? "is" : "are",
		    term_duration(compat_mono_ms() - began, took, sizeof took));
	} else {
		printf("irisd was not running\n");
	}
	return 0;
}
