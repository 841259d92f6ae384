/* SPDX-License-Identifier: MIT
 *
 * The addresses of a host name, listened at.
 */
#ifndef IRIS_TLS_LISTEN_H
#define IRIS_TLS_LISTEN_H

#include "irisd/tls/tls.h"

/*
 * At all of its addresses, or -1. One that is taken is tried for a few seconds: who had it may be
 * about to end.
 */
int listen_at(struct tls *t, const char *host, int port, struct err *err);

#endif
