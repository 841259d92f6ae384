/* SPDX-License-Identifier: MIT
 *
 * The frames of a WebSocket (RFC 6455), and its handshake's answer. No I/O: feed_ws.c reads and
 * writes. civetweb's own frames are not used: it takes a frame of any length into memory, and needs
 * a second thread for who has something to tell. A viewer has nothing to say, so what it says is
 * short, checked, and passed over.
 */
#ifndef IRIS_WEB_WS_H
#define IRIS_WEB_WS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WS_SAID_MAX  ((size_t)4096) /* bytes of a message from the other side */
#define WS_FRAME_MAX (WS_SAID_MAX + 14)
#define WS_HEAD_MAX  10 /* bytes before the payload of a frame of ours */

enum ws_opcode {
	WS_CONTINUATION = 0,
	WS_TEXT = 1,
	WS_BINARY = 2,
	WS_CLOSE = 8,
	WS_PING = 9,
	WS_PONG = 10
};

/* Section 7.4.1. */
enum ws_code {
	WS_NORMAL = 1000,
	WS_AWAY = 1001,
	WS_PROTOCOL = 1002,
	WS_UNSUPPORTED = 1003,
	WS_NO_CODE = 1005, /* never on the wire */
	WS_NOT_UTF8 = 1007,
	WS_POLICY = 1008,
	WS_TOO_BIG = 1009,
	WS_FAILED = 1011,
	WS_TRY_AGAIN = 1013
};

/* What has come from a client; all zero at first. Bytes go to buf + have, at most WS_FRAME_MAX. */
struct ws_in {
	unsigned char buf[WS_FRAME_MAX];
	size_t have;
	size_t taken;   /* of the frame that was handed out */
	size_t message; /* bytes of the message whose frames come */
	bool within;    /* it is not complete */
};

struct ws_frame {
	enum ws_opcode opcode;
	unsigned char *data; /* the payload, unmasked, in buf; valid until the next call */
	size_t len;
	int code; /* WS_CLOSE: what the other side has said, WS_NO_CODE where nothing */
};

/*
 * The next whole frame: 1; 0 when more must come first, which fits in then; or the (positive) ws_code,
 * above 1, to close with, since this is no frame for us.
 */
int ws_next(struct ws_in *in, struct ws_frame *f);

/* The head of an unmasked, final frame with so many bytes; its length. */
size_t ws_head(unsigned char head[WS_HEAD_MAX], enum ws_opcode opcode, size_t len);

/* What answers a Sec-WebSocket-Key; false when it is none. */
#define WS_ACCEPT_SIZE 29
bool ws_accept(const char *key, char accept[WS_ACCEPT_SIZE]);

/* Whether a comma-separated list, which may be NULL, has this word; case counts in neither. */
bool ws_has_word(const char *list, const char *word);

#endif
