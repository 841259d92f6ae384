/* SPDX-License-Identifier: MIT
 *
 * libFuzzer target for common/frame: cut into pieces as the first bytes say, a stream gives the
 * same lines as a simple splitter of the whole, up to the first line that is too long;
 * frame_discard then finds the rest.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/frame.h"

#define LINE_MAX_HERE 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The next line of the whole text; false at its end. Without the newline, with a '\r'. */
static bool
simple_next(const char **p, const char *end, const char **line, size_t *len)
{
	const char *nl = *p < end ? memchr(*p, '\n', (size_t)(end - *p)) : NULL;

	if (nl == NULL)
		return false;
	*line = *p;
	*len = (size_t)(nl - *p);
	*p = nl + 1;
	return true;
}

static void
same(const char *a, size_t alen, const char *b, size_t blen)
{
	if (alen != blen || memcmp(a, b, alen) != 0)
		abort();
}

/* Take all lines that are there, comparing. skipping: within a line that is too long. */
static void
drain(struct frame *f, const char **p, const char *end, bool *skipping)
{
	const char *want;
	size_t len, wantlen;
	char *line;
	int rv;

	for (;;) {
		if (*skipping) {
			if (!frame_discard(f, &line, &len))
				return;
			*skipping = false;
			if (!simple_next(p, end, &want, &wantlen) || wantlen <= LINE_MAX_HERE)
				abort();
		}
		if ((rv = frame_next(f, &line, &len)) == 0)
			return;
		if (rv == -1) {
			*skipping = true;
			continue;
		}
		if (!simple_next(p, end, &want, &wantlen) || wantlen > LINE_MAX_HERE)
			abort();
		if (wantlen > 0 && want[wantlen - 1] == '\r')
			wantlen--;
		same(line, len, want, wantlen);
		if (line[len] != '\0')
			abort();
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data + 8, *p = text, *end, *want;
	bool skipping = false;
	struct frame f;
	size_t at = 0, len;
	int i;

	if (size < 8)
		return 0;
	size -= 8;
	end = text + size;
	frame_init(&f, LINE_MAX_HERE);
	for (i = 0; at < size; i++) {
		size_t n = 1 + data[i % 8] % 100;
		if (n > size - at)
			n = size - at;
		frame_feed(&f, text + at, n);
		at += n;
		drain(&f, &p, end, &skipping);
		if (data[i % 8] & 0x80)
			frame_trim(&f);
	}
	if (simple_next(&p, end, &want, &len))
		abort();
	if (!skipping && frame_pending(&f) != (size_t)(end - p))
		abort();
	frame_release(&f);
	return 0;
}
