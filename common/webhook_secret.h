/* SPDX-License-Identifier: MIT
 *
 * $IRIS_HOME/webhook.secret: what webhooks are signed with, and whoever receives them must know. One
 * line, "whsec_" and base64, as Standard Webhooks has it; mode 0600; made when it is first needed.
 */
#ifndef IRIS_COMMON_WEBHOOK_SECRET_H
#define IRIS_COMMON_WEBHOOK_SECRET_H

#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "common/paths.h"

#define WEBHOOK_KEY_MIN  24 /* bytes; a person may have written the file */
#define WEBHOOK_KEY_MAX  64
#define WEBHOOK_TEXT_MAX 128 /* of the line with its end */

/*
 * The secret as text, and its key's bytes, of which there are *len. -1 with ERR_IO, or ERR_INVALID
 * where the file has something else in it, is
 * none, or is not the user's alone.
 */
int webhook_secret(const struct paths *p, char text[WEBHOOK_TEXT_MAX], uint8_t key[WEBHOOK_KEY_MAX],
    size_t *len, struct err *err);

#endif
