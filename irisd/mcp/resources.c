/* SPDX-License-Identifier: MIT
 *
 * The resources, see resources.h. Whoever may not see a session or a message is told the same as of
 * one that is not there.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "common/uuid.h"
#include "common/xmalloc.h"
#include "irisd/core/describe.h"
#include "irisd/core/message.h"
#include "irisd/mcp/mcp_private.h"
#include "irisd/mcp/resources.h"

#define SCHEME           "iris://"
#define TYPE             "application/json"
#define LEGACY_NOT_FOUND (-32002)
#define FINAL_TTL_MS     300000 /* a message that has ended stays as it is */

struct template
{
	const char *uri, *name, *title, *description;
	const char *variables[2]; /* those that are teams' names */
	const char *other;        /* one that nothing can be offered for */
};

static const struct template templates[] = {
    {SCHEME "teams/{name}", "team", "A team",
	"One team: its project's directory, description and settings, whether it is awake, and what "
	"stands in the way of reaching it.",
	{"name", NULL}, NULL},
    {SCHEME "sessions/{from}/{to}", "session", "A session",
	"The conversation that one team has with another: its state, what it is doing, how many "
	"messages wait. Readable by both of them.",
	{"from", "to"}, NULL},
    {SCHEME "messages/{id}", "message", "A message",
	"A message with its answer, its state and each step so far. Readable by who sent it and by who "
	"received it.",
	{NULL, NULL}, "id"},
};
#define NTEMPLATES (sizeof templates / sizeof templates[0])

/* --- URIs ------------------------------------------------------------------------------------- */

static int
hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* One segment of a path, decoded: where it ends; NULL when it is empty, too long or malformed. */
static const char *
segment(const char *p, char *out, size_t size)
{
	size_t n = 0;
	int c;

	for (; *p != '\0' && *p != '/'; p++) {
		c = (unsigned char)*p;
		if (c == '?' || c == '#')
			return NULL;
		if (c == '%') {
			if (hex(p[1]) == -1 || hex(p[2]) == -1)
				return NULL;
			c = hex(p[1]) * 16 + hex(p[2]);
			p += 2;
		}
		if (c == '\0' || n == size - 1)
			return NULL;
		out[n++] = (char)c;
	}
	out[n] = '\0';
	return n > 0 && json_utf8_valid(out, n) ? p : NULL;
}

int
resource_parse(const char *uri, struct resource *r)
{
	char first[16];
	const char *p;

	memset(r, 0, sizeof *r);
	if (strncmp(uri, SCHEME, strlen(SCHEME)) != 0 ||
	    (p = segment(uri + strlen(SCHEME), first, sizeof first)) == NULL)
		return -1;
	if (strcmp(first, "teams") == 0 && *p == '\0') {
		r->kind = RESOURCE_TEAMS;
		return 0;
	}
	if (*p != '/' || (p = segment(p + 1, r->a, sizeof r->a)) == NULL)
		return -1;
	if (strcmp(first, "teams") == 0)
		r->kind = RESOURCE_TEAM;
	else if (strcmp(first, "messages") == 0)
		r->kind = RESOURCE_MESSAGE;
	else if (strcmp(first, "sessions") == 0)
		r->kind = RESOURCE_SESSION;
	else
		return -1;
	if (r->kind == RESOURCE_SESSION &&
	    (*p != '/' || (p = segment(p + 1, r->b, sizeof r->b)) == NULL))
		return -1;
	return *p == '\0' ? 0 : -1;
}

/* The URI of a team, malloc'ed. */
static char *
team_uri(const char *name)
{
	static const char plain[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~:";
	static const char digits[] = "0123456789ABCDEF", head[] = SCHEME "teams/";
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

/* --- who may see what ------------------------------------------------------------------------- */

static bool
takes_part(struct mcp *m, const char *from, const char *to)
{
	char who[TEAM_NAME_MAX];

	m->carrier->who(m, who, sizeof who);
	return strcmp(who, from) == 0 || strcmp(who, to) == 0;
}

static struct session *
find_session(struct mcp *m, const struct resource *r)
{
	struct team *t = takes_part(m, r->a, r->b) ? team_find(m->d, r->b) : NULL;
	struct err err;

	return t != NULL ? session_get(t, r->a, false, &err) : NULL;
}

/* False: not there, or not for this client; else release row. */
static bool
load_message(struct mcp *m, const struct resource *r, struct store_message *row)
{
	if (!uuid_valid(r->a) || !store_message_load(m->d->store, r->a, row))
		return false;
	if (takes_part(m, row->from, row->to))
		return true;
	store_message_release(row);
	return false;
}

bool
resource_visible(struct mcp *m, const struct resource *r)
{
	struct store_message row;

	switch (r->kind) {
	case RESOURCE_TEAMS:
		return true;
	case RESOURCE_TEAM:
		return team_find(m->d, r->a) != NULL;
	case RESOURCE_SESSION:
		return find_session(m, r) != NULL;
	case RESOURCE_MESSAGE:
		if (!load_message(m, r, &row))
			return false;
		store_message_release(&row);
		return true;
	}
	return false;
}

void
resource_refuse(struct mcp *m, const struct rpc_msg *msg, const char *uri, bool modern)
{
	cJSON *data = json_new();

	json_put_str(data, "uri", uri);
	m->carrier->send(m,
	    rpc_error_code(msg->id, modern ? RPC_INVALID_PARAMS : LEGACY_NOT_FOUND,
		"there is no such resource for this project; resources/list and "
		"resources/templates/list name those there are",
		data));
}

/* --- lists ------------------------------------------------------------------------------------ */

static bool
first_page(struct mcp *m, const struct rpc_msg *msg)
{
	if (json_get(msg->params, "cursor") == NULL)
		return true;
	m->carrier->send(m,
	    rpc_error_code(msg->id, RPC_INVALID_PARAMS,
		"no such cursor: everything is on the first page", NULL));
	return false;
}

static cJSON *
entry(
    const char *key, const char *uri, const char *name, const char *title, const char *description)
{
	cJSON *o = json_new();

	json_put_str(o, key, uri);
	json_put_str(o, "name", name);
	json_put_str(o, "title", title);
	json_put_str(o, "description", description);
	json_put_str(o, "mimeType", TYPE);
	return o;
}

/* Of this user's alone, and as of now: a change is told to who asked for that. */
static void
put_caching(cJSON *result, bool modern, int64_t ttl)
{
	if (!modern)
		return;
	json_put_int(result, "ttlMs", ttl);
	json_put_str(result, "cacheScope", "private");
}

void
resources_list(struct mcp *m, const struct rpc_msg *msg, bool modern)
{
	cJSON *r, *list;
	struct team *t;
	char *uri;

	if (!first_page(m, msg))
		return;
	r = mcp_result(modern, false);
	list = cJSON_CreateArray();
	cJSON_AddItemToArray(list,
	    entry("uri", SCHEME "teams", "teams", "All teams",
		"The teams that can be asked: their projects, and whether they are awake."));
	TAILQ_FOREACH (t, &m->d->teams, entry) {
		if (t->removed)
			continue;
		uri = team_uri(t->name);
		cJSON_AddItemToArray(list,
		    entry("uri", uri, t->name, t->name,
			t->cfg->description != NULL ? t->cfg->description : "A team."));
		free(uri);
	}
	json_put(r, "resources", list);
	put_caching(r, modern, 0);
	m->carrier->send(m, rpc_result(msg->id, r));
}

void
resources_templates(struct mcp *m, const struct rpc_msg *msg, bool modern)
{
	const struct template *t;
	cJSON *r, *list;
	size_t i;

	if (!first_page(m, msg))
		return;
	r = mcp_result(modern, true);
	list = cJSON_CreateArray();
	for (i = 0; i < NTEMPLATES; i++) {
		t = &templates[i];
		cJSON_AddItemToArray(
		    list, entry("uriTemplate", t->uri, t->name, t->title, t->description));
	}
	json_put(r, "resourceTemplates", list);
	m->carrier->send(m, rpc_result(msg->id, r));
}

int
resource_variable(const char *template, const char *variable)
{
	const struct template *t;
	size_t i, k;

	for (i = 0; i < NTEMPLATES; i++) {
		t = &templates[i];
		if (strcmp(t->uri, template) != 0)
			continue;
		for (k = 0; k < 2; k++)
			if (t->variables[k] != NULL && strcmp(t->variables[k], variable) == 0)
				return 0;
		if (t->other != NULL && strcmp(t->other, variable) == 0)
			return 1;
	}
	return -1;
}

/* --- resources/read --------------------------------------------------------------------------- */

static cJSON *
teams_json(struct irisd *d)
{
	cJSON *o = json_new(), *list = cJSON_CreateArray();
	struct team *t;

	TAILQ_FOREACH (t, &d->teams, entry)
		if (!t->removed)
			cJSON_AddItemToArray(list, describe_team(t));
	json_put(o, "teams", list);
	return o;
}

/* NULL: not there, or not for this client. */
static cJSON *
resource_json(struct mcp *m, const struct resource *r, int64_t *ttl)
{
	struct store_message row;
	struct session *s;
	struct team *t;
	cJSON *o;

	*ttl = 0;
	switch (r->kind) {
	case RESOURCE_TEAMS:
		return teams_json(m->d);
	case RESOURCE_TEAM:
		if ((t = team_find(m->d, r->a)) == NULL)
			return NULL;
		o = describe_team(t);
		json_put(o, "problems", describe_problems(t));
		return o;
	case RESOURCE_SESSION:
		return (s = find_session(m, r)) != NULL ? describe_session(s) : NULL;
	case RESOURCE_MESSAGE:
		if (!load_message(m, r, &row))
			return NULL;
		if (ladder_final(row.state))
			*ttl = FINAL_TTL_MS;
		o = describe_message(&row, m->d->store);
		store_message_release(&row);
		return o;
	}
	return NULL;
}

/* Takes o. */
static char *
read_result(const struct rpc_msg *msg, const char *uri, bool modern, cJSON *o, int64_t ttl)
{
	cJSON *r = mcp_result(modern, false), *list = cJSON_CreateArray(), *c = json_new();
	char *text = json_print(o);

	cJSON_Delete(o);
	json_put_str(c, "uri", uri);
	json_put_str(c, "mimeType", TYPE);
	json_put_str(c, "text", text);
	free(text);
	cJSON_AddItemToArray(list, c);
	json_put(r, "contents", list);
	put_caching(r, modern, ttl);
	return rpc_result(msg->id, r);
}

void
resources_read(struct mcp *m, const struct rpc_msg *msg, bool modern)
{
	const char *uri = json_str(msg->params, "uri");
	struct resource r;
	cJSON *o = NULL;
	struct err err;
	int64_t ttl;
	char *line;

	if (uri == NULL) {
		m->carrier->send(m,
		    rpc_error_code(msg->id, RPC_INVALID_PARAMS,
			"resources/read needs params.uri, as in iris://teams", NULL));
		return;
	}
	if (resource_parse(uri, &r) == 0)
		o = resource_json(m, &r, &ttl);
	if (o == NULL) {
		resource_refuse(m, msg, uri, modern);
		return;
	}
	line = read_result(msg, uri, modern, o, ttl);
	/* Texts in JSON in JSON: the longest message and its answer may not fit into one line. */
	if (strlen(line) > RPC_LINE_MAX) {
		free(line);
		err_set(&err, ERR_LIMIT,
		    "the resource is longer than a line may be; message_result gives the answer alone");
		line = rpc_error(msg->id, &err, NULL);
	}
	m->carrier->send(m, line);
}
