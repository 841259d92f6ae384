/* SPDX-License-Identifier: MIT
 *
 * One HTTP request on civetweb's thread: its headers and body, and its one answer, which is whole or
 * a stream of server-sent events. A client that is gone is noticed while the thread waits for irisd.
 */
#ifndef IRIS_WEB_HTTP_H
#define IRIS_WEB_HTTP_H

#include <civetweb.h>
#include <stdbool.h>
#include <stddef.h>

#define HTTP_BODY_MAX ((size_t)16 * 1024 * 1024) /* RPC_LINE_MAX: it becomes one line */

struct http {
	struct mg_connection *conn;
	const struct mg_request_info *ri;
	const char *method;
	const char *path;  /* as it came, up to the query: nothing is decoded or resolved */
	const char *cache; /* Cache-Control of the answer; NULL: no-store */
	int fd;            /* the client's, to be polled beside irisd's; -1 where it is not known */
	bool secure;       /* it came by TLS */
	bool read;         /* its body was read */
	bool large;        /* and was a large one */
	bool close;        /* the connection ends with this answer */
	bool stream;       /* it is one */
};

/* busy: others need the thread, so the connection is not kept. */
void http_init(struct http *h, struct mg_connection *conn, bool busy);

/* The header's value; NULL when there is none, or more than one. */
const char *http_header(const struct http *h, const char *name);

/* Its headers say in one way only where it ends; all were read. */
bool http_framed(const struct http *h);

/* There is one to be read. */
bool http_has_body(const struct http *h);

/* What of a body is taken: bytes, and ms in which it must come; 0 of these: while it comes. */
struct http_limit {
	size_t max;
	int ms;
};

/*
 * The whole body, malloc'ed and NUL-terminated; NULL with the status to answer with, 413, 408 or 400.
 */
char *http_body(struct http *h, const struct http_limit *limit, size_t *len, int *status);

/*
 * The whole answer. type NULL: no body. extra: further header lines, each with its end, or NULL. A
 * request whose body was not read is the last one of its connection.
 */
void http_answer(
    struct http *h, int status, const char *type, const char *extra, const char *body, size_t len);

/* An error of HTTP's own, as problem details (RFC 9457). */
void http_problem(struct http *h, int status, const char *extra, const char *detail);

/*
 * Server-sent events: begin, one message, one with another name, a comment that shows that both sides live. False when the
 * client is gone.
 */
bool http_stream_begin(struct http *h);
bool http_stream_send(struct http *h, const char *data, size_t len);
bool http_stream_event(struct http *h, const char *event, const char *data, size_t len);
bool http_stream_beat(struct http *h);

/* After poll has said that there is something: the client has closed the connection. */
bool http_gone(int fd);

#endif
