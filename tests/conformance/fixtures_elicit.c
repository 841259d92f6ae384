/* SPDX-License-Identifier: MIT
 *
 * The tools of the official conformance suite that ask their client something (see fixtures.c),
 * over irisd/mcp/elicit.h, as any tool does it. Each asks what the table says, a round at a time,
 * and then tells what it was answered.
 */
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "common/xmalloc.h"
#include "irisd/mcp/elicit.h"

#define ELICIT "elicitation/create"
#define SAMPLE "sampling/createMessage"
#define ROOTS  "roots/list"

#define FORM(message, name, type)                                                                  \
	"{\"message\":\"" message "\",\"requestedSchema\":{\"type\":\"object\",\"properties\":{"   \
	"\"" name "\":{\"type\":\"" type "\"}},\"required\":[\"" name "\"]}}"
#define PROMPT(text, max)                                                                          \
	"{\"messages\":[{\"role\":\"user\",\"content\":{\"type\":\"text\",\"text\":\"" text        \
	"\"}}],\"maxTokens\":" max "}"
#define TITLED                                                                                     \
	"[{\"const\":\"value1\",\"title\":\"First\"},{\"const\":\"value2\",\"title\":\"Second\"}," \
	"{\"const\":\"value3\",\"title\":\"Third\"}]"

static const char person[] =
    "{\"message\":\"\",\"requestedSchema\":{\"type\":\"object\",\"properties\":{"
    "\"username\":{\"type\":\"string\",\"description\":\"User's response\"},"
    "\"email\":{\"type\":\"string\",\"description\":\"User's email address\"}},"
    "\"required\":[\"username\",\"email\"]}}";
static const char defaults[] =
    "{\"message\":\"Please review what is filled in\",\"requestedSchema\":{\"type\":\"object\","
    "\"properties\":{\"name\":{\"type\":\"string\",\"default\":\"John Doe\"},"
    "\"age\":{\"type\":\"integer\",\"default\":30},"
    "\"score\":{\"type\":\"number\",\"default\":95.5},"
    "\"status\":{\"type\":\"string\",\"enum\":[\"active\",\"inactive\",\"pending\"],"
    "\"default\":\"active\"},\"verified\":{\"type\":\"boolean\",\"default\":true}}}}";
static const char enums[] =
    "{\"message\":\"Please choose\",\"requestedSchema\":{\"type\":\"object\",\"properties\":{"
    "\"untitledSingle\":{\"type\":\"string\",\"enum\":[\"option1\",\"option2\",\"option3\"]},"
    "\"titledSingle\":{\"type\":\"string\",\"oneOf\":" TITLED "},"
    "\"legacyEnum\":{\"type\":\"string\",\"enum\":[\"opt1\",\"opt2\",\"opt3\"],"
    "\"enumNames\":[\"Option One\",\"Option Two\",\"Option Three\"]},"
    "\"untitledMulti\":{\"type\":\"array\",\"items\":{\"type\":\"string\","
    "\"enum\":[\"option1\",\"option2\",\"option3\"]}},"
    "\"titledMulti\":{\"type\":\"array\",\"items\":{\"anyOf\":" TITLED "}}}}}";

/* What a tool asks, in which of its rounds. */
static const struct question {
	const char *tool;
	int round;
	const char *key; /* NULL: one that can not be guessed */
	const char *method, *params;
} questions[] = {
    {"test_elicitation", 1, NULL, ELICIT, person},
    {"test_elicitation_sep1034_defaults", 1, NULL, ELICIT, defaults},
    {"test_elicitation_sep1330_enums", 1, NULL, ELICIT, enums},
    {"test_sampling", 1, NULL, SAMPLE, PROMPT("", "100")},
    {"test_missing_capability", 1, NULL, SAMPLE, PROMPT("Anything?", "10")},
    {"test_streaming_elicitation", 1, NULL, ELICIT, FORM("Go on?", "ok", "boolean")},
    {"test_input_required_result_elicitation", 1, "user_name", ELICIT,
	FORM("What is your name?", "name", "string")},
    {"test_input_required_result_sampling", 1, "capital_question", SAMPLE,
	PROMPT("What is the capital of France?", "100")},
    {"test_input_required_result_list_roots", 1, "client_roots", ROOTS, "{}"},
    {"test_input_required_result_request_state", 1, NULL, ELICIT,
	FORM("Please confirm", "ok", "boolean")},
    {"test_input_required_result_tampered_state", 1, NULL, ELICIT,
	FORM("Please confirm", "ok", "boolean")},
    {"test_input_required_result_multiple_inputs", 1, "user_name", ELICIT,
	FORM("What is your name?", "name", "string")},
    {"test_input_required_result_multiple_inputs", 1, "greeting", SAMPLE,
	PROMPT("Generate a greeting", "50")},
    {"test_input_required_result_multiple_inputs", 1, "client_roots", ROOTS, "{}"},
    {"test_input_required_result_multi_round", 1, NULL, ELICIT,
	FORM("Step 1: What is your name?", "name", "string")},
    {"test_input_required_result_multi_round", 2, NULL, ELICIT,
	FORM("Step 2: What is your favorite color?", "color", "string")},
    {"test_input_required_result_capabilities", 1, NULL, ELICIT,
	FORM("What is your name?", "name", "string")},
    {"test_input_required_result_capabilities", 1, NULL, SAMPLE, PROMPT("Say hello", "10")},
};
#define NQUESTIONS (sizeof questions / sizeof questions[0])

/* What a tool's answer begins with, where it is not this. */
static const char *const begins[][2] = {
    {"test_elicitation", "User response"},
    {"test_sampling", "LLM response"},
    {"test_input_required_result_request_state", "state-ok"},
};
#define NBEGINS (sizeof begins / sizeof begins[0])

struct run {
	struct mcp_call *call; /* NULL when it has gone */
	int round, open;       /* open: questions without an answer */
	char *told;            /* owned */
};

static void
run_free(struct run *r)
{
	free(r->told);
	free(r);
}

static void
finish(struct run *r)
{
	const char *begin = "Elicitation completed";
	char *text;
	size_t i;

	for (i = 0; i < NBEGINS; i++)
		if (strcmp(begins[i][0], r->call->tool) == 0)
			begin = begins[i][1];
	text = xasprintf("%s: %s", begin, r->told);
	mcp_call_text(r->call, text);
	free(text);
	run_free(r);
}

static void answered(void *arg, enum elicit_action action, const cJSON *content);

/* Ask what is next; false when there is nothing. What the client does not do is left out. */
static bool
ask_round(struct run *r, const cJSON *args)
{
	const char *message = json_str(args, "message"), *prompt = json_str(args, "prompt");
	cJSON *params, *text;
	size_t i;

	r->round++;
	for (i = 0; i < NQUESTIONS; i++) {
		const struct question *q = &questions[i];
		if (strcmp(q->tool, r->call->tool) != 0 || q->round != r->round)
			continue;
		params = json_parse(q->params, strlen(q->params), NULL);
		if (message != NULL)
			cJSON_ReplaceItemInObjectCaseSensitive(
			    params, "message", cJSON_CreateString(message));
		if (prompt != NULL) {
			text = cJSON_GetArrayItem(json_get(params, "messages"), 0);
			cJSON_ReplaceItemInObjectCaseSensitive(
			    json_get(text, "content"), "text", cJSON_CreateString(prompt));
		}
		if (mcp_client_request(r->call, q->key, q->method, params, answered, r) != NULL)
			r->open++;
	}
	return r->open > 0;
}

static void
answered(void *arg, enum elicit_action action, const cJSON *content)
{
	static const char *const names[] = {"accept", "decline", "cancel", "failed", "gone"};
	char *text = content != NULL ? json_print(content) : xstrdup("{}"), *all;
	struct run *r = arg;

	all = xasprintf("%s%saction=%s, content=%s", r->told != NULL ? r->told : "",
	    r->told != NULL ? "; " : "", names[action], text);
	free(text);
	free(r->told);
	r->told = all;
	if (action == ELICIT_GONE)
		r->call = NULL;
	if (--r->open > 0)
		return;
	if (r->call == NULL)
		run_free(r);
	else if (action != ELICIT_ACCEPT || !ask_round(r, NULL))
		finish(r);
}

static void
fn_ask(struct mcp_call *c, const cJSON *args)
{
	struct run *r = xcalloc(1, sizeof *r);
	unsigned want = MCP_CAN_ELICIT;
	size_t i;

	r->call = c;
	if (ask_round(r, args))
		return;
	for (i = 0; i < NQUESTIONS; i++)
		if (strcmp(questions[i].tool, c->tool) == 0 &&
		    strcmp(questions[i].method, SAMPLE) == 0)
			want = MCP_CAN_SAMPLE;
	run_free(r);
	mcp_call_missing(c, want);
}

#define FIXTURE(n, ...)                                                                            \
	{                                                                                          \
		.name = (n), .title = (n), .description = "Fixture: asks its client.",             \
		.read_only = true, .fn = fn_ask, .params = {                                       \
			__VA_ARGS__                                                                \
		}                                                                                  \
	}
#define TEXT(n)                                                                                    \
	{                                                                                          \
		(n), MCP_STRING, true, 1, 1000, "what to ask", NULL                                \
	}

const struct mcp_tool mcp_tools_fixtures_elicit[] = {
    FIXTURE("test_elicitation", TEXT("message")),
    FIXTURE("test_elicitation_sep1034_defaults", {0}),
    FIXTURE("test_elicitation_sep1330_enums", {0}),
    FIXTURE("test_sampling", TEXT("prompt")),
    FIXTURE("test_missing_capability", {0}),
    FIXTURE("test_streaming_elicitation", {0}),
    FIXTURE("test_input_required_result_elicitation", {0}),
    FIXTURE("test_input_required_result_sampling", {0}),
    FIXTURE("test_input_required_result_list_roots", {0}),
    FIXTURE("test_input_required_result_request_state", {0}),
    FIXTURE("test_input_required_result_tampered_state", {0}),
    FIXTURE("test_input_required_result_multiple_inputs", {0}),
    FIXTURE("test_input_required_result_multi_round", {0}),
    FIXTURE("test_input_required_result_capabilities", {0}),
    {0},
};
