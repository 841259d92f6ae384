/* SPDX-License-Identifier: MIT
 *
 * The configuration's keys and the names of enumerated values, as data. Owns the tables; decides
 * nothing.
 */
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/config.h"
#include "common/config_table.h"

const char *const config_transport_names[] = {
    [CONFIG_TRANSPORT_STDIO] = "stdio",
    [CONFIG_TRANSPORT_HTTP] = "http",
    NULL,
};

const char *const config_log_level_names[] = {
    [CONFIG_LOG_DEBUG] = "debug",
    [CONFIG_LOG_INFO] = "info",
    [CONFIG_LOG_WARN] = "warn",
    [CONFIG_LOG_ERROR] = "error",
    NULL,
};

const char *const config_grant_names[] = {
    [CONFIG_GRANT_YES] = "yes",
    [CONFIG_GRANT_NO] = "no",
    [CONFIG_GRANT_ASK] = "ask",
    [CONFIG_GRANT_FORWARD] = "forward",
    NULL,
};

const char *const config_action_names[] = {
    [CONFIG_ACTION_OFF] = "off",
    [CONFIG_ACTION_LOG] = "log",
    [CONFIG_ACTION_ASK] = "ask",
    [CONFIG_ACTION_DENY] = "deny",
    NULL,
};

const char *const config_permission_mode_names[] = {
    [CONFIG_MODE_DEFAULT] = "default",
    [CONFIG_MODE_ACCEPT_EDITS] = "acceptEdits",
    [CONFIG_MODE_PLAN] = "plan",
    [CONFIG_MODE_DONT_ASK] = "dontAsk",
    [CONFIG_MODE_AUTO] = "auto",
    [CONFIG_MODE_BYPASS_PERMISSIONS] = "bypassPermissions",
    NULL,
};

/* Which struct a section of the table describes. */
#define STRUCT_settings        struct config_settings
#define STRUCT_dashboard       struct config_dashboard
#define STRUCT_database        struct config_database
#define STRUCT_permissions     struct config_permissions
#define STRUCT_guard           struct config_guard
#define STRUCT_webhooks        struct config_webhooks
#define STRUCT_teams           struct config_team
#define STRUCT_teamPermissions struct config_rules
#define STRUCT_remoteOptions   struct config_remote

/*
 * Which C type a type of the table is stored in: a row with the wrong kind of field does not
 * compile.
 */
#define CTYPE_INT          int64_t
#define CTYPE_BOOL         bool
#define CTYPE_STR          char *
#define CTYPE_TEXT         char *
#define CTYPE_HOST         char *
#define CTYPE_COLOR        char *
#define CTYPE_PATH         char *
#define CTYPE_PROGRAM      char *
#define CTYPE_DBPATH       char *
#define CTYPE_SUBDIR       char *
#define CTYPE_TEAM_DIR     char *
#define CTYPE_TEAM_PATH    char *
#define CTYPE_TEAM_PROGRAM char *
#define CTYPE_TEAM_PATHS   struct config_list
#define CTYPE_LIST         struct config_list
#define CTYPE_TOOLS        struct config_list
#define CTYPE_ENV          struct config_env_list
#define CTYPE_TRANSPORT    int
#define CTYPE_LOG_LEVEL    int
#define CTYPE_GRANT        int
#define CTYPE_MODE         int
#define CTYPE_ACTION       int
#define CTYPE_RULES        struct config_list
#define CTYPE_TALK         struct config_list
#define CTYPE_COMMANDS     struct config_list

#define CONFIG_KEY(section, key, field, type, def, min, max, doc)                                  \
	_Static_assert(_Generic(((STRUCT_##section *)0)->field, CTYPE_##type : 1, default : 0),    \
	    "the field of " key " has another type than its row");
#include "common/config_keys.h"
#undef CONFIG_KEY

#define CONFIG_KEY(section, key, field, type, def, min, max, doc)                                  \
	{#section, key, CONFIG_##type, offsetof(STRUCT_##section, field), def, min, max, doc},
const struct config_key config_keys[] = {
#include "common/config_keys.h"
};
#undef CONFIG_KEY

const size_t config_nkeys = sizeof config_keys / sizeof config_keys[0];

const struct config_key *
config_key_find(const char *section, const char *name)
{
	size_t i;

	for (i = 0; i < config_nkeys; i++)
		if (strcmp(config_keys[i].section, section) == 0 &&
		    strcmp(config_keys[i].name, name) == 0)
			return &config_keys[i];
	return NULL;
}

const char *const *
config_key_choices(const struct config_key *key)
{
	if (key->type == CONFIG_TRANSPORT)
		return config_transport_names;
	if (key->type == CONFIG_LOG_LEVEL)
		return config_log_level_names;
	if (key->type == CONFIG_GRANT)
		return config_grant_names;
	if (key->type == CONFIG_MODE)
		return config_permission_mode_names;
	if (key->type == CONFIG_ACTION)
		return config_action_names;
	return NULL;
}

static void
list_choices(const char *const *names, char *buf, size_t size)
{
	size_t used = 0, i;
	int n;

	buf[0] = '\0';
	for (i = 0; names[i] != NULL; i++) {
		n = snprintf(buf + used, size - used, "%s%s",
		    i == 0                     ? ""
			: names[i + 1] == NULL ? " or "
					       : ", ",
		    names[i]);
		if (n < 0 || (size_t)n >= size - used)
			return;
		used += (size_t)n;
	}
}

const char *
config_key_expected(const struct config_key *key, char *buf, size_t size)
{
	const char *text = NULL;

	switch (key->type) {
	case CONFIG_INT:
		snprintf(buf, size, "%" PRId64 "..%" PRId64, key->min, key->max);
		return buf;
	case CONFIG_BOOL:
		text = "true or false";
		break;
	case CONFIG_STR:
	case CONFIG_TEXT:
		snprintf(buf, size, "a string of at most %" PRId64 " bytes", key->max);
		return buf;
	case CONFIG_HOST:
		text = "a host name or an address";
		break;
	case CONFIG_COLOR:
		text = "a colour \"#RRGGBB\", in quotes, since # starts a comment";
		break;
	case CONFIG_PATH:
	case CONFIG_DBPATH:
	case CONFIG_TEAM_PATH:
		text = "a path";
		break;
	case CONFIG_PROGRAM:
	case CONFIG_TEAM_PROGRAM:
		text = "the name or the path of a program";
		break;
	case CONFIG_SUBDIR:
		text = "a relative path without \"..\"";
		break;
	case CONFIG_TEAM_DIR:
		text = "the path of a directory";
		break;
	case CONFIG_TEAM_PATHS:
		text = "a list of paths";
		break;
	case CONFIG_LIST:
		text = "a list of strings";
		break;
	case CONFIG_TOOLS:
		text = "a list of tools, or a string with commas between them";
		break;
	case CONFIG_ENV:
		text = "a mapping of variable names to strings";
		break;
	case CONFIG_RULES:
		text = "a list of rules as Claude Code writes them, \"Bash(git status:*)\"";
		break;
	case CONFIG_TALK:
		text = "a list of \"FROM -> TO\" and \"deny FROM -> TO\", with team names or *";
		break;
	case CONFIG_COMMANDS:
		text = "a list of \"ask COMMAND ...\", \"deny COMMAND ...\" or \"log COMMAND ...\"";
		break;
	case CONFIG_TRANSPORT:
	case CONFIG_LOG_LEVEL:
	case CONFIG_GRANT:
	case CONFIG_MODE:
	case CONFIG_ACTION:
		list_choices(config_key_choices(key), buf, size);
		return buf;
	}
	assert(text != NULL);
	snprintf(buf, size, "%s", text);
	return buf;
}
