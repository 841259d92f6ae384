/* SPDX-License-Identifier: MIT
 *
 * The end of Claude processes whose worker is gone, or could not end them: whatever bears the mark
 * of one of a team's sessions is killed, with all that hangs on it, and until nothing is left none
 * of those sessions is opened again (two processes must never hold one conversation).
 */
#ifndef IRIS_NET_EVICT_H
#define IRIS_NET_EVICT_H

#include "irisd/core/team.h"

struct evict;

/*
 * Begin (or go on, when it is under way) with all marks that the team's sessions bear and that no
 * connected worker has claimed. When nothing is left, the sessions lose their marks and are looked
 * at again. Nothing to do without marks.
 */
void evict_team(struct team *t);

/* Whether s is one of those sessions, and is not to be opened now. */
bool evict_holds(const struct session *s);

/*
 * Why it is held, for those who wait for it; *stuck (may be NULL): it may be so for long, as what
 * is left can not be killed.
 */
void evict_why(const struct session *s, struct err *why, bool *stuck);

/*
 * Kill what bears one of these marks, of sessions whose teams are not configured: once, without
 * waiting. -1: the system could not be looked at.
 */
int evict_marks(const char *const *instances, size_t n);

/* At irisd's end. */
void evict_forget(struct team *t);

#endif
