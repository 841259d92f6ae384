/* SPDX-License-Identifier: MIT
 *
 * What the files of webhooks share: deliver.c, who gets what when, and deliver_curl.c, one request.
 */
#ifndef IRIS_WEB_DELIVER_PRIVATE_H
#define IRIS_WEB_DELIVER_PRIVATE_H

#include <signal.h>

#include "common/err.h"
#include "common/paths.h"

/* So long may one take, all in all; irisd waits longer (LEASE_MS of core/webhook.c). */
#define DELIVER_S 20

struct deliver_post {
	const struct paths *paths;
	const char *file;            /* where the body is put for a moment */
	const char *id, *url;        /* of the delivery */
	char *body;                  /* taken, when it is in the file */
	volatile sig_atomic_t *curl; /* while there is one: its pid */
};

/*
 * Post the body, signed. Returns the status of HTTP, 0 where there was none; then, and where it is
 * no success, err says why.
 */
int deliver_post(struct deliver_post *post, struct err *err);

#endif
