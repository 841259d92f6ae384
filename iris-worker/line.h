/* SPDX-License-Identifier: MIT
 *
 * What is known of the line of one Claude on another host: whether it has come up, what the wrapper
 * over there (remote/session.sh) has said, and with it whether anything of this Claude can be left.
 * A local Claude has none, and every question here has its answer for that.
 */
#ifndef IRIS_WORKER_LINE_H
#define IRIS_WORKER_LINE_H

#include <sys/types.h>
#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>

#include "common/err.h"

struct claude;
struct errand;
struct event;
struct remote;

struct line {
	struct remote *remote; /* owned: what ssh was started with */
	cJSON *params;         /* owned: the object "remote" of worker/open, for errands */
	char *program;         /* owned: claudePath as written; "": none */
	char login[512];       /* what came on stdout before the line was up: a login's words */
	pid_t pid;             /* the wrapper's, over there; 0: the line has never been up */
	char *failed;          /* owned: why Claude was not started there; NULL: nothing said */
	char *why, *path;      /* owned: what is said with it; NULL */
	int status;            /* how Claude has ended, as $? of a shell; -1: not said */
	bool garbled;          /* a word of the wrapper's could not be read, which is told once */
	bool gone;             /* proven: nothing of this Claude is left there */
	struct event *timer;   /* until the line is up */
	struct errand *errand; /* which ends it over there; NULL: none runs */
};

/* For claude_open, behind the start of ssh. remote is taken, params (of worker/open) are copied. */
void line_begin(struct claude *c, struct remote *remote, const cJSON *params);
/* It is gone: nothing of it comes any more. */
void line_release(struct claude *c);

/*
 * A line of ssh's output: true when it was the wrapper's own word, or comes before the line is up
 * and is nothing of Claude's.
 */
bool line_take(struct claude *c, const char *text, size_t len);

/* It is not known what became of Claude over there. False for a local one. */
bool line_is_lost(const struct claude *c);
/* That, as a sentence with ssh's last words. */
void line_judge(const struct claude *c, struct err *err);

/* The host had said something, and gave no reason of its own for the end. */
bool line_was_up(const struct claude *c);

/* Why a Claude that was never ready was not, where the reason lies in the line or the host. */
bool line_failure(const struct claude *c, struct err *err);

/* The rung TERM: end it over there; ssh itself where there is no other way. */
void line_end(struct claude *c);

#endif
