/* SPDX-License-Identifier: MIT
 *
 * Messages, sessions and teams as JSON, in the one form that control calls and MCP tools share
 * (iris-protocol(7)). Reads, changes nothing.
 */
#ifndef IRIS_CORE_DESCRIBE_H
#define IRIS_CORE_DESCRIBE_H

#include <cjson/cJSON.h>

#include "irisd/core/team.h"
#include "irisd/store/store.h"

/* A message object; with its receipts where s is given. */
cJSON *describe_message(const struct store_message *m, struct store *s);

/* Each step of a message, oldest first: state, at, evidence. */
cJSON *describe_receipts(struct store *s, const char *id);

/* health and healthReason, of a session that has a process. */
void describe_health(cJSON *o, const struct session *s);

cJSON *describe_session(const struct session *s);
/* name, path, description, ..., status. */
cJSON *describe_team(const struct team *t);

/* What stands in the way of reaching a team (directory gone, ...), as a list of sentences. */
cJSON *describe_problems(const struct team *t);

#endif
