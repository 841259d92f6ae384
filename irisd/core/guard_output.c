/* SPDX-License-Identifier: MIT
 *
 * What commands write, for guard.c, as far as their words say so: echo, printf, cat of a
 * here-document, which; of find, where it looks. guard_words.c asks for $(..), guard_wrap.c for
 * <(..) that is given to a shell. Nothing is run.
 */
#include <stdlib.h>
#include <string.h>

#include "common/xmalloc.h"
#include "irisd/core/guard_private.h"

#define STARTS_MAX 64

/* Roughly: \n is a newline, options and formats are words, too. */
char *
guard_echo(char *const *v, size_t n)
{
	char *text = guard_join(v + 1, n - 1, SHELL_LEN_MAX), *p, *q;

	for (p = q = text; *p != '\0'; p++) {
		if (p[0] == '\\' && p[1] == 'n') {
			*q++ = '\n';
			p++;
		} else {
			*q++ = *p;
		}
	}
	*q = '\0';
	p = text;
	if (strcmp(v[0], "printf") == 0 && n > 2 && strncmp(p, v[1], 1) == 0)
		p += strncmp(p, "%s", 2) == 0 ? 2 : 0;
	while (*p == '-' && strchr("neE", p[1]) != NULL && p[2] == ' ')
		p += 3;
	p += strspn(p, " \n");
	memmove(text, p, strlen(p) + 1);
	return text;
}

/* The last word of "which NAME", "command -v NAME" and "type -P NAME". */
static char *
found(const struct guard_args *a)
{
	const char *name = a->v[0];
	bool looks = strcmp(name, "which") == 0 ||
	    (a->n == 3 &&
		((strcmp(name, "command") == 0 && strcmp(a->v[1], "-v") == 0) ||
		    (strcmp(name, "type") == 0 && strspn(a->v[1], "-pP") > 1)));

	return looks && a->n > 1 ? xstrdup(a->v[a->n - 1]) : NULL;
}

/* The text of the only here-document or here-string of "cat". */
static char *
shown(struct guard *g, const char *dir, const struct shell_command *sc)
{
	struct guard_args text = {.v = NULL};
	char *out;

	if (sc->n_words != 1 || sc->n_redirects != 1 || sc->redirects[0].op != SHELL_HERE)
		return NULL;
	guard_expand(g, dir, &sc->redirects[0].target, false, &text);
	out = text.n > 0 ? xstrdup(text.v[0]) : NULL;
	guard_args_free(&text);
	return out;
}

/* What find finds: something below where it looks; NULL: too many places. */
static char *
below(const struct guard_args *a)
{
	struct guard_args starts = {.v = NULL};
	char *out = NULL, *more;
	size_t i;

	guard_find_starts(a->v, a->n, &starts);
	for (i = 0; i < starts.n && starts.n <= STARTS_MAX; i++) {
		more = xasprintf("%s%s%s/%c", out == NULL ? "" : out, out == NULL ? "" : "\n",
		    starts.v[i], GUARD_UNKNOWN);
		free(out);
		out = more;
	}
	guard_args_free(&starts);
	return out;
}

/* What a simple command writes. */
static char *
written(struct guard *g, const char *dir, const struct shell_command *sc)
{
	struct guard_args a = {.v = NULL};
	char *out = NULL;
	size_t i;

	for (i = 0; i < sc->n_words; i++)
		guard_expand(g, dir, &sc->words[i], true, &a);
	if (a.n == 0) {
		out = NULL;
	} else if (strcmp(a.v[0], "cat") == 0) {
		out = shown(g, dir, sc);
	} else if (strcmp(a.v[0], "find") == 0) {
		out = below(&a);
	} else if (sc->n_redirects > 0) {
		out = NULL;
	} else if (a.n > 1 && (strcmp(a.v[0], "echo") == 0 || strcmp(a.v[0], "printf") == 0)) {
		out = guard_echo(a.v, a.n);
	} else {
		out = found(&a);
	}
	guard_args_free(&a);
	return out;
}

char *
guard_output(struct guard *g, const char *dir, const char *text, size_t len)
{
	const struct shell_command *last;
	char *line, *out = NULL;
	struct shell *sh;
	size_t n;

	if (g->depth >= GUARD_DEPTH_MAX || g->bytes < len)
		return NULL;
	g->bytes -= len;
	g->depth++;
	line = xstrndup(text, len);
	sh = shell_read(line);
	last = sh->n > 0 ? &sh->v[sh->n - 1] : NULL;
	/* One command, those of its own words aside. */
	if (last != NULL && last->kind == SHELL_SIMPLE && last->inner == 0 && last->shell == 0 &&
	    !sh->partial)
		out = written(g, dir, last);
	shell_free(sh);
	free(line);
	g->depth--;
	for (n = out == NULL ? 0 : strlen(out); n > 0 && out[n - 1] == '\n'; n--)
		out[n - 1] = '\0';
	return out;
}
