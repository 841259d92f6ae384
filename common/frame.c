/* SPDX-License-Identifier: MIT
 *
 * The line buffer, see frame.h. Knows nothing of what lines mean.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/frame.h"
#include "common/xmalloc.h"

#define FRAME_CHUNK ((size_t)16 * 1024) /* least room for a read */

/*
 * The buffer that was given back last. Mostly a connection gives one back as soon as it has handed
 * out its line, and the next one that is read needs one: taking it to malloc and back each time is
 * a good part of what a short line costs. One for each thread, since those of the web role have
 * connections of their own.
 */
static _Thread_local char *spare;

static char *
take_chunk(void)
{
	char *chunk = spare;

	spare = NULL;
	return chunk != NULL ? chunk : xmalloc(FRAME_CHUNK);
}

static void
give_back(struct frame *f)
{
#ifndef __SANITIZE_ADDRESS__ /* which is to see it when a line is used for too long */
	if (spare == NULL && f->cap == FRAME_CHUNK) {
		spare = f->buf;
		return;
	}
#endif
	free(f->buf);
}

void
frame_init(struct frame *f, size_t max)
{
	memset(f, 0, sizeof *f);
	f->max = max;
}

void
frame_release(struct frame *f)
{
	give_back(f);
	memset(f, 0, sizeof *f);
}

/* Make room for need more bytes behind the tail. */
static void
reserve(struct frame *f, size_t need)
{
	size_t used = f->tail - f->head;

	if (used == 0)
		f->head = f->scan = f->tail = 0;
	if (f->cap - f->tail >= need)
		return;
	if (f->head > 0) {
		memmove(f->buf, f->buf + f->head, used);
		f->scan -= f->head;
		f->tail = used;
		f->head = 0;
	}
	if (f->cap - f->tail < need) {
		size_t cap = f->cap == 0 ? FRAME_CHUNK : f->cap;
		while (cap - f->tail < need)
			cap *= 2;
		f->buf = f->cap == 0 && cap == FRAME_CHUNK ? take_chunk() : xrealloc(f->buf, cap);
		f->cap = cap;
	}
}

ssize_t
frame_read(struct frame *f, int fd)
{
	ssize_t n;

	reserve(f, FRAME_CHUNK);
	n = read(fd, f->buf + f->tail, f->cap - f->tail);
	if (n > 0)
		f->tail += (size_t)n;
	return n;
}

void
frame_feed(struct frame *f, const void *data, size_t len)
{
	if (len == 0)
		return;
	reserve(f, len);
	memcpy(f->buf + f->tail, data, len);
	f->tail += len;
}

int
frame_next(struct frame *f, char **line, size_t *len)
{
	char *nl;
	size_t n;

	assert(f->max > 0);
	nl = f->tail > f->scan ? memchr(f->buf + f->scan, '\n', f->tail - f->scan) : NULL;
	if (nl == NULL) {
		f->scan = f->tail;
		return f->tail - f->head > f->max ? -1 : 0;
	}
	n = (size_t)(nl - (f->buf + f->head));
	if (n > f->max)
		return -1;
	*line = f->buf + f->head;
	f->head += n + 1;
	f->scan = f->head;
	if (n > 0 && (*line)[n - 1] == '\r')
		n--;
	(*line)[n] = '\0';
	*len = n;
	return 1;
}

bool
frame_discard(struct frame *f, char **data, size_t *len)
{
	char *nl;

	/* So that an empty frame has a buffer as well. */
	reserve(f, 1);
	*data = f->buf + f->head;
	*len = f->tail - f->head;
	nl = memchr(*data, '\n', *len);
	if (nl != NULL)
		*len = (size_t)(nl - *data);
	f->head = nl != NULL ? f->head + *len + 1 : f->tail;
	f->scan = f->head;
	return nl != NULL;
}

size_t
frame_pending(const struct frame *f)
{
	return f->tail - f->head;
}

void
frame_trim(struct frame *f)
{
	size_t max = f->max;

	if (f->tail == f->head) {
		frame_release(f);
		f->max = max;
	}
}
