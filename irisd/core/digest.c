/* SPDX-License-Identifier: MIT
 *
 * SHA-256, see digest.h. It is libmd's: a whole libcrypto would cost irisd more memory than all the
 * rest of it.
 */
#include <sha2.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "irisd/core/digest.h"

void
digest_text(const char *text, char hex[DIGEST_LEN + 1])
{
	digest_bytes(text, strlen(text), hex);
}

void
digest_bytes(const void *data, size_t len, char hex[DIGEST_LEN + 1])
{
	uint8_t digest[SHA256_DIGEST_LENGTH];
	SHA2_CTX ctx;
	size_t i;

	SHA256Init(&ctx);
	SHA256Update(&ctx, data, len);
	SHA256Final(digest, &ctx);
	for (i = 0; i < sizeof digest; i++)
		snprintf(hex + 2 * i, 3, "%02x", digest[i]);
}
