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

#include "common/compat.h"
#include "common/json.h"
#include "common/xmalloc.h"
#include "irisd/web/http.h"
#include "irisd/web/seat.h"

#define BODY_STEP  ((size_t)16 * 1024)
#define BODY_LARGE (256 * 1024)
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
 * civetweb takes what it does not understand for the end of the headers: after the last one, with the
 * ends of its line that became NULs, stands the empty line, or there are more that it has not seen.
 * Where lines end with LF alone, p[1] may be the byte after the request.
 */
static bool
headers_end(const struct http *h)
{
	const char *p;

	if (h->ri->num_headers == 0)
		return false;
	p = h->ri->http_headers[h->ri->num_headers - 1].value;
	p += strlen(p) + 1;
	return p[0] == '\0' && p[1] == '\r';
}

/*
 * Where the request ends must be beyond doubt, or a proxy in front of us sees other requests than we
 * do (RFC 9112, 6.3). Of more headers than fit, civetweb keeps the first.
 */
bool
http_framed(const struct http *h)
{
	const char *name, *value;
	int i, codings = 0, lengths = 0;

	for (i = 0; i < h->ri->num_headers; i++) {
		name = h->ri->http_headers[i].name;
		value = h->ri->http_headers[i].value;
		if (strcasecmp(name, "Transfer-Encoding") == 0 &&
		    (++codings > 1 || strcasecmp(value, "chunked") != 0))
			return false;
		if (strcasecmp(name, "Content-Length") != 0)
			continue;
		if (++lengths > 1 || *value == '\0' || value[strspn(value, "0123456789")] != '\0')
			return false;
	}
	return i < MG_MAX_HEADERS && !(codings > 0 && lengths > 0) && headers_end(h);
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

/*
 * Up to max bytes into *body; -1 when it broke off, in the middle of a chunk or before the last one.
 * civetweb waits for all that it is asked for as long as something comes, so where there is little
 * time it is asked for a byte.
 */
static ssize_t
read_body(struct http *h, const struct http_limit *limit, char **body, size_t cap)
{
	int64_t until = limit->ms > 0 ? compat_mono_ms() + limit->ms : INT64_MAX;
	long long said = h->ri->content_length;
	size_t n = 0;
	int got;

	while (said < 0 || n < (size_t)said) {
		if (n == cap)
			*body = xrealloc(*body, (cap *= 2) + 1);
		if ((got = mg_read(h->conn, *body + n, limit->ms > 0 ? 1 : cap - n)) < 0)
			return -1;
		if (got == 0 || (n += (size_t)got) > limit->max)
			break;
		if (compat_mono_ms() > until) {
			errno = ETIMEDOUT;
			return -1;
		}
	}
	return (ssize_t)n;
}

char *
http_body(struct http *h, const struct http_limit *limit, size_t *len, int *status)
{
	long long said = h->ri->content_length;
	size_t cap = said >= 0 ? (size_t)said : BODY_STEP;
	char *body;
	ssize_t n;

	if (said > (long long)limit->max) {
		/* What is not read is in the way of the next request. */
		h->close = true;
		*status = 413;
		return NULL;
	}
	expect_continue(h);
	body = xmalloc(cap + 1);
	seat_reading(h->fd, limit->ms > 0 ? SEAT_LOGIN_MS : SEAT_BODY_MS);
	errno = 0;
	n = read_body(h, limit, &body, cap);
	*status = errno == ETIMEDOUT ? 408 : 400;
	seat_reading(h->fd, 0);
	if (n > (ssize_t)limit->max)
		*status = 413;
	if (n == -1 || n > (ssize_t)limit->max || n < said) {
		free(body);
		h->close = true;
		return NULL;
	}
	body[n] = '\0';
	h->read = true;
	h->large = n > BODY_LARGE;
	*len = (size_t)n;
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
