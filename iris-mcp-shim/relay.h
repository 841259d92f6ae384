/* SPDX-License-Identifier: MIT
 *
 * The relay between one MCP client (standard input and output) and irisd. Ends when the client
 * does.
 */
#ifndef IRIS_SHIM_RELAY_H
#define IRIS_SHIM_RELAY_H

#include "common/paths.h"

/* Returns the exit status: 0 when the client has gone, 1 when nothing can be waited for. */
int relay_run(const struct paths *paths, const char *cwd);

#endif
