/* SPDX-License-Identifier: MIT
 *
 * Live events, GET /api/v1/events: the events of iris/event.subscribe as they come, to one viewer,
 * as server-sent events or by WebSocket. Each viewer has a thread, a place and a connection to irisd
 * of its own, so that one that is slow is in nobody's way: what it does not take waits in irisd,
 * which cuts it off at some point. It is known what went wrong before the first event, which is the
 * answer then; later, a WebSocket is closed with a code (ws.h), and a stream ends with the event
 * "end" {code, detail}.
 */
#ifndef IRIS_WEB_FEED_H
#define IRIS_WEB_FEED_H

#include "irisd/web/http.h"

/* The whole of it, from who asks to the end of the view. */
void web_feed(struct http *h);

#endif
