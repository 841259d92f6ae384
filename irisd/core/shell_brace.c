/* SPDX-License-Identifier: MIT
 *
 * Brace expansion for shell.c: a{b,c}d is abd and acd. Of {1..9} only is said that it is made when
 * it runs. What would become too many words stays one, and the reading is partial.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/xmalloc.h"
#include "irisd/core/shell_private.h"

#define WORDS_MAX 256
#define LEN_MAX   1024 /* a longer word with braces is not looked into */
#define OPEN_MAX  16   /* braces within each other */

/* A { with its } and the commas between them, which belong to no inner one. */
struct group {
	size_t from, to, n;
	size_t commas[WORDS_MAX];
	bool range; /* has ".." in it */
};

static bool
plain(const struct shell_word *w, size_t i, char c)
{
	return i < w->len && w->text[i] == c && w->marks[i] == SHELL_PLAIN;
}

/* The group that begins at from; false where it does not end, or is none. */
static bool
group_at(const struct shell_word *w, size_t from, struct group *g)
{
	size_t i, open = 0;

	memset(g, 0, sizeof(*g));
	g->from = from;
	for (i = from; i < w->len; i++) {
		if (plain(w, i, '{')) {
			open++;
		} else if (plain(w, i, '}') && --open == 0) {
			g->to = i;
			return g->n > 0 || g->range;
		} else if (open == 1 && plain(w, i, ',') && g->n < WORDS_MAX) {
			g->commas[g->n++] = i;
		} else if (open == 1 && plain(w, i, '.') && plain(w, i + 1, '.')) {
			g->range = true;
		}
	}
	return false;
}

static bool
group_find(const struct shell_word *w, struct group *g)
{
	size_t i, tries = 0;

	for (i = 0; i < w->len && tries < OPEN_MAX; i++)
		if (plain(w, i, '{') && (++tries, group_at(w, i, g)))
			return true;
	return false;
}

/* w with from..to instead of the group. */
static struct shell_word
chosen(const struct shell_word *w, const struct group *g, size_t from, size_t to)
{
	size_t head = g->from, mid = to - from, tail = w->len - g->to - 1;
	struct shell_word n = {.len = head + mid + tail};

	n.text = xcalloc(1, n.len + 1);
	n.marks = xcalloc(1, n.len + 1);
	memcpy(n.text, w->text, head);
	memcpy(n.marks, w->marks, head);
	memcpy(n.text + head, w->text + from, mid);
	memcpy(n.marks + head, w->marks + from, mid);
	memcpy(n.text + head + mid, w->text + g->to + 1, tail);
	memcpy(n.marks + head + mid, w->marks + g->to + 1, tail);
	return n;
}

static void
append(struct shell_word **v, size_t *n, struct shell_word *w)
{
	*v = shell_grow(*v, *n, sizeof(**v));
	(*v)[(*n)++] = *w;
	memset(w, 0, sizeof(*w));
}

/* The range is made when it runs. */
static void
mark_range(struct shell_word *w, const struct group *g)
{
	memset(w->marks + g->from, SHELL_REST, g->to - g->from + 1);
	w->marks[g->from] = SHELL_MADE;
}

void
shell_brace(struct shell_parser *p, struct shell_word *w, struct shell_word **v, size_t *n)
{
	struct shell_word *todo = NULL, cur, next;
	size_t n_todo = 0, made = 0, i, from;
	struct group g;

	if (w->len > LEN_MAX && strchr(w->text, '{') != NULL && group_find(w, &g)) {
		p->out->partial = p->out->cut = true;
		append(v, n, w);
		return;
	}
	append(&todo, &n_todo, w);
	while (n_todo > 0) {
		cur = todo[--n_todo];
		if (cur.len > LEN_MAX || !group_find(&cur, &g)) {
			shell_word_judge(&cur);
			if (cur.len > 0 || made + n_todo == 0)
				append(v, n, &cur);
			shell_word_clear(&cur);
			made++;
			continue;
		}
		if (g.n == 0) {
			mark_range(&cur, &g);
			append(&todo, &n_todo, &cur);
			continue;
		}
		if (made + n_todo + g.n >= WORDS_MAX) {
			p->out->partial = p->out->cut = true;
			append(v, n, &cur);
			made++;
			continue;
		}
		/* The last one first: todo is taken from its end. */
		for (i = g.n + 1; i-- > 0;) {
			from = i == 0 ? g.from + 1 : g.commas[i - 1] + 1;
			next = chosen(&cur, &g, from, i == g.n ? g.to : g.commas[i]);
			append(&todo, &n_todo, &next);
		}
		shell_word_clear(&cur);
	}
	free(todo);
}
