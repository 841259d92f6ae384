/* SPDX-License-Identifier: MIT
 *
 * The file config.yaml, read and replaced, see config_file.h. Knows nothing of what is in it.
 */
#include <sys/stat.h>
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

/* Somebody may have saved the file meanwhile: then theirs is newer than what was read. */
static int
check_unchanged(const struct config_file *f, struct err *e)
{
	struct config_text now = {.s = NULL};
	struct err why;
	bool same;

	if (config_text_read(f->target, &now, &why) == -1)
		same = !f->exists && why.code == ERR_NOT_FOUND;
	else
		same =
		    f->exists && now.len == f->text.len && memcmp(now.s, f->text.s, now.len) == 0;
	free(now.s);
	if (!same)
		return err_set(e, ERR_IO,
		    "%s: was changed by another program just now; nothing is written, try again",
		    f->path);
	return 0;
}

int
config_file_write(const struct config_file *f, const char *text, size_t len, struct err *e)
{
	char *backup;
	int rv = -1;

	if (len > CONFIG_TEXT_MAX)
		return err_set(e, ERR_LIMIT, "%s: would be larger than 1 MiB, the limit", f->path);
	backup = xasprintf("%s.bak", f->target);
	if (check_unchanged(f, e) == 0 &&
	    (!f->exists ||
		config_edit_replace(backup, f->text.s, f->text.len, f->text.mode, e) == 0))
		rv = config_edit_replace(f->target, text, len, f->text.mode, e);
	free(backup);
	return rv;
}

int
config_file_restore(const struct config_file *f, struct err *e)
{
	if (f->exists)
		return config_edit_replace(f->target, f->text.s, f->text.len, f->text.mode, e);
	return unlink(f->target) == 0
	    ? 0
	    : err_sys(e, ERR_IO, "%s: can not be removed again", f->target);
}
