/* SPDX-License-Identifier: MIT
 *
 * Several messages in one POST, as 2025-03-26 has them and no other revision: their answers come as
 * one list when all are there.
 */
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "common/xmalloc.h"
#include "irisd/web/mcp_private.h"
#include "irisd/web/serve.h"

#define BATCH_MAX 100 /* messages */
#define BATCH_ERA "2025-03-26"
#define QUICK_MS  100

struct batch {
	cJSON *answers; /* as raw texts */
	int open;       /* requests that irisd has not answered yet */
	bool held;
};

static void
answer_error(struct batch *b, const char *id, int code, const char *text)
{
	char *line = rpc_error_code(id, code, text, NULL);

	cJSON_AddItemToArray(b->answers, cJSON_CreateRaw(line));
	free(line);
}

static int
send_one(struct exchange *x, struct batch *b, const char *text, size_t len, struct err *err)
{
	struct rpc_msg msg;
	const char *scope;
	int rv = 0;

	if (rpc_parse(text, len, &msg, err) == -1) {
		answer_error(b, msg.id, RPC_INVALID_REQUEST, err->msg);
	} else if (msg.kind == RPC_REQUEST) {
		if (strcmp(msg.method, "initialize") == 0)
			answer_error(b, msg.id, RPC_INVALID_REQUEST, "initialize comes by itself");
		else if (!mcp_permitted(x, &msg, &scope))
			answer_error(b, msg.id, err_rpc_code(ERR_REFUSED),
			    "the key lacks the scope for this");
		else if (mcp_place(&msg) != SERVE_QUICK && !b->held &&
		    !(b->held = serve_hold(SERVE_CALL, x->who)))
			answer_error(b, msg.id, err_rpc_code(ERR_LIMIT),
			    "as many clients as can be served wait already");
		else if ((rv = uplink_send(&x->uplink, text, len, err)) == 0)
			b->open++;
	}
	rpc_clear(&msg);
	return rv;
}

/* -1 with err when irisd is lost; 1 when the client is. */
static int
collect(struct exchange *x, struct batch *b, struct err *err)
{
	int client = -1, idle = QUICK_MS;
	char *line;
	size_t len, n;
	const char *raw;

	while (b->open > 0) {
		switch (uplink_next(&x->uplink, client, idle, &line, &len, err)) {
		case UPLINK_LINE:
			/* What is told meanwhile has no place in the list. */
			if (json_check(line, len, err) == -1)
				return -1;
			if (json_raw_member(line, len, "method", &raw, &n))
				break;
			cJSON_AddItemToArray(b->answers, cJSON_CreateRaw(line));
			b->open--;
			break;
		case UPLINK_IDLE:
			client = x->h->fd;
			idle = -1;
			break;
		case UPLINK_GONE:
			return 1;
		case UPLINK_LOST:
			return -1;
		}
	}
	return 0;
}

static void
run(struct exchange *x, const char *text)
{
	struct batch b = {.answers = cJSON_CreateArray()};
	const char *p = strchr(text, '[') + 1;
	struct err err;
	size_t len;
	int rv = 0;
	char *all;

	while (rv == 0 && (len = json_raw_element(&p)) > 0) {
		rv = send_one(x, &b, p, len, &err);
		p += len;
	}
	if (rv == 0)
		rv = collect(x, &b, &err);
	if (rv == -1) {
		web_mcp_error(
		    x->h, 503, "Retry-After: 1\r\n", NULL, err_rpc_code(err.code), err.msg, NULL);
	} else if (rv == 0 && cJSON_GetArraySize(b.answers) == 0) {
		http_answer(x->h, 202, NULL, NULL, NULL, 0);
	} else if (rv == 0) {
		all = json_print(b.answers);
		http_answer(x->h, 200, "application/json", NULL, all, strlen(all));
		free(all);
	}
	if (b.held)
		serve_let_go(SERVE_CALL, x->who);
	cJSON_Delete(b.answers);
}

void
mcp_batch(struct exchange *x, const char *text, size_t len)
{
	const char *version = http_header(x->h, "MCP-Protocol-Version"), *p;
	struct err err;
	size_t n;
	int count = 0;

	if (json_check(text, len, &err) == -1) {
		web_mcp_error(x->h, 400, NULL, NULL, RPC_PARSE_ERROR, err.msg, NULL);
		return;
	}
	for (p = strchr(text, '[') + 1; (n = json_raw_element(&p)) > 0; p += n)
		count++;
	if (x->can != 0 || (version != NULL && strcmp(version, BATCH_ERA) != 0))
		web_mcp_error(x->h, 400, NULL, NULL, RPC_INVALID_REQUEST,
		    "one message for each POST; only " BATCH_ERA " has lists of them", NULL);
	else if (count < 1 || count > BATCH_MAX)
		web_mcp_error(x->h, 400, NULL, NULL, RPC_INVALID_REQUEST,
		    "a list has 1 to 100 messages", NULL);
	else
		run(x, text);
}
