/* SPDX-License-Identifier: MIT
 *
 * What the CLI knows of the terminal: whether there is one, its width, colours, a spinner, tables,
 * and the escaping of text that came from outside, so that an answer can not move the cursor or
 * change the window's title.
 */
#ifndef IRIS_CTL_TERM_H
#define IRIS_CTL_TERM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct term {
	bool out_tty, err_tty; /* standard output, standard error */
	bool out_color, err_color;
	bool utf8; /* the locale's character set */
};

extern struct term term;

enum term_style { TERM_PLAIN, TERM_BOLD, TERM_DIM, TERM_RED, TERM_GREEN, TERM_YELLOW, TERM_CYAN };

/* Look at the descriptors, TERM, NO_COLOR and the locale. Call once. */
void term_init(bool no_color);
int term_width(void);

/* The sequences around styled text; empty where f has no colours. f is stdout or stderr. */
const char *term_on(FILE *f, enum term_style style);
const char *term_off(FILE *f);

/*
 * A copy of text that is safe to print: control characters (C0 but for newline and tab where
 * multiline is set, DEL, C1), characters that reverse the direction of writing, and bytes that are
 * no UTF-8, as \xNN or \u{NNNN}.
 */
char *term_escape(const char *text, size_t len, bool multiline);
/* The same to f, without a copy for the caller. */
void term_print(FILE *f, const char *text, bool multiline);

/* Columns that text takes on the terminal. */
size_t term_columns(const char *text);
/*
 * Cut text in place to so many columns, with "..." where something is lost. text has room for what
 * it holds.
 */
void term_cut(char *text, size_t columns);

/* A duration for people: "3 ms", "1.2 s", "2 min 5 s", "3 h 4 min". Returns buf. */
const char *term_duration(int64_t ms, char *buf, size_t size);
/* Local time of day with milliseconds, with the date when it is not today. Returns buf. */
const char *term_clock(int64_t ms, char *buf, size_t size);

/* A table: cells are escaped and copied; the last column is cut to the terminal's width. */
#define TERM_TABLE_COLUMNS 8

struct term_table {
	size_t ncols;
	size_t nrows;
	char **cells;            /* nrows * ncols, owned */
	enum term_style *styles; /* one a cell */
};

/* heads: one a column, or NULL for a table without a head line. */
void term_table_init(struct term_table *t, size_t ncols, const char *const *heads);
/* The next cell, row by row; NULL is shown as "-". */
void term_table_cell(struct term_table *t, size_t col, const char *text, enum term_style style);
void term_table_row(struct term_table *t);
/* To standard output, each line behind indent; frees the table. */
void term_table_print(struct term_table *t, const char *indent);

/* One line on standard error that is drawn over and over, only on a terminal. */
struct term_spinner {
	bool on;    /* may be drawn at all */
	bool drawn; /* is on the screen now */
	unsigned frame;
};

void term_spinner_draw(struct term_spinner *s, const char *text);
void term_spinner_clear(struct term_spinner *s);

#endif
