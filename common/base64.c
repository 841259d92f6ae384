/* SPDX-License-Identifier: MIT
 *
 * Base64, see base64.h.
 */
#include <string.h>

#include "common/base64.h"

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void
base64_encode(const uint8_t *data, size_t len, char *text)
{
	size_t i, n = 0;
	uint32_t bits;

	for (i = 0; i < len; i += 3) {
		bits = (uint32_t)data[i] << 16;
		bits |= i + 1 < len ? (uint32_t)data[i + 1] << 8 : 0;
		bits |= i + 2 < len ? data[i + 2] : 0;
		text[n++] = digits[bits >> 18 & 63];
		text[n++] = digits[bits >> 12 & 63];
		text[n++] = i + 1 < len ? digits[bits >> 6 & 63] : '=';
		text[n++] = i + 2 < len ? digits[bits & 63] : '=';
	}
	text[n] = '\0';
}

static int
value_of(char c)
{
	const char *at = c != '\0' ? strchr(digits, c) : NULL;

	return at != NULL ? (int)(at - digits) : -1;
}

int
base64_decode(const char *text, uint8_t *out, size_t size)
{
	size_t i, pad = 0, len = strlen(text), n;
	uint8_t byte;
	uint32_t bits = 0;
	int v;

	if (len % 4 != 0)
		return -1;
	while (pad < 2 && pad < len && text[len - 1 - pad] == '=')
		pad++;
	if ((n = len / 4 * 3 - pad) > size)
		return -1;
	for (i = 0; i < len; i++) {
		if ((v = i >= len - pad ? 0 : value_of(text[i])) == -1)
			return -1;
		bits = bits << 6 | (uint32_t)v;
		if (i % 4 == 0)
			continue;
		byte = (uint8_t)(bits >> (6 - i % 4 * 2));
		if (i / 4 * 3 + i % 4 - 1 < n)
			out[i / 4 * 3 + i % 4 - 1] = byte;
		else if (byte != 0)
			/* The bits that stand for nothing are zero: one text for each value. */
			return -1;
	}
	return (int)n;
}
