/* SPDX-License-Identifier: MIT
 *
 * Connections of the web role, see web_client.h.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/compat.h"
#include "common/json.h"
#include "common/rpc.h"
#include "common/xmalloc.h"
#include "irisd/core/key.h"
#include "irisd/core/tunnel.h"
#include "irisd/core/webhook.h"
#include "irisd/mcp/elicit_private.h"
#include "irisd/net/control.h"
#include "irisd/net/web_client.h"

struct web_client {
	enum web_use use;         /* WEB_ASK: it is nobody's yet */
	char name[TEAM_NAME_MAX]; /* who speaks then; "" when the key is no good any more */
	char key[KEY_ID_LEN + 1]; /* whose key it is */
	unsigned scopes;          /* the key's, set of enum key_scope */
	char key_name[TEAM_NAME_MAX], key_team[TEAM_NAME_MAX]; /* key_team "": none */
	char session[UUID_LEN + 1]; /* Claude's id of the session that speaks; "" for none */
	int64_t expires_at;         /* ms; 0: never */
	struct event *timer;        /* to that; NULL before there was one */
};

static void
carrier_send(struct mcp *m, char *text)
{
	struct client *c = m->arg;

	peer_send(c->peer, text);
}

static void
carrier_who(struct mcp *m, char *name, size_t size)
{
	struct client *c = m->arg;

	compat_strlcpy(name, c->web->name, size);
}

static int
carrier_person(struct mcp *m, const char *what, char *by, char *team, size_t size, struct err *err)
{
	struct client *c = m->arg;

	if (m->session != NULL)
		return err_set(err, ERR_REFUSED,
		    "%s is for a person: it is not to be had by a team's Claude", what);
	if (!key_allows(c->web->scopes, KEY_APPROVE))
		return err_set(err, ERR_REFUSED, "%s needs a key with the scope \"approve\"", what);
	snprintf(by, size, "key %s (%s)", c->web->key_name, c->web->key);
	compat_strlcpy(team, c->web->key_team, size);
	return 0;
}

/*
 * As with a session's path: who may do everything may speak for any team, unless the key is some
 * team's. There is no directory here that could be made a team.
 */
static int
carrier_speak_as(struct mcp *m, const char *said, struct err *err)
{
	const struct client *c = m->arg;
	const struct web_client *w = c->web;

	if (m->session != NULL)
		return err_set(err, ERR_REFUSED,
		    "fromTeam is \"%.100s\", but this session belongs to team \"%s\"; leave fromTeam out",
		    said, w->name);
	if (w->key_team[0] != '\0')
		return err_set(err, ERR_REFUSED,
		    "fromTeam is \"%.100s\", but the key %s speaks for team \"%s\"; leave fromTeam out, "
		    "or use a key of that team: iris key create --team TEAM",
		    said, w->key, w->name);
	if (!key_allows(w->scopes, KEY_ADMIN))
		return err_set(err, ERR_REFUSED,
		    "fromTeam is \"%.100s\", but the key %s speaks for no team (it is known as \"%s\"); "
		    "leave fromTeam out, or use a key of the team: iris key create --team TEAM",
		    said, w->key, w->name);
	return team_require(c->d, said, err) != NULL ? 0 : err_prefix(err, "fromTeam: ");
}

static const struct mcp_carrier carrier = {.send = carrier_send,
    .who = carrier_who,
    .person = carrier_person,
    .speak_as = carrier_speak_as};

/* Each request comes on a connection of its own: whose it is tells the key. */
static void
principal_of(const char *key_id, char principal[MCP_PRINCIPAL_MAX])
{
	snprintf(principal, MCP_PRINCIPAL_MAX, "key:%s", key_id);
}

void
web_client_init(struct client *c)
{
	c->web = xcalloc(1, sizeof *c->web);
	mcp_init(&c->mcp, c->d, &carrier, c);
}

void
web_client_release(struct client *c)
{
	webhook_given_back(c->d, c);
	mcp_release(&c->mcp);
	if (c->web->timer != NULL)
		event_free(c->web->timer);
	free(c->web);
	c->web = NULL;
}

/* How many connections carry the MCP of who has this key. */
static int
bearers(const struct irisd *d, const char *key_id)
{
	const struct client *c;
	int n = 0;

	TAILQ_FOREACH (c, &d->clients, entry)
		n += c->role == CLIENT_WEB && c->web->use == WEB_MCP &&
		    strcmp(c->web->key, key_id) == 0;
	return n;
}

/* It is over for who has this connection: all that waits is told why, and all that comes. */
static void
end_bearer(struct client *c, const char *what)
{
	struct err why;

	err_set(&why, ERR_UNAUTHORIZED, "the key of this client %s", what);
	c->web->name[0] = '\0';
	if (c->web->timer != NULL)
		evtimer_del(c->web->timer);
	if (c->web->use == WEB_API)
		control_stop(c, &why);
	else
		mcp_stop(&c->mcp, &why);
}

/* A time by the clock on the wall, which may have been set. */
static void
arm(struct client *c)
{
	int64_t left = c->web->expires_at - compat_now_ms();
	struct timeval tv;

	left = left < 1 ? 1 : left;
	tv.tv_sec = left / 1000;
	tv.tv_usec = (left % 1000) * 1000;
	evtimer_add(c->web->timer, &tv);
}

static void
expiry_cb(evutil_socket_t fd, short what, void *arg)
{
	struct client *c = arg;

	(void)fd;
	(void)what;
	if (compat_now_ms() < c->web->expires_at)
		arm(c);
	else
		end_bearer(c, "has expired");
}

static void
set_expiry(struct client *c, int64_t at)
{
	struct web_client *w = c->web;

	w->expires_at = at;
	if (at == 0) {
		if (w->timer != NULL)
			evtimer_del(w->timer);
		return;
	}
	if (w->timer == NULL)
		w->timer = evtimer_new(c->d->loop.base, expiry_cb, c);
	arm(c);
}

/* Which session this key speaks for, or NULL; -1 where it may not. */
static int
find_session(struct irisd *d, const struct store_key *key, const char *said, enum web_use use,
    const struct session **s, struct err *err)
{
	const char *id = key->session[0] != '\0' ? key->session : said;

	*s = NULL;
	if (key->session[0] != '\0' &&
	    (use != WEB_MCP || (said != NULL && strcmp(said, key->session) != 0)))
		return err_set(err, ERR_REFUSED, "the key %s is for the MCP of session %s alone",
		    key->id, key->session);
	if (id == NULL)
		return 0;
	if (use == WEB_API)
		return err_set(err, ERR_INVALID,
		    "iris/key.check: no session has control calls; leave session or api out");
	if ((*s = session_by_claude_id(d, id)) == NULL)
		return err_set(err, ERR_NOT_FOUND, "Session not found: %.64s", id);
	if (key->team != NULL && strcmp(key->team, (*s)->team->name) != 0)
		return err_set(err, ERR_REFUSED,
		    "the key %s is for team \"%s\", the session is of \"%s\"", key->id, key->team,
		    (*s)->team->name);
	/* Its id is no secret: who asks a team something gets to see it. */
	if (key->team == NULL && !key_allows(key->scopes, KEY_ADMIN))
		return err_set(err, ERR_REFUSED,
		    "the key %s speaks for no team; a session of team \"%s\" needs one that does: iris "
		    "key create --team %s",
		    key->id, (*s)->team->name, (*s)->team->name);
	return 0;
}

/* What a key that is good may not be used for all the same. */
static int
check_use(struct client *c, const struct store_key *key, enum web_use use, struct err *err)
{
	const struct web_client *w = c->web;
	bool tunnel;

	if (key->team != NULL && team_find(c->d, key->team) == NULL)
		return err_set(err, ERR_REFUSED,
		    "the key %s speaks for team \"%s\", which is not configured any more", key->id,
		    key->team);
	if (use == WEB_ASK)
		return 0;
	tunnel = key->team != NULL && tunnel_has_key(c->d, key->team, key->id);
	if (tunnel && use == WEB_API)
		return err_set(err, ERR_REFUSED, "the key %s is for the tunnel of team %s alone",
		    key->id, key->team);
	if (tunnel && bearers(c->d, key->id) >= TUNNEL_CLIENTS_MAX)
		return err_set(err, ERR_LIMIT,
		    "%d requests by the tunnel of team %s at a time are the limit",
		    TUNNEL_CLIENTS_MAX, key->team);
	/* Nobody gets what another one waits for. The check itself is a call under way. */
	if (w->use != WEB_ASK && strcmp(w->key, key->id) != 0 &&
	    TAILQ_NEXT(TAILQ_FIRST(&c->controls), entry) != NULL)
		return err_set(err, ERR_REFUSED,
		    "this connection is that of another key, and calls of it are under way");
	if (w->use == WEB_API && use == WEB_MCP)
		return err_set(err, ERR_REFUSED,
		    "this connection carries control calls, and can not carry MCP besides");
	return 0;
}

static void
bind_to(struct client *c, const struct store_key *key, const struct session *s, const char *name,
    enum web_use use)
{
	struct web_client *w = c->web;

	w->use = use;
	w->scopes = key->scopes;
	compat_strlcpy(w->name, name, sizeof w->name);
	compat_strlcpy(w->key, key->id, sizeof w->key);
	compat_strlcpy(w->key_name, key->name, sizeof w->key_name);
	compat_strlcpy(w->key_team, key->team != NULL ? key->team : "", sizeof w->key_team);
	compat_strlcpy(w->session, s != NULL ? s->row.claude_id : "", sizeof w->session);
	set_expiry(c, key->expires_at);
	if (use != WEB_MCP)
		return;
	c->mcp.tunnel = key->team != NULL && tunnel_has_key(c->d, key->team, key->id);
	principal_of(key->id, c->mcp.principal);
}

cJSON *
web_client_speaks(struct client *c, const struct store_key *key, const char *session,
    enum web_use use, struct err *err)
{
	char name[TEAM_NAME_MAX];
	const struct session *s;
	cJSON *o;

	if (check_use(c, key, use, err) == -1 ||
	    find_session(c->d, key, session, use, &s, err) == -1)
		return NULL;
	if (s != NULL)
		compat_strlcpy(name, s->team->name, sizeof name);
	else if (key->team != NULL)
		compat_strlcpy(name, key->team, sizeof name);
	else
		/* Another name than any directory's guest, which has no second colon. */
		snprintf(name, sizeof name, "guest:key:%s", key->name);
	if (use != WEB_ASK)
		bind_to(c, key, s, name, use);
	o = json_new();
	json_put_str(o, "id", key->id);
	json_put_str(o, "name", key->name);
	json_put(o, "scopes", key_scopes_json(key->scopes));
	json_put_str(o, "from", name);
	json_put_str_opt(o, "team", key->team);
	json_put_str_opt(o, "session", key->session[0] != '\0' ? key->session : NULL);
	if (key->expires_at != 0)
		json_put_int(o, "expiresAt", key->expires_at);
	return o;
}

bool
web_client_scoped(const struct client *c, unsigned *scopes, const char **team)
{
	if (c->role != CLIENT_WEB || c->web == NULL || c->web->use != WEB_API)
		return false;
	*scopes = c->web->scopes;
	*team = c->web->key_team[0] != '\0' ? c->web->key_team : NULL;
	return true;
}

const char *
web_client_key(const struct client *c)
{
	return c->web->key;
}

const char *
web_client_name(const struct client *c)
{
	return c->web->name;
}

void
web_client_by(const struct client *c, char by[WEB_BY_MAX])
{
	if (strcmp(c->web->key_name, WEB_LOGIN) == 0)
		snprintf(by, WEB_BY_MAX, "%s (%s)", WEB_LOGIN, c->web->key);
	else
		snprintf(by, WEB_BY_MAX, "key %s (%s)", c->web->key_name, c->web->key);
}

int
web_client_good(const struct client *c, struct err *err)
{
	const struct web_client *w = c->web;

	if (w->name[0] == '\0')
		return err_set(
		    err, ERR_UNAUTHORIZED, "the key of this client was revoked or has expired");
	if (w->expires_at != 0 && w->expires_at <= compat_now_ms())
		return err_set(err, ERR_UNAUTHORIZED, "the key of this client has expired");
	if (w->key_team[0] != '\0' && team_find(c->d, w->key_team) == NULL)
		return err_set(err, ERR_REFUSED,
		    "the key %s speaks for team \"%s\", which is not configured any more", w->key,
		    w->key_team);
	return 0;
}

void
web_client_revoked(struct irisd *d, const char *key_id)
{
	char principal[MCP_PRINCIPAL_MAX];
	struct client *c;

	TAILQ_FOREACH (c, &d->clients, entry)
		if (c->role == CLIENT_WEB && c->web->use != WEB_ASK &&
		    strcmp(c->web->key, key_id) == 0)
			end_bearer(c, "was revoked");
	principal_of(key_id, principal);
	elicit_hold_end(d, principal, true);
}

/* A session may be gone since: then nobody speaks. */
static int
resolve(struct client *c, struct err *err)
{
	if (c->web->name[0] == '\0')
		return err_set(err, ERR_UNAUTHORIZED, "the key of this client was revoked");
	c->mcp.session = NULL;
	if (c->web->session[0] != '\0' &&
	    (c->mcp.session = session_by_claude_id(c->d, c->web->session)) == NULL)
		return err_set(err, ERR_NOT_FOUND, "Session not found: %s", c->web->session);
	return 0;
}

void
web_client_line(struct client *c, const char *line, size_t len)
{
	bool mcp = c->web->use == WEB_MCP;
	struct rpc_msg m;
	struct err err;

	if (mcp && resolve(c, &err) == 0) {
		mcp_line(&c->mcp, line, len);
		return;
	}
	if (rpc_parse(line, len, &m, &err) == -1 || (mcp && resolve(c, &err) == -1))
		peer_send(c->peer, rpc_error(m.id, &err, NULL));
	else if (m.kind == RPC_REQUEST)
		control_request(c, &m);
	rpc_clear(&m);
}
