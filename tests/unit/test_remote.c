/* SPDX-License-Identifier: MIT
 *
 * How ssh is started for a team's host, and what is said to the shell there.
 */
#include <sys/stat.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/json.h"
#include "common/xmalloc.h"
#include "iris-worker/remote.h"
#include "tests/unit/argv.h"

static char dir[] = "/tmp/iris-remote-XXXXXX";
static char path_env[128];

static int
setup(void **state)
{
	char path[128];
	FILE *f;

	(void)state;
	if (mkdtemp(dir) == NULL)
		return -1;
	snprintf(path_env, sizeof path_env, "PATH=%s", dir);
	snprintf(path, sizeof path, "%s/ssh", dir);
	if ((f = fopen(path, "w")) == NULL)
		return -1;
	fclose(f);
	return chmod(path, 0755);
}

static int
teardown(void **state)
{
	char path[128];

	(void)state;
	snprintf(path, sizeof path, "%s/ssh", dir);
	unlink(path);
	snprintf(path, sizeof path, "%s/c", dir);
	rmdir(path);
	return rmdir(dir);
}

static cJSON *
parsed(const char *text)
{
	struct err err;
	cJSON *o = json_parse(text, strlen(text), &err);

	if (o == NULL)
		fail_msg("%s: %s", text, err.msg);
	return o;
}

/* The member remote with more in it, as it is with control sockets in a directory. */
static struct remote *
made(const char *more, const char *control, enum remote_use use, const char *forward)
{
	char *text = xasprintf("{\"dest\":\"me@far\",\"host\":\"far\"%s%s%s%s%s}",
	    more[0] != '\0' ? "," : "", more, control != NULL ? ",\"controlDir\":\"" : "",
	    control != NULL ? control : "", control != NULL ? "\"" : "");
	char *const *env = ARGV(path_env, "HOME=/h", "IRIS_CLAUDE=outer", "SSH_AUTH_SOCK=/agent",
	    "SSH_ASKPASS=/evil", "IRIS_ASKPASS=old");
	cJSON *o = parsed(text);
	struct remote *r;
	struct err err;

	if ((r = remote_new(o, use, forward, env, &err)) == NULL)
		fail_msg("%s: %s", text, err.msg);
	cJSON_Delete(o);
	free(text);
	return r;
}

static bool
has(char *const *list, const char *text)
{
	for (; *list != NULL; list++)
		if (strcmp(*list, text) == 0)
			return true;
	return false;
}

/* All arguments but the command, joined. */
static const char *
joined(const struct remote *r)
{
	static char text[4096];
	size_t i;

	text[0] = '\0';
	for (i = 0; r->argv[i] != NULL && strncmp(r->argv[i], "exec ", 5) != 0; i++) {
		strncat(text, r->argv[i], sizeof text - strlen(text) - 1);
		strncat(text, " ", sizeof text - strlen(text) - 1);
	}
	return text;
}

static void
shared(void **state)
{
	static const char *const others[] = {"\"port\":2", "\"args\":[\"-4\"]",
	    "\"extraSshArgs\":[\"-4\"]", "\"identity\":\"/k\"", "\"compression\":true",
	    "\"strictHostKeyChecking\":false"};
	char control[128], deep[128];
	struct remote *one, *two;
	struct stat st;
	size_t i;

	(void)state;
	snprintf(control, sizeof control, "%s/c", dir);
	one = made("", control, REMOTE_SESSION, NULL);
	assert_int_equal(strncmp(one->control, control, strlen(control)), 0);
	assert_int_equal(strlen(one->control), strlen(control) + 17);
	assert_non_null(strstr(joined(one), "-o ControlMaster=auto "));
	assert_non_null(strstr(joined(one), one->control));
	assert_int_equal(stat(control, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	two = made("", control, REMOTE_SESSION, NULL);
	assert_string_equal(one->control, two->control);
	remote_free(two);
	for (i = 0; i < sizeof others / sizeof others[0]; i++) {
		two = made(others[i], control, REMOTE_SESSION, NULL);
		assert_string_not_equal(one->control, two->control);
		remote_free(two);
	}
	remote_free(one);

	/* Where others can write, or the name does not fit, each has its own. */
	snprintf(deep, sizeof deep, "%s/%0*d", dir, 60, 0);
	one = made("", deep, REMOTE_SESSION, NULL);
	assert_string_equal(one->control, "");
	assert_non_null(strstr(joined(one), "-o ControlPath=none "));
	remote_free(one);
	rmdir(deep);
	assert_int_equal(chmod(control, 0755), 0);
	one = made("", control, REMOTE_SESSION, NULL);
	assert_string_equal(one->control, "");
	remote_free(one);
	assert_int_equal(chmod(control, 0700), 0);
	one = made("", NULL, REMOTE_SESSION, NULL);
	assert_string_equal(one->control, "");
	remote_free(one);
}

static void
uses(void **state)
{
	char control[128];
	struct remote *r;

	(void)state;
	snprintf(control, sizeof control, "%s/c", dir);
	r = made("\"connectTimeout\":1500", control, REMOTE_ALONE, NULL);
	assert_string_equal(joined(r),
	    "ssh -T -o BatchMode=yes -o ControlMaster=no -o ControlPath=none -v "
	    "-o ClearAllForwardings=yes -o PermitLocalCommand=no -o EscapeChar=none "
	    "-o RequestTTY=no -o RemoteCommand=none -o ConnectTimeout=2 "
	    "-o StrictHostKeyChecking=yes -- me@far ");
	remote_free(r);
	r = made("\"connectTimeout\":1000", control, REMOTE_TUNNEL, "/a:/b");
	assert_string_equal(joined(r),
	    "ssh -T -o BatchMode=yes -o ControlMaster=no -o ControlPath=none -N "
	    "-o ExitOnForwardFailure=yes -R /a:/b -o PermitLocalCommand=no -o EscapeChar=none "
	    "-o RequestTTY=no -o RemoteCommand=none -o ConnectTimeout=1 "
	    "-o StrictHostKeyChecking=yes -- me@far ");
	assert_string_equal(r->argv[0], "ssh");
	remote_free(r);
}

static void
environment(void **state)
{
	struct remote *r = made("", NULL, REMOTE_SESSION, NULL);

	(void)state;
	assert_true(has(r->envp, "SSH_AUTH_SOCK=/agent"));
	assert_false(has(r->envp, "IRIS_CLAUDE=outer"));
	assert_false(has(r->envp, "SSH_ASKPASS=/evil"));
	assert_false(has(r->envp, "IRIS_ASKPASS=old"));
	assert_int_equal(r->linger_ms, 60000);
	remote_free(r);
	r = made("\"passphrase\":\"\",\"lingerTimeout\":5", NULL, REMOTE_SESSION, NULL);
	assert_true(has(r->argv, "BatchMode=yes"));
	assert_int_equal(r->linger_ms, 5);
	remote_free(r);
}

static void
script(void **state)
{
	char *const *args = ARGV("a b", "it's", "x\n.\ny", "", ".", "-", "ü");
	cJSON *vars =
	    parsed("{\"A\":\"$x `y`\",\"B\":null,\"IRIS_CLAUDE\":\"z\",\"_c1\":\"\\\\\\\"\"}");
	cJSON *bad[] = {parsed("{\"A B\":\"x\"}"), parsed("{\"1\":\"x\"}"), parsed("{\"\":\"x\"}"),
	    parsed("{\"A=\":\"x\"}"), parsed("{\"A\":1}"), parsed("{\"A;id\":null}")};
	static const char head[] =
	    "dir='~/a'\\''b'\n"
	    "env_set() { :\nexport A='$x `y`'\nunset B\nexport _c1='\\\"'\n}\n"
	    "set -- 'a b' 'it'\\''s' 'x'\"$n\"'.'\"$n\"'y' '' '.' '-' 'ü'\n"
	    "say() {";
	static const char tail[] = "\nexit 0\n.";
	struct remote_script *s = remote_script_new();
	struct err err;
	char *text;
	size_t i;

	(void)state;
	remote_script_set(s, "dir", "~/a'b");
	assert_int_equal(remote_script_env(s, vars, &err), 0);
	remote_script_args(s, args);
	text = remote_script_end(s, "session");
	assert_int_equal(strncmp(text, head, strlen(head)), 0);
	assert_null(strstr(text, "IRIS_CLAUDE='z'"));
	/* It ends where it ends, and nowhere before. */
	assert_true(strlen(text) > strlen(tail));
	assert_string_equal(text + strlen(text) - strlen(tail), tail);
	assert_null(strstr(text, "\n.\n"));
	free(text);

	for (i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		s = remote_script_new();
		assert_int_equal(remote_script_env(s, bad[i], &err), -1);
		assert_int_equal(err.code, ERR_INVALID);
		remote_script_free(s);
		cJSON_Delete(bad[i]);
	}
	s = remote_script_new();
	assert_int_equal(remote_script_env(s, NULL, &err), 0);
	remote_script_free(s);
	cJSON_Delete(vars);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(shared), cmocka_unit_test(uses),
	    cmocka_unit_test(environment), cmocka_unit_test(script)};

	json_init();
	return cmocka_run_group_tests(tests, setup, teardown);
}
