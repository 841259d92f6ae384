/* SPDX-License-Identifier: MIT
 *
 * What entries of the lists in permissions must look like: rules, who may talk to whom, guarded
 * commands. Only their form; what they mean is irisd/core's (rule.c, talk.c, guard.c). Called by
 * config_value.c.
 */
#include <string.h>

#include "common/config_impl.h"

/*
 * "Tool" or "Tool(what)", where Tool may end in * (Claude Code, permission rules). What an MCP tool
 * is used with is not to be named: Claude Code knows no such rule.
 */
static const char *
wrong_rule(const char *s)
{
	static const char name[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.*-";
	size_t n = strspn(s, name), len = strlen(s);

	if (n == 0)
		return "does not begin with a tool";
	if (n == len)
		return NULL;
	if (s[n] != '(' || s[len - 1] != ')')
		return "is no rule";
	if (len - n == 2)
		return "has nothing between \"(\" and \")\"";
	return strncmp(s, "mcp__", 5) == 0 ? "has \"(\" after an MCP tool" : NULL;
}

/* The length of a name with * and ?, or of "*"; 0 for what can be no name. */
static size_t
name_len(const char *s)
{
	return strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.:*?@-");
}

static const char *
wrong_talk(const char *s)
{
	size_t n;

	if (strncmp(s, "deny ", 5) == 0)
		s += 5;
	if ((n = name_len(s)) == 0 || strncmp(s + n, " -> ", 4) != 0)
		return "does not say from whom, \" -> \" and to whom";
	s += n + 4;
	n = name_len(s);
	return n == 0 || s[n] != '\0' ? "does not end with whom" : NULL;
}

static const char *
wrong_command(const char *s)
{
	size_t n = strcspn(s, " "), i;

	for (i = CONFIG_ACTION_LOG; config_action_names[i] != NULL; i++)
		if (strlen(config_action_names[i]) == n &&
		    memcmp(s, config_action_names[i], n) == 0)
			break;
	if (config_action_names[i] == NULL)
		return "does not begin with an action";
	return s[n + strspn(s + n, " ")] == '\0' ? "names no command" : NULL;
}

const char *
config_wrong_rule(enum config_type type, const char *s)
{
	if (type == CONFIG_RULES)
		return wrong_rule(s);
	if (type == CONFIG_TALK)
		return wrong_talk(s);
	return type == CONFIG_COMMANDS ? wrong_command(s) : NULL;
}
