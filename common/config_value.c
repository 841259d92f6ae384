/* SPDX-License-Identifier: MIT
 *
 * Single values of config.yaml, as the table describes them: text to integer, boolean, name, path
 * or list, with the checks of that type; and whole sections of them. Called by config.c and
 * config_team.c.
 */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/config_impl.h"
#include "common/xmalloc.h"

static void *
field(const struct config_key *key, void *base)
{
	return (char *)base + key->offset;
}

static bool
is_integer(const char *s)
{
	if (*s == '-' || *s == '+')
		s++;
	return *s != '\0' && s[strspn(s, "0123456789")] == '\0';
}

static bool
one_of(const char *s, const char *a, const char *b, const char *c)
{
	return strcmp(s, a) == 0 || strcmp(s, b) == 0 || strcmp(s, c) == 0;
}

/* In the message: what the value is after expansion, and what it should have been. */
static int
fail_value(const struct config_reader *r, const struct config_key *key, struct config_at at,
    const char *value, const char *what)
{
	char shown[CONFIG_SHOWN], expected[160];

	config_key_expected(key, expected, sizeof expected);
	return config_fail(r, at.node, "%s: \"%s\" %s; expected %s", at.where,
	    config_show(value, strlen(value), shown), what, expected);
}

static int
set_int(const struct config_reader *r, const struct config_key *key, struct config_at at,
    const char *s, int64_t *out)
{
	long long n;
	char expected[160];

	if (!is_integer(s))
		return fail_value(r, key, at, s, "is not an integer");
	errno = 0;
	n = strtoll(s, NULL, 10);
	if (errno != 0 || n < key->min || n > key->max)
		return config_fail(r, at.node, "%s: %.40s is out of range; expected %s", at.where,
		    s, config_key_expected(key, expected, sizeof expected));
	*out = n;
	return 0;
}

static int
set_bool(const struct config_reader *r, const struct config_key *key, struct config_at at,
    const char *s, bool *out)
{
	bool yes = one_of(s, "true", "True", "TRUE");

	if (!yes && !one_of(s, "false", "False", "FALSE"))
		return fail_value(r, key, at, s, "is not a boolean");
	*out = yes;
	return 0;
}

static int
set_choice(const struct config_reader *r, const struct config_key *key, struct config_at at,
    const char *s, int *out)
{
	const char *const *names = config_key_choices(key);
	int i;

	/*
	 * Many write a mode without thinking of it as text; for YAML's own reading it would be a
	 * boolean.
	 */
	if (key->type == CONFIG_GRANT && one_of(s, "true", "True", "TRUE"))
		s = config_grant_names[CONFIG_GRANT_YES];
	else if (key->type == CONFIG_GRANT && one_of(s, "false", "False", "FALSE"))
		s = config_grant_names[CONFIG_GRANT_NO];
	for (i = 0; names[i] != NULL; i++)
		if (strcmp(names[i], s) == 0) {
			*out = i;
			return 0;
		}
	return fail_value(r, key, at, s, "is none of the known values");
}

static const char *
wrong_length(const struct config_key *key, const char *s)
{
	if (key->min > 0 && s[0] == '\0')
		return "is empty";
	return strlen(s) > (size_t)key->max ? "is too long" : NULL;
}

/* One line of text that may become a program's argument. */
static const char *
wrong_word(const char *s)
{
	const unsigned char *p;

	for (p = (const unsigned char *)s; *p != '\0'; p++)
		if (*p < 0x20 || *p == 0x7f)
			return "holds a control character";
	return s[0] == '-' ? "starts with \"-\"" : NULL;
}

static const char *
wrong_host(const char *s)
{
	const char *allowed =
	    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_:[]%";

	return s[strspn(s, allowed)] != '\0' ? "is not a host name" : NULL;
}

static const char *
wrong_color(const char *s)
{
	if (s[0] != '#' || strlen(s) != 7 || strspn(s + 1, "0123456789abcdefABCDEF") != 6)
		return "is not a colour";
	return NULL;
}

static const char *
wrong_subdir(const char *s)
{
	const char *p = s;

	if (s[0] == '/' || s[0] == '~')
		return "is not a relative path";
	while (*p != '\0') {
		size_t n = strcspn(p, "/");

		if (n == 2 && memcmp(p, "..", 2) == 0)
			return "leads out of the directory";
		p += n;
		p += strspn(p, "/");
	}
	return NULL;
}

/* Replaces the path in *s by what it means. */
static int
resolve(const struct config_reader *r, const struct config_key *key, struct config_at at, char **s)
{
	bool team = key->type == CONFIG_TEAM_PATH || key->type == CONFIG_TEAM_PROGRAM ||
	    key->type == CONFIG_TEAM_PATHS;
	bool program = key->type == CONFIG_PROGRAM || key->type == CONFIG_TEAM_PROGRAM;
	char *path;

	if ((team && r->remote) || (program && (*s)[0] != '~' && strchr(*s, '/') == NULL))
		return 0;
	path = key->type == CONFIG_DBPATH ? config_path_home(r, at, *s)
					  : config_path_absolute(r, at, *s);
	if (path == NULL)
		return -1;
	free(*s);
	*s = path;
	return 0;
}

/*
 * What is wrong with a string, or NULL. A switch over types, so that a new one must be thought of
 * here.
 */
static const char *
wrong_string(enum config_type type, const char *s)
{
	const char *wrong = type == CONFIG_TEXT ? NULL : wrong_word(s);

	if (wrong == NULL && type == CONFIG_HOST)
		wrong = wrong_host(s);
	else if (wrong == NULL && type == CONFIG_COLOR)
		wrong = wrong_color(s);
	else if (wrong == NULL && type == CONFIG_SUBDIR)
		wrong = wrong_subdir(s);
	return wrong;
}

static bool
is_path(enum config_type type)
{
	return type == CONFIG_PATH || type == CONFIG_PROGRAM || type == CONFIG_DBPATH ||
	    type == CONFIG_TEAM_PATH || type == CONFIG_TEAM_PROGRAM || type == CONFIG_TEAM_PATHS;
}

/* Takes *s over when all is well. Strings are not repeated in messages where they may be secret. */
static int
set_string(const struct config_reader *r, const struct config_key *key, struct config_at at,
    char **s, char **out)
{
	const char *wrong = wrong_length(key, *s);

	if (wrong == NULL)
		wrong = wrong_string(key->type, *s);
	if (wrong != NULL && key->type == CONFIG_TEXT) {
		char expected[160];

		return config_fail(r, at.node, "%s %s; expected %s", at.where, wrong,
		    config_key_expected(key, expected, sizeof expected));
	}
	if (wrong != NULL)
		return fail_value(r, key, at, *s, wrong);
	if (is_path(key->type) && resolve(r, key, at, s) == -1)
		return -1;
	free(*out);
	*out = *s;
	*s = NULL;
	return 0;
}

static int
add_entry(const struct config_reader *r, const struct config_key *key, struct config_at at,
    char **s, struct config_list *out)
{
	const char *wrong = (*s)[0] == '\0' ? "is empty" : wrong_word(*s);

	if (wrong == NULL)
		wrong = config_wrong_rule(key->type, *s);
	/* Arguments for ssh are options, nearly always. */
	if (wrong != NULL && key->type == CONFIG_LIST && (*s)[0] == '-')
		wrong = NULL;
	if (wrong != NULL)
		return fail_value(r, key, at, *s, wrong);
	if (out->n >= (size_t)key->max)
		return config_fail(r, at.node, "%s: more than %d entries", at.where, (int)key->max);
	if (key->type == CONFIG_TEAM_PATHS && resolve(r, key, at, s) == -1)
		return -1;
	config_list_add(out, *s);
	*s = NULL;
	return 0;
}

/* "Read, Bash(git log:*) Edit": commas and blanks separate, but not within parentheses. */
static int
split_tools(const struct config_reader *r, const struct config_key *key, struct config_at at,
    const char *s, struct config_list *out)
{
	const char *start = s;
	int depth = 0, rv = 0;
	char *tool;

	for (; rv == 0; s++) {
		if (*s == '(')
			depth++;
		else if (*s == ')' && depth > 0)
			depth--;
		else if (*s == '\0' || (depth == 0 && strchr(", \t\r\n", *s) != NULL)) {
			if (depth > 0)
				return fail_value(r, key, at, start, "has \"(\" without \")\"");
			if (s > start) {
				tool = xstrndup(start, (size_t)(s - start));
				rv = add_entry(r, key, at, &tool, out);
				free(tool);
			}
			start = s + 1;
			if (*s == '\0')
				break;
		}
	}
	return rv;
}

static int
read_list(const struct config_reader *r, const struct config_key *key, struct config_at at,
    struct config_list *out)
{
	yaml_node_item_t *item = at.node->data.sequence.items.start;
	char expected[160], *s;
	int rv = 0;

	for (; rv == 0 && item < at.node->data.sequence.items.top; item++) {
		struct config_at entry = {config_doc_node(r, *item), at.where};

		if (entry.node->type != YAML_SCALAR_NODE || config_is_null(entry.node))
			return config_fail(r, entry.node,
			    "%s: an entry is not a string; expected %s", at.where,
			    config_key_expected(key, expected, sizeof expected));
		if ((s = config_expand(r, entry)) == NULL)
			return -1;
		rv = add_entry(r, key, entry, &s, out);
		free(s);
	}
	return rv;
}

static bool
is_variable_name(const char *s)
{
	return !(s[0] >= '0' && s[0] <= '9') && s[0] != '\0' &&
	    s[strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_0123456789")] == '\0';
}

static int
read_env(const struct config_reader *r, const struct config_key *key, struct config_at at,
    struct config_env_list *out)
{
	yaml_node_pair_t *pair = at.node->data.mapping.pairs.start;
	char shown[CONFIG_SHOWN];

	for (; pair < at.node->data.mapping.pairs.top; pair++) {
		const char *name = config_doc_key(r, pair);
		struct config_at value = {config_doc_node(r, pair->value), at.where};

		if (!is_variable_name(name))
			return config_fail(r, config_doc_node(r, pair->key),
			    "%s: \"%s\" is not a variable's name; expected A-Z a-z 0-9 _", at.where,
			    config_show(name, strlen(name), shown));
		if (value.node->type != YAML_SCALAR_NODE)
			return config_fail(r, value.node, "%s: the value of %s is not a string",
			    at.where, config_show(name, strlen(name), shown));
		if (out->n >= (size_t)key->max)
			return config_fail(
			    r, value.node, "%s: more than %d entries", at.where, (int)key->max);
		out->v = xreallocarray(out->v, out->n + 1, sizeof out->v[0]);
		out->v[out->n].value =
		    config_is_null(value.node) ? xstrdup("") : config_expand(r, value);
		if (out->v[out->n].value == NULL)
			return -1;
		out->v[out->n++].name = xstrdup(name);
	}
	return 0;
}

static int
set_scalar(const struct config_reader *r, const struct config_key *key, struct config_at at,
    char **s, void *p)
{
	switch (key->type) {
	case CONFIG_INT:
		return set_int(r, key, at, *s, p);
	case CONFIG_BOOL:
		return set_bool(r, key, at, *s, p);
	case CONFIG_TRANSPORT:
	case CONFIG_LOG_LEVEL:
	case CONFIG_GRANT:
	case CONFIG_MODE:
	case CONFIG_ACTION:
		return set_choice(r, key, at, *s, p);
	case CONFIG_TOOLS:
		return split_tools(r, key, at, *s, p);
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
		return set_string(r, key, at, s, p);
	case CONFIG_TEAM_PATHS:
	case CONFIG_LIST:
	case CONFIG_RULES:
	case CONFIG_TALK:
	case CONFIG_COMMANDS:
	case CONFIG_ENV:
		break;
	}
	assert(!"lists and mappings are no scalars");
	return -1;
}

static bool
takes(enum config_type type, yaml_node_type_t node)
{
	bool list = type == CONFIG_LIST || type == CONFIG_TEAM_PATHS || type == CONFIG_RULES ||
	    type == CONFIG_TALK || type == CONFIG_COMMANDS;

	if (node == YAML_SEQUENCE_NODE)
		return list || type == CONFIG_TOOLS;
	if (node == YAML_MAPPING_NODE)
		return type == CONFIG_ENV;
	return !list && type != CONFIG_ENV;
}

/* "path: ~" means the home directory to everybody but YAML. */
static bool
has_no_value(const struct config_key *key, const yaml_node_t *node)
{
	bool dir = key->type == CONFIG_TEAM_DIR || key->type == CONFIG_PATH;

	return config_is_null(node) &&
	    !(dir && strcmp((const char *)node->data.scalar.value, "~") == 0);
}

int
config_value_read(
    const struct config_reader *r, const struct config_key *key, struct config_at at, void *base)
{
	static const char *const kinds[] = {"nothing", "a single value", "a list", "a mapping"};
	char expected[160], *s;
	int rv;

	config_key_expected(key, expected, sizeof expected);
	if (has_no_value(key, at.node))
		return config_fail(r, at.node, "%s has no value; expected %s", at.where, expected);
	if (!takes(key->type, at.node->type))
		return config_fail(
		    r, at.node, "%s is %s; expected %s", at.where, kinds[at.node->type], expected);
	if (at.node->type == YAML_SEQUENCE_NODE)
		return read_list(r, key, at, field(key, base));
	if (at.node->type == YAML_MAPPING_NODE)
		return read_env(r, key, at, field(key, base));
	if ((s = config_expand(r, at)) == NULL)
		return -1;
	rv = set_scalar(r, key, at, &s, field(key, base));
	free(s);
	return rv;
}
