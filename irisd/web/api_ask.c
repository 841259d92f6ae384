/* SPDX-License-Identifier: MIT
 *
 * Operations that wait for a team: a question, as one answer, as a job (202) or as server-sent
 * events; a message that is waited for; all teams woken. Who is gone is noticed meanwhile; what
 * then becomes of its message is irisd's to say (settings.cancelOnDisconnect).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/xmalloc.h"
#include "irisd/web/api_private.h"
#include "irisd/web/header.h"

#define EVENT_PREFIX "iris/message."

/* Whether a Prefer (RFC 7240) has this word. */
static bool
prefers(const char *prefer, const char *word)
{
	const char *p = prefer;
	size_t n, len = strlen(word);

	for (; p != NULL && *p != '\0'; p += n) {
		p += strspn(p, ", \t");
		n = strcspn(p, ",");
		if (n >= len && strncasecmp(p, word, len) == 0 && strspn(p + len, " \t") == n - len)
			return true;
	}
	return false;
}

int
api_prepare_ask(struct api *a, struct err *err)
{
	const char *accept = mg_get_header(a->h->conn, "Accept");
	const char *key = http_header(a->h, "Idempotency-Key");

	if (key == NULL && mg_get_header(a->h->conn, "Idempotency-Key") != NULL)
		return err_set(err, ERR_INVALID, "Idempotency-Key comes twice");
	if (key != NULL && !json_utf8_valid(key, strlen(key)))
		return err_set(err, ERR_INVALID, "Idempotency-Key must be UTF-8");
	json_put(a->params, "to", api_take(a, "team"));
	json_put_str_opt(a->params, "idempotencyKey", key);
	if (prefers(http_header(a->h, "Prefer"), "respond-async")) {
		cJSON_Delete(api_take(a, "timeout"));
		json_put(a->params, "timeout", cJSON_CreateNumber(-1));
	}
	if (json_int_or(a->params, "timeout", 0) == -1) {
		a->place = SERVE_QUICK;
	} else if (accept != NULL && header_accepts(accept, "text/event-stream") &&
	    !header_accepts(accept, "application/json")) {
		a->stream = true;
		json_put_bool(a->params, "stream", true);
	}
	return 0;
}

int
api_prepare_wait(struct api *a, struct err *err)
{
	(void)err;
	if (json_int_or(a->params, "wait", -1) != -1)
		a->place = SERVE_CALL;
	return 0;
}

/* What irisd tells before the answer, as an event with the last part of its name. */
static bool
stream_cb(const struct json_slice *method, const struct json_slice *params, void *arg)
{
	struct api *a = arg;
	size_t n = strlen(EVENT_PREFIX) + 1;
	bool delta;

	if (method == NULL)
		return !a->h->stream || http_stream_beat(a->h);
	/* With its quotes. */
	if (params->p == NULL || method->len <= n ||
	    strncmp(method->p + 1, EVENT_PREFIX, n - 1) != 0)
		return true;
	delta = strncmp(method->p + n, "delta", 5) == 0;
	if (!a->h->stream && !http_stream_begin(a->h))
		return false;
	return http_stream_event(a->h, delta ? "delta" : "message", params->p, params->len);
}

/* Whether the message has ended, and where it is. */
static bool
is_final(const struct json_slice *r, char *location, size_t size)
{
	static const char *const open[] = {"\"queued\"", "\"sent\"", "\"seen\""};
	const char *state, *id;
	size_t n, i, len;

	if (json_raw_member(r->p, r->len, "id", &id, &len) && len > 2)
		snprintf(
		    location, size, "Location: /api/v1/messages/%.*s\r\n", (int)len - 2, id + 1);
	if (!json_raw_member(r->p, r->len, "state", &state, &n))
		return true;
	for (i = 0; i < sizeof open / sizeof open[0]; i++)
		if (n == strlen(open[i]) && memcmp(state, open[i], n) == 0)
			return false;
	return true;
}

void
api_ask(struct api *a)
{
	struct json_slice r;
	char location[128] = "";
	bool final;

	if (!api_send(a) || !api_await(a, a->stream ? stream_cb : NULL, a, &r))
		return;
	if (a->stream) {
		if (a->h->stream || http_stream_begin(a->h))
			http_stream_event(a->h, "result", r.p, r.len);
		return;
	}
	final = is_final(&r, location, sizeof location);
	api_text(a, final ? 200 : 202, final ? NULL : location, r.p, r.len);
}

static cJSON *
woken(struct api *a, const char *team, const char *from, bool *gone)
{
	cJSON *params = json_new(), *data, *o, *e;
	struct json_slice r;
	struct err err;

	json_put_str(params, "team", team);
	json_put_str_opt(params, "from", from);
	if (api_further(a, "iris/team.wake", params, &r, &data, &err) == 0 &&
	    (o = json_parse(r.p, r.len, &err)) != NULL)
		return o;
	cJSON_Delete(data);
	/* Of the connection, not of the team. */
	*gone = err.code == ERR_CANCELLED;
	o = json_new();
	e = json_new();
	json_put_str(o, "team", team);
	json_put_str(e, "code", err_name(err.code));
	json_put_str(e, "reason", err.msg);
	json_put(o, "error", e);
	return o;
}

/* One after the other: each may have to wait for a place in the pool that the one before has taken. */
void
api_wake_all(struct api *a)
{
	cJSON *o = json_new(), *items = cJSON_CreateArray(), *list = NULL, *data, *from;
	const cJSON *team;
	struct json_slice r;
	struct err err;
	bool gone = false;

	from = api_take(a, "from");
	json_put(o, "items", items);
	if (!api_hold(a))
		goto out;
	if (api_further(a, "iris/team.list", NULL, &r, &data, &err) == -1 ||
	    (list = json_parse(r.p, r.len, &err)) == NULL) {
		api_refuse(a->h, &err, data);
		goto out;
	}
	cJSON_ArrayForEach (team, json_arr(list, "teams")) {
		cJSON_AddItemToArray(
		    items, woken(a, json_str(team, "name"), cJSON_GetStringValue(from), &gone));
		if (gone)
			break;
	}
	if (gone)
		mg_disable_connection_keep_alive(a->h->conn);
	else
		api_object(a, 200, NULL, o);
	if (!gone)
		o = NULL;
out:
	cJSON_Delete(o);
	cJSON_Delete(list);
	cJSON_Delete(from);
}
