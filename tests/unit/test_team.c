/* SPDX-License-Identifier: MIT
 *
 * irisd/core/team: who somebody is by the directory, the list of teams over changes of the
 * configuration, and the names in the error about a team that there is not.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "tests/unit/pool_fixture.h"

#define ALPHA TEAM("alpha")
#define BETA  TEAM("beta")
#define GAMMA TEAM("gamma")

static char three[] = "teams:\n" ALPHA BETA GAMMA;
static char alpha_only[] = "teams:\n" ALPHA;
static char nested[] =
    "teams:\n  outer:\n    path: .\n    description: D\n  inner:\n    path: alpha\n    "
    "description: D\n  odd:\n    path: 'with space_and.dots \xc3\xa4\xc3\xb6'\n    description: D\n"
    "  away:\n    path: /srv\n    description: D\n    remote: ssh host\n    claudePath: claude\n";
static char none[] = "settings:\n  maxProcesses: 1\nteams: {}\n";

/* --- who works in a directory ---------------------------------------------------------------- */

static const char *
guest(const char *dir)
{
	static char names[4][TEAM_NAME_MAX];
	static unsigned next;
	char *name = names[next++ % 4];

	assert_false(team_of_dir(&d, dir, name, TEAM_NAME_MAX));
	return name;
}

static void
expect_team(const char *dir, const char *want)
{
	char name[TEAM_NAME_MAX];

	if (!team_of_dir(&d, dir, name, sizeof name))
		fail_msg("%s is %s", dir, name);
	assert_string_equal(name, want);
}

static void
test_guests(void **state)
{
	const char *a = guest("/home/x/project"), *b = guest("/home/y/project");
	char longest[4096] = "/", name[TEAM_NAME_MAX];
	const char *p;

	(void)state;
	assert_int_equal(strncmp(a, "guest:project-", 14), 0);
	assert_int_equal(strlen(a), 14 + 16);
	assert_int_equal(strspn(a + 14, "0123456789abcdef"), 16);
	assert_string_equal(guest("/home/x/project"), a); /* the same each time */
	assert_string_not_equal(a, b);                    /* though both are "project" */
	assert_int_equal(strncmp(b, "guest:project-", 14), 0);
	/* This hash is in databases: it may never change. */
	assert_string_equal(guest("/home/x/project"), "guest:project-cb70ef516518d138");

	/* Nothing gets in that could leave a quoted attribute, an envelope or a line. */
	a = guest("/home/x/../a \"b\"\n<c>&\xc3\xa4 d'\x1b[1m;$(e)");
	for (p = a; *p != '\0'; p++)
		if (strchr("-_.:", *p) == NULL && (*p < '0' || *p > '9') &&
		    (*p < 'a' || *p > 'z') && (*p < 'A' || *p > 'Z'))
			fail_msg("%s", a);
	assert_int_equal(strncmp(a, "guest:abcd1me-", 14), 0);
	assert_int_equal(strncmp(guest("/x/My_App-2.0"), "guest:My_App-2.0-", 17), 0);
	assert_int_equal(strncmp(guest("/x/\xc3\xa4\xc3\xb6"), "guest:dir-", 10), 0);
	assert_int_equal(strncmp(guest("/x/-.-rf"), "guest:rf-", 9), 0);
	assert_string_not_equal(guest("/x/\xc3\xa4"), guest("/x/\xc3\xb6"));
	assert_int_equal(strncmp(guest("/"), "guest:root-", 11), 0);
	assert_int_equal(strncmp(guest(""), "guest:root-", 11), 0);

	/* A long one is cut, and stays one of its own. */
	memset(longest + 1, 'x', 300);
	assert_int_equal(strlen(guest(longest)), 6 + 63 + 1 + 16);
	a = guest(longest);
	longest[250] = 'y';
	assert_string_not_equal(guest(longest), a);
	/* A small buffer is filled, no more. */
	assert_false(team_of_dir(&d, longest, name, 10));
	assert_string_equal(name, "guest:xxx");
}

static void
test_directories(void **state)
{
	(void)state;
	expect_team(in_dir("alpha"), "inner"); /* the longest wins */
	assert_int_equal(mkdir(in_dir("alpha/deep"), 0700), 0);
	expect_team(in_dir("alpha/deep"), "inner");
	expect_team(in_dir("beta"), "outer");
	expect_team(fixture_dir, "outer");
	expect_team(in_dir("with space_and.dots \xc3\xa4\xc3\xb6"), "odd");
	/* Begins alike, and is not in it. */
	assert_int_equal(mkdir(in_dir("alphabet"), 0700), 0);
	expect_team(in_dir("alphabet"), "outer");
	/* A path on another machine says nothing about one here. */
	assert_int_equal(strncmp(guest("/srv"), "guest:srv-", 10), 0);
}

/*
 * A team whose path is a link is in the directory that the link leads to, where a process
 * finds itself.
 */
static void
test_link(void **state)
{
	(void)state;
	assert_int_equal(symlink(in_dir("alpha"), in_dir("link")), 0);
	assert_int_equal(strncmp(guest(in_dir("alpha")), "guest:alpha-", 12), 0);
	reload("teams:\n  linked:\n    path: link\n    description: D\n" BETA, NULL);
	expect_team(in_dir("alpha"), "linked");
}

/* --- the list -------------------------------------------------------------------------------- */

/* "added a b; removed c; changed d; " as the difference says. */
static const char *
reload_says(const char *text)
{
	static const char *const lists[] = {"added", "removed", "changed"};
	static char buf[512];
	cJSON *diff = json_new();
	const cJSON *name;
	size_t i;

	buf[0] = '\0';
	reload(text, diff);
	assert_int_equal(cJSON_GetArraySize(diff), 3);
	for (i = 0; i < 3; i++) {
		const cJSON *list = json_arr(diff, lists[i]);
		assert_non_null(list);
		if (cJSON_GetArraySize(list) == 0)
			continue;
		compat_strlcat(buf, lists[i], sizeof buf);
		cJSON_ArrayForEach (name, list) {
			compat_strlcat(buf, " ", sizeof buf);
			compat_strlcat(buf, name->valuestring, sizeof buf);
		}
		compat_strlcat(buf, "; ", sizeof buf);
	}
	cJSON_Delete(diff);
	return buf;
}

static const char *
list(void)
{
	static char buf[512];
	const struct team *t;

	buf[0] = '\0';
	TAILQ_FOREACH (t, &d.teams, entry) {
		compat_strlcat(buf, t->name, sizeof buf);
		compat_strlcat(buf, t->removed ? "! " : " ", sizeof buf);
	}
	return buf;
}

static void
test_sync(void **state)
{
	struct team *alpha = team_find(&d, "alpha");

	(void)state;
	assert_string_equal(list(), "alpha beta gamma ");
	assert_string_equal(reload_says(three), "");
	assert_string_equal(reload_says("teams:\n" BETA ALPHA), "removed gamma; ");
	assert_string_equal(list(), "alpha beta gamma! ");
	expect(""); /* it had no process: gone with the pass */
	assert_string_equal(list(), "alpha beta ");
	assert_string_equal(
	    reload_says("teams:\n  aaa:\n    path: scripts\n    description: D\n" GAMMA
			"  beta:\n    path: beta\n    description: other\n"),
	    "added aaa gamma; removed alpha; changed beta; ");
	assert_string_equal(list(), "aaa alpha! beta gamma ");
	assert_null(team_find(&d, "alpha"));
	assert_ptr_equal(TAILQ_NEXT(TAILQ_FIRST(&d.teams), entry), alpha);
	assert_string_equal(team_find(&d, "beta")->cfg->description, "other");
	assert_int_equal(d.draining, 1);
	expect("");
	assert_int_equal(d.draining, 0);
	assert_string_equal(list(), "aaa beta gamma ");
	/* Each of them holds the configuration, and so does irisd. */
	assert_int_equal(d.conf->refs, 4);
	assert_string_equal(reload_says(none), "removed aaa beta gamma; ");
	expect("");
	assert_string_equal(list(), "");
	assert_int_equal(d.conf->refs, 1);
}

/* Removed in the middle of a turn and configured again before its end: nothing has happened. */
static void
test_removed_and_back(void **state)
{
	const char *id;
	struct session *s = busy_session("gamma", "beta", &id);
	struct team *t = s->team;
	struct conf *old = d.conf;

	(void)state;
	assert_string_equal(reload_says(alpha_only), "removed beta gamma; ");
	expect("");
	/* It keeps what it was defined by. */
	assert_string_equal(list(), "alpha beta! ");
	assert_ptr_equal(t->conf, old);
	assert_string_equal(t->cfg->name, "beta");
	assert_int_equal(d.draining, 1);
	/* Removed already: not once more. */
	assert_string_equal(reload_says(alpha_only), "");
	assert_int_equal(d.draining, 1);
	assert_string_equal(reload_says(three), "added beta gamma; ");
	assert_int_equal(d.draining, 0);
	assert_ptr_equal(team_find(&d, "beta"), t);
	assert_ptr_equal(t->conf, d.conf);
	result(s, id, ERR_NONE, "yes");
	expect(""); /* not ended by that */
	assert_int_equal(s->state, SESSION_IDLE);
	ask("gamma", "beta", "more");
	expect("turn gamma>beta more; ");
}

static void
test_awake(void **state)
{
	struct session *s = session_of("beta", "alpha");
	struct team *t = team_find(&d, "alpha");

	(void)state;
	assert_false(team_awake(t));
	ask("beta", "alpha", "x");
	expect("open beta>alpha; ");
	assert_false(team_awake(t)); /* it starts, but nobody is there yet */
	opened(s);
	assert_true(team_awake(t));
	assert_false(team_awake(team_find(&d, "beta")));
	pool_on_exit(s, "status 0");
	assert_false(team_awake(t));
}

/* One line more for alpha is a change of alpha, and of nobody else. */
static void
test_changed(void **state)
{
	static const struct {
		const char *lines, *other;
	} fields[] = {
	    {"    color: '#102030'\n", "    color: '#102031'\n"},
	    {"    claudePath: /bin/sh\n", "    claudePath: /bin/cat\n"},
	    {"    model: opus\n", "    model: sonnet\n"},
	    {"    appendSystemPrompt: a\n", "    appendSystemPrompt: b\n"},
	    {"    mcpConfig: a.json\n", "    mcpConfig: b.json\n"},
	    {"    allowedTools: [Read]\n", "    allowedTools: [Edit]\n"},
	    {"    allowedTools: [Read, Edit]\n", "    allowedTools: [Edit, Read]\n"},
	    {"    disallowedTools: [Read]\n", "    disallowedTools: [Read, Edit]\n"},
	    {"    addDirs: [beta]\n", "    addDirs: [gamma]\n"},
	    {"    env: {A: x}\n", "    env: {A: y}\n"},
	    {"    env: {A: x}\n", "    env: {B: x}\n"},
	    {"    env: {A: x}\n", "    env: {A: x, B: x}\n"},
	    {"    permissionMode: plan\n", "    permissionMode: acceptEdits\n"},
	    {"    sessionInitTimeout: 5000\n", "    sessionInitTimeout: 5001\n"},
	    {"    spawnTimeout: 5000\n", "    spawnTimeout: 5001\n"},
	    {"    responseTimeout: 5000\n", "    responseTimeout: 5001\n"},
	    {"    idleTimeout: 5000\n", "    idleTimeout: 5001\n"},
	    {"    remote: ssh one\n    claudePath: claude\n",
		"    remote: ssh two\n    claudePath: claude\n"},
	};
	char *plain = xasprintf("teams:\n" ALPHA BETA), *a, *b;
	size_t i;

	(void)state;
	write_text(in_dir("a.json"), "{\"mcpServers\":{}}");
	write_text(in_dir("b.json"), "{\"mcpServers\":{}}");
	reload(plain, NULL);
	for (i = 0; i < sizeof fields / sizeof fields[0]; i++) {
		const char *says;
		a = xasprintf("teams:\n" ALPHA "%s" BETA, fields[i].lines);
		b = xasprintf("teams:\n" ALPHA "%s" BETA, fields[i].other);
		if (strcmp(says = reload_says(a), "changed alpha; ") != 0 ||
		    strcmp(says = reload_says(b), "changed alpha; ") != 0)
			fail_msg("%s%s: \"%s\"", fields[i].lines, fields[i].other, says);
		if (strcmp(says = reload_says(b), "") != 0)
			fail_msg("%s twice: \"%s\"", fields[i].other, says);
		assert_string_equal(reload_says(plain), "changed alpha; ");
		free(a);
		free(b);
	}
	free(plain);
	/* Those that TEAM has already. */
	assert_string_equal(reload_says("teams:\n  alpha:\n    path: gamma\n    description: D\n"
					"    grantPermission: yes\n" BETA),
	    "changed alpha; ");
	assert_string_equal(reload_says("teams:\n  alpha:\n    path: gamma\n    description: E\n"
					"    grantPermission: yes\n" BETA),
	    "changed alpha; ");
	assert_string_equal(reload_says("teams:\n  alpha:\n    path: gamma\n    description: E\n"
					"    grantPermission: no\n" BETA),
	    "changed alpha; ");
	/* What comes from settings is a change of every team that does not say otherwise. */
	assert_string_equal(
	    reload_says("settings:\n  idleTimeout: 77\nteams:\n  alpha:\n    path: "
			"gamma\n    description: E\n    grantPermission: no\n" BETA),
	    "changed alpha beta; ");
}

/* --- teams that there are not ---------------------------------------------------------------- */

static void
expect_error(const char *name, const char *want)
{
	struct err err;

	assert_null(team_require(&d, name, &err));
	assert_int_equal(err.code, ERR_NOT_FOUND);
	assert_string_equal(err.msg, want);
}

static void
test_require(void **state)
{
	char longest[500], *want;
	struct err err;

	(void)state;
	assert_ptr_equal(team_require(&d, "beta", &err), team_find(&d, "beta"));
	expect_error("bta",
	    "unknown team \"bta\"; the nearest: beta (list_teams, or \"iris team list\", "
	    "names all)");
	expect_error("Beta",
	    "unknown team \"Beta\"; the nearest: beta (list_teams, or \"iris team "
	    "list\", names all)");
	expect_error("zzzzzzzz",
	    "unknown team \"zzzzzzzz\"; list_teams, or \"iris team list\", names those there are");
	memset(longest, 'z', sizeof longest - 1);
	longest[sizeof longest - 1] = '\0';
	want = xasprintf(
	    "unknown team \"%.100s\"; list_teams, or \"iris team list\", names those there "
	    "are",
	    longest);
	expect_error(longest, want);
	free(want);
	/* A removed one is none, and is not offered either. */
	reload(alpha_only, NULL);
	expect_error("beta",
	    "unknown team \"beta\"; list_teams, or \"iris team list\", names those there "
	    "are");
	reload(none, NULL);
	expect_error("alpha",
	    "unknown team \"alpha\": no team is configured; add one with \"iris team add\"");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_guests, three),
	    TEST(test_directories, nested),
	    TEST(test_link, none),
	    TEST(test_sync, three),
	    TEST(test_removed_and_back, three),
	    TEST(test_awake, three),
	    TEST(test_changed, three),
	    TEST(test_require, three),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
