/* SPDX-License-Identifier: MIT
 *
 * The secret of webhooks, see webhook_secret.h.
 */
#include <sys/stat.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base64.h"
#include "common/compat.h"
#include "common/webhook_secret.h"

#define PREFIX    "whsec_"
#define KEY_BYTES 32

/* Whoever comes second takes what the first one has made: it is linked into place whole. */
static int
make(const char *path, struct err *err)
{
	char temp[PATHS_MAX], text[WEBHOOK_TEXT_MAX] = PREFIX;
	uint8_t key[KEY_BYTES];
	size_t n;
	int fd, rv;

	compat_random(key, sizeof key);
	base64_encode(key, sizeof key, text + strlen(PREFIX));
	compat_strlcat(text, "\n", sizeof text);
	n = strlen(text);
	if (snprintf(temp, sizeof temp, "%s.XXXXXX", path) >= (int)sizeof temp)
		return err_set(err, ERR_IO, "the path of %s is too long", path);
	if ((fd = mkstemp(temp)) == -1)
		return err_sys(err, ERR_IO, "can not make %s", path);
	rv = write(fd, text, n) == (ssize_t)n && fsync(fd) == 0 ? 0 : -1;
	close(fd);
	if (rv == 0 && link(temp, path) == -1 && errno != EEXIST)
		rv = -1;
	if (rv == -1)
		err_sys(err, ERR_IO, "can not write %s", path);
	unlink(temp);
	return rv;
}

/* The line without its end; -1 with ERR_NOT_FOUND where there is no such file. */
static int
read_line(const char *path, char text[WEBHOOK_TEXT_MAX], struct err *err)
{
	/* O_NONBLOCK: opening a FIFO must not wait for a writer. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY), rv = -1;
	struct stat st;
	ssize_t n = 0;

	if (fd == -1)
		return err_sys(
		    err, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO, "can not read %s", path);
	if (fstat(fd, &st) == -1 ||
	    (S_ISREG(st.st_mode) && (n = read(fd, text, WEBHOOK_TEXT_MAX - 1)) == -1))
		err_sys(err, ERR_IO, "can not read %s", path);
	else if (!S_ISREG(st.st_mode))
		err_set(err, ERR_INVALID, "%s is not a regular file", path);
	else if ((st.st_mode & (S_IRWXG | S_IRWXO)) != 0)
		err_set(err, ERR_INVALID, "others may read %s, or write it; run: chmod 600 %s",
		    path, path);
	else
		rv = 0;
	close(fd);
	text[rv == 0 ? n : 0] = '\0';
	text[strcspn(text, "\r\n")] = '\0';
	return rv;
}

int
webhook_secret(const struct paths *p, char text[WEBHOOK_TEXT_MAX], uint8_t key[WEBHOOK_KEY_MAX],
    size_t *len, struct err *err)
{
	char path[PATHS_MAX];
	struct err first;
	int n;

	if (paths_join(path, sizeof path, p->home, "webhook.secret") == -1)
		return err_set(err, ERR_IO, "the path of IRIS_HOME is too long");
	if (read_line(path, text, &first) == -1) {
		if (first.code != ERR_NOT_FOUND) {
			*err = first;
			return -1;
		}
		if (make(path, err) == -1 || read_line(path, text, err) == -1)
			return -1;
	}
	if (strncmp(text, PREFIX, strlen(PREFIX)) != 0 ||
	    (n = base64_decode(text + strlen(PREFIX), key, WEBHOOK_KEY_MAX)) < WEBHOOK_KEY_MIN)
		return err_set(err, ERR_INVALID,
		    "%s must have one line, " PREFIX
		    " and the base64 of %d to %d bytes; remove it, and a new one is made",
		    path, WEBHOOK_KEY_MIN, WEBHOOK_KEY_MAX);
	*len = (size_t)n;
	return 0;
}
