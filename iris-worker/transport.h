/* SPDX-License-Identifier: MIT
 *
 * What a claude is started with: program, arguments, environment, directory. A transport is only an
 * argv; the pipes and everything behind them are the same for all. Everything that can be known to
 * be wrong before the start is found here, with an error that says what to mend.
 */
#ifndef IRIS_WORKER_TRANSPORT_H
#define IRIS_WORKER_TRANSPORT_H

#include <cjson/cJSON.h>
#include <stddef.h>

#include "common/err.h"
#include "common/paths.h"

#define TRANSPORT_MARK "IRIS_CLAUDE" /* the name of the mark */

struct transport {
	char path[PATHS_MAX]; /* the program, absolute */
	char **argv;          /* owned, NULL-terminated */
	char **envp;          /* owned, NULL-terminated */
	char *dir;            /* owned */
};

/*
 * From the params of worker/open (iris-protocol(7)) and this process's environment; mark
 * (NAME=value) is added to it, for all that this claude will start. -1: ERR_INVALID (params),
 * ERR_NO_CLAUDE, ERR_DIRECTORY; nothing is to be released then.
 */
int transport_build(
    const cJSON *params, char *const *env, const char *mark, struct transport *t, struct err *err);
void transport_release(struct transport *t);

/* What to say when starting it has failed with this errno (exec's own reasons). Returns -1. */
int transport_exec_error(const struct transport *t, int error, struct err *err);

/*
 * Find the program: name is absolute, or begins with ~/, or is a bare name that is looked for in
 * path and in the places where Claude Code installs itself. name NULL or "": claude. -1 with
 * ERR_NO_CLAUDE.
 */
int transport_find(
    const char *name, const char *path, const char *home, char *out, size_t size, struct err *err);

#endif
