/* SPDX-License-Identifier: MIT
 *
 * Reads configuration files and finds positions in them. The bytes are checked here, before any
 * parser sees them: libyaml reports bad UTF-8 without a line, and takes UTF-16 too.
 */
#include <sys/stat.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/config_text.h"
#include "common/xmalloc.h"

#define BOM     "\xef\xbb\xbf"
#define BOM_LEN 3

static int
read_all(int fd, const char *path, struct config_text *t, struct err *e)
{
	ssize_t n;

	t->s = xmalloc(CONFIG_TEXT_MAX + 1);
	t->len = 0;
	while ((n = read(fd, t->s + t->len, CONFIG_TEXT_MAX + 1 - t->len)) != 0) {
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return err_sys(e, ERR_CONFIG, "%s: can not be read", path);
		t->len += (size_t)n;
		if (t->len > CONFIG_TEXT_MAX)
			return err_set(e, ERR_CONFIG, "%s: is larger than 1 MiB, the limit", path);
	}
	t->s[t->len] = '\0';
	t->s = xrealloc(t->s, t->len + 1);
	return 0;
}

int
config_text_read(const char *path, struct config_text *t, struct err *e)
{
	struct stat st;
	int fd, rv = -1;

	memset(t, 0, sizeof *t);
	/* O_NONBLOCK: opening a FIFO must not wait for a writer. */
	if ((fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)) == -1)
		return err_sys(
		    e, errno == ENOENT ? ERR_NOT_FOUND : ERR_CONFIG, "%s: can not be opened", path);
	if (fstat(fd, &st) == -1)
		err_sys(e, ERR_CONFIG, "%s: can not be examined", path);
	else if (!S_ISREG(st.st_mode))
		err_set(e, ERR_CONFIG, "%s: is not a regular file", path);
	else {
		t->mode = st.st_mode & 07777;
		rv = read_all(fd, path, t, e);
	}
	if (rv == -1) {
		free(t->s);
		t->s = NULL;
	}
	close(fd);
	return rv;
}

size_t
config_text_char(const char *s, size_t avail)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	unsigned char c = (unsigned char)s[0];
	size_t len = c < 0x80 ? 1 : c < 0xc0 ? 0 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : c < 0xf8 ? 4 : 0;
	uint32_t cp;
	size_t i;

	if (len <= 1 || len > avail)
		return len > avail ? 0 : len;
	cp = c & (0xffu >> (len + 1));
	for (i = 1; i < len; i++) {
		if (((unsigned char)s[i] & 0xc0) != 0x80)
			return 0;
		cp = cp << 6 | ((unsigned char)s[i] & 0x3f);
	}
	if (cp < least[len] || cp > 0x10ffff || (cp >= 0xd800 && cp <= 0xdfff))
		return 0;
	return len;
}

static bool
is_control(const char *s)
{
	unsigned char c = (unsigned char)s[0], d = (unsigned char)s[1];

	return (c < 0x20 && c != '\t' && c != '\n' && c != '\r') || c == 0x7f ||
	    (c == 0xc2 && d < 0xa0 && d != 0x85);
}

int
config_text_check(const char *path, const char *s, size_t len, struct err *e)
{
	size_t at, n, line, col;
	const char *what = NULL;

	for (at = 0; at < len; at += n) {
		if ((n = config_text_char(s + at, len - at)) == 0)
			what = "is not valid UTF-8; save the file as UTF-8";
		else if (is_control(s + at))
			what = "is a control character; write it as an escape, such as \"\\x1b\"";
		if (what != NULL) {
			config_text_position(s, at, &line, &col);
			return err_set(e, ERR_CONFIG, "%s:%zu:%zu: byte 0x%02x %s", path, line, col,
			    (unsigned char)s[at], what);
		}
	}
	return 0;
}

void
config_text_position(const char *s, size_t offset, size_t *line, size_t *col)
{
	size_t at = 0, n;

	*line = 1;
	*col = 1;
	if (offset >= BOM_LEN && memcmp(s, BOM, BOM_LEN) == 0)
		at = BOM_LEN;
	while (at < offset) {
		if (s[at] == '\n' || (s[at] == '\r' && s[at + 1] != '\n')) {
			(*line)++;
			*col = 1;
			at++;
			continue;
		}
		n = config_text_char(s + at, offset - at);
		at += n == 0 ? 1 : n;
		if (s[at - 1] != '\r')
			(*col)++;
	}
}
