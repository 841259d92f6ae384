/* SPDX-License-Identifier: MIT
 *
 * Sessions: what one team (or guest) has with another one, kept as one Claude Code conversation.
 * Here is the record and its states; what happens in a state is pool.c's.
 */
#ifndef IRIS_CORE_SESSION_H
#define IRIS_CORE_SESSION_H

#include <sys/types.h>

#include "irisd/core/health.h"
#include "irisd/irisd.h"
#include "irisd/store/store.h"

enum session_state {
	SESSION_ASLEEP,   /* no process */
	SESSION_WAITING,  /* wants a process, and all slots are taken */
	SESSION_STARTING, /* its process was asked for */
	SESSION_IDLE,
	SESSION_BUSY, /* a message is with it */
	SESSION_STOPPING,
	SESSION_STATES
};

enum session_event {
	SESSION_EV_WAIT,  /* no slot */
	SESSION_EV_START, /* the worker was asked to open it */
	SESSION_EV_OPENED,
	SESSION_EV_TURN, /* a message was handed over */
	SESSION_EV_RESULT,
	SESSION_EV_CLOSE, /* the worker was asked to close it */
	SESSION_EV_GONE,  /* no process any more, for whatever reason */
	SESSION_EVENTS
};

struct mcp;
struct message;
struct renew;
TAILQ_HEAD(message_queue, message);

/* Somebody who waits for a session to be awake or asleep. err is NULL for success. */
struct session_watch {
	TAILQ_ENTRY(session_watch) entry;
	bool asleep; /* what is waited for */
	void (*cb)(struct session *, const struct err *err, void *arg);
	void *arg;
};

struct session {
	TAILQ_ENTRY(session) team_entry;  /* team.sessions */
	TAILQ_ENTRY(session) ready_entry; /* irisd.ready, when on_ready */
	TAILQ_ENTRY(session) wait_entry;  /* irisd.waiting, in SESSION_WAITING */
	TAILQ_ENTRY(session) told_entry;  /* events.sessions, when to_tell */
	struct irisd *d;
	struct team *team;        /* to whom */
	struct store_session row; /* owned; row.from is who asks */
	char key[32];             /* its name in the worker protocol */
	enum session_state state;
	bool on_ready;
	bool to_tell;
	struct message_queue queue; /* not yet handed over, in order */
	int queued;
	struct message *current; /* with the process; BUSY only (and while it ends) */
	TAILQ_HEAD(, session_watch) watches;

	unsigned
	    process; /* counts its processes: a late word on an earlier one is not about this one */

	/* Of the process, while there is one. */
	pid_t pid;
	uint64_t pid_start; /* compat_proc_start */
	pid_t left_pid;     /* of one whose worker is gone: net/evict.c kills it */
	uint64_t left_start;
	bool remote; /* it is an ssh, and Claude is behind it */
	bool moved;  /* and the team is on another machine now */
	char model[64], version[32];
	char activity[160];       /* what the turn is doing, one line; "" unknown */
	enum health health;       /* when it was looked at last, in this turn */
	char trouble[HEALTH_WHY]; /* the same for people; "" where it is none */
	int64_t owes_since; /* ms, monotonic: its Claude was asked and does not answer; 0: no */
	int64_t idle_since; /* ms, monotonic */
	struct event *idle_timer;
	struct event *look_timer; /* until its first message is looked up again */
	struct mcp *mcp;          /* its in-band MCP client, owned; NULL until it speaks */
	bool stale;               /* started with settings of the team that have changed since */
	bool restarted;           /* this open already is the second try */

	char key_for[UUID_LEN + 1]; /* the conversation whose MCP file has a key; "": none has */

	struct renew *renew; /* while its conversation is begun anew; core/renew.c's */
};

const char *session_state_name(enum session_state state);

/* The one way in which a state changes; a step that is not in the table is a fault of ours. */
void session_move(struct session *s, enum session_event event);

/*
 * The session from -> t. With create, from wants something of t: it is made (in the store as well)
 * when missing, and ERR_REFUSED where permissions.talk says no. Without, it is only looked up. NULL
 * with err, or when missing.
 */
struct session *session_get(struct team *t, const char *from, bool create, struct err *err);

/* By the name used with workers; NULL when there is none. */
struct session *session_by_key(struct team *t, const char *key);

/* Of all teams' the one that has this conversation; NULL when there is none. */
struct session *session_by_claude_id(struct irisd *d, const char *claude_id);

/*
 * Bring in what the store knows, at start. Sessions of teams that are not configured are left in
 * the store.
 */
void session_load_all(struct irisd *d);

void session_free(struct session *s);

/* Wait for it to be awake or asleep; cb comes from the loop. */
void session_watch(struct session *s, bool asleep,
    void (*cb)(struct session *, const struct err *, void *), void *arg);
/* Tell and forget those who wait for this. */
void session_tell(struct session *s, bool asleep, const struct err *err);
/* Forget whoever waits with arg: it is gone. */
void session_unwatch(struct irisd *d, void *arg);

#endif
