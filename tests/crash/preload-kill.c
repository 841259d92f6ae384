/* SPDX-License-Identifier: MIT
 *
 * Kills the process at one call, see preload.h. IRIS_PRELOAD is
 *
 *	count     do nothing but count
 *	before:N  die instead of doing call number N
 *	half:N    die when the first half of what it writes is written
 *	after:N   die when it is done
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tests/crash/preload.h"

static enum { COUNT, BEFORE, HALF, AFTER } when;
static unsigned target;
static bool now; /* the call that is being made is the one */

bool
policy_init(const char *spec)
{
	char word[16];

	if (strcmp(spec, "count") == 0)
		return true;
	if (sscanf(spec, "%15[a-z]:%u", word, &target) != 2)
		return false;
	when = strcmp(word, "before") == 0 ? BEFORE
	    : strcmp(word, "half") == 0    ? HALF
	    : strcmp(word, "after") == 0   ? AFTER
					   : COUNT;
	return when != COUNT;
}

/* No handler, no clean-up, nothing of the C library: as if the power of this one process failed. */
static void
die(void)
{
	syscall(SYS_kill, getpid(), SIGKILL);
	for (;;)
		pause();
}

int
policy_before(const struct point *p, uint32_t n, uint32_t of)
{
	(void)of;
	if (when == COUNT || n == 0 || n != target)
		return 0;
	preload_fired(p);
	now = true;
	if (when == HALF && p->niov > 0)
		preload_half(p);
	if (when != AFTER)
		die();
	return 0;
}

void
policy_after(const struct point *p, int64_t rv)
{
	(void)p;
	(void)rv;
	if (now)
		die();
}
