/* SPDX-License-Identifier: MIT
 *
 * The rules of room.h. Descriptors are counted, not tried out: those that were open before the
 * first connection, one for each peer, and one for each worker that is watched.
 */
#include <sys/resource.h>
#include <fcntl.h>
#include <limits.h>

#include "irisd/net/room.h"
#include "irisd/net/worker_private.h"

#define RESERVE   32   /* descriptors; of a small limit, a quarter */
#define SPARE     4    /* never given to a connection: files, the start of a worker */
#define COUNT_MAX 1024 /* descriptors that are looked at when counting */

static int
limit(void)
{
	struct rlimit rl;

	if (getrlimit(RLIMIT_NOFILE, &rl) == -1 || rl.rlim_cur > INT_MAX)
		return INT_MAX;
	return (int)rl.rlim_cur;
}

static int
reserve(void)
{
	int quarter = limit() / 4;

	return quarter < RESERVE ? quarter : RESERVE;
}

static int
in_use(const struct irisd *d)
{
	int n = d->fds_at_start + d->loop.peers;
	const struct worker *w;

	/* A worker that has outlived an irisd is watched by a descriptor of its own. */
	TAILQ_FOREACH (w, &d->workers, entry)
		n += w->exit_fd != -1;
	return n;
}

static int
left(const struct irisd *d)
{
	return limit() - in_use(d);
}

void
room_init(struct irisd *d)
{
	int fd, n = 0, max = limit();

	for (fd = 0; fd < max && fd < COUNT_MAX; fd++)
		n += fcntl(fd, F_GETFD) != -1;
	d->fds_at_start = 0;
	d->fds_at_start = n - in_use(d);
}

bool
room_short(const struct irisd *d)
{
	return left(d) < reserve();
}

/*
 * While there is enough, anybody gets in. Otherwise only as many as can be expected to say hello at
 * the same time, so that those who never do are not in the way of the rest.
 */
bool
room_to_accept(const struct irisd *d)
{
	int few = reserve() / 4;

	if (!room_short(d))
		return true;
	return left(d) > SPARE && d->greeting < (few < 2 ? 2 : few);
}

int
room_for_shim(const struct irisd *d, int leaving, struct err *err)
{
	if (left(d) + leaving >= reserve())
		return 0;
	return err_set(err, ERR_LIMIT,
	    "irisd has %d of its %d file descriptors in use, and keeps the rest for its own work; end "
	    "some sessions of Claude Code, or raise the limit (ulimit -n) and run \"iris restart\"",
	    in_use(d) - leaving, limit());
}

int
room_to_wait(const struct irisd *d, struct err *err)
{
	if (left(d) >= reserve() / 2)
		return 0;
	return err_set(err, ERR_LIMIT,
	    "irisd has %d of its %d file descriptors in use, too many to wait for an answer over one "
	    "more; \"iris send\" does not wait, or raise the limit (ulimit -n) and run \"iris restart\"",
	    in_use(d), limit());
}
