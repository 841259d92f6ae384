/* SPDX-License-Identifier: MIT
 *
 * Asking the client of a tools/call something before the call's answer: the person behind it, in a
 * form (elicitation), and whatever else MCP lets a server ask. Any tool may do it, at once or when
 * its call has waited for a while; which era the client is of is no concern of the tool's:
 *
 *	2024-11-05 to 2025-11-25   irisd sends a request on the client's connection, and waits
 *	                           for the response
 *	2026-07-28                 the call's result is "input_required"; the client repeats the
 *	                           call with the answers, and it goes on where it was
 *
 * Between the two rounds of 2026-07-28 a call is held (elicit_hold.c): it may wait for messages and
 * end meanwhile; what it ends with is kept for the client that repeats it. One that is not repeated
 * within ELICIT_HOLD_S ends as if its client were gone.
 */
#ifndef IRIS_MCP_ELICIT_H
#define IRIS_MCP_ELICIT_H

#include "irisd/mcp/mcp.h"

#define ELICIT_HOLD_S 1800

/* What a client says that it does when asked. */
enum {
	MCP_CAN_ELICIT = 1 << 0, /* show its person a form */
	MCP_CAN_SAMPLE = 1 << 1, /* ask its model */
	MCP_CAN_ROOTS = 1 << 2,  /* name its directories */
};

enum elicit_action {
	ELICIT_ACCEPT,  /* with content: the fields, checked against the schema */
	ELICIT_DECLINE, /* the person said no */
	ELICIT_CANCEL,  /* the person has closed the form without an answer */
	ELICIT_FAILED,  /* the client gave an error, or no valid answer; the call still waits */
	ELICIT_GONE,    /* the call has ended, and with it the wish for an answer */
};

struct elicit;

/*
 * How it ended: called once, unless elicit_cancel was called before. content is the caller's; NULL
 * but for ELICIT_ACCEPT. It may end the call and ask again, but for ELICIT_GONE.
 */
typedef void elicit_cb(void *arg, enum elicit_action action, const cJSON *content);

/* Whether a person behind the call can be shown a form: there is none behind a spawned session. */
bool mcp_call_can_elicit(const struct mcp_call *c);

/* Whether it waits for its client's next request (2026-07-28), and has no connection meanwhile. */
bool mcp_call_held(const struct mcp_call *c);

/*
 * Ask the person. schema (copied) is that of a flat form: an object whose properties are strings,
 * numbers, booleans or choices. NULL when nobody can be asked (see above), or there are too many
 * questions open already; then nothing is called. The result is good until done is called.
 */
struct elicit *mcp_elicit(
    struct mcp_call *c, const char *message, const cJSON *schema, elicit_cb *done, void *arg);

/*
 * The same for any request that the client has declared to answer; params is taken, content the
 * whole result. A key is the name of the question in 2026-07-28 (static text, of one question at a
 * time): an answer to it may come with the first call as well. Without one (NULL) it has a name
 * that can not be guessed, and only who was shown this very question can answer it.
 */
struct elicit *mcp_client_request(struct mcp_call *c, const char *key, const char *method,
    cJSON *params, elicit_cb *done, void *arg);

/* The answer is not needed any more: the client is told, done is not called. */
void elicit_cancel(struct elicit *e);

#endif
