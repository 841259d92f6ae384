/* SPDX-License-Identifier: MIT
 *
 * The connection to irisd for one HTTP request: opened for it, given the identity of its key, spoken
 * over line by line, closed with it. Its loss on either side is the other side's end.
 */
#ifndef IRIS_WEB_UPLINK_H
#define IRIS_WEB_UPLINK_H

#include "common/call.h"
#include "common/json.h"

struct uplink {
	struct call call;
	unsigned scopes; /* of the key: set of enum key_scope */
	cJSON *who;      /* of a connection for control calls: what key.check has said; owned */
};

/*
 * Connect, and check the key (for a session, when not NULL): errors as iris/key.check has them, and
 * ERR_UNAVAILABLE, ERR_TIMEOUT. can: what the bearer's client may be asked (elicit.h). On failure
 * nothing is open.
 */
int uplink_open(struct uplink *l, const char *sock, const char *key, const char *session,
    unsigned can, struct err *err);
void uplink_close(struct uplink *l);

/*
 * The same for control calls as the key's bearer. A method (else NULL) with its params (taken) goes
 * along in the same write, and uplink_answer is to be called for it: one way there and back for
 * what is quick. *data becomes the error's members beside its code, the caller's, or NULL.
 */
int uplink_open_api(struct uplink *l, const char *sock, const char *key, const char *method,
    cJSON *params, cJSON **data, struct err *err);

/* A connection that belongs to nobody, for the calls that make a login. */
int uplink_open_plain(struct uplink *l, const char *sock, struct err *err);

/* A control call; params are taken. */
int uplink_call(struct uplink *l, const char *method, cJSON *params, struct err *err);

/*
 * Its answer: 0 with the raw text of the result, NUL-terminated behind the whole line, valid until
 * the next of these calls. What comes before it is told to cb (may be NULL), raw, and with no method
 * that nothing has come for a while; false from it ends the wait. 1: nobody waits for the answer any
 * more (client, as in uplink_next; or cb). -1: err and *data as above.
 */
typedef bool (*uplink_cb)(
    const struct json_slice *method, const struct json_slice *params, void *arg);
int uplink_answer(struct uplink *l, int client, int timeout_ms, uplink_cb cb, void *arg,
    struct json_slice *result, cJSON **data, struct err *err);

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
