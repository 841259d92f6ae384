/* SPDX-License-Identifier: MIT
 *
 * SHA-256 of a text, in hexadecimal digits: what keys are stored by, inputs are named by, and the
 * audit's rows are chained by.
 */
#ifndef IRIS_CORE_DIGEST_H
#define IRIS_CORE_DIGEST_H

#include <stddef.h>

#define DIGEST_LEN 64

void digest_text(const char *text, char hex[DIGEST_LEN + 1]);
void digest_bytes(const void *data, size_t len, char hex[DIGEST_LEN + 1]);

#endif
