/* SPDX-License-Identifier: MIT
 *
 * The relay between one MCP client (standard input and output) and irisd. Ends when the client
 * does.
 */
#ifndef IRIS_SHIM_RELAY_H
#define IRIS_SHIM_RELAY_H

#include <stdbool.h>

#include "common/paths.h"

/*
 * remote: as in struct link. Returns the exit status: 0 when the client has gone, 1 when nothing can
 * be waited for.
 */
int relay_run(const struct paths *paths, bool remote, const char *cwd);

#endif
