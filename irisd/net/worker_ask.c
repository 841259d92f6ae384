/* SPDX-License-Identifier: MIT
 *
 * What a team's worker is asked for its sessions: the requests of iris-protocol(7) and their
 * params, see worker.h. A worker that does not run yet is started for it.
 */
#include <stdlib.h>
#include <string.h>

#include "common/compat.h"
#include "common/json.h"
#include "common/rpc.h"
#include "common/xmalloc.h"
#include "irisd/core/envelope.h"
#include "irisd/core/pool.h"
#include "irisd/core/session_key.h"
#include "irisd/net/remote_params.h"
#include "irisd/net/worker_private.h"

void
worker_request(struct worker *w, const char *method, cJSON *params, enum worker_call_kind kind,
    const struct session *s, const struct message *m)
{
	struct worker_call *c = xcalloc(1, sizeof *c);

	c->id = ++w->next_id;
	c->kind = kind;
	if (s != NULL) {
		compat_strlcpy(c->session, s->key, sizeof c->session);
		c->process = s->process;
	}
	if (m != NULL)
		compat_strlcpy(c->message, m->id, sizeof c->message);
	TAILQ_INSERT_TAIL(&w->calls, c, entry);
	if (kind != WORKER_PING)
		health_work(w->d, 1);
	worker_send(w, rpc_request_n(c->id, method, params));
}

static cJSON *
params_for(const struct session *s)
{
	cJSON *p = json_new();

	json_put_str(p, "session", s->key);
	return p;
}

/* Where the team is, for what is done there. */
static void
put_remote(cJSON *p, const struct session *s)
{
	cJSON *remote = remote_params(s->d, s->team->cfg);

	if (remote != NULL)
		json_put(p, "remote", remote);
}

static void
put_list(cJSON *p, const char *name, const struct config_list *list)
{
	cJSON *a;
	size_t i;

	if (list->n == 0)
		return;
	a = cJSON_CreateArray();
	for (i = 0; i < list->n; i++)
		cJSON_AddItemToArray(a, cJSON_CreateString(list->v[i]));
	json_put(p, name, a);
}

cJSON *
worker_env(const struct config_team *cfg)
{
	cJSON *env = json_new();
	size_t i;

	for (i = 0; i < cfg->env.n; i++)
		json_put_str(env, cfg->env.v[i].name, cfg->env.v[i].value);
	return env;
}

/* How the team's claude is to be started: iris-protocol(7), worker/open. */
static cJSON *
open_params(struct session *s)
{
	const struct config_team *cfg = s->team->cfg;
	cJSON *p = params_for(s), *mcp;
	char *prompt, *all;

	json_put_str(p, "claudeId", s->row.claude_id);
	json_put_str(p, "instance", s->row.instance);
	json_put_bool(p, "resume", s->row.started);
	json_put_str(p, "cwd", cfg->path);
	json_put_str(p, "claudePath", cfg->claude_path);
	json_put_str_opt(p, "model", cfg->model);
	json_put_str(p, "permissionMode", config_permission_mode_names[cfg->permission_mode]);
	put_list(p, "allowedTools", &cfg->allowed_tools);
	put_list(p, "disallowedTools", &cfg->disallowed_tools);
	put_list(p, "addDirs", &cfg->add_dirs);
	json_put_str_opt(p, "mcpConfig", cfg->mcp_config);
	prompt = envelope_instructions(cfg->name, cfg->description);
	all = cfg->append_system_prompt == NULL
	    ? xstrdup(prompt)
	    : xasprintf("%s\n\n%s", prompt, cfg->append_system_prompt);
	json_put_str(p, "appendSystemPrompt", all);
	free(all);
	free(prompt);
	json_put(p, "env", worker_env(cfg));
	json_put_int(
	    p, "spawnTimeout", s->row.started ? cfg->spawn_timeout : cfg->session_init_timeout);
	json_put_int(p, "responseTimeout", cfg->response_timeout);
	json_put_int(p, "stopTimeout", s->d->conf->config->settings.stop_timeout);
	if ((mcp = session_key_wish(s)) != NULL)
		json_put(p, "sessionMcp", mcp);
	put_remote(p, s);
	return p;
}

int
worker_open(struct session *s, struct err *err)
{
	struct worker *w = s->team->worker;

	if (w != NULL && w->stopping)
		return err_set(err, ERR_UNAVAILABLE, "team %s is being stopped", s->team->name);
	if (w == NULL && (w = worker_start(s->team, err)) == NULL)
		return -1;
	s->process++;
	s->stale = s->moved = false;
	s->remote = s->team->cfg->remote != NULL;
	if (s->row.instance[0] == '\0') {
		uuid_v4(s->row.instance);
		store_session_process(s->d->store, &s->row);
	}
	worker_request(w, "worker/open", open_params(s), WORKER_OPEN, s, NULL);
	return 0;
}

int
worker_lookup(struct session *s, struct message *m, struct err *err)
{
	struct worker *w = s->team->worker;
	cJSON *p;

	if (w != NULL && w->stopping)
		return err_set(err, ERR_UNAVAILABLE, "team %s is being stopped", s->team->name);
	if (w == NULL && (w = worker_start(s->team, err)) == NULL)
		return -1;
	p = params_for(s);
	json_put_str(p, "claudeId", s->row.claude_id);
	json_put_str(p, "message", m->id);
	json_put(p, "env", worker_env(s->team->cfg));
	if (s->team->cfg->remote != NULL) {
		json_put_str_opt(p, "turn", m->turn[0] != '\0' ? m->turn : NULL);
		json_put_bool(p, "kill", m->cancel_wanted);
		put_remote(p, s);
	}
	worker_request(w, "worker/lookup", p, WORKER_LOOKUP, s, m);
	return 0;
}

int
worker_forget(struct session *s, const char *claude_id, struct err *err)
{
	struct worker *w = s->team->worker;
	cJSON *p;

	if (w != NULL && (w->stopping || w->leaving))
		return err_set(err, ERR_UNAVAILABLE, "team %s is being stopped", s->team->name);
	if (w == NULL && (w = worker_start(s->team, err)) == NULL)
		return -1;
	p = params_for(s);
	json_put_str(p, "claudeId", claude_id);
	json_put(p, "env", worker_env(s->team->cfg));
	put_remote(p, s);
	worker_request(w, "worker/forget", p, WORKER_FORGET, s, NULL);
	return 0;
}

int
worker_turn(struct session *s, struct message *m, struct err *err)
{
	struct worker *w = s->team->worker;
	bool on = m->state == LADDER_SEEN;
	struct store_message row;
	cJSON *p;
	char *text;

	if (w == NULL || !store_message_load(s->d->store, m->id, &row))
		return err_set(err, ERR_INTERNAL, "message %s can not be handed over", m->id);
	if (on)
		text = envelope_resume(m->turn, m->id, row.from, row.to, row.hops);
	else if (row.kind == STORE_KIND_COMMAND)
		text = xstrdup(row.body);
	else
		text = envelope_wrap(m->id, row.from, row.to, row.hops, row.body);
	p = params_for(s);
	json_put_str(p, "message", m->id);
	json_put_str_opt(p, "line", on ? m->turn : NULL);
	json_put_str(p, "text", text);
	worker_request(w, "worker/turn", p, WORKER_TURN, s, m);
	free(text);
	store_message_release(&row);
	return 0;
}

void
worker_interrupt(struct session *s, struct message *m)
{
	cJSON *p = params_for(s);

	json_put_str(p, "message", m->id);
	if (s->team->worker != NULL)
		worker_request(s->team->worker, "worker/interrupt", p, WORKER_OTHER, s, m);
	else
		cJSON_Delete(p);
}

void
worker_close(struct session *s)
{
	if (s->team->worker != NULL)
		worker_request(
		    s->team->worker, "worker/close", params_for(s), WORKER_CLOSE, s, NULL);
	else
		pool_on_closed(s);
}

void
worker_close_unknown(struct worker *w, const char *session)
{
	cJSON *p = json_new();

	json_put_str(p, "session", session);
	worker_request(w, "worker/close", p, WORKER_OTHER, NULL, NULL);
}

void
worker_mcp(struct session *s, const char *line)
{
	cJSON *p;

	if (s->team->worker == NULL)
		return;
	p = params_for(s);
	json_put_raw(p, "message", line, strlen(line));
	worker_send(s->team->worker, rpc_notification("worker/mcp", p));
}

void
worker_answer(struct session *s, const char *request, const struct permission_answer *a)
{
	cJSON *p;

	if (s->team->worker == NULL)
		return;
	p = params_for(s);
	json_put_str(p, "request", request);
	json_put_str(p, "behavior", a->allow ? "allow" : "deny");
	if (!a->allow)
		json_put_str(p, "message", a->message);
	else if (a->input != NULL)
		json_put_raw(p, "updatedInput", a->input, strlen(a->input));
	worker_request(s->team->worker, "worker/answer", p, WORKER_OTHER, s, NULL);
}

void
worker_hooked(struct session *s, const char *request, enum permission_hooked how, const char *why)
{
	static const char *const decisions[] = {[PERMISSION_GO_ON] = "none",
	    [PERMISSION_MUST_ASK] = "ask",
	    [PERMISSION_REFUSED] = "deny"};
	cJSON *p;

	if (s->team->worker == NULL)
		return;
	p = params_for(s);
	json_put_str(p, "request", request);
	json_put_str(p, "decision", decisions[how]);
	if (how != PERMISSION_GO_ON)
		json_put_str(p, "reason", why);
	worker_request(s->team->worker, "worker/hook", p, WORKER_OTHER, s, NULL);
}
