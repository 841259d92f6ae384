/* SPDX-License-Identifier: MIT
 *
 * Who is behind a question: of a team that asked because another one asked it, the person at the
 * root.
 */
#ifndef IRIS_CORE_CHAIN_H
#define IRIS_CORE_CHAIN_H

#include "common/uuid.h"
#include "irisd/irisd.h"

/*
 * The name of the team or guest at the root of this message's chain, and the id of the message that
 * began it. -1 with ERR_REFUSED that shows the chain when a team comes twice in it, since then
 * nobody can say for whom it acts; ERR_NOT_FOUND when a part of it is not known any more.
 */
int chain_root(struct irisd *d, const char *message, char *name, size_t size,
    char root[UUID_LEN + 1], struct err *err);

#endif
