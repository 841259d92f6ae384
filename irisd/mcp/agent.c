/* SPDX-License-Identifier: MIT
 *
 * Agents' prompts, see agent.h: where templates lie, and a prompt from its beginning to its text.
 */
#include <sys/stat.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "common/paths.h"
#include "common/xmalloc.h"
#include "irisd/core/team.h"
#include "irisd/mcp/agent.h"
#include "irisd/mcp/agent_context.h"
#include "irisd/mcp/agent_file.h"
#include "irisd/mcp/gitdiff.h"
#include "irisd/mcp/template.h"

const struct agent_type agent_types[] = {
#define AGENT(name, title, description)                         {name, title, false},
#define ABOUT_TEAM(name, title, description, team, what, about) {name, title, true},
#include "irisd/mcp/agent_table.h"
#undef AGENT
#undef ABOUT_TEAM
    {NULL, NULL, false},
};

const char *const agent_names[] = {
#define AGENT(name, title, description) name,
#define ABOUT_TEAM(name, title, description, team, what, about)
#include "irisd/mcp/agent_table.h"
#undef AGENT
#undef ABOUT_TEAM
    NULL,
};

struct agent {
	struct irisd *d;
	const struct agent_type *type;
	cJSON *vars, *problems;
	char *dir;   /* the project, a realpath; NULL: none */
	char *where; /* the template's path */
	bool diff;
	struct gitdiff *git; /* while it runs */
	void (*cb)(void *);
	void *arg;
};

const struct agent_type *
agent_type_find(const char *name)
{
	const struct agent_type *t;

	for (t = agent_types; t->name != NULL; t++)
		if (strcmp(t->name, name) == 0)
			return t;
	return NULL;
}

/* --- the project ------------------------------------------------------------------------------ */

static int
check_below(const char *root, const char *given, char *out, struct err *err)
{
	char path[PATHS_MAX];
	struct stat st;

	if (given[0] != '/' ? paths_join(path, sizeof path, root, given) == -1
			    : snprintf(path, sizeof path, "%s", given) >= (int)sizeof path)
		return err_set(err, ERR_INVALID, "projectPath is too long");
	if (realpath(path, out) == NULL)
		return err_sys(err, ERR_DIRECTORY, "projectPath %s", path);
	if (!paths_contains(root, out))
		return err_set(err, ERR_REFUSED,
		    "projectPath %s is not in this team's own project; give %s, or a directory below "
		    "it, or leave projectPath out",
		    path, root);
	if (stat(out, &st) == -1 || !S_ISDIR(st.st_mode))
		return err_set(err, ERR_DIRECTORY, "projectPath %s is not a directory", path);
	return 0;
}

/* out is "" where the caller has no project that can be looked at. */
static int
find_project(struct agent *a, const struct agent_want *want, char *out, struct err *err)
{
	struct team *t = team_find(a->d, want->who);
	const char *why = NULL;
	char root[PATHS_MAX];

	out[0] = '\0';
	if (t == NULL)
		why =
		    "this project's directory belongs to no team (\"iris team add\" makes it one)";
	else if (t->cfg->remote != NULL)
		why = "this project is on another machine";
	else if (realpath(t->cfg->path, root) == NULL)
		why = "this project's directory is missing";
	if (why != NULL && want->project_path != NULL)
		return err_set(
		    err, ERR_REFUSED, "projectPath can not be looked at: %s; leave it out", why);
	if (why != NULL) {
		cJSON_AddItemToArray(a->problems, cJSON_CreateString(why));
		return 0;
	}
	if (want->project_path != NULL)
		return check_below(root, want->project_path, out, err);
	snprintf(out, PATHS_MAX, "%s", root);
	return 0;
}

/* --- variables -------------------------------------------------------------------------------- */

/* customVars.techWriterAdditions, as in Iris MCP, or under the name as it is written. */
static void
put_additions(struct agent *a)
{
	const cJSON *custom = json_obj(a->vars, "customVars"), *text;
	char camel[64];
	const char *p;
	size_t n = 0;

	for (p = a->type->name; *p != '\0' && n < sizeof camel - 1; p++) {
		if (*p == '-' && p[1] != '\0')
			camel[n++] = (char)toupper((unsigned char)*++p);
		else
			camel[n++] = *p;
	}
	camel[n] = '\0';
	strncat(camel, "Additions", sizeof camel - n - 1);
	if ((text = json_get(custom, camel)) == NULL)
		text = json_get(custom, a->type->name);
	if (text != NULL && json_get(a->vars, "additions") == NULL)
		json_put(a->vars, "additions", cJSON_Duplicate(text, true));
}

struct agent *
agent_new(struct irisd *d, const struct agent_want *want, struct err *err)
{
	struct agent *a = xcalloc(1, sizeof *a);
	char dir[PATHS_MAX];

	a->d = d;
	a->type = want->type;
	a->diff = want->diff;
	a->vars = json_new();
	a->problems = cJSON_CreateArray();
	if (find_project(a, want, dir, err) == -1) {
		agent_free(a);
		return NULL;
	}
	if (dir[0] != '\0')
		a->dir = xstrdup(dir);
	json_put_str(a->vars, "agentType", a->type->name);
	json_put_str(a->vars, "agentTitle", a->type->title);
	json_put_str(a->vars, "caller", want->who);
	if (a->dir != NULL && !a->type->prompt_only)
		agent_context(a->dir, a->vars, a->problems);
	agent_context_merge(a->vars, want->context);
	put_additions(a);
	return a;
}

void
agent_free(void *arg)
{
	struct agent *a = arg;

	if (a->git != NULL)
		gitdiff_cancel(a->git);
	cJSON_Delete(a->vars);
	cJSON_Delete(a->problems);
	free(a->dir);
	free(a->where);
	free(a);
}

/* --- the diff --------------------------------------------------------------------------------- */

static void
put_diff_error(struct agent *a, const struct err *why)
{
	json_put_str(a->vars, "gitDiffError", why->msg);
	cJSON_AddItemToArray(a->problems, cJSON_CreateString(why->msg));
}

static void
diff_cb(const char *diff, bool cut, const struct err *why, void *arg)
{
	struct agent *a = arg;

	a->git = NULL;
	if (why != NULL) {
		put_diff_error(a, why);
	} else {
		json_put_bool(a->vars, "gitDiffEmpty", diff[0] == '\0');
		json_put_bool(a->vars, "gitDiffCut", cut);
		cJSON_DeleteItemFromObjectCaseSensitive(a->vars, "gitDiff");
		json_put_str(a->vars, "gitDiff", diff);
	}
	a->cb(a->arg);
}

bool
agent_diff(struct agent *a, void (*cb)(void *), void *arg)
{
	struct err err;

	if (!a->diff)
		return false;
	a->cb = cb;
	a->arg = arg;
	if (a->dir != NULL)
		a->git = gitdiff_start(a->d, a->dir, diff_cb, a, &err);
	else
		err_set(&err, ERR_NOT_FOUND, "there is no project to make a git diff of");
	if (a->git != NULL)
		return true;
	put_diff_error(a, &err);
	return false;
}

/* --- templates -------------------------------------------------------------------------------- */

enum place { PLACE_PROJECT, PLACE_IRIS_HOME, PLACE_DOT_IRIS, PLACE_SHIPPED };

/* Where a template is looked for, the first first. */
struct look {
	enum place place;
	const char *format;
};

static const struct look template_looks[] = {{PLACE_PROJECT, ".iris/agents/%s.md"},
    {PLACE_PROJECT, ".iris/templates/%s.hbs"}, {PLACE_IRIS_HOME, "agents/%s.md"},
    {PLACE_DOT_IRIS, ".iris/templates/custom/%s.hbs"},
    {PLACE_DOT_IRIS, ".iris/templates/base/%s.hbs"}, {PLACE_SHIPPED, "%s.md"}};
static const struct look partial_looks[] = {{PLACE_PROJECT, ".iris/agents/partials/%s.md"},
    {PLACE_IRIS_HOME, "agents/partials/%s.md"}, {PLACE_SHIPPED, "partials/%s.md"}};
static const struct look base_looks[] = {{PLACE_SHIPPED, "%s.md"}};

#define N(looks) (sizeof looks / sizeof looks[0])

/* The directory, in buf or not; NULL where there is none. */
static const char *
place_dir(const struct agent *a, enum place place, char *buf, size_t size)
{
	switch (place) {
	case PLACE_PROJECT:
		return a->dir;
	case PLACE_IRIS_HOME:
		return a->d->paths.home;
	case PLACE_DOT_IRIS:
		return paths_user_home();
	case PLACE_SHIPPED:
		return paths_data("agents", buf, size) == 0 ? buf : NULL;
	}
	return NULL;
}

/* The first that is there; one that is there and can not be read is an error, not passed over. */
static char *
find_text(const struct agent *a, const struct look *looks, size_t n, const char *name, char **where,
    struct err *err)
{
	char buf[PATHS_MAX], rel[256], path[PATHS_MAX];
	const char *dir;
	size_t i;
	char *text;

	for (i = 0; i < n; i++) {
		snprintf(rel, sizeof rel, looks[i].format, name);
		dir = place_dir(a, looks[i].place, buf, sizeof buf);
		if (dir == NULL || dir[0] == '\0' || paths_join(path, sizeof path, dir, rel) == -1)
			continue;
		if (looks[i].place == PLACE_PROJECT)
			text = agent_file_inside(dir, rel, TEMPLATE_TEXT_MAX, NULL, err);
		else
			text = agent_file_read(path, TEMPLATE_TEXT_MAX, err);
		if (text != NULL) {
			*where = xstrdup(path);
			return text;
		}
		if (err->code != ERR_NOT_FOUND)
			return NULL;
	}
	err_set(err, ERR_NOT_FOUND,
	    "there is no template \"%s\", not even the one that Iris comes with; is Iris installed as a "
	    "whole?",
	    name);
	return NULL;
}

static int
find_partial(void *arg, const char *name, char **where, char **text, struct err *err)
{
	const struct agent *a = arg;

	/* As Iris MCP has it: what a template of one's own is based on. */
	if (strncmp(name, "base/", 5) == 0)
		*text = find_text(a, base_looks, N(base_looks), name + 5, where, err);
	else
		*text = find_text(a, partial_looks, N(partial_looks), name, where, err);
	return *text != NULL ? 0 : -1;
}

char *
agent_render(struct agent *a, struct err *err)
{
	struct template_partials partials = {find_partial, a};
	struct template t;
	char *text, *out;

	text = find_text(a, template_looks, N(template_looks), a->type->name, &a->where, err);
	if (text == NULL)
		return NULL;
	json_put_bool(a->vars, "includeGitDiff", a->diff);
	json_put(a->vars, "problems", cJSON_Duplicate(a->problems, true));
	t.where = a->where;
	t.text = text;
	t.len = strlen(text);
	out = template_render(&t, a->vars, &partials, err);
	free(text);
	return out;
}

const char *
agent_name(const struct agent *a)
{
	return a->type->name;
}

const char *
agent_template(const struct agent *a)
{
	return a->where;
}

const cJSON *
agent_problems(const struct agent *a)
{
	return a->problems;
}
