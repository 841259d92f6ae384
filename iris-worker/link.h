/* SPDX-License-Identifier: MIT
 *
 * The worker's connection to irisd, which may end and be made again: iris-protocol(7), WORKER
 * PROTOCOL. While there is none, what is sent is dropped; what must not be lost is kept by
 * report.c, claude.c and control.c, and told again after the next hello.
 */
#ifndef IRIS_WORKER_LINK_H
#define IRIS_WORKER_LINK_H

#include <stdbool.h>

#include "common/err.h"

struct event;
struct peer;
struct worker;
struct worker_options;

struct link {
	const char *sock;
	struct peer *peer; /* NULL: there is no connection */
	bool greeted;      /* irisd has accepted the hello of this connection */
	bool ended;        /* it is not made again */
	int wait_ms;       /* until the next try but one */
	int orphan_ms;
	struct event *retry;  /* pending only while there is no connection */
	struct event *orphan; /* pending only from a loss to the next hello that is accepted */
};

void link_init(struct worker *w, const struct worker_options *o);
void link_release(struct worker *w);

/* The first connection, made by main(). */
int link_open(struct worker *w, struct err *err);

/* SIGUSR1: there is an irisd again. */
void link_wake(struct worker *w);

bool link_up(const struct worker *w);

/* Queue a line; it is malloc'ed and taken. */
void link_send(struct worker *w, char *line);
void link_send_soon(struct worker *w, char *line); /* peer_send_soon */

/* Do not connect any more. The connection that there is stays. */
void link_end(struct worker *w);

#endif
