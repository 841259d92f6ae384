/* SPDX-License-Identifier: MIT
 *
 * irisd/net/remote_params: what a worker is told of a team's host, from its configuration; and
 * common/paths: where the sockets of ssh's connections are.
 */
#include <sys/stat.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

#include "common/json.h"
#include "common/xmalloc.h"
#include "irisd/net/remote_params.h"
#include "tests/unit/config_fixture.h"

static const char conf[] = "teams:\n"
			   "  here:\n    path: alpha\n"
			   "  plain:\n    path: ~/p\n    remote: box\n"
			   "  full:\n"
			   "    path: ~/p\n"
			   "    remote: ssh -4 -J 'jump host' ssh://me@box.example:2222\n"
			   "    ssh2: true\n"
			   "    remoteOptions:\n"
			   "      identity: /k/id\n      passphrase: secret\n      port: 99\n"
			   "      strictHostKeyChecking: false\n      connectTimeout: 1500\n"
			   "      serverAliveInterval: 7\n      serverAliveCountMax: 2\n"
			   "      compression: true\n      forwardAgent: true\n"
			   "      lingerTimeout: 0\n      extraSshArgs: [-o, \"User=a b\"]\n";

static struct irisd d;

static void
set_home(const char *home)
{
	snprintf(d.paths.home, sizeof d.paths.home, "%s", home);
	snprintf(d.paths.run, sizeof d.paths.run, "%.4000s/run", home);
	mkdir(d.paths.home, 0700);
	mkdir(d.paths.run, 0700);
}

static char *
text_of(const char *team)
{
	struct err err;
	struct config *c;
	cJSON *o;
	char *text;

	write_text(fixture_config, conf);
	if ((c = config_load(fixture_config, &err)) == NULL)
		fail_msg("%s", err.msg);
	o = remote_params(&d, config_find_team(c, team));
	text = o != NULL ? json_print(o) : NULL;
	cJSON_Delete(o);
	config_free(c);
	return text;
}

static void
expect(const char *team, const char *want)
{
	char *got = text_of(team);

	if (want == NULL)
		assert_null(got);
	else
		assert_string_equal(got, want);
	free(got);
}

static void
test_params(void **state)
{
	char *dir, *want;

	(void)state;
	set_home(in_dir("h"));
	dir = xasprintf("%s/ssh", d.paths.run);
	expect("here", NULL);
	want = xasprintf("{\"args\":[],\"dest\":\"box\",\"host\":\"box\",\"ssh2\":false,"
			 "\"strictHostKeyChecking\":true,\"connectTimeout\":10000,"
			 "\"serverAliveInterval\":30,\"serverAliveCountMax\":3,"
			 "\"compression\":false,\"forwardAgent\":false,\"extraSshArgs\":[],"
			 "\"lingerTimeout\":600000,\"controlDir\":\"%s\"}",
	    dir);
	expect("plain", want);
	free(want);
	want = xasprintf("{\"args\":[\"-4\",\"-J\",\"jump host\"],"
			 "\"dest\":\"ssh://me@box.example:2222\",\"host\":\"box.example\","
			 "\"ssh2\":true,\"identity\":\"/k/id\",\"passphrase\":\"secret\","
			 "\"port\":99,\"strictHostKeyChecking\":false,\"connectTimeout\":1500,"
			 "\"serverAliveInterval\":7,\"serverAliveCountMax\":2,"
			 "\"compression\":true,\"forwardAgent\":true,"
			 "\"extraSshArgs\":[\"-o\",\"User=a b\"],\"lingerTimeout\":0,"
			 "\"controlDir\":\"%s\"}",
	    dir);
	expect("full", want);
	free(want);
	assert_int_equal(rmdir(dir), 0);
	free(dir);
}

/* A home whose name is too long, or that ssh would read otherwise: a short place of its own. */
static void
test_control(void **state)
{
	static const char *const homes[] = {
	    "a-home-with-a-very-long-name-that-would-not-fit-into-a-socket", "100%", "b c"};
	char dir[PATHS_MAX], last[PATHS_MAX] = "";
	struct stat st;
	struct err err;
	size_t i;

	(void)state;
	for (i = 0; i < 3; i++) {
		set_home(in_dir(homes[i]));
		assert_int_equal(paths_control(&d.paths, dir, sizeof dir, &err), 0);
		assert_int_equal(strncmp(dir, "/tmp/iris-", 10), 0);
		assert_true(strlen(dir) + 1 + PATHS_CONTROL_NAME + 17 <= 103);
		assert_string_not_equal(dir, last);
		assert_int_equal(stat(dir, &st), 0);
		assert_int_equal(st.st_mode & 0777, 0700);
		/* Open to others, who may have put things there: none is better. */
		assert_int_equal(chmod(dir, 0755), 0);
		assert_int_equal(paths_control(&d.paths, last, sizeof last, &err), -1);
		assert_int_equal(err.code, ERR_REFUSED);
		snprintf(last, sizeof last, "%s", dir);
		assert_int_equal(rmdir(dir), 0);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_params, fixture_setup, fixture_teardown),
	    cmocka_unit_test_setup_teardown(test_control, fixture_setup, fixture_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
