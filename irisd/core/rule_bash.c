/* SPDX-License-Identifier: MIT
 *
 * Rules and commands of the shell (Claude Code, "Bash" and "Redirections"). To allow, each simple
 * command must be meant by a rule, files that are redirected to by an Edit rule, and nothing may be
 * left that can not be read. Called by rule.c and rule_make.c; commands are read by shell.c. To
 * refuse is rule_any.c's.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "common/xmalloc.h"
#include "irisd/core/rule_private.h"

#define LEN_MAX ((size_t)10000) /* bytes of a command that is looked at, as in Claude Code */

/* What is asked about, in all functions here. */
struct bash {
	const struct rule_text *rules;
	size_t n;
	const struct rule_use *use;
	const struct shell *sh;
	bool
	    moves; /* changes its directory on the way: then nobody knows where a relative path is */
};

/* --- what can be read ------------------------------------------------------------------------- */

static bool
is_name(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

/* An expansion that runs nothing, or what is in sh->v as commands of their own (inner). */
static bool
expansion_readable(const char *s, size_t len, bool inner)
{
	static const char arithmetic[] = "0123456789 +-*/%()<>=&|^!~?:,";
	size_t i, end;

	if (len > 2 && strncmp(s, "$((", 3) == 0)
		return strspn(s + 1, arithmetic) >= len - 1;
	if (strncmp(s, "$(", 2) == 0 || s[0] == '`' || strncmp(s, "<(", 2) == 0 ||
	    strncmp(s, ">(", 2) == 0)
		return inner;
	if (len > 3 && strncmp(s, "${", 2) == 0) {
		end = len - 1;
		i = 2 + (s[2] == '#');
		while (i < end && (is_name(s[i]) || strchr(":-=+?./,%#", s[i]) != NULL))
			i++;
		return i == end && s[end] == '}';
	}
	if (s[0] == '{')
		return true;
	return s[0] == '$' && len > 1 && (is_name(s[1]) || strchr("@*#?$!-", s[1]) != NULL);
}

static bool
word_readable(const struct shell_word *w, bool inner)
{
	const char *bracket = strchr(w->text, '[');
	size_t i, end;

	/* Where bash wants a number or a name, the index of an array is expanded, though quoted. */
	if (bracket != NULL && (strstr(bracket, "$(") != NULL || strchr(bracket, '`') != NULL))
		return false;
	/* $[1+1] is $((1+1)) of long ago. */
	if (strstr(w->text, "$[") != NULL)
		return false;
	for (i = 0; i < w->len; i = end) {
		end = i + 1;
		/* zsh has commands in patterns. */
		if (w->marks[i] == SHELL_PLAIN && strchr("()$`", w->text[i]) != NULL)
			return false;
		if (w->marks[i] != SHELL_MADE && w->marks[i] != SHELL_MADE_QUOTED)
			continue;
		while (end < w->len && w->marks[end] == SHELL_REST)
			end++;
		if (!expansion_readable(w->text + i, end - i, inner))
			return false;
	}
	return true;
}

static bool
command_readable(const struct shell *sh, size_t index)
{
	const struct shell_command *c = &sh->v[index];
	bool inner = c->inner < index;
	size_t i;

	if (c->function != NULL)
		return false;
	/* A variable of a loop could be PATH. */
	if (c->kind == SHELL_FOR && (c->n_words == 0 || c->words[0].len != 1))
		return false;
	for (i = 0; i < c->n_words; i++)
		if (!word_readable(&c->words[i], inner))
			return false;
	for (i = 0; i < c->n_assigns; i++)
		if (!word_readable(&c->assigns[i], inner))
			return false;
	for (i = 0; i < c->n_redirects; i++)
		if (!word_readable(&c->redirects[i].target, false))
			return false;
	return true;
}

bool
rule_bash_plain(const char *command)
{
	struct shell *sh = shell_read(command);
	bool plain = sh->n > 0 && !sh->partial;
	const struct shell_command *c;
	size_t i, j;

	for (i = 0; i < sh->n && plain; i++) {
		c = &sh->v[i];
		plain = command_readable(sh, i);
		for (j = 0; j < c->n_words; j++)
			plain = plain && rule_word_plain(&c->words[j]);
		for (j = 0; j < c->n_assigns; j++)
			plain = plain && rule_word_plain(&c->assigns[j]);
		for (j = 0; j < c->n_redirects; j++)
			plain = plain && rule_word_plain(&c->redirects[j].target);
	}
	shell_free(sh);
	return plain;
}

/* --- to allow --------------------------------------------------------------------------------- */

static bool
is_bash(const struct rule_text *r)
{
	return strcmp(r->tool, "Bash") == 0;
}

/* Any rule that says exactly this; then what it says is done, whatever it is. */
static bool
exactly(const struct bash *b, const char *text, bool as_written)
{
	struct rule_command r;
	bool like = false;
	size_t i;

	for (i = 0; i < b->n && !like; i++) {
		if (!is_bash(&b->rules[i]) || b->rules[i].spec == NULL)
			continue;
		rule_command_make(&r, b->rules[i].spec);
		like = !r.wild && strcmp(as_written ? r.raw : r.text, text) == 0;
		rule_command_release(&r);
	}
	return like;
}

/* Assignments that change nothing of what a program does, but how it speaks. */
static bool
assigns_harmless(const struct shell_command *c)
{
	static const char *const names[] = {"NODE_ENV", "CI", "LANG", "LC_ALL", "LC_CTYPE", "TZ",
	    "NO_COLOR", "FORCE_COLOR", "COLUMNS", "LINES", "RUST_BACKTRACE", "PYTHONUNBUFFERED"};
	size_t i, j, n;

	for (i = 0; i < c->n_assigns; i++) {
		n = strcspn(c->assigns[i].text, "=");
		for (j = 0; j < sizeof names / sizeof names[0]; j++)
			if (strlen(names[j]) == n && memcmp(c->assigns[i].text, names[j], n) == 0)
				break;
		if (j == sizeof names / sizeof names[0] || !c->assigns[i].known)
			return false;
	}
	return true;
}

/* The command from the word first on, as one of the rules says it. */
static bool
words_allowed(const struct bash *b, const struct shell_command *c, size_t first, bool more)
{
	bool hides = rule_command_starts(c, first), allowed = false;
	char *text = rule_command_text(c, first, false);
	struct rule_command r;
	size_t i;

	for (i = 0; i < b->n && !allowed; i++) {
		if (!is_bash(&b->rules[i]) || b->rules[i].spec == NULL)
			continue;
		rule_command_make(&r, b->rules[i].spec);
		allowed = rule_command_like(&r, text) && (r.wild ? !hides : !more);
		rule_command_release(&r);
	}
	free(text);
	return allowed;
}

static bool
file_ruled(const struct bash *b, const char *path, unsigned access)
{
	size_t i;

	for (i = 0; i < b->n; i++)
		if (rule_file_like(&b->rules[i], path, access, b->use, true))
			return true;
	return false;
}

static bool
is_below(const char *dir, const char *path)
{
	size_t n = strlen(dir);

	return strncmp(dir, path, n) == 0 && (path[n] == '/' || (n == 1 && path[1] != '\0'));
}

/*
 * The shell may be in any directory below the team's, from an earlier command: a relative path is
 * allowed where all of them are.
 */
static bool
file_allowed(const struct bash *b, const struct shell_word *w, unsigned access)
{
	char *path = rule_word_path(w, b->use, false);
	char *dir = rule_path(".", b->use->dir, NULL);
	bool fixed = w->len > 0 && (w->text[0] == '/' || w->marks[0] == SHELL_TILDE), allowed;

	allowed = path != NULL && (fixed || !b->moves) &&
	    ((access == RULE_READS && is_below(dir, path)) ||
		(file_ruled(b, path, access) && (fixed || file_ruled(b, dir, access | RULE_TREE))));
	free(path);
	free(dir);
	return allowed;
}

static bool
redirect_allowed(const struct bash *b, const struct shell_redirect *r)
{
	switch (r->op) {
	case SHELL_DUP:
		return r->target.known && strspn(r->target.text, "0123456789-") == r->target.len;
	case SHELL_HERE:
		return true;
	case SHELL_READ:
		return shell_word_is(&r->target, "/dev/null") ||
		    file_allowed(b, &r->target, RULE_READS);
	case SHELL_WRITE:
	case SHELL_APPEND:
	case SHELL_RDWR:
		break;
	}
	return shell_word_is(&r->target, "/dev/null") || file_allowed(b, &r->target, RULE_WRITES);
}

/* tee writes to what it is given: as with >, that is not the command's to allow. */
static bool
tee_allowed(const struct bash *b, const struct shell_command *c, size_t first)
{
	char *dir = rule_path(".", b->use->dir, NULL), *path;
	bool allowed = true;
	size_t i;

	for (i = first + 1; i < c->n_words && allowed; i++) {
		if (c->words[i].text[0] == '-' && c->words[i].known)
			continue;
		path = rule_word_path(&c->words[i], b->use, false);
		allowed = path != NULL &&
		    ((is_below(dir, path) && !b->moves) ||
			file_allowed(b, &c->words[i], RULE_WRITES));
		free(path);
	}
	free(dir);
	return allowed;
}

static bool
simple_allowed(const struct bash *b, const struct shell_command *c)
{
	size_t first = 0, n;
	bool more = false; /* xargs gives it further arguments */

	if (c->n_words == 0 || !assigns_harmless(c))
		return false;
	while ((n = rule_command_wrapper(c, first, false)) > 0) {
		more = more || shell_word_is(&c->words[first], "xargs");
		first += n;
	}
	if (!c->words[first].known || (more && shell_word_is(&c->words[first], "find")))
		return false;
	if (shell_word_is(&c->words[first], "tee") && !tee_allowed(b, c, first))
		return false;
	return words_allowed(b, c, first, more);
}

static bool
command_allowed(const struct bash *b, size_t index)
{
	const struct shell_command *c = &b->sh->v[index];
	bool allowed = true;
	char *text;
	size_t i;

	if (c->kind == SHELL_SIMPLE) {
		text = rule_command_text(c, 0, true);
		allowed = exactly(b, text, false);
		free(text);
		if (allowed)
			return true;
		allowed = simple_allowed(b, c);
	}
	for (i = 0; i < c->n_redirects && allowed; i++)
		allowed = redirect_allowed(b, &c->redirects[i]);
	return allowed;
}

/* Whether a command in it goes elsewhere. */
static bool
moves(const struct shell *sh)
{
	static const char *const names[] = {"cd", "pushd", "popd", "chdir"};
	size_t i, j, k;

	for (i = 0; i < sh->n; i++)
		for (j = 0; j < sh->v[i].n_words; j++)
			for (k = 0; k < sizeof names / sizeof names[0]; k++)
				if (shell_word_is(&sh->v[i].words[j], names[k]))
					return true;
	return false;
}

/* [[ ]] and (( )) are no commands to shell.c, and expand what is quoted in them. */
static bool
calculates(const char *command)
{
	char *text = xstrdup(command), *p = text;
	bool found = false;

	/* A newline behind a backslash is nothing. */
	for (; *command != '\0'; command++)
		if (command[0] == '\\' && command[1] == '\n')
			command++;
		else
			*p++ = *command;
	*p = '\0';
	for (p = text; *p != '\0' && !found; p++)
		found = (p[0] == '(' && p[1] == '(' && (p == text || p[-1] != '$')) ||
		    (p[0] == '[' && p[1] == '[' && strchr(" \t\n", p[2]) != NULL);
	free(text);
	return found;
}

bool
rule_bash_all(
    const struct rule_text *rules, size_t n, const char *command, const struct rule_use *use)
{
	struct bash b = {rules, n, use, NULL, false};
	char *whole = rule_trim(command);
	bool allowed = exactly(&b, whole, true);
	struct shell *sh;
	size_t i;

	if (!allowed && strlen(command) <= LEN_MAX && !calculates(command)) {
		b.sh = sh = shell_read(command);
		b.moves = moves(sh);
		allowed = sh->n > 0 && !sh->partial;
		for (i = 0; i < sh->n && allowed; i++)
			allowed = command_readable(sh, i) && command_allowed(&b, i);
		shell_free(sh);
	}
	free(whole);
	return allowed;
}
