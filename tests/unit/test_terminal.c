/* SPDX-License-Identifier: MIT
 *
 * irisd/core/terminal: a command as a shell reads it back, and what is taken of a client's word on
 * its terminal. Windows are tests/integration/tools-session.test.mjs's.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "common/json.h"
#include "irisd/core/terminal.h"

static void
expect(const char *dir, const char *const *argv, const char *want)
{
	char *text = terminal_command(dir, argv);

	assert_string_equal(text, want);
	free(text);
}

static void
test_command(void **state)
{
	static const char *const plain[] = {"claude", "--resume", "a-b_c.d", NULL};
	static const char *const odd[] = {"env", "A=x y", "it's", "", "$HOME`id`\n", NULL};

	(void)state;
	expect("/src/backend", plain, "cd /src/backend && claude --resume a-b_c.d");
	expect(NULL, plain, "claude --resume a-b_c.d");
	expect("/a b/'c'", odd, "cd '/a b/'\\''c'\\''' && env 'A=x y' 'it'\\''s' '' '$HOME`id`\n'");
}

static void
test_env(void **state)
{
	cJSON *said = cJSON_Parse(
		  "{\"TMUX\":\"/t,1,0\",\"DISPLAY\":7,\"PATH\":\"/evil\",\"LD_PRELOAD\":\"x\"}"),
	      *env = terminal_env(said);
	char *text = json_print(env);

	(void)state;
	assert_string_equal(text, "{\"TMUX\":\"/t,1,0\"}");
	free(text);
	cJSON_Delete(env);
	cJSON_Delete(said);
	assert_null(terminal_env(NULL));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_command),
	    cmocka_unit_test(test_env),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
