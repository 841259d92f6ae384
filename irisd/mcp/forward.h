/* SPDX-License-Identifier: MIT
 *
 * A permission request that the person at the root of a question decides: they are asked in their
 * own Claude, in the call that they wait for, where it can show them a form (elicit.h). It is a
 * pending request like any other meanwhile, and who answers first wins.
 */
#ifndef IRIS_MCP_FORWARD_H
#define IRIS_MCP_FORWARD_H

#include "irisd/core/permission.h"

/* Ask them, if they can be; once for each request, and again after irisd or they were away. */
void forward_start(struct permission *p, const struct store_permission *row);
/* It has ended: nothing is to be asked any more. */
void forward_end(struct permission *p);

#endif
