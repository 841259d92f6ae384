/* SPDX-License-Identifier: MIT
 *
 * common/loop and common/peer: the order of a pass (hook, output, frees), limits, and each way in
 * which a peer ends.
 */
#include <sys/socket.h>
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "common/compat.h"
#include "common/loop.h"
#include "common/peer.h"
#include "common/xmalloc.h"

/*
 * One peer of a loop, the other side of its socket in the test's hand, and what its callback saw.
 */
struct world {
	struct loop loop;
	struct peer *peer;
	int other; /* -1 when closed */
	char lines[4096];
	int nlines, ends, hooks;
	char why[128];
	bool readable_in_hook; /* other could be read before the first hook had run */
	void (*on_line)(struct world *, char *line, size_t len);
	void (*on_hook)(struct world *);
};

static const struct peer_limits wide = {1000, 1000000, 0};

static bool
readable(int fd)
{
	struct pollfd pfd = {.fd = fd, .events = POLLIN};

	return poll(&pfd, 1, 0) == 1;
}

static void
hook(void *arg)
{
	struct world *w = arg;

	w->hooks++;
	if (w->hooks == 1 && w->other != -1 && readable(w->other))
		w->readable_in_hook = true;
	if (w->on_hook != NULL)
		w->on_hook(w);
}

static void
peer_event(struct peer *p, char *line, size_t len, void *arg)
{
	struct world *w = arg;

	assert_ptr_equal(p, w->peer);
	if (line == NULL) {
		w->ends++;
		compat_strlcpy(w->why, peer_why(p), sizeof w->why);
		w->peer = NULL;
		loop_stop(&w->loop);
		return;
	}
	assert_int_equal(w->ends, 0);
	w->nlines++;
	compat_strlcat(w->lines, line, sizeof w->lines);
	compat_strlcat(w->lines, "|", sizeof w->lines);
	if (w->on_line != NULL)
		w->on_line(w, line, len);
}

static void
too_late(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	fail_msg("the loop has waited for 5 s");
}

/* Run until loop_stop, 5 s at most. */
static void
run(struct world *w)
{
	struct timeval tv = {5, 0};
	struct event *late = evtimer_new(w->loop.base, too_late, NULL);

	evtimer_add(late, &tv);
	w->loop.stop = false;
	loop_run(&w->loop);
	event_free(late);
}

static void
stop_cb(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	loop_stop(arg);
}

/* Passes for some ms, whatever happens. */
static void
run_for(struct world *w, int ms)
{
	struct timeval tv = {0, ms * 1000};
	struct event *ev = evtimer_new(w->loop.base, stop_cb, &w->loop);

	evtimer_add(ev, &tv);
	run(w);
	event_free(ev);
}

static void
open_world(struct world *w, const struct peer_limits *limits)
{
	int fds[2], size = 8192;

	memset(w, 0, sizeof *w);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
	loop_init(&w->loop, hook, w);
	w->other = fds[1];
	w->peer = peer_new(&w->loop, fds[0], fds[0], limits, peer_event, w);
}

static void
close_world(struct world *w)
{
	if (w->peer != NULL)
		peer_close(w->peer, 0);
	if (w->other != -1)
		close(w->other);
	loop_release(&w->loop);
}

static void
say(struct world *w, const char *text)
{
	assert_int_equal(write(w->other, text, strlen(text)), strlen(text));
}

static const char *
heard(struct world *w)
{
	static char buf[65536];
	ssize_t n = recv(w->other, buf, sizeof buf - 1, MSG_DONTWAIT);

	buf[n > 0 ? n : 0] = '\0';
	return buf;
}

static void
stop_after_line(struct world *w, char *line, size_t len)
{
	(void)line;
	(void)len;
	loop_stop(&w->loop);
}

static void
test_lines(void **state)
{
	struct world w;

	(void)state;
	open_world(&w, &wide);
	w.on_line = stop_after_line;
	say(&w, "one\ntwo\r\n\nthr");
	run(&w);
	assert_string_equal(w.lines, "one|two||");
	say(&w, "ee\n");
	run(&w);
	assert_string_equal(w.lines, "one|two||three|");
	assert_int_equal(w.ends, 0);
	assert_string_equal(peer_why(w.peer), "");
	close_world(&w);
}

static void
answer_line(struct world *w, char *line, size_t len)
{
	peer_send_copy(w->peer, line, len);
	peer_send(w->peer, xstrdup("second"));
	assert_int_equal(peer_queued(w->peer), len + 1 + 7);
	loop_stop(&w->loop);
}

/* Nothing is told to anybody before the hook (irisd's commit) of the same pass has run. */
static void
test_output_after_hook(void **state)
{
	struct world w;

	(void)state;
	open_world(&w, &wide);
	w.on_line = answer_line;
	say(&w, "ask\n");
	run(&w);
	assert_true(w.hooks >= 1);
	assert_false(w.readable_in_hook);
	assert_string_equal(heard(&w), "ask\nsecond\n");
	assert_int_equal(peer_queued(w.peer), 0);
	close_world(&w);
}

static void
answer_soon(struct world *w, char *line, size_t len)
{
	peer_send_soon(w->peer, line, len);
	if (strcmp(line, "now") == 0)
		peer_send_copy(w->peer, "at once", 7);
	if (strcmp(line, "bye") == 0)
		peer_close(w->peer, 1000);
	loop_stop(&w->loop);
}

/* What nobody waits for goes with what somebody does, in its order, or a little later by itself. */
static void
test_output_soon(void **state)
{
	struct world w;
	int i;

	(void)state;
	open_world(&w, &wide);
	w.on_line = answer_soon;
	say(&w, "one\n");
	run(&w);
	assert_int_equal(peer_queued(w.peer), 4);
	say(&w, "now\n");
	run(&w);
	assert_string_equal(heard(&w), "one\nnow\nat once\n");
	say(&w, "two\n");
	run(&w);
	assert_int_equal(peer_queued(w.peer), 4);
	for (i = 0; i < 1000 && peer_queued(w.peer) > 0; i++)
		run_for(&w, PEER_SOON_MS);
	assert_string_equal(heard(&w), "two\n");
	say(&w, "bye\n");
	run(&w);
	w.peer = NULL;
	assert_string_equal(heard(&w), "bye\n");
	close_world(&w);
}

static void
send_in_hook(struct world *w)
{
	if (w->hooks == 1) {
		assert_false(readable(w->other));
		peer_send_copy(w->peer, "from the hook", 13);
		assert_false(readable(w->other));
	}
}

static void
test_output_of_hook(void **state)
{
	struct world w;

	(void)state;
	open_world(&w, &wide);
	w.on_line = stop_after_line;
	w.on_hook = send_in_hook;
	say(&w, "x\n");
	run(&w);
	assert_string_equal(heard(&w), "from the hook\n");
	close_world(&w);
}

/* Large lines are not copied, small ones are; their order and bytes stay. */
static void
test_large_lines(void **state)
{
	enum { SIZE = 300000 };
	struct peer_limits limits = {1000, 10000000, 0};
	char *text = xmalloc(SIZE + 1), *got = xmalloc(SIZE + 100);
	struct world w;
	size_t len = 0;
	int i;

	(void)state;
	open_world(&w, &limits);
	for (i = 0; i < SIZE; i++)
		text[i] = (char)('a' + i % 26);
	text[SIZE] = '\0';
	peer_send_copy(w.peer, "before", 6);
	peer_send(w.peer, xstrdup(text));
	peer_send_copy(w.peer, "after", 5);
	for (i = 0; i < 1000 && len < SIZE + 14; i++) {
		ssize_t n;
		run_for(&w, 1);
		while ((n = recv(w.other, got + len, SIZE + 100 - len, MSG_DONTWAIT)) > 0)
			len += (size_t)n;
	}
	assert_int_equal(len, SIZE + 14);
	assert_memory_equal(got, "before\n", 7);
	assert_memory_equal(got + 7, text, SIZE);
	assert_memory_equal(got + 7 + SIZE, "\nafter\n", 7);
	close_world(&w);
	free(text);
	free(got);
}

static void
test_end_is_told_once(void **state)
{
	struct world w;

	(void)state;
	open_world(&w, &wide);
	say(&w, "last\n");
	close(w.other);
	w.other = -1;
	run(&w);
	assert_string_equal(w.lines, "last|");
	assert_int_equal(w.ends, 1);
	assert_string_equal(w.why, "closed");
	run_for(&w, 20);
	assert_int_equal(w.ends, 1);
	close_world(&w);
}

static void
test_end_within_a_line(void **state)
{
	struct world w;

	(void)state;
	open_world(&w, &wide);
	say(&w, "whole\nhal");
	close(w.other);
	w.other = -1;
	run(&w);
	assert_string_equal(w.lines, "whole|");
	assert_string_equal(w.why, "closed in the middle of a line");
	close_world(&w);
}

static void
test_line_too_long(void **state)
{
	struct peer_limits limits = {10, 1000, 0};
	struct world w;

	(void)state;
	open_world(&w, &limits);
	say(&w, "0123456789\n01234567890\nnever\n");
	run(&w);
	assert_string_equal(w.lines, "0123456789|");
	assert_string_equal(w.why, "sent a line longer than 10 bytes");
	assert_int_equal(w.ends, 1);
	close_world(&w);
}

/* Who does not read is read no more above the soft limit, and is read again below half of it. */
static void
test_soft_limit(void **state)
{
	struct peer_limits limits = {1000, 20000, 0};
	char block[5000];
	struct world w;
	int i;

	(void)state;
	open_world(&w, &limits);
	memset(block, 'x', sizeof block);
	for (i = 0; i < 40; i++)
		peer_send_copy(w.peer, block, sizeof block);
	run_for(&w, 5);
	assert_true(peer_queued(w.peer) > limits.out_soft);
	say(&w, "not yet\n");
	run_for(&w, 30);
	assert_string_equal(w.lines, "");
	w.on_line = stop_after_line;
	for (i = 0; i < 1000 && w.nlines == 0; i++) {
		while (heard(&w)[0] != '\0')
			continue;
		run_for(&w, 1);
	}
	assert_string_equal(w.lines, "not yet|");
	assert_true(peer_queued(w.peer) <= limits.out_soft);
	close_world(&w);
}

static void
test_hard_limit(void **state)
{
	struct peer_limits limits = {1000, 1000, 50000};
	char block[5000];
	struct world w;
	int i;

	(void)state;
	open_world(&w, &limits);
	memset(block, 'x', sizeof block);
	for (i = 0; i < 40; i++)
		peer_send_copy(w.peer, block, sizeof block);
	/* The end is never told from within a call of the owner's. */
	assert_int_equal(w.ends, 0);
	assert_true(peer_queued(w.peer) < 60000);
	run(&w);
	assert_int_equal(w.ends, 1);
	assert_non_null(strstr(w.why, "reads too slowly: 5"));
	close_world(&w);
}

static void
close_own(struct world *w, char *line, size_t len)
{
	(void)line;
	(void)len;
	peer_send_copy(w->peer, "bye", 3);
	peer_close(w->peer, 1000);
	peer_send_copy(w->peer, "not sent any more", 17);
	loop_stop(&w->loop);
}

/*
 * The callback may close its own peer: no further line, no end told, what was queued still goes
 * out.
 */
static void
test_close_in_callback(void **state)
{
	char buf[8];
	struct world w;

	(void)state;
	open_world(&w, &wide);
	w.on_line = close_own;
	say(&w, "one\ntwo\n");
	run(&w);
	w.peer = NULL;
	run_for(&w, 10);
	assert_string_equal(w.lines, "one|");
	assert_int_equal(w.ends, 0);
	assert_string_equal(heard(&w), "bye\n");
	assert_int_equal(recv(w.other, buf, sizeof buf, MSG_DONTWAIT), 0);
	close_world(&w);
}

/* Closing waits for a slow reader only for its grace. */
static void
test_close_with_grace(void **state)
{
	static const struct {
		int grace;
		bool reads;
	} cases[] = {{2000, true}, {50, false}, {0, false}};
	struct peer_limits limits = {1000, 1000000, 0};
	char block[5000];
	size_t i;

	(void)state;
	memset(block, 'x', sizeof block);
	for (i = 0; i < 3; i++) {
		struct world w;
		size_t got = 0;
		int64_t until = compat_mono_ms() + 3000;
		ssize_t n = 1;
		int k;
		open_world(&w, &limits);
		for (k = 0; k < 60; k++)
			peer_send_copy(w.peer, block, sizeof block);
		run_for(&w, 1);
		peer_close(w.peer, cases[i].grace);
		w.peer = NULL;
		if (!cases[i].reads)
			run_for(&w, 200);
		while (n != 0 && compat_mono_ms() < until) {
			char buf[65536];
			run_for(&w, 1);
			while ((n = recv(w.other, buf, sizeof buf, MSG_DONTWAIT)) > 0)
				got += (size_t)n;
		}
		assert_int_equal(n, 0);
		if (cases[i].reads)
			assert_int_equal(got, 60 * 5001);
		else
			assert_true(got < 60 * 5001);
		assert_int_equal(w.ends, 0);
		close_world(&w);
	}
}

/* The other side sees the end of its input, and can still answer. */
static void
test_end_output(void **state)
{
	int to[2], from[2], use_pipes;
	char buf[64];

	(void)state;
	for (use_pipes = 0; use_pipes < 2; use_pipes++) {
		struct world w;
		ssize_t n;
		int in;
		open_world(&w, &wide);
		if (use_pipes) {
			peer_close(w.peer, 0);
			close(w.other);
			assert_int_equal(pipe(to), 0);
			assert_int_equal(pipe(from), 0);
			w.peer = peer_new(&w.loop, from[0], to[1], &wide, peer_event, &w);
			w.other = from[1];
		}
		in = use_pipes ? to[0] : w.other;
		peer_send_copy(w.peer, "all", 3);
		peer_end_output(w.peer);
		run_for(&w, 10);
		n = read(in, buf, sizeof buf);
		assert_int_equal(n, 4);
		assert_true(readable(in));
		assert_int_equal(read(in, buf, sizeof buf), 0);
		peer_send_copy(w.peer, "too late", 8);
		w.on_line = stop_after_line;
		say(&w, "answer\n");
		run(&w);
		assert_string_equal(w.lines, "answer|");
		close(w.other);
		w.other = -1;
		run(&w);
		assert_int_equal(w.ends, 1);
		if (use_pipes)
			close(to[0]);
		close_world(&w);
	}
}

static void
send_block(struct world *w, char *line, size_t len)
{
	peer_send_copy(w->peer, (const char[70000]){0}, 70000 - len - (line != NULL));
}

/* A child that has closed its input is still heard, however much was queued for it just then. */
static void
test_closed_pipe_is_still_read(void **state)
{
	const struct peer_limits limits = {1000, 20000, 0};
	int to[2], from[2];
	struct world w;

	(void)state;
	open_world(&w, &wide);
	peer_close(w.peer, 0);
	close(w.other);
	assert_int_equal(pipe(to), 0);
	assert_int_equal(pipe(from), 0);
	w.peer = peer_new(&w.loop, from[0], to[1], &limits, peer_event, &w);
	w.other = from[1];
	send_block(&w, NULL, 0);
	run_for(&w, 5);
	w.on_line = send_block;
	say(&w, "more\n");
	close(to[0]);
	run_for(&w, 10);
	assert_int_equal(w.ends, 0);
	assert_int_equal(peer_queued(w.peer), 0);
	say(&w, "last words\n");
	close(w.other);
	w.other = -1;
	run(&w);
	assert_string_equal(w.lines, "more|last words|");
	assert_string_equal(w.why, "closed");
	close_world(&w);
}

/* Also where that is told by the failure of a write: more than is read at once is there. */
static void
test_last_words_are_read_though_nobody_listens(void **state)
{
	enum { LINES = 8000 };
	char text[LINES * 11 + 1];
	struct world w;
	int i;

	(void)state;
	open_world(&w, &wide);
	for (i = 0; i < LINES; i++)
		memcpy(text + i * 11, "last words\n", 12);
	say(&w, text);
	peer_send_copy(w.peer, "nobody", 6);
	close(w.other);
	w.other = -1;
	run(&w);
	assert_int_equal(w.nlines, LINES);
	assert_int_equal(w.ends, 1);
	assert_string_equal(w.why, "closed");
	close_world(&w);
}

/* Who reads no more and says nothing is at its end as well. */
static void
test_half_closed_ends(void **state)
{
	struct world w;

	(void)state;
	open_world(&w, &wide);
	say(&w, "last words\n");
	assert_int_equal(shutdown(w.other, SHUT_RD), 0);
	peer_send_copy(w.peer, "nobody", 6);
	run(&w);
	assert_string_equal(w.lines, "last words|");
	assert_int_equal(w.ends, 1);
	close_world(&w);
}

static void
test_hold(void **state)
{
	struct world w;

	(void)state;
	open_world(&w, &wide);
	peer_hold(w.peer, true);
	say(&w, "held\n");
	run_for(&w, 30);
	assert_int_equal(w.nlines, 0);
	peer_hold(w.peer, false);
	w.on_line = stop_after_line;
	run(&w);
	assert_string_equal(w.lines, "held|");
	close_world(&w);
}

static void
count_deferred(void *arg)
{
	struct world *w = arg;

	assert_true(w->hooks > 0);
	w->nlines++;
}

static void
defer_two(struct world *w)
{
	if (w->hooks == 1) {
		loop_defer(&w->loop, count_deferred, w);
		loop_defer(&w->loop, count_deferred, w);
		assert_int_equal(w->nlines, 0);
	}
}

static void
test_deferred(void **state)
{
	struct world w;

	(void)state;
	open_world(&w, &wide);
	w.on_hook = defer_two;
	run_for(&w, 1);
	assert_int_equal(w.nlines, 2);
	w.hooks = 5;
	run_for(&w, 1);
	assert_int_equal(w.nlines, 2);
	close_world(&w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_lines),
	    cmocka_unit_test(test_output_after_hook),
	    cmocka_unit_test(test_output_of_hook),
	    cmocka_unit_test(test_output_soon),
	    cmocka_unit_test(test_large_lines),
	    cmocka_unit_test(test_end_is_told_once),
	    cmocka_unit_test(test_end_within_a_line),
	    cmocka_unit_test(test_line_too_long),
	    cmocka_unit_test(test_soft_limit),
	    cmocka_unit_test(test_hard_limit),
	    cmocka_unit_test(test_close_in_callback),
	    cmocka_unit_test(test_close_with_grace),
	    cmocka_unit_test(test_end_output),
	    cmocka_unit_test(test_closed_pipe_is_still_read),
	    cmocka_unit_test(test_last_words_are_read_though_nobody_listens),
	    cmocka_unit_test(test_half_closed_ends),
	    cmocka_unit_test(test_hold),
	    cmocka_unit_test(test_deferred),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
