/* SPDX-License-Identifier: MIT
 *
 * One viewer of live events up to the first one, see feed.h: what it wants, whether it may, and
 * whether there is room for it.
 */
#include <sys/socket.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "common/compat.h"
#include "common/json.h"
#include "common/nearest.h"
#include "common/rpc.h"
#include "irisd/web/api.h"
#include "irisd/web/feed.h"
#include "irisd/web/feed_private.h"
#include "irisd/web/header.h"
#include "irisd/web/serve.h"

#define FIRST_MS  10000 /* hello comes at once */
#define VALUE_MAX 512   /* bytes of a value in the query */
#define TAKE_MS   10000 /* in which a viewer takes one event, */
#define TAKE_RATE 16    /* and so many bytes more for each further ms */

enum feed_line
feed_read(const char *line, size_t len, struct json_slice *event, cJSON **data, struct err *err)
{
	static const char *const names[] = {"method", "params", "error"};
	struct json_slice m[3];
	cJSON *error;

	*data = NULL;
	if (json_members(line, len, names, 3, m, err) == -1)
		return FEED_OVER;
	if (m[2].p != NULL) {
		if ((error = json_parse(m[2].p, m[2].len, err)) != NULL) {
			rpc_error_to_err(error, err);
			*data = cJSON_DetachItemFromObjectCaseSensitive(error, "data");
			cJSON_Delete(error);
		}
		return FEED_OVER;
	}
	if (m[0].p == NULL || m[1].p == NULL || m[0].len != strlen("\"iris/event\"") ||
	    strncmp(m[0].p, "\"iris/event\"", m[0].len) != 0)
		return FEED_OTHER;
	*event = m[1];
	return FEED_EVENT;
}

bool
feed_put(const struct feed *f, const void *data, size_t len)
{
	int64_t left, deadline = compat_mono_ms() + TAKE_MS + (int64_t)(len / TAKE_RATE);
	struct pollfd pfd = {.fd = f->h->fd, .events = POLLOUT};
	const char *p = data;
	ssize_t n;

	if (pfd.fd == -1)
		return mg_write(f->h->conn, data, len) == (int)len;
	while (len > 0) {
		n = send(pfd.fd, p, len, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n > 0) {
			p += n;
			len -= (size_t)n;
			continue;
		}
		if (n == -1 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)
			return false;
		left = deadline - compat_mono_ms();
		if (left <= 0 || (poll(&pfd, 1, (int)left) == -1 && errno != EINTR))
			return false;
	}
	return true;
}

/* A number of an event: what comes after it is wanted. */
static int
put_since(cJSON *params, const char *what, const char *value, struct err *err)
{
	size_t n = strspn(value, "0123456789");

	if (n == 0 || n > 16 || value[n] != '\0')
		return err_set(err, ERR_INVALID, "%s must be the number of an event", what);
	cJSON_DeleteItemFromObjectCaseSensitive(params, "since");
	json_put_int(params, "since", strtoll(value, NULL, 10));
	return 0;
}

static void
put_topics(cJSON *params, const char *value)
{
	cJSON *list = cJSON_CreateArray();
	char word[VALUE_MAX];
	size_t n;

	for (; *value != '\0'; value += n + (value[n] == ',')) {
		n = strcspn(value, ",");
		memcpy(word, value, n);
		word[n] = '\0';
		cJSON_AddItemToArray(list, cJSON_CreateString(word));
	}
	cJSON_DeleteItemFromObjectCaseSensitive(params, "topics");
	json_put(params, "topics", list);
}

static int
put_one(cJSON *params, const char *name, const char *value, struct err *err)
{
	static const char *const known[] = {"topics", "since"};
	const char *near;

	if (strcmp(name, "since") == 0)
		return put_since(params, "since", value, err);
	if (strcmp(name, "topics") == 0) {
		put_topics(params, value);
		return 0;
	}
	err_set(err, ERR_INVALID, "there is no query parameter \"%.40s\"", name);
	if (nearest_names(name, known, 2, &near, 1) == 1)
		err_set(err, ERR_INVALID,
		    "there is no query parameter \"%.40s\"; did you mean \"%s\"?", name, near);
	return -1;
}

/* The params of iris/event.subscribe; NULL with err. */
static cJSON *
read_wish(const struct http *h, struct err *err)
{
	const char *p = h->ri->query_string != NULL ? h->ri->query_string : "";
	const char *last = http_header(h, "Last-Event-ID");
	char pair[VALUE_MAX], name[VALUE_MAX], value[VALUE_MAX];
	cJSON *params = json_new();
	size_t n, at;
	int rv = 0;

	for (; rv == 0 && *p != '\0'; p += n + (p[n] == '&')) {
		if ((n = strcspn(p, "&")) == 0)
			continue;
		at = strcspn(p, "=&");
		if (n >= sizeof pair) {
			rv = err_set(err, ERR_INVALID, "the query is too long");
			break;
		}
		memcpy(pair, p, n);
		pair[n] = '\0';
		if (mg_url_decode(pair, (int)at, name, sizeof name, 1) == -1 ||
		    mg_url_decode(pair + at + (at < n), (int)(n - at - (at < n)), value,
			sizeof value, 1) == -1 ||
		    !json_utf8_valid(name, strlen(name)) || !json_utf8_valid(value, strlen(value)))
			rv = err_set(err, ERR_INVALID, "the query is not encoded as it should be");
		else
			rv = put_one(params, name, value, err);
	}
	/* Who comes again by itself sends the same query as the first time. */
	if (rv == 0 && last != NULL && *last != '\0')
		rv = put_since(params, "Last-Event-ID", last, err);
	if (rv == 0)
		return params;
	cJSON_Delete(params);
	return NULL;
}

/* False when it was refused. */
static bool
check_form(struct http *h)
{
	if (strcmp(h->method, "GET") != 0) {
		h->close = true;
		http_problem(h, 405, "Allow: GET\r\n", "events are only read");
		return false;
	}
	if (feed_ws_wanted(h))
		return feed_ws_check(h);
	if (header_accepts(mg_get_header(h->conn, "Accept"), "text/event-stream"))
		return true;
	http_problem(h, 406, NULL, "events are a text/event-stream, or a WebSocket");
	return false;
}

/* The first line tells whether there will be any: then it is passed on, with all that follow. */
static void
begin(struct feed *f)
{
	cJSON *data = NULL;
	struct json_slice event = {NULL, 0};
	enum uplink_event said;
	struct err err;
	char *line;
	size_t len;

	said = uplink_next(&f->uplink, f->h->fd, FIRST_MS, &line, &len, &err);
	if (said == UPLINK_GONE)
		return;
	if (said == UPLINK_LINE && feed_read(line, len, &event, &data, &err) != FEED_OVER) {
		if (feed_ws_wanted(f->h))
			feed_ws(f, &event);
		else
			feed_sse(f, &event);
		return;
	}
	if (said == UPLINK_IDLE)
		err_set(&err, ERR_TIMEOUT, "irisd did not answer in time");
	api_refuse(f->h, &err, data);
}

static void
view(struct http *h, const char *key, cJSON *params)
{
	struct feed f = {.h = h};
	struct err err;
	cJSON *data;

	if (uplink_open_api(
		&f.uplink, serve_sock(), key, "iris/event.subscribe", params, &data, &err) == -1) {
		api_refuse(h, &err, data);
		return;
	}
	begin(&f);
	uplink_close(&f.uplink);
}

void
web_feed(struct http *h)
{
	char key[API_KEY_SIZE];
	struct err err;
	cJSON *params;

	if (!check_form(h) || !api_principal(h, key))
		return;
	if ((params = read_wish(h, &err)) == NULL) {
		api_refuse(h, &err, NULL);
		return;
	}
	if (!serve_hold(SERVE_VIEW, serve_who(key))) {
		cJSON_Delete(params);
		err_set(&err, ERR_LIMIT,
		    "as many viewers as can be served are there already; close one, or try again in a moment");
		api_problem(h, 503, "Retry-After: 5\r\n", &err, NULL);
		return;
	}
	view(h, key, params);
	serve_let_go(SERVE_VIEW, serve_who(key));
}
