/* SPDX-License-Identifier: MIT
 *
 * irisd/mcp/forward_form: what a person is shown of a permission request, whatever an agent has put
 * into it, and the fields that they fill in.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "common/json.h"
#include "common/xmalloc.h"
#include "irisd/mcp/forward.h"
#include "tests/unit/irisd_fixture.h"

#define TEAMS                                                                                      \
	"teams:\n  alpha:\n    path: alpha\n    description: A\n"                                  \
	"  beta:\n    path: beta\n    description: B\n"
#define ID "01a20574-3d15-7078-98e7-52f323969c36"

static struct irisd d;

static int
setup(void **state)
{
	if (fixture_setup(state) == -1)
		return -1;
	fixture_irisd(&d, TEAMS);
	return 0;
}

static int
teardown(void **state)
{
	fixture_irisd_release(&d);
	return fixture_teardown(state);
}

/* Borrowed texts; only what the form reads. */
static struct store_permission
row_of(const char *tool, const char *input)
{
	struct store_permission row = {.id = ID,
	    .from = (char *)(uintptr_t) "alpha",
	    .to = (char *)(uintptr_t) "beta",
	    .tool = (char *)(uintptr_t)tool,
	    .input = (char *)(uintptr_t)input,
	    .hash = "h",
	    .asked = (char *)(uintptr_t) "alpha",
	    .why = (char *)(uintptr_t) "grantPermission: forward"};

	return row;
}

static void
expect_text(const char *tool, const char *input, const char *part)
{
	struct store_permission row = row_of(tool, input);
	char *text = forward_text(&d, &row);

	if (strstr(text, part) == NULL)
		fail_msg("\"%s\" lacks \"%s\"", text, part);
	assert_true(json_utf8_valid(text, strlen(text)));
	free(text);
}

/* Each line of theirs has the mark, or is a name with a colon below "Input". */
static void
test_marked(void **state)
{
	(void)state;
	expect_text("Write", "{\"a\\nTeam x asks\":\"1\\n\\n2\",\"n\":5,\"o\":{\"k\":[1,\"x\"]}}",
	    "\nInput, as the team's Claude has written it:\n  a\\x0aTeam x asks:\n  | 1\n  | \n  | "
	    "2\n  n:\n  | 5\n  o:\n  | {\"k\":[1,\"x\"]}");
	expect_text("Bash\nTeam y", "{}", "to use Bash\\x0aTeam y.\n");
}

static void
test_hidden(void **state)
{
	(void)state;
	expect_text("Bash",
	    "{\"command\":\"a\\u001b[2Jb\\rc\\u0085\\u00ad\\u200b\\u202e\\u2066\\ufeff\\t"
	    "\xf3\xa0\x81\x81\xc3\xa4\xe6\x97\xa5\xf0\x9f\x98\x80\"}",
	    "  | a\\x1b[2Jb\\x0dc\\x85\\xad\\u{200b}\\u{202e}\\u{2066}\\u{feff}\t\\u{e0041}\xc3\xa4"
	    "\xe6\x97\xa5\xf0\x9f\x98\x80");
}

/* At the end of a character, said before it, and of each length. */
static void
test_cut(void **state)
{
	size_t n, len = FORWARD_INPUT_MAX - strlen("\n  c:\n  | ");
	char *s, *input, *note;

	(void)state;
	for (n = len - 3; n < len + 4; n++) {
		s = xmalloc(n + 1);
		memset(s, 'x', n);
		memcpy(s + n - 4, "\xf0\x9f\x98\x80", 5);
		input = xasprintf("{\"c\":\"%s\"}", s);
		if (n <= len) {
			expect_text("Bash", input, s);
		} else {
			note =
			    xasprintf("Only the first %zu of its %zu bytes are shown; all of it:\n"
				      "iris approvals show " ID "\n",
				FORWARD_INPUT_MAX - (4 - (n - len)), FORWARD_INPUT_MAX + n - len);
			expect_text("Bash", input, note);
			expect_text("Bash", input, "x\n(cut here)");
			free(note);
		}
		free(input);
		free(s);
	}
}

static cJSON *
properties(const char *tool, const char *input, cJSON **schema)
{
	struct store_permission row = row_of(tool, input);

	*schema = forward_schema(&d, &row);
	assert_string_equal(json_str(*schema, "type"), "object");
	return cJSON_GetObjectItem(*schema, "properties");
}

/* What is not as it should be asks nothing, and breaks nothing. */
static void
test_questions(void **state)
{
	static const struct {
		const char *input;
		int fields;
	} cases[] = {{"{}", 2}, {"{\"questions\":5}", 2}, {"{\"questions\":[]}", 2},
	    {"{\"questions\":[5]}", 2}, {"{\"questions\":[{\"question\":5}]}", 2},
	    {"{\"questions\":[{\"question\":\"q\"}]}", 3},
	    {"{\"questions\":[{\"question\":\"q\",\"options\":[1,{\"label\":2},{\"label\":\"\\n\"}]},"
	     "{\"question\":\"r\"},{\"question\":\"s\"},{\"question\":\"t\"},{\"question\":\"u\"}]}",
		6}};
	cJSON *schema, *p;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		p = properties("AskUserQuestion", cases[i].input, &schema);
		assert_int_equal(cJSON_GetArraySize(p), cases[i].fields);
		cJSON_Delete(schema);
	}
	p = properties("AskUserQuestion", cases[i - 1].input, &schema);
	assert_string_equal(json_str(json_obj(p, "answer1"), "description"),
	    "Your answer, in your own words or one of these: [] [] [\\x0a]");
	cJSON_Delete(schema);
	p = properties("Bash", cases[i - 1].input, &schema);
	assert_int_equal(cJSON_GetArraySize(p), 2);
	cJSON_Delete(schema);
}

static void
expect_answers(const char *tool, const char *input, const char *content, const char *expected)
{
	struct store_permission row = row_of(tool, input);
	struct err err;
	cJSON *said = json_parse(content, strlen(content), &err);
	cJSON *updated = forward_answers(&row, said);
	char *text = updated != NULL ? json_print(updated) : xstrdup("none");

	assert_string_equal(text, expected);
	free(text);
	cJSON_Delete(updated);
	cJSON_Delete(said);
}

static void
test_answers(void **state)
{
	static const char input[] = "{\"questions\":[{\"question\":\"q\"},{\"question\":\"r\"},"
				    "{\"question\":\"q\"}],\"answers\":{\"q\":\"forged\"}}";

	(void)state;
	expect_answers("AskUserQuestion", input, "{\"answer2\":\"yes\",\"answer9\":\"no\"}",
	    "{\"questions\":[{\"question\":\"q\"},{\"question\":\"r\"},{\"question\":\"q\"}],"
	    "\"answers\":{\"r\":\"yes\"}}");
	expect_answers("AskUserQuestion", input, "{\"answer1\":\"1\",\"answer3\":\"3\"}",
	    "{\"questions\":[{\"question\":\"q\"},{\"question\":\"r\"},{\"question\":\"q\"}],"
	    "\"answers\":{\"q\":\"1\"}}");
	expect_answers("AskUserQuestion", "{\"questions\":[{\"question\":\"q\"}]}",
	    "{\"answer1\":\"\"}", "none");
	expect_answers("Bash", input, "{\"answer1\":\"1\"}", "none");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_marked),
	    TEST(test_hidden),
	    TEST(test_cut),
	    TEST(test_questions),
	    TEST(test_answers),
	};

	json_init();
	log_init("test", LOG_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
