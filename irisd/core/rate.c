/* SPDX-License-Identifier: MIT
 *
 * Buckets, see rate.h. Kept as one time each: that at which the bucket would be full again. A
 * request moves it on by what one costs; too far ahead of now it may not be.
 */
#include <stdlib.h>
#include <string.h>

#include "common/compat.h"
#include "common/xmalloc.h"
#include "irisd/core/hash.h"
#include "irisd/core/rate.h"

#define US_PER_MS 1000
#define US_PER_S  (US_PER_MS * (int64_t)1000)

struct rates {
	char who[40];
	int64_t full; /* us, monotonic */
	UT_hash_handle hh;
};

static void
drop(struct rates **all, struct rates *r)
{
	HASH_DEL(*all, r);
	free(r);
}

static void
sweep(struct rates **all, int64_t now)
{
	struct rates *r, *next;

	HASH_ITER(hh, *all, r, next)
	{
		if (r->full <= now)
			drop(all, r);
	}
}

bool
rate_take(struct rates **all, const char *who, int64_t per_second, int64_t now, int64_t *wait)
{
	int64_t each = US_PER_S / per_second, us = now * US_PER_MS, room;
	struct rates *r;

	room = each * per_second * RATE_BURST_S;
	HASH_FIND_STR(*all, who, r);
	if (r == NULL) {
		sweep(all, us);
		r = xcalloc(1, sizeof *r);
		compat_strlcpy(r->who, who, sizeof r->who);
		HASH_ADD_STR(*all, who, r);
	}
	if (r->full < us)
		r->full = us;
	if (r->full + each > us + room) {
		*wait = (r->full + each - us - room + US_PER_MS - 1) / US_PER_MS;
		return false;
	}
	r->full += each;
	return true;
}

void
rate_took(struct rates **all, const char *who, int64_t ms)
{
	struct rates *r;

	HASH_FIND_STR(*all, who, r);
	if (r != NULL)
		r->full += ms * US_PER_MS * 100 / RATE_SHARE;
}

void
rate_forget(struct rates **all, const char *who)
{
	struct rates *r;

	HASH_FIND_STR(*all, who, r);
	if (r != NULL)
		drop(all, r);
}

void
rate_release(struct rates **all)
{
	struct rates *r, *next;

	HASH_ITER(hh, *all, r, next)
	drop(all, r);
}
