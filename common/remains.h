/* SPDX-License-Identifier: MIT
 *
 * What is left of a Claude and of all that it started: found by parent, group and session, and by
 * the mark in the environment, which also what has cut every other tie still bears. Noted with
 * start times, so that a reused pid is never hit. A list and a few looks at the system; when to
 * look and what to do is its owner's.
 */
#ifndef IRIS_COMMON_REMAINS_H
#define IRIS_COMMON_REMAINS_H

#include <sys/types.h>
#include <stddef.h>
#include <stdint.h>

#define REMAINS_MAX 512 /* processes that are followed; more are logged and left */

struct remains {
	size_t n;
	struct {
		pid_t pid;
		uint64_t start; /* compat_proc_start */
	} list[REMAINS_MAX];
};

/*
 * Note a process, unless it is this one, has ended, or is noted already. -1: whether it has ended
 * can not be told now, so that it is not noted.
 */
int remains_note(struct remains *r, pid_t pid);
/* Note everything below pid, but not pid itself. */
void remains_note_tree(struct remains *r, pid_t pid);
/*
 * Note what was started with one of these entries (NAME=value) in its environment. -1: the system
 * can not be looked at now; what is noted then is not all.
 */
int remains_note_marked(struct remains *r, const char *const *entries, size_t n);

/* Note what the noted ones have started since, and send sig to each that still lives. */
void remains_signal(struct remains *r, int sig);

/* Forget those that have surely ended; how many are left. */
size_t remains_count(struct remains *r);

#endif
