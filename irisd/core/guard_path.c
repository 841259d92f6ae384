/* SPDX-License-Identifier: MIT
 *
 * Paths for guard.c: where a word of a command points, without running anything, and whether that
 * is in the project.
 */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "common/xmalloc.h"
#include "irisd/core/guard_private.h"

/* One part of a path onto out, which begins with "/" or is empty. */
static void
step(char *out, size_t *len, const char *part, size_t n)
{
	if (n == 0 || (n == 1 && part[0] == '.'))
		return;
	if (n == 2 && part[0] == '.' && part[1] == '.') {
		while (*len > 0 && out[*len - 1] != '/')
			(*len)--;
		if (*len > 0)
			(*len)--;
		return;
	}
	out[(*len)++] = '/';
	memcpy(out + *len, part, n);
	*len += n;
}

static void
steps(char *out, size_t *len, const char *s)
{
	size_t n;

	for (; *s != '\0'; s += n + (s[n] == '/')) {
		n = strcspn(s, "/");
		step(out, len, s, n);
	}
}

char *
guard_path(const char *dir, const char *arg)
{
	char *out;
	size_t len = 0;

	if (arg[0] == GUARD_UNKNOWN)
		return xstrdup(arg);
	if (arg[0] != '/' && dir[0] != '/')
		return xasprintf("%c/%s", GUARD_UNKNOWN, arg);
	out = xmalloc(strlen(dir) + strlen(arg) + 3);
	if (arg[0] != '/')
		steps(out, &len, dir);
	steps(out, &len, arg);
	if (len == 0)
		out[len++] = '/';
	out[len] = '\0';
	return out;
}

/* path with the symlinks of its first n bytes resolved; NULL: there is no such file. */
static char *
resolved(const char *path, size_t n)
{
	char *head = xstrndup(path, n), *real = realpath(head[0] == '\0' ? "/" : head, NULL), *out;

	free(head);
	if (real == NULL)
		return NULL;
	out = xasprintf("%s%s", strcmp(real, "/") == 0 && path[n] == '/' ? "" : real, path + n);
	free(real);
	return out;
}

char *
guard_real(struct guard *g, const char *dir, const char *arg, bool last)
{
	char *path = guard_path(dir, arg), *out;
	size_t n = strcspn(path, GUARD_SPECIAL);

	if (g->place->iris == NULL || path[0] != '/' || strlen(path) >= PATH_MAX)
		return path;
	if (path[n] != '\0' || (!last && arg[0] != '\0' && arg[strlen(arg) - 1] != '/'))
		while (n > 0 && path[n - 1] != '/')
			n--;
	while (n > 1 && path[n - 1] == '/')
		n--;
	while (n > 1 && g->paths > 0) {
		g->paths--;
		if ((out = resolved(path, n)) != NULL) {
			free(path);
			return out;
		}
		while (n > 0 && path[n - 1] != '/')
			n--;
		if (n > 0)
			n--;
	}
	return path;
}

/* Whether path is dir, or in it; the byte behind dir is returned in *end. */
static bool
within(const char *path, const char *dir, char *end)
{
	size_t n = strlen(dir);

	if (n > 0 && dir[n - 1] == '/')
		n--;
	if (strncmp(path, dir, n) != 0)
		return false;
	*end = path[n];
	return path[n] == '/' || path[n] == '\0';
}

/* Parts at the end that may be anything: "*", ".??*", or not known. They are cut off. */
static void
cut_any(char *path)
{
	char *slash;
	size_t n;

	while ((slash = strrchr(path, '/')) != NULL && slash[1] != '\0') {
		n = strspn(slash + 1, "." GUARD_SPECIAL);
		if (slash[1 + n] != '\0' || slash[1 + strspn(slash + 1, ".")] == '\0')
			return;
		slash[slash == path ? 1 : 0] = '\0';
	}
}

static enum guard_where
where_is(const char *path, const char *root)
{
	static const char *const temporary[] = {"/tmp", "/var/tmp", "/private/tmp",
	    "/private/var/tmp", "/var/folders", "/private/var/folders", "/dev/shm", NULL};
	char end;
	size_t i;

	if (path[0] != '/')
		return GUARD_NOWHERE;
	if (strcmp(path, root) == 0)
		return GUARD_ALL;
	if (within(root, path, &end))
		return GUARD_OUTSIDE;
	if (within(path, root, &end))
		return GUARD_INSIDE;
	for (i = 0; temporary[i] != NULL; i++)
		if (within(path, temporary[i], &end))
			return GUARD_TEMPORARY;
	return GUARD_OUTSIDE;
}

enum guard_where
guard_where(const struct guard_command *c, const char *arg)
{
	struct guard *g = c->run->g;
	enum guard_where where;
	char *path;

	if (c->far)
		path = guard_path(c->dir, arg);
	else
		path = guard_real(g, c->dir, arg, false);
	cut_any(path);
	where = where_is(path, g->root);
	if (c->far && (where == GUARD_INSIDE || where == GUARD_ALL))
		where = GUARD_OUTSIDE;
	free(path);
	return where;
}

const char *
guard_where_why(enum guard_where where)
{
	switch (where) {
	case GUARD_ALL:
		return "all of the project";
	case GUARD_OUTSIDE:
		return "outside of the project";
	case GUARD_NOWHERE:
		return "a place that is not known before it runs";
	case GUARD_INSIDE:
	case GUARD_TEMPORARY:
		return NULL;
	}
	return NULL;
}
