/* SPDX-License-Identifier: MIT
 *
 * Dispatch of control calls by the table, and the calls about irisd itself. The others are in
 * control_team.c and control_message.c.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/compat.h"
#include "common/json.h"
#include "common/xmalloc.h"
#include "irisd/core/describe.h"
#include "irisd/core/permission.h"
#include "irisd/core/rate.h"
#include "irisd/core/renew.h"
#include "irisd/core/tunnel.h"
#include "irisd/net/control.h"
#include "irisd/net/control_login.h"
#include "irisd/net/control_remote.h"
#include "irisd/net/control_scope.h"
#include "irisd/net/room.h"
#include "irisd/net/web.h"
#include "irisd/net/web_client.h"
#include "irisd/net/worker.h"
#include "irisd/watch.h"

static const struct {
	const char *method, *scope;
	void (*fn)(struct control *, const cJSON *);
} methods[] = {
#define CONTROL_X(sym, method, scope, params, help) {method, scope, control_##sym},
#include "irisd/net/control_table.h"
#undef CONTROL_X
};

#define CALLS_MAX 1000 /* that wait, of one connection */
#define TOOK_MS   5    /* a call of this length counts for more than one */

#define NMETHODS (sizeof methods / sizeof methods[0])

static void
control_free(struct control *c)
{
	TAILQ_REMOVE(&c->client->controls, c, entry);
	if (c->wait != NULL)
		message_unwait(c->wait);
	if (c->watching)
		session_unwatch(c->client->d, c);
	if (c->renewing)
		renew_unwatch(c->client->d, c);
	control_remote_release(c);
	control_event_release(c);
	cJSON_Delete(c->result);
	cJSON_Delete(c->data);
	free(c->id);
	free(c);
}

void
control_done(struct control *c, cJSON *result)
{
	control_scope_trim(c->client, c->method, result);
	peer_send(c->client->peer, rpc_result(c->id, result));
	control_free(c);
}

void
control_failed(struct control *c, const struct err *why)
{
	cJSON *data = c->data;

	c->data = NULL;
	if (data == NULL && (c->message[0] != '\0' || c->retry_after > 0))
		data = json_new();
	if (c->message[0] != '\0')
		json_put_str(data, "id", c->message);
	if (c->retry_after > 0)
		json_put_int(data, "retryAfter", c->retry_after);
	peer_send(c->client->peer, rpc_error(c->id, why, data));
	control_free(c);
}

/* What the members of params are, in whatever method. */
static const struct {
	const char *name;
	cJSON_bool (*is)(const cJSON *);
	const char *what;
} types[] = {
    {"team", cJSON_IsString, "a string"},
    {"to", cJSON_IsString, "a string"},
    {"from", cJSON_IsString, "a string"},
    {"message", cJSON_IsString, "a string"},
    {"id", cJSON_IsString, "a string"},
    {"query", cJSON_IsString, "a string"},
    {"yaml", cJSON_IsString, "a string"},
    {"etag", cJSON_IsString, "a string"},
    {"level", cJSON_IsString, "a string"},
    {"component", cJSON_IsString, "a string"},
    {"contains", cJSON_IsString, "a string"},
    {"sinceDay", cJSON_IsString, "a string"},
    {"untilDay", cJSON_IsString, "a string"},
    {"by", cJSON_IsString, "a string"},
    {"config", cJSON_IsObject, "an object"},
    {"values", cJSON_IsObject, "an object"},
    {"state", cJSON_IsString, "a string"},
    {"before", cJSON_IsString, "a string"},
    {"idempotencyKey", cJSON_IsString, "a string"},
    {"name", cJSON_IsString, "a string"},
    {"scope", cJSON_IsString, "a string"},
    {"key", cJSON_IsString, "a string"},
    {"token", cJSON_IsString, "a string"},
    {"session", cJSON_IsString, "a string"},
    {"behavior", cJSON_IsString, "a string"},
    {"inputHash", cJSON_IsString, "a string"},
    {"reason", cJSON_IsString, "a string"},
    {"rule", cJSON_IsString, "a string"},
    {"hash", cJSON_IsString, "a string"},
    {"host", cJSON_IsString, "a string"},
    {"record", cJSON_IsString, "a string"},
    {"seq", cJSON_IsNumber, "a whole number"},
    {"number", cJSON_IsNumber, "a whole number"},
    {"updatedInput", cJSON_IsObject, "an object"},
    {"remember", cJSON_IsBool, "true or false"},
    {"all", cJSON_IsBool, "true or false"},
    {"ports", cJSON_IsArray, "a list"},
    {"topics", cJSON_IsArray, "a list"},
    {"since", cJSON_IsNumber, "a whole number"},
    {"expires", cJSON_IsNumber, "a whole number of ms"},
    {"timeout", cJSON_IsNumber, "a whole number of ms"},
    {"ttl", cJSON_IsNumber, "a whole number of ms"},
    {"wait", cJSON_IsNumber, "a whole number of ms"},
    {"limit", cJSON_IsNumber, "a whole number"},
    {"status", cJSON_IsNumber, "a whole number"},
    {"error", cJSON_IsString, "a string"},
    {"stream", cJSON_IsBool, "true or false"},
    {"force", cJSON_IsBool, "true or false"},
    {"mcp", cJSON_IsBool, "true or false"},
    {"api", cJSON_IsBool, "true or false"},
    {"handover", cJSON_IsBool, "true or false"},
};

/* A member of another type is refused: passed over, "only this one" would mean all of them. */
static int
check_types(const char *method, const cJSON *params, struct err *err)
{
	const cJSON *v;
	int64_t n;
	size_t i;

	if (params != NULL && !cJSON_IsObject(params))
		return err_set(err, ERR_INVALID, "%s takes an object", method);
	for (i = 0; i < sizeof types / sizeof types[0]; i++) {
		v = json_get(params, types[i].name);
		if (v == NULL || cJSON_IsNull(v))
			continue;
		if (!types[i].is(v) ||
		    (cJSON_IsNumber(v) && json_int(params, types[i].name, &n) == -1))
			return err_set(err, ERR_INVALID, "%s: %s must be %s", method, types[i].name,
			    types[i].what);
	}
	return 0;
}

static bool
too_many(const struct client *client)
{
	const struct control *c;
	int n = 0;

	TAILQ_FOREACH (c, &client->controls, entry)
		n++;
	return n >= CALLS_MAX;
}

/* A call of a key's has kept irisd to itself for so long (ms). */
static void
took(struct client *client, int64_t ms)
{
	const char *team;
	unsigned scopes;

	if (ms >= TOOK_MS && web_client_scoped(client, &scopes, &team))
		rate_took(&client->d->rates, web_client_key(client), ms);
}

void
control_request(struct client *client, const struct rpc_msg *m)
{
	struct control *c;
	int64_t started;
	struct err err;
	char text[128];
	size_t i;

	for (i = 0; i < NMETHODS; i++)
		if (strcmp(methods[i].method, m->method) == 0)
			break;
	if (i == NMETHODS) {
		snprintf(text, sizeof text, "irisd has no method \"%.60s\"", m->method);
		json_utf8_mend(text);
		peer_send(client->peer, rpc_error_code(m->id, RPC_METHOD_NOT_FOUND, text, NULL));
		return;
	}
	if (too_many(client)) {
		err_set(&err, ERR_LIMIT,
		    "%d calls of this connection wait for their answers already", CALLS_MAX);
		peer_send(client->peer, rpc_error(m->id, &err, NULL));
		return;
	}
	c = xcalloc(1, sizeof *c);
	c->client = client;
	c->id = xstrdup(m->id);
	c->method = methods[i].method;
	started = c->started = compat_mono_ms();
	TAILQ_INSERT_TAIL(&client->controls, c, entry);
	if (check_types(c->method, m->params, &err) == -1 ||
	    control_scope_check(client, c->method, methods[i].scope, m->params, &err) == -1)
		control_failed(c, &err);
	else
		methods[i].fn(c, m->params);
	took(client, compat_mono_ms() - started);
}

/* Who sent a message and waits for it is gone, with settings.cancelOnDisconnect. */
void
control_lost(struct client *client)
{
	struct control *c, *next;
	struct message *m;

	TAILQ_FOREACH_SAFE (c, &client->controls, entry, next) {
		if (c->wait == NULL || !c->sent)
			continue;
		m = c->wait->message;
		control_free(c);
		message_abandoned(m);
	}
}

void
control_drop_all(struct client *client)
{
	while (!TAILQ_EMPTY(&client->controls))
		control_free(TAILQ_FIRST(&client->controls));
}

void
control_stop(struct client *client, const struct err *why)
{
	while (!TAILQ_EMPTY(&client->controls))
		control_failed(TAILQ_FIRST(&client->controls), why);
}

/* A guest's name is as team_of_dir and web_client.c make them; it goes into envelopes. */
static int
check_guest(const char *name, struct err *err)
{
	return config_check_team_name(strncmp(name, "key:", 4) == 0 ? name + 4 : name, err);
}

bool
control_from(struct control *c, const cJSON *params, char *name, size_t size)
{
	const char *from = json_str(params, "from");
	struct err err;

	if (from == NULL || from[0] == '\0') {
		client_who(c->client, name, size);
		return true;
	}
	if (strncmp(from, "guest:", 6) == 0 ? check_guest(from + 6, &err) == -1
					    : team_require(c->client->d, from, &err) == NULL) {
		control_failed(c, &err);
		return false;
	}
	compat_strlcpy(name, from, size);
	return true;
}

static cJSON *
sessions_json(struct irisd *d)
{
	cJSON *list = cJSON_CreateArray();
	struct session *s;
	struct team *t;

	TAILQ_FOREACH (t, &d->teams, entry)
		TAILQ_FOREACH (s, &t->sessions, team_entry)
			cJSON_AddItemToArray(list, describe_session(s));
	return list;
}

cJSON *
control_pool_json(struct irisd *d)
{
	struct session *s;
	cJSON *o = json_new();
	int waiting = 0;

	TAILQ_FOREACH (s, &d->waiting, wait_entry)
		waiting++;
	json_put_int(o, "active", d->active);
	json_put_int(o, "max", d->conf->config->settings.max_processes);
	json_put_int(o, "waiting", waiting);
	json_put_int(o, "queued", d->queued);
	return o;
}

cJSON *
control_counts_json(struct irisd *d)
{
	int64_t counts[LADDER_COUNT];
	cJSON *o = json_new();
	int i;

	store_message_counts(d->store, counts);
	for (i = 0; i < LADDER_COUNT; i++)
		json_put_int(o, ladder_name((enum ladder)i), counts[i]);
	return o;
}

static int64_t
pending_permissions(const struct irisd *d)
{
	const struct permission *p;
	int64_t n = 0;

	TAILQ_FOREACH (p, &d->permissions, entry)
		n++;
	return n;
}

/* What the system lacks, and what irisd refuses for it. */
static void
add_shortages(struct irisd *d, cJSON *warnings)
{
	struct err err;

	if (room_short(d) && room_for_shim(d, 0, &err) == -1)
		cJSON_AddItemToArray(warnings, cJSON_CreateString(err.msg));
	if (store_room(d->store, &err) == -1)
		cJSON_AddItemToArray(warnings, cJSON_CreateString(err.msg));
}

static void
add_unread(struct irisd *d, cJSON *warnings)
{
	char text[PATHS_MAX + 96];

	if (!watch_unread(d))
		return;
	snprintf(text, sizeof text,
	    "%s has changed since irisd read it; \"iris reload\" has it read, and shows what is new",
	    d->paths.config);
	cJSON_AddItemToArray(warnings, cJSON_CreateString(text));
}

void
control_daemon_status(struct control *c, const cJSON *params)
{
	struct irisd *d = c->client->d;
	const struct config *cfg = d->conf->config;
	cJSON *o = json_new(), *warnings = cJSON_CreateArray();
	struct client *other;
	int connections = 0;
	size_t i;

	(void)params;
	TAILQ_FOREACH (other, &d->clients, entry)
		connections++;
	for (i = 0; i < cfg->warnings.n; i++)
		cJSON_AddItemToArray(warnings, cJSON_CreateString(cfg->warnings.v[i]));
	if (d->config_error[0] != '\0')
		cJSON_AddItemToArray(warnings, cJSON_CreateString(d->config_error));
	add_unread(d, warnings);
	add_shortages(d, warnings);
	web_warnings(d, warnings);
	tunnel_warnings(d, warnings);
	json_put_str(o, "version", IRIS_VERSION);
	json_put_int(o, "pid", getpid());
	json_put_int(o, "startedAt", d->started_at);
	json_put_int(o, "uptime", compat_now_ms() - d->started_at);
	json_put_str(o, "home", d->paths.home);
	json_put_str(o, "socket", d->paths.sock);
	json_put_str(o, "config", d->paths.config);
	json_put_str(o, "database", d->paths.db);
	json_put_bool(o, "stopping", d->stopping);
	json_put_int(o, "teams", (int64_t)cfg->nteams);
	json_put(o, "pool", control_pool_json(d));
	json_put(o, "workers", worker_json(d));
	json_put_int(o, "adopting", worker_adopting(d));
	json_put(o, "web", web_json(d));
	json_put(o, "sessions", sessions_json(d));
	json_put(o, "messages", control_counts_json(d));
	json_put_int(o, "permissions", pending_permissions(d));
	json_put_int(o, "connections", connections);
	json_put(o, "warnings", warnings);
	control_done(c, o);
}

void
control_daemon_stop(struct control *c, const cJSON *params)
{
	struct irisd *d = c->client->d;
	bool handover = json_bool(params, "handover", false);

	control_done(c, json_new());
	if (handover)
		irisd_handover(d, "asked to by iris");
	else
		irisd_stop(d, "asked to by iris");
}

void
control_config_reload(struct control *c, const cJSON *params)
{
	struct irisd *d = c->client->d;
	cJSON *o = json_new(), *warnings = cJSON_CreateArray();
	struct err err;
	size_t i;

	(void)params;
	if (irisd_reload(d, o, &err) == -1) {
		cJSON_Delete(o);
		cJSON_Delete(warnings);
		control_failed(c, &err);
		return;
	}
	for (i = 0; i < d->conf->config->warnings.n; i++)
		cJSON_AddItemToArray(warnings, cJSON_CreateString(d->conf->config->warnings.v[i]));
	json_put(o, "warnings", warnings);
	control_done(c, o);
}

static cJSON *
settled_json(struct irisd *d)
{
	cJSON *o = json_new();

	json_put(o, "workers", worker_json(d));
	return o;
}

void
control_daemon_settled(struct control *c, const cJSON *params)
{
	struct irisd *d = c->client->d;

	(void)params;
	if (worker_adopting(d) > 0)
		c->settling = true;
	else
		control_done(c, settled_json(d));
}

void
control_settled(struct irisd *d)
{
	struct client *client;
	struct control *c, *next;

	TAILQ_FOREACH (client, &d->clients, entry)
		TAILQ_FOREACH_SAFE (c, &client->controls, entry, next)
			if (c->settling)
				control_done(c, settled_json(d));
}

void
control_web_listening(struct control *c, const cJSON *params)
{
	web_listens(
	    c->client->d, c->client->pid, json_arr(params, "ports"), json_obj(params, "tls"));
	control_login_listening(c->client->d);
	control_done(c, json_new());
}
