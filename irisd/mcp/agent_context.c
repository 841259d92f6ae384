/* SPDX-License-Identifier: MIT
 *
 * Collects a project's variables, see agent_context.h. Every file is bounded and may be missing,
 * broken or hostile.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/config_impl.h"
#include "common/json.h"
#include "common/paths.h"
#include "irisd/mcp/agent_context.h"
#include "irisd/mcp/agent_file.h"
#include "irisd/mcp/agent_manifest.h"

#define MANIFEST_MAX  ((size_t)1024 * 1024)
#define CLAUDE_MD_MAX ((size_t)32 * 1024)
#define YAML_MAX      ((size_t)64 * 1024)
#define YAML_NODES    5000 /* with what aliases repeat */

static void
problem(cJSON *problems, const struct err *err)
{
	cJSON_AddItemToArray(problems, cJSON_CreateString(err->msg));
}

/* Missing is normal; all else is said. */
static char *
read_file(const char *dir, const char *name, size_t max, bool *cut, cJSON *problems)
{
	struct err err;
	char *text = agent_file_inside(dir, name, max, cut, &err);

	if (text == NULL && err.code != ERR_NOT_FOUND)
		problem(problems, &err);
	return text;
}

static void
read_manifests(const char *dir, cJSON *vars, cJSON *problems)
{
	struct manifest m = {vars, cJSON_CreateArray(), cJSON_CreateArray()};
	cJSON *found = cJSON_CreateArray();
	const struct manifest_kind *k;
	struct err err;
	char *text;

	for (k = manifest_kinds; k->file != NULL; k++) {
		if ((text = read_file(dir, k->file, MANIFEST_MAX, NULL, problems)) == NULL)
			continue;
		if (k->read(&m, text, &err) == -1) {
			err_prefix(&err, "%s/%s: ", dir, k->file);
			problem(problems, &err);
		} else {
			cJSON_AddItemToArray(found, cJSON_CreateString(k->file));
		}
		free(text);
	}
	manifest_frameworks(&m);
	json_put(vars, "dependencies", m.dependencies);
	json_put(vars, "devDependencies", m.dev);
	json_put(vars, "manifests", found);
}

/* --- .iris/context.yaml ----------------------------------------------------------------------- */

struct yaml {
	struct config_reader r;
	int nodes;
};

static cJSON *
from_scalar(const yaml_node_t *node)
{
	const char *s = (const char *)node->data.scalar.value;

	if (config_is_null(node))
		return cJSON_CreateNull();
	if (node->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
	    (strcmp(s, "true") == 0 || strcmp(s, "false") == 0))
		return cJSON_CreateBool(s[0] == 't');
	return cJSON_CreateString(s);
}

/* NULL when there is too much; config_doc.c has bounded the depth of what is written. */
static cJSON *
from_yaml(struct yaml *y, const yaml_node_t *node, int depth)
{
	const yaml_node_pair_t *pair;
	const yaml_node_item_t *item;
	cJSON *o, *v;

	if (++y->nodes > YAML_NODES || depth > 32)
		return NULL;
	if (node->type == YAML_MAPPING_NODE) {
		o = json_new();
		for (pair = node->data.mapping.pairs.start; pair < node->data.mapping.pairs.top;
		     pair++) {
			v = from_yaml(y, config_doc_node(&y->r, pair->value), depth + 1);
			if (v == NULL)
				goto fail;
			json_put(o, config_doc_key(&y->r, pair), v);
		}
		return o;
	}
	if (node->type != YAML_SEQUENCE_NODE)
		return from_scalar(node);
	o = cJSON_CreateArray();
	for (item = node->data.sequence.items.start; item < node->data.sequence.items.top; item++) {
		if ((v = from_yaml(y, config_doc_node(&y->r, *item), depth + 1)) == NULL)
			goto fail;
		cJSON_AddItemToArray(o, v);
	}
	return o;
fail:
	cJSON_Delete(o);
	return NULL;
}

static int
take_yaml(struct yaml *y, const char *name, bool list, cJSON *vars)
{
	const yaml_node_t *node = config_doc_get(&y->r, config_doc_node(&y->r, 1), name);
	cJSON *o;

	if (node == NULL || config_is_null(node))
		return 0;
	if (node->type != (list ? YAML_SEQUENCE_NODE : YAML_MAPPING_NODE))
		return config_fail(&y->r, node, "%s must be a %s", name,
		    list ? "list of patterns" : "mapping of names to values");
	if ((o = from_yaml(y, node, 0)) == NULL)
		return config_fail(
		    &y->r, node, "%s has more than %d values, the limit", name, YAML_NODES);
	json_put(vars, name, o);
	return 0;
}

static void
read_yaml(const char *dir, cJSON *vars, cJSON *problems)
{
	struct yaml y = {.nodes = 0};
	char path[PATHS_MAX], *text;
	struct err err;

	text = read_file(dir, ".iris/context.yaml", YAML_MAX, NULL, problems);
	if (text == NULL || paths_join(path, sizeof path, dir, ".iris/context.yaml") == -1) {
		free(text);
		return;
	}
	y.r.path = path;
	y.r.e = &err;
	if (config_doc_parse(&y.r, text, strlen(text)) == -1 ||
	    (y.r.doc.nodes.top > y.r.doc.nodes.start &&
		(take_yaml(&y, "writePatterns", true, vars) == -1 ||
		    take_yaml(&y, "readOnlyPatterns", true, vars) == -1 ||
		    take_yaml(&y, "customVars", false, vars) == -1)))
		problem(problems, &err);
	if (y.r.have_doc)
		yaml_document_delete(&y.r.doc);
	free(text);
}

void
agent_context(const char *dir, cJSON *vars, cJSON *problems)
{
	const char *base = strrchr(dir, '/'), *language;
	bool cut = false;
	char *text;

	json_put_str(vars, "projectPath", dir);
	read_manifests(dir, vars, problems);
	if (json_get(vars, "projectName") == NULL && base != NULL && base[1] != '\0')
		json_put_str(vars, "projectName", base + 1);
	language = json_str(vars, "language");
	text = read_file(dir, "tsconfig.json", MANIFEST_MAX, &cut, problems);
	if (language != NULL && strcmp(language, "JavaScript") == 0 && text != NULL) {
		cJSON_DeleteItemFromObjectCaseSensitive(vars, "language");
		json_put_str(vars, "language", "TypeScript");
	}
	language = json_str(vars, "language");
	json_put_bool(vars, "hasTypeScript",
	    text != NULL || (language != NULL && strcmp(language, "TypeScript") == 0));
	free(text);
	if ((text = read_file(dir, "CLAUDE.md", CLAUDE_MD_MAX, &cut, problems)) != NULL) {
		json_put_str(vars, "claudeMd", text);
		json_put_bool(vars, "claudeMdCut", cut);
	}
	free(text);
	read_yaml(dir, vars, problems);
}

void
agent_context_merge(cJSON *vars, const cJSON *own)
{
	const cJSON *m;

	cJSON_ArrayForEach (m, own) {
		cJSON_DeleteItemFromObjectCaseSensitive(vars, m->string);
		json_put(vars, m->string, cJSON_Duplicate(m, true));
	}
}
