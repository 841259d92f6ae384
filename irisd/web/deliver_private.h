/* SPDX-License-Identifier: MIT
 *
 * What the files of webhooks share: deliver.c, who gets what when, and deliver_curl.c, one request.
 */
#ifndef IRIS_WEB_DELIVER_PRIVATE_H
#define IRIS_WEB_DELIVER_PRIVATE_H

#include "common/err.h"
#include "common/paths.h"

/* So long may one take, all in all; irisd waits longer (LEASE_MS of core/webhook.c). */
#define DELIVER_S 20

/*
 * Post body to url, signed as the delivery with this id; file: where the body is put for a moment.
 * Returns the status of HTTP, 0 where there was none; then, and where it is no success, err says why.
 */
int deliver_post(const struct paths *p, const char *file, const char *id, const char *url,
    const char *body, struct err *err);

#endif
