/* SPDX-License-Identifier: MIT
 *
 * irisd/mcp/elicit: who can be asked, and questions of the handshake era, which are requests of
 * irisd's.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "tests/unit/elicit_fixture.h"

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
	};

	json_init();
	log_init("test", LOG_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
