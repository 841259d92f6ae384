/* SPDX-License-Identifier: MIT
 *
 * The pool of Claude processes: which session gets one, when, and when it is taken away. Busy is no
 * error: messages wait in order. Only idle processes are ever evicted; a turn is never ended to
 * make room.
 *
 * Callers ask with pool_want and friends; net/worker.c tells what happened with pool_on_*. What can
 * be started is started by pool_run, from the loop's hook, before the pass's commit.
 */
#ifndef IRIS_CORE_POOL_H
#define IRIS_CORE_POOL_H

#include "irisd/core/session.h"
#include "irisd/irisd.h"

/* Something may have to be done for s: messages wait, or somebody wants it awake. */
void pool_want(struct session *s);
/* The same for all sessions of the team: what was in the way of its starts may be gone. */
void pool_want_team(struct team *t);
void pool_run(struct irisd *d);

/* A process slot may be free now: the first session that waits for one is looked at. */
void pool_slot_free(struct irisd *d);

/* How many processes could be started now without another one's end; 0 or more. */
int pool_room(struct irisd *d);

/* A message that ends its Claude is given to one more, not to a row of them. */
#define ATTEMPTS_CRASH 2
/* One that never arrived, as its line was lost again and again, to some more. */
#define ATTEMPTS_CUT 10
/* How often a turn that was cut off by a lost line is gone on with. */
#define RESUMES_MAX 3

/* Its process has nothing to do: its own messages are next, then those who wait for a slot. */
void pool_became_idle(struct session *s);

/* End its process. A busy one is interrupted; its message then ends by the worker's word. */
void pool_close(struct session *s);

/* Interrupt the turn of m, which is with a process. */
void pool_interrupt(struct message *m);

/*
 * The team was removed from the configuration: fail what waits, close what is idle, let turns end.
 */
void pool_drain_team(struct team *t);

/*
 * The team's processes were started with settings that have changed: the idle ones end, the others
 * after their turn, and the next message starts one with the new settings.
 */
void pool_renew_team(struct team *t);

/* Idle timeouts may have changed: what is idle is stopped by the new ones. */
void pool_idle_again(struct irisd *d);

/*
 * maxProcesses may be less than it was: who is idle ends, the longest idle first, until it is kept,
 * and where that is not enough the others when nothing is queued for them.
 */
void pool_fit(struct irisd *d);

/* --- told by net/worker.c --------------------------------------------------------------------- */

struct pool_opened {
	pid_t pid;
	uint64_t start;
	int64_t ready_ms;
	const char *version;
};
void pool_on_opened(struct session *s, const struct pool_opened *o);
enum pool_open_failure {
	POOL_OPEN_REFUSED, /* it would fail again */
	POOL_OPEN_IN_USE,  /* Claude already has a conversation of this id */
	POOL_OPEN_LEAVING, /* the worker takes nothing more: its successor will */
	POOL_OPEN_KILLED,  /* it was ended from outside: worth another try */
	POOL_OPEN_ALIVE,   /* and it, or a part of it, can not be killed */
	POOL_OPEN_LINE,    /* the host was not reached */
	POOL_OPEN_CUT,     /* it was, and the line was lost before Claude was ready */
};
void pool_on_open_failed(struct session *s, const struct err *why, enum pool_open_failure how);
void pool_on_turn_refused(struct session *s, const char *message, const struct err *why);
void pool_on_seen(struct session *s, const char *message, const char *evidence);
void pool_on_activity(struct session *s, const char *message, const char *text);
void pool_on_delta(struct session *s, const char *message, const char *text);
/* input: JSON text, it may be cut; NULL: its worker does not tell. */
void pool_on_tool(struct session *s, const char *message, const char *name, const char *input);

struct pool_result {
	bool ok;
	bool interrupted; /* by us, or by an earlier irisd: somebody wanted its end */
	const char *seen; /* how the worker knows that Claude had it; NULL when it does not */
	const char *answer;
	struct err why; /* unless ok */
	struct store_usage usage;
};
void pool_on_result(struct session *s, const char *message, const struct pool_result *r);
/* The process is gone, nothing of it is left, and reason says how. */
void pool_on_exit(struct session *s, const char *reason);
void pool_on_closed(struct session *s);
/*
 * The worker has given it up, but it, or a part of it, can not be killed: its conversation is not
 * opened again before that is gone.
 */
void pool_on_alive(struct session *s, const char *reason);
/*
 * The line to it was lost: what became of it over there is not known, and its message is looked up
 * when the host is reached again.
 */
void pool_on_cut(struct session *s, const char *reason);
/* Its worker is gone; of its process more may be left than of the worker. */
void pool_on_lost(struct session *s, const char *reason);

/* What a worker of an earlier irisd's says of a process of this session. */
struct pool_adopted {
	enum session_state state; /* STARTING, IDLE, BUSY or STOPPING */
	pid_t pid;
	uint64_t start;
	struct message *current; /* in flight; NULL for none */
	const char *seen;        /* how it knows that Claude has that; NULL when it does not */
	const char *model, *version;
};
void pool_adopt(struct session *s, const struct pool_adopted *a);

/* What Claude's transcript says of a message. */
enum pool_found {
	POOL_ABSENT,
	POOL_TAKEN,
	POOL_ANSWERED,
	POOL_RUNNING /* over a line only: its Claude still works on it */
};
struct pool_lookup {
	enum pool_found found;
	int64_t line;       /* of the transcript */
	const char *answer; /* POOL_ANSWERED only */
};
void pool_on_lookup(struct session *s, const char *message, const struct pool_lookup *l);
/* The transcript can not be read, or the worker was lost (again: it may be asked once more). */
void pool_on_lookup_failed(
    struct session *s, const char *message, const struct err *why, bool again);

/* --- the line to a remote team's host ---------------------------------------------------------- */

/* core/line.c: it did not come back in time. What waits for it, or is in doubt, ends with why. */
void pool_line_over(struct team *t, const struct err *why);
/*
 * The team is on another machine now: what the old one has, or may have, can not be found out any
 * more, and ends.
 */
void pool_moved_team(struct team *t);

#endif
