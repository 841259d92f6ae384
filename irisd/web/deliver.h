/* SPDX-License-Identifier: MIT
 *
 * Delivers webhooks: waits for irisd to hand out what is due, signs it (Standard Webhooks), sends
 * it with curl(1), and says how it went. A few at a time, so that a receiver that is slow is in few
 * others' way. Whether an address may be told, and when again, is irisd's (core/webhook.h).
 */
#ifndef IRIS_WEB_DELIVER_H
#define IRIS_WEB_DELIVER_H

#include "common/paths.h"

/* In threads of its own, until irisd ends. Once in a process; p must stay. */
void deliver_start(const struct paths *p);

/*
 * What is being sent is cut off, and no file of it is left; irisd hands it out again. For the
 * process's end, and so that nothing outlives it.
 */
void deliver_end(void);

#endif
