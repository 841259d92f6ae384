/* SPDX-License-Identifier: MIT
 *
 * Logins of the dashboard that are over.
 */
#ifndef IRIS_NET_CONTROL_LOGIN_H
#define IRIS_NET_CONTROL_LOGIN_H

#include "irisd/irisd.h"

/* Remove the keys of logins that have expired or were ended: a person makes one again and again. */
void control_login_sweep(struct irisd *d);

#endif
