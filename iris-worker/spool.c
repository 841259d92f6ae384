/* SPDX-License-Identifier: MIT
 *
 * The spool file, see spool.h. Called by report.c. Never reads what it has written: that is
 * irisd's, once this worker is gone.
 */
#include <sys/stat.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/compat.h"
#include "common/log.h"
#include "iris-worker/spool.h"

void
spool_init(struct spool *s, const char *dir, pid_t pid, uint64_t start)
{
	int n;

	memset(s, 0, sizeof *s);
	s->fd = -1;
	if (dir == NULL)
		return;
	n = snprintf(s->path, sizeof s->path, "%s/%ld-%" PRIu64 ".jsonl", dir, (long)pid, start);
	if (n < 0 || n >= (int)sizeof s->path) {
		log_error("the path of the spool directory is too long; results are not spooled");
		return;
	}
	compat_strlcpy(s->dir, dir, sizeof s->dir);
}

/* So that the name of a new file is on disk as well. */
static int
sync_dir(const char *dir)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), rv, saved;

	if (fd == -1)
		return -1;
	/* Some file systems can not sync a directory, and need not. */
	rv = fsync(fd) == -1 && errno != EINVAL ? -1 : 0;
	saved = errno;
	close(fd);
	errno = saved;
	return rv;
}

static int
open_file(struct spool *s)
{
	struct stat st;

	if (s->fd != -1)
		return 0;
	s->fd = open(s->path, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, (mode_t)0600);
	if (s->fd == -1)
		return -1;
	if (fstat(s->fd, &st) == -1 || sync_dir(s->dir) == -1) {
		spool_close(s);
		return -1;
	}
	s->size = st.st_size;
	return 0;
}

static int
write_all(int fd, const char *p, size_t n)
{
	ssize_t put;

	while (n > 0) {
		put = write(fd, p, n);
		if (put == -1 && errno == EINTR)
			continue;
		if (put == -1)
			return -1;
		p += put;
		n -= (size_t)put;
	}
	return 0;
}

int
spool_append(struct spool *s, const char *line, struct err *err)
{
	size_t len = strlen(line);
	int rv, saved;

	if (s->dir[0] == '\0')
		return err_set(err, ERR_UNAVAILABLE, "there is no spool directory (option -d)");
	if (open_file(s) == -1)
		return err_sys(err, ERR_IO, "can not make the spool file %s", s->path);
	if (write_all(s->fd, line, len) == 0 && fsync(s->fd) == 0) {
		s->size += (off_t)len;
		return 0;
	}
	/*
	 * Half a line would spoil the next one; and what a sync has refused counts as never
	 * written.
	 */
	saved = errno;
	if (ftruncate(s->fd, s->size) == -1)
		log_error("can not cut %s: %s", s->path, strerror(errno));
	errno = saved;
	rv = err_sys(err, ERR_IO, "can not write to the spool file %s", s->path);
	return rv;
}

void
spool_remove(struct spool *s)
{
	if (s->fd == -1)
		return;
	if (unlink(s->path) == -1)
		log_error("can not remove %s: %s", s->path, strerror(errno));
	spool_close(s);
}

void
spool_close(struct spool *s)
{
	if (s->fd != -1)
		close(s->fd);
	s->fd = -1;
}
