/* SPDX-License-Identifier: MIT
 *
 * Reads back what common/log has written: the last lines of a log file that fit, whoever wrote
 * them. Called by irisd for its tools and by iris(1). The file, and the one that was moved away last
 * (log_rotate), are the log's only store, so lines of earlier irisds and of all workers are in it.
 */
#ifndef IRIS_COMMON_LOG_READ_H
#define IRIS_COMMON_LOG_READ_H

#include <cjson/cJSON.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "common/log.h"

#define LOG_READ_BYTES ((size_t)4 * 1024 * 1024) /* from the end: more is not looked at */

struct log_filter {
	int64_t since;         /* ms; 0: any time */
	unsigned levels;       /* set of 1u << level; 0: all */
	const char *component; /* the program's name; NULL: any */
	const char *contains;  /* in the line, whatever the case; NULL: anything */
	int limit;             /* the last so many */
};

struct log_line {
	int64_t at;           /* ms; 0 for what is no line of the log (stderr of a program) */
	enum log_level level; /* LOG_ERROR for such a line */
	char component[32];   /* "stderr" for such a line */
	long pid;             /* 0 for such a line */
	const char *message;
	const char *raw; /* the whole line */
};

/* True when the line, of len bytes and NUL-terminated, is taken by the filter; fills l. */
bool log_line_fits(char *line, const struct log_filter *f, struct log_line *l);

/*
 * Each of the lines that fit, oldest first. 0 also when there is no file; -1 with ERR_IO. A line
 * that is just being written is not looked at: it begins at *end (which may be NULL).
 */
int log_read(const char *path, const struct log_filter *f,
    void (*cb)(const struct log_line *, void *), void *arg, int64_t *end, struct err *err);

/* at, level, component, pid and message, without what is not known of a line. */
cJSON *log_line_json(const struct log_line *l);

/* ms since 1970 of "2026-11-22T19:15:04.123Z" at the start of s; -1 when there is none. */
int64_t log_time(const char *s);

#endif
