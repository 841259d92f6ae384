/* SPDX-License-Identifier: MIT
 *
 * The spool: what it has accepted is on disk, and a failure leaves whole lines only. fsync(2) is
 * this program's own, so that it can be counted and can fail.
 */
#include <sys/resource.h>
#include <sys/stat.h>
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "iris-worker/spool.h"

static char dir[] = "/tmp/iris-spool-XXXXXX";
static char path[64];
static struct {
	int files, dirs; /* how often one was synced */
	off_t size;      /* of the file, when it was last synced */
	int error;       /* of the next call; 0: none */
} synced;

int
fsync(int fd)
{
	struct stat st;

	if (synced.error != 0) {
		errno = synced.error;
		synced.error = 0;
		return -1;
	}
	if (fstat(fd, &st) == -1)
		return -1;
	if (S_ISDIR(st.st_mode)) {
		synced.dirs++;
	} else {
		synced.files++;
		synced.size = st.st_size;
	}
	return 0;
}

static int
setup(void **state)
{
	static struct spool s;

	memcpy(dir + sizeof dir - 7, "XXXXXX", 6);
	if (mkdtemp(dir) == NULL)
		return -1;
	snprintf(path, sizeof path, "%s/4711-815.jsonl", dir);
	memset(&synced, 0, sizeof synced);
	spool_init(&s, dir, 4711, 815);
	*state = &s;
	return 0;
}

static int
teardown(void **state)
{
	spool_close(*state);
	unlink(path);
	return rmdir(dir);
}

static void
expect_content(const char *want)
{
	char buf[256] = "";
	FILE *f = fopen(path, "r");

	assert_non_null(f);
	buf[fread(buf, 1, sizeof buf - 1, f)] = '\0';
	fclose(f);
	assert_string_equal(buf, want);
}

static void
nothing_is_made_before_the_first_line(void **state)
{
	spool_remove(*state);
	assert_int_equal(access(path, F_OK), -1);
}

static void
each_line_is_synced(void **state)
{
	struct spool *s = *state;
	struct stat st;

	assert_int_equal(spool_append(s, "one\n", NULL), 0);
	assert_int_equal(synced.dirs, 1);
	assert_int_equal(synced.files, 1);
	assert_int_equal(synced.size, 4);
	assert_int_equal(spool_append(s, "three\n", NULL), 0);
	assert_int_equal(synced.dirs, 1);
	assert_int_equal(synced.files, 2);
	assert_int_equal(synced.size, 10);
	expect_content("one\nthree\n");
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
}

static void
removed_and_made_again(void **state)
{
	struct spool *s = *state;

	assert_int_equal(spool_append(s, "one\n", NULL), 0);
	spool_remove(s);
	assert_int_equal(access(path, F_OK), -1);
	assert_int_equal(spool_append(s, "two\n", NULL), 0);
	assert_int_equal(synced.dirs, 2);
	expect_content("two\n");
}

static void
closing_keeps_it(void **state)
{
	struct spool *s = *state;

	assert_int_equal(spool_append(s, "one\n", NULL), 0);
	spool_close(s);
	expect_content("one\n");
	assert_int_equal(spool_append(s, "two\n", NULL), 0);
	expect_content("one\ntwo\n");
}

static void
a_failed_sync_is_a_failed_line(void **state)
{
	struct spool *s = *state;
	struct err err;

	synced.error = EIO;
	assert_int_equal(spool_append(s, "zero\n", &err), -1);
	assert_int_equal(err.code, ERR_IO);
	assert_non_null(strstr(err.msg, path));
	assert_int_equal(spool_append(s, "one\n", NULL), 0);
	synced.error = EIO;
	assert_int_equal(spool_append(s, "two\n", NULL), -1);
	expect_content("one\n");
	assert_int_equal(spool_append(s, "three\n", NULL), 0);
	expect_content("one\nthree\n");
}

/* A full disk, played by the limit for the size of a file. */
static void
half_a_line_is_taken_back(void **state)
{
	struct spool *s = *state;
	struct rlimit old, small;
	struct err err;

	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(spool_append(s, "one\n", NULL), 0);
	getrlimit(RLIMIT_FSIZE, &old);
	small = old;
	small.rlim_cur = 7;
	setrlimit(RLIMIT_FSIZE, &small);
	assert_int_equal(spool_append(s, "three\n", &err), -1);
	setrlimit(RLIMIT_FSIZE, &old);
	assert_int_equal(err.code, ERR_IO);
	expect_content("one\n");
	assert_int_equal(spool_append(s, "three\n", NULL), 0);
	expect_content("one\nthree\n");
}

static void
a_directory_that_is_not_there(void **state)
{
	char none[sizeof dir + 8];
	struct spool s;
	struct err err;

	(void)state;
	snprintf(none, sizeof none, "%s/none", dir);
	spool_init(&s, none, 4711, 815);
	assert_int_equal(spool_append(&s, "one\n", &err), -1);
	assert_int_equal(err.code, ERR_IO);
	assert_int_equal(mkdir(none, 0700), 0);
	assert_int_equal(spool_append(&s, "one\n", NULL), 0);
	spool_remove(&s);
	assert_int_equal(rmdir(none), 0);

	spool_init(&s, NULL, 4711, 815);
	assert_int_equal(spool_append(&s, "one\n", &err), -1);
	assert_int_equal(err.code, ERR_UNAVAILABLE);
}

static void
a_link_in_its_place_is_not_followed(void **state)
{
	char other[sizeof dir + 8];

	snprintf(other, sizeof other, "%s/other", dir);
	assert_int_equal(symlink(other, path), 0);
	assert_int_equal(spool_append(*state, "one\n", NULL), -1);
	assert_int_equal(access(other, F_OK), -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(nothing_is_made_before_the_first_line, setup, teardown),
	    cmocka_unit_test_setup_teardown(each_line_is_synced, setup, teardown),
	    cmocka_unit_test_setup_teardown(removed_and_made_again, setup, teardown),
	    cmocka_unit_test_setup_teardown(closing_keeps_it, setup, teardown),
	    cmocka_unit_test_setup_teardown(a_failed_sync_is_a_failed_line, setup, teardown),
	    cmocka_unit_test_setup_teardown(half_a_line_is_taken_back, setup, teardown),
	    cmocka_unit_test_setup_teardown(a_directory_that_is_not_there, setup, teardown),
	    cmocka_unit_test_setup_teardown(a_link_in_its_place_is_not_followed, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
