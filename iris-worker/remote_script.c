/* SPDX-License-Identifier: MIT
 *
 * What is said to the shell on a team's host, see remote.h. The texts of remote/ are in this
 * program; every value is quoted, so that nothing of the user's is ever read as sh.
 */
#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/xmalloc.h"
#include "iris-worker/remote.h"
#include "remote_scripts.h"

struct remote_script {
	char *text; /* owned; NULL while it is empty */
	size_t len, size;
};

struct remote_script *
remote_script_new(void)
{
	return xcalloc(1, sizeof(struct remote_script));
}

static void
add_bytes(struct remote_script *s, const char *text, size_t len)
{
	if (s->len + len + 1 > s->size) {
		s->size = (s->len + len + 1) * 2;
		s->text = xreallocarray(s->text, s->size, 1);
	}
	memcpy(s->text + s->len, text, len);
	s->len += len;
	s->text[s->len] = '\0';
}

static void
add(struct remote_script *s, const char *text)
{
	add_bytes(s, text, strlen(text));
}

/* A newline as the variable n: no line of the script is ever a part of a value. */
static void
add_quoted(struct remote_script *s, const char *value)
{
	size_t len;

	add(s, "'");
	while (value[len = strcspn(value, "'\n")] != '\0') {
		add_bytes(s, value, len);
		add(s, value[len] == '\n' ? "'\"$n\"'" : "'\\''");
		value += len + 1;
	}
	add(s, value);
	add(s, "'");
}

void
remote_script_set(struct remote_script *s, const char *name, const char *value)
{
	add(s, name);
	add(s, "=");
	add_quoted(s, value);
	add(s, "\n");
}

void
remote_script_args(struct remote_script *s, char *const *args)
{
	size_t i;

	add(s, "set --");
	for (i = 0; args[i] != NULL; i++) {
		add(s, " ");
		add_quoted(s, args[i]);
	}
	add(s, "\n");
}

static bool
is_name(const char *name)
{
	static const char chars[] =
	    "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_";

	return name[0] != '\0' && (name[0] < '0' || name[0] > '9') &&
	    name[strspn(name, chars)] == '\0';
}

/* What the wrapper sets itself. */
static bool
is_ours(const char *name)
{
	return strcmp(name, "IRIS_CLAUDE") == 0 || strcmp(name, "IRIS_KEEPER") == 0 ||
	    strcmp(name, "IRIS_CONVERSATION") == 0 ||
	    strcmp(name, "CLAUDE_CODE_EMIT_SESSION_STATE_EVENTS") == 0;
}

int
remote_script_env(struct remote_script *s, const cJSON *env, struct err *err)
{
	const cJSON *v;

	add(s, "env_set() { :\n");
	cJSON_ArrayForEach (v, env) {
		if (!is_name(v->string) || (!cJSON_IsString(v) && !cJSON_IsNull(v)))
			return err_set(err, ERR_INVALID,
			    "env: \"%.100s\" must be a variable's name (letters, digits and _ on "
			    "another host) with a string",
			    v->string);
		if (is_ours(v->string))
			continue;
		if (cJSON_IsNull(v)) {
			add(s, "unset ");
			add(s, v->string);
			add(s, "\n");
		} else {
			add(s, "export ");
			remote_script_set(s, v->string, v->valuestring);
		}
	}
	add(s, "}\n");
	return 0;
}

static void
add_lines(struct remote_script *s, const char *const *lines)
{
	for (; *lines != NULL; lines++) {
		add(s, *lines);
		add(s, "\n");
	}
}

char *
remote_script_end(struct remote_script *s, const char *name)
{
	size_t i, n = sizeof remote_scripts / sizeof remote_scripts[0];
	char *text;

	for (i = 0; i < n && strcmp(remote_scripts[i].name, name) != 0; i++)
		;
	assert(i < n);
	add_lines(s, lines_common);
	add_lines(s, remote_scripts[i].lines);
	add(s, ".");
	text = s->text;
	free(s);
	return text;
}

void
remote_script_free(struct remote_script *s)
{
	free(s->text);
	free(s);
}
