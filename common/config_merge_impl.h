/* SPDX-License-Identifier: MIT
 *
 * What the files of the merge share: config_merge.c walks through mappings and decides,
 * config_merge_place.c makes the changes of the text, config_merge_check.c compares.
 */
#ifndef IRIS_COMMON_CONFIG_MERGE_IMPL_H
#define IRIS_COMMON_CONFIG_MERGE_IMPL_H

#include "common/config_edit_impl.h"
#include "common/config_render.h"
#include "common/config_tree.h"

/* One change: del bytes at a place make room for others. */
struct splice {
	size_t at, del;
	char *ins; /* owned */
	size_t len;
	size_t order;
};

struct merge {
	const char *path;
	struct edit_scan t; /* the text: s, len and start are all that is set */
	struct config_tree *tree;
	struct config_style style;
	struct splice *v;
	size_t n;
	struct err *e;
};

/* Says where and that the file is to be edited by hand. Returns -1. */
int merge_refuse(const struct merge *m, size_t at, const char *what);

/* ins is taken. */
void merge_splice(struct merge *m, size_t at, size_t del, struct config_buf *ins);
/* The text with all changes in it. */
char *merge_apply(struct merge *m, size_t *len);

/* One value takes the place of another, in a mapping. */
int merge_set(struct merge *m, const struct config_node *map, size_t i, const cJSON *value);
/*
 * Entries go (gone[i]) and those of patch come that are not null and not there yet. The mapping may
 * be one that is written as nothing; then it is at node, with key above it (NULL: the root).
 */
int merge_entries(struct merge *m, const struct config_node *key, const struct config_node *node,
    const bool *gone, const cJSON *patch);

/* A member that the merge passes over: its name came before. */
bool merge_is_repeated(const cJSON *patch, const cJSON *member);
/* What is in the file already is what the patch says, or what it masks. */
bool merge_is_same(
    const struct config_tree *t, const struct config_node *node, const cJSON *value, bool secret);
/* The mapping or nothing that an object can be merged into. */
bool merge_takes_object(const struct config_node *node);
/* What the texts' trees have to do with each other: after is before with the patch merged in. */
bool merge_is_right(
    const struct config_tree *before, const cJSON *patch, const struct config_tree *after);

/* What stands below a key: its section, and whether its value is a secret. */
struct merge_at {
	const char *section;
	bool secret;
};
struct merge_at merge_below(struct merge_at at, const char *name);

#endif
