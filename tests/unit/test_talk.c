/* SPDX-License-Identifier: MIT
 *
 * irisd/core/talk: which entry of permissions.talk decides, what the refusal says, and that no
 * session is begun, anew or copied, past it. What each entrance makes of it is in
 * integration/talk.test.mjs.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "irisd/core/fork.h"
#include "irisd/core/renew.h"
#include "irisd/core/talk.h"
#include "tests/unit/irisd_fixture.h"

#define TEAMS                                                                                      \
	"teams:\n  alpha:\n    path: alpha\n    description: A\n"                                  \
	"  beta:\n    path: beta\n    description: B\n"

#define MAX 4

/* Entries, from, to, and the number of the entry that says no; -1: none says yes; MAX: allowed. */
static const struct {
	const char *entries[MAX], *from, *to;
	int by;
} cases[] = {
    {{NULL}, "a", "b", MAX},
    {{"a -> b"}, "a", "b", MAX},
    {{"a -> b"}, "b", "a", -1},
    {{"a -> b"}, "a", "bb", -1},
    {{"a -> b"}, "aa", "b", -1},
    {{"a -> b"}, "A", "b", -1},
    {{"deny a -> b"}, "a", "b", 0},
    {{"deny a -> b"}, "a", "c", -1},
    {{"deny a -> b", "* -> *"}, "a", "b", 0},
    {{"deny a -> b", "* -> *"}, "a", "c", MAX},
    {{"* -> *", "deny a -> b"}, "a", "b", MAX},
    {{"x -> y", "deny a -> *", "a -> b"}, "a", "b", 1},
    {{"deny guest:* -> production", "* -> *"}, "guest:me-1a2b", "production", 0},
    {{"deny guest:* -> production", "* -> *"}, "guest", "production", MAX},
    {{"deny guest:* -> production", "* -> *"}, "guest:me", "productions", MAX},
    {{"front* -> *end"}, "frontend", "backend", MAX},
    {{"front* -> *end"}, "front", "end", MAX},
    {{"front* -> *end"}, "front", "ender", -1},
    {{"team-? -> b"}, "team-1", "b", MAX},
    {{"team-? -> b"}, "team-", "b", -1},
    {{"team-? -> b"}, "team-12", "b", -1},
    {{"*a*a*b -> b"}, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaac", "b", -1},
    {{"*a*a*b -> b"}, "xaxab", "b", MAX},
    {{"** -> b"}, "", "b", MAX},
    {{"deny deny -> b", "* -> b"}, "deny", "b", 0},
};

static struct irisd d;

static int
setup(void **state)
{
	if (fixture_setup(state) == -1)
		return -1;
	fixture_irisd(&d, TEAMS);
	return 0;
}

static int
teardown(void **state)
{
	fixture_irisd_release(&d);
	return fixture_teardown(state);
}

/* What the configuration says of talk from now on. */
static void
talk_is(const char *const entries[], size_t n)
{
	struct config_list *talk = &d.conf->config->permissions.talk;
	size_t i;

	for (i = 0; i < talk->n; i++)
		free(talk->v[i]);
	talk->v = xreallocarray(talk->v, n + 1, sizeof *talk->v);
	talk->n = n;
	for (i = 0; i < n; i++)
		talk->v[i] = xstrdup(entries[i]);
}

static void
test_entries(void **state)
{
	char text[128];
	struct err err;
	size_t i, n;

	(void)state;
	for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		for (n = 0; n < MAX && cases[i].entries[n] != NULL; n++)
			;
		talk_is(cases[i].entries, n);
		if (talk_check(&d, cases[i].from, cases[i].to, &err) !=
		    (cases[i].by == MAX ? 0 : -1))
			fail_msg("case %zu: %s -> %s", i, cases[i].from, cases[i].to);
		if (cases[i].by == MAX)
			continue;
		if (cases[i].by == -1)
			snprintf(text, sizeof text, "no entry of permissions.talk allows %s -> %s",
			    cases[i].from, cases[i].to);
		else
			snprintf(text, sizeof text, "permissions.talk: \"%s\"",
			    cases[i].entries[cases[i].by]);
		assert_int_equal(err.code, ERR_REFUSED);
		if (strstr(err.msg, text) == NULL)
			fail_msg("case %zu: %s", i, err.msg);
	}
}

static void
never(struct session *s, const struct renew_result *r, void *arg)
{
	(void)s;
	(void)r;
	(void)arg;
	fail_msg("a refused session was begun anew");
}

static void
test_sessions(void **state)
{
	static const char *const entries[] = {"deny alpha -> beta", "* -> *"};
	struct message_new n = {.to = "beta", .from = "alpha", .body = "hello", .key = "k"};
	char id[UUID_LEN + 1], again[UUID_LEN + 1];
	struct team *beta = team_find(&d, "beta");
	struct session *s;
	struct err err;

	(void)state;
	assert_int_equal(message_submit(&d, &n, id, &err), 0);
	talk_is(entries, 2);
	/* The same call again finds what was accepted. */
	assert_int_equal(message_submit(&d, &n, again, &err), 0);
	assert_string_equal(again, id);
	n.key = NULL;
	assert_int_equal(message_submit(&d, &n, again, &err), -1);
	assert_int_equal(err.code, ERR_REFUSED);
	assert_non_null(strstr(err.msg, "\"deny alpha -> beta\""));
	assert_null(session_get(beta, "alpha", true, &err));
	assert_int_equal(err.code, ERR_REFUSED);
	assert_non_null(s = session_get(beta, "alpha", false, &err));
	assert_int_equal(s->queued, 1);
	assert_int_equal(renew_start(s, true, never, NULL, &err), -1);
	assert_int_equal(err.code, ERR_REFUSED);
	s->row.started = true;
	assert_null(fork_session_of(beta, "alpha", &err));
	assert_int_equal(err.code, ERR_REFUSED);
	assert_non_null(session_get(beta, "guest:x", true, &err));
	talk_is(entries, 0);
	assert_non_null(fork_session_of(beta, "alpha", &err));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_entries, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_sessions, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
