/* SPDX-License-Identifier: MIT
 *
 * irisd/mcp/elicit*: what is asked, and how it ends, in both eras, on calls of ask_message that wait
 * for a team without a process; so a question comes in the middle of a call, and the call may end
 * while it is held.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "common/json.h"
#include "irisd/mcp/elicit_private.h"
#include "tests/unit/irisd_fixture.h"

#define TEAMS                                                                                      \
	"teams:\n  alpha:\n    path: alpha\n    description: A\n"                                  \
	"  beta:\n    path: beta\n    description: B\n"
#define V "{\"jsonrpc\":\"2.0\","
#define META(can)                                                                                  \
	"\"_meta\":{\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\","                   \
	"\"io.modelcontextprotocol/clientCapabilities\":" can "}"
#define FORMS "{\"elicitation\":{}}"
#define ARGS  "\"arguments\":{\"toTeam\":\"beta\",\"message\":\"x\"}"
#define SCHEMA                                                                                     \
	"{\"type\":\"object\",\"properties\":{\"ok\":{\"type\":\"boolean\"},"                      \
	"\"why\":{\"type\":\"string\",\"enum\":[\"a\",\"b\"]}},\"required\":[\"ok\"]}"
#define YES "{\"action\":\"accept\",\"content\":{\"ok\":true}}"

static struct irisd d;
static struct mcp m, other;
static struct {
	struct mcp *mcp;
	char *text;
} lines[512];
static size_t nlines;
static char caller[64];

/* What done was called with, last and how often. */
static struct {
	int calls;
	enum elicit_action action;
	char *content;
	struct elicit *again; /* asked within done */
	struct mcp_call *ask_again;
} told;

static void
collect(struct mcp *mcp, char *text)
{
	assert_true(nlines < sizeof lines / sizeof lines[0]);
	lines[nlines].mcp = mcp;
	lines[nlines++].text = text;
}

static void
who(struct mcp *mcp, char *name, size_t size)
{
	(void)mcp;
	snprintf(name, size, "%s", caller);
}

/* As over stdio, and as over HTTP. */
static const struct mcp_carrier stdio = {collect, who, true};
static const struct mcp_carrier http = {collect, who, false};

static void
forget(void)
{
	while (nlines > 0)
		free(lines[--nlines].text);
}

static int
setup(void **state)
{
	if (fixture_setup(state) == -1)
		return -1;
	fixture_irisd(&d, TEAMS);
	mcp_init(&m, &d, &stdio, NULL);
	mcp_init(&other, &d, &http, NULL);
	snprintf(caller, sizeof caller, "alpha");
	free(told.content);
	memset(&told, 0, sizeof told);
	return 0;
}

static int
teardown(void **state)
{
	mcp_release(&m);
	mcp_release(&other);
	elicit_hold_end_all(&d);
	forget();
	free(told.content);
	told.content = NULL;
	fixture_irisd_release(&d);
	return fixture_teardown(state);
}

/* What was put off is done: an answer told, the next one, a question asked. */
static void
passes(void)
{
	int i;

	for (i = 0; i < 4; i++)
		event_base_loop(d.loop.base, EVLOOP_NONBLOCK);
}

static void
put(struct mcp *to, char *line)
{
	forget();
	mcp_line(to, line, strlen(line));
	free(line);
}

static cJSON *
parsed(size_t i)
{
	struct err err;
	cJSON *o;

	assert_true(i < nlines);
	if ((o = json_parse(lines[i].text, strlen(lines[i].text), &err)) == NULL)
		fail_msg("%s: %s", err.msg, lines[i].text);
	return o;
}

static void done(void *arg, enum elicit_action action, const cJSON *content);

static struct elicit *
ask(struct mcp_call *c)
{
	cJSON *schema = json_parse(SCHEMA, strlen(SCHEMA), NULL);
	struct elicit *e = mcp_elicit(c, "Go on?", schema, done, &told);

	cJSON_Delete(schema);
	return e;
}

static void
done(void *arg, enum elicit_action action, const cJSON *content)
{
	struct mcp_call *c = told.ask_again;

	assert_ptr_equal(arg, &told);
	told.calls++;
	told.action = action;
	free(told.content);
	told.content = content != NULL ? json_print(content) : NULL;
	told.ask_again = NULL;
	if (c != NULL)
		told.again = ask(c);
}

/* A call that waits, of a client that declares this. */
static struct mcp_call *
waiting(struct mcp *from, bool modern, const char *can)
{
	struct mcp_call *c;

	if (!modern) {
		put(from,
		    xasprintf(V "\"id\":0,\"method\":\"initialize\",\"params\":{"
				"\"protocolVersion\":\"2025-11-25\",\"capabilities\":%s}}",
			can));
		put(from,
		    xasprintf(V
			"\"id\":\"c\",\"method\":\"tools/call\",\"params\":{\"name\":\"ask_message\"," ARGS
			"}}"));
	} else {
		put(from,
		    xasprintf(V
			"\"id\":\"c\",\"method\":\"tools/call\",\"params\":{\"name\":\"ask_message\"," ARGS
			"," META("%s") "}}",
			can));
	}
	forget();
	c = TAILQ_FIRST(&from->calls);
	assert_non_null(c);
	assert_non_null(c->wait);
	return c;
}

/* --- the handshake era ------------------------------------------------------------------------ */

static void
test_capabilities(void **state)
{
	static const struct {
		const char *text;
		bool forms;
	} cases[] = {{"{}", false}, {"{\"elicitation\":{}}", true},
	    {"{\"elicitation\":{\"form\":{}}}", true},
	    {"{\"elicitation\":{\"form\":{},\"url\":{}}}", true},
	    {"{\"elicitation\":{\"url\":{}}}", false}, {"{\"elicitation\":true}", false},
	    {"{\"sampling\":{},\"roots\":{}}", false}};
	struct mcp_call *c;
	size_t i;

	(void)state;
	for (i = 0; i < 2 * sizeof cases / sizeof cases[0]; i++) {
		c = waiting(&m, i % 2 == 1, cases[i / 2].text);
		if (mcp_call_can_elicit(c) != cases[i / 2].forms)
			fail_msg("%s", cases[i / 2].text);
		assert_int_equal(ask(c) != NULL, cases[i / 2].forms);
		put(&m,
		    xasprintf(V "\"method\":\"notifications/cancelled\",\"params\":{"
				"\"requestId\":\"c\"}}"));
		assert_true(TAILQ_EMPTY(&m.calls));
	}
}

/* Nobody sits behind a session that irisd has started. */
static void
test_spawned(void **state)
{
	struct session s = {0};
	struct mcp_call *c;

	(void)state;
	m.session = &s;
	put(&m,
	    xasprintf(
		V "\"id\":1,\"method\":\"tools/call\",\"params\":{\"name\":\"ask_message\"," ARGS
		  "," META(FORMS) "}}"));
	m.session = NULL;
	c = TAILQ_FIRST(&m.calls);
	assert_non_null(c);
	assert_false(mcp_call_can_elicit(c));
	assert_null(ask(c));
}

static void
respond(struct mcp *from, const struct elicit *e, const char *rest)
{
	put(from, xasprintf(V "\"id\":\"%s\",%s}", e->id, rest));
}

static void
test_response(void **state)
{
	static const struct {
		const char *rest;
		enum elicit_action action;
		const char *content;
	} cases[] = {
	    {"\"result\":" YES, ELICIT_ACCEPT, "{\"ok\":true}"},
	    {"\"result\":{\"action\":\"accept\",\"content\":{\"ok\":false,\"why\":\"b\",\"z\":1}}",
		ELICIT_ACCEPT, "{\"ok\":false,\"why\":\"b\",\"z\":1}"},
	    {"\"result\":{\"action\":\"decline\",\"content\":{\"ok\":true}}", ELICIT_DECLINE, NULL},
	    {"\"result\":{\"action\":\"cancel\"}", ELICIT_CANCEL, NULL},
	    {"\"result\":{\"action\":\"accept\"}", ELICIT_FAILED, NULL},
	    {"\"result\":{\"action\":\"accept\",\"content\":{\"ok\":\"true\"}}", ELICIT_FAILED,
		NULL},
	    {"\"result\":{\"action\":\"accept\",\"content\":{\"ok\":true,\"why\":\"c\"}}",
		ELICIT_FAILED, NULL},
	    {"\"result\":{\"action\":\"yes\"}", ELICIT_FAILED, NULL},
	    {"\"result\":{}", ELICIT_FAILED, NULL},
	    {"\"error\":{\"code\":-32601,\"message\":\"no\"}", ELICIT_FAILED, NULL},
	};
	struct mcp_call *c = waiting(&m, false, FORMS);
	struct elicit *e;
	cJSON *o;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		assert_non_null(e = ask(c));
		assert_int_equal(nlines, 1);
		o = parsed(0);
		assert_string_equal(json_str(o, "method"), "elicitation/create");
		assert_string_equal(json_str(o, "id"), e->id);
		assert_string_equal(json_str(json_obj(o, "params"), "message"), "Go on?");
		assert_non_null(json_obj(json_obj(o, "params"), "requestedSchema"));
		respond(&m, e, cases[i].rest);
		assert_int_equal(told.calls, i + 1);
		if (told.action != cases[i].action)
			fail_msg("%s: %d", cases[i].rest, told.action);
		if (cases[i].content == NULL)
			assert_null(told.content);
		else
			assert_string_equal(told.content, cases[i].content);
		/* The same once more is the answer to nothing, and no line of ours. */
		put(&m, xasprintf(V "\"id\":\"%s\",%s}", json_str(o, "id"), cases[i].rest));
		assert_int_equal(told.calls, i + 1);
		assert_int_equal(nlines, 0);
		cJSON_Delete(o);
	}
	assert_ptr_equal(TAILQ_FIRST(&m.calls), c);
}

static void
test_whose_response(void **state)
{
	struct elicit *e = ask(waiting(&m, false, FORMS));

	(void)state;
	respond(&other, e, "\"result\":" YES);
	assert_int_equal(told.calls, 0);
	/* Over HTTP, the response comes on another connection of the same key's. */
	snprintf(other.principal, sizeof other.principal, "%s", m.principal);
	respond(&other, e, "\"result\":" YES);
	assert_int_equal(told.calls, 1);
	assert_int_equal(told.action, ELICIT_ACCEPT);
	put(&m, xstrdup(V "\"id\":7,\"result\":{}}"));
	put(&m, xstrdup(V "\"error\":{\"code\":1,\"message\":\"\"},\"id\":null}"));
	assert_int_equal(nlines, 0);
}

/* What was asked is taken back before the answer, and whoever has asked is told once. */
static void
test_call_ends(void **state)
{
	struct mcp_call *c = waiting(&m, false, FORMS);
	char id[UUID_LEN + 1];
	cJSON *o;

	(void)state;
	snprintf(id, sizeof id, "%s", ask(c)->id);
	forget();
	mcp_call_text(c, "over");
	assert_int_equal(nlines, 2);
	o = parsed(0);
	assert_string_equal(json_str(o, "method"), "notifications/cancelled");
	assert_string_equal(json_str(json_obj(o, "params"), "requestId"), id);
	cJSON_Delete(o);
	o = parsed(1);
	assert_string_equal(json_str(o, "id"), "c");
	cJSON_Delete(o);
	assert_int_equal(told.calls, 1);
	assert_int_equal(told.action, ELICIT_GONE);
	/* The client's Esc; and the end of its connection, where nothing can be sent. */
	ask(waiting(&m, false, FORMS));
	put(&m,
	    xasprintf(
		V "\"method\":\"notifications/cancelled\",\"params\":{\"requestId\":\"c\"}}"));
	assert_int_equal(nlines, 1);
	assert_int_equal(told.calls, 2);
	assert_int_equal(told.action, ELICIT_GONE);
	ask(waiting(&m, false, FORMS));
	forget();
	mcp_lost(&m);
	mcp_release(&m);
	assert_int_equal(nlines, 0);
	assert_int_equal(told.calls, 3);
	assert_int_equal(told.action, ELICIT_GONE);
	mcp_init(&m, &d, &stdio, NULL);
}

static void
test_cancel(void **state)
{
	struct mcp_call *c = waiting(&m, false, FORMS);
	struct elicit *e = ask(c), *kept = ask(c);

	(void)state;
	forget();
	elicit_cancel(e);
	assert_int_equal(nlines, 1);
	assert_non_null(strstr(lines[0].text, "notifications/cancelled"));
	assert_int_equal(told.calls, 0);
	respond(&m, kept, "\"result\":" YES);
	assert_int_equal(told.calls, 1);
}

static void
test_limit(void **state)
{
	struct mcp_call *c = waiting(&m, false, FORMS);
	int i;

	(void)state;
	for (i = 0; i < 16; i++)
		assert_non_null(ask(c));
	assert_null(ask(c));
	forget();
	mcp_call_text(c, "over");
	assert_int_equal(told.calls, 16);
}

/* --- 2026-07-28 ------------------------------------------------------------------------------- */

/* The result that needs input; the only line that came. */
static char *
held(char key[UUID_LEN + 1])
{
	const cJSON *r, *q;
	char *state;
	cJSON *o;

	passes();
	assert_int_equal(nlines, 1);
	o = parsed(0);
	r = json_obj(o, "result");
	assert_string_equal(json_str(r, "resultType"), "input_required");
	q = json_obj(r, "inputRequests");
	assert_int_equal(cJSON_GetArraySize(q), 1);
	q = q->child;
	assert_string_equal(json_str(q, "method"), "elicitation/create");
	assert_string_equal(json_str(json_obj(q, "params"), "message"), "Go on?");
	snprintf(key, UUID_LEN + 1, "%s", q->string);
	state = xstrdup(json_str(r, "requestState"));
	cJSON_Delete(o);
	forget();
	return state;
}

#define RETRY(id, tool, args, responses, state)                                                    \
	xasprintf(V "\"id\":\"%s\",\"method\":\"tools/call\",\"params\":{\"name\":\"%s\",%s,"      \
		    "\"inputResponses\":%s,\"requestState\":\"%s\"," META(FORMS) "}}",             \
	    id, tool, args, responses, state)

static void
expect_refused(const char *words)
{
	cJSON *o = parsed(0);
	const cJSON *e = json_obj(o, "error");

	assert_int_equal(nlines, 1);
	assert_non_null(e);
	assert_int_equal(json_int_or(e, "code", 0), -32602);
	if (strstr(json_str(e, "message"), words) == NULL)
		fail_msg("\"%s\" lacks \"%s\"", json_str(e, "message"), words);
	assert_int_equal(told.calls, 0);
	cJSON_Delete(o);
}

static void
test_round(void **state)
{
	struct mcp_call *c = waiting(&m, true, FORMS);
	char key[UUID_LEN + 1], *s, *answer;

	(void)state;
	assert_non_null(ask(c));
	s = held(key);
	assert_true(TAILQ_EMPTY(&m.calls));
	answer = xasprintf("{\"%s\":" YES ",\"more\":1}", key);
	put(&m, RETRY("r", "ask_message", ARGS, answer, s));
	passes();
	/* The same call waits on, under the new id. */
	assert_int_equal(nlines, 0);
	assert_int_equal(told.calls, 1);
	assert_int_equal(told.action, ELICIT_ACCEPT);
	assert_string_equal(told.content, "{\"ok\":true}");
	assert_ptr_equal(TAILQ_FIRST(&m.calls), c);
	assert_ptr_equal(c->mcp, &m);
	told.calls = 0;
	put(&m, RETRY("r2", "ask_message", ARGS, answer, s));
	expect_refused("was used");
	forget();
	mcp_call_text(c, "over");
	assert_int_equal(nlines, 1);
	assert_non_null(strstr(lines[0].text, "\"id\":\"r\""));
	free(answer);
	free(s);
}

/* Each of these is refused, and the call is held on. */
static void
test_refused(void **state)
{
	struct mcp_call *c = waiting(&m, true, FORMS);
	char key[UUID_LEN + 1], *s, *t, *answer, *bad;

	(void)state;
	ask(c);
	s = held(key);
	answer = xasprintf("{\"%s\":" YES "}", key);
	bad = xasprintf("{\"%s\":12345}", key);
	t = xasprintf("%s-TAMPERED", s);
	put(&m, RETRY("r", "ask_message", ARGS, answer, t));
	expect_refused("not known");
	put(&m, RETRY("r", "ask_message", ARGS, answer, ""));
	expect_refused("not known");
	put(&m, RETRY("r", "send_message", ARGS, answer, s));
	expect_refused("not known");
	put(&m,
	    RETRY("r", "ask_message", "\"arguments\":{\"toTeam\":\"beta\",\"message\":\"y\"}",
		answer, s));
	expect_refused("not known");
	put(&other, RETRY("r", "ask_message", ARGS, answer, s));
	expect_refused("not known");
	snprintf(caller, sizeof caller, "beta");
	put(&m, RETRY("r", "ask_message", ARGS, answer, s));
	expect_refused("not known");
	snprintf(caller, sizeof caller, "alpha");
	put(&m, RETRY("r", "ask_message", ARGS, bad, s));
	expect_refused("must be an object");
	put(&m, RETRY("r", "ask_message", ARGS, "null", s));
	expect_refused("inputResponses must be an object");
	put(&m, RETRY("r", "ask_message", ARGS, answer, s));
	passes();
	assert_int_equal(told.calls, 1);
	free(s);
	free(t);
	free(bad);
	free(answer);
}

/* What is missing is asked again; what is asked within done is asked next. */
static void
test_rounds(void **state)
{
	struct mcp_call *c = waiting(&m, true, FORMS);
	char key[UUID_LEN + 1], again[UUID_LEN + 1], *s, *s2, *answer;

	(void)state;
	ask(c);
	s = held(key);
	put(&m, RETRY("r1", "ask_message", ARGS, "{\"wrong\":{}}", s));
	s2 = held(again);
	assert_string_equal(again, key);
	assert_string_not_equal(s2, s);
	assert_int_equal(told.calls, 0);
	answer = xasprintf("{\"%s\":{\"action\":\"decline\"}}", key);
	told.ask_again = c;
	put(&m, RETRY("r2", "ask_message", ARGS, answer, s2));
	free(s);
	s = held(again);
	assert_int_equal(told.calls, 1);
	assert_int_equal(told.action, ELICIT_DECLINE);
	assert_string_not_equal(again, key);
	assert_non_null(told.again);
	free(answer);
	free(s2);
	free(s);
}

/* The call ends while it is held: its result waits for the client. */
static void
test_ends_held(void **state)
{
	struct mcp_call *c = waiting(&m, true, FORMS);
	char key[UUID_LEN + 1], *s;
	cJSON *o;

	(void)state;
	ask(c);
	s = held(key);
	mcp_call_text(c, "meanwhile");
	assert_int_equal(nlines, 0);
	assert_int_equal(told.calls, 1);
	assert_int_equal(told.action, ELICIT_GONE);
	put(&m, RETRY("r", "ask_message", ARGS, "{}", s));
	assert_int_equal(nlines, 1);
	o = parsed(0);
	assert_string_equal(json_str(o, "id"), "r");
	assert_string_equal(json_str(json_obj(o, "result"), "resultType"), "complete");
	assert_non_null(strstr(lines[0].text, "meanwhile"));
	cJSON_Delete(o);
	free(s);
}

/* Its answer is not needed any more: the retry only waits on. */
static void
test_cancel_held(void **state)
{
	struct mcp_call *c = waiting(&m, true, FORMS);
	struct elicit *e = ask(c);
	char key[UUID_LEN + 1], *s = held(key), *answer = xasprintf("{\"%s\":" YES "}", key);

	(void)state;
	elicit_cancel(e);
	put(&m, RETRY("r", "ask_message", ARGS, answer, s));
	passes();
	assert_int_equal(nlines, 0);
	assert_int_equal(told.calls, 0);
	assert_ptr_equal(TAILQ_FIRST(&m.calls), c);
	free(answer);
	free(s);
}

/* The connection is the client over stdio, not over HTTP. */
static void
test_connection_ends(void **state)
{
	struct mcp_call *c = waiting(&m, true, FORMS);
	char key[UUID_LEN + 1];

	(void)state;
	ask(c);
	free(held(key));
	mcp_lost(&m);
	assert_int_equal(told.calls, 1);
	assert_int_equal(told.action, ELICIT_GONE);
	ask(waiting(&other, true, FORMS));
	free(held(key));
	mcp_lost(&other);
	assert_int_equal(told.calls, 1);
	elicit_hold_end_all(&d);
	assert_int_equal(told.calls, 2);
	assert_int_equal(told.action, ELICIT_GONE);
}

/* Make the timers that are due only after minutes due now. */
static int
hurry(const struct event_base *base, const struct event *ev, void *arg)
{
	struct timeval tv, now;

	(void)arg;
	event_base_gettimeofday_cached((struct event_base *)(uintptr_t)base, &now);
	if (event_pending(ev, EV_TIMEOUT, &tv) && tv.tv_sec - now.tv_sec > ELICIT_HOLD_S - 60 &&
	    tv.tv_sec - now.tv_sec <= ELICIT_HOLD_S)
		event_active((struct event *)(uintptr_t)ev, EV_TIMEOUT, 1);
	return 0;
}

static void
test_expiry(void **state)
{
	struct mcp_call *c = waiting(&other, true, FORMS);
	char key[UUID_LEN + 1], *s;

	(void)state;
	ask(c);
	s = held(key);
	event_base_foreach_event(d.loop.base, hurry, NULL);
	passes();
	assert_int_equal(told.calls, 1);
	assert_int_equal(told.action, ELICIT_GONE);
	told.calls = 0;
	put(&other, RETRY("r", "ask_message", ARGS, "{}", s));
	expect_refused("too old");
	free(s);
}

/* A client that never repeats its calls can not have any number of them held. */
static void
test_held_limit(void **state)
{
	char key[UUID_LEN + 1];
	int i;

	(void)state;
	for (i = 0; i < 100; i++) {
		assert_non_null(ask(waiting(&other, true, FORMS)));
		free(held(key));
	}
	assert_null(ask(waiting(&other, true, FORMS)));
	assert_non_null(ask(waiting(&m, true, FORMS)));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_capabilities),
	    TEST(test_spawned),
	    TEST(test_response),
	    TEST(test_whose_response),
	    TEST(test_call_ends),
	    TEST(test_cancel),
	    TEST(test_limit),
	    TEST(test_round),
	    TEST(test_refused),
	    TEST(test_rounds),
	    TEST(test_ends_held),
	    TEST(test_cancel_held),
	    TEST(test_connection_ends),
	    TEST(test_expiry),
	    TEST(test_held_limit),
	};

	json_init();
	log_init("test", LOG_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
