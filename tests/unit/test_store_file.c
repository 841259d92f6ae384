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
	expect_query("PRAGMA user_version", "2");
	expect_query("PRAGMA journal_mode", "wal");
	expect_query("PRAGMA integrity_check", "ok");
	expect_query("SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name IN "
		     "('session', 'message', 'receipt', 'worker')",
	    "4");
	expect_query("SELECT count(*) FROM pragma_table_list WHERE schema = 'main' AND "
		     "name NOT LIKE \'sqlite%\' AND strict = 0",
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
	assert_non_null(strstr(err.msg, "newer Iris (schema 99, this one knows 2)"));
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
	    cmocka_unit_test_setup_teardown(test_death, setup, teardown),
	};

	if (argc == 3)
		child_write(argv[2]);
	snprintf(child_program, sizeof child_program, "%s", argv[0]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
