/* SPDX-License-Identifier: MIT
 *
 * A section of config.yaml as a whole, driven by the table: defaults in, keys read, strings freed.
 * The sections are settings, dashboard, database, permissions and its guard, webhooks, one team,
 * its remoteOptions and permissions. Called by config.c and config_team.c.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/config_impl.h"
#include "common/xmalloc.h"

enum storage { AS_INT64, AS_BOOL, AS_INT, AS_STRING, AS_LIST, AS_ENV };

static enum storage
storage_of(enum config_type type)
{
	switch (type) {
	case CONFIG_INT:
		return AS_INT64;
	case CONFIG_BOOL:
		return AS_BOOL;
	case CONFIG_TRANSPORT:
	case CONFIG_LOG_LEVEL:
	case CONFIG_GRANT:
	case CONFIG_MODE:
	case CONFIG_ACTION:
		return AS_INT;
	case CONFIG_TEAM_PATHS:
	case CONFIG_LIST:
	case CONFIG_TOOLS:
	case CONFIG_RULES:
	case CONFIG_TALK:
	case CONFIG_COMMANDS:
		return AS_LIST;
	case CONFIG_ENV:
		return AS_ENV;
	case CONFIG_STR:
	case CONFIG_TEXT:
	case CONFIG_HOST:
	case CONFIG_COLOR:
	case CONFIG_PATH:
	case CONFIG_PROGRAM:
	case CONFIG_DBPATH:
	case CONFIG_SUBDIR:
	case CONFIG_TEAM_DIR:
	case CONFIG_TEAM_PATH:
	case CONFIG_TEAM_PROGRAM:
		return AS_STRING;
	}
	assert(!"a type without storage");
	return AS_INT;
}

static void
copy_inherited(const struct config_key *key, void *base, const struct config_settings *settings)
{
	const struct config_key *from = config_key_find("settings", key->name);
	const char *src;
	char *dst = (char *)base + key->offset;

	assert(from != NULL && storage_of(from->type) == storage_of(key->type));
	src = (const char *)settings + from->offset;
	switch (storage_of(key->type)) {
	case AS_INT64:
		*(int64_t *)(void *)dst = *(const int64_t *)(const void *)src;
		return;
	case AS_BOOL:
		*(bool *)dst = *(const bool *)src;
		return;
	case AS_STRING:
		*(char **)(void *)dst = xstrdup(*(char *const *)(const void *)src);
		return;
	case AS_INT:
	case AS_LIST:
	case AS_ENV:
		break;
	}
	assert(!"nothing of this kind is inherited");
}

static void
set_default(const struct config_key *key, void *base)
{
	const char *const *names = config_key_choices(key);
	void *p = (char *)base + key->offset;
	int i;

	if (names != NULL) {
		for (i = 0; strcmp(names[i], key->def) != 0; i++)
			assert(names[i + 1] != NULL);
		*(int *)p = i;
	} else if (key->type == CONFIG_INT)
		*(int64_t *)p = strtoll(key->def, NULL, 10);
	else if (key->type == CONFIG_BOOL)
		*(bool *)p = strcmp(key->def, "true") == 0;
	else
		*(char **)p = xstrdup(key->def);
}

void
config_section_defaults(const char *section, void *base, const struct config_settings *settings)
{
	size_t i;

	for (i = 0; i < config_nkeys; i++) {
		const struct config_key *key = &config_keys[i];

		if (strcmp(key->section, section) != 0 || key->def == NULL)
			continue;
		if (strcmp(key->def, "@") == 0)
			copy_inherited(key, base, settings);
		else
			set_default(key, base);
	}
}

/* A section within this one has no row: config.c or config_team.c reads it. */
static bool
is_section(const char *section, const char *name)
{
	if (strcmp(section, "teams") == 0)
		return strcmp(name, "remoteOptions") == 0 || strcmp(name, "permissions") == 0;
	return strcmp(section, "permissions") == 0 && strcmp(name, "guard") == 0;
}

int
config_section_read(
    const struct config_reader *r, const char *section, struct config_at at, void *base)
{
	const yaml_node_t *map;
	const yaml_node_pair_t *pair;
	const struct config_key *key;
	int rv = 0;

	if (config_as_mapping(r, at, &map) == -1)
		return -1;
	if (map == NULL)
		return 0;
	for (pair = map->data.mapping.pairs.start; rv == 0 && pair < map->data.mapping.pairs.top;
	     pair++) {
		const char *name = config_doc_key(r, pair);
		char *where = xasprintf("%s.%.64s", at.where, name);

		if ((key = config_key_find(section, name)) != NULL)
			rv = config_stops(r,
				 config_value_read(r, key,
				     (struct config_at){config_doc_node(r, pair->value), where},
				     base))
			    ? -1
			    : 0;
		else if (!is_section(section, name))
			config_unknown_key(r, config_doc_node(r, pair->key), section, at.where);
		free(where);
	}
	return rv;
}

void
config_section_free(const char *section, void *base)
{
	struct config_env_list *env;
	size_t i, j;

	for (i = 0; i < config_nkeys; i++) {
		const struct config_key *key = &config_keys[i];
		void *p = (char *)base + key->offset;

		if (strcmp(key->section, section) != 0)
			continue;
		if (storage_of(key->type) == AS_STRING)
			free(*(char **)p);
		else if (storage_of(key->type) == AS_LIST)
			config_list_free(p);
		else if (storage_of(key->type) == AS_ENV) {
			env = p;
			for (j = 0; j < env->n; j++) {
				free(env->v[j].name);
				free(env->v[j].value);
			}
			free(env->v);
		}
	}
}
