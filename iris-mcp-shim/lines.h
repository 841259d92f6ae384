/* SPDX-License-Identifier: MIT
 *
 * The client's lines on their way to irisd. A request stays here, as it came, until its answer
 * has passed, so that it can be sent again to an irisd that was restarted; everything else is
 * forgotten once written. Bounded: what waits to be written by the relay (which then stops
 * reading), what is kept by LINES_KEPT_MAX.
 */
#ifndef IRIS_SHIM_LINES_H
#define IRIS_SHIM_LINES_H

#include <sys/queue.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "iris-mcp-shim/sniff.h"

#define LINES_UNSENT_MAX ((size_t)1024 * 1024)      /* bytes above which the relay reads no more */
#define LINES_KEPT_MAX   ((size_t)32 * 1024 * 1024) /* bytes of written requests that are kept */
#define LINES_COUNT_MAX  4096                       /* requests without an answer */
#define LINES_REPEAT_MAX 10                         /* times that one is sent again in a row */

struct line {
	TAILQ_ENTRY(line) entry;
	char *text; /* owned, with its newline; NULL once written and too much to keep */
	size_t len;
	char *id;        /* owned, raw; NULL when it is no request */
	bool listen;     /* a subscription: has no answer while all is well */
	bool acked;      /* the client has had its acknowledgement */
	bool ack_due;    /* it was sent again: another one comes, which the client is not to see */
	unsigned repeat; /* how often it was sent again */
};

struct lines {
	TAILQ_HEAD(, line) list; /* written ones first, in the order in which they came */
	struct line *next;       /* the first that is not written; NULL: all are */
	size_t off;              /* bytes of next that are written */
	size_t unsent;           /* bytes from next on */
	size_t kept;             /* bytes before next */
	unsigned requests;
};

/* What is done with a request that gets no answer from irisd. */
typedef void (*lines_cb)(const char *id, void *arg);

void lines_init(struct lines *l);
void lines_release(struct lines *l);

/* Append a line (copied). */
void lines_add(struct lines *l, const char *text, size_t len, const struct sniff *s);

/* Write what the descriptor takes. 0, or -1 with errno when the connection is lost. */
int lines_write(struct lines *l, int fd);

/* The answer to a request has come: forget it. */
void lines_answered(struct lines *l, struct slice id);

/* The client has cancelled a request. True when nothing of it was written: irisd need not know. */
bool lines_cancelled(struct lines *l, struct slice id);

/* True for the acknowledgement of a subscription that was sent again: the client has had one. */
bool lines_take_ack(struct lines *l, struct slice id);

/*
 * The client begins anew: what it has asked before is not asked again on another connection.
 */
void lines_anew(struct lines *l);

/* How the connection that is lost had been. */
enum lines_loss {
	LINES_NEVER_USED, /* irisd had not answered on it: no request is to blame */
	LINES_SHORT,
	LINES_LASTED
};

/*
 * The connection is lost: all will be written again. cb gets those that can not be (too large to
 * be kept, or written LINES_REPEAT_MAX times again on connections that were short).
 */
void lines_rewind(struct lines *l, enum lines_loss loss, lines_cb cb, void *arg);

/* Nothing can be reached: cb gets every request that waits; acknowledged subscriptions stay. */
void lines_fail(struct lines *l, lines_cb cb, void *arg);

/* Requests (subscriptions left out) without an answer. */
bool lines_waiting(const struct lines *l);

#endif
