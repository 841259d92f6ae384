/* SPDX-License-Identifier: MIT
 *
 * Tunnels of remote teams (enableReverseMcp): the way by which a person's own Claude on a team's
 * host reaches this irisd. Decides which teams have one, has their workers hold it (net/worker.h),
 * and remembers which a person has revoked. Who comes by it speaks as that team and no other, is
 * never a person here, and is held to a rate: net/pinned.h for the socket's form, an API key made
 * here for that over HTTP.
 */
#ifndef IRIS_CORE_TUNNEL_H
#define IRIS_CORE_TUNNEL_H

#include "irisd/core/team.h"
#include "irisd/irisd.h"

/* Of one team's tunnel, whichever form it has. */
#define TUNNEL_CLIENTS_MAX 8  /* connections at a time */
#define TUNNEL_RATE        10 /* requests a second */
#define TUNNEL_BURST       50 /* that may come at once */

/*
 * Bring all tunnels in line with the configuration and with what was revoked: at irisd's start, and
 * when that has changed. A team whose workers are still to be adopted is looked at when they are.
 */
void tunnel_sync(struct irisd *d);
void tunnel_sync_team(struct team *t);

/* A worker of an earlier irisd's says in its hello which tunnel it holds; NULL: none. */
void tunnel_adopted(struct team *t, const cJSON *said);
/* event/tunnel: what became of it. */
void tunnel_told(struct team *t, const cJSON *params);
/* The team's worker is gone, and the tunnel with it. */
void tunnel_lost(struct team *t, const char *why);

/* Whether the team's worker is needed for it. */
bool tunnel_keeps_worker(const struct team *t);
/* Whether this team's, or some team's, tunnel ends at the port for HTTP. */
bool tunnel_leads_to_http(const struct team *t);
bool tunnel_wants_http(const struct irisd *d);

/* One more request of a client that came by it. -1 with ERR_LIMIT. */
int tunnel_allows(struct irisd *d, const char *team, struct err *err);
/* Whether this key is the one made for the tunnel of this team. */
bool tunnel_has_key(struct irisd *d, const char *team, const char *key_id);

/* by: who. -1 with ERR_INVALID for a team on this machine. */
int tunnel_revoke(struct team *t, const char *by, struct err *err);
int tunnel_grant(struct team *t, struct err *err);

/* {form, state, since, why?, address?, ...} for who shows the team; NULL: none is configured. */
cJSON *tunnel_json(const struct team *t);

/* A sentence for each that is down. */
void tunnel_warnings(const struct irisd *d, cJSON *warnings);

/* The team goes. */
void tunnel_release(struct team *t);

#endif
