/* SPDX-License-Identifier: MIT
 *
 * A call's several waits, see gather.h.
 */
#include <stdio.h>
#include <stdlib.h>

#include "common/compat.h"
#include "common/xmalloc.h"
#include "irisd/mcp/forward.h"
#include "irisd/mcp/gather.h"

struct gather *
gather_new(struct mcp_call *c, const char *what, void (*end)(struct gather *))
{
	struct gather *g = xcalloc(1, sizeof *g);

	g->call = c;
	g->what = what;
	g->end = end;
	g->list = cJSON_CreateArray();
	g->pending = 1; /* until gather_begun: what ends at once must not end the call */
	TAILQ_INIT(&g->items);
	c->gather = g;
	return g;
}

cJSON *
gather_add(struct gather *g)
{
	cJSON *o = cJSON_CreateObject();

	cJSON_AddItemToArray(g->list, o);
	return o;
}

static void
say_progress(struct gather *g)
{
	char text[128];
	int n = cJSON_GetArraySize(g->list);

	if (g->total < n)
		g->total = n;
	snprintf(text, sizeof text, "%d of %d %s are done", n - g->pending, g->total, g->what);
	mcp_call_progress(g->call, text);
}

static void
one_less(struct gather *g)
{
	if (--g->pending > 0) {
		say_progress(g);
		return;
	}
	if (g->next != NULL) {
		g->pending = 1;
		g->next(g);
		if (--g->pending > 0) {
			say_progress(g);
			return;
		}
	}
	g->end(g);
}

void
gather_begun(struct gather *g)
{
	one_less(g);
}

static struct gather_item *
item_new(struct gather *g, cJSON *o,
    void (*told)(struct gather_item *, struct session *, const struct err *, bool))
{
	struct gather_item *it = xcalloc(1, sizeof *it);

	it->g = g;
	it->o = o;
	it->told = told;
	TAILQ_INSERT_TAIL(&g->items, it, entry);
	g->pending++;
	return it;
}

static void
item_ended(struct gather_item *it, struct session *s, const struct err *why, bool over)
{
	struct gather *g = it->g;

	TAILQ_REMOVE(&g->items, it, entry);
	it->told(it, s, why, over);
	free(it);
	one_less(g);
}

static void
wait_cb(struct wait *w, enum wait_event ev, const char *text)
{
	struct gather_item *it = w->arg;

	(void)text;
	if (ev != WAIT_FINAL && ev != WAIT_TIMEOUT)
		return;
	it->wait = NULL;
	item_ended(it, w->message->session, NULL, ev == WAIT_FINAL);
}

void
gather_message(struct gather *g, cJSON *o, struct message *m, int64_t timeout,
    void (*told)(struct gather_item *, struct session *, const struct err *, bool))
{
	struct gather_item *it = item_new(g, o, told);

	compat_strlcpy(it->message, m->id, sizeof it->message);
	it->wait = message_wait(m, timeout, wait_cb, it);
	if (g->own)
		forward_waits(g->call, m->id);
}

static void
watch_cb(struct session *s, const struct err *why, void *arg)
{
	item_ended(arg, s, why, false);
}

void
gather_awake(struct gather *g, cJSON *o, struct session *s,
    void (*told)(struct gather_item *, struct session *, const struct err *, bool))
{
	session_watch(s, false, watch_cb, item_new(g, o, told));
}

size_t
gather_messages(const struct gather *g, struct message ***list)
{
	const struct gather_item *it;
	size_t n = 0;

	*list = NULL;
	if (!g->own)
		return 0;
	TAILQ_FOREACH (it, &g->items, entry) {
		if (it->wait == NULL)
			continue;
		*list = xreallocarray(*list, n + 1, sizeof **list);
		(*list)[n++] = it->wait->message;
	}
	return n;
}

void
gather_free(struct gather *g)
{
	struct gather_item *it;

	while ((it = TAILQ_FIRST(&g->items)) != NULL) {
		TAILQ_REMOVE(&g->items, it, entry);
		if (it->wait != NULL)
			message_unwait(it->wait);
		else
			session_unwatch(g->call->mcp->d, it);
		free(it);
	}
	cJSON_Delete(g->list);
	cJSON_Delete(g->kept);
	free(g);
}
