/* SPDX-License-Identifier: MIT
 *
 * Whether the processes that have something to do are alive, by evidence: what the system says of
 * the process, and whether it answers. Here are the rules, the words and the time of the next look;
 * net/worker_health.c looks, asks and acts. Only proof of a death ever has consequences: who is
 * silent is told of, and left alone. While nothing is to be done no timer runs.
 */
#ifndef IRIS_CORE_HEALTH_H
#define IRIS_CORE_HEALTH_H

#include <sys/types.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/compat.h"

struct irisd;
struct session;

enum health {
	HEALTH_NONE,  /* there is no process */
	HEALTH_ALIVE, /* it runs, and owes no answer for long */
	HEALTH_UNKNOWN,
	HEALTH_STOPPED, /* by a signal: it goes on when it is told to */
	HEALTH_DEAD,
	HEALTH_STATES
};

/* "alive", ...; NULL for HEALTH_NONE. */
const char *health_name(enum health h);

/* How long an answer may take, ms. */
int64_t health_patience(const struct irisd *d);

/* The rule. owed: ms for which the process owes an answer; 0: it owes none. */
enum health health_judge(enum compat_proc process, int64_t owed, int64_t patience);

#define HEALTH_WHY 160
/* A phrase for people, "its Claude (process 7) ..."; "" where nothing is wrong. */
void health_why(char why[HEALTH_WHY], enum health h, const char *what, pid_t pid, int64_t owed);

/* Of a session's process as it is now, with the worker that it is reached through. */
enum health health_of(const struct session *s, char why[HEALTH_WHY]);

/* Something was heard of its Claude. */
void health_heard(struct session *s);
/* Look at it; what has changed is logged, and told to who waits for its turn. */
void health_review(struct session *s);

/* n more things that processes have to do (turns, requests); fewer when negative. */
void health_work(struct irisd *d, int n);
/* For session_move: s was in this state. */
void health_moved(struct session *s, int was);

/* The interval has changed. */
void health_again(struct irisd *d);
void health_release(struct irisd *d);

#endif
