/* SPDX-License-Identifier: MIT
 *
 * irisd/core/message: what is accepted and what is refused with which words; keys, circles and
 * hops. What becomes of an accepted message is test_message_end.c's. The test is in the place of
 * the workers.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "tests/unit/pool_fixture.h"

#define THREE "teams:\n" TEAM("alpha") TEAM("beta") TEAM("gamma")

static char plain[] = THREE;
static char total_queue[] = "settings:\n  maxQueueTotal: 3\n" THREE;
static char short_queue[] = "settings:\n  maxQueue: 3\n" THREE;

/* It is refused, with this code and these words, and nothing of it is stored. */
static void
refused(const struct message_new *n, enum err_code code, const char *words)
{
	int64_t before = stored_messages();
	char id[UUID_LEN + 1];
	struct err err;

	assert_int_equal(message_submit(&d, n, id, &err), -1);
	assert_string_equal(err_name(err.code), err_name(code));
	if (strstr(err.msg, words) == NULL)
		fail_msg("\"%s\" lacks \"%s\"", err.msg, words);
	assert_int_equal(stored_messages(), before);
}

/* --- accepting ------------------------------------------------------------------------------- */

static void
test_refused(void **state)
{
	struct message_new n = {.to = "alpah", .from = "beta", .body = "x"};
	size_t size = MESSAGE_BODY_MAX + 2;
	char *big = xmalloc(size), id[UUID_LEN + 1];

	(void)state;
	refused(&n, ERR_NOT_FOUND, "unknown team \"alpah\"; the nearest: alpha ");
	n.to = "zzzzzzzzzz";
	refused(&n, ERR_NOT_FOUND, "unknown team \"zzzzzzzzzz\"; list_teams");
	n.to = "alpha";
	n.body = "";
	refused(&n, ERR_INVALID, "the message is empty");
	n.body = " \t\r\n ";
	refused(&n, ERR_INVALID, "the message is empty");
	memset(big, 'x', size);
	big[size - 1] = '\0';
	n.body = big;
	refused(&n, ERR_LIMIT, "has 4194305 bytes, 4194304 are the limit");
	n.body = big + 1;
	d.stopping = true;
	refused(&n, ERR_UNAVAILABLE, "irisd is being stopped");
	d.stopping = false;
	/* Not even a session was made for those. */
	assert_true(TAILQ_EMPTY(&team_find(&d, "alpha")->sessions));
	accepted(&n, id);
	free(big);
	assert_string_equal(stored(id), "queued");
}

static void
test_queue_limit(void **state)
{
	struct message_new n = {.to = "alpha", .from = "beta", .body = "x"};
	char first[UUID_LEN + 1], id[UUID_LEN + 1];
	struct session *s;

	(void)state;
	accepted(&n, first);
	accepted(&n, id);
	accepted(&n, id);
	refused(&n, ERR_LIMIT,
	    "3 messages from beta already wait for team alpha (settings.maxQueue is 3)");
	/* Each sender has a queue of its own. */
	n.from = "gamma";
	accepted(&n, id);
	n.from = "beta";
	/* What is with the process does not wait any more. */
	s = session_of("beta", "alpha");
	expect("open beta>alpha; open gamma>alpha; ");
	opened(s);
	expect("turn beta>alpha x; ");
	accepted(&n, id);
	refused(&n, ERR_LIMIT, "3 messages from beta");
	message_cancel(message_find(&d, id), "no need");
	accepted(&n, id);
}

static void
test_total_limit(void **state)
{
	struct message_new n = {.to = "alpha", .from = "beta", .body = "x", .key = "k"};
	char first[UUID_LEN + 1], id[UUID_LEN + 1];
	struct session *s;

	(void)state;
	accepted(&n, first);
	n.key = NULL;
	n.to = "beta";
	accepted(&n, id);
	n.from = "gamma";
	accepted(&n, id);
	assert_int_equal(d.queued, 3);
	n.to = "gamma";
	n.from = "alpha";
	refused(&n, ERR_LIMIT,
	    "3 messages already wait for all teams together (settings.maxQueueTotal is 3); send again");
	/* Refused before anything is stored: no session was made for it. */
	assert_true(TAILQ_EMPTY(&team_find(&d, "gamma")->sessions));
	/* One that was accepted already is no further one. */
	n = (struct message_new){.to = "alpha", .from = "beta", .body = "x", .key = "k"};
	accepted(&n, id);
	assert_string_equal(id, first);
	/* What is with a process does not wait; what comes back from it does. */
	s = session_of("beta", "alpha");
	expect("open beta>alpha; open beta>beta; open gamma>beta; ");
	opened(s);
	expect("turn beta>alpha x; ");
	assert_int_equal(d.queued, 2);
	pool_on_exit(s, "it fell");
	assert_int_equal(d.queued, 3);
	n.key = NULL;
	refused(&n, ERR_LIMIT, "3 messages already wait for all teams");
	message_cancel(message_find(&d, first), "no need");
	assert_int_equal(d.queued, 2);
	accepted(&n, id);
}

static void
test_ids(void **state)
{
	char before[UUID_LEN + 1] = "", id[UUID_LEN + 1];
	struct message_new n = {.to = "alpha", .from = "beta", .body = "x"};
	struct message *m;
	int i;

	(void)state;
	for (i = 0; i < 500; i++) {
		accepted(&n, id);
		assert_true(uuid_valid(id));
		assert_int_equal(id[14], '7');
		assert_true(strcmp(before, id) < 0);
		memcpy(before, id, sizeof before);
		m = message_find(&d, id);
		assert_non_null(m);
		assert_int_equal(message_position(m), i + 1);
		assert_string_equal(m->root, id);
		assert_string_equal(m->parent, "");
		assert_int_equal(m->hops, 0);
	}
	assert_null(message_find(&d, "01890000-0000-7000-8000-000000000001"));
	assert_null(message_find(&d, ""));
}

static void
test_key(void **state)
{
	struct message_new n = {.to = "alpha", .from = "beta", .body = "x", .key = "k1"};
	char first[UUID_LEN + 1], id[UUID_LEN + 1], words[128];
	struct store_message row;
	struct session *s = session_of("beta", "alpha");

	(void)state;
	accepted(&n, first);
	accepted(&n, id);
	assert_string_equal(id, first);
	assert_int_equal(stored_messages(), 1);
	assert_int_equal(s->queued, 1);
	snprintf(words, sizeof words, "was used for another message (%s)", first);
	n.body = "y";
	refused(&n, ERR_INVALID, words);
	n.body = "x";
	n.to = "gamma";
	refused(&n, ERR_INVALID, words);
	n.to = "alpha";
	/* Under another name it is the same sender's, or it would not be the same key. */
	n.from = "gamma";
	accepted(&n, id);
	assert_string_equal(id, first);
	n.from = "beta";

	/* A key that the client's program made: with other text it is another call. */
	n.key_made = true;
	accepted(&n, id);
	assert_string_equal(id, first);
	/* Repeated when the directory that it comes from is another team's, or nobody's. */
	n.from = "guest:beta-1";
	accepted(&n, id);
	assert_string_equal(id, first);
	n.from = "beta";
	assert_int_equal(stored_messages(), 1);
	n.body = "y";
	accepted(&n, id);
	assert_string_not_equal(id, first);
	assert_true(store_message_load(d.store, id, &row));
	assert_null(row.key);
	store_message_release(&row);

	/* It is found after its end, too. */
	expect("open beta>alpha; ");
	opened(s);
	expect("turn beta>alpha x; ");
	result(s, first, ERR_NONE, "yes");
	n.body = "x";
	n.key_made = false;
	accepted(&n, id);
	assert_string_equal(id, first);
	assert_int_equal(stored_messages(), 2);
	/* Another key is another message. */
	n.key = "k2";
	accepted(&n, id);
	assert_string_not_equal(id, first);
	/* A team that is removed takes nothing new, and what was asked of it has had its end. */
	workers_left = true;
	reload("teams:\n" TEAM("beta"), NULL);
	n.key = "k1";
	accepted(&n, id);
	assert_string_equal(id, first);
	n.key = "k3";
	refused(&n, ERR_NOT_FOUND, "unknown team");
}

/* What senders give as keys never meets what others give. */
static void
test_key_scope(void **state)
{
	static const struct {
		enum message_key_by by;
		const char *who, *key;
	} given[] = {{MESSAGE_KEY_NAME, "guest", "x:k"}, {MESSAGE_KEY_NAME, "guest:x", "k"},
	    {MESSAGE_KEY_NAME, "a", "b/c"}, {MESSAGE_KEY_NAME, "a", "b:c"},
	    {MESSAGE_KEY_NAME, "a:b", "c"}, {MESSAGE_KEY_DIR, "/a", "b/c"},
	    {MESSAGE_KEY_DIR, "/a/b", "c"}, {MESSAGE_KEY_DIR, "a", "b:c"},
	    {MESSAGE_KEY_API, "a", "b:c"}, {MESSAGE_KEY_SESSION, "a", "b:c"}};
	const size_t n = sizeof given / sizeof given[0];
	char *keys[sizeof given / sizeof given[0]];
	size_t i, j;

	(void)state;
	for (i = 0; i < n; i++) {
		keys[i] = message_key(given[i].by, given[i].who, given[i].key);
		for (j = 0; j < i; j++)
			assert_string_not_equal(keys[i], keys[j]);
	}
	for (i = 0; i < n; i++)
		free(keys[i]);
}

/* alpha asks beta, beta asks alpha in that turn: alpha can not ask beta once more and wait. */
static void
test_circle(void **state)
{
	struct message_new n = {.to = "beta", .from = "alpha", .body = "x", .waits = true};
	char root[UUID_LEN + 1], back[UUID_LEN + 1], id[UUID_LEN + 1], words[300];
	struct message *m;

	(void)state;
	accepted(&n, root);
	n.to = "alpha";
	n.from = "beta";
	n.parent = message_find(&d, root);
	accepted(&n, back);
	m = message_find(&d, back);
	assert_string_equal(m->root, root);
	assert_string_equal(m->parent, root);
	assert_int_equal(m->hops, 1);

	n.to = "beta";
	n.from = "alpha";
	n.parent = m;
	snprintf(words, sizeof words,
	    "team beta is itself waiting for the answer that is being worked on here (message %s); "
	    "answer it with what you know, or use quick_message",
	    root);
	refused(&n, ERR_REFUSED, words);
	/* Where nobody waits, nothing hangs. */
	n.waits = false;
	accepted(&n, id);
	m = message_find(&d, id);
	assert_string_equal(m->root, root);
	assert_string_equal(m->parent, back);
	assert_int_equal(m->hops, 2);
	/* Another team may be asked, and so may beta by somebody else. */
	n.waits = true;
	n.to = "gamma";
	accepted(&n, id);
	n.to = "beta";
	n.from = "gamma";
	n.parent = message_find(&d, id);
	accepted(&n, id);
	/* The circle is found over any number of teams. */
	n.to = "alpha";
	n.from = "beta";
	n.parent = message_find(&d, id);
	snprintf(words, sizeof words,
	    "team alpha is itself waiting for the answer that is being "
	    "worked on here (message %s)",
	    back);
	refused(&n, ERR_REFUSED, words);
}

static void
test_hops(void **state)
{
	struct message_new n = {.body = "x"};
	char id[UUID_LEN + 1];
	int i;

	(void)state;
	for (i = 0; i < MESSAGE_HOPS_MAX; i++) {
		n.from = i % 2 == 0 ? "alpha" : "beta";
		n.to = i % 2 == 0 ? "beta" : "alpha";
		accepted(&n, id);
		n.parent = message_find(&d, id);
		assert_int_equal(n.parent->hops, i);
	}
	assert_int_equal(i, 16);
	refused(&n, ERR_LIMIT, "16 questions already hang on one another here");
	n.parent = NULL;
	accepted(&n, id);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_refused, plain),
	    TEST(test_queue_limit, short_queue),
	    TEST(test_total_limit, total_queue),
	    TEST(test_ids, plain),
	    TEST(test_key, plain),
	    TEST(test_key_scope, plain),
	    TEST(test_circle, plain),
	    TEST(test_hops, plain),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
