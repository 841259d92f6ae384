/* SPDX-License-Identifier: MIT
 *
 * The log: one line an event on one descriptor (standard error unless set), with a key=value tail
 * written by the caller's format. Control characters are escaped and secrets redacted here, once,
 * for everybody. Message bodies go to level debug only; that is the caller's duty.
 */
#ifndef IRIS_COMMON_LOG_H
#define IRIS_COMMON_LOG_H

#include <stdarg.h>
#include <stdbool.h>

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };

#define LOG_LINE_MAX 4096 /* bytes; what is longer is cut, with "..." */

/* program is kept as a pointer. Without a call the level is info and the program has no name. */
void log_init(const char *program, enum log_level level);
void log_set_level(enum log_level level);
enum log_level log_get_level(void);

const char *log_level_name(enum log_level level);

/* -1 when name is none of debug, info, warn, error. */
int log_level_from_name(const char *name, enum log_level *level);

/* Send lines to fd from now on; the caller keeps ownership of it. */
void log_set_fd(int fd);

/*
 * Also append each line to this file, which log_read reads back, unless the descriptor is that file
 * already. That it can not be written is no error: the descriptor has the lines. When the file was
 * moved away or removed, another one is begun, within a second of the next line; the descriptor
 * stays the same number, and is the new file then, also where it is standard error.
 */
void log_copy(const char *path);

/*
 * This process moves the file of log_copy away when it has grown larger than LOG_FILE_MAX, to end in
 * ".1", and what was there before to ".2" and so on. One process does that for all that write it.
 */
#define LOG_FILE_MAX  (8 * 1024 * 1024) /* bytes */
#define LOG_FILE_KEEP 3                 /* that were moved away */
void log_rotate(void);

void log_at(enum log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* The argument is evaluated only when debug is on: log_debug may sit on hot paths. */
#define log_debug(...)                                                                             \
	do {                                                                                       \
		if (log_get_level() == LOG_DEBUG)                                                  \
			log_at(LOG_DEBUG, __VA_ARGS__);                                            \
	} while (0)
#define log_info(...)  log_at(LOG_INFO, __VA_ARGS__)
#define log_warn(...)  log_at(LOG_WARN, __VA_ARGS__)
#define log_error(...) log_at(LOG_ERROR, __VA_ARGS__)

/* Log at level error and exit with status 1. fatal appends strerror(errno). */
void fatal(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));
void fatalx(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));

/*
 * Overwrite what looks like a secret in the NUL-terminated text: sk-ant-... keys, Bearer tokens,
 * and the values of names that end in token, key, secret or password. Shortens the text in place,
 * never lengthens it.
 */
void log_redact(char *text);

#endif
