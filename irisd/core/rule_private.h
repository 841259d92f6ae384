/* SPDX-License-Identifier: MIT
 *
 * What the files of the rules share; no one else includes it (but tests). rule.c leads; rule_path.c
 * has patterns of paths, rule_host.c hosts, rule_command.c what one command of the shell is,
 * rule_bash.c and rule_any.c whole commands, to allow and to refuse; rule_make.c makes rules.
 */
#ifndef IRIS_CORE_RULE_PRIVATE_H
#define IRIS_CORE_RULE_PRIVATE_H

#include "irisd/core/rule.h"
#include "irisd/core/shell.h"

#define RULE_PATH_MAX ((size_t)64 * 1024) /* bytes of a path that may be allowed */

/* A rule, taken apart. */
struct rule_text {
	char *tool;
	char *spec; /* what stands between the parentheses, without blanks around it; or NULL */
};

/* False for a text that is no rule. */
bool rule_parse(const char *rule, struct rule_text *r);
void rule_release(struct rule_text *r);

/* What a tool does with a path that it is given. */
enum rule_access { RULE_READS = 1, RULE_WRITES = 2, RULE_TREE = 4 /* and all that is below */ };

struct rule_file_tool {
	const char *tool;
	const char *member; /* of its input, with the path */
	unsigned access;    /* of enum rule_access */
};

/* NULL for a tool that is not about one file. */
const struct rule_file_tool *rule_file_tool(const char *tool);

/* A tool whose input.command is run by the shell. */
bool rule_is_shell(const char *tool);

/* Text is like pattern, where * is any characters. */
bool rule_like(const char *pattern, const char *text);

/* The text without blanks around it, malloc'ed. */
char *rule_trim(const char *s);

/* Whether the rule, "Read" or "Edit" with or without a pattern, means such a use of the file. */
bool rule_file_like(const struct rule_text *r, const char *path, unsigned access,
    const struct rule_use *use, bool strict);

/* --- rule_path.c ------------------------------------------------------------------------------ */

/*
 * The path from dir, or from home where it begins with ~, without "." and ".."; malloc'ed, NULL
 * where home is wanted and not known. No link is followed.
 */
char *rule_path(const char *path, const char *dir, const char *home);

/*
 * Whether the pattern (gitignore(5), with Claude Code's ways to anchor it) means this path, as
 * rule_path makes it; with tree, and all that is below it.
 */
bool rule_path_like(
    const char *pattern, const char *path, const struct rule_use *use, bool tree, bool strict);

/* The pattern that means this path alone, malloc'ed. */
char *rule_path_quote(const char *path);

/* --- rule_host.c ------------------------------------------------------------------------------ */

/* The host of a URL, in small letters, malloc'ed; NULL where programs could differ on it. */
char *rule_host(const char *url);

/* Whether "domain:HOST" means the host of the URL. */
bool rule_host_like(const char *spec, const char *url, bool strict);

/* --- rule_command.c --------------------------------------------------------------------------- */

/* What a rule says about commands. */
struct rule_command {
	char *raw;  /* as written */
	char *text; /* as rule_command_text has it */
	bool wild;  /* there is a * in it */
	bool bare;  /* "words *": the words alone are meant, too */
};

void rule_command_make(struct rule_command *r, const char *spec);
void rule_command_release(struct rule_command *r);
bool rule_command_like(const struct rule_command *r, const char *text);

/*
 * The words from the first on, each as a shell would have to be given it: two texts are the same
 * when the commands are. With all: assignments before and redirections behind them. malloc'ed.
 */
char *rule_command_text(const struct shell_command *c, size_t first, bool all);

/*
 * How many words a wrapper takes that only runs the rest (timeout, nice, ...), from the first word
 * on; 0: there is none. loose: 1 also for those that do more, and where the wrapper's own options
 * are not all known.
 */
size_t rule_command_wrapper(const struct shell_command *c, size_t first, bool loose);

/* Whether it runs, deletes or writes what its arguments say, so that its beginning tells little. */
bool rule_command_starts(const struct shell_command *c, size_t first);

/* What the files that a well-known program is given are to it: enum rule_access, or 0. */
unsigned rule_command_access(const struct shell_command *c, size_t first);

/* Text, or a ~ that is always the same. */
bool rule_word_plain(const struct shell_word *w);

/*
 * The file that a word names, malloc'ed; NULL where it is none or that is made when it runs. loose:
 * also $HOME, and what else stands there as it stands there.
 */
char *rule_word_path(const struct shell_word *w, const struct rule_use *use, bool loose);

/* --- rule_bash.c, rule_any.c ------------------------------------------------------------------ */

/* Whether the rules, all n of them together, mean every part of the command. */
bool rule_bash_all(
    const struct rule_text *rules, size_t n, const char *command, const struct rule_use *use);

/* Whether the rule means any part of it. */
bool rule_bash_any(const struct rule_text *rule, const char *command, const struct rule_use *use);

/* Whether nothing in it is made when it runs: what stands there is what is done. */
bool rule_bash_plain(const char *command);

#endif
