/* SPDX-License-Identifier: MIT
 *
 * Writing a host's key into the user's known_hosts, see knownhosts.h: a line at the end, or a new
 * file in place of the old one, with a rename, so that no other ssh ever reads half of it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/xmalloc.h"
#include "iris-worker/ssh/knownhosts.h"
#include "iris-worker/ssh/knownhosts_line.h"

/* The directory of the file, where it is missing: one level, as ssh does it. */
static int
make_directory(const char *path, struct err *err)
{
	const char *slash = strrchr(path, '/');
	char *dir;
	int rc = 0;

	if (slash == NULL || slash == path)
		return 0;
	dir = xstrndup(path, (size_t)(slash - path));
	if (mkdir(dir, 0700) == -1 && errno != EEXIST)
		rc = err_sys(err, ERR_IO, "the directory %s can not be made", dir);
	free(dir);
	return rc;
}

static char *
new_line(const struct conf *c, ssh_key key)
{
	char *name = known_name(c), *base64 = NULL, *line;

	if (ssh_pki_export_pubkey_base64(key, &base64) != SSH_OK) {
		free(name);
		return NULL;
	}
	line = xasprintf("%s %s %s\n", name, known_type(key), base64);
	ssh_string_free_char(base64);
	free(name);
	return line;
}

static int
append(const char *path, const char *line, struct err *err)
{
	char last = '\n', *text;
	off_t end;
	size_t len;
	int fd, rc = -1;

	fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (fd == -1)
		return err_sys(err, ERR_IO, "the host's key can not be recorded in %s", path);
	end = lseek(fd, 0, SEEK_END);
	if (end > 0 && pread(fd, &last, 1, end - 1) != 1)
		last = '\n';
	text = xasprintf("%s%s", last == '\n' ? "" : "\n", line);
	len = strlen(text);
	if (write(fd, text, len) == (ssize_t)len)
		rc = 0;
	else
		err_sys(err, ERR_IO, "the host's key can not be recorded in %s", path);
	free(text);
	close(fd);
	return rc;
}

/* What stays when this host's entries go: everything else, and what many hosts share. */
static bool
stays(const char *name, const char *line)
{
	struct known_line l;
	char *copy;
	bool keep;

	copy = xstrndup(line, strcspn(line, "\r\n"));
	keep = known_line_parse(name, copy, &l) == -1;
	free(copy);
	if (keep)
		return true;
	ssh_key_free(l.key);
	return l.revoked || l.pattern;
}

static int
copy_rest(FILE *in, FILE *out, const char *name, const char *line)
{
	char *text = NULL;
	size_t size = 0;
	ssize_t n;
	bool ok = true, ended = true;

	while (ok && (n = getline(&text, &size, in)) != -1) {
		if (name != NULL && !stays(name, text))
			continue;
		ok = fwrite(text, 1, (size_t)n, out) == (size_t)n;
		ended = text[n - 1] == '\n';
	}
	free(text);
	if (ok && line != NULL)
		ok = (ended || fputc('\n', out) != EOF) && fputs(line, out) != EOF;
	return ok && !ferror(in) && fflush(out) == 0 && fsync(fileno(out)) == 0 ? 0 : -1;
}

/* The file, copied to another beside it; name and line: without that host, and with that line. */
static int
copy_to(const char *from, const char *to, const char *name, const char *line, struct err *err)
{
	char *tmp = xasprintf("%s.iris-XXXXXX", to);
	FILE *in = NULL, *out = NULL;
	int fd, rc = -1;

	if ((fd = mkstemp(tmp)) == -1 || (out = fdopen(fd, "w")) == NULL) {
		err_sys(err, ERR_IO, "%s can not be made", tmp);
		if (fd != -1)
			close(fd);
		goto out;
	}
	if ((in = fopen(from, "r")) == NULL || copy_rest(in, out, name, line) == -1) {
		err_sys(err, ERR_IO, "%s can not be copied to %s", from, tmp);
		goto out;
	}
	if (rename(tmp, to) == -1) {
		err_sys(err, ERR_IO, "%s can not become %s", tmp, to);
		goto out;
	}
	rc = 0;
out:
	if (in != NULL)
		fclose(in);
	if (out != NULL)
		fclose(out);
	if (rc == -1)
		unlink(tmp);
	free(tmp);
	return rc;
}

static int
replace_in(const struct conf *c, const char *path, const char *line, struct err *err)
{
	char *real = realpath(path, NULL), *old = NULL, *name = known_name(c);
	int rc = -1;

	/* In another file only: then there is nothing to take out of this one. */
	if (real == NULL) {
		rc = append(path, line, err);
		goto out;
	}
	old = xasprintf("%s.old", real);
	rc = copy_to(real, old, NULL, NULL, err) == -1 ? -1 : copy_to(real, real, name, line, err);
out:
	free(real);
	free(old);
	free(name);
	return rc;
}

int
known_record(const struct conf *c, ssh_key key, bool replace, struct err *err)
{
	char *path = known_file(c, err), *line = NULL;
	int rc = -1;

	if (path == NULL)
		return -1;
	if (strcmp(path, "none") == 0) {
		err_set(
		    err, ERR_INVALID, "UserKnownHostsFile is none: there is no place for a key");
		goto out;
	}
	if ((line = new_line(c, key)) == NULL) {
		err_set(err, ERR_INTERNAL, "the host's key can not be written down");
		goto out;
	}
	if (make_directory(path, err) == -1)
		goto out;
	rc = replace ? replace_in(c, path, line, err) : append(path, line, err);
out:
	free(path);
	free(line);
	return rc;
}
