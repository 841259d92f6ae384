/* SPDX-License-Identifier: MIT
 *
 * Control calls about API keys. A key's text is told once, to who makes it.
 */
#include <string.h>

#include "common/compat.h"
#include "common/json.h"
#include "common/xmalloc.h"
#include "irisd/core/key.h"
#include "irisd/core/rate.h"
#include "irisd/mcp/elicit_private.h"
#include "irisd/net/control.h"
#include "irisd/net/control_key.h"
#include "irisd/net/origin.h"
#include "irisd/net/web_client.h"

#define USED_MS 60000 /* how exactly the last use is kept, so that not each use is a write */

static const char *
state_of(const struct store_key *k)
{
	if (k->revoked_at != 0)
		return "revoked";
	if (k->expires_at != 0 && k->expires_at <= compat_now_ms())
		return "expired";
	return "active";
}

static void
put_time(cJSON *o, const char *name, int64_t at)
{
	if (at != 0)
		json_put_int(o, name, at);
}

static cJSON *
describe(const struct store_key *k)
{
	cJSON *o = json_new();

	json_put_str(o, "id", k->id);
	json_put_str(o, "name", k->name);
	json_put_str(o, "state", state_of(k));
	json_put(o, "scopes", key_scopes_json(k->scopes));
	json_put_str_opt(o, "team", k->team);
	json_put_int(o, "createdAt", k->created_at);
	put_time(o, "expiresAt", k->expires_at);
	put_time(o, "usedAt", k->used_at);
	put_time(o, "revokedAt", k->revoked_at);
	return o;
}

static int
check_new(struct irisd *d, const char *name, const char *team, int64_t expires, struct err *err)
{
	if (name == NULL)
		return err_set(err, ERR_INVALID, "iris/key.create needs name");
	if (strcmp(name, WEB_LOGIN) == 0)
		return err_set(err, ERR_INVALID,
		    "\"%s\" is the name of the logins that \"iris dashboard\" makes; choose another",
		    name);
	/* It becomes part of the name of a guest. */
	if (config_check_team_name(name, err) == -1)
		return err_prefix(err, "the key's name, like a team's: ");
	if (team != NULL && team_require(d, team, err) == NULL)
		return -1;
	if (expires < 0)
		return err_set(err, ERR_INVALID, "iris/key.create: expires must not be negative");
	return store_room(d->store, err);
}

cJSON *
control_key_make(struct store *s, struct store_key *row, int64_t life)
{
	char text[KEY_TEXT_LEN + 1];
	cJSON *o;

	key_make(text);
	key_make_id(row->id);
	key_hash(text, row->hash);
	row->created_at = compat_now_ms();
	row->expires_at = life > 0 ? row->created_at + life : 0;
	store_key_insert(s, row);
	o = describe(row);
	json_put_str(o, "key", text);
	return o;
}

void
control_key_create(struct control *c, const cJSON *params)
{
	const char *name = json_str(params, "name"), *scope = json_str(params, "scope");
	const char *team = json_str(params, "team");
	int64_t expires = json_int_or(params, "expires", 0);
	struct store_key row = {0};
	struct err err;

	if (check_new(c->client->d, name, team, expires, &err) == -1 ||
	    origin_person(c->client, "a new API key", &err) == -1 ||
	    key_scopes_parse(scope != NULL ? scope : "", &row.scopes, &err) == -1) {
		control_failed(c, &err);
		return;
	}
	row.name = xstrdup(name);
	row.team = xstrdup_null(team);
	control_done(c, control_key_make(c->client->d->store, &row, expires));
	store_key_release(&row);
}

static void
list_cb(const struct store_key *k, void *arg)
{
	cJSON_AddItemToArray(arg, describe(k));
}

void
control_key_list(struct control *c, const cJSON *params)
{
	cJSON *o = json_new(), *list = cJSON_CreateArray();

	(void)params;
	store_key_each(c->client->d->store, list_cb, list);
	json_put(o, "keys", list);
	control_done(c, o);
}

void
control_key_revoke(struct control *c, const cJSON *params)
{
	const char *id = json_str(params, "id");
	struct irisd *d = c->client->d;
	struct store_key row;
	struct err err;
	bool fresh;
	cJSON *o;

	if (id == NULL || !store_key_load(d->store, id, &row)) {
		err_set(&err, id == NULL ? ERR_INVALID : ERR_NOT_FOUND,
		    "there is no key \"%.40s\"; \"iris key list\" shows those that there are",
		    id != NULL ? id : "");
		control_failed(c, &err);
		return;
	}
	fresh = row.revoked_at == 0;
	if (fresh) {
		row.revoked_at = compat_now_ms();
		store_key_update(d->store, &row);
	}
	o = describe(&row);
	/* It may be its own, and is answered before that ends. */
	control_done(c, o);
	if (fresh) {
		web_client_revoked(d, row.id);
		rate_forget(&d->rates, row.id);
	}
	store_key_release(&row);
}

/* The key with this text, if it is good. */
static bool
find_good(struct irisd *d, const char *text, struct store_key *row)
{
	char hash[KEY_HASH_LEN + 1];

	key_hash(text, hash);
	if (!store_key_by_hash(d->store, hash, row))
		return false;
	if (strcmp(state_of(row), "active") == 0)
		return true;
	store_key_release(row);
	return false;
}

/* One more request with this key. */
static int
check_rate(struct control *c, const struct store_key *row, struct err *err)
{
	struct irisd *d = c->client->d;
	int64_t rate = d->conf->config->dashboard.rate_limit;

	if (rate == 0 || rate_take(&d->rates, row->id, rate, compat_mono_ms(), &c->retry_after))
		return 0;
	return err_set(err, ERR_LIMIT,
	    "too many requests with the key %s: %lld a second (dashboard.rateLimit), and %lld at "
	    "once; wait a moment and ask again",
	    row->id, (long long)rate, (long long)rate * RATE_BURST_S);
}

void
control_key_check(struct control *c, const cJSON *params)
{
	const char *text = json_str(params, "key"), *session = json_str(params, "session");
	struct irisd *d = c->client->d;
	bool mcp = json_bool(params, "mcp", false), api = json_bool(params, "api", false);
	enum web_use use = WEB_ASK;
	int64_t now = compat_now_ms();
	struct store_key row;
	cJSON *o = NULL;
	struct err err;

	if (mcp && api) {
		err_set(&err, ERR_INVALID, "iris/key.check: it is mcp or api, not both");
		control_failed(c, &err);
		return;
	}
	if (c->client->role == CLIENT_WEB)
		use = api ? WEB_API : mcp ? WEB_MCP : WEB_ASK;
	if (text == NULL || !find_good(d, text, &row)) {
		/* Not which of these it is: that is for "iris key list". */
		err_set(&err, ERR_UNAUTHORIZED,
		    "this key is unknown, has expired or was revoked; \"iris key list\" shows those "
		    "that are good, \"iris key create\" makes one");
		control_failed(c, &err);
		return;
	}
	if (use == WEB_API && check_rate(c, &row, &err) == -1)
		goto out;
	if ((o = web_client_speaks(c->client, &row, session, use, &err)) != NULL &&
	    now - row.used_at >= USED_MS) {
		row.used_at = now;
		store_key_update(d->store, &row);
	}
out:
	store_key_release(&row);
	if (o != NULL && use == WEB_MCP)
		c->client->mcp.can = elicit_capabilities(json_obj(params, "capabilities"));
	if (o != NULL)
		control_done(c, o);
	else
		control_failed(c, &err);
}
