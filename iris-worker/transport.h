/* SPDX-License-Identifier: MIT
 *
 * What a claude is started with: program, arguments, environment, directory. A transport is only an
 * argv, and for another host what is said first; the pipes and everything behind them are the same
 * for all. Everything that can be known to
 * be wrong before the start is found here, with an error that says what to mend.
 */
#ifndef IRIS_WORKER_TRANSPORT_H
#define IRIS_WORKER_TRANSPORT_H

#include <cjson/cJSON.h>
#include <stddef.h>

#include "common/err.h"
#include "common/paths.h"

#define TRANSPORT_MARK "IRIS_CLAUDE" /* the name of the mark */

struct remote;

struct transport {
	struct remote *remote; /* owned until it is taken; NULL: local */
	char *preamble;        /* owned: the first that a remote one is told; NULL: nothing */
	char path[PATHS_MAX];  /* the program, absolute */
	char **argv;           /* owned, NULL-terminated */
	char **envp;           /* owned, NULL-terminated */
	char *dir;             /* owned; NULL: where this process is */
};

/*
 * From the params of worker/open (iris-protocol(7)) and this process's environment; what claude is
 * and all that it will start gets TRANSPORT_MARK=instance. Where it runs on another host the
 * program is ssh. -1: ERR_INVALID (params), ERR_NO_CLAUDE, ERR_DIRECTORY, ERR_HOST; nothing is to be
 * released then.
 */
int transport_build(const cJSON *params, char *const *env, const char *instance,
    struct transport *t, struct err *err);
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
