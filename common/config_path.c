/* SPDX-License-Identifier: MIT
 *
 * Paths in config.yaml: ~, relative ones, and the directories that no team may have. Called by
 * config_value.c and config_team.c. Works on text only; whether something exists is config_team.c's
 * question.
 */
#include <stdlib.h>
#include <string.h>

#include "common/config_impl.h"
#include "common/paths.h"
#include "common/xmalloc.h"

char *
config_path_normal(const char *path)
{
	char *out = xmalloc(strlen(path) + 2);
	size_t len = 0, n;

	while (*path != '\0') {
		path += strspn(path, "/");
		n = strcspn(path, "/");
		if (n == 2 && memcmp(path, "..", 2) == 0) {
			while (len > 0 && out[--len] != '/')
				continue;
		} else if (n > 0 && !(n == 1 && path[0] == '.')) {
			out[len++] = '/';
			memcpy(out + len, path, n);
			len += n;
		}
		path += n;
	}
	if (len == 0)
		out[len++] = '/';
	out[len] = '\0';
	return out;
}

/* "~" and "~/x"; anything else is returned as it is. NULL on error. */
char *
config_path_home(const struct config_reader *r, struct config_at at, const char *given)
{
	const char *home;

	if (given[0] != '~')
		return xstrdup(given);
	if (given[1] != '\0' && given[1] != '/') {
		config_fail(r, at.node,
		    "%s: \"~\" with a user's name is not known; expected ~/... or the whole path",
		    at.where);
		return NULL;
	}
	if ((home = paths_user_home()) == NULL) {
		config_fail(
		    r, at.node, "%s: there is no home directory for \"~\"; set HOME", at.where);
		return NULL;
	}
	return xasprintf("%s%s", home, given + 1);
}

char *
config_path_absolute(const struct config_reader *r, struct config_at at, const char *given)
{
	char *path = config_path_home(r, at, given), *whole, *normal;

	if (path == NULL)
		return NULL;
	whole = path[0] == '/' ? xstrdup(path) : xasprintf("%s/%s", r->dir, path);
	normal = config_path_normal(whole);
	free(whole);
	free(path);
	return normal;
}

/*
 * Nobody's project lies in the first ones, and a Claude that works there could change the system;
 * the last two hold a person's keys, wherever they are.
 */
const char *
config_path_refused(const char *path)
{
	static const char *const roots[] = {
	    "/etc", "/private/etc", "/usr/bin", "/usr/sbin", "/System", "/Windows"};
	static const char *const parts[] = {"/.ssh", "/.gnupg"};
	const char *p;
	size_t i;

	for (i = 0; i < sizeof roots / sizeof roots[0]; i++)
		if (paths_contains(roots[i], path))
			return roots[i];
	for (i = 0; i < sizeof parts / sizeof parts[0]; i++)
		for (p = path; (p = strstr(p, parts[i])) != NULL; p++)
			if (p[strlen(parts[i])] == '/' || p[strlen(parts[i])] == '\0')
				return parts[i] + 1;
	return NULL;
}
