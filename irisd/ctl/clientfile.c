/* SPDX-License-Identifier: MIT
 *
 * See clientfile.h. Claude Code writes this file too, at any time: it is read again right before it
 * is replaced, and replaced by rename, so that no reader ever sees half of it.
 */
#include <sys/stat.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/compat.h"
#include "common/json.h"
#include "common/xmalloc.h"
#include "irisd/ctl/clientfile.h"
#include "irisd/ctl/jsonedit.h"

#define FILE_MAX ((size_t)64 * 1024 * 1024)
#define OUTER    "mcpServers"
#define NAME     "iris"

static int
find_path(struct clientfile *f, struct err *err)
{
	const char *dir = getenv("CLAUDE_CONFIG_DIR"), *home;
	struct stat st;

	if (dir != NULL && dir[0] != '\0') {
		if (paths_join(f->path, sizeof f->path, dir, ".claude.json") == -1)
			return err_set(err, ERR_CONFIG, "CLAUDE_CONFIG_DIR is too long");
	} else {
		if ((home = paths_user_home()) == NULL)
			return err_set(
			    err, ERR_CONFIG, "no home directory: set HOME to an absolute path");
		if (paths_join(f->path, sizeof f->path, home, ".claude.json") == -1)
			return err_set(err, ERR_CONFIG, "HOME is too long");
	}
	/* Where a link leads, the file is replaced, and the link stays. */
	if (realpath(f->path, f->target) != NULL)
		return 0;
	if (lstat(f->path, &st) == 0 && S_ISLNK(st.st_mode))
		return err_set(err, ERR_IO,
		    "%s is a link to a file that is not there; make the file or remove the link",
		    f->path);
	compat_strlcpy(f->target, f->path, sizeof f->target);
	return 0;
}

static int
read_text(struct clientfile *f, struct err *err)
{
	/* Not to wait for a writer, where it is no file but a FIFO. */
	int fd = open(f->target, O_RDONLY | O_CLOEXEC | O_NONBLOCK), rv = -1;
	struct stat st;
	ssize_t n = 0;

	free(f->text);
	f->text = xstrdup("");
	f->len = 0;
	f->mode = 0600;
	f->exists = false;
	if (fd == -1)
		return errno == ENOENT ? 0 : err_sys(err, ERR_IO, "can not open %s", f->path);
	if (fstat(fd, &st) == -1 || !S_ISREG(st.st_mode) || (size_t)st.st_size > FILE_MAX) {
		err_set(err, ERR_IO, "%s is not a file that can be changed", f->path);
		goto out;
	}
	f->exists = true;
	f->mode = st.st_mode & 07777;
	f->text = xrealloc(f->text, (size_t)st.st_size + 1);
	while (f->len < (size_t)st.st_size &&
	    ((n = read(fd, f->text + f->len, (size_t)st.st_size - f->len)) > 0 ||
		(n == -1 && errno == EINTR)))
		f->len += n > 0 ? (size_t)n : 0;
	f->text[f->len] = '\0';
	if (n == -1) {
		err_sys(err, ERR_IO, "can not read %s", f->path);
		goto out;
	}
	rv = 0;
out:
	close(fd);
	return rv;
}

int
clientfile_open(struct clientfile *f, struct err *err)
{
	memset(f, 0, sizeof *f);
	return find_path(f, err) == -1 ? -1 : read_text(f, err);
}

void
clientfile_close(struct clientfile *f)
{
	free(f->text);
	f->text = NULL;
}

/* The same value, whatever its spaces and the order of its members. */
static bool
same_value(const char *a, size_t alen, const char *b)
{
	cJSON *x = json_parse(a, alen, NULL), *y = json_parse(b, strlen(b), NULL);
	bool same = x != NULL && y != NULL && cJSON_Compare(x, y, true);

	cJSON_Delete(x);
	cJSON_Delete(y);
	return same;
}

static void
not_understood(const struct clientfile *f, struct err *err)
{
	char why[ERR_MSG_MAX];

	compat_strlcpy(why, err->msg, sizeof why);
	err_set(err, err->code,
	    "%s: %s; nothing is changed. Mend the file, or let Claude Code do it: "
	    "\"iris install --print claude\"",
	    f->path, why);
}

char *
clientfile_with(const struct clientfile *f, const char *value, bool *same, struct err *err)
{
	struct jsonedit_span span;
	char *new = NULL;
	bool found;

	if (jsonedit_find(f->text, f->len, OUTER, NAME, &found, &span, err) == -1) {
		not_understood(f, err);
		return NULL;
	}
	*same = value == NULL ? !found : found && same_value(f->text + span.at, span.len, value);
	if (*same)
		return xstrndup(f->text, f->len);
	if (value == NULL)
		new = jsonedit_remove(f->text, f->len, OUTER, NAME, err);
	else
		new = jsonedit_set(f->text, f->len, OUTER, NAME, value, err);
	if (new != NULL && json_check(new, strlen(new), err) == -1) {
		free(new);
		new = NULL;
	}
	if (new == NULL)
		not_understood(f, err);
	return new;
}

static int
write_all(int fd, const char *text, size_t len)
{
	ssize_t n;

	while (len > 0) {
		n = write(fd, text, len);
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return -1;
		text += n;
		len -= (size_t)n;
	}
	return fsync(fd);
}

/* The old text, readable by its owner alone: the file has secrets in it. */
static int
keep_backup(struct clientfile *f, struct err *err)
{
	time_t now = time(NULL);
	char stamp[32];
	struct tm tm;
	int fd, i, rv;

	localtime_r(&now, &tm);
	strftime(stamp, sizeof stamp, "%Y%m%d-%H%M%S", &tm);
	for (i = 0;; i++) {
		char suffix[16] = "";
		if (i > 0)
			snprintf(suffix, sizeof suffix, ".%d", i);
		if (snprintf(f->backup, sizeof f->backup, "%s.iris-backup-%s%s", f->target, stamp,
			suffix) >= (int)sizeof f->backup)
			return err_set(err, ERR_IO, "the name of %s is too long", f->path);
		fd = open(f->backup, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
		if (fd != -1 || errno != EEXIST || i == 100)
			break;
	}
	if (fd == -1) {
		err_sys(err, ERR_IO, "can not make the backup %s", f->backup);
		f->backup[0] = '\0';
		return -1;
	}
	if ((rv = write_all(fd, f->text, f->len)) == -1)
		err_sys(err, ERR_IO, "can not write the backup %s", f->backup);
	close(fd);
	return rv;
}

/* A new file beside the old one, then a rename over it. */
static int
replace(const struct clientfile *f, const char *text, struct err *err)
{
	char temp[PATHS_MAX];
	int fd, rv = -1;

	if (snprintf(temp, sizeof temp, "%s.iris-XXXXXX", f->target) >= (int)sizeof temp)
		return err_set(err, ERR_IO, "the name of %s is too long", f->path);
	if ((fd = mkstemp(temp)) == -1)
		return err_sys(err, ERR_IO, "can not write beside %s", f->path);
	if (fchmod(fd, f->mode) == -1 || write_all(fd, text, strlen(text)) == -1)
		err_sys(err, ERR_IO, "can not write %s", temp);
	else if (rename(temp, f->target) == -1)
		err_sys(err, ERR_IO, "can not replace %s", f->path);
	else
		rv = 0;
	close(fd);
	if (rv == -1)
		unlink(temp);
	return rv;
}

int
clientfile_change(struct clientfile *f, const char *value, struct err *err)
{
	char *new = NULL;
	bool same;
	int rv = -1;

	/* A person may have thought for minutes about the question: work on what is there now. */
	if (read_text(f, err) == -1 || (new = clientfile_with(f, value, &same, err)) == NULL)
		return -1;
	if (same)
		rv = 0;
	else if (!f->exists || keep_backup(f, err) == 0)
		rv = replace(f, new, err);
	free(new);
	return rv;
}

char *
clientfile_command(const struct clientfile *f)
{
	struct jsonedit_span span;
	char *command = NULL;
	const char *s;
	cJSON *entry;
	bool found;

	if (jsonedit_find(f->text, f->len, OUTER, NAME, &found, &span, NULL) == -1 || !found)
		return NULL;
	entry = json_parse(f->text + span.at, span.len, NULL);
	if ((s = json_str(entry, "command")) != NULL)
		command = xstrdup(s);
	cJSON_Delete(entry);
	return command;
}
