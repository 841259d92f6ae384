/* SPDX-License-Identifier: MIT
 *
 * What is wrong with the text of a configuration, place by place, for those who show it to a person
 * before it is used: all that the loader can find at once, and the keys it is about.
 */
#ifndef IRIS_COMMON_CONFIG_CHECK_H
#define IRIS_COMMON_CONFIG_CHECK_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>

struct config_tree; /* or NULL: then without keys */

struct config_report {
	bool valid;      /* it would load */
	cJSON *errors;   /* list of {line?, column?, key?, message}; owned, as the next two */
	cJSON *warnings; /* the same; none where it would not load */
	cJSON *config;   /* config_tree_json; NULL when it is no YAML */
};

/* path: where the text belongs, for relative paths and .env. */
void config_check(const char *path, const char *text, size_t len, struct config_report *report);
/* One entry of those lists, from a sentence that may begin with "PATH:LINE:COLUMN: ". */
cJSON *config_problem(const char *path, const char *text, const struct config_tree *tree);
void config_report_release(struct config_report *report);

/* The keys with their types, defaults and limits: {sections: [{name, keys: [...]}]}. */
cJSON *config_schema(void);

#endif
