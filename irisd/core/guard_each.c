/* SPDX-License-Identifier: MIT
 *
 * Commands that start others for each of many operands, for guard.c: xargs, find -exec, fd -x and
 * parallel. What they start is judged once, with what can be said of the operands. Called by
 * guard_wrap.c.
 */
#include <stdlib.h>
#include <string.h>

#include "common/xmalloc.h"
#include "irisd/core/guard_private.h"

/* Operands that are files, as ls and git name them; "piped" where none is given. */
static void
add_files(const struct guard_args *a, struct guard_args *out)
{
	bool some = false;
	size_t i;

	for (i = 1; i < a->n; i++) {
		if (a->v[i][0] == '/' || a->v[i][0] == '~' || strncmp(a->v[i], "..", 2) == 0 ||
		    a->v[i][0] == GUARD_UNKNOWN) {
			guard_args_add(out, xstrdup(a->v[i]));
			some = true;
		}
	}
	if (!some)
		guard_args_add(out, xstrdup("./piped"));
}

/* Not all of what find writes, but what is in it. */
static void
some_of(struct guard_args *found)
{
	char *some;
	size_t i;

	for (i = 0; i < found->n; i++) {
		some = xasprintf("%s/x", found->v[i]);
		free(found->v[i]);
		found->v[i] = some;
	}
}

/* What may arrive as operands from the pipeline before c; true when find writes it. */
static bool
piped(const struct guard_command *c, struct guard_args *out)
{
	static const char *const selects[] = {"grep", "egrep", "fgrep", "rg", "head", "tail", NULL};
	static const char *const echoes[] = {"echo", "printf", NULL};
	static const char *const files[] = {"git", "grep", "rg", "fd", "ls", "ag", NULL};
	static const char *const filters[] = {"sort", "head", "tail", "uniq", "awk", "sed", "tr",
	    "cut", "xargs", "egrep", "tee", "wc", "dirname", NULL};
	const struct guard_args *a;
	bool finds = false;
	size_t i, j;

	for (i = c->sc->pipe_from; i < c->sc->pipe_to && i < c->sc->pipe_from + 64; i++) {
		a = &c->run->args[i];
		if (a->n == 0)
			continue;
		if (guard_in(a->v[0], echoes)) {
			for (j = 1; j < a->n; j++)
				guard_args_add(out, xstrdup(a->v[j]));
		} else if (strcmp(a->v[0], "find") == 0) {
			guard_find_starts(a->v, a->n, out);
			finds = true;
		} else if (finds && guard_in(a->v[0], selects)) {
			some_of(out);
		} else if (guard_in(a->v[0], files) && i == c->sc->pipe_from) {
			add_files(a, out);
			finds = strcmp(a->v[0], "fd") == 0;
		} else if (!guard_in(a->v[0], filters) && strcmp(a->v[0], "grep") != 0) {
			guard_args_add(out, xstrdup("\001"));
		}
	}
	if (out->n == 0)
		guard_args_add(out, xstrdup("\001"));
	return finds;
}

/* s, in which mark is, with what instead of it. */
static char *
replaced(const char *s, const char *mark, const char *what)
{
	const char *at = strstr(s, mark);

	return xasprintf("%.*s%s%s", (int)(at - s), s, what, at + strlen(mark));
}

/* argv[from..to] with each of the operands at its end, or instead of mark, unless that is NULL. */
static void
judge_with(const struct guard_command *c, size_t from, size_t to, const struct guard_args *operands,
    const char *mark)
{
	struct guard_command sub = *c;
	struct guard_args argv = {.v = NULL};
	struct guard *g = c->run->g;
	size_t i, j;

	for (i = from; i < to; i++) {
		if (mark == NULL || strstr(c->argv[i], mark) == NULL) {
			guard_args_add(&argv, xstrdup(c->argv[i]));
			continue;
		}
		for (j = 0; j < operands->n && g->bytes >= strlen(c->argv[i]); j++) {
			g->bytes -= strlen(c->argv[i]);
			guard_args_add(&argv, replaced(c->argv[i], mark, operands->v[j]));
		}
		g->cut = g->cut || j < operands->n;
	}
	for (j = 0; j < operands->n && mark == NULL; j++)
		guard_args_add(&argv, xstrdup(operands->v[j]));
	sub.argv = argv.v;
	sub.argc = argv.n;
	guard_rest(&sub, 0, false);
	guard_args_free(&argv);
}

void
guard_xargs(const struct guard_command *c)
{
	struct guard_command sub = *c;
	struct guard_args operands = {.v = NULL};
	/* -i, -l and -e have their values with them, if any; -J, -R and -S are of BSD's. */
	size_t i = guard_options(c, "aEIJLnPRSsd"), j;
	const char *mark = NULL, *a;

	if (i >= c->argc)
		return;
	for (j = 1; j < i; j++) {
		a = c->argv[j];
		if (strncmp(a, "--replace", 9) == 0)
			mark = a[9] == '=' && a[10] != '\0' ? a + 10 : "{}";
		if (a[0] != '-')
			continue;
		a += 1 + strspn(a + 1, "0oprtx");
		if (*a == 'I' || *a == 'J')
			mark = a[1] != '\0' ? a + 1 : c->argv[j + 1];
		else if (*a == 'i')
			mark = a[1] != '\0' ? a + 1 : "{}";
	}
	if (mark != NULL && mark[0] == '\0')
		mark = NULL;
	sub.found = piped(c, &operands);
	judge_with(&sub, i, c->argc, &operands, mark);
	guard_args_free(&operands);
}

void
guard_find_starts(char *const *argv, size_t argc, struct guard_args *out)
{
	static const char *const narrows[] = {"-name", "-iname", "-path", "-ipath", "-regex",
	    "-iregex", "-mtime", "-mmin", "-atime", "-ctime", "-newer", "-size", "-empty", "-user",
	    "-perm", "-wholename", NULL};
	static const char *const before[] = {"-H", "-L", "-P", NULL};
	size_t i, from = 1, to;
	bool narrow = false;

	while (from < argc && guard_in(argv[from], before))
		from++;
	for (to = from; to < argc && strchr("-(!", argv[to][0]) == NULL; to++)
		;
	for (i = to; i < argc; i++)
		if (guard_in(argv[i], narrows) &&
		    (i == 0 || (strcmp(argv[i - 1], "!") != 0 && strcmp(argv[i - 1], "-not") != 0)))
			narrow = true;
	if (to == from)
		guard_args_add(out, xstrdup(narrow ? "./x" : "."));
	for (i = from; i < to; i++)
		guard_args_add(out, narrow ? xasprintf("%s/x", argv[i]) : xstrdup(argv[i]));
}

void
guard_find(const struct guard_command *c)
{
	static const char *const execs[] = {"-exec", "-execdir", "-ok", "-okdir", NULL};
	struct guard_args starts = {.v = NULL};
	size_t i, end;

	guard_find_starts(c->argv, c->argc, &starts);
	for (i = 1; i < c->argc; i++) {
		if (!guard_in(c->argv[i], execs))
			continue;
		for (end = i + 1; end < c->argc && strcmp(c->argv[end], ";") != 0 &&
		     strcmp(c->argv[end], "+") != 0;
		     end++)
			;
		judge_with(c, i + 1, end, &starts, "{}");
		i = end;
	}
	guard_args_free(&starts);
}

/* line with what instead of each mark, or behind it, where mark is NULL. */
static char *
filled(struct guard *g, const char *line, const char *mark, const char *what)
{
	char *out = xstrdup(""), *more;
	const char *at = NULL;
	size_t len;

	while (mark != NULL && (at = strstr(line, mark)) != NULL) {
		len = strlen(out) + strlen(what);
		if (g->bytes < len)
			break;
		g->bytes -= len;
		more = xasprintf("%s%.*s%s", out, (int)(at - line), line, what);
		free(out);
		out = more;
		line = at + strlen(mark);
	}
	g->cut = g->cut || at != NULL;
	more = xasprintf("%s%s %s", out, line, mark == NULL ? what : "");
	free(out);
	return more;
}

/* A command line that is one argument, as parallel takes it. */
static void
judge_line(const struct guard_command *c, const char *line, const struct guard_args *operands,
    const char *mark)
{
	char *all = guard_join(operands->v, operands->n, SHELL_LEN_MAX);
	char *text = filled(c->run->g, line, mark, all);

	guard_text(c->run->g, text, c->dir, c->far);
	free(text);
	free(all);
}

void
guard_parallel(const struct guard_command *c)
{
	struct guard_command sub = *c;
	struct guard_args operands = {.v = NULL};
	size_t i = guard_options(c, "jNnIaSLd"), end, j;
	const char *mark = NULL;

	for (end = i; end < c->argc && strncmp(c->argv[end], ":::", 3) != 0; end++)
		if (strstr(c->argv[end], "{}") != NULL)
			mark = "{}";
	for (j = end + 1; j < c->argc; j++)
		guard_args_add(&operands, xstrdup(c->argv[j]));
	if (operands.n == 0)
		sub.found = piped(c, &operands);
	if (end == i + 1)
		judge_line(c, c->argv[i], &operands, mark);
	judge_with(&sub, i, end, &operands, mark);
	guard_args_free(&operands);
}

void
guard_fd(const struct guard_command *c)
{
	static const char *const execs[] = {"-x", "-X", "--exec", "--exec-batch", NULL};
	struct guard_command sub = *c;
	struct guard_args starts = {.v = NULL};
	size_t at, end, i, n = 0;
	const char *mark = NULL;

	for (at = 1; at < c->argc && !guard_in(c->argv[at], execs); at++)
		;
	for (end = at + 1; end < c->argc && strcmp(c->argv[end], ";") != 0; end++)
		if (strstr(c->argv[end], "{}") != NULL)
			mark = "{}";
	for (i = 1; i < c->argc; i += i == at ? end - at : 1)
		if (i != at && c->argv[i][0] != '-' && c->argv[i][0] != ';' && n++ > 0)
			guard_args_add(&starts, xasprintf("%s/x", c->argv[i]));
	if (starts.n == 0)
		guard_args_add(&starts, xstrdup("./x"));
	sub.found = true;
	if (at < c->argc)
		judge_with(&sub, at + 1, end < c->argc ? end : c->argc, &starts, mark);
	guard_args_free(&starts);
}
