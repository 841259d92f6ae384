/* SPDX-License-Identifier: MIT
 *
 * A key and a certificate of Iris's own: P-256, for the names by which this machine's https may be
 * asked for, 397 days (browsers take no longer ones). The key stays the same as long as its file does.
 */
#ifndef IRIS_TLS_SELFSIGN_H
#define IRIS_TLS_SELFSIGN_H

#include <cjson/cJSON.h>
#include <stdint.h>

#include "common/err.h"

#define SELFSIGN_RENEW_MS ((int64_t)30 * 86400 * 1000) /* before its end */

/*
 * See to it that both files in dir (which is made, mode 0700) are there, belong together, are for
 * these names and do not end soon.
 */
int selfsign(
    const char *dir, const char *cert, const char *key, const cJSON *names, struct err *err);

#endif
