/* SPDX-License-Identifier: MIT
 *
 * Live events by WebSocket (RFC 6455): one text frame for each, its params. The thread waits for
 * irisd and for the browser at once. What the browser says is checked and passed over; a ping in
 * each direction tells that the other one lives.
 */
#include <sys/socket.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/compat.h"
#include "common/json.h"
#include "common/xmalloc.h"
#include "irisd/web/feed_private.h"
#include "irisd/web/ws.h"

#define PROTOCOL "iris.v1"
#define PING_MS  20000
#define DEAD_MS  45000 /* who has not answered two pings is gone */
#define CLOSE_MS 500   /* for the other side's part of the close */
#define BATCH    64    /* events that are passed on before the other side is looked at */

#define CODE_LOST 0 /* no code of the wire: there is nobody to say anything to */
#define CODE_ON   1 /* nor is this: it goes on */

struct socket {
	struct feed *f;
	struct ws_in in;
	int64_t heard;  /* ms, monotonic */
	int64_t pinged; /* the same */
	bool more;      /* there are events that no descriptor tells of any more */
};

bool
feed_ws_wanted(const struct http *h)
{
	return ws_has_word(mg_get_header(h->conn, "Upgrade"), "websocket");
}

bool
feed_ws_check(struct http *h)
{
	const char *version = http_header(h, "Sec-WebSocket-Version");
	const char *protocols = mg_get_header(h->conn, "Sec-WebSocket-Protocol");
	char accept[WS_ACCEPT_SIZE];

	h->close = true;
	if (version == NULL || strcmp(version, "13") != 0)
		http_problem(h, 426,
		    "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n",
		    "Sec-WebSocket-Version must be 13");
	else if (!ws_has_word(http_header(h, "Connection"), "Upgrade") ||
	    !ws_accept(http_header(h, "Sec-WebSocket-Key"), accept) || h->ri->content_length > 0 ||
	    mg_get_header(h->conn, "Transfer-Encoding") != NULL)
		http_problem(h, 400, NULL, "this is no handshake of a WebSocket");
	else if (protocols != NULL &&
	    !ws_has_word(http_header(h, "Sec-WebSocket-Protocol"), PROTOCOL))
		http_problem(
		    h, 400, NULL, "the protocol here is " PROTOCOL ", where one is asked for");
	else if (h->fd == -1)
		http_problem(h, 503, "Retry-After: 1\r\n", "this connection can not be watched");
	else
		return true;
	return false;
}

static bool
shake_hands(struct http *h)
{
	bool asked = http_header(h, "Sec-WebSocket-Protocol") != NULL, ok;
	char accept[WS_ACCEPT_SIZE], *text;
	size_t n;

	mg_disable_connection_keep_alive(h->conn);
	ws_accept(http_header(h, "Sec-WebSocket-Key"), accept);
	text = xasprintf("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
			 "Connection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n%s\r\n",
	    accept, asked ? "Sec-WebSocket-Protocol: " PROTOCOL "\r\n" : "");
	n = strlen(text);
	ok = mg_write(h->conn, text, n) == (int)n;
	free(text);
	return ok;
}

/* One frame, in one write. */
static bool
put_frame(struct socket *s, enum ws_opcode opcode, const void *data, size_t len)
{
	unsigned char head[WS_HEAD_MAX];
	size_t n = ws_head(head, opcode, len);
	char *all = xmalloc(n + len);
	bool ok;

	memcpy(all, head, n);
	if (len > 0)
		memcpy(all + n, data, len);
	ok = feed_put(s->f, all, n + len);
	free(all);
	return ok;
}

static void
put_close(struct socket *s, int code, const char *why)
{
	unsigned char data[125];
	size_t n = 2;

	data[0] = (unsigned char)(code >> 8);
	data[1] = (unsigned char)code;
	if (why != NULL) {
		compat_strlcpy((char *)data + 2, why, sizeof data - 2);
		json_utf8_mend((char *)data + 2);
		n += strlen((char *)data + 2);
	}
	put_frame(s, WS_CLOSE, data, n);
}

static int
code_of(const struct err *err)
{
	switch ((int)err->code) {
	case ERR_UNAUTHORIZED:
	case ERR_REFUSED:
		return WS_POLICY;
	case ERR_UNAVAILABLE:
		return WS_AWAY;
	case ERR_LIMIT:
		return WS_TRY_AGAIN;
	default:
		return WS_FAILED;
	}
}

/* What is over with an error is closed here. */
static int
over(struct socket *s, const struct err *err)
{
	put_close(s, code_of(err), err->msg);
	return code_of(err);
}

/* What irisd has sent. */
static int
pass_on(struct socket *s)
{
	enum uplink_event said;
	struct json_slice event;
	struct err err;
	cJSON *data;
	int n = 0;
	char *line;
	size_t len;

	while ((said = uplink_next(&s->f->uplink, -1, 0, &line, &len, &err)) == UPLINK_LINE) {
		switch (feed_read(line, len, &event, &data, &err)) {
		case FEED_EVENT:
			if (!put_frame(s, WS_TEXT, event.p, event.len))
				return CODE_LOST;
			break;
		case FEED_OTHER:
			break;
		case FEED_OVER:
			cJSON_Delete(data);
			return over(s, &err);
		}
		s->more = ++n == BATCH;
		if (s->more)
			return CODE_ON;
	}
	s->more = false;
	return said == UPLINK_LOST ? over(s, &err) : CODE_ON;
}

/* One frame of the other side's. */
static int
hear(struct socket *s, const struct ws_frame *f)
{
	if (f->opcode == WS_PING)
		return put_frame(s, WS_PONG, f->data, f->len) ? CODE_ON : CODE_LOST;
	if (f->opcode != WS_CLOSE)
		return CODE_ON;
	/* Its code is said back. */
	put_frame(s, WS_CLOSE, f->data, f->len < 2 ? 0 : 2);
	return f->code;
}

/* What the other side has sent. */
static int
listen_to(struct socket *s)
{
	struct ws_in *in = &s->in;
	struct ws_frame frame;
	ssize_t n;
	int rv, code;

	n = recv(s->f->h->fd, in->buf + in->have, sizeof in->buf - in->have, MSG_DONTWAIT);
	if (n == -1 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
		return CODE_ON;
	if (n <= 0)
		return CODE_LOST;
	in->have += (size_t)n;
	s->heard = compat_mono_ms();
	while ((rv = ws_next(in, &frame)) == 1)
		if ((code = hear(s, &frame)) != CODE_ON)
			return code;
	if (rv == 0)
		return CODE_ON;
	put_close(s, rv, NULL);
	return rv;
}

/* Wait until there is something to do, and do it. */
static int
step(struct socket *s)
{
	int64_t now = compat_mono_ms(), next;
	struct pollfd pfd[2] = {
	    {.fd = s->f->uplink.call.fd, .events = POLLIN}, {.fd = s->f->h->fd, .events = POLLIN}};
	int code = CODE_ON;

	if (now - s->heard >= DEAD_MS)
		return CODE_LOST;
	if (now - s->pinged >= PING_MS) {
		s->pinged = now;
		if (!put_frame(s, WS_PING, NULL, 0))
			return CODE_LOST;
	}
	next = s->pinged + PING_MS < s->heard + DEAD_MS ? s->pinged + PING_MS : s->heard + DEAD_MS;
	if (poll(pfd, 2, s->more ? 0 : (int)(next - now)) == -1)
		return errno == EINTR ? CODE_ON : CODE_LOST;
	if (pfd[1].revents != 0)
		code = listen_to(s);
	if (code == CODE_ON && (s->more || pfd[0].revents != 0))
		code = pass_on(s);
	return code;
}

/* Closed too early, what was said last would be lost with what the other side says meanwhile. */
static void
await_end(const struct socket *s)
{
	int64_t now, until = compat_mono_ms() + CLOSE_MS;
	struct pollfd pfd = {.fd = s->f->h->fd, .events = POLLIN};
	char scrap[1024];

	shutdown(pfd.fd, SHUT_WR);
	while ((now = compat_mono_ms()) < until)
		if (poll(&pfd, 1, (int)(until - now)) != 1 ||
		    recv(pfd.fd, scrap, sizeof scrap, MSG_DONTWAIT) <= 0)
			return;
}

void
feed_ws(struct feed *f, const struct json_slice *first)
{
	struct socket s = {.f = f};
	int code = CODE_LOST;

	f->h->stream = true;
	s.heard = s.pinged = compat_mono_ms();
	if (shake_hands(f->h) && (first->p == NULL || put_frame(&s, WS_TEXT, first->p, first->len)))
		code = pass_on(&s);
	while (code == CODE_ON)
		code = step(&s);
	if (code != CODE_LOST)
		await_end(&s);
}
