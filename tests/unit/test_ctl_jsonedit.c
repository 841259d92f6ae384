/* SPDX-License-Identifier: MIT
 *
 * The text editor for another program's JSON: what it changes, and above all what it leaves alone.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "irisd/ctl/jsonedit.c"

#define VALUE "{\n  \"command\": \"/x\"\n}"

static void
check_set(const char *before, const char *after)
{
	struct err e = {0};
	char *out = jsonedit_set(before, strlen(before), "mcpServers", "iris", VALUE, &e);

	if (out == NULL)
		fail_msg("%s", e.msg);
	assert_string_equal(out, after);
	assert_int_equal(json_check(out, strlen(out), &e), 0);
	free(out);
}

static void
check_remove(const char *before, const char *after)
{
	struct err e = {0};
	char *out = jsonedit_remove(before, strlen(before), "mcpServers", "iris", &e);

	if (out == NULL)
		fail_msg("%s", e.msg);
	assert_string_equal(out, after);
	free(out);
}

static void
test_set_into_nothing(void **state)
{
	static const char whole[] =
	    "{\n  \"mcpServers\": {\n    \"iris\": {\n      \"command\": \"/x\"\n    }\n  }\n}\n";

	(void)state;
	check_set("", whole);
	check_set(" \n", whole);
	check_set("{}\n", whole);
	check_set("{ }\n", whole);
}

static void
test_set_keeps_the_rest(void **state)
{
	(void)state;
	/*
	 * Numbers that a double does not hold, escapes, order, odd spaces, no newline at the end.
	 */
	check_set(
	    "{\n  \"big\": 12345678901234567890, \"e\":1.10e+5,\n  \"s\" : \"\\u00e9\\\"}{\"\n}",
	    "{\n  \"big\": 12345678901234567890, \"e\":1.10e+5,\n  \"s\" : \"\\u00e9\\\"}{\",\n"
	    "  \"mcpServers\": {\n    \"iris\": {\n      \"command\": \"/x\"\n    }\n  }\n}");
	check_set(
	    "{\n\t\"mcpServers\": {\n\t\t\"other\": {\"a\": [1, {}]}\n\t},\n\t\"z\": null\n}\n",
	    "{\n\t\"mcpServers\": {\n\t\t\"other\": {\"a\": [1, {}]},\n\t\t\"iris\": {\n\t\t  \"command\": "
	    "\"/x\"\n\t\t}\n\t},\n\t\"z\": null\n}\n");
	check_set("{\n  \"mcpServers\": {},\n  \"z\": 1\n}",
	    "{\n  \"mcpServers\": {\n    \"iris\": {\n      \"command\": \"/x\"\n    }\n  },\n  \"z\": 1\n}");
	check_set("{\"a\":1}", "{\"a\":1,\"mcpServers\":{\"iris\": {\"command\": \"/x\"}}}");
	check_set("{\"mcpServers\":{\"b\":{}}}",
	    "{\"mcpServers\":{\"b\":{},\"iris\":{\"command\": \"/x\"}}}");
}

static void
test_set_replaces(void **state)
{
	(void)state;
	check_set(
	    "{\n  \"mcpServers\": {\n    \"iris\": {\"command\": \"/old\"},\n    \"b\": 1\n  }\n}",
	    "{\n  \"mcpServers\": {\n    \"iris\": {\n      \"command\": \"/x\"\n    },\n    \"b\": 1\n  }\n}");
	/* The name may be written with escapes. */
	check_set("{\"mcp\\u0053ervers\":{\"\\u0069ris\":true}}",
	    "{\"mcp\\u0053ervers\":{\"\\u0069ris\":{\"command\": \"/x\"}}}");
	/* A member of that name elsewhere is not ours. */
	check_set("{\"p\":{\"mcpServers\":{\"iris\":1}},\"mcpServers\":{\"iris\":2}}",
	    "{\"p\":{\"mcpServers\":{\"iris\":1}},\"mcpServers\":{\"iris\":{\"command\": \"/x\"}}}");
}

static void
test_remove(void **state)
{
	(void)state;
	check_remove("", "");
	check_remove("{\"a\": 1 }", "{\"a\": 1 }");
	check_remove("{\"mcpServers\": {\"other\": 1}}", "{\"mcpServers\": {\"other\": 1}}");
	check_remove(
	    "{\n  \"mcpServers\": {\n    \"iris\": {\"a\": \"},\"}\n  },\n  \"z\": 1e999\n}",
	    "{\n  \"mcpServers\": {},\n  \"z\": 1e999\n}");
	check_remove("{\n  \"mcpServers\": {\n    \"iris\": 1,\n    \"b\": 2\n  }\n}",
	    "{\n  \"mcpServers\": {\n    \"b\": 2\n  }\n}");
	check_remove("{\n  \"mcpServers\": {\n    \"a\": 1,\n    \"iris\": [1]\n  }\n}",
	    "{\n  \"mcpServers\": {\n    \"a\": 1\n  }\n}");
	check_remove(
	    "{\n  \"mcpServers\": {\n    \"a\": 1,\n    \"iris\": 2,\n    \"b\": 3\n  }\n}",
	    "{\n  \"mcpServers\": {\n    \"a\": 1,\n    \"b\": 3\n  }\n}");
}

static void
test_set_then_remove_is_the_same(void **state)
{
	static const char *const texts[] = {
	    "{\n  \"mcpServers\": {\n    \"a\": 1.0\n  },\n  \"z\": [ 1,2 ]\n}\n",
	    "{\"mcpServers\":{\"a\":{}}}",
	    "{\n  \"mcpServers\": {},\n  \"z\": 1\n}",
	};
	struct err e = {0};
	char *with, *without;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		with = jsonedit_set(texts[i], strlen(texts[i]), "mcpServers", "iris", VALUE, &e);
		assert_non_null(with);
		without = jsonedit_remove(with, strlen(with), "mcpServers", "iris", &e);
		assert_non_null(without);
		assert_string_equal(without, texts[i]);
		free(with);
		free(without);
	}
}

static void
test_refused(void **state)
{
	static const struct {
		const char *text, *why;
	} bad[] = {
	    {"{\"mcpServers\":", "JSON"},
	    {"{} x", ""},
	    {"[1]", "expected an object"},
	    {"{\"mcpServers\":[]}", "\"mcpServers\" is not an object"},
	    {"{\"mcpServers\":null}", "\"mcpServers\" is not an object"},
	    {"{\"mcpServers\":{},\"mcpServers\":{}}", "there twice"},
	    {"{\"mcpServers\":{\"iris\":1,\"\\u0069ris\":2}}", "there twice"},
	};
	struct err e;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		err_clear(&e);
		assert_null(jsonedit_set(
		    bad[i].text, strlen(bad[i].text), "mcpServers", "iris", VALUE, &e));
		assert_int_equal(e.code, ERR_INVALID);
		if (i >= 2)
			assert_non_null(strstr(e.msg, bad[i].why));
		assert_null(
		    jsonedit_remove(bad[i].text, strlen(bad[i].text), "mcpServers", "iris", &e));
	}
}

/* Whatever JSON it is given, the result is JSON, and finding gives back what was set. */
static void
test_any_text(void **state)
{
	static const char *const parts[] = {"{", "}", "[", "]", ",", ":", "\"mcpServers\"",
	    "\"iris\"", "1", "-0.5e3", "true", "\"\\\"\"", " ", "\n",
	    "{\"iris\":", "{\"mcpServers\":"};
	char text[512], *out;
	struct jsonedit_span span;
	unsigned seed = 20261122, good = 0;
	struct err e;
	bool found;
	int i, k, n;

	(void)state;
	print_message("seed %u\n", seed);
	srand(seed);
	for (i = 0; i < 300000; i++) {
		text[0] = '\0';
		n = rand() % 12 + 1;
		for (k = 0; k < n; k++)
			strcat(text, parts[(size_t)rand() % (sizeof parts / sizeof parts[0])]);
		out = jsonedit_set(text, strlen(text), "mcpServers", "iris", VALUE, &e);
		if (out == NULL)
			continue;
		good++;
		if (json_check(out, strlen(out), &e) == -1)
			fail_msg("%s became %s", text, out);
		assert_int_equal(
		    jsonedit_find(out, strlen(out), "mcpServers", "iris", &found, &span, &e), 0);
		assert_true(found);
		free(out);
		out = jsonedit_remove(text, strlen(text), "mcpServers", "iris", &e);
		if (out != NULL && strspn(out, " \n") != strlen(out))
			assert_int_equal(json_check(out, strlen(out), &e), 0);
		free(out);
	}
	assert_true(good > 100);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_set_into_nothing),
	    cmocka_unit_test(test_set_keeps_the_rest),
	    cmocka_unit_test(test_set_replaces),
	    cmocka_unit_test(test_remove),
	    cmocka_unit_test(test_set_then_remove_is_the_same),
	    cmocka_unit_test(test_refused),
	    cmocka_unit_test(test_any_text),
	};

	json_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
