/* SPDX-License-Identifier: MIT
 *
 * irisd/core/audit: the chain holds, and whatever is done to a row afterwards is found, at that row.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <sqlite3.h>

#include "common/json.h"
#include "irisd/core/audit.h"
#include "irisd/store/db.h"
#include "tests/unit/irisd_fixture.h"

#define ROWS 20

static struct irisd d;

static void
append(const char *decision, const char *tool)
{
	struct store_audit row = {.kind = "permission",
	    .decision = decision,
	    .to = "b",
	    .tool = tool,
	    .via = "rule",
	    .took = 3};

	audit_append(&d, &row);
}

static int
setup(void **state)
{
	int i;

	if (fixture_setup(state) == -1)
		return -1;
	fixture_irisd(&d, "teams: {}\n");
	for (i = 0; i < ROWS; i++)
		append(i % 2 == 0 ? "allowed" : "denied", "Bash");
	store_commit(d.store);
	return 0;
}

static int
teardown(void **state)
{
	fixture_irisd_release(&d);
	return fixture_teardown(state);
}

/* As somebody does it who has the file: without the triggers. */
static void
tamper(const char *sql)
{
	char *why = NULL;

	sqlite3_exec(d.store->db,
	    "DROP TRIGGER IF EXISTS audit_not_edited; DROP TRIGGER IF EXISTS audit_not_removed",
	    NULL, NULL, NULL);
	if (sqlite3_exec(d.store->db, sql, NULL, NULL, &why) != SQLITE_OK)
		fail_msg("%s: %s", sql, why);
}

/* In pages of limit rows; returns how many there were. */
static int
verify(int limit, struct audit_check *c)
{
	char hash[65] = "";
	int64_t seq = 0;
	int pages = 1;

	memset(c, 0, sizeof *c);
	while (audit_verify(&d, &seq, hash, limit, c))
		pages++;
	return pages;
}

static void
expect_bad(const char *sql, int64_t seq, const char *words)
{
	static const int limits[] = {1, 7, 1000};
	struct audit_check c;
	size_t i;

	tamper(sql);
	for (i = 0; i < sizeof limits / sizeof limits[0]; i++) {
		verify(limits[i], &c);
		assert_false(c.good);
		if (c.seq != seq || strstr(c.why, words) == NULL)
			fail_msg("%s: row %lld, \"%s\"", sql, (long long)c.seq, c.why);
	}
}

static void
test_good(void **state)
{
	struct audit_check c;

	(void)state;
	assert_int_equal(verify(1000, &c), 1);
	assert_true(c.good);
	assert_int_equal(c.rows, ROWS);
	assert_int_equal(strlen(c.hash), 64);
	assert_int_equal(verify(7, &c), 3);
	assert_true(c.good);
	append("allowed", "Write");
	verify(7, &c);
	assert_true(c.good);
	assert_int_equal(c.rows, ROWS + 1);
}

static void
test_empty(void **state)
{
	struct audit_check c;

	(void)state;
	tamper("DELETE FROM audit; UPDATE audit_head SET seq = 0, hash = ''");
	verify(10, &c);
	assert_true(c.good);
	assert_int_equal(c.rows, 0);
}

static void
test_database_refuses(void **state)
{
	static const char *const tries[] = {"UPDATE audit SET decision = 'allowed' WHERE seq = 2",
	    "DELETE FROM audit WHERE seq = 2", "DELETE FROM audit"};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof tries / sizeof tries[0]; i++)
		assert_int_equal(sqlite3_exec(d.store->db, tries[i], NULL, NULL, NULL) & 0xff,
		    SQLITE_CONSTRAINT);
}

static void
test_edited(void **state)
{
	(void)state;
	expect_bad("UPDATE audit SET decision = 'allowed' WHERE seq = 6", 6, "row 6 does not fit");
}

/* NULL and "" are not the same, and no value can lend a part of itself to the next one. */
static void
test_edited_slightly(void **state)
{
	(void)state;
	expect_bad("UPDATE audit SET from_team = '' WHERE seq = 3", 3, "row 3");
	tamper("UPDATE audit SET from_team = NULL WHERE seq = 3");
	expect_bad(
	    "UPDATE audit SET kind = 'permissiond', decision = 'enied' WHERE seq = 2", 2, "row 2");
}

static void
test_removed(void **state)
{
	(void)state;
	expect_bad("DELETE FROM audit WHERE seq = 9", 9, "row 9 is missing");
}

static void
test_removed_and_closed_up(void **state)
{
	(void)state;
	expect_bad("DELETE FROM audit WHERE seq = 9;"
		   "UPDATE audit SET seq = -seq WHERE seq > 9; UPDATE audit SET seq = -seq - 1 "
		   "WHERE seq < 0",
	    9, "row 9 does not fit");
}

static void
test_reordered(void **state)
{
	(void)state;
	expect_bad(
	    "UPDATE audit SET seq = -4 WHERE seq = 4; UPDATE audit SET seq = 4 WHERE seq = 5;"
	    "UPDATE audit SET seq = 5 WHERE seq = -4",
	    4, "row 4 does not fit");
}

static void
test_end_cut(void **state)
{
	(void)state;
	expect_bad("DELETE FROM audit WHERE seq > 15", 16, "the end is missing");
}

static void
test_added(void **state)
{
	(void)state;
	expect_bad(
	    "INSERT INTO audit SELECT 21, at, kind, decision, from_team, to_team, message, "
	    "permission, tool, input_hash, by, via, rule, reason, took, hash FROM audit WHERE "
	    "seq = 20",
	    21, "row 21 does not fit");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_good, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_empty, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_database_refuses, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_edited, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_edited_slightly, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_removed, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_removed_and_closed_up, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_reordered, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_end_cut, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_added, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
