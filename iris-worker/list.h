/* SPDX-License-Identifier: MIT
 *
 * A growing list of strings, as posix_spawn wants its arguments and its environment.
 */
#ifndef IRIS_WORKER_LIST_H
#define IRIS_WORKER_LIST_H

#include <stddef.h>

struct list {
	char **v; /* NULL-terminated once something was added */
	size_t n;
};

/* text is taken. */
void list_add(struct list *l, char *text);
void list_copy(struct list *l, const char *text);
/* v may be NULL. */
void list_free(char **v);

/* The value of a variable in an environment; NULL: it has none. */
const char *list_env(char *const *env, const char *name);

#endif
