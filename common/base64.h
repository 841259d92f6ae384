/* SPDX-License-Identifier: MIT
 *
 * Base64 (RFC 4648, section 4) with its padding, for what is shown or signed. Owns nothing.
 */
#ifndef IRIS_COMMON_BASE64_H
#define IRIS_COMMON_BASE64_H

#include <stddef.h>
#include <stdint.h>

/* Bytes of the text of n bytes, with its NUL. */
#define BASE64_SIZE(n) (((n) + 2) / 3 * 4 + 1)

/* text has BASE64_SIZE(len) bytes. */
void base64_encode(const uint8_t *data, size_t len, char *text);

/* How many bytes the text stands for, in out; -1 where it is no base64, or stands for more. */
int base64_decode(const char *text, uint8_t *out, size_t size);

#endif
