/* SPDX-License-Identifier: MIT
 *
 * Nobody can be killed, see preload.h: as long as the file exists that IRIS_PRELOAD names, signals
 * that would end a process are sent to nobody, and said to be sent. So a Claude looks to Iris as one
 * does that hangs in the kernel.
 */
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "tests/crash/preload.h"

static char file[512];

bool
policy_init(const char *spec)
{
	if (strlen(spec) >= sizeof file)
		return false;
	memcpy(file, spec, strlen(spec) + 1);
	return true;
}

int
policy_before(const struct point *p, uint32_t n, uint32_t of)
{
	(void)n;
	(void)of;
	if (p->call != CALL_KILL || (p->flags != SIGKILL && p->flags != SIGTERM))
		return 0;
	if (access(file, F_OK) == -1)
		return 0;
	preload_fired(p);
	return -1;
}

void
policy_after(const struct point *p, int64_t rv)
{
	(void)p;
	(void)rv;
}
