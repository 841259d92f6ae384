/* SPDX-License-Identifier: MIT
 *
 * irisd/mcp/elicit_hold: questions of 2026-07-28, for which a call is held until its client
 * repeats it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "tests/unit/elicit_fixture.h"

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
	put(&m, RETRY("r", "ask_message", ARGS, "[]", s));
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

/* The repetition declares less: what is not declared any more is not asked again. */
static void
test_declares_less(void **state)
{
	struct mcp_call *c = waiting(&m, true, FORMS);
	char key[UUID_LEN + 1], *s;

	(void)state;
	ask(c);
	s = held(key);
	put(&m, xasprintf(CALL ",\"requestState\":\"%s\"," META("{}") "}}", s));
	passes();
	assert_int_equal(nlines, 0);
	assert_int_equal(told.calls, 1);
	assert_int_equal(told.action, ELICIT_FAILED);
	assert_ptr_equal(TAILQ_FIRST(&m.calls), c);
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

static struct elicit *
ask_for(struct mcp_call *c, const char *key)
{
	static const char params[] = "{\"message\":\"Go on?\",\"requestedSchema\":" SCHEMA "}";

	return mcp_client_request(
	    c, key, "elicitation/create", json_parse(params, strlen(params), NULL), done, &told);
}

/* A question with a name of its own can be answered with the call: once, and if it is an answer. */
static void
test_given(void **state)
{
	char key[UUID_LEN + 1];
	struct mcp_call *c;

	(void)state;
	put(&m,
	    xasprintf(V "\"id\":\"c\",\"method\":\"tools/call\",\"params\":{"
			"\"name\":\"ask_message\"," ARGS ",\"inputResponses\":{\"go\":" YES
			",\"bad\":12345,\"more\":{}}," META(FORMS) "}}"));
	forget();
	c = TAILQ_FIRST(&m.calls);
	assert_non_null(ask_for(c, "go"));
	assert_null(ask_for(c, "go"));
	passes();
	assert_int_equal(nlines, 0);
	assert_int_equal(told.calls, 1);
	assert_string_equal(told.content, "{\"ok\":true}");
	assert_non_null(ask_for(c, "go"));
	free(held(key));
	assert_string_equal(key, "go");
	assert_int_equal(told.calls, 1);
	put(&m,
	    xasprintf(V "\"id\":\"c2\",\"method\":\"tools/call\",\"params\":{"
			"\"name\":\"ask_message\"," ARGS
			",\"inputResponses\":{\"bad\":12345}," META(FORMS) "}}"));
	forget();
	assert_non_null(ask_for(TAILQ_FIRST(&m.calls), "bad"));
	free(held(key));
	assert_string_equal(key, "bad");
	assert_int_equal(told.calls, 1);
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
	elicit_hold_end(&d, other.principal, true);
	assert_int_equal(told.calls, 2);
	assert_int_equal(told.action, ELICIT_GONE);
}

/*
 * A state of another irisd's: the call is begun anew as the one it was, and finds its message; but
 * not for a client that is not known again, nor when what it holds is no id.
 */
static void
test_earlier(void **state)
{
	static const char *const bad[] = {"", "2", "zz", "22632", "ff", "22 6"};
	char key[UUID_LEN + 1], message[UUID_LEN + 1], *s, *t;
	struct mcp_call *c;
	size_t i;

	(void)state;
	snprintf(m.instance, sizeof m.instance, "i");
	c = waiting(&m, true, FORMS);
	snprintf(message, sizeof message, "%s", c->message);
	ask(c);
	s = held(key);
	s[UUID_LEN + 1] = s[UUID_LEN + 1] == '0' ? '1' : '0';
	put(&other, RETRY("r", "ask_message", ARGS, "{}", s));
	expect_refused("not known");
	for (i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		t = xasprintf("%.*s%s", 2 * (UUID_LEN + 1), s, bad[i]);
		put(&m, RETRY("r", "ask_message", ARGS, "{}", t));
		expect_refused("not known");
		free(t);
	}
	assert_true(TAILQ_EMPTY(&m.calls));
	put(&m, RETRY("r", "ask_message", ARGS, "{}", s));
	passes();
	c = TAILQ_FIRST(&m.calls);
	assert_non_null(c);
	assert_non_null(c->wait);
	assert_string_equal(c->message, message);
	assert_string_equal(c->id, "\"r\"");
	assert_string_equal(c->first, "\"c\"");
	free(s);
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

static struct mcp_call *
newest(struct mcp *from)
{
	struct mcp_call *c, *last = NULL;

	TAILQ_FOREACH (c, &from->calls, entry)
		last = c;
	return last;
}

/* A client that never repeats its calls can not have any number of them held. */
static void
test_held_limit(void **state)
{
	char key[UUID_LEN + 1];
	cJSON *o;
	int i;

	(void)state;
	/* Two calls at once, where there is room for one. */
	for (i = 0; i < 99; i++) {
		assert_non_null(ask(waiting(&m, true, FORMS)));
		free(held(key));
	}
	for (i = 0; i < 2; i++) {
		put(&m,
		    xasprintf(V "\"id\":%d,\"method\":\"tools/call\",\"params\":{"
				"\"name\":\"ask_message\"," ARGS "," META(FORMS) "}}",
			i));
		assert_non_null(ask(newest(&m)));
	}
	forget();
	passes();
	assert_int_equal(nlines, 2);
	assert_non_null(strstr(lines[0].text, "input_required"));
	o = parsed(1);
	assert_true(json_bool(json_obj(o, "result"), "isError", false));
	assert_non_null(strstr(lines[1].text, "\\\"code\\\":\\\"limit\\\""));
	cJSON_Delete(o);
	elicit_hold_end_all(&d);
	for (i = 0; i < 100; i++) {
		assert_non_null(ask(waiting(&other, true, FORMS)));
		free(held(key));
	}
	assert_null(ask(waiting(&other, true, FORMS)));
	assert_non_null(ask(waiting(&m, true, FORMS)));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_round),
	    TEST(test_refused),
	    TEST(test_rounds),
	    TEST(test_declares_less),
	    TEST(test_ends_held),
	    TEST(test_cancel_held),
	    TEST(test_given),
	    TEST(test_connection_ends),
	    TEST(test_earlier),
	    TEST(test_expiry),
	    TEST(test_held_limit),
	};

	json_init();
	log_init("test", LOG_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
