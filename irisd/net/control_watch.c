/* SPDX-License-Identifier: MIT
 *
 * iris/daemon.watch: who wants to be told of what becomes of irisd itself, and what they are told,
 * see control_watch.h. A call is not answered; it ends with its connection.
 */
#include "common/json.h"
#include "irisd/core/event.h"
#include "irisd/net/control.h"
#include "irisd/net/control_watch.h"

void
control_daemon_watch(struct control *c, const cJSON *params)
{
	(void)params;
	c->daemon = true;
}

static void
tell_config(struct irisd *d, const cJSON *params)
{
	struct client *client;
	struct control *c;
	cJSON *o;

	TAILQ_FOREACH (client, &d->clients, entry)
		TAILQ_FOREACH (c, &client->controls, entry) {
			if (!c->daemon)
				continue;
			o = cJSON_Duplicate(params, true);
			peer_send(client->peer, rpc_notification("iris/config.event", o));
		}
}

void
control_config_changed(struct irisd *d, const cJSON *diff)
{
	tell_config(d, diff);
	event_config(d, diff);
}

void
control_config_refused(struct irisd *d, const char *why)
{
	cJSON *o = json_new();

	json_put_str(o, "error", why);
	tell_config(d, o);
	event_config_refused(d, why);
	cJSON_Delete(o);
}
