/* SPDX-License-Identifier: MIT
 *
 * config.yaml as a tree that knows where each thing stands in the text, for those who change the
 * text or speak about places in it: config_merge.c and config_check.c. Aliases stay aliases here,
 * and nothing is expanded. The loader (config.c) does not use it.
 */
#ifndef IRIS_COMMON_CONFIG_TREE_H
#define IRIS_COMMON_CONFIG_TREE_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>

#include "common/config_table.h"
#include "common/err.h"

enum config_node_kind {
	CONFIG_NODE_SCALAR,
	CONFIG_NODE_LIST,
	CONFIG_NODE_MAP,
	CONFIG_NODE_ALIAS,
};

/* Offsets are bytes from the start of the text. */
struct config_node {
	enum config_node_kind kind;
	bool plain;   /* a scalar without quotes, tag or | > */
	bool block;   /* a mapping or list without { } or [ ], or a | or > text */
	bool keep;    /* a | or > text whose blank lines at the end are part of it */
	bool in_flow; /* it stands between { } or [ ] */
	char *text;   /* of a scalar; an alias's name */
	char *anchor;
	size_t start, end;         /* end: after the last thing with a text of its own */
	size_t line, column;       /* from 1, in characters */
	struct config_node **item; /* of a list; of a mapping key, value, key, value, ... */
	size_t n;                  /* entries of it: pairs for a mapping */
};

struct config_tree {
	struct config_node *root;     /* NULL: nothing but comments */
	struct config_node **anchors; /* those that have one; no two the same */
	size_t nanchors;
	size_t doc_end; /* where "..." starts, or the end of the text */
	size_t unit;    /* blanks a level, as the file has them; 2 when it does not show */
};

/* NULL with err, as the loader would have it, when the text is no YAML that it could read. */
struct config_tree *config_tree_parse(
    const char *path, const char *text, size_t len, struct err *e);
void config_tree_free(struct config_tree *t);

static inline struct config_node *
config_node_key(const struct config_node *map, size_t i)
{
	return map->item[2 * i];
}

static inline struct config_node *
config_node_value(const struct config_node *map, size_t i)
{
	return map->item[2 * i + 1];
}

/* The place of the entry with this key in a mapping; map->n when there is none. */
size_t config_node_find(const struct config_node *map, const char *key);
/* What an alias stands for, else the node itself. */
const struct config_node *config_node_real(
    const struct config_tree *t, const struct config_node *node);
/* Nothing, ~ or null. */
bool config_node_is_null(const struct config_node *node);

/*
 * The section (of config_keys.h) of what is below name in a section; "" is the top level, and "*"
 * the names of teams. NULL: it has no keys of the table below it.
 */
const char *config_section_below(const char *section, const char *name);

#define CONFIG_MASK "********" /* stands for a value that is there and is not shown */

/* The value of a key, or of one below env, is not to be shown. */
bool config_key_is_secret(const struct config_key *key);

/*
 * The whole as JSON, typed by the table of keys where a value is not a ${variable}, with secrets
 * masked. Null when there is nothing.
 */
cJSON *config_tree_json(const struct config_tree *t);

/* "teams.backend.model", of what stands at this place; NULL when nothing does. To be freed. */
char *config_tree_path_at(const struct config_tree *t, size_t line, size_t column);

#endif
