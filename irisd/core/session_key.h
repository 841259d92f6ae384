/* SPDX-License-Identifier: MIT
 *
 * The keys of sessions' MCP files (sessionMcpEnabled): with one, whoever reads the file is, over
 * HTTP, what the session's own Claude is in-band, and nothing else. One is made for each process,
 * and is over with it; only its hash is kept. The files are the worker's (iris-worker/session_mcp.h).
 */
#ifndef IRIS_CORE_SESSION_KEY_H
#define IRIS_CORE_SESSION_KEY_H

#include <cjson/cJSON.h>
#include <stdbool.h>

#include "irisd/irisd.h"

struct config_team;

/*
 * sessionMcp of worker/open, with a new key; NULL where the session is to have no such file. Older
 * keys of the same process stay good: it may be adopted, and have its file already.
 */
cJSON *session_key_wish(struct session *s);

/* No process any more: nor a key. */
void session_key_end(struct session *s);

/* At start, when workers to be adopted are known: keys of which no process can be left are over. */
void session_key_load_all(struct irisd *d);
/* All workers of this team have spoken. */
void session_key_settle(struct team *t);

/* settings.httpPort has changed: files that name it are written anew. */
void session_key_moved(struct irisd *d);

/* Whether some session's file names the port for HTTP. */
bool session_key_wants_http(const struct irisd *d);

/* Whether a process would get the same file. */
bool session_key_same(const struct config_team *a, const struct config_team *b);

#endif
