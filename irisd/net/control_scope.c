/* SPDX-License-Identifier: MIT
 *
 * Scopes of control calls and the traffic of one team, see control_scope.h. A method that has no row
 * below is refused to keys of a team, so that a new one shows them nothing by oversight.
 */
#include <string.h>

#include "common/json.h"
#include "irisd/core/key.h"
#include "irisd/net/control_scope.h"
#include "irisd/net/web_client.h"

/* What a key of one team may do with a method. */
enum only {
	ONLY_NOTHING, /* refused */
	ONLY_TRIMMED, /* anything: what is others' is taken out of the result, or none is in it */
	ONLY_HANDLER, /* the handler sees to it, by control_sees or control_team_only */
	ONLY_TEAM,    /* with itself as the team */
	ONLY_OWN,     /* with itself as from, which is so without one, too */
	ONLY_PAIR     /* with itself as from, or as the team */
};

static const struct {
	const char *method;
	enum only only;
} rows[] = {
    {"iris/daemon.status", ONLY_TRIMMED},
    {"iris/daemon.stats", ONLY_TRIMMED},
    {"iris/team.list", ONLY_TRIMMED},
    {"iris/team.show", ONLY_TRIMMED},
    {"iris/team.wake", ONLY_OWN},
    {"iris/team.sleep", ONLY_OWN},
    {"iris/session.list", ONLY_TRIMMED},
    {"iris/session.report", ONLY_PAIR},
    {"iris/session.reboot", ONLY_PAIR},
    {"iris/session.delete", ONLY_PAIR},
    {"iris/session.compact", ONLY_PAIR},
    {"iris/session.fork", ONLY_PAIR},
    {"iris/message.search", ONLY_HANDLER},
    {"iris/message.send", ONLY_OWN},
    {"iris/message.show", ONLY_HANDLER},
    {"iris/message.list", ONLY_HANDLER},
    {"iris/message.cancel", ONLY_HANDLER},
    {"iris/permission.list", ONLY_HANDLER},
    {"iris/permission.show", ONLY_HANDLER},
    {"iris/permission.answer", ONLY_HANDLER},
    {"iris/permission.watch", ONLY_HANDLER},
    {"iris/permission.rules", ONLY_HANDLER},
    {"iris/permission.remember", ONLY_TEAM},
    {"iris/permission.revoke", ONLY_HANDLER},
    {"iris/remote.list", ONLY_TRIMMED},
    {"iris/remote.check", ONLY_TEAM},
    {"iris/event.subscribe", ONLY_HANDLER},
    {"iris/cost.list", ONLY_HANDLER},
    {"iris/webhook.list", ONLY_HANDLER},
    {"iris/webhook.show", ONLY_HANDLER},
    {"iris/webhook.retry", ONLY_HANDLER},
};

/* All that a connection of the web role may say while it is nobody's. */
static const char *const unbound[] = {"iris/key.check", "iris/login.redeem", "iris/web.listening",
    "iris/webhook.next", "iris/webhook.done"};

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

static enum only
only_of(const char *method)
{
	size_t i;

	for (i = 0; i < COUNT(rows); i++)
		if (strcmp(rows[i].method, method) == 0)
			return rows[i].only;
	return ONLY_NOTHING;
}

static int
check_unbound(const char *method, struct err *err)
{
	size_t i;

	for (i = 0; i < COUNT(unbound); i++)
		if (strcmp(unbound[i], method) == 0)
			return 0;
	return err_set(err, ERR_UNAUTHORIZED,
	    "%s needs a key: this connection is nobody's before iris/key.check with api", method);
}

static int
check_scope(const struct client *client, const char *method, const char *scope, unsigned scopes,
    struct err *err)
{
	unsigned want;

	if (strcmp(scope, "-") == 0)
		return err_set(err, ERR_REFUSED,
		    "%s is not to be had with a key, whatever its scopes", method);
	if (key_scopes_parse(scope, &want, err) == -1)
		return -1;
	if (key_allows(scopes, KEY_ADMIN) || (scopes & want) == want)
		return 0;
	return err_set(err, ERR_REFUSED,
	    "%s needs a key with the scope \"%s\", which the key %s has not", method, scope,
	    web_client_key(client));
}

/* Who has no team, and may do everything, may speak for others; nobody else. */
static int
check_speaker(const struct client *client, const char *method, const char *from, struct err *err)
{
	if (strcmp(method, "iris/message.send") != 0 || from == NULL || from[0] == '\0' ||
	    strcmp(from, web_client_name(client)) == 0 || control_is_admin(client))
		return 0;
	return err_set(err, ERR_REFUSED,
	    "from is \"%.100s\", but the key %s speaks as \"%s\"; leave from out, or use a key that "
	    "has the scope \"admin\" and no team",
	    from, web_client_key(client), web_client_name(client));
}

static int
check_team(const struct client *client, const char *method, const char *mine, const cJSON *params,
    struct err *err)
{
	const char *team = json_str(params, "team"), *from = json_str(params, "from");
	bool by_me = from == NULL || from[0] == '\0' || strcmp(from, mine) == 0;
	bool to_me = team != NULL && strcmp(team, mine) == 0;

	switch (only_of(method)) {
	case ONLY_TRIMMED:
	case ONLY_HANDLER:
		return 0;
	case ONLY_TEAM:
		if (to_me)
			return 0;
		break;
	case ONLY_OWN:
		if (by_me)
			return 0;
		break;
	case ONLY_PAIR:
		if (by_me || to_me)
			return 0;
		break;
	case ONLY_NOTHING:
		return err_set(err, ERR_REFUSED,
		    "%s is not for a key of one team, and the key %s is of team \"%s\"", method,
		    web_client_key(client), mine);
	}
	return err_set(err, ERR_REFUSED,
	    "the key %s is of team \"%s\": %s is for that team's own only", web_client_key(client),
	    mine, method);
}

int
control_scope_check(const struct client *client, const char *method, const char *scope,
    const cJSON *params, struct err *err)
{
	const char *team, *id;
	unsigned scopes;

	if (client->role != CLIENT_WEB)
		return 0;
	if (!web_client_scoped(client, &scopes, &team))
		return check_unbound(method, err);
	/* The next request by this connection. */
	if (strcmp(method, "iris/key.check") == 0)
		return 0;
	if (web_client_good(client, err) == -1)
		return -1;
	/* Every key may end itself. */
	id = json_str(params, "id");
	if (strcmp(method, "iris/key.revoke") == 0 && id != NULL &&
	    strcmp(id, web_client_key(client)) == 0)
		return 0;
	if (check_scope(client, method, scope, scopes, err) == -1)
		return -1;
	if (team != NULL && check_team(client, method, team, params, err) == -1)
		return -1;
	return check_speaker(client, method, json_str(params, "from"), err);
}

const char *
control_team_only(const struct client *client)
{
	const char *team;
	unsigned scopes;

	return web_client_scoped(client, &scopes, &team) ? team : NULL;
}

bool
control_sees(const struct client *client, const char *from, const char *to)
{
	const char *mine = control_team_only(client);

	return mine == NULL || strcmp(mine, from) == 0 || strcmp(mine, to) == 0;
}

bool
control_is_admin(const struct client *client)
{
	const char *team;
	unsigned scopes;

	return web_client_scoped(client, &scopes, &team) && team == NULL &&
	    key_allows(scopes, KEY_ADMIN);
}

/* --- results ---------------------------------------------------------------------------------- */

static bool
is_in(const char *name, const char *const *list, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (strcmp(list[i], name) == 0)
			return true;
	return false;
}

/* Leave these members, and no other that there is or comes to be. */
static void
keep_only(cJSON *o, const char *const *names, size_t n)
{
	cJSON *v, *next;

	for (v = o != NULL ? o->child : NULL; v != NULL; v = next) {
		next = v->next;
		if (!is_in(v->string, names, n))
			cJSON_Delete(cJSON_DetachItemViaPointer(o, v));
	}
}

static void
trim_sessions(const struct client *client, cJSON *list)
{
	cJSON *s, *next;

	for (s = list != NULL ? list->child : NULL; s != NULL; s = next) {
		next = s->next;
		if (!control_sees(client, json_str(s, "from"), json_str(s, "to")))
			cJSON_Delete(cJSON_DetachItemViaPointer(list, s));
	}
}

/* Of others no more than that they are there, and what they know. */
static void
trim_team(const struct client *client, cJSON *team)
{
	static const char *const names[] = {"name", "description", "color", "status", "sessions"};
	const char *mine = control_team_only(client);

	trim_sessions(client, json_get(team, "sessions"));
	if (strcmp(json_str(team, "name"), mine) != 0)
		keep_only(team, names, COUNT(names));
}

static void
trim_status(const struct client *client, cJSON *o)
{
	static const char *const names[] = {"version", "pid", "startedAt", "uptime", "stopping",
	    "teams", "pool", "web", "sessions"};

	trim_sessions(client, json_get(o, "sessions"));
	keep_only(o, names, COUNT(names));
}

static void
trim_remotes(const char *mine, cJSON *list)
{
	cJSON *t, *next;

	for (t = list != NULL ? list->child : NULL; t != NULL; t = next) {
		next = t->next;
		if (strcmp(json_str(t, "name"), mine) != 0)
			cJSON_Delete(cJSON_DetachItemViaPointer(list, t));
	}
}

void
control_scope_trim(const struct client *client, const char *method, cJSON *result)
{
	const char *mine = control_team_only(client);
	cJSON *t;

	if (mine == NULL)
		return;
	if (strcmp(method, "iris/daemon.status") == 0)
		trim_status(client, result);
	else if (strcmp(method, "iris/team.list") == 0)
		for (t = json_get(result, "teams")->child; t != NULL; t = t->next)
			trim_team(client, t);
	else if (strcmp(method, "iris/team.show") == 0)
		trim_team(client, result);
	else if (strcmp(method, "iris/session.list") == 0)
		trim_sessions(client, json_get(result, "sessions"));
	else if (strcmp(method, "iris/remote.list") == 0)
		trim_remotes(mine, json_get(result, "teams"));
}
