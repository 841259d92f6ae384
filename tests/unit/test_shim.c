/* SPDX-License-Identifier: MIT
 *
 * The parts of iris-mcp-shim that need no irisd: what a line is, and the queue of lines with its
 * bounds. They are no library, so this file includes them.
 */
#include <sys/socket.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "iris-mcp-shim/lines.c"
#include "iris-mcp-shim/sniff.c"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void
assert_slice(struct slice s, const char *expected)
{
	if (expected == NULL) {
		assert_null(s.ptr);
		return;
	}
	assert_non_null(s.ptr);
	assert_int_equal(s.len, strlen(expected));
	assert_memory_equal(s.ptr, expected, s.len);
}

static void
test_sniff(void **state)
{
	static const struct {
		const char *line;
		enum sniff_kind kind;
		const char *id;
	} cases[] = {
	    {"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"m\"}", SNIFF_REQUEST, "1"},
	    {"{\"method\":\"m\",\"params\":{\"id\":2},\"id\":\"a\"}", SNIFF_REQUEST, "\"a\""},
	    {"{\"method\":\"m\",\"params\":{\"id\":2}}", SNIFF_NOTIFICATION, NULL},
	    {"{\"id\":-1.0,\"result\":{\"method\":\"m\"}}", SNIFF_ANSWER, "-1.0"},
	    {"{\"id\":1,\"error\":{}}", SNIFF_ANSWER, "1"},
	    {"{\"jsonrpc\":\"2.0\",\"id\":\"r\",\"result\":{\"method\":\"m\"}}", SNIFF_ANSWER,
		"\"r\""},
	    {"{\"id\":null,\"result\":{}}", SNIFF_OTHER, "null"},
	    {"{\"id\":1,\"results\":{},\"method\":\"m\"}", SNIFF_REQUEST, "1"},
	    {"{\"id\":null,\"method\":\"m\"}", SNIFF_OTHER, "null"},
	    {"{\"id\":{},\"method\":\"m\"}", SNIFF_OTHER, "{}"},
	    {"[{\"id\":1,\"method\":\"m\"}]", SNIFF_OTHER, NULL},
	    {"not json", SNIFF_OTHER, NULL},
	    /* irisd answers these with their ids. */
	    {"{\"method\":\"m\",\"params\":{\"a\":\"\\ud800\"},\"id\":7}", SNIFF_REQUEST, "7"},
	    {"{\"method\":\"m\",\"params\":{\"a\":NaN},\"id\":\"x\"}", SNIFF_REQUEST, "\"x\""},
	    {"{\"method\":\"m\",\"id\":\"\\ud800\"}", SNIFF_OTHER, "\"\\ud800\""},
	    {"{", SNIFF_OTHER, NULL},
	    {"", SNIFF_OTHER, NULL},
	};
	struct sniff s;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		sniff_line(cases[i].line, strlen(cases[i].line), &s);
		assert_int_equal(s.kind, cases[i].kind);
		assert_slice(s.id, cases[i].id);
	}
	sniff_line("{\"method\":\"ping\",\"id\":1}", 24, &s);
	assert_true(sniff_is(&s, "ping"));
	assert_false(sniff_is(&s, "pin"));
	assert_false(sniff_is(&s, "ping2"));
	sniff_line("{\"id\":1}", 8, &s);
	assert_false(sniff_is(&s, ""));
}

static void
test_nested_ids(void **state)
{
	static const char cancel[] =
	    "{\"method\":\"notifications/cancelled\",\"requestId\":1,\"params\":{\"requestId\":\"r\"}}";
	static const char ack[] =
	    "{\"params\":{\"_meta\":{\"io.modelcontextprotocol/subscriptionId\":\"listen:0\"}}}";

	(void)state;
	assert_slice(sniff_cancelled(cancel, strlen(cancel)), "\"r\"");
	assert_slice(sniff_cancelled("{\"params\":[]}", 13), NULL);
	assert_slice(sniff_cancelled("{}", 2), NULL);
	assert_slice(sniff_subscription(ack, strlen(ack)), "\"listen:0\"");
	assert_slice(sniff_subscription(cancel, strlen(cancel)), NULL);
}

/* Of a line that is too long only the end is there: a wrong id would answer another request. */
static void
test_last_id(void **state)
{
	static const struct {
		const char *tail, *id;
	} cases[] = {
	    {"xxxx\"},\"jsonrpc\":\"2.0\",\"id\":7}", "7"},
	    {"xxxx\"},\"id\":\"a,b\",\"jsonrpc\":\"2.0\"} \r", "\"a,b\""},
	    {"xxxx\", \"id\" : 1.0 }", "1.0"},
	    {"xxxx\",\"id\":7}}", NULL},
	    {"xxxx\",\"id\":7},\"jsonrpc\":\"2.0\"}", NULL},
	    {"xxxx,\\\"id\\\":7}\"}", NULL},
	    {"xxxx\",\"id\":null}", NULL},
	    {"xxxx\",\"id\":{}}", NULL},
	    {"xxxx\",\"xid\":7}", NULL},
	    {"xxxx\",\"id\":7", NULL},
	    {"xxxx\",\"id\":7]", NULL},
	    {"}", NULL},
	    {"", NULL},
	};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++)
		assert_slice(sniff_last_id(cases[i].tail, strlen(cases[i].tail)), cases[i].id);
}

/* --- the queue ------------------------------------------------------------------------------- */

static char failed[1024];

static void
note_failed(const char *id, void *arg)
{
	(void)arg;
	compat_strlcat(failed, id, sizeof failed);
	compat_strlcat(failed, ";", sizeof failed);
}

static void
add(struct lines *l, const char *line)
{
	struct sniff s;

	sniff_line(line, strlen(line), &s);
	lines_add(l, line, strlen(line), &s);
}

/* Write all of it; the answer is what the other side has read. */
static const char *
sent(struct lines *l)
{
	static char buf[65536];
	ssize_t n;
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	assert_int_equal(compat_set_nonblock(fds[1]), 0);
	assert_int_equal(lines_write(l, fds[1]), 0);
	n = recv(fds[0], buf, sizeof buf - 1, MSG_DONTWAIT);
	buf[n > 0 ? n : 0] = '\0';
	close(fds[0]);
	close(fds[1]);
	return buf;
}

static struct slice
text_slice(const char *text)
{
	return (struct slice){text, strlen(text)};
}

#define REQ(id)    "{\"id\":" id ",\"method\":\"tools/call\"}"
#define LISTEN(id) "{\"id\":" id ",\"method\":\"subscriptions/listen\"}"
#define NOTE       "{\"method\":\"notifications/x\"}"

static void
test_requests_stay(void **state)
{
	struct lines l;

	(void)state;
	lines_init(&l);
	add(&l, REQ("1"));
	add(&l, NOTE);
	add(&l, REQ("2"));
	assert_true(lines_waiting(&l));
	assert_string_equal(sent(&l), REQ("1") "\n" NOTE "\n" REQ("2") "\n");
	assert_int_equal(l.unsent, 0);
	assert_int_equal(l.requests, 2);
	lines_answered(&l, text_slice("1.0"));
	lines_answered(&l, text_slice("1"));
	assert_int_equal(l.requests, 1);
	add(&l, REQ("3"));
	failed[0] = '\0';
	lines_rewind(&l, LINES_LASTED, note_failed, NULL);
	assert_string_equal(failed, "");
	assert_int_equal(l.unsent, 2 * strlen(REQ("2")) + 2);
	assert_string_equal(sent(&l), REQ("2") "\n" REQ("3") "\n");
	lines_answered(&l, text_slice("3"));
	lines_answered(&l, text_slice("2"));
	assert_false(lines_waiting(&l));
	assert_int_equal(l.kept, 0);
	assert_int_equal(l.unsent, 0);
	lines_release(&l);
}

static void
test_cancelled_lines(void **state)
{
	struct lines l;

	(void)state;
	lines_init(&l);
	add(&l, REQ("1"));
	sent(&l);
	add(&l, REQ("2"));
	assert_false(lines_cancelled(&l, text_slice("9")));
	assert_false(lines_cancelled(&l, text_slice("1")));
	assert_true(lines_cancelled(&l, text_slice("2")));
	assert_int_equal(l.requests, 0);
	assert_int_equal(l.kept + l.unsent, 0);
	assert_string_equal(sent(&l), "");
	/* Half of it is out: the rest must follow, but it is no request any more. */
	add(&l, REQ("3"));
	l.off = 5;
	assert_false(lines_cancelled(&l, text_slice("3")));
	assert_int_equal(l.requests, 0);
	assert_string_equal(sent(&l), REQ("3") "\n" + 5);
	assert_true(TAILQ_EMPTY(&l.list));
	lines_release(&l);
}

static void
test_repeats_are_bounded(void **state)
{
	struct lines l;
	int i;

	(void)state;
	lines_init(&l);
	add(&l, REQ("1"));
	failed[0] = '\0';
	for (i = 0; i < LINES_REPEAT_MAX; i++) {
		assert_string_equal(sent(&l), REQ("1") "\n");
		lines_rewind(&l, LINES_SHORT, note_failed, NULL);
		assert_string_equal(failed, "");
		/* Not counted: one that was not written yet, and one that no irisd has taken. */
		lines_rewind(&l, LINES_SHORT, note_failed, NULL);
		sent(&l);
		lines_rewind(&l, LINES_NEVER_USED, note_failed, NULL);
	}
	sent(&l);
	lines_rewind(&l, LINES_SHORT, note_failed, NULL);
	assert_string_equal(failed, "1;");
	assert_false(lines_waiting(&l));
	/* After connections that lasted there is no bound. */
	add(&l, REQ("2"));
	for (i = 0; i < 2 * LINES_REPEAT_MAX; i++) {
		assert_string_equal(sent(&l), REQ("2") "\n");
		lines_rewind(&l, LINES_LASTED, note_failed, NULL);
	}
	assert_string_equal(failed, "1;");
	lines_release(&l);
}

static void
test_subscriptions(void **state)
{
	struct lines l;

	(void)state;
	lines_init(&l);
	add(&l, LISTEN("\"l\""));
	assert_false(lines_waiting(&l));
	sent(&l);
	/* Lost before its acknowledgement: the client is still to get one. */
	lines_rewind(&l, LINES_SHORT, note_failed, NULL);
	sent(&l);
	assert_false(lines_take_ack(&l, text_slice("\"l\"")));
	lines_rewind(&l, LINES_LASTED, note_failed, NULL);
	add(&l, REQ("1"));
	add(&l, LISTEN("2"));
	add(&l, NOTE);
	/*
	 * Nobody is reached: one that was acknowledged stays for later, the rest is answered or
	 * forgotten.
	 */
	failed[0] = '\0';
	lines_fail(&l, note_failed, NULL);
	assert_string_equal(failed, "1;2;");
	assert_string_equal(sent(&l), LISTEN("\"l\"") "\n");
	assert_true(lines_take_ack(&l, text_slice("\"l\"")));
	assert_false(lines_take_ack(&l, text_slice("\"l\"")));
	lines_release(&l);
}

/* What is written and waits is kept up to a bound; what is beyond it can not be repeated. */
static void
test_kept_is_bounded(void **state)
{
	size_t size = 12 * 1024 * 1024;
	char *line = malloc(size + 1);
	struct lines l;
	int i, null;

	(void)state;
	assert_non_null(line);
	null = open("/dev/null", O_WRONLY);
	lines_init(&l);
	for (i = 0; i < 4; i++) {
		int n = snprintf(line, size, "{\"id\":%d,\"method\":\"m\",\"p\":\"", i);
		memset(line + n, 'x', size - (size_t)n - 2);
		memcpy(line + size - 2, "\"}", 3);
		add(&l, line);
		assert_int_equal(lines_write(&l, null), 0);
		assert_true(l.kept <= LINES_KEPT_MAX);
	}
	failed[0] = '\0';
	lines_rewind(&l, LINES_LASTED, note_failed, NULL);
	assert_string_equal(failed, "2;3;");
	assert_int_equal(l.unsent, 2 * (size + 1));
	lines_release(&l);
	close(null);
	free(line);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_sniff),
	    cmocka_unit_test(test_nested_ids),
	    cmocka_unit_test(test_last_id),
	    cmocka_unit_test(test_requests_stay),
	    cmocka_unit_test(test_cancelled_lines),
	    cmocka_unit_test(test_repeats_are_bounded),
	    cmocka_unit_test(test_subscriptions),
	    cmocka_unit_test(test_kept_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
