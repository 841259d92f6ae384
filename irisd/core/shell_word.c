/* SPDX-License-Identifier: MIT
 *
 * Words for shell.c: quotes, escapes, and expansions, whose commands are read on the way and whose
 * text stays as it was written. Called by shell_parse.c.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/xmalloc.h"
#include "irisd/core/shell_private.h"

/* A word that is being made. */
struct buf {
	char *text, *marks;
	size_t len, size;
	bool any; /* "" is a word, too */
	bool quoted;
};

static void read_dollar(struct shell_parser *p, struct buf *b, bool quoted);
static void read_backtick(struct shell_parser *p, struct buf *b, bool quoted);

static void
put(struct buf *b, char c, char mark)
{
	if (b->len + 1 >= b->size) {
		b->size = b->size == 0 ? 32 : b->size * 2;
		b->text = xrealloc(b->text, b->size);
		b->marks = xrealloc(b->marks, b->size);
	}
	b->text[b->len] = c;
	b->marks[b->len++] = mark;
	b->any = true;
}

/* An expansion as it was written, from..p->pos. */
static void
put_made(struct shell_parser *p, struct buf *b, size_t from, bool quoted)
{
	size_t i, to = p->pos < p->end ? p->pos : p->end;
	char mark = quoted ? SHELL_MADE_QUOTED : SHELL_MADE;

	for (i = from; i < to; i++) {
		if (p->s[i] == '\\' && i + 1 < to && p->s[i + 1] == '\n') {
			i++;
			continue;
		}
		put(b, p->s[i], mark);
		mark = SHELL_REST;
	}
}

static void
buf_free(struct buf *b)
{
	free(b->text);
	free(b->marks);
}

static bool
name_start(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool
name_char(char c)
{
	return name_start(c) || (c >= '0' && c <= '9');
}

/* At the first byte within '..'. */
static void
read_single(struct shell_parser *p, struct buf *b)
{
	b->any = b->quoted = true;
	while (!p->stopped && p->pos < p->end && p->s[p->pos] != '\'')
		put(b, p->s[p->pos++], SHELL_QUOTED);
	if (p->stopped || p->pos >= p->end)
		p->out->partial = true;
	else
		p->pos++;
}

/* At the first byte within "..". */
static void
read_double(struct shell_parser *p, struct buf *b)
{
	char c;

	b->any = b->quoted = true;
	while ((c = shell_cur(p)) != '\0' && c != '"') {
		if (c == '$') {
			read_dollar(p, b, true);
		} else if (c == '`') {
			read_backtick(p, b, true);
		} else {
			p->pos++;
			if (c == '\\' && p->pos < p->end && strchr("$`\"\\", p->s[p->pos]) != NULL)
				c = p->s[p->pos++];
			put(b, c, SHELL_QUOTED);
		}
	}
	if (c == '"')
		p->pos++;
	else
		p->out->partial = true;
}

static unsigned int
read_number(struct shell_parser *p, int base, int max)
{
	static const char digits[] = "0123456789abcdef0123456789ABCDEF";
	unsigned int v = 0, d;
	const char *at;

	while (max-- > 0 && p->pos < p->end && p->s[p->pos] != '\0' &&
	    (at = strchr(digits, p->s[p->pos])) != NULL) {
		d = (unsigned int)(at - digits) % 16;
		if (d >= (unsigned int)base)
			break;
		v = v * (unsigned int)base + d;
		p->pos++;
	}
	return v;
}

static void
put_utf8(struct buf *b, unsigned int v)
{
	if (v < 0x80) {
		put(b, (char)v, SHELL_QUOTED);
		return;
	}
	if (v < 0x800) {
		put(b, (char)(0xc0 | v >> 6), SHELL_QUOTED);
	} else if (v < 0x10000) {
		put(b, (char)(0xe0 | v >> 12), SHELL_QUOTED);
		put(b, (char)(0x80 | (v >> 6 & 0x3f)), SHELL_QUOTED);
	} else {
		put(b, (char)(0xf0 | (v >> 18 & 7)), SHELL_QUOTED);
		put(b, (char)(0x80 | (v >> 12 & 0x3f)), SHELL_QUOTED);
		put(b, (char)(0x80 | (v >> 6 & 0x3f)), SHELL_QUOTED);
	}
	put(b, (char)(0x80 | (v & 0x3f)), SHELL_QUOTED);
}

/* What \c is in $'..': the code, or -1 where the backslash stays. At the byte after c. */
static long
escape(struct shell_parser *p, char c)
{
	static const char names[] = "abeEfnrtv\\'\"?", codes[] = "\a\b\033\033\f\n\r\t\v\\'\"?";
	const char *at = strchr(names, c);

	if (at != NULL && c != '\0')
		return (unsigned char)codes[at - names];
	if (c >= '0' && c <= '7') {
		p->pos--;
		return (long)(read_number(p, 8, 3) & 0xff);
	}
	if (c == 'x')
		return (long)read_number(p, 16, 2);
	if (c == 'u' || c == 'U')
		return (long)read_number(p, 16, c == 'u' ? 4 : 8);
	if (c == 'c' && p->pos < p->end)
		return p->s[p->pos++] & 0x1f;
	return -1;
}

/* At the first byte within $'..'. What comes after a NUL is dropped, as bash does. */
static void
read_ansi(struct shell_parser *p, struct buf *b)
{
	bool ended = false;
	long v;
	char c;

	b->any = b->quoted = true;
	while (p->pos < p->end && (c = p->s[p->pos]) != '\'') {
		p->pos++;
		if (c != '\\' || p->pos >= p->end) {
			if (!ended)
				put(b, c, SHELL_QUOTED);
			continue;
		}
		c = p->s[p->pos++];
		v = escape(p, c);
		if (v == 0)
			ended = true;
		if (ended)
			continue;
		if (v == -1) {
			put(b, '\\', SHELL_QUOTED);
			put(b, c, SHELL_QUOTED);
		} else if (c == 'u' || c == 'U') {
			put_utf8(b, (unsigned int)v);
		} else {
			put(b, (char)v, SHELL_QUOTED);
		}
	}
	if (p->pos >= p->end)
		p->out->partial = true;
	else
		p->pos++;
}

/* Commands up to the ")", in a subshell. At the first byte within. */
static void
read_commands(struct shell_parser *p)
{
	size_t shell = p->shell, from = p->docs_from;

	if (!shell_enter(p))
		return;
	p->shell = shell_open(p);
	p->docs_from = p->n_docs;
	shell_list_read(p, CLOSE_PAREN);
	shell_docs_drop(p);
	p->docs_from = from;
	p->shell = shell;
	shell_leave(p);
}

/* The text from..to with what is expanded in it, as in "..", but with plain quotes. */
static void
read_text(struct shell_parser *p, size_t from, size_t to, struct buf *b)
{
	size_t pos = p->pos, end = p->end;
	char c;

	p->pos = from;
	p->end = to;
	while ((c = shell_cur(p)) != '\0') {
		if (c == '$') {
			read_dollar(p, b, true);
		} else if (c == '`') {
			read_backtick(p, b, true);
		} else {
			p->pos++;
			if (c == '\\' && p->pos < p->end && strchr("$`\\", p->s[p->pos]) != NULL)
				c = p->s[p->pos++];
			put(b, c, SHELL_QUOTED);
		}
	}
	p->pos = pos;
	p->end = end;
}

void
shell_text_read(struct shell_parser *p, size_t from, size_t to, struct shell_word *w)
{
	struct buf b = {.text = NULL};

	if (shell_enter(p)) {
		read_text(p, from, to, &b);
		shell_leave(p);
	}
	put(&b, '\0', SHELL_PLAIN);
	w->text = b.text;
	w->marks = b.marks;
	w->len = b.len - 1;
	w->marks[w->len] = '\0';
	shell_word_judge(w);
}

size_t
shell_arithmetic_end(const struct shell_parser *p, size_t from)
{
	size_t i, open = 0;

	for (i = from; i < p->end; i++) {
		if (p->s[i] == '\\')
			i++;
		else if (p->s[i] == '(')
			open++;
		else if (p->s[i] == ')' && open > 0)
			open--;
		else if (p->s[i] == ')')
			return i + 1 < p->end && p->s[i + 1] == ')' ? i : SHELL_NONE;
	}
	return SHELL_NONE;
}

/* At the byte after "${". Whatever is in it is only looked through for commands. */
static void
read_braced(struct shell_parser *p, bool quoted)
{
	struct buf inner = {.text = NULL};
	char c;

	if (!shell_enter(p))
		return;
	while ((c = shell_cur(p)) != '\0' && c != '}') {
		if (c == '$') {
			read_dollar(p, &inner, quoted);
		} else if (c == '`') {
			read_backtick(p, &inner, quoted);
		} else {
			p->pos++;
			if (c == '\\' && p->pos < p->end)
				p->pos++;
			else if (c == '"')
				read_double(p, &inner);
			else if (c == '\'' && !quoted)
				read_single(p, &inner);
		}
	}
	if (c == '}')
		p->pos++;
	else
		p->out->partial = true;
	buf_free(&inner);
	shell_leave(p);
}

/* At the "(" of "$(". */
static void
read_substitution(struct shell_parser *p)
{
	struct buf inner = {.text = NULL};
	size_t end;

	p->pos++;
	if (shell_cur(p) == '(' && (end = shell_arithmetic_end(p, p->pos + 1)) != SHELL_NONE) {
		if (shell_enter(p)) {
			read_text(p, p->pos + 1, end, &inner);
			shell_leave(p);
		}
		p->pos = end + 2;
		buf_free(&inner);
	} else {
		read_commands(p);
	}
}

/* At a "$". */
static void
read_dollar(struct shell_parser *p, struct buf *b, bool quoted)
{
	size_t from = p->pos;
	char c = shell_peek(p);

	if (c == '\0' ||
	    (c != '(' && c != '{' && !name_char(c) && strchr("*@#?-$!", c) == NULL &&
		(quoted || (c != '\'' && c != '"')))) {
		p->pos++;
		put(b, '$', SHELL_QUOTED);
		return;
	}
	p->pos++;
	shell_cur(p);
	if (c == '(') {
		read_substitution(p);
	} else if (c == '\'') {
		p->pos++;
		read_ansi(p, b);
		return;
	} else if (c == '"') {
		p->pos++;
		read_double(p, b);
		return;
	} else if (c == '{') {
		p->pos++;
		read_braced(p, quoted);
	} else {
		p->pos++;
		while (name_start(c) && name_char(shell_cur(p)))
			p->pos++;
	}
	put_made(p, b, from, quoted);
}

/* At a "`". What it contains is another text, without some backslashes. */
static void
read_backtick(struct shell_parser *p, struct buf *b, bool quoted)
{
	struct shell_parser sub = *p;
	size_t from = p->pos++, n = 0;
	char *text, c;

	if (!shell_enter(p))
		return;
	text = xmalloc(p->end - p->pos + 1);
	while (p->pos < p->end && (c = p->s[p->pos]) != '`') {
		p->pos++;
		if (c == '\\' && p->pos < p->end && p->s[p->pos] != '\0' &&
		    strchr(quoted ? "$`\\\"" : "$`\\", p->s[p->pos]) != NULL)
			c = p->s[p->pos++];
		text[n++] = c;
	}
	if (p->pos < p->end)
		p->pos++;
	else
		p->out->partial = true;
	sub.s = text;
	sub.pos = 0;
	sub.end = n;
	sub.depth = p->depth;
	sub.n_docs = sub.docs_from = 0;
	sub.shell = shell_open(p);
	sub.stopped = p->stopped;
	shell_list_read(&sub, CLOSE_END);
	p->stopped = sub.stopped;
	free(text);
	put_made(p, b, from, quoted);
	shell_leave(p);
}

/* At a "(" that goes on with a word: an extended pattern. */
static void
read_pattern(struct shell_parser *p, struct buf *b)
{
	size_t from = p->pos, open = 0;
	struct buf inner = {.text = NULL};
	char c;

	if (!shell_enter(p))
		return;
	while ((c = shell_cur(p)) != '\0') {
		if (c == '$') {
			read_dollar(p, &inner, false);
			continue;
		}
		if (c == '`') {
			read_backtick(p, &inner, false);
			continue;
		}
		p->pos++;
		if (c == '\'')
			read_single(p, &inner);
		else if (c == '"')
			read_double(p, &inner);
		else if (c == '\\' && p->pos < p->end)
			p->pos++;
		else if (c == '(')
			open++;
		else if (c == ')' && --open == 0)
			break;
	}
	if (c == '\0')
		p->out->partial = true;
	buf_free(&inner);
	put_made(p, b, from, false);
	shell_leave(p);
}

/* Whether a ~ here is one that the shell replaces. */
static bool
tilde(const struct buf *b)
{
	char c = b->len == 0 ? '\0' : b->text[b->len - 1];

	if (b->any && b->len == 0)
		return false;
	return b->len == 0 || ((c == '=' || c == ':') && b->marks[b->len - 1] == SHELL_PLAIN);
}

/* A byte that is nothing special, or an escaped one. */
static void
read_byte(struct shell_parser *p, struct buf *b, char c)
{
	p->pos++;
	if (c == '\\') {
		b->quoted = true;
		if (p->pos < p->end)
			put(b, p->s[p->pos++], SHELL_QUOTED);
		else
			put(b, c, SHELL_QUOTED);
	} else {
		put(b, c, c == '~' && tilde(b) ? SHELL_TILDE : SHELL_PLAIN);
	}
}

/* False at a byte that ends the word. */
static bool
read_some(struct shell_parser *p, struct buf *b)
{
	char c = shell_cur(p), last = b->len > 0 ? b->text[b->len - 1] : '\0';
	size_t from = p->pos;

	if (c == '\0' || strchr(" \t\n;&|)", c) != NULL)
		return false;
	if (c == '<' || c == '>') {
		if (shell_peek(p) != '(')
			return false;
		p->pos++;
		shell_cur(p);
		p->pos++;
		read_commands(p);
		put_made(p, b, from, false);
	} else if (c == '(') {
		if (last == '\0' || b->marks[b->len - 1] != SHELL_PLAIN ||
		    strchr("?*+@!", last) == NULL)
			return false;
		read_pattern(p, b);
	} else if (c == '\'') {
		p->pos++;
		read_single(p, b);
	} else if (c == '"') {
		p->pos++;
		read_double(p, b);
	} else if (c == '$') {
		read_dollar(p, b, false);
	} else if (c == '`') {
		read_backtick(p, b, false);
	} else {
		read_byte(p, b, c);
	}
	return true;
}

void
shell_word_judge(struct shell_word *w)
{
	bool open = false;
	size_t i;

	w->known = true;
	for (i = 0; i < w->len && w->known; i++) {
		if (w->marks[i] == SHELL_PLAIN) {
			if (w->text[i] == '*' || w->text[i] == '?' || (w->text[i] == ']' && open))
				w->known = false;
			else if (w->text[i] == '[')
				open = true;
		} else if (w->marks[i] != SHELL_QUOTED) {
			w->known = false;
		}
	}
}

bool
shell_word_read(struct shell_parser *p, struct shell_word *w, bool *quoted)
{
	struct buf b = {.text = NULL};

	memset(w, 0, sizeof(*w));
	while (read_some(p, &b))
		;
	if (quoted != NULL)
		*quoted = b.quoted;
	if (!b.any) {
		buf_free(&b);
		return false;
	}
	put(&b, '\0', SHELL_PLAIN);
	w->text = b.text;
	w->marks = b.marks;
	w->len = b.len - 1;
	w->marks[w->len] = '\0';
	shell_word_judge(w);
	return true;
}
