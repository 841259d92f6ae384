/* SPDX-License-Identifier: MIT
 *
 * The configuration's files, watched while settings.hotReloadConfig is true: a change of one has
 * irisd_reload called, a moment later. Where it is false, whether the file is still what was read.
 * Called by main.c and net/control.c.
 */
#ifndef IRIS_WATCH_H
#define IRIS_WATCH_H

#include "irisd/irisd.h"

/* Begin or end watching, as the configuration in force wants it. */
void watch_sync(struct irisd *d);

void watch_release(struct irisd *d);

/* The file is about to be read. */
void watch_mark(struct irisd *d);
/* It has changed since, and nobody will read it unasked. */
bool watch_unread(const struct irisd *d);

#endif
