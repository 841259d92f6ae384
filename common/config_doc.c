/* SPDX-License-Identifier: MIT
 *
 * The YAML tree of one configuration file: parsing it, the checks that libyaml does not make
 * (duplicate keys, depth, a second document), lookups, and messages with positions. Called by
 * config.c and its helpers.
 */
#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/config_impl.h"
#include "common/config_text.h"
#include "common/nearest.h"
#include "common/xmalloc.h"

#define DEPTH_MAX    32
#define ANCHORS_MAX  1000
#define WARNINGS_MAX 100

static int
fail_at(const struct config_reader *r, yaml_mark_t at, const char *what)
{
	return err_set(
	    r->e, ERR_CONFIG, "%s:%zu:%zu: %s", r->path, at.line + 1, at.column + 1, what);
}

int
config_fail(const struct config_reader *r, const yaml_node_t *at, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	err_vset(r->e, ERR_CONFIG, fmt, ap);
	va_end(ap);
	err_prefix(
	    r->e, "%s:%zu:%zu: ", r->path, at->start_mark.line + 1, at->start_mark.column + 1);
	if (r->errors != NULL && r->errors->n < CONFIG_ERRORS)
		config_list_add(r->errors, xstrdup(r->e->msg));
	return -1;
}

bool
config_stops(const struct config_reader *r, int rv)
{
	return rv == -1 && r->errors == NULL;
}

void
config_warn(const struct config_reader *r, const yaml_node_t *at, const char *fmt, ...)
{
	va_list ap;
	char *text;

	if (r->warnings->n > WARNINGS_MAX)
		return;
	if (r->warnings->n == WARNINGS_MAX)
		fmt = "this and further warnings are left out";
	va_start(ap, fmt);
	text = xvasprintf(fmt, ap);
	va_end(ap);
	config_list_add(r->warnings,
	    xasprintf("%s:%zu:%zu: %s", r->path, at->start_mark.line + 1, at->start_mark.column + 1,
		text));
	free(text);
}

/* For the mistakes that people make most. */
static const char *
hint(const char *problem)
{
	if (strstr(problem, "mapping values are not allowed") != NULL)
		return "; a value with \": \" in it needs quotes";
	if (strstr(problem, "could not find expected ':'") != NULL)
		return "; expected \"key: value\"";
	if (strstr(problem, "did not find expected key") != NULL)
		return "; is the indentation as in the lines above?";
	if (strstr(problem, "cannot start any token") != NULL)
		return "; a value that starts with this character needs quotes";
	return "";
}

/*
 * libyaml's words where they are clear; its most common ones say what the parser wanted, not what
 * is wrong.
 */
static int
fail_yaml(const struct config_reader *r, const yaml_parser_t *p, const char *text, size_t len)
{
	const char *problem = p->problem != NULL ? p->problem : "not valid";
	size_t line = p->problem_mark.line + 1, col = p->problem_mark.column + 1, at = 0;

	if (p->error == YAML_READER_ERROR) {
		config_text_position(
		    text, p->problem_offset < len ? p->problem_offset : len, &line, &col);
		return err_set(r->e, ERR_CONFIG, "%s:%zu:%zu: not a text file: %s", r->path, line,
		    col, problem);
	}
	for (size_t l = 1; l < line && at < len; at++)
		if (text[at] == '\n')
			l++;
	while (at < len && text[at] == ' ')
		at++;
	if (at < len && text[at] == '\t')
		return err_set(r->e, ERR_CONFIG,
		    "%s:%zu:%zu: a tab in the indentation; YAML wants spaces", r->path, line, col);
	if (p->context != NULL && p->context_mark.line + 1 != line)
		return err_set(r->e, ERR_CONFIG, "%s:%zu:%zu: not valid YAML: %s, %s of line %zu%s",
		    r->path, line, col, problem, p->context, p->context_mark.line + 1,
		    hint(problem));
	return err_set(r->e, ERR_CONFIG, "%s:%zu:%zu: not valid YAML: %s%s", r->path, line, col,
	    problem, hint(problem));
}

struct key_at {
	const yaml_node_t *node;
	size_t order;
};

static int
compare_keys(const void *va, const void *vb)
{
	const struct key_at *a = va, *b = vb;
	size_t al = a->node->data.scalar.length, bl = b->node->data.scalar.length;
	int c = memcmp(a->node->data.scalar.value, b->node->data.scalar.value, al < bl ? al : bl);

	if (c != 0)
		return c;
	if (al != bl)
		return al < bl ? -1 : 1;
	return a->order < b->order ? -1 : a->order > b->order;
}

/* Printable at least: keys are repeated in messages. */
static bool
is_word(const yaml_node_t *key)
{
	size_t i;

	if (key->type != YAML_SCALAR_NODE)
		return false;
	for (i = 0; i < key->data.scalar.length; i++)
		if (key->data.scalar.value[i] < 0x20 || key->data.scalar.value[i] == 0x7f)
			return false;
	return true;
}

static bool
same_key(const yaml_node_t *a, const yaml_node_t *b)
{
	return a->data.scalar.length == b->data.scalar.length &&
	    memcmp(a->data.scalar.value, b->data.scalar.value, a->data.scalar.length) == 0;
}

/*
 * Sorted, so that a hostile mapping of 200,000 keys costs no minute. The duplicate named is the
 * first in the file.
 */
static int
check_duplicates(const struct config_reader *r, const yaml_node_t *map)
{
	size_t n = (size_t)(map->data.mapping.pairs.top - map->data.mapping.pairs.start), i;
	size_t dup = 0;
	char shown[CONFIG_SHOWN];
	struct key_at *keys = xcalloc(n + 1, sizeof *keys);
	int rv = -1;

	for (i = 0; i < n; i++) {
		keys[i].node = config_doc_node(r, map->data.mapping.pairs.start[i].key);
		keys[i].order = i;
		if (!is_word(keys[i].node)) {
			config_fail(r, keys[i].node, "a key must be a plain word");
			goto out;
		}
	}
	qsort(keys, n, sizeof *keys, compare_keys);
	for (i = 1; i < n; i++)
		if (same_key(keys[i - 1].node, keys[i].node) &&
		    (dup == 0 || keys[i].order < keys[dup].order))
			dup = i;
	if (dup != 0)
		config_fail(r, keys[dup].node, "the key \"%s\" is there twice, first in line %zu",
		    config_show((const char *)keys[dup].node->data.scalar.value,
			keys[dup].node->data.scalar.length, shown),
		    keys[dup - 1].node->start_mark.line + 1);
	else
		rv = 0;
out:
	free(keys);
	return rv;
}

static int
check_duplicate_keys(const struct config_reader *r)
{
	const yaml_node_t *node;
	int rv = 0;

	for (node = r->doc.nodes.start; rv == 0 && node < r->doc.nodes.top; node++)
		if (node->type == YAML_MAPPING_NODE)
			rv = check_duplicates(r, node);
	return rv;
}

/* What one pass over the events has seen. */
struct bounds {
	int depth;
	int anchors;
	int documents;
};

static void
count_anchor(struct bounds *b, const yaml_char_t *anchor)
{
	if (anchor != NULL)
		b->anchors++;
}

static int
check_event(const struct config_reader *r, struct bounds *b, const yaml_event_t *ev)
{
	switch (ev->type) {
	case YAML_DOCUMENT_START_EVENT:
		if (++b->documents > 1)
			return fail_at(r, ev->start_mark,
			    "a second document starts here; expected one document in the file");
		break;
	case YAML_SCALAR_EVENT:
		count_anchor(b, ev->data.scalar.anchor);
		break;
	case YAML_SEQUENCE_START_EVENT:
		b->depth++;
		count_anchor(b, ev->data.sequence_start.anchor);
		break;
	case YAML_MAPPING_START_EVENT:
		b->depth++;
		count_anchor(b, ev->data.mapping_start.anchor);
		break;
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		b->depth--;
		break;
	case YAML_NO_EVENT:
	case YAML_STREAM_START_EVENT:
	case YAML_STREAM_END_EVENT:
	case YAML_DOCUMENT_END_EVENT:
	case YAML_ALIAS_EVENT:
		break;
	}
	if (b->depth > DEPTH_MAX)
		return fail_at(r, ev->start_mark, "nested deeper than 32 levels, the limit");
	if (b->anchors > ANCHORS_MAX)
		return fail_at(r, ev->start_mark, "more than 1000 anchors, the limit");
	return 0;
}

/*
 * Before the tree is built: libyaml's time grows with the square of the depth and of the number of
 * anchors, so a file of 1 MiB could keep it busy for hours.
 */
static int
check_bounds(const struct config_reader *r, const char *text, size_t len)
{
	struct bounds b = {0, 0, 0};
	yaml_parser_t parser;
	yaml_event_t ev;
	bool more = true;
	int rv = 0;

	if (!yaml_parser_initialize(&parser))
		return err_set(r->e, ERR_INTERNAL, "libyaml can not be started");
	yaml_parser_set_input_string(&parser, (const unsigned char *)text, len);
	while (rv == 0 && more) {
		if (!yaml_parser_parse(&parser, &ev)) {
			rv = fail_yaml(r, &parser, text, len);
			break;
		}
		rv = check_event(r, &b, &ev);
		more = ev.type != YAML_STREAM_END_EVENT;
		yaml_event_delete(&ev);
	}
	yaml_parser_delete(&parser);
	return rv;
}

int
config_doc_parse(struct config_reader *r, const char *text, size_t len)
{
	yaml_parser_t parser;
	int rv;

	if (config_text_check(r->path, text, len, r->e) == -1 || check_bounds(r, text, len) == -1)
		return -1;
	if (!yaml_parser_initialize(&parser))
		return err_set(r->e, ERR_INTERNAL, "libyaml can not be started");
	yaml_parser_set_input_string(&parser, (const unsigned char *)text, len);
	if (!yaml_parser_load(&parser, &r->doc))
		rv = fail_yaml(r, &parser, text, len);
	else {
		r->have_doc = true;
		rv = check_duplicate_keys(r);
	}
	yaml_parser_delete(&parser);
	return rv;
}

/* libyaml takes a pointer to a document that it does not change, without const. */
yaml_node_t *
config_doc_node(const struct config_reader *r, int index)
{
	assert(index >= 1 && index <= r->doc.nodes.top - r->doc.nodes.start);
	return r->doc.nodes.start + index - 1;
}

const char *
config_doc_key(const struct config_reader *r, const yaml_node_pair_t *pair)
{
	return (const char *)config_doc_node(r, pair->key)->data.scalar.value;
}

yaml_node_t *
config_doc_get(const struct config_reader *r, const yaml_node_t *map, const char *key)
{
	const yaml_node_pair_t *pair;

	if (map == NULL || map->type != YAML_MAPPING_NODE)
		return NULL;
	for (pair = map->data.mapping.pairs.start; pair < map->data.mapping.pairs.top; pair++)
		if (strcmp(config_doc_key(r, pair), key) == 0)
			return config_doc_node(r, pair->value);
	return NULL;
}

bool
config_is_null(const yaml_node_t *node)
{
	static const char *const nulls[] = {"", "~", "null", "Null", "NULL"};
	size_t i;

	if (node->type != YAML_SCALAR_NODE || node->data.scalar.style != YAML_PLAIN_SCALAR_STYLE)
		return false;
	for (i = 0; i < sizeof nulls / sizeof nulls[0]; i++)
		if (strcmp((const char *)node->data.scalar.value, nulls[i]) == 0)
			return true;
	return false;
}

int
config_as_mapping(const struct config_reader *r, struct config_at at, const yaml_node_t **map)
{
	*map = NULL;
	if (config_is_null(at.node))
		return 0;
	if (at.node->type != YAML_MAPPING_NODE)
		return config_fail(r, at.node, "%s is a %s; expected a mapping of keys to values",
		    at.where, at.node->type == YAML_SEQUENCE_NODE ? "list" : "single value");
	*map = at.node;
	return 0;
}

/* Keys of a section that are mappings of their own and so have no row in the table. */
static size_t
add_mappings(const char *section, const char **names)
{
	static const char *const top[] = {
	    "settings", "dashboard", "database", "permissions", "webhooks", "teams"};

	if (strcmp(section, "") == 0) {
		memcpy(names, top, sizeof top);
		return sizeof top / sizeof top[0];
	}
	if (strcmp(section, "teams") == 0) {
		names[0] = "remoteOptions";
		names[1] = "permissions";
		return 2;
	}
	if (strcmp(section, "permissions") == 0) {
		names[0] = "guard";
		return 1;
	}
	return 0;
}

void
config_unknown_key(
    const struct config_reader *r, const yaml_node_t *key, const char *section, const char *where)
{
	const char **names = xcalloc(config_nkeys + 5, sizeof *names), *near;
	const char *name = (const char *)key->data.scalar.value;
	char *hint = NULL, shown[CONFIG_SHOWN];
	size_t n = add_mappings(section, names), i;

	for (i = 0; i < config_nkeys; i++)
		if (strcmp(config_keys[i].section, section) == 0)
			names[n++] = config_keys[i].name;
	if (nearest_names(name, names, n, &near, 1) == 1)
		hint = xasprintf(", did you mean \"%s\"?", near);
	config_warn(r, key, "unknown key \"%s\" in %s%s", config_show(name, strlen(name), shown),
	    where, hint != NULL ? hint : "");
	free(hint);
	free(names);
}

const char *
config_show(const char *s, size_t len, char out[CONFIG_SHOWN])
{
	static const char dots[] = "...";
	size_t used = 0, at, n;

	for (at = 0; at < len; at += n) {
		if ((n = config_text_char(s + at, len - at)) == 0)
			n = 1;
		if (used + n + sizeof dots > CONFIG_SHOWN) {
			memcpy(out + used, dots, sizeof dots);
			return out;
		}
		if (n == 1 && ((unsigned char)s[at] < 0x20 || (unsigned char)s[at] > 0x7e))
			out[used++] = '?';
		else {
			memcpy(out + used, s + at, n);
			used += n;
		}
	}
	out[used] = '\0';
	return out;
}

void
config_list_add(struct config_list *list, char *s)
{
	list->v = xreallocarray(list->v, list->n + 1, sizeof list->v[0]);
	list->v[list->n++] = s;
}

void
config_list_free(struct config_list *list)
{
	size_t i;

	for (i = 0; i < list->n; i++)
		free(list->v[i]);
	free(list->v);
	list->v = NULL;
	list->n = 0;
}
