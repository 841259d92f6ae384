/* SPDX-License-Identifier: MIT
 *
 * git diff HEAD of a directory, while the loop goes on: one child after the other, with limits of
 * time and size. The repository's configuration and attributes are somebody else's: nothing that
 * they name is run, and no file outside the directory is shown.
 */
#ifndef IRIS_MCP_GITDIFF_H
#define IRIS_MCP_GITDIFF_H

#include <sys/types.h>
#include <stdbool.h>

#include "irisd/irisd.h"

#define GITDIFF_MAX        ((size_t)200 * 1024) /* bytes; what is more is cut off */
#define GITDIFF_TIMEOUT_MS 10000

struct gitdiff;

/*
 * Called once, from the loop: the diff (the callee's only until it returns), cut when there is
 * more; or why there is none.
 */
typedef void (*gitdiff_cb)(const char *diff, bool cut, const struct err *why, void *arg);

/* dir is a realpath. NULL with err when it can not even be begun; then there is no call. */
struct gitdiff *gitdiff_start(
    struct irisd *d, const char *dir, gitdiff_cb cb, void *arg, struct err *err);

/* End it without a call. */
void gitdiff_cancel(struct gitdiff *g);

/* A child has ended; false when it was none of these. */
bool gitdiff_reaped(pid_t pid, int status);

#endif
