/* SPDX-License-Identifier: MIT
 *
 * Goes through a command line for guard.c, in the order in which it runs, and keeps what it says of
 * directories and variables. Judges each simple command, and what arrives at its standard input.
 */
#include <stdlib.h>
#include <string.h>

#include "common/xmalloc.h"
#include "irisd/core/guard_private.h"

static const char unknown[] = {GUARD_UNKNOWN, '\0'};

static const char *
dir_of(const struct guard_run *run, size_t shell)
{
	while (run->dirs[shell] == NULL && shell != 0)
		shell = run->sh->parents[shell];
	return run->dirs[shell];
}

static void
set_dir(struct guard_run *run, size_t shell, char *dir)
{
	free(run->old);
	run->old = xstrdup(dir_of(run, shell));
	free(run->dirs[shell]);
	run->dirs[shell] = dir;
}

/* cd, pushd and popd. */
static void
change_dir(struct guard_run *run, size_t shell, const struct guard_args *a)
{
	const char *dir = dir_of(run, shell), *to = NULL;
	struct guard_args home = {.v = NULL};
	struct shell *sh;
	size_t i;

	for (i = 1; i < a->n && to == NULL; i++)
		if (a->v[i][0] != '-' || a->v[i][1] == '\0')
			to = a->v[i];
	if (strcmp(a->v[0], "popd") == 0 || (to != NULL && strcmp(to, "-") == 0)) {
		set_dir(run, shell, xstrdup(run->old != NULL ? run->old : unknown));
		return;
	}
	if (to == NULL && strcmp(a->v[0], "cd") == 0) {
		sh = shell_read("~");
		guard_expand(run->g, dir, &sh->v[0].words[0], false, &home);
		shell_free(sh);
		to = home.v[0];
	}
	if (to != NULL)
		set_dir(run, shell, guard_path(dir, strlen(to) > 4096 ? unknown : to));
	guard_args_free(&home);
}

/* What the shell does itself to what is known here. */
static void
builtin(struct guard_run *run, const struct shell_command *sc, const struct guard_args *a)
{
	static const char *const cds[] = {"cd", "pushd", "popd", NULL};
	static const char *const declares[] = {
	    "export", "declare", "local", "readonly", "typeset", NULL};
	static const char *const reads[] = {"read", "unset", "mapfile", "readarray", NULL};
	struct guard_args values;
	size_t i;

	if (guard_in(a->v[0], cds)) {
		change_dir(run, sc->shell, a);
	} else if (guard_in(a->v[0], declares)) {
		for (i = 1; i < sc->n_words; i++)
			guard_assign(run->g, dir_of(run, sc->shell), &sc->words[i]);
	} else if (guard_in(a->v[0], reads)) {
		for (i = 1; i < a->n; i++) {
			memset(&values, 0, sizeof(values));
			guard_args_add(&values, xstrdup(unknown));
			guard_set(run->g, a->v[i], strlen(a->v[i]), &values);
		}
	}
}

static void
set_loop(struct guard_run *run, const struct guard_args *a)
{
	struct guard_args values = {.v = NULL};
	size_t i;

	for (i = 1; i < a->n; i++)
		guard_args_add(&values, xstrdup(a->v[i]));
	if (values.n == 0)
		guard_args_add(&values, xstrdup(unknown));
	guard_set(run->g, a->v[0], strlen(a->v[0]), &values);
}

void
guard_judge(struct guard_command *c)
{
	static void (*const judges[])(const struct guard_command *) = {
	    guard_delete, guard_git, guard_sql, guard_disk, guard_modes, guard_secrets, guard_iris};
	const char *slash;
	size_t i;

	if (c->run->g->steps == 0)
		c->run->g->cut = true;
	if (c->argc == 0 || c->run->g->steps == 0)
		return;
	c->run->g->steps--;
	slash = strrchr(c->argv[0], '/');
	c->name = slash != NULL ? slash + 1 : c->argv[0];
	for (i = 0; i < sizeof(judges) / sizeof(judges[0]); i++)
		judges[i](c);
	guard_commands(c);
	guard_unwrap(c);
}

static void
judge_redirects(const struct guard_command *c)
{
	const struct shell_redirect *r;
	struct guard_args target = {.v = NULL};
	size_t i;

	for (i = 0; i < c->sc->n_redirects; i++) {
		r = &c->sc->redirects[i];
		if (r->op == SHELL_HERE || r->op == SHELL_DUP)
			continue;
		guard_expand(c->run->g, c->dir, &r->target, false, &target);
		if (target.n > 0)
			guard_redirect(c, r->op, target.v[0]);
		guard_args_free(&target);
	}
}

static void
judge_at(struct guard_run *run, size_t at)
{
	const struct shell_command *sc = &run->sh->v[at];
	struct guard_args *a = &run->args[at];
	struct guard_command c = {.run = run, .sc = sc, .dir = dir_of(run, sc->shell), .name = ""};
	size_t i;

	for (i = 0; i < sc->n_words; i++)
		guard_expand(run->g, c.dir, &sc->words[i], true, a);
	for (i = 0; i < sc->n_assigns; i++)
		guard_assign(run->g, c.dir, &sc->assigns[i]);
	c.argv = a->v;
	c.argc = a->n;
	c.far = run->far;
	if (sc->kind == SHELL_FOR) {
		if (a->n > 0)
			set_loop(run, a);
		return;
	}
	judge_redirects(&c);
	if (a->n == 0)
		return;
	if (sc->function != NULL && sc->background && strcmp(a->v[0], sc->function) == 0)
		guard_report(&c, "disk", "starts itself over and over");
	guard_judge(&c);
	builtin(run, sc, a);
}

void
guard_text(struct guard *g, const char *text, const char *dir, bool far)
{
	struct guard_run run = {.g = g, .far = far};
	struct shell *sh;
	size_t i;

	if (g->depth >= GUARD_DEPTH_MAX || g->bytes < strlen(text)) {
		g->cut = true;
		return;
	}
	g->bytes -= g->depth > 0 ? strlen(text) : 0;
	g->depth++;
	run.sh = sh = shell_read(text);
	g->cut = g->cut || sh->cut;
	run.args = xcalloc(sh->n + 1, sizeof(*run.args));
	run.dirs = xcalloc(sh->n_parents, sizeof(*run.dirs));
	run.dirs[0] = xstrdup(dir);
	for (i = 0; i < sh->n && g->steps > 0; i++)
		judge_at(&run, i);
	g->cut = g->cut || i < sh->n;
	for (i = 0; i < sh->n; i++)
		guard_args_free(&run.args[i]);
	for (i = 0; i < sh->n_parents; i++)
		free(run.dirs[i]);
	free(run.args);
	free(run.dirs);
	free(run.old);
	shell_free(sh);
	g->depth--;
}

void
guard_text_add(struct guard *g, char **out, const char *text)
{
	size_t old = *out == NULL ? 0 : strlen(*out), len = strlen(text);

	if (g->bytes < old + len) {
		g->cut = true;
		return;
	}
	g->bytes -= old + len;
	*out = xrealloc(*out, old + len + 2);
	if (old > 0)
		(*out)[old++] = '\n';
	memcpy(*out + old, text, len + 1);
}

/* The here-documents and here-strings of a command. */
static void
add_here(struct guard_run *run, const struct shell_command *sc, char **out)
{
	struct guard_args text = {.v = NULL};
	size_t i;

	for (i = 0; i < sc->n_redirects; i++) {
		if (sc->redirects[i].op != SHELL_HERE)
			continue;
		guard_expand(
		    run->g, dir_of(run, sc->shell), &sc->redirects[i].target, false, &text);
		if (text.n > 0)
			guard_text_add(run->g, out, text.v[0]);
		guard_args_free(&text);
	}
}

char *
guard_stdin(const struct guard_command *c)
{
	static const char *const echoes[] = {"echo", "printf", NULL};
	struct guard_run *run = c->run;
	const struct guard_args *a;
	char *out = NULL, *text;
	size_t i;

	if (c->sc == NULL)
		return NULL;
	add_here(run, c->sc, &out);
	for (i = c->sc->pipe_from; i < c->sc->pipe_to && run->g->steps > 0; i++) {
		run->g->steps--;
		a = &run->args[i];
		add_here(run, &run->sh->v[i], &out);
		if (a->n > 1 && guard_in(a->v[0], echoes)) {
			text = guard_echo(a->v, a->n);
			guard_text_add(run->g, &out, text);
			free(text);
		}
	}
	run->g->cut = run->g->cut || i < c->sc->pipe_to;
	return out;
}
