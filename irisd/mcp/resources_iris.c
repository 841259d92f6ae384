/* SPDX-License-Identifier: MIT
 *
 * The resources that Iris has, as resources.h lists them. Whoever may not see a session or a
 * message is told the same as of one that is not there.
 */
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "common/uuid.h"
#include "common/xmalloc.h"
#include "irisd/core/describe.h"
#include "irisd/core/message.h"
#include "irisd/mcp/resources.h"

#define TYPE         "application/json"
#define TEAM_URI     "iris://teams/"
#define FINAL_TTL_MS 300000 /* a message that has ended stays as it is */

static bool
takes_part(struct mcp *m, const char *from, const char *to)
{
	char who[TEAM_NAME_MAX];

	m->carrier->who(m, who, sizeof who);
	return strcmp(who, from) == 0 || strcmp(who, to) == 0;
}

/* Where another one lies, and what is the matter with it there, is nothing to one on another host. */
static cJSON *
team_json(struct mcp *m, struct team *t)
{
	static const char *const local[] = {"path", "remote", "exists", "down", "tunnel", "line"};
	cJSON *o = describe_team(t);
	size_t i;

	if (!mcp_elsewhere(m) || takes_part(m, t->name, t->name))
		return o;
	for (i = 0; i < sizeof local / sizeof local[0]; i++)
		cJSON_DeleteItemFromObjectCaseSensitive(o, local[i]);
	return o;
}

static cJSON *
read_teams(struct mcp *m, const struct resource *r, int64_t *ttl)
{
	cJSON *o = json_new(), *list = cJSON_CreateArray();
	struct team *t;

	(void)r;
	(void)ttl;
	TAILQ_FOREACH (t, &m->d->teams, entry)
		if (!t->removed)
			cJSON_AddItemToArray(list, team_json(m, t));
	json_put(o, "teams", list);
	return resource_json(o);
}

static cJSON *
read_team(struct mcp *m, const struct resource *r, int64_t *ttl)
{
	struct team *t = team_find(m->d, r->values[0]);
	cJSON *o;

	(void)ttl;
	if (t == NULL)
		return NULL;
	o = team_json(m, t);
	if (!mcp_elsewhere(m) || takes_part(m, t->name, t->name))
		json_put(o, "problems", describe_problems(t));
	return resource_json(o);
}

static cJSON *
read_session(struct mcp *m, const struct resource *r, int64_t *ttl)
{
	const char *from = r->values[0], *to = r->values[1];
	struct session *s = NULL;
	struct team *t;
	struct err err;

	(void)ttl;
	if (takes_part(m, from, to) && (t = team_find(m->d, to)) != NULL)
		s = session_get(t, from, false, &err);
	return s != NULL ? resource_json(describe_session(s)) : NULL;
}

/* What a team has given to its tools is its own affair: others have the names. */
static void
hide_inputs(struct store_message *row)
{
	cJSON *tools, *tool;
	struct err err;

	if (row->tools == NULL)
		return;
	tools = json_parse(row->tools, strlen(row->tools), &err);
	cJSON_ArrayForEach (tool, tools)
		cJSON_DeleteItemFromObjectCaseSensitive(tool, "input");
	free(row->tools);
	row->tools = tools != NULL ? json_print(tools) : NULL;
	cJSON_Delete(tools);
}

static cJSON *
read_message(struct mcp *m, const struct resource *r, int64_t *ttl)
{
	struct store_message row;
	cJSON *o = NULL;

	if (!uuid_valid(r->values[0]) || !store_message_load(m->d->store, r->values[0], &row))
		return NULL;
	if (takes_part(m, row.from, row.to)) {
		if (ladder_final(row.state))
			*ttl = FINAL_TTL_MS;
		if (!takes_part(m, row.to, row.to))
			hide_inputs(&row);
		o = resource_json(describe_message(&row, m->d->store));
	}
	store_message_release(&row);
	return o;
}

/* The URI of a team, malloc'ed. */
static char *
team_uri(const char *name)
{
	static const char plain[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~:";
	static const char digits[] = "0123456789ABCDEF", head[] = TEAM_URI;
	char *uri = xmalloc(sizeof head + 3 * strlen(name)), *p = uri + sizeof head - 1;

	memcpy(uri, head, sizeof head - 1);
	for (; *name != '\0'; name++) {
		if (strchr(plain, *name) != NULL) {
			*p++ = *name;
		} else {
			*p++ = '%';
			*p++ = digits[(unsigned char)*name >> 4];
			*p++ = digits[(unsigned char)*name & 15];
		}
	}
	*p = '\0';
	return uri;
}

static void
list_teams(const struct resource_row *row, struct mcp *m, cJSON *list)
{
	struct team *t;
	char *uri;

	TAILQ_FOREACH (t, &m->d->teams, entry) {
		if (t->removed)
			continue;
		uri = team_uri(t->name);
		cJSON_AddItemToArray(list,
		    resource_entry(row, uri, t->name,
			t->cfg->description != NULL ? t->cfg->description : "A team."));
		free(uri);
	}
}

const struct resource_row resources_iris[] = {
    {.kind = RESOURCE_TEAMS,
	.uri = "iris://teams",
	.name = "teams",
	.title = "All teams",
	.description = "The teams that can be asked: their projects, and whether they are awake.",
	.type = TYPE,
	.read = read_teams},
    {.kind = RESOURCE_TEAM,
	.uri = TEAM_URI "{name}",
	.name = "team",
	.title = "A team",
	.description = "One team: its project's directory, description and settings, whether it is "
		       "awake, and what stands in the way of reaching it.",
	.type = TYPE,
	.complete = {complete_team},
	.list = list_teams,
	.read = read_team},
    {.kind = RESOURCE_SESSION,
	.uri = "iris://sessions/{from}/{to}",
	.name = "session",
	.title = "A session",
	.description = "The conversation that one team has with another: its state, what it is "
		       "doing, how many messages wait. Readable by both of them.",
	.type = TYPE,
	.complete = {complete_team, complete_team},
	.read = read_session},
    {.kind = RESOURCE_MESSAGE,
	.uri = "iris://messages/{id}",
	.name = "message",
	.title = "A message",
	.description = "A message with its answer, its state and each step so far. Readable by who "
		       "sent it and by who received it.",
	.type = TYPE,
	.read = read_message},
    {0},
};
