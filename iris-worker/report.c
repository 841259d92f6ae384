/* SPDX-License-Identifier: MIT
 *
 * Lines to irisd, see report.h. Owns the list of results that irisd has not yet stored, and the
 * spool. Knows the form of the messages and nothing of why they are sent.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/compat.h"
#include "common/json.h"
#include "common/log.h"
#include "common/xmalloc.h"
#include "iris-worker/report.h"

#define ANSWER_CUT                                                                                 \
	((size_t)2 * 1024 * 1024) /* bytes kept of an answer that is too long for a line */

struct unacked {
	TAILQ_ENTRY(unacked) entry;
	char id[32]; /* of the request, on this connection */
	char message[64];
	char claude_id[64];
	char *params; /* owned: JSON */
	bool spooled;
};

/* NULL when it is too long for a line. */
static char *
event_line(const char *method, cJSON *params)
{
	char *line = rpc_notification(method, params);

	if (strlen(line) > RPC_LINE_MAX) {
		log_warn("an event is too long and was dropped method=%s bytes=%zu", method,
		    strlen(line));
		free(line);
		return NULL;
	}
	return line;
}

void
report_event(struct worker *w, const char *method, cJSON *params)
{
	char *line = event_line(method, params);

	if (line != NULL)
		link_send(w, line);
}

void
report_event_soon(struct worker *w, const char *method, cJSON *params)
{
	char *line = event_line(method, params);

	if (line != NULL)
		link_send_soon(w, line);
}

void
report_done(struct worker *w, const char *id)
{
	link_send_soon(w, rpc_result(id, NULL));
}

void
report_answer(struct worker *w, const char *id, cJSON *result)
{
	link_send(w, rpc_result(id, result));
}

void
report_error(struct worker *w, const char *id, const struct err *e, cJSON *data)
{
	link_send(w, rpc_error(id, e, data));
}

/* At a character boundary. */
void
report_cut_answer(cJSON *params)
{
	const char *answer = json_str(params, "answer");
	size_t n = ANSWER_CUT, len;
	char *text;

	if (answer == NULL || strlen(answer) <= n)
		return;
	text = json_print(params);
	len = strlen(text);
	free(text);
	if (len <= RPC_LINE_MAX - 1024)
		return;
	while (n > 0 && ((unsigned char)answer[n] & 0xc0) == 0x80)
		n--;
	text = xasprintf(
	    "%.*s\n\n[iris: cut here; the answer had %zu bytes]", (int)n, answer, strlen(answer));
	cJSON_ReplaceItemInObjectCaseSensitive(params, "answer", cJSON_CreateString(text));
	free(text);
}

static void
send_result(struct worker *w, struct unacked *u)
{
	snprintf(u->id, sizeof u->id, "%" PRIu64, ++w->next_id);
	if (link_up(w))
		link_send(w, rpc_request(u->id, "event/result", cJSON_CreateRaw(u->params)));
}

static void
unacked_free(struct worker *w, struct unacked *u)
{
	TAILQ_REMOVE(&w->results, u, entry);
	free(u->params);
	free(u);
}

/* A line of the spool: the params, and which of Claude's sessions it was. */
static void
spool_one(struct worker *w, struct unacked *u)
{
	struct err err;
	char *line;

	if (u->spooled || w->spool.dir[0] == '\0')
		return;
	line = xasprintf("{\"claudeId\":\"%s\",%s\n", u->claude_id, u->params + 1);
	if (spool_append(&w->spool, line, &err) == -1)
		log_error("a result is kept in memory only message=%s: %s", u->message, err.msg);
	else
		u->spooled = true;
	free(line);
}

void
report_spool(struct worker *w)
{
	struct unacked *u;

	TAILQ_FOREACH (u, &w->results, entry)
		spool_one(w, u);
}

void
report_result(struct worker *w, const char *claude_id, cJSON *params)
{
	const char *message = json_str(params, "message");
	struct unacked *u = xcalloc(1, sizeof *u);

	compat_strlcpy(u->message, message != NULL ? message : "", sizeof u->message);
	compat_strlcpy(u->claude_id, claude_id, sizeof u->claude_id);
	report_cut_answer(params);
	u->params = json_print(params);
	cJSON_Delete(params);
	TAILQ_INSERT_TAIL(&w->results, u, entry);
	send_result(w, u);
	if (!link_up(w))
		report_spool(w);
}

/* What irisd will never take, however often it is told. */
static bool
is_final(const struct rpc_msg *m)
{
	struct err err;

	if (m->kind == RPC_RESPONSE)
		return true;
	rpc_error_to_err(m->error, &err);
	log_error("irisd did not take a result: %s", err.msg);
	return err.code == ERR_NOT_FOUND || err.code == ERR_INVALID;
}

bool
report_acked(struct worker *w, const struct rpc_msg *m)
{
	struct unacked *u;

	TAILQ_FOREACH (u, &w->results, entry) {
		if (strcmp(u->id, m->id) == 0)
			break;
	}
	if (u == NULL)
		return false;
	if (is_final(m))
		unacked_free(w, u);
	else
		spool_one(w, u);
	if (TAILQ_EMPTY(&w->results))
		spool_remove(&w->spool);
	return true;
}

cJSON *
report_pending(const struct worker *w)
{
	cJSON *list = cJSON_CreateArray();
	const struct unacked *u;

	TAILQ_FOREACH (u, &w->results, entry)
		cJSON_AddItemToArray(list, cJSON_CreateString(u->message));
	return list;
}

void
report_again(struct worker *w)
{
	struct unacked *u;

	TAILQ_FOREACH (u, &w->results, entry)
		send_result(w, u);
}

void
report_drop(struct worker *w)
{
	struct unacked *u;

	report_spool(w);
	while ((u = TAILQ_FIRST(&w->results)) != NULL) {
		log_warn(
		    "irisd did not take a result message=%s spooled=%d", u->message, u->spooled);
		unacked_free(w, u);
	}
}
