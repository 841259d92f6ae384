/* SPDX-License-Identifier: MIT
 *
 * Whether a connection is a person's or that of something that a team's Claude has started: agents
 * have the same user, and so the same socket. A process below an iris-worker, with the mark of a
 * Claude in its environment, or with the brand that it inherits (Linux; it outlives the worker, and
 * an irisd that is started by it has it, too) is an agent's; what a Claude has others start for it
 * (a service manager, cron, a terminal multiplexer that runs already) is not seen here, which is
 * what the guard looks for (core/guard.h).
 */
#ifndef IRIS_NET_ORIGIN_H
#define IRIS_NET_ORIGIN_H

#include "irisd/net/client.h"

/*
 * 0 for a person's, and for a key's: what it may do was looked at before (control_scope.h), and whose
 * child the web process is says nothing of who has it. -1 with ERR_REFUSED for an agent's, and where it can not be told, since then
 * nobody can be held to have answered. Looks at all processes: for rare calls only.
 */
int origin_person(const struct client *c, const char *what, struct err *err);

#endif
