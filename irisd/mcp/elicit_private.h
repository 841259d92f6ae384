/* SPDX-License-Identifier: MIT
 *
 * What the files of elicit.h share, and what call.c, protocol.c and the carriers call.
 */
#ifndef IRIS_MCP_ELICIT_PRIVATE_H
#define IRIS_MCP_ELICIT_PRIVATE_H

#include "common/uuid.h"
#include "irisd/mcp/elicit.h"

/* One thing that can be asked. */
struct elicit_kind {
	const char *method;
	const char *capability;
	unsigned can;
};

struct elicit {
	TAILQ_ENTRY(elicit) entry;
	struct mcp_call *call;
	const struct elicit_kind *kind;
	char
	    id[UUID_LEN + 1]; /* of the request; the question's name where it has none of its own */
	const char *key;      /* its name in 2026-07-28 */
	cJSON *params;        /* owned */
	cJSON *answer;        /* owned: is there, and waits for its turn */
	elicit_cb *done;
	void *arg;
};

/* Of one call. */
struct elicits {
	TAILQ_HEAD(, elicit) open;
	cJSON *given;       /* owned: answers that came with the first call, or NULL */
	struct event *work; /* tell the next answer; when there is none, ask */
	bool held;
	bool closing;
};

/* The set of MCP_CAN_* that a capabilities object declares, and back. */
unsigned elicit_capabilities(const cJSON *capabilities);
cJSON *elicit_capabilities_json(unsigned can);

/* The inputResponses of a first call, copied. */
void elicit_given(struct mcp_call *c, const cJSON *responses);
/* The call has an answer for one of its questions, or was repeated: go on in the next pass. */
void elicit_work(struct mcp_call *c);
/* The call ends: tell a client of the handshake era that its answers are not needed any more. */
void elicit_withdraw(struct mcp_call *c);
/* The same for all that this client is asked: the next irisd asks again. */
void elicit_withdraw_all(struct mcp *m);
/* The call is gone, and nothing can reach it any more: tell who has asked. */
void elicit_release(struct mcp_call *c);
/* A response from the client, to a question or to nothing that is known. */
void elicit_response(struct mcp *m, const struct rpc_msg *msg);

/* elicit_check.c: whether answer is one to that request; ERR_INVALID says why not. */
int elicit_check(
    const struct elicit_kind *k, const cJSON *params, const cJSON *answer, struct err *err);

/* elicit_hold.c: answer the call with its questions and hold it. */
void elicit_hold(struct mcp_call *c);
/* Whether one more of this client's may be held. */
bool elicit_hold_room(struct mcp *m);
/* The result (taken) of a call that is held: kept. False when it is not held. */
bool elicit_hold_keep(struct mcp_call *c, cJSON *result);
/*
 * Whether its requestState is of an irisd that has ended, in a client that this one knows again: the
 * call is to be begun anew, as the one whose raw id first then holds, and finds what that has begun.
 */
bool elicit_hold_earlier(
    const struct mcp *m, const struct rpc_msg *msg, char first[RPC_ID_MAX + 1]);
/* A tools/call with a requestState. */
void elicit_resume(struct mcp *m, const struct rpc_msg *msg, const char *line, size_t len);
/*
 * End what is held of this client, who is gone; lost: and cancel what only that waits for. Over
 * HTTP a client has a connection for each request, so the end of one is not its end.
 */
void elicit_hold_end(struct irisd *d, const char *principal, bool lost);
/* End all that is held, because irisd ends. */
void elicit_hold_end_all(struct irisd *d);

#endif
