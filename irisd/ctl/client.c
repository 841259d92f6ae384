/* SPDX-License-Identifier: MIT
 *
 * The lines for each MCP client, see client.h. Called by install.c and doctor.c; changes nothing
 * anywhere.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "common/nearest.h"
#include "common/xmalloc.h"
#include "irisd/ctl/client.h"
#include "irisd/ctl/ctl.h"
#include "irisd/ctl/term.h"

/*
 * The shim's path as a JSON string (and as a TOML one: every escape of the one is one of the
 * other).
 */
static char *
quoted(const char *s)
{
	cJSON *item = cJSON_CreateString(s);
	char *text = json_print(item);

	cJSON_Delete(item);
	return text;
}

/* For a shell: in single quotes unless every character is harmless. */
static char *
shell_quoted(const char *s)
{
	char *out, *o;

	if (s[strspn(s,
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-+:@%=")] == '\0')
		return xstrdup(s);
	o = out = xmalloc(strlen(s) * 4 + 3);
	*o++ = '\'';
	for (; *s != '\0'; s++) {
		if (*s == '\'') {
			memcpy(o, "'\\''", 4);
			o += 4;
		} else {
			*o++ = *s;
		}
	}
	*o++ = '\'';
	*o = '\0';
	return out;
}

char *
client_entry(const char *shim)
{
	char *q = quoted(shim), *entry;

	entry = xasprintf("{\n"
			  "  \"type\": \"stdio\",\n"
			  "  \"command\": %s,\n"
			  "  \"args\": [],\n"
			  "  \"env\": {},\n"
			  "  \"alwaysLoad\": true\n"
			  "}",
	    q);
	free(q);
	return entry;
}

static char *
claude_lines(const char *shim)
{
	char *q = quoted(shim), *json, *sh, *out;

	json = xasprintf(
	    "{\"type\":\"stdio\",\"command\":%s,\"args\":[],\"env\":{},\"alwaysLoad\":true}", q);
	sh = shell_quoted(json);
	out = xasprintf("claude mcp add-json --scope user iris %s\n", sh);
	free(q);
	free(json);
	free(sh);
	return out;
}

static char *
codex_lines(const char *shim)
{
	char *sh = shell_quoted(shim), *out = xasprintf("codex mcp add iris -- %s\n", sh);

	free(sh);
	return out;
}

static char *
gemini_lines(const char *shim)
{
	char *q = quoted(shim), *out;

	out = xasprintf("{\n  \"mcpServers\": {\n    \"iris\": {\n      \"command\": %s,\n"
			"      \"timeout\": 600000\n    }\n  }\n}\n",
	    q);
	free(q);
	return out;
}

static char *
cursor_lines(const char *shim)
{
	char *q = quoted(shim), *out;

	out = xasprintf(
	    "{\n  \"mcpServers\": {\n    \"iris\": {\n      \"command\": %s\n    }\n  }\n}\n", q);
	free(q);
	return out;
}

static char *
vscode_lines(const char *shim)
{
	char *q = quoted(shim), *out;

	out = xasprintf("{\n  \"servers\": {\n    \"iris\": {\n      \"type\": \"stdio\",\n"
			"      \"command\": %s\n    }\n  }\n}\n",
	    q);
	free(q);
	return out;
}

static const struct {
	const char *name;
	const char *where;
	char *(*lines)(const char *shim);
} clients[] = {
    {"claude", "Claude Code: run", claude_lines},
    {"codex", "Codex: run", codex_lines},
    {"gemini", "Gemini CLI: in ~/.gemini/settings.json", gemini_lines},
    {"cursor", "Cursor: in ~/.cursor/mcp.json, or .cursor/mcp.json of a project", cursor_lines},
    {"vscode", "VS Code: in .vscode/mcp.json of a project", vscode_lines},
};

#define NCLIENTS (sizeof clients / sizeof clients[0])

static int
unknown(const char *which, struct err *err)
{
	const char *names[NCLIENTS], *near[1];
	size_t i;

	for (i = 0; i < NCLIENTS; i++)
		names[i] = clients[i].name;
	return err_set(err, ERR_INVALID,
	    "unknown client \"%.40s\"; there are claude, codex, gemini, cursor, vscode and "
	    "all%s%s%s",
	    which, nearest_names(which, names, NCLIENTS, near, 1) == 1 ? "; did you mean " : "",
	    nearest_names(which, names, NCLIENTS, near, 1) == 1 ? near[0] : "",
	    nearest_names(which, names, NCLIENTS, near, 1) == 1 ? "?" : "");
}

int
client_print(const char *which, const char *shim, bool json, struct err *err)
{
	bool all = strcmp(which, "all") == 0, any = false;
	cJSON *tree = json_new();
	char *lines;
	size_t i;

	for (i = 0; i < NCLIENTS; i++) {
		if (!all && strcmp(which, clients[i].name) != 0)
			continue;
		lines = clients[i].lines(shim);
		if (json)
			json_put_str(tree, clients[i].name, lines);
		else
			printf("%s%s# %s%s\n%s", any ? "\n" : "", term_on(stdout, TERM_DIM),
			    clients[i].where, term_off(stdout), lines);
		any = true;
		free(lines);
	}
	if (json && any) {
		ctl_print_json(tree);
		return 0;
	}
	cJSON_Delete(tree);
	return any ? 0 : unknown(which, err);
}
