/* SPDX-License-Identifier: MIT
 *
 * Live events as server-sent events (HTML, section 9.2): id is the event's number, with which a
 * client that comes again goes on; event its type; data its params.
 */
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "common/xmalloc.h"
#include "irisd/web/feed_private.h"

#define BEAT_MS 15000             /* between signs of life while nothing happens */
#define RETRY   "retry: 2000\n\n" /* ms until a client that has lost us comes again */

static bool
put(struct feed *f, char *text)
{
	bool ok = feed_put(f, text, strlen(text));

	free(text);
	return ok;
}

/* seq is digits, type a string without escapes, and the whole is one line: irisd has made it. */
static bool
put_event(struct feed *f, const struct json_slice *event)
{
	struct json_slice seq, type;

	if (event->p == NULL || !json_raw_member(event->p, event->len, "seq", &seq.p, &seq.len) ||
	    !json_raw_member(event->p, event->len, "type", &type.p, &type.len) || type.len < 2)
		return true;
	return put(f,
	    xasprintf("id: %.*s\nevent: %.*s\ndata: %.*s\n\n", (int)seq.len, seq.p,
		(int)type.len - 2, type.p + 1, (int)event->len, event->p));
}

static void
put_end(struct feed *f, const struct err *why)
{
	cJSON *o = json_new();
	char *text;

	json_put_str(o, "code", err_name(why->code));
	json_put_str(o, "detail", why->msg);
	text = json_print(o);
	cJSON_Delete(o);
	put(f, xasprintf("event: end\ndata: %s\n\n", text));
	free(text);
}

/* False when nothing comes after it. */
static bool
pass_on(struct feed *f, const char *line, size_t len)
{
	struct json_slice event;
	struct err err;
	cJSON *data;

	switch (feed_read(line, len, &event, &data, &err)) {
	case FEED_EVENT:
		return put_event(f, &event);
	case FEED_OTHER:
		return true;
	case FEED_OVER:
		break;
	}
	cJSON_Delete(data);
	put_end(f, &err);
	return false;
}

void
feed_sse(struct feed *f, const struct json_slice *first)
{
	bool on = http_stream_begin(f->h) && put(f, xstrdup(RETRY)) && put_event(f, first);
	struct err err;
	char *line;
	size_t len;

	while (on) {
		switch (uplink_next(&f->uplink, f->h->fd, BEAT_MS, &line, &len, &err)) {
		case UPLINK_LINE:
			on = pass_on(f, line, len);
			break;
		case UPLINK_IDLE:
			on = put(f, xstrdup(":\n\n"));
			break;
		case UPLINK_GONE:
			on = false;
			break;
		case UPLINK_LOST:
			put_end(f, &err);
			on = false;
			break;
		}
	}
}
