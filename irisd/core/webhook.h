/* SPDX-License-Identifier: MIT
 *
 * Webhooks: an address that is told by HTTP when a message has ended. Each is a row from the moment
 * at which its message is one, so that nothing but its delivery, or many failures, ends it. Decided
 * here: which addresses are allowed, when which is due, how many one receiver gets at a time, and
 * when it has failed for good. Sending is the web process's (web/deliver.c), which takes what is due
 * and says how it went; until then the row has a time at which it is due again, whatever becomes of
 * that process.
 */
#ifndef IRIS_CORE_WEBHOOK_H
#define IRIS_CORE_WEBHOOK_H

#include <cjson/cJSON.h>

#include "irisd/irisd.h"
#include "irisd/store/store.h"

#define WEBHOOK_MAX 8 /* addresses of one message */

/* Whether this address may be told: -1 with ERR_INVALID, or ERR_REFUSED (webhooks.allow). */
int webhook_check(const struct irisd *d, const char *url, struct err *err);

/*
 * Tell this address, which has passed webhook_check, of the message's end; at once where it has
 * ended. Nothing to do where that is to be done already. -1 with ERR_LIMIT.
 */
int webhook_add(struct irisd *d, const char *message, const char *url, struct err *err);

/* Its last step is stored. */
void webhook_message_ended(struct irisd *d, const char *message);

/* Whether there is anything to deliver, now or later: then the web process must run. */
bool webhook_wanted(const struct irisd *d);

/*
 * The delivery that is due, handed to this taker: {id, url, attempt, body}; NULL when none is due
 * now, but control_webhook_due is called when one is.
 */
cJSON *webhook_take(struct irisd *d, const void *taker);
/*
 * How it went: status of HTTP, 0 where there was none, and why that is no success. -1 with
 * ERR_NOT_FOUND when it was not handed out.
 */
int webhook_done(
    struct irisd *d, const char *id, int64_t status, const char *error, struct err *err);
/* The taker is gone: what it had is due again. */
void webhook_given_back(struct irisd *d, const void *taker);

/* Begin anew, at once. -1 with ERR_INVALID: it was delivered, or it is not yet time for it. */
int webhook_retry(struct irisd *d, struct store_webhook *row, struct err *err);

/* A delivery object. */
cJSON *webhook_json(const struct store_webhook *row);
/* -1: no state of that name. */
int webhook_state(const char *name);

/* When messages are known; and at irisd's end. */
void webhook_load_all(struct irisd *d);
void webhook_release(struct irisd *d);

#endif
