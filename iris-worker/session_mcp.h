/* SPDX-License-Identifier: MIT
 *
 * A session's MCP file (sessionMcpEnabled): how Claude, and what it starts, reaches irisd by HTTP as
 * this session. Written into the project before Claude starts, by this process or by a program of
 * the user's (mcpConfigScript), and removed when Claude is gone. On another host the wrapper there
 * (remote/session.sh) writes and removes it. It holds a key: nothing of it is logged, or in an argv.
 */
#ifndef IRIS_WORKER_SESSION_MCP_H
#define IRIS_WORKER_SESSION_MCP_H

#include <sys/types.h>
#include <cjson/cJSON.h>
#include <stdbool.h>

#include "common/err.h"
#include "iris-worker/remote.h"

struct claude;
struct session_mcp;
struct worker;

/*
 * From the params of worker/open, which are copied. *m is NULL where no such file is wanted; -1 with
 * ERR_INVALID.
 */
int session_mcp_new(const cJSON *params, struct session_mcp **m, struct err *err);

/* The params, with sessionMcp.file where the file's name is known. */
const cJSON *session_mcp_params(const struct session_mcp *m);

/* The user's program is to be run first. */
bool session_mcp_has_script(const struct session_mcp *m);

/*
 * Start it for c; open_prepared is called when it has named its file, or claude_fault. -1: it can
 * not be started, and knows no c.
 */
int session_mcp_run(struct session_mcp *m, struct claude *c, struct err *err);
/* A child of this worker's has ended: whether it was such a program. */
bool session_mcp_reaped(struct worker *w, pid_t pid, int status);

/* Write the file, where it is ours to write. */
int session_mcp_write(struct session_mcp *m, struct err *err);

/* For remote/session.sh: what it is to write, or what the user's program has. */
void session_mcp_script(struct remote_script *s, const cJSON *params);

/* Claude is gone, or was never started: so is the file. m may be NULL. */
void session_mcp_end(struct session_mcp *m);

#endif
