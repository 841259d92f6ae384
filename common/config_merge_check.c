/* SPDX-License-Identifier: MIT
 *
 * Whether an edited config.yaml says what it should: all that it said before, but for what the
 * patch changes. The last word on every edit, so it shares nothing with what makes the edits but
 * the rule of what counts as the same.
 */
#include <string.h>

#include "common/config_merge_impl.h"
#include "common/json.h"

static bool
equal_text(const char *a, const char *b)
{
	return (a == NULL && b == NULL) || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

/* Untouched: the same tree, whatever its places are. */
static bool
equal(const struct config_node *a, const struct config_node *b)
{
	size_t i, n = a->kind == CONFIG_NODE_MAP ? 2 * a->n : a->n;

	if (a->kind != b->kind || a->n != b->n || !equal_text(a->text, b->text) ||
	    !equal_text(a->anchor, b->anchor) || a->plain != b->plain)
		return false;
	for (i = 0; i < n; i++)
		if (!equal(a->item[i], b->item[i]))
			return false;
	return true;
}

static bool is_value(const struct config_node *node, const cJSON *value);

static bool
is_object(const struct config_node *node, const cJSON *value)
{
	const cJSON *member;
	size_t i = 0;

	cJSON_ArrayForEach (member, value) {
		if (cJSON_IsNull(member))
			continue;
		if (i == node->n || strcmp(config_node_key(node, i)->text, member->string) != 0 ||
		    !is_value(config_node_value(node, i), member))
			return false;
		i++;
	}
	return i == node->n;
}

/* New: what the patch has, and nothing else. */
static bool
is_value(const struct config_node *node, const cJSON *value)
{
	const cJSON *item;
	size_t i = 0;
	char *text;
	bool same;

	if (cJSON_IsObject(value))
		return node->kind == CONFIG_NODE_MAP && is_object(node, value);
	if (cJSON_IsArray(value)) {
		if (node->kind != CONFIG_NODE_LIST || node->n != (size_t)cJSON_GetArraySize(value))
			return false;
		cJSON_ArrayForEach (item, value)
			if (!is_value(node->item[i++], item))
				return false;
		return true;
	}
	if (node->kind != CONFIG_NODE_SCALAR)
		return false;
	if (cJSON_IsString(value))
		return strcmp(node->text, value->valuestring) == 0 && !config_node_is_null(node);
	text = json_print(value);
	same = node->plain && strcmp(node->text, text) == 0;
	cJSON_free(text);
	return same;
}

static bool is_merged(const struct config_tree *t, const struct config_node *before,
    const cJSON *value, const struct config_node *after, struct merge_at at);

/* before: a mapping or nothing. What is new comes after what was there, in the patch's order. */
static bool
is_merged_map(const struct config_tree *t, const struct config_node *before, const cJSON *patch,
    const struct config_node *after, struct merge_at at)
{
	bool map = before != NULL && before->kind == CONFIG_NODE_MAP;
	const cJSON *member;
	const char *name;
	size_t i, j = 0;

	if (after->kind != CONFIG_NODE_MAP)
		return false;
	for (i = 0; map && i < before->n; i++) {
		name = config_node_key(before, i)->text;
		member = json_get(patch, name);
		if (member != NULL && cJSON_IsNull(member) &&
		    !config_node_is_null(config_node_value(before, i)))
			continue;
		if (j == after->n || strcmp(config_node_key(after, j)->text, name) != 0 ||
		    !is_merged(t, config_node_value(before, i), member, config_node_value(after, j),
			merge_below(at, name)))
			return false;
		j++;
	}
	cJSON_ArrayForEach (member, patch) {
		if (cJSON_IsNull(member) || merge_is_repeated(patch, member) ||
		    (map && config_node_find(before, member->string) < before->n))
			continue;
		if (j == after->n || strcmp(config_node_key(after, j)->text, member->string) != 0 ||
		    !is_value(config_node_value(after, j), member))
			return false;
		j++;
	}
	return j == after->n;
}

static bool
is_merged(const struct config_tree *t, const struct config_node *before, const cJSON *value,
    const struct config_node *after, struct merge_at at)
{
	if (value == NULL || merge_is_same(t, before, value, at.secret))
		return equal(before, after);
	if (!cJSON_IsObject(value) || !merge_takes_object(before))
		return is_value(after, value);
	if (config_render_is_empty(value) && before->kind != CONFIG_NODE_MAP)
		return equal(before, after);
	return is_merged_map(t, before, value, after, at);
}

bool
merge_is_right(
    const struct config_tree *before, const cJSON *patch, const struct config_tree *after)
{
	struct merge_at top = {"", false};

	if (after->root == NULL)
		return before->root == NULL && config_render_is_empty(patch);
	if (before->root == NULL)
		return is_merged_map(before, NULL, patch, after->root, top);
	return is_merged(before, before->root, patch, after->root, top);
}
