/* SPDX-License-Identifier: MIT
 *
 * What the files of the configuration loader share; no one else includes it (but config_edit.c,
 * tests and the fuzz target, for config_parse). config.c leads; config_doc.c has the YAML tree and
 * positions, config_expand.c the variables, config_path.c the paths, config_value.c single values
 * by table, config_team.c a team as a whole.
 */
#ifndef IRIS_COMMON_CONFIG_IMPL_H
#define IRIS_COMMON_CONFIG_IMPL_H

#include <yaml.h>

#include "common/config.h"
#include "common/config_table.h"
#include "common/dotenv.h"

/* One load. Functions that take it return -1 (or NULL) with r->e filled. */
struct config_reader {
	const char *path; /* as given, for messages */
	const char *dir;  /* absolute */
	yaml_document_t doc;
	bool have_doc;
	struct dotenv *env;
	struct config_list *warnings;
	struct config_list
	    *errors; /* all that is wrong goes here, as text; NULL: the first ends it */
	bool remote; /* the team that is being read is a remote one */
	struct err *e;
};

/* A value and its name for messages ("teams.backend.path"). */
struct config_at {
	const yaml_node_t *node;
	const char *where;
};

/*
 * As config_load, with the text in memory. Reads .env and looks at the teams' directories all the
 * same.
 */
struct config *config_parse(const char *path, const char *text, size_t len, struct err *e);
/* The same, with everything that is wrong with the values in errors, at most CONFIG_ERRORS. */
#define CONFIG_ERRORS 100
struct config *config_parse_all(
    const char *path, const char *text, size_t len, struct config_list *errors, struct err *e);

/* config_doc.c */
int config_doc_parse(struct config_reader *r, const char *text, size_t len);
yaml_node_t *config_doc_node(const struct config_reader *r, int index);
const char *config_doc_key(const struct config_reader *r, const yaml_node_pair_t *pair);
yaml_node_t *config_doc_get(const struct config_reader *r, const yaml_node_t *map, const char *key);
/* What of a text can be repeated in a message: printable, cut between characters when long. */
#define CONFIG_SHOWN 128
const char *config_show(const char *s, size_t len, char out[CONFIG_SHOWN]);
bool config_is_null(const yaml_node_t *node);
int config_fail(const struct config_reader *r, const yaml_node_t *at, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* rv is -1, and that ends the reading, since errors are not collected. */
bool config_stops(const struct config_reader *r, int rv);
void config_warn(const struct config_reader *r, const yaml_node_t *at, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* A mapping, or a null value, which counts as an empty mapping and sets *map to NULL. */
int config_as_mapping(const struct config_reader *r, struct config_at at, const yaml_node_t **map);
void config_unknown_key(
    const struct config_reader *r, const yaml_node_t *key, const char *section, const char *where);

/* config_expand.c: the scalar's text with its variables replaced, to be freed. */
char *config_expand(const struct config_reader *r, struct config_at at);

/* config_path.c */
char *config_path_normal(
    const char *path); /* no "//", ".", "..": by text alone; path is absolute */
char *config_path_absolute(const struct config_reader *r, struct config_at at, const char *given);
char *config_path_home(const struct config_reader *r, struct config_at at, const char *given);
const char *config_path_refused(
    const char *path); /* the system directory that it lies in, or NULL */

/* config_value.c */
int config_value_read(
    const struct config_reader *r, const struct config_key *key, struct config_at at, void *base);
void config_section_defaults(
    const char *section, void *base, const struct config_settings *settings);
int config_section_read(
    const struct config_reader *r, const char *section, struct config_at at, void *base);
void config_section_free(const char *section, void *base);

/* config_rule.c: what is wrong with an entry of a list of this type, or NULL. */
const char *config_wrong_rule(enum config_type type, const char *s);

/* config_team.c */
int config_teams_read(struct config_reader *r, const yaml_node_t *node, struct config *c);
void config_team_free(struct config_team *t);

/* Append a string that the list then owns. */
void config_list_add(struct config_list *list, char *s);
void config_list_free(struct config_list *list);

#endif
