/* SPDX-License-Identifier: MIT
 *
 * The rule for one use of a tool, for when a person says "always". It means this use and as little
 * else as can be said; where that would still be too much, there is none. Called by
 * permission_answer.c.
 */
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "common/xmalloc.h"
#include "irisd/core/rule_private.h"

#define TEXT_MAX ((size_t)1000) /* bytes of what stands between the parentheses */

/* Tools that change nothing and tell nobody anything of the project, whatever they are given. */
static const char *const harmless[] = {"WebSearch", "TodoWrite"};

static bool
is_printable(const char *s)
{
	size_t i, n = strlen(s);

	if (n == 0 || n > TEXT_MAX)
		return false;
	for (i = 0; i < n; i++)
		if ((unsigned char)s[i] < ' ' || s[i] == 127)
			return false;
	return true;
}

/* A * would be any text. */
static char *
of_command(const struct rule_use *use)
{
	const char *command = json_str(use->input, "command");
	char *rule = NULL, *text;

	if (command == NULL || json_bool(use->input, "dangerouslyDisableSandbox", false))
		return NULL;
	text = rule_trim(command);
	if (is_printable(text) && strchr(text, '*') == NULL && rule_bash_plain(text))
		rule = xasprintf("Bash(%s)", text);
	free(text);
	return rule;
}

static char *
of_file(const struct rule_use *use, const struct rule_file_tool *f)
{
	const char *given = json_str(use->input, f->member);
	char *rule = NULL, *path, *quoted;

	/* What searches a directory reads all of it. */
	if (given == NULL || given[0] == '\0' || (f->access & RULE_TREE))
		return NULL;
	path = rule_path(given, use->dir, use->home);
	/* Blanks at the end would be lost, and a name is needed. */
	if (path != NULL && is_printable(path) && strcmp(path, "/") != 0 &&
	    path[strlen(path) - 1] != ' ') {
		quoted = rule_path_quote(path);
		rule = xasprintf("%s(%s)", f->access & RULE_WRITES ? "Edit" : "Read", quoted);
		free(quoted);
	}
	free(path);
	return rule;
}

static char *
of_host(const struct rule_use *use)
{
	const char *url = json_str(use->input, "url");
	char *host = url != NULL ? rule_host(url) : NULL, *rule = NULL;

	if (host != NULL)
		rule = xasprintf("WebFetch(domain:%s)", host);
	free(host);
	return rule;
}

/* An agent asks for each of its own uses of tools; a skill with arguments is another one. */
static char *
of_named(const struct rule_use *use, const char *tool, const char *name)
{
	const char *args = json_str(use->input, "args");

	if (name == NULL || !is_printable(name) || (args != NULL && args[0] != '\0') ||
	    strpbrk(name, "*() /") != NULL)
		return NULL;
	return xasprintf("%s(%s)", tool, name);
}

char *
rule_of_use(const struct rule_use *use)
{
	const struct rule_file_tool *f = rule_file_tool(use->tool);
	struct err err;
	char *rule = NULL;
	size_t i;

	if (strcmp(use->tool, "Bash") == 0)
		rule = of_command(use);
	else if (f != NULL)
		rule = of_file(use, f);
	else if (strcmp(use->tool, "WebFetch") == 0)
		rule = of_host(use);
	else if (strcmp(use->tool, "Agent") == 0 || strcmp(use->tool, "Task") == 0)
		rule = of_named(use, "Agent", json_str(use->input, "subagent_type"));
	else if (strcmp(use->tool, "Skill") == 0)
		rule = of_named(use, "Skill", json_str(use->input, "skill"));
	else if (strncmp(use->tool, "mcp__", 5) == 0 && strchr(use->tool, '*') == NULL &&
	    strstr(use->tool + 5, "__") != NULL)
		rule = xstrdup(use->tool);
	for (i = 0; rule == NULL && i < sizeof harmless / sizeof harmless[0]; i++)
		if (strcmp(use->tool, harmless[i]) == 0)
			rule = xstrdup(use->tool);
	/* Never one that would not be taken, or not mean this. */
	if (rule != NULL && (rule_check(rule, &err) == -1 || !rule_matches(rule, use, true))) {
		free(rule);
		rule = NULL;
	}
	return rule;
}
