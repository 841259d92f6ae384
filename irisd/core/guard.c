/* SPDX-License-Identifier: MIT
 *
 * The guard, see guard.h: from the use of a tool to the judges, and what they report. Called by
 * guard_check's caller for each use; guard_walk.c goes through commands.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/xmalloc.h"
#include "irisd/core/guard_private.h"

#define STEPS_MAX 8192
#define BYTES_MAX (4 * 1024 * 1024)
#define PATHS_MAX 512
#define SHOWN_MAX 110 /* bytes of the command in a report */

static const char *const kinds[] = {"deleteOutside", "forcePush", "rewriteHistory", "sql", "disk",
    "modes", "secrets", "iris", NULL};

static int
action_of(const struct config_guard *g, const char *kind)
{
	const int actions[] = {g->delete_outside, g->force_push, g->rewrite_history, g->sql,
	    g->disk, g->modes, g->secrets, g->iris};
	size_t i;

	for (i = 0; kinds[i] != NULL; i++)
		if (strcmp(kinds[i], kind) == 0)
			return actions[i];
	return CONFIG_ACTION_OFF;
}

/* The end of s is no half of a UTF-8 sequence. */
static void
trim(char *s)
{
	size_t len = strlen(s), n = 0;

	while (n < len && n < 4 && ((unsigned char)s[len - n - 1] & 0xc0) == 0x80)
		n++;
	if (n < len && ((unsigned char)s[len - n - 1] & 0xc0) == 0xc0)
		s[len - n - 1] = '\0';
}

/* One line for a person: what is not known is "...". */
static char *
shown(const char *s)
{
	char *out = xmalloc(SHOWN_MAX + 4);
	size_t n = 0;

	for (; *s != '\0' && n < SHOWN_MAX; s++) {
		if (*s == GUARD_UNKNOWN) {
			memcpy(out + n, "...", 3);
			n += 3;
		} else if (*s == GUARD_STAR || *s == GUARD_ANY) {
			out[n++] = *s == GUARD_STAR ? '*' : '?';
		} else {
			out[n++] = (unsigned char)*s < ' ' || *s == 0x7f ? ' ' : *s;
		}
	}
	out[n] = '\0';
	if (*s != '\0')
		trim(out);
	return out;
}

void
guard_report_action(
    struct guard *g, const char *kind, int action, const char *command, const char *why)
{
	char *text;

	if (action == CONFIG_ACTION_OFF || (g->any && g->hit->action >= action))
		return;
	text = shown(command);
	g->any = true;
	g->hit->kind = kind;
	g->hit->action = action;
	if (snprintf(g->hit->what, sizeof(g->hit->what), "%s: %s", text, why) >=
	    (int)sizeof(g->hit->what))
		trim(g->hit->what);
	free(text);
}

void
guard_report(const struct guard_command *c, const char *kind, const char *why)
{
	struct guard *g = c->run->g;
	int action = action_of(g->conf, kind);
	char *command;

	if (action == CONFIG_ACTION_OFF)
		return;
	command = guard_join(c->argv, c->argc, SHOWN_MAX + 8);
	guard_report_action(g, kind, action, command, why);
	free(command);
}

bool
guard_in(const char *s, const char *const *list)
{
	for (; *list != NULL; list++)
		if (strcmp(s, *list) == 0)
			return true;
	return false;
}

bool
guard_option(const struct guard_command *c, char letter, const char *name, size_t min)
{
	const char *a;
	size_t i, n;

	for (i = 1; i < c->argc; i++) {
		a = c->argv[i];
		if (strcmp(a, "--") == 0)
			return false;
		if (a[0] != '-' || a[1] == '\0')
			continue;
		if (a[1] != '-') {
			if (letter != '\0' && strchr(a + 1, letter) != NULL)
				return true;
			continue;
		}
		n = strcspn(a, "=");
		if (name != NULL && n >= min && n <= strlen(name) && strncmp(a, name, n) == 0)
			return true;
	}
	return false;
}

size_t
guard_operand(const struct guard_command *c, size_t i, bool *rest)
{
	for (; i < c->argc; i++) {
		if (*rest || c->argv[i][0] != '-' || c->argv[i][1] == '\0')
			return i;
		if (strcmp(c->argv[i], "--") == 0)
			*rest = true;
	}
	return c->argc;
}

void
guard_args_free(struct guard_args *a)
{
	size_t i;

	for (i = 0; i < a->n; i++)
		free(a->v[i]);
	free(a->v);
	a->v = NULL;
	a->n = 0;
}

void
guard_args_add(struct guard_args *a, char *s)
{
	if ((a->n & (a->n - 1)) == 0)
		a->v = xreallocarray(a->v, a->n == 0 ? 1 : a->n * 2, sizeof(*a->v));
	a->v[a->n++] = s;
}

char *
guard_join(char *const *v, size_t n, size_t max)
{
	size_t len = 0, i, l;
	char *out;

	for (i = 0; i < n && len < max; i++)
		len += strlen(v[i]) + 1;
	if (len > max)
		len = max;
	out = xmalloc(len + 1);
	len = 0;
	for (i = 0; i < n && len < max; i++) {
		if (i > 0)
			out[len++] = ' ';
		l = strlen(v[i]);
		if (l > max - len)
			l = max - len;
		memcpy(out + len, v[i], l);
		len += l;
	}
	out[len] = '\0';
	for (i = 0; i < len; i++)
		if (out[i] == GUARD_STAR || out[i] == GUARD_ANY)
			out[i] = out[i] == GUARD_STAR ? '*' : '?';
	return out;
}

/* Whether the command begins with the words of line, which are those behind its action. */
static bool
begins(const struct guard_command *c, const char *line)
{
	const char *word;
	size_t i, n;

	for (i = 0; *(line += strspn(line, " ")) != '\0'; i++, line += n) {
		n = strcspn(line, " ");
		if (i >= c->argc)
			return false;
		word = i == 0 && memchr(line, '/', n) == NULL ? c->name : c->argv[i];
		if (strlen(word) != n || memcmp(word, line, n) != 0)
			return false;
	}
	return i > 0;
}

void
guard_commands(const struct guard_command *c)
{
	struct guard *g = c->run->g;
	const struct config_list *list = &g->conf->commands;
	size_t i, n;
	int action;

	for (i = 0; i < list->n; i++) {
		n = strcspn(list->v[i], " ");
		if (!begins(c, list->v[i] + n))
			continue;
		for (action = CONFIG_ACTION_LOG; config_action_names[action] != NULL; action++)
			if (strlen(config_action_names[action]) == n &&
			    memcmp(list->v[i], config_action_names[action], n) == 0)
				guard_report_action(
				    g, "commands", action, list->v[i] + n + 1, "is in the list");
	}
}

static const char *
string(const cJSON *input, const char *name)
{
	return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(input, name));
}

static const char *
where(const struct guard_place *place)
{
	return place->cwd != NULL ? place->cwd : place->dir;
}

/* A tool that takes a file. */
static void
judge_file(struct guard *g, const char *tool, const cJSON *input)
{
	static const char *const reads[] = {"Read", "Grep", "NotebookRead", NULL};
	static const char *const writes[] = {"Write", "Edit", "MultiEdit", "NotebookEdit", NULL};
	static const char *const names[] = {"file_path", "notebook_path", "path", NULL};
	struct guard_run run = {.g = g};
	char *argv[2] = {xstrdup(tool), NULL};
	struct guard_command c = {
	    .run = &run, .argv = argv, .argc = 2, .name = tool, .dir = where(g->place)};
	const char *path;
	size_t i;

	for (i = 0; names[i] != NULL; i++) {
		if ((path = string(input, names[i])) == NULL)
			continue;
		if (path[0] == '~' && path[1] == '/' && g->place->home != NULL)
			argv[1] = xasprintf("%s%s", g->place->home, path + 1);
		else
			argv[1] = xstrdup(path);
		if (guard_in(tool, reads)) {
			guard_secret_read(&c, argv[1]);
		} else if (guard_in(tool, writes)) {
			guard_secret_write(&c, argv[1]);
			guard_iris_write(&c, argv[1]);
		}
		free(argv[1]);
	}
	free(argv[0]);
}

/*
 * What is too much to be read to its end may hide anything behind it: it is asked about, where the
 * guard would ask about any of its kinds.
 */
static void
judge_unread(struct guard *g, const char *command)
{
	size_t i;
	int action;

	for (i = 0; kinds[i] != NULL; i++) {
		action = action_of(g->conf, kinds[i]);
		guard_report_action(g, kinds[i],
		    action > CONFIG_ACTION_ASK ? CONFIG_ACTION_ASK : action, command,
		    "is too long or nested too deep to be read to its end");
	}
}

bool
guard_check(const struct config_guard *conf, const struct guard_place *place, const char *tool,
    const cJSON *input, struct guard_hit *hit)
{
	struct guard g = {.conf = conf,
	    .place = place,
	    .hit = hit,
	    .steps = STEPS_MAX,
	    .bytes = BYTES_MAX,
	    .paths = PATHS_MAX};
	const char *command;
	size_t i;

	memset(hit, 0, sizeof(*hit));
	g.root = guard_real(&g, "/", place->dir, true);
	if (strcmp(tool, "Bash") == 0) {
		if ((command = string(input, "command")) != NULL)
			guard_text(&g, command, where(place), false);
		if (g.cut)
			judge_unread(&g, command);
	} else {
		judge_file(&g, tool, input);
	}
	for (i = 0; i < g.n_vars; i++) {
		free(g.vars[i].name);
		guard_args_free(&g.vars[i].values);
	}
	free(g.root);
	return g.any;
}
