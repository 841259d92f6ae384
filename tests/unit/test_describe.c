/* SPDX-License-Identifier: MIT
 *
 * irisd/core/describe: the objects of iris-protocol(7), in each state with exactly the members
 * that are documented there, and with the right values.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <strings.h>
#include <cmocka.h>

#include "irisd/core/describe.h"
#include "irisd/core/line.h"
#include "tests/unit/pool_fixture.h"

#define MESSAGE "id from to message state createdAt updatedAt root hops receipts "
#define SESSION "from to sessionId state queued messages createdAt lastUsed costUsd "
#define TEAMOBJ "name path description idleTimeout grantPermission status exists "
#define USAGE                                                                                      \
	"inputTokens outputTokens cacheReadTokens cacheCreationTokens costUsd numTurns "           \
	"durationMs "

static char conf[] =
    "settings:\n  maxProcesses: 1\nteams:\n" TEAM("alpha") TEAM("beta") TEAM("gamma");
static char odd[] =
    "teams:\n  full:\n    path: alpha\n    description: What \"it\" knows\n"
    "    color: '#a0B0c0'\n    model: opus\n    idleTimeout: 4000\n    grantPermission: forward\n"
    "  gone:\n    path: nowhere\n    description: D\n"
    "  file:\n    path: config.yaml.txt\n    description: D\n"
    "  away:\n    path: /srv/x\n    description: D\n    remote: ssh host\n    claudePath: claude\n";

/* What the other side reads of it: numbers are text until then. Takes the object. */
static cJSON *
sent(cJSON *o)
{
	char *text = json_print(o);
	struct err err;
	cJSON *back = json_parse(text, strlen(text), &err);

	if (back == NULL)
		fail_msg("%s: %s", err.msg, text);
	free(text);
	cJSON_Delete(o);
	return back;
}

/* The object has these members (each name followed by a space) and no other one. */
static void
members(const cJSON *o, const char *want)
{
	const cJSON *m;
	char name[64];
	int n = 0;
	const char *p, *space;

	assert_non_null(o);
	for (p = want; (space = strchr(p, ' ')) != NULL; p = space + 1, n++) {
		snprintf(name, sizeof name, "%.*s", (int)(space - p), p);
		if (json_get(o, name) == NULL)
			fail_msg("\"%s\" is missing", name);
	}
	cJSON_ArrayForEach (m, o) {
		snprintf(name, sizeof name, "%s ", m->string);
		if ((p = strstr(want, name)) == NULL || (p > want && p[-1] != ' '))
			fail_msg("\"%s\" should not be there", m->string);
	}
	assert_int_equal(cJSON_GetArraySize(o), n);
}

static cJSON *
message(const char *id, const char *state, const char *want)
{
	struct store_message row;
	cJSON *o, *brief;

	assert_true(store_message_load(d.store, id, &row));
	o = sent(describe_message(&row, d.store));
	members(o, want);
	assert_string_equal(json_str(o, "id"), id);
	assert_string_equal(json_str(o, "state"), state);
	/* Without the store all is the same but for the receipts. */
	brief = sent(describe_message(&row, NULL));
	assert_null(json_get(brief, "receipts"));
	assert_int_equal(cJSON_GetArraySize(brief), cJSON_GetArraySize(o) - 1);
	cJSON_Delete(brief);
	store_message_release(&row);
	return o;
}

static void
test_message(void **state)
{
	struct session *s = session_of("beta", "alpha");
	const char *id = ask("beta", "alpha", "how \"so\"?");
	const cJSON *r;
	cJSON *o;
	int i;

	(void)state;
	o = message(id, "queued", MESSAGE);
	assert_string_equal(json_str(o, "from"), "beta");
	assert_string_equal(json_str(o, "to"), "alpha");
	assert_string_equal(json_str(o, "message"), "how \"so\"?");
	assert_string_equal(json_str(o, "root"), id);
	assert_int_equal(json_int_or(o, "hops", -1), 0);
	assert_int_equal(cJSON_GetArraySize(json_arr(o, "receipts")), 1);
	assert_true(json_int_or(o, "createdAt", -1) > 1600000000000);
	assert_int_equal(json_int_or(o, "updatedAt", -1), json_int_or(o, "createdAt", -2));
	cJSON_Delete(o);
	expect("open beta>alpha; ");
	opened(s);
	expect("turn beta>alpha how \"so\"?; ");
	cJSON_Delete(message(id, "sent", MESSAGE));
	pool_on_seen(s, id, "replay");
	cJSON_Delete(message(id, "seen", MESSAGE));
	result(s, id, ERR_NONE, "like this");
	o = message(id, "answered", MESSAGE "response duration usage ");
	assert_string_equal(json_str(o, "response"), "like this");
	assert_int_equal(json_int_or(o, "duration", -1),
	    json_int_or(o, "updatedAt", -1) - json_int_or(o, "createdAt", -1));
	members(json_obj(o, "usage"), USAGE);
	assert_int_equal(json_int_or(json_obj(o, "usage"), "inputTokens", -1), 3);
	assert_int_equal(json_int_or(json_obj(o, "usage"), "numTurns", -1), 1);
	assert_true(json_num_or(json_obj(o, "usage"), "costUsd", 0) > 0.49);
	i = 0;
	cJSON_ArrayForEach (r, json_arr(o, "receipts")) {
		static const char *const steps[][2] = {{"queued", "stored"},
		    {"sent", "handed to claude, process 4711"}, {"seen", "replay"},
		    {"answered", "result"}};
		assert_true(i < 4);
		members(r, "state at evidence ");
		assert_string_equal(json_str(r, "state"), steps[i][0]);
		assert_string_equal(json_str(r, "evidence"), steps[i][1]);
		i++;
	}
	assert_int_equal(i, 4);
	cJSON_Delete(o);
}

static void
test_message_ends(void **state)
{
	struct session *s = session_of("beta", "alpha");
	const char *one = ask("beta", "alpha", "one"), *two = ask("beta", "alpha", "two"),
		   *three = ask("beta", "alpha", "three");
	struct message_new n = {.to = "gamma", .from = "alpha", .body = "deep"};
	struct store_usage u = {.model = NULL, .output_tokens = 9};
	char deep[UUID_LEN + 1], model[] = "opus";
	struct err err;
	cJSON *o;

	(void)state;
	n.parent = message_find(&d, one);
	assert_int_equal(message_submit(&d, &n, deep, &err), 0);
	o = message(deep, "queued", MESSAGE "parent ");
	assert_string_equal(json_str(o, "parent"), one);
	assert_string_equal(json_str(o, "root"), one);
	assert_int_equal(json_int_or(o, "hops", -1), 1);
	cJSON_Delete(o);

	message_cancel(message_find(&d, two), "no need");
	o = message(two, "cancelled", MESSAGE "error duration ");
	members(json_obj(o, "error"), "code reason ");
	assert_string_equal(json_str(json_obj(o, "error"), "code"), "cancelled");
	assert_string_equal(json_str(json_obj(o, "error"), "reason"), "no need");
	cJSON_Delete(o);

	err_set(&err, ERR_LOGIN, "not logged in");
	u.model = model;
	message_failed(message_find(&d, three), &err, &u);
	o = message(three, "failed", MESSAGE "error duration usage ");
	assert_string_equal(json_str(json_obj(o, "error"), "code"), "login");
	assert_string_equal(json_str(json_obj(o, "error"), "reason"), "not logged in");
	members(json_obj(o, "usage"), USAGE "model ");
	assert_string_equal(json_str(json_obj(o, "usage"), "model"), "opus");
	assert_int_equal(json_int_or(json_obj(o, "usage"), "outputTokens", -1), 9);
	cJSON_Delete(o);

	/* An empty answer is an answer. */
	expect("open beta>alpha; ");
	opened(s);
	expect("turn beta>alpha one; ");
	result(s, one, ERR_NONE, "");
	o = message(one, "answered", MESSAGE "response duration usage ");
	assert_string_equal(json_str(o, "response"), "");
	cJSON_Delete(o);
}

static void
session(const struct session *s, const char *state, const char *want)
{
	cJSON *o = sent(describe_session(s));

	members(o, want);
	assert_string_equal(json_str(o, "state"), state);
	assert_string_equal(json_str(o, "from"), s->row.from);
	assert_string_equal(json_str(o, "to"), s->row.to);
	assert_string_equal(json_str(o, "sessionId"), s->row.claude_id);
	assert_int_equal(json_int_or(o, "queued", -1), s->queued);
	if (json_get(o, "pid") != NULL)
		assert_int_equal(json_int_or(o, "pid", -1), FIXTURE_PID);
	if (json_get(o, "current") != NULL)
		assert_string_equal(json_str(o, "current"), s->current->id);
	cJSON_Delete(o);
}

static void
test_session(void **state)
{
	struct session *s = session_of("beta", "alpha"), *w = session_of("alpha", "gamma");
	const char *id;
	cJSON *o;

	(void)state;
	session(s, "asleep", SESSION);
	id = ask("beta", "alpha", "x");
	ask("beta", "alpha", "y");
	expect("open beta>alpha; ");
	session(s, "starting", SESSION "health ");
	ask("alpha", "gamma", "z");
	expect("");
	session(w, "waiting", SESSION);
	opened(s);
	session(s, "idle", SESSION "health pid ");
	expect("turn beta>alpha x; ");
	session(s, "busy", SESSION "health pid current ");
	snprintf(s->model, sizeof s->model, "opus");
	pool_on_activity(s, id, "is using Bash");
	session(s, "busy", SESSION "health pid current model activity ");
	o = sent(describe_session(s));
	assert_string_equal(json_str(o, "model"), "opus");
	assert_string_equal(json_str(o, "activity"), "is using Bash");
	assert_int_equal(json_int_or(o, "queued", -1), 1);
	assert_int_equal(json_int_or(o, "messages", -1), 0);
	cJSON_Delete(o);
	worker_is = HEALTH_STOPPED;
	session(s, "busy", SESSION "health healthReason pid current model activity ");
	worker_is = HEALTH_ALIVE;
	pool_close(s);
	session(s, "stopping", SESSION "health pid current model activity ");
	result(s, id, ERR_NONE, "yes");
	session(s, "stopping", SESSION "health pid model activity ");
	pool_on_closed(s);
	session(s, "asleep", SESSION "model ");
	o = sent(describe_session(s));
	assert_int_equal(json_int_or(o, "messages", -1), 1);
	assert_true(json_num_or(o, "costUsd", 0) > 0.49);
	cJSON_Delete(o);
}

static void
test_team(void **state)
{
	int64_t before = compat_now_ms();
	const cJSON *line;
	struct session *s;
	cJSON *o;

	(void)state;
	o = sent(describe_team(team_find(&d, "full")));
	members(o, TEAMOBJ "color model ");
	assert_string_equal(json_str(o, "name"), "full");
	assert_string_equal(json_str(o, "path"), in_dir("alpha"));
	assert_string_equal(json_str(o, "description"), "What \"it\" knows");
	assert_int_equal(strcasecmp(json_str(o, "color"), "#a0b0c0"), 0);
	assert_string_equal(json_str(o, "model"), "opus");
	assert_int_equal(json_int_or(o, "idleTimeout", -1), 4000);
	assert_string_equal(json_str(o, "grantPermission"), "forward");
	assert_string_equal(json_str(o, "status"), "asleep");
	assert_true(json_bool(o, "exists", false));
	cJSON_Delete(o);

	ask("away", "full", "x");
	expect("open away>full; ");
	s = session_of("away", "full");
	opened(s);
	o = sent(describe_team(team_find(&d, "full")));
	assert_string_equal(json_str(o, "status"), "awake");
	cJSON_Delete(o);

	o = sent(describe_team(team_find(&d, "gone")));
	members(o, TEAMOBJ);
	assert_false(json_bool(o, "exists", true));
	cJSON_Delete(o);
	write_text(in_dir("config.yaml.txt"), "no directory");
	o = sent(describe_team(team_find(&d, "file")));
	assert_false(json_bool(o, "exists", true));
	cJSON_Delete(o);
	o = sent(describe_team(team_find(&d, "away")));
	members(o, TEAMOBJ "remote ");
	assert_string_equal(json_str(o, "remote"), "ssh host");
	cJSON_Delete(o);

	ask("full", "away", "y");
	line_lost(team_find(&d, "away"), "box is off");
	o = sent(describe_team(team_find(&d, "away")));
	members(o, TEAMOBJ "remote line ");
	line = json_obj(o, "line");
	members(line, "host down why nextTry ");
	assert_string_equal(json_str(line, "host"), "host");
	assert_string_equal(json_str(line, "why"), "box is off");
	assert_in_range(json_int_or(line, "down", 0), before, compat_now_ms());
	assert_in_range(json_int_or(line, "nextTry", 0), before + 700, compat_now_ms() + 1300);
	cJSON_Delete(o);
	line_up(team_find(&d, "away"));
	o = sent(describe_team(team_find(&d, "away")));
	members(o, TEAMOBJ "remote ");
	cJSON_Delete(o);
}

/* One sentence that has these words; NULL: nothing stands in the way. */
static void
problem(const char *team, const char *words)
{
	cJSON *list = describe_problems(team_find(&d, team));

	assert_int_equal(cJSON_GetArraySize(list), words != NULL);
	if (words != NULL && strstr(list->child->valuestring, words) == NULL)
		fail_msg("\"%s\" lacks \"%s\"", list->child->valuestring, words);
	cJSON_Delete(list);
}

static void
test_problems(void **state)
{
	(void)state;
	problem("full", NULL);
	problem("gone", "its directory does not exist");
	write_text(in_dir("config.yaml.txt"), "no directory");
	problem("file", "its path is no directory");
	problem("away", NULL);
	ask("full", "away", "y");
	line_lost(team_find(&d, "away"), "box is off");
	problem("away", "the line to host is lost (box is off); trying again in");
	if (geteuid() != 0) {
		assert_int_equal(chmod(in_dir("alpha"), 0), 0);
		problem("full", "can not be entered by this user");
		assert_int_equal(chmod(in_dir("alpha"), 0700), 0);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_message, conf),
	    TEST(test_message_ends, conf),
	    TEST(test_session, conf),
	    TEST(test_team, odd),
	    TEST(test_problems, odd),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
