/* SPDX-License-Identifier: MIT
 *
 * Begins a session's conversation anew: its process is closed in order, the conversation is
 * forgotten (a new id in the row, Claude's transcript of the old one removed), and what is queued
 * is for the new one. Called by the tools and the control calls; net/worker_event.c tells what
 * became of the transcript, and pool.c starts nothing while renew_holds.
 */
#ifndef IRIS_CORE_RENEW_H
#define IRIS_CORE_RENEW_H

#include "irisd/core/session.h"

struct renew_result {
	bool had;                  /* there was a conversation */
	bool stopped;              /* and a process, which was ended for this */
	char old_id[UUID_LEN + 1]; /* Claude's id of it */
	bool removed;              /* its transcript is gone */
	char why[ERR_MSG_MAX];     /* unless removed: why it is not; "" when there was none */
};

typedef void (*renew_cb)(struct session *s, const struct renew_result *r, void *arg);

/*
 * Begin. A session at work is refused unless force. -1 with ERR_REFUSED or ERR_UNAVAILABLE: nothing
 * was changed. cb comes once, perhaps before this returns, unless renew_unwatch comes first.
 */
int renew_start(struct session *s, bool force, renew_cb cb, void *arg, struct err *err);

/* Whoever waits with arg is gone; what was begun goes on. */
void renew_unwatch(struct irisd *d, void *arg);

/* No process may be started for it now. */
bool renew_holds(const struct session *s);

/* The worker's word on the transcript, or why there will be none. */
void renew_on_forgotten(struct session *s, bool removed, const struct err *why);

/* The session is freed. */
void renew_release(struct session *s);

#endif
