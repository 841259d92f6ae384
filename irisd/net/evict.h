/* SPDX-License-Identifier: MIT
 *
 * The end of Claude processes whose worker is gone: whatever bears the mark of one of a team's
 * sessions is killed, with all that hangs on it, and until nothing is left none of the team's
 * sessions is opened again (two processes must never hold one conversation).
 */
#ifndef IRIS_NET_EVICT_H
#define IRIS_NET_EVICT_H

#include "irisd/core/team.h"

struct evict;

/*
 * Begin (or go on, when it is under way) with all marks that the team's sessions bear and that no
 * connected worker has claimed. When nothing is left, the sessions lose their marks and are looked
 * at again. Nothing to do without marks. pool_blocked is true meanwhile.
 */
void evict_team(struct team *t);

/* Kill what bears this mark, of a session whose team is not configured: once, without waiting. */
void evict_mark(const char *instance);

/* At irisd's end. */
void evict_forget(struct team *t);

#endif
