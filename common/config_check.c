/* SPDX-License-Identifier: MIT
 *
 * A text of config.yaml looked at by the loader and reported as JSON, see config_check.h. Reads no
 * file but .env, and changes none.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/config_check.h"
#include "common/config_impl.h"
#include "common/config_tree.h"
#include "common/json.h"
#include "common/xmalloc.h"

cJSON *
config_problem(const char *path, const char *text, const struct config_tree *tree)
{
	size_t line, column, n = strlen(path);
	cJSON *o = json_new();
	int used = 0;
	char *key;

	if (strncmp(text, path, n) == 0 &&
	    sscanf(text + n, ":%zu:%zu: %n", &line, &column, &used) == 2 && used > 0) {
		json_put_int(o, "line", (int64_t)line);
		json_put_int(o, "column", (int64_t)column);
		key = tree != NULL ? config_tree_path_at(tree, line, column) : NULL;
		json_put_str_opt(o, "key", key);
		free(key);
		text += n + (size_t)used;
	}
	json_put_str(o, "message", text);
	return o;
}

static cJSON *
problems(const char *path, const struct config_list *list, const struct config_tree *tree)
{
	cJSON *a = cJSON_CreateArray();
	size_t i;

	for (i = 0; i < list->n; i++)
		cJSON_AddItemToArray(a, config_problem(path, list->v[i], tree));
	return a;
}

void
config_check(const char *path, const char *text, size_t len, struct config_report *report)
{
	struct config_tree *tree = config_tree_parse(path, text, len, NULL);
	struct config_list errors = {NULL, 0}, none = {NULL, 0};
	struct err err = {0};
	struct config *c = config_parse_all(path, text, len, &errors, &err);

	report->valid = c != NULL;
	report->errors = problems(path, &errors, tree);
	if (c == NULL && errors.n == 0)
		cJSON_AddItemToArray(report->errors, config_problem(path, err.msg, tree));
	report->warnings = problems(path, c != NULL ? &c->warnings : &none, tree);
	report->config = tree != NULL ? config_tree_json(tree) : NULL;
	config_list_free(&errors);
	config_tree_free(tree);
	config_free(c);
}

void
config_report_release(struct config_report *report)
{
	cJSON_Delete(report->errors);
	cJSON_Delete(report->warnings);
	cJSON_Delete(report->config);
	memset(report, 0, sizeof *report);
}

/* --- schema ----------------------------------------------------------------------------------- */

/* What a form needs to know of a type; the loader's finer kinds are checked by the loader. */
static const char *
type_name(enum config_type type)
{
	switch (type) {
	case CONFIG_INT:
		return "integer";
	case CONFIG_BOOL:
		return "boolean";
	case CONFIG_TRANSPORT:
	case CONFIG_LOG_LEVEL:
	case CONFIG_GRANT:
	case CONFIG_MODE:
	case CONFIG_ACTION:
		return "choice";
	case CONFIG_LIST:
	case CONFIG_TEAM_PATHS:
	case CONFIG_TOOLS:
	case CONFIG_RULES:
	case CONFIG_TALK:
	case CONFIG_COMMANDS:
		return "list";
	case CONFIG_ENV:
		return "mapping";
	case CONFIG_TEXT:
		return "text";
	case CONFIG_COLOR:
		return "color";
	case CONFIG_PATH:
	case CONFIG_PROGRAM:
	case CONFIG_DBPATH:
	case CONFIG_SUBDIR:
	case CONFIG_TEAM_DIR:
	case CONFIG_TEAM_PATH:
	case CONFIG_TEAM_PROGRAM:
		return "path";
	case CONFIG_STR:
	case CONFIG_HOST:
		break;
	}
	return "string";
}

static cJSON *
key_json(const struct config_key *key)
{
	const char *const *choices = config_key_choices(key);
	cJSON *o = json_new(), *list;
	char expected[160];

	json_put_str(o, "name", key->name);
	json_put_str(o, "type", type_name(key->type));
	if (key->def != NULL && strcmp(key->def, "@") == 0)
		json_put_bool(o, "inherited", true);
	else
		json_put_str_opt(o, "default", key->def);
	if (key->min != 0 || key->max != 0) {
		json_put_int(o, "min", key->min);
		json_put_int(o, "max", key->max);
	}
	if (choices != NULL) {
		list = cJSON_CreateArray();
		for (; *choices != NULL; choices++)
			cJSON_AddItemToArray(list, cJSON_CreateString(*choices));
		json_put(o, "choices", list);
	}
	if (config_key_is_secret(key))
		json_put_bool(o, "secret", true);
	json_put_str(o, "expected", config_key_expected(key, expected, sizeof expected));
	json_put_str(o, "help", key->doc);
	return o;
}

cJSON *
config_schema(void)
{
	cJSON *o = json_new(), *sections = cJSON_CreateArray(), *section = NULL, *keys = NULL;
	const char *name = "";
	size_t i;

	for (i = 0; i < config_nkeys; i++) {
		if (strcmp(config_keys[i].section, name) != 0) {
			name = config_keys[i].section;
			section = json_new();
			keys = cJSON_CreateArray();
			json_put_str(section, "name", name);
			json_put(section, "keys", keys);
			cJSON_AddItemToArray(sections, section);
		}
		cJSON_AddItemToArray(keys, key_json(&config_keys[i]));
	}
	json_put(o, "sections", sections);
	return o;
}
