/* SPDX-License-Identifier: MIT
 *
 * What the commands about permission requests share. A request is the JSON object that irisd tells
 * (iris-protocol(7), Permission object); all texts in it come from an agent and are hostile, so
 * what is printed goes through term_escape, and each line of theirs stands behind a mark.
 */
#ifndef IRIS_CTL_APPROVALS_H
#define IRIS_CTL_APPROVALS_H

#include "irisd/ctl/ctl.h"

#define APPROVALS_TIMEOUT 10000 /* ms, of one call */
#define APPROVALS_SHORT   8     /* characters at the end of an id that are enough to name it */

/* approvals.c: the end of the id; the team; the tool. Never NULL. */
const char *approvals_short(const cJSON *p);
const char *approvals_text(const cJSON *p, const char *name);
bool approvals_pending(const cJSON *p);
/* What is to be done, on one line: the command, the file, the host; malloc'ed, not escaped. */
char *approvals_summary(const cJSON *p);
/* "asker", or "person (by way of asker)"; returns buf. */
const char *approvals_asker(const cJSON *p, char *buf, size_t size);
/* "4 min 58 s left", "allowed by x": how it stands; returns buf. */
const char *approvals_state(const cJSON *p, char *buf, size_t size);
/* One request, by its id or a part of it. */
int approvals_fetch(struct ctl *c, const char *id, cJSON **p, struct err *err);

/* approvals_answer.c */
struct approvals_answer {
	bool allow;
	const char *hash;     /* NULL: that of the request as it was fetched */
	const char *reason;   /* or NULL */
	const cJSON *updated; /* the input that may be used instead; or NULL */
	bool remember;
	int64_t expires; /* ms, of what is remembered; 0: never */
};

int approvals_send(struct ctl *c, const cJSON *p, const struct approvals_answer *a, cJSON **result,
    struct err *err);
/* One line on standard output: what has become of it. */
void approvals_print_end(const cJSON *result);

/* approvals_show.c: all that is known of a request, with what it would change. */
void approvals_print(struct ctl *c, const cJSON *p);
/* The difference of two texts, coloured on a terminal. */
void approvals_print_diff(const char *a, const char *b);

/* approvals_change.c: what a tool that writes a file would do to it. */
struct approvals_change {
	char *path;           /* the file, absolute where the team's directory is known */
	char *real;           /* where its links lead, when that is elsewhere; or NULL */
	char *before, *after; /* texts to compare; NULL: none */
	char note[256];       /* what else is to be known of it; "" */
};

/*
 * False when the tool writes no file that is known. dir is the team's directory, NULL where it is
 * not known or on another machine. Names the members of the input that the change tells.
 */
bool approvals_change(struct approvals_change *ch, const char *tool, const cJSON *input,
    const char *dir, bool remote, const char *const **told);
void approvals_change_release(struct approvals_change *ch);

/* approvals_watch.c: until it is left, or irisd is stopped. */
int approvals_watch(struct ctl *c, struct err *err);

#endif
