/* SPDX-License-Identifier: MIT
 *
 * What those who have called iris/daemon.watch are told.
 */
#ifndef IRIS_NET_CONTROL_WATCH_H
#define IRIS_NET_CONTROL_WATCH_H

#include "irisd/irisd.h"

/* The configuration was read again; diff is what irisd_reload has. */
void control_config_changed(struct irisd *d, const cJSON *diff);

/* It could not be read, and what it said before stays in force. */
void control_config_refused(struct irisd *d, const char *why);

#endif
