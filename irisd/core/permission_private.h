/* SPDX-License-Identifier: MIT
 *
 * What permission.c (requests) and permission_answer.c (a person's answers) share.
 */
#ifndef IRIS_CORE_PERMISSION_PRIVATE_H
#define IRIS_CORE_PERMISSION_PRIVATE_H

#include "irisd/core/permission.h"

/* In memory, while it waits. */
struct permission *permission_by_id(struct irisd *d, const char *id);

/* Those whose time is up, also when the timer has not come to it. */
void permission_expire_due(struct irisd *d);

/*
 * The end of p, which row tells (state, by, via, reason, updated): stored, audited and told; p is
 * freed.
 */
void permission_end(struct permission *p, struct store_permission *row);

/* Whether tool and input can be read in one way only. -1 with ERR_INVALID: they can not. */
int permission_check_input(const char *tool, const cJSON *input, struct err *err);

#endif
