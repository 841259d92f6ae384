/* SPDX-License-Identifier: MIT
 *
 * irisd/store: the schema from nothing, each row function, and what a process that dies leaves in the file.
 */
#include <sys/stat.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>
#include <sqlite3.h>

#include "common/xmalloc.h"
#include "irisd/store/store.h"
#include "tests/unit/child.h"

static char dir[] = "/tmp/iris-store-XXXXXX";
static char path[64];

static int
setup(void **state)
{
	(void)state;
	memcpy(dir + sizeof dir - 7, "XXXXXX", 6);
	if (mkdtemp(dir) == NULL)
		return -1;
	snprintf(path, sizeof path, "%s/iris.db", dir);
	return 0;
}

static int
teardown(void **state)
{
	static const char *const suffix[] = {"", "-wal", "-shm"};
	char name[80];
	size_t i;

	(void)state;
	for (i = 0; i < 3; i++) {
		snprintf(name, sizeof name, "%s%s", path, suffix[i]);
		unlink(name);
	}
	return rmdir(dir);
}

static struct store *
open_store(const char *name)
{
	struct err err;
	struct store *s = store_open(name, &err);

	if (s == NULL)
		fail_msg("%s", err.msg);
	return s;
}

/* With a connection of its own, after store_close: the lock is exclusive. One text result. */
static char *
query(const char *sql)
{
	sqlite3_stmt *stmt;
	sqlite3 *db;
	char *out = NULL;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) != SQLITE_OK)
		fail_msg("%s: %s", sql, sqlite3_errmsg(db));
	if (sqlite3_step(stmt) == SQLITE_ROW)
		out = xstrdup_null((const char *)sqlite3_column_text(stmt, 0));
	sqlite3_finalize(stmt);
	sqlite3_close(db);
	return out;
}

static void
expect_query(const char *sql, const char *want)
{
	char *got = query(sql);

	if (want == NULL)
		assert_null(got);
	else
		assert_string_equal(got, want);
	free(got);
}

static int64_t
put_session(struct store *s, const char *from, const char *to)
{
	struct store_session row = {0};
	char f[32], t[32];
	struct err err;

	snprintf(f, sizeof f, "%s", from);
	snprintf(t, sizeof t, "%s", to);
	row.from = f;
	row.to = t;
	row.created_at = 1000;
	row.last_used_at = 2000;
	uuid_v4(row.claude_id);
	if (store_session_insert(s, &row, &err) == -1)
		fail_msg("%s", err.msg);
	assert_true(row.id > 0);
	return row.id;
}

static int
put_message(struct store *s, int64_t session, const char *id, const char *key, struct err *err)
{
	struct store_message m = {0};
	char from[] = "a", to[] = "b", body[] = "how?";
	char *k = xstrdup_null(key);
	int rv;

	snprintf(m.id, sizeof m.id, "%s", id);
	snprintf(m.root, sizeof m.root, "%s", id);
	m.session = session;
	m.from = from;
	m.to = to;
	m.body = body;
	m.key = k;
	m.created_at = 5000;
	rv = store_message_insert(s, &m, err);
	free(k);
	return rv;
}

static void
test_new_file(void **state)
{
	struct store *s = open_store(path);
	struct stat st;

	(void)state;
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	store_close(s);
	expect_query("PRAGMA user_version", "1");
	expect_query("PRAGMA journal_mode", "wal");
	expect_query("PRAGMA integrity_check", "ok");
	expect_query("SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name IN "
		     "('session', 'message', 'receipt')",
	    "3");
	expect_query(
	    "SELECT count(*) FROM pragma_table_list WHERE schema = 'main' AND name NOT LIKE 'sqlite%' AND "
	    "strict = 0",
	    "0");
	/* Once more: nothing to migrate, nothing lost. */
	s = open_store(path);
	put_session(s, "a", "b");
	store_commit(s);
	store_close(s);
	store_close(open_store(path));
	expect_query("SELECT count(*) FROM session", "1");
}

static void
exec_sql(const char *sql)
{
	sqlite3 *db;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

static void
test_newer_schema(void **state)
{
	struct err err;

	(void)state;
	store_close(open_store(path));
	exec_sql("PRAGMA user_version = 99");
	assert_null(store_open(path, &err));
	assert_int_equal(err.code, ERR_CONFIG);
	assert_non_null(strstr(err.msg, "newer Iris (schema 99, this one knows 1)"));
	assert_non_null(strstr(err.msg, path));
	expect_query("PRAGMA user_version", "99");
}

static void
test_no_database(void **state)
{
	struct err err;
	FILE *f;

	(void)state;
	assert_null(store_open("/nonexistent/dir/iris.db", &err));
	assert_int_equal(err.code, ERR_IO);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(
	    "this is a text file and no database; long enough for a header of sqlite, which has 100 bytes "
	    "at its beginning, and more.\n",
	    f);
	fclose(f);
	assert_null(store_open(path, &err));
	assert_int_equal(err.code, ERR_IO);
	assert_non_null(strstr(err.msg, "not a database"));
}

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

#define M1 "01890000-0000-7000-8000-000000000001"
#define M2 "01890000-0000-7000-8000-000000000002"
#define M3 "01890000-0000-7000-8000-000000000003"

static char receipts[512];

static void
receipt_cb(const struct store_receipt *r, void *arg)
{
	size_t n = strlen(receipts);

	assert_ptr_equal(arg, receipts);
	snprintf(receipts + n, sizeof receipts - n, "%s@%lld:%s ", ladder_name(r->state),
	    (long long)r->at, r->evidence);
}

static const char *
receipts_of(struct store *s, const char *id)
{
	receipts[0] = '\0';
	store_receipts_each(s, id, receipt_cb, receipts);
	return receipts;
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

/* In a child: two messages, of which one is committed; then it dies as by kill -9. */
static void
child_write(const char *name)
{
	struct store *s = open_store(name);
	int64_t session = put_session(s, "a", "b");
	struct err err;

	put_message(s, session, M1, NULL, &err);
	store_message_step(s, M1, LADDER_SENT, 6000, "handed");
	store_commit(s);
	put_message(s, session, M2, NULL, &err);
	store_message_finish(s, M1, LADDER_FAILED, 7000, "x", NULL, ERR_CRASHED, "x", NULL);
	_exit(9);
}

static void
test_death(void **state)
{
	struct store_message m;
	struct store *s;

	(void)state;
	assert_int_equal(WEXITSTATUS(child_run("write", path)), 9);
	s = open_store(path);
	assert_true(store_message_load(s, M1, &m));
	assert_int_equal(m.state, LADDER_SENT);
	store_message_release(&m);
	assert_string_equal(receipts_of(s, M1), "queued@5000:stored sent@6000:handed ");
	assert_false(store_message_load(s, M2, &m));
	store_close(s);
	expect_query("PRAGMA integrity_check", "ok");
}

int
main(int argc, char *argv[])
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_new_file, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_newer_schema, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_no_database, setup, teardown),
	    cmocka_unit_test(test_sessions),
	    cmocka_unit_test(test_message_life),
	    cmocka_unit_test(test_failure_and_key),
	    cmocka_unit_test(test_lists),
	    cmocka_unit_test(test_brief),
	    cmocka_unit_test_setup_teardown(test_death, setup, teardown),
	};

	if (argc == 3)
		child_write(argv[2]);
	snprintf(child_program, sizeof child_program, "%s", argv[0]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
