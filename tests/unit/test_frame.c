/* SPDX-License-Identifier: MIT
 *
 * common/frame: the same lines whatever the pieces in which they come, the bound, and what is
 * thrown away.
 */
#include <sys/wait.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "common/frame.h"

#define TEXT_MAX 200000

struct want {
	size_t at, len;
};

/* Random text and where its lines are. */
static size_t
make_text(char *text, struct want *want, size_t *count)
{
	size_t len = 0;

	*count = 0;
	while (len < TEXT_MAX - 70000 && *count < 500) {
		size_t n = rand() % 8 == 0 ? (size_t)rand() % 60000 : (size_t)rand() % 40, i;
		want[*count] = (struct want){len, n};
		for (i = 0; i < n; i++) {
			char c = (char)(rand() % 256);
			text[len++] = c == '\n' || c == '\r' ? '.' : c;
		}
		(*count)++;
		if (rand() % 4 == 0)
			text[len++] = '\r';
		text[len++] = '\n';
	}
	return len;
}

static void
check_lines(struct frame *f, const char *text, const struct want *want, size_t *got)
{
	char *line;
	size_t len;

	while (frame_next(f, &line, &len) == 1) {
		assert_int_equal(len, want[*got].len);
		assert_memory_equal(line, text + want[*got].at, len);
		assert_int_equal(line[len], '\0');
		(*got)++;
	}
}

static void
test_random_pieces(void **state)
{
	const char *given = getenv("IRIS_TEST_SEED");
	unsigned seed = given != NULL ? (unsigned)strtoul(given, NULL, 10) : (unsigned)time(NULL);
	char *text = malloc(TEXT_MAX);
	struct want *want = calloc(500, sizeof *want);
	int round;

	(void)state;
	assert_non_null(text);
	assert_non_null(want);
	print_message("seed: IRIS_TEST_SEED=%u\n", seed);
	srand(seed);
	for (round = 0; round < 60; round++) {
		size_t count, got = 0, at = 0, len = make_text(text, want, &count);
		struct frame f;
		frame_init(&f, 65536);
		while (at < len) {
			size_t n =
			    round % 3 == 0 ? 1 + (size_t)rand() % 3 : 1 + (size_t)rand() % 30000;
			if (n > len - at)
				n = len - at;
			frame_feed(&f, text + at, n);
			at += n;
			if (rand() % 3 != 0)
				check_lines(&f, text, want, &got);
			if (rand() % 5 == 0)
				frame_trim(&f);
		}
		check_lines(&f, text, want, &got);
		assert_int_equal(got, count);
		assert_int_equal(frame_pending(&f), 0);
		frame_release(&f);
	}
	free(text);
	free(want);
}

static void
test_read(void **state)
{
	struct frame f;
	char *line, big[50000];
	int fds[2];
	size_t len;

	(void)state;
	assert_int_equal(pipe(fds), 0);
	memset(big, 'b', sizeof big);
	big[sizeof big - 1] = '\n';
	frame_init(&f, sizeof big);
	assert_int_equal(write(fds[1], "one\r\ntwo", 8), 8);
	assert_int_equal(frame_read(&f, fds[0]), 8);
	assert_int_equal(frame_next(&f, &line, &len), 1);
	assert_string_equal(line, "one");
	assert_int_equal(frame_next(&f, &line, &len), 0);
	assert_int_equal(frame_pending(&f), 3);
	assert_int_equal(write(fds[1], big, sizeof big), sizeof big);
	close(fds[1]);
	while (frame_read(&f, fds[0]) > 0)
		continue;
	assert_int_equal(frame_next(&f, &line, &len), -1);
	close(fds[0]);
	frame_release(&f);
}

static void
test_edges(void **state)
{
	struct frame f;
	size_t len;
	char *line;

	(void)state;
	frame_init(&f, 10);
	frame_feed(&f, "\n\r\n\r\r\na\0b\n", 10);
	assert_int_equal(frame_next(&f, &line, &len), 1);
	assert_int_equal(len, 0);
	assert_int_equal(frame_next(&f, &line, &len), 1);
	assert_int_equal(len, 0);
	assert_int_equal(frame_next(&f, &line, &len), 1);
	assert_int_equal(len, 1);
	assert_memory_equal(line, "\r", 2);
	assert_int_equal(frame_next(&f, &line, &len), 1);
	assert_int_equal(len, 3);
	assert_memory_equal(line, "a\0b", 4);
	assert_int_equal(frame_next(&f, &line, &len), 0);
	frame_release(&f);
}

static void
test_bound(void **state)
{
	struct frame f;
	size_t len;
	char *line;

	(void)state;
	frame_init(&f, 5);
	frame_feed(&f, "12345", 5);
	assert_int_equal(frame_next(&f, &line, &len), 0);
	frame_feed(&f, "\n", 1);
	assert_int_equal(frame_next(&f, &line, &len), 1);
	assert_string_equal(line, "12345");
	/* Without its end yet, and again with it: too long stays too long. */
	frame_feed(&f, "123456", 6);
	assert_int_equal(frame_next(&f, &line, &len), -1);
	frame_feed(&f, "\nok\n", 4);
	assert_int_equal(frame_next(&f, &line, &len), -1);
	frame_release(&f);
}

static void
test_discard(void **state)
{
	struct frame f;
	size_t len;
	char *data, *line;

	(void)state;
	frame_init(&f, 5);
	assert_false(frame_discard(&f, &data, &len));
	assert_int_equal(len, 0);
	frame_feed(&f, "12345678", 8);
	assert_int_equal(frame_next(&f, &line, &len), -1);
	assert_false(frame_discard(&f, &data, &len));
	assert_int_equal(len, 8);
	assert_memory_equal(data, "12345678", 8);
	frame_feed(&f, "9}\nok\nx", 7);
	assert_true(frame_discard(&f, &data, &len));
	assert_int_equal(len, 2);
	assert_memory_equal(data, "9}", 2);
	assert_int_equal(frame_next(&f, &line, &len), 1);
	assert_string_equal(line, "ok");
	assert_int_equal(frame_next(&f, &line, &len), 0);
	assert_int_equal(frame_pending(&f), 1);
	frame_release(&f);
}

/* A connection that falls idle holds no memory; one in the middle of a line loses nothing. */
static void
test_trim(void **state)
{
	struct frame f;
	size_t len;
	char *line;

	(void)state;
	frame_init(&f, 100);
	frame_feed(&f, "a\nb", 3);
	assert_int_equal(frame_next(&f, &line, &len), 1);
	frame_trim(&f);
	assert_non_null(f.buf);
	frame_feed(&f, "c\n", 2);
	assert_int_equal(frame_next(&f, &line, &len), 1);
	assert_string_equal(line, "bc");
	frame_trim(&f);
	assert_null(f.buf);
	assert_int_equal(f.max, 100);
	frame_feed(&f, "d\n", 2);
	assert_int_equal(frame_next(&f, &line, &len), 1);
	assert_string_equal(line, "d");
	frame_release(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_random_pieces),
	    cmocka_unit_test(test_read),
	    cmocka_unit_test(test_edges),
	    cmocka_unit_test(test_bound),
	    cmocka_unit_test(test_discard),
	    cmocka_unit_test(test_trim),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
