/* SPDX-License-Identifier: MIT
 *
 * The HTTP server: civetweb with all that it could do by itself turned off, so that every request
 * comes here, is checked for where it comes from, and goes to its route. An idle connection is closed
 * soon, and at once when threads run short (seat.c); a request that waits for long (a call, a
 * stream) needs one of a limited number of places.
 */
#ifndef IRIS_WEB_SERVE_H
#define IRIS_WEB_SERVE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "common/paths.h"
#include "irisd/web/http.h"

#define SERVE_PORTS_MAX 4

struct serve_port {
	int port;
	struct err err; /* code ERR_NONE: it is open */
};

/*
 * Open the ports on 127.0.0.1, and one more where front.h wants it. One that is taken is left out,
 * with its err. Returns how many are open; -1 when civetweb does not start though it could. Once in a
 * process.
 */
int serve_start(const struct paths *p, struct serve_port *ports, int nports);

/* Whether the port could be opened now. */
bool serve_port_free(int port, struct err *err);

/* irisd's socket. */
const char *serve_sock(void);

/*
 * What a request needs a thread for. Subscriptions stay open for as long as their client runs, so
 * their places are others than those of calls; and so are those of the calls that end other ones.
 * Viewers of live events share with subscriptions, but not the last sixteen. Who logs in is nobody
 * yet, and has few.
 */
enum serve_place { SERVE_QUICK, SERVE_CALL, SERVE_END, SERVE_LISTEN, SERVE_VIEW, SERVE_LOGIN };

/* Who a key speaks for, to share out places by. 0 is nobody. */
uint64_t serve_who(const char *key);

/*
 * A place for one that may wait for long; false when all are taken, or all but an eighth of them by
 * this one alone. Quick ones need none.
 */
bool serve_hold(enum serve_place place, uint64_t who);
void serve_let_go(enum serve_place place, uint64_t who);

#endif
