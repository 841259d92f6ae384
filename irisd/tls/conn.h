/* SPDX-License-Identifier: MIT
 *
 * One connection: its handshake, then bytes both ways between the client and civetweb, each way
 * through a buffer of its own, so that who does not read stops who writes. civetweb hears of it with
 * the first bytes of a request.
 */
#ifndef IRIS_TLS_CONN_H
#define IRIS_TLS_CONN_H

#include "irisd/tls/tls.h"

/* A new client; fd is taken. Where there are too many, the oldest that has asked nothing gives way. */
void conn_new(struct tls *t, int fd);

/* Make room for one more; false when all have work to do. */
bool conn_give_way(struct tls *t);

#endif
