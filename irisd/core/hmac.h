/* SPDX-License-Identifier: MIT
 *
 * HMAC-SHA256 (RFC 2104, RFC 4231), piece by piece: what webhooks are signed with.
 */
#ifndef IRIS_CORE_HMAC_H
#define IRIS_CORE_HMAC_H

#include <sha2.h>
#include <stddef.h>
#include <stdint.h>

#define HMAC_LEN SHA256_DIGEST_LENGTH

struct hmac {
	SHA2_CTX inner, outer;
};

void hmac_init(struct hmac *h, const void *key, size_t len);
void hmac_update(struct hmac *h, const void *data, size_t len);
void hmac_final(struct hmac *h, uint8_t mac[HMAC_LEN]);

#endif
