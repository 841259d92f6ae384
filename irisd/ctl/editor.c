/* SPDX-License-Identifier: MIT
 *
 * Runs the editor on a file of its own, see editor.h. The editor is in the foreground as this
 * program is, in the same process group; its words are split at blanks, and no shell is asked.
 */
#include <sys/stat.h>
#include <sys/wait.h>
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/compat.h"
#include "common/json.h"
#include "common/paths.h"
#include "common/xmalloc.h"
#include "irisd/ctl/editor.h"

#define TEXT_LIMIT ((size_t)16 * 1024 * 1024)
#define WORDS_MAX  32

extern char **environ;

static int
write_file(const char *path, const char *text, struct err *err)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	size_t len = strlen(text), done = 0;
	ssize_t n = 0;

	if (fd == -1)
		return err_sys(err, ERR_IO, "can not make %s", path);
	while (done < len && (n = write(fd, text + done, len - done)) > 0)
		done += (size_t)n;
	if (close(fd) == -1 || done < len)
		return err_sys(err, ERR_IO, "can not write %s", path);
	return 0;
}

static char *
read_file(const char *path, struct err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char *text;
	size_t len = 0;
	ssize_t n;

	if (fd == -1) {
		err_sys(err, ERR_IO, "can not read %s", path);
		return NULL;
	}
	text = xmalloc(TEXT_LIMIT + 1);
	while ((n = read(fd, text + len, TEXT_LIMIT - len)) > 0)
		len += (size_t)n;
	close(fd);
	text[len] = '\0';
	if (n == 0 && len < TEXT_LIMIT && strlen(text) == len)
		return text;
	err_set(err, ERR_INVALID, "what the editor has left in %s can not be read", path);
	free(text);
	return NULL;
}

/* The editor's words and the file behind them, in line, which they lie in. */
static void
words(char *line, const char *path, char **argv)
{
	size_t n = 0;
	char *w, *rest = line;

	while ((w = strtok_r(rest, " \t", &rest)) != NULL && n < WORDS_MAX)
		argv[n++] = w;
	argv[n] = xstrdup(path);
	argv[n + 1] = NULL;
}

static int
run(const char *path, struct err *err)
{
	const char *editor = getenv("VISUAL");
	char *line, *argv[WORDS_MAX + 2];
	int status = 0, rv;
	pid_t pid;

	if (editor == NULL || strspn(editor, " \t") == strlen(editor))
		editor = getenv("EDITOR");
	if (editor == NULL || strspn(editor, " \t") == strlen(editor))
		editor = "vi";
	line = xstrdup(editor);
	words(line, path, argv);
	rv = posix_spawnp(&pid, argv[0], NULL, NULL, argv, environ);
	while (rv == 0 && waitpid(pid, &status, 0) == -1 && errno == EINTR)
		continue;
	if (rv != 0)
		rv = err_set(
		    err, ERR_IO, "can not start the editor \"%s\": %s", editor, strerror(rv));
	else if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		rv = err_set(err, ERR_CANCELLED, "the editor \"%s\" has failed", editor);
	for (status = 0; argv[status + 1] != NULL; status++)
		continue;
	free(argv[status]);
	free(line);
	return rv;
}

char *
editor_run(const char *dir, const char *name, const char *text, struct err *err)
{
	char place[PATHS_MAX], path[PATHS_MAX], *edited = NULL;

	if (paths_join(place, sizeof place, dir, "edit-XXXXXX") == -1 || mkdtemp(place) == NULL) {
		err_sys(err, ERR_IO, "can not make a directory in %s", dir);
		return NULL;
	}
	if (paths_join(path, sizeof path, place, name) == -1)
		err_set(err, ERR_IO, "the path of %s is too long", place);
	else if (write_file(path, text, err) == 0 && run(path, err) == 0)
		edited = read_file(path, err);
	unlink(path);
	rmdir(place);
	return edited;
}
