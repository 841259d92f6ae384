/* SPDX-License-Identifier: MIT
 *
 * The tree of config.yaml with places, see config_tree.h. Built from libyaml's events and not its
 * tree, since in that an alias has the place of its anchor. How deep it nests and how many anchors
 * it has was bounded by config_doc.c before.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/config_impl.h"
#include "common/config_text.h"
#include "common/config_tree.h"
#include "common/log.h"
#include "common/xmalloc.h"

struct build {
	struct config_tree *tree;
	yaml_parser_t parser;
	const char *text;
	size_t len;
	int flow;          /* collections with brackets that are open */
	uint32_t *byte_of; /* offset of each character: libyaml's marks count characters */
};

static void
node_free(struct config_node *node)
{
	size_t i, n;

	if (node == NULL)
		return;
	n = node->kind == CONFIG_NODE_MAP ? 2 * node->n : node->n;
	for (i = 0; i < n; i++)
		node_free(node->item[i]);
	free(node->item);
	free(node->text);
	free(node->anchor);
	free(node);
}

void
config_tree_free(struct config_tree *t)
{
	if (t == NULL)
		return;
	node_free(t->root);
	free(t->anchors);
	free(t);
}

static void
index_text(struct build *b)
{
	size_t at = b->len >= 3 && memcmp(b->text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0, n = 0;

	b->byte_of = xreallocarray(NULL, b->len + 2, sizeof *b->byte_of);
	for (; at < b->len; at += config_text_char(b->text + at, b->len - at))
		b->byte_of[n++] = (uint32_t)at;
	while (n < b->len + 2)
		b->byte_of[n++] = (uint32_t)b->len;
}

static size_t
offset(const struct build *b, yaml_mark_t mark)
{
	assert(mark.index < b->len + 2);
	return b->byte_of[mark.index];
}

static struct config_node *
new_node(
    struct build *b, const yaml_event_t *ev, enum config_node_kind kind, const yaml_char_t *anchor)
{
	struct config_node *node = xcalloc(1, sizeof *node);
	struct config_tree *t = b->tree;

	node->kind = kind;
	node->anchor = xstrdup_null((const char *)anchor);
	node->start = offset(b, ev->start_mark);
	node->end = offset(b, ev->end_mark);
	node->line = ev->start_mark.line + 1;
	node->column = ev->start_mark.column + 1;
	node->in_flow = b->flow > 0;
	if (anchor != NULL) {
		t->anchors = xreallocarray(t->anchors, t->nanchors + 1, sizeof(*t->anchors));
		t->anchors[t->nanchors++] = node;
	}
	return node;
}

/* The mark behind a | or > text is at the next line that has something in it. */
static void
end_block_text(const struct build *b, struct config_node *node)
{
	size_t i;

	for (i = node->start; i < node->end && b->text[i] != '\n' && b->text[i] != '#'; i++)
		node->keep |= b->text[i] == '+';
	while (!node->keep && node->end > node->start &&
	    strchr(" \t\r\n", b->text[node->end - 1]) != NULL)
		node->end--;
}

static struct config_node *
scalar(struct build *b, const yaml_event_t *ev)
{
	yaml_scalar_style_t style = ev->data.scalar.style;
	struct config_node *node = new_node(b, ev, CONFIG_NODE_SCALAR, ev->data.scalar.anchor);

	node->text = xstrdup((const char *)ev->data.scalar.value);
	node->plain = style == YAML_PLAIN_SCALAR_STYLE && ev->data.scalar.tag == NULL;
	node->block = style == YAML_LITERAL_SCALAR_STYLE || style == YAML_FOLDED_SCALAR_STYLE;
	if (node->block)
		end_block_text(b, node);
	return node;
}

static void
next(struct build *b, yaml_event_t *ev)
{
	if (!yaml_parser_parse(&b->parser, ev))
		fatalx("a text that libyaml has read can not be read again");
}

static struct config_node *read_node(struct build *b, yaml_event_t *ev);

/* Up to the event that ends the collection. */
static void
read_items(struct build *b, struct config_node *node)
{
	yaml_event_type_t end =
	    node->kind == CONFIG_NODE_MAP ? YAML_MAPPING_END_EVENT : YAML_SEQUENCE_END_EVENT;
	size_t n = 0, room = 0;
	yaml_event_t ev;

	if (node->block)
		node->end = node->start;
	b->flow += !node->block;
	for (next(b, &ev); ev.type != end; next(b, &ev), n++) {
		if (n == room) {
			room = room == 0 ? 8 : 2 * room;
			node->item = xreallocarray(node->item, room, sizeof *node->item);
		}
		node->item[n] = read_node(b, &ev);
		if (node->block)
			node->end = node->item[n]->end;
	}
	if (!node->block)
		node->end = offset(b, ev.end_mark);
	b->flow -= !node->block;
	yaml_event_delete(&ev);
	node->n = node->kind == CONFIG_NODE_MAP ? n / 2 : n;
}

/* The event is deleted. */
static struct config_node *
read_node(struct build *b, yaml_event_t *ev)
{
	struct config_node *node;

	if (ev->type == YAML_SCALAR_EVENT)
		node = scalar(b, ev);
	else if (ev->type == YAML_ALIAS_EVENT) {
		node = new_node(b, ev, CONFIG_NODE_ALIAS, NULL);
		node->text = xstrdup((const char *)ev->data.alias.anchor);
	} else if (ev->type == YAML_MAPPING_START_EVENT) {
		node = new_node(b, ev, CONFIG_NODE_MAP, ev->data.mapping_start.anchor);
		node->block = ev->data.mapping_start.style != YAML_FLOW_MAPPING_STYLE;
	} else {
		assert(ev->type == YAML_SEQUENCE_START_EVENT);
		node = new_node(b, ev, CONFIG_NODE_LIST, ev->data.sequence_start.anchor);
		node->block = ev->data.sequence_start.style != YAML_FLOW_SEQUENCE_STYLE;
	}
	yaml_event_delete(ev);
	if (node->kind == CONFIG_NODE_MAP || node->kind == CONFIG_NODE_LIST)
		read_items(b, node);
	return node;
}

static void
read_tree(struct build *b)
{
	yaml_event_type_t type = YAML_NO_EVENT;
	yaml_event_t ev;

	while (type != YAML_STREAM_END_EVENT) {
		next(b, &ev);
		type = ev.type;
		if (type == YAML_DOCUMENT_END_EVENT && !ev.data.document_end.implicit)
			b->tree->doc_end = offset(b, ev.start_mark);
		if (type == YAML_SCALAR_EVENT || type == YAML_ALIAS_EVENT ||
		    type == YAML_MAPPING_START_EVENT || type == YAML_SEQUENCE_START_EVENT)
			b->tree->root = read_node(b, &ev);
		else
			yaml_event_delete(&ev);
	}
}

/* How far the file indents: the first keys that stand below others tell. */
static size_t
find_unit(const struct config_node *map, int levels)
{
	const struct config_node *value;
	size_t i, unit;

	if (map == NULL || map->kind != CONFIG_NODE_MAP || !map->block || levels == 0)
		return 0;
	for (i = 0; i < map->n; i++) {
		value = config_node_value(map, i);
		if (value->kind != CONFIG_NODE_MAP || !value->block || value->n == 0)
			continue;
		unit = config_node_key(value, 0)->column - config_node_key(map, i)->column;
		return unit > 0 ? unit : find_unit(value, levels - 1);
	}
	return 0;
}

struct config_tree *
config_tree_parse(const char *path, const char *text, size_t len, struct err *e)
{
	struct config_list warnings = {NULL, 0};
	struct config_reader r = {.path = path, .dir = "/", .warnings = &warnings, .e = e};
	struct build b = {.text = text, .len = len};

	if (config_doc_parse(&r, text, len) == 0) {
		b.tree = xcalloc(1, sizeof *b.tree);
		b.tree->doc_end = len;
		index_text(&b);
		if (!yaml_parser_initialize(&b.parser))
			fatalx("libyaml can not be started");
		yaml_parser_set_input_string(&b.parser, (const unsigned char *)text, len);
		read_tree(&b);
		yaml_parser_delete(&b.parser);
		free(b.byte_of);
		b.tree->unit = find_unit(b.tree->root, 4);
		if (b.tree->unit == 0)
			b.tree->unit = 2;
	}
	if (r.have_doc)
		yaml_document_delete(&r.doc);
	config_list_free(&warnings);
	return b.tree;
}

size_t
config_node_find(const struct config_node *map, const char *key)
{
	size_t i;

	for (i = 0; i < map->n; i++)
		if (strcmp(config_node_key(map, i)->text, key) == 0)
			break;
	return i;
}

const struct config_node *
config_node_real(const struct config_tree *t, const struct config_node *node)
{
	size_t i;

	if (node->kind != CONFIG_NODE_ALIAS)
		return node;
	for (i = 0; strcmp(t->anchors[i]->anchor, node->text) != 0; i++)
		assert(i + 1 < t->nanchors);
	return t->anchors[i];
}

bool
config_node_is_null(const struct config_node *node)
{
	static const char *const nulls[] = {"", "~", "null", "Null", "NULL"};
	size_t i;

	if (node->kind != CONFIG_NODE_SCALAR || !node->plain)
		return false;
	for (i = 0; i < sizeof nulls / sizeof nulls[0]; i++)
		if (strcmp(node->text, nulls[i]) == 0)
			return true;
	return false;
}
