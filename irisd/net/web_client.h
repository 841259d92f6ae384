/* SPDX-License-Identifier: MIT
 *
 * A connection of the web role: it is nobody's, until a control call (iris/key.check) gives it to
 * who has a key: then it carries that client's MCP and nothing else, so that no such client can get a
 * control call in, or the control calls that the scopes of the key allow (control_scope.h). irisd
 * believes the key, not the web process: who speaks is decided here. client.c calls this; where such
 * a connection ends is client.c's.
 */
#ifndef IRIS_NET_WEB_CLIENT_H
#define IRIS_NET_WEB_CLIENT_H

#include "irisd/net/client.h"
#include "irisd/store/store.h"

/* What the bearer of a key that is checked wants. */
enum web_use {
	WEB_ASK, /* to know whose it is */
	WEB_MCP, /* the connection, for MCP */
	WEB_API  /* the connection, for control calls */
};

/* The name of the keys that logins of the dashboard are. */
#define WEB_LOGIN "dashboard"

void web_client_init(struct client *c);
void web_client_release(struct client *c);

/* A line that is no greeting. */
void web_client_line(struct client *c, const char *line, size_t len);

/*
 * For whom the bearer of this key speaks: for its team, or as a guest, or for the session with this
 * Claude id (NULL: none; for WEB_API always). For another use than WEB_ASK, c is the bearer's from
 * now on. The answer to the check, or NULL with err: ERR_NOT_FOUND where there is no such session,
 * ERR_REFUSED where the key is not for it.
 */
cJSON *web_client_speaks(struct client *c, const struct store_key *key, const char *session,
    enum web_use use, struct err *err);

/*
 * Whether control calls of this connection are those of a key: then *scopes is its set of enum
 * key_scope, and *team the team that it is bound to, whose traffic is all that it sees, or NULL. The
 * text is the connection's.
 */
bool web_client_scoped(const struct client *c, unsigned *scopes, const char **team);

/* Of such a connection: the key's id, and the team or guest that it speaks as. */
const char *web_client_key(const struct client *c);
const char *web_client_name(const struct client *c);

/* Of such a connection: who it is, in answers and rules: "key NAME (ID)", "dashboard (ID)". */
#define WEB_BY_MAX (TEAM_NAME_MAX + 32)
void web_client_by(const struct client *c, char by[WEB_BY_MAX]);

/* Whether the key of this connection is good still. -1 with ERR_UNAUTHORIZED. */
int web_client_good(const struct client *c, struct err *err);

/* The key with this id is no good any more: what its bearers wait for ends. */
void web_client_revoked(struct irisd *d, const char *key_id);

#endif
