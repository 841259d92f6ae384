/* SPDX-License-Identifier: MIT
 *
 * Who is told when a resource changes: subscriptions/listen of 2026-07-28, resources/subscribe of
 * the revisions with a handshake. Called by protocol.c for a client's wishes, and by core/ when
 * something has changed; what is to be told is told once for a pass of the loop, by follow_run.
 */
#ifndef IRIS_MCP_FOLLOW_H
#define IRIS_MCP_FOLLOW_H

#include "irisd/mcp/mcp.h"

void follow_listen(struct mcp *m, const struct rpc_msg *msg);
void follow_subscribe(struct mcp *m, const struct rpc_msg *msg);
void follow_unsubscribe(struct mcp *m, const struct rpc_msg *msg);
/* notifications/cancelled for this raw id. */
void follow_cancel(struct mcp *m, const char *id);
/* Forget all of this client's. */
void follow_release(struct mcp *m);
/* The same, each subscriptions/listen ended with its result first. */
void follow_stop(struct mcp *m);

/* Something a reader would see has changed. Cheap while nobody followed. */
void follow_message(struct irisd *d, const char *id, const char *from, const char *to);
void follow_session(const struct session *s);
void follow_team(struct irisd *d, const char *name);
/* There are other teams, or they are described otherwise. */
void follow_teams(struct irisd *d);

/* Tell it; from the loop's hook, before the commit. */
void follow_run(struct irisd *d);

#endif
