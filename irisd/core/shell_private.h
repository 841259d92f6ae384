/* SPDX-License-Identifier: MIT
 *
 * What the files of shell.c share: the reader's place in the text, words being made, and who calls
 * whom. shell_parse.c has the grammar, shell_word.c quotes and expansions,
 * shell_redirect.c what it says, shell_brace.c {a,b}.
 */
#ifndef IRIS_CORE_SHELL_PRIVATE_H
#define IRIS_CORE_SHELL_PRIVATE_H

#include "irisd/core/shell.h"

#define SHELL_DOCS_MAX 32 /* here-documents of one line */
#define SHELL_NONE     SIZE_MAX

/* A here-document whose text comes after the end of the line. */
struct shell_doc {
	size_t command; /* SHELL_NONE until the command is in the list */
	size_t redirect;
	char *end; /* the line that ends it */
	bool tabs; /* <<- */
	bool quoted;
};

struct shell_parser {
	struct shell *out;
	const char *s;
	size_t pos, end;
	size_t shell; /* where commands run that are read now */
	const char *function;
	int depth;
	bool stopped; /* there is nothing more */
	struct shell_doc docs[SHELL_DOCS_MAX];
	size_t n_docs, docs_from; /* those before docs_from are an outer line's */
};

/* The byte at the place, past escaped newlines; 0 at the end. */
char shell_cur(struct shell_parser *p);

/* The one after it. */
char shell_peek(struct shell_parser *p);

/* Spaces and tabs are skipped. */
void shell_blank(struct shell_parser *p);

/* False when it is too deep: nothing more is read then. Each true one needs a leave. */
bool shell_enter(struct shell_parser *p);
void shell_leave(struct shell_parser *p);

/* Reading ends here: the rest is not looked at. */
void shell_give_up(struct shell_parser *p);

/* v, of n elements of this size, with room for one more. */
void *shell_grow(void *v, size_t n, size_t size);

/* A new subshell of the one that is read now; 0 where there are too many. */
size_t shell_open(struct shell_parser *p);

/*
 * A word; false, with nothing read, where none begins. quoted, unless NULL, says whether any of it
 * was in quotes.
 */
bool shell_word_read(struct shell_parser *p, struct shell_word *w, bool *quoted);
void shell_word_clear(struct shell_word *w);

/* w->known from its marks. */
void shell_word_judge(struct shell_word *w);

/* The text from..to as it is in a here-document that is not quoted: with its expansions. */
void shell_text_read(struct shell_parser *p, size_t from, size_t to, struct shell_word *w);

/* Where the )) is that ends the arithmetic whose (( ends before from; SHELL_NONE: it is none. */
size_t shell_arithmetic_end(const struct shell_parser *p, size_t from);

/* The words that braces make of w, which is taken, appended to *v. */
void shell_brace(struct shell_parser *p, struct shell_word *w, struct shell_word **v, size_t *n);

/* Whether a redirection begins here; reading it, which takes its here-document later. */
bool shell_at_redirect(struct shell_parser *p);
void shell_redirect_read(struct shell_parser *p, struct shell_command *c);

/* At a newline: past it, and past the here-documents that follow. */
void shell_newline(struct shell_parser *p);

/* Here-documents that no line follows. */
void shell_docs_drop(struct shell_parser *p);

enum shell_closer { CLOSE_END, CLOSE_PAREN, CLOSE_BRACE, CLOSE_FI, CLOSE_DONE, CLOSE_CASE };

/* Commands up to what closes them, which is read as well, but for ;; and esac. */
void shell_list_read(struct shell_parser *p, enum shell_closer closer);

#endif
