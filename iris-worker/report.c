/* SPDX-License-Identifier: MIT
 *
 * Lines to irisd, see report.h. Owns the list of results that irisd has not yet answered. Knows the
 * form of the messages and nothing of why they are sent.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "common/log.h"
#include "common/rpc.h"
#include "common/xmalloc.h"
#include "iris-worker/report.h"

#define ANSWER_CUT                                                                                 \
	((size_t)2 * 1024 * 1024) /* bytes kept of an answer that is too long for a line */

struct unacked {
	TAILQ_ENTRY(unacked) entry;
	char id[32];
	char message[64]; /* for the log */
};

static void
send_line(struct worker *w, char *line)
{
	if (w->irisd == NULL)
		free(line);
	else
		peer_send(w->irisd, line);
}

void
report_event(struct worker *w, const char *method, cJSON *params)
{
	char *line = rpc_notification(method, params);

	if (strlen(line) > RPC_LINE_MAX) {
		log_warn("an event is too long and was dropped method=%s bytes=%zu", method,
		    strlen(line));
		free(line);
		return;
	}
	send_line(w, line);
}

void
report_answer(struct worker *w, const char *id, cJSON *result)
{
	send_line(w, rpc_result(id, result));
}

void
report_error(struct worker *w, const char *id, const struct err *e, cJSON *data)
{
	send_line(w, rpc_error(id, e, data));
}

/* At a character boundary. */
static void
cut_answer(cJSON *params)
{
	const char *answer = json_str(params, "answer");
	size_t n = ANSWER_CUT;
	char *text;

	if (answer == NULL || strlen(answer) <= n)
		return;
	while (n > 0 && ((unsigned char)answer[n] & 0xc0) == 0x80)
		n--;
	text = xasprintf(
	    "%.*s\n\n[iris: cut here; the answer had %zu bytes]", (int)n, answer, strlen(answer));
	cJSON_ReplaceItemInObjectCaseSensitive(params, "answer", cJSON_CreateString(text));
	free(text);
}

void
report_result(struct worker *w, cJSON *params)
{
	const char *message = json_str(params, "message");
	struct unacked *u = xcalloc(1, sizeof *u);
	char *text;
	size_t len;

	snprintf(u->id, sizeof u->id, "%" PRIu64, ++w->next_id);
	snprintf(u->message, sizeof u->message, "%s", message != NULL ? message : "");
	text = json_print(params);
	len = strlen(text);
	free(text);
	if (len > RPC_LINE_MAX - 1024)
		cut_answer(params);
	TAILQ_INSERT_TAIL(&w->results, u, entry);
	send_line(w, rpc_request(u->id, "event/result", params));
}

bool
report_acked(struct worker *w, const char *id)
{
	struct unacked *u;

	TAILQ_FOREACH (u, &w->results, entry) {
		if (strcmp(u->id, id) == 0) {
			TAILQ_REMOVE(&w->results, u, entry);
			free(u);
			return true;
		}
	}
	return false;
}

void
report_drop(struct worker *w)
{
	struct unacked *u;

	while ((u = TAILQ_FIRST(&w->results)) != NULL) {
		log_warn("irisd did not take a result message=%s", u->message);
		TAILQ_REMOVE(&w->results, u, entry);
		free(u);
	}
}
