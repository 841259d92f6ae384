/* SPDX-License-Identifier: MIT
 *
 * Subscriptions to resources, see follow.h. Only what can be read now can be watched, and who may
 * not read it any more when it changes is not told.
 */
#include <stdlib.h>
#include <string.h>

#include "common/compat.h"
#include "common/json.h"
#include "common/xmalloc.h"
#include "irisd/mcp/mcp_private.h"
#include "irisd/mcp/resources.h"
#include "irisd/mcp/follow.h"

#define LISTENS_MAX  16  /* open ones, of one client */
#define FOLLOWED_MAX 200 /* resources, of one client */

/* A subscriptions/listen that is open. */
struct mcp_listen {
	TAILQ_ENTRY(mcp_listen) entry;
	char *id;  /* raw JSON, owned */
	bool list; /* it wants to know when the list changes */
};

/* A resource that is watched. */
struct mcp_followed {
	TAILQ_ENTRY(mcp_followed) entry;
	struct mcp_listen *listen; /* for which one; NULL for a resources/subscribe */
	char *uri;                 /* as the client wrote it, owned */
	struct resource resource;
	bool changed;
};

static void
refuse(struct mcp *m, const struct rpc_msg *msg, int code, const char *text)
{
	m->carrier->send(m, rpc_error_code(msg->id, code, text, NULL));
}

static int
count(const struct mcp *m)
{
	const struct mcp_followed *w;
	int n = 0;

	TAILQ_FOREACH (w, &m->followed, entry)
		n++;
	return n;
}

static struct mcp_followed *
find(struct mcp *m, const struct mcp_listen *l, const char *uri)
{
	struct mcp_followed *w;

	TAILQ_FOREACH (w, &m->followed, entry)
		if (w->listen == l && strcmp(w->uri, uri) == 0)
			return w;
	return NULL;
}

static void
add(struct mcp *m, struct mcp_listen *l, const char *uri, const struct resource *r)
{
	struct mcp_followed *w = xcalloc(1, sizeof *w);

	w->listen = l;
	w->uri = xstrdup(uri);
	w->resource = *r;
	TAILQ_INSERT_TAIL(&m->followed, w, entry);
}

static void
followed_free(struct mcp *m, struct mcp_followed *w)
{
	TAILQ_REMOVE(&m->followed, w, entry);
	free(w->uri);
	free(w);
}

static void
listen_free(struct mcp *m, struct mcp_listen *l)
{
	struct mcp_followed *w, *next;

	TAILQ_FOREACH_SAFE (w, &m->followed, entry, next)
		if (w->listen == l)
			followed_free(m, w);
	TAILQ_REMOVE(&m->listens, l, entry);
	free(l->id);
	free(l);
}

/* --- subscriptions/listen --------------------------------------------------------------------- */

static cJSON *
tagged(const struct mcp_listen *l)
{
	cJSON *p = json_new(), *meta = json_new();

	json_put_raw(meta, MCP_META_SUBSCRIPTION, l->id, strlen(l->id));
	json_put(p, "_meta", meta);
	return p;
}

/* Watch those of the URIs that can be read; they are the list that is returned. */
static cJSON *
follow_all(struct mcp *m, struct mcp_listen *l, const cJSON *uris)
{
	cJSON *honoured = cJSON_CreateArray();
	struct resource r;
	int n = count(m);
	const cJSON *v;

	cJSON_ArrayForEach (v, uris) {
		if (n >= FOLLOWED_MAX)
			break;
		if (!cJSON_IsString(v) || find(m, l, v->valuestring) != NULL ||
		    resource_parse(v->valuestring, &r) == -1 || !resource_visible(m, &r))
			continue;
		add(m, l, v->valuestring, &r);
		cJSON_AddItemToArray(honoured, cJSON_CreateString(v->valuestring));
		n++;
	}
	return honoured;
}

/*
 * The ack first, with what is honoured: tools and prompts never change. The request then stays
 * open.
 */
void
follow_listen(struct mcp *m, const struct rpc_msg *msg)
{
	const cJSON *want = json_obj(msg->params, "notifications"), *uris;
	struct mcp_listen *l;
	cJSON *p, *honoured;
	int n = 0;

	if (want == NULL) {
		refuse(
		    m, msg, RPC_INVALID_PARAMS, "subscriptions/listen needs params.notifications");
		return;
	}
	TAILQ_FOREACH (l, &m->listens, entry)
		n++;
	if (n >= LISTENS_MAX) {
		refuse(m, msg, RPC_INVALID_REQUEST, "too many subscriptions are open");
		return;
	}
	l = xcalloc(1, sizeof *l);
	l->id = xstrdup(msg->id);
	l->list = json_bool(want, "resourcesListChanged", false);
	TAILQ_INSERT_TAIL(&m->listens, l, entry);
	honoured = json_new();
	if (l->list)
		json_put_bool(honoured, "resourcesListChanged", true);
	if ((uris = json_arr(want, "resourceSubscriptions")) != NULL)
		json_put(honoured, "resourceSubscriptions", follow_all(m, l, uris));
	p = tagged(l);
	json_put(p, "notifications", honoured);
	m->carrier->send(m, rpc_notification("notifications/subscriptions/acknowledged", p));
}

void
follow_cancel(struct mcp *m, const char *id)
{
	struct mcp_listen *l;

	TAILQ_FOREACH (l, &m->listens, entry) {
		if (strcmp(l->id, id) == 0) {
			listen_free(m, l);
			return;
		}
	}
}

void
follow_release(struct mcp *m)
{
	while (!TAILQ_EMPTY(&m->listens))
		listen_free(m, TAILQ_FIRST(&m->listens));
	while (!TAILQ_EMPTY(&m->followed))
		followed_free(m, TAILQ_FIRST(&m->followed));
}

void
follow_stop(struct mcp *m)
{
	struct mcp_listen *l;
	cJSON *r;

	TAILQ_FOREACH (l, &m->listens, entry) {
		/* subscriptions: a graceful end is the request's result. */
		r = mcp_result(true, false);
		json_put_raw(json_get(r, "_meta"), MCP_META_SUBSCRIPTION, l->id, strlen(l->id));
		m->carrier->send(m, rpc_result(l->id, r));
	}
	follow_release(m);
}

/* --- resources/subscribe ---------------------------------------------------------------------- */

/* The URI of a request; NULL when it was refused. */
static const char *
uri_of(struct mcp *m, const struct rpc_msg *msg)
{
	const char *uri = json_str(msg->params, "uri");

	if (!m->carrier->unasked)
		refuse(m, msg, RPC_METHOD_NOT_FOUND,
		    "over HTTP there are subscriptions only in 2026-07-28, with subscriptions/listen");
	else if (uri == NULL)
		refuse(m, msg, RPC_INVALID_PARAMS, "params.uri is missing");
	else
		return uri;
	return NULL;
}

void
follow_subscribe(struct mcp *m, const struct rpc_msg *msg)
{
	const char *uri = uri_of(m, msg);
	struct resource r;

	if (uri == NULL)
		return;
	if (resource_parse(uri, &r) == -1 || !resource_visible(m, &r)) {
		resource_refuse(m, msg, uri, false);
		return;
	}
	if (find(m, NULL, uri) == NULL) {
		if (count(m) >= FOLLOWED_MAX) {
			refuse(m, msg, RPC_INVALID_REQUEST, "too many resources are subscribed to");
			return;
		}
		add(m, NULL, uri, &r);
	}
	m->carrier->send(m, rpc_result(msg->id, json_new()));
}

void
follow_unsubscribe(struct mcp *m, const struct rpc_msg *msg)
{
	const char *uri = uri_of(m, msg);
	struct mcp_followed *w;

	if (uri == NULL)
		return;
	if ((w = find(m, NULL, uri)) != NULL)
		followed_free(m, w);
	m->carrier->send(m, rpc_result(msg->id, json_new()));
}

/* --- changes ---------------------------------------------------------------------------------- */

static bool
takes_part(struct mcp *m, const char *from, const char *to)
{
	char who[TEAM_NAME_MAX];

	m->carrier->who(m, who, sizeof who);
	return strcmp(who, from) == 0 || strcmp(who, to) == 0;
}

/* Those who watch this; from and to: whose it is, NULL for everybody's. */
static void
changed(struct irisd *d, enum resource_kind kind, const char *a, const char *b, const char *from,
    const char *to)
{
	struct mcp_followed *w;
	struct mcp *m;

	LIST_FOREACH(m, &d->mcps, all)
	{
		TAILQ_FOREACH (w, &m->followed, entry) {
			if (w->changed || w->resource.row->kind != kind ||
			    strcmp(w->resource.values[0], a) != 0 ||
			    strcmp(w->resource.values[1], b) != 0 ||
			    (from != NULL && !takes_part(m, from, to)))
				continue;
			w->changed = true;
			d->follow_due = true;
		}
	}
}

void
follow_message(struct irisd *d, const char *id, const char *from, const char *to)
{
	changed(d, RESOURCE_MESSAGE, id, "", from, to);
}

void
follow_session(const struct session *s)
{
	changed(s->d, RESOURCE_SESSION, s->row.from, s->row.to, s->row.from, s->row.to);
}

void
follow_team(struct irisd *d, const char *name)
{
	changed(d, RESOURCE_TEAM, name, "", NULL, NULL);
	changed(d, RESOURCE_TEAMS, "", "", NULL, NULL);
}

void
follow_teams(struct irisd *d)
{
	d->follow_due = d->follow_teams = true;
}

static void
tell_list(struct mcp *m)
{
	struct mcp_listen *l;

	TAILQ_FOREACH (l, &m->listens, entry)
		if (l->list)
			m->carrier->send(
			    m, rpc_notification("notifications/resources/list_changed", tagged(l)));
	if (m->initialized && m->carrier->unasked)
		m->carrier->send(m, rpc_notification("notifications/resources/list_changed", NULL));
}

static void
tell_changed(struct mcp *m)
{
	struct mcp_followed *w;
	cJSON *p;

	TAILQ_FOREACH (w, &m->followed, entry) {
		if (!w->changed)
			continue;
		w->changed = false;
		p = w->listen != NULL ? tagged(w->listen) : json_new();
		json_put_str(p, "uri", w->uri);
		m->carrier->send(m, rpc_notification("notifications/resources/updated", p));
	}
}

void
follow_run(struct irisd *d)
{
	struct mcp *m;

	if (!d->follow_due)
		return;
	LIST_FOREACH(m, &d->mcps, all)
	{
		if (d->follow_teams)
			tell_list(m);
		tell_changed(m);
	}
	d->follow_due = d->follow_teams = false;
}
