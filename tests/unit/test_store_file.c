/* SPDX-License-Identifier: MIT
 *
 * irisd/store as a file: the schema from nothing, files that are refused, and what a process that
 * dies leaves behind.
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

#include "tests/unit/child.h"
#include "tests/unit/store_fixture.h"

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
	static const char *const suffix[] = {"", "-wal", "-shm", "-ballast"};
	char name[80];
	size_t i;

	(void)state;
	for (i = 0; i < 4; i++) {
		snprintf(name, sizeof name, "%s%s", path, suffix[i]);
		unlink(name);
	}
	return rmdir(dir);
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

static void
test_new_file(void **state)
{
	struct store *s = open_store(path);
	struct stat st;

	(void)state;
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	store_close(s);
	expect_query("PRAGMA user_version", "10");
	expect_query("PRAGMA journal_mode", "wal");
	expect_query("PRAGMA page_size", "1024");
	expect_query("PRAGMA integrity_check", "ok");
	expect_query("SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name IN "
		     "('session', 'message', 'receipt', 'worker')",
	    "4");
	expect_query("SELECT count(*) FROM pragma_table_list WHERE schema = 'main' AND "
		     "name NOT LIKE \'sqlite%\' AND name NOT LIKE \'search%\' AND strict = 0",
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
	assert_non_null(strstr(err.msg, "newer Iris (schema 99, this one knows 10)"));
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
	fputs("this is a text file and no database; long enough for a header of sqlite, which "
	      "has 100 bytes at its beginning, and more.\n",
	    f);
	fclose(f);
	assert_null(store_open(path, &err));
	assert_int_equal(err.code, ERR_IO);
	assert_non_null(strstr(err.msg, "not a database"));
	assert_non_null(strstr(err.msg, "put back a copy"));
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

/* What schema 1 was, with a message that has ended and two that have not. */
static const char schema1[] =
    "PRAGMA journal_mode = WAL;"
    "CREATE TABLE session (id INTEGER PRIMARY KEY, from_team TEXT NOT NULL,"
    " to_team TEXT NOT NULL, kind TEXT NOT NULL DEFAULT 'spawned', claude_id TEXT NOT NULL UNIQUE,"
    " started INTEGER NOT NULL DEFAULT 0, created_at INTEGER NOT NULL,"
    " last_used_at INTEGER NOT NULL, messages INTEGER NOT NULL DEFAULT 0,"
    " cost_usd REAL NOT NULL DEFAULT 0, UNIQUE (from_team, to_team, kind)) STRICT;"
    "CREATE TABLE message (id TEXT PRIMARY KEY NOT NULL,"
    " session INTEGER NOT NULL REFERENCES session (id), from_team TEXT NOT NULL,"
    " to_team TEXT NOT NULL, root TEXT NOT NULL, parent TEXT, hops INTEGER NOT NULL,"
    " state TEXT NOT NULL, code TEXT, key TEXT UNIQUE, created_at INTEGER NOT NULL,"
    " updated_at INTEGER NOT NULL, input_tokens INTEGER, output_tokens INTEGER,"
    " cache_read_tokens INTEGER, cache_creation_tokens INTEGER, num_turns INTEGER,"
    " duration_ms INTEGER, cost_usd REAL, model TEXT, reason TEXT, body TEXT NOT NULL,"
    " answer TEXT) STRICT;"
    "CREATE INDEX message_open ON message (id) WHERE state = 'queued' OR state = 'sent' OR"
    " state = 'seen';"
    "CREATE TABLE receipt (message TEXT NOT NULL REFERENCES message (id) ON DELETE CASCADE,"
    " seq INTEGER NOT NULL, state TEXT NOT NULL, at INTEGER NOT NULL, evidence TEXT NOT NULL,"
    " PRIMARY KEY (message, seq)) STRICT, WITHOUT ROWID;"
    "INSERT INTO session (from_team, to_team, claude_id, created_at, last_used_at) VALUES"
    " ('a', 'b', 'x', 1, 1);"
    "INSERT INTO message (id, session, from_team, to_team, root, hops, state, created_at,"
    " updated_at, body) VALUES"
    " ('" M1 "', 1, 'a', 'b', '" M1 "', 0, 'answered', 5, 9, 'one'),"
    " ('" M2 "', 1, 'a', 'b', '" M2 "', 0, 'sent', 6, 7, 'two'),"
    " ('" M3 "', 1, 'a', 'b', '" M3 "', 0, 'queued', 7, 7, 'three');"
    "INSERT INTO receipt VALUES"
    " ('" M2 "', 1, 'queued', 6, 'stored'), ('" M1 "', 1, 'queued', 5, 'stored'),"
    " ('" M1 "', 2, 'sent', 6, 'handed'), ('" M3 "', 1, 'queued', 7, 'stored'),"
    " ('" M1 "', 3, 'answered', 9, 'result'), ('" M2 "', 2, 'sent', 7, 'handed');"
    "PRAGMA user_version = 1;";

static char open_ids[256];

static void
open_cb(const struct store_message *m, void *arg)
{
	size_t n = strlen(open_ids);

	assert_ptr_equal(arg, open_ids);
	snprintf(open_ids + n, sizeof open_ids - n, "%s ", m->id);
}

static const char *
open_ones(struct store *s)
{
	open_ids[0] = '\0';
	store_message_open_each(s, open_cb, open_ids);
	return open_ids;
}

static void
test_from_schema_1(void **state)
{
	struct store *s;

	(void)state;
	exec_sql(schema1);
	s = open_store(path);
	assert_string_equal(receipts_of(s, M1), "queued@5:stored sent@6:handed answered@9:result ");
	assert_string_equal(receipts_of(s, M2), "queued@6:stored sent@7:handed ");
	assert_string_equal(receipts_of(s, M3), "queued@7:stored ");
	assert_string_equal(open_ones(s), M2 " " M3 " ");
	store_message_step(s, M3, LADDER_SENT, 10, "handed");
	store_message_step(s, M2, LADDER_SEEN, 11, "replay");
	store_commit(s);
	assert_string_equal(receipts_of(s, M2), "queued@6:stored sent@7:handed seen@11:replay ");
	assert_string_equal(receipts_of(s, M3), "queued@7:stored sent@10:handed ");
	store_close(s);
	expect_query("PRAGMA user_version", "10");
	expect_query("PRAGMA integrity_check", "ok");
	expect_query("PRAGMA foreign_key_check", NULL);
}

#define SCHEMA5  "tests/unit/store-5.sql"
#define SEEN5    "01a205e1-5963-7064-9612-3abe2af04978"
#define ANSWERED "01a205e1-21c1-7054-b98d-3a511a00052f"
#define LINE     "77777777-7777-4777-8777-777777777777"

static char *
read_file(const char *name)
{
	FILE *f = fopen(name, "r");
	char *text = xcalloc(1, 64 * 1024);

	assert_non_null(f);
	assert_true(fread(text, 1, 64 * 1024 - 1, f) > 0);
	fclose(f);
	return text;
}

static void
count_cb(const struct store_message *m, void *arg)
{
	(void)m;
	(*(int *)arg)++;
}

/* A turn that goes on: of a message that schema 5 has left with its Claude. */
static void
test_from_schema_5(void **state)
{
	struct store_filter pair = {.state = -1, .limit = 9, .from = "a", .team = "b"};
	struct store_message m;
	char *sql = read_file(SCHEMA5);
	struct store *s;
	int listed = 0;

	(void)state;
	exec_sql(sql);
	free(sql);
	expect_query("PRAGMA user_version", "5");
	s = open_store(path);
	assert_string_equal(open_ones(s), SEEN5 " ");
	assert_true(store_message_load(s, SEEN5, &m));
	assert_int_equal(m.state, LADDER_SEEN);
	assert_string_equal(m.turn, "");
	assert_int_equal(m.resumes, 0);
	store_message_release(&m);
	assert_true(store_message_load(s, ANSWERED, &m));
	assert_string_equal(m.answer, "hello 1");
	assert_string_equal(m.turn, "");
	store_message_release(&m);
	/* What came before there was the index is found by it. */
	store_message_each(s, &pair, count_cb, &listed);
	assert_int_equal(listed, 3);
	store_message_resume(s, SEEN5, LINE, 2);
	store_commit(s);
	store_close(s);
	expect_query("PRAGMA user_version", "10");
	expect_query("PRAGMA integrity_check", "ok");
	expect_query("PRAGMA foreign_key_check", NULL);
	s = open_store(path);
	assert_true(store_message_load(s, SEEN5, &m));
	assert_string_equal(m.turn, LINE);
	assert_int_equal(m.resumes, 2);
	assert_int_equal(m.state, LADDER_SEEN);
	store_message_release(&m);
	store_close(s);
}

/* More pages in one commit than the log holds before it is copied into the database. */
static void
fill_log(struct store *s, int64_t session, const char *id)
{
	static const size_t size = (size_t)20 * 1024 * 1024;
	struct store_message m = {0};
	char from[] = "a", to[] = "b";
	struct err err;

	snprintf(m.id, sizeof m.id, "%s", id);
	snprintf(m.root, sizeof m.root, "%s", id);
	m.session = session;
	m.from = from;
	m.to = to;
	m.body = xmalloc(size + 1);
	memset(m.body, 'x', size);
	m.body[size] = '\0';
	assert_int_equal(store_message_insert(s, &m, &err), 0);
	free(m.body);
	store_commit(s);
}

#define EARLY "01880000-0000-7000-8000-000000000001"
#define LATE  "01890000-0000-7000-8000-00000000000f"

/* Where the open ones begin moves on with the log, and back for a clock that was set back. */
static void
test_open_from(void **state)
{
	struct store *s = open_store(path);
	int64_t session = put_session(s, "a", "b");
	struct err err;

	(void)state;
	put_message(s, session, M1, NULL, &err);
	put_message(s, session, M2, NULL, &err);
	put_message(s, session, M3, NULL, &err);
	store_message_step(s, M1, LADDER_SENT, 6000, "handed");
	store_message_finish(s, M1, LADDER_FAILED, 7000, "x", NULL, ERR_CRASHED, "x", NULL);
	store_message_finish(s, M3, LADDER_FAILED, 7000, "x", NULL, ERR_CRASHED, "x", NULL);
	fill_log(s, session, LATE);
	store_message_finish(s, LATE, LADDER_FAILED, 7000, "x", NULL, ERR_CRASHED, "x", NULL);
	store_commit(s);
	store_close(s);
	expect_query("SELECT message FROM open_from", M2);
	s = open_store(path);
	assert_string_equal(open_ones(s), M2 " ");
	put_message(s, session, EARLY, NULL, &err);
	store_commit(s);
	store_close(s);
	expect_query("SELECT message FROM open_from", EARLY);
	s = open_store(path);
	assert_string_equal(open_ones(s), EARLY " " M2 " ");
	assert_string_equal(receipts_of(s, EARLY), "queued@5000:stored ");
	assert_string_equal(receipts_of(s, LATE), "queued@0:stored failed@7000:x ");
	store_close(s);
	expect_query("PRAGMA integrity_check", "ok");
}

static off_t
log_size(void)
{
	char name[80];
	struct stat st;

	snprintf(name, sizeof name, "%s-wal", path);
	return stat(name, &st) == 0 ? st.st_size : -1;
}

/* The log has room ahead, does not shrink when it begins anew, and is gone at the end. */
static void
test_log(void **state)
{
	struct store *s = open_store(path);
	int64_t session = put_session(s, "a", "b");
	struct err err;
	off_t size;

	(void)state;
	store_commit(s);
	size = log_size();
	assert_true(size >= 256 * 1024);
	put_message(s, session, M1, NULL, &err);
	store_commit(s);
	assert_int_equal(log_size(), size);
	fill_log(s, session, LATE);
	size = log_size();
	assert_true(size > 20 * 1024 * 1024);
	put_message(s, session, M2, NULL, &err);
	store_commit(s);
	assert_int_equal(log_size(), size);
	store_close(s);
	assert_int_equal(log_size(), -1);
	expect_query("SELECT count(*) FROM message", "3");
	expect_query("PRAGMA integrity_check", "ok");
}

int
main(int argc, char *argv[])
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_new_file, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_newer_schema, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_no_database, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_death, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_from_schema_1, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_from_schema_5, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_open_from, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_log, setup, teardown),
	};

	if (argc == 3)
		child_write(argv[2]);
	snprintf(child_program, sizeof child_program, "%s", argv[0]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
