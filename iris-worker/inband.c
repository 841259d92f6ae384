/* SPDX-License-Identifier: MIT
 *
 * MCP between Claude and irisd, over the pipe that carries the turns: Claude's client speaks to the
 * server "iris" in control requests, and irisd is that server. Owns what irisd has still to answer,
 * and the client's handshake: a new irisd gets both again, and Claude notices nothing. Called by
 * control.c for Claude's lines and by worker.c for irisd's.
 */
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "common/log.h"
#include "common/rpc.h"
#include "common/xmalloc.h"
#include "iris-worker/claude.h"
#include "iris-worker/report.h"

#define CALLS_MAX 256 /* MCP requests open at once */
#define NOBODY    "irisd is not running, so this tool of Iris can not be used"
#define DUMMY     "{\"mcp_response\":{\"jsonrpc\":\"2.0\",\"result\":{},\"id\":0}}"

static const char *const message_path[] = {"request", "message", NULL};

static void
free_call(struct claude *c, struct mcp_call *m)
{
	TAILQ_REMOVE(&c->inband.calls, m, entry);
	c->inband.ncalls--;
	free(m->id);
	free(m->rpc_id);
	free(m->message);
	free(m);
}

void
inband_release(struct claude *c)
{
	while (!TAILQ_EMPTY(&c->inband.calls))
		free_call(c, TAILQ_FIRST(&c->inband.calls));
	free(c->inband.init);
	free(c->inband.initialized);
}

static void
send_error(struct claude *c, const char *id, const char *rpc_id, const char *text)
{
	char *line = rpc_error_code(rpc_id, RPC_INTERNAL_ERROR, text, NULL);
	char *raw = xasprintf("{\"mcp_response\":%s}", line);

	control_send_answer(c, id, raw);
	free(raw);
	free(line);
}

static void
tell(struct claude *c, const char *raw, size_t rawlen)
{
	cJSON *p = json_new();

	json_put_str(p, "session", c->session);
	json_put_raw(p, "message", raw, rawlen);
	report_event(c->worker, "event/mcp", p);
}

/* True when raw is a message with this id. */
static bool
has_id(const char *raw, size_t rawlen, const char *id, size_t idlen)
{
	const char *own;
	size_t n;

	return json_raw_member(raw, rawlen, "id", &own, &n) && n == idlen &&
	    memcmp(own, id, n) == 0;
}

static struct mcp_call *
find_call(struct claude *c, const char *rpc_id, size_t len)
{
	struct mcp_call *m;

	TAILQ_FOREACH (m, &c->inband.calls, entry) {
		if (strlen(m->rpc_id) == len && memcmp(m->rpc_id, rpc_id, len) == 0)
			return m;
	}
	return NULL;
}

static void
keep(char **what, const char *raw, size_t rawlen)
{
	free(*what);
	*what = xstrndup(raw, rawlen);
}

/* What a later irisd must know of a message that goes to this one. */
static void
remember(struct claude *c, const char *method, const char *raw, size_t rawlen)
{
	static const char *const path[] = {"params", "requestId", NULL};
	struct mcp_call *m;
	const char *id;
	size_t idlen;

	if (strcmp(method, "initialize") == 0) {
		keep(&c->inband.init, raw, rawlen);
		free(c->inband.initialized);
		c->inband.initialized = NULL;
	} else if (strcmp(method, "notifications/initialized") == 0) {
		keep(&c->inband.initialized, raw, rawlen);
	} else if (strcmp(method, "notifications/cancelled") == 0 &&
	    stream_raw(raw, rawlen, path, &id, &idlen) && (m = find_call(c, id, idlen)) != NULL) {
		/* Claude does not wait for it any more, and irisd will not answer it. */
		free_call(c, m);
	}
}

/* False where it was refused at once. */
static bool
begin_call(struct claude *c, const char *id, const char *rpc_id, size_t idlen, const char *raw,
    size_t rawlen)
{
	const char *refusal = NULL;
	struct mcp_call *m = xcalloc(1, sizeof *m);

	m->id = xstrdup(id);
	m->rpc_id = xstrndup(rpc_id, idlen);
	m->message = xstrndup(raw, rawlen);
	TAILQ_INSERT_TAIL(&c->inband.calls, m, entry);
	c->inband.ncalls++;
	if (c->worker->orphaned)
		refusal = NOBODY;
	else if (c->inband.ncalls > CALLS_MAX || rawlen > RPC_LINE_MAX / 2)
		refusal = "Iris can not handle this call: too many or too large";
	if (refusal != NULL) {
		send_error(c, m->id, m->rpc_id, refusal);
		free_call(c, m);
	}
	return refusal == NULL;
}

/*
 * A message of claude's client. What expects no answer is acknowledged at once, as claude waits for
 * it.
 */
void
inband_line(struct claude *c, const struct stream_event *ev, const cJSON *request)
{
	const cJSON *message = json_obj(request, "message"), *id = json_get(message, "id");
	const char *server = json_str(request, "server_name"), *raw, *rawid;
	const char *method = json_str(message, "method");
	size_t rawlen, idlen = 0;

	if (server == NULL || strcmp(server, INBAND_SERVER) != 0 || message == NULL ||
	    !stream_raw(ev->line, ev->len, message_path, &raw, &rawlen)) {
		control_send_refusal(c, ev->id, "no such MCP server");
		return;
	}
	if (id != NULL && json_raw_member(raw, rawlen, "id", &rawid, &idlen) &&
	    idlen <= RPC_ID_MAX && method != NULL) {
		if (!begin_call(c, ev->id, rawid, idlen, raw, rawlen))
			return;
	} else {
		control_send_answer(c, ev->id, DUMMY);
	}
	if (method != NULL)
		remember(c, method, raw, rawlen);
	tell(c, raw, rawlen);
}

void
inband_cancel(struct claude *c, const char *id)
{
	struct mcp_call *m;

	TAILQ_FOREACH (m, &c->inband.calls, entry) {
		if (strcmp(m->id, id) == 0) {
			free_call(c, m);
			return;
		}
	}
}

/*
 * Claude has had the answer to its initialize already when a new irisd answers it a second time:
 * then no such call is open, and this ends here.
 */
static void
answer_call(struct claude *c, const char *raw, size_t rawlen)
{
	struct mcp_call *m;
	const char *id;
	size_t idlen;
	char *body;

	if (!json_raw_member(raw, rawlen, "id", &id, &idlen))
		return;
	if ((m = find_call(c, id, idlen)) == NULL) {
		log_debug("an MCP answer that nobody waits for session=%s", c->session);
		return;
	}
	body = xasprintf("{\"mcp_response\":%.*s}", (int)rawlen, raw);
	control_send_answer(c, m->id, body);
	free(body);
	free_call(c, m);
}

void
inband_answer(struct claude *c, const char *line, size_t len)
{
	static const char *const path[] = {"params", "message", NULL};
	const char *raw, *dummy;
	size_t rawlen, n;

	if (!stream_raw(line, len, path, &raw, &rawlen))
		return;
	if (!json_raw_member(raw, rawlen, "method", &dummy, &n))
		answer_call(c, raw, rawlen);
	else if (json_raw_member(raw, rawlen, "id", &dummy, &n))
		log_debug("a request to claude's MCP client is not carried session=%s", c->session);
	else
		control_send_mcp(c, INBAND_SERVER, raw, rawlen);
}

void
inband_replay(struct claude *c)
{
	const struct inband *b = &c->inband;
	const struct mcp_call *m;

	if (b->init != NULL)
		tell(c, b->init, strlen(b->init));
	if (b->initialized != NULL)
		tell(c, b->initialized, strlen(b->initialized));
	TAILQ_FOREACH (m, &b->calls, entry) {
		/* The initialize itself may be open: it was just told. */
		if (b->init == NULL ||
		    !has_id(b->init, strlen(b->init), m->rpc_id, strlen(m->rpc_id)))
			tell(c, m->message, strlen(m->message));
	}
}

void
inband_orphan(struct claude *c)
{
	struct mcp_call *m;

	while ((m = TAILQ_FIRST(&c->inband.calls)) != NULL) {
		send_error(c, m->id, m->rpc_id, NOBODY);
		free_call(c, m);
	}
}
