/* SPDX-License-Identifier: MIT
 *
 * irisd/core/event: which events are made and kept, what a subscriber that comes again gets, what one
 * of a team's key does not, and what a turn has said so far, within its bounds. The test is in the
 * place of the workers and of the connections.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "irisd/core/event.h"
#include "tests/unit/pool_fixture.h"

static char teams[] = "teams:\n" TEAM("alpha") TEAM("beta") TEAM("gamma");

#define TOPICS (EVENT_BIT(EVENT_MESSAGE) | EVENT_BIT(EVENT_CONFIG))

/* A subscriber that keeps what it is sent. */
struct viewer {
	struct event_sub sub;
	cJSON *got; /* list of params */
	size_t queued;
};

static void
send_cb(struct event_sub *sub, const char *line, size_t len)
{
	struct viewer *v = sub->arg;
	struct err err;
	cJSON *o = json_parse(line, len, &err);

	assert_non_null(o);
	assert_string_equal(json_str(o, "method"), "iris/event");
	cJSON_AddItemToArray(v->got, cJSON_Duplicate(json_get(o, "params"), true));
	cJSON_Delete(o);
}

static size_t
queued_cb(const struct event_sub *sub)
{
	const struct viewer *v = sub->arg;

	return v->queued;
}

static void
view(struct viewer *v, unsigned topics, const char *team, int64_t since)
{
	memset(v, 0, sizeof *v);
	v->got = cJSON_CreateArray();
	v->sub.topics = topics;
	compat_strlcpy(v->sub.team, team, sizeof v->sub.team);
	v->sub.send = send_cb;
	v->sub.queued = queued_cb;
	v->sub.arg = v;
	event_subscribe(&d, &v->sub, since);
}

static void
leave(struct viewer *v)
{
	event_unsubscribe(&d, &v->sub);
	cJSON_Delete(v->got);
}

static int
count(const struct viewer *v)
{
	return cJSON_GetArraySize(v->got);
}

static const cJSON *
at(const struct viewer *v, int i)
{
	return cJSON_GetArrayItem(v->got, i);
}

static const cJSON *
last(const struct viewer *v)
{
	return at(v, count(v) - 1);
}

static int64_t
seq_of(const cJSON *o)
{
	int64_t n = json_int_or(o, "seq", -1);

	assert_true(n > 0 && n < (int64_t)1 << 53);
	return n;
}

static bool
is_type(const cJSON *o, const char *type)
{
	return strcmp(json_str(o, "type"), type) == 0;
}

/* Events of the topic message that say n, from one team to another. */
static void
happen(int64_t n, const char *from, const char *to)
{
	cJSON *o;

	if (!event_wanted(&d, EVENT_MESSAGE))
		return;
	o = json_new();
	json_put_int(o, "n", n);
	event_send(&d, EVENT_MESSAGE, "message", o, from, to);
}

static int
setup(void **state)
{
	if (pool_setup(state) == -1)
		return -1;
	d.started_at = compat_now_ms();
	return 0;
}

static int
teardown(void **state)
{
	event_release(&d);
	return pool_teardown(state);
}

static void
test_nobody_wants_it(void **state)
{
	struct viewer v;

	(void)state;
	assert_false(event_wanted(&d, EVENT_MESSAGE));
	happen(1, "alpha", "beta");
	event_run(&d);
	assert_null(d.events);
	view(&v, TOPICS, "", -1);
	assert_int_equal(count(&v), 1);
	assert_true(is_type(at(&v, 0), "hello"));
	assert_true(seq_of(at(&v, 0)) >= d.started_at * 1000);
	assert_true(event_wanted(&d, EVENT_MESSAGE));
	assert_false(event_wanted(&d, EVENT_SESSION));
	happen(2, "alpha", "beta");
	assert_int_equal(json_int_or(last(&v), "n", 0), 2);
	assert_true(seq_of(last(&v)) > seq_of(at(&v, 0)));
	leave(&v);
}

static void
test_resume(void **state)
{
	struct viewer v, again;
	int64_t since;
	int i;

	(void)state;
	view(&v, TOPICS, "", -1);
	for (i = 1; i <= 5; i++)
		happen(i, "alpha", "beta");
	since = seq_of(at(&v, 2)); /* the second */
	leave(&v);
	/* Nobody is there, and they are still kept. */
	happen(6, "alpha", "beta");
	view(&again, TOPICS, "", since);
	assert_int_equal(count(&again), 5);
	assert_true(is_type(at(&again, 0), "hello"));
	assert_int_equal(seq_of(at(&again, 0)), since);
	for (i = 1; i < 5; i++) {
		assert_int_equal(json_int_or(at(&again, i), "n", 0), i + 2);
		assert_true(seq_of(at(&again, i)) > seq_of(at(&again, i - 1)));
	}
	leave(&again);
	/* Up to date. */
	view(&again, TOPICS, "", d.started_at * 1000 + 1000000);
	since = seq_of(at(&again, 0));
	leave(&again);
	view(&again, TOPICS, "", since);
	assert_int_equal(count(&again), 1);
	leave(&again);
}

static void
test_gaps(void **state)
{
	struct viewer v, again;
	int64_t first, end;
	int i;

	(void)state;
	view(&v, TOPICS, "", -1);
	happen(0, "alpha", "beta");
	first = seq_of(last(&v));
	for (i = 1; i <= EVENT_RING_MAX; i++)
		happen(i, "alpha", "beta");
	end = seq_of(last(&v));
	/* All but the first are kept. */
	view(&again, TOPICS, "", first);
	assert_int_equal(count(&again), EVENT_RING_MAX + 1);
	leave(&again);
	happen(i, "alpha", "beta");
	view(&again, TOPICS, "", first);
	assert_int_equal(count(&again), EVENT_RING_MAX + 2);
	assert_true(is_type(at(&again, 1), "gap"));
	assert_int_equal(seq_of(at(&again, 0)), first);
	assert_int_equal(seq_of(at(&again, 1)), first + 1);
	assert_int_equal(json_int_or(at(&again, 2), "n", -1), 2);
	leave(&again);
	/* Of a topic that nobody had. */
	view(&again, TOPICS | EVENT_BIT(EVENT_SESSION), "", end);
	assert_true(is_type(at(&again, 1), "gap"));
	leave(&again);
	/* From the future. */
	view(&again, TOPICS, "", end * 2);
	assert_true(is_type(at(&again, 1), "gap"));
	assert_int_equal(count(&again), 2);
	assert_true(seq_of(at(&again, 1)) < end * 2);
	leave(&again);
	leave(&v);
}

/* Also where a single one is larger than all that is kept. */
static void
test_bytes(void **state)
{
	char *big = xmalloc(EVENT_RING_BYTES + 1);
	struct viewer v, again;
	int64_t since;
	cJSON *o;

	(void)state;
	memset(big, 'x', EVENT_RING_BYTES);
	big[EVENT_RING_BYTES] = '\0';
	view(&v, TOPICS, "", -1);
	happen(1, "alpha", "beta");
	since = seq_of(last(&v));
	o = json_new();
	json_put_str(o, "text", big);
	event_send(&d, EVENT_MESSAGE, "message", o, "alpha", "beta");
	assert_int_equal(count(&v), 3);
	happen(2, "alpha", "beta");
	view(&again, TOPICS, "", since);
	assert_true(is_type(at(&again, 1), "gap"));
	assert_int_equal(count(&again), 3);
	assert_int_equal(json_int_or(last(&again), "n", 0), 2);
	leave(&again);
	leave(&v);
	free(big);
}

static void
test_team(void **state)
{
	struct viewer v;

	(void)state;
	view(&v, EVENT_ALL & ~EVENT_BIT(EVENT_TEXT), "beta", -1);
	assert_false(event_wanted(&d, EVENT_LOG));
	assert_false(event_wanted(&d, EVENT_HOST));
	happen(1, "alpha", "gamma");
	happen(2, "alpha", "beta");
	happen(3, "beta", "gamma");
	happen(4, NULL, "beta");
	happen(5, NULL, NULL);
	event_pool(&d);
	event_team(team_find(&d, "alpha"));
	event_team(team_find(&d, "beta"));
	event_run(&d);
	assert_int_equal(count(&v), 5);
	assert_int_equal(json_int_or(at(&v, 1), "n", 0), 2);
	assert_int_equal(json_int_or(at(&v, 2), "n", 0), 3);
	assert_int_equal(json_int_or(at(&v, 3), "n", 0), 4);
	assert_string_equal(json_str(json_obj(at(&v, 4), "team"), "name"), "beta");
	leave(&v);
}

/* What is asked of a team's person is about others: it is told, also afterwards. */
static void
test_asked(void **state)
{
	struct store_permission row = {.from = (char[]){"beta"},
	    .to = (char[]){"gamma"},
	    .tool = (char[]){"Bash"},
	    .asked = (char[]){"alpha"},
	    .input = (char[]){"{}"}};
	unsigned topics = EVENT_BIT(EVENT_APPROVAL);
	struct viewer all, asked, other, again;

	(void)state;
	view(&all, topics, "", -1);
	view(&asked, topics, "alpha", -1);
	view(&other, topics, "delta", -1);
	event_approval(&d, &row);
	assert_int_equal(count(&all), 2);
	assert_int_equal(count(&asked), 2);
	assert_int_equal(count(&other), 1);
	view(&again, topics, "alpha", seq_of(at(&asked, 0)));
	assert_int_equal(count(&again), 2);
	assert_true(is_type(last(&again), "approval"));
	leave(&all);
	leave(&asked);
	leave(&other);
	leave(&again);
}

/* However often a session changes in one pass, and one that goes before it is told of. */
static void
test_once_in_a_pass(void **state)
{
	struct session *s = session_of("alpha", "beta"), *t = session_of("alpha", "gamma");
	struct viewer v;

	(void)state;
	view(&v, EVENT_BIT(EVENT_SESSION) | EVENT_BIT(EVENT_POOL), "", -1);
	event_session(s);
	event_session(t);
	event_session(s);
	event_pool(&d);
	event_run(&d);
	assert_int_equal(count(&v), 4);
	assert_string_equal(json_str(json_obj(at(&v, 1), "session"), "to"), "beta");
	assert_string_equal(json_str(json_obj(at(&v, 2), "session"), "to"), "gamma");
	assert_true(is_type(at(&v, 3), "pool"));
	/* At once again: not before its time. */
	event_session(s);
	event_session(t);
	event_pool(&d);
	event_run(&d);
	assert_int_equal(count(&v), 4);
	session_free(t);
	while (count(&v) < 5) {
		event_base_loop(d.loop.base, EVLOOP_ONCE);
		event_run(&d);
	}
	assert_int_equal(count(&v), 5);
	assert_string_equal(json_str(json_obj(at(&v, 4), "session"), "to"), "beta");
	leave(&v);
}

/* A message of alpha's that is with beta's process. */
static struct message *
running(void)
{
	const char *id;
	struct session *s = busy_session("alpha", "beta", &id);

	pool_on_seen(s, id, "replay");
	return s->current;
}

/* Numbers begin above those of an irisd whose clock was ahead, if a message took a step then. */
static void
test_clock(void **state)
{
	struct message *m = running();
	struct viewer v;

	(void)state;
	d.started_at -= 86400000;
	view(&v, TOPICS, "", -1);
	assert_true(seq_of(last(&v)) >= store_last_at(d.store) * 1000);
	assert_true(store_last_at(d.store) > d.started_at && m != NULL);
	leave(&v);
}

static void
test_said(void **state)
{
	struct message *m = running();
	struct viewer v, late;
	const cJSON *o, *tools;
	char name[16];
	char *list;
	int i;

	(void)state;
	assert_null(said_tools(m));
	pool_on_delta(m->session, m->id, "one ");
	view(&v, EVENT_BIT(EVENT_TEXT), "", -1);
	assert_int_equal(count(&v), 2);
	assert_string_equal(json_str(last(&v), "text"), "one ");
	assert_int_equal(cJSON_GetArraySize(json_arr(last(&v), "tools")), 0);
	pool_on_delta(m->session, m->id, "two");
	assert_true(is_type(last(&v), "delta"));
	assert_string_equal(json_str(last(&v), "text"), "two");
	pool_on_tool(m->session, m->id, "Old", NULL);
	assert_null(json_get(last(&v), "input"));
	for (i = 0; i < SAID_TOOLS_MAX; i++) {
		snprintf(name, sizeof name, "Tool%d", i);
		pool_on_tool(m->session, m->id, name, "{}");
	}
	view(&late, EVENT_BIT(EVENT_TEXT), "", -1);
	o = last(&late);
	assert_string_equal(json_str(o, "id"), m->id);
	assert_string_equal(json_str(o, "from"), "alpha");
	assert_string_equal(json_str(o, "to"), "beta");
	assert_string_equal(json_str(o, "text"), "one two");
	tools = json_arr(o, "tools");
	assert_int_equal(cJSON_GetArraySize(tools), SAID_TOOLS_MAX);
	assert_string_equal(json_str(cJSON_GetArrayItem(tools, 0), "name"), "Tool0");
	leave(&late);
	/* Of another message than the one that runs: nobody's. */
	pool_on_tool(m->session, "01890000-0000-7000-8000-000000000000", "Wrong", "{}");
	list = said_tools(m);
	assert_null(strstr(list, "Wrong"));
	free(list);
	leave(&v);
}

static void
test_said_is_bounded(void **state)
{
	struct message *m = running();
	char input[4 * SAID_INPUT_MAX * 2 + 1], piece[1000];
	const char *text;
	struct viewer v;
	char *list;
	size_t i;

	(void)state;
	/* Two bytes each, so that a cut anywhere could split one. */
	for (i = 0; i + 1 < sizeof piece; i += 2)
		memcpy(piece + i, "\xc3\xa9", 2);
	piece[sizeof piece - 2] = 'x';
	piece[sizeof piece - 1] = '\0';
	for (i = 0; i < 1000; i++)
		said_delta(m, piece);
	said_delta(m, "the end");
	view(&v, EVENT_BIT(EVENT_TEXT), "", -1);
	text = json_str(last(&v), "text");
	assert_true(strlen(text) <= SAID_TEXT_MAX);
	assert_true(strlen(text) >= SAID_TEXT_MAX / 2);
	assert_string_equal(text + strlen(text) - 7, "the end");
	assert_true(json_utf8_valid(text, strlen(text)));
	leave(&v);
	/* Each quote takes two bytes in the list. */
	memset(input, '"', sizeof input - 1);
	input[sizeof input - 1] = '\0';
	for (i = 0; i < SAID_TOOLS_MAX; i++)
		said_tool(m, "Write", input);
	list = said_tools(m);
	assert_true(strlen(list) <= SAID_TOOLS_BYTES);
	assert_true(strlen(list) > SAID_TOOLS_BYTES - 2 * SAID_INPUT_MAX - 100);
	free(list);
	message_answered(m, "done", NULL);
}

/* Its tools are stored with it, and are in the message, but in no list. */
static void
test_tools_are_kept(void **state)
{
	struct message *m = running();
	char id[UUID_LEN + 1];
	struct store_message row;

	(void)state;
	memcpy(id, m->id, sizeof id);
	said_tool(m, "Read", "{\"file\":\"a\"}");
	message_answered(m, "done", NULL);
	assert_true(store_message_load(d.store, id, &row));
	assert_string_equal(
	    row.tools, "[{\"name\":\"Read\",\"input\":\"{\\\"file\\\":\\\"a\\\"}\"}]");
	store_message_release(&row);
	assert_true(store_message_load_brief(d.store, id, &row));
	assert_null(row.tools);
	store_message_release(&row);
}

/* Who does not read gets no pieces of text, and all of it when it has read. */
static void
test_behind(void **state)
{
	struct message *m = running();
	struct viewer v;

	(void)state;
	view(&v, EVENT_BIT(EVENT_TEXT) | EVENT_BIT(EVENT_MESSAGE), "", -1);
	said_delta(m, "a");
	assert_int_equal(count(&v), 3);
	v.queued = EVENT_MARK + 1;
	said_delta(m, "b");
	said_tool(m, "Bash", NULL);
	assert_int_equal(count(&v), 3);
	happen(1, "alpha", "beta");
	assert_int_equal(count(&v), 4);
	v.queued = EVENT_MARK;
	said_delta(m, "c");
	event_run(&d);
	assert_int_equal(count(&v), 4);
	v.queued = 0;
	event_run(&d);
	assert_int_equal(count(&v), 5);
	assert_true(is_type(last(&v), "text"));
	assert_string_equal(json_str(last(&v), "text"), "abc");
	assert_int_equal(cJSON_GetArraySize(json_arr(last(&v), "tools")), 1);
	said_delta(m, "d");
	assert_string_equal(json_str(last(&v), "text"), "d");
	leave(&v);
}

/* Nor anything else, when that is much: it is told that it has missed something. */
static void
test_lost(void **state)
{
	struct viewer v, other;

	(void)state;
	view(&v, EVENT_BIT(EVENT_MESSAGE), "", -1);
	view(&other, EVENT_BIT(EVENT_MESSAGE), "", -1);
	v.queued = EVENT_HARD;
	happen(1, "alpha", "beta");
	assert_int_equal(count(&v), 2);
	v.queued = EVENT_HARD + 1;
	happen(2, "alpha", "beta");
	v.queued = EVENT_HARD / 2;
	event_run(&d);
	happen(3, "alpha", "beta");
	assert_int_equal(count(&v), 2);
	assert_int_equal(count(&other), 4);
	v.queued = 0;
	event_run(&d);
	event_run(&d);
	assert_int_equal(count(&v), 3);
	assert_true(is_type(last(&v), "gap"));
	assert_int_equal(seq_of(last(&v)), seq_of(last(&other)));
	happen(4, "alpha", "beta");
	assert_int_equal(count(&v), 4);
	assert_true(seq_of(last(&v)) > seq_of(at(&v, 2)));
	leave(&v);
	leave(&other);
}

static void
test_topics(void **state)
{
	int i;

	(void)state;
	for (i = 0; i < EVENT_TOPICS; i++)
		assert_int_equal(event_topic_from_name(event_topic_name((enum event_topic)i)), i);
	assert_int_equal(event_topic_from_name("messages"), -1);
	assert_int_equal(event_topic_from_name(""), -1);
}

#define T(f) cmocka_unit_test_prestate_setup_teardown(f, setup, teardown, teams)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    T(test_nobody_wants_it),
	    T(test_resume),
	    T(test_gaps),
	    T(test_bytes),
	    T(test_clock),
	    T(test_team),
	    T(test_asked),
	    T(test_once_in_a_pass),
	    T(test_said),
	    T(test_said_is_bounded),
	    T(test_tools_are_kept),
	    T(test_behind),
	    T(test_lost),
	    T(test_topics),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
