/* SPDX-License-Identifier: MIT
 *
 * An irisd without its main(): teams from a real configuration file, a store in memory, a loop that
 * the test may run. What main.c defines is defined here. Included by one .c file of a test program.
 */
#ifndef IRIS_UNIT_IRISD_FIXTURE_H
#define IRIS_UNIT_IRISD_FIXTURE_H

#include "common/log.h"
#include "common/xmalloc.h"
#include "irisd/core/message.h"
#include "irisd/core/permission.h"
#include "irisd/core/team.h"
#include "irisd/irisd.h"
#include "tests/unit/config_fixture.h"

void
conf_unref(struct conf *c)
{
	if (c == NULL || --c->refs > 0)
		return;
	config_free(c->config);
	free(c);
}

void
irisd_stop(struct irisd *d, const char *why)
{
	(void)why;
	d->stopping = true;
}

void
irisd_handover(struct irisd *d, const char *why)
{
	(void)why;
	d->handing_over = true;
}

int
irisd_reload(struct irisd *d, cJSON *diff, struct err *err)
{
	(void)d;
	(void)diff;
	return err_set(err, ERR_INTERNAL, "not in this test");
}

static inline struct conf *
fixture_conf(const char *text)
{
	struct conf *c = xcalloc(1, sizeof *c);
	struct err err;

	write_text(fixture_config, text);
	if ((c->config = config_load(fixture_config, &err)) == NULL)
		fail_msg("%s", err.msg);
	c->refs = 1;
	return c;
}

static inline void
fixture_irisd(struct irisd *d, const char *text)
{
	struct err err;

	memset(d, 0, sizeof *d);
	TAILQ_INIT(&d->teams);
	TAILQ_INIT(&d->ready);
	TAILQ_INIT(&d->waiting);
	TAILQ_INIT(&d->clients);
	TAILQ_INIT(&d->workers);
	TAILQ_INIT(&d->terminals);
	TAILQ_INIT(&d->permissions);
	d->listen_fd = -1;
	loop_init(&d->loop, NULL, NULL);
	if ((d->store = store_open(":memory:", &err)) == NULL)
		fail_msg("%s", err.msg);
	d->conf = fixture_conf(text);
	team_sync(d, d->conf, NULL);
}

/* One pass of the loop: what was deferred is done, timers that are due run. */
static inline void
fixture_pass(struct irisd *d)
{
	loop_stop(&d->loop);
	loop_run(&d->loop);
	d->loop.stop = false;
}

static inline void
fixture_irisd_release(struct irisd *d)
{
	fixture_pass(d);
	permission_forget_all(d);
	message_forget_all(d);
	team_free_all(d);
	health_release(d);
	store_close(d->store);
	conf_unref(d->conf);
	loop_release(&d->loop);
}

#endif
