/* SPDX-License-Identifier: MIT
 *
 * Control calls about the hosts of teams on other machines. What is found out there, the team's
 * worker finds out; a host's key is recorded for persons alone. Tunnels are control_tunnel.c's.
 */
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "common/remote.h"
#include "common/xmalloc.h"
#include "irisd/core/describe.h"
#include "irisd/core/line.h"
#include "irisd/net/control_remote.h"
#include "irisd/net/origin.h"

#define CONNECT_MS     10000             /* to a host that is no team's */
#define CONNECT_MAX_MS ((int64_t)300000) /* what connectTimeout is taken for, at most */
#define CHECK_MS       60000             /* beyond two times to connect: claude may be slow */
#define TRUST_MS       15000
#define ALIVE_S        30
#define ALIVE_COUNT    3

/* What a call waits for. */
struct control_remote {
	struct worker_ticket ticket;
	struct event *timer;
	bool check;  /* otherwise trust */
	char *host;  /* owned: for sentences */
	char *named; /* owned: the team that was named; NULL for a host */
	int64_t ms;  /* how long it may take */
};

void
control_remote_release(struct control *c)
{
	struct control_remote *r = c->remote;

	if (r == NULL)
		return;
	event_free(r->timer);
	free(r->host);
	free(r->named);
	free(r);
	c->remote = NULL;
}

static void
timer_cb(evutil_socket_t fd, short what, void *arg)
{
	struct control *c = arg;
	struct err err;

	(void)fd;
	(void)what;
	err_set(&err, ERR_TIMEOUT, "%s %.200s took longer than %lld s; irisd's log may tell why",
	    c->remote->check ? "looking at" : "asking for the key of", c->remote->host,
	    (long long)c->remote->ms / 1000);
	control_failed(c, &err);
}

/* From here on the call waits; it ends by control_remote_answered, or when the time is over. */
static void
wait_for(struct control *c, const struct team *t, const struct worker_ticket *ticket, bool check,
    const struct config_team *where, bool named)
{
	int64_t connect = where->remote_options.connect_timeout;
	struct control_remote *r = xcalloc(1, sizeof *r);
	struct timeval tv;
	struct remote_spec spec;
	struct err err;

	r->ticket = *ticket;
	r->check = check;
	r->named = named ? xstrdup(t->name) : NULL;
	if (remote_parse(where->remote, &spec, &err) == 0) {
		r->host = xstrdup(spec.host);
		remote_release(&spec);
	} else {
		r->host = xstrdup("the host");
	}
	r->ms = 2 * (connect < CONNECT_MAX_MS ? connect : CONNECT_MAX_MS);
	r->ms += check ? CHECK_MS : TRUST_MS;
	tv = (struct timeval){r->ms / 1000, (r->ms % 1000) * 1000};
	r->timer = evtimer_new(c->client->d->loop.base, timer_cb, c);
	evtimer_add(r->timer, &tv);
	c->remote = r;
}

static struct control *
find_waiting(struct irisd *d, const struct worker_ticket *ticket)
{
	struct client *client;
	struct control *c;

	TAILQ_FOREACH (client, &d->clients, entry)
		TAILQ_FOREACH (c, &client->controls, entry)
			if (c->remote != NULL && c->remote->ticket.pid == ticket->pid &&
			    c->remote->ticket.id == ticket->id)
				return c;
	return NULL;
}

static void
copy(cJSON *o, const cJSON *from, const char *name)
{
	const cJSON *item = json_get(from, name);

	if (item != NULL)
		json_put(o, name, cJSON_Duplicate(item, true));
}

static cJSON *
answer(struct irisd *d, const struct control_remote *r, const cJSON *result)
{
	static const char *const of_check[] = {"steps", "ok"},
				 *const of_trust[] = {"keys", "state", "recorded", "file"};
	const struct team *t = r->named != NULL ? team_find(d, r->named) : NULL;
	const char *host = json_str(result, "host");
	cJSON *o = json_new();
	size_t i;

	json_put_str_opt(o, "team", r->named);
	json_put_str(o, "host", host != NULL ? host : r->host);
	if (r->check && t != NULL)
		json_put_str(o, "path", t->cfg->path);
	for (i = 0; r->check && i < sizeof of_check / sizeof of_check[0]; i++)
		copy(o, result, of_check[i]);
	for (i = 0; !r->check && i < sizeof of_trust / sizeof of_trust[0]; i++)
		copy(o, result, of_trust[i]);
	return o;
}

void
control_remote_answered(
    struct irisd *d, const struct worker_ticket *ticket, const cJSON *result, const struct err *why)
{
	struct control *c = find_waiting(d, ticket);
	struct team *t;

	if (c == NULL)
		return;
	t = c->remote->named != NULL ? team_find(d, c->remote->named) : NULL;
	/* All is well there: what waits for the line need not wait for its next try. */
	if (t != NULL && c->remote->check && json_bool(result, "ok", false) && line_down(t))
		line_retry(t);
	if (why != NULL)
		control_failed(c, why);
	else
		control_done(c, answer(d, c->remote, result));
}

/* The team that is named, when it is on another machine; NULL when the call was ended. */
static struct team *
remote_team(struct control *c, const cJSON *params)
{
	struct team *t = control_team(c, params);
	struct err err;

	if (t == NULL || t->cfg->remote != NULL)
		return t;
	err_set(&err, ERR_INVALID, "team %s is on this machine; it has no remote (iris-config(5))",
	    t->name);
	control_failed(c, &err);
	return NULL;
}

void
control_remote_list(struct control *c, const cJSON *params)
{
	cJSON *o = json_new(), *list = cJSON_CreateArray(), *row;
	struct remote_spec spec;
	struct team *t;
	struct err err;

	(void)params;
	TAILQ_FOREACH (t, &c->client->d->teams, entry) {
		if (t->removed || t->cfg->remote == NULL)
			continue;
		row = describe_team(t);
		if (remote_parse(t->cfg->remote, &spec, &err) == 0) {
			json_put_str(row, "host", spec.host);
			remote_release(&spec);
		}
		json_put_str(row, "transport", t->cfg->ssh2 ? "iris-ssh" : "ssh");
		cJSON_AddItemToArray(list, row);
	}
	json_put(o, "teams", list);
	control_done(c, o);
}

void
control_remote_check(struct control *c, const cJSON *params)
{
	struct team *t = remote_team(c, params);
	struct worker_ticket ticket;
	struct err err;

	if (t == NULL)
		return;
	if (c->client->d->stopping) {
		err_set(&err, ERR_UNAVAILABLE, "irisd is being stopped");
		control_failed(c, &err);
	} else if (worker_check(t, &ticket, &err) == -1) {
		control_failed(c, &err);
	} else {
		wait_for(c, t, &ticket, true, t->cfg, true);
	}
}

static bool
same_way(const struct config_team *a, const struct config_team *b)
{
	return strcmp(a->remote, b->remote) == 0 &&
	    a->remote_options.port == b->remote_options.port;
}

/*
 * The team that is at this host, so that it is reached by the team's options. NULL where there is
 * none; 0, or -1 where there are several ways to it.
 */
static int
team_at(struct irisd *d, const char *host, struct team **found, struct err *err)
{
	struct remote_spec spec;
	struct err why;
	struct team *t;
	bool here;

	*found = NULL;
	TAILQ_FOREACH (t, &d->teams, entry) {
		if (t->removed || t->cfg->remote == NULL ||
		    remote_parse(t->cfg->remote, &spec, &why) == -1)
			continue;
		here = strcmp(spec.host, host) == 0 || strcmp(spec.dest, host) == 0;
		remote_release(&spec);
		if (here && *found != NULL && !same_way((*found)->cfg, t->cfg))
			return err_set(err, ERR_INVALID,
			    "teams %s and %s are on %.200s and reach it in different ways; name "
			    "the team",
			    (*found)->name, t->name, host);
		if (here && *found == NULL)
			*found = t;
	}
	return 0;
}

/* For a host that is no team's: whose worker goes there. A remote team's, if there is one. */
static struct team *
any_team(struct irisd *d, struct err *err)
{
	struct team *t, *local = NULL;

	TAILQ_FOREACH (t, &d->teams, entry) {
		if (t->removed)
			continue;
		if (t->cfg->remote != NULL)
			return t;
		if (local == NULL || (local->worker == NULL && t->worker != NULL))
			local = t;
	}
	if (local == NULL)
		err_set(err, ERR_NOT_FOUND,
		    "there is no team yet; \"iris team add NAME --remote 'ssh HOST' --path DIR\" "
		    "adds the one that is there, and then its key is asked for");
	return local;
}

static int
trust(struct control *c, struct team *t, const char *host, const char *record, struct err *err)
{
	struct config_team plain = {.remote_options = {.strict_host_key_checking = true,
					.connect_timeout = CONNECT_MS,
					.server_alive_interval = ALIVE_S,
					.server_alive_count_max = ALIVE_COUNT}};
	const struct config_team *where = t->cfg;
	struct worker_ticket ticket;
	char *text = NULL;
	int rv = -1;

	if (host != NULL) {
		if (remote_check_dest(host, err) == -1)
			return -1;
		plain.remote = text = xasprintf("ssh %s", host);
		where = &plain;
	}
	if (worker_trust(t, where, record, &ticket, err) == 0) {
		wait_for(c, t, &ticket, false, where, host == NULL);
		rv = 0;
	}
	free(text);
	return rv;
}

void
control_remote_trust(struct control *c, const cJSON *params)
{
	const char *host = json_str(params, "host"), *record = json_str(params, "record");
	struct irisd *d = c->client->d;
	struct team *t = NULL, *there = NULL;
	struct err err;

	if (host == NULL) {
		if ((t = remote_team(c, params)) == NULL)
			return;
	} else if (json_str(params, "team") != NULL) {
		err_set(&err, ERR_INVALID, "%s takes team or host, not both", c->method);
	} else if (team_at(d, host, &there, &err) == 0) {
		t = there != NULL ? there : any_team(d, &err);
		host = there != NULL ? NULL : host;
	}
	if (t != NULL && d->stopping)
		err_set(&err, ERR_UNAVAILABLE, "irisd is being stopped");
	else if (t != NULL &&
	    (record == NULL || origin_person(c->client, "a host's key", &err) == 0) &&
	    trust(c, t, host, record, &err) == 0)
		return;
	control_failed(c, &err);
}
