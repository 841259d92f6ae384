/* SPDX-License-Identifier: MIT
 *
 * Redirections and here-documents for shell.c, of which the latter's text comes after the end of
 * the line. Called by shell_parse.c.
 */
#include <ctype.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/xmalloc.h"
#include "irisd/core/shell_private.h"

/* The length of digits or {name} before a redirection; 0 where there is no redirection. */
static size_t
redirect_head(struct shell_parser *p)
{
	size_t i = p->pos;

	if (p->s[i] == '{') {
		for (i++; i < p->end && (isalnum((unsigned char)p->s[i]) || p->s[i] == '_');)
			i++;
		if (i >= p->end || p->s[i++] != '}')
			return 0;
	} else {
		while (i < p->end && i - p->pos < 4 && isdigit((unsigned char)p->s[i]))
			i++;
	}
	return i < p->end && (p->s[i] == '<' || p->s[i] == '>') ? i - p->pos : 0;
}

bool
shell_at_redirect(struct shell_parser *p)
{
	char c = shell_cur(p), next = shell_peek(p);

	if (c == '<' || c == '>')
		return next != '(';
	return (c == '&' && next == '>') || (c != '\0' && redirect_head(p) > 0);
}

/* The operator at the place, which is read. */
static enum shell_op
read_operator(struct shell_parser *p, bool *here, bool *tabs)
{
	char c = shell_cur(p), next;
	bool both = c == '&';

	if (both) {
		p->pos++;
		c = shell_cur(p);
	}
	p->pos++;
	next = shell_cur(p);
	if (next != '\0' && strchr(c == '<' ? "<&>" : ">&|", next) != NULL)
		p->pos++;
	else
		return c == '<' ? SHELL_READ : SHELL_WRITE;
	if (c == '>')
		return next == '>' ? SHELL_APPEND : next == '&' ? SHELL_DUP : SHELL_WRITE;
	if (next != '<')
		return next == '>' ? SHELL_RDWR : SHELL_DUP;
	c = shell_cur(p);
	*here = c != '<';
	*tabs = c == '-';
	if (c == '<' || c == '-')
		p->pos++;
	return SHELL_HERE;
}

/* >& FILE is > FILE 2>&1. */
static void
judge_dup(struct shell_redirect *r, bool out)
{
	const char *t = r->target.text;

	if (r->op == SHELL_DUP && out && r->target.known && strcmp(t, "-") != 0 &&
	    t[strspn(t, "0123456789")] != '\0' && strcmp(t + strspn(t, "0123456789"), "-") != 0)
		r->op = SHELL_WRITE;
}

void
shell_redirect_read(struct shell_parser *p, struct shell_command *c)
{
	struct shell_redirect r = {.fd = -1};
	bool here = false, tabs = false, quoted = false, out;
	size_t head = redirect_head(p);
	struct shell_doc *doc;

	if (head > 0 && p->s[p->pos] != '{')
		r.fd = atoi(p->s + p->pos);
	p->pos += head;
	out = shell_cur(p) != '<';
	r.op = read_operator(p, &here, &tabs);
	shell_blank(p);
	if (!shell_word_read(p, &r.target, &quoted)) {
		p->out->partial = true;
		return;
	}
	judge_dup(&r, out);
	c->redirects = shell_grow(c->redirects, c->n_redirects, sizeof(*c->redirects));
	c->redirects[c->n_redirects++] = r;
	if (!here)
		return;
	if (p->n_docs >= SHELL_DOCS_MAX) {
		shell_give_up(p);
		return;
	}
	doc = &p->docs[p->n_docs++];
	doc->command = SHELL_NONE;
	doc->redirect = c->n_redirects - 1;
	doc->end = xstrdup(r.target.text);
	doc->tabs = tabs;
	doc->quoted = quoted;
}

/* One here-document, whose first line begins at the place. */
static void
read_doc(struct shell_parser *p, struct shell_doc *doc)
{
	size_t from = p->pos, line = from, len = strlen(doc->end), at, stop;
	struct shell_word *w;
	const char *nl;

	for (;;) {
		nl = line < p->end ? memchr(p->s + line, '\n', p->end - line) : NULL;
		stop = nl != NULL ? (size_t)(nl - p->s) : p->end;
		at = line;
		while (doc->tabs && at < stop && p->s[at] == '\t')
			at++;
		if (stop - at == len && memcmp(p->s + at, doc->end, len) == 0)
			break;
		if (nl == NULL) {
			p->out->partial = true;
			line = stop;
			break;
		}
		line = stop + 1;
	}
	p->pos = stop;
	if (doc->command == SHELL_NONE)
		return;
	w = &p->out->v[doc->command].redirects[doc->redirect].target;
	shell_word_clear(w);
	if (!doc->quoted) {
		struct shell_word made;

		shell_text_read(p, from, line, &made);
		p->out->v[doc->command].redirects[doc->redirect].target = made;
		return;
	}
	w->len = line - from;
	w->text = xstrndup(p->s + from, w->len);
	w->marks = xcalloc(1, w->len + 1);
	memset(w->marks, SHELL_QUOTED, w->len);
	w->known = true;
}

void
shell_newline(struct shell_parser *p)
{
	size_t i, n = p->n_docs;

	p->pos++;
	for (i = p->docs_from; i < n; i++) {
		if (!p->stopped)
			read_doc(p, &p->docs[i]);
		if (!p->stopped && p->pos < p->end && i + 1 < n)
			p->pos++;
		free(p->docs[i].end);
	}
	p->n_docs = p->docs_from;
}

void
shell_docs_drop(struct shell_parser *p)
{
	while (p->n_docs > p->docs_from) {
		free(p->docs[--p->n_docs].end);
		p->out->partial = true;
	}
}
