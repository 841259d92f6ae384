/* SPDX-License-Identifier: MIT
 *
 * irisd's lock, see lock.h. The file holds the pid and the start time of who has locked it, so that
 * it can be signalled; what counts is the lock alone. Called before anything else is opened, and
 * after all is closed.
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

#include "common/call.h"
#include "common/compat.h"
#include "common/log.h"
#include "common/start.h"
#include "irisd/lock.h"

#define WAIT_MS  12000 /* for one that stops its Claudes: settings.stopTimeout and a little */
#define SLICE_MS 200   /* then a look at who holds it now */
#define DEAF_MS  2000  /* one that does not listen so long is asked to hand over */

static bool lock_was_empty; /* the irisd before this one has ended everything */

static void
on_alarm(int sig)
{
	/* Only to end flock with EINTR. */
	(void)sig;
}

static bool
listens(const struct paths *p)
{
	struct err err;
	int fd = call_socket(p->sock, &err);

	if (fd == -1)
		return err.code != ERR_UNAVAILABLE;
	close(fd);
	return true;
}

/* SIGUSR2 to who holds the lock, once to each. */
static void
ask_handover(int fd, pid_t *asked)
{
	pid_t pid = start_holder(fd);

	if (pid == 0 || pid == *asked)
		return;
	*asked = pid;
	log_info("taking over from another irisd pid=%ld", (long)pid);
	if (kill(pid, SIGUSR2) == -1)
		log_warn("irisd %ld can not be asked to hand over: %s", (long)pid, strerror(errno));
}

/*
 * Until the kernel gives the lock, WAIT_MS at most. That one who did not listen was only starting,
 * or that yet another one was faster, shows after a slice. Who still does not listen then runs
 * where nobody can reach it any more: its socket was removed.
 */
static int
wait_free(const struct paths *p, int fd, bool take_over)
{
	struct timeval slice = {.tv_usec = SLICE_MS * 1000};
	struct itimerval every = {.it_interval = slice, .it_value = slice}, off = {0};
	struct sigaction sa = {.sa_handler = on_alarm}, old;
	int64_t began = compat_mono_ms(), now;
	pid_t asked = 0;
	int rv;

	sigemptyset(&sa.sa_mask);
	sigaction(SIGALRM, &sa, &old);
	setitimer(ITIMER_REAL, &every, NULL);
	do {
		now = compat_mono_ms();
		/* Who was only starting when it was asked listens for a moment before it goes. */
		if (!take_over && (asked == 0 || start_holder(fd) != asked) && listens(p)) {
			rv = -1;
			break;
		}
		if (take_over || now - began >= DEAF_MS)
			ask_handover(fd, &asked);
		rv = flock(fd, LOCK_EX);
	} while (rv == -1 && errno == EINTR && now - began < WAIT_MS);
	setitimer(ITIMER_REAL, &off, NULL);
	sigaction(SIGALRM, &old, NULL);
	return rv;
}

static void
write_pid(int fd)
{
	struct stat st;
	char text[64];
	int len = snprintf(
	    text, sizeof text, "%ld %" PRIu64 "\n", (long)getpid(), compat_proc_start(getpid()));

	lock_was_empty = fstat(fd, &st) == 0 && st.st_size == 0;
	if (ftruncate(fd, 0) == -1 || pwrite(fd, text, (size_t)len, 0) != len)
		log_warn("can not write irisd's pid into its lock: %s", strerror(errno));
}

int
lock_take(const struct paths *p, bool take_over, struct err *err)
{
	int fd = open(p->lock, O_RDWR | O_CREAT | O_CLOEXEC, 0600), rv;

	if (fd == -1)
		return err_sys(err, ERR_IO, "can not open %s", p->lock);
	rv = flock(fd, LOCK_EX | LOCK_NB);
	if (rv == -1)
		rv = wait_free(p, fd, take_over);
	if (rv == -1) {
		err_set(err, ERR_UNAVAILABLE, "another irisd runs for %s; \"iris status\" shows it",
		    p->home);
		close(fd);
		return -1;
	}
	write_pid(fd);
	return fd;
}

void
lock_ended(int fd)
{
	if (ftruncate(fd, 0) == -1)
		log_warn("can not empty irisd's lock: %s", strerror(errno));
}

void
lock_unused(int fd)
{
	if (lock_was_empty)
		lock_ended(fd);
}
