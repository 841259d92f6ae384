/* SPDX-License-Identifier: MIT
 *
 * Reads a command as bash reads it, and says which simple commands it consists of. Nothing is run,
 * and nothing is looked up: no variable, no file, no alias. guard.c and rule.c judge by what is
 * read here. Written for hostile text: what it takes is bounded, and so are depth and time.
 */
#ifndef IRIS_CORE_SHELL_H
#define IRIS_CORE_SHELL_H

#include <stdbool.h>
#include <stddef.h>

#define SHELL_LEN_MAX      (1024 * 1024) /* bytes of a command */
#define SHELL_COMMANDS_MAX 2048
#define SHELL_DEPTH_MAX    40 /* of groups and expansions within each other */

/* What a byte of a word is; the bytes of shell_word.marks. */
enum shell_mark {
	SHELL_PLAIN = 'p',       /* not quoted: * ? [ are patterns */
	SHELL_QUOTED = 'q',      /* stands for itself */
	SHELL_TILDE = '~',       /* a ~ that the shell replaces */
	SHELL_MADE = '$',        /* here begins an expansion, which may become several words */
	SHELL_MADE_QUOTED = '"', /* here begins an expansion within "": always one word */
	SHELL_REST = '.'         /* goes on with that expansion */
};

/*
 * A word. Quotes and backslashes are taken off, $'..' is decoded; expansions ($x, ${x}, $(..),
 * `..`, $((..)), <(..), {1..9}) stand in text as they were written.
 */
struct shell_word {
	char *text;
	char *marks; /* a byte for each of text: enum shell_mark */
	size_t len;
	bool known; /* text is what the program gets: no expansion, no ~, no pattern in it */
};

enum shell_op {
	SHELL_READ,   /* < */
	SHELL_WRITE,  /* > >| &> >&FILE */
	SHELL_APPEND, /* >> &>> */
	SHELL_RDWR,   /* <> */
	SHELL_DUP,    /* <& >&: target is a number, a number and "-", or "-" */
	SHELL_HERE    /* << <<- <<<: target is the text itself */
};

struct shell_redirect {
	enum shell_op op;
	int fd; /* as written before the operator, else -1; &> has -1, too */
	struct shell_word target;
};

enum shell_kind {
	SHELL_SIMPLE,  /* words, assignments, redirections: at least one of them */
	SHELL_FOR,     /* runs nothing: words are the variable, then its values */
	SHELL_COMPOUND /* runs nothing: redirections of a ( ), { }, if, while, for, case */
};

/*
 * A simple command. Words are those after brace expansion. {a,b} and so on have become words of
 * their own; assignments before the command are in assigns, as "NAME=value" (of an array's value
 * all is one expansion). A command may have assignments or redirections, and no words.
 */
struct shell_command {
	enum shell_kind kind;
	struct shell_word *words;
	size_t n_words;
	struct shell_word *assigns;
	size_t n_assigns;
	struct shell_redirect *redirects;
	size_t n_redirects;
	/*
	 * The commands pipe_from <= i < pipe_to are in the same pipeline before it: what they
	 * write may arrive at its standard input. Equal where it is the first.
	 */
	size_t pipe_from, pipe_to;
	/* The commands inner <= i < its own index are those in its words' $(..), `..`, <(..). */
	size_t inner;
	size_t shell;    /* the subshell that it runs in: an index of shell.parents */
	char *function;  /* the function whose body it is in, or NULL */
	bool background; /* ends with & */
};

/*
 * The simple commands in the order in which they run, where that can be said: those in a $(..)
 * come before the command around it. All branches of if and case, and the bodies of functions, are
 * in it, whether they would be run or not.
 */
struct shell {
	struct shell_command *v;
	size_t n;
	size_t *parents; /* of each subshell; 0 is the outermost, and its own */
	size_t n_parents;
	/*
	 * Not all of it could be read: a quote or a group does not end, it is too long or too deep.
	 * What could be read is there.
	 */
	bool partial;
	bool cut; /* because it is too long, too deep, or has too many commands or words */
};

/* Never NULL; the caller frees it. */
struct shell *shell_read(const char *text);
void shell_free(struct shell *);

/* Whether the word is exactly this, and known. */
bool shell_word_is(const struct shell_word *w, const char *text);

#endif
