/* SPDX-License-Identifier: MIT
 *
 * Where claude is looked for: PATH first, then where its installers put it; a file that can not be
 * executed is remembered, and gives way to one that can.
 */
#include <sys/stat.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "common/claude_path.h"

#define NAME "iris-test-claude" /* in no real directory */

static char home[] = "/tmp/iris-claude-path-XXXXXX";
static const char *const dirs[] = {"bin", ".local", ".local/bin", ".claude", ".claude/local"};
#define NDIRS (sizeof dirs / sizeof dirs[0])

static const char *
under(const char *name)
{
	static char path[4][512];
	static int n;
	char *p = path[n++ % 4];

	snprintf(p, sizeof path[0], "%s/%s", home, name);
	return p;
}

static void
put(const char *dir, mode_t mode)
{
	char name[128];
	int fd;

	snprintf(name, sizeof name, "%s/" NAME, dir);
	assert_true((fd = open(under(name), O_WRONLY | O_CREAT, mode)) != -1);
	close(fd);
}

static int
group_setup(void **state)
{
	size_t i;

	(void)state;
	if (mkdtemp(home) == NULL)
		return -1;
	for (i = 0; i < NDIRS; i++)
		if (mkdir(under(dirs[i]), 0700) == -1)
			return -1;
	return 0;
}

static int
clear(void **state)
{
	char name[128];
	size_t i;

	(void)state;
	for (i = 0; i < NDIRS; i++) {
		snprintf(name, sizeof name, "%s/" NAME, dirs[i]);
		unlink(under(name));
	}
	return 0;
}

static int
group_teardown(void **state)
{
	size_t i;

	clear(state);
	for (i = NDIRS; i > 0; i--)
		rmdir(under(dirs[i - 1]));
	return rmdir(home);
}

static void
expect(const char *in)
{
	char out[512], want[512];

	snprintf(want, sizeof want, "%s/%s/" NAME, home, in);
	assert_int_equal(claude_path_search(NAME, under("bin"), home, out, sizeof out), 0);
	assert_string_equal(out, want);
}

static void
test_order(void **state)
{
	(void)state;
	put(".claude/local", 0700);
	expect(".claude/local");
	put(".local/bin", 0700);
	expect(".local/bin");
	put("bin", 0700);
	expect("bin");
}

static void
test_not_found(void **state)
{
	char out[512];

	(void)state;
	errno = 0;
	assert_int_equal(claude_path_search(NAME, under("bin"), home, out, sizeof out), -1);
	assert_int_equal(errno, ENOENT);
	/* Without a home its directories are left out; without a PATH, too. */
	put(".local/bin", 0700);
	assert_int_equal(claude_path_search(NAME, under("bin"), NULL, out, sizeof out), -1);
	assert_int_equal(claude_path_search(NAME, NULL, home, out, sizeof out), 0);
}

static void
test_not_executable(void **state)
{
	char out[512], want[512];

	(void)state;
	put("bin", 0600);
	put(".local/bin", 0600);
	assert_int_equal(claude_path_search(NAME, under("bin"), home, out, sizeof out), -1);
	assert_int_equal(errno, EACCES);
	snprintf(want, sizeof want, "%s/bin/" NAME, home);
	assert_string_equal(out, want);
	put(".claude/local", 0700);
	expect(".claude/local");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_teardown(test_order, clear),
	    cmocka_unit_test_teardown(test_not_found, clear),
	    cmocka_unit_test_teardown(test_not_executable, clear),
	};

	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
