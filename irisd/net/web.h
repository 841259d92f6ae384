/* SPDX-License-Identifier: MIT
 *
 * The web role seen from irisd: one process, "irisd -x web", started when the configuration wants
 * HTTP, started again when it ends (after 1 s, doubling), and told which ports to open when it says
 * hello. It ends by itself when its connections to irisd do.
 */
#ifndef IRIS_NET_WEB_H
#define IRIS_NET_WEB_H

#include <cjson/cJSON.h>
#include <sys/types.h>

#include "irisd/irisd.h"

/* Bring the process in line with the configuration. irisd must be listening. */
void web_sync(struct irisd *d);

/* A child has ended: false when it was not this one. */
bool web_reaped(struct irisd *d, pid_t pid, int status);

/* The process is left alone from now on. */
void web_release(struct irisd *d);

/* For its greeting: what it should listen at. */
cJSON *web_plan(struct irisd *d);
/* What it listens at: a list of {port, error?}; and what there is to say of https, or NULL. */
void web_listens(struct irisd *d, pid_t pid, const cJSON *ports, const cJSON *tls);

/* Its pid; 0: there is none. */
pid_t web_pid(const struct irisd *d);
pid_t web_tls_pid(const struct irisd *d);

/* For iris/daemon.status; and what a person should know. */
cJSON *web_json(struct irisd *d);
void web_warnings(struct irisd *d, cJSON *warnings);

/*
 * Where a person's browser finds the dashboard. 1: url and, where there is https, https are put into
 * o. 0: the web process has not told yet. -1: nowhere; err tells what to change.
 */
int web_dashboard(struct irisd *d, cJSON *o, struct err *err);

#endif
