/* SPDX-License-Identifier: MIT
 *
 * config.yaml that loads: defaults, types, inheritance, paths, variables, warnings. What must not
 * load is in test_config_errors.c.
 */
#include <limits.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "common/config_table.h"
#include "config_fixture.h"

static struct config *
load(const char *text)
{
	struct err e;
	struct config *c;

	write_text(fixture_config, text);
	c = config_load(fixture_config, &e);
	if (c == NULL)
		fail_msg("%s", e.msg);
	return c;
}

static void
expect_warning(const struct config *c, size_t i, const char *message)
{
	char want[PATH_MAX + 512];

	assert_true(i < c->warnings.n);
	snprintf(want, sizeof want, "%s:%s", fixture_config, message);
	assert_string_equal(c->warnings.v[i], want);
}

static void
check_defaults(const struct config *c)
{
	assert_int_equal(c->settings.session_init_timeout, 30000);
	assert_int_equal(c->settings.spawn_timeout, 20000);
	assert_int_equal(c->settings.response_timeout, 120000);
	assert_int_equal(c->settings.idle_timeout, 3600000);
	assert_int_equal(c->settings.max_processes, 10);
	assert_int_equal(c->settings.health_check_interval, 30000);
	assert_int_equal(c->settings.http_port, 1615);
	assert_int_equal(c->settings.default_transport, CONFIG_TRANSPORT_STDIO);
	assert_string_equal(c->settings.wonder_logger_config, "./wonder-logger.yaml");
	assert_false(c->settings.hot_reload_config);
	assert_false(c->settings.session_mcp_enabled);
	assert_string_equal(c->settings.session_mcp_path, ".claude/iris/mcp");
	assert_int_equal(c->settings.permission_timeout, 300000);
	assert_int_equal(c->settings.default_timeout, 0);
	assert_int_equal(c->settings.max_queue, 1000);
	assert_int_equal(c->settings.log_level, CONFIG_LOG_INFO);
	assert_string_equal(c->settings.claude_path, "claude");
	assert_int_equal(c->settings.stop_timeout, 8000);
	assert_true(c->dashboard.enabled);
	assert_string_equal(c->dashboard.host, "localhost");
	assert_int_equal(c->dashboard.http, 3100);
	assert_int_equal(c->dashboard.https, 0);
	assert_false(c->dashboard.selfsigned);
	assert_null(c->dashboard.cert_path);
	assert_null(c->dashboard.key_path);
	assert_null(c->dashboard.spawn_script_path);
	assert_string_equal(c->database.path, "iris.db");
	assert_false(c->database.in_memory);
	assert_int_equal(c->nteams, 0);
	assert_int_equal(c->warnings.n, 0);
	assert_string_equal(c->path, fixture_config);
	assert_string_equal(c->dir, fixture_dir);
}

/* Everything that says nothing gives the defaults. */
static void
test_defaults(void **state)
{
	static const char *const texts[] = {"", "# nothing\n", "---\n", "{}\n", "~\n", "teams:\n",
	    "teams: ~\n", "teams: {}\n", "settings:\ndashboard:\ndatabase:\nteams:\n",
	    "dashboard:\n  enabled: true\n",
	    "\xef\xbb\xbf"
	    "teams:\n",
	    "%YAML 1.1\n---\nteams:\n...\n"};
	struct config *c;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		c = load(texts[i]);
		check_defaults(c);
		config_free(c);
	}
	c = config_default(fixture_config);
	check_defaults(c);
	config_free(c);
	config_free(NULL);
}

static void
test_every_setting(void **state)
{
	struct config *c =
	    load("settings:\n  sessionInitTimeout: 1\n  spawnTimeout: 2\n"
		 "  responseTimeout: 3\n  idleTimeout: 4\n  maxProcesses: 5\n"
		 "  healthCheckInterval: 6\n  httpPort: 7\n  defaultTransport: http\n"
		 "  wonderLoggerConfig: w.yaml\n  hotReloadConfig: true\n"
		 "  sessionMcpEnabled: True\n  sessionMcpPath: a/b\n"
		 "  permissionTimeout: 8\n  defaultTimeout: 9\n  maxQueue: 10\n"
		 "  logLevel: debug\n  claudePath: ~/bin/claude\n  stopTimeout: 11\n"
		 "dashboard:\n  enabled: FALSE\n  host: 127.0.0.1\n  http: 0\n"
		 "  https: 12\n  selfsigned: true\n  certPath: c.pem\n"
		 "  keyPath: /k/../key.pem\n  spawnScriptPath: ./s.sh\n"
		 "database:\n  path: ~/x.db\n  inMemory: true\n");

	(void)state;
	assert_int_equal(c->settings.session_init_timeout, 1);
	assert_int_equal(c->settings.spawn_timeout, 2);
	assert_int_equal(c->settings.response_timeout, 3);
	assert_int_equal(c->settings.idle_timeout, 4);
	assert_int_equal(c->settings.max_processes, 5);
	assert_int_equal(c->settings.health_check_interval, 6);
	assert_int_equal(c->settings.http_port, 7);
	assert_int_equal(c->settings.default_transport, CONFIG_TRANSPORT_HTTP);
	assert_string_equal(c->settings.wonder_logger_config, "w.yaml");
	assert_true(c->settings.hot_reload_config);
	assert_true(c->settings.session_mcp_enabled);
	assert_string_equal(c->settings.session_mcp_path, "a/b");
	assert_int_equal(c->settings.permission_timeout, 8);
	assert_int_equal(c->settings.default_timeout, 9);
	assert_int_equal(c->settings.max_queue, 10);
	assert_int_equal(c->settings.log_level, CONFIG_LOG_DEBUG);
	assert_string_equal(c->settings.claude_path, in_dir("bin/claude"));
	assert_int_equal(c->settings.stop_timeout, 11);
	assert_false(c->dashboard.enabled);
	assert_string_equal(c->dashboard.host, "127.0.0.1");
	assert_int_equal(c->dashboard.http, 0);
	assert_int_equal(c->dashboard.https, 12);
	assert_true(c->dashboard.selfsigned);
	assert_string_equal(c->dashboard.cert_path, in_dir("c.pem"));
	assert_string_equal(c->dashboard.key_path, "/key.pem");
	assert_string_equal(c->dashboard.spawn_script_path, in_dir("s.sh"));
	assert_string_equal(c->database.path, in_dir("x.db"));
	assert_true(c->database.in_memory);
	assert_int_equal(c->warnings.n, 0);
	config_free(c);
}

static void
test_every_team_key(void **state)
{
	struct config *c = load(
	    "teams:\n  a:\n    path: /remote/dir\n    description: d\n    color: '#12aBcD'\n"
	    "    remote: ssh -J jump me@host\n    ssh2: true\n    claudePath: ~/bin/claude\n"
	    "    model: opus\n    permissionMode: acceptEdits\n    grantPermission: forward\n"
	    "    allowedTools: Read, Bash(git log:*)  Edit\n"
	    "    disallowedTools:\n    - Write\n    - \"Bash(rm *, x)\"\n"
	    "    appendSystemPrompt: |\n      two\n      lines\n    addDirs: [~/x, y]\n"
	    "    env:\n      A: 1\n      B_2:\n    mcpConfig: m.json\n    mcpConfigScript: s.sh\n"
	    "    sessionMcpEnabled: true\n    sessionMcpPath: z\n    enableReverseMcp: true\n"
	    "    reverseMcpPort: 2\n    allowHttp: true\n    sessionInitTimeout: 3\n"
	    "    spawnTimeout: 4\n    responseTimeout: 5\n    idleTimeout: 6\n"
	    "    remoteOptions:\n      identity: ~/.ssh/id\n      passphrase: -x\n      port: 7\n"
	    "      strictHostKeyChecking: false\n      connectTimeout: 8\n"
	    "      serverAliveInterval: 9\n      serverAliveCountMax: 10\n      compression: true\n"
	    "      forwardAgent: true\n      extraSshArgs: [-v, -o, Foo=bar]\n");
	const struct config_team *t = config_find_team(c, "a");

	(void)state;
	assert_non_null(t);
	assert_int_equal(t->line, 2);
	assert_string_equal(t->path, "/remote/dir");
	assert_string_equal(t->path_given, "/remote/dir");
	assert_false(t->path_missing);
	assert_string_equal(t->description, "d");
	assert_string_equal(t->color, "#12aBcD");
	assert_string_equal(t->remote, "ssh -J jump me@host");
	assert_true(t->ssh2);
	assert_string_equal(t->claude_path, "~/bin/claude");
	assert_string_equal(t->model, "opus");
	assert_int_equal(t->permission_mode, CONFIG_MODE_ACCEPT_EDITS);
	assert_int_equal(t->grant_permission, CONFIG_GRANT_FORWARD);
	assert_int_equal(t->allowed_tools.n, 3);
	assert_string_equal(t->allowed_tools.v[0], "Read");
	assert_string_equal(t->allowed_tools.v[1], "Bash(git log:*)");
	assert_string_equal(t->allowed_tools.v[2], "Edit");
	assert_int_equal(t->disallowed_tools.n, 2);
	assert_string_equal(t->disallowed_tools.v[0], "Write");
	assert_string_equal(t->disallowed_tools.v[1], "Bash(rm *, x)");
	assert_string_equal(t->append_system_prompt, "two\nlines\n");
	assert_int_equal(t->add_dirs.n, 2);
	assert_string_equal(t->add_dirs.v[0], "~/x");
	assert_string_equal(t->add_dirs.v[1], "y");
	assert_int_equal(t->env.n, 2);
	assert_string_equal(t->env.v[0].name, "A");
	assert_string_equal(t->env.v[0].value, "1");
	assert_string_equal(t->env.v[1].name, "B_2");
	assert_string_equal(t->env.v[1].value, "");
	assert_string_equal(t->mcp_config, "m.json");
	assert_string_equal(t->mcp_config_script, in_dir("s.sh"));
	assert_true(t->session_mcp_enabled);
	assert_string_equal(t->session_mcp_path, "z");
	assert_true(t->enable_reverse_mcp);
	assert_int_equal(t->reverse_mcp_port, 2);
	assert_true(t->allow_http);
	assert_int_equal(t->session_init_timeout, 3);
	assert_int_equal(t->spawn_timeout, 4);
	assert_int_equal(t->response_timeout, 5);
	assert_int_equal(t->idle_timeout, 6);
	assert_string_equal(t->remote_options.identity, in_dir(".ssh/id"));
	assert_string_equal(t->remote_options.passphrase, "-x");
	assert_int_equal(t->remote_options.port, 7);
	assert_false(t->remote_options.strict_host_key_checking);
	assert_int_equal(t->remote_options.connect_timeout, 8);
	assert_int_equal(t->remote_options.server_alive_interval, 9);
	assert_int_equal(t->remote_options.server_alive_count_max, 10);
	assert_true(t->remote_options.compression);
	assert_true(t->remote_options.forward_agent);
	assert_int_equal(t->remote_options.extra_ssh_args.n, 3);
	assert_string_equal(t->remote_options.extra_ssh_args.v[2], "Foo=bar");
	assert_int_equal(c->warnings.n, 0);
	config_free(c);
}

/* A team takes from settings what it does not say, wherever settings stands in the file. */
static void
test_inheritance(void **state)
{
	struct config *c = load("teams:\n  a:\n    path: alpha\n  b:\n    path: beta\n"
				"    idleTimeout: 7\n    claudePath: ./c\n    addDirs: [~/x, y]\n"
				"    mcpConfig: m.json\n    grantPermission: no\n"
				"settings:\n  idleTimeout: 5\n  spawnTimeout: 6\n"
				"  sessionMcpEnabled: true\n  claudePath: cl\n");
	const struct config_team *a = config_find_team(c, "a"), *b = config_find_team(c, "b");

	(void)state;
	assert_int_equal(a->idle_timeout, 5);
	assert_int_equal(a->spawn_timeout, 6);
	assert_int_equal(a->response_timeout, 120000);
	assert_true(a->session_mcp_enabled);
	assert_string_equal(a->session_mcp_path, ".claude/iris/mcp");
	assert_string_equal(a->claude_path, "cl");
	assert_string_equal(a->description, "Team a");
	assert_int_equal(a->grant_permission, CONFIG_GRANT_ASK);
	assert_int_equal(a->permission_mode, CONFIG_MODE_DEFAULT);
	assert_true(a->remote_options.strict_host_key_checking);
	assert_int_equal(a->remote_options.server_alive_interval, 30);
	assert_int_equal(a->remote_options.port, 0);
	assert_null(a->color);
	assert_null(a->model);
	assert_null(a->remote);
	assert_int_equal(b->idle_timeout, 7);
	assert_int_equal(b->spawn_timeout, 6);
	assert_string_equal(b->claude_path, in_dir("c"));
	assert_string_equal(b->add_dirs.v[0], in_dir("x"));
	assert_string_equal(b->add_dirs.v[1], in_dir("y"));
	assert_string_equal(b->mcp_config, in_dir("m.json"));
	assert_int_equal(b->grant_permission, CONFIG_GRANT_NO);
	assert_null(config_find_team(c, "A"));
	config_free(c);
}

static void
test_paths(void **state)
{
	struct config *c;

	(void)state;
	assert_int_equal(symlink("beta", in_dir("link")), 0);
	c = load("teams:\n  abs:\n    path: ${HOME}/alpha/\n  up:\n    path: ./alpha/../link\n"
		 "  home:\n    path: ~\n  below:\n    path: ~/gamma\n"
		 "  odd:\n    path: \"with space_and.dots \xc3\xa4\xc3\xb6\"\n"
		 "  gone:\n    path: ./no/such/../dir\n  file:\n    path: config.yaml\n");
	assert_string_equal(config_find_team(c, "abs")->path, in_dir("alpha"));
	assert_string_equal(config_find_team(c, "up")->path, in_dir("beta"));
	assert_string_equal(config_find_team(c, "up")->path_given, "./alpha/../link");
	assert_string_equal(config_find_team(c, "home")->path, fixture_dir);
	assert_string_equal(config_find_team(c, "below")->path, in_dir("gamma"));
	assert_string_equal(
	    config_find_team(c, "odd")->path, in_dir("with space_and.dots \xc3\xa4\xc3\xb6"));
	assert_string_equal(config_find_team(c, "gone")->path, in_dir("no/dir"));
	assert_true(config_find_team(c, "gone")->path_missing);
	assert_true(config_find_team(c, "file")->path_missing);
	assert_false(config_find_team(c, "odd")->path_missing);
	assert_int_equal(c->warnings.n, 2);
	assert_non_null(strstr(c->warnings.v[0], "config.yaml:13:11: teams.gone.path: "));
	assert_non_null(strstr(c->warnings.v[0],
	    "/no/dir: No such file or directory; it is looked "
	    "at again when the team is used"));
	assert_non_null(strstr(c->warnings.v[1], "config.yaml:15:11: teams.file.path: "));
	assert_non_null(strstr(c->warnings.v[1], ": Not a directory; "));
	assert_string_equal(config_team_of_dir(c, in_dir("alpha/src"))->name, "abs");
	assert_string_equal(config_team_of_dir(c, in_dir("alphabet"))->name, "home");
	assert_null(config_team_of_dir(c, "/"));
	config_free(c);
	unlink(in_dir("link"));
}

/* A config file given by a relative name: its directory is absolute all the same. */
static void
test_relative_config(void **state)
{
	char cwd[PATH_MAX];
	struct err e;
	struct config *c;

	(void)state;
	write_text(
	    fixture_config, "teams:\n  a:\n    path: alpha\n  x:\n    pth: y\n    path: z\n");
	assert_non_null(getcwd(cwd, sizeof cwd));
	assert_int_equal(chdir(fixture_dir), 0);
	c = config_load("config.yaml", &e);
	assert_int_equal(chdir(cwd), 0);
	assert_non_null(c);
	assert_string_equal(c->dir, fixture_dir);
	assert_string_equal(c->teams[0].path, in_dir("alpha"));
	assert_int_equal(strncmp(c->warnings.v[0], "config.yaml:5:5: ", 17), 0);
	config_free(c);
}

static void
test_unknown_keys(void **state)
{
	struct config *c =
	    load("settings:\n  maxProceses: 1\n  zzz: {a: [1, 2]}\n"
		 "team: {}\nteams:\n  a:\n    skipPermissions: true\n    path: alpha\n"
		 "    remoteOptions:\n      prot: ${NOT_SET}\n    remoteOption: 1\n");

	(void)state;
	assert_int_equal(c->warnings.n, 6);
	expect_warning(c, 0, "4:1: unknown key \"team\" in the top level, did you mean \"teams\"?");
	expect_warning(
	    c, 1, "2:3: unknown key \"maxProceses\" in settings, did you mean \"maxProcesses\"?");
	expect_warning(c, 2, "3:3: unknown key \"zzz\" in settings");
	expect_warning(
	    c, 3, "7:5: unknown key \"skipPermissions\" in teams.a, did you mean \"permissions\"?");
	expect_warning(
	    c, 4, "11:5: unknown key \"remoteOption\" in teams.a, did you mean \"remoteOptions\"?");
	expect_warning(
	    c, 5, "10:7: unknown key \"prot\" in teams.a.remoteOptions, did you mean \"port\"?");
	config_free(c);
}

static void
test_variables(void **state)
{
	struct config *c;
	const struct config_team *t;

	(void)state;
	setenv("IRIS_T_A", "alpha", 1);
	setenv("IRIS_T_N", "17", 1);
	setenv("IRIS_T_EMPTY", "", 1);
	setenv("IRIS_T_BOTH", "from environment", 1);
	unsetenv("IRIS_T_NONE");
	write_text(in_dir(".env"), "IRIS_T_FILE=from file\nIRIS_T_BOTH=from file\nIRIS_T_B=true\n");
	chmod(in_dir(".env"), 0600);
	c = load(
	    "settings:\n  maxProcesses: ${IRIS_T_N}\n  maxQueue: ${IRIS_T_NONE:-42}\n"
	    "  hotReloadConfig: ${IRIS_T_B}\n  stopTimeout: \"${IRIS_T_EMPTY:-1}${IRIS_T_N}\"\n"
	    "teams:\n  a:\n    path: ./${IRIS_T_A}\n    env:\n      A: ${IRIS_T_FILE}\n"
	    "      B: ${IRIS_T_BOTH}\n      C: x${IRIS_T_EMPTY}y\n"
	    "      D: ${IRIS_T_NONE:-}|${IRIS_T_NONE:-p}/mid/${IRIS_T_NONE:-q}\n"
	    "      E: '${IRIS_T_NONE:-gr\xc3\xbc\xc3\x9f: dich}'\n      F: $${IRIS_T_NONE} $ $$ "
	    "${IRIS_T_N}\n"
	    "      G: $$${IRIS_T_NONE}\n      H: '${IRIS_T_NONE:-a:-b}'\n"
	    "    allowedTools: [\"${IRIS_T_A}\"]\n    unknown: ${IRIS_T_NONE}\n");
	assert_int_equal(c->settings.max_processes, 17);
	assert_int_equal(c->settings.max_queue, 42);
	assert_int_equal(c->settings.stop_timeout, 117);
	assert_true(c->settings.hot_reload_config);
	t = config_find_team(c, "a");
	assert_string_equal(t->path, in_dir("alpha"));
	assert_string_equal(t->env.v[0].value, "from file");
	assert_string_equal(t->env.v[1].value, "from environment");
	assert_string_equal(t->env.v[2].value, "xy");
	assert_string_equal(t->env.v[3].value, "|p/mid/q");
	assert_string_equal(t->env.v[4].value, "gr\xc3\xbc\xc3\x9f: dich");
	assert_string_equal(t->env.v[5].value, "${IRIS_T_NONE} $ $$ 17");
	assert_string_equal(t->env.v[6].value, "$${IRIS_T_NONE}");
	assert_string_equal(t->env.v[7].value, "a:-b");
	assert_string_equal(t->allowed_tools.v[0], "alpha");
	assert_int_equal(c->warnings.n, 1);
	config_free(c);
	assert_null(getenv("IRIS_T_FILE"));
	unlink(in_dir(".env"));
}

static void
test_dotenv_warning(void **state)
{
	struct config *c;
	char want[PATH_MAX * 2 + 100];

	(void)state;
	write_text(in_dir(".env"), "A=1\n");
	chmod(in_dir(".env"), 0644);
	c = load("");
	assert_int_equal(c->warnings.n, 1);
	snprintf(want, sizeof want, "%s:1:1: everyone may read this file; run: chmod 600 %s",
	    in_dir(".env"), in_dir(".env"));
	assert_string_equal(c->warnings.v[0], want);
	config_free(c);
	unlink(in_dir(".env"));
}

static void
test_yaml_forms(void **state)
{
	struct config *c =
	    load("settings: &s {maxProcesses: '3', \"maxQueue\": 4}\r\n"
		 "dashboard:\r\n  host: &h \"127.0.0.1\"\r\n"
		 "teams:\r\n  a: &a\r\n    path: alpha\r\n    model: *h\r\n"
		 "  '1.5': {path: \"bet\\x61\"}\r\n  x_-.y:\r\n    path: >-\r\n      gamma\r\n");

	(void)state;
	assert_int_equal(c->settings.max_processes, 3);
	assert_int_equal(c->settings.max_queue, 4);
	assert_string_equal(config_find_team(c, "a")->model, "127.0.0.1");
	assert_string_equal(config_find_team(c, "1.5")->path, in_dir("beta"));
	assert_string_equal(config_find_team(c, "x_-.y")->path, in_dir("gamma"));
	assert_string_equal(c->teams[1].name, "1.5");
	assert_int_equal(c->teams[1].line, 8);
	config_free(c);
	/* An alias that leads back to its own parent must not be followed for ever. */
	c = load("x: &x [*x, {a: *x}]\nteams: &t\n  a:\n    path: alpha\n    y: *t\n");
	assert_int_equal(c->warnings.n, 2);
	config_free(c);
}

static void
test_grant_words(void **state)
{
	static const struct {
		const char *word;
		int grant;
	} cases[] = {{"yes", CONFIG_GRANT_YES}, {"no", CONFIG_GRANT_NO}, {"ask", CONFIG_GRANT_ASK},
	    {"forward", CONFIG_GRANT_FORWARD}, {"true", CONFIG_GRANT_YES},
	    {"False", CONFIG_GRANT_NO}, {"'yes'", CONFIG_GRANT_YES}};
	char text[256];
	struct config *c;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		snprintf(text, sizeof text,
		    "teams:\n  a:\n    path: alpha\n    grantPermission: %s\n", cases[i].word);
		c = load(text);
		assert_int_equal(c->teams[0].grant_permission, cases[i].grant);
		config_free(c);
	}
}

static void
test_spawn_script(void **state)
{
	struct config *c;

	(void)state;
	write_text(in_dir("scripts/spawn.sh"), "#!/bin/sh\n");
	c = load("");
	assert_string_equal(c->dashboard.spawn_script_path, in_dir("scripts/spawn.sh"));
	config_free(c);
	c = load("dashboard:\n  spawnScriptPath: /x/y.sh\n");
	assert_string_equal(c->dashboard.spawn_script_path, "/x/y.sh");
	config_free(c);
	unlink(in_dir("scripts/spawn.sh"));
}

/* A default is written as in a file: loading it must be allowed and give the same. */
static void
test_table(void **state)
{
	char text[512], expected[200];
	struct config *c;
	size_t i, j;

	(void)state;
	for (i = 0; i < config_nkeys; i++) {
		const struct config_key *k = &config_keys[i];

		assert_ptr_equal(config_key_find(k->section, k->name), k);
		assert_true(strlen(k->doc) > 3);
		assert_true(strlen(config_key_expected(k, expected, sizeof expected)) > 3);
		for (j = 0; j < i; j++)
			assert_false(strcmp(config_keys[j].section, k->section) == 0 &&
			    strcmp(config_keys[j].name, k->name) == 0);
		if (k->def == NULL || strcmp(k->def, "@") == 0)
			continue;
		if (strcmp(k->section, "teams") == 0)
			snprintf(text, sizeof text, "teams:\n  a:\n    path: alpha\n    %s: %s\n",
			    k->name, k->def);
		else if (strcmp(k->section, "remoteOptions") == 0)
			snprintf(text, sizeof text,
			    "teams:\n  a:\n    path: alpha\n    remoteOptions:\n      %s: %s\n",
			    k->name, k->def);
		else if (strcmp(k->section, "guard") == 0)
			snprintf(text, sizeof text, "permissions:\n  guard:\n    %s: %s\n", k->name,
			    k->def);
		else
			snprintf(text, sizeof text, "%s:\n  %s: %s\n", k->section, k->name, k->def);
		c = load(text);
		assert_int_equal(c->warnings.n, 0);
		config_free(c);
	}
	assert_null(config_key_find("settings", "nonsense"));
	assert_null(config_key_find("teams", "maxProcesses"));
}

static void
test_many_teams(void **state)
{
	char *text = malloc(4096 * 64);
	size_t len = 0;
	struct config *c;
	int i;

	(void)state;
	assert_non_null(text);
	len += (size_t)snprintf(text, 64, "teams:\n");
	for (i = 0; i < 4096; i++)
		len += (size_t)snprintf(text + len, 64, "  t%d: {path: d/%d}\n", i, i);
	c = load(text);
	free(text);
	assert_int_equal(c->nteams, 4096);
	assert_string_equal(config_find_team(c, "t4095")->path, in_dir("d/4095"));
	config_free(c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_defaults),
	    cmocka_unit_test(test_every_setting),
	    cmocka_unit_test(test_every_team_key),
	    cmocka_unit_test(test_inheritance),
	    cmocka_unit_test(test_paths),
	    cmocka_unit_test(test_relative_config),
	    cmocka_unit_test(test_unknown_keys),
	    cmocka_unit_test(test_variables),
	    cmocka_unit_test(test_dotenv_warning),
	    cmocka_unit_test(test_yaml_forms),
	    cmocka_unit_test(test_grant_words),
	    cmocka_unit_test(test_spawn_script),
	    cmocka_unit_test(test_table),
	    cmocka_unit_test(test_many_teams),
	};

	return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
