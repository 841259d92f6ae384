/* SPDX-License-Identifier: MIT
 *
 * Those who watch permission requests over a control connection.
 */
#ifndef IRIS_NET_CONTROL_PERMISSION_H
#define IRIS_NET_CONTROL_PERMISSION_H

#include "irisd/irisd.h"
#include "irisd/store/store.h"

/* A request was made, or has ended: whoever watches is told. */
void control_permission_changed(struct irisd *d, const struct store_permission *row);

#endif
