/* SPDX-License-Identifier: MIT
 *
 * What differs between two configurations outside of their teams. Called when irisd reloads.
 */
#ifndef IRIS_CORE_SETTINGS_H
#define IRIS_CORE_SETTINGS_H

#include <cjson/cJSON.h>

#include "common/config.h"

/*
 * Log each key of settings, dashboard and database whose value has changed, and a warning for one
 * that irisd must be started again for. diff (may be NULL) gets settings, a list of {name, old,
 * new} with the values as text.
 */
void settings_diff(const struct config *old, const struct config *now, cJSON *diff);

#endif
