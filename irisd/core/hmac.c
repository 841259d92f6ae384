/* SPDX-License-Identifier: MIT
 *
 * HMAC-SHA256 on libmd, see hmac.h.
 */
#include <string.h>

#include "irisd/core/hmac.h"

void
hmac_init(struct hmac *h, const void *key, size_t len)
{
	uint8_t pad[SHA256_BLOCK_LENGTH] = {0};
	SHA2_CTX ctx;
	size_t i;

	if (len > sizeof pad) {
		SHA256Init(&ctx);
		SHA256Update(&ctx, key, len);
		SHA256Final(pad, &ctx);
	} else if (len > 0) {
		memcpy(pad, key, len);
	}
	for (i = 0; i < sizeof pad; i++)
		pad[i] ^= 0x36;
	SHA256Init(&h->inner);
	SHA256Update(&h->inner, pad, sizeof pad);
	for (i = 0; i < sizeof pad; i++)
		pad[i] ^= 0x36 ^ 0x5c;
	SHA256Init(&h->outer);
	SHA256Update(&h->outer, pad, sizeof pad);
}

void
hmac_update(struct hmac *h, const void *data, size_t len)
{
	SHA256Update(&h->inner, data, len);
}

void
hmac_final(struct hmac *h, uint8_t mac[HMAC_LEN])
{
	SHA256Final(mac, &h->inner);
	SHA256Update(&h->outer, mac, HMAC_LEN);
	SHA256Final(mac, &h->outer);
}
