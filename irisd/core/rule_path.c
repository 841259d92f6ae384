/* SPDX-License-Identifier: MIT
 *
 * Paths and patterns of paths, as gitignore(5) and Claude Code's "Read and Edit" rules have them.
 * To allow, a pattern means what it says and no more: only "/" or "**" at its end takes in what is
 * below a directory. To refuse, it means all that is below what it names as well, names of
 * directories at any depth, and capital letters do not count: some file systems know no difference.
 * Works on the texts alone; called by rule.c and rule_bash.c.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "common/compat.h"
#include "common/xmalloc.h"
#include "irisd/core/rule_private.h"

#define BELOW "\001" /* the name of a file that nobody has */

/* Takes "", "." and ".." out of an absolute path, in place. */
static void
normalise(char *path)
{
	char *in = path, *out = path;
	size_t n;

	while (*in != '\0') {
		in += strspn(in, "/");
		n = strcspn(in, "/");
		if (n == 2 && in[0] == '.' && in[1] == '.') {
			while (out > path && *--out != '/')
				;
		} else if (n > 0 && !(n == 1 && in[0] == '.')) {
			*out++ = '/';
			memmove(out, in, n);
			out += n;
		}
		in += n;
	}
	if (out == path)
		*out++ = '/';
	*out = '\0';
}

char *
rule_path(const char *path, const char *dir, const char *home)
{
	char *out;

	if (path[0] == '/')
		out = xstrdup(path);
	else if (path[0] != '~' || (path[1] != '/' && path[1] != '\0'))
		out = xasprintf("%s/%s", dir, path);
	else if (home == NULL)
		return NULL;
	else
		out = xasprintf("%s%s", home, path + 1);
	/* A relative dir can be none of ours. */
	if (out[0] != '/') {
		free(out);
		return NULL;
	}
	normalise(out);
	return out;
}

struct part {
	const char *s;
	size_t len;
};

static struct part
next_part(const char **p)
{
	struct part part = {*p, strcspn(*p, "/")};

	*p += part.len;
	*p += **p == '/';
	return part;
}

static bool
same(unsigned char a, unsigned char b, bool fold)
{
	return a == b || (fold && tolower(a) == tolower(b));
}

/* [a-z], [!a-z], from behind the "["; *used is its length, 0 where it does not end. */
static bool
in_class(struct part p, unsigned char c, bool fold, size_t *used)
{
	bool not, hit = false;
	unsigned char lo, hi;
	size_t i = 0;

	not = p.len > 0 && (p.s[0] == '!' || p.s[0] == '^');
	i += not ;
	for (*used = 0; i < p.len; i++) {
		if (p.s[i] == ']' && i > (size_t) not ) {
			*used = i + 1;
			return hit != not ;
		}
		i += p.s[i] == '\\' && i + 1 < p.len;
		lo = hi = (unsigned char)p.s[i];
		if (i + 2 < p.len && p.s[i + 1] == '-' && p.s[i + 2] != ']') {
			i += 2;
			i += p.s[i] == '\\' && i + 1 < p.len;
			hi = (unsigned char)p.s[i];
		}
		hit = hit || (c >= lo && c <= hi) ||
		    (fold &&
			((tolower(c) >= lo && tolower(c) <= hi) ||
			    (toupper(c) >= lo && toupper(c) <= hi)));
	}
	return false;
}

/*
 * Whether what p begins with means the character at s; then *used of p and *taken of s are done
 * with.
 */
static bool
one(struct part p, struct part s, bool fold, size_t *used, size_t *taken)
{
	struct part rest = {p.s + 1, p.len - 1};

	*taken = *used = 1;
	if (p.s[0] == '[') {
		if (in_class(rest, (unsigned char)s.s[0], fold, used)) {
			++*used;
			return true;
		}
		return false;
	}
	if (p.s[0] == '?') {
		while (*taken < s.len && ((unsigned char)s.s[*taken] & 0xc0) == 0x80)
			++*taken;
		return true;
	}
	if (p.s[0] == '\\' && p.len > 1) {
		*used = 2;
		return same((unsigned char)p.s[1], (unsigned char)s.s[0], fold);
	}
	return same((unsigned char)p.s[0], (unsigned char)s.s[0], fold);
}

/* One name; a * is tried from its shortest on, and only the last one is gone back to. */
static bool
name_like(struct part p, struct part s, bool fold)
{
	size_t i = 0, star = p.len, from = 0, n = 0, used, taken;

	while (n < s.len) {
		if (i < p.len && p.s[i] == '*') {
			star = i++;
			from = n;
		} else if (i < p.len &&
		    one((struct part){p.s + i, p.len - i}, (struct part){s.s + n, s.len - n}, fold,
			&used, &taken)) {
			i += used;
			n += taken;
		} else if (star < p.len) {
			i = star + 1;
			n = ++from;
		} else {
			return false;
		}
	}
	while (i < p.len && p.s[i] == '*')
		i++;
	return i == p.len;
}

static bool
is_deep(struct part p)
{
	return p.len == 2 && p.s[0] == '*' && p.s[1] == '*';
}

/* Names with "/" between them; ** is any number of names, at the end one at least. */
static bool
names_like(const char *p, const char *s, bool fold)
{
	const char *star = NULL, *from = NULL, *next, *left;
	struct part name, glob;

	while (*s != '\0') {
		next = p;
		glob = next_part(&next);
		left = s;
		name = next_part(&left);
		if (*p != '\0' && is_deep(glob)) {
			star = p = next;
			from = s;
		} else if (*p != '\0' && name_like(glob, name, fold)) {
			p = next;
			s = left;
		} else if (star != NULL) {
			p = star;
			next_part(&from);
			s = from;
		} else {
			return false;
		}
	}
	return *p == '\0';
}

/* --- what a pattern begins at ----------------------------------------------------------------- */

/* A pattern, taken apart: malloc'ed texts. */
struct pattern {
	char *base; /* absolute, what it begins at */
	char *names;
};

static void
parent(char *dir)
{
	char *slash = strrchr(dir, '/');

	slash[slash == dir] = '\0';
}

static bool
ends_with(const char *s, const char *end)
{
	size_t n = strlen(s), m = strlen(end);

	return n >= m && strcmp(s + n - m, end) == 0;
}

/* "name", and to refuse also "name/" and "name/ **", is one at any depth. */
static bool
any_depth(const char *names, bool strict)
{
	const char *slash = strchr(names, '/');

	if (slash == NULL)
		return true;
	return !strict && slash > names && (strcmp(slash, "/") == 0 || strcmp(slash, "/**") == 0);
}

static bool
pattern_make(struct pattern *p, const char *spec, const struct rule_use *use, bool strict)
{
	bool anchored = true;

	if (strncmp(spec, "//", 2) == 0) {
		p->base = xstrdup("/");
		spec += 2;
	} else if (strncmp(spec, "~/", 2) == 0) {
		p->base = rule_path("~", use->dir, use->home);
		spec += 2;
	} else {
		p->base = rule_path(".", use->dir, NULL);
		anchored = spec[0] == '/';
		spec += anchored;
	}
	while (p->base != NULL && strncmp(spec, "../", 3) == 0) {
		parent(p->base);
		spec += 3;
		anchored = true;
	}
	while (strncmp(spec, "./", 2) == 0) {
		spec += 2;
		anchored = anchored || strict;
	}
	p->names = xasprintf("%s%s%s", !anchored && any_depth(spec, strict) ? "**/" : "", spec,
	    spec[0] == '\0' || ends_with(spec, "/") ? "**" : "");
	return p->base != NULL;
}

static void
pattern_free(struct pattern *p)
{
	free(p->base);
	free(p->names);
}

/* What can be no name in a path: a pattern with it means nothing. */
static bool
has_dots(const char *names)
{
	struct part part;

	while (*names != '\0') {
		part = next_part(&names);
		if (part.len <= 2 && strspn(part.s, ".") >= part.len && part.len > 0)
			return true;
	}
	return false;
}

/* The path from base on: "" for base itself; NULL when it is elsewhere. */
static const char *
inside(const char *base, const char *path, bool fold)
{
	size_t n = strlen(base), i;

	if (strcmp(base, "/") == 0)
		return path + 1;
	for (i = 0; i < n; i++)
		if (!same((unsigned char)base[i], (unsigned char)path[i], fold))
			return NULL;
	if (path[n] != '/' && path[n] != '\0')
		return NULL;
	return path + n + (path[n] == '/');
}

static bool
allows(const struct pattern *p, const char *path, bool tree)
{
	const char *rest = inside(p->base, path, false);
	bool all = strcmp(p->names, "**/*") == 0, like;
	char *below;

	if (rest == NULL || has_dots(p->names))
		return false;
	if (!tree)
		return *rest != '\0' && names_like(p->names, rest, false);
	if (!all && strcmp(p->names, "**") != 0 && !ends_with(p->names, "/**"))
		return false;
	below = xasprintf("%s%s" BELOW, rest, *rest != '\0' ? "/" : "");
	like = names_like(p->names, below, false);
	free(below);
	return like;
}

/* The pattern taken as the name of a file or a directory, for what is no pattern. */
static bool
refuses_as_name(const struct pattern *p, const char *path)
{
	char *name = xasprintf("%s/%s", p->base, p->names);
	const char *rest;

	normalise(name);
	rest = inside(name, path, true);
	free(name);
	return rest != NULL;
}

static bool
refuses(const struct pattern *p, const char *path, bool tree)
{
	const char *rest = inside(p->base, path, true);
	char *deep, *below;
	bool like;

	if (refuses_as_name(p, path))
		return true;
	if (rest == NULL)
		return false;
	deep = xasprintf("%s/**", p->names);
	below = xasprintf("%s%s" BELOW, rest, *rest != '\0' ? "/" : "");
	like = names_like(p->names, rest, true) || names_like(deep, rest, true) ||
	    (tree && (names_like(p->names, below, true) || names_like(deep, below, true)));
	free(deep);
	free(below);
	return like;
}

bool
rule_path_like(
    const char *pattern, const char *path, const struct rule_use *use, bool tree, bool strict)
{
	struct pattern p = {NULL, NULL};
	bool like = false;

	/* What begins with "!" takes back, in gitignore: here it means nothing. */
	if (pattern[0] == '!' || (strict && strlen(path) > RULE_PATH_MAX))
		return false;
	if (pattern_make(&p, pattern, use, strict))
		like = strict ? allows(&p, path, tree) : refuses(&p, path, tree);
	pattern_free(&p);
	return like;
}

char *
rule_path_quote(const char *path)
{
	char *out = xmalloc(2 * strlen(path) + 2), *p = out;

	*p++ = '/';
	for (; *path != '\0'; path++) {
		if (strchr("*?[]\\", *path) != NULL)
			*p++ = '\\';
		*p++ = *path;
	}
	*p = '\0';
	return out;
}
