/* SPDX-License-Identifier: MIT
 *
 * A message's time to live: the timer of one that is queued and may expire. Called by message.c
 * alone.
 */
#ifndef IRIS_CORE_MESSAGE_TTL_H
#define IRIS_CORE_MESSAGE_TTL_H

#include "irisd/core/message.h"

/*
 * Arm the timer by the row's expires_at, where it has one and is queued; after a restart, for what
 * is left. It ends the message from the loop, never from within this call.
 */
void message_ttl_arm(struct message *m, const struct store_message *row);

/* It does not wait any more. */
void message_ttl_disarm(struct message *m);

#endif
