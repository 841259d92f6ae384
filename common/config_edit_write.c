/* SPDX-License-Identifier: MIT
 *
 * Values as YAML, and files replaced as a whole. Called by config_edit.c. A reader of the file sees
 * the old text or the new one, also after a power cut, never a part.
 */
#include <sys/stat.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "common/config_edit_impl.h"
#include "common/config_text.h"
#include "common/xmalloc.h"

/* What YAML 1.1 or 1.2 reads as something other than text. */
static bool
is_yaml_word(const char *s)
{
	static const char *const words[] = {
	    "null", "true", "false", "yes", "no", "on", "off", "y", "n"};
	size_t i;

	for (i = 0; i < sizeof words / sizeof words[0]; i++)
		if (strcasecmp(s, words[i]) == 0)
			return true;
	return false;
}

static bool
can_be_plain(const char *s, unsigned how)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_/";
	static const char others[] = "0123456789 .,+@=()~-";
	size_t len = strlen(s), i;

	if ((how & EDIT_QUOTE_ALWAYS) != 0)
		return false;
	if ((how & EDIT_QUOTE_NUMBER) != 0 && len > 0 && s[strspn(s, "0123456789")] == '\0')
		return true;
	if (len == 0 || s[len - 1] == ' ' || is_yaml_word(s))
		return false;
	if (strchr(letters, s[0]) == NULL && strncmp(s, "~/", 2) != 0 && strncmp(s, "./", 2) != 0 &&
	    strncmp(s, "../", 3) != 0)
		return false;
	for (i = 0; i < len; i++)
		if ((strchr(letters, s[i]) == NULL && strchr(others, s[i]) == NULL) ||
		    (s[i] == ',' && (how & EDIT_QUOTE_FLOW) != 0))
			return false;
	return true;
}

/* Line breaks and other invisible characters beyond ASCII, which YAML would fold or refuse. */
bool
config_edit_needs_escape(const char *s, unsigned *code)
{
	unsigned char a = (unsigned char)s[0], b = a != 0 ? (unsigned char)s[1] : 0;
	unsigned char c = b != 0 ? (unsigned char)s[2] : 0;

	if (a == 0xc2 && b < 0xa0)
		*code = b;
	else if (a == 0xe2 && b == 0x80 && (c == 0xa8 || c == 0xa9))
		*code = 0x2000u | (c & 0x3fu);
	else if (a == 0xef && ((b == 0xbb && c == 0xbf) || (b == 0xbf && c >= 0xbe)))
		*code = 0xf000u | (b & 0x3fu) << 6 | (c & 0x3fu);
	else
		return false;
	return true;
}

/*
 * One character of a text in double quotes; out has room for ESCAPE_MAX bytes. Returns how many it
 * took.
 */
#define ESCAPE_MAX 8

static size_t
quote_char(const char *s, size_t n, unsigned how, char out[ESCAPE_MAX])
{
	unsigned char c = (unsigned char)s[0];
	unsigned code;
	int len;

	if (c == '"' || c == '\\')
		len = snprintf(out, ESCAPE_MAX, "\\%c", c);
	else if (c == '\n')
		len = snprintf(out, ESCAPE_MAX, "\\n");
	else if (c < 0x20 || c == 0x7f)
		len = snprintf(out, ESCAPE_MAX, "\\x%02x", c);
	else if (config_edit_needs_escape(s, &code))
		len = snprintf(out, ESCAPE_MAX, "\\u%04x", code);
	else if (c == '$' && s[1] == '{' && (how & EDIT_QUOTE_VARIABLES) == 0)
		len = snprintf(out, ESCAPE_MAX, "$$");
	else {
		memcpy(out, s, n);
		len = (int)n;
	}
	return (size_t)len;
}

char *
config_edit_quote(const char *value, unsigned how)
{
	size_t left = strlen(value), used = 0, n;
	char *out;

	if (can_be_plain(value, how))
		return xstrdup(value);
	out = xmalloc(left * ESCAPE_MAX + 3);
	out[used++] = '"';
	for (; left > 0; value += n, left -= n) {
		if ((n = config_text_char(value, left)) == 0) {
			free(out);
			return NULL;
		}
		used += quote_char(value, n, how, out + used);
	}
	out[used++] = '"';
	out[used] = '\0';
	return out;
}

static int
write_all(int fd, const char *s, size_t len)
{
	ssize_t n;

	while (len > 0) {
		if ((n = write(fd, s, len)) == -1) {
			if (errno == EINTR)
				continue;
			return -1;
		}
		s += n;
		len -= (size_t)n;
	}
	return 0;
}

void
config_edit_flush_dir(const char *path)
{
	const char *slash = strrchr(path, '/');
	char *dir = slash == NULL ? xstrdup(".")
				  : xstrndup(path, slash == path ? 1 : (size_t)(slash - path));
	int fd = open(dir, O_RDONLY | O_CLOEXEC | O_DIRECTORY);

	if (fd != -1) {
		fsync(fd);
		close(fd);
	}
	free(dir);
}

int
config_edit_prepare(
    const char *target, const char *text, size_t len, mode_t mode, char **out, struct err *e)
{
	char *tmp = xasprintf("%s.XXXXXX", target);
	int fd = mkstemp(tmp), rv = -1;

	if (fd == -1) {
		err_sys(e, ERR_IO, "%s: can not be made", tmp);
		free(tmp);
		return -1;
	}
	if (fchmod(fd, mode & 0777) == -1 || write_all(fd, text, len) == -1 || fsync(fd) == -1)
		err_sys(e, ERR_IO, "%s: can not be written", tmp);
	else
		rv = 0;
	close(fd);
	if (rv == 0) {
		*out = tmp;
		return 0;
	}
	unlink(tmp);
	free(tmp);
	return -1;
}

int
config_edit_commit(char **tmp, const char *target, struct err *e)
{
	if (rename(*tmp, target) == -1)
		return err_sys(e, ERR_IO, "%s: can not be replaced", target);
	free(*tmp);
	*tmp = NULL;
	return 0;
}

void
config_edit_drop(char *tmp)
{
	if (tmp != NULL)
		unlink(tmp);
	free(tmp);
}
