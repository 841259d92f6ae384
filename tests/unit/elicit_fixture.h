/* SPDX-License-Identifier: MIT
 *
 * Calls of ask_message that wait for a team without a process, of clients that only collect what
 * they are sent, and a question in the middle of such a call. Included by one .c file of a test
 * program.
 */
#ifndef IRIS_UNIT_ELICIT_FIXTURE_H
#define IRIS_UNIT_ELICIT_FIXTURE_H

#include "common/json.h"
#include "irisd/mcp/elicit_private.h"
#include "tests/unit/irisd_fixture.h"

#define TEAMS                                                                                      \
	"teams:\n  alpha:\n    path: alpha\n    description: A\n"                                  \
	"  beta:\n    path: beta\n    description: B\n"
#define V "{\"jsonrpc\":\"2.0\","
#define META(can)                                                                                  \
	"\"_meta\":{\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\","                   \
	"\"io.modelcontextprotocol/clientCapabilities\":" can "}"
#define FORMS "{\"elicitation\":{}}"
#define ARGS  "\"arguments\":{\"toTeam\":\"beta\",\"message\":\"x\"}"
#define CALL  V "\"id\":\"c\",\"method\":\"tools/call\",\"params\":{\"name\":\"ask_message\"," ARGS
#define SCHEMA                                                                                     \
	"{\"type\":\"object\",\"properties\":{\"ok\":{\"type\":\"boolean\"},"                      \
	"\"why\":{\"type\":\"string\",\"enum\":[\"a\",\"b\"]}},\"required\":[\"ok\"]}"
#define YES "{\"action\":\"accept\",\"content\":{\"ok\":true}}"

static struct irisd d;
static struct mcp m, other;
static struct {
	struct mcp *mcp;
	char *text;
} lines[512];
static size_t nlines;
static char caller[64];

/* What done was called with, last and how often. */
static struct {
	int calls;
	enum elicit_action action;
	char *content;
	struct elicit *again; /* asked within done */
	struct mcp_call *ask_again;
} told;

static inline void
collect(struct mcp *mcp, char *text)
{
	assert_true(nlines < sizeof lines / sizeof lines[0]);
	lines[nlines].mcp = mcp;
	lines[nlines++].text = text;
}

static inline void
who(struct mcp *mcp, char *name, size_t size)
{
	(void)mcp;
	snprintf(name, size, "%s", caller);
}

/* As over stdio, and as over HTTP. */
static const struct mcp_carrier stdio = {.send = collect, .who = who, .unasked = true};
static const struct mcp_carrier http = {.send = collect, .who = who};

static inline void
forget(void)
{
	while (nlines > 0)
		free(lines[--nlines].text);
}

static inline int
setup(void **state)
{
	if (fixture_setup(state) == -1)
		return -1;
	fixture_irisd(&d, TEAMS);
	mcp_init(&m, &d, &stdio, NULL);
	mcp_init(&other, &d, &http, NULL);
	snprintf(caller, sizeof caller, "alpha");
	free(told.content);
	memset(&told, 0, sizeof told);
	return 0;
}

static inline int
teardown(void **state)
{
	mcp_release(&m);
	mcp_release(&other);
	elicit_hold_end_all(&d);
	forget();
	free(told.content);
	told.content = NULL;
	fixture_irisd_release(&d);
	return fixture_teardown(state);
}

/* What was put off is done: an answer told, the next one, a question asked. */
static inline void
passes(void)
{
	int i;

	for (i = 0; i < 4; i++)
		event_base_loop(d.loop.base, EVLOOP_NONBLOCK);
}

static inline void
put(struct mcp *to, char *line)
{
	forget();
	mcp_line(to, line, strlen(line));
	free(line);
}

static inline cJSON *
parsed(size_t i)
{
	struct err err;
	cJSON *o;

	assert_true(i < nlines);
	if ((o = json_parse(lines[i].text, strlen(lines[i].text), &err)) == NULL)
		fail_msg("%s: %s", err.msg, lines[i].text);
	return o;
}

static void done(void *arg, enum elicit_action action, const cJSON *content);

static inline struct elicit *
ask(struct mcp_call *c)
{
	cJSON *schema = json_parse(SCHEMA, strlen(SCHEMA), NULL);
	struct elicit *e = mcp_elicit(c, "Go on?", schema, done, &told);

	cJSON_Delete(schema);
	return e;
}

static inline void
done(void *arg, enum elicit_action action, const cJSON *content)
{
	struct mcp_call *c = told.ask_again;

	assert_ptr_equal(arg, &told);
	told.calls++;
	told.action = action;
	free(told.content);
	told.content = content != NULL ? json_print(content) : NULL;
	told.ask_again = NULL;
	if (c != NULL)
		told.again = ask(c);
}

/* A call that waits, of a client that declares this. */
static inline struct mcp_call *
waiting(struct mcp *from, bool modern, const char *can)
{
	struct mcp_call *c;

	if (!modern) {
		put(from,
		    xasprintf(V "\"id\":0,\"method\":\"initialize\",\"params\":{"
				"\"protocolVersion\":\"2025-11-25\",\"capabilities\":%s}}",
			can));
		put(from, xstrdup(CALL "}}"));
	} else {
		put(from, xasprintf(CALL "," META("%s") "}}", can));
	}
	forget();
	c = TAILQ_FIRST(&from->calls);
	assert_non_null(c);
	assert_non_null(c->wait);
	return c;
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

#endif
