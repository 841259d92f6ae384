/* SPDX-License-Identifier: MIT
 *
 * iris/event.subscribe: who may have which events, and how they come. A call is not answered; it ends
 * with its connection. What is in the events, and those that are kept, are core/event.h's.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/compat.h"
#include "common/json.h"
#include "common/nearest.h"
#include "common/xmalloc.h"
#include "irisd/core/event.h"
#include "irisd/core/key.h"
#include "irisd/net/control.h"
#include "irisd/net/origin.h"
#include "irisd/net/web_client.h"

#define LOOK_MS 5000 /* after which it is looked whether the key is good still */

struct control_events {
	struct event_sub sub;
	int64_t looked;    /* ms, monotonic */
	struct event *end; /* pending when it is not: the call ends */
};

static void
end_cb(evutil_socket_t fd, short what, void *arg)
{
	struct control *c = arg;
	struct err err;

	(void)fd;
	(void)what;
	if (web_client_good(c->client, &err) == -1)
		control_failed(c, &err);
}

/* They leave with others, and at most PEER_SOON_MS later: irisd commits once for many passes then. */
static void
send_cb(struct event_sub *sub, const char *line, size_t len)
{
	struct control *c = sub->arg;
	struct control_events *e = c->events;
	int64_t now = compat_mono_ms();

	if (e->end != NULL && now - e->looked >= LOOK_MS) {
		e->looked = now;
		event_active(e->end, EV_TIMEOUT, 1);
	}
	peer_send_soon(c->client->peer, line, len);
}

static size_t
queued_cb(const struct event_sub *sub)
{
	const struct control *c = sub->arg;

	return peer_queued(c->client->peer);
}

/* The set of what is asked for; all, where that is not said. */
static int
read_topics(const cJSON *params, unsigned *topics, struct err *err)
{
	const char *names[EVENT_TOPICS], *name, *near;
	const cJSON *list = json_arr(params, "topics"), *v;
	char hint[128] = "; there are";
	size_t len = strlen(hint);
	int i, topic;

	*topics = list == NULL ? EVENT_ALL : 0;
	for (i = 0; i < EVENT_TOPICS; i++)
		names[i] = event_topic_name((enum event_topic)i);
	cJSON_ArrayForEach (v, list) {
		if ((name = cJSON_GetStringValue(v)) == NULL)
			return err_set(
			    err, ERR_INVALID, "iris/event.subscribe: topics must be strings");
		if ((topic = event_topic_from_name(name)) == -1) {
			if (nearest_names(name, names, EVENT_TOPICS, &near, 1) > 0)
				snprintf(hint, sizeof hint, "; did you mean \"%s\"?", near);
			else
				for (i = 0; i < EVENT_TOPICS; i++, len += strlen(hint + len))
					snprintf(hint + len, sizeof hint - len, "%s %s",
					    i > 0 ? "," : "", names[i]);
			return err_set(
			    err, ERR_INVALID, "there is no topic \"%.60s\"%s", name, hint);
		}
		*topics |= EVENT_BIT(topic);
	}
	return 0;
}

/* What this connection may not have is left out where nothing was asked for, else refused. */
static int
check_key(unsigned scopes, const char *team, bool asked, unsigned *topics, struct err *err)
{
	unsigned no = key_allows(scopes, KEY_APPROVE) ? 0 : EVENT_BIT(EVENT_APPROVAL);

	if (asked && (*topics & no) != 0)
		return err_set(
		    err, ERR_REFUSED, "the topic approval needs a key with the scope \"approve\"");
	no |= team != NULL ? EVENT_COMMON : 0;
	if (asked && (*topics & no) != 0)
		return err_set(err, ERR_REFUSED,
		    "the topics log, config, pool and host are of no team, and the key speaks for "
		    "team \"%s\"",
		    team);
	*topics &= ~no;
	return 0;
}

static int
check_allowed(struct control *c, bool asked, struct event_sub *sub, struct err *err)
{
	const char *team = NULL;
	unsigned scopes;

	if (web_client_scoped(c->client, &scopes, &team)) {
		compat_strlcpy(sub->team, team != NULL ? team : "", sizeof sub->team);
		return check_key(scopes, team, asked, &sub->topics, err);
	}
	if ((sub->topics & EVENT_BIT(EVENT_APPROVAL)) != 0 &&
	    origin_person(c->client, "the list of permission requests", err) == -1) {
		if (asked)
			return -1;
		sub->topics &= ~EVENT_BIT(EVENT_APPROVAL);
	}
	return 0;
}

void
control_event_subscribe(struct control *c, const cJSON *params)
{
	struct control_events *e = xcalloc(1, sizeof *e);
	int64_t since = json_int_or(params, "since", -1);
	struct err err;

	e->sub.send = send_cb;
	e->sub.queued = queued_cb;
	e->sub.arg = c;
	e->looked = compat_mono_ms();
	if (json_get(params, "since") != NULL && since < 0)
		err_set(&err, ERR_INVALID, "since must be the seq of an event");
	else if (read_topics(params, &e->sub.topics, &err) == 0 &&
	    check_allowed(c, json_arr(params, "topics") != NULL, &e->sub, &err) == 0) {
		c->events = e;
		if (c->client->role == CLIENT_WEB)
			e->end = event_new(c->client->d->loop.base, -1, 0, end_cb, c);
		event_subscribe(c->client->d, &e->sub, since);
		return;
	}
	free(e);
	control_failed(c, &err);
}

void
control_event_release(struct control *c)
{
	if (c->events == NULL)
		return;
	event_unsubscribe(c->client->d, &c->events->sub);
	if (c->events->end != NULL)
		event_free(c->events->end);
	free(c->events);
	c->events = NULL;
}
