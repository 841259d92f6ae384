/* SPDX-License-Identifier: MIT
 *
 * The configuration's files, watched while settings.hotReloadConfig is true: a change of one has
 * irisd_reload called, a moment later. Called by main.c.
 */
#ifndef IRIS_WATCH_H
#define IRIS_WATCH_H

#include "irisd/irisd.h"

/* Begin or end watching, as the configuration in force wants it. */
void watch_sync(struct irisd *d);

void watch_release(struct irisd *d);

#endif
