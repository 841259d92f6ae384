/* SPDX-License-Identifier: MIT
 *
 * iris.db: sessions, messages and their receipts. The files in this directory are the only ones
 * that know SQLite. WAL, synchronous=FULL; all writes of one loop pass are in one transaction,
 * which store_commit ends, and nothing is acknowledged before it has.
 *
 * A failing database ends irisd (fatal), since its memory would no longer match the disk; what was
 * accepted is on disk, and the next irisd goes on from there. A full disk shows at the commit, too; then
 * there is a reserve (vfs.c), which is for what was accepted already: ask store_room first.
 */
#ifndef IRIS_STORE_STORE_H
#define IRIS_STORE_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "common/uuid.h"
#include "irisd/core/ladder.h"

struct store;

#define STORE_SCHEMA 10 /* PRAGMA user_version of what this program writes */

/* Opens or makes the file (mode 0600) and brings its schema up to date. */
struct store *store_open(const char *path, struct err *err);
void store_close(struct store *s);

/* Ends the pass's transaction, if anything was written. Fatal when the disk does not take it. */
void store_commit(struct store *s);
/*
 * Whether a new message may be accepted: -1 with ERR_IO when the disk is full, so that what was
 * accepted before may need all that is left. Looks at the disk only while it was.
 */
int store_room(struct store *s, struct err *err);
/* Something was written since the last commit. */
bool store_pending(const struct store *s);

/* --- sessions: one for each pair of teams ---------------------------------------------------- */

struct store_session {
	int64_t id;
	char *from, *to;              /* owned by the row, see store_session_release */
	char claude_id[UUID_LEN + 1]; /* Claude Code's session id */
	bool started; /* Claude has taken a message: the conversation exists, resume it */
	int64_t created_at, last_used_at; /* ms */
	int64_t messages;                 /* answered */
	double cost_usd;
	char instance[UUID_LEN + 1]; /* the mark of its process; "" while it surely has none */
};

/* -1 with ERR_IO when it can not be stored. Fills id. */
int store_session_insert(struct store *s, struct store_session *row, struct err *err);
/* claude_id, started, last_used_at, messages and cost_usd of the row with this id. */
void store_session_update(struct store *s, const struct store_session *row);
/* instance of the row with this id. */
void store_session_process(struct store *s, const struct store_session *row);
/* Every session, oldest first. The row is released after each call. */
void store_session_each(
    struct store *s, void (*cb)(const struct store_session *, void *), void *arg);
void store_session_release(struct store_session *row);

/* --- workers: the processes that may outlive irisd -------------------------------------------- */

struct store_worker {
	int64_t pid;
	uint64_t start; /* compat_proc_start */
	char *team;     /* owned by the row */
};

void store_worker_insert(struct store *s, const struct store_worker *row);
void store_worker_delete(struct store *s, int64_t pid, uint64_t start);
void store_worker_each(struct store *s, void (*cb)(const struct store_worker *, void *), void *arg);

/* --- messages -------------------------------------------------------------------------------- */

struct store_usage {
	int64_t input_tokens, output_tokens, cache_read_tokens, cache_creation_tokens;
	int64_t num_turns, duration_ms;
	double cost_usd;
	char *model; /* owned, or NULL */
};

/* What a message is to its Claude. Numbers are stored: none is ever given another meaning. */
enum store_kind {
	STORE_KIND_ASK = 0,
	STORE_KIND_COMMAND = 1 /* a command of Claude Code itself, without an envelope */
};

struct store_message {
	char id[UUID_LEN + 1];
	int64_t session;           /* store_session.id */
	char *from, *to, *body;    /* owned */
	char root[UUID_LEN + 1];   /* first of its causal chain; its own id when it began one */
	char parent[UUID_LEN + 1]; /* the message whose turn sent this one; "" for none */
	int64_t hops;              /* 0 for a root */
	enum store_kind kind;
	enum ladder state;
	char *answer;                   /* owned; NULL unless answered */
	enum err_code code;             /* for failed */
	char *reason;                   /* owned; why it ended without an answer */
	char *key;                      /* owned; idempotency key or NULL */
	int64_t created_at, updated_at; /* ms */
	int64_t expires_at;             /* ms; 0: never */
	char turn[UUID_LEN + 1]; /* the user line that Claude was given last; "": the one of id */
	int64_t resumes;         /* how often its turn was cut off, and was to go on */
	bool cancel;             /* somebody wants it ended, and it has not yet */
	bool has_usage;
	struct store_usage usage;
	char
	    *tools; /* owned: JSON, a list of what its turn has used; NULL: nothing, or not known */
};

/*
 * Stores the message and its first receipt (queued). -1 with ERR_IO or, for a key that exists,
 * ERR_INVALID.
 */
int store_message_insert(struct store *s, const struct store_message *m, struct err *err);

/* One step up the ladder, with its receipt. The step must be allowed (ladder_allows). */
void store_message_step(
    struct store *s, const char *id, enum ladder state, int64_t at, const char *evidence);

/* Its turn goes on with this user line: turn and resumes of the row. */
void store_message_resume(struct store *s, const char *id, const char *turn, int64_t resumes);

/* Somebody wants it ended, which can not be done at once: cancel of the row. */
void store_message_cancel(struct store *s, const char *id);

/* What its turn has used: tools of the row. */
void store_message_tools(struct store *s, const char *id, const char *tools);

/* The last step: answer for answered, code and reason otherwise; usage may be NULL. */
void store_message_finish(struct store *s, const char *id, enum ladder state, int64_t at,
    const char *evidence, const char *answer, enum err_code code, const char *reason,
    const struct store_usage *usage);

/* False when there is none. Release it. */
bool store_message_load(struct store *s, const char *id, struct store_message *m);
/* The same with body and answer cut to STORE_BRIEF characters, and without tools. */
bool store_message_load_brief(struct store *s, const char *id, struct store_message *m);
/* The message that was stored with this key. */
bool store_message_by_key(struct store *s, const char *key, struct store_message *m);
void store_message_release(struct store_message *m);

struct store_receipt {
	enum ladder state;
	int64_t at; /* ms */
	const char *evidence;
};
void store_receipts_each(
    struct store *s, const char *id, void (*cb)(const struct store_receipt *, void *), void *arg);

struct store_filter {
	const char *team;   /* to, or NULL */
	const char *from;   /* or NULL */
	const char *who;    /* has sent or received it; or NULL */
	const char *other;  /* the same, of whom it is with; or NULL */
	const char *before; /* id: only older ones, or NULL */
	int state;          /* enum ladder, or -1 */
	int limit;
	bool brief; /* bodies and answers cut to STORE_BRIEF characters, and no tools */
};
#define STORE_BRIEF 200

/* Newest first. The row is released after each call. */
void store_message_each(struct store *s, const struct store_filter *f,
    void (*cb)(const struct store_message *, void *), void *arg);

/* Every message that is not final, oldest first, without body and answer. For irisd's start. */
void store_message_open_each(
    struct store *s, void (*cb)(const struct store_message *, void *), void *arg);

/* How many messages are in each state. */
void store_message_counts(struct store *s, int64_t counts[LADDER_COUNT]);
/* When the last step of any was (ms); 0: there was none. */
int64_t store_last_at(struct store *s);

/*
 * Make the texts of some more ended messages searchable, in the order in which they ended; false
 * when there are no more. A disk that is full is no error: it is done later.
 */
bool store_search_more(struct store *s, int limit);

/* Each may be NULL: everybody's. */
struct store_find {
	const char *query;
	const char *who, *other; /* have sent or got it */
	const char *to;
	int state;          /* enum ladder, or -1 */
	const char *before; /* the id of one: only those that ended before it */
	int limit;
};

/*
 * Messages with all words of query (one that ends in * stands for its beginning) in body or answer,
 * those that ended last first. Only what was made searchable is found. m has id, from, to, state and
 * times; excerpt has the words in brackets. False when query has no words.
 */
bool store_search(struct store *s, const struct store_find *f,
    void (*cb)(const struct store_message *m, const char *excerpt, void *), void *arg);

/* --- API keys: who may come over HTTP ---------------------------------------------------------- */

struct store_key {
	char id[16];
	char *name, *team;          /* owned; team NULL: the key speaks for none */
	char session[UUID_LEN + 1]; /* Claude's id of the one that it speaks as; "": of none */
	char hash[65];              /* core/key.h */
	unsigned scopes;            /* set of enum key_scope */
	int64_t created_at, expires_at, used_at, revoked_at; /* ms; 0: never */
};

void store_key_insert(struct store *s, const struct store_key *row);
/* False when there is none. Release it. */
bool store_key_by_hash(struct store *s, const char *hash, struct store_key *row);
bool store_key_load(struct store *s, const char *id, struct store_key *row);
/* used_at and revoked_at of the row with this id. */
void store_key_update(struct store *s, const struct store_key *row);
void store_key_delete(struct store *s, const char *id);
/* Every key, oldest first. The row is released after each call. */
void store_key_each(struct store *s, void (*cb)(const struct store_key *, void *), void *arg);
void store_key_release(struct store_key *row);

/* --- tunnels of remote teams ------------------------------------------------------------------- */

struct store_tunnel {
	char key[13];       /* id of the API key that was made for it; "": none */
	int64_t revoked_at; /* ms; 0: it may be made */
	char revoked_by[200];
};

void store_tunnel_set(struct store *s, const char *team, const struct store_tunnel *row);
/* False, and row all empty, where nothing is known. */
bool store_tunnel_load(struct store *s, const char *team, struct store_tunnel *row);

/* --- permission requests, and the rules that came of them --------------------------------------- */

/* Numbers are stored: none is ever given another meaning. */
enum store_permission_state {
	STORE_PERMISSION_PENDING = 0,
	STORE_PERMISSION_ALLOWED = 1,
	STORE_PERMISSION_DENIED = 2,
	STORE_PERMISSION_EXPIRED = 3,  /* nobody answered in time: denied */
	STORE_PERMISSION_WITHDRAWN = 4 /* who asked is gone, or does not ask any more */
};

/* Texts are owned by the row; NULL where there is none. */
struct store_permission {
	char id[UUID_LEN + 1];
	char *from, *to;            /* the session, or who asks over MCP and "" */
	char message[UUID_LEN + 1]; /* in whose turn; "" for none */
	char *instance, *request;   /* which process asks, and its own name of the request */
	char *tool, *input,
	    *updated;  /* the last two are JSON; updated: as a person has changed it */
	char hash[65]; /* SHA-256 of the text of input, in hexadecimal digits */
	char *asked;   /* whose person is to decide; NULL: anybody's */
	char *why;     /* what made a person decide: "grantPermission: ask", a rule */
	char *description, *blocked_path,
	    *suggestions; /* as Claude Code gave them; the last: JSON */
	enum store_permission_state state;
	int64_t created_at, deadline, decided_at; /* ms; decided_at 0: not yet */
	char *by, *via, *reason;
};

void store_permission_insert(struct store *s, const struct store_permission *row);
/* state, decided_at, by, via, reason and updated of the row with this id. */
void store_permission_decide(struct store *s, const struct store_permission *row);
/* False when there is none. Release it. */
bool store_permission_load(struct store *s, const char *id, struct store_permission *row);
bool store_permission_by_request(
    struct store *s, const char *instance, const char *request, struct store_permission *row);
/*
 * Newest first, only those that are pending or all, and of who alone where it is given: between it
 * and others, or asked of its person. limit 0: no limit. Released after each call.
 */
void store_permission_each(struct store *s, bool pending, const char *who, int limit,
    void (*cb)(const struct store_permission *, void *), void *arg);
void store_permission_release(struct store_permission *row);

/* A rule that allows, remembered from an answer. */
struct store_rule {
	int64_t id;
	char *team, *rule;     /* owned */
	char *permission, *by; /* owned; the request that it came of, or NULL */
	int64_t created_at, expires_at, revoked_at; /* ms; 0: never */
	char *revoked_by;                           /* owned, or NULL */
};

void store_rule_insert(struct store *s, struct store_rule *row); /* fills id */
void store_rule_revoke(struct store *s, const struct store_rule *row);
/* Every rule, also those that are over, oldest first. Released after each call. */
void store_rule_each(struct store *s, void (*cb)(const struct store_rule *, void *), void *arg);
void store_rule_release(struct store_rule *row);

/* --- webhooks: who is to be told by HTTP that a message has ended ------------------------------- */

/* Numbers are stored: none is ever given another meaning. */
enum store_webhook_state {
	STORE_WEBHOOK_WAITING = 0,
	STORE_WEBHOOK_DELIVERED = 1,
	STORE_WEBHOOK_FAILED = 2
};

/* Receivers are spread over so many lanes, each of which is in no other's way. */
#define STORE_WEBHOOK_LANES 64

struct store_webhook {
	char id[UUID_LEN + 1], message[UUID_LEN + 1];
	char *url;       /* owned */
	char *from, *to; /* owned: those of the message; only read */
	enum store_webhook_state state;
	int lane; /* below STORE_WEBHOOK_LANES */
	int64_t attempts;
	int64_t next_at;                  /* ms; while waiting: 0: its message has not ended yet */
	int64_t last_status;              /* HTTP; 0: none */
	char *last_error;                 /* owned, or NULL */
	int64_t created_at, delivered_at; /* ms; 0: not yet */
};

void store_webhook_insert(struct store *s, const struct store_webhook *row);
/* state, attempts, next_at, last_status, last_error and delivered_at of the row with this id. */
void store_webhook_update(struct store *s, const struct store_webhook *row);
/* The message has ended: its deliveries are due at this time. How many there are. */
int store_webhook_ready(struct store *s, const char *message, int64_t at);
/* The same for every message that has ended. For irisd's start. */
void store_webhook_ready_all(struct store *s, int64_t at);
/* False when there is none. Release it. */
bool store_webhook_load(struct store *s, const char *id, struct store_webhook *row);
/* The one that is due first, be that in the future. */
bool store_webhook_next(struct store *s, struct store_webhook *row);
/* The same of one lane. */
bool store_webhook_next_in(struct store *s, int lane, struct store_webhook *row);
/* How many a message has; *known: one of them is for this url. */
int64_t store_webhook_count(struct store *s, const char *message, const char *url, bool *known);
/* How many wait for the end of their message. */
int64_t store_webhook_open(struct store *s);
/*
 * Newest first; message, team (which has sent or got the message) and before (an id: only older
 * ones) may be NULL, state is one or -1. Released after each call.
 */
struct store_webhook_filter {
	const char *message, *team, *before;
	int state, limit;
};
void store_webhook_each(struct store *s, const struct store_webhook_filter *f,
    void (*cb)(const struct store_webhook *, void *), void *arg);
void store_webhook_release(struct store_webhook *row);

/* --- costs: what turns have used, by day ------------------------------------------------------- */

#define STORE_DAY_SIZE 16 /* "YYYY-MM-DD" */

/* One turn more, that ended at (ms); of that local day. */
void store_cost_add(
    struct store *s, int64_t at, const char *from, const char *to, const struct store_usage *usage);

enum { STORE_BY_DAY = 1, STORE_BY_TO = 2, STORE_BY_FROM = 4 };

/* Days, and the team that has sent or got the messages; each may be NULL. */
struct store_cost_filter {
	const char *since, *until, *only;
	unsigned by; /* set of STORE_BY_: what rows are summed up by; 0: all in one */
};

/* NULL for what it is not summed up by. */
struct store_cost {
	const char *day, *to, *from;
	int64_t messages;
	struct store_usage usage; /* tokens and cost_usd */
};

/*
 * From the last to the first in order of day, to and from; true where there are more than the 10,000
 * that cb got. The texts live until cb returns.
 */
bool store_cost_each(struct store *s, const struct store_cost_filter *f,
    void (*cb)(const struct store_cost *, void *), void *arg);

/* --- the audit: every decision, in order; core/audit.h ------------------------------------------ */

/* Texts may be NULL; hash is the chain's up to here. */
struct store_audit {
	int64_t seq, at, took; /* took: ms from the question to the decision; -1: none */
	const char *kind, *decision, *from, *to, *message, *permission, *tool, *input_hash, *by,
	    *via, *rule, *reason, *hash;
};

/* The end of the chain. hash has room for 65 bytes; seq 0 and "" for an empty one. */
void store_audit_head(struct store *s, int64_t *seq, char *hash);
/* Appends, and moves the head there. */
void store_audit_append(struct store *s, const struct store_audit *row);
/* From seq on, in order, limit 0: all. The row's texts live until cb returns; false from cb ends it. */
void store_audit_each(struct store *s, int64_t from, int limit,
    bool (*cb)(const struct store_audit *, void *), void *arg);

#endif
