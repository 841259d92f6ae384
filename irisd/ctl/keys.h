/* SPDX-License-Identifier: MIT
 *
 * Waiting for a key, a descriptor, a signal or the time, for commands that a person answers key by
 * key, and for those that only wait until they are stopped. The terminal is given back as it was
 * found, also when the program is ended by exit().
 */
#ifndef IRIS_CTL_KEYS_H
#define IRIS_CTL_KEYS_H

#include <stdbool.h>
#include <stddef.h>

#include "common/err.h"

enum keys_event {
	KEYS_TIMEOUT,
	KEYS_KEY,
	KEYS_FD,     /* the descriptor is readable, or has ended */
	KEYS_REDRAW, /* the terminal has another size, or was somebody else's meanwhile */
	KEYS_END,    /* SIGINT, SIGTERM, SIGHUP, or the end of standard input */
};

/* terminal: keys are read from standard input, one by one and without echo. */
int keys_open(bool terminal, struct err *err);
void keys_close(void);

/* fd -1: none; timeout_ms -1: none. *key is filled with KEYS_KEY. */
enum keys_event keys_wait(int fd, int timeout_ms, char *key);

/* Forget what was typed up to now. */
void keys_flush(void);

/* The terminal as it was found, for another program or for a line; and back. */
void keys_pause(void);
void keys_resume(void);

/* One line as it is typed, without its newline. False when it was interrupted or has ended. */
bool keys_line(char *buf, size_t size);

#endif
