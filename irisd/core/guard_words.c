/* SPDX-License-Identifier: MIT
 *
 * Expansion for guard.c: what words become as far as the command line itself says so: its own
 * assignments, the home, the directory. All else is GUARD_UNKNOWN.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "common/xmalloc.h"
#include "irisd/core/guard_private.h"

#define ALTERNATIVES_MAX 64
#define PARTS_MAX        256 /* expansions and patterns in a word */
#define VALUE_MAX        8192

/* A word in the making: one text, or one for each value of the variables in it. */
struct made {
	struct guard_args v;
	bool any; /* also an empty one is a word */
};

static const char unknown[] = {GUARD_UNKNOWN, '\0'};

static bool
spend(struct guard *g, size_t n)
{
	if (g->bytes < n) {
		g->bytes = 0;
		return false;
	}
	g->bytes -= n;
	return true;
}

static void
append(struct made *m, const char *s, size_t n)
{
	size_t i, len;

	for (i = 0; i < m->v.n; i++) {
		len = strlen(m->v.v[i]);
		m->v.v[i] = xrealloc(m->v.v[i], len + n + 1);
		memcpy(m->v.v[i] + len, s, n);
		m->v.v[i][len + n] = '\0';
	}
}

/* Each text with each of the values. */
static void
append_all(struct guard *g, struct made *m, const struct guard_args *values)
{
	struct guard_args all = {.v = NULL};
	size_t i, j, cost = 0;

	for (i = 0; i < m->v.n; i++)
		cost += strlen(m->v.v[i]) * values->n;
	for (j = 0; j < values->n; j++)
		cost += strlen(values->v[j]) * m->v.n;
	if (m->v.n * values->n > ALTERNATIVES_MAX || !spend(g, cost)) {
		append(m, unknown, 1);
		return;
	}
	for (i = 0; i < m->v.n; i++)
		for (j = 0; j < values->n; j++)
			guard_args_add(&all, xasprintf("%s%s", m->v.v[i], values->v[j]));
	guard_args_free(&m->v);
	m->v = all;
}

static void
start(struct made *m)
{
	memset(m, 0, sizeof(*m));
	guard_args_add(&m->v, xstrdup(""));
}

/* The finished texts go to out. */
static void
flush(struct made *m, struct guard_args *out)
{
	size_t i;

	for (i = 0; i < m->v.n; i++) {
		if (m->any || m->v.v[i][0] != '\0')
			guard_args_add(out, m->v.v[i]);
		else
			free(m->v.v[i]);
	}
	free(m->v.v);
	start(m);
}

/* A value outside of quotes: its blanks end words, its patterns are patterns. */
static void
append_split(struct guard *g, struct made *m, const char *value, struct guard_args *out)
{
	const char *p = value;
	size_t n;
	char *field, *q;

	if (!spend(g, strlen(value))) {
		append(m, unknown, 1);
		return;
	}
	for (;;) {
		n = strcspn(p, " \t\n");
		field = xstrndup(p, n);
		for (q = field; *q != '\0'; q++)
			if (*q == '*' || *q == '?')
				*q = *q == '*' ? GUARD_STAR : GUARD_ANY;
		append(m, field, n);
		free(field);
		p += n;
		if (*p == '\0')
			return;
		flush(m, out);
		p += strspn(p, " \t\n");
	}
}

static struct guard_var *
find(struct guard *g, const char *name, size_t len)
{
	size_t i;

	for (i = 0; i < g->n_vars; i++)
		if (strncmp(g->vars[i].name, name, len) == 0 && g->vars[i].name[len] == '\0')
			return &g->vars[i];
	return NULL;
}

void
guard_set(struct guard *g, const char *name, size_t len, struct guard_args *values)
{
	struct guard_var *var = find(g, name, len);
	size_t i;

	for (i = 0; i < values->n; i++)
		if (strlen(values->v[i]) > VALUE_MAX)
			memcpy(values->v[i], unknown, 2);
	if (var == NULL) {
		if (g->n_vars == GUARD_VARS_MAX) {
			guard_args_free(values);
			return;
		}
		var = &g->vars[g->n_vars++];
		var->name = xstrndup(name, len);
	} else {
		guard_args_free(&var->values);
	}
	var->values = *values;
	memset(values, 0, sizeof(*values));
}

/* What the environment has under this name; NULL where that is not known. */
static const char *
environment(const struct guard *g, const char *dir, const char *name, size_t len)
{
	const struct {
		const char *name, *value;
	} known[] = {
	    {"HOME", g->place->home},
	    {"PWD", dir},
	    {"TMPDIR", "/tmp"},
	    {"IFS", " "},
	    {"IRIS_HOME", g->place->iris},
	    {"CLAUDE_PROJECT_DIR", g->place->dir},
	};
	size_t i;

	for (i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strlen(known[i].name) == len && memcmp(known[i].name, name, len) == 0)
			return known[i].value;
	return NULL;
}

static void
values_of(struct guard *g, const char *dir, const char *name, size_t len, struct guard_args *out)
{
	const struct guard_var *var = find(g, name, len);
	const char *value;
	size_t i;

	if (var == NULL) {
		if ((value = environment(g, dir, name, len)) != NULL)
			guard_args_add(out, xstrdup(value));
		return;
	}
	for (i = 0; i < var->values.n; i++)
		guard_args_add(out, xstrdup(var->values.v[i]));
}

/* The default in ${X:-default}, which may have expansions of its own. */
static void
default_of(struct guard *g, const char *dir, const char *text, size_t len, struct guard_args *out)
{
	char *line = xasprintf("x=%.*s", (int)len, text);
	struct shell *sh = shell_read(line);
	struct shell_word *w;

	if (spend(g, len) && g->depth < GUARD_DEPTH_MAX && sh->n == 1 && sh->v[0].n_assigns == 1) {
		g->depth++;
		w = &sh->v[0].assigns[0];
		memmove(w->text, w->text + 2, w->len - 1);
		memmove(w->marks, w->marks + 2, w->len - 1);
		w->len -= 2;
		guard_expand(g, dir, w, false, out);
		g->depth--;
	}
	shell_free(sh);
	free(line);
}

/* Values of ${...}, text being what is between the braces; none: not known. */
static void
braced(struct guard *g, const char *dir, const char *text, size_t len, struct guard_args *out)
{
	size_t n = 0;
	char op;

	while (n < len && (isalnum((unsigned char)text[n]) || text[n] == '_'))
		n++;
	if (n == 0)
		return;
	if (n == len) {
		values_of(g, dir, text, n, out);
		return;
	}
	op = text[n] == ':' && n + 1 < len ? text[n + 1] : text[n];
	if (strchr("-=?", op) != NULL) {
		values_of(g, dir, text, n, out);
		n += text[n] == ':' ? 2 : 1;
		if (out->n == 0 && op != '?')
			default_of(g, dir, text + n, len - n, out);
	} else if (op == '%' && text[len - 1] == '/') {
		values_of(g, dir, text, n, out);
	}
}

/* A command substitution: text is what is between its brackets, and len is without them. */
static void
substituted(struct guard *g, const char *dir, const char *text, size_t len, struct guard_args *out)
{
	char *known = guard_output(g, dir, text, len);

	if (known != NULL) {
		guard_args_add(out, known);
		return;
	}
	text += strspn(text, " ");
	if (strncmp(text, "mktemp", 6) == 0 && !isalnum((unsigned char)text[6]))
		guard_args_add(out, xstrdup("/tmp/mktemp"));
	else if (strncmp(text, "pwd", 3) == 0 && (text[3] == ')' || text[3] == '`'))
		guard_args_add(out, xstrdup(dir));
	else if (strncmp(text, "git rev-parse --show-toplevel", 29) == 0)
		guard_args_add(out, xstrdup(g->place->dir));
}

/* Values of the expansion text, as it was written; none: not known. */
static void
value_of(struct guard *g, const char *dir, const char *text, size_t len, struct guard_args *out)
{
	size_t skip;
	char *copy;

	if (text[0] == '`' || (len > 1 && text[0] == '$' && text[1] == '(')) {
		skip = text[0] == '`' ? 1 : 2;
		copy = xstrndup(text, len);
		if (len > skip)
			substituted(g, dir, copy + skip, len - skip - 1, out);
		free(copy);
	} else if (len > VALUE_MAX) {
		return;
	} else if (len > 3 && text[0] == '$' && text[1] == '{') {
		braced(g, dir, text + 2, len - 3, out);
	} else if (len > 1 && text[0] == '$') {
		values_of(g, dir, text + 1, len - 1, out);
	}
}

static void
expansion(struct guard *g, const char *dir, const struct shell_word *w, size_t from, size_t to,
    bool split, struct made *m, struct guard_args *out)
{
	struct guard_args values = {.v = NULL};
	bool quoted = w->marks[from] == SHELL_MADE_QUOTED;

	value_of(g, dir, w->text + from, to - from, &values);
	if (quoted)
		m->any = true;
	if (values.n == 0)
		append(m, unknown, 1);
	else if (values.n == 1 && split && !quoted)
		append_split(g, m, values.v[0], out);
	else
		append_all(g, m, &values);
	guard_args_free(&values);
}

/* ~ or ~user; returns the bytes of w that were used. */
static size_t
tilde(struct guard *g, const char *dir, const struct shell_word *w, size_t at, struct made *m)
{
	struct guard_args values = {.v = NULL};
	size_t n = strcspn(w->text + at + 1, "/:");
	char *text;

	if (n == 0) {
		values_of(g, dir, "HOME", 4, &values);
		text = xstrdup(values.n > 0 ? values.v[0] : "/home/...");
	} else if (n == 1 && w->text[at + 1] == '+') {
		text = xstrdup(dir);
	} else {
		text = xasprintf("/home/%.*s", (int)n, w->text + at + 1);
	}
	append(m, text, strlen(text));
	free(text);
	guard_args_free(&values);
	return n + 1;
}

/* A pattern's [..] is one byte of any kind; returns the bytes of w that were used. */
static size_t
pattern(const struct shell_word *w, size_t at, struct made *m)
{
	static const char star = GUARD_STAR, any = GUARD_ANY;
	const char *end;

	if (w->text[at] == '*') {
		append(m, &star, 1);
		return 1;
	}
	end = w->text[at] == '[' && w->len - at < 512 ? strchr(w->text + at + 1, ']') : NULL;
	if (w->text[at] == '[' && end == NULL) {
		append(m, "[", 1);
		return 1;
	}
	append(m, &any, 1);
	return end == NULL ? 1 : (size_t)(end - (w->text + at)) + 1;
}

void
guard_expand(struct guard *g, const char *dir, const struct shell_word *w, bool split,
    struct guard_args *out)
{
	struct made m;
	size_t i, to, parts = 0;

	start(&m);
	m.any = w->len == 0 || !split;
	for (i = 0; i < w->len; i = to) {
		to = i + 1;
		if (++parts > PARTS_MAX) {
			append(&m, unknown, 1);
			break;
		}
		if (w->marks[i] == SHELL_MADE || w->marks[i] == SHELL_MADE_QUOTED) {
			while (to < w->len && w->marks[to] == SHELL_REST)
				to++;
			expansion(g, dir, w, i, to, split, &m, out);
		} else if (w->marks[i] == SHELL_TILDE) {
			to = i + tilde(g, dir, w, i, &m);
		} else if (w->marks[i] == SHELL_PLAIN && strchr("*?[", w->text[i]) != NULL) {
			to = i + pattern(w, i, &m);
		} else {
			while (to < w->len &&
			    (w->marks[to] == SHELL_QUOTED || w->marks[to] == SHELL_PLAIN) &&
			    (w->marks[to] == SHELL_QUOTED || strchr("*?[", w->text[to]) == NULL))
				to++;
			m.any = true;
			append(&m, w->text + i, to - i);
		}
	}
	flush(&m, out);
	guard_args_free(&m.v);
}

void
guard_assign(struct guard *g, const char *dir, const struct shell_word *w)
{
	struct guard_args values = {.v = NULL};
	struct shell_word value = *w;
	size_t n = 0;

	while (n < w->len && (isalnum((unsigned char)w->text[n]) || w->text[n] == '_'))
		n++;
	if (n == 0 || n == w->len)
		return;
	if (w->text[n] == '=') {
		value.text += n + 1;
		value.marks += n + 1;
		value.len -= n + 1;
		guard_expand(g, dir, &value, false, &values);
	} else {
		guard_args_add(&values, xstrdup(unknown));
	}
	guard_set(g, w->text, n, &values);
}
