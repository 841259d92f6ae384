/* SPDX-License-Identifier: MIT
 *
 * In front of the agent: libssh tries every key that the agent has, in the agent's order, and the
 * host counts each. So libssh gets a socket on which the agent's list comes with the keys first
 * that the configuration names, or, with IdentitiesOnly, with those alone. All else passes through.
 */
#ifndef IRIS_SSH_AGENT_H
#define IRIS_SSH_AGENT_H

#include <stdbool.h>
#include <stddef.h>

struct agent;

/*
 * Connect to the agent at path. wanted: n public keys in base64, which are copied. NULL: nobody
 * listens there. *fd is for libssh, which closes it.
 */
struct agent *agent_start(
    const char *path, const char *const *wanted, size_t n, bool only, int *fd);

/* Whether this key was in the list that was handed on. After agent_stop. */
bool agent_offered(const struct agent *a, const char *base64);

/* fd as agent_start gave it: no more questions. Then agent_free. */
void agent_stop(struct agent *a, int fd);
void agent_free(struct agent *a);

#endif
