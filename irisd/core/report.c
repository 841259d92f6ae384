/* SPDX-License-Identifier: MIT
 *
 * Reports on sessions, see report.h.
 */
#include <string.h>

#include "common/compat.h"
#include "common/json.h"
#include "irisd/core/describe.h"
#include "irisd/core/report.h"

#define REPORT_MAX 50 /* messages of one report */

struct report {
	struct irisd *d;
	cJSON *entries;
	int64_t total, active, completed, terminated;
};

static cJSON *
said(const char *type, int64_t at, const char *text)
{
	cJSON *o = json_new();

	json_put_str(o, "type", type);
	json_put_int(o, "timestamp", at);
	json_put_str(o, "content", text);
	return o;
}

/* Newest first in the store, oldest first in the report. */
static void
report_cb(const struct store_message *m, void *arg)
{
	struct report *r = arg;
	bool over = ladder_final(m->state), done = m->state == LADDER_ANSWERED;
	cJSON *o = json_new(), *list = cJSON_CreateArray();

	r->total++;
	r->active += !over;
	r->completed += done;
	r->terminated += over && !done;
	json_put_str(o, "type", "tell");
	json_put_str(o, "messageId", m->id);
	json_put_str(o, "tellString", m->body);
	json_put_str(o, "status", done ? "completed" : over ? "terminated" : "active");
	json_put_str(o, "state", ladder_name(m->state));
	json_put_bool(o, "isComplete", over);
	json_put_int(o, "createdAt", m->created_at);
	if (over)
		json_put_int(o, "completedAt", m->updated_at);
	json_put_str_opt(o, "reason", m->reason);
	cJSON_AddItemToArray(list, said("user", m->created_at, m->body));
	if (m->answer != NULL)
		cJSON_AddItemToArray(list, said("assistant", m->updated_at, m->answer));
	json_put_int(o, "messageCount", cJSON_GetArraySize(list));
	json_put(o, "messages", list);
	cJSON_InsertItemInArray(r->entries, 0, o);
}

/* Only now: the statement of the list must be done before others run. */
static void
add_receipts(struct report *r)
{
	cJSON *o;

	cJSON_ArrayForEach (o, r->entries)
		json_put(o, "receipts", describe_receipts(r->d->store, json_str(o, "messageId")));
}

static cJSON *
report_stats(const struct report *r)
{
	cJSON *o = json_new();

	json_put_int(o, "totalEntries", r->total);
	json_put_int(o, "spawnEntries", 0);
	json_put_int(o, "tellEntries", r->total);
	json_put_int(o, "activeEntries", r->active);
	json_put_int(o, "completedEntries", r->completed);
	json_put_int(o, "terminatedEntries", r->terminated);
	return o;
}

cJSON *
report_session(struct team *t, const char *from)
{
	struct store_filter f = {.state = -1, .limit = REPORT_MAX, .brief = true};
	struct session *s = session_get(t, from, false, NULL);
	struct report r = {.d = t->d};
	cJSON *o = json_new();

	r.entries = cJSON_CreateArray();
	f.team = t->name;
	f.from = from;
	store_message_each(t->d->store, &f, report_cb, &r);
	add_receipts(&r);
	json_put_str(o, "team", t->name);
	json_put_str(o, "fromTeam", from);
	json_put_bool(o, "hasSession", s != NULL && s->row.started);
	json_put_bool(o, "hasProcess", s != NULL && s->pid != 0);
	if (s != NULL) {
		json_put_str(o, "processState", session_state_name(s->state));
		json_put_str(o, "sessionId", s->row.claude_id);
		json_put_num(o, "costUsd", s->row.cost_usd);
	}
	json_put_bool(o, "allComplete", r.active == 0);
	json_put(o, "entries", r.entries);
	json_put(o, "stats", report_stats(&r));
	json_put_int(o, "timestamp", compat_now_ms());
	return o;
}
