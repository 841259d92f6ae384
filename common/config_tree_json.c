/* SPDX-License-Identifier: MIT
 *
 * The tree of config.yaml as JSON, and the names of places in it, see config_tree.h. Nothing is
 * expanded: what goes out can come back.
 */
#include <stdlib.h>
#include <string.h>

#include "common/config_tree.h"
#include "common/json.h"
#include "common/xmalloc.h"

#define DEPTH_MAX 64    /* aliases can nest things in themselves */
#define NODES_MAX 50000 /* and repeat them */

struct out {
	const struct config_tree *tree;
	size_t nodes;
};

static bool
has_section(const char *section)
{
	size_t i;

	for (i = 0; i < config_nkeys; i++)
		if (strcmp(config_keys[i].section, section) == 0)
			return true;
	return false;
}

const char *
config_section_below(const char *section, const char *name)
{
	static const struct {
		const char *section, *name, *below;
	} within[] = {
	    {"", "teams", "*"},
	    {"permissions", "guard", "guard"},
	    {"teams", "remoteOptions", "remoteOptions"},
	    {"teams", "permissions", "teamPermissions"},
	};
	size_t i;

	if (section == NULL)
		return NULL;
	for (i = 0; i < sizeof within / sizeof within[0]; i++)
		if (strcmp(section, within[i].section) == 0 && strcmp(name, within[i].name) == 0)
			return within[i].below;
	if (strcmp(section, "*") == 0)
		return "teams";
	/* Those of a team or of permissions are no sections of the file. */
	if (strcmp(section, "") != 0 || strcmp(name, "guard") == 0 ||
	    strcmp(name, "remoteOptions") == 0 || strcmp(name, "teamPermissions") == 0 ||
	    !has_section(name))
		return NULL;
	return name;
}

bool
config_key_is_secret(const struct config_key *key)
{
	return key != NULL &&
	    (key->type == CONFIG_ENV ||
		(strcmp(key->section, "remoteOptions") == 0 &&
		    strcmp(key->name, "passphrase") == 0));
}

static bool
is_integer(const char *s)
{
	size_t n = strlen(s[0] == '-' ? s + 1 : s);

	if (s[0] == '-')
		s++;
	/* As many digits as a double holds, and none that would be lost. */
	return n > 0 && n <= 15 && s[strspn(s, "0123456789")] == '\0' && (s[0] != '0' || n == 1);
}

/* key: whose value it is; NULL for what the table does not know. */
static cJSON *
scalar_json(const struct config_node *node, const struct config_key *key)
{
	enum config_type type = key != NULL ? key->type : CONFIG_STR;
	bool any = key == NULL && node->plain;

	if ((type == CONFIG_INT || any) && is_integer(node->text))
		return json_int_item(strtoll(node->text, NULL, 10));
	if ((type == CONFIG_BOOL || any) &&
	    (strcmp(node->text, "true") == 0 || strcmp(node->text, "false") == 0))
		return cJSON_CreateBool(node->text[0] == 't');
	if (config_node_is_null(node) && (any || strcmp(node->text, "~") != 0))
		return cJSON_CreateNull();
	return cJSON_CreateString(node->text);
}

static cJSON *node_json(struct out *o, const struct config_node *node, const char *section,
    const struct config_key *key, bool secret, int depth);

static cJSON *
map_json(struct out *o, const struct config_node *map, const char *section, bool secret, int depth)
{
	cJSON *object = json_new();
	const struct config_key *key;
	const char *name, *below;
	size_t i;

	for (i = 0; i < map->n; i++) {
		name = config_node_key(map, i)->text;
		below = config_section_below(section, name);
		key = section != NULL ? config_key_find(section, name) : NULL;
		json_put(object, name,
		    node_json(o, config_node_value(map, i), below, key,
			secret || config_key_is_secret(key), depth + 1));
	}
	return object;
}

/* section: of what is below the node; key: whose value the node is. Either may be NULL. */
static cJSON *
node_json(struct out *o, const struct config_node *given, const char *section,
    const struct config_key *key, bool secret, int depth)
{
	const struct config_node *node = config_node_real(o->tree, given);
	cJSON *list;
	size_t i;

	if (depth > DEPTH_MAX || o->nodes++ > NODES_MAX)
		return cJSON_CreateString("...");
	if (node->kind == CONFIG_NODE_MAP)
		return map_json(o, node, section, secret, depth);
	if (node->kind == CONFIG_NODE_LIST) {
		list = cJSON_CreateArray();
		for (i = 0; i < node->n; i++)
			cJSON_AddItemToArray(
			    list, node_json(o, node->item[i], NULL, key, secret, depth + 1));
		return list;
	}
	if (config_node_is_null(node) && section != NULL)
		return json_new();
	if (secret && key == NULL && config_node_is_null(node))
		return cJSON_CreateString("");
	if (secret)
		return cJSON_CreateString(CONFIG_MASK);
	return scalar_json(node, key);
}

cJSON *
config_tree_json(const struct config_tree *t)
{
	struct out o = {.tree = t};

	if (t->root == NULL)
		return json_new();
	return node_json(&o, t->root, "", NULL, false, 0);
}

/* True when the node begins at this place, or something in it does; *path is then its name. */
static bool
find_place(
    const struct config_node *node, size_t line, size_t column, const char *name, char **path)
{
	const struct config_node *key;
	char *within;
	bool found = false;
	size_t i;

	for (i = 0; !found && node->kind == CONFIG_NODE_MAP && i < node->n; i++) {
		key = config_node_key(node, i);
		within = xasprintf("%s%s%.100s", name, name[0] != '\0' ? "." : "", key->text);
		found = find_place(config_node_value(node, i), line, column, within, path);
		if (!found && key->line == line && key->column == column) {
			*path = xstrdup(within);
			found = true;
		}
		free(within);
	}
	for (i = 0; !found && node->kind == CONFIG_NODE_LIST && i < node->n; i++) {
		within = xasprintf("%s[%zu]", name, i);
		found = find_place(node->item[i], line, column, within, path);
		free(within);
	}
	if (!found && node->line == line && node->column == column && name[0] != '\0') {
		*path = xstrdup(name);
		found = true;
	}
	return found;
}

char *
config_tree_path_at(const struct config_tree *t, size_t line, size_t column)
{
	char *path = NULL;

	if (t->root != NULL)
		find_place(t->root, line, column, "", &path);
	return path;
}
