/* SPDX-License-Identifier: MIT
 *
 * Control calls about messages: sending with a live view, showing, listing, cancelling.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/compat.h"
#include "common/json.h"
#include "common/xmalloc.h"
#include "irisd/core/describe.h"
#include "irisd/core/line.h"
#include "irisd/core/search.h"
#include "irisd/core/talk.h"
#include "irisd/core/webhook.h"
#include "irisd/net/control.h"
#include "irisd/net/control_scope.h"
#include "irisd/net/control_webhook.h"
#include "irisd/net/room.h"
#include "irisd/net/web_client.h"

#define LIST_MAX 500

static void
answer(struct control *c, bool timed_out)
{
	struct store_message row;
	char where[MESSAGE_WHERE], *hint;
	struct message *m;
	struct err err;
	cJSON *o;

	if (!store_message_load(c->client->d->store, c->message, &row)) {
		err_set(&err, ERR_NOT_FOUND, "there is no message %s", c->message);
		control_failed(c, &err);
		return;
	}
	o = describe_message(&row, c->client->d->store);
	if ((m = message_find(c->client->d, c->message)) != NULL && !ladder_final(m->state)) {
		message_describe(m, where, sizeof where);
		json_put_bool(o, "waited", timed_out);
		json_put_str(o, "activity", where);
		hint = xasprintf(
		    "the message goes on by itself (%s); \"iris message show --wait 0 %s\" waits "
		    "for its answer",
		    where, row.id);
		json_put_str(o, "hint", hint);
		free(hint);
	}
	store_message_release(&row);
	control_done(c, o);
}

static void
event(struct control *c, const struct message *m, const char *evidence, const char *activity)
{
	cJSON *o = json_new();
	int position = message_position(m);

	json_put_str(o, "id", m->id);
	json_put_str(o, "state", ladder_name(m->state));
	json_put_int(o, "at", compat_now_ms());
	json_put_str_opt(o, "evidence", evidence);
	json_put_str_opt(o, "activity", activity);
	if (position > 0)
		json_put_int(o, "position", position);
	peer_send(c->client->peer, rpc_notification("iris/message.event", o));
}

static void
wait_cb(struct wait *w, enum wait_event ev, const char *text)
{
	struct control *c = w->arg;
	cJSON *o;

	switch (ev) {
	case WAIT_STATE:
		if (c->stream)
			event(c, w->message, text, NULL);
		break;
	case WAIT_ACTIVITY:
		if (c->stream)
			event(c, w->message, NULL, text);
		break;
	case WAIT_DELTA:
		if (!c->stream)
			break;
		o = json_new();
		json_put_str(o, "id", w->message->id);
		json_put_str(o, "text", text);
		peer_send(c->client->peer, rpc_notification("iris/message.delta", o));
		break;
	case WAIT_FINAL:
		c->wait = NULL;
		answer(c, false);
		break;
	case WAIT_TIMEOUT:
		c->wait = NULL;
		answer(c, true);
		break;
	}
}

/* timeout -1: not at all. */
static void
await(struct control *c, int64_t timeout)
{
	struct message *m = message_find(c->client->d, c->message);
	char where[MESSAGE_WHERE];

	if (m != NULL && c->stream) {
		message_describe(m, where, sizeof where);
		event(c, m, "stored", where);
	}
	if (m == NULL || timeout == -1)
		answer(c, false);
	else
		c->wait = message_wait(m, timeout, wait_cb, c);
}

/* Who gives a name speaks for that, wherever it is. */
static const char *
key_dir(const struct control *c, const cJSON *params)
{
	const char *said = json_str(params, "from");

	return c->client->role == CLIENT_CTL && (said == NULL || said[0] == '\0') ? c->client->cwd
										  : NULL;
}

/* What its idempotency key is stored as, malloc'ed. */
static char *
key_of(const struct control *c, const cJSON *params, const char *from, const char *key)
{
	const struct client *client = c->client;
	const char *team;
	char *who, *full;
	unsigned scopes;

	if (!web_client_scoped(client, &scopes, &team))
		return message_key_of(client->d, from, key_dir(c, params), key);
	if (strcmp(from, web_client_name(client)) == 0)
		return message_key(MESSAGE_KEY_API, web_client_key(client), key);
	who = xasprintf("%s:%s", web_client_key(client), from);
	full = message_key(MESSAGE_KEY_API, who, key);
	free(who);
	return full;
}

void
control_message_send(struct control *c, const cJSON *params)
{
	struct irisd *d = c->client->d;
	int64_t timeout = json_int_or(params, "timeout", d->conf->config->settings.default_timeout);
	int64_t ttl = json_int_or(params, "ttl", d->conf->config->settings.message_ttl);
	const char *key = json_str(params, "idempotencyKey"), *url;
	char from[TEAM_NAME_MAX], *full = NULL;
	struct message_new n = {0};
	struct err err;
	int rv;

	n.to = json_str(params, "to");
	n.body = json_str(params, "message");
	if (n.to == NULL || n.body == NULL) {
		err_set(&err, ERR_INVALID, "%s needs to and message", c->method);
		control_failed(c, &err);
		return;
	}
	if (timeout < -1) {
		err_set(&err, ERR_INVALID, "timeout must be -1, 0 or a number of ms");
		control_failed(c, &err);
		return;
	}
	if (ttl < 0 || ttl > MESSAGE_TTL_MAX) {
		err_set(
		    &err, ERR_INVALID, "ttl must be from 0 to %lld ms", (long long)MESSAGE_TTL_MAX);
		control_failed(c, &err);
		return;
	}
	if (key != NULL && (key[0] == '\0' || strlen(key) > MESSAGE_KEY_MAX)) {
		err_set(
		    &err, ERR_INVALID, "idempotencyKey must have 1 to %d bytes", MESSAGE_KEY_MAX);
		control_failed(c, &err);
		return;
	}
	if (timeout != -1 && room_to_wait(d, &err) == -1) {
		control_failed(c, &err);
		return;
	}
	if (!control_webhook_param(c, params, &url) || !control_from(c, params, from, sizeof from))
		return;
	n.from = from;
	n.waits = timeout != -1;
	n.ttl = ttl;
	if (key != NULL)
		n.key = full = key_of(c, params, from, key);
	rv = message_submit(d, &n, c->message, &err);
	free(full);
	if (rv == 0 && url != NULL)
		rv = webhook_add(d, c->message, url, &err);
	if (rv == -1) {
		control_failed(c, &err);
		return;
	}
	c->stream = json_bool(params, "stream", false);
	c->sent = true;
	await(c, timeout);
}

/* A message that the caller may see; others are not there for it. */
static bool
load_seen(const struct client *client, const char *id, struct store_message *row)
{
	if (!store_message_load(client->d->store, id, row))
		return false;
	if (control_sees(client, row->from, row->to))
		return true;
	store_message_release(row);
	return false;
}

/* params.id of a message that exists, into c->message; false when the call was ended. */
static bool
param_id(struct control *c, const cJSON *params)
{
	const char *id = json_str(params, "id");
	struct store_message row;
	struct err err;

	if (id == NULL) {
		err_set(&err, ERR_INVALID, "%s needs id", c->method);
	} else if (!uuid_valid(id)) {
		err_set(&err, ERR_INVALID,
		    "\"%.80s\" is not a message id; \"iris message list\" shows them", id);
	} else if (!load_seen(c->client, id, &row)) {
		err_set(&err, ERR_NOT_FOUND,
		    "there is no message %s; \"iris message list\" shows those that there are", id);
	} else {
		compat_strlcpy(c->message, row.id, sizeof c->message);
		store_message_release(&row);
		return true;
	}
	control_failed(c, &err);
	return false;
}

void
control_message_show(struct control *c, const cJSON *params)
{
	int64_t wait = json_int_or(params, "wait", -1);
	struct err err;

	if (wait < -1) {
		err_set(&err, ERR_INVALID, "wait must be -1, 0 or a number of ms");
		control_failed(c, &err);
		return;
	}
	if (!param_id(c, params))
		return;
	if (wait != -1 && room_to_wait(c->client->d, &err) == -1) {
		control_failed(c, &err);
		return;
	}
	c->stream = json_bool(params, "stream", false);
	await(c, wait);
}

static void
list_cb(const struct store_message *m, void *arg)
{
	cJSON_AddItemToArray(arg, describe_message(m, NULL));
}

static int
read_state(const cJSON *params, int *state, struct err *err)
{
	const char *name = json_str(params, "state");
	enum ladder l;

	*state = -1;
	if (name == NULL)
		return 0;
	if (ladder_from_name(name, &l) == -1)
		return err_set(err, ERR_INVALID,
		    "no such state: \"%.40s\"; expected queued, sent, seen, answered, failed, "
		    "expired or cancelled",
		    name);
	*state = (int)l;
	return 0;
}

static int
read_limit(const cJSON *params, int dflt, int *limit, struct err *err)
{
	int64_t n = json_int_or(params, "limit", dflt);

	if (n < 1 || n > LIST_MAX)
		return err_set(err, ERR_INVALID, "limit must be from 1 to %d", LIST_MAX);
	*limit = (int)n;
	return 0;
}

void
control_message_list(struct control *c, const cJSON *params)
{
	struct store_filter f = {.brief = true};
	cJSON *o, *list;
	struct err err;

	f.team = json_str(params, "team");
	f.from = json_str(params, "from");
	f.before = json_str(params, "before");
	f.who = control_team_only(c->client);
	if (read_limit(params, 50, &f.limit, &err) == -1 ||
	    read_state(params, &f.state, &err) == -1) {
		control_failed(c, &err);
		return;
	}
	o = json_new();
	list = cJSON_CreateArray();
	store_message_each(c->client->d->store, &f, list_cb, list);
	json_put(o, "messages", list);
	control_done(c, o);
}

/* Whoever sent it or got it may; others as they may interrupt the team. */
static int
check_cancel(const struct client *client, const struct session *s, struct err *err)
{
	char who[TEAM_NAME_MAX];

	client_who(client, who, sizeof who);
	if (strcmp(who, s->row.from) == 0 || strcmp(who, s->team->name) == 0 ||
	    control_is_admin(client))
		return 0;
	return talk_check(s->d, who, s->team->name, err);
}

void
control_message_cancel(struct control *c, const cJSON *params)
{
	struct message *m;
	struct err err;

	if (!param_id(c, params))
		return;
	m = message_find(c->client->d, c->message);
	if (m == NULL) {
		answer(c, false);
		return;
	}
	if (check_cancel(c->client, m->session, &err) == -1) {
		control_failed(c, &err);
		return;
	}
	/* First the wait, then the wish: a queued one ends at once. */
	c->wait = message_wait(m, line_patience(m->session->team), wait_cb, c);
	message_cancel(m, "cancelled with iris message cancel");
}

/* A message whose text is a command of Claude Code. */
void
control_session_compact(struct control *c, const cJSON *params)
{
	struct team *t = control_team(c, params);
	struct message_new n = {.kind = STORE_KIND_COMMAND, .body = "/compact", .waits = true};
	char from[TEAM_NAME_MAX];
	struct session *s;
	struct err err;

	if (t == NULL || !control_from(c, params, from, sizeof from))
		return;
	s = session_get(t, from, false, NULL);
	n.to = t->name;
	n.from = from;
	if (s == NULL || !s->row.started)
		err_set(&err, ERR_NOT_FOUND,
		    "%s has no conversation with team %s yet, so there is nothing to compact", from,
		    t->name);
	else if (message_submit(c->client->d, &n, c->message, &err) == 0) {
		c->sent = true;
		await(c, 0);
		return;
	}
	control_failed(c, &err);
}

static void
found_cb(const struct store_message *m, const char *excerpt, void *arg)
{
	cJSON *o = json_new();

	json_put_str(o, "id", m->id);
	json_put_str(o, "from", m->from);
	json_put_str(o, "to", m->to);
	json_put_str(o, "state", ladder_name(m->state));
	json_put_int(o, "createdAt", m->created_at);
	json_put_int(o, "updatedAt", m->updated_at);
	json_put_str(o, "excerpt", excerpt != NULL ? excerpt : "");
	cJSON_AddItemToArray(arg, o);
}

/* The user may look at everybody's, a key of one team at what that has sent or got. */
void
control_message_search(struct control *c, const cJSON *params)
{
	struct store_find f = {.query = json_str(params, "query"),
	    .who = control_team_only(c->client),
	    .other = json_str(params, "from"),
	    .to = json_str(params, "team"),
	    .before = json_str(params, "before")};
	struct irisd *d = c->client->d;
	cJSON *o, *list;
	struct err err;

	if (read_limit(params, 20, &f.limit, &err) == -1 ||
	    read_state(params, &f.state, &err) == -1) {
		control_failed(c, &err);
		return;
	}
	list = cJSON_CreateArray();
	search_catch_up(d);
	if (f.query == NULL || !store_search(d->store, &f, found_cb, list)) {
		cJSON_Delete(list);
		err_set(&err, ERR_INVALID, "%s needs query, with one word at least", c->method);
		control_failed(c, &err);
		return;
	}
	o = json_new();
	json_put(o, "messages", list);
	control_done(c, o);
}
