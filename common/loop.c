/* SPDX-License-Identifier: MIT
 *
 * One pass at a time, see loop.h. Owns the event base; knows nothing of what the callbacks do.
 */
#include <stdlib.h>

#include "common/compat.h"
#include "common/log.h"
#include "common/loop.h"
#include "common/peer.h"
#include "common/xmalloc.h"

struct loop_defer {
	TAILQ_ENTRY(loop_defer) entry;
	void (*fn)(void *);
	void *arg;
};

static void
event_log(int severity, const char *msg)
{
	static const enum log_level levels[] = {LOG_DEBUG, LOG_DEBUG, LOG_WARN, LOG_ERROR};

	log_at(levels[severity & 3], "libevent: %s", msg);
}

void
loop_init(struct loop *l, void (*hook)(void *), void *arg)
{
	struct event_config *config;

	event_set_log_callback(event_log);
	event_set_mem_functions(xmalloc, xrealloc, free);
	l->hook = hook;
	l->hook_arg = arg;
	l->stop = false;
	l->peers = 0;
	TAILQ_INIT(&l->dirty);
	TAILQ_INIT(&l->deferred);
	if ((config = event_config_new()) == NULL)
		fatalx("no event loop: libevent gives no configuration");
	/* One thread: no locks. */
	event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
	if ((l->base = event_base_new_with_config(config)) == NULL)
		fatalx("no event loop: libevent found no way to wait for events");
	event_config_free(config);
}

static void
run_deferred(struct loop *l)
{
	struct loop_defer *d;

	while ((d = TAILQ_FIRST(&l->deferred)) != NULL) {
		TAILQ_REMOVE(&l->deferred, d, entry);
		d->fn(d->arg);
		free(d);
	}
}

static void
after_pass(struct loop *l)
{
	if (l->hook != NULL)
		l->hook(l->hook_arg);
	peer_flush_dirty(l);
	run_deferred(l);
}

void
loop_run(struct loop *l)
{
	after_pass(l); /* what was queued before the loop began */
	while (!l->stop) {
		if (event_base_loop(l->base, EVLOOP_ONCE) == -1)
			fatalx("the event loop failed");
		after_pass(l);
	}
	after_pass(l);
}

void
loop_drain(struct loop *l)
{
	l->hook = NULL;
	after_pass(l);
	while (l->peers > 0) {
		if (event_base_loop(l->base, EVLOOP_ONCE) == -1)
			fatalx("the event loop failed");
		after_pass(l);
	}
}

void
loop_stop(struct loop *l)
{
	l->stop = true;
}

void
loop_defer(struct loop *l, void (*fn)(void *), void *arg)
{
	struct loop_defer *d = xmalloc(sizeof *d);

	d->fn = fn;
	d->arg = arg;
	TAILQ_INSERT_TAIL(&l->deferred, d, entry);
}

void
loop_release(struct loop *l)
{
	run_deferred(l);
	event_base_free(l->base);
	l->base = NULL;
	libevent_global_shutdown();
}
