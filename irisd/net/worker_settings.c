/* SPDX-License-Identifier: MIT
 *
 * Tells workers that run which settings are in force; called when irisd reloads, and for workers
 * that were started by an earlier irisd.
 */
#include "common/json.h"
#include "common/rpc.h"
#include "irisd/net/worker_private.h"

void
worker_settings(struct worker *w)
{
	const struct config_settings *s = &w->d->conf->config->settings;
	cJSON *p = json_new();

	json_put_str(p, "logLevel", config_log_level_names[s->log_level]);
	json_put_int(p, "stopTimeout", s->stop_timeout);
	worker_send(w, rpc_notification("worker/settings", p));
}

void
worker_settings_all(struct irisd *d)
{
	struct worker *w;

	TAILQ_FOREACH (w, &d->workers, entry)
		if (!w->adopting && !w->gone)
			worker_settings(w);
}
