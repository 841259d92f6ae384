/* SPDX-License-Identifier: MIT
 *
 * Tells the workers that run what they log from now on; called when irisd reloads.
 */
#include "common/json.h"
#include "common/rpc.h"
#include "irisd/net/worker_private.h"

void
worker_level_all(struct irisd *d)
{
	const char *level = config_log_level_names[d->conf->config->settings.log_level];
	struct worker *w;
	cJSON *p;

	TAILQ_FOREACH (w, &d->workers, entry) {
		if (w->adopting || w->gone)
			continue;
		p = json_new();
		json_put_str(p, "level", level);
		worker_send(w, rpc_notification("worker/log", p));
	}
}
