/* SPDX-License-Identifier: MIT
 *
 * config check, path and show. Reads the file with the same loader as irisd; never talks to irisd,
 * never writes.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/config.h"
#include "common/config_table.h"
#include "common/json.h"
#include "irisd/ctl/ctl.h"
#include "irisd/ctl/term.h"

#define HIDDEN "(set; not shown)"

static cJSON *
list_json(const struct config_list *list)
{
	cJSON *a = cJSON_CreateArray();
	size_t i;

	for (i = 0; i < list->n; i++)
		cJSON_AddItemToArray(a, cJSON_CreateString(list->v[i]));
	return a;
}

/* Only the names: the values are often secrets. */
static cJSON *
env_json(const struct config_env_list *list)
{
	cJSON *o = json_new();
	size_t i;

	for (i = 0; i < list->n; i++)
		json_put_str(o, list->v[i].name, HIDDEN);
	return o;
}

/* One field, by its row in the table. NULL for what is not set. */
static cJSON *
value_json(const struct config_key *key, const void *base)
{
	const char *at = (const char *)base + key->offset;
	const char *const *choices = config_key_choices(key);
	const char *s;

	if (choices != NULL)
		return cJSON_CreateString(choices[*(const int *)(const void *)at]);
	if (key->type == CONFIG_INT)
		return json_int_item(*(const int64_t *)(const void *)at);
	if (key->type == CONFIG_BOOL)
		return cJSON_CreateBool(*(const bool *)(const void *)at);
	if (key->type == CONFIG_ENV)
		return env_json((const void *)at);
	if (key->type == CONFIG_LIST || key->type == CONFIG_TOOLS ||
	    key->type == CONFIG_TEAM_PATHS || key->type == CONFIG_RULES ||
	    key->type == CONFIG_TALK || key->type == CONFIG_COMMANDS)
		return list_json((const void *)at);
	s = *(char *const *)(const void *)at;
	if (s != NULL && strcmp(key->name, "passphrase") == 0)
		s = HIDDEN;
	return s == NULL ? NULL : cJSON_CreateString(s);
}

static cJSON *
section_json(const char *section, const void *base)
{
	cJSON *o = json_new(), *value;
	size_t i;

	for (i = 0; i < config_nkeys; i++)
		if (strcmp(config_keys[i].section, section) == 0 &&
		    (value = value_json(&config_keys[i], base)) != NULL)
			json_put(o, config_keys[i].name, value);
	return o;
}

static cJSON *
config_json(const struct config *cfg)
{
	cJSON *o = json_new(), *teams = json_new(), *permissions, *t;
	size_t i;

	json_put(o, "settings", section_json("settings", &cfg->settings));
	json_put(o, "dashboard", section_json("dashboard", &cfg->dashboard));
	json_put(o, "database", section_json("database", &cfg->database));
	permissions = section_json("permissions", &cfg->permissions);
	json_put(permissions, "guard", section_json("guard", &cfg->permissions.guard));
	json_put(o, "permissions", permissions);
	json_put(o, "webhooks", section_json("webhooks", &cfg->webhooks));
	for (i = 0; i < cfg->nteams; i++) {
		t = section_json("teams", &cfg->teams[i]);
		json_put(t, "permissions", section_json("teamPermissions", &cfg->teams[i].rules));
		if (cfg->teams[i].remote != NULL)
			json_put(t, "remoteOptions",
			    section_json("remoteOptions", &cfg->teams[i].remote_options));
		json_put(teams, cfg->teams[i].name, t);
	}
	json_put(o, "teams", teams);
	return o;
}

/* YAML with JSON scalars, which are YAML too. */
static void
print_yaml(const cJSON *o, int depth)
{
	const cJSON *item;
	char *text;

	cJSON_ArrayForEach (item, o) {
		printf("%*s", depth * 2, "");
		term_print(stdout, item->string, false);
		if (cJSON_IsObject(item) && item->child != NULL) {
			printf(":\n");
			print_yaml(item, depth + 1);
			continue;
		}
		text = json_print(item);
		printf(": ");
		term_print(stdout, text, false);
		putchar('\n');
		free(text);
	}
}

/* The file, or the defaults where there is none. */
static struct config *
load(const struct ctl *c, bool *exists, struct err *err)
{
	*exists = access(c->paths.config, F_OK) == 0 || errno != ENOENT;
	return *exists ? config_load(c->paths.config, err) : config_default(c->paths.config);
}

int
ctl_config_check_run(struct ctl *c, struct err *err)
{
	struct config *cfg;
	cJSON *tree;
	bool exists;
	size_t i;

	if ((cfg = load(c, &exists, err)) == NULL)
		return -1;
	if (c->json) {
		tree = json_new();
		json_put_str(tree, "path", c->paths.config);
		json_put_bool(tree, "exists", exists);
		json_put_int(tree, "teams", (int64_t)cfg->nteams);
		json_put(tree, "warnings", list_json(&cfg->warnings));
		ctl_print_json(tree);
	} else {
		for (i = 0; i < cfg->warnings.n; i++) {
			printf("%swarning:%s ", term_on(stdout, TERM_YELLOW), term_off(stdout));
			term_print(stdout, cfg->warnings.v[i], false);
			putchar('\n');
		}
		term_print(stdout, c->paths.config, false);
		if (exists)
			printf(": %sok%s, %zu team%s\n", term_on(stdout, TERM_GREEN),
			    term_off(stdout), cfg->nteams, cfg->nteams == 1 ? "" : "s");
		else
			printf(": there is no such file yet; defaults apply (\"iris install\" or "
			       "\"iris team add\" makes it)\n");
	}
	config_free(cfg);
	return 0;
}

int
ctl_config_path_run(struct ctl *c, struct err *err)
{
	cJSON *tree;

	(void)err;
	if (c->json) {
		tree = json_new();
		json_put_str(tree, "path", c->paths.config);
		ctl_print_json(tree);
	} else {
		/* As it is, for $(iris config path). */
		puts(c->paths.config);
	}
	return 0;
}

int
ctl_config_show_run(struct ctl *c, struct err *err)
{
	struct config *cfg;
	bool exists;
	cJSON *tree;

	if ((cfg = load(c, &exists, err)) == NULL)
		return -1;
	tree = config_json(cfg);
	config_free(cfg);
	if (c->json) {
		ctl_print_json(tree);
		return 0;
	}
	printf("# ");
	term_print(stdout, c->paths.config, false);
	printf(exists ? ", with every default\n" : " does not exist; these are the defaults\n");
	print_yaml(tree, 0);
	cJSON_Delete(tree);
	return 0;
}
