/* SPDX-License-Identifier: MIT
 *
 * Control calls about what runs and what it uses.
 */
#include <unistd.h>

#include "common/compat.h"
#include "common/json.h"
#include "irisd/net/control.h"
#include "irisd/net/usage.h"

void
control_process_list(struct control *c, const cJSON *params)
{
	cJSON *o = json_new();

	(void)params;
	json_put(o, "processes", usage_processes(c->client->d, true));
	control_done(c, o);
}

static cJSON *
irisd_json(void)
{
	struct compat_usage usage = {0};
	cJSON *o = json_new();

	compat_proc_usage(getpid(), &usage);
	json_put_int(o, "pid", getpid());
	json_put_int(o, "rss", usage.rss);
	json_put_int(o, "cpu", usage.cpu);
	return o;
}

void
control_daemon_stats(struct control *c, const cJSON *params)
{
	struct irisd *d = c->client->d;
	cJSON *o = json_new();

	(void)params;
	json_put(o, "pool", control_pool_json(d));
	json_put(o, "messages", control_counts_json(d));
	json_put(o, "irisd", irisd_json());
	json_put(o, "host", usage_host());
	control_done(c, o);
}
