/* SPDX-License-Identifier: MIT
 *
 * The routes that Iris MCP's dashboard server had, for programs that were written for them: the same
 * paths and members, {"success": true, ...} or {"success": false, "error": "..."}. Whoever calls
 * them needs a key, or a login, as elsewhere, and its scopes.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/compat.h"
#include "common/xmalloc.h"
#include "irisd/web/api_private.h"

/* What Iris MCP calls the states of a process. */
static const struct {
	const char *ours, *theirs;
} states[] = {
    {"asleep", "stopped"},
    {"waiting", "spawning"},
    {"starting", "spawning"},
    {"idle", "idle"},
    {"busy", "processing"},
    {"stopping", "terminating"},
};

static const char *
state_name(const char *ours)
{
	size_t i;

	for (i = 0; i < sizeof states / sizeof states[0]; i++)
		if (ours != NULL && strcmp(states[i].ours, ours) == 0)
			return states[i].theirs;
	return "stopped";
}

/* As in /api/v1, with the members that belong to these routes. */
static void
fail(struct api *a, const struct err *err, cJSON *data)
{
	int status = api_status(err->code);
	cJSON *o = json_new();
	char extra[API_EXTRA];

	api_advice(status, data, extra);
	json_put_bool(o, "success", false);
	json_put_str(o, "error", err->msg);
	if (data != NULL)
		json_put(o, "details", data);
	api_object(a, status, extra, o);
}

/* A call, and its result as a tree; NULL when it has failed, which is answered then. */
static cJSON *
ask(struct api *a, const char *method, cJSON *params)
{
	struct json_slice r;
	cJSON *data = NULL, *o;
	struct err err;

	if (api_further(a, method, params, &r, &data, &err) == 0 &&
	    (o = json_parse(r.p, r.len, &err)) != NULL)
		return o;
	fail(a, &err, data);
	return NULL;
}

/* {"success": true} with the members of o, which is taken. */
static void
succeed(struct api *a, cJSON *o)
{
	cJSON_AddItemToObject(o, "success", cJSON_CreateTrue());
	api_object(a, 200, NULL, o);
}

static cJSON *
pair(struct api *a)
{
	cJSON *o = json_new();

	json_put_str(o, "from", json_str(a->params, "from"));
	json_put_str(o, "team", json_str(a->params, "team"));
	if (json_bool(a->params, "force", false))
		json_put_bool(o, "force", true);
	return o;
}

/* --- what is told of a session ------------------------------------------------------------------ */

static const cJSON *
process_of(const cJSON *processes, const char *from, const char *to)
{
	const cJSON *p;
	const char *kind;

	cJSON_ArrayForEach (p, json_arr(processes, "processes")) {
		kind = json_str(p, "kind");
		if (kind != NULL && strcmp(kind, "claude") == 0 && json_str(p, "team") != NULL &&
		    json_str(p, "from") != NULL && strcmp(json_str(p, "team"), to) == 0 &&
		    strcmp(json_str(p, "from"), from) == 0)
			return p;
	}
	return NULL;
}

static void
put_command(cJSON *o, const cJSON *process)
{
	char *text = xstrdup(""), *more;
	const cJSON *word;

	cJSON_ArrayForEach (word, json_arr(process, "argv")) {
		more = xasprintf("%s%s%s", text, *text != '\0' ? " " : "",
		    cJSON_IsString(word) ? word->valuestring : "");
		free(text);
		text = more;
	}
	json_put_str(o, "launchCommand", *text != '\0' ? text : NULL);
	free(text);
}

static void
put_snapshot(cJSON *o, const cJSON *teams, const char *name)
{
	const cJSON *t;
	char *text;

	cJSON_ArrayForEach (t, json_arr(teams, "teams")) {
		if (json_str(t, "name") == NULL || strcmp(json_str(t, "name"), name) != 0)
			continue;
		text = json_print(t);
		json_put_str(o, "teamConfigSnapshot", text);
		free(text);
		return;
	}
	json_put_null(o, "teamConfigSnapshot");
}

static cJSON *
session_json(const cJSON *s, const cJSON *processes, const cJSON *teams)
{
	const char *from = json_str(s, "from"), *to = json_str(s, "to");
	const cJSON *process = process_of(processes, from, to);
	int64_t messages = json_int_or(s, "messages", 0), pid = json_int_or(s, "pid", 0);
	char *key = xasprintf("%s->%s", from, to);
	cJSON *o = json_new();

	json_put_str(o, "poolKey", key);
	json_put_str(o, "fromTeam", from);
	json_put_str(o, "toTeam", to);
	json_put_str(o, "sessionId", json_str(s, "sessionId"));
	json_put_int(o, "messageCount", messages);
	json_put_int(o, "createdAt", json_int_or(s, "createdAt", 0));
	json_put_int(o, "lastUsedAt", json_int_or(s, "lastUsed", 0));
	json_put_str(o, "sessionStatus", "active");
	json_put_str(o, "processState", state_name(json_str(s, "state")));
	if (pid != 0)
		json_put_int(o, "pid", pid);
	json_put_int(o, "messagesProcessed", messages);
	json_put_int(o, "uptime", json_int_or(process, "uptime", 0));
	json_put_int(o, "queueLength", json_int_or(s, "queued", 0));
	json_put_int(o, "lastResponseAt", json_int_or(s, "lastUsed", 0));
	put_command(o, process);
	put_snapshot(o, teams, to);
	free(key);
	return o;
}

static void
do_processes(struct api *a)
{
	cJSON *status = NULL, *processes = NULL, *teams = NULL, *o, *list, *pool;
	const cJSON *s;

	if ((status = ask(a, "iris/daemon.status", NULL)) != NULL &&
	    (processes = ask(a, "iris/process.list", NULL)) != NULL &&
	    (teams = ask(a, "iris/team.list", NULL)) != NULL) {
		o = json_new();
		list = cJSON_CreateArray();
		cJSON_ArrayForEach (s, json_arr(status, "sessions"))
			cJSON_AddItemToArray(list, session_json(s, processes, teams));
		pool = json_new();
		json_put_int(pool, "totalSessions", cJSON_GetArraySize(list));
		json_put_int(
		    pool, "activeProcesses", json_int_or(json_obj(status, "pool"), "active", 0));
		json_put_int(pool, "maxProcesses", json_int_or(json_obj(status, "pool"), "max", 0));
		json_put_int(pool, "configuredTeams", json_int_or(status, "teams", 0));
		json_put(o, "sessions", list);
		json_put(o, "poolStatus", pool);
		succeed(a, o);
	}
	cJSON_Delete(status);
	cJSON_Delete(processes);
	cJSON_Delete(teams);
}

static cJSON *
metrics_json(const cJSON *s, const cJSON *processes)
{
	const char *state = state_name(json_str(s, "state")), *to = json_str(s, "to");
	const cJSON *process = process_of(processes, json_str(s, "from"), to);
	char *key = xasprintf("%s->%s", json_str(s, "from"), to);
	cJSON *o = json_new();

	json_put_str(o, "teamName", to);
	if (json_int_or(s, "pid", 0) != 0)
		json_put_int(o, "pid", json_int_or(s, "pid", 0));
	json_put_str(o, "status", state);
	json_put_int(o, "messagesProcessed", json_int_or(s, "messages", 0));
	json_put_int(o, "lastUsed", json_int_or(s, "lastUsed", 0));
	json_put_int(o, "uptime", json_int_or(process, "uptime", 0));
	json_put_int(o, "idleTimeRemaining", 0);
	json_put_int(o, "queueLength", json_int_or(s, "queued", 0));
	json_put_str(o, "sessionId", json_str(s, "sessionId"));
	json_put_int(o, "messageCount", json_int_or(s, "messages", 0));
	json_put_int(o, "lastActivity", json_int_or(s, "lastUsed", 0));
	json_put_bool(o, "isReady", strcmp(state, "idle") == 0 || strcmp(state, "processing") == 0);
	json_put_bool(o, "isSpawning", strcmp(state, "spawning") == 0);
	json_put_bool(o, "isBusy", strcmp(state, "processing") == 0);
	json_put_str(o, "poolKey", key);
	free(key);
	return o;
}

static void
do_process(struct api *a)
{
	cJSON *list = ask(a, "iris/session.list", pair(a)), *processes = NULL, *o;
	const cJSON *s = list != NULL ? cJSON_GetArrayItem(json_arr(list, "sessions"), 0) : NULL;
	struct err err;

	if (list != NULL && s == NULL) {
		err_set(&err, ERR_NOT_FOUND, "Process not found");
		fail(a, &err, NULL);
	} else if (s != NULL && (processes = ask(a, "iris/process.list", NULL)) != NULL) {
		o = json_new();
		json_put(o, "metrics", metrics_json(s, processes));
		succeed(a, o);
	}
	cJSON_Delete(list);
	cJSON_Delete(processes);
}

/* --- the others --------------------------------------------------------------------------------- */

static void
do_health(struct api *a)
{
	char at[32];
	cJSON *o = json_new();

	json_put_str(o, "status", "healthy");
	json_put_str(o, "timestamp", json_time(compat_now_ms(), at, sizeof at));
	succeed(a, o);
}

static void
do_report(struct api *a)
{
	cJSON *o = ask(a, "iris/session.report", pair(a));

	if (o != NULL)
		api_object(a, 200, NULL, o);
}

static void
do_sleep(struct api *a)
{
	cJSON *o = ask(a, "iris/team.sleep", pair(a));

	if (o != NULL)
		succeed(a, o);
}

static void
do_reboot(struct api *a)
{
	cJSON *o = ask(a, "iris/session.reboot", pair(a));

	if (o != NULL)
		succeed(a, o);
}

static void
do_delete(struct api *a)
{
	cJSON *o = ask(a, "iris/session.delete", pair(a));

	if (o != NULL)
		succeed(a, o);
}

/* There is no screen behind a request: a person gets the command instead of a window. */
static void
do_launch(struct api *a)
{
	const char *id = json_str(a->params, "sessionId"), *found;
	cJSON *list, *params, *fork = NULL;
	const cJSON *s;
	struct err err;

	if ((list = ask(a, "iris/session.list", NULL)) == NULL)
		return;
	err_set(&err, ERR_NOT_FOUND, "Session not found: %.64s", id);
	cJSON_ArrayForEach (s, json_arr(list, "sessions"))
		if ((found = json_str(s, "sessionId")) != NULL && strcmp(found, id) == 0)
			break;
	if (s == NULL) {
		json_utf8_mend(err.msg);
		fail(a, &err, NULL);
	} else {
		params = json_new();
		json_put_str(params, "from", json_str(s, "from"));
		json_put_str(params, "team", json_str(s, "to"));
		if ((fork = ask(a, "iris/session.fork", params)) != NULL) {
			err_set(&err, ERR_INTERNAL,
			    "irisd opens no window for a browser; in a terminal, run: %s",
			    json_str(fork, "command"));
			fail(a, &err, fork);
		}
	}
	cJSON_Delete(list);
}

static void
do_get_config(struct api *a)
{
	cJSON *got = ask(a, "iris/config.get", NULL), *o;

	if (got == NULL)
		return;
	o = json_new();
	json_put(o, "config", cJSON_DetachItemFromObjectCaseSensitive(got, "config"));
	cJSON_Delete(got);
	succeed(a, o);
}

/* What is not in the body stays as it is in the file. */
static void
do_put_config(struct api *a)
{
	cJSON *params = json_new(), *got, *o;

	json_put(params, "config", cJSON_Duplicate(json_obj(a->params, "values"), true));
	if ((got = ask(a, "iris/config.put", params)) == NULL)
		return;
	o = json_new();
	json_put_str(o, "message", "Configuration saved.");
	json_put_str(o, "configPath", json_str(got, "path"));
	cJSON_Delete(got);
	succeed(a, o);
}

#define ROW(verb, path, scope, place, body, run)                                                   \
	{                                                                                          \
		path, verb, path, "", scope, place, "", body, NULL, run, "", 200                   \
	}
static const struct api_row routes[] = {
    ROW("GET", "/health", "-", SERVE_QUICK, "", do_health),
    ROW("GET", "/config", "admin", SERVE_QUICK, "", do_get_config),
    ROW("PUT", "/config", "admin", SERVE_QUICK, "*", do_put_config),
    ROW("GET", "/processes", "read", SERVE_QUICK, "", do_processes),
    ROW("POST", "/processes/terminal/launch", "manage", SERVE_QUICK, "sessionId:string!",
	do_launch),
    ROW("GET", "/processes/report/{from}/{team}", "read", SERVE_QUICK, "", do_report),
    ROW("GET", "/processes/{from}/{team}", "read", SERVE_QUICK, "", do_process),
    ROW("POST", "/processes/sleep/{from}/{team}", "manage", SERVE_END, "force:boolean", do_sleep),
    ROW("POST", "/processes/reboot/{from}/{team}", "manage", SERVE_CALL, "force:boolean",
	do_reboot),
    ROW("POST", "/processes/delete/{from}/{team}", "manage", SERVE_END, "force:boolean", do_delete),
};

const struct api_row *
api_iris_mcp(size_t *n)
{
	*n = sizeof routes / sizeof routes[0];
	return routes;
}
