/* SPDX-License-Identifier: MIT
 *
 * What control calls by a key for HTTP may do, and what a key of one team gets to see: decided here,
 * before a call's handler runs, and again with its result. control.c calls this; handlers of calls
 * whose rows are not all of one team ask control_sees. Connections in the role ctl are the user's
 * and may do everything: what is refused to agents there is origin.h's.
 */
#ifndef IRIS_NET_CONTROL_SCOPE_H
#define IRIS_NET_CONTROL_SCOPE_H

#include "irisd/net/control.h"

/*
 * Whether this caller may make this call, whose scope is as in control_table.h. -1 with ERR_REFUSED,
 * which names the scope that it needs, or ERR_UNAUTHORIZED.
 */
int control_scope_check(const struct client *client, const char *method, const char *scope,
    const cJSON *params, struct err *err);

/* What a key of one team is not to see is taken out of the result of this method. */
void control_scope_trim(const struct client *client, const char *method, cJSON *result);

/* The team whose traffic is all that this caller sees; NULL: it sees that of all. */
const char *control_team_only(const struct client *client);

/* Whether this caller may see what goes on between these two. */
bool control_sees(const struct client *client, const char *from, const char *to);

/* Whether this caller may speak for, and interrupt, every team. */
bool control_is_admin(const struct client *client);

#endif
