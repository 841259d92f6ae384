/* SPDX-License-Identifier: MIT
 *
 * The blocking side of irisd.sock: connect, say hello, call, and read what comes meanwhile. For
 * programs that do one thing at a time (iris, the threads of the web role); the shim uses the
 * connecting half.
 */
#ifndef IRIS_COMMON_CALL_H
#define IRIS_COMMON_CALL_H

#include <cjson/cJSON.h>
#include <stdint.h>

#include "common/err.h"
#include "common/frame.h"
#include "common/paths.h"

struct call {
	int fd; /* -1 when not connected */
	struct frame in;
	uint64_t next_id;
	cJSON *hello; /* what irisd answered to iris/hello; owned */
};

/* A notification that came while a call waited: method and params, both the connection's. */
typedef void (*call_notify_cb)(const char *method, const cJSON *params, void *arg);

/*
 * Connect a descriptor to the socket at path. -1: ERR_UNAVAILABLE when nobody listens there
 * (errno ENOENT or ECONNREFUSED), ERR_REFUSED when another user does, ERR_TIMEOUT when who
 * listens does not take connections, ERR_IO otherwise.
 */
int call_socket(const char *path, struct err *err);

/* The params of iris/hello for a role; the caller may add to it. */
cJSON *call_hello_params(const char *role);

/*
 * Connect and say hello with params (taken; from call_hello_params). timeout_ms bounds the whole.
 * On failure nothing is open.
 */
int call_open(struct call *c, const char *sock, cJSON *params, int timeout_ms, struct err *err);
void call_close(struct call *c);

/*
 * One request; params are taken. Waits for its answer, timeout_ms at most (-1: without limit),
 * passing notifications to cb (may be NULL). *result (may be NULL) becomes the caller's. -1: an
 * error answer of irisd's with its own code, ERR_TIMEOUT, or ERR_UNAVAILABLE when the connection
 * is lost.
 */
int call_request(struct call *c, const char *method, cJSON *params, int timeout_ms,
    call_notify_cb cb, void *arg, cJSON **result, struct err *err);

/* The next notification, for a caller with no call under way. Errors as call_request. */
int call_wait(struct call *c, int timeout_ms, call_notify_cb cb, void *arg, struct err *err);

/* Write all of a line and its newline; -1 with ERR_UNAVAILABLE. */
int call_write_line(int fd, const char *line, size_t len, struct err *err);

#endif
