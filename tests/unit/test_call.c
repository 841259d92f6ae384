/* SPDX-License-Identifier: MIT
 *
 * common/call: a call against a scripted other side, its deadline, what comes meanwhile, and each
 * way in which it fails.
 */
#include <sys/socket.h>
#include <sys/un.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "common/call.h"
#include "common/compat.h"
#include "common/json.h"
#include "common/rpc.h"

/*
 * The other side: a thread that takes one connection and, for each line it gets, writes the next
 * of its replies as it stands ("" writes nothing). After the last one it waits for the end, or
 * closes at once where told.
 */
struct script {
	const char *const *replies; /* NULL-terminated */
	bool close_after;
	int lfd;
	char got[8192];
	pthread_t thread;
};

static char sock[64];

static void *
play(void *arg)
{
	struct script *s = arg;
	int fd = accept(s->lfd, NULL, NULL), i = 0;
	struct frame in;
	size_t len;
	char *line;

	frame_init(&in, RPC_LINE_MAX);
	for (;;) {
		while (frame_next(&in, &line, &len) == 1) {
			compat_strlcat(s->got, line, sizeof s->got);
			compat_strlcat(s->got, "\n", sizeof s->got);
			if (s->replies[i] == NULL)
				continue;
			if (write(fd, s->replies[i], strlen(s->replies[i])) == -1)
				break;
			i++;
		}
		if ((s->close_after && s->replies[i] == NULL) || frame_read(&in, fd) <= 0)
			break;
	}
	close(fd);
	frame_release(&in);
	return NULL;
}

static void
start_script(struct script *s, const char *const *replies, bool close_after)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};

	memset(s, 0, sizeof *s);
	s->replies = replies;
	s->close_after = close_after;
	snprintf(sock, sizeof sock, "/tmp/iris-call-%ld.sock", (long)getpid());
	unlink(sock);
	compat_strlcpy(sun.sun_path, sock, sizeof sun.sun_path);
	s->lfd = compat_socket(false);
	assert_int_equal(bind(s->lfd, (struct sockaddr *)&sun, sizeof sun), 0);
	assert_int_equal(listen(s->lfd, 4), 0);
	assert_int_equal(pthread_create(&s->thread, NULL, play, s), 0);
}

static void
end_script(struct script *s)
{
	assert_int_equal(pthread_join(s->thread, NULL), 0);
	close(s->lfd);
	unlink(sock);
}

#define HELLO  "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"version\":\"x\"}}\n"
#define RESULT "{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":{\"n\":5}}\n"

static void
count_note(const char *method, const cJSON *params, void *arg)
{
	char *seen = arg;

	compat_strlcat(seen, method, 256);
	compat_strlcat(seen, json_str(params, "s") != NULL ? json_str(params, "s") : "-", 256);
	compat_strlcat(seen, ";", 256);
}

static void
test_call(void **state)
{
	static const char *const replies[] = {HELLO,
	    "{\"jsonrpc\":\"2.0\",\"method\":\"e/one\",\"params\":{\"s\":\"1\"}}\n"
	    "{\"jsonrpc\":\"2.0\",\"id\":99,\"result\":{}}\n{\"jsonrpc\":\"2.0\",\"method\":\"e/two\"}\n" RESULT
	    "{\"jsonrpc\":\"2.0\",\"method\":\"e/later\"}\n",
	    NULL};
	char seen[256] = "", expected[512];
	struct script s;
	struct call c;
	struct err err;
	cJSON *result = NULL, *params;

	(void)state;
	start_script(&s, replies, false);
	params = call_hello_params("ctl");
	json_put_str(params, "cwd", "/x");
	assert_int_equal(call_open(&c, sock, params, 5000, &err), 0);
	assert_string_equal(json_str(c.hello, "version"), "x");
	params = json_new();
	json_put_str(params, "team", "b");
	assert_int_equal(
	    call_request(&c, "iris/team.show", params, 5000, count_note, seen, &result, &err), 0);
	assert_int_equal(json_int_or(result, "n", 0), 5);
	assert_string_equal(seen, "e/one1;e/two-;");
	assert_int_equal(call_wait(&c, 5000, count_note, seen, &err), 0);
	assert_string_equal(seen, "e/one1;e/two-;e/later-;");
	assert_int_equal(call_wait(&c, 20, count_note, seen, &err), -1);
	assert_int_equal(err.code, ERR_TIMEOUT);
	call_close(&c);
	assert_int_equal(c.fd, -1);
	end_script(&s);
	snprintf(expected, sizeof expected,
	    "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"iris/hello\",\"params\":{\"role\":\"ctl\",\"protocol\":1,"
	    "\"version\":\"%s\",\"pid\":%ld,\"cwd\":\"/x\"}}\n"
	    "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"iris/team.show\",\"params\":{\"team\":\"b\"}}\n",
	    IRIS_VERSION, (long)getpid());
	assert_string_equal(s.got, expected);
	cJSON_Delete(result);
}

/* Say hello and make one call that must fail; returns with err. */
static void
fail_with(const char *reply, bool close_after, int timeout, struct err *err)
{
	const char *const replies[] = {HELLO, reply, NULL};
	cJSON *result = NULL;
	struct script s;
	struct call c;

	start_script(&s, replies, close_after);
	assert_int_equal(call_open(&c, sock, call_hello_params("ctl"), 5000, err), 0);
	assert_int_equal(call_request(&c, "m", NULL, timeout, NULL, NULL, &result, err), -1);
	assert_null(result);
	call_close(&c);
	end_script(&s);
}

static void
test_failures(void **state)
{
	struct err err;
	int64_t t;

	(void)state;
	fail_with(
	    "{\"jsonrpc\":\"2.0\",\"id\":2,\"error\":{\"code\":-31002,\"message\":\"no team x\","
	    "\"data\":{\"code\":\"not_found\"}}}\n",
	    false, 5000, &err);
	assert_int_equal(err.code, ERR_NOT_FOUND);
	assert_string_equal(err.msg, "no team x");
	/* About the connection itself, with a null id. */
	fail_with(
	    "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-31005,\"message\":\"too many\","
	    "\"data\":{\"code\":\"limit\"}}}\n",
	    true, 5000, &err);
	assert_int_equal(err.code, ERR_LIMIT);
	assert_string_equal(err.msg, "too many");
	t = compat_mono_ms();
	fail_with("", false, 60, &err);
	assert_int_equal(err.code, ERR_TIMEOUT);
	assert_in_range(compat_mono_ms() - t, 60, 3000);
	/* Notifications do not put the deadline off, and half a line is no answer. */
	fail_with("{\"jsonrpc\":\"2.0\",\"method\":\"n\"}\n{\"jsonrpc\":", false, 60, &err);
	assert_int_equal(err.code, ERR_TIMEOUT);
	fail_with("{\"jsonrpc\":\"2.0\",\"id\":2,\"resu", true, 5000, &err);
	assert_int_equal(err.code, ERR_UNAVAILABLE);
	assert_non_null(strstr(err.msg, "irisd closed the connection"));
	fail_with("not json\n", false, 5000, &err);
	assert_int_equal(err.code, ERR_INVALID);
	assert_non_null(strstr(err.msg, "irisd sent a bad message: "));
}

static void
test_open_failures(void **state)
{
	static const char *const refusal[] = {
	    "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":-32600,\"message\":"
	    "\"protocol 9 is not spoken\",\"data\":{\"code\":\"protocol\"}}}\n",
	    NULL};
	static const char *const silence[] = {"", NULL};
	char longer[200];
	struct script s;
	struct call c;
	struct err err;

	(void)state;
	unlink(sock);
	assert_int_equal(
	    call_open(&c, "/tmp/iris-call-nobody.sock", call_hello_params("ctl"), 1000, &err), -1);
	assert_int_equal(err.code, ERR_UNAVAILABLE);
	memset(longer, 'x', sizeof longer);
	longer[sizeof longer - 1] = '\0';
	assert_int_equal(call_socket(longer, &err), -1);
	assert_int_equal(err.code, ERR_CONFIG);
	start_script(&s, refusal, true);
	assert_int_equal(call_open(&c, sock, call_hello_params("ctl"), 5000, &err), -1);
	assert_int_equal(err.code, ERR_PROTOCOL);
	assert_string_equal(err.msg, "protocol 9 is not spoken");
	assert_int_equal(c.fd, -1);
	end_script(&s);
	start_script(&s, silence, false);
	assert_int_equal(call_open(&c, sock, call_hello_params("ctl"), 50, &err), -1);
	assert_int_equal(err.code, ERR_TIMEOUT);
	end_script(&s);
}

/* The connection is gone when the call is made: an error, no signal. */
static void
test_lost_before(void **state)
{
	static const char *const replies[] = {HELLO, NULL};
	struct script s;
	struct call c;
	struct err err;
	int i, rv = 0;

	(void)state;
	start_script(&s, replies, true);
	assert_int_equal(call_open(&c, sock, call_hello_params("ctl"), 5000, &err), 0);
	end_script(&s);
	for (i = 0; i < 2; i++) {
		rv = call_request(&c, "m", NULL, 1000, NULL, NULL, NULL, &err);
		assert_int_equal(rv, -1);
		assert_int_equal(err.code, ERR_UNAVAILABLE);
	}
	call_close(&c);
}

/* A stale socket file: who left it is gone. */
static void
test_stale_socket(void **state)
{
	static const char *const none[] = {NULL};
	struct script s;
	struct err err;
	int fd;

	(void)state;
	start_script(&s, none, true);
	fd = call_socket(sock, &err);
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(pthread_join(s.thread, NULL), 0);
	close(s.lfd);
	assert_int_equal(call_socket(sock, &err), -1);
	assert_int_equal(err.code, ERR_UNAVAILABLE);
	unlink(sock);
}

static int
group_setup(void **state)
{
	(void)state;
	json_init();
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_call),
	    cmocka_unit_test(test_failures),
	    cmocka_unit_test(test_open_failures),
	    cmocka_unit_test(test_lost_before),
	    cmocka_unit_test(test_stale_socket),
	};

	return cmocka_run_group_tests(tests, group_setup, NULL);
}
