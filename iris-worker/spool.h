/* SPDX-License-Identifier: MIT
 *
 * The file that keeps results while there is no irisd to store them: one JSON object a line, in
 * <dir>/<pid>-<startTime>.jsonl, so that the next irisd can tell whose it is. What spool_append has
 * accepted survives the end of the worker and of the machine. Nothing is made before the first
 * line.
 */
#ifndef IRIS_WORKER_SPOOL_H
#define IRIS_WORKER_SPOOL_H

#include <sys/types.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "common/paths.h"

struct spool {
	char dir[PATHS_MAX]; /* "": there is no spool */
	char path[PATHS_MAX];
	int fd;     /* -1: not open */
	off_t size; /* of what is known to be on disk */
};

/* dir NULL, or too long: there is no spool. Touches nothing. */
void spool_init(struct spool *s, const char *dir, pid_t pid, uint64_t start);

/*
 * Add one line (with its newline) and wait until it is on disk. -1 with ERR_IO (ERR_UNAVAILABLE: there is no spool):
 * then the file is as it was before, as far as the system lets it.
 */
int spool_append(struct spool *s, const char *line, struct err *err);

/* Nothing in it is needed any more: delete the file. */
void spool_remove(struct spool *s);

/* Close it; the file stays. */
void spool_close(struct spool *s);

#endif
