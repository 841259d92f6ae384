/* SPDX-License-Identifier: MIT
 *
 * irisd/store: each row function, on a database in memory.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "irisd/store/db.h"
#include "tests/unit/store_fixture.h"

struct seen_sessions {
	int n;
	struct store_session row[4];
	char from[4][32], to[4][32];
};

static void
session_cb(const struct store_session *row, void *arg)
{
	struct seen_sessions *seen = arg;

	assert_true(seen->n < 4);
	snprintf(seen->from[seen->n], sizeof seen->from[0], "%s", row->from);
	snprintf(seen->to[seen->n], sizeof seen->to[0], "%s", row->to);
	seen->row[seen->n++] = *row;
}

static void
test_sessions(void **state)
{
	struct store *s = open_store(":memory:");
	struct seen_sessions seen = {0};
	struct store_session row;
	struct err err;

	(void)state;
	put_session(s, "a", "b");
	put_session(s, "b", "a");
	store_commit(s);
	store_session_each(s, session_cb, &seen);
	assert_int_equal(seen.n, 2);
	assert_string_equal(seen.from[0], "a");
	assert_string_equal(seen.to[0], "b");
	assert_string_equal(seen.from[1], "b");
	assert_true(uuid_valid(seen.row[0].claude_id));
	assert_false(seen.row[0].started);
	assert_int_equal(seen.row[0].created_at, 1000);
	assert_int_equal(seen.row[0].last_used_at, 2000);
	assert_int_equal(seen.row[0].messages, 0);

	row = seen.row[1];
	row.started = true;
	row.last_used_at = 3000;
	row.messages = 7;
	row.cost_usd = 0.25;
	uuid_v4(row.claude_id);
	store_session_update(s, &row);
	store_commit(s);
	memset(&seen, 0, sizeof seen);
	store_session_each(s, session_cb, &seen);
	assert_true(seen.row[1].started);
	assert_int_equal(seen.row[1].last_used_at, 3000);
	assert_int_equal(seen.row[1].messages, 7);
	assert_true(seen.row[1].cost_usd == 0.25);
	assert_string_equal(seen.row[1].claude_id, row.claude_id);
	assert_string_not_equal(seen.row[0].claude_id, row.claude_id);
	assert_false(seen.row[0].started);

	/* One for each pair: the second is an error, and the store goes on. */
	row.from = seen.from[0];
	row.to = seen.to[0];
	uuid_v4(row.claude_id);
	assert_int_equal(store_session_insert(s, &row, &err), -1);
	assert_int_equal(err.code, ERR_IO);
	put_session(s, "a", "c");
	store_commit(s);
	store_close(s);
}

static void
test_message_life(void **state)
{
	struct store *s = open_store(":memory:");
	struct store_usage usage = {.input_tokens = 1,
	    .output_tokens = 2,
	    .cache_read_tokens = 3,
	    .cache_creation_tokens = 4,
	    .num_turns = 5,
	    .duration_ms = 6,
	    .cost_usd = 0.5};
	char model[] = "opus";
	struct store_message m;
	struct err err;

	(void)state;
	usage.model = model;
	assert_int_equal(put_message(s, put_session(s, "a", "b"), M1, NULL, &err), 0);
	assert_true(store_message_load(s, M1, &m));
	assert_string_equal(m.id, M1);
	assert_string_equal(m.root, M1);
	assert_string_equal(m.parent, "");
	assert_string_equal(m.body, "how?");
	assert_int_equal(m.state, LADDER_QUEUED);
	assert_int_equal(m.created_at, 5000);
	assert_int_equal(m.updated_at, 5000);
	assert_null(m.answer);
	assert_null(m.key);
	assert_false(m.has_usage);
	assert_int_equal(m.code, ERR_NONE);
	store_message_release(&m);

	store_message_step(s, M1, LADDER_SENT, 6000, "handed");
	store_message_step(s, M1, LADDER_SEEN, 7000, "replay");
	store_message_finish(
	    s, M1, LADDER_ANSWERED, 8000, "result", "so \xc3\xa4", ERR_NONE, NULL, &usage);
	store_commit(s);
	assert_true(store_message_load(s, M1, &m));
	assert_int_equal(m.state, LADDER_ANSWERED);
	assert_string_equal(m.answer, "so \xc3\xa4");
	assert_int_equal(m.updated_at, 8000);
	assert_true(m.has_usage);
	assert_int_equal(m.usage.input_tokens, 1);
	assert_int_equal(m.usage.output_tokens, 2);
	assert_int_equal(m.usage.cache_read_tokens, 3);
	assert_int_equal(m.usage.cache_creation_tokens, 4);
	assert_int_equal(m.usage.num_turns, 5);
	assert_int_equal(m.usage.duration_ms, 6);
	assert_true(m.usage.cost_usd == 0.5);
	assert_string_equal(m.usage.model, "opus");
	store_message_release(&m);
	assert_string_equal(receipts_of(s, M1),
	    "queued@5000:stored sent@6000:handed seen@7000:replay answered@8000:result ");
	assert_string_equal(receipts_of(s, M2), "");
	assert_false(store_message_load(s, M2, &m));
	store_close(s);
}

static void
test_failure_and_key(void **state)
{
	struct store *s = open_store(":memory:");
	int64_t session = put_session(s, "a", "b");
	struct store_message m;
	struct err err;

	(void)state;
	assert_int_equal(put_message(s, session, M1, "key:a:1", &err), 0);
	assert_int_equal(put_message(s, session, M2, "key:a:1", &err), -1);
	assert_int_equal(err.code, ERR_INVALID);
	assert_false(store_message_load(s, M2, &m));
	assert_string_equal(receipts_of(s, M2), "");
	assert_int_equal(put_message(s, session, M2, NULL, &err), 0);
	assert_int_equal(put_message(s, session, M3, NULL, &err), 0);
	assert_true(store_message_by_key(s, "key:a:1", &m));
	assert_string_equal(m.id, M1);
	assert_string_equal(m.key, "key:a:1");
	store_message_release(&m);
	assert_false(store_message_by_key(s, "key:a:2", &m));

	store_message_finish(
	    s, M1, LADDER_FAILED, 9000, "why", NULL, ERR_LOGIN, "not logged in", NULL);
	assert_true(store_message_load(s, M1, &m));
	assert_int_equal(m.state, LADDER_FAILED);
	assert_int_equal(m.code, ERR_LOGIN);
	assert_string_equal(m.reason, "not logged in");
	assert_null(m.answer);
	assert_false(m.has_usage);
	store_message_release(&m);
	/* A message of a session that does not exist is refused: foreign keys are on. */
	assert_int_equal(
	    put_message(s, 999, "01890000-0000-7000-8000-000000000009", NULL, &err), -1);
	assert_int_equal(err.code, ERR_IO);
	store_close(s);
}

static char listed[1024];

static void
list_cb(const struct store_message *m, void *arg)
{
	size_t n = strlen(listed);

	(void)arg;
	snprintf(listed + n, sizeof listed - n, "%c%s ", m->id[UUID_LEN - 1],
	    m->body != NULL ? m->body : "-");
}

static const char *
list(struct store *s, struct store_filter f)
{
	listed[0] = '\0';
	store_message_each(s, &f, list_cb, NULL);
	return listed;
}

static void
test_lists(void **state)
{
	struct store *s = open_store(":memory:");
	int64_t session = put_session(s, "a", "b"), counts[LADDER_COUNT];
	struct err err;

	(void)state;
	assert_int_equal(put_message(s, session, M1, NULL, &err), 0);
	assert_int_equal(put_message(s, session, M2, NULL, &err), 0);
	assert_int_equal(put_message(s, session, M3, NULL, &err), 0);
	store_message_step(s, M2, LADDER_SENT, 1, "x");
	store_message_finish(s, M3, LADDER_CANCELLED, 1, "x", NULL, ERR_CANCELLED, "x", NULL);
	assert_string_equal(
	    list(s, (struct store_filter){.state = -1, .limit = 10}), "3how? 2how? 1how? ");
	assert_string_equal(
	    list(s, (struct store_filter){.state = -1, .limit = 2}), "3how? 2how? ");
	assert_string_equal(
	    list(s, (struct store_filter){.state = -1, .limit = 9, .before = M3}), "2how? 1how? ");
	assert_string_equal(
	    list(s, (struct store_filter){.state = LADDER_SENT, .limit = 9}), "2how? ");
	assert_string_equal(
	    list(s, (struct store_filter){.state = -1, .limit = 9, .team = "b", .from = "a"}),
	    "3how? 2how? 1how? ");
	assert_string_equal(
	    list(s, (struct store_filter){.state = -1, .limit = 9, .team = "a"}), "");
	assert_string_equal(
	    list(s, (struct store_filter){.state = -1, .limit = 9, .from = "b"}), "");
	listed[0] = '\0';
	store_message_open_each(s, list_cb, NULL);
	assert_string_equal(listed, "1- 2- ");
	store_message_counts(s, counts);
	assert_int_equal(counts[LADDER_QUEUED], 1);
	assert_int_equal(counts[LADDER_SENT], 1);
	assert_int_equal(counts[LADDER_CANCELLED], 1);
	assert_int_equal(counts[LADDER_ANSWERED], 0);
	/* Those that have ended are counted once, and what ends later is added. */
	store_message_finish(s, M2, LADDER_CANCELLED, 2, "x", NULL, ERR_CANCELLED, "x", NULL);
	store_message_finish(s, M1, LADDER_ANSWERED, 2, "x", "so", ERR_NONE, NULL, NULL);
	store_message_counts(s, counts);
	assert_int_equal(counts[LADDER_QUEUED], 0);
	assert_int_equal(counts[LADDER_SENT], 0);
	assert_int_equal(counts[LADDER_CANCELLED], 2);
	assert_int_equal(counts[LADDER_ANSWERED], 1);
	store_close(s);
}

#define MANY 3000

/* n messages of a session, from number first on; from as the session has it. */
static void
put_many(struct store *s, const char *from, const char *to, int first, int n)
{
	int64_t session = put_session(s, from, to);
	char f[8], t[8], body[] = "";
	struct store_message m = {.session = session, .from = f, .to = t, .body = body};
	struct err err;

	snprintf(f, sizeof f, "%s", from);
	snprintf(t, sizeof t, "%s", to);
	for (; n > 0; n--, first++) {
		snprintf(m.id, sizeof m.id, "01890000-0000-7000-8000-%012d", first);
		snprintf(m.root, sizeof m.root, "%s", m.id);
		assert_int_equal(store_message_insert(s, &m, &err), 0);
	}
}

/* What a list costs, in steps of SQLite's machine: by the index, not by all that there is. */
static int
steps_of(struct store *s, enum store_stmt which)
{
	return sqlite3_stmt_status(s->stmt[which], SQLITE_STMTSTATUS_VM_STEP, 1);
}

static void
test_lists_of_many(void **state)
{
	struct store *s = open_store(":memory:");
	struct store_filter pair = {.state = -1, .limit = 3, .team = "b", .from = "c"};
	struct store_filter open = {.state = LADDER_QUEUED, .limit = 3};

	(void)state;
	put_many(s, "c", "b", 1, 2);
	put_many(s, "a", "b", 11, MANY);
	put_many(s, "b", "c", MANY + 11, 1);
	assert_string_equal(list(s, pair), "2 1 ");
	pair.from = NULL;
	assert_string_equal(list(s, pair), "0 9 8 ");
	pair.before = "01890000-0000-7000-8000-000000000012";
	assert_string_equal(list(s, pair), "1 2 1 ");
	pair = (struct store_filter){.state = -1, .limit = 9, .from = "c"};
	assert_string_equal(list(s, pair), "2 1 ");
	/* A key of a team: what it has sent and got; and of that, what was with one other. */
	pair = (struct store_filter){.state = -1, .limit = 9, .who = "c"};
	assert_string_equal(list(s, pair), "1 2 1 ");
	pair = (struct store_filter){.state = LADDER_SENT, .limit = 9, .who = "c"};
	assert_string_equal(list(s, pair), "");
	pair = (struct store_filter){.state = -1, .limit = 2, .who = "b", .other = "a"};
	assert_string_equal(list(s, pair), "0 9 ");
	assert_true(steps_of(s, STMT_MESSAGE_EACH_OF) < MANY);

	/* Of the open ones, none is looked for among those that have ended. */
	store_commit(s);
	snprintf(s->open_from, sizeof s->open_from, "01890000-0000-7000-8000-%012d", MANY + 11);
	assert_string_equal(list(s, open), "1 ");
	assert_true(steps_of(s, STMT_MESSAGE_EACH) < MANY / 10);
	store_close(s);
}

static void
brief_cb(const struct store_message *m, void *arg)
{
	*(size_t *)arg = strlen(m->body);
}

/* Cut to characters, not bytes, and never inside one. */
static void
test_brief(void **state)
{
	struct store *s = open_store(":memory:");
	struct store_filter f = {.state = -1, .limit = 1, .brief = true};
	struct store_message m = {.id = M1, .root = M1};
	char body[3 * 300 + 1], from[] = "a", to[] = "b";
	size_t len = 0, i;
	struct err err;

	(void)state;
	for (i = 0; i < 300; i++)
		memcpy(body + 3 * i, "\xe2\x82\xac", 4);
	m.session = put_session(s, "a", "b");
	m.from = from;
	m.to = to;
	m.body = body;
	assert_int_equal(store_message_insert(s, &m, &err), 0);
	store_message_each(s, &f, brief_cb, &len);
	assert_int_equal(len, 3 * STORE_BRIEF);
	store_close(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_sessions),
	    cmocka_unit_test(test_message_life),
	    cmocka_unit_test(test_failure_and_key),
	    cmocka_unit_test(test_lists),
	    cmocka_unit_test(test_lists_of_many),
	    cmocka_unit_test(test_brief),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
