/* SPDX-License-Identifier: MIT
 *
 * A peer of an event loop: lines in, lines out, over one socket or a pair of pipes. One place
 * where input is bounded, output is limited, and a connection ends.
 *
 * The callback gets each line in place (NUL-terminated, valid until it returns). A peer that is
 * gone is told by one last call with a NULL line (peer_why tells the reason); after that call the
 * peer frees itself. The owner who ends it with peer_close gets no such call.
 */
#ifndef IRIS_COMMON_PEER_H
#define IRIS_COMMON_PEER_H

#include <stdbool.h>
#include <stddef.h>

#include "common/loop.h"

struct peer;

struct peer_limits {
	size_t line_max; /* longest line accepted, bytes */
	size_t out_soft; /* bytes queued above which nothing more is read from it */
	size_t out_hard; /* bytes queued above which it is cut off; 0: no limit */
};

typedef void (*peer_cb)(struct peer *, char *line, size_t len, void *arg);

/*
 * The descriptors are taken (made non-blocking, closed with the peer); rfd and wfd may be the
 * same, wfd may be -1 for a peer that is only read. limits are copied.
 */
struct peer *peer_new(
    struct loop *l, int rfd, int wfd, const struct peer_limits *limits, peer_cb cb, void *arg);

/* Hand it to another owner: who gets the lines, and its end, from now on. */
void peer_set_cb(struct peer *p, peer_cb cb, void *arg);

/* Other limits from now on; they are copied. */
void peer_set_limits(struct peer *p, const struct peer_limits *limits);

/*
 * Queue one line; text is malloc'ed, without a newline, and taken. Written after this pass's
 * hook.
 */
void peer_send(struct peer *p, char *text);

/* The same for a line that stays the caller's. */
void peer_send_copy(struct peer *p, const char *text, size_t len);

/*
 * The same for one that nobody waits for: it leaves with the next line that is sent, and after
 * PEER_SOON_MS by itself.
 */
void peer_send_soon(struct peer *p, const char *text, size_t len);
#define PEER_SOON_MS 5

/*
 * End it: what is queued is still written as far as the other side takes it within grace_ms. No
 * callback.
 */
void peer_close(struct peer *p, int grace_ms);

/*
 * Close the writing side once everything queued is out: the other side sees the end of its input.
 */
void peer_end_output(struct peer *p);

/* Stop and resume reading. */
void peer_hold(struct peer *p, bool hold);

/* Bytes queued and not yet written. */
size_t peer_queued(const struct peer *p);

/* Why it ended, for the log and for errors; "" while it lives. */
const char *peer_why(const struct peer *p);

/* The descriptor that is read, for questions to the system about the connection. */
int peer_fd(const struct peer *p);

/* For loop.c: write out what the pass has queued. */
void peer_flush_dirty(struct loop *l);

#endif
