/* SPDX-License-Identifier: MIT
 *
 * Reads commands, see shell.h: begins and ends, and the reader's place. shell_parse.c has the
 * grammar.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/xmalloc.h"
#include "irisd/core/shell_private.h"

char
shell_cur(struct shell_parser *p)
{
	if (p->stopped)
		return '\0';
	while (p->end - p->pos >= 2 && p->s[p->pos] == '\\' && p->s[p->pos + 1] == '\n')
		p->pos += 2;
	return p->pos < p->end ? p->s[p->pos] : '\0';
}

char
shell_peek(struct shell_parser *p)
{
	size_t old = p->pos;
	char c = '\0';

	if (shell_cur(p) != '\0') {
		p->pos++;
		c = shell_cur(p);
	}
	p->pos = old;
	return c;
}

void
shell_blank(struct shell_parser *p)
{
	char c;

	while ((c = shell_cur(p)) == ' ' || c == '\t')
		p->pos++;
}

void
shell_give_up(struct shell_parser *p)
{
	p->out->partial = p->out->cut = true;
	p->stopped = true;
}

bool
shell_enter(struct shell_parser *p)
{
	if (p->depth >= SHELL_DEPTH_MAX) {
		shell_give_up(p);
		return false;
	}
	p->depth++;
	return true;
}

void
shell_leave(struct shell_parser *p)
{
	p->depth--;
}

void *
shell_grow(void *v, size_t n, size_t size)
{
	if ((n & (n - 1)) != 0)
		return v;
	return xreallocarray(v, n == 0 ? 1 : n * 2, size);
}

size_t
shell_open(struct shell_parser *p)
{
	struct shell *sh = p->out;

	if (sh->n_parents >= SHELL_COMMANDS_MAX) {
		shell_give_up(p);
		return 0;
	}
	sh->parents = shell_grow(sh->parents, sh->n_parents, sizeof(*sh->parents));
	sh->parents[sh->n_parents] = p->shell;
	return sh->n_parents++;
}

struct shell *
shell_read(const char *text)
{
	struct shell *sh = xcalloc(1, sizeof(*sh));
	size_t len = strlen(text);
	struct shell_parser p = {.out = sh, .s = text, .end = len};

	if (len > SHELL_LEN_MAX) {
		sh->partial = sh->cut = true;
		p.end = SHELL_LEN_MAX;
	}
	shell_open(&p);
	shell_list_read(&p, CLOSE_END);
	return sh;
}

void
shell_word_clear(struct shell_word *w)
{
	free(w->text);
	free(w->marks);
	memset(w, 0, sizeof(*w));
}

static void
command_clear(struct shell_command *c)
{
	size_t i;

	for (i = 0; i < c->n_words; i++)
		shell_word_clear(&c->words[i]);
	for (i = 0; i < c->n_assigns; i++)
		shell_word_clear(&c->assigns[i]);
	for (i = 0; i < c->n_redirects; i++)
		shell_word_clear(&c->redirects[i].target);
	free(c->words);
	free(c->assigns);
	free(c->redirects);
	free(c->function);
}

void
shell_free(struct shell *sh)
{
	size_t i;

	if (sh == NULL)
		return;
	for (i = 0; i < sh->n; i++)
		command_clear(&sh->v[i]);
	free(sh->v);
	free(sh->parents);
	free(sh);
}

bool
shell_word_is(const struct shell_word *w, const char *text)
{
	return w->known && strcmp(w->text, text) == 0;
}
