/* SPDX-License-Identifier: MIT
 *
 * Claude Code's PreToolUse hook, which irisd decides: each use of a tool is shown to it before
 * Claude Code's own rules and modes are asked. Owns the list of those that it has not answered yet.
 * Knows no rule and no pattern; control.c carries its lines.
 */
#ifndef IRIS_WORKER_HOOK_H
#define IRIS_WORKER_HOOK_H

#include <sys/queue.h>
#include <cjson/cJSON.h>
#include <stdbool.h>

#include "common/err.h"
#include "iris-worker/stream.h"

struct ask;
struct claude;

/* A use of a tool that waits for irisd. */
struct hook {
	TAILQ_ENTRY(hook) entry;
	char *id;      /* owned: claude's request id */
	char *use;     /* owned: claude's id of the use */
	cJSON *params; /* owned: of event/hook */
};

/* A use that was allowed when it was asked about, and that claude has still to ask about. */
struct grant {
	TAILQ_ENTRY(grant) entry;
	char *use;  /* owned */
	char *body; /* owned: the answer to can_use_tool; its input is the one that was allowed */
};

struct hooks {
	unsigned n, ngrants;
	TAILQ_HEAD(, hook) list;
	TAILQ_HEAD(, grant) grants; /* oldest first */
};

void hook_init(struct claude *c);
void hook_release(struct claude *c);

/* The member hooks of initialize. */
cJSON *hook_registration(void);

/* claude's hook_callback; and its control_cancel_request, which may be for something else. */
void hook_line(struct claude *c, const struct stream_event *ev, const cJSON *request);
void hook_cancel(struct claude *c, const char *id);

/* Whether claude waits for an answer to the request with this id. */
bool hook_is_open(struct claude *c, const char *id);
/* worker/hook. -1: ERR_NOT_FOUND where claude does not wait for it any more. */
int hook_answer(struct claude *c, const cJSON *params, struct err *err);

/* What irisd has said to a hook that it was asked about; body is as for can_use_tool. */
void hook_decided(struct claude *c, const struct ask *a, const cJSON *body);
/* Nobody can be asked. */
void hook_refuse(struct claude *c, const char *id);
/* claude's can_use_tool. True where just this was allowed before: it is answered. */
bool hook_granted(struct claude *c, const struct stream_event *ev, const cJSON *request);

/* To a new irisd: what is still to be answered. */
void hook_replay(struct claude *c);
/* There will be none: refuse them. */
void hook_orphan(struct claude *c);

#endif
