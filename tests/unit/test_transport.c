/* SPDX-License-Identifier: MIT
 *
 * What a claude is started with: the program found, the arguments, the environment, and the errors
 * that are known before the start.
 */
#include <sys/stat.h>
#include <errno.h>
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
#include "iris-worker/transport.h"

#define ID       "2f0d7a52-1111-4222-8333-444455556666"
#define INSTANCE "2f0d7a52-1111-4222-8333-444455558888"
#define MARK     "IRIS_CLAUDE=" INSTANCE

static char dir[] = "/tmp/iris-transport-XXXXXX";

static const char *
file(const char *name, mode_t mode)
{
	static char path[256];
	FILE *f;

	snprintf(path, sizeof path, "%s/%s", dir, name);
	assert_non_null(f = fopen(path, "w"));
	fputs("#!/bin/sh\n", f);
	fclose(f);
	assert_int_equal(chmod(path, mode), 0);
	return path;
}

static int
setup(void **state)
{
	(void)state;
	return mkdtemp(dir) == NULL ? -1 : 0;
}

static int
teardown(void **state)
{
	static const char *const names[] = {"claude", "plain", "sub/claude", "sub"};
	char path[256];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof names / sizeof names[0]; i++) {
		snprintf(path, sizeof path, "%s/%s", dir, names[i]);
		remove(path);
	}
	return rmdir(dir);
}

static bool
has(char *const *list, const char *entry)
{
	for (; *list != NULL; list++)
		if (strcmp(*list, entry) == 0)
			return true;
	return false;
}

static cJSON *
params(const char *more)
{
	char text[2048];
	struct err err;
	cJSON *p;

	snprintf(text, sizeof text,
	    "{\"claudeId\":\"" ID "\",\"cwd\":\"%s\",\"claudePath\":\"%s\"%s}", dir,
	    file("claude", 0755), more);
	assert_non_null(p = json_parse(text, strlen(text), &err));
	return p;
}

static char *const no_env[] = {NULL};

static void
arguments(void **state)
{
	static const char in_band[] =
	    "--mcp-config={\"mcpServers\":{\"iris\":{\"type\":\"sdk\",\"name\":\"iris\",\"alwaysLoad\":true}}}";
	struct transport t;
	struct err err;
	cJSON *p =
	    params(",\"resume\":false,\"model\":\"-opus\",\"permissionMode\":\"plan\","
		   "\"allowedTools\":[\"Bash(a, b)\",\"Read\"],\"disallowedTools\":[\"--x\"],"
		   "\"addDirs\":[\"/a b\"],\"appendSystemPrompt\":\"--dangerous\","
		   "\"mcpConfig\":{\"mcpServers\":{}},\"args\":[\"--effort\",\"low\"]");

	(void)state;
	assert_int_equal(transport_build(p, no_env, INSTANCE, &t, &err), 0);
	assert_string_equal(t.argv[0], t.path);
	assert_string_equal(t.dir, dir);
	assert_true(has(t.argv, "-p"));
	assert_true(has(t.argv, "--session-id=" ID));
	assert_true(has(t.argv, in_band));
	assert_true(has(t.argv, "--mcp-config={\"mcpServers\":{}}"));
	assert_true(has(t.argv, "--model=-opus"));
	assert_true(has(t.argv, "--permission-mode=plan"));
	assert_true(has(t.argv, "--allowedTools=mcp__iris"));
	assert_true(has(t.argv, "--allowedTools=Bash(a, b)"));
	assert_true(has(t.argv, "--disallowedTools=--x"));
	assert_true(has(t.argv, "--add-dir=/a b"));
	assert_true(has(t.argv, "--append-system-prompt=--dangerous"));
	assert_true(has(t.argv, "--effort"));
	transport_release(&t);
	cJSON_Delete(p);

	p = params(",\"resume\":true");
	assert_int_equal(transport_build(p, no_env, INSTANCE, &t, &err), 0);
	assert_true(has(t.argv, "--resume=" ID));
	assert_false(has(t.argv, "--session-id=" ID));
	transport_release(&t);
	cJSON_Delete(p);
}

static void
environment(void **state)
{
	char text[] = "PATH=/bin|HOME=/h|CLAUDECODE=1|CLAUDE_CODE_SESSION_ID=x|CLAUDE_BG_SOCKET=x|"
		      "VSCODE_PID=1|TMUX_PANE=1|NODE_OPTIONS=--inspect|NOTIFY_SOCKET=/x|"
		      "ANTHROPIC_API_KEY=k|SSH_AUTH_SOCK=/agent|SSH_TTY=/dev/pts/1|"
		      "CLAUDE_CONFIG_DIR=/c|MINE=old|DROP=me|IRIS_CLAUDE=outer";
	char *env[32] = {NULL}, *word = strtok(text, "|");
	static const char *const kept[] = {"PATH=/bin", "HOME=/h", "ANTHROPIC_API_KEY=k",
	    "SSH_AUTH_SOCK=/agent", "CLAUDE_CONFIG_DIR=/c", "MINE=new",
	    "CLAUDE_CODE_EMIT_SESSION_STATE_EVENTS=1", MARK};
	struct transport t;
	struct err err;
	size_t i, n;
	cJSON *p = params(",\"env\":{\"MINE\":\"new\",\"DROP\":null}");

	(void)state;
	for (n = 0; word != NULL; word = strtok(NULL, "|"))
		env[n++] = word;
	assert_int_equal(transport_build(p, env, INSTANCE, &t, &err), 0);
	for (i = 0; i < sizeof kept / sizeof kept[0]; i++)
		if (!has(t.envp, kept[i]))
			fail_msg("%s is missing", kept[i]);
	for (n = 0; t.envp[n] != NULL; n++)
		;
	assert_int_equal(n, i);
	transport_release(&t);
	cJSON_Delete(p);

	p = params(",\"env\":{\"A=B\":\"x\"}");
	assert_int_equal(transport_build(p, env, INSTANCE, &t, &err), -1);
	assert_int_equal(err.code, ERR_INVALID);
	cJSON_Delete(p);
}

static void
finding(void **state)
{
	char out[PATHS_MAX], sub[256], want[300];
	struct err err;

	(void)state;
	snprintf(sub, sizeof sub, "%s/sub", dir);
	assert_int_equal(mkdir(sub, 0755), 0);
	file("sub/claude", 0755);
	snprintf(want, sizeof want, "%s/claude", sub);

	assert_int_equal(transport_find(want, NULL, NULL, out, sizeof out, &err), 0);
	assert_string_equal(out, want);
	assert_int_equal(transport_find("~/sub/claude", NULL, dir, out, sizeof out, &err), 0);
	assert_string_equal(out, want);
	assert_int_equal(transport_find("claude", sub, NULL, out, sizeof out, &err), 0);
	assert_string_equal(out, want);
	assert_int_equal(transport_find(NULL, sub, NULL, out, sizeof out, &err), 0);
	assert_string_equal(out, want);

	assert_int_equal(transport_find("no-such", sub, dir, out, sizeof out, &err), -1);
	assert_int_equal(err.code, ERR_NO_CLAUDE);
	assert_non_null(strstr(err.msg, sub));
	assert_non_null(strstr(err.msg, "claudePath"));
	assert_int_equal(transport_find("./claude", sub, dir, out, sizeof out, &err), -1);
	assert_non_null(strstr(err.msg, "absolute"));
	assert_int_equal(transport_find(sub, NULL, NULL, out, sizeof out, &err), -1);
	assert_non_null(strstr(err.msg, "not a file"));
	if (geteuid() != 0) {
		assert_int_equal(
		    transport_find(file("plain", 0), NULL, NULL, out, sizeof out, &err), -1);
	} else {
		assert_int_equal(
		    transport_find(file("plain", 0644), NULL, NULL, out, sizeof out, &err), -1);
	}
	assert_int_equal(err.code, ERR_NO_CLAUDE);
	assert_non_null(strstr(err.msg, "not executable"));
	assert_int_equal(transport_find("plain", dir, NULL, out, sizeof out, &err), -1);
	assert_non_null(strstr(err.msg, "not executable"));
}

static void
refusals(void **state)
{
	static const struct {
		const char *json;
		enum err_code code;
		const char *text;
	} cases[] = {
	    {"{\"claudeId\":\"-x\",\"cwd\":\"/\"}", ERR_INVALID, "UUID"},
	    {"{\"cwd\":\"/\"}", ERR_INVALID, "UUID"},
	    {"{\"claudeId\":\"" ID "\"}", ERR_DIRECTORY, "absolute"},
	    {"{\"claudeId\":\"" ID "\",\"cwd\":\"rel\"}", ERR_DIRECTORY, "absolute"},
	    {"{\"claudeId\":\"" ID "\",\"cwd\":\"/no/such\"}", ERR_DIRECTORY, "/no/such"},
	    {"{\"claudeId\":\"" ID "\",\"cwd\":\"/etc/passwd\"}", ERR_DIRECTORY, "not a directory"},
	    {"{\"claudeId\":\"" ID "\",\"cwd\":\"/\",\"remote\":{}}", ERR_INVALID, "remote"},
	    {"{\"claudeId\":\"" ID "\",\"cwd\":\"/\",\"claudePath\":\"/no/claude\"}", ERR_NO_CLAUDE,
		"/no/claude"},
	};
	struct transport t;
	struct err err;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		cJSON *p = json_parse(cases[i].json, strlen(cases[i].json), &err);
		assert_non_null(p);
		assert_int_equal(transport_build(p, no_env, INSTANCE, &t, &err), -1);
		assert_int_equal(err.code, cases[i].code);
		if (strstr(err.msg, cases[i].text) == NULL)
			fail_msg("\"%s\" does not say %s", err.msg, cases[i].text);
		cJSON_Delete(p);
	}
}

static void
exec_errors(void **state)
{
	struct transport t = {.path = "/x/claude"};
	struct err err;

	(void)state;
	transport_exec_error(&t, ENOENT, &err);
	assert_int_equal(err.code, ERR_NO_CLAUDE);
	assert_non_null(strstr(err.msg, "interpreter"));
	transport_exec_error(&t, ENOEXEC, &err);
	assert_int_equal(err.code, ERR_NO_CLAUDE);
	transport_exec_error(&t, EAGAIN, &err);
	assert_int_equal(err.code, ERR_IO);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(arguments),
	    cmocka_unit_test(environment),
	    cmocka_unit_test(finding),
	    cmocka_unit_test(refusals),
	    cmocka_unit_test(exec_errors),
	};

	json_init();
	return cmocka_run_group_tests(tests, setup, teardown);
}
