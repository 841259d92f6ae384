/* SPDX-License-Identifier: MIT
 *
 * common/rpc: kinds of messages, ids that stay what they were, what is refused and with which
 * words, what is written.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "common/json.h"
#include "common/rpc.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void
test_ids_are_raw(void **state)
{
	static const char *const ids[] = {"1", "1.0", "0", "-3", "1e2", "9007199254740993", "\"a\"",
	    "\"\"", "\"1\"", "\"\\u00e9\\\"\"", "\"server-discover-probe-1\"", "\"listen:0\""};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(ids); i++) {
		char line[256], *answer;
		struct rpc_msg m;
		struct err err;
		snprintf(line, sizeof line,
		    "{\"params\":{\"id\":5},\"jsonrpc\":\"2.0\", \"id\" : %s ,\"method\":\"m\"}",
		    ids[i]);
		assert_int_equal(rpc_parse(line, strlen(line), &m, &err), 0);
		assert_int_equal(m.kind, RPC_REQUEST);
		assert_string_equal(m.id, ids[i]);
		answer = rpc_result(m.id, NULL);
		snprintf(
		    line, sizeof line, "{\"jsonrpc\":\"2.0\",\"id\":%s,\"result\":{}}", ids[i]);
		assert_string_equal(answer, line);
		rpc_clear(&m);
		assert_int_equal(rpc_parse(answer, strlen(answer), &m, &err), 0);
		assert_int_equal(m.kind, RPC_RESPONSE);
		assert_string_equal(m.id, ids[i]);
		assert_true(cJSON_IsObject(m.result));
		rpc_clear(&m);
		free(answer);
	}
}

static void
test_kinds(void **state)
{
	static const struct {
		const char *line;
		enum rpc_kind kind;
		const char *id, *method;
	} cases[] = {
	    {"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"m\",\"params\":{}}", RPC_REQUEST, "1",
		"m"},
	    {"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"m\",\"params\":[]}", RPC_REQUEST, "1",
		"m"},
	    {"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"m\",\"params\":null}", RPC_REQUEST, "1",
		"m"},
	    {"{\"jsonrpc\":\"2.0\",\"method\":\"m\"}", RPC_NOTIFICATION, NULL, "m"},
	    {"{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":null}", RPC_RESPONSE, "1", NULL},
	    {"{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":3}", RPC_RESPONSE, "1", NULL},
	    {"{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":1,\"message\":\"x\"}}", RPC_ERROR,
		"1", NULL},
	    {"{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":1,\"message\":\"x\"}}",
		RPC_ERROR, NULL, NULL},
	    {"{\"jsonrpc\":\"2.0\",\"error\":{\"code\":1,\"message\":\"x\"}}", RPC_ERROR, NULL,
		NULL},
	};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		struct rpc_msg m;
		struct err err;
		if (rpc_parse(cases[i].line, strlen(cases[i].line), &m, &err) == -1)
			fail_msg("%s: %s", cases[i].line, err.msg);
		assert_int_equal(m.kind, cases[i].kind);
		assert_true((m.id == NULL) == (cases[i].id == NULL));
		if (m.id != NULL)
			assert_string_equal(m.id, cases[i].id);
		assert_true((m.method == NULL) == (cases[i].method == NULL));
		if (m.method != NULL)
			assert_string_equal(m.method, cases[i].method);
		rpc_clear(&m);
		assert_null(m.json);
	}
}

static void
test_refused(void **state)
{
	static const struct {
		const char *line;
		enum err_code code;
		const char *id, *words;
	} cases[] = {
	    {"", ERR_INVALID, NULL, "not valid JSON"},
	    {"{", ERR_INVALID, NULL, "not valid JSON"},
	    {"[]", ERR_PROTOCOL, NULL, "must be a JSON object"},
	    {"[{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"m\"}]", ERR_PROTOCOL, NULL,
		"must be a JSON object"},
	    {"\"x\"", ERR_PROTOCOL, NULL, "must be a JSON object"},
	    {"{\"id\":1,\"method\":\"m\"}", ERR_PROTOCOL, "1", "\"jsonrpc\""},
	    {"{\"jsonrpc\":\"1.0\",\"id\":1,\"method\":\"m\"}", ERR_PROTOCOL, "1", "\"jsonrpc\""},
	    {"{\"jsonrpc\":2.0,\"id\":1,\"method\":\"m\"}", ERR_PROTOCOL, "1", "\"jsonrpc\""},
	    {"{\"jsonrpc\":\"2.0\",\"id\":null,\"method\":\"m\"}", ERR_PROTOCOL, NULL,
		"id must be"},
	    {"{\"jsonrpc\":\"2.0\",\"id\":null,\"result\":{}}", ERR_PROTOCOL, NULL, "id must be"},
	    {"{\"jsonrpc\":\"2.0\",\"id\":true,\"method\":\"m\"}", ERR_PROTOCOL, NULL,
		"id must be"},
	    {"{\"jsonrpc\":\"2.0\",\"id\":[1],\"method\":\"m\"}", ERR_PROTOCOL, NULL, "id must be"},
	    {"{\"jsonrpc\":\"2.0\",\"id\":{},\"method\":\"m\"}", ERR_PROTOCOL, NULL, "id must be"},
	    {"{\"jsonrpc\":\"2.0\",\"\\u0069d\":1,\"id\":{\"a\":1},\"method\":\"m\"}", ERR_PROTOCOL,
		NULL, "id must be"},
	    {"{\"jsonrpc\":\"2.0\",\"\\u0069d\":1,\"method\":\"m\"}", ERR_PROTOCOL, NULL, "id "},
	    {"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":5}", ERR_PROTOCOL, "1",
		"method must be a string"},
	    {"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"m\",\"params\":5}", ERR_PROTOCOL, "1",
		"params must be"},
	    {"{\"jsonrpc\":\"2.0\",\"id\":1}", ERR_PROTOCOL, "1", "neither"},
	    {"{\"jsonrpc\":\"2.0\",\"result\":{}}", ERR_PROTOCOL, NULL, "neither"},
	    {"{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":\"x\"}", ERR_PROTOCOL, "1", "neither"},
	    {"{}", ERR_PROTOCOL, NULL, "jsonrpc"},
	};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		struct rpc_msg m;
		struct err err;
		assert_int_equal(rpc_parse(cases[i].line, strlen(cases[i].line), &m, &err), -1);
		assert_int_equal(err.code, cases[i].code);
		if (strstr(err.msg, cases[i].words) == NULL)
			fail_msg("%s: %s", cases[i].line, err.msg);
		if (cases[i].id == NULL)
			assert_null(m.id);
		else
			assert_string_equal(m.id, cases[i].id);
		rpc_clear(&m);
	}
}

/* A request that is no JSON is answered with its id, where that is plain. */
static void
test_salvaged_id(void **state)
{
	static const struct {
		const char *line, *id;
	} cases[] = {
	    {"{\"method\":\"m\",\"params\":{\"a\":\"\\ud800\"},\"jsonrpc\":\"2.0\",\"id\":7}", "7"},
	    {"{\"id\":\"a\",\"method\":\"m\",\"params\":{\"a\":\"\\ud800x\"}}", "\"a\""},
	    {"{\"method\":\"m\",\"params\":[\"\xed\xa0\x80\",\"\x01\\q\\\"\"],\"id\":-1.5}",
		"-1.5"},
	    {"{\"method\":\"m\",\"params\":{\"n\":NaN,\"m\":[01,.5]},\"id\" : 3 }", "3"},
	    {"{\"method\":\"m\",\"id\":3,\"params\":{\"a\":", "3"},
	    {"{\"method\":\"m\",\"id\":3}}", "3"},
	    /* Not a request, or not plain whose. */
	    {"{\"id\":7,\"result\":{\"a\":\"\\ud800\"}}", NULL},
	    {"{\"method\":\"m\",\"params\":{\"id\":7,\"a\":\"\\ud800\"}}", NULL},
	    {"{\"method\":\"m\",\"params\":\"\\ud800,\\\"id\\\":7\"}", NULL},
	    {"{\"method\":\"\\ud800\",\"id\":{\"a\":1}}", NULL},
	    {"{\"method\":\"\\ud800\",\"id\":NaN}", NULL},
	    {"{\"method\":\"\\ud800\",\"id\":1 2}", NULL},
	    {"{\"method\":\"\\ud800\",\"id\":-}", NULL},
	    {"{\"method\":\"\\ud800\",\"id\":\"\\ud800\"}", NULL},
	    {"{\"method\":\"\\ud800\",\"id\":\"\x01\"}", NULL},
	    {"{\"method\":\"\\ud800\",\"id\":12", NULL},
	    {"{\"method\":5x,\"id\":1}", NULL},
	    {"[{\"method\":\"\\ud800\",\"id\":1}]", NULL},
	};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		struct rpc_msg m;
		struct err err;
		assert_int_equal(rpc_parse(cases[i].line, strlen(cases[i].line), &m, &err), -1);
		assert_int_equal(err.code, ERR_INVALID);
		if ((m.id == NULL) != (cases[i].id == NULL))
			fail_msg("%s: %s", cases[i].line, m.id != NULL ? m.id : "no id");
		if (m.id != NULL)
			assert_string_equal(m.id, cases[i].id);
		rpc_clear(&m);
	}
}

static void
test_long_id(void **state)
{
	char line[RPC_ID_MAX + 100], id[RPC_ID_MAX + 1];
	struct rpc_msg m;
	struct err err;

	(void)state;
	memset(id, 'i', sizeof id);
	id[0] = id[RPC_ID_MAX - 1] = '"';
	snprintf(line, sizeof line, "{\"jsonrpc\":\"2.0\",\"id\":%.*s,\"method\":\"m\"}",
	    RPC_ID_MAX, id);
	assert_int_equal(rpc_parse(line, strlen(line), &m, &err), 0);
	assert_int_equal(strlen(m.id), RPC_ID_MAX);
	rpc_clear(&m);
	id[RPC_ID_MAX - 1] = 'i';
	id[RPC_ID_MAX] = '"';
	snprintf(line, sizeof line, "{\"jsonrpc\":\"2.0\",\"id\":%.*s,\"method\":\"m\"}",
	    RPC_ID_MAX + 1, id);
	assert_int_equal(rpc_parse(line, strlen(line), &m, &err), -1);
	assert_non_null(strstr(err.msg, "longer than 256 bytes"));
	rpc_clear(&m);
}

static void
test_written(void **state)
{
	cJSON *params = json_new(), *data = json_new();
	struct err e, back;
	struct rpc_msg m;
	char *line;

	(void)state;
	json_put_int(params, "n", 1700000000000000);
	line = rpc_request_n(18446744073709551615u, "iris/x", params);
	assert_string_equal(line,
	    "{\"jsonrpc\":\"2.0\",\"id\":18446744073709551615,\"method\":\"iris/x\","
	    "\"params\":{\"n\":1700000000000000}}");
	free(line);
	line = rpc_notification("n", NULL);
	assert_string_equal(line, "{\"jsonrpc\":\"2.0\",\"method\":\"n\"}");
	free(line);
	line = rpc_error_code(NULL, RPC_PARSE_ERROR, "bad\nline", NULL);
	assert_string_equal(line,
	    "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32700,\"message\":\"bad\\nline\"}}");
	free(line);
	line = rpc_result_text("\"q\"", "{\"a\":[]}");
	assert_string_equal(line, "{\"jsonrpc\":\"2.0\",\"id\":\"q\",\"result\":{\"a\":[]}}");
	free(line);
	err_set(&e, ERR_NOT_FOUND, "no team \"x\"");
	json_put_str(data, "near", "y");
	line = rpc_error("\"q\"", &e, data);
	assert_string_equal(line,
	    "{\"jsonrpc\":\"2.0\",\"id\":\"q\",\"error\":{\"code\":-31002,\"message\":\"no team \\\"x\\\"\","
	    "\"data\":{\"near\":\"y\",\"code\":\"not_found\"}}}");
	assert_int_equal(rpc_parse(line, strlen(line), &m, &e), 0);
	rpc_error_to_err(m.error, &back);
	assert_int_equal(back.code, ERR_NOT_FOUND);
	assert_string_equal(back.msg, "no team \"x\"");
	rpc_clear(&m);
	free(line);
}

static void
test_foreign_error(void **state)
{
	static const char *const lines[] = {"{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{}}",
	    "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":\"x\",\"message\":5,\"data\":[]}}"};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(lines); i++) {
		struct rpc_msg m;
		struct err err;
		assert_int_equal(rpc_parse(lines[i], strlen(lines[i]), &m, &err), 0);
		rpc_error_to_err(m.error, &err);
		assert_int_equal(err.code, ERR_PROTOCOL);
		assert_string_equal(err.msg, "an error without a message");
		rpc_clear(&m);
	}
}

static int
group_setup(void **state)
{
	(void)state;
	json_init();
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_ids_are_raw),
	    cmocka_unit_test(test_kinds),
	    cmocka_unit_test(test_refused),
	    cmocka_unit_test(test_salvaged_id),
	    cmocka_unit_test(test_long_id),
	    cmocka_unit_test(test_written),
	    cmocka_unit_test(test_foreign_error),
	};

	return cmocka_run_group_tests(tests, group_setup, NULL);
}
