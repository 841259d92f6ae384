/* SPDX-License-Identifier: MIT
 *
 * Who may message, wake and interrupt whom: permissions.talk of the configuration (iris-config(5)).
 */
#ifndef IRIS_CORE_TALK_H
#define IRIS_CORE_TALK_H

#include "irisd/irisd.h"

/*
 * 0, or -1 with ERR_REFUSED and the entry that says no, or that none says yes. from and to are
 * names of teams or guests.
 */
int talk_check(const struct irisd *d, const char *from, const char *to, struct err *err);

#endif
