/* SPDX-License-Identifier: MIT
 *
 * What a worker is asked about a host itself, for a person: worker/check and worker/trust of
 * iris-protocol(7). The answer, or that there will be none, goes to control_remote.c.
 */
#include <stdlib.h>

#include "common/json.h"
#include "irisd/net/control_remote.h"
#include "irisd/net/remote_params.h"
#include "irisd/net/worker_private.h"

/* The team's worker, for a request that may wait until it is there. */
static struct worker *
ready(struct team *t, struct err *err)
{
	struct worker *w = t->worker;

	if (t->adopting > 0 || (w != NULL && (w->stopping || w->leaving))) {
		err_set(err, ERR_UNAVAILABLE,
		    "the iris-worker of team %s is just being replaced; try again in a moment",
		    t->name);
		return NULL;
	}
	return w != NULL ? w : worker_start(t, err);
}

static void
ask(struct worker *w, const char *method, cJSON *params, enum worker_call_kind kind,
    struct worker_ticket *ticket)
{
	worker_request(w, method, params, kind, NULL, NULL);
	ticket->pid = w->pid;
	ticket->id = w->next_id;
}

int
worker_check(struct team *t, struct worker_ticket *ticket, struct err *err)
{
	struct worker *w = ready(t, err);
	cJSON *p;

	if (w == NULL)
		return -1;
	p = json_new();
	json_put(p, "remote", remote_params(t->d, t->cfg));
	json_put_str(p, "cwd", t->cfg->path);
	json_put_str(p, "claudePath", t->cfg->claude_path);
	json_put(p, "env", worker_env(t->cfg));
	json_put_bool(p, "tunnel", t->cfg->enable_reverse_mcp);
	ask(w, "worker/check", p, WORKER_CHECK, ticket);
	return 0;
}

int
worker_trust(struct team *t, const struct config_team *where, const char *record,
    struct worker_ticket *ticket, struct err *err)
{
	struct worker *w = ready(t, err);
	cJSON *p;

	if (w == NULL)
		return -1;
	p = json_new();
	json_put(p, "remote", remote_params(t->d, where));
	json_put_str_opt(p, "record", record);
	ask(w, "worker/trust", p, WORKER_TRUST, ticket);
	return 0;
}

void
worker_host_answered(struct worker *w, uint64_t id, const cJSON *result, const struct err *why)
{
	struct worker_ticket ticket = {w->pid, id};

	control_remote_answered(w->d, &ticket, result, why);
}

void
worker_host_done(struct worker *w)
{
	struct session *s;

	TAILQ_FOREACH (s, &w->team->sessions, team_entry)
		if (s->queued > 0)
			return;
	worker_retire(w->team);
}

void
worker_host_lost(struct worker *w, const char *reason)
{
	struct worker_call *c;
	struct err why;

	err_set(&why, ERR_UNAVAILABLE, "%s, before it had an answer", reason);
	TAILQ_FOREACH (c, &w->calls, entry)
		if (c->kind == WORKER_CHECK || c->kind == WORKER_TRUST)
			worker_host_answered(w, c->id, NULL, &why);
}
