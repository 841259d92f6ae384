/* SPDX-License-Identifier: MIT
 *
 * Removes a conversation's files, see forget.h. No link is followed, and nothing is removed whose
 * name is not the conversation's id: what lies in these directories is also written by others.
 */
#include <sys/stat.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/xmalloc.h"
#include "iris-worker/forget.h"

#define DEPTH_MAX 16 /* of directories; Claude Code makes three */

static int remove_tree(int parent, const char *name, int depth);

static bool
is_dot(const char *name)
{
	return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

/* Everything in the directory; fd is taken. -1 with errno. */
static int
remove_entries(int fd, int depth)
{
	DIR *dir = fdopendir(fd);
	const struct dirent *de;
	int rv = 0, saved;

	if (dir == NULL) {
		saved = errno;
		close(fd);
		errno = saved;
		return -1;
	}
	for (errno = 0; rv == 0 && (de = readdir(dir)) != NULL; errno = 0)
		if (!is_dot(de->d_name))
			rv = remove_tree(dirfd(dir), de->d_name, depth + 1);
	if (rv == 0 && errno != 0)
		rv = -1;
	saved = errno;
	closedir(dir);
	errno = saved;
	return rv;
}

/* A file, or a directory with what is in it. -1 with errno; what is not there is no error. */
static int
remove_tree(int parent, const char *name, int depth)
{
	int fd;

	if (unlinkat(parent, name, 0) == 0 || errno == ENOENT || errno == ENOTDIR)
		return 0;
	/* What unlinking a directory fails with differs. */
	if (errno != EISDIR && errno != EPERM)
		return -1;
	if (depth > DEPTH_MAX) {
		errno = ELOOP;
		return -1;
	}
	fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd == -1 || remove_entries(fd, depth) == -1)
		return -1;
	return unlinkat(parent, name, AT_REMOVEDIR);
}

int
forget_conversation(const char *config_dir, const char *claude_id, struct err *err)
{
	char *projects = xasprintf("%s/projects", config_dir), *path = NULL;
	const struct dirent *de;
	DIR *dir = opendir(projects);
	int rv = -1;

	if (dir == NULL) {
		if (errno == ENOENT)
			rv = 0;
		else
			err_sys(err, ERR_IO, "can not read %s", projects);
		goto out;
	}
	for (errno = 0; (de = readdir(dir)) != NULL; errno = 0) {
		if (is_dot(de->d_name))
			continue;
		free(path);
		path = xasprintf("%s/%s/%s.jsonl", projects, de->d_name, claude_id);
		if (remove_tree(AT_FDCWD, path, 0) == 0) {
			path[strlen(path) - strlen(".jsonl")] = '\0';
			if (remove_tree(AT_FDCWD, path, 0) == 0)
				continue;
		}
		err_sys(err, ERR_IO, "can not remove Claude's conversation %s", path);
		goto out;
	}
	rv = errno == 0 ? 0 : err_sys(err, ERR_IO, "can not read %s", projects);
out:
	if (dir != NULL)
		closedir(dir);
	free(path);
	free(projects);
	return rv;
}
