/* SPDX-License-Identifier: MIT
 *
 * The workers as irisd sees them: one iris-worker for each team that is awake. Starts it, speaks
 * the worker half of iris-protocol(7) with it, and passes what happens to core/pool.h. Decides
 * nothing about sessions.
 */
#ifndef IRIS_NET_WORKER_H
#define IRIS_NET_WORKER_H

#include <cjson/cJSON.h>

#include "common/peer.h"
#include "common/rpc.h"
#include "irisd/core/message.h"
#include "irisd/core/permission.h"
#include "irisd/core/session.h"
#include "irisd/irisd.h"

struct worker;

/*
 * Ask the team's worker (started when none runs) for a process of this session. The end comes as
 * pool_on_opened or pool_on_open_failed; -1 when it can not even be asked.
 */
int worker_open(struct session *s, struct err *err);

/* Hand over the message; its text is read from the store. */
int worker_turn(struct session *s, struct message *m, struct err *err);
void worker_interrupt(struct session *s, struct message *m);

/*
 * Ask whether Claude's transcript has the message; ends with pool_on_lookup or
 * pool_on_lookup_failed.
 */
int worker_lookup(struct session *s, struct message *m, struct err *err);

/*
 * Have Claude's transcript of a conversation that this session had removed; ends with
 * renew_on_forgotten.
 */
int worker_forget(struct session *s, const char *claude_id, struct err *err);

/* Whether its Claude may use the tool that it has asked for. */
void worker_answer(struct session *s, const char *request, const struct permission_answer *a);
/* The same before it asks: why goes to Claude, or to whom is asked. */
void worker_hooked(
    struct session *s, const char *request, enum permission_hooked how, const char *why);

/* End the session's process; ends with pool_on_exit or pool_on_closed. */
void worker_close(struct session *s);

/* An MCP line for the in-band client of the session. */
void worker_mcp(struct session *s, const char *line);

/*
 * worker/tunnel, by the team's worker, which is started where none runs; params are taken. What
 * becomes of it comes as tunnel_told.
 */
int worker_tunnel(struct team *t, cJSON *params, struct err *err);

/* By which the answer to one of the next two is known. */
struct worker_ticket {
	pid_t pid;
	uint64_t id;
};

/*
 * Look at the host of this remote team; and what its key is, or that of the host of where, and
 * whether it is known, or may be from now on (record, its fingerprint; NULL). Both end with
 * control_remote_answered; -1 when nobody can be asked.
 */
int worker_check(struct team *t, struct worker_ticket *ticket, struct err *err);
int worker_trust(struct team *t, const struct config_team *where, const char *record,
    struct worker_ticket *ticket, struct err *err);

/* End the team's worker when none of its sessions needs it; the next one starts another. */
void worker_retire(struct team *t);

/* Look at every worker that has something to do, and ask those that do not owe an answer yet. */
void worker_check_all(struct irisd *d, bool ask);

/* Of the team's worker, as it is now; HEALTH_NONE without one. */
enum health worker_health(const struct team *t, char why[HEALTH_WHY]);

/* Settings that workers go by have changed: those that run, and their Claudes, do so as well. */
void worker_settings_all(struct irisd *d);

/* Whether a worker of the team is left, also one that is ending. */
bool worker_left(const struct team *t);

/* Whether the team's worker ends by itself (a signal): its successor starts when it is gone. */
bool worker_leaving(const struct team *t);

/* Ends every worker in order (with their processes); worker_reaped tells when each one is gone. */
void worker_stop_all(struct irisd *d);

/* Forget every worker without a word: it goes on by itself until the next irisd takes it. */
void worker_leave_all(struct irisd *d);

/* How many workers of an earlier irisd's have not said hello yet. */
int worker_adopting(const struct irisd *d);

/*
 * A connection has said hello as a worker: it is answered with result (taken), and its peer is the
 * worker's from now on. -1: refused, for err.
 */
int worker_adopt(struct irisd *d, struct peer *peer, pid_t pid, const struct rpc_msg *hello,
    cJSON *result, struct err *err);

/* A child was reaped: true when it was a worker. */
bool worker_reaped(struct irisd *d, pid_t pid, int status);

/* For status: {team, pid, sessions}. */
cJSON *worker_json(const struct irisd *d);

#endif
