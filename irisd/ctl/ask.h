/* SPDX-License-Identifier: MIT
 *
 * What ask and send make of the command line before anything is sent. Shared by ask.c and
 * ask_all.c.
 */
#ifndef IRIS_CTL_ASK_H
#define IRIS_CTL_ASK_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "common/uuid.h"
#include "irisd/ctl/ctl.h"

#define ASK_SEND_TIMEOUT 15000 /* ms, for the acknowledgement of a message that nobody waits for */
#define ASK_TICK         120   /* ms, of the spinner */

/* What is to be sent, and how. */
struct sending {
	char *text;      /* owned */
	const char *key; /* given, or made */
	int64_t timeout; /* ms; -1: none was given */
	int64_t ttl;     /* ms; -1: none was given */
	char made[UUID_LEN + 1];
};

/* The params of iris/message.send; without wait its answer is only that it is stored. */
cJSON *sending_params(
    const struct ctl *c, const struct sending *q, const char *to, const char *key, bool wait);

/* ask_all.c: the same to all teams; one result for each. */
int ask_all(struct ctl *c, const struct sending *q, struct err *err);

#endif
