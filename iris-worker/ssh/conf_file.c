/* SPDX-License-Identifier: MIT
 *
 * Reading ssh_config(5): Host, Match, Include, and lines of a keyword and its value, which conf.c
 * knows. libssh has a reader, too, but what it has read can not be asked for again (identities,
 * HostKeyAlias), and its ProxyJump runs the ssh program, which this program stands in for.
 * Match exec would run a command: such a section is passed over, and that is said.
 */
#include <ctype.h>
#include <errno.h>
#include <glob.h>
#include <pwd.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/paths.h"
#include "common/xmalloc.h"
#include "iris-worker/ssh/conf.h"
#include "iris-worker/ssh/say.h"

#define DEPTH_MAX  16
#define FILE_BYTES (1024 * 1024)

struct reader {
	struct conf *c;
	const char *path;
	int line;
	int depth;
	bool active; /* the section applies to this host */
};

static int read_file(struct conf *, const char *, int, bool, bool, struct err *);

char *
conf_word(const char **p)
{
	const char *s = *p, *end;
	char *out;

	while (*s == ' ' || *s == '\t')
		s++;
	if (*s == '\0')
		return NULL;
	if (*s == '"' && (end = strchr(s + 1, '"')) != NULL) {
		out = xstrndup(s + 1, (size_t)(end - s - 1));
		*p = end + 1;
		return out;
	}
	end = s + strcspn(s, " \t");
	out = xstrndup(s, (size_t)(end - s));
	*p = end;
	return out;
}

static bool
match_one(const char *pat, const char *end, const char *text)
{
	for (; pat < end; pat++, text++) {
		if (*pat == '*') {
			while (pat < end && *pat == '*')
				pat++;
			if (pat == end)
				return true;
			for (; *text != '\0'; text++)
				if (match_one(pat, end, text))
					return true;
			return false;
		}
		if (*text == '\0' ||
		    (*pat != '?' && tolower((unsigned char)*pat) != tolower((unsigned char)*text)))
			return false;
	}
	return *text == '\0';
}

bool
conf_match(const char *list, const char *text)
{
	const char *p = list, *end;
	bool found = false, negated;

	while (*(p += strspn(p, ", \t\"")) != '\0') {
		end = p + strcspn(p, ", \t\"");
		negated = *p == '!';
		if (match_one(p + negated, end, text)) {
			if (negated)
				return false;
			found = true;
		}
		p = end;
	}
	return found;
}

/* What a token of ssh_config(5) stands for, or NULL. */
static const char *
token(const struct conf *c, char ch, char *buf, size_t size)
{
	struct passwd *pw;

	switch (ch) {
	case '%':
		return "%";
	case 'd':
		return paths_user_home();
	case 'h':
		return c->host != NULL ? c->host : c->name;
	case 'k':
		return c->alias != NULL ? c->alias : c->name;
	case 'n':
		return c->name;
	case 'r':
		return c->user;
	case 'i':
		snprintf(buf, size, "%ld", (long)getuid());
		return buf;
	case 'p':
		snprintf(buf, size, "%d", c->port == -1 ? CONF_PORT : c->port);
		return buf;
	case 'l':
	case 'L':
		if (ch == 'l')
			return (pw = getpwuid(getuid())) != NULL ? pw->pw_name : NULL;
		if (gethostname(buf, size) != 0)
			return NULL;
		buf[strcspn(buf, ".")] = '\0';
		return buf;
	default:
		return NULL;
	}
}

char *
conf_expand(const struct conf *c, const char *text, struct err *err)
{
	char *out = xstrdup(""), *more, name[256], buf[300];
	const char *p = text, *value;
	size_t n;

	for (; *p != '\0'; p += n) {
		n = 1;
		value = NULL;
		if (p == text && p[0] == '~' && (p[1] == '/' || p[1] == '\0')) {
			value = paths_user_home();
		} else if (p[0] == '%') {
			value = token(c, p[1], buf, sizeof buf);
			n = p[1] == '\0' ? 1 : 2;
		} else if (p[0] == '$' && p[1] == '{' && (n = strcspn(p, "}")) < sizeof name &&
		    p[n] == '}') {
			snprintf(name, sizeof name, "%.*s", (int)(n - 2), p + 2);
			value = getenv(name);
			n++;
		} else {
			n = strcspn(p + 1, "%$") + 1;
			more = xasprintf("%s%.*s", out, (int)n, p);
			free(out);
			out = more;
			continue;
		}
		if (value == NULL) {
			err_set(err, ERR_INVALID, "'%.*s' in '%.200s' stands for nothing here",
			    (int)n, p, text);
			free(out);
			return NULL;
		}
		more = xasprintf("%s%s", out, value);
		free(out);
		out = more;
	}
	return out;
}

/* One criterion of a Match line: 1 it holds, 0 it does not, -1 unknown. */
static int
criterion(const struct reader *r, const char *name, const char **rest)
{
	const struct conf *c = r->c;
	struct passwd *pw;
	char *arg;
	int rc = -1;

	if (strcasecmp(name, "all") == 0)
		return 1;
	if (strcasecmp(name, "canonical") == 0 || strcasecmp(name, "final") == 0)
		return 0;
	if ((arg = conf_word(rest)) == NULL)
		return -1;
	if (strcasecmp(name, "host") == 0) {
		rc = conf_match(arg, c->host != NULL ? c->host : c->name);
	} else if (strcasecmp(name, "originalhost") == 0) {
		rc = conf_match(arg, c->name);
	} else if (strcasecmp(name, "user") == 0 || strcasecmp(name, "localuser") == 0) {
		pw = getpwuid(getuid());
		if (strcasecmp(name, "user") == 0 && c->user != NULL)
			rc = conf_match(arg, c->user);
		else
			rc = pw != NULL && conf_match(arg, pw->pw_name);
	} else if (strcasecmp(name, "exec") == 0) {
		say("%s line %d: iris-ssh runs no command for \"Match exec\": left out", r->path,
		    r->line);
		rc = 0;
	}
	free(arg);
	return rc;
}

static int
match_line(const struct reader *r, const char *value, struct err *err)
{
	const char *p = value;
	char *name, *bare;
	bool holds = true, negated;
	int rc = 0;

	while (holds && (name = conf_word(&p)) != NULL) {
		negated = *name == '!';
		bare = name + negated;
		if ((rc = criterion(r, bare, &p)) == -1)
			err_set(err, ERR_INVALID, "%s line %d: 'Match %.100s' is not understood",
			    r->path, r->line, bare);
		free(name);
		if (rc == -1)
			return -1;
		holds = (rc == 1) != negated;
	}
	return holds;
}

static int
include(struct reader *r, const char *value, struct err *err)
{
	const char *p = value, *home = paths_user_home();
	char *name, *full, *pattern;
	glob_t g;
	size_t i;
	int rc = 0;

	while (rc == 0 && (name = conf_word(&p)) != NULL) {
		full = conf_expand(r->c, name, err);
		free(name);
		if (full == NULL)
			return -1;
		if (*full == '/')
			pattern = xstrdup(full);
		else if (strncmp(r->path, "/etc/ssh/", 9) == 0)
			pattern = xasprintf("/etc/ssh/%s", full);
		else
			pattern = xasprintf("%s/.ssh/%s", home != NULL ? home : "", full);
		free(full);
		if (glob(pattern, 0, NULL, &g) == 0) {
			for (i = 0; rc == 0 && i < g.gl_pathc; i++)
				rc = read_file(
				    r->c, g.gl_pathv[i], r->depth + 1, r->active, false, err);
			globfree(&g);
		}
		free(pattern);
	}
	return rc;
}

static int
one_line(struct reader *r, char *text, struct err *err)
{
	char *keyword, *value;
	size_t len, n;
	int rc = 0;

	keyword = text + strspn(text, " \t");
	if (*keyword == '#' || *keyword == '\0')
		return 0;
	len = strlen(keyword);
	while (len > 0 && strchr(" \t\r\f", keyword[len - 1]) != NULL)
		keyword[--len] = '\0';
	n = strcspn(keyword, " \t=");
	value = keyword + n;
	value += strspn(value, " \t");
	if (*value == '=')
		value++;
	value += strspn(value, " \t");
	keyword[n] = '\0';
	if (strcasecmp(keyword, "Host") == 0) {
		r->active = conf_match(value, r->c->name);
	} else if (strcasecmp(keyword, "Match") == 0) {
		if ((rc = match_line(r, value, err)) != -1)
			r->active = rc == 1;
	} else if (r->active && strcasecmp(keyword, "Include") == 0) {
		rc = include(r, value, err);
	} else if (r->active && conf_set(r->c, keyword, value, CONF_FILE, err) == -1) {
		rc = err_prefix(err, "%s line %d: ", r->path, r->line);
	}
	return rc == -1 ? -1 : 0;
}

/* As ssh: what another user can write decides nothing about where this one logs in. */
static int
check_owner(FILE *f, const char *path, struct err *err)
{
	struct stat st;

	if (fstat(fileno(f), &st) == -1)
		return err_sys(err, ERR_IO, "%s", path);
	if ((st.st_uid != 0 && st.st_uid != getuid()) || (st.st_mode & 022) != 0)
		return err_set(err, ERR_INVALID,
		    "Bad owner or permissions on %s: it must be yours, and "
		    "nobody else's to write",
		    path);
	return 0;
}

static int
read_file(struct conf *c, const char *path, int depth, bool active, bool must, struct err *err)
{
	struct reader r = {.c = c, .path = path, .depth = depth, .active = active};
	char *line = NULL;
	size_t size = 0, total = 0;
	ssize_t n;
	FILE *f = NULL;
	int rc = -1;

	if (depth > DEPTH_MAX)
		return err_set(
		    err, ERR_INVALID, "%s: more than %d levels of Include", path, DEPTH_MAX);
	if ((f = fopen(path, "r")) == NULL) {
		if (must)
			return err_sys(
			    err, ERR_INVALID, "the configuration %s can not be read", path);
		return 0;
	}
	if (!must && check_owner(f, path, err) == -1)
		goto out;
	while ((n = getline(&line, &size, f)) != -1) {
		r.line++;
		if ((total += (size_t)n) > FILE_BYTES) {
			err_set(err, ERR_LIMIT, "%s is larger than %d bytes", path, FILE_BYTES);
			goto out;
		}
		line[strcspn(line, "\n")] = '\0';
		if (one_line(&r, line, err) == -1)
			goto out;
	}
	rc = 0;
out:
	free(line);
	fclose(f);
	return rc;
}

int
conf_read(struct conf *c, const char *path, bool must, struct err *err)
{
	return read_file(c, path, 0, true, must, err);
}
