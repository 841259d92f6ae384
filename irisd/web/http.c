/* SPDX-License-Identifier: MIT
 *
 * One HTTP request, see http.h.
 */
#include <sys/socket.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/json.h"
#include "common/xmalloc.h"
#include "irisd/web/http.h"
#include "irisd/web/seat.h"

#define BODY_STEP ((size_t)16 * 1024)
/* A second before it is closed here, so that nobody's next request meets the end of it. */
#define KEPT "Connection: keep-alive\r\nKeep-Alive: timeout=3\r\n"

/*
 * A page of ours takes everything from this server, is in nobody's frame and sends no form; nobody
 * else's page gets to see an answer or a window of ours. It stands on every answer, since what one
 * is taken for is a browser's choice.
 */
#define SECURITY                                                                                   \
	"Content-Security-Policy: default-src 'none'; script-src 'self'; style-src 'self'; "       \
	"img-src 'self' data:; connect-src 'self'; font-src 'self'; base-uri 'none'; "             \
	"form-action 'none'; frame-ancestors 'none'\r\n"                                           \
	"X-Content-Type-Options: nosniff\r\nReferrer-Policy: no-referrer\r\n"                      \
	"Cross-Origin-Opener-Policy: same-origin\r\n"                                              \
	"Cross-Origin-Resource-Policy: same-origin\r\nX-Frame-Options: DENY\r\n"

void
http_init(struct http *h, struct mg_connection *conn, bool busy)
{
	const char *connection;

	memset(h, 0, sizeof *h);
	h->conn = conn;
	h->fd = -1;
	h->ri = mg_get_request_info(conn);
	h->method = h->ri->request_method;
	h->path = h->ri->request_uri != NULL ? h->ri->request_uri : "";
	connection = mg_get_header(conn, "Connection");
	/* Of what was no request there is no version. */
	h->close = busy || h->ri->http_version == NULL || strcmp(h->ri->http_version, "1.1") != 0 ||
	    (connection != NULL && strcasecmp(connection, "keep-alive") != 0);
	if (h->method == NULL)
		h->method = "";
}

const char *
http_header(const struct http *h, const char *name)
{
	const char *value = NULL;
	int i;

	for (i = 0; i < h->ri->num_headers; i++) {
		if (strcasecmp(h->ri->http_headers[i].name, name) != 0)
			continue;
		if (value != NULL)
			return NULL;
		value = h->ri->http_headers[i].value;
	}
	return value;
}

/*
 * Where the request ends must be beyond doubt, or a proxy in front of us sees other requests than we
 * do (RFC 9112, 6.3). Of more headers than fit, civetweb keeps the first.
 */
bool
http_framed(const struct http *h)
{
	const char *name, *value;
	bool chunked = false;
	int i, lengths = 0;

	for (i = 0; i < h->ri->num_headers; i++) {
		name = h->ri->http_headers[i].name;
		value = h->ri->http_headers[i].value;
		if (strcasecmp(name, "Transfer-Encoding") == 0)
			chunked = true;
		if (strcasecmp(name, "Content-Length") != 0)
			continue;
		if (++lengths > 1 || *value == '\0' || value[strspn(value, "0123456789")] != '\0')
			return false;
	}
	return i < MG_MAX_HEADERS && !(chunked && lengths > 0);
}

bool
http_has_body(const struct http *h)
{
	return h->ri->content_length > 0 || mg_get_header(h->conn, "Transfer-Encoding") != NULL;
}

/* curl asks before it sends much. */
static void
expect_continue(struct http *h)
{
	const char *expect = http_header(h, "Expect");

	if (expect != NULL && strcasecmp(expect, "100-continue") == 0)
		mg_printf(h->conn, "HTTP/1.1 100 Continue\r\n\r\n");
}

char *
http_body(struct http *h, size_t *len, int *status)
{
	long long said = h->ri->content_length;
	size_t cap = said >= 0 ? (size_t)said : BODY_STEP, n = 0;
	char *body;
	int got = 0;

	if (said > (long long)HTTP_BODY_MAX) {
		/* What is not read is in the way of the next request. */
		h->close = true;
		*status = 413;
		return NULL;
	}
	expect_continue(h);
	body = xmalloc(cap + 1);
	seat_reading(h->fd, true);
	for (;;) {
		if (n == cap && said >= 0)
			break;
		if (n == cap)
			body = xrealloc(body, (cap *= 2) + 1);
		if ((got = mg_read(h->conn, body + n, cap - n)) <= 0)
			break;
		if ((n += (size_t)got) > HTTP_BODY_MAX)
			break;
	}
	seat_reading(h->fd, false);
	/* Negative: it broke off, in the middle of a chunk or before the last one. */
	if (n > HTTP_BODY_MAX || got < 0 || (said >= 0 && n < (size_t)said)) {
		free(body);
		h->close = true;
		*status = n > HTTP_BODY_MAX ? 413 : 400;
		return NULL;
	}
	body[n] = '\0';
	h->read = true;
	*len = n;
	return body;
}

void
http_answer(
    struct http *h, int status, const char *type, const char *extra, const char *body, size_t len)
{
	char *head;
	size_t n;

	/* What was not read of it is in the way of the next request. */
	if (!h->read && http_has_body(h))
		h->close = true;
	if (h->close)
		mg_disable_connection_keep_alive(h->conn);
	head = xasprintf("HTTP/1.1 %d %s\r\n%s%s%s%sContent-Length: %zu\r\n"
			 "Cache-Control: %s\r\n" SECURITY "%s\r\n",
	    status, mg_get_response_code_text(h->conn, status),
	    type != NULL ? "Content-Type: " : "", type != NULL ? type : "",
	    type != NULL ? "\r\n" : "", extra != NULL ? extra : "", type != NULL ? len : 0,
	    h->cache != NULL ? h->cache : "no-store", h->close ? "Connection: close\r\n" : KEPT);
	n = strlen(head);
	if (type != NULL && strcmp(h->method, "HEAD") != 0) {
		/* One write, one packet for what is small. */
		head = xrealloc(head, n + len);
		memcpy(head + n, body, len);
		n += len;
	}
	mg_write(h->conn, head, n);
	free(head);
}

void
http_problem(struct http *h, int status, const char *extra, const char *detail)
{
	cJSON *o = json_new();
	char *text;

	json_put_str(o, "type", "about:blank");
	json_put_str(o, "title", mg_get_response_code_text(h->conn, status));
	json_put_int(o, "status", status);
	json_put_str(o, "detail", detail);
	text = json_print(o);
	cJSON_Delete(o);
	http_answer(h, status, "application/problem+json", extra, text, strlen(text));
	free(text);
}

bool
http_stream_begin(struct http *h)
{
	static const char head[] = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
				   "Cache-Control: no-store\r\nX-Accel-Buffering: no\r\n" SECURITY
				   "Connection: close\r\n\r\n";

	h->stream = h->close = true;
	mg_disable_connection_keep_alive(h->conn);
	return mg_write(h->conn, head, sizeof head - 1) == (int)sizeof head - 1;
}

bool
http_stream_send(struct http *h, const char *data, size_t len)
{
	return http_stream_event(h, "message", data, len);
}

bool
http_stream_event(struct http *h, const char *event, const char *data, size_t len)
{
	char *text = xasprintf("event: %s\ndata: ", event);
	size_t n = strlen(text);
	bool ok;

	text = xrealloc(text, n + len + 2);
	memcpy(text + n, data, len);
	memcpy(text + n + len, "\n\n", 2);
	n += len + 2;
	ok = mg_write(h->conn, text, n) == (int)n;
	free(text);
	return ok;
}

bool
http_stream_beat(struct http *h)
{
	return mg_write(h->conn, ":\n\n", 3) == 3;
}

bool
http_gone(int fd)
{
	char c;
	ssize_t n = recv(fd, &c, 1, MSG_PEEK | MSG_DONTWAIT);

	return n == 0 || (n == -1 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR);
}
