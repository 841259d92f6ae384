/* SPDX-License-Identifier: MIT
 *
 * libFuzzer target for irisd/web/ws: the same frames come out of a stream whether it comes at once or
 * in pieces as the first byte says, none is longer than it may be, and there is always room for what
 * is said to be missing. And for common/url, of the same bytes: what is taken has a host and a port.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/url.h"
#include "irisd/web/ws.h"

#define FRAMES_MAX 256

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct seen {
	int n, end; /* frames; how it ended, as ws_next says it */
	struct {
		int opcode, code;
		size_t len;
		unsigned sum;
	} frame[FRAMES_MAX];
};

/* Take all frames that are there; false when it is over. */
static int
take(struct ws_in *in, struct seen *s)
{
	struct ws_frame f = {0};
	size_t i;
	int rv;

	while ((rv = ws_next(in, &f)) == 1) {
		if (f.len > WS_SAID_MAX || f.data < in->buf ||
		    f.data + f.len > in->buf + sizeof in->buf)
			abort();
		if (s->n == FRAMES_MAX)
			return 0;
		s->frame[s->n].opcode = (int)f.opcode;
		s->frame[s->n].code = f.opcode == WS_CLOSE ? f.code : 0;
		s->frame[s->n].len = f.len;
		for (i = 0; i < f.len; i++)
			s->frame[s->n].sum = s->frame[s->n].sum * 31 + f.data[i];
		s->n++;
		if (f.opcode == WS_CLOSE)
			return 0;
	}
	s->end = rv;
	if (rv == 0 && in->have >= sizeof in->buf)
		abort();
	return rv == 0;
}

static void
run(const uint8_t *data, size_t size, size_t step, struct seen *s)
{
	static struct ws_in in;
	size_t n, room;

	memset(&in, 0, sizeof in);
	memset(s, 0, sizeof *s);
	do {
		room = sizeof in.buf - in.have;
		n = size < step ? size : step;
		n = n < room ? n : room;
		memcpy(in.buf + in.have, data, n);
		in.have += n;
		data += n;
		size -= n;
	} while (take(&in, s) && size > 0);
}

static void
check_url(const uint8_t *data, size_t size)
{
	char text[URL_MAX + 2];
	struct url u;
	struct err err;

	if (size >= sizeof text)
		return;
	memcpy(text, data, size);
	text[size] = '\0';
	if (url_parse(text, &u, &err) == 0 &&
	    (u.host[0] == '\0' || strlen(u.host) > URL_HOST_MAX || u.port < 1 || u.port > 65535 ||
		strchr(text, '"') != NULL || strchr(text, '\n') != NULL))
		abort();
	url_loopback(&u);
	url_host_fits(&u, text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct seen whole, pieces;

	if (size < 1)
		return 0;
	check_url(data + 1, size - 1);
	run(data + 1, size - 1, SIZE_MAX, &whole);
	run(data + 1, size - 1, 1 + data[0] % 32, &pieces);
	if (memcmp(&whole, &pieces, sizeof whole) != 0)
		abort();
	return 0;
}
