/* SPDX-License-Identifier: MIT
 *
 * What worker.c (the process) and worker_event.c (what it says) share.
 */
#ifndef IRIS_NET_WORKER_PRIVATE_H
#define IRIS_NET_WORKER_PRIVATE_H

#include "irisd/core/team.h"
#include "irisd/net/worker.h"

enum worker_call_kind { WORKER_OPEN, WORKER_TURN, WORKER_CLOSE, WORKER_OTHER };

/* A request that the worker has not answered yet. */
struct worker_call {
	TAILQ_ENTRY(worker_call) entry;
	uint64_t id;
	enum worker_call_kind kind;
	char session[32];
	unsigned process;           /* session.process when it was asked */
	char message[UUID_LEN + 1]; /* for a turn */
};

struct worker {
	TAILQ_ENTRY(worker) entry; /* irisd.workers */
	struct irisd *d;
	struct team *team;
	pid_t pid;
	uint64_t start;      /* compat_proc_start */
	struct peer *peer;   /* NULL until it has said hello, and after it was lost */
	struct event *timer; /* until the hello; then, while it is being stopped */
	bool stopping;
	bool gone;   /* its connection is lost or it was killed: nothing more is sent */
	bool reaped; /* its process has ended; what it said before is still read */
	uint64_t next_id;
	cJSON *held; /* list of lines to send after the hello; NULL once it came */
	TAILQ_HEAD(, worker_call) calls;
};

/*
 * Act on an answer to call (error NULL for a result), or on an event. -1: the worker broke the
 * protocol.
 */
void worker_answered(
    struct worker *w, const struct worker_call *call, const cJSON *result, const cJSON *error);
int worker_event(
    struct worker *w, const char *id, const char *method, const cJSON *params, struct err *err);

/* Queue one line for it; text is taken. */
void worker_send(struct worker *w, char *text);

#endif
