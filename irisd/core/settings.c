/* SPDX-License-Identifier: MIT
 *
 * Compares settings by the table of keys, see settings.h.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/compat.h"
#include "common/config_table.h"
#include "common/json.h"
#include "common/log.h"
#include "irisd/core/settings.h"

#define SHOWN 256 /* bytes of a value */

static const void *
section_of(const struct config *c, const char *section)
{
	if (strcmp(section, "settings") == 0)
		return &c->settings;
	if (strcmp(section, "dashboard") == 0)
		return &c->dashboard;
	if (strcmp(section, "permissions") == 0)
		return &c->permissions;
	if (strcmp(section, "guard") == 0)
		return &c->permissions.guard;
	if (strcmp(section, "webhooks") == 0)
		return &c->webhooks;
	return strcmp(section, "database") == 0 ? &c->database : NULL;
}

/* A list, with commas between; one that is longer than out is told by a hash as well. */
static void
show_list(const struct config_list *list, char out[SHOWN])
{
	uint32_t hash = 2166136261u;
	size_t n = 0, i;
	const char *p;

	out[0] = '\0';
	for (i = 0; i < list->n; i++) {
		for (p = list->v[i]; *p != '\0'; p++)
			hash = (hash ^ (unsigned char)*p) * 16777619u;
		hash = hash * 16777619u;
		if (n < SHOWN)
			n += (size_t)snprintf(
			    out + n, SHOWN - n, "%s%s", i > 0 ? ", " : "", list->v[i]);
	}
	if (list->n == 0)
		compat_strlcpy(out, "none", SHOWN);
	else if (n >= SHOWN)
		snprintf(out + SHOWN - 48, 48, " ... (%zu, %08" PRIx32 ")", list->n, hash);
	json_utf8_mend(out);
}

/* No key of these sections holds a secret. */
static void
show(const struct config_key *key, const void *base, char out[SHOWN])
{
	const void *p = (const char *)base + key->offset;
	const char *text;

	if (key->type == CONFIG_LIST || key->type == CONFIG_RULES || key->type == CONFIG_TALK ||
	    key->type == CONFIG_COMMANDS) {
		show_list(p, out);
		return;
	}
	if (config_key_choices(key) != NULL) {
		text = config_key_choices(key)[*(const int *)p];
	} else if (key->type == CONFIG_INT) {
		snprintf(out, SHOWN, "%" PRId64, *(const int64_t *)p);
		return;
	} else if (key->type == CONFIG_BOOL) {
		text = *(const bool *)p ? "true" : "false";
	} else {
		text = *(char *const *)p;
	}
	compat_strlcpy(out, text != NULL ? text : "none", SHOWN);
	json_utf8_mend(out);
}

void
settings_diff(const struct config *old, const struct config *now, cJSON *diff)
{
	char name[128], was[SHOWN], is[SHOWN];
	const struct config_key *key;
	const void *a, *b;
	cJSON *list = cJSON_CreateArray(), *o;
	size_t i;

	for (i = 0; i < config_nkeys; i++) {
		key = &config_keys[i];
		if ((a = section_of(old, key->section)) == NULL)
			continue;
		b = section_of(now, key->section);
		show(key, a, was);
		show(key, b, is);
		if (strcmp(was, is) == 0)
			continue;
		snprintf(name, sizeof name, "%s.%s", key->section, key->name);
		log_info("configuration %s changed old=%s new=%s", name, was, is);
		if (strcmp(key->section, "database") == 0)
			log_warn("%s has changed: irisd goes on with the old one until it is "
				 "started again, see \"iris restart\"",
			    name);
		o = json_new();
		json_put_str(o, "name", name);
		json_put_str(o, "old", was);
		json_put_str(o, "new", is);
		cJSON_AddItemToArray(list, o);
	}
	if (diff != NULL)
		json_put(diff, "settings", list);
	else
		cJSON_Delete(list);
}
