/* SPDX-License-Identifier: MIT
 *
 * Allocation: what the string functions give, and that an impossible size ends the program with a
 * word instead of wrapping round.
 */
#include <sys/wait.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "common/log.h"
#include "common/xmalloc.h"
#include "irisd/core/hash.h"

static void
test_strings(void **state)
{
	char *s;

	(void)state;
	assert_null(xstrdup_null(NULL));
	s = xstrdup_null("a");
	assert_string_equal(s, "a");
	free(s);
	s = xstrndup("abc", 2);
	assert_string_equal(s, "ab");
	free(s);
	s = xstrndup("abc", 9);
	assert_string_equal(s, "abc");
	free(s);
	s = xasprintf("%s-%d", "x", 7);
	assert_string_equal(s, "x-7");
	free(s);
}

#define TEXT_OF(x)     #x
#define EXPANDED_TO(x) TEXT_OF(x)

/* uthash ends the program by exit(-1) otherwise, and nobody knows why irisd is gone. */
static void
test_hash_tables_too(void **state)
{
	(void)state;
	assert_string_equal(EXPANDED_TO(uthash_malloc(7)), "xmalloc(7)");
}

static void
test_overflow_is_fatal(void **state)
{
	char said[512] = "";
	int fds[2], status;
	ssize_t n;
	pid_t pid;

	(void)state;
	assert_int_equal(pipe(fds), 0);
	if ((pid = fork()) == 0) {
		log_set_fd(fds[1]);
		free(xreallocarray(NULL, SIZE_MAX / 2, 4));
		_exit(0);
	}
	close(fds[1]);
	n = read(fds[0], said, sizeof said - 1);
	close(fds[0]);
	assert_true(n > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 1);
	assert_non_null(strstr(said, "overflows"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_strings),
	    cmocka_unit_test(test_hash_tables_too),
	    cmocka_unit_test(test_overflow_is_fatal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
