/* SPDX-License-Identifier: MIT
 *
 * One Claude process: its state, its pipes, the turn in flight. claude.c has the table of its
 * states; open.c, turn.c, control.c, hook.c, inband.c, health.c, line.c and stop.c own the parts
 * named after them and change nothing else. All of it runs in the worker's loop and never waits.
 */
#ifndef IRIS_WORKER_CLAUDE_H
#define IRIS_WORKER_CLAUDE_H

#include <sys/queue.h>
#include <sys/types.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "common/peer.h"
#include "common/remains.h"
#include "common/uuid.h"
#include "iris-worker/hook.h"
#include "iris-worker/stream.h"
#include "iris-worker/worker.h"

#define CLAUDE_STDERR_MAX 2048 /* bytes of its last words that are kept */
#define INBAND_SERVER     "iris"

enum claude_state {
	CLAUDE_PREPARING, /* no process yet: a program of the user's runs first */
	CLAUDE_STARTING,  /* until it has answered initialize */
	CLAUDE_IDLE,
	CLAUDE_BUSY,     /* a turn is in flight */
	CLAUDE_STOPPING, /* it, or something that it left behind, still lives */
	CLAUDE_GONE,
	CLAUDE_STATES
};

enum claude_event {
	CE_BEGUN,  /* its process has been started */
	CE_READY,  /* it has answered initialize */
	CE_TURN,   /* irisd has a message for it */
	CE_RESULT, /* the turn has ended */
	CE_STOP,   /* it is to end in order */
	CE_FAULT,  /* it is to end now: claude->why says why */
	CE_EXIT,   /* it has ended, by its own will or ours */
	CE_CLEAN,  /* nothing of it is left */
	CLAUDE_EVENTS
};

struct turn {
	char message[UUID_LEN + 1];
	char line[UUID_LEN + 1]; /* of the user line: the message's own but in a resumed turn */
	const char *seen; /* what has proved that claude took it, a literal; NULL until then */
	bool begun;       /* an init line has come since */
	bool interrupted; /* by irisd */
	bool timed_out;
	bool streamed;    /* some of the answer was told as a delta */
	char *answer;     /* owned: text blocks so far; NULL when none */
	char *error;      /* owned: the API's name for what failed; NULL */
	char *delta;      /* owned: text not yet told */
	char *activity;   /* owned: the last one told, as kind/tool/detail */
	int tools;        /* running */
	int64_t heard;    /* when claude last said something, monotonic ms */
	int64_t delta_at; /* when a delta was last told */
	struct event *silence, *guard, *delta_timer;
};

/* A permission request that irisd has not answered. */
struct ask {
	TAILQ_ENTRY(ask) entry;
	char *id;     /* owned: claude's request id */
	char *params; /* owned: of event/ask, JSON; its input is echoed in the answer */
	char *use;    /* owned: it is a hook's, about this use of a tool; NULL: can_use_tool */
};

struct control {
	unsigned next;   /* number of the next request of ours */
	unsigned init;   /* the number of initialize; 0 before */
	unsigned cancel; /* of cancel_async_message; 0: none */
	unsigned probe;  /* of the last sign of life that was asked for; 0: none yet */
	unsigned nasks;
	bool misnamed; /* a request of claude's was ignored for its id, which is told once */
	TAILQ_HEAD(, ask) asks;
};

/* An MCP request of claude's that irisd has not answered. */
struct mcp_call {
	TAILQ_ENTRY(mcp_call) entry;
	char *id;      /* owned: claude's control request id */
	char *rpc_id;  /* owned: raw JSON-RPC id */
	char *message; /* owned: the whole request, raw JSON */
};

/* Claude's MCP client for the server that irisd is. */
struct inband {
	unsigned ncalls;
	TAILQ_HEAD(, mcp_call) calls;
	char *init;        /* owned: its initialize, raw JSON; NULL: it has sent none */
	char *initialized; /* owned: its notifications/initialized */
};

enum stop_rung { RUNG_NONE, RUNG_INTERRUPT, RUNG_EOF, RUNG_TERM, RUNG_KILL, RUNG_LOST };

struct stop {
	enum stop_rung rung;
	struct event *timer; /* the next rung; after the exit, the next look at what is left */
	struct event *drain; /* after the exit: how long its pipes are still read */
	int round;
	bool looked; /* more than once at what is left */
	bool drained;
	bool alive;          /* it, or something that it has left, can not be killed */
	struct remains left; /* what it may leave behind */
};

struct line;
struct session_mcp;

struct claude {
	TAILQ_ENTRY(claude) entry; /* in worker->claudes */
	struct worker *worker;
	enum claude_state state;
	char *session;                   /* owned: irisd's key */
	char *id;                        /* owned: Claude's session id */
	char *dir;                       /* owned: where it works, for sentences */
	struct line *line;               /* owned: to the host that it runs on; NULL: this one */
	struct session_mcp *session_mcp; /* owned; NULL: none */
	char *system_prompt;             /* owned; NULL: none */
	bool resume;
	int spawn_ms, response_ms, stop_ms; /* 0: without limit (response_ms) */

	char instance[UUID_LEN + 1]; /* irisd's name for this process */
	char mark[64];               /* NAME=instance in the environment of all that it starts */
	pid_t pid;                   /* 0 before and after */
	uint64_t start;
	int64_t spawned_at; /* monotonic ms */
	bool exited;
	int status;                        /* waitpid's, once exited */
	struct peer *io;                   /* its stdin and stdout; NULL once ended */
	struct peer *errs;                 /* its stderr; NULL once ended */
	char words[CLAUDE_STDERR_MAX + 1]; /* the last lines of stderr */
	struct event *spawn_timer;

	bool ready;       /* it has answered initialize; then, for worker/open: */
	int64_t ready_ms; /* how long after its start */
	cJSON *account;   /* owned; NULL: not said */
	char *version;    /* owned; NULL: not said */
	char *open_id;    /* owned: the id of worker/open until it is answered; NULL: none */
	char **close_ids; /* owned: those of worker/close; NULL: none */
	size_t nclose;
	int64_t heard;     /* when it last wrote a line, monotonic ms */
	int64_t probed;    /* when it was asked for a sign of life, monotonic ms; 0: it owes none */
	bool expected;     /* its end was asked for */
	struct err why;    /* of a fault */
	char *start_error; /* owned: what a result line said before the first turn */

	struct turn *turn;     /* NULL when none is in flight */
	char *init;            /* owned: the last event/session, to tell changes only */
	char *model;           /* owned: of the last init */
	double cost;           /* total_cost_usd of the last result; < 0: unknown */
	unsigned long garbage; /* lines that were no JSON */
	struct control control;
	struct hooks hooks;
	struct inband inband;
	struct stop stop;
};

/*
 * Start one for worker/open. open_id is answered when it is ready or has failed; then, in the
 * second case, it is also gone. params and the id are copied. -1: it could not be started; answer
 * that yourself.
 */
int claude_open(struct worker *w, const cJSON *params, const char *open_id, struct err *err);

/*
 * worker/open for one that is open. -1 unless it is the very process (instance) that is meant;
 * otherwise open_id is answered as above, at once where it is ready.
 */
int claude_attach(struct claude *c, const cJSON *params, const char *open_id, struct err *err);

struct claude *claude_find(struct worker *w, const char *session);

/* worker/turn; line is the user line's uuid. -1 when it is not idle. */
int claude_turn(
    struct claude *c, const char *message, const char *line, const char *text, struct err *err);

/* worker/close; close_id (may be NULL) is answered when nothing of it is left. */
void claude_close(struct claude *c, const char *close_id);

/* The connection over which irisd has asked is gone: nobody waits for open or close. */
void claude_forget_requests(struct claude *c);

/* There will be no irisd any more: refuse what claude asks, and end with the turn. */
void claude_orphan(struct claude *c);

const char *claude_state_name(const struct claude *c);

/* An entry of sessions in hello. */
cJSON *claude_describe(const struct claude *c);

/* It has ended and is not reaped yet; then, reaped with this status. */
void claude_exiting(struct claude *c);
void claude_exited(struct claude *c, int status);

/* An event of the state table; what the present state does not know is ignored. */
void claude_event(struct claude *c, enum claude_event ev);

/* CE_FAULT with its reason. */
void claude_fault(struct claude *c, enum err_code code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/*
 * How it has ended: its exit status, or with *signalled the signal. -1: not known, or it has not.
 */
int claude_status(const struct claude *c, bool *signalled);

/* How it has ended, as a phrase: "exited with status 1: <last line of stderr>". buf is returned. */
const char *claude_ending(const struct claude *c, char *buf, size_t size);

/* One of which nothing was begun: forget it. */
void claude_drop(struct claude *c);

/* Take over its pipes: fds[0] is its stdin. */
void claude_pipes(struct claude *c, const int fds[3]);

/* open.c */
void open_ready(struct claude *c, const cJSON *account, const char *version);
/* It has ended and was never ready. */
void open_failed(struct claude *c);
/* For session_mcp.c: it can be started now. */
void open_prepared(struct claude *c);

/* turn.c */
void turn_begin(struct claude *c, const char *message, const char *line, const char *text);
void turn_line(struct claude *c, const struct stream_event *ev);
void turn_interrupt(struct claude *c);
/* End it without a result line. */
void turn_fail(struct claude *c, const char *code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* The process has ended: so has the turn; where its line was lost, without a result. */
void turn_orphaned(struct claude *c);
void turn_activity(struct claude *c, const char *kind, const char *tool, const char *detail);

/* control.c */
void control_init(struct claude *c);
void control_release(struct claude *c);
void control_line(struct claude *c, const struct stream_event *ev);
void control_interrupt(struct claude *c);
/* The turn that asked is over: nobody waits for the answers. */
void control_drop_asks(struct claude *c);
void control_cancel_message(struct claude *c, const char *message);
/* worker/answer; line is irisd's, valid JSON. */
int control_answer(
    struct claude *c, const cJSON *params, const char *line, size_t len, struct err *err);
/*
 * Ask irisd, which answers with worker/answer. params of event/ask, and use (NULL: none), are
 * taken; false, and nothing taken, when too many are open.
 */
bool control_ask(struct claude *c, const char *id, char *use, cJSON *params);
/* To a new irisd: what is still to be answered. */
void control_replay(struct claude *c);
void control_orphan(struct claude *c);
/* Ask for a sign of life; whether this line is an answer to that. */
void control_probe(struct claude *c);
bool control_is_probe(const struct claude *c, const struct stream_event *ev);
/* For inband.c and hook.c: raw is one JSON value. */
void control_send_answer(struct claude *c, const char *id, const char *raw);
void control_send_refusal(struct claude *c, const char *id, const char *text);
void control_send_mcp(struct claude *c, const char *server, const char *raw, size_t rawlen);

/* health.c */
/* An entry of claudes in the answer to worker/ping. One that is long silent is asked to speak. */
cJSON *health_look(struct claude *c);
/* Somebody has stopped its process by a signal: its silence is not its own. */
bool health_stopped(const struct claude *c);

/* inband.c */
void inband_line(struct claude *c, const struct stream_event *ev, const cJSON *request);
void inband_cancel(struct claude *c, const char *id);
/* worker/mcp; line is irisd's, valid JSON. */
void inband_answer(struct claude *c, const char *line, size_t len);
void inband_replay(struct claude *c);
void inband_orphan(struct claude *c);
void inband_release(struct claude *c);

/* stop.c */
void stop_begin(struct claude *c, bool now);
void stop_turn_over(struct claude *c);
void stop_snapshot(struct claude *c);
void stop_exited(struct claude *c);
/* Something may have changed: a child was reaped, a pipe has ended. */
void stop_check(struct claude *c);
void stop_release(struct claude *c);

#endif
