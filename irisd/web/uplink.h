/* SPDX-License-Identifier: MIT
 *
 * The connection to irisd for one HTTP request: opened for it, given the identity of its key, spoken
 * over line by line, closed with it. Its loss on either side is the other side's end.
 */
#ifndef IRIS_WEB_UPLINK_H
#define IRIS_WEB_UPLINK_H

#include "common/call.h"

struct uplink {
	struct call call;
	unsigned scopes; /* of the key: set of enum key_scope */
};

/*
 * Connect, and check the key (for a session, when not NULL): errors as iris/key.check has them, and
 * ERR_UNAVAILABLE, ERR_TIMEOUT. can: what the bearer's client may be asked (elicit.h). On failure
 * nothing is open.
 */
int uplink_open(struct uplink *l, const char *sock, const char *key, const char *session,
    unsigned can, struct err *err);
void uplink_close(struct uplink *l);

/* One line to irisd. */
int uplink_send(struct uplink *l, const char *line, size_t len, struct err *err);

enum uplink_event {
	UPLINK_LINE, /* a line came; valid until the next call */
	UPLINK_IDLE, /* nothing for so long */
	UPLINK_GONE, /* the HTTP client, whose descriptor was watched, is gone */
	UPLINK_LOST, /* irisd is gone; err says how */
};

/*
 * Wait for irisd's next line, and watch the descriptor client (-1: none); idle_ms -1: without limit.
 */
enum uplink_event uplink_next(
    struct uplink *l, int client, int idle_ms, char **line, size_t *len, struct err *err);

#endif
