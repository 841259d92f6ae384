/* SPDX-License-Identifier: MIT
 *
 * Parses .env. Owns the names and values that it returns; called by config.c at every load. The
 * file may hold secrets, so no value is ever part of an error text, and a file that others can
 * change is refused.
 */
#include <sys/stat.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/config_text.h"
#include "common/dotenv.h"
#include "common/xmalloc.h"

#define VARIABLES_MAX 4096

struct dotenv_pair {
	char *name;
	char *value;
};

struct dotenv {
	struct dotenv_pair *v;
	size_t n;
};

/* One pass over the text; at is where the parser stands. */
struct dotenv_scan {
	const char *path;
	const char *s;
	size_t at;
	struct err *e;
};

static int
fail(const struct dotenv_scan *p, size_t at, const char *what)
{
	size_t line, col;

	config_text_position(p->s, at, &line, &col);
	return err_set(p->e, ERR_CONFIG, "%s:%zu:%zu: %s", p->path, line, col, what);
}

static void
skip_blanks(struct dotenv_scan *p)
{
	while (p->s[p->at] == ' ' || p->s[p->at] == '\t')
		p->at++;
}

static bool
at_line_end(const struct dotenv_scan *p)
{
	const char *s = p->s + p->at;

	return *s == '\0' || *s == '\n' || (*s == '\r' && (s[1] == '\n' || s[1] == '\0'));
}

static void
skip_line(struct dotenv_scan *p)
{
	while (p->s[p->at] != '\0' && p->s[p->at] != '\n')
		p->at++;
	if (p->s[p->at] == '\n')
		p->at++;
}

static size_t
name_length(const char *s)
{
	size_t n = 0;

	while ((s[n] >= 'A' && s[n] <= 'Z') || (s[n] >= 'a' && s[n] <= 'z') || s[n] == '_' ||
	    (n > 0 && s[n] >= '0' && s[n] <= '9'))
		n++;
	return n;
}

/* The text up to the end of the line or a comment, without the blanks around it. */
static char *
plain_value(struct dotenv_scan *p)
{
	size_t start = p->at, end = p->at;

	while (!at_line_end(p)) {
		char c = p->s[p->at];

		if (c == '#' &&
		    (p->at == start || p->s[p->at - 1] == ' ' || p->s[p->at - 1] == '\t'))
			break;
		p->at++;
		if (c != ' ' && c != '\t')
			end = p->at;
	}
	return xstrndup(p->s + start, end - start);
}

/* An escape that is none stays as it is, as in sh. */
static char
unescape(char c)
{
	switch (c) {
	case 'n':
		return '\n';
	case 't':
		return '\t';
	case '\\':
	case '"':
		return c;
	default:
		return '\0';
	}
}

static char *
quoted_value(struct dotenv_scan *p)
{
	size_t open = p->at, len = 0;
	char quote = p->s[p->at++], c;
	char *out = xmalloc(strcspn(p->s + p->at, "\n") + 1);

	while (!at_line_end(p) && p->s[p->at] != quote) {
		if (quote == '"' && p->s[p->at] == '\\' &&
		    (c = unescape(p->s[p->at + 1])) != '\0') {
			out[len++] = c;
			p->at += 2;
		} else
			out[len++] = p->s[p->at++];
	}
	out[len] = '\0';
	if (p->s[p->at] != quote) {
		free(out);
		fail(p, open, "this quote is not closed before the end of the line");
		return NULL;
	}
	p->at++;
	return out;
}

static void
store(struct dotenv *d, char *name, char *value)
{
	size_t i;

	for (i = 0; i < d->n; i++)
		if (strcmp(d->v[i].name, name) == 0) {
			free(name);
			free(d->v[i].value);
			d->v[i].value = value;
			return;
		}
	d->v = xreallocarray(d->v, d->n + 1, sizeof d->v[0]);
	d->v[d->n].name = name;
	d->v[d->n++].value = value;
}

static int
parse_line(struct dotenv_scan *p, struct dotenv *d)
{
	char *name, *value;
	size_t len;

	skip_blanks(p);
	if (at_line_end(p) || p->s[p->at] == '#') {
		skip_line(p);
		return 0;
	}
	if (strncmp(p->s + p->at, "export", 6) == 0 &&
	    (p->s[p->at + 6] == ' ' || p->s[p->at + 6] == '\t')) {
		p->at += 6;
		skip_blanks(p);
	}
	if ((len = name_length(p->s + p->at)) == 0)
		return fail(p, p->at, "expected NAME=VALUE; a name is of A-Z a-z 0-9 _");
	if (d->n == VARIABLES_MAX)
		return fail(p, p->at, "too many variables; the limit is 4096");
	name = xstrndup(p->s + p->at, len);
	p->at += len;
	skip_blanks(p);
	if (p->s[p->at] != '=') {
		free(name);
		return fail(p, p->at, "expected '=' after the name");
	}
	p->at++;
	skip_blanks(p);
	if (p->s[p->at] == '"' || p->s[p->at] == '\'')
		value = quoted_value(p);
	else
		value = plain_value(p);
	if (value == NULL) {
		free(name);
		return -1;
	}
	store(d, name, value);
	skip_blanks(p);
	if (!at_line_end(p) && p->s[p->at] != '#')
		return fail(p, p->at, "expected the end of the line after the closing quote");
	skip_line(p);
	return 0;
}

static int
parse(const char *path, const struct config_text *t, struct dotenv *d, struct err *e)
{
	struct dotenv_scan p = {.path = path, .s = t->s, .e = e};

	if (t->len >= 3 && memcmp(t->s, "\xef\xbb\xbf", 3) == 0)
		p.at = 3;
	while (p.at < t->len)
		if (parse_line(&p, d) == -1)
			return -1;
	return 0;
}

struct dotenv *
dotenv_load(const char *path, char **warning, struct err *e)
{
	struct dotenv *d = xcalloc(1, sizeof *d);
	struct config_text t = {.s = NULL};
	struct err why;
	int rv = -1;

	*warning = NULL;
	if (config_text_read(path, &t, &why) == -1) {
		if (why.code == ERR_NOT_FOUND)
			rv = 0;
		else if (e != NULL)
			*e = why;
		goto out;
	}
	if (t.mode & (S_IWGRP | S_IWOTH)) {
		err_set(e, ERR_CONFIG, "%s:1:1: others may write this file; run: chmod 600 %s",
		    path, path);
		goto out;
	}
	if (config_text_check(path, t.s, t.len, e) == -1 || parse(path, &t, d, e) == -1)
		goto out;
	if (t.mode & S_IROTH)
		*warning =
		    xasprintf("%s:1:1: everyone may read this file; run: chmod 600 %s", path, path);
	rv = 0;
out:
	free(t.s);
	if (rv == -1) {
		dotenv_free(d);
		d = NULL;
	}
	return d;
}

const char *
dotenv_get(const struct dotenv *d, const char *name)
{
	size_t i;

	for (i = 0; i < d->n; i++)
		if (strcmp(d->v[i].name, name) == 0)
			return d->v[i].value;
	return NULL;
}

void
dotenv_free(struct dotenv *d)
{
	size_t i;

	if (d == NULL)
		return;
	for (i = 0; i < d->n; i++) {
		free(d->v[i].name);
		free(d->v[i].value);
	}
	free(d->v);
	free(d);
}
