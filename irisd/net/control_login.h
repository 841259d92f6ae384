/* SPDX-License-Identifier: MIT
 *
 * Links to the dashboard that wait for a port, and logins that are over.
 */
#ifndef IRIS_NET_CONTROL_LOGIN_H
#define IRIS_NET_CONTROL_LOGIN_H

#include "irisd/irisd.h"

/* The web process has told what it listens at: those who wait for their link have it. */
void control_login_listening(struct irisd *d);

/* Remove the keys of logins that have expired or were ended: a person makes one again and again. */
void control_login_sweep(struct irisd *d);

#endif
