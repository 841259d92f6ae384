/* SPDX-License-Identifier: MIT
 *
 * What to tell a person about a TCP port that can not be had.
 */
#ifndef IRIS_COMMON_PORT_H
#define IRIS_COMMON_PORT_H

#include "common/err.h"

/*
 * After bind or listen has failed with EADDRINUSE and err says so: by whom, and what to do about it.
 * keys: what to change in the configuration, as "httpPort or dashboard.http".
 */
void port_taken(struct err *err, int port, const char *keys);

#endif
