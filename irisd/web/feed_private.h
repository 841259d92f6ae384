/* SPDX-License-Identifier: MIT
 *
 * What the files of live events share.
 */
#ifndef IRIS_WEB_FEED_PRIVATE_H
#define IRIS_WEB_FEED_PRIVATE_H

#include "common/err.h"
#include "common/json.h"
#include "irisd/web/http.h"
#include "irisd/web/uplink.h"

struct feed {
	struct http *h;
	struct uplink uplink;
};

/* A line of irisd's: one event, or, with err (and *data, the caller's, or NULL), that it is over. */
enum feed_line { FEED_EVENT, FEED_OTHER, FEED_OVER };
enum feed_line feed_read(
    const char *line, size_t len, struct json_slice *event, cJSON **data, struct err *err);

/*
 * All of it to the viewer; false when it is gone, or takes it too slowly. civetweb has a limit only
 * for who takes nothing at all.
 */
bool feed_put(const struct feed *f, const void *data, size_t len);

/* From the answer's head to the end; line is the first one, of kind FEED_EVENT or FEED_OTHER. */
void feed_sse(struct feed *f, const struct json_slice *first);
void feed_ws(struct feed *f, const struct json_slice *first);

/* Whether a WebSocket is wanted; and whether it can be had, false when it was refused. */
bool feed_ws_wanted(const struct http *h);
bool feed_ws_check(struct http *h);

#endif
