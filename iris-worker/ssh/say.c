/* SPDX-License-Identifier: MIT
 *
 * Lines on standard error, see say.h. Never allocates, never fails: a reader that is gone is not
 * worth an error.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "iris-worker/ssh/say.h"

#define LINE_MAX_BYTES 2048

static bool verbose;

void
say_set_verbose(bool on)
{
	verbose = on;
}

bool
say_is_verbose(void)
{
	return verbose;
}

static void
line(const char *prefix, const char *fmt, va_list ap)
{
	char buf[LINE_MAX_BYTES];
	size_t i, n;
	ssize_t done;

	n = (size_t)snprintf(buf, sizeof buf, "%s", prefix);
	vsnprintf(buf + n, sizeof buf - n - 1, fmt, ap);
	n = strlen(buf);
	for (i = 0; i < n; i++)
		if ((unsigned char)buf[i] < ' ' || buf[i] == 0x7f)
			buf[i] = '?';
	buf[n++] = '\n';
	done = write(STDERR_FILENO, buf, n);
	(void)done;
}

void
say(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	line("iris-ssh: ", fmt, ap);
	va_end(ap);
}

void
say_debug(const char *fmt, ...)
{
	va_list ap;

	if (!verbose)
		return;
	va_start(ap, fmt);
	line("debug1: ", fmt, ap);
	va_end(ap);
}

void
say_plain(const char *fmt, ...)
{
	va_list ap;

	if (!verbose)
		return;
	va_start(ap, fmt);
	line("", fmt, ap);
	va_end(ap);
}
