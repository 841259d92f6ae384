/* SPDX-License-Identifier: MIT
 *
 * config.yaml that must not load: each rule with the exact text and position of its error.
 */
#include <limits.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "config_fixture.h"

static void
expect_bytes(const char *text, size_t len, const char *message)
{
	char want[PATH_MAX + 1200];
	struct err e;
	struct config *c;

	write_bytes(fixture_config, text, len);
	c = config_load(fixture_config, &e);
	if (c != NULL) {
		config_free(c);
		fail_msg("loaded, but should have said: %s", message);
	}
	assert_int_equal(e.code, ERR_CONFIG);
	snprintf(want, sizeof want, "%s:%s", fixture_config, message);
	assert_string_equal(e.msg, want);
}

static void
expect(const char *text, const char *message)
{
	expect_bytes(text, strlen(text), message);
}

/* As the value of a key of settings, and in a team: the position is that of the value. */
static void
expect_setting(const char *key, const char *value, const char *message)
{
	char text[4096], want[2048];

	snprintf(text, sizeof text, "settings:\n  %s: %s\n", key, value);
	snprintf(want, sizeof want, "2:%zu: settings.%s%s", strlen(key) + 5, key, message);
	expect(text, want);
}

static void
expect_team(const char *key, const char *value, const char *message)
{
	char text[8192], want[2048];

	snprintf(text, sizeof text, "teams:\n  a:\n    path: alpha\n    %s: %s\n", key, value);
	snprintf(want, sizeof want, "4:%zu: teams.a.%s%s", strlen(key) + 7, key, message);
	expect(text, want);
}

static void
test_integers(void **state)
{
	(void)state;
	expect_setting("maxProcesses", "ten", ": \"ten\" is not an integer; expected 1..1000");
	expect_setting("maxProcesses", "0", ": 0 is out of range; expected 1..1000");
	expect_setting("maxProcesses", "1001", ": 1001 is out of range; expected 1..1000");
	expect_setting("maxProcesses", "-1", ": -1 is out of range; expected 1..1000");
	expect_setting("maxProcesses", "1.5", ": \"1.5\" is not an integer; expected 1..1000");
	expect_setting("maxProcesses", "0x10", ": \"0x10\" is not an integer; expected 1..1000");
	expect_setting("maxProcesses", "10 ms", ": \"10 ms\" is not an integer; expected 1..1000");
	expect_setting("maxProcesses", "''", ": \"\" is not an integer; expected 1..1000");
	expect_setting("maxProcesses", "+", ": \"+\" is not an integer; expected 1..1000");
	expect_setting("maxProcesses", "99999999999999999999",
	    ": 99999999999999999999 is out of range; expected 1..1000");
	expect("settings:\n  maxProcesses:\n",
	    "2:16: settings.maxProcesses has no value; expected 1..1000");
	expect_setting("maxProcesses", "null", " has no value; expected 1..1000");
	expect_setting("maxProcesses", "[1]", " is a list; expected 1..1000");
	expect_setting("maxProcesses", "{a: 1}", " is a mapping; expected 1..1000");
	expect_setting("httpPort", "65536", ": 65536 is out of range; expected 0..65535");
	expect_setting("defaultTimeout", "-1", ": -1 is out of range; expected 0..2147483647");
}

static void
test_scalars(void **state)
{
	(void)state;
	expect_setting(
	    "hotReloadConfig", "maybe", ": \"maybe\" is not a boolean; expected true or false");
	expect_setting("hotReloadConfig", "1", ": \"1\" is not a boolean; expected true or false");
	expect_setting("logLevel", "loud",
	    ": \"loud\" is none of the known values; expected debug, info, warn or error");
	expect_setting("defaultTransport", "HTTP",
	    ": \"HTTP\" is none of the known values; expected stdio or http");
	expect_setting(
	    "claudePath", "''", ": \"\" is empty; expected the name or the path of a program");
	expect_setting("claudePath", "--help",
	    ": \"--help\" starts with \"-\"; expected the name or the path of a program");
	expect_setting("claudePath", "\"a\\nb\"",
	    ": \"a?b\" holds a control character; expected the name or the path of a program");
	expect_setting("claudePath", "\"a\\0b\"", ": holds a NUL character");
	expect_setting("sessionMcpPath", "/tmp",
	    ": \"/tmp\" is not a relative path; expected a relative path without \"..\"");
	expect_setting("sessionMcpPath", "a/../b",
	    ": \"a/../b\" leads out of the directory; expected a relative path without \"..\"");
	expect_setting("claudePath", "~other/claude",
	    ": \"~\" with a user's name is not known; expected ~/... or the whole path");
	expect("dashboard:\n  host: a b\n",
	    "2:9: dashboard.host: \"a b\" is not a host name; expected a host name or an address");
	expect("database:\n  inMemory: off\n",
	    "2:13: database.inMemory: \"off\" is not a boolean; expected true or false");
}

static void
test_team_values(void **state)
{
	(void)state;
	expect_team("grantPermission", "maybe",
	    ": \"maybe\" is none of the known values; expected yes, no, ask or forward");
	expect_team("permissionMode", "yolo",
	    ": \"yolo\" is none of the known values; expected default, acceptEdits, plan, dontAsk, "
	    "auto or bypassPermissions");
	expect_team("color", "red",
	    ": \"red\" is not a colour; expected a colour \"#RRGGBB\", in quotes, since # starts a "
	    "comment");
	expect("teams:\n  a:\n    path: alpha\n    color: #FF0000\n",
	    "4:11: teams.a.color has no value; expected a colour \"#RRGGBB\", in quotes, since # "
	    "starts "
	    "a comment");
	expect_team("color", "'#FF000g'",
	    ": \"#FF000g\" is not a colour; expected a colour \"#RRGGBB\", in quotes, since # "
	    "starts "
	    "a comment");
	expect_team(
	    "env", "A=1", " is a single value; expected a mapping of variable names to strings");
	expect_team("env", "[A]", " is a list; expected a mapping of variable names to strings");
	expect_team("addDirs", "x", " is a single value; expected a list of paths");
	expect_team(
	    "model", "--x", ": \"--x\" starts with \"-\"; expected a string of at most 200 bytes");
	expect_team("allowedTools", "{}",
	    " is a mapping; expected a list of tools, or a string with commas between them");
	expect_team("allowedTools", "Read Bash(git",
	    ": \"Bash(git\" has \"(\" without \")\"; expected a list of tools, or a string with "
	    "commas between them");
	expect_team("disallowedTools", "Read,--x",
	    ": \"--x\" starts with \"-\"; expected a list of tools, or a string with commas "
	    "between "
	    "them");
	expect("teams:\n  a:\n    path: alpha\n    env:\n      1A: x\n",
	    "5:7: teams.a.env: \"1A\" is not a variable's name; expected A-Z a-z 0-9 _");
	expect("teams:\n  a:\n    path: alpha\n    env:\n      A: [x]\n",
	    "5:10: teams.a.env: the value of A is not a string");
	expect("teams:\n  a:\n    path: alpha\n    addDirs:\n    - x\n    - [y]\n",
	    "6:7: teams.a.addDirs: an entry is not a string; expected a list of paths");
	expect("teams:\n  a:\n    path: alpha\n    addDirs: [x, '']\n",
	    "4:18: teams.a.addDirs: \"\" is empty; expected a list of paths");
	expect("teams:\n  a:\n    path: alpha\n    remoteOptions:\n      port: 0\n",
	    "5:13: teams.a.remoteOptions.port: 0 is out of range; expected 1..65535");
	expect("teams:\n  a:\n    path: alpha\n    remoteOptions: x\n",
	    "4:20: teams.a.remoteOptions is a single value; expected a mapping of keys to values");
}

/*
 * A value that is too long is cut in the message, between characters, and a secret is not in it at
 * all.
 */
static void
test_long_values(void **state)
{
	char value[5200], shown[200], want[400];
	struct err e;
	size_t i;

	(void)state;
	memset(value, 'x', 201);
	value[201] = '\0';
	memset(shown, 'x', 124);
	shown[124] = '\0';
	snprintf(want, sizeof want,
	    ": \"%s...\" is too long; expected a string of at most 200 bytes", shown);
	expect_team("model", value, want);
	for (i = 0; i < 202; i += 2)
		memcpy(value + i, "\xc3\xa4", 2);
	value[202] = '\0';
	for (i = 0; i < 124; i += 2)
		memcpy(shown + i, "\xc3\xa4", 2);
	snprintf(want, sizeof want,
	    ": \"%s...\" is too long; expected a string of at most 200 bytes", shown);
	expect_team("model", value, want);
	memset(value, 'x', 5000);
	value[5000] = '\0';
	expect_team("description", value, " is too long; expected a string of at most 4096 bytes");
	snprintf(value, sizeof value,
	    "teams:\n  a:\n    path: alpha\n    remoteOptions:\n"
	    "      passphrase: \"hunter2\\0\"\n");
	write_text(fixture_config, value);
	assert_null(config_load(fixture_config, &e));
	assert_null(strstr(e.msg, "hunter2"));
}

static void
test_structure(void **state)
{
	(void)state;
	expect("abc\n", "1:1: the file is a single value; expected a mapping of keys to values");
	expect("- a\n", "1:1: the file is a list; expected a mapping of keys to values");
	expect("settings: 3\n",
	    "1:11: settings is a single value; expected a mapping of keys to values");
	expect("settings:\n- a\n", "2:1: settings is a list; expected a mapping of keys to values");
	expect("teams: [a]\n", "1:8: teams is a list; expected a mapping of keys to values");
	expect("teams:\n  a: alpha\n",
	    "2:6: teams.a is a single value; expected a mapping of keys to values");
	expect("teams:\n  a:\n", "2:3: teams.a has no path; expected path: DIRECTORY");
	expect("teams:\n  a: {description: x}\n",
	    "2:3: teams.a has no path; expected path: DIRECTORY");
	expect("teams:\n  a:\n    path:\n",
	    "3:10: teams.a.path has no value; expected the path of a directory");
	expect("teams:\n  a:\n    path: ''\n",
	    "3:11: teams.a.path: \"\" is empty; expected the path of a directory");
	expect("settings:\n  [a]: b\n", "2:3: a key must be a plain word");
	expect("x:\n- {y: {\"a\\0\": b}}\n", "2:8: a key must be a plain word");
}

static void
test_duplicates(void **state)
{
	(void)state;
	expect("settings:\nteams:\nsettings:\n",
	    "3:1: the key \"settings\" is there twice, first in line 1");
	expect("settings:\n  maxQueue: 1\n  logLevel: info\n  'maxQueue': 2\n",
	    "4:3: the key \"maxQueue\" is there twice, first in line 2");
	expect("teams:\n  a:\n    path: alpha\n  b:\n    path: beta\n  a:\n    path: gamma\n",
	    "6:3: the key \"a\" is there twice, first in line 2");
	expect("teams:\n  a:\n    path: alpha\n    env: {A: 1, B: 2, A: 3}\n",
	    "4:23: the key \"A\" is there twice, first in line 4");
	expect("unknown:\n  deep:\n  - {x: 1, y: 2,\n     y: 3, x: 4}\n",
	    "4:6: the key \"y\" is there twice, first in line 3");
}

static void
test_yaml_errors(void **state)
{
	(void)state;
	expect(
	    "settings:\n\tmaxProcesses: 3\n", "2:1: a tab in the indentation; YAML wants spaces");
	expect("settings:\n  maxQueue: 3\n\tmaxProcesses: 3\n",
	    "3:1: a tab in the indentation; YAML wants spaces");
	expect("settings:\r\n  maxQueue: 3\r\n \tlogLevel: info\r\n",
	    "3:2: a tab in the indentation; YAML wants spaces");
	expect("a: b: c\n",
	    "1:5: not valid YAML: mapping values are not allowed in this context; a "
	    "value with \": \" in it needs quotes");
	expect("a: @x\n",
	    "1:4: not valid YAML: found character that cannot start any token; a value "
	    "that starts with this character needs quotes");
	expect("a:\n  b: 1\n c: 2\n",
	    "3:2: not valid YAML: did not find expected key, while parsing a block mapping of "
	    "line 1; "
	    "is the indentation as in the lines above?");
	expect("a: [1, 2\n",
	    "2:1: not valid YAML: did not find expected ',' or ']', while parsing a "
	    "flow sequence of line 1");
	expect("a: 1\nb: *x\n", "2:4: not valid YAML: found undefined alias");
	expect("a: 1\n---\nb: 2\n",
	    "2:1: a second document starts here; expected one document in the file");
	expect("a: 1\n--- \n",
	    "2:1: a second document starts here; expected one document in the file");
}

static void
test_bytes(void **state)
{
	(void)state;
	expect("a: 1\nb: \xff\n", "2:4: byte 0xff is not valid UTF-8; save the file as UTF-8");
	expect("a: \xc3\xa4\xc3\xb6 \xc3\n",
	    "1:7: byte 0xc3 is not valid UTF-8; save the file as UTF-8");
	expect("# \xc0\x80\n", "1:3: byte 0xc0 is not valid UTF-8; save the file as UTF-8");
	expect("# \xed\xa0\x80\n", "1:3: byte 0xed is not valid UTF-8; save the file as UTF-8");
	expect("# \xf4\x90\x80\x80\n", "1:3: byte 0xf4 is not valid UTF-8; save the file as UTF-8");
	expect("\xef\xbb\xbf"
	       "a: \xff\n",
	    "1:4: byte 0xff is not valid UTF-8; save the file as UTF-8");
	expect_bytes("\xff\xfe"
		     "a\0:\0",
	    6, "1:1: byte 0xff is not valid UTF-8; save the file as UTF-8");
	expect_bytes("a: 1\r\nb: \0\n", 10,
	    "2:4: byte 0x00 is a control character; write it as an escape, such as \"\\x1b\"");
	expect("a: \x1b[31m\n",
	    "1:4: byte 0x1b is a control character; write it as an escape, such as \"\\x1b\"");
	expect("a: \xef\xbf\xbf\n", "1:4: not a text file: control characters are not allowed");
}

/* Deep nesting and many anchors must be refused quickly: libyaml alone would take minutes. */
static void
test_bounds(void **state)
{
	char *text = calloc(1, 1024 * 1024 + 2);
	size_t len, i;
	struct err e;

	(void)state;
	assert_non_null(text);
	memcpy(text, "x: ", 3);
	memset(text + 3, '[', 31);
	memset(text + 34, ']', 31);
	write_text(fixture_config, text);
	config_free(config_load(fixture_config, &e));
	memset(text + 3, '[', 32);
	memset(text + 35, ']', 32);
	expect(text, "1:35: nested deeper than 32 levels, the limit");
	memset(text, '[', 1024 * 1024);
	expect(text, "1:33: nested deeper than 32 levels, the limit");
	for (i = 0, len = 0; i < 1001; i++)
		len += (size_t)sprintf(text + len, "k%zu: &a%zu\n", i, i);
	expect(text, "1001:8: more than 1000 anchors, the limit");
	memset(text, '#', 1024 * 1024);
	text[1024 * 1024] = '\0';
	write_text(fixture_config, text);
	config_free(config_load(fixture_config, &e));
	text[1024 * 1024] = '#';
	expect_bytes(text, 1024 * 1024 + 1, " is larger than 1 MiB, the limit");
	len = (size_t)sprintf(text, "teams:\n");
	for (i = 0; i < 4097; i++)
		len += (size_t)sprintf(text + len, "  t%zu: {path: d/%zu}\n", i, i);
	expect(text, "2:3: teams: more than 4096 teams");
	len = (size_t)sprintf(text, "teams:\n  a:\n    path: alpha\n    addDirs:\n");
	for (i = 0; i < 101; i++)
		len += (size_t)sprintf(text + len, "    - d\n");
	expect(text, "105:7: teams.a.addDirs: more than 100 entries");
	free(text);
}

static void
test_variables(void **state)
{
	char want[PATH_MAX + 300];

	(void)state;
	unsetenv("IRIS_T_NONE");
	setenv("IRIS_T_WORD", "ten", 1);
	setenv("IRIS_T_BAD", "\xff", 1);
	snprintf(want, sizeof want,
	    ": the variable IRIS_T_NONE is not set; set it in the environment or in %s/.env, or "
	    "write "
	    "${IRIS_T_NONE:-default}",
	    fixture_dir);
	expect_setting("claudePath", "x/${IRIS_T_NONE}", want);
	expect_setting(
	    "maxProcesses", "${IRIS_T_WORD}", ": \"ten\" is not an integer; expected 1..1000");
	expect_setting(
	    "maxProcesses", "${IRIS_T_NONE:-0}", ": 0 is out of range; expected 1..1000");
	expect_setting(
	    "maxProcesses", "${IRIS_T_NONE:-}", ": \"\" is not an integer; expected 1..1000");
	expect_setting("claudePath", "${IRIS_T_NONE",
	    ": \"${\" without \"}\"; expected ${NAME} or ${NAME:-default}, or $${ for a literal "
	    "${");
	expect_setting("claudePath", "a${}",
	    ": \"${}\" is not a variable; expected ${NAME} or ${NAME:-default}, or $${ for a "
	    "literal ${");
	expect_setting("claudePath", "${1A}",
	    ": \"${1A}\" is not a variable; expected ${NAME} or ${NAME:-default}, or $${ for a "
	    "literal "
	    "${");
	expect_setting("claudePath", "${A-x}",
	    ": \"${A-x}\" is not a variable; expected ${NAME} or ${NAME:-default}, or $${ for a "
	    "literal ${");
	expect_setting("claudePath", "${A:-${B}}",
	    ": \"${A:-${B}\" is not a variable; expected ${NAME} or ${NAME:-default}, or $${ for a "
	    "literal ${");
	expect_setting(
	    "claudePath", "${IRIS_T_BAD}", ": the value of variable IRIS_T_BAD is not valid UTF-8");
	snprintf(want, sizeof want,
	    "6:10: teams.a.env: the variable IRIS_T_NONE is not set; set it in the environment or "
	    "in "
	    "%s/.env, or write ${IRIS_T_NONE:-default}",
	    fixture_dir);
	expect("teams:\n  a:\n    path: alpha\n    env:\n      B: 1\n      A: 'x ${IRIS_T_NONE}'\n",
	    want);
}

static void
test_dotenv_error(void **state)
{
	char want[PATH_MAX + 100];
	struct err e;

	(void)state;
	write_text(in_dir(".env"), "A=1\nB\n");
	chmod(in_dir(".env"), 0600);
	write_text(fixture_config, "");
	assert_null(config_load(fixture_config, &e));
	assert_int_equal(e.code, ERR_CONFIG);
	snprintf(want, sizeof want, "%s:2:2: expected '=' after the name", in_dir(".env"));
	assert_string_equal(e.msg, want);
	unlink(in_dir(".env"));
}

static void
test_team_names(void **state)
{
	char name[110], text[300], want[400];
	struct err e;
	const char *const good[] = {"a", "A.b-c_d", "1", "_x"};
	const char *const bad[] = {"", "-a", ".a", "a b", "a/b", "\xc3\xa4", "a\n", "a:b"};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof good / sizeof good[0]; i++)
		assert_int_equal(config_check_team_name(good[i], &e), 0);
	for (i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		assert_int_equal(config_check_team_name(bad[i], &e), -1);
		assert_int_equal(e.code, ERR_INVALID);
		assert_non_null(strstr(e.msg, "expected 1 to 100 of A-Z a-z 0-9 _ . -"));
	}
	memset(name, 'n', 101);
	name[100] = '\0';
	assert_int_equal(config_check_team_name(name, &e), 0);
	name[100] = 'n';
	name[101] = '\0';
	assert_int_equal(config_check_team_name(name, &e), -1);
	expect("teams:\n  a@b:\n    path: alpha\n",
	    "2:3: teams: \"a@b\" can not be a team's name: \"@\" is for addresses, team@host");
	snprintf(text, sizeof text, "teams:\n  ok: {path: alpha}\n  'a b': {path: beta}\n");
	snprintf(want, sizeof want,
	    "3:3: teams: \"a b\" can not be a team's name; expected 1 to 100 of A-Z a-z 0-9 _ . "
	    "-, the "
	    "first not \"-\" or \".\"");
	expect(text, want);
}

static void
test_directories(void **state)
{
	char want[PATH_MAX * 2 + 300];

	(void)state;
	expect("teams:\n  a:\n    path: /etc\n",
	    "3:11: teams.a.path: /etc lies in /etc, where no team may work");
	expect("teams:\n  a:\n    path: /usr//bin/../bin/x\n",
	    "3:11: teams.a.path: /usr/bin/x lies in /usr/bin, where no team may work");
	expect("teams:\n  a:\n    path: /usr/sbin\n",
	    "3:11: teams.a.path: /usr/sbin lies in /usr/sbin, where no team may work");
	expect("teams:\n  a:\n    path: /System/x\n",
	    "3:11: teams.a.path: /System/x lies in /System, where no team may work");
	snprintf(want, sizeof want,
	    "3:11: teams.a.path: %s/.ssh lies in .ssh, where no team may work", fixture_dir);
	expect("teams:\n  a:\n    path: ~/.ssh\n", want);
	snprintf(want, sizeof want,
	    "3:11: teams.a.path: %s/x/.gnupg/y lies in .gnupg, where no team may work",
	    fixture_dir);
	expect("teams:\n  a:\n    path: x/.gnupg/y\n", want);
	assert_int_equal(symlink("/etc", in_dir("innocent")), 0);
	expect("teams:\n  a:\n    path: innocent\n",
	    "3:11: teams.a.path: /etc lies in /etc, where no team may work");
	unlink(in_dir("innocent"));
	expect("teams:\n  a:\n    path: /etc\n    remote: ssh host\n    claudePath: claude\n",
	    "2:3: teams.a: /etc lies in /etc, where no team may work");
	expect("teams:\n  a:\n    path: ~nobody/x\n",
	    "3:11: teams.a.path: \"~\" with a user's name is "
	    "not known; expected ~/... or the whole path");
}

static void
test_same_directory(void **state)
{
	struct err e;
	struct config *c;

	(void)state;
	assert_int_equal(symlink("alpha", in_dir("link")), 0);
	expect("teams:\n  a:\n    path: alpha\n  b:\n    description: x\n    path: ./link/.\n",
	    "6:11: teams.b.path: is the directory of team \"a\", line 2, too; expected one team "
	    "for a "
	    "directory");
	unlink(in_dir("link"));
	expect("teams:\n  a:\n    path: no/such\n  b:\n    path: no/../no/such\n",
	    "5:11: teams.b.path: is the directory of team \"a\", line 2, too; expected one team "
	    "for a "
	    "directory");
	write_text(fixture_config,
	    "teams:\n  a: {path: /p, remote: ssh h, claudePath: claude}\n"
	    "  b: {path: /p, remote: ssh i, claudePath: claude}\n");
	c = config_load(fixture_config, &e);
	assert_non_null(c);
	config_free(c);
}

static void
test_combinations(void **state)
{
	(void)state;
	expect("teams:\n  a:\n    path: /p\n    remote: ssh h\n    ssh2: true\n"
	       "    enableReverseMcp: true\n",
	    "6:23: teams.a.enableReverseMcp: with ssh2: true the tunnel can only end at a TCP port, "
	    "and that needs allowHttp: true; or leave ssh2 out, for a socket by OpenSSH");
	expect("teams:\n  a: {path: /p, remote: ssh u@h, enableReverseMcp: true}\n"
	       "  b: {path: /q, remote: ssh -p 22 u@h, enableReverseMcp: true}\n",
	    "3:58: teams.b.enableReverseMcp: team a has a tunnel to u@h already, and there is one for "
	    "each login; expected it to be true for one of the two");
	expect("teams:\n  a:\n    path: /p\n    remote: ssh -oProxyCommand=id\n",
	    "4:13: teams.a.remote: no host is named; expected \"ssh [options] host\" or \"ssh [options] user@host\"");
	expect("teams:\n  a:\n    path: /p\n    remote: ssh -- -oProxyCommand=id\n",
	    "4:13: teams.a.remote: the host \"-oProxyCommand=id\" begins with '-': ssh would take "
	    "it for an option; expected \"ssh [options] host\" or \"ssh [options] user@host\"");
	expect("teams:\n  a:\n    path: /p\n    remote: ssh -l -oProxyCommand=id host\n",
	    "4:13: teams.a.remote: the user \"-oProxyCommand=id\" begins with '-': ssh would take it for an option; expected \"ssh [options] host\" or \"ssh [options] user@host\"");
	expect("teams:\n  a:\n    path: \"/p\\nid\"\n    remote: ssh host\n",
	    "3:11: teams.a.path: \"/p?id\" holds a control character; expected the path of a directory");
	expect("teams:\n  a:\n    path: /p\n    remote: ssh host\n    remoteOptions:\n"
	       "      extraSshArgs: [-p]\n",
	    "6:21: teams.a.remoteOptions.extraSshArgs: the value of \"-p\" is missing; expected "
	    "options of ssh, each word its own entry");
	expect("dashboard:\n  https: 3101\n",
	    "2:10: dashboard.https needs a certificate; expected certPath and keyPath, or "
	    "selfsigned: "
	    "true");
	expect("dashboard:\n  https: 3101\n  certPath: x\n",
	    "2:10: dashboard.https needs a certificate; expected certPath and keyPath, or "
	    "selfsigned: "
	    "true");
	expect("dashboard:\n  http: 0\n",
	    "2:9: dashboard.http and dashboard.https are both 0; expected a port for one of them, "
	    "or "
	    "enabled: false");
}

static void
test_files(void **state)
{
	char want[PATH_MAX + 100];
	struct err e;

	(void)state;
	unlink(fixture_config);
	assert_null(config_load(fixture_config, &e));
	assert_int_equal(e.code, ERR_NOT_FOUND);
	snprintf(
	    want, sizeof want, "%s: can not be opened: No such file or directory", fixture_config);
	assert_string_equal(e.msg, want);
	assert_null(config_load(fixture_config, NULL));

	assert_int_equal(mkdir(fixture_config, 0700), 0);
	assert_null(config_load(fixture_config, &e));
	assert_int_equal(e.code, ERR_CONFIG);
	snprintf(want, sizeof want, "%s: is not a regular file", fixture_config);
	assert_string_equal(e.msg, want);
	rmdir(fixture_config);

	/* Nobody writes to it: opening must not wait. */
	assert_int_equal(mkfifo(fixture_config, 0600), 0);
	assert_null(config_load(fixture_config, &e));
	assert_string_equal(e.msg, want);
	unlink(fixture_config);

	if (geteuid() == 0)
		return;
	write_text(fixture_config, "");
	chmod(fixture_config, 0);
	assert_null(config_load(fixture_config, &e));
	assert_int_equal(e.code, ERR_CONFIG);
	snprintf(want, sizeof want, "%s: can not be opened: Permission denied", fixture_config);
	assert_string_equal(e.msg, want);
	unlink(fixture_config);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_integers),
	    cmocka_unit_test(test_scalars),
	    cmocka_unit_test(test_team_values),
	    cmocka_unit_test(test_long_values),
	    cmocka_unit_test(test_structure),
	    cmocka_unit_test(test_duplicates),
	    cmocka_unit_test(test_yaml_errors),
	    cmocka_unit_test(test_bytes),
	    cmocka_unit_test(test_bounds),
	    cmocka_unit_test(test_variables),
	    cmocka_unit_test(test_dotenv_error),
	    cmocka_unit_test(test_team_names),
	    cmocka_unit_test(test_directories),
	    cmocka_unit_test(test_same_directory),
	    cmocka_unit_test(test_combinations),
	    cmocka_unit_test(test_files),
	};

	return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
