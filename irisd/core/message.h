/* SPDX-License-Identifier: MIT
 *
 * Messages on their way: accepting one, moving it up the ladder, and those who wait for it. A
 * message is a row in the store before it is anything else; in memory is only what is not final,
 * without its text.
 */
#ifndef IRIS_CORE_MESSAGE_H
#define IRIS_CORE_MESSAGE_H

#include "irisd/core/hash.h"
#include "irisd/core/ladder.h"
#include "irisd/core/session.h"
#include "irisd/irisd.h"
#include "irisd/store/store.h"

#define MESSAGE_BODY_MAX ((size_t)4 * 1024 * 1024) /* bytes */
#define MESSAGE_HOPS_MAX 16                        /* questions that may hang on one another */
#define MESSAGE_KEY_MAX  200
#define MESSAGE_WHERE    512                         /* bytes, for message_describe */
#define MESSAGE_TTL_MAX  ((int64_t)36500 * 86400000) /* ms */

enum wait_event {
	WAIT_STATE,    /* a step up the ladder; text is its evidence */
	WAIT_ACTIVITY, /* what the turn is doing; text says it in one line */
	WAIT_DELTA,    /* more of the answer's text */
	WAIT_FINAL,    /* it ended: load it. The wait is gone after this call */
	WAIT_TIMEOUT,  /* it did not end in time, and goes on. The wait is gone after this call */
};

/* Somebody who waits for a message. */
struct wait {
	TAILQ_ENTRY(wait) entry;
	struct message *message;
	struct event *timer; /* NULL: without limit */
	void (*cb)(struct wait *, enum wait_event, const char *text);
	void *arg;
};

struct message {
	UT_hash_handle hh;          /* irisd.messages, by id */
	TAILQ_ENTRY(message) entry; /* session.queue while queued and not with a process */
	struct irisd *d;
	struct session *session;
	char id[UUID_LEN + 1];
	char root[UUID_LEN + 1];
	char parent[UUID_LEN + 1]; /* "": none */
	int64_t hops;
	enum store_kind kind;
	enum ladder state;
	bool in_queue;
	int attempts;       /* how often it was handed to a process */
	bool cancel_wanted; /* its turn was interrupted on somebody's wish */
	struct event *ttl;  /* while it is queued and may expire; owned */
	bool limbo;         /* with a worker of an earlier irisd's, which has not spoken yet */
	bool recovered;     /* an earlier irisd has accepted it */
	char *doubt;        /* owned: why nobody knows whether Claude has it; NULL: no doubt */
	bool looking;       /* its worker was asked to look it up in Claude's transcript */
	struct said *said;  /* what its turn has said so far, owned; NULL: nothing (event.h) */

	/* Of a remote team. */
	char turn[UUID_LEN + 1]; /* the user line with which its turn was to go on; "": its own */
	int64_t resumes;         /* how often that was */
	bool resuming;           /* Claude is not known to have that line */
	bool cut;                /* the doubt is of a lost line, not of a crash */
	bool runs;               /* its Claude still works on it over there, without a line */
	bool ending;             /* the look-up that is under way, or was last, ends that */
	int looks;               /* that found it at work */
	int64_t look_at;         /* ms, monotonic: not looked up before; 0: at once */
	TAILQ_HEAD(, wait) waits;
};

/* A message as a sender gives it. */
struct message_new {
	const char *to, *from, *body;
	enum store_kind kind;
	const char *key; /* idempotency key, which says whose it is, too (message_key); or NULL */
	bool
	    key_made; /* by the client's program, not by its user: with other text it means nothing */
	bool waits;   /* the sender will wait for the answer */
	int64_t ttl;                  /* ms that it may be queued; 0: without limit */
	const struct message *parent; /* in whose turn it is sent, or NULL */
};

/*
 * Accept a message: it is stored (the acknowledgement must wait for the commit) and queued. id gets
 * its id. With a key that was used before for the same text, nothing is made and id is that
 * message's. -1: ERR_NOT_FOUND for the team, ERR_INVALID, ERR_LIMIT, ERR_UNAVAILABLE, ERR_IO; then
 * nothing was stored.
 */
int message_submit(
    struct irisd *d, const struct message_new *n, char id[UUID_LEN + 1], struct err *err);

/*
 * What a sender's own key is stored as, malloc'ed: no sender's keys meet another one's, so that none
 * learns of a message that is not its own. Who the sender is, is said by what outlasts a change of
 * the configuration, where there is such: a repeated call may come under another name.
 */
enum message_key_by {
	MESSAGE_KEY_DIR,     /* the directory that it speaks for */
	MESSAGE_KEY_SESSION, /* from>to, of a session that irisd has started */
	MESSAGE_KEY_API,     /* the id of a key for HTTP */
	MESSAGE_KEY_NAME,    /* the name that it gave, or has */
	MESSAGE_KEY_TUNNEL,  /* the team by whose tunnel it comes */
};
char *message_key(enum message_key_by by, const char *who, const char *key);
/*
 * The same for who speaks as name from dir (NULL: from nowhere): by the team's directory, where it is
 * a team's name, so that it is one sender whichever way it comes; else by dir; else by the name.
 */
char *message_key_of(struct irisd *d, const char *name, const char *dir, const char *key);

/* The message in memory: NULL when it is final or unknown (then ask the store). */
struct message *message_find(struct irisd *d, const char *id);

/* Bring back what was not final when irisd ended. */
void message_recover_all(struct irisd *d);

/* At irisd's end: forget what is not final; it is in the store. */
void message_forget_all(struct irisd *d);

/*
 * Back into its session's queue, in its place: a message that surely has not reached Claude (doubt
 * NULL), or one of which that must be found out first.
 */
void message_requeue(struct message *m, const char *doubt);
/* It is known what became of it: no doubt any more, and it may be delivered, or go on. */
void message_certain(struct message *m);

/* Steps. evidence is one line. */
void message_sent(struct message *m, const char *evidence);
void message_seen(struct message *m, const char *evidence);
/*
 * Claude has seen it, its turn was cut off, and a process is asked to go on with it by a user line
 * of its own: m->turn, which is stored before it is sent.
 */
void message_resumed(struct message *m, const char *evidence);
void message_activity(struct message *m, const char *text);
void message_delta(struct message *m, const char *text);

/* Last steps: the waits are told, the message is freed at the end of the pass. */
void message_answered(struct message *m, const char *answer, const struct store_usage *usage);
/* The same for an answer that was found in Claude's transcript. */
void message_found(struct message *m, const char *answer, const char *evidence);
void message_failed(struct message *m, const struct err *why, const struct store_usage *usage);
void message_cancelled(struct message *m, const char *reason, const struct store_usage *usage);
/* Only of a message that no process was ever given. */
void message_expired(struct message *m, const char *reason);

/*
 * Ask for its end on somebody's wish: at once when it is queued, by interrupting the turn
 * otherwise; where a lost line is in the way of that, when its host has ended it. Nothing to do for
 * a final one.
 */
void message_cancel(struct message *m, const char *reason);

/*
 * One who sent it and waited for it has gone, with the wait: cancel it when nobody else waits, and
 * settings.cancelOnDisconnect says so.
 */
void message_abandoned(struct message *m);

/* Wait for m, timeout_ms at most (0: without limit). arg is the caller's. */
struct wait *message_wait(struct message *m, int64_t timeout_ms,
    void (*cb)(struct wait *, enum wait_event, const char *), void *arg);
void message_unwait(struct wait *w);

/*
 * Its place among those that wait before the same session, from 1; 0 when it is not queued any
 * more.
 */
int message_position(const struct message *m);

/* One line on where a message is, for progress: "queued, place 2", "team backend is using Bash". */
void message_describe(const struct message *m, char *buf, size_t size);

#endif
