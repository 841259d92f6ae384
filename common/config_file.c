/* SPDX-License-Identifier: MIT
 *
 * The file config.yaml, read and replaced, see config_file.h. Knows nothing of what is in it.
 */
#include <sys/file.h>
#include <sys/stat.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/config_edit_impl.h"
#include "common/config_file.h"
#include "common/xmalloc.h"

#define NEW_MODE 0600

int
config_file_read(struct config_file *f, const char *path, struct err *e)
{
	struct err why;
	struct stat st;

	memset(f, 0, sizeof *f);
	f->path = path;
	f->exists = config_text_read(path, &f->text, &why) == 0;
	if (f->exists) {
		if ((f->target = realpath(path, NULL)) == NULL)
			return err_sys(e, ERR_IO, "%s", path);
		return 0;
	}
	if (why.code != ERR_NOT_FOUND) {
		if (e != NULL)
			*e = why;
		return -1;
	}
	if (lstat(path, &st) == 0)
		return err_set(e, ERR_CONFIG, "%s: a link to a file that is not there", path);
	f->text.s = xstrdup("");
	f->text.mode = NEW_MODE;
	f->target = xstrdup(path);
	return 0;
}

void
config_file_release(struct config_file *f)
{
	free(f->text.s);
	free(f->target);
	memset(f, 0, sizeof *f);
}

bool
config_file_writable(const struct config_file *f)
{
	char *copy = xstrdup(f->target);
	bool can = access(dirname(copy), W_OK | X_OK) == 0;

	free(copy);
	return can;
}

/*
 * Against other programs of Iris that write it, by a lock on its directory, which needs no file of its
 * own. -1 in *fd where the file system has none.
 */
static int
lock_dir(const struct config_file *f, int *fd, struct err *e)
{
	char *copy = xstrdup(f->target);
	int rv = 0;

	*fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	free(copy);
	if (*fd != -1 && flock(*fd, LOCK_EX | LOCK_NB) == -1) {
		if (errno == EWOULDBLOCK)
			rv = err_set(e, ERR_IO,
			    "%s: is changed by another program just now; nothing is written, try again",
			    f->path);
		close(*fd);
		*fd = -1;
	}
	return rv;
}

/* What is there is this still: somebody may have saved the file meanwhile, and theirs is newer. */
static int
check_is(const struct config_file *f, bool exists, const char *text, size_t len, struct err *e)
{
	struct config_text now = {.s = NULL};
	struct err why;
	bool same;

	if (config_text_read(f->target, &now, &why) == -1)
		same = !exists && why.code == ERR_NOT_FOUND;
	else
		same = exists && now.len == len && memcmp(now.s, text, len) == 0;
	free(now.s);
	if (!same)
		return err_set(e, ERR_IO,
		    "%s: was changed by another program just now; nothing is written, try again",
		    f->path);
	return 0;
}

/* Both files are on disk before the look at what is there: it takes its place at once after that. */
static int
write_locked(const struct config_file *f, const char *text, size_t len, struct err *e)
{
	char *backup = xasprintf("%s.bak", f->target), *old = NULL, *new = NULL;
	int rv = -1;

	if ((!f->exists ||
		config_edit_prepare(backup, f->text.s, f->text.len, f->text.mode, &old, e) == 0) &&
	    config_edit_prepare(f->target, text, len, f->text.mode, &new, e) == 0 &&
	    check_is(f, f->exists, f->text.s, f->text.len, e) == 0 &&
	    (old == NULL || config_edit_commit(&old, backup, e) == 0))
		rv = config_edit_commit(&new, f->target, e);
	if (rv == 0)
		config_edit_flush_dir(f->target);
	config_edit_drop(old);
	config_edit_drop(new);
	free(backup);
	return rv;
}

int
config_file_write(const struct config_file *f, const char *text, size_t len, struct err *e)
{
	int fd, rv;

	if (len > CONFIG_TEXT_MAX)
		return err_set(e, ERR_LIMIT, "%s: would be larger than 1 MiB, the limit", f->path);
	if (lock_dir(f, &fd, e) == -1)
		return -1;
	rv = write_locked(f, text, len, e);
	if (fd != -1)
		close(fd);
	return rv;
}

static int
restore_locked(const struct config_file *f, struct err *e)
{
	char *new = NULL;
	int rv = -1;

	if (!f->exists)
		return unlink(f->target) == 0
		    ? 0
		    : err_sys(e, ERR_IO, "%s: can not be removed again", f->target);
	if (config_edit_prepare(f->target, f->text.s, f->text.len, f->text.mode, &new, e) == 0 &&
	    config_edit_commit(&new, f->target, e) == 0) {
		config_edit_flush_dir(f->target);
		rv = 0;
	}
	config_edit_drop(new);
	return rv;
}

int
config_file_restore(const struct config_file *f, const char *text, size_t len, struct err *e)
{
	int fd, rv = -1;

	if (lock_dir(f, &fd, e) == -1)
		return -1;
	if (check_is(f, true, text, len, e) == 0)
		rv = restore_locked(f, e);
	if (fd != -1)
		close(fd);
	return rv;
}
