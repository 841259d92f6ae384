/* SPDX-License-Identifier: MIT
 *
 * Errors that come from outside (a peer, a file, a child, the network): a code that the protocol,
 * --json and the exit status share, and one sentence that says what happened, where, and what to
 * do next.
 *
 * A function that can fail so takes a struct err * as its last argument and returns -1 (or NULL)
 * with it filled. What cannot happen is an assert(); what leaves no way on is fatal() (log.h).
 */
#ifndef IRIS_COMMON_ERR_H
#define IRIS_COMMON_ERR_H

#include <stdarg.h>

enum err_code {
	ERR_NONE = 0,
#define ERR_X(sym, name, rpc, exitcode, text) ERR_##sym,
#include "common/err_table.h"
#undef ERR_X
	ERR_COUNT
};

#define ERR_MSG_MAX 1024

struct err {
	enum err_code code;
	char msg[ERR_MSG_MAX]; /* UTF-8, one line, whole characters */
};

/*
 * Fill e (which may be NULL: then nothing is kept) and return -1, so that callers can write
 * return err_set(...).
 */
int err_set(struct err *e, enum err_code code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
int err_vset(struct err *e, enum err_code code, const char *fmt, va_list ap)
    __attribute__((format(printf, 3, 0)));

/* As err_set, with ": " and strerror(errno) appended. Leaves errno as it was. */
int err_sys(struct err *e, enum err_code code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Put context before the message that is there: "team backend: " + msg. Returns -1. */
int err_prefix(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

void err_clear(struct err *e);

/*
 * The facts of the table. Names are never NULL; err_code_from_name answers ERR_INTERNAL for an
 * unknown name.
 */
const char *err_name(enum err_code code);
const char *err_meaning(enum err_code code);
int err_rpc_code(enum err_code code);
int err_exit_status(enum err_code code);
enum err_code err_code_from_name(const char *name);

#endif
