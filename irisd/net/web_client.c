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
#include "irisd/mcp/elicit_private.h"
#include "irisd/net/control.h"
#include "irisd/net/web_client.h"

struct web_client {
	bool mcp;                 /* it carries MCP lines, no control calls */
	char name[TEAM_NAME_MAX]; /* who speaks then; "" when the key is no good any more */
	char key[KEY_ID_LEN + 1]; /* whose key it is */
	unsigned scopes;          /* the key's, set of enum key_scope */
	char key_name[TEAM_NAME_MAX], key_team[TEAM_NAME_MAX]; /* key_team "": none */
	char session[UUID_LEN + 1]; /* Claude's id of the session that speaks; "" for none */
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
	mcp_release(&c->mcp);
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
		n += c->role == CLIENT_WEB && c->web->mcp && strcmp(c->web->key, key_id) == 0;
	return n;
}

cJSON *
web_client_speaks(
    struct client *c, const struct store_key *key, const char *session, bool mcp, struct err *err)
{
	char name[TEAM_NAME_MAX];
	const struct session *s = NULL;
	cJSON *o;

	if (key->team != NULL && team_find(c->d, key->team) == NULL) {
		err_set(err, ERR_REFUSED,
		    "the key %s speaks for team \"%s\", which is not configured any more", key->id,
		    key->team);
		return NULL;
	}
	if (key->session[0] != '\0') {
		if (!mcp || (session != NULL && strcmp(session, key->session) != 0)) {
			err_set(err, ERR_REFUSED, "the key %s is for the MCP of session %s alone",
			    key->id, key->session);
			return NULL;
		}
		session = key->session;
	}
	if (session != NULL && (s = session_by_claude_id(c->d, session)) == NULL) {
		err_set(err, ERR_NOT_FOUND, "Session not found: %.64s", session);
		return NULL;
	}
	if (s != NULL && key->team != NULL && strcmp(key->team, s->team->name) != 0) {
		err_set(err, ERR_REFUSED, "the key %s is for team \"%s\", the session is of \"%s\"",
		    key->id, key->team, s->team->name);
		return NULL;
	}
	/* Its id is no secret: who asks a team something gets to see it. */
	if (s != NULL && key->team == NULL && !key_allows(key->scopes, KEY_ADMIN)) {
		err_set(err, ERR_REFUSED,
		    "the key %s speaks for no team; a session of team \"%s\" needs one that does: iris "
		    "key create --team %s",
		    key->id, s->team->name, s->team->name);
		return NULL;
	}
	if (s != NULL)
		compat_strlcpy(name, s->team->name, sizeof name);
	else if (key->team != NULL)
		compat_strlcpy(name, key->team, sizeof name);
	else
		/* Another name than any directory's guest, which has no second colon. */
		snprintf(name, sizeof name, "guest:key:%s", key->name);
	if (mcp && c->role == CLIENT_WEB) {
		c->mcp.tunnel = key->team != NULL && tunnel_has_key(c->d, key->team, key->id);
		if (c->mcp.tunnel && bearers(c->d, key->id) >= TUNNEL_CLIENTS_MAX) {
			err_set(err, ERR_LIMIT,
			    "%d requests by the tunnel of team %s at a time are the limit",
			    TUNNEL_CLIENTS_MAX, key->team);
			return NULL;
		}
		c->web->mcp = true;
		compat_strlcpy(c->web->name, name, sizeof c->web->name);
		compat_strlcpy(c->web->key, key->id, sizeof c->web->key);
		c->web->scopes = key->scopes;
		compat_strlcpy(c->web->key_name, key->name, sizeof c->web->key_name);
		compat_strlcpy(
		    c->web->key_team, key->team != NULL ? key->team : "", sizeof c->web->key_team);
		principal_of(key->id, c->mcp.principal);
		compat_strlcpy(
		    c->web->session, s != NULL ? s->row.claude_id : "", sizeof c->web->session);
	}
	o = json_new();
	json_put_str(o, "id", key->id);
	json_put_str(o, "name", key->name);
	json_put(o, "scopes", key_scopes_json(key->scopes));
	json_put_str(o, "from", name);
	return o;
}

void
web_client_revoked(struct irisd *d, const char *key_id)
{
	char principal[MCP_PRINCIPAL_MAX];
	struct client *c;
	struct err why;

	err_set(&why, ERR_UNAUTHORIZED, "the key of this client was revoked");
	TAILQ_FOREACH (c, &d->clients, entry) {
		if (c->role != CLIENT_WEB || strcmp(c->web->key, key_id) != 0)
			continue;
		c->web->name[0] = '\0';
		mcp_stop(&c->mcp, &why);
	}
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
	struct rpc_msg m;
	struct err err;

	if (c->web->mcp && resolve(c, &err) == 0) {
		mcp_line(&c->mcp, line, len);
		return;
	}
	if (rpc_parse(line, len, &m, &err) == -1 || (c->web->mcp && resolve(c, &err) == -1))
		peer_send(c->peer, rpc_error(m.id, &err, NULL));
	else if (m.kind == RPC_REQUEST)
		control_request(c, &m);
	rpc_clear(&m);
}
