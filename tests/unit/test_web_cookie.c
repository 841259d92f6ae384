/* SPDX-License-Identifier: MIT
 *
 * The cookie of a browser: which one counts, for which word, and whose page may use it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "irisd/web/cookie.h"

#define HOST "127.0.0.1:3100"

static char whole[KEY_TEXT_LEN + 1], good[COOKIE_LEN + 1], other[COOKIE_LEN + 1];
static char csrf[COOKIE_CSRF_LEN + 1];

static int
setup(void **state)
{
	char word[COOKIE_CSRF_LEN + 1], second[KEY_TEXT_LEN + 1];

	(void)state;
	key_make(second);
	cookie_split(second, other, word);
	key_make(whole);
	cookie_split(whole, good, csrf);
	return 0;
}

/* Whether a Cookie made so (with the two keys) has the good one for this host. */
static bool
finds(const char *format, const char *a, const char *b, const char *host, bool secure)
{
	char cookie[1024], key[KEY_TEXT_LEN + 1] = "";
	bool found;

	snprintf(cookie, sizeof cookie, format, a, b);
	found = cookie_find(cookie, host, secure, csrf, key);
	if (found)
		assert_string_equal(key, whole);
	return found;
}

static void
one_of_many(void **state)
{
	(void)state;
	assert_true(finds("iris_3100=%s%s", good, "", HOST, false));
	assert_true(finds("a=b;iris_3100=%s; iris_3100=%s", other, good, HOST, false));
	assert_true(finds("iris_3100=%s; iris_3100=%s", good, other, HOST, false));
	assert_true(finds(" ; ;iris_3100=%s;%s", good, "", HOST, false));
	assert_false(finds("iris_3100=%s%s", other, "", HOST, false));
	assert_false(finds("iris_3101=%s%s", good, "", HOST, false));
	assert_false(finds("xiris_3100=%s%s", good, "", HOST, false));
	assert_false(finds("iris_3100=%s%s", good, "0", HOST, false));
	assert_false(finds("iris_3100=%s=%s", "", good, HOST, false));
	assert_false(finds("%s%s", "", "", HOST, false));
}

static void
named_by_the_port(void **state)
{
	(void)state;
	assert_true(finds("iris_80=%s%s", good, "", "localhost", false));
	assert_true(finds("iris_443=%s%s", good, "", "localhost", true));
	assert_true(finds("iris_80=%s%s", good, "", "[::1]", false));
	assert_true(finds("iris_8443=%s%s", good, "", "[::1]:8443", true));
	assert_false(finds("iris_80=%s%s", good, "", "localhost", true));
}

static void
wants_its_word(void **state)
{
	char cookie[128], key[KEY_TEXT_LEN + 1], wrong[COOKIE_CSRF_LEN + 1];
	size_t i;

	(void)state;
	snprintf(cookie, sizeof cookie, "iris_3100=%s", good);
	assert_true(cookie_find(cookie, HOST, false, csrf, key));
	assert_false(cookie_find(cookie, HOST, false, NULL, key));
	assert_false(cookie_find(cookie, HOST, false, "", key));
	assert_false(cookie_find(NULL, HOST, false, csrf, key));
	for (i = 0; i < COOKIE_CSRF_LEN; i++) {
		memcpy(wrong, csrf, sizeof wrong);
		wrong[i] = wrong[i] == '0' ? '1' : '0';
		assert_false(cookie_find(cookie, HOST, false, wrong, key));
	}
	/* Digits alone, since it becomes a part of the key. */
	memset(wrong, 'G', COOKIE_CSRF_LEN);
	assert_false(cookie_find(cookie, HOST, false, wrong, key));
}

/* Who is sent the cookie has neither the key nor what its page says. */
static void
half_a_key(void **state)
{
	char cookie[128], key[KEY_TEXT_LEN + 1], fake[COOKIE_LEN + 1];

	(void)state;
	assert_null(strstr(good, csrf));
	assert_null(strstr(good, whole));
	assert_string_equal(whole + KEY_TEXT_LEN - COOKIE_CSRF_LEN, csrf);
	/* With the mark of the right one, but another half. */
	memcpy(fake, good, sizeof fake);
	fake[10] = fake[10] == '0' ? '1' : '0';
	snprintf(cookie, sizeof cookie, "iris_3100=%s", fake);
	assert_false(cookie_find(cookie, HOST, false, csrf, key));
	snprintf(cookie, sizeof cookie, "iris_3100=%s; iris_3100=%s", fake, good);
	assert_true(cookie_find(cookie, HOST, false, csrf, key));
	assert_string_equal(key, whole);
}

static void
word_among_protocols(void **state)
{
	char list[256], got[COOKIE_CSRF_LEN + 1];

	(void)state;
	snprintf(list, sizeof list, "iris.v1, iris.csrf.%s", csrf);
	assert_true(cookie_csrf_of_protocols(list, got));
	assert_string_equal(got, csrf);
	snprintf(list, sizeof list, "iris.csrf.%s,iris.v1", csrf);
	assert_true(cookie_csrf_of_protocols(list, got));
	snprintf(list, sizeof list, "iris.csrf.%s0", csrf);
	assert_false(cookie_csrf_of_protocols(list, got));
	assert_false(cookie_csrf_of_protocols("iris.v1, iris.csrf.", got));
	assert_false(cookie_csrf_of_protocols("", got));
	assert_false(cookie_csrf_of_protocols(NULL, got));
}

static void
own_origin(void **state)
{
	(void)state;
	assert_true(cookie_origin_own("http://" HOST, HOST, false));
	assert_true(cookie_origin_own("https://" HOST, HOST, true));
	assert_true(cookie_origin_own("http://LOCALHOST:3100", "localhost:3100", false));
	assert_false(cookie_origin_own("https://" HOST, HOST, false));
	assert_false(cookie_origin_own("http://" HOST, HOST, true));
	assert_false(cookie_origin_own("http://127.0.0.1:3101", HOST, false));
	assert_false(cookie_origin_own("http://127.0.0.1", HOST, false));
	assert_false(cookie_origin_own("http://" HOST "/", HOST, false));
	assert_false(cookie_origin_own("null", HOST, false));
	assert_false(cookie_origin_own("", HOST, false));
}

static void
line(void **state)
{
	char *text = cookie_line("KEY", HOST, true, 60);

	(void)state;
	assert_string_equal(text,
	    "Set-Cookie: iris_3100=KEY; HttpOnly; SameSite=Strict; Path=/; Max-Age=60; Secure\r\n");
	free(text);
	text = cookie_line("", "localhost", false, 0);
	assert_string_equal(
	    text, "Set-Cookie: iris_80=; HttpOnly; SameSite=Strict; Path=/; Max-Age=0\r\n");
	free(text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(one_of_many),
	    cmocka_unit_test(named_by_the_port),
	    cmocka_unit_test(wants_its_word),
	    cmocka_unit_test(half_a_key),
	    cmocka_unit_test(word_among_protocols),
	    cmocka_unit_test(own_origin),
	    cmocka_unit_test(line),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
