/* SPDX-License-Identifier: MIT
 *
 * Permission rules, see rule.h: what a rule is made of, which tools it means, and what it says of
 * each kind of tool. Called by judge.c; commands are rule_bash.c's and rule_any.c's, paths
 * rule_path.c's, hosts rule_host.c's.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "common/xmalloc.h"
#include "irisd/core/rule_private.h"

#define MCP      "mcp__"
#define RULE_MAX ((size_t)4096) /* bytes */

static const struct rule_file_tool file_tools[] = {
    {"Read", "file_path", RULE_READS},
    {"NotebookRead", "notebook_path", RULE_READS},
    {"Grep", "path", RULE_READS | RULE_TREE},
    {"Glob", "path", RULE_READS | RULE_TREE},
    {"LS", "path", RULE_READS | RULE_TREE},
    {"Edit", "file_path", RULE_WRITES},
    {"Write", "file_path", RULE_WRITES},
    {"MultiEdit", "file_path", RULE_WRITES},
    {"NotebookEdit", "notebook_path", RULE_WRITES},
};

const struct rule_file_tool *
rule_file_tool(const char *tool)
{
	size_t i;

	for (i = 0; i < sizeof file_tools / sizeof file_tools[0]; i++)
		if (strcmp(file_tools[i].tool, tool) == 0)
			return &file_tools[i];
	return NULL;
}

bool
rule_is_shell(const char *tool)
{
	return strcmp(tool, "Bash") == 0 || strcmp(tool, "Monitor") == 0;
}

bool
rule_like(const char *pattern, const char *text)
{
	const char *star = NULL, *from = NULL;

	while (*text != '\0') {
		if (*pattern == '*') {
			star = ++pattern;
			from = text;
		} else if (*pattern == *text) {
			pattern++;
			text++;
		} else if (star != NULL) {
			pattern = star;
			text = ++from;
		} else {
			return false;
		}
	}
	return pattern[strspn(pattern, "*")] == '\0';
}

char *
rule_trim(const char *s)
{
	static const char blanks[] = " \t\r\n";
	size_t n;

	s += strspn(s, blanks);
	n = strlen(s);
	while (n > 0 && strchr(blanks, s[n - 1]) != NULL)
		n--;
	return xstrndup(s, n);
}

/* --- the text of a rule ----------------------------------------------------------------------- */

static const char *
wrong(const char *s)
{
	static const char name[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.*-";
	size_t n = strspn(s, name), len = strlen(s), i;

	for (i = 0; i < len; i++)
		if ((unsigned char)s[i] < ' ' || s[i] == 127)
			return "has a control character in it";
	if (len > RULE_MAX)
		return "is too long";
	if (n == 0)
		return "does not begin with a tool";
	if (n == len)
		return NULL;
	if (s[n] != '(' || s[len - 1] != ')')
		return "has something else than \"(...)\" behind the tool";
	if (n + 1 + strspn(s + n + 1, " ") == len - 1)
		return "has nothing between \"(\" and \")\"";
	return strncmp(s, MCP, strlen(MCP)) == 0 ? "has \"(\" after an MCP tool" : NULL;
}

int
rule_check(const char *rule, struct err *err)
{
	const char *why = wrong(rule);

	if (why == NULL)
		return 0;
	return err_set(err, ERR_INVALID,
	    "\"%.200s\" %s; expected a tool, as WebSearch, or a tool and what it is used with, as "
	    "Bash(git status:*)",
	    rule, why);
}

bool
rule_parse(const char *rule, struct rule_text *r)
{
	size_t n = strcspn(rule, "(");
	char *inner;

	r->tool = r->spec = NULL;
	if (wrong(rule) != NULL)
		return false;
	r->tool = xstrndup(rule, n);
	if (rule[n] == '\0')
		return true;
	inner = xstrndup(rule + n + 1, strlen(rule) - n - 2);
	r->spec = rule_trim(inner);
	free(inner);
	/* "Bash(*)" is another way to write "Bash". */
	if (strcmp(r->tool, "Bash") == 0 && strcmp(r->spec, "*") == 0) {
		free(r->spec);
		r->spec = NULL;
	}
	return true;
}

void
rule_release(struct rule_text *r)
{
	free(r->tool);
	free(r->spec);
}

/* --- which tools ------------------------------------------------------------------------------ */

/* Task is what Agent was called before. */
static const char *
name_of(const char *tool)
{
	return strcmp(tool, "Task") == 0 ? "Agent" : tool;
}

/* "mcp__server" and "mcp__server__*": the server must be named, to allow. */
static bool
mcp_like(const char *rule, const char *tool)
{
	size_t n = strlen(rule);
	const char *sep, *star = strchr(rule, '*');

	if (strncmp(rule, MCP, strlen(MCP)) != 0)
		return false;
	sep = strstr(rule + strlen(MCP), "__");
	if (sep == NULL)
		return star == NULL && n > strlen(MCP) && strncmp(tool, rule, n) == 0 &&
		    strncmp(tool + n, "__", 2) == 0;
	return sep > rule + strlen(MCP) && star != NULL && star > sep + 1 && rule_like(rule, tool);
}

static bool
tool_like(const char *rule, const char *tool, bool strict)
{
	const struct rule_file_tool *f = rule_file_tool(tool);

	if (strcmp(name_of(rule), name_of(tool)) == 0 || mcp_like(rule, tool))
		return true;
	if (f != NULL && strcmp(rule, f->access & RULE_WRITES ? "Edit" : "Read") == 0)
		return true;
	if (!strict && strcmp(rule, "Bash") == 0 && rule_is_shell(tool))
		return true;
	return !strict && strchr(rule, '*') != NULL && rule_like(rule, tool);
}

/* --- what they are used with ------------------------------------------------------------------ */

bool
rule_file_like(const struct rule_text *r, const char *path, unsigned access,
    const struct rule_use *use, bool strict)
{
	if (!((access & RULE_WRITES) && strcmp(r->tool, "Edit") == 0) &&
	    !((access & RULE_READS) && strcmp(r->tool, "Read") == 0))
		return false;
	return r->spec == NULL || rule_path_like(r->spec, path, use, access & RULE_TREE, strict);
}

/* Glob's own pattern may lead elsewhere. */
static bool
leads_away(const struct rule_use *use)
{
	const char *pattern = json_str(use->input, "pattern");

	return strcmp(use->tool, "Glob") == 0 && pattern != NULL &&
	    (pattern[0] == '/' || pattern[0] == '~' || strstr(pattern, "..") != NULL ||
		strchr(pattern, '{') != NULL);
}

static bool
file_use_like(const struct rule_text *r, const struct rule_use *use, bool strict)
{
	const struct rule_file_tool *f = rule_file_tool(use->tool);
	const char *given = json_str(use->input, f->member);
	char *path;
	bool like;

	if (given == NULL && (f->access & RULE_TREE))
		given = ".";
	if (given == NULL || given[0] == '\0' || (strict && leads_away(use)))
		return false;
	path = rule_path(given, use->dir, use->home);
	like = path != NULL &&
	    rule_path_like(r->spec, path, use, (f->access & RULE_TREE) != 0, strict);
	free(path);
	return like;
}

/* What a Skill or an Agent is: its name, and for a Skill what it is given. */
static char *
named_use(const struct rule_use *use)
{
	const char *name, *args;

	if (strcmp(name_of(use->tool), "Agent") == 0) {
		name = json_str(use->input, "subagent_type");
		return xstrdup(name != NULL ? name : "general-purpose");
	}
	if (strcmp(use->tool, "Skill") != 0)
		return NULL;
	if ((name = json_str(use->input, "skill")) == NULL &&
	    (name = json_str(use->input, "command")) == NULL)
		return NULL;
	args = json_str(use->input, "args");
	return xasprintf("%s%s%s", name + (name[0] == '/'),
	    args != NULL && args[0] != '\0' ? " " : "", args != NULL ? args : "");
}

/* "review *" and "review:*" are with anything behind it; a * elsewhere counts only to refuse. */
static bool
named_like(const char *spec, const char *text, bool strict)
{
	size_t n = strlen(spec);

	if (n > 2 && (strcmp(spec + n - 2, " *") == 0 || strcmp(spec + n - 2, ":*") == 0))
		return strncmp(spec, text, n - 2) == 0 &&
		    (text[n - 2] == '\0' || text[n - 2] == ' ');
	if (strcmp(spec, text) == 0)
		return true;
	return !strict &&
	    (rule_like(spec, text) || (strncmp(spec, text, n) == 0 && text[n] == ' '));
}

/* "Tool(parameter:value)", only to refuse (Claude Code, "Match by input parameter"). */
static bool
parameter_like(const char *spec, const cJSON *input)
{
	const char *colon = strchr(spec, ':');
	char *name, *cut, *want, buf[32];
	const cJSON *v;
	bool like = false;

	if (colon == NULL)
		return false;
	cut = xstrndup(spec, (size_t)(colon - spec));
	name = rule_trim(cut);
	want = rule_trim(colon + 1);
	v = json_get(input, name);
	if (cJSON_IsString(v)) {
		like = rule_like(want, v->valuestring);
	} else if (cJSON_IsBool(v)) {
		like = rule_like(want, cJSON_IsTrue(v) ? "true" : "false");
	} else if (cJSON_IsNumber(v)) {
		snprintf(buf, sizeof buf, "%.15g", v->valuedouble);
		like = rule_like(want, buf);
	}
	free(cut);
	free(name);
	free(want);
	return like;
}

/* What else a tool is given, to refuse: nobody knows which of it the rule is about. */
static bool
value_like(const char *spec, const cJSON *input)
{
	const cJSON *v;

	cJSON_ArrayForEach (v, input)
		if (cJSON_IsString(v) && rule_like(spec, v->valuestring))
			return true;
	return false;
}

static bool
spec_like(const struct rule_text *r, const struct rule_use *use, bool strict)
{
	const char *url = json_str(use->input, "url");
	char *named = named_use(use);
	bool like = false;

	if (rule_file_tool(use->tool) != NULL)
		like = file_use_like(r, use, strict);
	else if (strcmp(use->tool, "WebFetch") == 0)
		like = url != NULL && rule_host_like(r->spec, url, strict);
	else if (named != NULL)
		like = named_like(r->spec, named, strict);
	else if (!strict)
		like = value_like(r->spec, use->input);
	free(named);
	return like || (!strict && parameter_like(r->spec, use->input));
}

/* To refuse, who may not read a file may not change it either. */
static bool
reads_what_is_changed(const struct rule_text *r, const struct rule_use *use)
{
	const struct rule_file_tool *f = rule_file_tool(use->tool);

	return f != NULL && (f->access & RULE_WRITES) && strcmp(r->tool, "Read") == 0;
}

static bool
refuses(const struct rule_text *r, const struct rule_use *use)
{
	const char *command = rule_is_shell(use->tool) ? json_str(use->input, "command") : NULL;

	if (r->spec == NULL)
		return tool_like(r->tool, use->tool, false);
	if (command != NULL &&
	    (strcmp(r->tool, "Bash") == 0 || strcmp(r->tool, "Edit") == 0 ||
		strcmp(r->tool, "Read") == 0 || strcmp(r->tool, use->tool) == 0) &&
	    rule_bash_any(r, command, use))
		return true;
	return (tool_like(r->tool, use->tool, false) || reads_what_is_changed(r, use)) &&
	    spec_like(r, use, false);
}

/* One rule for all of it, or for a command: one for each part of it. */
static bool
allow(const struct rule_text *rules, size_t n, const struct rule_use *use)
{
	const char *command = json_str(use->input, "command");
	bool bash = strcmp(use->tool, "Bash") == 0;
	size_t i;

	for (i = 0; i < n; i++) {
		if (rules[i].spec == NULL) {
			if (tool_like(rules[i].tool, use->tool, true))
				return true;
		} else if (!bash && strchr(rules[i].tool, '*') == NULL &&
		    tool_like(rules[i].tool, use->tool, true) && spec_like(&rules[i], use, true)) {
			return true;
		}
	}
	/* Outside of the sandbox the same command is another one. */
	return bash && command != NULL &&
	    !json_bool(use->input, "dangerouslyDisableSandbox", false) &&
	    rule_bash_all(rules, n, command, use);
}

bool
rule_all_match(const char *const *rules, size_t n, const struct rule_use *use)
{
	struct rule_text *v = xcalloc(n + 1, sizeof *v);
	size_t i, used = 0;
	bool like;

	for (i = 0; i < n; i++)
		if (rule_parse(rules[i], &v[used]))
			used++;
		else
			rule_release(&v[used]);
	like = allow(v, used, use);
	for (i = 0; i < used; i++)
		rule_release(&v[i]);
	free(v);
	return like;
}

bool
rule_matches(const char *rule, const struct rule_use *use, bool strict)
{
	struct rule_text r;
	bool like = false;

	if (strict)
		return rule_all_match(&rule, 1, use);
	if (rule_parse(rule, &r))
		like = refuses(&r, use);
	rule_release(&r);
	return like;
}
