/* SPDX-License-Identifier: MIT
 *
 * irisd/web/header: what the values of HTTP headers mean.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "irisd/web/header.h"

static void
test_host(void **state)
{
	static const char *const good[] = {"localhost", "LocalHost", "localhost:1", "127.0.0.1",
	    "127.0.0.1:65535", "[::1]", "[::1]:1615"};
	static const char *const bad[] = {"", ":", ":80", "localhost:", "localhost:x",
	    "localhost:123456", "localhost:1x", "localhost.", "localhost.evil.example",
	    "evil.localhost", "127.0.0.1.evil.example", "127.0.0.2", "0.0.0.0", "::1", "[::1",
	    "[::1]x", "evil.example", " localhost", "localhost ", "127.0.0.1:80:80",
	    "localhost:1@evil.example", "127.1", "2130706433", "[::ffff:127.0.0.1]"};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof good / sizeof good[0]; i++)
		if (!header_host_ok(good[i]))
			fail_msg("refused: %s", good[i]);
	for (i = 0; i < sizeof bad / sizeof bad[0]; i++)
		if (header_host_ok(bad[i]))
			fail_msg("taken: %s", bad[i]);
	assert_false(header_host_ok(NULL));
}

static void
test_origin(void **state)
{
	static const char *const bad[] = {"", "null", "localhost", "http://", "http://evil.example",
	    "http://localhost.evil.example", "http://localhost@evil.example",
	    "http://localhost/path", "file://localhost", "httpx://localhost", "https:/localhost",
	    "chrome-extension://abc"};
	size_t i;

	(void)state;
	assert_true(header_origin_ok(NULL));
	assert_true(header_origin_ok("http://localhost"));
	assert_true(header_origin_ok("HTTPS://127.0.0.1:3000"));
	assert_true(header_origin_ok("http://[::1]:80"));
	for (i = 0; i < sizeof bad / sizeof bad[0]; i++)
		if (header_origin_ok(bad[i]))
			fail_msg("taken: %s", bad[i]);
}

static void
test_bearer(void **state)
{
	static const char *const bad[] = {"", "Bearer", "Bearer ", "Bearer  ", "Bearerx",
	    "Basic abc", "abc", "Bearer a b", " Bearer abc", "Bearer 123456789"};
	char out[9];
	size_t i;

	(void)state;
	assert_true(header_bearer("Bearer abc", out, sizeof out));
	assert_string_equal(out, "abc");
	assert_true(header_bearer("bEARER\t 12345678 ", out, sizeof out));
	assert_string_equal(out, "12345678");
	assert_false(header_bearer(NULL, out, sizeof out));
	for (i = 0; i < sizeof bad / sizeof bad[0]; i++)
		if (header_bearer(bad[i], out, sizeof out))
			fail_msg("taken: %s", bad[i]);
}

static void
test_type(void **state)
{
	(void)state;
	assert_true(header_type_is("application/json", "application/json"));
	assert_true(header_type_is(" Application/JSON;charset=utf-8", "application/json"));
	assert_true(header_type_is("application/json ; x", "application/json"));
	assert_false(header_type_is("application/jsonp", "application/json"));
	assert_false(header_type_is("application/jso", "application/json"));
	assert_false(header_type_is("text/plain; application/json", "application/json"));
	assert_false(header_type_is("", "application/json"));
	assert_false(header_type_is(NULL, "application/json"));
}

static void
test_accept(void **state)
{
	static const char *const good[] = {"application/json", "*/*", "application/*",
	    "text/html, */*", "text/event-stream,application/json",
	    "text/html;q=0.9,application/json;q=0.1", "APPLICATION/JSON",
	    "application/json;version=1;q=1.0", ",,application/json", "application/json;q=0, */*"};
	static const char *const bad[] = {"", "text/html", "text/*", "application/jsonp", "*",
	    "*/json", "application/json;q=0", "application/json; q=0.000", "*/*;q=0.0",
	    "text/html;application/json", "application/", ";", ",,,"};
	size_t i;

	(void)state;
	assert_true(header_accepts(NULL, "application/json"));
	for (i = 0; i < sizeof good / sizeof good[0]; i++)
		if (!header_accepts(good[i], "application/json"))
			fail_msg("refused: %s", good[i]);
	for (i = 0; i < sizeof bad / sizeof bad[0]; i++)
		if (header_accepts(bad[i], "application/json"))
			fail_msg("taken: %s", bad[i]);
}

static void
test_names(void **state)
{
	/* The examples of the specification, and what is not quite one. */
	static const struct {
		const char *value, *text;
		bool same;
	} cases[] = {
	    {"us-west1", "us-west1", true},
	    {"  us-west1\t", "us-west1", true},
	    {"us-west1", "US-west1", false},
	    {"us-west", "us-west1", false},
	    {"", "", true},
	    {"=?base64?SGVsbG8sIOS4lueVjA==?=", "Hello, \xe4\xb8\x96\xe7\x95\x8c", true},
	    {"=?base64?IHBhZGRlZCA=?=", " padded ", true},
	    {"=?base64?bGluZTEKbGluZTI=?=", "line1\nline2", true},
	    {"=?base64?PT9iYXNlNjQ/bGl0ZXJhbD89?=", "=?base64?literal?=", true},
	    {"=?base64?literal?=", "=?base64?literal?=", false},
	    {"=?base64?"
	     "?=",
		"", true},
	    {"=?base64?SGVsbG8?=", "Hello", false},  /* no padding */
	    {"=?base64?SGVs*G8=?=", "Hello", false}, /* no digit */
	    {"=?base64?SA==SA==?=", "H", false},
	    {"=?base64?AAAA?=", "", false}, /* NUL */
	    {"=?BASE64?SGVsbG8=?=", "Hello", false},
	    {"=?base64?", "=?base64?", true},
	    {"Hello, \xe4\xb8\x96\xe7\x95\x8c", "Hello, \xe4\xb8\x96\xe7\x95\x8c", false},
	    {"a\x7f", "a\x7f", false},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof cases / sizeof cases[0]; i++)
		if (header_names(cases[i].value, cases[i].text) != cases[i].same)
			fail_msg("%s", cases[i].value);
	assert_false(header_names(NULL, ""));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_host),
	    cmocka_unit_test(test_origin),
	    cmocka_unit_test(test_bearer),
	    cmocka_unit_test(test_type),
	    cmocka_unit_test(test_accept),
	    cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
