/* SPDX-License-Identifier: MIT
 *
 * What the libraries of the crash tests share. preload.c stands, by LD_PRELOAD, between one program
 * of Iris and the C library, and shows each call that the rest of the world can see to a policy:
 * preload-kill.c, preload-fail.c, preload-record.c or preload-spare.c, each linked with preload.c
 * into a library of its own. For tests on Linux only; no product is linked with any of it.
 *
 * Environment (a library without IRIS_PRELOAD does nothing):
 *
 *	IRIS_PRELOAD          what to do, in the policy's words
 *	IRIS_PRELOAD_PROGRAM  base name of the program concerned (or several, with commas between);
 *	                      in all others the library sleeps
 *	IRIS_PRELOAD_VICTIM   which process of it, counted from 1 (0: all of them)
 *	IRIS_PRELOAD_STATE    file of a struct preload_state, shared by all of them
 */
#ifndef IRIS_TESTS_CRASH_PRELOAD_H
#define IRIS_TESTS_CRASH_PRELOAD_H

#include <sys/types.h>
#include <sys/uio.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Calls that change what others see. CALL_READ and CALL_OPEN are shown, but do not count. */
enum call {
	CALL_WRITE,
	CALL_PWRITE,
	CALL_SYNC,
	CALL_RENAME,
	CALL_UNLINK,
	CALL_TRUNCATE,
	CALL_SPAWN,
	CALL_KILL,
	CALL_ALLOC,
	CALL_READ,
	CALL_OPEN,
	CALL_COUNT
};

#define PRELOAD_TRACE 8192

/* One call. iov is what is written, or what was read (after the call only). */
struct point {
	enum call call;
	int fd;
	const struct iovec *iov;
	int niov;
	off_t off;        /* of CALL_PWRITE and CALL_TRUNCATE, else -1 */
	int flags;        /* of CALL_OPEN; of CALL_KILL the signal */
	const char *path; /* of CALL_RENAME, CALL_UNLINK, CALL_SPAWN */
	const char *to;   /* of CALL_RENAME */
};

/* All little-endian words, read by the tests as they stand. */
struct preload_state {
	uint32_t processes; /* how many of the program have begun */
	uint32_t fired;     /* pid of the process in which it was done, 0: not yet */
	uint32_t calls;     /* that count */
	uint32_t each[CALL_COUNT];
	uint32_t writes[3];           /* of preload-fail.c */
	char what[192];               /* the call at which it was done */
	uint8_t trace[PRELOAD_TRACE]; /* enum call of each that counts, in order */
};

extern struct preload_state *preload_state; /* never NULL within a policy */

/* The policy. init: false when spec is none of its words. */
bool policy_init(const char *spec);

/*
 * Before the call; it counts n (from 1), and is number `of` of its kind. Answers 0 to go on, an
 * errno to fail with, or -1 to do what it can with half of the bytes; of a kill, nothing at all.
 */
int policy_before(const struct point *p, uint32_t n, uint32_t of);
void policy_after(const struct point *p, int64_t rv);

/* For policies: "pwrite of 4096 bytes at 0: /path" into preload_state->what, and fired. */
void preload_fired(const struct point *p);
/* What a descriptor is, as in /proc/self/fd; "?" when there is no such. */
void preload_name(int fd, char *buf, size_t size);
size_t preload_length(const struct point *p);
/* Do the first half of what p would write. */
ssize_t preload_half(const struct point *p);
/* Show a call of the policy's own interposing (allocation); answers as policy_before. */
int preload_show(const struct point *p);

#endif
