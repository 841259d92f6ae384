/* SPDX-License-Identifier: MIT
 *
 * Tables of text in columns, see term.h. Called by the commands that list something; what they put
 * in comes from outside and is escaped here.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/xmalloc.h"
#include "irisd/ctl/term.h"

#define GAP 2

void
term_table_row(struct term_table *t)
{
	size_t i, n;

	t->nrows++;
	n = t->nrows * t->ncols;
	t->cells = xreallocarray(t->cells, n, sizeof *t->cells);
	t->styles = xreallocarray(t->styles, n, sizeof *t->styles);
	for (i = n - t->ncols; i < n; i++) {
		t->cells[i] = NULL;
		t->styles[i] = TERM_PLAIN;
	}
}

void
term_table_init(struct term_table *t, size_t ncols, const char *const *heads)
{
	size_t i;

	assert(ncols <= TERM_TABLE_COLUMNS);
	memset(t, 0, sizeof *t);
	t->ncols = ncols;
	if (heads == NULL)
		return;
	term_table_row(t);
	for (i = 0; i < ncols; i++)
		term_table_cell(t, i, heads[i], TERM_DIM);
}

void
term_table_cell(struct term_table *t, size_t col, const char *text, enum term_style style)
{
	size_t i;

	assert(t->nrows > 0 && col < t->ncols);
	i = (t->nrows - 1) * t->ncols + col;
	free(t->cells[i]);
	t->cells[i] = text == NULL ? xstrdup("-") : term_escape(text, strlen(text), false);
	t->styles[i] = style;
}

static void
print_row(const struct term_table *t, size_t row, const size_t *width, const char *indent)
{
	size_t col, i, pad, used = strlen(indent);

	fputs(indent, stdout);
	for (col = 0; col < t->ncols; col++) {
		i = row * t->ncols + col;
		if (t->cells[i] == NULL)
			t->cells[i] = xstrdup("");
		if (col + 1 == t->ncols && term.out_tty && (size_t)term_width() > used + 8)
			term_cut(t->cells[i], (size_t)term_width() - used);
		printf("%s%s%s", term_on(stdout, t->styles[i]), t->cells[i],
		    t->styles[i] == TERM_PLAIN ? "" : term_off(stdout));
		if (col + 1 == t->ncols)
			break;
		for (pad = term_columns(t->cells[i]); pad < width[col] + GAP; pad++)
			putchar(' ');
		used += width[col] + GAP;
	}
	putchar('\n');
}

void
term_table_print(struct term_table *t, const char *indent)
{
	size_t width[TERM_TABLE_COLUMNS] = {0}, row, col, i, n;

	for (row = 0; row < t->nrows; row++) {
		for (col = 0; col < t->ncols; col++) {
			i = row * t->ncols + col;
			n = t->cells[i] == NULL ? 0 : term_columns(t->cells[i]);
			if (n > width[col])
				width[col] = n;
		}
	}
	for (row = 0; row < t->nrows; row++)
		print_row(t, row, width, indent);
	for (i = 0; i < t->nrows * t->ncols; i++)
		free(t->cells[i]);
	free(t->cells);
	free(t->styles);
	memset(t, 0, sizeof *t);
}
