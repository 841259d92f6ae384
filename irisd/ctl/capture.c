/* SPDX-License-Identifier: MIT
 *
 * See capture.h. The child leads a process group of its own, and the whole group goes when the time
 * is over.
 */
#include <sys/wait.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "common/compat.h"
#include "common/spawn.h"
#include "irisd/ctl/capture.h"

/* Until the end of the output or the deadline; what does not fit is dropped. */
static int
read_output(struct capture *c, int fd, int64_t deadline)
{
	struct pollfd pfd = {.fd = fd, .events = POLLIN};
	char rest[1024];
	size_t len = 0, room;
	int64_t left;
	ssize_t n;

	for (;;) {
		if ((left = deadline - compat_mono_ms()) <= 0)
			return -1;
		if (poll(&pfd, 1, (int)left) <= 0)
			continue;
		room = sizeof c->out - 1 - len;
		n = room > 0 ? read(fd, c->out + len, room) : read(fd, rest, sizeof rest);
		if (n == -1 && errno == EINTR)
			continue;
		if (n <= 0)
			return 0;
		if (room > 0)
			len += (size_t)n;
	}
}

static int
reap(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) == -1)
		if (errno != EINTR)
			return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

int
capture_run(struct capture *c, const char *path, char *const *argv, int timeout_ms, struct err *err)
{
	struct spawn s = {.path = path, .argv = argv};
	int64_t deadline = compat_mono_ms() + timeout_ms;
	int fds[2], rv = 0;
	pid_t pid;

	memset(c, 0, sizeof *c);
	if (compat_pipe(fds) == -1)
		return err_sys(err, ERR_IO, "can not make a pipe");
	s.fds[0] = -1;
	s.fds[1] = s.fds[2] = fds[1];
	pid = spawn_process(&s, err);
	close(fds[1]);
	if (pid == -1) {
		close(fds[0]);
		return -1;
	}
	if (read_output(c, fds[0], deadline) == -1) {
		kill(-pid, SIGKILL);
		rv = err_set(
		    err, ERR_TIMEOUT, "%s did not end within %d s", path, timeout_ms / 1000);
	}
	close(fds[0]);
	/* Its output has ended; whatever it may still do, it is not waited for. */
	kill(-pid, SIGKILL);
	c->status = reap(pid);
	return rv;
}
