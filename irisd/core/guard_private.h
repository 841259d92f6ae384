/* SPDX-License-Identifier: MIT
 *
 * What the files of guard.c share. guard_walk.c goes through a command line and keeps what it
 * knows of directories and variables, guard_words.c expands words by it, guard_wrap.c finds what
 * sudo, sh -c and so on start; the others judge one command each by their tables, and report.
 */
#ifndef IRIS_CORE_GUARD_PRIVATE_H
#define IRIS_CORE_GUARD_PRIVATE_H

#include "irisd/core/guard.h"
#include "irisd/core/shell.h"

/* In expanded words: something that is made when it runs, and unquoted patterns * and ?. */
#define GUARD_UNKNOWN '\001'
#define GUARD_STAR    '\002'
#define GUARD_ANY     '\003'
#define GUARD_SPECIAL "\001\002\003"

#define GUARD_VARS_MAX  64
#define GUARD_DEPTH_MAX 8 /* of command lines within each other */

struct guard_args {
	char **v;
	size_t n;
};

struct guard_var {
	char *name;
	struct guard_args values; /* one, or those of a "for" */
};

struct guard {
	const struct config_guard *conf;
	const struct guard_place *place;
	char *root; /* place->dir, symlinks resolved where it is on this host */
	struct guard_hit *hit;
	bool any;     /* *hit is set */
	bool cut;     /* a bound was met: not all of it is judged */
	size_t steps; /* commands that may still be judged */
	size_t bytes; /* that may still be made by expansion */
	size_t paths; /* that may still be looked up in the file system */
	int depth;
	struct guard_var vars[GUARD_VARS_MAX];
	size_t n_vars;
};

/* A command line. */
struct guard_run {
	struct guard *g;
	const struct shell *sh;
	struct guard_args *args; /* of each command of sh, expanded */
	char **dirs;             /* of each subshell, where it is; NULL: where its parent is */
	char *old;               /* where it was before the last cd */
	bool far;                /* on another host, or in a container */
};

/* A simple command, or what it starts. */
struct guard_command {
	struct guard_run *run;
	const struct shell_command *sc;
	char **argv; /* argv[argc] is not to be read */
	size_t argc;
	const char *name; /* argv[0] without directories */
	const char *dir;  /* where it runs, absolute; begins with GUARD_UNKNOWN if not known */
	bool far;
	bool found; /* its operands are where find looks */
};

/* --- guard.c --- */

/* kind is a field of config_guard, by its key. why is a clause: "deletes ..." */
void guard_report(const struct guard_command *c, const char *kind, const char *why);
void guard_report_action(
    struct guard *g, const char *kind, int action, const char *command, const char *why);

/* Whether s is in the list, which ends with NULL. */
bool guard_in(const char *s, const char *const *list);

/*
 * Whether an option is given before "--": a letter of short ones, also among others (-rf), or a
 * long one, which may be cut to what is at least min long. Either may be 0 or NULL.
 */
bool guard_option(const struct guard_command *c, char letter, const char *name, size_t min);

/* The user's own list. */
void guard_commands(const struct guard_command *c);

/* The index of the next operand from i on; argc where there is none. *rest: "--" was passed. */
size_t guard_operand(const struct guard_command *c, size_t i, bool *rest);

void guard_args_free(struct guard_args *a);
void guard_args_add(struct guard_args *a, char *s);

/* Words with a space between them, patterns as they were written; at most max bytes. malloc'ed. */
char *guard_join(char *const *v, size_t n, size_t max);

/* --- guard_words.c --- */

/* What w becomes, added to out; split: it may become several words. */
void guard_expand(struct guard *g, const char *dir, const struct shell_word *w, bool split,
    struct guard_args *out);

/* The variable has these values from now on, which are taken. */
void guard_set(struct guard *g, const char *name, size_t len, struct guard_args *values);

/* An assignment "NAME=value", expanded where it stands. */
void guard_assign(struct guard *g, const char *dir, const struct shell_word *w);

/* --- guard_path.c --- */

enum guard_where {
	GUARD_INSIDE, /* of the project */
	GUARD_TEMPORARY,
	GUARD_ALL, /* the project itself, or everything in it */
	GUARD_OUTSIDE,
	GUARD_NOWHERE /* not known */
};

/* arg as a path: absolute, without . and .., or beginning with GUARD_UNKNOWN. malloc'ed. */
char *guard_path(const char *dir, const char *arg);

/* The same, with symlinks resolved where the host is this one; last: also its last part's. */
char *guard_real(struct guard *g, const char *dir, const char *arg, bool last);

/* Where the file or directory is that arg names. */
enum guard_where guard_where(const struct guard_command *c, const char *arg);

/* Why something there is not to be deleted or changed; NULL where it may be. */
const char *guard_where_why(enum guard_where where);

/* --- guard_walk.c --- */

/* Judges a command line that runs in dir. */
void guard_text(struct guard *g, const char *text, const char *dir, bool far);

/* Judges a command, and what it starts. */
void guard_judge(struct guard_command *c);

/* What is known of the text at its standard input, malloc'ed; NULL: nothing. */
char *guard_stdin(const struct guard_command *c);

/* Adds text to *out, a newline before it. */
void guard_text_add(struct guard *g, char **out, const char *text);

/* --- guard_output.c --- */

/* What echo and printf write, their words being v[0..n], n > 1. malloc'ed. */
char *guard_echo(char *const *v, size_t n);

/*
 * What the command line text is known to write when it runs in dir, as in $(text) without the
 * newlines at its end; malloc'ed; NULL: not known.
 */
char *guard_output(struct guard *g, const char *dir, const char *text, size_t len);

/* --- guard_wrap.c --- */

void guard_unwrap(const struct guard_command *c);

/* Judges the command argv[from..] as started by c; far: on another host. */
void guard_rest(const struct guard_command *c, size_t from, bool far);

/* The index of c's first operand; opts: its short options with values. */
size_t guard_options(const struct guard_command *c, const char *opts);

/* --- guard_each.c --- */

/* parallel COMMAND ::: ARGUMENT ... */
void guard_parallel(const struct guard_command *c);

/* fd [PATTERN [DIRECTORY ...]] -x COMMAND ... [;]: what it finds there, if not all of it. */
void guard_fd(const struct guard_command *c);

void guard_xargs(const struct guard_command *c);
void guard_find(const struct guard_command *c);

/* Where find looks, "/x" being added where it does not take all. find is a command named so. */
void guard_find_starts(char *const *argv, size_t argc, struct guard_args *out);

/* --- judges --- */

void guard_delete(const struct guard_command *c);
void guard_git(const struct guard_command *c);
void guard_sql(const struct guard_command *c);
void guard_disk(const struct guard_command *c);
void guard_modes(const struct guard_command *c);
void guard_secrets(const struct guard_command *c);
void guard_iris(const struct guard_command *c);

/* > FILE and < FILE, path being resolved. */
void guard_redirect(const struct guard_command *c, enum shell_op op, const char *arg);

/* A file that is read or written by arg's name, as by a tool. */
void guard_secret_read(const struct guard_command *c, const char *arg);
void guard_secret_write(const struct guard_command *c, const char *arg);
void guard_secret_send(const struct guard_command *c, const char *host);
void guard_iris_write(const struct guard_command *c, const char *arg);
void guard_disk_write(const struct guard_command *c, const char *arg);

#endif
