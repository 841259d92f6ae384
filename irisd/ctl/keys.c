/* SPDX-License-Identifier: MIT
 *
 * The terminal, key by key, see keys.h. Signals become bytes in a pipe, so that one poll(2) waits
 * for all there is. Owns the modes of the terminal while it is open; called by approvals_watch.c.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "common/compat.h"
#include "irisd/ctl/keys.h"

static struct {
	bool terminal, raw;
	bool ended; /* SIGTERM or SIGHUP came while nobody waited */
	struct termios found;
	int pipe[2];
} keys = {.pipe = {-1, -1}};

static void
on_signal(int sig)
{
	int saved = errno;
	char c = (char)sig;

	/* The pipe does not block: when it is full, there is news enough. */
	if (write(keys.pipe[1], &c, 1) == -1)
		errno = saved;
}

static void
set_raw(bool on)
{
	struct termios t = keys.found;

	if (!keys.terminal)
		return;
	if (on) {
		/* Signals by Ctrl-C and Ctrl-Z stay, and so does what makes a new line of \n. */
		t.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
		t.c_cc[VMIN] = 1;
		t.c_cc[VTIME] = 0;
	}
	tcsetattr(STDIN_FILENO, TCSADRAIN, &t);
	keys.raw = on;
}

int
keys_open(bool terminal, struct err *err)
{
	static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGCONT, SIGWINCH};
	struct sigaction sa = {.sa_handler = on_signal};
	size_t i;

	if (compat_pipe(keys.pipe) == -1)
		return err_sys(err, ERR_IO, "can not make a pipe");
	compat_set_nonblock(keys.pipe[0]);
	compat_set_nonblock(keys.pipe[1]);
	if (terminal && tcgetattr(STDIN_FILENO, &keys.found) == -1)
		return err_sys(err, ERR_IO, "can not look at the terminal");
	sigemptyset(&sa.sa_mask);
	for (i = 0; i < sizeof signals / sizeof signals[0]; i++)
		sigaction(signals[i], &sa, NULL);
	keys.terminal = terminal;
	if (terminal && atexit(keys_close) != 0)
		return err_set(err, ERR_INTERNAL, "no room to remember the terminal's modes");
	set_raw(true);
	return 0;
}

void
keys_close(void)
{
	if (keys.raw)
		set_raw(false);
}

/* What the signals mean that have come; an end wins over what only asks to draw again. */
static enum keys_event
signalled(void)
{
	enum keys_event e = KEYS_REDRAW;
	char sig;

	while (read(keys.pipe[0], &sig, 1) == 1) {
		if (sig != SIGCONT && sig != SIGWINCH)
			e = KEYS_END;
		if (sig == SIGTERM || sig == SIGHUP)
			keys.ended = true;
		if (sig == SIGCONT && keys.raw)
			set_raw(true);
	}
	return e;
}

enum keys_event
keys_wait(int fd, int timeout_ms, char *key)
{
	int64_t until = compat_mono_ms() + timeout_ms, left;
	struct pollfd pfd[3] = {
	    {.fd = keys.pipe[0], .events = POLLIN},
	    {.fd = keys.terminal ? STDIN_FILENO : -1, .events = POLLIN},
	    {.fd = fd, .events = POLLIN},
	};
	int rv;

	while (!keys.ended) {
		left = timeout_ms < 0 ? -1 : until - compat_mono_ms();
		rv = poll(pfd, 3, timeout_ms >= 0 && left < 0 ? 0 : (int)left);
		if (rv == 0)
			return KEYS_TIMEOUT;
		if (rv == -1 && errno != EINTR)
			return KEYS_END;
		if (rv == -1)
			continue;
		if (pfd[0].revents != 0)
			return signalled();
		if (pfd[2].revents != 0)
			return KEYS_FD;
		if (pfd[1].revents != 0)
			return read(STDIN_FILENO, key, 1) == 1 ? KEYS_KEY : KEYS_END;
	}
	return KEYS_END;
}

void
keys_flush(void)
{
	if (keys.terminal)
		tcflush(STDIN_FILENO, TCIFLUSH);
}

void
keys_pause(void)
{
	set_raw(false);
}

void
keys_resume(void)
{
	/* A Ctrl-C was for the program that had the terminal. */
	signalled();
	set_raw(true);
}

bool
keys_line(char *buf, size_t size)
{
	struct pollfd pfd[2] = {
	    {.fd = keys.pipe[0], .events = POLLIN},
	    {.fd = STDIN_FILENO, .events = POLLIN},
	};
	size_t len = 0;
	ssize_t n;
	char c;

	keys_pause();
	/* Not the read waits: a signal just before it would end nothing. */
	for (;;) {
		n = -1;
		if (poll(pfd, 2, -1) == -1) {
			if (errno == EINTR)
				continue;
			break;
		}
		if (pfd[0].revents != 0) {
			if (signalled() == KEYS_END)
				break;
			continue;
		}
		n = read(STDIN_FILENO, &c, 1);
		if (n == -1 && errno == EINTR)
			continue;
		if (n != 1 || c == '\n')
			break;
		if (len + 1 < size)
			buf[len++] = c;
	}
	buf[len] = '\0';
	keys_resume();
	return n == 1;
}
