/* SPDX-License-Identifier: MIT
 *
 * Control calls that add, change and remove teams: edits of config.yaml, made as those of
 * control_config.c are. Beyond what the loader checks, a new team's directory must be there: who
 * adds a team through a form shall not find out later.
 */
#include <stdlib.h>
#include <string.h>

#include "common/config_check.h"
#include "common/config_impl.h"
#include "common/config_merge.h"
#include "common/config_tree.h"
#include "common/json.h"
#include "common/nearest.h"
#include "common/xmalloc.h"
#include "irisd/core/describe.h"
#include "irisd/net/control_config.h"

#define NAMES_MAX 64

/* The keys of a section, and of the mappings within it. */
static size_t
names_of(const char *section, const char *names[NAMES_MAX])
{
	size_t n = 0, i;

	if (strcmp(section, "teams") == 0) {
		names[n++] = "remoteOptions";
		names[n++] = "permissions";
	}
	for (i = 0; i < config_nkeys && n < NAMES_MAX; i++)
		if (strcmp(config_keys[i].section, section) == 0)
			names[n++] = config_keys[i].name;
	return n;
}

/* In a file, an unknown key may be somebody else's; in a call, it is a mistake. */
static int
check_names(const cJSON *values, const char *section, struct err *err)
{
	const char *names[NAMES_MAX], *near, *below;
	size_t n = names_of(section, names), i;
	const cJSON *member;

	cJSON_ArrayForEach (member, values) {
		for (i = 0; i < n && strcmp(names[i], member->string) != 0; i++)
			continue;
		if (i == n && nearest_names(member->string, names, n, &near, 1) == 1)
			return err_set(err, ERR_INVALID,
			    "\"%.60s\" is no key of a team; did you mean \"%s\"?", member->string,
			    near);
		if (i == n)
			return err_set(err, ERR_INVALID,
			    "\"%.60s\" is no key of a team; iris-config(5) has them",
			    member->string);
		below = config_section_below(section, member->string);
		if (below != NULL && !cJSON_IsNull(member)) {
			if (!cJSON_IsObject(member))
				return err_set(
				    err, ERR_INVALID, "%s must be an object", member->string);
			if (check_names(member, below, err) == -1)
				return err_prefix(err, "%s: ", member->string);
		}
	}
	return 0;
}

/* {teams: {NAME: values}}; without values the team goes. To be deleted. */
static cJSON *
patch_for(const char *name, const cJSON *values)
{
	cJSON *patch = json_new(), *teams = json_new();

	json_put(teams, name, values != NULL ? cJSON_Duplicate(values, true) : cJSON_CreateNull());
	json_put(patch, "teams", teams);
	return patch;
}

static int
check_directory(const struct config *new, const char *name, struct err *err)
{
	const struct config_team *t = config_find_team(new, name);

	if (t != NULL && t->remote == NULL && t->path_missing)
		return err_set(err, ERR_DIRECTORY,
		    "team \"%s\": %s is no directory; nothing is changed", name, t->path);
	return 0;
}

/* The file with the change in it, read as irisd will read it. NULL: nothing is to be written. */
static char *
changed_text(struct control *c, const struct config_file *f, const char *name, const cJSON *values,
    bool moved, struct err *err)
{
	cJSON *patch = patch_for(name, values);
	char *text = config_merge(f->path, f->text.s, f->text.len, patch, err);
	struct config *new = NULL;

	cJSON_Delete(patch);
	if (text != NULL && (new = config_parse(f->path, text, strlen(text), err)) == NULL) {
		c->data = json_new();
		json_put(c->data, "errors", cJSON_CreateArray());
		cJSON_AddItemToArray(cJSON_GetObjectItem(c->data, "errors"),
		    config_problem(f->path, err->msg, NULL));
		err_prefix(err, "team \"%s\": nothing is changed: ", name);
	} else if (text != NULL && moved && check_directory(new, name, err) == -1) {
		config_free(new);
		new = NULL;
	}
	if (new == NULL) {
		free(text);
		text = NULL;
	}
	config_free(new);
	return text;
}

/* The team that params name is, or is not, in the file. */
static int
check_team(const struct config_file *f, const char *name, bool wanted, struct err *err)
{
	struct config *now = config_parse(f->path, f->text.s, f->text.len, err);
	const struct config_team *t;
	int rv = -1;

	if (now == NULL)
		return -1;
	t = config_find_team(now, name);
	if (t != NULL && !wanted)
		err_set(err, ERR_INVALID, "there is a team \"%s\" already, %s:%zu", name, f->path,
		    t->line);
	else if (t == NULL && wanted)
		err_set(err, ERR_NOT_FOUND, "no team \"%.100s\" in %s", name, f->path);
	else
		rv = 0;
	config_free(now);
	return rv;
}

/* One edit from beginning to end. values NULL: the team goes. */
static int
edit(struct control *c, const char *name, const cJSON *values, bool fresh, struct err *err)
{
	bool moved = fresh || json_get(values, "path") != NULL;
	struct config_file f = {0};
	char *text = NULL;
	int rv = -1;

	if (config_check_team_name(name, err) == 0 && control_config_may(c, err) == 0 &&
	    (values == NULL || check_names(values, "teams", err) == 0) &&
	    control_config_read(c, &f, err) == 0 && check_team(&f, name, !fresh, err) == 0 &&
	    (text = changed_text(c, &f, name, values, moved, err)) != NULL)
		rv = control_config_use(c->client->d, &f, text, NULL, err);
	config_file_release(&f);
	free(text);
	return rv;
}

static void
answer(struct control *c, const char *name)
{
	struct err err;
	struct team *t = team_require(c->client->d, name, &err);

	if (t != NULL)
		control_done(c, describe_team(t));
	else
		control_failed(c, &err);
}

void
control_team_add(struct control *c, const cJSON *params)
{
	const char *name = json_str(params, "team");
	const cJSON *values = json_obj(params, "values");
	struct err err;

	if (name == NULL || json_str(values, "path") == NULL)
		err_set(&err, ERR_INVALID, "%s needs team, its name, and values with its path",
		    c->method);
	else if (edit(c, name, values, true, &err) == 0) {
		answer(c, name);
		return;
	}
	control_failed(c, &err);
}

void
control_team_edit(struct control *c, const cJSON *params)
{
	const char *name = json_str(params, "team");
	const cJSON *values = json_obj(params, "values");
	struct err err;

	if (name == NULL || values == NULL)
		err_set(&err, ERR_INVALID, "%s needs team and values", c->method);
	else if (edit(c, name, values, false, &err) == 0) {
		answer(c, name);
		return;
	}
	control_failed(c, &err);
}

void
control_team_remove(struct control *c, const cJSON *params)
{
	struct team *t = control_team(c, params);
	struct err err;
	cJSON *o;

	if (t == NULL)
		return;
	o = describe_team(t);
	if (edit(c, t->name, NULL, false, &err) == 0)
		control_done(c, o);
	else {
		cJSON_Delete(o);
		control_failed(c, &err);
	}
}
