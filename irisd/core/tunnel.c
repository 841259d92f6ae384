/* SPDX-License-Identifier: MIT
 *
 * Tunnels of remote teams, see tunnel.h. The wish is this file's; ssh, its end and its next try are
 * the worker's, which goes on with it while there is no irisd.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/compat.h"
#include "common/json.h"
#include "common/log.h"
#include "common/xmalloc.h"
#include "irisd/core/digest.h"
#include "irisd/core/event.h"
#include "irisd/core/key.h"
#include "irisd/core/tunnel.h"
#include "irisd/mcp/mcp.h"
#include "irisd/net/pinned.h"
#include "irisd/net/remote_params.h"
#include "irisd/net/web_client.h"
#include "irisd/net/worker.h"
#include "irisd/store/store.h"

#define RETRY_MS     1000 /* to the next try at a worker for it; doubles */
#define RETRY_MAX_MS 60000

enum tunnel_state { TUNNEL_OFF, TUNNEL_MAKING, TUNNEL_UP, TUNNEL_DOWN };

struct tunnel {
	struct pinned *door;            /* of the form with a socket; NULL: closed */
	bool asked;                     /* the worker was told to hold it, as plan says */
	char plan[KEY_HASH_LEN + 1];    /* what it was told, in short */
	char adopted[KEY_HASH_LEN + 1]; /* what a worker of an earlier irisd's holds; "": none */
	enum tunnel_state state;
	int64_t since; /* ms, wall clock: when that began */
	char why[512], address[512];
	int64_t credit; /* ms, monotonic: when the rate allows as if nothing had come */
	int64_t retry_ms;
	struct event *retry;
};

static bool
is_configured(const struct team *t)
{
	return !t->removed && t->cfg->remote != NULL && t->cfg->enable_reverse_mcp;
}

static bool
is_revoked(const struct team *t)
{
	struct store_tunnel row;

	return store_tunnel_load(t->d->store, t->name, &row) && row.revoked_at != 0;
}

static void
set_state(struct team *t, enum tunnel_state state, const char *why)
{
	struct tunnel *n = t->tunnel;

	if (n->state != state)
		n->since = compat_now_ms();
	n->state = state;
	compat_strlcpy(n->why, why != NULL ? why : "", sizeof n->why);
	json_utf8_mend(n->why);
	event_team(t);
}

static void
retry_cb(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	tunnel_sync_team(arg);
}

static struct tunnel *
tunnel_of(struct team *t)
{
	struct tunnel *n = t->tunnel;

	if (n != NULL)
		return n;
	n = t->tunnel = xcalloc(1, sizeof *n);
	n->retry_ms = RETRY_MS;
	n->retry = evtimer_new(t->d->loop.base, retry_cb, t);
	return n;
}

/* --- the key, of the form over HTTP ----------------------------------------------------------- */

static void
end_key(struct irisd *d, const char *id)
{
	struct store_key row;

	if (id[0] == '\0' || !store_key_load(d->store, id, &row))
		return;
	if (row.revoked_at == 0) {
		row.revoked_at = compat_now_ms();
		store_key_update(d->store, &row);
		web_client_revoked(d, row.id);
	}
	store_key_release(&row);
}

/* The one before is over: a text is told once, and kept nowhere here. */
static void
new_key(struct team *t, char text[KEY_TEXT_LEN + 1])
{
	struct store_key row = {.scopes = KEY_READ | KEY_MESSAGE};
	struct store_tunnel mine;

	store_tunnel_load(t->d->store, t->name, &mine);
	end_key(t->d, mine.key);
	key_make(text);
	key_make_id(row.id);
	key_hash(text, row.hash);
	row.name = xasprintf("remote-%s", t->name);
	row.team = xstrdup(t->name);
	row.created_at = compat_now_ms();
	store_key_insert(t->d->store, &row);
	compat_strlcpy(mine.key, row.id, sizeof mine.key);
	store_tunnel_set(t->d->store, t->name, &mine);
	store_key_release(&row);
}

static void
forget_key(struct team *t)
{
	struct store_tunnel mine;

	if (!store_tunnel_load(t->d->store, t->name, &mine) || mine.key[0] == '\0')
		return;
	end_key(t->d, mine.key);
	mine.key[0] = '\0';
	store_tunnel_set(t->d->store, t->name, &mine);
}

static bool
key_is_good(struct team *t)
{
	struct store_tunnel mine;
	struct store_key row;
	bool good;

	if (!store_tunnel_load(t->d->store, t->name, &mine) || mine.key[0] == '\0' ||
	    !store_key_load(t->d->store, mine.key, &row))
		return false;
	good = row.revoked_at == 0;
	store_key_release(&row);
	return good;
}

bool
tunnel_has_key(struct irisd *d, const char *team, const char *key_id)
{
	struct store_tunnel mine;

	return store_tunnel_load(d->store, team, &mine) && strcmp(mine.key, key_id) == 0;
}

/* --- up and down ------------------------------------------------------------------------------ */

/* worker/tunnel, but for the key's text. */
static cJSON *
plan_json(struct team *t)
{
	const struct config_team *cfg = t->cfg;
	cJSON *p = json_new();
	char target[64];

	json_put_bool(p, "on", true);
	json_put(p, "remote", remote_params(t->d, cfg));
	if (cfg->allow_http) {
		snprintf(target, sizeof target, "127.0.0.1:%lld",
		    (long long)t->d->conf->config->settings.http_port);
		json_put_int(p, "port", cfg->reverse_mcp_port);
		json_put_str(p, "target", target);
	} else {
		json_put_str(p, "socket", pinned_path(t->tunnel->door));
	}
	return p;
}

static void
try_later(struct team *t, const char *why)
{
	struct tunnel *n = t->tunnel;
	struct timeval tv = {n->retry_ms / 1000, (n->retry_ms % 1000) * 1000};

	n->asked = false;
	set_state(t, TUNNEL_DOWN, why);
	log_warn(
	    "tunnel is down team=%s retry_ms=%lld why=%s", t->name, (long long)n->retry_ms, n->why);
	evtimer_add(n->retry, &tv);
	n->retry_ms = n->retry_ms * 2 > RETRY_MAX_MS ? RETRY_MAX_MS : n->retry_ms * 2;
}

static void
ask(struct team *t)
{
	struct tunnel *n = t->tunnel;
	char *text, plan[KEY_HASH_LEN + 1], key[KEY_TEXT_LEN + 1];
	cJSON *p = plan_json(t);
	struct err err;

	text = json_print(p);
	digest_text(text, plan);
	free(text);
	if ((n->asked && strcmp(plan, n->plan) == 0) ||
	    (t->worker != NULL && strcmp(plan, n->adopted) == 0 &&
		(!t->cfg->allow_http || key_is_good(t)))) {
		n->asked = true;
		compat_strlcpy(n->plan, plan, sizeof n->plan);
		cJSON_Delete(p);
		return;
	}
	n->adopted[0] = '\0';
	if (t->cfg->allow_http) {
		new_key(t, key);
		json_put_str(p, "token", key);
	} else {
		forget_key(t);
	}
	json_put_str(p, "plan", plan);
	if (worker_tunnel(t, p, &err) == -1) {
		try_later(t, err.msg);
		return;
	}
	n->asked = true;
	compat_strlcpy(n->plan, plan, sizeof n->plan);
	set_state(t, TUNNEL_MAKING, NULL);
}

static void
shut(struct team *t, const char *why)
{
	struct tunnel *n = t->tunnel;
	struct err err, end;
	cJSON *p;

	err_set(&end, ERR_REFUSED, "%s", why);
	if (n->door != NULL)
		pinned_close(n->door, &end);
	n->door = NULL;
	forget_key(t);
	evtimer_del(n->retry);
	n->retry_ms = RETRY_MS;
	if (t->worker != NULL && (n->asked || n->adopted[0] != '\0')) {
		p = json_new();
		json_put_bool(p, "on", false);
		if (worker_tunnel(t, p, &err) == -1)
			log_warn("tunnel can not be ended team=%s why=%s", t->name, err.msg);
	}
	n->asked = false;
	n->adopted[0] = n->address[0] = '\0';
	set_state(t, TUNNEL_OFF, NULL);
	worker_retire(t);
}

/* Those who are here already are not sent away for a moment's change. */
static int
open_door(struct team *t, struct err *err)
{
	struct tunnel *n = t->tunnel;

	if (t->cfg->allow_http) {
		if (n->door != NULL) {
			err_set(err, ERR_REFUSED, "the tunnel of team %s is by HTTP now", t->name);
			pinned_close(n->door, err);
			n->door = NULL;
		}
		return 0;
	}
	if (n->door == NULL)
		n->door = pinned_open(t, err);
	return n->door != NULL ? 0 : -1;
}

void
tunnel_sync_team(struct team *t)
{
	bool wanted = is_configured(t) && !is_revoked(t);
	struct err err;

	if (t->d->stopping || t->d->handing_over || (!wanted && t->tunnel == NULL))
		return;
	tunnel_of(t);
	if (!wanted) {
		if (t->adopting == 0)
			shut(t,
			    t->removed ? "the team was removed from the configuration"
				       : "this tunnel was revoked, or is not configured any more");
		return;
	}
	/* Before a worker speaks: it may hold the other end, and somebody may come. */
	if (open_door(t, &err) == -1)
		try_later(t, err.msg);
	else if (t->adopting == 0)
		ask(t);
}

void
tunnel_sync(struct irisd *d)
{
	struct team *t, *next;

	TAILQ_FOREACH_SAFE (t, &d->teams, entry, next)
		tunnel_sync_team(t);
}

/* --- what workers say ------------------------------------------------------------------------- */

static void
take(struct team *t, const cJSON *said)
{
	const char *state = json_str(said, "state"), *why = json_str(said, "why");
	const char *address = json_str(said, "address");
	struct tunnel *n = t->tunnel;

	compat_strlcpy(n->address, address != NULL ? address : "", sizeof n->address);
	json_utf8_mend(n->address);
	if (state != NULL && strcmp(state, "up") == 0) {
		n->retry_ms = RETRY_MS;
		set_state(t, TUNNEL_UP, NULL);
		log_info("tunnel is up team=%s address=%s", t->name, n->address);
	} else if (state != NULL && strcmp(state, "making") == 0) {
		set_state(t, TUNNEL_MAKING, NULL);
	} else {
		set_state(t, TUNNEL_DOWN, why != NULL ? why : "the worker gave no reason");
		log_warn("tunnel is down team=%s why=%s", t->name, n->why);
	}
}

void
tunnel_adopted(struct team *t, const cJSON *said)
{
	const char *plan = json_str(said, "plan");

	if (plan == NULL)
		return;
	compat_strlcpy(tunnel_of(t)->adopted, plan, sizeof t->tunnel->adopted);
	take(t, said);
}

void
tunnel_told(struct team *t, const cJSON *params)
{
	const char *plan = json_str(params, "plan");

	/* Of one that was ended, or is replaced, meanwhile. */
	if (t->tunnel == NULL || !t->tunnel->asked || plan == NULL ||
	    strcmp(plan, t->tunnel->plan) != 0)
		return;
	take(t, params);
}

void
tunnel_lost(struct team *t, const char *why)
{
	struct tunnel *n = t->tunnel;

	if (n == NULL || t->d->stopping || t->d->handing_over)
		return;
	n->adopted[0] = n->address[0] = '\0';
	if (n->asked)
		try_later(t, why);
}

/* --- for others ------------------------------------------------------------------------------- */

bool
tunnel_keeps_worker(const struct team *t)
{
	return t->tunnel != NULL && t->tunnel->asked;
}

bool
tunnel_leads_to_http(const struct team *t)
{
	return is_configured(t) && t->cfg->allow_http && !is_revoked(t);
}

bool
tunnel_wants_http(const struct irisd *d)
{
	const struct team *t;

	TAILQ_FOREACH (t, &d->teams, entry)
		if (tunnel_leads_to_http(t))
			return true;
	return false;
}

/* A bucket that gains one request each 1000 / TUNNEL_RATE ms. */
int
tunnel_allows(struct irisd *d, const char *team, struct err *err)
{
	int64_t now = compat_mono_ms(), each = 1000 / TUNNEL_RATE;
	struct team *t = team_find(d, team);
	struct tunnel *n;

	if (t == NULL || !is_configured(t))
		return err_set(
		    err, ERR_REFUSED, "team %s has no tunnel any more; ask who runs Iris", team);
	n = tunnel_of(t);
	if (n->credit < now)
		n->credit = now;
	if (n->credit - now > (TUNNEL_BURST - 1) * each)
		return err_set(err, ERR_LIMIT,
		    "too many requests by the tunnel of team %s: %d a second, and %d at once; wait a "
		    "moment and ask again",
		    team, TUNNEL_RATE, TUNNEL_BURST);
	n->credit += each;
	return 0;
}

/* Whether it is to have one may still be decided: what is revoked stays so. */
static int
check_remote(const struct team *t, struct err *err)
{
	if (t->cfg->remote != NULL)
		return 0;
	return err_set(err, ERR_INVALID,
	    "team %s is on this machine; only remote teams have tunnels", t->name);
}

int
tunnel_revoke(struct team *t, const char *by, struct err *err)
{
	struct store_tunnel row;

	if (check_remote(t, err) == -1)
		return -1;
	store_tunnel_load(t->d->store, t->name, &row);
	if (row.revoked_at == 0) {
		row.revoked_at = compat_now_ms();
		compat_strlcpy(row.revoked_by, by, sizeof row.revoked_by);
		store_tunnel_set(t->d->store, t->name, &row);
		log_warn("tunnel revoked team=%s by=%s", t->name, by);
	}
	tunnel_of(t);
	/* Also where a worker is not heard of yet: what comes by its tunnel is turned away. */
	shut(t, "this tunnel was revoked by a person at Iris's own machine");
	return 0;
}

int
tunnel_grant(struct team *t, struct err *err)
{
	struct store_tunnel row;

	if (check_remote(t, err) == -1)
		return -1;
	if (store_tunnel_load(t->d->store, t->name, &row) && row.revoked_at != 0) {
		row.revoked_at = 0;
		row.revoked_by[0] = '\0';
		store_tunnel_set(t->d->store, t->name, &row);
		log_info("tunnel granted again team=%s", t->name);
	}
	/* Its key may have been revoked by itself. */
	if (t->tunnel != NULL && t->cfg->allow_http && !key_is_good(t))
		t->tunnel->asked = false;
	tunnel_sync_team(t);
	return 0;
}

cJSON *
tunnel_json(const struct team *t)
{
	static const char *const names[] = {[TUNNEL_OFF] = "off",
	    [TUNNEL_MAKING] = "making",
	    [TUNNEL_UP] = "up",
	    [TUNNEL_DOWN] = "down"};
	const struct tunnel *n = t->tunnel;
	struct store_tunnel row;
	cJSON *o;

	if (!is_configured(t))
		return NULL;
	o = json_new();
	json_put_str(o, "form", t->cfg->allow_http ? "http" : "socket");
	store_tunnel_load(t->d->store, t->name, &row);
	if (row.revoked_at != 0) {
		json_put_str(o, "state", "revoked");
		json_put_int(o, "since", row.revoked_at);
		json_put_str(o, "revokedBy", row.revoked_by);
		return o;
	}
	json_put_str(o, "state", names[n != NULL ? n->state : TUNNEL_OFF]);
	if (n == NULL)
		return o;
	if (n->since != 0)
		json_put_int(o, "since", n->since);
	json_put_str_opt(o, "why", n->why[0] != '\0' ? n->why : NULL);
	json_put_str_opt(o, "address", n->address[0] != '\0' ? n->address : NULL);
	if (n->door != NULL) {
		json_put_str(o, "socket", pinned_path(n->door));
		json_put_int(o, "connections", pinned_count(n->door));
	}
	if (row.key[0] != '\0')
		json_put_str(o, "key", row.key);
	return o;
}

void
tunnel_warnings(const struct irisd *d, cJSON *warnings)
{
	const struct team *t;
	char text[ERR_MSG_MAX];

	TAILQ_FOREACH (t, &d->teams, entry) {
		if (!is_configured(t) || t->tunnel == NULL || t->tunnel->state != TUNNEL_DOWN)
			continue;
		snprintf(text, sizeof text, "the tunnel of team %.100s is down: %.400s", t->name,
		    t->tunnel->why);
		cJSON_AddItemToArray(warnings, cJSON_CreateString(text));
	}
}

void
tunnel_release(struct team *t)
{
	struct tunnel *n = t->tunnel;
	struct err why;

	if (n == NULL)
		return;
	err_set(&why, ERR_UNAVAILABLE, "irisd has ended");
	if (n->door != NULL)
		pinned_close(n->door, &why);
	event_free(n->retry);
	free(n);
	t->tunnel = NULL;
}
