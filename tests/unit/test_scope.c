/* SPDX-License-Identifier: MIT
 *
 * irisd/net/control_scope and web_client: which key may make which control call, with which team and
 * which from; what keys of sessions and tunnels are not for; and what is left of results.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "common/compat.h"
#include "common/json.h"
#include "irisd/core/key.h"
#include "irisd/net/control_scope.h"
#include "irisd/net/web_client.h"
#include "tests/unit/irisd_fixture.h"

#define SESSION "01234567-89ab-4cde-8f01-23456789abcd"

static char conf[] = "teams:\n  mine: {path: alpha, description: D}\n"
		     "  other: {path: beta, description: D}\n";

static const struct {
	const char *method, *scope;
} methods[] = {
#define CONTROL_X(sym, method, scope, params, help) {method, scope},
#include "irisd/net/control_table.h"
#undef CONTROL_X
};

#define NMETHODS (sizeof methods / sizeof methods[0])

struct bed {
	struct irisd d;
	struct client client;
	struct control call; /* the check is a call under way */
	char name[8], team[8];
	struct store_key key;
	struct err err;
};

static int
setup(void **state)
{
	struct bed *b = xcalloc(1, sizeof *b);

	if (fixture_setup(state) == -1)
		return -1;
	fixture_irisd(&b->d, conf);
	b->client.d = &b->d;
	b->client.role = CLIENT_WEB;
	TAILQ_INIT(&b->client.controls);
	TAILQ_INSERT_TAIL(&b->client.controls, &b->call, entry);
	TAILQ_INSERT_TAIL(&b->d.clients, &b->client, entry);
	web_client_init(&b->client);
	compat_strlcpy(b->name, "ci", sizeof b->name);
	compat_strlcpy(b->team, "mine", sizeof b->team);
	compat_strlcpy(b->key.id, "0123456789ab", sizeof b->key.id);
	b->key.name = b->name;
	*state = b;
	return 0;
}

static int
teardown(void **state)
{
	struct bed *b = *state;

	TAILQ_REMOVE(&b->client.controls, &b->call, entry);
	web_client_release(&b->client);
	TAILQ_REMOVE(&b->d.clients, &b->client, entry);
	fixture_irisd_release(&b->d);
	free(b);
	return fixture_teardown(state);
}

static void
become(struct bed *b, unsigned scopes, const char *team)
{
	cJSON *o;

	b->key.scopes = scopes;
	b->key.team = team != NULL ? b->team : NULL;
	if ((o = web_client_speaks(&b->client, &b->key, NULL, WEB_API, &b->err)) == NULL)
		fail_msg("%s", b->err.msg);
	cJSON_Delete(o);
}

static int
check(struct bed *b, const char *method, const char *scope, const char *params)
{
	cJSON *o = cJSON_Parse(params);
	int rv = control_scope_check(&b->client, method, scope, o, &b->err);

	assert_non_null(o);
	cJSON_Delete(o);
	return rv;
}

/* Each method with each set of scopes: exactly what the table says. */
static void
test_scopes(void **state)
{
	static const char *const all[] = {"read", "message", "manage", "approve", "admin"};
	struct bed *b = *state;
	unsigned scopes, want;
	size_t i, k;

	for (i = 0; i < NMETHODS; i++) {
		/* Of the table, or nothing. */
		if (strcmp(methods[i].scope, "-") != 0)
			assert_int_equal(key_scopes_parse(methods[i].scope, &want, &b->err), 0);
		for (k = 0; k < sizeof all / sizeof all[0]; k++) {
			bool may = strcmp(methods[i].scope, "-") != 0 &&
			    (k == 4 || strcmp(methods[i].scope, "read") == 0 ||
				strcmp(methods[i].scope, all[k]) == 0);
			/* The next request's, whoever's this was. */
			if (strcmp(methods[i].method, "iris/key.check") == 0)
				may = true;
			assert_int_equal(key_scopes_parse(all[k], &scopes, &b->err), 0);
			become(b, scopes, NULL);
			if ((check(b, methods[i].method, methods[i].scope, "{}") == 0) != may)
				fail_msg("%s with %s", methods[i].method, all[k]);
			if (!may)
				assert_int_equal(b->err.code, ERR_REFUSED);
		}
	}
}

/* Nobody's: what makes it somebody's, and what the web process itself does. */
static void
test_unbound(void **state)
{
	static const char open[] = " iris/key.check iris/login.redeem iris/web.listening "
				   "iris/webhook.next iris/webhook.done ";
	struct bed *b = *state;
	char name[64];
	size_t i;

	for (i = 0; i < NMETHODS; i++) {
		snprintf(name, sizeof name, " %s ", methods[i].method);
		if ((check(b, methods[i].method, methods[i].scope, "{}") == 0) !=
		    (strstr(open, name) != NULL))
			fail_msg("%s", methods[i].method);
		if (strstr(open, name) == NULL)
			assert_int_equal(b->err.code, ERR_UNAUTHORIZED);
	}
	b->client.role = CLIENT_CTL;
	for (i = 0; i < NMETHODS; i++)
		assert_int_equal(check(b, methods[i].method, methods[i].scope, "{}"), 0);
	b->client.role = CLIENT_WEB;
}

/* Method, parameters, and whether a key of team mine with every scope may. */
static const struct {
	const char *method, *params;
	bool may;
} team_rows[] = {
    {"iris/message.send", "{\"to\":\"other\"}", true},
    {"iris/message.send", "{\"to\":\"other\",\"from\":\"mine\"}", true},
    {"iris/message.send", "{\"to\":\"other\",\"from\":\"\"}", true},
    {"iris/message.send", "{\"to\":\"mine\",\"from\":\"other\"}", false},
    {"iris/message.send", "{\"to\":\"mine\",\"team\":\"mine\",\"from\":\"other\"}", false},
    {"iris/message.send", "{\"to\":\"mine\",\"from\":\"Mine\"}", false},
    {"iris/team.wake", "{\"team\":\"other\"}", true},
    {"iris/team.wake", "{\"team\":\"mine\",\"from\":\"other\"}", false},
    {"iris/team.sleep", "{\"team\":\"other\",\"from\":\"guest:x\"}", false},
    {"iris/session.delete", "{\"team\":\"mine\",\"from\":\"other\"}", true},
    {"iris/session.delete", "{\"team\":\"other\",\"from\":\"mine\"}", true},
    {"iris/session.delete", "{\"team\":\"other\"}", true},
    {"iris/session.delete", "{\"team\":\"other\",\"from\":\"guest:x\"}", false},
    {"iris/session.report", "{\"team\":\"other\",\"from\":\"third\"}", false},
    {"iris/permission.remember", "{\"team\":\"mine\"}", true},
    {"iris/permission.remember", "{\"team\":\"other\"}", false},
    {"iris/permission.remember", "{}", false},
    {"iris/remote.check", "{\"team\":\"mine\"}", true},
    {"iris/remote.check", "{\"team\":\"other\",\"from\":\"mine\"}", false},
    {"iris/remote.grant", "{\"team\":\"mine\"}", false},
    {"iris/key.create", "{\"team\":\"mine\",\"scope\":\"read\"}", false},
    {"iris/key.list", "{}", false},
    {"iris/key.revoke", "{\"id\":\"0123456789ab\"}", true},
    {"iris/key.revoke", "{\"id\":\"ba9876543210\"}", false},
    {"iris/audit.list", "{}", false},
    {"iris/config.reload", "{}", false},
    {"iris/what.comes", "{\"team\":\"mine\",\"from\":\"mine\"}", false},
};

static void
test_team(void **state)
{
	struct bed *b = *state;
	size_t i;

	become(b, KEY_READ | KEY_MESSAGE | KEY_MANAGE | KEY_APPROVE | KEY_ADMIN, "mine");
	for (i = 0; i < sizeof team_rows / sizeof team_rows[0]; i++)
		if ((check(b, team_rows[i].method, "read", team_rows[i].params) == 0) !=
		    team_rows[i].may)
			fail_msg("%s %s", team_rows[i].method, team_rows[i].params);
	assert_true(control_sees(&b->client, "mine", "other"));
	assert_true(control_sees(&b->client, "other", "mine"));
	assert_false(control_sees(&b->client, "other", "other"));
	assert_false(control_sees(&b->client, "guest:mine", "other"));
	assert_string_equal(control_team_only(&b->client), "mine");
	assert_false(control_is_admin(&b->client));
	become(b, KEY_READ | KEY_ADMIN, NULL);
	assert_true(control_sees(&b->client, "other", "third"));
	assert_null(control_team_only(&b->client));
	assert_true(control_is_admin(&b->client));
	assert_int_equal(
	    check(b, "iris/message.send", "message", "{\"to\":\"mine\",\"from\":\"other\"}"), 0);
	become(b, KEY_READ | KEY_MESSAGE | KEY_MANAGE | KEY_APPROVE, NULL);
	assert_false(control_is_admin(&b->client));
	assert_int_equal(
	    check(b, "iris/message.send", "message", "{\"to\":\"mine\",\"from\":\"other\"}"), -1);
}

/* What a key was made for alone. */
static void
test_not_for_api(void **state)
{
	struct store_tunnel tunnel = {.key = "0123456789ab"};
	struct bed *b = *state;
	const char *team;
	unsigned scopes;

	b->key.scopes = KEY_READ;
	b->key.team = b->team;
	compat_strlcpy(b->key.session, SESSION, sizeof b->key.session);
	assert_null(web_client_speaks(&b->client, &b->key, NULL, WEB_API, &b->err));
	assert_int_equal(b->err.code, ERR_REFUSED);
	b->key.session[0] = '\0';
	assert_null(web_client_speaks(&b->client, &b->key, SESSION, WEB_API, &b->err));
	assert_int_equal(b->err.code, ERR_INVALID);
	store_tunnel_set(b->d.store, "mine", &tunnel);
	assert_null(web_client_speaks(&b->client, &b->key, NULL, WEB_API, &b->err));
	assert_int_equal(b->err.code, ERR_REFUSED);
	assert_non_null(strstr(b->err.msg, "tunnel of team mine alone"));
	assert_false(web_client_scoped(&b->client, &scopes, &team));
	assert_int_equal(check(b, "iris/team.list", "read", "{}"), -1);
}

static void
test_over(void **state)
{
	struct bed *b = *state;

	become(b, KEY_READ | KEY_ADMIN, NULL);
	assert_int_equal(check(b, "iris/team.list", "read", "{}"), 0);
	/* Before its timer: a clock that was set, a loop that is late. */
	b->key.expires_at = compat_now_ms() - 1;
	become(b, KEY_READ | KEY_ADMIN, NULL);
	assert_int_equal(check(b, "iris/team.list", "read", "{}"), -1);
	assert_int_equal(b->err.code, ERR_UNAUTHORIZED);
	b->key.expires_at = 0;
	become(b, KEY_READ | KEY_ADMIN, NULL);
	TAILQ_REMOVE(&b->client.controls, &b->call, entry);
	web_client_revoked(&b->d, "ba9876543210");
	assert_int_equal(check(b, "iris/team.list", "read", "{}"), 0);
	web_client_revoked(&b->d, b->key.id);
	assert_int_equal(check(b, "iris/team.list", "read", "{}"), -1);
	assert_int_equal(b->err.code, ERR_UNAUTHORIZED);
	/* Ended, it may not end itself again, but the next request may come. */
	assert_int_equal(check(b, "iris/key.revoke", "admin", "{\"id\":\"0123456789ab\"}"), -1);
	assert_int_equal(check(b, "iris/key.check", "-", "{}"), 0);
	TAILQ_INSERT_TAIL(&b->client.controls, &b->call, entry);
}

static void
trimmed(struct bed *b, const char *method, const char *was, const char *want)
{
	cJSON *o = cJSON_Parse(was);
	char *text;

	assert_non_null(o);
	control_scope_trim(&b->client, method, o);
	text = cJSON_PrintUnformatted(o);
	assert_string_equal(text, want);
	cJSON_free(text);
	cJSON_Delete(o);
}

#define PAIRS                                                                                      \
	"[{\"from\":\"a\",\"to\":\"b\"},{\"from\":\"mine\",\"to\":\"b\"},"                         \
	"{\"from\":\"b\",\"to\":\"mine\"},{\"from\":\"b\",\"to\":\"a\"}]"
#define OWN "[{\"from\":\"mine\",\"to\":\"b\"},{\"from\":\"b\",\"to\":\"mine\"}]"

static void
test_trim(void **state)
{
	struct bed *b = *state;

	become(b, KEY_READ | KEY_ADMIN, NULL);
	trimmed(b, "iris/session.list", "{\"sessions\":" PAIRS "}", "{\"sessions\":" PAIRS "}");
	become(b, KEY_READ, "mine");
	trimmed(b, "iris/session.list", "{\"sessions\":" PAIRS "}", "{\"sessions\":" OWN "}");
	trimmed(b, "iris/team.list",
	    "{\"teams\":[{\"name\":\"mine\",\"path\":\"/m\"},{\"path\":\"/o\",\"name\":\"other\","
	    "\"remote\":\"ssh h\",\"tunnel\":{},\"line\":{},\"down\":\"x\",\"status\":\"awake\"}],"
	    "\"from\":\"mine\"}",
	    "{\"teams\":[{\"name\":\"mine\",\"path\":\"/m\"},{\"name\":\"other\",\"status\":"
	    "\"awake\"}],\"from\":\"mine\"}");
	trimmed(b, "iris/team.show",
	    "{\"name\":\"other\",\"path\":\"/o\",\"sessions\":" PAIRS ",\"queued\":3,"
	    "\"problems\":[\"/o is gone\"]}",
	    "{\"name\":\"other\",\"sessions\":" OWN "}");
	trimmed(b, "iris/daemon.status",
	    "{\"version\":\"1\",\"home\":\"/h\",\"workers\":[{\"team\":\"a\"}],\"sessions\":" PAIRS
	    ",\"messages\":{},\"warnings\":[\"/o\"]}",
	    "{\"version\":\"1\",\"sessions\":" OWN "}");
	trimmed(b, "iris/remote.list", "{\"teams\":[{\"name\":\"other\"},{\"name\":\"mine\"}]}",
	    "{\"teams\":[{\"name\":\"mine\"}]}");
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
	    TEST(test_scopes),
	    TEST(test_unbound),
	    TEST(test_team),
	    TEST(test_not_for_api),
	    TEST(test_over),
	    TEST(test_trim),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
