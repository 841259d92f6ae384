/* SPDX-License-Identifier: MIT
 *
 * When the index of messages is written, see search.h.
 */
#include <stddef.h>

#include "irisd/core/message.h"
#include "irisd/core/search.h"

#define QUIET_MS      2000 /* behind the end of a message */
#define AGAIN_MS      100  /* between two steps */
#define POSTPONED_MAX 15   /* half a minute: then also while messages are under way */
#define STEP          16   /* messages */
#define CATCH_UP      512  /* messages that who searches waits for */

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

	(void)fd;
	(void)what;
	if (d->messages != NULL && d->search_postponed++ < POSTPONED_MAX)
		arm(d, QUIET_MS);
	else if (store_search_more(d->store, STEP))
		arm(d, AGAIN_MS);
	else
		d->search_postponed = 0;
}

void
search_touch(struct irisd *d)
{
	if (d->search_timer == NULL)
		d->search_timer = evtimer_new(d->loop.base, timer_cb, d);
	if (!evtimer_pending(d->search_timer, NULL))
		arm(d, QUIET_MS);
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
