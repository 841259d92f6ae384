/* SPDX-License-Identifier: MIT
 *
 * Lists of strings, see list.h. Called by transport.c and remote.c.
 */
#include <stdlib.h>
#include <string.h>

#include "common/xmalloc.h"
#include "iris-worker/list.h"

void
list_add(struct list *l, char *text)
{
	l->v = xreallocarray(l->v, l->n + 2, sizeof *l->v);
	l->v[l->n++] = text;
	l->v[l->n] = NULL;
}

void
list_copy(struct list *l, const char *text)
{
	list_add(l, xstrdup(text));
}

void
list_free(char **v)
{
	size_t i;

	for (i = 0; v != NULL && v[i] != NULL; i++)
		free(v[i]);
	free(v);
}

const char *
list_env(char *const *env, const char *name)
{
	size_t len = strlen(name), i;

	for (i = 0; env[i] != NULL; i++)
		if (strncmp(env[i], name, len) == 0 && env[i][len] == '=')
			return env[i] + len + 1;
	return NULL;
}
