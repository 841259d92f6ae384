/* SPDX-License-Identifier: MIT
 *
 * When the index of messages is written, see search.h.
 */
#include <stddef.h>

#include "common/compat.h"
#include "irisd/core/message.h"
#include "irisd/core/search.h"

#define QUIET_MS    2000 /* without the end of a message; a step delays what comes in it */
#define AGAIN_MS    20   /* between two steps while it is quiet */
#define POSTPONED_S 30   /* then a step is made also where it is never quiet, once in QUIET_MS */
#define STEP        32   /* messages */
#define CATCH_UP    512  /* messages that who searches waits for */

static void
arm(struct irisd *d, int64_t ms)
{
	struct timeval tv = {ms / 1000, (ms % 1000) * 1000};

	evtimer_add(d->search_timer, &tv);
}

static void
timer_cb(evutil_socket_t fd, short what, void *arg)
{
	struct irisd *d = arg;
	int64_t now = compat_mono_ms();
	bool quiet = d->messages == NULL && now - d->search_touched >= QUIET_MS;

	(void)fd;
	(void)what;
	if (!quiet && now - d->search_wanted < POSTPONED_S * 1000)
		arm(d, QUIET_MS);
	else if (store_search_more(d->store, STEP))
		arm(d, quiet ? AGAIN_MS : QUIET_MS);
}

void
search_touch(struct irisd *d)
{
	d->search_touched = compat_mono_ms();
	if (d->search_timer == NULL)
		d->search_timer = evtimer_new(d->loop.base, timer_cb, d);
	if (!evtimer_pending(d->search_timer, NULL)) {
		d->search_wanted = d->search_touched;
		arm(d, QUIET_MS);
	}
}

void
search_catch_up(struct irisd *d)
{
	int n;

	for (n = 0; n < CATCH_UP && store_search_more(d->store, STEP); n += STEP)
		continue;
}

void
search_release(struct irisd *d)
{
	if (d->search_timer != NULL)
		event_free(d->search_timer);
	d->search_timer = NULL;
}
