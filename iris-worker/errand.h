/* SPDX-License-Identifier: MIT
 *
 * Errands: short scripts that are run on a team's host, over the same line as its Claudes, for what
 * a local team is looked at directly for. errand.c runs them: ERRANDS_AT_ONCE at a time, each
 * bounded in time and in what it may say, none of them ever waited for. What the scripts are, and
 * what their lines mean, is remote/'s, and that of the parts named below.
 */
#ifndef IRIS_WORKER_ERRAND_H
#define IRIS_WORKER_ERRAND_H

#include <sys/types.h>
#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>

#include "common/err.h"

#define ERRANDS_AT_ONCE  16
#define ERRANDS_MAX      256  /* with those that wait for their turn */
#define ERRAND_WORDS_MAX 2048 /* bytes of the last words on stderr that are kept */

struct errand;
struct remote;
struct ssh_verdict;
struct worker;

/* Who is told. All are called by the loop, none from within errand_start or errand_cancel. */
struct errand_calls {
	/*
	 * A line of its output: own is the script's own word (an object of type iris_remote), NULL
	 * where the line is anything else.
	 */
	void (*line)(struct errand *, const cJSON *own, char *line, size_t len, void *arg);
	/* A line of its stderr, also of ssh's; may be NULL. */
	void (*said)(struct errand *, char *line, size_t len, void *arg);
	/*
	 * The last call, but for release. err is NULL when the script has said that it is at its
	 * end, and was; otherwise the sentence, ERR_LINE, ERR_HOST, ...
	 */
	void (*over)(struct errand *, const struct err *err, void *arg);
	/* It is freed, and so can arg be; may be NULL. */
	void (*release)(void *arg);
};

struct errand_spec {
	struct remote *remote; /* taken */
	char *script;          /* taken: all of its input; NULL: none */
	const char *request;   /* irisd's request that it will answer; NULL: none. Copied */
	int limit_ms;          /* from the script's first word; before it counts connect_ms */
	size_t line_max;       /* 0: 64 KiB */
	size_t total_max;      /* bytes of its output; 0: 1 MiB */
	bool program;          /* no script: its exit status says whether it has done its work */
	bool lasting; /* it is needed for the end of the worker, and outlives worker_stop */
};

/* Never fails: what does is told by over. */
struct errand *errand_start(
    struct worker *w, const struct errand_spec *s, const struct errand_calls *calls, void *arg);

/* Nobody wants it any more: it is ended, and only release is called. */
void errand_cancel(struct errand *e);

/* It has said all that is wanted: it is ended, and over called with NULL. */
void errand_enough(struct errand *e);

/* Short name of its host. */
const char *errand_host(const struct errand *e);
/* What came last on its stderr, lines; "" when nothing did. */
const char *errand_words(const struct errand *e);
/* In over with an err: the same in two parts. */
const struct ssh_verdict *errand_why(const struct errand *e);
/* It runs there: a word of the script's own has come. */
bool errand_connected(const struct errand *e);

/* The answer to its request, if irisd still waits for one. result is taken. */
void errand_answer(struct errand *e, cJSON *result);
void errand_refuse(struct errand *e, const struct err *err);

/* For worker.c. A child has ended: true when it was an errand's. */
bool errand_reaped(struct worker *w, pid_t pid, int status);
/* irisd's connection is gone: what would be answered on it is of no use. */
void errand_lost(struct worker *w);
/* The worker stops: all but the lasting ones are over. */
void errand_stop(struct worker *w);
/* None runs any more. */
bool errand_none(const struct worker *w);
void errand_release(struct worker *w);

/*
 * For the end of a Claude: end over there, by TERM and KILL, everything that bears this instance in
 * its environment. remote: the object of worker/open. over's err is NULL when nothing of it is left
 * (proven). NULL with err when that can not even be tried.
 */
struct errand *errand_end(struct worker *w, const cJSON *remote, const char *instance,
    const struct errand_calls *calls, void *arg, struct err *err);

/* worker/lookup and worker/forget for a remote team, errand_lookup.c. id is answered later. */
int errand_lookup(struct worker *w, const cJSON *params, const char *id, struct err *err);
int errand_forget(struct worker *w, const cJSON *params, const char *id, struct err *err);

/* worker/check and worker/trust, errand_check.c and errand_trust.c. */
int errand_check(struct worker *w, const cJSON *params, const char *id, struct err *err);
int errand_trust(struct worker *w, const cJSON *params, const char *id, struct err *err);

#endif
