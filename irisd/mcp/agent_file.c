/* SPDX-License-Identifier: MIT
 *
 * Bounded reading, see agent_file.h. A project is the work of others: what is in it decides nothing
 * about what else is read.
 */
#include <sys/stat.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/json.h"
#include "common/paths.h"
#include "common/xmalloc.h"
#include "irisd/mcp/agent_file.h"

/* O_NONBLOCK: opening a FIFO must not wait for a writer. */
#define OPEN_FLAGS (O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
#define BOM        "\xef\xbb\xbf"

static int
read_all(int fd, char *buf, size_t max, size_t *len)
{
	ssize_t n;

	*len = 0;
	while (*len < max && (n = read(fd, buf + *len, max - *len)) != 0) {
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return -1;
		*len += (size_t)n;
	}
	return 0;
}

/* fd is closed; path is for messages. */
static char *
read_text(int fd, const char *path, size_t max, bool *cut, struct err *err)
{
	char *buf = xmalloc(max + 2);
	struct stat st;
	size_t len = 0;
	int rv = -1;

	if (fstat(fd, &st) == -1)
		err_sys(err, ERR_IO, "%s: can not be examined", path);
	else if (!S_ISREG(st.st_mode))
		err_set(err, ERR_CONFIG, "%s: is not a regular file", path);
	else if (read_all(fd, buf, max + 1, &len) == -1)
		err_sys(err, ERR_IO, "%s: can not be read", path);
	else if (len > max && cut == NULL)
		err_set(err, ERR_CONFIG, "%s: is larger than %zu bytes, the limit", path, max);
	else if (memchr(buf, '\0', len) != NULL)
		err_set(err, ERR_CONFIG, "%s: is not a text file", path);
	else
		rv = 0;
	close(fd);
	if (rv == -1) {
		free(buf);
		return NULL;
	}
	if (cut != NULL)
		*cut = len > max;
	len = len > max ? max : len;
	buf[len] = '\0';
	json_utf8_mend(buf);
	if (strncmp(buf, BOM, strlen(BOM)) == 0)
		memmove(buf, buf + strlen(BOM), strlen(buf + strlen(BOM)) + 1);
	return xrealloc(buf, strlen(buf) + 1);
}

/*
 * Step by step from root, no step a link: rel was free of links a moment ago, and is taken only if
 * it still is.
 */
static int
open_below(const char *root, const char *rel)
{
	char step[PATHS_MAX];
	int dir = open(root, O_RDONLY | O_CLOEXEC | O_DIRECTORY), fd;
	size_t n;

	while (dir != -1) {
		n = strcspn(rel, "/");
		memcpy(step, rel, n);
		step[n] = '\0';
		fd = openat(dir, step,
		    O_NOFOLLOW | (rel[n] == '/' ? O_RDONLY | O_CLOEXEC | O_DIRECTORY : OPEN_FLAGS));
		close(dir);
		if (rel[n] == '\0')
			return fd;
		dir = fd;
		rel += n + 1;
	}
	return -1;
}

char *
agent_file_inside(const char *root, const char *rel, size_t max, bool *cut, struct err *err)
{
	char path[PATHS_MAX], real[PATHS_MAX];
	size_t skip = strcmp(root, "/") == 0 ? 0 : strlen(root);
	int fd;

	if (paths_join(path, sizeof path, root, rel) == -1) {
		err_set(err, ERR_INVALID, "%.200s...: the path is too long", root);
		return NULL;
	}
	if (realpath(path, real) == NULL) {
		err_sys(err, errno == ENOENT || errno == ENOTDIR ? ERR_NOT_FOUND : ERR_IO,
		    "%s: can not be opened", path);
		return NULL;
	}
	if (!paths_contains(root, real) || real[skip] != '/') {
		err_set(err, ERR_REFUSED, "%s: leads out of the project, to %s, and is not read",
		    path, real);
		return NULL;
	}
	if ((fd = open_below(root, real + skip + 1)) == -1) {
		err_sys(err, ERR_IO, "%s: can not be opened", path);
		return NULL;
	}
	return read_text(fd, path, max, cut, err);
}

char *
agent_file_read(const char *path, size_t max, struct err *err)
{
	int fd = open(path, OPEN_FLAGS);

	if (fd == -1) {
		err_sys(err, errno == ENOENT || errno == ENOTDIR ? ERR_NOT_FOUND : ERR_IO,
		    "%s: can not be opened", path);
		return NULL;
	}
	return read_text(fd, path, max, NULL, err);
}
