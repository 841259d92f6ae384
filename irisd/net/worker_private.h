/* SPDX-License-Identifier: MIT
 *
 * What worker.c (the process), worker_ask.c (what it is asked) and worker_event.c (what it says),
 * worker_health.c (whether it lives) share.
 */
#ifndef IRIS_NET_WORKER_PRIVATE_H
#define IRIS_NET_WORKER_PRIVATE_H

#include "irisd/core/team.h"
#include "irisd/net/worker.h"

enum worker_call_kind {
	WORKER_OPEN,
	WORKER_TURN,
	WORKER_CLOSE,
	WORKER_LOOKUP,
	WORKER_FORGET,
	WORKER_PING,
	WORKER_CHECK,
	WORKER_TRUST,
	WORKER_OTHER
};

/* A request that the worker has not answered yet. */
struct worker_call {
	TAILQ_ENTRY(worker_call) entry;
	uint64_t id;
	enum worker_call_kind kind;
	char session[32];
	unsigned process;           /* session.process when it was asked */
	char message[UUID_LEN + 1]; /* for a turn and a lookup */
};

struct worker {
	TAILQ_ENTRY(worker) entry; /* irisd.workers */
	struct irisd *d;
	struct team *team;
	pid_t pid;
	uint64_t start;      /* compat_proc_start */
	struct peer *peer;   /* NULL until it has said hello, and after it was lost */
	struct event *timer; /* until the hello; then, while it is being stopped */
	bool child;          /* ours; otherwise it was started by an earlier irisd */
	bool adopting;       /* of an earlier irisd's, and not heard of yet */
	int exit_fd;         /* compat_proc_fd of one that is no child; -1: none */
	struct event *exit_ev;
	bool stopping;
	bool leaving;       /* it ends by itself, and takes nothing more */
	bool gone;          /* its connection is lost or it was killed: nothing more is sent */
	bool reaped;        /* its process has ended; what it said before is still read */
	int64_t pinged;     /* ms, monotonic: when it was asked worker/ping; 0: answered */
	enum health health; /* when it was looked at last */
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

/* A record, in the lists and without a process yet. */
struct worker *worker_new(struct team *t, pid_t pid, uint64_t start);
void worker_arm(struct worker *w, int64_t ms);

/* Start one for the team, as its worker. NULL: err says why not. */
struct worker *worker_start(struct team *t, struct err *err);

/*
 * It will not be heard of again: what its sessions were doing is in doubt, and what is left of
 * their processes is killed. The record stays until the process has ended (worker_free_if_done).
 */
void worker_lost(struct worker *w, const char *why);
void worker_free_if_done(struct worker *w);
/* It ends by itself, as its refusals tell; it has the time of an orderly stop for that. */
void worker_leaves(struct worker *w);
/* Its process has ended; how is a phrase. */
void worker_ended(struct worker *w, const char *how);

/* Ask it something, about a session and a message where they are not NULL; params is taken. */
void worker_request(struct worker *w, const char *method, cJSON *params, enum worker_call_kind kind,
    const struct session *s, const struct message *m);

/* The team's variables, for a request. */
cJSON *worker_env(const struct config_team *cfg);

/* worker_remote.c: worker/check or worker/trust was answered, why for an error; or will not be. */
void worker_host_answered(
    struct worker *w, uint64_t id, const cJSON *result, const struct err *why);
void worker_host_lost(struct worker *w, const char *reason);
/* After the answer: it may have been started for this alone. */
void worker_host_done(struct worker *w);

/* worker/ping was answered; result is NULL for an error. */
void worker_pinged(struct worker *w, const cJSON *result);
/* health and healthReason, for status. */
void worker_health_put(const struct worker *w, cJSON *o);

/* Tell it the settings that it goes by. */
void worker_settings(struct worker *w);

/* A process that no session of ours goes with: end it. */
void worker_close_unknown(struct worker *w, const char *session);

/* A result as a worker tells it, read from the params of event/result. -1: broken. */
struct pool_result;
int worker_read_result(
    const cJSON *params, const char **message, struct pool_result *r, struct err *err);

/* Queue one line for it; text is taken. */
void worker_send(struct worker *w, char *text);
/* The answer to a request of its: leaves with the next line, or by itself a little later. */
void worker_done(struct worker *w, const char *id);

#endif
