/* SPDX-License-Identifier: MIT
 *
 * The tools that send messages and fetch answers: send_message, ask_message, quick_message,
 * message_result. Names and arguments as in Iris MCP.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/compat.h"
#include "common/json.h"
#include "common/xmalloc.h"
#include "irisd/core/describe.h"
#include "irisd/core/message.h"
#include "irisd/core/pool.h"
#include "irisd/mcp/forward.h"
#include "irisd/mcp/mcp.h"

#define TIMEOUT_MAX 3600000 /* ms, as in Iris MCP */
#define ECHO_MAX    200     /* characters of the message that are repeated in its result */

/* What every result about one message has. */
static cJSON *
base_result(struct mcp_call *c, const struct store_message *row)
{
	cJSON *o = json_new();

	json_put_str(o, "messageId", row->id);
	json_put_str(o, "state", ladder_name(row->state));
	json_put_str(o, "from", row->from);
	json_put_str(o, "to", row->to);
	json_put_int(o, "duration", mcp_call_duration(c));
	json_put_int(o, "timestamp", compat_now_ms());
	return o;
}

static void
put_echo(cJSON *o, const char *body)
{
	size_t n = 0, chars;
	char *cut;

	for (chars = 0; chars < ECHO_MAX && body[n] != '\0'; chars++) {
		n++;
		while ((body[n] & 0xc0) == 0x80)
			n++;
	}
	cut = body[n] != '\0' ? xasprintf("%.*s...", (int)n, body) : xstrdup(body);
	json_put_str(o, "message", cut);
	free(cut);
}

static void
put_usage(cJSON *o, const struct store_message *row)
{
	if (!row->has_usage)
		return;
	json_put_num(o, "costUsd", row->usage.cost_usd);
	json_put_int(o, "outputTokens", row->usage.output_tokens);
}

/* What message_result tells besides: each step with its time and its evidence. */
static void
put_receipts(struct mcp_call *c, cJSON *o)
{
	if (c->observes)
		json_put(o, "receipts", describe_receipts(c->mcp->d->store, c->message));
}

/* The message has ended: its answer, or why there is none. */
static void
finish(struct mcp_call *c)
{
	struct store_message row;
	struct err why;
	cJSON *o;

	if (!store_message_load(c->mcp->d->store, c->message, &row)) {
		err_set(&why, ERR_NOT_FOUND, "message %s is not in the store any more", c->message);
		mcp_call_failed(c, &why, NULL);
		return;
	}
	o = base_result(c, &row);
	put_receipts(c, o);
	if (row.state == LADDER_ANSWERED) {
		put_echo(o, row.body);
		json_put_str(o, "response", row.answer);
		put_usage(o, &row);
		mcp_call_done(c, o);
	} else {
		err_set(&why, row.code, "message to team %s %s: %s", row.to, ladder_name(row.state),
		    row.reason != NULL ? row.reason : "no reason is known");
		mcp_call_failed(c, &why, o);
	}
	store_message_release(&row);
}

/* It goes on without this call: say how to get the answer. */
static void
not_waiting(struct mcp_call *c, bool timed_out)
{
	struct message *m = message_find(c->mcp->d, c->message);
	struct store_message row;
	char where[MESSAGE_WHERE], *hint;
	cJSON *o;

	if (m == NULL || !store_message_load(c->mcp->d->store, c->message, &row)) {
		finish(c);
		return;
	}
	message_describe(m, where, sizeof where);
	o = base_result(c, &row);
	put_echo(o, row.body);
	hint = xasprintf(
	    "%s The message is stored (%s) and goes on by itself; fetch the answer with message_result, "
	    "messageId \"%s\" (timeout: how many ms to wait for it).",
	    timed_out ? "No answer yet, the timeout is over." : "Sent without waiting.", where,
	    row.id);
	json_put_str(o, "response", hint);
	json_put_bool(o, "timedOut", timed_out);
	put_receipts(c, o);
	free(hint);
	store_message_release(&row);
	mcp_call_done(c, o);
}

static void
wait_cb(struct wait *w, enum wait_event ev, const char *text)
{
	struct mcp_call *c = w->arg;
	char where[MESSAGE_WHERE];

	(void)text;
	switch (ev) {
	case WAIT_STATE:
	case WAIT_ACTIVITY:
		message_describe(w->message, where, sizeof where);
		mcp_call_progress(c, where);
		break;
	case WAIT_DELTA:
		break;
	case WAIT_FINAL:
		c->wait = NULL;
		finish(c);
		break;
	case WAIT_TIMEOUT:
		c->wait = NULL;
		not_waiting(c, true);
		break;
	}
}

/* Wait for c->message; timeout -1: not at all. */
static void
await(struct mcp_call *c, int64_t timeout)
{
	struct message *m = message_find(c->mcp->d, c->message);
	char where[MESSAGE_WHERE];

	if (m == NULL) {
		finish(c);
	} else if (timeout == -1) {
		not_waiting(c, false);
	} else {
		c->wait = message_wait(m, timeout, wait_cb, c);
		/* The caller's own process now waits: its slot may be used. */
		pool_slot_free(c->mcp->d);
		message_describe(m, where, sizeof where);
		mcp_call_progress(c, where);
		forward_waits(c, c->message);
	}
}

/* The caller's own key, by what stays when the configuration gives the caller another name. */
static char *
own_key(const struct mcp *m, const char *from, const char *key)
{
	const struct session *s = m->session;
	char *pair, *full;

	if (s != NULL) {
		pair = xasprintf("%s>%s", s->row.from, s->row.to);
		full = message_key(MESSAGE_KEY_SESSION, pair, key);
		free(pair);
		return full;
	}
	/* All that come by one tunnel are one, whatever they say, and whichever key they have now. */
	if (m->tunnel)
		return message_key(MESSAGE_KEY_TUNNEL, from, key);
	if (strncmp(m->principal, "key:", 4) == 0)
		return message_key(MESSAGE_KEY_API, m->principal + 4, key);
	return message_key_of(m->d, from, m->dir, key);
}

char *
mcp_call_key(const struct mcp_call *c, const char *from, const char *to)
{
	char *call, *own, *full;

	if (c->mcp->instance[0] == '\0')
		return NULL;
	call = xasprintf(
	    "%s:%s%s%s", c->mcp->instance, c->first, to != NULL ? ":" : "", to != NULL ? to : "");
	own = own_key(c->mcp, from, call);
	full = xasprintf("call:%s", own);
	free(own);
	free(call);
	return full;
}

/*
 * The caller's own key, else one for each call of each client: a call that is repeated is the same
 * message.
 */
static char *
make_key(struct mcp_call *c, const cJSON *args, const char *from)
{
	const char *key = json_str(args, "idempotencyKey");

	return key != NULL ? own_key(c->mcp, from, key) : mcp_call_key(c, from, NULL);
}

#define DAY_MS ((int64_t)86400000)

/* ttlDays is Iris MCP's name for it; the finer one counts where both are given. */
static int64_t
ttl_of(struct mcp_call *c, const cJSON *args)
{
	int64_t n;

	if (json_int(args, "ttl", &n) == 0)
		return n;
	if (json_int(args, "ttlDays", &n) == 0)
		return n * DAY_MS;
	return c->mcp->d->conf->config->settings.message_ttl;
}

static void
send_and_wait(struct mcp_call *c, const cJSON *args, int64_t timeout)
{
	char from[TEAM_NAME_MAX], *key = NULL;
	struct message_new n = {0};
	struct err err;
	int rv;

	if (mcp_call_from(c, args, from, sizeof from, &err) == -1) {
		mcp_call_failed(c, &err, NULL);
		return;
	}
	n.from = from;
	n.to = json_str(args, "toTeam");
	n.body = json_str(args, "message");
	n.waits = timeout != -1;
	n.ttl = ttl_of(c, args);
	n.key = key = make_key(c, args, from);
	n.parent = c->mcp->session != NULL ? c->mcp->session->current : NULL;
	n.key_made = json_get(args, "idempotencyKey") == NULL;
	rv = message_submit(c->mcp->d, &n, c->message, &err);
	free(key);
	if (rv == -1)
		mcp_call_failed(c, &err, NULL);
	else
		await(c, timeout);
}

static void
fn_send(struct mcp_call *c, const cJSON *args)
{
	send_and_wait(c, args,
	    json_int_or(args, "timeout", c->mcp->d->conf->config->settings.default_timeout));
}

static void
fn_quick(struct mcp_call *c, const cJSON *args)
{
	send_and_wait(c, args, -1);
}

static void
fn_result(struct mcp_call *c, const cJSON *args)
{
	const char *id = json_str(args, "messageId");
	char who[TEAM_NAME_MAX];
	struct store_message row;
	struct err err;

	if (mcp_call_from(c, args, who, sizeof who, &err) == -1) {
		mcp_call_failed(c, &err, NULL);
		return;
	}
	if (!uuid_valid(id)) {
		err_set(&err, ERR_INVALID,
		    "\"%.64s\" is not a message id; give the messageId that the sending tool returned",
		    id);
		mcp_call_failed(c, &err, NULL);
		return;
	}
	if (!store_message_load(c->mcp->d->store, id, &row)) {
		err_set(&err, ERR_NOT_FOUND,
		    "there is no message %s; give the messageId that the sending tool returned",
		    id);
		mcp_call_failed(c, &err, NULL);
		return;
	}
	if (strcmp(row.from, who) != 0 && strcmp(row.to, who) != 0) {
		err_set(&err, ERR_REFUSED,
		    "message %s is between two other teams than \"%s\"; only who sent or received a "
		    "message may fetch it",
		    id, who);
		store_message_release(&row);
		mcp_call_failed(c, &err, NULL);
		return;
	}
	compat_strlcpy(c->message, row.id, sizeof c->message);
	store_message_release(&row);
	c->observes = true;
	await(c, json_int_or(args, "timeout", -1));
}

#define OUTPUT(more)                                                                               \
	"{\"type\":\"object\",\"properties\":{"                                                    \
	"\"messageId\":{\"type\":\"string\"},"                                                     \
	"\"state\":{\"type\":\"string\",\"enum\":[\"queued\",\"sent\",\"seen\",\"answered\","      \
	"\"failed\",\"expired\",\"cancelled\"]},"                                                  \
	"\"from\":{\"type\":\"string\"},\"to\":{\"type\":\"string\"},"                             \
	"\"message\":{\"type\":\"string\",\"description\":\"its first 200 characters\"},"          \
	"\"response\":{\"type\":\"string\",\"description\":\"the answer when state is answered, "  \
	"else how to get it\"},"                                                                   \
	"\"timedOut\":{\"type\":\"boolean\"},"                                                     \
	"\"duration\":{\"type\":\"integer\",\"description\":\"ms of this call\"},"                 \
	"\"timestamp\":{\"type\":\"integer\",\"description\":\"ms since 1970\"},"                  \
	"\"costUsd\":{\"type\":\"number\"},\"outputTokens\":{\"type\":\"integer\"}" more "},"      \
	"\"required\":[\"messageId\",\"state\",\"from\",\"to\",\"response\",\"duration\","         \
	"\"timestamp\"]}"

#define SEND_OUTPUT OUTPUT("")
#define RESULT_OUTPUT                                                                              \
	OUTPUT(",\"receipts\":{\"type\":\"array\",\"description\":\"each step so far, oldest "     \
	       "first\",\"items\":{\"type\":\"object\",\"properties\":{"                           \
	       "\"state\":{\"type\":\"string\"},"                                                  \
	       "\"at\":{\"type\":\"integer\",\"description\":\"ms since 1970\"},"                  \
	       "\"evidence\":{\"type\":\"string\",\"description\":\"what it is known by\"}},"      \
	       "\"required\":[\"state\",\"at\",\"evidence\"]}}")

#define P_TO                                                                                       \
	{                                                                                          \
		"toTeam", MCP_STRING, true, 1, 100, "the team to ask, by its name in list_teams",  \
		    NULL                                                                           \
	}
#define P_MESSAGE                                                                                        \
	{                                                                                                \
		"message", MCP_STRING, true, 1, (int64_t)MESSAGE_BODY_MAX,                               \
		    "the question or task, complete in itself: the team does not see this conversation", \
		    NULL                                                                                 \
	}
#define P_FROM                                                                                     \
	{                                                                                          \
		"fromTeam", MCP_STRING, false, 1, TEAM_NAME_MAX,                                   \
		    "who asks; best left out, Iris knows it", NULL                                 \
	}
#define P_TIMEOUT                                                                                   \
	{                                                                                           \
		"timeout", MCP_INTEGER, false, -1, TIMEOUT_MAX,                                     \
		    "ms to wait for the answer; 0 waits without limit, -1 does not wait (then use " \
		    "message_result)",                                                              \
		    NULL                                                                            \
	}
#define P_PERSIST                                                                                  \
	{                                                                                          \
		"persist", MCP_BOOL, false, 0, 0,                                                  \
		    "accepted for Iris MCP's sake: every message is stored", NULL                  \
	}
#define P_TTL                                                                                      \
	{                                                                                          \
		"ttl", MCP_INTEGER, false, 0, MESSAGE_TTL_MAX,                                     \
		    "ms that the message may wait; what is still queued then expires and is "      \
		    "never delivered; 0: no limit",                                                \
		    NULL                                                                           \
	}
#define P_TTL_DAYS                                                                                 \
	{                                                                                          \
		"ttlDays", MCP_INTEGER, false, 0, MESSAGE_TTL_MAX / DAY_MS,                        \
		    "the same in days, as in Iris MCP; ttl counts where both are given", NULL      \
	}
#define P_KEY                                                                                              \
	{                                                                                                  \
		"idempotencyKey", MCP_STRING, false, 1, MESSAGE_KEY_MAX,                                   \
		    "the same key with the same text finds the first message instead of sending a second", \
		    NULL                                                                                   \
	}

const struct mcp_tool mcp_tools_message[] = {
    {.name = "send_message",
	.title = "Send a message to another team",
	.description =
	    "Send a message to another project's Claude (a team) and wait for its answer, for when "
	    "the person says \"tell the backend team ...\", \"send them a message\" or \"let them "
	    "know ...\". The team works in its own project with its own tools and permissions. A "
	    "busy team takes messages in order. Same as ask_message.",
	.params = {P_TO, P_MESSAGE, P_FROM, P_TIMEOUT, P_PERSIST, P_TTL, P_TTL_DAYS, P_KEY},
	.output = SEND_OUTPUT,
	.destructive = false,
	.large = true,
	.fn = fn_send},
    {.name = "ask_message",
	.title = "Ask another team",
	.description =
	    "Ask another project's Claude (a team) a question and get its answer here, for when "
	    "the person says \"ask the backend team how ...\" or needs to know something that "
	    "another project's Claude knows. The team answers from its own project. Write the "
	    "question so that it can be understood without this conversation. list_teams names the "
	    "teams.",
	.params = {P_TO, P_MESSAGE, P_FROM, P_TIMEOUT, P_PERSIST, P_TTL, P_TTL_DAYS, P_KEY},
	.output = SEND_OUTPUT,
	.destructive = false,
	.large = true,
	.fn = fn_send},
    {.name = "quick_message",
	.title = "Message a team without waiting",
	.description =
	    "Send a message to a team's Claude without waiting for the answer (fire and forget), "
	    "for when the person says \"tell them, but do not wait\". The message is stored and "
	    "its messageId comes back at once; message_result fetches the answer later.",
	.params = {P_TO, P_MESSAGE, P_FROM, P_TTL, P_TTL_DAYS, P_KEY},
	.output = SEND_OUTPUT,
	.destructive = false,
	.waits = MCP_AT_ONCE,
	.fn = fn_quick},
    {.name = "message_result",
	.title = "Get a message's answer",
	.description =
	    "Fetch a team's answer to a message that was sent before, or wait for it, for when the "
	    "person asks \"what did they answer?\" or \"have they answered yet?\". Takes the "
	    "messageId that quick_message, send_message or ask_message returned (list_messages has "
	    "it, too). Tells the state when there is no answer yet, and each step with its time "
	    "and its evidence.",
	.params = {{"messageId", MCP_STRING, true, 1, 64, "the id that the sending tool returned",
		       NULL},
	    {"timeout", MCP_INTEGER, false, -1, TIMEOUT_MAX,
		"ms to wait for the answer; 0 waits without limit, -1 (the default) does not wait",
		NULL},
	    P_FROM},
	.output = RESULT_OUTPUT,
	.read_only = true,
	.idempotent = true,
	.large = true,
	.fn = fn_result},
    {0},
};
