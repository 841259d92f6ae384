/* SPDX-License-Identifier: MIT
 *
 * The doors for those who come from a team's host by its tunnel: a socket for each such team, by
 * which one enters as that team and as nobody else, whatever one says. What is behind the other end
 * is not trusted: it gets MCP and no other role, is never a person, sees nothing of this machine's
 * files and terminals, and there are TUNNEL_CLIENTS_MAX of them at most.
 */
#ifndef IRIS_NET_PINNED_H
#define IRIS_NET_PINNED_H

#include "common/rpc.h"
#include "irisd/core/team.h"

struct client;
struct pinned;

/* At irisd's start: the sockets of a dead one lead nowhere. */
void pinned_clean(const struct irisd *d);

/* Listen for the team. NULL with err. */
struct pinned *pinned_open(struct team *t, struct err *err);
/* Listen no more; whoever came by it is told why, and sent away. It is freed. */
void pinned_close(struct pinned *p, const struct err *why);

const char *pinned_path(const struct pinned *p);
int pinned_count(const struct pinned *p);

/* For client.c: one more connection, which has client.door set; and one less. */
void pinned_came(struct pinned *p);
void pinned_left(struct pinned *p);
/* Its hello. -1 with err: it is not let in. */
int pinned_greet(struct client *c, const struct rpc_msg *hello, struct err *err);
/* The team's name. */
const char *pinned_team(const struct pinned *p);

#endif
