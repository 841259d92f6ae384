/* SPDX-License-Identifier: MIT
 *
 * irisd/store/search: what is found, by whom, in which order, and that the index goes on where it
 * was after a restart, whatever the order in which messages end.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

#include "tests/unit/store_fixture.h"

static char got[1024]; /* last digit of each id found, then excerpts where wanted */

static void
found_cb(const struct store_message *m, const char *excerpt, void *arg)
{
	size_t n = strlen(got);

	if (arg != NULL)
		snprintf(got + n, sizeof got - n, "%s;", excerpt);
	else
		snprintf(got + n, sizeof got - n, "%c", m->id[UUID_LEN - 1]);
}

static bool
find(struct store *s, const char *who, const char *other, const char *query, int limit, void *arg)
{
	struct store_find f = {
	    .query = query, .who = who, .other = other, .state = -1, .limit = limit};

	return store_search(s, &f, found_cb, arg);
}

static void
expect_of(struct store *s, struct store_find f, const char *want)
{
	got[0] = '\0';
	assert_true(store_search(s, &f, found_cb, NULL));
	assert_string_equal(got, want);
}

static void
expect(struct store *s, const char *who, const char *query, const char *want)
{
	got[0] = '\0';
	assert_true(find(s, who, NULL, query, 10, NULL));
	assert_string_equal(got, want);
}

static void
put(struct store *s, int64_t session, const char *id, const char *body)
{
	struct store_message m = {0};
	char from[] = "a", to[] = "b", *text = xstrdup(body);
	struct err err;

	snprintf(m.id, sizeof m.id, "%s", id);
	snprintf(m.root, sizeof m.root, "%s", id);
	m.session = session;
	m.from = from;
	m.to = to;
	m.body = text;
	m.created_at = 1;
	assert_int_equal(store_message_insert(s, &m, &err), 0);
	free(text);
}

static void
answer(struct store *s, const char *id, const char *text)
{
	store_message_step(s, id, LADDER_SENT, 2, "x");
	store_message_step(s, id, LADDER_SEEN, 3, "x");
	store_message_finish(s, id, LADDER_ANSWERED, 4, "x", text, ERR_NONE, NULL, NULL);
}

static void
test_found(void **state)
{
	struct store *s = open_store(":memory:");
	int64_t session = put_session(s, "a", "b");

	(void)state;
	put(s, session, M1, "the quick zebra");
	put(s, session, M2, "a lazy dog");
	put(s, session, M3, "still queued zebra");
	answer(s, M2,
	    "sleeps beside the z\xc3\xa9"
	    "bra");
	answer(s, M1, "runs");
	expect(s, NULL, "zebra", ""); /* not before it was made searchable */
	assert_true(store_search_more(s, 1));
	expect(s, NULL, "zebra", "2");
	assert_true(store_search_more(s, 10));
	assert_false(store_search_more(s, 10));
	/* What ended last is first; what is under way is not there. */
	expect(s, NULL, "zebra", "12");
	expect(s, "a", "zebra", "12");
	expect(s, "b", "zebra", "12");
	expect(s, "c", "zebra", "");
	expect(s, NULL, "zebra runs", "1");
	expect(s, NULL, "ZEB*", "12");
	expect(s, NULL, "zeb", "");
	expect(s, NULL, "\"", "");
	expect(s, NULL, "zebra \"", "12");
	expect(s, NULL, "quick OR lazy", "");
	got[0] = '\0';
	assert_false(find(s, NULL, NULL, " \t\n", 10, NULL));
	assert_true(find(s, NULL, NULL, "quick", 10, got));
	assert_string_equal(got, "the [quick] zebra;");
	store_message_finish(
	    s, M3, LADDER_CANCELLED, 5, "x", NULL, ERR_CANCELLED, "not wanted", NULL);
	assert_true(store_search_more(s, 10));
	expect(s, NULL, "zebra", "312");
	got[0] = '\0';
	assert_true(find(s, NULL, NULL, "zebra", 1, NULL));
	assert_string_equal(got, "3");
	got[0] = '\0';
	assert_true(find(s, "a", "b", "zebra", 10, NULL));
	assert_string_equal(got, "312");
	got[0] = '\0';
	assert_true(find(s, "a", "c", "zebra", 10, NULL));
	assert_string_equal(got, "");
	expect_of(s, (struct store_find){"zebra", .to = "b", .state = -1, .limit = 9}, "312");
	expect_of(s, (struct store_find){"zebra", .to = "a", .state = -1, .limit = 9}, "");
	expect_of(s, (struct store_find){"zebra", .state = LADDER_ANSWERED, .limit = 1}, "1");
	expect_of(s, (struct store_find){"zebra", .before = M3, .state = -1, .limit = 9}, "12");
	expect_of(s, (struct store_find){"zebra", .before = M2, .state = -1, .limit = 9}, "");
	store_close(s);
}

static void
test_restart(void **state)
{
	char path[] = "/tmp/iris-search-XXXXXX", name[64];
	static const char *const parts[] = {"", "-wal", "-shm", "-ballast"};
	struct store *s;
	int64_t session;
	size_t i;

	(void)state;
	assert_non_null(mkdtemp(path));
	snprintf(name, sizeof name, "%s/iris.db", path);
	s = open_store(name);
	session = put_session(s, "a", "b");
	put(s, session, M1, "one zebra");
	put(s, session, M2, "two zebra");
	answer(s, M1, "x");
	assert_true(store_search_more(s, 10));
	answer(s, M2, "x");
	store_commit(s);
	store_close(s);
	s = open_store(name);
	expect(s, NULL, "zebra", "1");
	assert_true(store_search_more(s, 10));
	expect(s, NULL, "zebra", "21");
	assert_false(store_search_more(s, 10));
	store_commit(s);
	store_close(s);
	for (i = 0; i < sizeof parts / sizeof parts[0]; i++) {
		snprintf(name, sizeof name, "%s/iris.db%s", path, parts[i]);
		unlink(name);
	}
	rmdir(path);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_found),
	    cmocka_unit_test(test_restart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
