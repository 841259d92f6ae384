/* SPDX-License-Identifier: MIT
 *
 * iris-worker/forget: what belongs to a conversation goes, in whatever project; what others have,
 * and what a link points to, stays.
 */
#include <sys/stat.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

#include "common/xmalloc.h"
#include "iris-worker/forget.h"

#define ID    "11111111-1111-4111-8111-111111111111"
#define OTHER "22222222-2222-4222-8222-222222222222"

static char root[] = "/tmp/iris-forget-XXXXXX";

/* A path below root, in one of a few buffers. */
static const char *
at(const char *name)
{
	static char paths[4][512];
	static unsigned next;
	char *p = paths[next++ % 4];

	snprintf(p, sizeof paths[0], "%s/%s", root, name);
	return p;
}

static void
file(const char *name)
{
	FILE *f = fopen(at(name), "w");

	assert_non_null(f);
	fclose(f);
}

static void
directory(const char *name)
{
	assert_int_equal(mkdir(at(name), 0700), 0);
}

static bool
there(const char *name)
{
	struct stat st;

	return lstat(at(name), &st) == 0;
}

static void
test_forget(void **state)
{
	struct err err;

	(void)state;
	/* Nothing there is nothing left. */
	assert_int_equal(forget_conversation(root, ID, &err), 0);
	directory("projects");
	directory("projects/a");
	directory("projects/b");
	directory("projects/b/" ID);
	directory("projects/b/" ID "/tool-results");
	directory("precious");
	file("projects/stray");
	file("projects/a/" ID ".jsonl");
	file("projects/a/" OTHER ".jsonl");
	file("projects/b/" ID ".jsonl");
	file("projects/b/" ID "/tool-results/x.txt");
	file("precious/y.txt");
	assert_int_equal(symlink(at("precious"), at("projects/b/" ID "/link")), 0);
	assert_int_equal(symlink(at("precious"), at("projects/a/" ID)), 0);
	assert_int_equal(forget_conversation(root, ID, &err), 0);
	assert_false(there("projects/a/" ID ".jsonl"));
	assert_false(there("projects/a/" ID));
	assert_false(there("projects/b/" ID ".jsonl"));
	assert_false(there("projects/b/" ID));
	assert_true(there("projects/a/" OTHER ".jsonl"));
	assert_true(there("precious/y.txt"));
	assert_true(there("projects/stray"));
	assert_int_equal(forget_conversation(root, ID, &err), 0);
}

static void
test_failure(void **state)
{
	struct err err;

	(void)state;
	if (geteuid() == 0)
		skip(); /* nothing is closed to root */
	file("projects/a/" ID ".jsonl");
	assert_int_equal(chmod(at("projects/a"), 0500), 0);
	assert_int_equal(forget_conversation(root, ID, &err), -1);
	assert_int_equal(err.code, ERR_IO);
	assert_int_equal(chmod(at("projects/a"), 0700), 0);
	assert_int_equal(forget_conversation(root, ID, &err), 0);
}

static int
setup(void **state)
{
	(void)state;
	return mkdtemp(root) != NULL ? 0 : -1;
}

static int
teardown(void **state)
{
	(void)state;
	unlink(at("projects/a/" OTHER ".jsonl"));
	unlink(at("projects/stray"));
	unlink(at("precious/y.txt"));
	rmdir(at("projects/a"));
	rmdir(at("projects/b"));
	rmdir(at("projects"));
	rmdir(at("precious"));
	return rmdir(root);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_forget),
	    cmocka_unit_test(test_failure),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
