/* SPDX-License-Identifier: MIT
 *
 * Run a program and keep what it prints, within a time limit: for doctor, which must never hang on
 * what it examines.
 */
#ifndef IRIS_CTL_CAPTURE_H
#define IRIS_CTL_CAPTURE_H

#include <stddef.h>

#include "common/err.h"

struct capture {
	char out[8192]; /* standard output and error, NUL-terminated, cut when longer */
	int status;     /* of exit; -1 when a signal ended it */
};

/*
 * 0 when it ran to its end. -1: ERR_IO when it could not be started, ERR_TIMEOUT when it was
 * killed after timeout_ms.
 */
int capture_run(
    struct capture *c, const char *path, char *const *argv, int timeout_ms, struct err *err);

#endif
