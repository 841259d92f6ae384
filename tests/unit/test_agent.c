/* SPDX-License-Identifier: MIT
 *
 * irisd/mcp/agent_manifest, agent_context, agent_file and gitdiff: what is read out of build files,
 * what a hostile project can not reach, and git as a child that may hang, die or never stop.
 */
#include <sys/stat.h>
#include <sys/wait.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "common/compat.h"
#include "common/json.h"
#include "irisd/mcp/agent.h"
#include "irisd/mcp/agent_context.h"
#include "irisd/mcp/agent_file.h"
#include "irisd/mcp/agent_manifest.h"
#include "irisd/mcp/gitdiff.h"
#include "tests/unit/irisd_fixture.h"

#define DEADLINE_MS 20000

/* --- build files ------------------------------------------------------------------------------ */

static void
reads(const char *file, const char *text, const char *vars, const char *deps, const char *dev)
{
	struct manifest m = {json_new(), cJSON_CreateArray(), cJSON_CreateArray()};
	const struct manifest_kind *k = manifest_kinds;
	const char *expected[] = {vars, deps, dev};
	const cJSON *found[] = {m.vars, m.dependencies, m.dev};
	struct err err;
	char *s;
	int i;

	while (strcmp(k->file, file) != 0)
		k++;
	if (k->read(&m, text, &err) == -1)
		fail_msg("%s: %s", file, err.msg);
	manifest_frameworks(&m);
	for (i = 0; i < 3; i++) {
		s = json_print(found[i]);
		if (strcmp(s, expected[i]) != 0)
			fail_msg("%s gave\n%s\nexpected\n%s", file, s, expected[i]);
		free(s);
	}
	cJSON_Delete(m.vars);
	cJSON_Delete(m.dependencies);
	cJSON_Delete(m.dev);
}

static void
test_package_json(void **state)
{
	struct manifest m = {json_new(), cJSON_CreateArray(), cJSON_CreateArray()};
	struct err err;

	(void)state;
	reads("package.json",
	    "{\"name\":\"shop\",\"version\":\"1.2.3\",\"dependencies\":{\"react\":\"1\",\"next\":\"2\"},"
	    "\"devDependencies\":{\"typescript\":\"5\",\"jest\":\"1\"},\"scripts\":{\"test\":\"jest\"}}",
	    "{\"projectName\":\"shop\",\"version\":\"1.2.3\",\"language\":\"TypeScript\","
	    "\"testCommand\":\"npm test\",\"framework\":\"Next.js\",\"testingFramework\":\"Jest\"}",
	    "[\"react\",\"next\"]", "[\"typescript\",\"jest\"]");
	reads("package.json",
	    "{\"name\":7,\"dependencies\":[\"x\"],\"scripts\":{\"test\":\"node --test\"}}",
	    "{\"language\":\"JavaScript\",\"testCommand\":\"npm test\",\"testingFramework\":\"node:test\"}",
	    "[]", "[]");
	assert_int_equal(manifest_kinds[0].read(&m, "{", &err), -1);
	cJSON_Delete(m.vars);
	cJSON_Delete(m.dependencies);
	cJSON_Delete(m.dev);
}

static void
test_python(void **state)
{
	(void)state;
	reads("pyproject.toml",
	    "# comment\n[build-system]\nname = \"no\"\n\n[project]\nname = \"orders\"\n  version='0.9'\n"
	    "dependencies = [\n  \"fastapi[all]>=0.100\", # the framework\n  'httpx ; python_version > \"3\"',\n]\n"
	    "[dependency-groups]\ndev = [\"pytest>=8\", \"ruff\"]\n[tool.ruff]\nname = \"no\"\n",
	    "{\"language\":\"Python\",\"projectName\":\"orders\",\"version\":\"0.9\","
	    "\"testingFramework\":\"pytest\",\"framework\":\"FastAPI\"}",
	    "[\"fastapi\",\"httpx\"]", "[\"pytest\",\"ruff\"]");
	reads("pyproject.toml",
	    "[tool.poetry]\nname = \"old\"\n[tool.poetry.dependencies]\npython = \"^3\"\nDjango = \"*\"\n"
	    "[tool.poetry.group.dev.dependencies]\nblack = \"*\"\n[tool.pytest.ini_options]\n",
	    "{\"language\":\"Python\",\"projectName\":\"old\",\"testingFramework\":\"pytest\","
	    "\"framework\":\"Django\"}",
	    "[\"Django\"]", "[\"black\"]");
	/* Lists and strings that do not end. */
	reads("pyproject.toml", "[project]\ndependencies = [ \"a\", \"b",
	    "{\"language\":\"Python\"}", "[\"a\",\"b\"]", "[]");
	reads("pyproject.toml", "[project]\nname = \"x\ndependencies = [ # ",
	    "{\"language\":\"Python\",\"projectName\":\"x\"}", "[]", "[]");
}

static void
test_others(void **state)
{
	(void)state;
	reads("Cargo.toml",
	    "[package]\nname = \"fast\"\nversion = \"2.0.0\"\n[dependencies]\naxum = { version = \"1\" }\n"
	    "serde.workspace = true\n[dev-dependencies]\ninsta = \"1\"\n",
	    "{\"language\":\"Rust\",\"testingFramework\":\"cargo test\",\"testCommand\":\"cargo test\","
	    "\"projectName\":\"fast\",\"version\":\"2.0.0\",\"framework\":\"Axum\"}",
	    "[\"axum\",\"serde\"]", "[\"insta\"]");
	reads("go.mod",
	    "module example.com/x/api\n\ngo 1.22\n\nrequire example.com/one v1.0.0\nrequire (\n"
	    "\tgithub.com/go-chi/chi/v5 v5.0.0\n\t// a comment\n\tgolang.org/x/net v0.1.0 // indirect\n)\n",
	    "{\"language\":\"Go\",\"testingFramework\":\"go test\",\"testCommand\":\"go test ./...\","
	    "\"projectName\":\"example.com/x/api\",\"framework\":\"chi\"}",
	    "[\"example.com/one\",\"github.com/go-chi/chi/v5\",\"golang.org/x/net\"]", "[]");
	reads("pom.xml",
	    "<?xml version=\"1.0\"?>\n<!-- <artifactId>no</artifactId> -->\n<project xmlns=\"x\">\n"
	    "<parent><artifactId>spring-boot-starter-parent</artifactId><version>3</version></parent>\n"
	    "<artifactId>shop</artifactId><version>1.0</version><empty/>\n<dependencies>"
	    "<dependency><groupId>g</groupId><artifactId>junit-jupiter</artifactId></dependency>"
	    "</dependencies><build><plugins><plugin><artifactId>no</artifactId></plugin></plugins>"
	    "</build></project>",
	    "{\"language\":\"Java\",\"testCommand\":\"mvn test\",\"framework\":\"Spring Boot\","
	    "\"projectName\":\"shop\",\"version\":\"1.0\",\"testingFramework\":\"JUnit 5\"}",
	    "[\"junit-jupiter\"]", "[]");
	reads("CMakeLists.txt",
	    "cmake_minimum_required(VERSION 3.20)\nProject (engine\n  VERSION 1.4\n  LANGUAGES CXX)\n"
	    "find_package(GTest REQUIRED)\nfind_package( Qt6 COMPONENTS Core)\nenable_testing()\n",
	    "{\"projectName\":\"engine\",\"version\":\"1.4\",\"language\":\"C++\",\"testCommand\":\"ctest\","
	    "\"testingFramework\":\"GoogleTest\",\"framework\":\"Qt\"}",
	    "[\"GTest\",\"Qt6\"]", "[]");
	reads("CMakeLists.txt", "project(tool C)", "{\"projectName\":\"tool\",\"language\":\"C\"}",
	    "[]", "[]");
	reads("CMakeLists.txt", "project(${NAME})\nproject", "{\"language\":\"C and C++\"}", "[]",
	    "[]");
	reads("Makefile", "all: x\n\nx: x.c\n\t$(CC) -o x x.c\n\ncheck: all\n\t./test\n",
	    "{\"testCommand\":\"make check\",\"language\":\"C\"}", "[]", "[]");
}

/* Whatever is in them: every reader comes to an end, within its bounds. */
static void
test_nonsense(void **state)
{
	static const char *const texts[] = {"", "<", "</", "<a", "<!--", "[", "[[", "=", "module ",
	    "require (", "project(", "find_package(", "[project]\nname", "[project]\nname=\"",
	    "[project]\ndependencies=[", "<a><b><c><d><e><f><g><h><i><j><k><l><m><n><o><p><q><r>",
	    "\xff\xfe", "[dependencies]\n=\n==\n\"\"=1"};
	const struct manifest_kind *k;
	struct manifest m;
	struct err err;
	size_t i;

	(void)state;
	for (k = manifest_kinds; k->file != NULL; k++) {
		for (i = 0; i < sizeof texts / sizeof texts[0]; i++) {
			m.vars = json_new();
			m.dependencies = cJSON_CreateArray();
			m.dev = cJSON_CreateArray();
			k->read(&m, texts[i], &err);
			manifest_frameworks(&m);
			cJSON_Delete(m.vars);
			cJSON_Delete(m.dependencies);
			cJSON_Delete(m.dev);
		}
	}
}

/* --- files ------------------------------------------------------------------------------------ */

static void
test_inside(void **state)
{
	bool cut = true;
	struct err err;
	char *s;

	(void)state;
	assert_int_equal(mkdir(in_dir("project"), 0700), 0);
	assert_int_equal(mkdir(in_dir("project/sub"), 0700), 0);
	write_text(in_dir("secret"), "secret");
	write_text(in_dir("project/a"), "\xef\xbb\xbfhello\xff w\xc3\xb6rld");
	write_bytes(in_dir("project/nul"), "a\0b", 3);
	assert_int_equal(symlink("../secret", in_dir("project/out")), 0);
	assert_int_equal(symlink("..", in_dir("project/up")), 0);
	assert_int_equal(symlink("../a", in_dir("project/sub/in")), 0);
	assert_int_equal(symlink("loop", in_dir("project/loop")), 0);
	assert_int_equal(mkfifo(in_dir("project/fifo"), 0600), 0);

	s = agent_file_inside(in_dir("project"), "a", 100, NULL, &err);
	assert_string_equal(s, "hello w\xc3\xb6rld");
	free(s);
	s = agent_file_inside(in_dir("project"), "sub/in", 10, &cut, &err);
	assert_string_equal(s, "hello ");
	assert_true(cut);
	free(s);
	assert_null(agent_file_inside(in_dir("project"), "a", 5, NULL, &err));
	assert_int_equal(err.code, ERR_CONFIG);
	assert_null(agent_file_inside(in_dir("project"), "missing", 5, NULL, &err));
	assert_int_equal(err.code, ERR_NOT_FOUND);
	assert_null(agent_file_inside(in_dir("project"), "a/b", 5, NULL, &err));
	assert_int_equal(err.code, ERR_NOT_FOUND);
	for (size_t i = 0; i < 4; i++) {
		static const char *const out[] = {
		    "out", "up/secret", "../secret", "sub/../../secret"};
		assert_null(agent_file_inside(in_dir("project"), out[i], 100, NULL, &err));
		assert_int_equal(err.code, ERR_REFUSED);
	}
	for (size_t i = 0; i < 4; i++) {
		static const char *const bad[] = {"sub", "fifo", "nul", "loop"};
		assert_null(agent_file_inside(in_dir("project"), bad[i], 100, NULL, &err));
		assert_true(err.code == ERR_CONFIG || err.code == ERR_IO);
	}
	assert_null(agent_file_inside(in_dir("project"), ".", 100, NULL, &err));
}

static void
test_yaml_bombs(void **state)
{
	char *text = xstrdup("customVars:\n  a0: &a0 [x, x, x, x]\n"), *more;
	cJSON *vars = json_new(), *problems = cJSON_CreateArray();
	int i;

	(void)state;
	for (i = 1; i < 12; i++) {
		more = xasprintf("%s  a%d: &a%d [*a%d, *a%d, *a%d, *a%d]\n", text, i, i, i - 1,
		    i - 1, i - 1, i - 1);
		free(text);
		text = more;
	}
	mkdir(in_dir(".iris"), 0700);
	write_text(in_dir(".iris/context.yaml"), text);
	free(text);
	agent_context(fixture_dir, vars, problems);
	assert_int_equal(cJSON_GetArraySize(problems), 1);
	assert_non_null(strstr(problems->child->valuestring, "more than 5000 values"));
	assert_null(json_get(vars, "customVars"));
	cJSON_Delete(vars);
	cJSON_Delete(problems);
	vars = json_new();
	problems = cJSON_CreateArray();
	write_text(in_dir(".iris/context.yaml"), "customVars: &x\n  y: *x\n");
	agent_context(fixture_dir, vars, problems);
	assert_int_equal(cJSON_GetArraySize(problems), 1);
	cJSON_Delete(vars);
	cJSON_Delete(problems);
}

/* --- git -------------------------------------------------------------------------------------- */

static struct irisd d;
static struct event *child_ev;
static char *diffs[80];
static struct err whys[80];
static int ended;

static void
child_cb(evutil_socket_t sig, short what, void *arg)
{
	int status;
	pid_t pid;

	(void)sig;
	(void)what;
	(void)arg;
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		gitdiff_reaped(pid, status);
}

static void
diff_cb(const char *diff, bool cut, const struct err *why, void *arg)
{
	(void)arg;
	(void)cut;
	diffs[ended] = diff != NULL ? xstrdup(diff) : NULL;
	if (why != NULL)
		whys[ended] = *why;
	ended++;
}

/* A program of that name, first in PATH. */
static void
put_git(const char *script)
{
	char path[PATH_MAX + 64];

	mkdir(in_dir("bin"), 0700);
	write_text(in_dir("bin/git"), script);
	assert_int_equal(chmod(in_dir("bin/git"), 0700), 0);
	snprintf(path, sizeof path, "%s:/usr/bin:/bin", in_dir("bin"));
	setenv("PATH", path, 1);
	mkdir(in_dir(".git"), 0700);
}

static void
run_until(int n)
{
	int64_t until = compat_mono_ms() + DEADLINE_MS;
	struct timeval tick = {0, 200000};

	while (ended < n) {
		assert_true(compat_mono_ms() < until);
		event_base_loopexit(d.loop.base, &tick);
		event_base_loop(d.loop.base, EVLOOP_ONCE);
	}
}

static int
git_setup(void **state)
{
	if (fixture_setup(state) == -1)
		return -1;
	fixture_irisd(&d, "teams: {}\n");
	child_ev = evsignal_new(d.loop.base, SIGCHLD, child_cb, NULL);
	event_add(child_ev, NULL);
	ended = 0;
	return 0;
}

static int
git_teardown(void **state)
{
	while (ended > 0)
		free(diffs[--ended]);
	event_free(child_ev);
	fixture_irisd_release(&d);
	return fixture_teardown(state);
}

static void
test_git_many(void **state)
{
	struct err err;
	int i, n = 0;

	(void)state;
	put_git("#!/bin/sh\ncase \"$*\" in *config*) exit 1;; esac\necho \"diff of $PWD\"\n");
	for (i = 0; i < 70; i++)
		if (gitdiff_start(&d, fixture_dir, diff_cb, NULL, &err) != NULL)
			n++;
	assert_int_equal(n, 64);
	assert_int_equal(err.code, ERR_LIMIT);
	/* Nothing is told before the loop runs. */
	assert_int_equal(ended, 0);
	run_until(64);
	for (i = 0; i < 64; i++) {
		assert_non_null(diffs[i]);
		assert_non_null(strstr(diffs[i], fixture_dir));
	}
}

static void
test_git_environment(void **state)
{
	struct err err;

	(void)state;
	setenv("GIT_DIR", "/nonexistent", 1);
	setenv("GIT_EXTERNAL_DIFF", "false", 1);
	setenv("IRIS_SECRET", "x", 1);
	put_git(
	    "#!/bin/sh\ncase \"$*\" in *config*) printf 'local\\0filter.a=b.clean\\0global\\0filter.g.clean\\0'\n"
	    "exit 0;; esac\necho \"$*\"\nenv\n");
	assert_non_null(gitdiff_start(&d, fixture_dir, diff_cb, NULL, &err));
	run_until(1);
	assert_non_null(diffs[0]);
	assert_null(strstr(diffs[0], "GIT_DIR="));
	assert_null(strstr(diffs[0], "GIT_EXTERNAL_DIFF"));
	assert_null(strstr(diffs[0], "IRIS_SECRET"));
	assert_non_null(strstr(diffs[0], "\nGIT_CONFIG_COUNT=1\n"));
	assert_non_null(strstr(diffs[0], "GIT_CONFIG_KEY_0=filter.a=b.clean\n"));
	assert_non_null(strstr(diffs[0], "GIT_CONFIG_VALUE_0=\n"));
	assert_non_null(strstr(diffs[0], "--no-ext-diff --no-textconv"));
	unsetenv("GIT_DIR");
	unsetenv("GIT_EXTERNAL_DIFF");
	unsetenv("IRIS_SECRET");
}

static void
test_git_fails(void **state)
{
	struct err err;

	(void)state;
	put_git("#!/bin/sh\necho 'fatal: no\tway' >&2\nexit 128\n");
	assert_non_null(gitdiff_start(&d, fixture_dir, diff_cb, NULL, &err));
	run_until(1);
	assert_null(diffs[0]);
	assert_int_equal(whys[0].code, ERR_IO);
	assert_non_null(strstr(whys[0].msg, "fatal: no way"));
	put_git("#!/bin/sh\nkill -9 $$\n");
	assert_non_null(gitdiff_start(&d, fixture_dir, diff_cb, NULL, &err));
	run_until(2);
	assert_non_null(strstr(whys[1].msg, "ended without a word"));
	/* Endless output is cut, and its writer ended. */
	put_git("#!/bin/sh\ncase \"$*\" in *config*) exit 1;; esac\nexec yes\n");
	assert_non_null(gitdiff_start(&d, fixture_dir, diff_cb, NULL, &err));
	run_until(3);
	assert_int_equal(strlen(diffs[2]), GITDIFF_MAX);
}

/* The one who asked has gone: so has git, with what it has started. */
static void
test_git_cancel(void **state)
{
	int64_t until = compat_mono_ms() + DEADLINE_MS;
	struct timeval tick = {0, 20000};
	char script[4 * PATH_MAX];
	struct gitdiff *g;
	struct err err;
	struct stat st;
	pid_t pid;
	char *s;

	(void)state;
	snprintf(script, sizeof script,
	    "#!/bin/sh\nsleep 600 &\necho $! >%s.new\nmv %s.new %s\nwait\n", in_dir("pid"),
	    in_dir("pid"), in_dir("pid"));
	put_git(script);
	g = gitdiff_start(&d, fixture_dir, diff_cb, NULL, &err);
	assert_non_null(g);
	while (stat(in_dir("pid"), &st) == -1) {
		assert_true(compat_mono_ms() < until);
		event_base_loopexit(d.loop.base, &tick);
		event_base_loop(d.loop.base, EVLOOP_ONCE);
	}
	s = read_text(in_dir("pid"));
	pid = (pid_t)atol(s);
	free(s);
	assert_true(pid > 1 && compat_proc_start(pid) != 0);
	gitdiff_cancel(g);
	while (compat_proc_start(pid) != 0) {
		assert_true(compat_mono_ms() < until);
		event_base_loopexit(d.loop.base, &tick);
		event_base_loop(d.loop.base, EVLOOP_ONCE);
	}
	assert_int_equal(ended, 0);
}

/* The list for the tool's schema, and the table, are the same. */
static void
test_names(void **state)
{
	const struct agent_type *t;
	int n = 0;

	(void)state;
	for (t = agent_types; t->name != NULL; t++) {
		assert_ptr_equal(agent_type_find(t->name), t);
		if (!t->prompt_only)
			assert_string_equal(t->name, agent_names[n++]);
	}
	assert_null(agent_names[n]);
	assert_null(agent_type_find("poet"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_names),
	    cmocka_unit_test(test_package_json),
	    cmocka_unit_test(test_python),
	    cmocka_unit_test(test_others),
	    cmocka_unit_test(test_nonsense),
	    cmocka_unit_test_setup_teardown(test_inside, fixture_setup, fixture_teardown),
	    cmocka_unit_test_setup_teardown(test_yaml_bombs, fixture_setup, fixture_teardown),
	    cmocka_unit_test_setup_teardown(test_git_many, git_setup, git_teardown),
	    cmocka_unit_test_setup_teardown(test_git_environment, git_setup, git_teardown),
	    cmocka_unit_test_setup_teardown(test_git_fails, git_setup, git_teardown),
	    cmocka_unit_test_setup_teardown(test_git_cancel, git_setup, git_teardown),
	};

	json_init();
	return cmocka_run_group_tests_name("agent", tests, NULL, NULL);
}
