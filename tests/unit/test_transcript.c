/* SPDX-License-Identifier: MIT
 *
 * What a transcript says about a message. The lines have the form that Claude Code 2.1.330 writes,
 * shortened to what counts and to what could mislead.
 */
#include <sys/resource.h>
#include <sys/stat.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "common/json.h"
#include "common/xmalloc.h"
#include "iris-worker/transcript.h"

#define ID "7261b91c-1111-4222-8333-444455556666"
#define M  "019b0000-1111-7222-8333-444455556666" /* the message */
#define N  "019b0000-9999-7222-8333-444455556666" /* another */

#define COMMON ",\"timestamp\":\"2026-11-22T18:53:02.472Z\",\"userType\":\"external\"}\n"
#define USER_X(uuid, extra, content)                                                               \
	"{\"parentUuid\":null,\"isSidechain\":false,\"type\":\"user\",\"message\":{\"role\":"      \
	"\"user\",\"content\":" content "}," extra "\"uuid\":\"" uuid "\"" COMMON
#define USER(uuid, text) USER_X(uuid, "\"promptSource\":\"sdk\",", "\"" text "\"")
#define META(text)       USER_X(N, "\"isMeta\":true,", "\"" text "\"")
#define TOOL_RESULT(text)                                                                          \
	USER_X(N, "\"toolUseResult\":{\"stdout\":\"" text "\"},",                                  \
	    "[{\"type\":\"tool_result\",\"content\":\"" text "\",\"tool_use_id\":\"toolu_1\"}]")
#define TOOL_ERROR(text)                                                                           \
	USER_X(N, "",                                                                              \
	    "[{\"type\":\"tool_result\",\"content\":" text                                         \
	    ",\"is_error\":true,\"tool_use_id\":\"toolu_1\"}]")
#define CUT(text) USER(M, "q") ASSISTANT("\"tool_use\"", TOOL) TOOL_ERROR(text) ANSWER("so what")
#define INTERRUPTED(how)                                                                           \
	USER_X(N, "", "[{\"type\":\"text\",\"text\":\"[Request interrupted by user" how "]\"}]")
#define ASSISTANT_X(model, stop, extra, side, block)                                               \
	"{\"parentUuid\":\"" M "\",\"isSidechain\":" side ",\"type\":\"assistant\",\"uuid\":\"" N  \
	"\",\"message\":{\"id\":\"msg_1\",\"model\":\"" model                                      \
	"\",\"role\":\"assistant\",\"stop_reason\":" stop                                          \
	",\"type\":\"message\",\"content\":[" block "]}" extra COMMON
#define ASSISTANT(stop, block) ASSISTANT_X("claude-opus-5-5", stop, "", "false", block)
#define TEXT(t)                "{\"type\":\"text\",\"text\":\"" t "\"}"
#define THINKING               "{\"type\":\"thinking\",\"thinking\":\"hm\",\"signature\":\"x\"}"
#define TOOL                   "{\"type\":\"tool_use\",\"id\":\"toolu_1\",\"name\":\"Bash\",\"input\":{}}"
#define ANSWER(t)              ASSISTANT("\"end_turn\"", TEXT(t))
#define QUEUE(op, text)                                                                            \
	"{\"type\":\"queue-operation\",\"operation\":\"" op "\",\"content\":\"" text "\"}\n"
#define ATTACHMENT                                                                                 \
	"{\"parentUuid\":\"" M "\",\"isSidechain\":false,\"attachment\":{\"type\":\"date\"},"      \
	"\"type\":\"attachment\",\"uuid\":\"" N "\"" COMMON
#define INJECTED                                                                                   \
	"{\"isSidechain\":false,\"attachment\":{\"type\":\"queued_command\",\"prompt\":\"q\","     \
	"\"source_uuid\":\"" M "\"},\"type\":\"attachment\",\"uuid\":\"" N "\"" COMMON
#define BLOB                                                                                       \
	"{\"type\":\"api-request-blob\",\"message\":{\"role\":\"user\",\"content\":[" TEXT(        \
	    "said by " M) "]}}\n"
#define STOP_SUMMARY "{\"type\":\"system\",\"subtype\":\"stop_hook_summary\",\"hookCount\":1}\n"
#define COMPACT_BOUNDARY                                                                           \
	"{\"parentUuid\":null,\"isSidechain\":false,\"type\":\"system\",\"subtype\":"              \
	"\"compact_boundary\",\"content\":\"Conversation compacted\"}\n"
#define SUMMARY                                                                                    \
	USER_X(N, "\"isVisibleInTranscriptOnly\":true,\"isCompactSummary\":true,",                 \
	    "\"This session is being continued from a previous conversation\"")

static char root[] = "/tmp/iris-transcript-XXXXXX";

/* projects/<dir>/<ID>.jsonl with this text. */
static char *
write_file(const char *dir, const char *text, size_t len)
{
	char *path = xasprintf("%s/projects/%s", root, dir);
	FILE *f;

	mkdir(path, 0700);
	free(path);
	path = xasprintf("%s/projects/%s/" ID ".jsonl", root, dir);
	assert_non_null(f = fopen(path, "w"));
	assert_int_equal(fwrite(text, 1, len, f), len);
	fclose(f);
	return path;
}

static int
setup(void **state)
{
	char *path;

	(void)state;
	memcpy(root + sizeof root - 7, "XXXXXX", 6);
	if (mkdtemp(root) == NULL)
		return -1;
	path = xasprintf("%s/projects", root);
	mkdir(path, 0700);
	free(path);
	return 0;
}

static int
teardown(void **state)
{
	static const char *const names[] = {"projects/-a/" ID ".jsonl", "projects/-b/" ID ".jsonl",
	    "projects/-a", "projects/-b", "projects/file", "projects"};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof names / sizeof names[0]; i++) {
		char *path = xasprintf("%s/%s", root, names[i]);
		if (unlink(path) == -1)
			rmdir(path);
		free(path);
	}
	return rmdir(root);
}

static struct transcript
look(void)
{
	struct transcript t;
	struct err err;

	if (transcript_lookup(root, ID, M, &t, &err) == -1)
		fail_msg("%s", err.msg);
	return t;
}

static void
expect(const char *what, enum transcript_state state, uint64_t line, const char *answer)
{
	struct transcript t = look();

	if (t.state != state || t.line != line)
		fail_msg("%s: state %d line %llu", what, (int)t.state, (unsigned long long)t.line);
	if (answer == NULL ? t.answer != NULL : t.answer == NULL || strcmp(t.answer, answer) != 0)
		fail_msg("%s: answer %s", what, t.answer != NULL ? t.answer : "(none)");
	transcript_release(&t);
}

static const struct {
	const char *what, *text;
	enum transcript_state state;
	uint64_t line;
	const char *answer;
} cases[] = {
    {"nothing", "", TRANSCRIPT_ABSENT, 0, NULL},
    {"another message", USER(N, "q") ANSWER("a"), TRANSCRIPT_ABSENT, 0, NULL},
    {"queued and never taken", QUEUE("enqueue", "q " M), TRANSCRIPT_ABSENT, 0, NULL},
    {"only quoted by another", USER(N, "what about " M) ANSWER(M) BLOB, TRANSCRIPT_ABSENT, 0, NULL},
    {"a turn", QUEUE("enqueue", "q") QUEUE("dequeue", "") USER(M, "q") ATTACHMENT BLOB ANSWER("a"),
	TRANSCRIPT_ANSWERED, 3, "a"},
    {"two blocks", USER(M, "q") ANSWER("a") ANSWER("b"), TRANSCRIPT_ANSWERED, 1, "a\n\nb"},
    {"two blocks in a line", USER(M, "q") ASSISTANT("\"end_turn\"", TEXT("a") "," TEXT("b")),
	TRANSCRIPT_ANSWERED, 1, "a\n\nb"},
    {"a stop sequence", USER(M, "q") ASSISTANT("\"stop_sequence\"", TEXT("a")), TRANSCRIPT_ANSWERED,
	1, "a"},
    {"thinking, then text", USER(M, "q") ASSISTANT("\"end_turn\"", THINKING) ANSWER("a"),
	TRANSCRIPT_ANSWERED, 1, "a"},
    {"thinking, and then the power went", USER(M, "q") ASSISTANT("\"end_turn\"", THINKING),
	TRANSCRIPT_TAKEN, 1, NULL},
    {"a tool turn",
	USER(M, "q") ASSISTANT("\"tool_use\"", TEXT("I look")) ASSISTANT("\"tool_use\"", TOOL)
	    TOOL_RESULT("file") ANSWER("a"),
	TRANSCRIPT_ANSWERED, 1, "I look\n\na"},
    {"and the next turn", USER(M, "q") ANSWER("a") USER(N, "r") ANSWER("b"), TRANSCRIPT_ANSWERED, 1,
	"a"},
    {"a turn that Claude began itself comes behind",
	USER(M, "q") ANSWER("a") USER_X(N, "\"origin\":{\"kind\":\"task-notification\"},",
	    "\"<task-notification>\"") ANSWER("b"),
	TRANSCRIPT_ANSWERED, 1, "a"},
    {"died before the first word", USER(M, "q") ATTACHMENT, TRANSCRIPT_TAKEN, 1, NULL},
    {"died with the tool running", USER(M, "q") ASSISTANT("\"tool_use\"", TOOL), TRANSCRIPT_TAKEN,
	1, NULL},
    {"died behind the tool", USER(M, "q") ASSISTANT("\"tool_use\"", TOOL) TOOL_RESULT("file"),
	TRANSCRIPT_TAKEN, 1, NULL},
    {"died, then a turn of another", USER(M, "q") USER(N, "r") ANSWER("b"), TRANSCRIPT_TAKEN, 1,
	NULL},
    {"died, and was resumed",
	USER(M, "q") ASSISTANT_X("<synthetic>", "\"stop_sequence\"", ",\"isApiErrorMessage\":false",
	    "false", TEXT("No response requested.")) USER(N, "r") ANSWER("b"),
	TRANSCRIPT_TAKEN, 1, NULL},
    {"a permission could not be asked for",
	CUT("\"Tool permission request failed: AbortError: Tool permission stream closed before "
	    "response received\""),
	TRANSCRIPT_TAKEN, 1, NULL},
    {"nor this one", CUT("\"Tool permission request failed: AbortError: Stream closed\""),
	TRANSCRIPT_TAKEN, 1, NULL},
    {"the in-band server did not answer",
	CUT("[{\"type\":\"text\",\"text\":\"The tool call was interrupted before a result was "
	    "received. It may have run.\"}]"),
	TRANSCRIPT_TAKEN, 1, NULL},
    {"a hook did not answer",
	CUT("\"The user doesn't want to take this action right now. STOP what you are doing and wait "
	    "for the user to tell you how to proceed.\""),
	TRANSCRIPT_TAKEN, 1, NULL},
    {"that, and then the same message again",
	CUT("\"Tool permission request failed: AbortError: Stream closed\"") USER(M, "q")
	    ANSWER("a"),
	TRANSCRIPT_ANSWERED, 5, "a"},
    {"a tool that has failed otherwise", CUT("\"Exit code 1\""), TRANSCRIPT_ANSWERED, 1, "so what"},
    {"a tool that prints such a text",
	USER(M, "q") ASSISTANT("\"tool_use\"", TOOL)
	    TOOL_RESULT("Tool permission request failed: AbortError: Stream closed") ANSWER("a"),
	TRANSCRIPT_ANSWERED, 1, "a"},
    {"interrupted", USER(M, "q") ASSISTANT("null", TEXT("a")) INTERRUPTED(""), TRANSCRIPT_TAKEN, 1,
	NULL},
    {"interrupted in a tool",
	USER(M, "q") ASSISTANT("\"tool_use\"", TOOL) TOOL_RESULT("no") INTERRUPTED(" for tool use"),
	TRANSCRIPT_TAKEN, 1, NULL},
    {"interrupted when the words were all there", USER(M, "q") ANSWER("a") INTERRUPTED(""),
	TRANSCRIPT_TAKEN, 1, NULL},
    {"interrupted, then another is answered",
	USER(M, "q") ASSISTANT("null", TEXT("a")) INTERRUPTED("") USER(N, "r") ANSWER("b"),
	TRANSCRIPT_TAKEN, 1, NULL},
    {"the API failed",
	USER(M, "q") ASSISTANT_X("<synthetic>", "\"stop_sequence\"",
	    ",\"error\":\"unknown\",\"isApiErrorMessage\":true", "false",
	    TEXT("API Error: 400 no")),
	TRANSCRIPT_TAKEN, 1, NULL},
    {"the API failed, then another is answered",
	USER(M, "q") ASSISTANT_X("claude-opus-5-5", "\"stop_sequence\"",
	    ",\"isApiErrorMessage\":true", "false", TEXT("API Error")) USER(N, "r") ANSWER("b"),
	TRANSCRIPT_TAKEN, 1, NULL},
    {"refused", USER(M, "q") ASSISTANT("\"refusal\"", TEXT("a")), TRANSCRIPT_TAKEN, 1, NULL},
    {"cut off by its length", USER(M, "q") ASSISTANT("\"max_tokens\"", TEXT("a")), TRANSCRIPT_TAKEN,
	1, NULL},
    {"cut off by its length and gone on with",
	USER(M, "q") ASSISTANT("\"max_tokens\"", TEXT("a")) META("Output token limit hit.")
	    ANSWER("b"),
	TRANSCRIPT_ANSWERED, 1, "a\n\nb"},
    {"a hook wants more", USER(M, "q") ANSWER("a") META("Stop hook feedback:\\ndo more"),
	TRANSCRIPT_TAKEN, 1, NULL},
    {"a hook wanted more",
	USER(M, "q") ANSWER("a") META("Stop hook feedback:\\ndo more") STOP_SUMMARY ANSWER("b")
	    STOP_SUMMARY,
	TRANSCRIPT_ANSWERED, 1, "a\n\nb"},
    {"a subagent's words",
	USER(M, "q") ASSISTANT("\"tool_use\"", TOOL)
	    ASSISTANT_X("claude-opus-5-5", "\"end_turn\"", "", "true", TEXT("sub")),
	TRANSCRIPT_TAKEN, 1, NULL},
    {"compacted in the middle",
	USER(M, "q") ASSISTANT("\"tool_use\"", TOOL) TOOL_RESULT("x")
	    COMPACT_BOUNDARY SUMMARY ANSWER("a"),
	TRANSCRIPT_ANSWERED, 1, "a"},
    {"compacted afterwards, by hand",
	USER(M, "q") ANSWER("a") COMPACT_BOUNDARY SUMMARY META(
	    "<local-command-caveat>The command below</local-command-caveat>")
	    USER(N, "<command-name>/compact</command-name>"),
	TRANSCRIPT_ANSWERED, 1, "a"},
    {"a command of a person afterwards",
	USER(M, "q") ANSWER("a") META("<local-command-caveat>x") USER(N, "<command-name>/cost"),
	TRANSCRIPT_ANSWERED, 1, "a"},
    {"put into a turn that nobody asked for",
	USER(N, "<task-notification>") ASSISTANT("\"tool_use\"", TEXT("noted"))
	    ASSISTANT("\"tool_use\"", TOOL) TOOL_RESULT("x") INJECTED ANSWER("a"),
	TRANSCRIPT_ANSWERED, 5, "a"},
    {"put into such a turn, which died",
	USER(N, "<task-notification>") ASSISTANT("\"tool_use\"", TOOL) TOOL_RESULT("x") INJECTED,
	TRANSCRIPT_TAKEN, 4, NULL},
    {"delivered twice, the second time cut off", USER(M, "q") ANSWER("a") USER(M, "q"),
	TRANSCRIPT_ANSWERED, 1, "a"},
    {"delivered twice, the first time cut off", USER(M, "q") USER(M, "q") ANSWER("a"),
	TRANSCRIPT_ANSWERED, 2, "a"},
    {"lines that are not JSON between", USER(M, "q") "{\"type\":\"assis\n\n\x01\xff\n" ANSWER("a"),
	TRANSCRIPT_ANSWERED, 1, "a"},
    {"torn, and written on behind", "{\"type\":\"user\",\"uuid\":\"" M USER(N, "r") ANSWER("b"),
	TRANSCRIPT_ABSENT, 0, NULL},
    {"half a character in the text", USER(M, "q") ANSWER("a \\ud83d b"), TRANSCRIPT_ANSWERED, 1,
	"a \xef\xbf\xbd b"},
};

static void
lines_as_claude_writes_them(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		free(write_file("-a", cases[i].text, strlen(cases[i].text)));
		expect(cases[i].what, cases[i].state, cases[i].line, cases[i].answer);
	}
}

/* Line by line, as they come from another host. */
static void
lines_from_another_host(void **state)
{
	struct transcript_scan *scan;
	const char *line, *end, *answer;
	struct transcript t;
	uint64_t number;
	bool more;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		memset(&t, 0, sizeof t);
		scan = transcript_scan_new(M);
		more = true;
		number = 1;
		for (line = cases[i].text; *line != '\0' && more; line = end + (*end == '\n')) {
			char *copy;
			end = line + strcspn(line, "\n");
			copy = xasprintf("%.*s", (int)(end - line), line);
			more = transcript_scan_line(scan, number + 41, copy, (size_t)(end - line));
			number++;
			free(copy);
		}
		transcript_scan_end(scan, &t);
		answer = cases[i].answer;
		if (t.state != cases[i].state || t.line != (t.line != 0 ? cases[i].line + 41 : 0) ||
		    (answer == NULL) != (t.answer == NULL) ||
		    (answer != NULL && strcmp(answer, t.answer) != 0))
			fail_msg("%s: state %d line %llu answer %s", cases[i].what, (int)t.state,
			    (unsigned long long)t.line, t.answer != NULL ? t.answer : "(none)");
		transcript_release(&t);
	}
}

/* Wherever a crash has cut it off, no more is claimed than what is there. */
static void
cut_off_at_every_byte(void **state)
{
	static const char user[] = QUEUE("enqueue", "q") USER(M, "q");
	static const char text[] = QUEUE("enqueue", "q") USER(M, "q") ASSISTANT("\"tool_use\"",
	    TEXT("I look")) ASSISTANT("\"tool_use\"", TOOL) TOOL_RESULT("file") ANSWER("a");
	size_t n;

	(void)state;
	for (n = 0; n < sizeof text; n++) {
		free(write_file("-a", text, n));
		/* A line is whole without its newline, too. */
		if (n < sizeof user - 2)
			expect("before the message", TRANSCRIPT_ABSENT, 0, NULL);
		else if (n < sizeof text - 2)
			expect("before the end", TRANSCRIPT_TAKEN, 2, NULL);
		else
			expect("whole", TRANSCRIPT_ANSWERED, 2, "I look\n\na");
	}
}

static void
long_lines_cost_no_memory(void **state)
{
	static const char head[] = "{\"type\":\"user\",\"message\":{\"content\":\"";
	const size_t big = (size_t)100 * 1024 * 1024;
	char *text = xmalloc(big + 4096), *p = text, *path;
	struct rusage before, after;
	const char *tail = "\"}}\n" ANSWER("a") "{\"type\":\"x\",\"y\":\"";

	(void)state;
	p += sprintf(p, "%s%s", USER(M, "q"), head);
	memset(p, 'x', big);
	p += big;
	p += sprintf(p, "%s", tail);
	path = write_file("-a", text, (size_t)(p - text));
	free(text);
	getrusage(RUSAGE_SELF, &before);
	expect("a long line", TRANSCRIPT_ANSWERED, 1, "a");
	getrusage(RUSAGE_SELF, &after);
	free(path);
	/* The text above was longer than all that may be kept. (A sanitizer keeps what was freed.) */
	if (getenv("IRIS_SANITIZED") == NULL)
		assert_true(after.ru_maxrss <= before.ru_maxrss + 1024);
}

static void
long_lines_count(void **state)
{
	const size_t big = (size_t)40 * 1024 * 1024;
	char *text = xmalloc(big + 4096);
	int n;

	(void)state;
	memset(text, 'x', big);
	text[big] = '\n';
	n = sprintf(text + big + 1, "%s%s", USER(M, "q"), ANSWER("a"));
	free(write_file("-a", text, big + 1 + (size_t)n));
	expect("behind a long line", TRANSCRIPT_ANSWERED, 2, "a");
	free(write_file("-a", text, big));
	expect("a long line alone", TRANSCRIPT_ABSENT, 0, NULL);
	free(text);
}

static void
every_project_is_looked_into(void **state)
{
	static const char taken[] = USER(M, "q"),
			  answered[] = USER(N, "r") USER(M, "q") ANSWER("a");
	char *path = xasprintf("%s/projects/file", root);
	FILE *f = fopen(path, "w");

	(void)state;
	assert_non_null(f);
	fclose(f);
	free(path);
	expect("no transcript", TRANSCRIPT_ABSENT, 0, NULL);
	free(write_file("-b", taken, sizeof taken - 1));
	expect("in one", TRANSCRIPT_TAKEN, 1, NULL);
	free(write_file("-a", answered, sizeof answered - 1));
	expect("what says more counts", TRANSCRIPT_ANSWERED, 2, "a");
	free(write_file("-a", taken, sizeof taken - 1));
	free(write_file("-b", answered, sizeof answered - 1));
	expect("in whatever order", TRANSCRIPT_ANSWERED, 2, "a");
}

static void
what_can_not_be_read_is_an_error(void **state)
{
	char *path = write_file("-a", "", 0);
	struct transcript t;
	struct err err;

	(void)state;
	unlink(path);
	assert_int_equal(symlink(path, path), 0);
	assert_int_equal(transcript_lookup(root, ID, M, &t, &err), -1);
	assert_int_equal(err.code, ERR_IO);
	assert_non_null(strstr(err.msg, path));
	transcript_release(&t);
	unlink(path);
	/* A directory of that name is nobody's transcript. */
	assert_int_equal(mkdir(path, 0700), 0);
	expect("a directory", TRANSCRIPT_ABSENT, 0, NULL);
	free(path);
	path = xasprintf("%s/none", root);
	assert_int_equal(transcript_lookup(path, ID, M, &t, &err), 0);
	assert_int_equal(t.state, TRANSCRIPT_ABSENT);
	free(path);
}

static void
expect_dir(const char *env, const char *want)
{
	cJSON *json = env != NULL ? json_parse(env, strlen(env), NULL) : NULL;
	char out[PATH_MAX];
	struct err err;
	int rv = transcript_config_dir(json, out, sizeof out, &err);

	if (want == NULL) {
		assert_int_equal(rv, -1);
		assert_int_equal(err.code, ERR_CONFIG);
	} else {
		assert_int_equal(rv, 0);
		assert_string_equal(out, want);
	}
	cJSON_Delete(json);
}

static void
where_claude_keeps_its_files(void **state)
{
	(void)state;
	setenv("HOME", "/home/me", 1);
	unsetenv("CLAUDE_CONFIG_DIR");
	expect_dir(NULL, "/home/me/.claude");
	expect_dir("{}", "/home/me/.claude");
	expect_dir("{\"HOME\":\"/srv/bot\"}", "/srv/bot/.claude");
	expect_dir("{\"CLAUDE_CONFIG_DIR\":\"/etc/c\",\"HOME\":\"/srv/bot\"}", "/etc/c");
	setenv("CLAUDE_CONFIG_DIR", "/own", 1);
	expect_dir(NULL, "/own");
	expect_dir("{\"CLAUDE_CONFIG_DIR\":\"/etc/c\"}", "/etc/c");
	expect_dir("{\"CLAUDE_CONFIG_DIR\":null}", "/home/me/.claude");
	expect_dir("{\"CLAUDE_CONFIG_DIR\":\"relative\"}", NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(long_lines_cost_no_memory, setup, teardown),
	    cmocka_unit_test_setup_teardown(lines_as_claude_writes_them, setup, teardown),
	    cmocka_unit_test_setup_teardown(lines_from_another_host, setup, teardown),
	    cmocka_unit_test_setup_teardown(cut_off_at_every_byte, setup, teardown),
	    cmocka_unit_test_setup_teardown(long_lines_count, setup, teardown),
	    cmocka_unit_test_setup_teardown(every_project_is_looked_into, setup, teardown),
	    cmocka_unit_test_setup_teardown(what_can_not_be_read_is_an_error, setup, teardown),
	    cmocka_unit_test(where_claude_keeps_its_files),
	};

	json_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
