/* SPDX-License-Identifier: MIT
 *
 * Run this test program again with an argument, as a child: for what must end a process. Included
 * by tests only; everything in it is static.
 */
#ifndef IRIS_UNIT_CHILD_H
#define IRIS_UNIT_CHILD_H

#include <sys/wait.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/compat.h"
#include "common/spawn.h"
#include "tests/unit/argv.h"

static char child_program[4096]; /* set by main: argv[0] */
static char child_output[8192];  /* what the last one wrote to standard output and error */

/* Returns its wait status. */
static inline int
child_run(const char *arg, const char *more)
{
	struct spawn s = {.path = child_program, .argv = ARGV(child_program, arg, more)};
	size_t len = 0;
	int fds[2], status;
	struct err err;
	ssize_t n;
	pid_t pid;

	assert_int_equal(compat_pipe(fds), 0);
	s.fds[0] = -1;
	s.fds[1] = s.fds[2] = fds[1];
	pid = spawn_process(&s, &err);
	close(fds[1]);
	if (pid == -1)
		fail_msg("%s", err.msg);
	while (len < sizeof child_output - 1 &&
	    (n = read(fds[0], child_output + len, sizeof child_output - 1 - len)) > 0)
		len += (size_t)n;
	child_output[len] = '\0';
	close(fds[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

#endif
