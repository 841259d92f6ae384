/* SPDX-License-Identifier: MIT
 *
 * common/json: what is JSON here and what is not (cJSON alone is too kind), the raw text of
 * members, integers, and random texts on which scanner and cJSON must agree.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#include "common/json.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const char *const accepted[] = {
    "0",
    "-0",
    "1",
    "-1",
    "10",
    "1.5",
    "1e5",
    "1E+5",
    "1e-5",
    "-0.0e0",
    "1e400",
    "123456789012345678901234567890",
    "true",
    "false",
    "null",
    "\"\"",
    "{}",
    "[]",
    " { } ",
    "\t[\r\n]\n",
    "[[]]",
    "[{}]",
    "{\"\":{}}",
    "{\"a\":[]}",
    "[1,2]",
    "[1 , 2]",
    "{\"a\":1,\"b\":2}",
    "{ \"a\" : 1 , \"b\" : [ true , null ] }",
    "{\"a\":1,\"a\":2}",
    "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"",
    "\"\\u0041\\u00e9\\u20AC\"",
    "\"\\ud83d\\ude00\"",
    "\"\\uD83D\\uDE00\"",
    "\"\\u0001\"",
    "\"\x7f\"",
    "\"/\"",
    "\"\xc2\x80\"",
    "\"\xdf\xbf\"",
    "\"\xe0\xa0\x80\"",
    "\"\xed\x9f\xbf\"",
    "\"\xee\x80\x80\"",
    "\"\xef\xbf\xbf\"",
    "\"\xf0\x90\x80\x80\"",
    "\"\xf4\x8f\xbf\xbf\"",
    "\"\\uffff\"",
    "[\"]\"]",
    "[\"\\\"]\"]",
    "{\"}\":\"{\"}",
    "[[[[[[[[1]]]]]]]]",
    "{\"a\":{\"b\":{\"c\":[{\"d\":[]}]}}}",
};

static const char *const refused[] = {
    "",
    " ",
    "tru",
    "truee",
    "TRUE",
    "nul",
    "NaN",
    "Infinity",
    "-",
    "+1",
    "01",
    "-01",
    "00",
    "1.",
    ".5",
    "-.5",
    "1.e1",
    "1e",
    "1e+",
    "0x10",
    "1 2",
    "1,",
    "1]",
    "[",
    "]",
    "{",
    "}",
    "[1",
    "[1,",
    "[1,]",
    "[,1]",
    "[,]",
    "[1 2]",
    "[1,,2]",
    "[}",
    "{]",
    "[1}",
    "{\"a\":1]",
    "{\"a\"}",
    "{\"a\":}",
    "{\"a\":1,}",
    "{,}",
    "{a:1}",
    "{'a':1}",
    "{1:1}",
    "{\"a\" 1}",
    "{\"a\"::1}",
    "{\"a\":1 \"b\":2}",
    "{\"a\":1,,\"b\":2}",
    "{} {}",
    "{}x",
    "[]]",
    "{}}",
    "\"",
    "\"a",
    "'a'",
    "\"\\\"",
    "\"\\x\"",
    "\"\\u\"",
    "\"\\u12\"",
    "\"\\u12g4\"",
    "\"\\u 123\"",
    "\"\\u0000\"",
    "\"a\\u0000b\"",
    "\"\\ud800\"",
    "\"\\ud800x\"",
    "\"\\ud800\\n\"",
    "\"\\ud800\\u0041\"",
    "\"\\udc00\"",
    "\"\\udc00\\ud800\"",
    "\"\\ud83d\\ud83d\"",
    "\"\n\"",
    "\"\t\"",
    "\"\x01\"",
    "\"\x1f\"",
    "\"\xff\"",
    "\"\xfe\xff\"",
    "\"\x80\"",
    "\"\xc0\xaf\"",
    "\"\xc1\xbf\"",
    "\"\xc3\"",
    "\"\xc3(\"",
    "\"\xe0\x9f\xbf\"",
    "\"\xe2\x82\"",
    "\"\xed\xa0\x80\"",
    "\"\xed\xbf\xbf\"",
    "\"\xf0\x8f\xbf\xbf\"",
    "\"\xf0\x9f\x98\"",
    "\"\xf4\x90\x80\x80\"",
    "\"\xf5\x80\x80\x80\"",
    "\xef\xbb\xbf{}",
    "{} // c",
    "/* c */{}",
    "#",
    "\v1",
    "\f1",
    "\xc2\xa0"
    "1",
    "[\"a\",\n4\n,1,",
    "{\"a\":\"b\"}/**/",
    "\"\\",
    "\"\\u00",
    "[\"\\\"",
    "1e5.5",
    "--1",
    "1-",
    "[-]",
    "[1e]",
    "{\"a\":01}",
    "\\u0022",
    "{\"a\":\"\xc3\"}",
};

static void
test_lists(void **state)
{
	struct err err;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(accepted); i++) {
		cJSON *tree;
		if (json_check(accepted[i], strlen(accepted[i]), &err) == -1)
			fail_msg("refused %s: %s", accepted[i], err.msg);
		tree = json_parse(accepted[i], strlen(accepted[i]), &err);
		assert_non_null(tree);
		cJSON_Delete(tree);
	}
	for (i = 0; i < COUNT(refused); i++) {
		err_clear(&err);
		if (json_check(refused[i], strlen(refused[i]), &err) == 0)
			fail_msg("accepted number %zu: %s", i, refused[i]);
		assert_int_equal(err.code, ERR_INVALID);
		assert_non_null(strstr(err.msg, "not valid JSON at byte "));
		assert_null(json_parse(refused[i], strlen(refused[i]), NULL));
	}
	/* The length counts, not a NUL: behind the text, within it, or missing. */
	assert_int_equal(json_check("{}x", 2, NULL), 0);
	assert_int_equal(json_check("{}\0", 3, NULL), -1);
	assert_int_equal(json_check("\"a\0b\"", 5, NULL), -1);
	assert_int_equal(json_check("\0", 1, NULL), -1);
	json_check("[1,\n x]", 7, &err);
	assert_non_null(strstr(err.msg, "at byte 5:"));
}

/*
 * Each text cut at each place: nothing that was cut is accepted unless it is whole by itself (a
 * number).
 */
static void
test_truncated(void **state)
{
	size_t i, n;

	(void)state;
	for (i = 0; i < COUNT(accepted); i++) {
		size_t len = strlen(accepted[i]);
		char first = accepted[i][strspn(accepted[i], " \t\r\n")];
		if (strchr("{[\"tfn", first) == NULL)
			continue;
		for (n = 0; n < len; n++) {
			char *copy = malloc(n + 1);
			size_t rest = strspn(accepted[i] + n, " \t\r\n");
			memcpy(copy, accepted[i], n);
			if (n + rest < len)
				assert_int_equal(json_check(copy, n, NULL), -1);
			free(copy);
		}
	}
}

static void
test_depth(void **state)
{
	char text[2 * JSON_DEPTH_MAX + 3];
	struct err err;
	cJSON *tree;

	(void)state;
	memset(text, '[', JSON_DEPTH_MAX);
	memset(text + JSON_DEPTH_MAX, ']', JSON_DEPTH_MAX);
	assert_int_equal(json_check(text, (size_t)2 * JSON_DEPTH_MAX, NULL), 0);
	tree = json_parse(text, (size_t)2 * JSON_DEPTH_MAX, NULL);
	assert_non_null(tree);
	cJSON_Delete(tree);
	memset(text, '[', JSON_DEPTH_MAX + 1);
	memset(text + JSON_DEPTH_MAX + 1, ']', JSON_DEPTH_MAX + 1);
	assert_int_equal(json_check(text, (size_t)2 * JSON_DEPTH_MAX + 2, &err), -1);
	assert_non_null(strstr(err.msg, "nested too deeply"));
}

/* cJSON reads at most 63 bytes of a number. */
static void
test_long_number(void **state)
{
	char text[80];
	struct err err;
	size_t n;

	(void)state;
	memset(text, '7', sizeof text);
	for (n = 1; n < sizeof text; n++) {
		cJSON *tree = json_parse(text, n, &err);
		assert_true((tree != NULL) == (n <= 63));
		cJSON_Delete(tree);
	}
	assert_non_null(strstr(err.msg, "too many digits"));
}

static void
check_raw(const char *text, const char *name, const char *expected)
{
	const char *raw;
	size_t len;

	assert_int_equal(json_check(text, strlen(text), NULL), 0);
	if (!json_raw_member(text, strlen(text), name, &raw, &len)) {
		if (expected != NULL)
			fail_msg("no %s in %s", name, text);
		return;
	}
	assert_non_null(expected);
	assert_int_equal(len, strlen(expected));
	assert_memory_equal(raw, expected, len);
}

/* The same members in one pass, which finds what json_raw_member finds one by one. */
static void
check_members(const char *text)
{
	static const char *const names[] = {"id", "method", "a", "", "nothing"};
	struct json_slice found[COUNT(names)];
	int valid = json_check(text, strlen(text), NULL);
	const char *raw;
	size_t i, len;

	assert_int_equal(json_members(text, strlen(text), names, COUNT(names), found, NULL), valid);
	for (i = 0; valid == 0 && i < COUNT(names); i++) {
		if (json_raw_member(text, strlen(text), names[i], &raw, &len)) {
			assert_ptr_equal(found[i].p, raw);
			assert_int_equal(found[i].len, len);
		} else {
			assert_null(found[i].p);
		}
	}
}

static void
test_members_at_once(void **state)
{
	static const char *const texts[] = {
	    "{\"a\" : [1, {\"id\":2}] ,\"id\":\"x\" , \"method\" :{ } }",
	    "{\"id\":1,\"id\":2,\"\":null}",
	    "{\"\\u0069d\":1,\"a\\\"\":2,\"a\":3}",
	    "{\"aa\":1,\"i\":2,\"method2\":3}",
	    " { } ",
	    "[{\"id\":1}]",
	    "\"id\"",
	    "{\"id\":1}x",
	    "{\"id\":1,}",
	    "{\"id\":1",
	    "{\"id\"}",
	    "{\"a\":\"12345678\xff\"}",
	};
	char deep[2 * JSON_DEPTH_MAX + 16] = "{\"a\":";
	size_t i, n = strlen(deep);

	(void)state;
	for (i = 0; i < COUNT(texts); i++)
		check_members(texts[i]);
	for (i = 0; i < COUNT(accepted); i++)
		check_members(accepted[i]);
	for (i = 0; i < COUNT(refused); i++)
		check_members(refused[i]);
	/* The object itself is a level. */
	memset(deep + n, '[', JSON_DEPTH_MAX - 1);
	memset(deep + n + JSON_DEPTH_MAX - 1, ']', JSON_DEPTH_MAX - 1);
	deep[n + 2 * JSON_DEPTH_MAX - 2] = '}';
	assert_int_equal(json_check(deep, strlen(deep), NULL), 0);
	check_members(deep);
	memset(deep + n, '[', JSON_DEPTH_MAX);
	memset(deep + n + JSON_DEPTH_MAX, ']', JSON_DEPTH_MAX);
	deep[n + 2 * JSON_DEPTH_MAX] = '}';
	assert_int_equal(json_check(deep, strlen(deep), NULL), -1);
	check_members(deep);
}

/* Each byte at each place of a string that is long enough to be looked at eight bytes at a time. */
static void
test_string_bytes(void **state)
{
	char text[32];
	int at, c;

	(void)state;
	for (at = 0; at < 20; at++) {
		for (c = 0; c < 256; c++) {
			memset(text, 'x', sizeof text);
			text[0] = text[sizeof text - 1] = '"';
			text[1 + at] = (char)c;
			assert_int_equal(json_check(text, sizeof text, NULL),
			    c >= 0x20 && c < 0x80 && c != '"' && c != '\\' ? 0 : -1);
		}
	}
}

static void
test_raw_member(void **state)
{
	(void)state;
	check_raw("{\"id\":1}", "id", "1");
	check_raw("{\"id\":1.0}", "id", "1.0");
	check_raw(" { \"x\" : 1 , \"id\" : \"a\\\"b\" , \"y\":2 } ", "id", "\"a\\\"b\"");
	check_raw("{\"params\":{\"id\":5},\"id\":6}", "id", "6");
	check_raw("{\"params\":[{\"id\":5}]}", "id", NULL);
	check_raw("{\"id\":1,\"id\":2}", "id", "1");
	check_raw("{\"a\":\"\\\"id\\\":7\",\"id\":8}", "id", "8");
	check_raw("{\"idx\":1,\"i\":2,\"xid\":3}", "id", NULL);
	check_raw("{\"ID\":1}", "id", NULL);
	check_raw("{\"\\u0069d\":1}", "id", NULL);
	check_raw("{\"\\\"id\":1}", "id", NULL);
	check_raw("{\"\":4,\"id\":1}", "", "4");
	check_raw("{\"p\":{ \"a\" : [ 1 , 2 ] }\t}", "p", "{ \"a\" : [ 1 , 2 ] }");
	check_raw("{\"p\":[]}", "p", "[]");
	check_raw("{\"p\":null}", "p", "null");
	check_raw("{}", "id", NULL);
	check_raw("[\"id\",1]", "id", NULL);
	check_raw("\"id\"", "id", NULL);
}

/* Also texts that are no JSON must not lead outside of the buffer: the sanitizers watch. */
static void
test_raw_member_broken(void **state)
{
	static const char whole[] =
	    "{\"a\":[1,{\"b\":\"\\ud83d\\ude00\"}],\"method\":\"x\",\"id\":-1.5e3}";
	const char *raw;
	size_t n, len;

	(void)state;
	for (n = 0; n < sizeof whole; n++) {
		char *copy = malloc(n + 1);
		memcpy(copy, whole, n);
		if (json_raw_member(copy, n, "id", &raw, &len))
			assert_true(raw > copy && raw + len <= copy + n);
		if (json_raw_member(copy, n, "a", &raw, &len))
			assert_int_equal(len, strlen("[1,{\"b\":\"\\ud83d\\ude00\"}]"));
		free(copy);
	}
}

static void
test_integers(void **state)
{
	static const int64_t values[] = {0, 1, -1, 2147483647, 2147483648, 1700000000000,
	    999999999999999, 1000000000000000, 4503602407209691, 9007199254740991, 9007199254740992,
	    -9007199254740992, INT64_MAX, INT64_MIN};
	static const char *const not_int[] = {
	    "1.5", "9007199254740994", "1e16", "1e400", "-1e400", "\"1\"", "true", "null", "[1]"};
	char text[64], *line;
	int64_t v = 7;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(values); i++) {
		cJSON *o = json_new();
		json_put_int(o, "n", values[i]);
		line = json_print(o);
		snprintf(text, sizeof text, "{\"n\":%lld}", (long long)values[i]);
		assert_string_equal(line, text);
		cJSON_Delete(o);
		o = json_parse(line, strlen(line), NULL);
		if (values[i] <= 9007199254740992 && values[i] >= -9007199254740992) {
			assert_int_equal(json_int(o, "n", &v), 0);
			assert_int_equal(v, values[i]);
		} else {
			assert_int_equal(json_int(o, "n", &v), -1);
			assert_int_equal(json_int_or(o, "n", -5), -5);
		}
		cJSON_Delete(o);
		free(line);
	}
	for (i = 0; i < COUNT(not_int); i++) {
		cJSON *o;
		snprintf(text, sizeof text, "{\"n\":%s}", not_int[i]);
		o = json_parse(text, strlen(text), NULL);
		assert_non_null(o);
		v = 7;
		assert_int_equal(json_int(o, "n", &v), -1);
		assert_int_equal(v, 7);
		cJSON_Delete(o);
	}
}

static void
test_members(void **state)
{
	static const char text[] =
	    "{\"S\":\"big\",\"s\":\"x\",\"o\":{},\"a\":[],\"t\":true,\"f\":false,\"n\":2.5,\"z\":null}";
	cJSON *o = json_parse(text, strlen(text), NULL);

	(void)state;
	assert_string_equal(json_str(o, "s"), "x");
	assert_null(json_str(o, "n"));
	assert_null(json_str(NULL, "s"));
	assert_non_null(json_obj(o, "o"));
	assert_null(json_obj(o, "a"));
	assert_non_null(json_arr(o, "a"));
	assert_null(json_arr(o, "o"));
	assert_true(json_bool(o, "t", false));
	assert_false(json_bool(o, "f", true));
	assert_true(json_bool(o, "s", true));
	assert_true(json_num_or(o, "n", 0) == 2.5);
	assert_true(json_num_or(o, "s", 9) == 9);
	assert_non_null(json_get(o, "z"));
	assert_null(json_get(o, "Z"));
	cJSON_Delete(o);
}

static void
test_building(void **state)
{
	cJSON *o = json_new();
	char *line;

	(void)state;
	json_put_str(o, "s", "a\"\\\n\x01\xc3\xa9");
	json_put_str(o, "null", NULL);
	json_put_str_opt(o, "left out", NULL);
	json_put_bool(o, "b", true);
	json_put_null(o, "z");
	json_put_raw(o, "id", "1.0garbage", 3);
	json_put_num(o, "f", 0.5);
	json_put(o, "o", json_new());
	line = json_print(o);
	assert_string_equal(line,
	    "{\"s\":\"a\\\"\\\\\\n\\u0001\xc3\xa9\",\"null\":null,\"b\":true,\"z\":null,"
	    "\"id\":1.0,\"f\":0.5,\"o\":{}}");
	assert_int_equal(json_check(line, strlen(line), NULL), 0);
	free(line);
	cJSON_Delete(o);
}

static void
test_time(void **state)
{
	char buf[32];

	(void)state;
	assert_string_equal(json_time(0, buf, sizeof buf), "1970-01-01T00:00:00.000Z");
	assert_string_equal(json_time(1769850000123, buf, sizeof buf), "2026-01-31T09:00:00.123Z");
	assert_string_equal(json_time(951782400007, buf, sizeof buf), "2000-02-29T00:00:00.007Z");
}

/* --- random texts ---------------------------------------------------------------------------- */

static void
put(char *buf, size_t *len, const char *s)
{
	size_t n = strlen(s);

	memcpy(buf + *len, s, n);
	*len += n;
}

static void
random_value(char *buf, size_t *len, int depth)
{
	static const char *const scalars[] = {"0", "-1", "1.25", "1e9", "true", "false", "null",
	    "\"\"", "\"a b\"", "\"\\n\\u00e9\"", "\"\xc3\xa9\xf0\x9f\x98\x80\"",
	    "\"\\ud83d\\ude00\"", "9007199254740993"};
	/* One for each place: cJSON can not compare objects with a name that comes twice. */
	static const char *const names[] = {"\"k\\\"\"", "\"id\"", "\"\"", "\"ID\""};
	static const char *const spaces[] = {"", "", "", " ", "\t", "\n "};
	int kind = depth <= 0 || *len > 3000 ? 0 : rand() % 3, n = rand() % 4, i;

	if (kind == 0) {
		put(buf, len, scalars[(size_t)rand() % COUNT(scalars)]);
		return;
	}
	put(buf, len, kind == 1 ? "[" : "{");
	for (i = 0; i < n; i++) {
		put(buf, len, spaces[(size_t)rand() % COUNT(spaces)]);
		if (kind == 2) {
			put(buf, len, names[i]);
			put(buf, len, rand() % 2 ? ":" : " : ");
		}
		random_value(buf, len, depth - 1);
		put(buf, len, spaces[(size_t)rand() % COUNT(spaces)]);
		if (i < n - 1)
			put(buf, len, ",");
	}
	put(buf, len, kind == 1 ? "]" : "}");
}

/*
 * Valid texts are accepted, and printing what was read gives a text that reads the same. Damaged
 * ones may be refused, but what the scanner accepts cJSON must be able to read, to its very end.
 */
static void
test_random(void **state)
{
	const char *given = getenv("IRIS_TEST_SEED");
	unsigned seed = given != NULL ? (unsigned)strtoul(given, NULL, 10) : (unsigned)time(NULL);
	static const char noise[] = "{}[]\",:0123456789.eE+-\\untrflas \n\xc3\xa9\xff\x01";
	int round, hits = 0;

	(void)state;
	print_message("seed: IRIS_TEST_SEED=%u\n", seed);
	srand(seed);
	for (round = 0; round < 20000; round++) {
		char buf[8192];
		size_t len = 0;
		const char *end;
		cJSON *tree, *again;
		int i;
		random_value(buf, &len, 6);
		tree = json_parse(buf, len, NULL);
		assert_non_null(tree);
		if (round % 10 == 0) {
			char *line = json_print(tree);
			again = json_parse(line, strlen(line), NULL);
			assert_non_null(again);
			assert_true(cJSON_Compare(tree, again, true));
			cJSON_Delete(again);
			free(line);
		}
		cJSON_Delete(tree);
		for (i = rand() % 3; i >= 0 && len > 0; i--)
			buf[(size_t)rand() % len] = noise[(size_t)rand() % (sizeof noise - 1)];
		if (json_check(buf, len, NULL) == -1)
			continue;
		hits++;
		buf[len] = '\0';
		tree = cJSON_ParseWithLengthOpts(buf, len + 1, &end, true);
		if (tree == NULL)
			fail_msg("accepted, but cJSON can not read: %s", buf);
		cJSON_Delete(tree);
	}
	assert_true(hits > 500);
}

static int
group_setup(void **state)
{
	(void)state;
	json_init();
	return 0;
}

/* What is parsed and printed is the same number, to the last digit of a double. */
static void
test_numbers_survive(void **state)
{
	static const char *const same[] = {"9007199254740991", "-9007199254740992",
	    "1234567890123456", "4503602407209691", "0.1", "0.30000000000000004", "1e+300",
	    "3.141592653589793", "2.2250738585072014e-308", "1700000000000", "-7", "0"};
	char text[128], *line;
	cJSON *tree;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof same / sizeof same[0]; i++) {
		snprintf(text, sizeof text, "{\"a\":[%s],\"b\":%s}", same[i], same[i]);
		assert_non_null(tree = json_parse(text, strlen(text), NULL));
		line = json_print(tree);
		assert_string_equal(line, text);
		/* The tree itself is as it was. */
		assert_true(cJSON_IsNumber(json_get(tree, "b")));
		free(line);
		cJSON_Delete(tree);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_lists),
	    cmocka_unit_test(test_numbers_survive),
	    cmocka_unit_test(test_truncated),
	    cmocka_unit_test(test_depth),
	    cmocka_unit_test(test_long_number),
	    cmocka_unit_test(test_raw_member),
	    cmocka_unit_test(test_raw_member_broken),
	    cmocka_unit_test(test_members_at_once),
	    cmocka_unit_test(test_string_bytes),
	    cmocka_unit_test(test_integers),
	    cmocka_unit_test(test_members),
	    cmocka_unit_test(test_building),
	    cmocka_unit_test(test_time),
	    cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests(tests, group_setup, NULL);
}
