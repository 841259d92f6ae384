/* SPDX-License-Identifier: MIT
 *
 * Keys of sessions' MCP files, see session_key.h. Called by session.c for the end of processes, by
 * net/worker_ask.c for their start. Rows are removed, and not only revoked: one comes with each
 * process.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/compat.h"
#include "common/json.h"
#include "common/log.h"
#include "common/xmalloc.h"
#include "irisd/core/key.h"
#include "irisd/core/pool.h"
#include "irisd/core/session.h"
#include "irisd/core/session_key.h"
#include "irisd/core/team.h"
#include "irisd/core/tunnel.h"
#include "irisd/net/web_client.h"

/* Collected first: rows are removed then. */
struct rows {
	const char *session; /* of this one; NULL: of any */
	struct {
		char id[KEY_ID_LEN + 1], session[UUID_LEN + 1];
	} * v;
	size_t n;
};

static void
row_cb(const struct store_key *row, void *arg)
{
	struct rows *r = arg;

	if (row->session[0] == '\0' ||
	    (r->session != NULL && strcmp(row->session, r->session) != 0))
		return;
	r->v = xreallocarray(r->v, r->n + 1, sizeof *r->v);
	compat_strlcpy(r->v[r->n].id, row->id, sizeof r->v[r->n].id);
	compat_strlcpy(r->v[r->n].session, row->session, sizeof r->v[r->n].session);
	r->n++;
}

static void
end_row(struct irisd *d, const char *id)
{
	store_key_delete(d->store, id);
	web_client_revoked(d, id);
}

static void
make(struct session *s, char text[KEY_TEXT_LEN + 1])
{
	struct store_key row = {.scopes = KEY_READ | KEY_MESSAGE};

	key_make(text);
	key_make_id(row.id);
	key_hash(text, row.hash);
	row.name = xasprintf("session-%s", s->row.claude_id);
	row.team = xstrdup(s->team->name);
	compat_strlcpy(row.session, s->row.claude_id, sizeof row.session);
	row.created_at = compat_now_ms();
	store_key_insert(s->d->store, &row);
	store_key_release(&row);
	compat_strlcpy(s->key_for, s->row.claude_id, sizeof s->key_for);
}

/* The port at which this irisd is found where the team is; 0: it is not. */
static int64_t
port_for(const struct team *t)
{
	if (t->cfg->remote == NULL)
		return t->d->conf->config->settings.http_port;
	return tunnel_leads_to_http(t) ? t->cfg->reverse_mcp_port : 0;
}

cJSON *
session_key_wish(struct session *s)
{
	const struct config_team *cfg = s->team->cfg;
	char text[KEY_TEXT_LEN + 1], url[128];
	int64_t port = port_for(s->team);
	cJSON *o;

	if (!cfg->session_mcp_enabled || port == 0)
		return NULL;
	if (s->key_for[0] != '\0' && strcmp(s->key_for, s->row.claude_id) != 0)
		session_key_end(s);
	make(s, text);
	snprintf(
	    url, sizeof url, "http://127.0.0.1:%lld/mcp/%s", (long long)port, s->row.claude_id);
	o = json_new();
	json_put_str(o, "path", cfg->session_mcp_path);
	json_put_str(o, "url", url);
	json_put_str(o, "token", text);
	json_put_str_opt(o, "script", cfg->mcp_config_script);
	return o;
}

void
session_key_end(struct session *s)
{
	struct rows r = {.session = s->key_for};
	size_t i;

	if (s->key_for[0] == '\0')
		return;
	store_key_each(s->d->store, row_cb, &r);
	for (i = 0; i < r.n; i++)
		end_row(s->d, r.v[i].id);
	free(r.v);
	s->key_for[0] = '\0';
}

void
session_key_load_all(struct irisd *d)
{
	struct rows r = {0};
	struct session *s;
	size_t i;

	store_key_each(d->store, row_cb, &r);
	for (i = 0; i < r.n; i++) {
		s = session_by_claude_id(d, r.v[i].session);
		if (s != NULL && s->team->adopting > 0)
			compat_strlcpy(s->key_for, r.v[i].session, sizeof s->key_for);
		else
			end_row(d, r.v[i].id);
	}
	free(r.v);
}

void
session_key_settle(struct team *t)
{
	struct session *s;

	TAILQ_FOREACH (s, &t->sessions, team_entry)
		if (s->state == SESSION_ASLEEP || s->state == SESSION_WAITING)
			session_key_end(s);
}

void
session_key_moved(struct irisd *d)
{
	struct team *t;

	TAILQ_FOREACH (t, &d->teams, entry)
		if (t->cfg->session_mcp_enabled && t->cfg->remote == NULL)
			pool_renew_team(t);
}

bool
session_key_wants_http(const struct irisd *d)
{
	const struct team *t;

	/* That of a team on another host is the tunnel's wish already. */
	TAILQ_FOREACH (t, &d->teams, entry)
		if (!t->removed && t->cfg->session_mcp_enabled && t->cfg->remote == NULL)
			return true;
	return false;
}

static bool
same_text(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

bool
session_key_same(const struct config_team *a, const struct config_team *b)
{
	if (!a->session_mcp_enabled && !b->session_mcp_enabled)
		return true;
	return a->session_mcp_enabled == b->session_mcp_enabled &&
	    same_text(a->session_mcp_path, b->session_mcp_path) &&
	    same_text(a->mcp_config_script, b->mcp_config_script) &&
	    (a->remote == NULL || a->reverse_mcp_port == b->reverse_mcp_port);
}
