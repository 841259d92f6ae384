/* SPDX-License-Identifier: MIT
 *
 * The front of the web process: iris-tls, a program of its own which terminates TLS and passes on
 * what it carries to a port of civetweb's that is there for it alone. It holds the private key, which
 * so never is in a process that reads HTTP. Started, watched and started again from here; it ends
 * with this process. What comes by it is told from what other local processes send to that port by
 * the client's port, which the front tells before it connects.
 */
#ifndef IRIS_WEB_FRONT_H
#define IRIS_WEB_FRONT_H

#include <cjson/cJSON.h>
#include <civetweb.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/paths.h"

/*
 * What irisd plans ("tls" of its greeting; copied). Once, before civetweb starts: from then on names
 * are known.
 */
void front_plan(const cJSON *tls, const struct paths *p);

/* Whether there is to be one. */
bool front_wanted(void);

/* civetweb listens for it at this port of 127.0.0.1: start it. */
void front_start(int port);

/* For the main thread: a descriptor to be polled, -1 for none; ms until a turn is due, -1: none. */
int front_fd(void);
int front_wait(void);

/* Read what it says, start it again when that is due. True when front_json says something else. */
bool front_turn(void);

/*
 * {host, port, pid?} and error, or fingerprint, notAfter, selfsigned and warnings; NULL as long as
 * there is nothing to say.
 */
cJSON *front_json(void);

/* The rest is for civetweb's threads. Whether the connection came to the front's port. */
bool front_is(const struct mg_request_info *ri);

/* And whether it is the front's own. */
bool front_announced(const struct mg_request_info *ri);

/* Host and Origin of a request that came over TLS; the Origin may be NULL. */
bool front_host_ok(const char *host);
bool front_origin_ok(const char *origin);

#endif
