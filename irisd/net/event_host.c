/* SPDX-License-Identifier: MIT
 *
 * What the machine and Iris's own processes use, as events of the topic host: every HOST_MS while
 * somebody has it. Otherwise there is no timer, and nothing is looked at.
 */
#include "common/json.h"
#include "irisd/core/event_private.h"
#include "irisd/net/usage.h"

#define HOST_MS 2000

static void
tell(struct irisd *d)
{
	static const struct timeval tv = {HOST_MS / 1000, (HOST_MS % 1000) * 1000};
	cJSON *o = json_new();

	json_put(o, "host", usage_host());
	json_put(o, "processes", usage_processes(d, false));
	event_send(d, EVENT_HOST, "host", o, NULL, NULL);
	evtimer_add(d->events->host, &tv);
}

static void
timer_cb(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	tell(arg);
}

void
event_host_watch(struct irisd *d, bool on)
{
	static const struct timeval now = {0, 0};
	struct events *e = d->events;

	if (on) {
		e->host = evtimer_new(d->loop.base, timer_cb, d);
		evtimer_add(e->host, &now);
	} else {
		event_free(e->host);
		e->host = NULL;
	}
}
