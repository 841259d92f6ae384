/* SPDX-License-Identifier: MIT
 *
 * iris-tls: what irisd -x web starts to terminate TLS. One thread, one loop: it listens at
 * dashboard.host, holds the private key, and relays the bytes of each connection to civetweb's port
 * for it. It reads no HTTP and knows nothing of Iris. One file a concern:
 *
 *	main.c	   the configuration from standard input, reports to there, the end
 *	listen.c   addresses and new connections
 *	conn.c	   one connection: handshake, relay both ways, its end
 *	cert.c	   certificate and key: read, checked, read again when they change
 *	selfsign.c those that it makes itself
 */
#ifndef IRIS_TLS_TLS_H
#define IRIS_TLS_TLS_H

#include <sys/queue.h>
#include <event2/event.h>
#include <stdint.h>

#include "irisd/tls/cert.h"

#define TLS_CONNS 256 /* the web process has fewer threads */

struct conn;

struct tls {
	struct event_base *base;
	struct cert cert;
	uint16_t backend;             /* civetweb's port of 127.0.0.1 */
	int conns;                    /* all that there are */
	TAILQ_HEAD(, conn) young;     /* those that may give way: the oldest first */
	void (*report)(struct tls *); /* the certificate has something new to tell */
};

#endif
