/* SPDX-License-Identifier: MIT
 *
 * Start a program (posix_spawn only: a fork would copy the page tables of a large parent), with
 * default signal handling and no descriptor but 0, 1 and 2. Reaping is the caller's.
 */
#ifndef IRIS_COMMON_SPAWN_H
#define IRIS_COMMON_SPAWN_H

#include <sys/types.h>
#include <stdbool.h>
#include <stddef.h>

#include "common/err.h"

struct spawn {
	const char *path;  /* absolute: PATH is not searched here */
	char *const *argv; /* NULL-terminated, argv[0] included */
	char *const *envp; /* NULL: this process's own */
	const char *dir;   /* NULL: unchanged */
	int fds[3];        /* become 0, 1, 2; -1 means /dev/null */
	bool own_session;  /* setsid; otherwise the child leads a process group of its own */
};

/* The pid, or -1 with errno kept: ERR_DIRECTORY when dir can not be entered, else ERR_IO. */
pid_t spawn_process(const struct spawn *s, struct err *err);

/*
 * Search a PATH-like list for an executable file. Returns 0 with its path; -1 with errno ENOENT
 * when there is none, or EACCES when there is one that can not be executed (out then names it).
 */
int spawn_search(const char *name, const char *path, char *out, size_t size);

#endif
