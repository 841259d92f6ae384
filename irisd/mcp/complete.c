/* SPDX-License-Identifier: MIT
 *
 * Completion, see complete.h. What is unknown is -32602 in both eras.
 */
#include <string.h>
#include <strings.h>

#include "common/json.h"
#include "irisd/mcp/complete.h"
#include "irisd/mcp/mcp_private.h"
#include "irisd/mcp/prompts.h"
#include "irisd/mcp/resources.h"

#define VALUES_MAX 100 /* MCP: of one completion */

struct completion {
	struct mcp *mcp;
	const char *prefix;
	cJSON *list;
	int total;
};

void
completion_offer(struct completion *c, const char *value)
{
	if (strncasecmp(value, c->prefix, strlen(c->prefix)) != 0)
		return;
	if (c->total++ < VALUES_MAX)
		cJSON_AddItemToArray(c->list, cJSON_CreateString(value));
}

static void
offer_teams(struct completion *c, const char *but)
{
	struct team *t;

	TAILQ_FOREACH (t, &c->mcp->d->teams, entry)
		if (!t->removed && strcmp(t->name, but) != 0)
			completion_offer(c, t->name);
}

void
complete_team(struct completion *c)
{
	offer_teams(c, "");
}

void
complete_other_team(struct completion *c)
{
	char who[TEAM_NAME_MAX];

	c->mcp->carrier->who(c->mcp, who, sizeof who);
	offer_teams(c, who);
}

void
complete_bool(struct completion *c)
{
	completion_offer(c, "true");
	completion_offer(c, "false");
}

static cJSON *
result(struct completion *c, bool modern)
{
	cJSON *r = mcp_result(modern, false), *o = json_new();

	json_put(o, "values", c->list);
	json_put_int(o, "total", c->total);
	json_put_bool(o, "hasMore", c->total > VALUES_MAX);
	json_put(r, "completion", o);
	return r;
}

/* What the table offers for what is asked for; -1 with err when there is no such thing. */
static int
find(const cJSON *ref, const char *name, void (**fn)(struct completion *), struct err *err)
{
	const char *type = json_str(ref, "type");

	if (type != NULL && strcmp(type, "ref/prompt") == 0)
		return prompt_completes(json_str(ref, "name"), name, fn, err);
	if (type != NULL && strcmp(type, "ref/resource") == 0)
		return resource_completes(json_str(ref, "uri"), name, fn, err);
	return err_set(err, ERR_INVALID, "ref.type must be \"ref/prompt\" or \"ref/resource\"");
}

void
complete_request(struct mcp *m, const struct rpc_msg *msg, bool modern)
{
	const cJSON *ref = json_obj(msg->params, "ref"), *arg = json_obj(msg->params, "argument");
	const char *name = json_str(arg, "name");
	struct completion c = {.mcp = m, .prefix = json_str(arg, "value")};
	void (*fn)(struct completion *) = NULL;
	struct err err;

	if (ref == NULL || name == NULL || c.prefix == NULL)
		err_set(&err, ERR_INVALID,
		    "completion/complete needs ref, argument.name and argument.value");
	else if (find(ref, name, &fn, &err) == 0)
		c.list = cJSON_CreateArray();
	if (c.list == NULL) {
		m->carrier->send(m, rpc_error_code(msg->id, RPC_INVALID_PARAMS, err.msg, NULL));
		return;
	}
	if (fn != NULL)
		fn(&c);
	m->carrier->send(m, rpc_result(msg->id, result(&c, modern)));
}
