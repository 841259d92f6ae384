/* SPDX-License-Identifier: MIT
 *
 * The meeting of who needs an irisd with the irisd that starts, see start.h. The lock file is
 * only ever locked (flock), never written: a starter that dies lets go of it.
 */
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/call.h"
#include "common/compat.h"
#include "common/spawn.h"
#include "common/start.h"

#define READY_LINE "READY"

/*
 * What irisd printed on its standard output: "READY", or "ERROR <code> <text>" (then said becomes
 * true).
 */
static int
read_verdict(int fd, int64_t deadline, bool *said, struct err *err)
{
	char buf[ERR_MSG_MAX + 64], name[32];
	size_t len = 0;
	int used = 0;

	*said = false;
	while (len < sizeof buf - 1 && memchr(buf, '\n', len) == NULL) {
		struct pollfd pfd = {.fd = fd, .events = POLLIN};
		int64_t left = deadline - compat_mono_ms();
		ssize_t n;
		int rv = left > 0 ? poll(&pfd, 1, (int)left) : 0;
		if (rv == 0)
			return err_set(err, ERR_TIMEOUT, "irisd was started but is not ready yet");
		if (rv == -1)
			continue;
		n = read(fd, buf + len, sizeof buf - 1 - len);
		if (n == 0)
			break;
		if (n > 0)
			len += (size_t)n;
		else if (errno != EINTR)
			return err_sys(err, ERR_IO, "reading from the irisd that was started");
	}
	buf[len] = '\0';
	buf[strcspn(buf, "\n")] = '\0';
	if (strcmp(buf, READY_LINE) == 0)
		return 0;
	*said = sscanf(buf, "ERROR %31s %n", name, &used) == 1 && used > 0;
	if (*said)
		return err_set(
		    err, err_code_from_name(name), "irisd did not start: %s", buf + used);
	return err_set(err, ERR_IO, "irisd ended before it was ready; its log tells why");
}

static int
start_irisd(const struct paths *p, int64_t deadline, struct err *err)
{
	char prog[PATHS_MAX], *argv[] = {prog, NULL};
	struct spawn s = {.path = prog, .argv = argv, .dir = "/", .own_session = true};
	int out[2] = {-1, -1}, log = -1, rv = -1;
	bool said;
	pid_t pid;

	if (paths_make(p, err) == -1 || paths_program("irisd", prog, sizeof prog, err) == -1)
		return -1;
	if (compat_pipe(out) == -1)
		return err_sys(err, ERR_IO, "can not make a pipe");
	log = open(p->logfile, O_WRONLY | O_CREAT | O_APPEND | O_NONBLOCK | O_CLOEXEC, 0600);
	if (log == -1) {
		err_sys(err, ERR_IO, "can not open the log %s", p->logfile);
		goto out;
	}
	s.fds[0] = -1;
	s.fds[1] = out[1];
	s.fds[2] = log;
	if ((pid = spawn_process(&s, err)) == -1)
		goto out;
	close(out[1]);
	out[1] = -1;
	rv = read_verdict(out[0], deadline, &said, err);
	if (rv == -1 && err->code != ERR_TIMEOUT) {
		/*
		 * It has said its last word, or none that counts: an end to wait for, either way.
		 */
		if (!said)
			kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
	}
out:
	close(out[0]);
	if (out[1] != -1)
		close(out[1]);
	if (log != -1)
		close(log);
	return rv;
}

int
start_hold(const struct paths *p, struct err *err)
{
	int lock;

	if (paths_make(p, err) == -1)
		return -1;
	lock = open(p->start, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (lock == -1)
		return err_sys(err, ERR_IO, "can not open %s", p->start);
	while (flock(lock, LOCK_EX) == -1) {
		if (errno != EINTR) {
			err_sys(err, ERR_IO, "can not lock %s", p->start);
			close(lock);
			return -1;
		}
	}
	return lock;
}

static int
connect_held(const struct paths *p, int timeout_ms, int64_t deadline, int *started, struct err *err)
{
	int fd;

	/* Whoever had the lock before may have started one. */
	if ((fd = call_socket(p->sock, err)) != -1 || err->code != ERR_UNAVAILABLE)
		return fd;
	/*
	 * After a long wait for others that had no luck: do not begin what can not be waited for.
	 */
	if (compat_mono_ms() >= deadline) {
		return err_set(err, ERR_TIMEOUT, "irisd did not start within %d ms; its log is %s",
		    timeout_ms, p->logfile);
	}
	if (start_irisd(p, deadline, err) == -1)
		return -1;
	if (started != NULL)
		*started = 1;
	return call_socket(p->sock, err);
}

int
start_connect_held(const struct paths *p, int timeout_ms, int *started, struct err *err)
{
	if (started != NULL)
		*started = 0;
	return connect_held(p, timeout_ms, compat_mono_ms() + timeout_ms, started, err);
}

int
start_connect(const struct paths *p, int timeout_ms, int *started, struct err *err)
{
	int64_t deadline = compat_mono_ms() + timeout_ms;
	int fd, lock;

	if (started != NULL)
		*started = 0;
	if ((fd = call_socket(p->sock, err)) != -1 || err->code != ERR_UNAVAILABLE)
		return fd;
	if ((lock = start_hold(p, err)) == -1)
		return -1;
	fd = connect_held(p, timeout_ms, deadline, started, err);
	close(lock);
	return fd;
}

pid_t
start_holder(int lock)
{
	uint64_t start;
	char text[64];
	ssize_t n = pread(lock, text, sizeof text - 1, 0);
	long pid;

	text[n > 0 ? n : 0] = '\0';
	/* Its pid may be another process by now, but not one with the same start time. */
	if (sscanf(text, "%ld %" SCNu64, &pid, &start) != 2 || pid <= 1 || start == 0 ||
	    compat_proc_start((pid_t)pid) != start)
		return 0;
	return (pid_t)pid;
}

void
start_report(const struct err *failure)
{
	struct stat st;
	int null;

	if (fstat(STDOUT_FILENO, &st) == 0 && S_ISFIFO(st.st_mode)) {
		if (failure == NULL)
			dprintf(STDOUT_FILENO, READY_LINE "\n");
		else
			dprintf(
			    STDOUT_FILENO, "ERROR %s %s\n", err_name(failure->code), failure->msg);
	}
	if ((null = open("/dev/null", O_WRONLY | O_CLOEXEC)) != -1) {
		dup2(null, STDOUT_FILENO);
		close(null);
	}
}
