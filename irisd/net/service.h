/* SPDX-License-Identifier: MIT
 *
 * What a service manager gives and wants to know: systemd's socket activation (sd_listen_fds(3))
 * and readiness (sd_notify(3)), both small enough to need no library. Without one, everything here
 * does nothing.
 */
#ifndef IRIS_NET_SERVICE_H
#define IRIS_NET_SERVICE_H

#include <stdbool.h>

/* The listening socket that was passed, or -1. Its variables are removed from the environment. */
int service_socket(void);
bool service_has_socket(void);

/* Tell the manager: "READY=1", "STOPPING=1", "RELOADING=1". */
void service_notify(const char *state);

#endif
