/* SPDX-License-Identifier: MIT
 *
 * The difference of two texts by lines, as diff -u shows it. Knows no files and prints nothing;
 * called by what shows a change to a person before it is made: iris, and irisd for its
 * configuration.
 */
#ifndef IRIS_COMMON_DIFF_H
#define IRIS_COMMON_DIFF_H

#include <stdbool.h>
#include <stddef.h>

/*
 * One line, without its newline and not terminated. mark: '@' begins a hunk, and the text is its
 * ranges ("-1,3 +1,4"); ' ' is in both, '-' only in the first, '+' only in the second; '\\' says of
 * the line before that no newline ends it.
 */
typedef void (*diff_line_cb)(char mark, const char *text, size_t len, void *arg);

struct diff_sum {
	size_t removed, added; /* lines */
	bool
	    rough; /* too different to look for what they share: correct, but longer than need be */
};

/* Hand each line of the difference to cb, with three lines around each change. */
struct diff_sum diff_unified(
    const char *a, size_t alen, const char *b, size_t blen, diff_line_cb cb, void *arg);

/* The whole as a text that patch(1) takes, malloc'ed; "" when there is no difference. */
char *diff_text(const char *name, const char *a, size_t alen, const char *b, size_t blen);

#endif
