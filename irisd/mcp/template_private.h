/* SPDX-License-Identifier: MIT
 *
 * What the three files of the renderer share: template_parse.c makes a tree of a text,
 * template_eval.c finds the value of an expression, template.c walks the tree.
 */
#ifndef IRIS_MCP_TEMPLATE_PRIVATE_H
#define IRIS_MCP_TEMPLATE_PRIVATE_H

#include <stdbool.h>

#include "irisd/mcp/template.h"

#define TEMPLATE_ARGS_MAX 8

enum texpr_kind { TEXPR_PATH, TEXPR_LITERAL, TEXPR_CALL };

struct texpr {
	enum texpr_kind kind;
	char *path;   /* TEXPR_PATH, as written; owned */
	cJSON *value; /* TEXPR_LITERAL; owned */
	const struct thelper *helper;
	struct texpr *args; /* linked by next; owned */
	struct texpr *next;
};

enum tnode_kind { TNODE_TEXT, TNODE_VALUE, TNODE_IF, TNODE_EACH, TNODE_WITH, TNODE_PARTIAL };

struct tnode {
	enum tnode_kind kind;
	int line;
	bool inverse;     /* TNODE_IF: when it is not so */
	const char *text; /* TNODE_TEXT: a piece of the template */
	size_t len;
	char *name; /* TNODE_PARTIAL; owned */
	struct texpr *expr;
	struct tnode *body, *other; /* other: after {{else}} */
	struct tnode *next;
};

/* The tree of a template, freed by tnode_free; -1 with err. An empty one is NULL. */
int template_parse(const struct template *t, struct tnode **tree, struct err *err);
void tnode_free(struct tnode *n);

/* --- while rendering -------------------------------------------------------------------------- */

struct tscope {
	const cJSON *item;
	const struct tscope *up; /* NULL: this is the context */
	int index, count;        /* in an each; count 0: not in one */
};

struct trender {
	const struct template_partials *partials;
	const char *where; /* of the template that is being rendered */
	int line;
	int nested;  /* partials */
	long budget; /* steps that are left */
	const cJSON *context;
	const struct tscope *scope;
	char *out;
	size_t len, cap;
	struct err *err;
};

/* A value: borrowed from the context, or made and owned. item NULL: nothing. */
struct tvalue {
	const cJSON *item;
	cJSON *made;
};

struct thelper {
	const char *name;
	int min, max; /* arguments */
	int (*fn)(struct trender *, const cJSON *const *args, int n, struct tvalue *out);
};

const struct thelper *template_helper(const char *name, size_t len);

/* -1 with r->err: "WHERE:LINE: ...". */
int template_fail(struct trender *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Pay for work; -1 when too much was done. */
int template_charge(struct trender *r, size_t steps);

int template_eval(struct trender *r, const struct texpr *e, struct tvalue *out);
void tvalue_clear(struct tvalue *v);
bool template_true(const cJSON *item);

/* The text of a value, malloc'ed. */
char *template_text(const cJSON *item);

#endif
