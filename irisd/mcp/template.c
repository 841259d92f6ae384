/* SPDX-License-Identifier: MIT
 *
 * Rendering, see template.h: the walk over a template's tree, partials, and the one place where
 * output grows.
 */
#include <stdlib.h>
#include <string.h>

#include "common/xmalloc.h"
#include "irisd/mcp/template_private.h"

/* Steps: some milliseconds; a long template takes a few thousand. */
#define BUDGET 2000000L

static int render_nodes(struct trender *r, const struct tnode *n);

int
template_fail(struct trender *r, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	err_vset(r->err, ERR_CONFIG, fmt, ap);
	va_end(ap);
	return err_prefix(r->err, "%s:%d: ", r->where, r->line);
}

int
template_charge(struct trender *r, size_t steps)
{
	if (r->budget < 0 || steps > (size_t)r->budget) {
		r->budget = -1;
		return template_fail(r, "this takes too long; is the list or the text very large?");
	}
	r->budget -= (long)steps;
	return 0;
}

static int
put(struct trender *r, const char *s, size_t len)
{
	if (len > TEMPLATE_OUT_MAX - r->len)
		return template_fail(r, "the text gets longer than 1 MiB, the limit");
	if (r->len + len + 1 > r->cap) {
		r->cap = (r->len + len + 1) * 2;
		r->out = xrealloc(r->out, r->cap);
	}
	memcpy(r->out + r->len, s, len);
	r->len += len;
	r->out[r->len] = '\0';
	return 0;
}

static int
render_value(struct trender *r, const struct tnode *n)
{
	struct tvalue v;
	char *text;
	int rv;

	if ((rv = template_eval(r, n->expr, &v)) == 0) {
		if (cJSON_IsString(v.item)) {
			rv = put(r, v.item->valuestring, strlen(v.item->valuestring));
		} else {
			text = template_text(v.item);
			rv = template_charge(r, strlen(text)) == -1 ? -1
								    : put(r, text, strlen(text));
			free(text);
		}
	}
	tvalue_clear(&v);
	return rv;
}

static int
render_if(struct trender *r, const struct tnode *n)
{
	struct tvalue v;
	bool yes;

	if (template_eval(r, n->expr, &v) == -1) {
		tvalue_clear(&v);
		return -1;
	}
	yes = template_true(v.item) != n->inverse;
	tvalue_clear(&v);
	return render_nodes(r, yes ? n->body : n->other);
}

/* Each element of a list or member of an object, or the one of a with. */
static int
render_items(struct trender *r, const struct tnode *n, const cJSON *item)
{
	struct tscope scope = {.up = r->scope};
	int rv = 0;

	if (n->kind == TNODE_WITH || (!cJSON_IsArray(item) && !cJSON_IsObject(item))) {
		scope.item = item;
		scope.count = n->kind == TNODE_EACH;
		r->scope = &scope;
		rv = render_nodes(r, n->body);
	} else {
		scope.count = cJSON_GetArraySize(item);
		r->scope = &scope;
		if ((rv = template_charge(r, (size_t)scope.count)) == 0) {
			for (scope.item = item->child; rv == 0 && scope.item != NULL;
			     scope.item = scope.item->next) {
				rv = render_nodes(r, n->body);
				scope.index++;
			}
		}
	}
	r->scope = scope.up;
	return rv;
}

static int
render_block(struct trender *r, const struct tnode *n)
{
	struct tvalue v;
	int rv;

	if ((rv = template_eval(r, n->expr, &v)) == 0) {
		if (template_true(v.item) && (!cJSON_IsObject(v.item) || v.item->child != NULL))
			rv = render_items(r, n, v.item);
		else
			rv = render_nodes(r, n->other);
	}
	tvalue_clear(&v);
	return rv;
}

static int
render_text(struct trender *r, const struct template *t)
{
	const char *where = r->where;
	struct tnode *tree;
	int rv;

	if (template_parse(t, &tree, r->err) == -1)
		return -1;
	r->where = t->where;
	rv = render_nodes(r, tree);
	r->where = where;
	tnode_free(tree);
	return rv;
}

static int
render_partial(struct trender *r, const struct tnode *n)
{
	char *where = NULL, *text = NULL;
	struct template t;
	int rv = -1;

	if (r->nested == TEMPLATE_NESTED_MAX)
		return template_fail(
		    r, "{{> %s}} is nested too deeply; does it come back to itself?", n->name);
	if (r->partials == NULL)
		return template_fail(r, "there are no partials here");
	if (r->partials->find(r->partials->arg, n->name, &where, &text, r->err) == -1) {
		r->err->code = ERR_CONFIG;
		return err_prefix(r->err, "%s:%d: {{> %s}}: ", r->where, r->line, n->name);
	}
	t.where = where;
	t.text = text;
	t.len = strlen(text);
	r->nested++;
	/* It is found and read again each time. */
	if (template_charge(r, 1000 + t.len) == 0)
		rv = render_text(r, &t);
	r->nested--;
	free(where);
	free(text);
	return rv;
}

static int
render_node(struct trender *r, const struct tnode *n)
{
	r->line = n->line;
	if (template_charge(r, 1) == -1)
		return -1;
	switch (n->kind) {
	case TNODE_TEXT:
		return put(r, n->text, n->len);
	case TNODE_VALUE:
		return render_value(r, n);
	case TNODE_IF:
		return render_if(r, n);
	case TNODE_EACH:
	case TNODE_WITH:
		return render_block(r, n);
	case TNODE_PARTIAL:
		return render_partial(r, n);
	}
	return 0;
}

static int
render_nodes(struct trender *r, const struct tnode *n)
{
	for (; n != NULL; n = n->next)
		if (render_node(r, n) == -1)
			return -1;
	return 0;
}

char *
template_render(const struct template *t, const cJSON *context,
    const struct template_partials *partials, struct err *err)
{
	struct tscope root = {.item = context};
	struct trender r = {.partials = partials,
	    .where = t->where,
	    .line = 1,
	    .budget = BUDGET,
	    .context = context,
	    .scope = &root,
	    .err = err};

	put(&r, "", 0);
	if (render_text(&r, t) == -1) {
		free(r.out);
		return NULL;
	}
	return r.out;
}
