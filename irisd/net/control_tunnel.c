/* SPDX-License-Identifier: MIT
 *
 * Control calls about the tunnels of remote teams: to cut one off, and to have it back. Both are a
 * person's: who is cut off must not be able to come back by an agent's help.
 */
#include <stdio.h>

#include "common/json.h"
#include "irisd/core/tunnel.h"
#include "irisd/net/control.h"
#include "irisd/net/origin.h"
#include "irisd/net/web.h"
#include "irisd/net/web_client.h"

static void
answer(struct control *c, struct team *t)
{
	cJSON *o = json_new();

	json_put_str(o, "team", t->name);
	json_put(o, "tunnel", tunnel_json(t));
	control_done(c, o);
}

void
control_remote_revoke(struct control *c, const cJSON *params)
{
	struct team *t = control_team(c, params);
	char name[TEAM_NAME_MAX], by[WEB_BY_MAX];
	const char *team;
	unsigned scopes;
	struct err err;

	if (t == NULL)
		return;
	client_who(c->client, name, sizeof name);
	if (web_client_scoped(c->client, &scopes, &team))
		web_client_by(c->client, by);
	else
		snprintf(by, sizeof by, "%s (pid %ld)", name, (long)c->client->pid);
	if (origin_person(c->client, "the end of a team's tunnel", &err) == -1 ||
	    tunnel_revoke(t, by, &err) == -1) {
		control_failed(c, &err);
		return;
	}
	web_sync(c->client->d);
	answer(c, t);
}

void
control_remote_grant(struct control *c, const cJSON *params)
{
	struct team *t = control_team(c, params);
	struct err err;

	if (t == NULL)
		return;
	if (origin_person(c->client, "a team's tunnel", &err) == -1 ||
	    tunnel_grant(t, &err) == -1) {
		control_failed(c, &err);
		return;
	}
	web_sync(c->client->d);
	answer(c, t);
}
