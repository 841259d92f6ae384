/* SPDX-License-Identifier: MIT
 *
 * What a user text asks for. A directive is a word in capitals at the start of a word, its argument
 * the rest of that line; several are done in order. A text without any gets the demo answer.
 * `--help` lists them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/compat.h"
#include "common/json.h"
#include "common/xmalloc.h"
#include "fake.h"

#define HOLD_MAX_MS 120000

static const char *const names[] = {"ECHO", "BLOCKS", "SLOW", "TOOL", "BASH", "PERM", "USAGE",
    "HOLD", "ENV", "ARGS", "RAW", "FAULT"};

/* The directive that starts at p, or NULL. */
static const char *
name_at(const char *p)
{
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		size_t n = strlen(names[i]);
		if (strncmp(p, names[i], n) == 0 && strchr(" \t\r\n<", p[n]) != NULL)
			return names[i];
	}
	return NULL;
}

/* The rest of the line, without blanks around it and without a closing tag behind it. */
static char *
argument(const char **cursor)
{
	size_t n = strcspn(*cursor, "\n");
	char *arg = xstrndup(*cursor, n), *start = arg, *tag, *out;

	*cursor += n;
	if ((tag = strstr(arg, "</")) != NULL && strchr(tag, '>') != NULL)
		*tag = '\0';
	start += strspn(start, " \t");
	n = strlen(start);
	while (n > 0 && strchr(" \t\r", start[n - 1]) != NULL)
		start[--n] = '\0';
	out = xstrdup(start);
	free(arg);
	return out;
}

/*
 * The next directive at or after *cursor; moves it past. arg is malloc'ed. False when there is
 * none.
 */
bool
directive_next(const char **cursor, char *name, size_t size, char **arg)
{
	const char *p;

	for (p = *cursor; *p != '\0'; p++) {
		const char *found = name_at(p);
		if (found == NULL || (p > *cursor && strchr(" \t\r\n>", p[-1]) == NULL))
			continue;
		compat_strlcpy(name, found, size);
		p += strlen(found);
		*arg = argument(&p);
		*cursor = p;
		return true;
	}
	return false;
}

static bool
say(struct turn *t, const char *text, int64_t pace)
{
	bool ok;

	message_begin(t);
	ok = message_text(t, text, pace);
	message_end(t, "end_turn");
	return ok;
}

/* say, and free the text; NULL means that the turn was interrupted. */
static bool
say_result(struct turn *t, char *text)
{
	bool ok = text != NULL && say(t, text, 0);

	free(text);
	return ok;
}

static bool
do_blocks(struct turn *t, char *arg)
{
	char *part, *rest = arg;
	bool ok = true;

	message_begin(t);
	while (ok && (part = strsep(&rest, "|")) != NULL)
		ok = message_text(t, part, 0);
	message_end(t, "end_turn");
	return ok;
}

static bool
do_slow(struct turn *t, const char *arg)
{
	static const char filler[] = "one two three four five six seven eight nine ten eleven "
				     "twelve thirteen fourteen fifteen sixteen";
	char *rest;
	long ms = strtol(arg, &rest, 10);

	rest += strspn(rest, " ");
	return say(t, *rest == '\0' ? filler : rest, ms > 0 ? ms : 1);
}

/* TOOL name {json}: a name without mcp__ is one of the server iris. */
static bool
do_tool(struct turn *t, const char *arg)
{
	size_t n = strcspn(arg, " ");
	const char *json = arg + n + strspn(arg + n, " ");
	char *tool =
	    xasprintf("%s%.*s", strncmp(arg, "mcp__", 5) == 0 ? "" : "mcp__iris__", (int)n, arg);
	cJSON *input = *json == '\0' ? json_new() : cJSON_Parse(json);
	bool ok;

	if (input == NULL)
		ok = say_result(t, xasprintf("TOOL: not JSON: %s", json));
	else
		ok = say_result(t, tool_call(t, tool, input));
	free(tool);
	return ok;
}

static bool
do_hold(struct turn *t, const char *path)
{
	int64_t end = compat_mono_ms() + HOLD_MAX_MS;

	message_begin(t);
	while (access(path, F_OK) == -1) {
		if (io_sleep(10) == WAIT_INTERRUPTED)
			return false;
		if (compat_mono_ms() > end)
			die(1, "fake-claude: HOLD %s: it never appeared", path);
	}
	if (!message_text(t, "held", 0))
		return false;
	message_end(t, "end_turn");
	return true;
}

static bool
do_usage(struct turn *t, const char *arg)
{
	char *rest;
	int64_t input = strtoll(arg, &rest, 10), output = strtoll(rest, NULL, 10);
	char *text;

	t->input_tokens += input;
	t->output_tokens += output;
	text = xasprintf(
	    "usage: %lld input, %lld output tokens more", (long long)input, (long long)output);
	return say_result(t, text);
}

static bool
directive_do(struct turn *t, const char *name, char *arg)
{
	const char *value;

	if (strcmp(name, "ECHO") == 0)
		return say(t, arg, 0);
	if (strcmp(name, "BLOCKS") == 0)
		return do_blocks(t, arg);
	if (strcmp(name, "SLOW") == 0)
		return do_slow(t, arg);
	if (strcmp(name, "TOOL") == 0)
		return do_tool(t, arg);
	if (strcmp(name, "BASH") == 0)
		return say_result(t, tool_bash(t, arg));
	if (strcmp(name, "PERM") == 0)
		return say_result(t, tool_perm(t, *arg == '\0' ? "Write" : arg));
	if (strcmp(name, "USAGE") == 0)
		return do_usage(t, arg);
	if (strcmp(name, "HOLD") == 0)
		return do_hold(t, arg);
	if (strcmp(name, "ARGS") == 0)
		return say(t, fake.opt.args, 0);
	if (strcmp(name, "RAW") == 0)
		return say(t, t->text, 0);
	if (strcmp(name, "ENV") == 0) {
		value = getenv(arg);
		return say_result(t, xasprintf("%s=%s", arg, value == NULL ? "(unset)" : value));
	}
	return true;
}

bool
directive_run(struct turn *t)
{
	const char *cursor = t->text;
	char name[16], *arg;
	bool ok = true, said = false;

	while (ok && directive_next(&cursor, name, sizeof name, &arg)) {
		ok = directive_do(t, name, arg);
		said = said || strcmp(name, "FAULT") != 0;
		free(arg);
	}
	if (ok && !said)
		ok = say_result(t, answer_make(t->text));
	return ok;
}
