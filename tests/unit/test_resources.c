/* SPDX-License-Identifier: MIT
 *
 * irisd/mcp/resources and follow: what a URI names and what is none, who is told of a change and
 * how often, and that what one client can hold is bounded.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "common/json.h"
#include "irisd/mcp/follow.h"
#include "irisd/mcp/resources.h"
#include "tests/unit/irisd_fixture.h"

#define TEAMS                                                                                      \
	"teams:\n  alpha:\n    path: alpha\n    description: A\n"                                  \
	"  jklmno:\n    path: beta\n    description: B\n"
#define V "{\"jsonrpc\":\"2.0\","
#define MODERN                                                                                     \
	"\"_meta\":{\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\","                   \
	"\"io.modelcontextprotocol/clientCapabilities\":{}}"
#define FOLLOWED_MAX 200 /* as in follow.c */
#define LISTENS_MAX  16

static struct irisd d;
static struct mcp m;
static char *last; /* the last line that was sent */
static size_t nlines;
static const char *caller;

static void
collect(struct mcp *mcp, char *text)
{
	assert_ptr_equal(mcp, &m);
	free(last);
	last = text;
	nlines++;
}

static void
who(struct mcp *mcp, char *name, size_t size)
{
	assert_ptr_equal(mcp, &m);
	snprintf(name, size, "%s", caller);
}

static const struct mcp_carrier stdio = {.send = collect, .who = who, .unasked = true};
static const struct mcp_carrier http = {.send = collect, .who = who, .unasked = false};

static int
setup_with(void **state, const struct mcp_carrier *carrier)
{
	if (fixture_setup(state) == -1)
		return -1;
	fixture_irisd(&d, TEAMS);
	mcp_init(&m, &d, carrier, NULL);
	/* The teams have just come. */
	follow_run(&d);
	caller = "alpha";
	nlines = 0;
	return 0;
}

static int
setup(void **state)
{
	return setup_with(state, &stdio);
}

static int
setup_http(void **state)
{
	return setup_with(state, &http);
}

static int
teardown(void **state)
{
	mcp_release(&m);
	free(last);
	last = NULL;
	fixture_irisd_release(&d);
	return fixture_teardown(state);
}

/* Hand it one line; answers how many came for it. */
static size_t
put(const char *line)
{
	char *copy = xstrdup(line);
	size_t before = nlines;

	mcp_line(&m, copy, strlen(copy));
	free(copy);
	return nlines - before;
}

static void
expect_last(const char *part)
{
	if (last == NULL || strstr(last, part) == NULL)
		fail_msg("%s is not in %s", part, last != NULL ? last : "nothing");
}

static size_t
uri_call(const char *method, const char *uri)
{
	char *line = xasprintf(
	    V "\"id\":1,\"method\":\"resources/%s\",\"params\":{\"uri\":\"%s\"}}", method, uri);
	size_t n = put(line);

	free(line);
	return n;
}

static size_t
listen_to(int id, const char *notifications)
{
	char *line = xasprintf(V "\"id\":%d,\"method\":\"subscriptions/listen\",\"params\":{" MODERN
				 ",\"notifications\":%s}}",
	    id, notifications);
	size_t n = put(line);

	free(line);
	return n;
}

/* What is told in one pass. */
static size_t
pass(void)
{
	size_t before = nlines;

	follow_run(&d);
	return nlines - before;
}

/* --- URIs ------------------------------------------------------------------------------------- */

/* In memory of just its length, for the sanitizers. */
static int
parse(const char *uri, struct resource *r)
{
	char *copy = xmalloc(strlen(uri) + 1);
	int rv;

	memcpy(copy, uri, strlen(uri) + 1);
	rv = resource_parse(copy, r);
	free(copy);
	return rv;
}

static void
test_uris(void **state)
{
	static const struct {
		const char *uri;
		enum resource_kind kind;
		const char *a, *b;
	} cases[] = {
	    {"iris://teams", RESOURCE_TEAMS, "", ""},
	    {"iris://teams/backend", RESOURCE_TEAM, "backend", ""},
	    {"iris://teams/%62ackend", RESOURCE_TEAM, "backend", ""},
	    {"iris://teams/b%C3%BCro", RESOURCE_TEAM, "b\xc3\xbcro", ""},
	    {"iris://teams/b\xc3\xbcro", RESOURCE_TEAM, "b\xc3\xbcro", ""},
	    {"iris://teams/a%2Fb", RESOURCE_TEAM, "a/b", ""},
	    {"iris://teams/a%2fb%3F%23%25", RESOURCE_TEAM, "a/b?#%", ""},
	    {"iris://teams/..", RESOURCE_TEAM, "..", ""},
	    {"iris://teams/a b+c", RESOURCE_TEAM, "a b+c", ""},
	    {"iris://sessions/a/b", RESOURCE_SESSION, "a", "b"},
	    {"iris://sessions/guest:x/b%2Fc", RESOURCE_SESSION, "guest:x", "b/c"},
	    {"iris://messages/01890000-0000-7000-8000-000000000000", RESOURCE_MESSAGE,
		"01890000-0000-7000-8000-000000000000", ""},
	    {"iris://messages/none", RESOURCE_MESSAGE, "none", ""},
	};
	struct resource r;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		if (parse(cases[i].uri, &r) == -1)
			fail_msg("%s is none", cases[i].uri);
		assert_int_equal(r.row->kind, cases[i].kind);
		assert_string_equal(r.values[0], cases[i].a);
		assert_string_equal(r.values[1], cases[i].b);
	}
}

static void
test_no_uris(void **state)
{
	static const char *const none[] = {"", "i", "iris", "iris:", "iris://", "iris:///",
	    "iris://team", "iris://teamsx", "iris://teams/", "iris://teams//", "iris://teams/a/",
	    "iris://teams/a/b", "iris://teams?x", "iris://teams#x", "iris://teams/a?x",
	    "iris://teams/a#x", "iris://teams/%", "iris://teams/%6", "iris://teams/%zz",
	    "iris://teams/a%0", "iris://teams/%%61", "iris://teams/%00", "iris://teams/a%00b",
	    "iris://teams/%ff", "iris://teams/%C3", "iris://teams/%ED%A0%80", "iris://teams/\xff",
	    "iris://sessions", "iris://sessions/", "iris://sessions/a", "iris://sessions/a/",
	    "iris://sessions//b", "iris://sessions/a/b/", "iris://sessions/a/b/c",
	    "iris://messages", "iris://messages/", "IRIS://teams", "iris://Teams", " iris://teams",
	    "iris://teams ", "file:///etc/passwd", "/etc/passwd", "iris://teams/{name}x/",
	    "iris:/teams", "iris:teams"};
	struct resource r;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof none / sizeof none[0]; i++)
		if (parse(none[i], &r) == 0)
			fail_msg(
			    "\"%s\" is taken for %s of \"%s\"", none[i], r.row->uri, r.values[0]);
}

/* A name that has just room, and one byte more, as it is and encoded. */
static void
test_long_names(void **state)
{
	static const char head[] = "iris://teams/";
	char *uri = xmalloc(sizeof head + 3 * TEAM_NAME_MAX), *p;
	struct resource r;
	int encoded, n, i;

	(void)state;
	for (encoded = 0; encoded < 2; encoded++) {
		for (n = TEAM_NAME_MAX - 1; n <= TEAM_NAME_MAX; n++) {
			memcpy(uri, head, sizeof head - 1);
			p = uri + sizeof head - 1;
			for (i = 0; i < n; i++) {
				memcpy(p, encoded ? "%6a" : "j", encoded ? 3 : 1);
				p += encoded ? 3 : 1;
			}
			*p = '\0';
			assert_int_equal(parse(uri, &r), n < TEAM_NAME_MAX ? 0 : -1);
			if (n < TEAM_NAME_MAX)
				assert_int_equal(strlen(r.values[0]), n);
		}
	}
	free(uri);
}

/* --- following -------------------------------------------------------------------------------- */

/* The i-th way in which to write the URI of team jklmno. */
static char *
spelling(int i)
{
	static const char *const ways[6][3] = {{"j", "%6a", "%6A"}, {"k", "%6b", "%6B"},
	    {"l", "%6c", "%6C"}, {"m", "%6d", "%6D"}, {"n", "%6e", "%6E"}, {"o", "%6f", "%6F"}};
	char name[32] = "";
	size_t k, len = 0;

	for (k = 0; k < 6; k++, i /= 3)
		len += (size_t)snprintf(name + len, sizeof name - len, "%s", ways[k][i % 3]);
	return xasprintf("iris://teams/%s", name);
}

static void
test_subscribe(void **state)
{
	(void)state;
	assert_int_equal(pass(), 0);
	assert_int_equal(uri_call("subscribe", "iris://teams/alpha"), 1);
	expect_last("\"result\":{}");
	/* Twice is once. */
	uri_call("subscribe", "iris://teams/alpha");
	expect_last("\"result\":{}");
	assert_int_equal(pass(), 0);
	follow_team(&d, "alpha");
	follow_team(&d, "alpha");
	follow_team(&d, "jklmno");
	assert_int_equal(pass(), 1);
	expect_last(
	    "\"method\":\"notifications/resources/updated\",\"params\":{\"uri\":\"iris://teams/alpha\"}");
	assert_int_equal(pass(), 0);
	/* The list of all is told of each, and in the words of who asked. */
	uri_call("subscribe", "iris://teams");
	uri_call("unsubscribe", "iris://teams/alpha");
	expect_last("\"result\":{}");
	follow_team(&d, "alpha");
	assert_int_equal(pass(), 1);
	expect_last("{\"uri\":\"iris://teams\"}");
	uri_call("unsubscribe", "iris://teams");
	uri_call("unsubscribe", "iris://teams");
	expect_last("\"result\":{}");
	follow_team(&d, "alpha");
	assert_int_equal(pass(), 0);
}

static void
test_only_who_may(void **state)
{
	(void)state;
	uri_call("subscribe", "iris://teams/nobody");
	expect_last("\"code\":-32002");
	uri_call("subscribe", "iris://sessions/alpha/jklmno");
	expect_last("\"code\":-32002");
	uri_call("subscribe", "iris://messages/01890000-0000-7000-8000-000000000000");
	expect_last("\"code\":-32002");
	put(V "\"id\":1,\"method\":\"resources/subscribe\",\"params\":{}}");
	expect_last("params.uri is missing");
	/* Who took part when it began, and does not any more. */
	assert_non_null(session_get(team_find(&d, "jklmno"), "alpha", true, NULL));
	uri_call("subscribe", "iris://sessions/alpha/jklmno");
	expect_last("\"result\":{}");
	follow_session(session_get(team_find(&d, "jklmno"), "alpha", false, NULL));
	assert_int_equal(pass(), 1);
	caller = "guest:other";
	follow_session(session_get(team_find(&d, "jklmno"), "alpha", false, NULL));
	assert_int_equal(pass(), 0);
}

static void
test_bounded(void **state)
{
	char *uri;
	int i;

	(void)state;
	for (i = 0; i < FOLLOWED_MAX; i++) {
		uri = spelling(i);
		uri_call("subscribe", uri);
		expect_last("\"result\":{}");
		free(uri);
	}
	uri = spelling(FOLLOWED_MAX);
	uri_call("subscribe", uri);
	expect_last("too many resources");
	/* That it has one already is no reason to refuse; and what is given back is free again. */
	uri_call("subscribe", "iris://teams/jklmno");
	expect_last("\"result\":{}");
	follow_team(&d, "jklmno");
	assert_int_equal(pass(), FOLLOWED_MAX);
	uri_call("unsubscribe", "iris://teams/jklmno");
	uri_call("subscribe", uri);
	expect_last("\"result\":{}");
	free(uri);
	/* A listen gets no more of them either. */
	listen_to(7, "{\"resourceSubscriptions\":[\"iris://teams/alpha\"]}");
	expect_last("\"notifications\":{\"resourceSubscriptions\":[]}");
}

static void
test_listens(void **state)
{
	int i;

	(void)state;
	for (i = 1; i <= LISTENS_MAX; i++) {
		assert_int_equal(
		    listen_to(i,
			"{\"resourcesListChanged\":true,\"resourceSubscriptions\":"
			"[\"iris://teams/alpha\",\"iris://teams/alpha\",7,\"x\",\"iris://teams/no\"]}"),
		    1);
		expect_last("acknowledged");
		expect_last("\"resourceSubscriptions\":[\"iris://teams/alpha\"]");
	}
	listen_to(99, "{}");
	expect_last("too many subscriptions");
	/* Each by itself, each with its own id; the list's change as well. */
	follow_team(&d, "alpha");
	assert_int_equal(pass(), LISTENS_MAX);
	expect_last("\"io.modelcontextprotocol/subscriptionId\":16");
	follow_teams(&d);
	assert_int_equal(pass(), LISTENS_MAX);
	expect_last("notifications/resources/list_changed");
	/* One is ended: its place is free, and nothing more is said for it. */
	assert_int_equal(
	    put(V "\"method\":\"notifications/cancelled\",\"params\":{\"requestId\":16}}"), 0);
	follow_team(&d, "alpha");
	assert_int_equal(pass(), LISTENS_MAX - 1);
	expect_last("\"io.modelcontextprotocol/subscriptionId\":15");
	listen_to(99, "{}");
	expect_last("acknowledged");
	follow_teams(&d);
	assert_int_equal(pass(), LISTENS_MAX - 1);
	put(V "\"id\":1,\"method\":\"subscriptions/listen\",\"params\":{" MODERN "}}");
	expect_last("needs params.notifications");
	/* The end of irisd is the result of each. */
	i = (int)nlines;
	follow_stop(&m);
	assert_int_equal(nlines - (size_t)i, LISTENS_MAX);
	expect_last("\"result\":{\"resultType\":\"complete\"");
	follow_team(&d, "alpha");
	assert_int_equal(pass(), 0);
}

/* Where nothing can be sent unasked, a subscription of the older revisions would never be told. */
static void
test_http(void **state)
{
	(void)state;
	uri_call("subscribe", "iris://teams/alpha");
	expect_last("\"code\":-32601");
	expect_last("subscriptions/listen");
	listen_to(1, "{\"resourceSubscriptions\":[\"iris://teams/alpha\"]}");
	follow_teams(&d);
	assert_int_equal(pass(), 0);
	follow_team(&d, "alpha");
	assert_int_equal(pass(), 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_uris),
	    cmocka_unit_test(test_no_uris),
	    cmocka_unit_test(test_long_names),
	    cmocka_unit_test_setup_teardown(test_subscribe, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_only_who_may, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_bounded, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_listens, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_http, setup_http, teardown),
	};

	json_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
