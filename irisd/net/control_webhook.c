/* SPDX-License-Identifier: MIT
 *
 * Control calls about webhooks: looking at deliveries, trying one again, and the two by which the
 * web process gets what is due and says how it went.
 */
#include <string.h>

#include "common/json.h"
#include "irisd/core/webhook.h"
#include "irisd/net/control.h"
#include "irisd/net/control_scope.h"
#include "irisd/net/control_webhook.h"
#include "irisd/net/web.h"

#define LIST_MAX 500

bool
control_webhook_param(struct control *c, const cJSON *params, const char **url)
{
	const cJSON *v = json_get(params, "webhook");
	struct err err;

	*url = NULL;
	if (v == NULL || cJSON_IsNull(v))
		return true;
	*url = cJSON_IsString(v) ? v->valuestring : json_str(v, "url");
	if (*url == NULL || (cJSON_IsObject(v) && cJSON_GetArraySize(v) != 1))
		err_set(
		    &err, ERR_INVALID, "%s: webhook must be a url, or {\"url\": ...}", c->method);
	else if (webhook_check(c->client->d, *url, &err) == 0)
		return true;
	control_failed(c, &err);
	return false;
}

static void
list_cb(const struct store_webhook *row, void *arg)
{
	cJSON_AddItemToArray(arg, webhook_json(row));
}

void
control_webhook_list(struct control *c, const cJSON *params)
{
	const char *state = json_str(params, "state");
	int64_t limit = json_int_or(params, "limit", 50);
	struct store_webhook_filter f = {.state = -1};
	struct err err;
	cJSON *o, *list;

	f.message = json_str(params, "id");
	f.before = json_str(params, "before");
	f.team = control_team_only(c->client);
	if (limit < 1 || limit > LIST_MAX) {
		err_set(&err, ERR_INVALID, "limit must be from 1 to %d", LIST_MAX);
		control_failed(c, &err);
		return;
	}
	f.limit = (int)limit;
	if (state != NULL && (f.state = webhook_state(state)) == -1) {
		err_set(&err, ERR_INVALID,
		    "no such state: \"%.40s\"; expected waiting, delivered or failed", state);
		control_failed(c, &err);
		return;
	}
	o = json_new();
	list = cJSON_CreateArray();
	store_webhook_each(c->client->d->store, &f, list_cb, list);
	json_put(o, "webhooks", list);
	control_done(c, o);
}

/* params.id of one that the caller may see; false when the call was ended. */
static bool
load_webhook(struct control *c, const cJSON *params, struct store_webhook *row)
{
	const char *id = json_str(params, "id");
	struct err err;

	if (id == NULL) {
		err_set(&err, ERR_INVALID, "%s needs id", c->method);
	} else if (!store_webhook_load(c->client->d->store, id, row)) {
		err_set(&err, ERR_NOT_FOUND,
		    "there is no webhook %.40s; \"iris webhook list\" shows those that there are",
		    id);
	} else if (!control_sees(c->client, row->from, row->to)) {
		store_webhook_release(row);
		err_set(&err, ERR_NOT_FOUND,
		    "there is no webhook %.40s; \"iris webhook list\" shows those that there are",
		    id);
	} else {
		return true;
	}
	control_failed(c, &err);
	return false;
}

void
control_webhook_show(struct control *c, const cJSON *params)
{
	struct store_webhook row;

	if (!load_webhook(c, params, &row))
		return;
	control_done(c, webhook_json(&row));
	store_webhook_release(&row);
}

void
control_webhook_retry(struct control *c, const cJSON *params)
{
	struct store_webhook row;
	struct err err;

	if (!load_webhook(c, params, &row))
		return;
	if (webhook_retry(c->client->d, &row, &err) == 0)
		control_done(c, webhook_json(&row));
	else
		control_failed(c, &err);
	store_webhook_release(&row);
}

/* The web process's own connection, nobody's (control_scope.c); others may say that they are it. */
static bool
check_role(struct control *c)
{
	struct err err;

	if (c->client->role == CLIENT_WEB && c->client->pid > 0 &&
	    c->client->pid == web_pid(c->client->d))
		return true;
	err_set(&err, ERR_REFUSED, "%s is for the web process alone", c->method);
	control_failed(c, &err);
	return false;
}

void
control_webhook_next(struct control *c, const cJSON *params)
{
	(void)params;
	if (!check_role(c))
		return;
	c->delivers = true;
	control_webhook_due(c->client->d);
}

void
control_webhook_done(struct control *c, const cJSON *params)
{
	const char *id = json_str(params, "id"), *error = json_str(params, "error");
	int64_t status = json_int_or(params, "status", 0);
	struct err err;

	if (!check_role(c))
		return;
	if (id == NULL)
		err_set(&err, ERR_INVALID, "%s needs id", c->method);
	else if (webhook_done(c->client->d, id, status, error, &err) == 0) {
		control_done(c, json_new());
		return;
	}
	control_failed(c, &err);
}

/* The first call that waits for a delivery; NULL: none does. */
static struct control *
find_taker(struct irisd *d)
{
	struct client *client;
	struct control *c;

	TAILQ_FOREACH (client, &d->clients, entry)
		TAILQ_FOREACH (c, &client->controls, entry)
			if (c->delivers)
				return c;
	return NULL;
}

void
control_webhook_due(struct irisd *d)
{
	struct control *c;
	cJSON *o;

	while ((c = find_taker(d)) != NULL && (o = webhook_take(d, c->client)) != NULL) {
		c->delivers = false;
		control_done(c, o);
	}
}
