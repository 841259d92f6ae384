/* SPDX-License-Identifier: MIT
 *
 * One Claude process and its states: small shell scripts play claude and say exactly the lines that
 * a case is about, the test plays irisd at the other end of the socket, both in one loop.
 */
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/compat.h"
#include "common/json.h"
#include "common/log.h"
#include "common/rpc.h"
#include "common/xmalloc.h"
#include "iris-worker/claude.h"
#include "iris-worker/link.h"
#include "iris-worker/report.h"

#define ID       "2f0d7a52-1111-4222-8333-444455556666"
#define MSG      "0190aaaa-bbbb-7ccc-8ddd-eeeeffff0001"
#define DEADLINE 30000 /* ms */

/* The script's begin: readiness, then the user line. */
#define READY                                                                                      \
	"read l; echo '{\"type\":\"control_response\",\"response\":{\"subtype\":\"success\","      \
	"\"request_id\":\"iris-1\",\"response\":{\"account\":{\"tokenSource\":\"x\"}}}}'\n"
#define TURN READY "read l\n"
#define STARTED                                                                                    \
	"echo '{\"type\":\"command_lifecycle\",\"command_uuid\":\"" MSG                            \
	"\",\"state\":\"started\"}'\n"
#define REPLAY "echo '{\"type\":\"user\",\"isReplay\":true,\"uuid\":\"" MSG "\"}'\n"
#define INIT                                                                                       \
	"echo '{\"type\":\"system\",\"subtype\":\"init\",\"session_id\":\"" ID                     \
	"\",\"model\":\"m\"}'\n"
#define SAY(text)                                                                                     \
	"echo '{\"type\":\"assistant\",\"message\":{\"content\":[{\"type\":\"text\",\"text\":\"" text \
	"\"}]},\"parent_tool_use_id\":null}'\n"
#define RESULT(more) "echo '{\"type\":\"result\",\"is_error\":false,\"result\":\"last\"" more "}'\n"
#define REST         "cat >/dev/null\n"

struct world {
	struct worker w;
	struct peer *irisd; /* the test's end */
	struct event *child, *deadline;
	char dir[64], script[80], sock[80];
	char *lines[256]; /* what irisd got; owned */
	size_t nlines;
	const char *awaited;
	bool late;
};

static void
child_cb(evutil_socket_t sig, short what, void *arg)
{
	struct world *x = arg;

	(void)sig;
	(void)what;
	worker_reap(&x->w);
}

static void
late_cb(evutil_socket_t fd, short what, void *arg)
{
	struct world *x = arg;

	(void)fd;
	(void)what;
	x->late = true;
	loop_stop(&x->w.loop);
}

static void
irisd_cb(struct peer *p, char *line, size_t len, void *arg)
{
	struct world *x = arg;

	(void)p;
	if (line == NULL) {
		x->irisd = NULL;
		return;
	}
	assert_true(x->nlines < 256);
	x->lines[x->nlines++] = xstrndup(line, len);
	if (x->awaited != NULL && strstr(line, x->awaited) != NULL)
		loop_stop(&x->w.loop);
}

/* The first line that irisd has got with this text in it; NULL: none. */
static const char *
find(const struct world *x, const char *text)
{
	size_t i;

	for (i = 0; i < x->nlines; i++)
		if (strstr(x->lines[i], text) != NULL)
			return x->lines[i];
	return NULL;
}

/* The same, where it may be still to come. */
static const char *
await(struct world *x, const char *text)
{
	struct timeval tv = {DEADLINE / 1000, 0};
	const char *line = find(x, text);
	size_t i;

	if (line != NULL)
		return line;
	x->awaited = text;
	x->late = false;
	x->w.loop.stop = false;
	evtimer_add(x->deadline, &tv);
	loop_run(&x->w.loop);
	evtimer_del(x->deadline);
	x->awaited = NULL;
	if (x->late) {
		for (i = 0; i < x->nlines; i++)
			print_error("got: %s\n", x->lines[i]);
		fail_msg("waited %d ms for %s", DEADLINE, text);
	}
	/* Others may have come with it. */
	return find(x, text);
}

static size_t
count(const struct world *x, const char *text)
{
	size_t i, n = 0;

	for (i = 0; i < x->nlines; i++)
		n += strstr(x->lines[i], text) != NULL;
	return n;
}

/* irisd's socket, and the worker's connection to it. */
static int
connected(struct world *x)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	struct err err;
	int fd = compat_socket(false), end;

	compat_strlcpy(sun.sun_path, x->sock, sizeof sun.sun_path);
	if (fd == -1 || bind(fd, (struct sockaddr *)&sun, sizeof sun) == -1 ||
	    listen(fd, 1) == -1 || link_open(&x->w, &err) == -1)
		return -1;
	end = compat_accept(fd);
	close(fd);
	return end;
}

static int
setup(void **state)
{
	static const struct peer_limits limits = {RPC_LINE_MAX, 1 << 20, 0};
	struct worker_options options = {.team = "backend", .orphan_ms = DEADLINE};
	struct world *x = xcalloc(1, sizeof *x);
	int fd;

	*state = x;
	snprintf(x->dir, sizeof x->dir, "/tmp/iris-claude-XXXXXX");
	if (mkdtemp(x->dir) == NULL)
		return -1;
	snprintf(x->script, sizeof x->script, "%s/claude", x->dir);
	snprintf(x->sock, sizeof x->sock, "%s/sock", x->dir);
	options.sock = x->sock;
	compat_subreaper();
	worker_init(&x->w, &options);
	x->child = evsignal_new(x->w.loop.base, SIGCHLD, child_cb, x);
	x->deadline = evtimer_new(x->w.loop.base, late_cb, x);
	evsignal_add(x->child, NULL);
	if ((fd = connected(x)) == -1)
		return -1;
	x->irisd = peer_new(&x->w.loop, fd, fd, &limits, irisd_cb, x);
	await(x, "iris/hello");
	return 0;
}

static int
teardown(void **state)
{
	struct world *x = *state;
	struct claude *c;
	size_t i;

	x->late = false;
	while ((c = TAILQ_FIRST(&x->w.claudes)) != NULL) {
		claude_close(c, "9");
		await(x, "\"id\":9,");
	}
	event_free(x->child);
	event_free(x->deadline);
	if (x->irisd != NULL)
		peer_close(x->irisd, 0);
	worker_release(&x->w);
	for (i = 0; i < x->nlines; i++)
		free(x->lines[i]);
	unlink(x->script);
	unlink(x->sock);
	rmdir(x->dir);
	free(x);
	return 0;
}

/* Open session s, played by this script. */
static void
play(struct world *x, const char *script)
{
	FILE *f = fopen(x->script, "w");
	char line[512];

	assert_non_null(f);
	fprintf(f, "#!/bin/sh\n%s", script);
	fclose(f);
	assert_int_equal(chmod(x->script, 0755), 0);
	snprintf(line, sizeof line,
	    "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"worker/open\",\"params\":{\"session\":\"s\","
	    "\"claudeId\":\"" ID "\",\"cwd\":\"%s\",\"claudePath\":\"%s\",\"spawnTimeout\":9000,"
	    "\"responseTimeout\":9000,\"stopTimeout\":2000}}",
	    x->dir, x->script);
	peer_send_copy(x->irisd, line, strlen(line));
	await(x, "\"id\":1,");
}

static void
turn(struct world *x)
{
	static const char line[] =
	    "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"worker/turn\",\"params\":{\"session\":\"s\","
	    "\"message\":\"" MSG "\",\"text\":\"hello\"}}";

	peer_send_copy(x->irisd, line, sizeof line - 1);
}

static void
assert_has(const char *line, const char *text)
{
	if (strstr(line, text) == NULL)
		fail_msg("%s is not in %s", text, line);
}

static void
a_turn(void **state)
{
	struct world *x = *state;
	const char *r;

	play(x, TURN STARTED INIT REPLAY SAY("one") SAY("two") RESULT("") REST);
	turn(x);
	r = await(x, "event/result");
	assert_has(r, "\"ok\":true");
	assert_has(r, "\"answer\":\"one\\n\\ntwo\"");
	assert_int_equal(count(x, "event/receipt"), 1);
	assert_has(await(x, "event/receipt"), "\"evidence\":\"lifecycle\"");
	assert_int_equal(claude_find(&x->w, "s")->state, CLAUDE_IDLE);
}

/* A CLI without command_lifecycle: the replay line is the proof, the cost a difference. */
static void
an_older_cli(void **state)
{
	struct world *x = *state;
	const char *r;

	play(x, TURN INIT REPLAY RESULT(",\"total_cost_usd\":0.25") REST);
	turn(x);
	r = await(x, "event/result");
	assert_has(r, "\"answer\":\"last\"");
	assert_has(r, "\"costUsd\":0.25");
	assert_has(await(x, "event/receipt"), "\"evidence\":\"replay\"");
}

/* Turns that Claude starts by itself, subagents, and other messages' results are not the answer. */
static void
nobody_elses_words(void **state)
{
	struct world *x = *state;
	const char *r;

	play(x,
	    TURN INIT SAY("self") RESULT(",\"origin\":{\"kind\":\"task-notification\"}") RESULT(
		",\"user_message_uuid\":\"0190aaaa-bbbb-7ccc-8ddd-eeeeffff0002\"") STARTED INIT
	    "echo '{\"type\":\"assistant\",\"message\":{\"content\":[{\"type\":\"text\",\"text\":\"sub\"}]},"
	    "\"parent_tool_use_id\":\"toolu_1\"}'\n" SAY("mine")
		RESULT(",\"user_message_uuid\":\"" MSG "\"") RESULT("") REST);
	turn(x);
	r = await(x, "event/result");
	assert_has(r, "\"answer\":\"mine\"");
	assert_has(r, "\"ok\":true");
	claude_close(claude_find(&x->w, "s"), "7");
	await(x, "\"id\":7,");
	assert_int_equal(count(x, "event/result"), 1);
}

static void
a_result_names_its_message(void **state)
{
	struct world *x = *state;

	play(x, TURN INIT SAY("yes") RESULT(",\"user_message_uuid\":\"" MSG "\"") REST);
	turn(x);
	assert_has(await(x, "event/result"), "\"ok\":true");
	assert_has(await(x, "event/receipt"), "\"evidence\":\"result\"");
}

static void
a_result_too_early(void **state)
{
	struct world *x = *state;

	play(x, TURN RESULT("") REST);
	turn(x);
	assert_has(await(x, "event/result"), "\"code\":\"protocol\"");
	assert_has(await(x, "event/exit"), "\"expected\":false");
}

static void
an_error_before_seen(void **state)
{
	struct world *x = *state;
	const char *r;

	play(x,
	    TURN "echo '{\"type\":\"result\",\"is_error\":true,\"errors\":[\"broken\"]}'\n" REST);
	turn(x);
	r = await(x, "event/result");
	assert_has(r, "\"code\":\"agent\"");
	assert_has(r, "\"reason\":\"broken\"");
}

static void
an_unreadable_result(void **state)
{
	struct world *x = *state;

	play(x,
	    TURN STARTED INIT
	    "echo 'not json at all'\necho '{\"type\":\"result\",\"result\":\"ha'\n" REST);
	turn(x);
	assert_has(await(x, "event/result"), "can not be read");
}

static void
last_words(void **state)
{
	struct world *x = *state;
	const char *r;

	play(x,
	    TURN STARTED
	    "i=0; while [ $i -lt 300 ]; do echo \"line $i of stderr\" >&2; i=$((i+1)); done\n"
	    "printf 'bad \\377 byte\\n' >&2; exit 7\n");
	turn(x);
	r = await(x, "event/result");
	assert_has(r, "\"code\":\"crashed\"");
	assert_has(r, "status 7");
	assert_has(r, "line 299 of stderr bad \xef\xbf\xbd byte");
	assert_null(strstr(r, "line 9 of stderr"));
	r = await(x, "event/exit");
	assert_has(r, "\"status\":7");
	assert_true(strlen(r) < CLAUDE_STDERR_MAX * 3);
}

/* It has closed its output and lives on, deaf to everything: nobody waits for it. */
static void
a_mute_claude(void **state)
{
	struct world *x = *state;

	play(x, TURN STARTED "exec >&- 2>&-; trap '' TERM INT HUP; while :; do sleep 1; done\n");
	turn(x);
	assert_has(await(x, "event/result"), "\"code\":\"crashed\"");
	assert_has(await(x, "event/exit"), "\"how\":\"signal\",\"status\":9,\"expected\":false");
}

/* What claude asks for and Iris does not know is answered: claude waits for an answer. */
static void
control_requests_are_answered(void **state)
{
	struct world *x = *state;
	const char *r;

	play(x,
	    TURN
	    "echo '{\"type\":\"control_request\",\"request_id\":\"a1\",\"request\":{\"subtype\":\"new_thing\"}}'\n"
	    "read l; echo \"$l\" >&2\n"
	    "echo '{\"type\":\"control_request\",\"request_id\":\"a2\",\"request\":{\"subtype\":\"elicitation\"}}'\n"
	    "read l; echo \"$l\" >&2\n"
	    "echo '{\"type\":\"control_request\",\"request_id\":\"a3\",\"request\":{\"subtype\":\"mcp_message\","
	    "\"server_name\":\"iris\",\"message\":{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}}}'\n"
	    "read l; echo \"$l\" >&2\n"
	    "echo '{\"type\":\"control_request\",\"request_id\":\"a4\",\"request\":{\"subtype\":\"mcp_message\","
	    "\"server_name\":\"other\",\"message\":{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"x\"}}}'\n"
	    "read l; echo \"$l\" >&2\n"
	    "exit 1\n");
	turn(x);
	r = await(x, "event/exit");
	assert_has(r, "\\\"request_id\\\":\\\"a1\\\",\\\"error\\\":\\\"Unsupported");
	assert_has(r, "\\\"action\\\":\\\"decline\\\"");
	assert_has(r, "\\\"mcp_response\\\"");
	assert_has(r, "no such MCP server");
	assert_int_equal(count(x, "notifications/initialized"), 1);
}

static void
an_mcp_answer_finds_its_request(void **state)
{
	static const char answer[] =
	    "{\"jsonrpc\":\"2.0\",\"method\":\"worker/mcp\",\"params\":{\"session\":\"s\",\"message\":"
	    "{\"jsonrpc\":\"2.0\",\"id\":9007199254740993,\"result\":{\"n\":9007199254740995}}}}";
	struct world *x = *state;

	play(x,
	    TURN
	    "echo '{\"type\":\"control_request\",\"request_id\":\"m1\",\"request\":{\"subtype\":\"mcp_message\","
	    "\"server_name\":\"iris\",\"message\":{\"jsonrpc\":\"2.0\",\"id\":9007199254740993,"
	    "\"method\":\"tools/list\"}}}'\n"
	    "read l; echo \"$l\" >&2; exit 1\n");
	turn(x);
	assert_has(await(x, "event/mcp"), "\"id\":9007199254740993,");
	peer_send_copy(x->irisd, answer, sizeof answer - 1);
	assert_has(await(x, "event/exit"), "\\\"request_id\\\":\\\"m1\\\"");
	assert_has(await(x, "event/exit"), "{\\\"n\\\":9007199254740995}");
}

/* Nobody answers it: kept, such calls would fill the places of others. */
static void
a_cancelled_mcp_call_is_forgotten(void **state)
{
	struct world *x = *state;

	play(x,
	    TURN
	    "echo '{\"type\":\"control_request\",\"request_id\":\"m1\",\"request\":{\"subtype\":\"mcp_message\","
	    "\"server_name\":\"iris\",\"message\":{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"tools/call\"}}}'\n"
	    "echo '{\"type\":\"control_request\",\"request_id\":\"m2\",\"request\":{\"subtype\":\"mcp_message\","
	    "\"server_name\":\"iris\",\"message\":{\"jsonrpc\":\"2.0\",\"id\":3,\"method\":\"tools/call\"}}}'\n"
	    "echo '{\"type\":\"control_request\",\"request_id\":\"m3\",\"request\":{\"subtype\":\"mcp_message\","
	    "\"server_name\":\"iris\",\"message\":{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\","
	    "\"params\":{\"requestId\":2}}}}'\n" REST);
	turn(x);
	await(x, "\"requestId\":2");
	assert_int_equal(claude_find(&x->w, "s")->inband.ncalls, 1);
	assert_string_equal(TAILQ_FIRST(&claude_find(&x->w, "s")->inband.calls)->id, "m2");
}

/* Nothing but the table decides what is permitted in a state. */
static void
states_refuse(void **state)
{
	struct world *x = *state;
	struct claude *c;
	struct err err;

	play(x, TURN STARTED INIT REST);
	c = claude_find(&x->w, "s");
	assert_int_equal(c->state, CLAUDE_IDLE);
	claude_event(c, CE_READY);
	claude_event(c, CE_RESULT);
	claude_event(c, CE_CLEAN);
	assert_int_equal(c->state, CLAUDE_IDLE);
	turn(x);
	await(x, "event/receipt");
	assert_int_equal(c->state, CLAUDE_BUSY);
	assert_int_equal(claude_turn(c, MSG, MSG, "again", &err), -1);
	assert_int_equal(err.code, ERR_REFUSED);
	assert_has(err.msg, "busy");
	claude_close(c, "7");
	assert_int_equal(c->state, CLAUDE_STOPPING);
	assert_int_equal(claude_turn(c, MSG, MSG, "again", &err), -1);
	claude_close(c, "8");
	await(x, "\"id\":7,");
	await(x, "\"id\":8,");
	assert_has(await(x, "event/result"), "\"code\":\"cancelled\"");
	assert_null(claude_find(&x->w, "s"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(a_turn, setup, teardown),
	    cmocka_unit_test_setup_teardown(an_older_cli, setup, teardown),
	    cmocka_unit_test_setup_teardown(nobody_elses_words, setup, teardown),
	    cmocka_unit_test_setup_teardown(a_result_names_its_message, setup, teardown),
	    cmocka_unit_test_setup_teardown(a_result_too_early, setup, teardown),
	    cmocka_unit_test_setup_teardown(an_error_before_seen, setup, teardown),
	    cmocka_unit_test_setup_teardown(an_unreadable_result, setup, teardown),
	    cmocka_unit_test_setup_teardown(last_words, setup, teardown),
	    cmocka_unit_test_setup_teardown(a_mute_claude, setup, teardown),
	    cmocka_unit_test_setup_teardown(control_requests_are_answered, setup, teardown),
	    cmocka_unit_test_setup_teardown(an_mcp_answer_finds_its_request, setup, teardown),
	    cmocka_unit_test_setup_teardown(a_cancelled_mcp_call_is_forgotten, setup, teardown),
	    cmocka_unit_test_setup_teardown(states_refuse, setup, teardown),
	};

	log_init("test_claude", LOG_ERROR);
	json_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
