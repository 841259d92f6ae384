/* SPDX-License-Identifier: MIT
 *
 * UUIDs (RFC 9562): version 7 for message ids, so that they sort by time, version 4 for
 * everything that must not be guessed from another one.
 */
#ifndef IRIS_COMMON_UUID_H
#define IRIS_COMMON_UUID_H

#include <stdbool.h>

#define UUID_LEN 36 /* without the NUL */

/*
 * Within one process, every version 7 UUID is greater than the one before, also when the clock is
 * set back.
 */
void uuid_v7(char out[UUID_LEN + 1]);
void uuid_v4(char out[UUID_LEN + 1]);

/* 8-4-4-4-12 hexadecimal digits of either case. */
bool uuid_valid(const char *s);

#endif
