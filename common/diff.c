/* SPDX-License-Identifier: MIT
 *
 * Myers' O(ND) difference (Algorithmica 1, 1986, the greedy form) over lines, between what the two
 * texts have in common at their beginnings and ends. Its steps are kept, one row for each number of
 * changes, so their number is limited: beyond that, everything between is shown as replaced.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/xmalloc.h"
#include "common/diff.h"

#define CHANGES_MAX 1500 /* rows of 2 n + 1 places: 9 MB in all */
#define CONTEXT     3

struct line {
	const char *p;
	size_t len; /* with its newline */
	uint64_t hash;
};

struct text {
	struct line *v;
	size_t n;
	bool *changed; /* one a line: it is not in the other text */
};

/* One line of the output: of which text, and where. */
struct step {
	char mark;
	size_t at;
};

struct out {
	const struct text *a, *b;
	struct step *v;
	size_t n;
	size_t done, lines[2]; /* steps that hunks have gone by, and how many lines of a and b */
	diff_line_cb cb;
	void *arg;
};

static void
split(struct text *t, const char *s, size_t len)
{
	const char *end = s + len, *p, *nl;
	struct line *l;
	size_t i, n = 0;

	for (p = s; p < end; p = nl == NULL ? end : nl + 1, n++)
		nl = memchr(p, '\n', (size_t)(end - p));
	t->v = xcalloc(n + 1, sizeof *t->v);
	t->changed = xcalloc(n + 1, sizeof *t->changed);
	t->n = n;
	for (p = s, n = 0; p < end; p += l->len, n++) {
		l = &t->v[n];
		nl = memchr(p, '\n', (size_t)(end - p));
		l->p = p;
		l->len = nl == NULL ? (size_t)(end - p) : (size_t)(nl + 1 - p);
		l->hash = 14695981039346656037u;
		for (i = 0; i < l->len; i++)
			l->hash = (l->hash ^ (unsigned char)p[i]) * 1099511628211u;
	}
}

static bool
same(const struct line *a, const struct line *b)
{
	return a->hash == b->hash && a->len == b->len && memcmp(a->p, b->p, a->len) == 0;
}

/*
 * Whether the best way to diagonal k with d changes adds a line of b (down) or takes one of a. prev
 * is the row of d - 1, prev[i] how far on a its way to diagonal i - (d - 1) came.
 */
static bool
goes_down(const int *prev, int d, int k)
{
	return k == -d || (k != d && prev[k - 1 + d - 1] < prev[k + 1 + d - 1]);
}

/* Back from the end, by the rows. */
static void
mark_changes(struct text *a, struct text *b, size_t skip, const int *rows, int d, int x, int y)
{
	const int *prev;
	int k, pk;

	for (; d > 0; d--) {
		prev = rows + (size_t)(d - 1) * (size_t)(d - 1);
		k = x - y;
		pk = goes_down(prev, d, k) ? k + 1 : k - 1;
		x = prev[pk + d - 1];
		y = x - pk;
		if (pk > k)
			b->changed[skip + (size_t)y] = true;
		else
			a->changed[skip + (size_t)x] = true;
	}
}

/* The lines from skip on, n of a and m of b. False when there are too many changes. */
static bool
search(struct text *a, struct text *b, size_t skip, int n, int m)
{
	const struct line *la = a->v + skip, *lb = b->v + skip;
	int *rows = NULL, *row, *prev, d, k, x = 0, y = 0;
	bool found = false;
	size_t room = 0, need;

	for (d = 0; d <= CHANGES_MAX && !found; d++) {
		need = (size_t)(d + 1) * (size_t)(d + 1);
		if (need > room)
			rows = xreallocarray(rows, room = need * 2, sizeof *rows);
		row = rows + (size_t)d * (size_t)d;
		prev = d > 0 ? rows + (size_t)(d - 1) * (size_t)(d - 1) : NULL;
		for (k = -d; k <= d && !found; k += 2) {
			if (d == 0)
				x = 0;
			else
				x = goes_down(prev, d, k) ? prev[k + d] : prev[k + d - 2] + 1;
			for (y = x - k; x < n && y < m && same(&la[x], &lb[y]); y++)
				x++;
			row[k + d] = x;
			found = x >= n && y >= m;
		}
	}
	if (found)
		mark_changes(a, b, skip, rows, d - 1, x, y);
	free(rows);
	return found;
}

/* Mark what differs; false when it was not looked for line by line. */
static bool
compare(struct text *a, struct text *b)
{
	size_t begin = 0, end = 0, min = a->n < b->n ? a->n : b->n, i;

	while (begin < min && same(&a->v[begin], &b->v[begin]))
		begin++;
	while (end < min - begin && same(&a->v[a->n - 1 - end], &b->v[b->n - 1 - end]))
		end++;
	if (a->n < INT32_MAX / 2 && b->n < INT32_MAX / 2 &&
	    search(a, b, begin, (int)(a->n - begin - end), (int)(b->n - begin - end)))
		return true;
	for (i = begin; i < a->n - end; i++)
		a->changed[i] = true;
	for (i = begin; i < b->n - end; i++)
		b->changed[i] = true;
	return false;
}

static void
put_line(const struct out *o, const struct step *s)
{
	static const char no_newline[] = " No newline at end of file";
	const struct line *l = s->mark == '+' ? &o->b->v[s->at] : &o->a->v[s->at];
	bool whole = l->len > 0 && l->p[l->len - 1] == '\n';

	o->cb(s->mark, l->p, l->len - whole, o->arg);
	if (!whole)
		o->cb('\\', no_newline, sizeof no_newline - 1, o->arg);
}

static void
count(struct out *o, size_t to)
{
	for (; o->done < to; o->done++) {
		o->lines[0] += o->v[o->done].mark != '+';
		o->lines[1] += o->v[o->done].mark != '-';
	}
}

/* Line numbers as diff -u writes them: where nothing is, the line before. */
static void
put_hunk(struct out *o, size_t from, size_t to)
{
	size_t before[2], in[2], i;
	char head[128];
	int n;

	count(o, from);
	for (i = 0; i < 2; i++)
		before[i] = o->lines[i];
	count(o, to);
	for (i = 0; i < 2; i++)
		in[i] = o->lines[i] - before[i];
	n = snprintf(head, sizeof head, "-%zu,%zu +%zu,%zu", before[0] + (in[0] > 0), in[0],
	    before[1] + (in[1] > 0), in[1]);
	o->cb('@', head, (size_t)n, o->arg);
	for (i = from; i < to; i++)
		put_line(o, &o->v[i]);
}

static void
put_hunks(struct out *o)
{
	size_t i, from, last;

	for (i = 0; i < o->n; i++) {
		if (o->v[i].mark == ' ')
			continue;
		from = i > CONTEXT ? i - CONTEXT : 0;
		/* One hunk goes on as long as the next change is near. */
		for (last = i; i < o->n && i - last <= 2 * CONTEXT + 1; i++)
			if (o->v[i].mark != ' ')
				last = i;
		i = last + CONTEXT + 1 < o->n ? last + CONTEXT + 1 : o->n;
		put_hunk(o, from, i);
		i--;
	}
}

struct diff_sum
diff_unified(const char *a, size_t alen, const char *b, size_t blen, diff_line_cb cb, void *arg)
{
	struct diff_sum sum = {0};
	struct text ta, tb;
	struct out o = {.a = &ta, .b = &tb, .cb = cb, .arg = arg};
	size_t i = 0, j = 0;

	split(&ta, a, alen);
	split(&tb, b, blen);
	sum.rough = !compare(&ta, &tb);
	o.v = xcalloc(ta.n + tb.n + 1, sizeof *o.v);
	while (i < ta.n || j < tb.n) {
		if (i < ta.n && ta.changed[i]) {
			o.v[o.n++] = (struct step){'-', i++};
			sum.removed++;
		} else if (j < tb.n && tb.changed[j]) {
			o.v[o.n++] = (struct step){'+', j++};
			sum.added++;
		} else {
			o.v[o.n++] = (struct step){' ', i++};
			j++;
		}
	}
	put_hunks(&o);
	free(o.v);
	free(ta.v);
	free(ta.changed);
	free(tb.v);
	free(tb.changed);
	return sum;
}

struct text_out {
	char *s;
	size_t len, room;
};

static void
append(struct text_out *o, const char *s, size_t len)
{
	if (o->len + len >= o->room) {
		o->room = 2 * (o->len + len) + 256;
		o->s = xrealloc(o->s, o->room);
	}
	memcpy(o->s + o->len, s, len);
	o->len += len;
	o->s[o->len] = '\0';
}

static void
append_line(char mark, const char *text, size_t len, void *arg)
{
	append(arg, mark == '@' ? "@@ " : &mark, mark == '@' ? 3 : 1);
	append(arg, text, len);
	append(arg, mark == '@' ? " @@\n" : "\n", mark == '@' ? 4 : 1);
}

char *
diff_text(const char *name, const char *a, size_t alen, const char *b, size_t blen)
{
	struct text_out o = {NULL, 0, 0};
	char *head;

	append(&o, "", 0);
	if (alen == blen && memcmp(a, b, alen) == 0)
		return o.s;
	head = xasprintf("--- %s\n+++ %s\n", name, name);
	append(&o, head, strlen(head));
	free(head);
	diff_unified(a, alen, b, blen, append_line, &o);
	return o.s;
}
