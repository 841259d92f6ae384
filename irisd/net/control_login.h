/* SPDX-License-Identifier: MIT
 *
 * Links to the dashboard that wait for a port, and logins that are over.
 */
#ifndef IRIS_NET_CONTROL_LOGIN_H
#define IRIS_NET_CONTROL_LOGIN_H

#include "irisd/irisd.h"

/*
 * What the web process listens at is known now, or why it listens at nothing: those who wait for
 * their link are answered.
 */
void control_login_listening(struct irisd *d);

/* Remove the keys of logins that have expired or were ended: a person makes one again and again. */
void control_login_sweep(struct irisd *d);

#endif
