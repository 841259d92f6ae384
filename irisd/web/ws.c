/* SPDX-License-Identifier: MIT
 *
 * WebSocket frames, see ws.h.
 */
#include <sha1.h>
#include <string.h>
#include <strings.h>

#include "common/base64.h"
#include "common/json.h"
#include "irisd/web/ws.h"

#define GUID        "258EAFA5-E914-47DA-95CA-C5AB0DC85B11" /* section 1.3 */
#define CONTROL_MAX 125

static bool
is_control(unsigned opcode)
{
	return (opcode & 8) != 0;
}

/* Codes that may stand in a frame, section 7.4. */
static bool
code_ok(int code)
{
	return (code >= 3000 && code <= 4999) ||
	    (code >= WS_NORMAL && code <= 1014 && code != 1004 && code != WS_NO_CODE &&
		code != 1006);
}

/* The first two bytes: 0, or the code to close with. */
static int
check_head(const struct ws_in *in)
{
	unsigned first = in->buf[0], opcode = first & 15, len = in->buf[1] & 127u;

	/* No extension was agreed on that could use the reserved bits, and clients mask. */
	if ((first & 0x70) != 0 || (in->buf[1] & 0x80) == 0)
		return WS_PROTOCOL;
	if (is_control(opcode))
		return opcode > WS_PONG || (first & 0x80) == 0 || len > CONTROL_MAX ? WS_PROTOCOL
										    : 0;
	if (opcode > WS_BINARY || in->within != (opcode == WS_CONTINUATION))
		return WS_PROTOCOL;
	return opcode == WS_BINARY ? WS_UNSUPPORTED : 0;
}

/* Where the mask begins, and the payload's length; 0 when that is still to come. */
static size_t
measure(const struct ws_in *in, uint64_t *len)
{
	size_t i, at = 2, more;

	*len = in->buf[1] & 127u;
	more = *len == 127 ? 8 : *len == 126 ? 2 : 0;
	if (in->have < at + more)
		return 0;
	if (more > 0)
		*len = 0;
	for (i = 0; i < more; i++)
		*len = *len << 8 | in->buf[at++];
	return at;
}

static int
take_close(struct ws_frame *f)
{
	f->code = WS_NO_CODE;
	if (f->len == 0)
		return 1;
	if (f->len == 1)
		return WS_PROTOCOL;
	f->code = f->data[0] << 8 | f->data[1];
	if (!code_ok(f->code))
		return WS_PROTOCOL;
	return json_utf8_valid((const char *)f->data + 2, f->len - 2) ? 1 : WS_NOT_UTF8;
}

int
ws_next(struct ws_in *in, struct ws_frame *f)
{
	uint64_t len;
	size_t at, i;
	int code;

	in->have -= in->taken;
	memmove(in->buf, in->buf + in->taken, in->have);
	in->taken = 0;
	if (in->have < 2)
		return 0;
	if ((code = check_head(in)) != 0)
		return code;
	f->opcode = in->buf[0] & 15;
	if ((at = measure(in, &len)) == 0)
		return 0;
	if (!is_control(f->opcode) && len > WS_SAID_MAX - in->message)
		return WS_TOO_BIG;
	if (in->have < at + 4 + len)
		return 0;
	f->len = (size_t)len;
	f->data = in->buf + at + 4;
	for (i = 0; i < f->len; i++)
		f->data[i] ^= in->buf[at + i % 4];
	in->taken = at + 4 + f->len;
	if (f->opcode == WS_CLOSE)
		return take_close(f);
	if (!is_control(f->opcode)) {
		in->within = (in->buf[0] & 0x80) == 0;
		in->message = in->within ? in->message + f->len : 0;
	}
	return 1;
}

size_t
ws_head(unsigned char head[WS_HEAD_MAX], enum ws_opcode opcode, size_t len)
{
	size_t i, n = 2, more = len > 0xffff ? 8 : len > CONTROL_MAX ? 2 : 0;

	head[0] = (unsigned char)(0x80 | opcode);
	head[1] = (unsigned char)(more == 8 ? 127 : more == 2 ? 126 : len);
	for (i = more; i > 0; i--)
		head[n++] = (unsigned char)((uint64_t)len >> (i - 1) * 8);
	return n;
}

bool
ws_accept(const char *key, char accept[WS_ACCEPT_SIZE])
{
	uint8_t nonce[16], digest[SHA1_DIGEST_LENGTH];
	SHA1_CTX ctx;

	if (key == NULL || base64_decode(key, nonce, sizeof nonce) != (int)sizeof nonce)
		return false;
	SHA1Init(&ctx);
	SHA1Update(&ctx, (const uint8_t *)key, strlen(key));
	SHA1Update(&ctx, (const uint8_t *)GUID, strlen(GUID));
	SHA1Final(digest, &ctx);
	base64_encode(digest, sizeof digest, accept);
	return true;
}

bool
ws_has_word(const char *list, const char *word)
{
	size_t n, len = strlen(word);
	const char *p = list;

	while (p != NULL && *p != '\0') {
		p += strspn(p, ", \t");
		n = strcspn(p, ", \t");
		if (n == len && strncasecmp(p, word, n) == 0)
			return true;
		p += n;
	}
	return false;
}
