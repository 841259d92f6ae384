/* SPDX-License-Identifier: MIT
 *
 * API keys as control calls make them; for control_login.c.
 */
#ifndef IRIS_NET_CONTROL_KEY_H
#define IRIS_NET_CONTROL_KEY_H

#include <cjson/cJSON.h>

#include "irisd/store/store.h"

/*
 * Store a new key with this row's name, team, scopes and session, good for so many ms (0: always),
 * and answer the key object with its text.
 */
cJSON *control_key_make(struct store *s, struct store_key *row, int64_t life);

#endif
