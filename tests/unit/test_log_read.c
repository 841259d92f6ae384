/* SPDX-License-Identifier: MIT
 *
 * common/log_read: lines of a log file read back, filtered, bounded, however they end; and
 * log_copy, which makes that file.
 */
#include <sys/stat.h>
#include <fcntl.h>
#include <poll.h>
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

#include "common/log_read.h"
#include "common/xmalloc.h"

static char dir[] = "/tmp/iris-log-XXXXXX", path[64];
static char got[4096]; /* messages, with a ";" behind each */

static int
setup(void **state)
{
	(void)state;
	if (mkdtemp(dir) == NULL)
		return -1;
	snprintf(path, sizeof path, "%s/x.log", dir);
	return 0;
}

static int
teardown(void **state)
{
	char *old = xasprintf("%s.1", path);

	(void)state;
	unlink(path);
	unlink(old);
	free(old);
	return rmdir(dir);
}

static void
put(const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	fclose(f);
}

static void
line_cb(const struct log_line *l, void *arg)
{
	size_t n = strlen(got);

	(void)arg;
	snprintf(got + n, sizeof got - n, "%s;", l->message);
}

static int64_t
expect(const struct log_filter *f, const char *want)
{
	int64_t end;
	struct err err;

	got[0] = '\0';
	if (log_read(path, f, line_cb, NULL, &end, &err) == -1)
		fail_msg("%s", err.msg);
	assert_string_equal(got, want);
	return end;
}

static void
test_time(void **state)
{
	(void)state;
	assert_int_equal(log_time("1970-01-01T00:00:00.000Z"), 0);
	assert_int_equal(log_time("2000-03-01T00:00:00.001Z"), INT64_C(951868800001));
	assert_int_equal(log_time("2026-11-22T19:15:04.123Z x"), INT64_C(1795374904123));
	assert_int_equal(log_time("2024-02-29T23:59:59.999Z"), INT64_C(1709251199999));
	assert_int_equal(log_time("2026-11-22 19:15:04.123Z"), -1);
	assert_int_equal(log_time("2026-13-22T19:15:04.123Z"), -1);
	assert_int_equal(log_time(""), -1);
}

#define A   "2026-01-01T00:00:01.000Z info irisd[10] one\n"
#define B   "2026-01-01T00:00:02.000Z warn iris-worker[11] two k=v\n"
#define C   "2026-01-01T00:00:03.000Z error irisd[10] Three\n"
#define ODD "==10==ERROR: something died\n"

static void
test_filter(void **state)
{
	struct log_filter f = {.limit = 10};

	(void)state;
	put(A B ODD C "2026-01-01T00:00:04.000Z info irisd[10] torn");
	assert_int_equal(
	    expect(&f, "one;two k=v;==10==ERROR: something died;Three;"), strlen(A B ODD C));
	f.limit = 2;
	expect(&f, "==10==ERROR: something died;Three;");
	f.limit = 0;
	assert_int_equal(expect(&f, ""), strlen(A B ODD C));
	f.limit = 10;
	f.levels = 1u << LOG_WARN;
	expect(&f, "two k=v;");
	f.levels = 1u << LOG_ERROR;
	expect(&f, "==10==ERROR: something died;Three;");
	f = (struct log_filter){.limit = 10, .component = "irisd"};
	expect(&f, "one;Three;");
	f.component = "stderr";
	expect(&f, "==10==ERROR: something died;");
	f = (struct log_filter){.limit = 10, .contains = "tHrEe"};
	expect(&f, "Three;");
	f = (struct log_filter){.limit = 10, .since = log_time("2026-01-01T00:00:02.000Z")};
	expect(&f, "two k=v;==10==ERROR: something died;Three;");
	/* Of two programs that write at once, the later line may be the earlier one's. */
	put(A C B);
	f.since = log_time("2026-01-01T00:00:03.000Z");
	expect(&f, "Three;");
}

static void
test_edges(void **state)
{
	struct log_filter f = {.limit = 3};
	struct err err;
	size_t i;
	FILE *file;

	(void)state;
	unlink(path);
	got[0] = '\0';
	assert_int_equal(log_read(path, &f, line_cb, NULL, NULL, &err), 0);
	assert_string_equal(got, "");
	put("");
	expect(&f, "");
	put("\n\n");
	expect(&f, ";;");
	/* Only its end is looked at, from the first whole line on. */
	file = fopen(path, "w");
	assert_non_null(file);
	for (i = 0; i < LOG_READ_BYTES / 40; i++)
		fprintf(file, "2026-01-01T00:00:01.000Z info irisd[10] %zu\n", i);
	fclose(file);
	f.contains = "irisd[10] 1\n";
	expect(&f, "");
	f.contains = "irisd[10] 10485";
	f.limit = 1;
	expect(&f, "104856;");
}

static void
test_copy(void **state)
{
	struct log_filter f = {.limit = 10};
	struct stat st;
	int fd, err_fd = dup(STDERR_FILENO);

	(void)state;
	unlink(path);
	log_init("prog", LOG_INFO);
	log_copy(path);
	log_info("copied token=%s", "abcdefghijklmnop");
	expect(&f, "copied token=[redacted];");
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	/* Where the descriptor is the file, each line is there once. */
	unlink(path);
	fd = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);
	assert_true(fd != -1);
	log_set_fd(fd);
	log_copy(path);
	log_info("once");
	expect(&f, "once;");
	log_set_fd(err_fd);
	close(fd);
	close(err_fd);
}

/* A second goes by, since the file is looked at once in each. */
static void
next_second(void)
{
	time_t now = time(NULL);

	while (time(NULL) == now)
		poll(NULL, 0, 10);
}

/* Moved away by us or by another; lines that were written before stay, no line is lost. */
static void
rotates(int own)
{
	struct log_filter f = {.limit = 10};
	char *moved = xasprintf("%s.moved", path), text[64];
	struct stat st;
	int i;

	unlink(path);
	next_second();
	log_info("first %d", own);
	next_second();
	assert_int_equal(rename(path, moved), 0);
	log_info("second %d", own);
	snprintf(text, sizeof text, "second %d;", own);
	expect(&f, text);
	for (i = 1; i <= 5; i++) {
		assert_int_equal(truncate(path, (off_t)LOG_FILE_MAX + 1), 0);
		next_second();
		log_info("round %d of %d", i, own);
		assert_int_equal(stat(path, &st), 0);
		assert_true(st.st_size < 200);
	}
	for (i = 1; i <= LOG_FILE_KEEP + 1; i++) {
		char *name = xasprintf("%s.%d", path, i);
		assert_int_equal(stat(name, &st), i > LOG_FILE_KEEP ? -1 : 0);
		assert_int_equal(i > LOG_FILE_KEEP || st.st_size == LOG_FILE_MAX + 1, 1);
		unlink(name);
		free(name);
	}
	snprintf(text, sizeof text, "round 5 of %d;", own);
	expect(&f, text);
	unlink(moved);
	free(moved);
}

static void
test_rotate(void **state)
{
	struct log_filter f = {.limit = 10};
	int fd, err_fd = dup(STDERR_FILENO);
	char *old = xasprintf("%s.1", path);

	(void)state;
	log_rotate();
	log_set_fd(err_fd);
	unlink(path);
	log_copy(path);
	rotates(0);
	/* Where the descriptor is the file. */
	fd = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);
	assert_true(fd != -1);
	log_set_fd(fd);
	log_copy(path);
	rotates(1);
	/* What was moved away a moment ago is read as well. */
	unlink(path);
	next_second();
	log_info("earlier");
	assert_int_equal(rename(path, old), 0);
	next_second();
	log_info("later");
	expect(&f, "earlier;later;");
	f.limit = 1;
	expect(&f, "later;");
	unlink(old);
	log_set_fd(err_fd);
	close(fd);
	free(old);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_time),
	    cmocka_unit_test(test_filter),
	    cmocka_unit_test(test_edges),
	    cmocka_unit_test(test_copy),
	    cmocka_unit_test(test_rotate),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
