/* SPDX-License-Identifier: MIT
 *
 * What core/webhook.c tells the control calls about webhooks.
 */
#ifndef IRIS_NET_CONTROL_WEBHOOK_H
#define IRIS_NET_CONTROL_WEBHOOK_H

#include "irisd/irisd.h"

struct control;

/* A delivery may be due: it is given to the web process, if that waits for one. */
void control_webhook_due(struct irisd *d);

/*
 * The url in the params of iris/message.send, "url" or {url}, that may be told of its end: NULL
 * where there is none. False when the call was ended.
 */
bool control_webhook_param(struct control *c, const cJSON *params, const char **url);

#endif
