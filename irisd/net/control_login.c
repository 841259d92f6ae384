/* SPDX-License-Identifier: MIT
 *
 * Control calls by which a person's browser gets into the dashboard: the CLI asks for a one-time
 * token (core/login.h), the web process brings it back from the browser, and gets an API key for it
 * that is named after the dashboard. Such keys are in the list of keys, and end as others do.
 */
#include <stdlib.h>
#include <string.h>

#include "common/compat.h"
#include "common/json.h"
#include "common/xmalloc.h"
#include "irisd/core/key.h"
#include "irisd/core/login.h"
#include "irisd/net/control.h"
#include "irisd/net/control_key.h"
#include "irisd/net/control_login.h"
#include "irisd/net/origin.h"
#include "irisd/net/web.h"
#include "irisd/net/web_client.h"

#define DAY_MS   ((int64_t)86400000)
#define LIFE_MS  (7 * DAY_MS)
#define LIFE_MAX (366 * DAY_MS)

struct old {
	int64_t now;
	char (*ids)[KEY_ID_LEN + 1];
	size_t n;
};

static void
old_cb(const struct store_key *k, void *arg)
{
	struct old *o = arg;

	if (strcmp(k->name, WEB_LOGIN) != 0 ||
	    (k->revoked_at == 0 && (k->expires_at == 0 || k->expires_at > o->now)))
		return;
	o->ids = xreallocarray(o->ids, o->n + 1, sizeof *o->ids);
	compat_strlcpy(o->ids[o->n++], k->id, sizeof *o->ids);
}

void
control_login_sweep(struct irisd *d)
{
	struct old o = {.now = compat_now_ms()};
	size_t i;

	store_key_each(d->store, old_cb, &o);
	for (i = 0; i < o.n; i++)
		store_key_delete(d->store, o.ids[i]);
	free(o.ids);
}

static int
check_wish(struct control *c, const char *scope, int64_t life, struct err *err)
{
	if (life < 1 || life > LIFE_MAX)
		return err_set(err, ERR_INVALID, "%s: expires must be from 1 to %lld ms", c->method,
		    (long long)LIFE_MAX);
	c->login.life = life;
	if (key_scopes_parse(scope != NULL ? scope : "admin", &c->login.scopes, err) == -1)
		return -1;
	return origin_person(c->client, "a login to the dashboard", err);
}

/* The link, if it leads somewhere by now. */
static void
make(struct control *c)
{
	struct irisd *d = c->client->d;
	char token[LOGIN_TOKEN_LEN + 1];
	cJSON *o = json_new();
	struct err err;
	int rv;

	if ((rv = web_dashboard(d, o, &err)) == 1) {
		login_make(&d->logins, &c->login, compat_mono_ms(), token);
		json_put_str(o, "token", token);
		json_put_int(o, "expiresAt", compat_now_ms() + LOGIN_MS);
		control_done(c, o);
		return;
	}
	cJSON_Delete(o);
	c->opening = rv == 0;
	if (rv == -1)
		control_failed(c, &err);
}

void
control_login_create(struct control *c, const cJSON *params)
{
	const char *scope = json_str(params, "scope");
	int64_t life = json_int_or(params, "expires", LIFE_MS);
	struct err err;

	if (check_wish(c, scope, life, &err) == -1)
		control_failed(c, &err);
	else
		make(c);
}

void
control_login_listening(struct irisd *d)
{
	struct client *client;
	struct control *c, *next;

	TAILQ_FOREACH (client, &d->clients, entry)
		TAILQ_FOREACH_SAFE (c, &client->controls, entry, next)
			if (c->opening)
				make(c);
}

static int
redeem(struct control *c, const char *token, struct login *what, struct err *err)
{
	struct irisd *d = c->client->d;

	if (c->client->role != CLIENT_WEB)
		return err_set(err, ERR_REFUSED, "%s is for the web process of irisd", c->method);
	if (token == NULL)
		return err_set(err, ERR_INVALID, "%s needs token", c->method);
	/* While the disk is full no token is used up. */
	if (store_room(d->store, err) == -1)
		return -1;
	if (login_take(&d->logins, token, compat_mono_ms(), what))
		return 0;
	/* Not which of these it is. */
	return err_set(err, ERR_UNAUTHORIZED,
	    "this link is unknown, was used already or is older than %lld minutes; \"iris "
	    "dashboard\" makes a new one",
	    (long long)(LOGIN_MS / 60000));
}

void
control_login_redeem(struct control *c, const cJSON *params)
{
	struct store_key row = {0};
	struct login what;
	struct err err;

	if (redeem(c, json_str(params, "token"), &what, &err) == -1) {
		control_failed(c, &err);
		return;
	}
	control_login_sweep(c->client->d);
	row.name = xstrdup(WEB_LOGIN);
	row.scopes = what.scopes;
	control_done(c, control_key_make(c->client->d->store, &row, what.life));
	store_key_release(&row);
}
