/* SPDX-License-Identifier: MIT
 *
 * Rules that refuse, and commands of the shell: whether any part of the command is meant, however
 * it is quoted, by whatever path it is named and whatever runs it. What can not be read is looked
 * at as text. Too much is better here than too little: what is made to be too long or too deep to
 * be looked at is meant by every rule. Called by rule.c; commands are read by shell.c.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "common/xmalloc.h"
#include "irisd/core/rule_private.h"

#define NEST_MAX    3                     /* sh -c in sh -c */
#define RUNNERS_MAX 8                     /* sudo env nice ... */
#define SUFFIX_MAX  16                    /* words behind each of them where a command may begin */
#define LEN_MAX     ((size_t)256 * 1024)  /* bytes of a command that is looked at */
#define WORK_MAX    ((size_t)2 * 1048576) /* bytes that are compared, all in all */
#define DIRS_MAX    16                    /* directories that it goes to */

struct any {
	const struct rule_text *rule;
	const struct rule_use *use;
	struct rule_command like; /* of a rule for Bash */
	bool files;               /* it is one for files instead */
	size_t work;              /* bytes so far */
	char *dirs[DIRS_MAX];     /* where it may be, from the team's directory on; owned */
	size_t n_dirs;
};

/* The rule as it was written, and as a shell reads it. */
static bool
text_like(struct any *a, const char *text)
{
	struct rule_command raw = a->like;
	size_t n = strlen(raw.raw);
	const char *star = strchr(raw.raw, '*');

	if (rule_command_like(&a->like, text))
		return true;
	raw.text = raw.raw;
	raw.wild = star != NULL;
	raw.bare = n > 2 && star == raw.raw + n - 1 && star[-1] == ' ';
	return rule_command_like(&raw, text);
}

/* The words without their quotes, the program without its directory and in small letters. */
static char *
plain_text(const struct shell_command *c, size_t first)
{
	const char *name = strrchr(c->words[first].text, '/');
	size_t i, len = 1, n;
	char *out, *p;

	for (i = first; i < c->n_words; i++)
		len += c->words[i].len + 1;
	out = p = xmalloc(len);
	name = name != NULL ? name + 1 : c->words[first].text;
	while (*name != '\0')
		*p++ = (char)tolower((unsigned char)*name++);
	for (i = first + 1; i < c->n_words; i++) {
		n = c->words[i].len;
		*p++ = ' ';
		memcpy(p, c->words[i].text, n);
		p += n;
	}
	*p = '\0';
	return out;
}

static bool
words_like(struct any *a, const struct shell_command *c, size_t first)
{
	char *text = rule_command_text(c, first, false), *plain = plain_text(c, first);
	bool like = text_like(a, text) || text_like(a, plain);

	free(text);
	free(plain);
	return like;
}

/* --- rules for files -------------------------------------------------------------------------- */

/* In each directory that the command may be in by then. */
static bool
file_like(struct any *a, const struct shell_word *w, unsigned access)
{
	struct rule_use there = *a->use;
	bool like = false;
	char *path;
	size_t i;

	for (i = 0; i < a->n_dirs && !like; i++) {
		there.dir = a->dirs[i];
		if ((path = rule_word_path(w, &there, true)) != NULL)
			like = rule_file_like(a->rule, path, access, a->use, false);
		free(path);
	}
	return like;
}

/* cd, where it goes is read. */
static void
follow(struct any *a, const struct shell_command *c)
{
	static const char *const names[] = {"cd", "pushd", "chdir"};
	struct rule_use there = *a->use;
	bool goes = false;
	size_t i;
	char *dir;

	for (i = 0; c->n_words > 0 && i < sizeof names / sizeof names[0]; i++)
		goes = goes || shell_word_is(&c->words[0], names[i]);
	for (i = 1; i < c->n_words && c->words[i].text[0] == '-'; i++)
		;
	if (!goes || a->n_dirs == DIRS_MAX)
		return;
	there.dir = a->dirs[a->n_dirs - 1];
	dir = i < c->n_words ? rule_word_path(&c->words[i], &there, true)
			     : rule_path("~", there.dir, there.home);
	if (dir != NULL)
		a->dirs[a->n_dirs++] = dir;
}

/* name=file and --name=file, too. */
static bool
argument_like(struct any *a, const struct shell_word *w, unsigned access)
{
	const char *value = strchr(w->text, '=');
	struct shell_word rest = *w;
	size_t n;

	if (file_like(a, w, access))
		return true;
	if (value == NULL)
		return false;
	n = (size_t)(value + 1 - w->text);
	rest.text += n;
	rest.marks += n;
	rest.len -= n;
	return file_like(a, &rest, access);
}

static bool
redirects_like(struct any *a, const struct shell_command *c)
{
	static const unsigned access[] = {[SHELL_READ] = RULE_READS,
	    [SHELL_WRITE] = RULE_WRITES,
	    [SHELL_APPEND] = RULE_WRITES,
	    [SHELL_RDWR] = RULE_READS | RULE_WRITES,
	    [SHELL_DUP] = 0,
	    [SHELL_HERE] = 0};
	size_t i;

	for (i = 0; i < c->n_redirects; i++)
		if (access[c->redirects[i].op] != 0 &&
		    file_like(a, &c->redirects[i].target, access[c->redirects[i].op]))
			return true;
	return false;
}

static bool
arguments_like(struct any *a, const struct shell_command *c, size_t first)
{
	unsigned access = rule_command_access(c, first);
	size_t i;

	for (i = first + 1; access != 0 && i < c->n_words; i++)
		if (argument_like(a, &c->words[i], access))
			return true;
	return false;
}

/* --- commands --------------------------------------------------------------------------------- */

static bool any_in(struct any *a, const char *command, int depth);

static bool
is_shell(const struct shell_word *w)
{
	static const char *const names[] = {
	    "sh", "bash", "dash", "zsh", "ksh", "ash", "fish", "su", "eval", "ssh", "script"};
	const char *slash = strrchr(w->text, '/');
	size_t i;

	for (i = 0; i < sizeof names / sizeof names[0]; i++)
		if (strcmp(slash != NULL ? slash + 1 : w->text, names[i]) == 0)
			return true;
	return false;
}

/* Any word given to a shell could be what it runs; all together are what eval runs. */
static bool
nested(struct any *a, const struct shell_command *c, size_t first, int depth)
{
	bool like = false;
	char *all;
	size_t i;

	if (depth >= NEST_MAX || !is_shell(&c->words[first]) || first + 1 >= c->n_words)
		return false;
	for (i = first + 1; i < c->n_words && !like; i++)
		like = c->words[i].text[strcspn(c->words[i].text, " \t\n;&|<>")] != '\0' &&
		    any_in(a, c->words[i].text, depth + 1);
	all = plain_text(c, first + 1);
	like = like || any_in(a, all, depth + 1);
	free(all);
	return like;
}

static bool
from_word(struct any *a, const struct shell_command *c, size_t first, int depth)
{
	size_t i;

	for (i = first; i < c->n_words; i++)
		a->work += c->words[i].len + 1;
	return a->work > WORK_MAX ||
	    (a->files ? arguments_like(a, c, first) : words_like(a, c, first)) ||
	    nested(a, c, first, depth);
}

static bool
command_like(struct any *a, const struct shell_command *c, int depth)
{
	size_t first = 0, next, i;
	bool like = false;
	char *text;
	int n;

	if (a->files && redirects_like(a, c))
		return true;
	if (!a->files) {
		text = rule_command_text(c, 0, true);
		like = text_like(a, text);
		free(text);
	}
	if (like || c->n_words == 0 || c->kind != SHELL_SIMPLE)
		return like;
	like = from_word(a, c, 0, depth);
	for (n = 0; n < RUNNERS_MAX && rule_command_wrapper(c, first, true); n++, first = next) {
		next = c->n_words;
		for (i = first + 1; !like && i < c->n_words && i <= first + SUFFIX_MAX; i++) {
			like = from_word(a, c, i, depth);
			if (next == c->n_words && rule_command_wrapper(c, i, true))
				next = i;
		}
	}
	return like || n == RUNNERS_MAX;
}

/* What is left of a text when it is cut wherever a command could begin or end. */
static bool
pieces_like(struct any *a, const char *command)
{
	char *copy = xstrdup(command), *piece, *text, *save = NULL, *p, *q;
	bool like = false;

	for (piece = strtok_r(copy, ";&|\n(){}`$", &save); piece != NULL && !like;
	     piece = strtok_r(NULL, ";&|\n(){}`$", &save)) {
		for (p = q = piece; *p != '\0'; p++)
			if (strchr("'\"\\", *p) == NULL)
				*q++ = *p == '\t' ? ' ' : *p;
		*q = '\0';
		text = rule_trim(piece);
		like = *text != '\0' && text_like(a, text);
		free(text);
	}
	free(copy);
	return like;
}

static bool
any_in(struct any *a, const char *command, int depth)
{
	struct shell *sh;
	bool like, partial;
	size_t i;

	if (strlen(command) > LEN_MAX || (a->work += strlen(command)) > WORK_MAX)
		return true;
	sh = shell_read(command);
	partial = sh->partial;
	like = false;
	for (i = 0; i < sh->n && !like; i++) {
		like = command_like(a, &sh->v[i], depth);
		follow(a, &sh->v[i]);
	}
	shell_free(sh);
	return like || (partial && !a->files && pieces_like(a, command));
}

bool
rule_bash_any(const struct rule_text *rule, const char *command, const struct rule_use *use)
{
	struct any a = {.rule = rule, .use = use, .files = strcmp(rule->tool, "Bash") != 0};
	char *whole;
	bool like;

	a.dirs[a.n_dirs++] = xstrdup(use->dir);
	/* The last one is where what follows goes from. */
	if (use->cwd != NULL && strcmp(use->cwd, use->dir) != 0)
		a.dirs[a.n_dirs++] = xstrdup(use->cwd);
	rule_command_make(&a.like, rule->spec);
	whole = rule_trim(command);
	like = (!a.files && text_like(&a, whole)) || any_in(&a, command, 0);
	free(whole);
	rule_command_release(&a.like);
	while (a.n_dirs > 0)
		free(a.dirs[--a.n_dirs]);
	return like;
}
