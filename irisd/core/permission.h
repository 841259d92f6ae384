/* SPDX-License-Identifier: MIT
 *
 * What a team's Claude may do when Claude Code asks (can_use_tool): the team's grantPermission
 * decides.
 */
#ifndef IRIS_CORE_PERMISSION_H
#define IRIS_CORE_PERMISSION_H

#include <cjson/cJSON.h>

#include "irisd/core/session.h"

/*
 * NULL to allow, otherwise why not, for Claude to read: a text in buf, which should have 512 bytes.
 */
const char *permission_refusal(const struct session *s, const char *tool, char *buf, size_t size);

/*
 * Decide on one request; returns the worker/answer line (iris-protocol(7)), malloc'ed. Iris's own
 * tools are always allowed. Where nobody can be asked, the answer is no and says why.
 */
char *permission_decide(
    struct session *s, const char *request, const char *tool, const cJSON *input);

#endif
