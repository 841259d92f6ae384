/* SPDX-License-Identifier: MIT
 *
 * The grammar of shell.c: lists, pipelines, compound and simple commands. It takes more than the
 * shell does where that does no harm: words such as "then" and "do" are passed over wherever a
 * command may begin.
 */
#include <ctype.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/xmalloc.h"
#include "irisd/core/shell_private.h"

enum reserved {
	WORD_NONE,
	WORD_PASS, /* then, else, elif, do */
	WORD_FI,
	WORD_DONE,
	WORD_ESAC,
	WORD_CLOSE,
	WORD_NOT,
	WORD_TIME,
	WORD_COPROC,
	WORD_OPEN,
	WORD_IF,
	WORD_LOOP,
	WORD_FOR,
	WORD_CASE,
	WORD_FUNCTION,
	WORD_TEST
};

static const struct {
	const char *name;
	enum reserved word;
} reserved_words[] = {
    {"then", WORD_PASS},
    {"else", WORD_PASS},
    {"elif", WORD_PASS},
    {"do", WORD_PASS},
    {"fi", WORD_FI},
    {"done", WORD_DONE},
    {"esac", WORD_ESAC},
    {"}", WORD_CLOSE},
    {"!", WORD_NOT},
    {"time", WORD_TIME},
    {"coproc", WORD_COPROC},
    {"{", WORD_OPEN},
    {"if", WORD_IF},
    {"while", WORD_LOOP},
    {"until", WORD_LOOP},
    {"for", WORD_FOR},
    {"select", WORD_FOR},
    {"case", WORD_CASE},
    {"function", WORD_FUNCTION},
    {"[[", WORD_TEST},
};

static void read_command(struct shell_parser *p);

/* The unquoted word at the place, when it is text; it is read. */
static bool
take_word(struct shell_parser *p, const char *text)
{
	size_t old = p->pos;
	char c;

	for (; *text != '\0'; text++) {
		if (shell_cur(p) != *text) {
			p->pos = old;
			return false;
		}
		p->pos++;
	}
	c = shell_cur(p);
	if (c == '\0' || strchr(" \t\n;&|()<>", c) != NULL)
		return true;
	p->pos = old;
	return false;
}

/* The reserved word at the place, which is read; WORD_NONE, and nothing read: there is none. */
static enum reserved
take_reserved(struct shell_parser *p)
{
	size_t i;

	for (i = 0; i < sizeof(reserved_words) / sizeof(reserved_words[0]); i++)
		if (take_word(p, reserved_words[i].name))
			return reserved_words[i].word;
	return WORD_NONE;
}

static enum reserved
peek_reserved(struct shell_parser *p)
{
	size_t old = p->pos;
	enum reserved word = take_reserved(p);

	p->pos = old;
	return word;
}

/* Blanks and a comment. */
static void
skip_blank(struct shell_parser *p)
{
	shell_blank(p);
	if (shell_cur(p) == '#')
		while (p->pos < p->end && p->s[p->pos] != '\n')
			p->pos++;
}

static void
skip_lines(struct shell_parser *p)
{
	for (skip_blank(p); shell_cur(p) == '\n'; skip_blank(p))
		shell_newline(p);
}

static void
push(struct shell_parser *p, struct shell_command *c)
{
	struct shell *sh = p->out;
	size_t i;

	if (sh->n >= SHELL_COMMANDS_MAX)
		shell_give_up(p);
	c->shell = p->shell;
	c->function = xstrdup_null(p->function);
	for (i = p->docs_from; i < p->n_docs; i++)
		if (p->docs[i].command == SHELL_NONE)
			p->docs[i].command = sh->n;
	sh->v = shell_grow(sh->v, sh->n, sizeof(*sh->v));
	sh->v[sh->n++] = *c;
	memset(c, 0, sizeof(*c));
}

static void
add_word(struct shell_word **v, size_t *n, struct shell_word *w)
{
	*v = shell_grow(*v, *n, sizeof(**v));
	(*v)[(*n)++] = *w;
	memset(w, 0, sizeof(*w));
}

/* Those behind a compound command. */
static void
read_redirects(struct shell_parser *p)
{
	struct shell_command c = {.kind = SHELL_COMPOUND, .inner = p->out->n};

	for (shell_blank(p); shell_at_redirect(p); shell_blank(p))
		shell_redirect_read(p, &c);
	if (c.n_redirects > 0)
		push(p, &c);
}

/* Whether w begins with NAME=, NAME+= or NAME[..]=. */
static bool
is_assignment(const struct shell_word *w)
{
	size_t i = 0;

	while (i < w->len && w->marks[i] == SHELL_PLAIN &&
	    (isalnum((unsigned char)w->text[i]) || w->text[i] == '_'))
		i++;
	if (i == 0 || isdigit((unsigned char)w->text[0]) || i == w->len)
		return false;
	if (w->marks[i] == SHELL_PLAIN && w->text[i] == '[') {
		while (i < w->len && (w->text[i] != ']' || w->marks[i] != SHELL_PLAIN))
			i++;
		i++;
	}
	if (i + 1 < w->len && w->text[i] == '+' && w->marks[i] == SHELL_PLAIN)
		i++;
	return i < w->len && w->text[i] == '=' && w->marks[i] == SHELL_PLAIN;
}

/* At the "(" behind NAME=: the array's words, of which only the commands in them are wanted. */
static void
read_array(struct shell_parser *p, struct shell_word *w)
{
	struct shell_word item;
	size_t from = p->pos, n, to;
	char c;

	p->pos++;
	for (skip_lines(p); (c = shell_cur(p)) != '\0' && c != ')'; skip_lines(p)) {
		if (shell_word_read(p, &item, NULL))
			shell_word_clear(&item);
		else
			p->pos++;
	}
	if (c == ')')
		p->pos++;
	else
		p->out->partial = true;
	to = p->pos < p->end ? p->pos : p->end;
	n = to > from ? to - from : 0;
	w->text = xrealloc(w->text, w->len + n + 1);
	w->marks = xrealloc(w->marks, w->len + n + 1);
	memcpy(w->text + w->len, p->s + from, n);
	memset(w->marks + w->len, SHELL_REST, n);
	if (n > 0)
		w->marks[w->len] = SHELL_MADE;
	w->len += n;
	w->text[w->len] = w->marks[w->len] = '\0';
	w->known = false;
}

/* In an assignment * and ? stand for themselves. */
static void
no_patterns(struct shell_word *w)
{
	size_t i;

	for (i = 0; i < w->len; i++)
		if (w->marks[i] == SHELL_PLAIN)
			w->marks[i] = SHELL_QUOTED;
	shell_word_judge(w);
}

/* A word of a simple command, if one is there. */
static bool
read_argument(struct shell_parser *p, struct shell_command *c)
{
	struct shell_word w;
	bool assignment;

	if (!shell_word_read(p, &w, NULL))
		return false;
	assignment = is_assignment(&w);
	if (assignment && w.text[w.len - 1] == '=' && shell_cur(p) == '(')
		read_array(p, &w);
	if (assignment && c->n_words == 0) {
		no_patterns(&w);
		add_word(&c->assigns, &c->n_assigns, &w);
	} else if (assignment) {
		add_word(&c->words, &c->n_words, &w);
	} else {
		shell_brace(p, &w, &c->words, &c->n_words);
	}
	return true;
}

/* A command as the body of the function. */
static void
read_body(struct shell_parser *p, const char *name)
{
	const char *outer = p->function;

	if (!shell_enter(p))
		return;
	skip_lines(p);
	p->function = name;
	read_command(p);
	p->function = outer;
	shell_leave(p);
}

/* At "name (": the rest of a function's definition. */
static void
read_definition(struct shell_parser *p, struct shell_command *c)
{
	p->pos++;
	shell_blank(p);
	if (shell_cur(p) == ')')
		p->pos++;
	else
		p->out->partial = true;
	read_body(p, c->words[0].text);
}

static void
command_free(struct shell_command *c)
{
	size_t i;

	for (i = 0; i < c->n_words; i++)
		shell_word_clear(&c->words[i]);
	free(c->words);
}

static void
read_simple(struct shell_parser *p)
{
	struct shell_command c = {.kind = SHELL_SIMPLE, .inner = p->out->n};

	for (skip_blank(p); shell_cur(p) != '\0'; skip_blank(p)) {
		if (shell_at_redirect(p)) {
			shell_redirect_read(p, &c);
		} else if (shell_cur(p) == '(') {
			if (c.n_words == 1 && c.n_assigns + c.n_redirects == 0) {
				read_definition(p, &c);
				command_free(&c);
				return;
			}
			p->out->partial = true;
			break;
		} else if (!read_argument(p, &c)) {
			break;
		}
	}
	if (c.n_words + c.n_assigns + c.n_redirects > 0)
		push(p, &c);
}

/* Behind "for": the variable and its values. */
static void
read_for(struct shell_parser *p)
{
	struct shell_command c = {.kind = SHELL_FOR, .inner = p->out->n};
	struct shell_word w;
	size_t end;

	shell_blank(p);
	if (shell_cur(p) == '(' && shell_peek(p) == '(') {
		end = shell_arithmetic_end(p, p->pos + 2);
		if (end == SHELL_NONE) {
			p->out->partial = true;
			p->pos = p->end;
		} else {
			shell_text_read(p, p->pos + 2, end, &w);
			shell_word_clear(&w);
			p->pos = end + 2;
		}
	} else {
		if (shell_word_read(p, &w, NULL))
			add_word(&c.words, &c.n_words, &w);
		skip_lines(p);
		if (take_word(p, "in"))
			for (shell_blank(p); read_argument(p, &c); shell_blank(p))
				;
		if (c.n_words > 0)
			push(p, &c);
	}
	for (skip_lines(p); shell_cur(p) == ';'; skip_lines(p))
		p->pos++;
	shell_list_read(p, take_word(p, "{") ? CLOSE_BRACE : CLOSE_DONE);
}

/* Behind "case". */
static void
read_case(struct shell_parser *p)
{
	struct shell_word w;
	char c;

	shell_blank(p);
	if (shell_word_read(p, &w, NULL))
		shell_word_clear(&w);
	skip_lines(p);
	if (!take_word(p, "in"))
		p->out->partial = true;
	for (skip_lines(p); !take_word(p, "esac"); skip_lines(p)) {
		while ((c = shell_cur(p)) != ')') {
			if (c == '\0') {
				p->out->partial = true;
				return;
			}
			if (shell_word_read(p, &w, NULL))
				shell_word_clear(&w);
			else if (c == '\n')
				shell_newline(p);
			else
				p->pos++;
		}
		p->pos++;
		shell_list_read(p, CLOSE_CASE);
		while (shell_cur(p) == ';' || shell_cur(p) == '&')
			p->pos++;
	}
}

/* Behind "[[": words and operators that run nothing. */
static void
read_test(struct shell_parser *p)
{
	struct shell_word w;

	for (skip_lines(p); !take_word(p, "]]"); skip_lines(p)) {
		if (shell_cur(p) == '\0') {
			p->out->partial = true;
			return;
		}
		if (shell_word_read(p, &w, NULL))
			shell_word_clear(&w);
		else
			p->pos++;
	}
}

/* At a "(": arithmetic, or a subshell. */
static void
read_paren(struct shell_parser *p)
{
	size_t shell = p->shell, end = SHELL_NONE;
	struct shell_word w;

	p->pos++;
	if (shell_cur(p) == '(')
		end = shell_arithmetic_end(p, p->pos + 1);
	if (end != SHELL_NONE) {
		shell_text_read(p, p->pos + 1, end, &w);
		shell_word_clear(&w);
		p->pos = end + 2;
		return;
	}
	p->shell = shell_open(p);
	shell_list_read(p, CLOSE_PAREN);
	p->shell = shell;
}

static void
read_function(struct shell_parser *p)
{
	struct shell_word w;

	shell_blank(p);
	if (!shell_word_read(p, &w, NULL)) {
		p->out->partial = true;
		return;
	}
	shell_blank(p);
	if (shell_cur(p) == '(') {
		p->pos++;
		shell_blank(p);
		if (shell_cur(p) == ')')
			p->pos++;
	}
	read_body(p, w.text);
	shell_word_clear(&w);
}

/* What begins with word, which is read; false where that begins nothing. */
static bool
read_compound(struct shell_parser *p, enum reserved word)
{
	if (word == WORD_OPEN)
		shell_list_read(p, CLOSE_BRACE);
	else if (word == WORD_IF)
		shell_list_read(p, CLOSE_FI);
	else if (word == WORD_LOOP)
		shell_list_read(p, CLOSE_DONE);
	else if (word == WORD_FOR)
		read_for(p);
	else if (word == WORD_CASE)
		read_case(p);
	else if (word == WORD_FUNCTION)
		read_function(p);
	else if (word == WORD_TEST)
		read_test(p);
	else
		return false;
	read_redirects(p);
	return true;
}

/* Behind "coproc": a name, where a compound command follows it. */
static void
skip_name(struct shell_parser *p)
{
	size_t old;

	shell_blank(p);
	old = p->pos;
	while (isalnum((unsigned char)shell_cur(p)) || shell_cur(p) == '_')
		p->pos++;
	shell_blank(p);
	if (shell_cur(p) != '(' && peek_reserved(p) < WORD_OPEN)
		p->pos = old;
}

static void
read_command(struct shell_parser *p)
{
	enum reserved word;

	if (!shell_enter(p))
		return;
	for (skip_blank(p);; skip_blank(p)) {
		if (shell_cur(p) == '(') {
			read_paren(p);
			read_redirects(p);
			break;
		}
		word = take_reserved(p);
		if (word == WORD_NONE) {
			read_simple(p);
			break;
		}
		if (read_compound(p, word))
			break;
		if (word == WORD_TIME) {
			skip_blank(p);
			take_word(p, "-p");
		} else if (word == WORD_COPROC) {
			skip_name(p);
		} else if (word != WORD_NOT && word != WORD_PASS) {
			p->out->partial = true;
		}
	}
	shell_leave(p);
}

static void
read_pipeline(struct shell_parser *p)
{
	struct shell_command *v;
	size_t from = p->out->n, right, i;

	for (;;) {
		right = p->out->n;
		read_command(p);
		v = p->out->v;
		for (i = right; right > from && i < p->out->n; i++) {
			if (v[i].pipe_from == v[i].pipe_to)
				v[i].pipe_to = right;
			v[i].pipe_from = from;
		}
		shell_blank(p);
		if (shell_cur(p) != '|' || shell_peek(p) == '|')
			break;
		p->pos++;
		if (shell_cur(p) == '&')
			p->pos++;
		skip_lines(p);
	}
	if (shell_cur(p) == '&' && shell_peek(p) != '&')
		for (i = from; i < p->out->n; i++)
			p->out->v[i].background = true;
}

/* Whether the word closes what is open; any other closing word is passed over. */
static bool
closes(struct shell_parser *p, enum reserved word, enum shell_closer closer)
{
	if ((word == WORD_FI && closer == CLOSE_FI) ||
	    (word == WORD_DONE && closer == CLOSE_DONE) ||
	    (word == WORD_CLOSE && closer == CLOSE_BRACE))
		return true;
	if (word != WORD_PASS)
		p->out->partial = true;
	return false;
}

void
shell_list_read(struct shell_parser *p, enum shell_closer closer)
{
	enum reserved word;
	size_t old;
	char c;

	for (skip_lines(p); (c = shell_cur(p)) != '\0'; skip_lines(p)) {
		old = p->pos;
		if (c == ';' || c == '&' || c == '|') {
			if (c == ';' && closer == CLOSE_CASE &&
			    (shell_peek(p) == ';' || shell_peek(p) == '&'))
				return;
			if (!shell_at_redirect(p)) {
				p->pos++;
				continue;
			}
		} else if (c == ')') {
			p->pos++;
			if (closer == CLOSE_PAREN)
				return;
			p->out->partial = true;
			continue;
		}
		word = peek_reserved(p);
		if (word == WORD_ESAC && closer == CLOSE_CASE)
			return;
		if (word >= WORD_PASS && word <= WORD_CLOSE) {
			take_reserved(p);
			if (closes(p, word, closer))
				return;
			continue;
		}
		read_pipeline(p);
		if (p->pos == old && !p->stopped) {
			p->out->partial = true;
			p->pos++;
		}
	}
	if (closer != CLOSE_END)
		p->out->partial = true;
	else
		shell_docs_drop(p);
}
