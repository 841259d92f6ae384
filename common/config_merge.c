/* SPDX-License-Identifier: MIT
 *
 * Walks through the file and the patch together and decides what has to change, see
 * config_merge.h. All changes are found in the one text, and made at once.
 */
#include <stdlib.h>
#include <string.h>

#include "common/config_impl.h"
#include "common/config_merge.h"
#include "common/config_merge_impl.h"
#include "common/config_text.h"
#include "common/json.h"
#include "common/xmalloc.h"

int
merge_refuse(const struct merge *m, size_t at, const char *what)
{
	size_t line, col;

	config_text_position(m->t.s, at, &line, &col);
	return err_set(m->e, ERR_CONFIG, "%s:%zu:%zu: %s; please edit the file by hand", m->path,
	    line, col, what);
}

struct merge_at
merge_below(struct merge_at at, const char *name)
{
	const struct config_key *key =
	    at.section != NULL ? config_key_find(at.section, name) : NULL;

	return (struct merge_at){
	    config_section_below(at.section, name), at.secret || config_key_is_secret(key)};
}

bool
merge_is_repeated(const cJSON *patch, const cJSON *member)
{
	return json_get(patch, member->string) != member;
}

bool
merge_takes_object(const struct config_node *node)
{
	return node->kind == CONFIG_NODE_MAP || config_node_is_null(node);
}

/* Nothing is no text, but ~ may be the home directory, and a variable's value that is empty. */
static bool
same_text(const struct config_node *node, const cJSON *value, bool secret)
{
	bool nothing = config_node_is_null(node) && strcmp(node->text, "~") != 0, same;
	char *text;

	if (cJSON_IsString(value))
		return (!nothing || secret) && strcmp(node->text, value->valuestring) == 0;
	if (cJSON_IsNull(value))
		return config_node_is_null(node);
	if (!cJSON_IsNumber(value) && !cJSON_IsBool(value))
		return false;
	text = json_print(value);
	same = strcmp(node->text, text) == 0;
	free(text);
	return same;
}

static bool
same_list(
    const struct config_tree *t, const struct config_node *list, const cJSON *value, bool secret)
{
	const cJSON *item;
	size_t i = 0;

	if (!cJSON_IsArray(value) || (size_t)cJSON_GetArraySize(value) != list->n)
		return false;
	cJSON_ArrayForEach (item, value)
		if (!merge_is_same(t, list->item[i++], item, secret))
			return false;
	return true;
}

bool
merge_is_same(
    const struct config_tree *t, const struct config_node *given, const cJSON *value, bool secret)
{
	const struct config_node *node = config_node_real(t, given);
	const cJSON *member;
	size_t i;

	if (secret && cJSON_IsString(value) && strcmp(value->valuestring, CONFIG_MASK) == 0 &&
	    node->kind == CONFIG_NODE_SCALAR)
		return true;
	if (node->kind == CONFIG_NODE_SCALAR)
		return same_text(node, value, secret);
	if (node->kind == CONFIG_NODE_LIST)
		return same_list(t, node, value, secret);
	if (!cJSON_IsObject(value))
		return false;
	cJSON_ArrayForEach (member, value) {
		i = config_node_find(node, member->string);
		if (i == node->n ? !cJSON_IsNull(member)
				 : !merge_is_same(t, config_node_value(node, i), member, secret))
			return false;
	}
	return true;
}

/* A mask says that a value is there. */
static int
check_new(const struct merge *m, const cJSON *value, struct merge_at at)
{
	const cJSON *member;

	if (at.secret && cJSON_IsString(value) && strcmp(value->valuestring, CONFIG_MASK) == 0)
		return err_set(m->e, ERR_INVALID,
		    "\"" CONFIG_MASK "\" stands for a value that is kept, and there is none here");
	if (!cJSON_IsObject(value))
		return 0;
	cJSON_ArrayForEach (member, value)
		if (check_new(m, member, merge_below(at, member->string)) == -1)
			return err_prefix(m->e, "%s: ", member->string);
	return 0;
}

static int merge_value(struct merge *m, const struct config_node *map, size_t i, const cJSON *value,
    struct merge_at at);

/* node: a mapping, or nothing; key: above it, or NULL. */
static int
merge_object(struct merge *m, const struct config_node *key, const struct config_node *node,
    const cJSON *patch, struct merge_at at)
{
	bool map = node != NULL && node->kind == CONFIG_NODE_MAP;
	bool *gone = xcalloc((map ? node->n : 0) + 1, sizeof *gone), changed = false;
	const cJSON *member;
	int rv = -1;
	size_t i;

	cJSON_ArrayForEach (member, patch) {
		struct merge_at below = merge_below(at, member->string);

		if (merge_is_repeated(patch, member))
			continue;
		i = map ? config_node_find(node, member->string) : 0;
		if (!map || i == node->n) {
			if (check_new(m, member, below) == -1) {
				err_prefix(m->e, "%s: ", member->string);
				goto out;
			}
			changed |= !cJSON_IsNull(member);
		} else if (merge_is_same(m->tree, config_node_value(node, i), member, below.secret))
			continue;
		else if (cJSON_IsNull(member))
			changed = gone[i] = true;
		else if (merge_value(m, node, i, member, below) == -1)
			goto out;
	}
	rv = changed ? merge_entries(m, key, node, gone, patch) : 0;
out:
	free(gone);
	return rv;
}

/* The value of the i-th entry becomes another. */
static int
merge_value(struct merge *m, const struct config_node *map, size_t i, const cJSON *value,
    struct merge_at at)
{
	const struct config_node *key = config_node_key(map, i), *old = config_node_value(map, i);

	if (old->anchor != NULL)
		return merge_refuse(m, old->start, "this value has an anchor (&) for other places");
	if (cJSON_IsObject(value) && old->kind == CONFIG_NODE_ALIAS)
		return merge_refuse(m, old->start, "this is written as an alias (*)");
	if (cJSON_IsObject(value) && merge_takes_object(old))
		return old->kind != CONFIG_NODE_MAP && config_render_is_empty(value)
		    ? 0
		    : merge_object(m, key, old, value, at);
	if (check_new(m, value, at) == -1)
		return err_prefix(m->e, "%s: ", key->text);
	return merge_set(m, map, i, value);
}

/* Also keeps what is quadratic in the number of keys small. */
static int
check_sizes(const struct merge *m, const struct config_node *node, const cJSON *patch)
{
	size_t i, n = node == NULL ? 0 : node->kind == CONFIG_NODE_MAP ? 2 * node->n : node->n;
	const cJSON *member;

	if (patch != NULL && cJSON_IsObject(patch) && cJSON_GetArraySize(patch) > CONFIG_MERGE_KEYS)
		return err_set(m->e, ERR_INVALID, "more than %d keys in one mapping are given",
		    CONFIG_MERGE_KEYS);
	cJSON_ArrayForEach (member, patch)
		if (check_sizes(m, NULL, member) == -1)
			return -1;
	if (node != NULL && node->kind == CONFIG_NODE_MAP && node->n > CONFIG_MERGE_KEYS)
		return merge_refuse(m, node->start, "a mapping with more than 5000 keys");
	for (i = 0; i < n; i++)
		if (check_sizes(m, node->item[i], NULL) == -1)
			return -1;
	return 0;
}

static int
merge_root(struct merge *m, const cJSON *patch)
{
	const struct config_node *root = m->tree->root;

	if (!cJSON_IsObject(patch))
		return err_set(m->e, ERR_INVALID, "the changes of the configuration are no object");
	if (check_sizes(m, root, patch) == -1)
		return -1;
	if (root != NULL && !merge_takes_object(root))
		return merge_refuse(m, root->start, "the file is no mapping of keys to values");
	if (root != NULL && root->anchor != NULL)
		return merge_refuse(m, root->start, "the whole file has an anchor (&)");
	return merge_object(m, NULL, root, patch, (struct merge_at){"", false});
}

/* Edited is a text whose last line has an end; given back is one like the given one. */
static char *
make_text(struct merge *m, const char *text, size_t len)
{
	size_t nl = strlen(m->style.nl);
	char *whole = xmalloc(len + nl + 1);
	bool open;

	memcpy(whole, text, len);
	m->t.s = whole;
	m->t.len = len;
	m->t.start = len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
	open = len > m->t.start && text[len - 1] != '\n';
	if (open) {
		memcpy(whole + len, m->style.nl, nl);
		m->t.len += nl;
	}
	whole[m->t.len] = '\0';
	return whole;
}

/* The change is right, or nobody gets it. */
static int
check_result(const struct merge *m, const char *text, size_t len, const struct config_tree *before,
    const cJSON *patch)
{
	struct config_tree *after;
	struct err why;
	int rv = 0;

	if (len > CONFIG_TEXT_MAX)
		return err_set(
		    m->e, ERR_LIMIT, "%s: would be larger than 1 MiB, the limit", m->path);
	after = config_tree_parse(m->path, text, len, &why);
	if (after == NULL || !merge_is_right(before, patch, after))
		rv = merge_refuse(m, m->n > 0 ? m->v[0].at : 0,
		    "what is here is written in a form that can not be edited safely");
	config_tree_free(after);
	return rv;
}

char *
config_merge(const char *path, const char *text, size_t len, const cJSON *patch, struct err *e)
{
	const char *lf = memchr(text, '\n', len);
	struct config_tree *before = config_tree_parse(path, text, len, e);
	struct merge m = {.path = path, .e = e};
	char *whole = NULL, *out = NULL;
	size_t outlen, n, i;

	if (before == NULL)
		return NULL;
	m.style.nl = lf != NULL && lf > text && lf[-1] == '\r' ? "\r\n" : "\n";
	m.style.unit = before->unit;
	whole = make_text(&m, text, len);
	if ((m.tree = config_tree_parse(path, whole, m.t.len, e)) == NULL ||
	    merge_root(&m, patch) == -1)
		goto out;
	out = merge_apply(&m, &outlen);
	n = outlen;
	if (m.t.len > len && n > 0 && out[n - 1] == '\n')
		n -= n > 1 && out[n - 2] == '\r' ? 2 : 1;
	/* The line end that the text did not have is left away, unless it is part of a | text now. */
	if (check_result(&m, out, n, before, patch) == 0)
		out[n] = '\0';
	else if (n == outlen || check_result(&m, out, outlen, before, patch) == -1) {
		free(out);
		out = NULL;
	}
out:
	for (i = 0; i < m.n; i++)
		free(m.v[i].ins);
	free(m.v);
	config_tree_free(m.tree);
	config_tree_free(before);
	free(whole);
	return out;
}
