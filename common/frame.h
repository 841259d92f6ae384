/* SPDX-License-Identifier: MIT
 *
 * Lines out of a byte stream: the one framing of every connection (JSON-RPC and stream-json are
 * one object a line). Bytes are read into one growing buffer and handed out in place, so that a
 * large line is never copied; what was scanned is not scanned again. Bounded by max.
 */
#ifndef IRIS_COMMON_FRAME_H
#define IRIS_COMMON_FRAME_H

#include <sys/types.h>
#include <stdbool.h>
#include <stddef.h>

struct frame {
	char *buf;   /* owned */
	size_t max;  /* longest line, bytes without its newline */
	size_t cap;  /* allocated */
	size_t head; /* start of what was not handed out yet */
	size_t scan; /* no newline before this */
	size_t tail; /* end of what was read */
};

void frame_init(struct frame *f, size_t max);
void frame_release(struct frame *f);

/*
 * One read(2). Returns what it returned: > 0 bytes, 0 at the end of the stream, -1 with errno.
 * Moves or grows the buffer: lines handed out before are gone.
 */
ssize_t frame_read(struct frame *f, int fd);

/* As if these bytes had been read. */
void frame_feed(struct frame *f, const void *data, size_t len);

/*
 * The next line, NUL-terminated in place of its newline (a '\r' before it is cut as well), valid
 * until the next call on f. Returns 1 with a line, 0 when more must be read, -1 when the line is
 * longer than max.
 */
int frame_next(struct frame *f, char **line, size_t *len);

/*
 * Throw away what was read, up to and including the next newline: for a line that is too long.
 * data and len tell what was thrown away (without the newline), valid until the next call. True
 * when the newline was among it.
 */
bool frame_discard(struct frame *f, char **data, size_t *len);

/*
 * Give the buffer back when it holds nothing; for connections that now fall idle. Lines handed
 * out are gone.
 */
void frame_trim(struct frame *f);

/* Bytes that were read and not handed out: an unfinished line, at the end of a stream. */
size_t frame_pending(const struct frame *f);

#endif
