/* SPDX-License-Identifier: MIT
 *
 * What may reach a terminal, how wide it is, and how times are told.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "irisd/ctl/term.c"

static void
check(const char *in, size_t len, bool multiline, const char *out)
{
	char *s = term_escape(in, len, multiline);

	assert_string_equal(s, out);
	free(s);
}

#define CHECK(in, multiline, out) check(in, sizeof(in) - 1, multiline, out)

static void
test_escape(void **state)
{
	(void)state;
	CHECK("plain \xc3\xbc \xf0\x9f\x8c\x88", false, "plain \xc3\xbc \xf0\x9f\x8c\x88");
	CHECK("a\tb\nc\r", true, "a\tb\nc\\x0d");
	CHECK("a\tb\nc", false, "a\\x09b\\x0ac");
	CHECK("\033]0;x\007\177", true, "\\x1b]0;x\\x07\\x7f");
	CHECK("\0x", true, "\\x00x");
	/* C1 controls: CSI as one character, and as the bare byte of an 8-bit terminal. */
	CHECK("\xc2\x9b"
	      "2J",
	    true, "\\u{9b}2J");
	CHECK("\x9b"
	      "2J",
	    true, "\\x9b2J");
	/* What turns the writing around, or hides. */
	CHECK("\xe2\x80\xae"
	      "abc\xe2\x81\xa6",
	    true, "\\u{202e}abc\\u{2066}");
	CHECK("\xf3\xa0\x81\x81", true, "\\u{e0041}");
	CHECK("\xef\xbb\xbf"
	      "a",
	    true, "\\u{feff}a");
	/* No UTF-8: overlong, surrogate, cut, too large. */
	CHECK("\xc0\x80", true, "\\xc0\\x80");
	CHECK("\xed\xa0\x80", true, "\\xed\\xa0\\x80");
	CHECK("\xe2\x82", true, "\\xe2\\x82");
	CHECK("\xf4\x90\x80\x80", true, "\\xf4\\x90\\x80\\x80");
}

static void
test_escape_any_bytes(void **state)
{
	unsigned seed = 7;
	char in[64], *out, *p;
	size_t i, len;
	int n;

	(void)state;
	print_message("seed %u\n", seed);
	srand(seed);
	for (n = 0; n < 100000; n++) {
		len = (size_t)rand() % sizeof in;
		for (i = 0; i < len; i++)
			in[i] = (char)(rand() % 3 == 0 ? rand() % 0x30 : rand());
		out = term_escape(in, len, false);
		for (p = out; *p != '\0'; p++)
			if ((unsigned char)*p < 0x20 || *p == 0x7f)
				fail_msg("a control character came through");
		free(out);
	}
}

static void
test_columns_and_cut(void **state)
{
	char text[64];

	(void)state;
	assert_int_equal(term_columns("abc"), 3);
	assert_int_equal(term_columns("\xc3\xbc"), 1);
	assert_int_equal(term_columns("u\xcc\x88"), 1);
	assert_int_equal(term_columns("\xe6\x97\xa5\xe6\x9c\xac"), 4);
	strcpy(text, "abcdefghij");
	term_cut(text, 10);
	assert_string_equal(text, "abcdefghij");
	term_cut(text, 8);
	assert_string_equal(text, "abcde...");
	strcpy(text, "\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e");
	term_cut(text, 5);
	assert_string_equal(text, "\xe6\x97\xa5...");
	strcpy(text, "abcdef");
	term_cut(text, 2);
	assert_string_equal(text, "..");
	term_cut(text, 0);
	assert_string_equal(text, "");
}

static void
test_duration(void **state)
{
	char buf[32];

	(void)state;
	assert_string_equal(term_duration(-5, buf, sizeof buf), "0 ms");
	assert_string_equal(term_duration(999, buf, sizeof buf), "999 ms");
	assert_string_equal(term_duration(1250, buf, sizeof buf), "1.2 s");
	assert_string_equal(term_duration(125000, buf, sizeof buf), "2 min 5 s");
	assert_string_equal(term_duration(11040000, buf, sizeof buf), "3 h 4 min");
	assert_string_equal(term_duration(90000000, buf, sizeof buf), "1 d 1 h");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_escape),
	    cmocka_unit_test(test_escape_any_bytes),
	    cmocka_unit_test(test_columns_and_cut),
	    cmocka_unit_test(test_duration),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
