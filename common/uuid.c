/* SPDX-License-Identifier: MIT
 *
 * Makes UUIDs. Owns the clock of version 7.
 */
#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "common/compat.h"
#include "common/uuid.h"

static void
print(const uint8_t b[16], char out[UUID_LEN + 1])
{
	snprintf(out, UUID_LEN + 1,
	    "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0], b[1],
	    b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14],
	    b[15]);
}

/*
 * RFC 9562 section 5.7, with rand_a as a counter (section 6.2, method 1): it starts low in each
 * millisecond and, when it overflows or the clock goes back, time moves on by itself.
 */
void
uuid_v7(char out[UUID_LEN + 1])
{
	static int64_t last_ms;
	static unsigned counter;
	int64_t now = compat_now_ms();
	uint8_t b[16];
	int i;

	compat_random(b, sizeof b);
	if (now > last_ms) {
		last_ms = now;
		counter = b[7] & 0x7f;
	} else if (++counter > 0xfff) {
		last_ms++;
		counter = 0;
	}
	for (i = 0; i < 6; i++)
		b[i] = (uint8_t)(last_ms >> (40 - 8 * i));
	b[6] = (uint8_t)(0x70 | (counter >> 8));
	b[7] = (uint8_t)counter;
	b[8] = (uint8_t)(0x80 | (b[8] & 0x3f));
	print(b, out);
}

void
uuid_v4(char out[UUID_LEN + 1])
{
	uint8_t b[16];

	compat_random(b, sizeof b);
	b[6] = (uint8_t)(0x40 | (b[6] & 0x0f));
	b[8] = (uint8_t)(0x80 | (b[8] & 0x3f));
	print(b, out);
}

bool
uuid_valid(const char *s)
{
	int i;

	for (i = 0; i < UUID_LEN; i++) {
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;
		if (dash ? s[i] != '-' : !isxdigit((unsigned char)s[i]))
			return false;
	}
	return s[UUID_LEN] == '\0';
}
