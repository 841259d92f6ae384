/* SPDX-License-Identifier: MIT
 *
 * A connection of the web role: control calls, until one of them (iris/key.check) gives it to an HTTP
 * client; then it carries that client's MCP and nothing else, so that no such client can get a
 * control call in. irisd believes the key, not the web process: who speaks is decided here.
 * client.c calls this; where such a connection ends is client.c's.
 */
#ifndef IRIS_NET_WEB_CLIENT_H
#define IRIS_NET_WEB_CLIENT_H

#include "irisd/net/client.h"
#include "irisd/store/store.h"

void web_client_init(struct client *c);
void web_client_release(struct client *c);

/* A line that is no greeting. */
void web_client_line(struct client *c, const char *line, size_t len);

/*
 * For whom the bearer of this key speaks: for its team, or as a guest, or for the session with this
 * Claude id (NULL: none). With mcp, c carries the bearer's MCP from now on. The answer to the check,
 * or NULL with err: ERR_NOT_FOUND where there is no such session, ERR_REFUSED where the key is not
 * for it.
 */
cJSON *web_client_speaks(
    struct client *c, const struct store_key *key, const char *session, bool mcp, struct err *err);

/* The key with this id is no good any more: what its bearers wait for ends. */
void web_client_revoked(struct irisd *d, const char *key_id);

#endif
