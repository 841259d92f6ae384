/* SPDX-License-Identifier: MIT
 *
 * What MCP clients want to know of Iris: the entry for Claude Code, and the lines to give to the
 * others.
 */
#ifndef IRIS_CTL_CLIENT_H
#define IRIS_CTL_CLIENT_H

#include <stdbool.h>

#include "common/err.h"

/* The value of mcpServers.iris, on several lines from the left margin; malloc'ed. */
char *client_entry(const char *shim);

/* Print how to register shim with "claude", "codex", "gemini", "cursor", "vscode" or "all". */
int client_print(const char *which, const char *shim, bool json, struct err *err);

#endif
