/* SPDX-License-Identifier: MIT
 *
 * A template into a tree, see template.h. Pieces of text are not copied: the tree lives no longer
 * than the template. Depth is bounded here, so that all others may recurse.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "common/xmalloc.h"
#include "irisd/mcp/template_private.h"

#define NAME_MAX_LEN 64 /* of a partial */

struct parser {
	const struct template *t;
	size_t at;
	int depth;
	struct tnode *text; /* what came right before the tag that is being read, or NULL */
	size_t counted;     /* lines are counted up to here */
	int line;
	struct err *err;
};

/* What a tag turned out to be, for the block that it ends or goes on in. */
enum ending { END_TEXT, END_CLOSE, END_ELSE, END_ELSE_IF };

struct tag {
	enum ending kind;
	size_t at;               /* of its {{ */
	struct texpr *expr;      /* END_ELSE_IF; owned */
	char name[NAME_MAX_LEN]; /* END_CLOSE */
};

static int parse_nodes(struct parser *p, struct tnode **list, struct tag *end);
static struct texpr *parse_expr(struct parser *p);

/* Mostly asked further and further on. */
static int
line_of(struct parser *p, size_t at)
{
	if (at < p->counted) {
		p->counted = 0;
		p->line = 1;
	}
	for (; p->counted < at && p->counted < p->t->len; p->counted++)
		p->line += p->t->text[p->counted] == '\n';
	return p->line;
}

static int
fail_at(struct parser *p, size_t at, const char *fmt, const char *what)
{
	/* fmt is one of this file's own. */
	err_set(p->err, ERR_CONFIG, fmt, what);
	return err_prefix(p->err, "%s:%d: ", p->t->where, line_of(p, at));
}

static void
expr_free(struct texpr *e)
{
	struct texpr *next;

	for (; e != NULL; e = next) {
		next = e->next;
		expr_free(e->args);
		cJSON_Delete(e->value);
		free(e->path);
		free(e);
	}
}

void
tnode_free(struct tnode *n)
{
	struct tnode *next;

	for (; n != NULL; n = next) {
		next = n->next;
		tnode_free(n->body);
		tnode_free(n->other);
		expr_free(n->expr);
		free(n->name);
		free(n);
	}
}

static char
peek(const struct parser *p, size_t ahead)
{
	return p->at + ahead < p->t->len ? p->t->text[p->at + ahead] : '\0';
}

static bool
looking_at(const struct parser *p, const char *s)
{
	size_t n = strlen(s);

	return p->t->len - p->at >= n && memcmp(p->t->text + p->at, s, n) == 0;
}

static bool
is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static void
skip_space(struct parser *p)
{
	while (is_space(peek(p, 0)))
		p->at++;
}

static size_t
word_len(const struct parser *p)
{
	size_t n = 0;

	while (
	    peek(p, n) != '\0' && !is_space(peek(p, n)) && strchr("(){}\"'=|~", peek(p, n)) == NULL)
		n++;
	return n;
}

static bool
at_word(const struct parser *p, const char *word)
{
	return looking_at(p, word) && word_len(p) == strlen(word);
}

/* "..." or '...', with \ before a quote or another \. */
static struct texpr *
parse_string(struct parser *p)
{
	char quote = peek(p, 0), *s;
	size_t start = p->at++, end = p->at, n = 0;
	struct texpr *e;

	while (end < p->t->len && p->t->text[end] != quote)
		end += p->t->text[end] == '\\' ? 2 : 1;
	if (end >= p->t->len) {
		fail_at(p, start, "this string does not end%s", "");
		return NULL;
	}
	s = xmalloc(end - start);
	for (; p->at < end; p->at++) {
		if (peek(p, 0) == '\\' && (peek(p, 1) == quote || peek(p, 1) == '\\'))
			p->at++;
		s[n++] = peek(p, 0);
	}
	s[n] = '\0';
	p->at++;
	e = xcalloc(1, sizeof *e);
	e->kind = TEXPR_LITERAL;
	e->value = cJSON_CreateString(s);
	free(s);
	return e;
}

static cJSON *
literal_of(const char *word)
{
	char *end;
	double d;

	if (strcmp(word, "true") == 0 || strcmp(word, "false") == 0)
		return cJSON_CreateBool(word[0] == 't');
	if (strcmp(word, "null") == 0 || strcmp(word, "undefined") == 0)
		return cJSON_CreateNull();
	if (!isdigit((unsigned char)word[0]) && word[0] != '-')
		return NULL;
	d = strtod(word, &end);
	return *end == '\0' && d >= -1e15 && d <= 1e15 ? cJSON_CreateNumber(d) : NULL;
}

static struct texpr *
parse_word(struct parser *p)
{
	size_t n = word_len(p);
	struct texpr *e;

	if (n == 0) {
		fail_at(p, p->at, "a name was expected here%s",
		    peek(p, 0) == '=' || peek(p, n) == '|' ? "; name=value and |name| are not known"
							   : "");
		return NULL;
	}
	e = xcalloc(1, sizeof *e);
	e->path = xstrndup(p->t->text + p->at, n);
	if ((e->value = literal_of(e->path)) != NULL)
		e->kind = TEXPR_LITERAL;
	p->at += n;
	return e;
}

static struct texpr *
parse_one(struct parser *p)
{
	struct texpr *e;
	size_t start = p->at;

	if (peek(p, 0) == '"' || peek(p, 0) == '\'')
		return parse_string(p);
	if (peek(p, 0) != '(')
		return parse_word(p);
	p->at++;
	if (++p->depth > TEMPLATE_DEPTH_MAX) {
		fail_at(p, start, "blocks and parentheses are nested too deeply%s", "");
		return NULL;
	}
	if ((e = parse_expr(p)) == NULL)
		return NULL;
	p->depth--;
	if (peek(p, 0) == ')') {
		p->at++;
		return e;
	}
	expr_free(e);
	fail_at(p, start, "this parenthesis is not closed%s", "");
	return NULL;
}

/* The first word has turned out to be the name of a helper; args are taken when it is one. */
static int
make_call(struct parser *p, struct texpr *e, size_t start, struct texpr *args, int n)
{
	char what[NAME_MAX_LEN + 1] = "";

	if (e->path != NULL)
		memcpy(what, e->path, strnlen(e->path, NAME_MAX_LEN));
	if (e->kind != TEXPR_PATH ||
	    (e->helper = template_helper(e->path, strlen(e->path))) == NULL)
		return fail_at(p, start,
		    "\"%s\" is no helper; there are eq, includes, upper, lower, json, hasPackage, "
		    "not, or, and, fenced",
		    what);
	if (n < e->helper->min || n > e->helper->max)
		return fail_at(p, start, "the helper \"%s\" has too few or too many values", what);
	e->kind = TEXPR_CALL;
	e->args = args;
	return 0;
}

/* A value, or a helper with its values; up to what ends a tag or a parenthesis. */
static struct texpr *
parse_expr(struct parser *p)
{
	struct texpr *e, *args = NULL, **tail = &args;
	size_t start;
	int n = 0;

	skip_space(p);
	start = p->at;
	if ((e = parse_one(p)) == NULL)
		return NULL;
	for (skip_space(p); p->at < p->t->len && strchr(")}~", peek(p, 0)) == NULL; skip_space(p)) {
		if (++n > TEMPLATE_ARGS_MAX) {
			fail_at(p, start, "too many values%s", "");
			goto fail;
		}
		if ((*tail = parse_one(p)) == NULL)
			goto fail;
		tail = &(*tail)->next;
	}
	if (n == 0 || make_call(p, e, start, args, n) == 0)
		return e;
fail:
	expr_free(args);
	expr_free(e);
	return NULL;
}

/* The rest of a tag: "}}" or "~}}"; triple: "}}}". */
static int
parse_tag_end(struct parser *p, size_t start, bool triple)
{
	bool strip;

	skip_space(p);
	if (triple && peek(p, 0) == '}')
		p->at++;
	strip = peek(p, 0) == '~';
	if (strip)
		p->at++;
	if (!looking_at(p, "}}"))
		return fail_at(p, start, "this tag does not end with }}%s", "");
	p->at += 2;
	if (strip)
		skip_space(p);
	return 0;
}

/*
 * A tag from start to p->at that is alone on its line takes the white space before it, and the end
 * of the line.
 */
static void
take_line(struct parser *p, size_t start)
{
	const char *s = p->t->text;
	size_t a = start, z = p->at;

	while (a > 0 && (s[a - 1] == ' ' || s[a - 1] == '\t'))
		a--;
	if (a > 0 && s[a - 1] != '\n')
		return;
	while (z < p->t->len && (s[z] == ' ' || s[z] == '\t' || s[z] == '\r'))
		z++;
	if (z < p->t->len && s[z] != '\n')
		return;
	p->at = z < p->t->len ? z + 1 : z;
	while (p->text != NULL && p->text->len > 0 && p->text->text + p->text->len > s + a)
		p->text->len--;
}

static struct tnode *
add_node(struct parser *p, struct tnode ***tail, enum tnode_kind kind, size_t at)
{
	struct tnode *n = xcalloc(1, sizeof *n);

	n->kind = kind;
	n->line = line_of(p, at);
	**tail = n;
	*tail = &n->next;
	return n;
}

static int
parse_comment(struct parser *p, size_t start)
{
	bool dashes = looking_at(p, "!--");

	p->at += dashes ? 3 : 1;
	while (p->at < p->t->len &&
	    (dashes ? !looking_at(p, "--}}") && !looking_at(p, "--~}}")
		    : !looking_at(p, "}}") && !looking_at(p, "~}}")))
		p->at++;
	if (dashes && p->at < p->t->len)
		p->at += 2;
	return parse_tag_end(p, start, false);
}

static int
parse_partial(struct parser *p, size_t start, struct tnode ***tail)
{
	struct tnode *n = add_node(p, tail, TNODE_PARTIAL, start);
	size_t len, i;
	char c;

	p->at++;
	skip_space(p);
	len = word_len(p);
	n->name = xstrndup(p->t->text + p->at, len);
	for (i = 0; i < len; i++) {
		c = n->name[i];
		if (!isalnum((unsigned char)c) && (i == 0 || strchr("-_/", c) == NULL))
			break;
	}
	if (len == 0 || len > NAME_MAX_LEN || i < len)
		return fail_at(p, start,
		    "a partial has a name of letters, digits, \"-\", \"_\" and \"/\"%s", "");
	p->at += len;
	return parse_tag_end(p, start, false);
}

/* The body of a block up to its {{/name}}, with all its {{else}}s. */
static int
parse_block(struct parser *p, struct tnode *n, const char *name, size_t start)
{
	struct tag end = {0};
	int entered = p->depth;
	bool other = false;

	if (++p->depth > TEMPLATE_DEPTH_MAX)
		return fail_at(p, start, "blocks and parentheses are nested too deeply%s", "");
	for (;;) {
		if (parse_nodes(p, other ? &n->other : &n->body, &end) == -1)
			return -1;
		if (end.kind == END_TEXT)
			return fail_at(p, start, "the block \"%s\" has no end", name);
		if (end.kind == END_CLOSE)
			break;
		if (other) {
			expr_free(end.expr);
			return fail_at(p, end.at, "a second {{else}} in the block \"%s\"", name);
		}
		if (end.kind == END_ELSE) {
			other = true;
			continue;
		}
		n->other = xcalloc(1, sizeof *n->other);
		n = n->other;
		n->kind = TNODE_IF;
		n->line = line_of(p, end.at);
		n->expr = end.expr;
		if (++p->depth > TEMPLATE_DEPTH_MAX)
			return fail_at(p, end.at, "too many {{else if}} in the block%s", "");
	}
	p->depth = entered;
	if (strcmp(end.name, name) != 0)
		return fail_at(p, end.at, "another block is to be closed here: \"%s\"", name);
	return 0;
}

static const struct {
	const char *name;
	enum tnode_kind kind;
	bool inverse;
} blocks[] = {{"if", TNODE_IF, false}, {"unless", TNODE_IF, true}, {"each", TNODE_EACH, false},
    {"with", TNODE_WITH, false}};

static int
parse_open(struct parser *p, size_t start, struct tnode ***tail)
{
	struct tnode *node;
	size_t i;

	p->at++;
	skip_space(p);
	for (i = 0; i < sizeof blocks / sizeof blocks[0]; i++)
		if (at_word(p, blocks[i].name))
			break;
	if (i == sizeof blocks / sizeof blocks[0])
		return fail_at(
		    p, start, "unknown block; there are if, unless, each and with%s", "");
	p->at += strlen(blocks[i].name);
	node = add_node(p, tail, blocks[i].kind, start);
	node->inverse = blocks[i].inverse;
	if ((node->expr = parse_expr(p)) == NULL || parse_tag_end(p, start, false) == -1)
		return -1;
	take_line(p, start);
	return parse_block(p, node, blocks[i].name, start);
}

/* {{else}}, {{else if x}}, {{^}} and {{/name}}: what ends a list of nodes. */
static int
parse_ending(struct parser *p, size_t start, struct tag *end)
{
	size_t n;

	end->at = start;
	end->kind = END_ELSE;
	end->expr = NULL;
	if (peek(p, 0) == '/') {
		p->at++;
		skip_space(p);
		n = word_len(p);
		end->kind = END_CLOSE;
		memset(end->name, 0, sizeof end->name);
		memcpy(
		    end->name, p->t->text + p->at, n < sizeof end->name ? n : sizeof end->name - 1);
		p->at += n;
	} else if (peek(p, 0) == '^') {
		p->at++;
	} else {
		p->at += strlen("else");
		skip_space(p);
		if (at_word(p, "if")) {
			p->at += strlen("if");
			end->kind = END_ELSE_IF;
			if ((end->expr = parse_expr(p)) == NULL)
				return -1;
		}
	}
	if (parse_tag_end(p, start, false) == 0)
		return 0;
	if (end->kind == END_ELSE_IF)
		expr_free(end->expr);
	return -1;
}

/* One tag, p->at behind its "{{" and "~". 1: it ends the list. */
static int
parse_tag(struct parser *p, size_t start, struct tnode ***tail, struct tag *end)
{
	bool triple = peek(p, 0) == '{';
	struct tnode *n;
	int rv;

	if (peek(p, 0) == '#')
		return parse_open(p, start, tail);
	if (peek(p, 0) == '!')
		rv = parse_comment(p, start);
	else if (peek(p, 0) == '>')
		rv = parse_partial(p, start, tail);
	else if (peek(p, 0) == '/' || peek(p, 0) == '^' || at_word(p, "else"))
		rv = parse_ending(p, start, end) == -1 ? -1 : 1;
	else {
		p->at += triple || peek(p, 0) == '&';
		n = add_node(p, tail, TNODE_VALUE, start);
		if ((n->expr = parse_expr(p)) == NULL)
			return -1;
		return parse_tag_end(p, start, triple);
	}
	if (rv != -1)
		take_line(p, start);
	return rv;
}

/* The next "{{" that is none of "\{{"; the template's length when there is no more. */
static size_t
next_tag(const struct parser *p, size_t at, bool *escaped)
{
	const char *s = p->t->text;

	for (; at + 1 < p->t->len; at++) {
		if (s[at] != '{' || s[at + 1] != '{')
			continue;
		*escaped = at > 0 && s[at - 1] == '\\';
		return at;
	}
	*escaped = false;
	return p->t->len;
}

static void
add_text(struct parser *p, struct tnode ***tail, size_t from, size_t to)
{
	p->text = NULL;
	if (to == from)
		return;
	p->text = add_node(p, tail, TNODE_TEXT, from);
	p->text->text = p->t->text + from;
	p->text->len = to - from;
}

static int
parse_nodes(struct parser *p, struct tnode **list, struct tag *end)
{
	struct tnode **tail = list;
	size_t start;
	bool escaped;
	int rv = 0;

	end->kind = END_TEXT;
	while (rv == 0 && p->at < p->t->len) {
		start = next_tag(p, p->at, &escaped);
		add_text(p, &tail, p->at, start - escaped);
		p->at = start;
		if (start == p->t->len)
			break;
		p->at += 2;
		if (escaped) {
			/* What was not to be a tag is text, braces and all. */
			add_text(p, &tail, start, p->at);
			continue;
		}
		if (peek(p, 0) == '~') {
			p->at++;
			while (p->text != NULL && p->text->len > 0 &&
			    is_space(p->text->text[p->text->len - 1]))
				p->text->len--;
		}
		rv = parse_tag(p, start, &tail, end);
	}
	return rv == -1 ? -1 : 0;
}

int
template_parse(const struct template *t, struct tnode **tree, struct err *err)
{
	struct parser p = {.t = t, .line = 1, .err = err};
	struct tag end = {0};
	int rv;

	*tree = NULL;
	if (t->len > TEMPLATE_TEXT_MAX)
		return err_set(err, ERR_CONFIG, "%s: has %zu bytes, %zu are the limit", t->where,
		    t->len, TEMPLATE_TEXT_MAX);
	rv = parse_nodes(&p, tree, &end);
	if (rv == 0 && end.kind != END_TEXT) {
		rv = fail_at(&p, end.at, "there is no block for this %s",
		    end.kind == END_CLOSE ? "end" : "{{else}}");
		if (end.kind == END_ELSE_IF)
			expr_free(end.expr);
	}
	if (rv == -1) {
		tnode_free(*tree);
		*tree = NULL;
	}
	return rv;
}
