/* SPDX-License-Identifier: MIT
 *
 * What a team's Claude may do. Each use of a tool comes here twice at most: before Claude Code's own
 * rules (its PreToolUse hook, permission_hook), and where somebody must be asked, because the hook
 * was answered so, or because Claude Code asks (can_use_tool): permission_ask. The first of these
 * decides: a rule that denies, the guard, a rule that asks, a rule that allows, the team's
 * grantPermission. Each decision is a row of the audit.
 *
 * What a person must decide is a request: a row in the store before it is anything else, which is
 * answered once, by whoever is first, or denied when its time is up. It outlives irisd: the worker
 * of the Claude that asks tells it again, and is given what was decided.
 */
#ifndef IRIS_CORE_PERMISSION_H
#define IRIS_CORE_PERMISSION_H

#include <cjson/cJSON.h>

#include "irisd/core/session.h"
#include "irisd/store/store.h"

/* Before the instance of a client of ours, where it is no process that irisd has started. */
#define PERMISSION_CLIENT "client:"

/* What goes to whoever asked; texts live during the call only. */
struct permission_answer {
	bool allow;
	const char *input;   /* JSON, when a person has changed it; NULL: as it was asked for */
	const char *message; /* why not, for Claude to read */
};

/* A use of a tool, as somebody asks about it. */
struct permission_ask {
	struct session *session; /* whose Claude; NULL: a client of ours, for its own Claude */
	struct team *team;       /* whose settings decide; NULL: those for all teams only */
	const char *who;         /* without a session: the name of who asks */
	const char *instance;    /* of the process that asks, and its own name of the request: */
	const char *request;     /* the two together are unique, and the same when told again */
	const char *message;     /* in whose turn; NULL: none */
	const char *tool;
	const cJSON *input;
	const char *cwd;                        /* where it begins; NULL: in the team's directory */
	const char *description, *blocked_path; /* or NULL */
	const cJSON *suggestions;               /* or NULL */
	/* For an ask without session: called once, unless permission_detach was called before. */
	void (*answered)(void *arg, const struct permission_answer *);
	void *arg;
};

/* A request that waits for a person, in memory; the rest is in the store. */
struct permission {
	TAILQ_ENTRY(permission) entry; /* irisd.permissions, oldest first */
	struct irisd *d;
	char id[UUID_LEN + 1];
	struct session *session; /* NULL: its process has not spoken since irisd's start; or none */
	char *instance;          /* owned */
	int64_t deadline;        /* ms, wall clock */
	void (*answered)(void *arg, const struct permission_answer *);
	void *arg;
	char root[UUID_LEN + 1];         /* of forward.c: the message that a person has sent */
	LIST_HEAD(, forward_form) forms; /* in which they are asked */
};

/* Bring back what was pending when irisd ended. */
void permission_load_all(struct irisd *d);
/* At irisd's end: forget them; they are in the store. */
void permission_forget_all(struct irisd *d);

/* Decide, now or later. The answer goes to the session's worker, or to answered. */
void permission_ask(struct irisd *d, const struct permission_ask *a);

/* Before Claude Code's own rules: whether it is refused, or must be asked about, or goes on. */
enum permission_hooked { PERMISSION_GO_ON, PERMISSION_MUST_ASK, PERMISSION_REFUSED };
/* why is for Claude; buf-sized by the caller. */
enum permission_hooked permission_hook(struct session *s, const char *tool, const cJSON *input,
    const char *cwd, char *why, size_t size);

/* Who asked does not want to know any more (event/unask). */
void permission_withdrawn(struct session *s, const char *request);
/* Nothing is left of this process: what it has asked is withdrawn. */
void permission_process_gone(struct irisd *d, const char *instance);
/* The session's process is one that an earlier irisd had started. */
void permission_adopted(struct session *s);
/* Every process of an earlier irisd's has spoken or is gone. */
void permission_settled(struct irisd *d);
/* The client that asked with this arg is gone; its request is withdrawn, or waits for it. */
void permission_detach(struct irisd *d, void *arg, bool withdraw);

/* An answer, by a person. */
struct permission_decision {
	const char *id;
	bool allow;
	const char *hash;       /* of the input that the person was shown */
	const char *by, *via;   /* who, and how: "cli", "mcp", "web", "elicitation" */
	const char *speaks_for; /* only requests that are this team's to answer; NULL: all */
	const char *reason;     /* why not; or NULL */
	const cJSON *updated;   /* the input as it may be used; NULL: unchanged */
	bool remember;          /* and the next time, too */
	int64_t remember_ms;    /* for so long; 0: until it is revoked */
};

/*
 * Answer a request: row (released by the caller) is what it then is, rule (malloc'ed, may be NULL)
 * what was remembered. -1: ERR_NOT_FOUND; ERR_INVALID for another input's hash and what does not go
 * together; ERR_REFUSED for one that was answered before, with by whom. Then nothing was changed.
 */
int permission_decide(struct irisd *d, const struct permission_decision *p,
    struct store_permission *row, char **rule, struct err *err);

/* By id, or the beginning of one if there is only one. -1 with ERR_NOT_FOUND or ERR_INVALID. */
int permission_find(struct irisd *d, const char *id, struct store_permission *row, struct err *err);

/* Whether it is this team's to answer; NULL: whoever speaks for all. */
bool permission_is_for(const struct store_permission *row, const char *team);

/* A request as it is shown everywhere. */
cJSON *permission_json(struct irisd *d, const struct store_permission *row);
const char *permission_state_name(enum store_permission_state state);

#endif
