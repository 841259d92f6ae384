/* SPDX-License-Identifier: MIT
 *
 * Adding and removing teams in the text of config.yaml: what changes is exactly the team, byte by
 * byte, whatever the file looks like.
 */
#include <limits.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "common/config_edit.h"
#include "common/config_impl.h"
#include "config_fixture.h"

static int
add(const char *name, const char *path, const char *description, struct err *e)
{
	const struct config_edit_field fields[] = {{"path", path}, {"description", description}};
	const struct config_edit_team team = {fields, 2};

	return config_edit_add_team(fixture_config, name, &team, e);
}

static void
expect_file(const char *want)
{
	char *now = read_text(fixture_config);

	assert_string_equal(now, want);
	free(now);
}

/* Adds team "new" with path gamma. */
static void
expect_added(const char *before, const char *after)
{
	struct err e;
	char *backup;

	write_text(fixture_config, before);
	unlink(in_dir("config.yaml.bak"));
	if (add("new", "gamma", NULL, &e) == -1)
		fail_msg("%s\n%s", e.msg, before);
	expect_file(after);
	backup = read_text(in_dir("config.yaml.bak"));
	assert_string_equal(backup, before);
	free(backup);
}

static void
expect_removed(const char *before, const char *name, const char *after)
{
	struct err e;

	write_text(fixture_config, before);
	if (config_edit_remove_team(fixture_config, name, &e) == -1)
		fail_msg("%s\n%s", e.msg, before);
	expect_file(after);
}

/* Nothing is written, no backup is made, no temporary file stays. */
static void
expect_refused(
    const char *before, int rv, const struct err *e, enum err_code code, const char *part)
{
	assert_int_equal(rv, -1);
	assert_int_equal(e->code, code);
	if (strstr(e->msg, part) == NULL)
		fail_msg("\"%s\" is not in: %s", part, e->msg);
	if (before != NULL)
		expect_file(before);
	assert_int_equal(access(in_dir("config.yaml.bak"), F_OK), -1);
}

static void
test_add_to_block(void **state)
{
	(void)state;
	expect_added("teams:\n  a:\n    path: alpha\n",
	    "teams:\n  a:\n    path: alpha\n  new:\n    path: gamma\n");
	expect_added("teams:\n  a:\n    path: alpha",
	    "teams:\n  a:\n    path: alpha\n  new:\n    path: gamma");
	expect_added("teams:\n    a:\n      path: alpha # here\n\nsettings:\n  maxQueue: 1\n",
	    "teams:\n    a:\n      path: alpha # here\n    new:\n      path: gamma\n\nsettings:\n  "
	    "maxQueue: 1\n");
	expect_added("teams:\r\n  a:\r\n    path: alpha\r\n# end\r\n",
	    "teams:\r\n  a:\r\n    path: alpha\r\n  new:\r\n    path: gamma\r\n# end\r\n");
	expect_added("teams:\n  a: {path: alpha}\nsettings:\n   maxQueue: 1\n",
	    "teams:\n  a: {path: alpha}\n  new:\n    path: gamma\nsettings:\n   maxQueue: 1\n");
	expect_added(
	    "\xef\xbb\xbfteams: # \xc3\xa4\xc3\xb6\n  a:\n    path: \"alpha\" # \xe2\x82\xac\n  # "
	    "c\n",
	    "\xef\xbb\xbfteams: # \xc3\xa4\xc3\xb6\n  a:\n    path: \"alpha\" # \xe2\x82\xac\n  "
	    "new:\n    "
	    "path: gamma\n  # c\n");
	expect_added("---\nteams:\n  a:\n    path: alpha\n...\n",
	    "---\nteams:\n  a:\n    path: alpha\n  new:\n    path: gamma\n...\n");
}

/* Blank lines between teams are kept up; comments stay with what they belong to. */
static void
test_add_and_comments(void **state)
{
	(void)state;
	expect_added("teams:\n  a:\n    path: alpha\n\n  # the second\n  b:\n    path: beta\n",
	    "teams:\n  a:\n    path: alpha\n\n  # the second\n  b:\n    path: beta\n\n  new:\n    "
	    "path: "
	    "gamma\n");
	expect_added(
	    "teams:\n  a:\n    path: alpha\n    # color: red\n  # for the next\n\n# settings\n"
	    "settings:\n",
	    "teams:\n  a:\n    path: alpha\n    # color: red\n  new:\n    path: gamma\n  # for the "
	    "next\n\n# settings\nsettings:\n");
	expect_added("teams:\n  a:\n    path: alpha\n\n    # far\nsettings:\n",
	    "teams:\n  a:\n    path: alpha\n  new:\n    path: gamma\n\n    # far\nsettings:\n");
}

static void
test_add_after_values(void **state)
{
	(void)state;
	expect_added(
	    "teams:\n  a:\n    path: alpha\n    appendSystemPrompt: |\n      # one\n\n      two\n\n"
	    "settings:\n",
	    "teams:\n  a:\n    path: alpha\n    appendSystemPrompt: |\n      # one\n\n      two\n"
	    "\n  new:\n"
	    "    path: gamma\nsettings:\n");
	expect_added("teams:\n  a:\n    path: alpha\n    addDirs:\n    - x\n    - \"a\n      b\"\n",
	    "teams:\n  a:\n    path: alpha\n    addDirs:\n    - x\n    - \"a\n      b\"\n  new:\n "
	    "   path: "
	    "gamma\n");
	expect_added("teams:\n  a:\n    path: alpha\n    env: {A: 1,\n      B: 2\n    } # end\n",
	    "teams:\n  a:\n    path: alpha\n    env: {A: 1,\n      B: 2\n    } # end\n  new:\n    "
	    "path: "
	    "gamma\n");
	expect_added("teams:\n  a:\n    path: alpha\n    env:\n      A:\n",
	    "teams:\n  a:\n    path: alpha\n    env:\n      A:\n  new:\n    path: gamma\n");
	expect_added("x: &x {path: alpha}\nteams:\n  a: *x\nsettings:\n",
	    "x: &x {path: alpha}\nteams:\n  a: *x\n  new:\n    path: gamma\nsettings:\n");
}

static void
test_add_first(void **state)
{
	(void)state;
	expect_added("", "teams:\n  new:\n    path: gamma\n");
	expect_added("# mine", "# mine\nteams:\n  new:\n    path: gamma");
	expect_added("# mine\n", "# mine\n\nteams:\n  new:\n    path: gamma\n");
	expect_added("settings:\n    maxQueue: 1\n",
	    "settings:\n    maxQueue: 1\n\nteams:\n    new:\n        path: gamma\n");
	expect_added("settings:\r\n  maxQueue: 1",
	    "settings:\r\n  maxQueue: 1\r\nteams:\r\n  new:\r\n    path: gamma");
	expect_added("teams:\n", "teams:\n  new:\n    path: gamma\n");
	expect_added("teams:", "teams:\n  new:\n    path: gamma");
	expect_added("teams: ~\nsettings:\n", "teams:\n  new:\n    path: gamma\nsettings:\n");
	expect_added("teams: null # none yet\n  # add here\n\nsettings:\n",
	    "teams: # none yet\n  new:\n    path: gamma\n  # add here\n\nsettings:\n");
	expect_added("teams:   # none yet\nsettings:\n",
	    "teams:   # none yet\n  new:\n    path: gamma\nsettings:\n");
	expect_added("teams: {}\nsettings:\n", "teams:\n  new:\n    path: gamma\nsettings:\n");
	expect_added("teams: {\n} # none\n", "teams: # none\n  new:\n    path: gamma\n");
	expect_added("{}\n", "teams:\n  new:\n    path: gamma\n");
	expect_added("---\n# nothing\n", "---\n# nothing\nteams:\n  new:\n    path: gamma\n");
	expect_added("settings:\n  maxQueue: 1\n...\n",
	    "settings:\n  maxQueue: 1\n\nteams:\n  new:\n    path: gamma\n...\n");
}

static void
test_add_new_file(void **state)
{
	struct err e;
	struct stat st;
	struct config *c;
	char *text;

	(void)state;
	unlink(fixture_config);
	unlink(in_dir("config.yaml.bak"));
	if (add("new", "gamma", "What it \"knows\"", &e) == -1)
		fail_msg("%s", e.msg);
	assert_int_equal(stat(fixture_config, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(access(in_dir("config.yaml.bak"), F_OK), -1);
	text = read_text(fixture_config);
	assert_int_equal(text[0], '#');
	assert_non_null(strstr(text,
	    "\n\nteams:\n  new:\n    path: gamma\n    description: \"What it \\\"knows\\\"\"\n"));
	free(text);
	c = config_load(fixture_config, &e);
	assert_non_null(c);
	assert_string_equal(c->teams[0].description, "What it \"knows\"");
	config_free(c);
}

/* Whatever text a person gives, the file loads and gives it back. */
static void
test_quoting(void **state)
{
	static const char *const values[] = {"plain", "two words", "a: b", "a #b", "#a", "yes",
	    "null", "~", "123", "1e3", "0x1f", "", " lead", "trail ", "it's", "\"q\"",
	    "back\\slash", "new\nline", "tab\tx", "\x01\x7f", "${HOME}", "$${HOME}", "$", "a${",
	    "{x}", "[x]", "- x", "-", "? x", "!x", "&x", "*x", "@x", "`x`", "%x", "|", ">",
	    "gr\xc3\xbc\xc3\x9f dich", "\xc2\x85\xe2\x80\xa8\xef\xbb\xbf", "\xf0\x9f\x98\x80",
	    "a,b", "C:\\x", "http://x/y", "true", "No", "2026-01-01"};
	struct err e;
	struct config *c;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof values / sizeof values[0]; i++) {
		write_text(fixture_config, "teams:\n");
		if (add("new", "gamma", values[i], &e) == -1)
			fail_msg("%zu: %s", i, e.msg);
		c = config_load(fixture_config, &e);
		assert_non_null(c);
		assert_string_equal(c->teams[0].description, values[i]);
		assert_int_equal(c->warnings.n, 0);
		config_free(c);
	}
	write_text(fixture_config, "teams:\n");
	assert_int_equal(add("1.5", "./with space_and.dots \xc3\xa4\xc3\xb6", "yes", &e), 0);
	assert_int_equal(add("no", "~/alpha", "a b", &e), 0);
	expect_file(
	    "teams:\n  \"1.5\":\n    path: \"./with space_and.dots \xc3\xa4\xc3\xb6\"\n"
	    "    description: \"yes\"\n  \"no\":\n    path: ~/alpha\n    description: a b\n");
}

static void
test_add_fields(void **state)
{
	const struct config_edit_field fields[] = {{"path", "gamma"}, {"color", "#00ff00"},
	    {"idleTimeout", "5000"}, {"grantPermission", "yes"}, {"model", NULL},
	    {"allowedTools", "Read, Bash(git log:*)"}};
	const struct config_edit_team team = {fields, 6};
	struct err e;

	(void)state;
	write_text(fixture_config, "teams:\n");
	if (config_edit_add_team(fixture_config, "new", &team, &e) == -1)
		fail_msg("%s", e.msg);
	expect_file(
	    "teams:\n  new:\n    path: gamma\n    color: \"#00ff00\"\n    idleTimeout: 5000\n"
	    "    grantPermission: \"yes\"\n    allowedTools: \"Read, Bash(git log:*)\"\n");
}

static void
test_add_refused(void **state)
{
	const char *before = "teams:\n  a:\n    path: alpha\n";
	const struct config_edit_field bad[] = {{"path", "gamma"}, {"colour", "#00ff00"}};
	const struct config_edit_field env[] = {{"path", "gamma"}, {"env", "A"}};
	const struct config_edit_field color[] = {{"path", "gamma"}, {"color", "red"}};
	struct config_edit_team team = {bad, 2};
	struct err e;

	(void)state;
	write_text(fixture_config, before);
	unlink(in_dir("config.yaml.bak"));
	expect_refused(before, add("a", "gamma", NULL, &e), &e, ERR_INVALID,
	    "there is a team \"a\" already, ");
	expect_refused(before, add("x@y", "gamma", NULL, &e), &e, ERR_INVALID, "team@host");
	expect_refused(before, add("new", "./alpha", NULL, &e), &e, ERR_INVALID,
	    "team \"new\" can not be added, nothing is changed: ");
	expect_refused(before, add("new", "alpha", NULL, &e), &e, ERR_INVALID,
	    "is the directory of team \"a\"");
	expect_refused(
	    before, add("new", "/etc", NULL, &e), &e, ERR_INVALID, "where no team may work");
	expect_refused(before, add("new", NULL, NULL, &e), &e, ERR_INVALID, "teams.new");
	expect_refused(before, add("new", "a\xff", NULL, &e), &e, ERR_INVALID, "not valid UTF-8");
	expect_refused(before, config_edit_add_team(fixture_config, "new", &team, &e), &e,
	    ERR_INVALID, "\"colour\" is not a key");
	team.fields = env;
	expect_refused(before, config_edit_add_team(fixture_config, "new", &team, &e), &e,
	    ERR_INVALID, "\"env\" is not a key");
	team.fields = color;
	expect_refused(before, config_edit_add_team(fixture_config, "new", &team, &e), &e,
	    ERR_INVALID, "\"red\" is not a colour");
}

/* Forms in which an edit could hit something else: left alone, with the place. */
static void
test_forms_refused(void **state)
{
	static const struct {
		const char *text;
		const char *place;
	} cases[] = {
	    {"teams: {a: {path: alpha}}\n",
		"config.yaml:1:8: the teams are written as a { } mapping"},
	    {"teams: {a: {path: alpha},\n  b: {path: beta}}\n", "config.yaml:1:8: "},
	    {"{teams: {a: {path: alpha}}}\n", "config.yaml:1:1: the file is one { } mapping"},
	    {"x: &t\n  a:\n    path: alpha\nteams: *t\n",
		"config.yaml:4:1: the teams are not written here"},
	};
	struct err e;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		write_text(fixture_config, cases[i].text);
		unlink(in_dir("config.yaml.bak"));
		expect_refused(
		    cases[i].text, add("new", "gamma", NULL, &e), &e, ERR_CONFIG, cases[i].place);
		assert_non_null(strstr(e.msg, "; please edit the file by hand"));
		expect_refused(cases[i].text, config_edit_remove_team(fixture_config, "a", &e), &e,
		    ERR_CONFIG, "; please edit the file by hand");
	}
}

static void
test_broken_file(void **state)
{
	const char *before = "teams:\n  a:\n    path: alpha\nsettings:\n  maxQueue: many\n";
	struct err e;

	(void)state;
	write_text(fixture_config, before);
	unlink(in_dir("config.yaml.bak"));
	expect_refused(before, add("new", "gamma", NULL, &e), &e, ERR_CONFIG,
	    "config.yaml:5:13: settings.maxQueue");
	expect_refused(before, config_edit_remove_team(fixture_config, "a", &e), &e, ERR_CONFIG,
	    "config.yaml:5:13: settings.maxQueue");
}

static void
test_remove(void **state)
{
	(void)state;
	expect_removed(
	    "teams:\n  a:\n    path: alpha\n  b:\n    path: beta\n  c:\n    path: gamma\n", "b",
	    "teams:\n  a:\n    path: alpha\n  c:\n    path: gamma\n");
	expect_removed("teams:\n  a:\n    path: alpha\n  b:\n    path: beta\n", "a",
	    "teams:\n  b:\n    path: beta\n");
	expect_removed("teams:\n  a:\n    path: alpha\n  b:\n    path: beta", "b",
	    "teams:\n  a:\n    path: alpha");
	expect_removed("teams:\r\n  a:\r\n    path: alpha\r\n  b:\r\n    path: beta", "b",
	    "teams:\r\n  a:\r\n    path: alpha");
	expect_removed("teams:\n  a:\n    path: alpha\nsettings:\n", "a", "teams:\nsettings:\n");
	expect_removed("teams:\n  a:\n    path: alpha\n", "a", "teams:\n");
	expect_removed("teams:\n  a: {path: alpha} # x\n  b: {path: beta}\n", "a",
	    "teams:\n  b: {path: beta}\n");
	expect_removed("x: &x {path: alpha}\nteams:\n  a: *x\n  b: {path: beta}\n", "a",
	    "x: &x {path: alpha}\nteams:\n  b: {path: beta}\n");
}

static void
test_remove_and_comments(void **state)
{
	(void)state;
	expect_removed(
	    "teams:\n  # the first\n  a:\n    path: alpha\n    # color: x\n  # the second\n  b:\n"
	    "    path: beta\n",
	    "a", "teams:\n  # the first\n  # the second\n  b:\n    path: beta\n");
	expect_removed(
	    "teams:\n  a:\n    path: alpha # x\n\n  b:\n    # in b\n    path: beta\n\n    # in b, "
	    "too\n"
	    "    model: x\n\n  c:\n    path: gamma\n",
	    "b", "teams:\n  a:\n    path: alpha # x\n\n  c:\n    path: gamma\n");
	expect_removed("teams:\n  a:\n    path: alpha\n\n  b:\n    path: beta\n", "a",
	    "teams:\n  b:\n    path: beta\n");
	expect_removed(
	    "teams:\n  a:\n    path: alpha\n\n  b:\n    path: beta\n\n# settings\nsettings:\n", "b",
	    "teams:\n  a:\n    path: alpha\n\n# settings\nsettings:\n");
	/* The blank line above belongs to a's text, since it is kept with "+". */
	expect_removed(
	    "teams:\n  a:\n    path: alpha\n    appendSystemPrompt: |+\n      x\n\n  b:\n    "
	    "path: beta\n",
	    "b", "teams:\n  a:\n    path: alpha\n    appendSystemPrompt: |+\n      x\n\n");
	expect_removed(
	    "teams:\n  a:\n    path: alpha\n    appendSystemPrompt: >-\n      x\n\n      # y\n"
	    "  b:\n    path: beta\n",
	    "a", "teams:\n  b:\n    path: beta\n");
}

static void
test_remove_refused(void **state)
{
	const char *before = "teams:\n  backend:\n    path: alpha\n  frontend:\n    path: beta\n";
	const char *anchored =
	    "teams:\n  a: &x\n    path: alpha\n  b:\n    path: beta\n    env: &y {A: 1}\n"
	    "unknown: *x\n";
	struct err e;

	(void)state;
	write_text(fixture_config, before);
	unlink(in_dir("config.yaml.bak"));
	expect_refused(before, config_edit_remove_team(fixture_config, "bakend", &e), &e,
	    ERR_NOT_FOUND, "no team \"bakend\" in ");
	assert_non_null(strstr(e.msg, "; did you mean \"backend\"?"));
	expect_refused(before, config_edit_remove_team(fixture_config, "end", &e), &e,
	    ERR_NOT_FOUND, "; did you mean \"backend\" or \"frontend\"?");
	expect_refused(before, config_edit_remove_team(fixture_config, "zzz", &e), &e,
	    ERR_NOT_FOUND, "config.yaml");
	assert_null(strstr(e.msg, "did you mean"));
	write_text(fixture_config, anchored);
	expect_refused(anchored, config_edit_remove_team(fixture_config, "a", &e), &e, ERR_INVALID,
	    "team \"a\" can not be removed, nothing is changed: ");
	assert_non_null(strstr(e.msg, "undefined alias"));
	unlink(fixture_config);
	expect_refused(NULL, config_edit_remove_team(fixture_config, "a", &e), &e, ERR_NOT_FOUND,
	    "can not be opened");
}

static void
test_modes_and_links(void **state)
{
	struct err e;
	struct stat st;
	char *text;

	(void)state;
	write_text(fixture_config, "teams:\n");
	chmod(fixture_config, 0640);
	assert_int_equal(add("new", "gamma", NULL, &e), 0);
	assert_int_equal(stat(fixture_config, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
	assert_int_equal(stat(in_dir("config.yaml.bak"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
	/*
	 * A link stays a link; its target changes, and relative paths still start at the link's
	 * directory.
	 */
	unlink(fixture_config);
	write_text(in_dir("beta/real.yaml"), "teams:\n");
	assert_int_equal(symlink("beta/real.yaml", fixture_config), 0);
	assert_int_equal(add("new", "gamma", NULL, &e), 0);
	assert_int_equal(lstat(fixture_config, &st), 0);
	assert_true(S_ISLNK(st.st_mode));
	text = read_text(in_dir("beta/real.yaml"));
	assert_string_equal(text, "teams:\n  new:\n    path: gamma\n");
	free(text);
	assert_int_equal(access(in_dir("beta/real.yaml.bak"), F_OK), 0);
	unlink(in_dir("beta/real.yaml"));
	unlink(in_dir("config.yaml.bak"));
	expect_refused(NULL, add("new", "gamma", NULL, &e), &e, ERR_CONFIG,
	    "a link to a file that is not there");
	unlink(fixture_config);
	unlink(in_dir("beta/real.yaml.bak"));
}

/* When the backup can not be made, the file stays as it is, and so does its directory. */
static void
test_write_failure(void **state)
{
	const char *before = "teams:\n";
	struct err e;
	struct dirent *entry;
	DIR *d;
	size_t files = 0;

	(void)state;
	write_text(fixture_config, before);
	assert_int_equal(mkdir(in_dir("config.yaml.bak"), 0700), 0);
	assert_int_equal(add("new", "gamma", NULL, &e), -1);
	assert_int_equal(e.code, ERR_IO);
	assert_non_null(strstr(e.msg, "config.yaml.bak: can not be replaced: "));
	expect_file(before);
	assert_int_equal(rmdir(in_dir("config.yaml.bak")), 0);
	assert_non_null(d = opendir(fixture_dir));
	while ((entry = readdir(d)) != NULL)
		files += strncmp(entry->d_name, "config.yaml", 11) == 0;
	closedir(d);
	assert_int_equal(files, 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_add_to_block),
	    cmocka_unit_test(test_add_and_comments),
	    cmocka_unit_test(test_add_after_values),
	    cmocka_unit_test(test_add_first),
	    cmocka_unit_test(test_add_new_file),
	    cmocka_unit_test(test_quoting),
	    cmocka_unit_test(test_add_fields),
	    cmocka_unit_test(test_add_refused),
	    cmocka_unit_test(test_forms_refused),
	    cmocka_unit_test(test_broken_file),
	    cmocka_unit_test(test_remove),
	    cmocka_unit_test(test_remove_and_comments),
	    cmocka_unit_test(test_remove_refused),
	    cmocka_unit_test(test_modes_and_links),
	    cmocka_unit_test(test_write_failure),
	};

	return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
