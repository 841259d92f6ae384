/* SPDX-License-Identifier: MIT
 *
 * Turns what irisd knows into JSON, see describe.h.
 */
#include <sys/stat.h>
#include <string.h>
#include <unistd.h>

#include "common/compat.h"
#include "common/json.h"
#include "irisd/core/backoff.h"
#include "irisd/core/describe.h"
#include "irisd/core/line.h"
#include "irisd/core/message.h"
#include "irisd/core/tunnel.h"

static void
receipt_cb(const struct store_receipt *r, void *arg)
{
	cJSON *list = arg, *o = json_new();

	json_put_str(o, "state", ladder_name(r->state));
	json_put_int(o, "at", r->at);
	json_put_str(o, "evidence", r->evidence);
	cJSON_AddItemToArray(list, o);
}

cJSON *
describe_receipts(struct store *s, const char *id)
{
	cJSON *list = cJSON_CreateArray();

	store_receipts_each(s, id, receipt_cb, list);
	return list;
}

static cJSON *
usage_json(const struct store_usage *u)
{
	cJSON *o = json_new();

	json_put_int(o, "inputTokens", u->input_tokens);
	json_put_int(o, "outputTokens", u->output_tokens);
	json_put_int(o, "cacheReadTokens", u->cache_read_tokens);
	json_put_int(o, "cacheCreationTokens", u->cache_creation_tokens);
	json_put_num(o, "costUsd", u->cost_usd);
	json_put_int(o, "numTurns", u->num_turns);
	json_put_int(o, "durationMs", u->duration_ms);
	json_put_str_opt(o, "model", u->model);
	return o;
}

cJSON *
describe_message(const struct store_message *m, struct store *s)
{
	cJSON *o = json_new(), *e;

	json_put_str(o, "id", m->id);
	json_put_str(o, "from", m->from);
	json_put_str(o, "to", m->to);
	json_put_str(o, "message", m->body);
	json_put_str(o, "state", ladder_name(m->state));
	json_put_str_opt(o, "response", m->answer);
	if (m->code != ERR_NONE) {
		e = json_new();
		json_put_str(e, "code", err_name(m->code));
		json_put_str(e, "reason", m->reason);
		json_put(o, "error", e);
	}
	json_put_int(o, "createdAt", m->created_at);
	json_put_int(o, "updatedAt", m->updated_at);
	if (ladder_final(m->state))
		json_put_int(o, "duration", m->updated_at - m->created_at);
	json_put_str(o, "root", m->root);
	if (m->parent[0] != '\0')
		json_put_str(o, "parent", m->parent);
	json_put_int(o, "hops", m->hops);
	if (m->has_usage)
		json_put(o, "usage", usage_json(&m->usage));
	if (m->expires_at != 0)
		json_put_int(o, "expiresAt", m->expires_at);
	if (m->tools != NULL)
		json_put_raw(o, "tools", m->tools, strlen(m->tools));
	if (s != NULL)
		json_put(o, "receipts", describe_receipts(s, m->id));
	return o;
}

void
describe_health(cJSON *o, const struct session *s)
{
	char why[HEALTH_WHY];

	json_put_str_opt(o, "health", health_name(health_of(s, why)));
	json_put_str_opt(o, "healthReason", why[0] != '\0' ? why : NULL);
}

cJSON *
describe_session(const struct session *s)
{
	cJSON *o = json_new();

	json_put_str(o, "from", s->row.from);
	json_put_str(o, "to", s->row.to);
	json_put_str(o, "sessionId", s->row.claude_id);
	json_put_str(o, "state", session_state_name(s->state));
	if (s->pid != 0)
		json_put_int(o, "pid", s->pid);
	json_put_int(o, "queued", s->queued);
	json_put_int(o, "messages", s->row.messages);
	json_put_int(o, "createdAt", s->row.created_at);
	json_put_int(o, "lastUsed", s->row.last_used_at);
	json_put_num(o, "costUsd", s->row.cost_usd);
	json_put_str_opt(o, "current", s->current != NULL ? s->current->id : NULL);
	json_put_str_opt(o, "model", s->model[0] != '\0' ? s->model : NULL);
	json_put_str_opt(o, "activity", s->activity[0] != '\0' ? s->activity : NULL);
	describe_health(o, s);
	return o;
}

static cJSON *
line_json(const struct team *t)
{
	char host[256];
	cJSON *o = json_new();

	line_host(t, host, sizeof host);
	json_put_str(o, "host", host);
	json_put_int(o, "down", t->line.since);
	json_put_str(o, "why", t->line.why);
	if (line_next(t) != 0)
		json_put_int(o, "nextTry", line_next(t));
	return o;
}

cJSON *
describe_team(const struct team *t)
{
	const struct config_team *c = t->cfg;
	struct stat st;
	struct err why;
	cJSON *o = json_new(), *tunnel;

	json_put_str(o, "name", t->name);
	json_put_str(o, "path", c->path);
	json_put_str(o, "description", c->description);
	json_put_str_opt(o, "color", c->color);
	json_put_str_opt(o, "remote", c->remote);
	json_put_str_opt(o, "model", c->model);
	json_put_int(o, "idleTimeout", c->idle_timeout);
	json_put_str(o, "grantPermission", config_grant_names[c->grant_permission]);
	json_put_str(o, "status", team_awake(t) ? "awake" : "asleep");
	json_put_bool(
	    o, "exists", c->remote != NULL || (stat(c->path, &st) == 0 && S_ISDIR(st.st_mode)));
	if ((tunnel = tunnel_json(t)) != NULL)
		json_put(o, "tunnel", tunnel);
	if (backoff_down(t, &why))
		json_put_str(o, "down", why.msg);
	else if (backoff_until(t) != 0)
		json_put_int(o, "retryAt", backoff_until(t));
	if (line_down(t))
		json_put(o, "line", line_json(t));
	return o;
}

cJSON *
describe_problems(const struct team *t)
{
	const struct config_team *c = t->cfg;
	cJSON *list = cJSON_CreateArray();
	const char *text = NULL;
	char line[512];
	struct stat st;

	if (c->remote != NULL && line_down(t)) {
		line_describe(t, line, sizeof line);
		text = line;
	} else if (c->remote != NULL)
		text = NULL;
	else if (stat(c->path, &st) == -1)
		text = "its directory does not exist; correct teams.<name>.path, or make it";
	else if (!S_ISDIR(st.st_mode))
		text = "its path is no directory; correct teams.<name>.path";
	else if (access(c->path, R_OK | X_OK) == -1)
		text = "its directory can not be entered by this user; change its mode or owner";
	if (text != NULL)
		cJSON_AddItemToArray(list, cJSON_CreateString(text));
	return list;
}
