/* SPDX-License-Identifier: MIT
 *
 * irisd/core/rule: what rules for tools, files and hosts mean, to allow and to refuse; what is no
 * rule. And rules that are made of uses: each means its use, and none that is nearly it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#include "tests/unit/rule_fixture.h"

/* --- everything else -------------------------------------------------------------------------- */

static const struct use_case {
	const char *rule, *tool, *member, *value;
	int allows, refuses;
} uses[] = {
    /* Tools. */
    {"WebSearch", "WebSearch", "query", "x", YES, YES},
    {"WebSearch", "websearch", "query", "x", NO, NO},
    {"Web", "WebSearch", "query", "x", NO, NO},
    {"Web*", "WebSearch", "query", "x", NO, YES},
    {"*", "WebSearch", "query", "x", NO, YES},
    {"Bash", "Bash", "command", "rm -rf / $(", YES, YES},
    {"Bash(*)", "Bash", "command", "rm -rf / $(", YES, YES},
    {"Bash", "BashOutput", "id", "x", NO, NO},
    {"Bash(rm:*)", "Monitor", "command", "rm x", NO, YES},
    {"Bash(rm:*)", "Read", "file_path", "rm x", NO, NO},
    {"Bash", "Bash", "command", NULL, YES, YES},
    {"Bash(rm:*)", "Bash", "command", NULL, NO, NO},
    {"mcp__github", "mcp__github__get_issue", "id", "1", YES, YES},
    {"mcp__github", "mcp__github2__get_issue", "id", "1", NO, NO},
    {"mcp__github", "mcp__git", "id", "1", NO, NO},
    {"mcp__github__*", "mcp__github__get_issue", "id", "1", YES, YES},
    {"mcp__github__get_*", "mcp__github__get_issue", "id", "1", YES, YES},
    {"mcp__github__get_*", "mcp__github__set_issue", "id", "1", NO, NO},
    {"mcp__github__get_issue", "mcp__github__get_issue", "id", "1", YES, YES},
    {"mcp__github__get_issue", "mcp__github__get_issues", "id", "1", NO, NO},
    {"mcp__*", "mcp__github__get_issue", "id", "1", NO, YES},
    {"mcp__*__get_issue", "mcp__github__get_issue", "id", "1", NO, YES},
    {"mcp__git*__get_issue", "mcp__github__get_issue", "id", "1", NO, YES},
    {"mcp__GITHUB", "mcp__github__get_issue", "id", "1", NO, NO},
    {"Agent(Explore)", "Agent", "subagent_type", "Explore", YES, YES},
    {"Task(Explore)", "Agent", "subagent_type", "Explore", YES, YES},
    {"Agent(Explore)", "Task", "subagent_type", "Explore", YES, YES},
    {"Agent(Explore)", "Agent", "subagent_type", "Explorer", NO, NO},
    {"Agent(E*)", "Agent", "subagent_type", "Explore", NO, YES},
    {"Agent(general-purpose)", "Agent", "prompt", "x", YES, YES},
    {"Agent(model:opus)", "Agent", "model", "opus", NO, YES},
    {"Agent(model:*)", "Agent", "prompt", "opus", NO, NO},
    {"Skill(review)", "Skill", "skill", "review", YES, YES},
    {"Skill(review)", "Skill", "skill", "reviewer", NO, NO},
    {"Skill(review *)", "Skill", "skill", "review", YES, YES},
    {"Skill(re*)", "Skill", "skill", "review", NO, YES},
    {"WebSearch(x)", "WebSearch", "query", "x", NO, YES},
    {"Bash(run_in_background:true)", "Bash", "run_in_background", "true", NO, YES},
    /* Files. */
    {"Edit", "Edit", "file_path", "/etc/passwd", YES, YES},
    {"Edit", "Write", "file_path", "/etc/passwd", YES, YES},
    {"Edit", "MultiEdit", "file_path", "/etc/passwd", YES, YES},
    {"Edit", "NotebookEdit", "notebook_path", "/x", YES, YES},
    {"Edit", "Read", "file_path", "/x", NO, NO},
    {"Write", "Edit", "file_path", "/x", NO, NO},
    {"Write", "Write", "file_path", "/x", YES, YES},
    {"Read", "Grep", "pattern", "x", YES, YES},
    {"Read", "Write", "file_path", "/x", NO, NO},
    {"Edit(/src/**)", "Edit", "file_path", DIR "/src/a.c", YES, YES},
    {"Edit(/src/**)", "Write", "file_path", DIR "/src/a/b.c", YES, YES},
    {"Edit(/src/**)", "Edit", "file_path", "src/a.c", YES, YES},
    {"Edit(/src/**)", "Edit", "file_path", "./src/a.c", YES, YES},
    {"Edit(/src/**)", "Edit", "file_path", "/src/a.c", NO, NO},
    {"Edit(/src/**)", "Edit", "file_path", DIR "/srcs/a.c", NO, NO},
    {"Edit(/src/**)", "Edit", "file_path", DIR "/src", NO, NO},
    {"Edit(/src/**)", "Edit", "file_path", DIR "/src/../Makefile", NO, NO},
    {"Edit(/src/**)", "Edit", "file_path", DIR "/src/../../../etc/passwd", NO, NO},
    {"Edit(/src/**)", "Edit", "file_path", DIR "/x/../src/a.c", YES, YES},
    {"Edit(/src/**)", "Edit", "file_path", DIR "//src/./a.c", YES, YES},
    {"Edit(/src/**)", "Edit", "file_path", DIR "/vendor/src/a.c", NO, NO},
    {"Edit(/src/**)", "Edit", "file_path", DIR "/SRC/a.c", NO, YES},
    {"Edit(/src/**)", "Read", "file_path", DIR "/src/a.c", NO, NO},
    {"Edit(/src/**)", "Edit", "file_path", "", NO, NO},
    {"Edit(/src/**)", "Edit", "file_path", NULL, NO, NO},
    {"Edit(/src/**)", "Edit", "notebook_path", DIR "/src/a.c", NO, NO},
    {"Edit(/src/*)", "Edit", "file_path", DIR "/src/a.c", YES, YES},
    {"Edit(/src/*)", "Edit", "file_path", DIR "/src/a/b.c", NO, YES},
    {"Edit(/src/)", "Edit", "file_path", DIR "/src/a/b.c", YES, YES},
    {"Edit(/src)", "Edit", "file_path", DIR "/src/a.c", NO, YES},
    {"Edit(/src)", "Edit", "file_path", DIR "/src", YES, YES},
    {"Edit(src/**)", "Edit", "file_path", DIR "/src/a.c", YES, YES},
    {"Edit(src/**)", "Edit", "file_path", DIR "/vendor/pkg/src/a.c", NO, YES},
    {"Edit(**/src/**)", "Edit", "file_path", DIR "/vendor/pkg/src/a.c", YES, YES},
    {"Edit(**/src/**)", "Edit", "file_path", DIR "/src/a.c", YES, YES},
    {"Edit(src/x/**)", "Edit", "file_path", DIR "/vendor/src/x/a.c", NO, NO},
    {"Edit(/a/**/b)", "Edit", "file_path", DIR "/a/b", YES, YES},
    {"Edit(/a/**/b)", "Edit", "file_path", DIR "/a/x/y/b", YES, YES},
    {"Edit(/a/**/b)", "Edit", "file_path", DIR "/a/x/y/bc", NO, NO},
    {"Edit(*.ts)", "Edit", "file_path", DIR "/a/b.ts", YES, YES},
    {"Edit(*.ts)", "Edit", "file_path", "/other/b.ts", NO, NO},
    {"Edit(*.ts)", "Edit", "file_path", DIR "/b.tsx", NO, NO},
    {"Edit(/*.ts)", "Edit", "file_path", DIR "/a/b.ts", NO, NO},
    {"Edit(/?.ts)", "Edit", "file_path", DIR "/b.ts", YES, YES},
    {"Edit(/?.ts)", "Edit", "file_path", DIR "/\xC3\xA9.ts", YES, YES},
    {"Edit(/?.ts)", "Edit", "file_path", DIR "/bb.ts", NO, NO},
    {"Edit(/[a-c].ts)", "Edit", "file_path", DIR "/b.ts", YES, YES},
    {"Edit(/[!a-c].ts)", "Edit", "file_path", DIR "/b.ts", NO, NO},
    {"Edit(/[!a-c].ts)", "Edit", "file_path", DIR "/d.ts", YES, YES},
    {"Edit(/[]x].ts)", "Edit", "file_path", DIR "/].ts", YES, YES},
    {"Edit(/[ab)", "Edit", "file_path", DIR "/a", NO, NO},
    {"Edit(/[ab)", "Edit", "file_path", DIR "/[ab", NO, YES},
    {"Edit(/\\[2024\\] Reports/**)", "Edit", "file_path", DIR "/[2024] Reports/a", YES, YES},
    {"Edit(/Finance (2024)/**)", "Edit", "file_path", DIR "/Finance (2024)/a", YES, YES},
    {"Edit(/../other/**)", "Edit", "file_path", "/proj/other/a", YES, YES},
    {"Edit(../other/**)", "Edit", "file_path", "/proj/other/a", YES, YES},
    {"Edit(../other/**)", "Edit", "file_path", "/proj/another/a", NO, NO},
    {"Edit(!/src/a.c)", "Edit", "file_path", DIR "/src/a.c", NO, NO},
    {"Edit(//etc/hosts)", "Edit", "file_path", "/etc/hosts", YES, YES},
    {"Edit(//etc/hosts)", "Edit", "file_path", "/etc/./x/../hosts", YES, YES},
    {"Edit(//etc/hosts)", "Edit", "file_path", "/etc/hosts.deny", NO, NO},
    {"Edit(//etc/hosts)", "Edit", "file_path", DIR "/etc/hosts", NO, NO},
    {"Edit(/etc/hosts)", "Edit", "file_path", "/etc/hosts", NO, NO},
    {"Read(~/.ssh/**)", "Read", "file_path", HOME "/.ssh/id_rsa", YES, YES},
    {"Read(~/.ssh/**)", "Read", "file_path", "~/.ssh/id_rsa", YES, YES},
    {"Read(~/.ssh/**)", "Read", "file_path", "~root/.ssh/id_rsa", NO, NO},
    {"Read(~/.ssh/**)", "Read", "file_path", HOME "2/.ssh/id_rsa", NO, NO},
    {"Read(~/.ssh/**)", "Read", "file_path", HOME "/x/../.SSH/id_rsa", NO, YES},
    {"Read(~/.ssh/**)", "Write", "file_path", HOME "/.ssh/id_rsa", NO, YES},
    {"Read(.env)", "Read", "file_path", DIR "/.env", YES, YES},
    {"Read(.env)", "Read", "file_path", DIR "/a/.env", YES, YES},
    {"Read(.env)", "Read", "file_path", DIR "/a/.env.local", NO, NO},
    {"Read(./.env)", "Read", "file_path", DIR "/.env", YES, YES},
    {"Read(./.env)", "Read", "file_path", DIR "/a/.env", NO, YES},
    {"Read(//**/.env)", "Read", "file_path", "/other/.env", YES, YES},
    {"Read(/src/**)", "Grep", "path", "src", YES, YES},
    {"Read(/src/**)", "Grep", "path", DIR "/src/a", YES, YES},
    {"Read(/src/**)", "Grep", "path", DIR, NO, NO},
    {"Read(/src/**)", "Grep", "pattern", "x", NO, NO},
    {"Read(/**)", "Grep", "pattern", "x", YES, YES},
    {"Read(/src/*)", "LS", "path", "src", NO, YES},
    {"Read(/src/**)", "Glob", "path", "src", YES, YES},
    {"Read(/**)", "Glob", "pattern", "/etc/**", NO, YES},
    {"Read(/**)", "Glob", "pattern", "../**", NO, YES},
    {"Read(*)", "Read", "file_path", DIR "/a/b", YES, YES},
    {"Read(*)", "Read", "file_path", "/etc/passwd", NO, NO},
    /* Files, by commands. */
    {"Read(~/.ssh/**)", "Bash", "command", "cat ~/.ssh/id_rsa", NO, YES},
    {"Read(~/.ssh/**)", "Bash", "command", "cat $HOME/.ssh/id_rsa", NO, YES},
    {"Read(~/.ssh/**)", "Bash", "command", "cat '" HOME "/.ssh/id_rsa'", NO, YES},
    {"Read(~/.ssh/**)", "Bash", "command", "x=$(sudo head -c9 < ~/.ssh/id_rsa)", NO, YES},
    {"Read(~/.ssh/**)", "Bash", "command", "sudo cat ~/.ssh/id_rsa", NO, YES},
    {"Read(~/.ssh/**)", "Bash", "command", "bash -c 'cat ~/.ssh/id_rsa'", NO, YES},
    {"Read(~/.ssh/**)", "Bash", "command", "dd if=" HOME "/.ssh/id_rsa of=x", NO, YES},
    {"Read(~/.ssh/**)", "Bash", "command", "cd ~/.ssh && cat id_rsa", NO, YES},
    {"Read(~/.ssh/**)", "Bash", "command", "cd; cat .ssh/id_rsa", NO, YES},
    {"Read(~/.ssh/**)", "Bash", "command", "cd -P ~; cd .ssh; (cat < id_rsa)", NO, YES},
    {"Read(~/.ssh/**)", "Bash", "command", "cd ~ && bash -c 'cd .ssh; cat id_rsa'", NO, YES},
    {"Read(~/.ssh/**)", "Bash", "command", "cd /tmp && cat .ssh/id_rsa", NO, NO},
    {"Read(~/.ssh/**)", "Bash", "command", "echo '~/.ssh/id_rsa'", NO, NO},
    {"Read(~/.ssh/**)", "Bash", "command", "cat '~/.ssh/id_rsa'", NO, NO},
    {"Edit(/gen/**)", "Bash", "command", "echo x > gen/a", NO, YES},
    {"Edit(/gen/**)", "Bash", "command", "echo x | tee gen/a", NO, YES},
    {"Edit(/gen/**)", "Bash", "command", "sed -i s/a/b/ gen/a", NO, YES},
    {"Edit(/gen/**)", "Bash", "command", "rm -rf ./gen/../gen/a", NO, YES},
    {"Edit(/gen/**)", "Bash", "command", "cat gen/a", NO, NO},
    {"Edit", "Bash", "command", "echo x > gen/a", NO, NO},
    /* Hosts. */
    {"WebFetch(domain:example.com)", "WebFetch", "url", "https://example.com/x", YES, YES},
    {"WebFetch(domain:example.com)", "WebFetch", "url", "http://EXAMPLE.com:8080", YES, YES},
    {"WebFetch(domain:Example.com)", "WebFetch", "url", "https://example.com./", YES, YES},
    {"WebFetch(domain:example.com)", "WebFetch", "url", "https://api.example.com", NO, NO},
    {"WebFetch(domain:example.com)", "WebFetch", "url", "https://example.com.evil.org", NO, NO},
    {"WebFetch(domain:example.com)", "WebFetch", "url", "https://evil.org/example.com", NO, NO},
    {"WebFetch(domain:example.com)", "WebFetch", "url", "https://evil.org?example.com", NO, NO},
    {"WebFetch(domain:example.com)", "WebFetch", "url", "https://evil.org#@example.com", NO, NO},
    {"WebFetch(domain:example.com)", "WebFetch", "url", "https://example.com@evil.org", NO, YES},
    {"WebFetch(domain:example.com)", "WebFetch", "url", "https://a:b@example.com/", NO, YES},
    {"WebFetch(domain:example.com)", "WebFetch", "url", "https://evil.org\\@example.com", NO, NO},
    {"WebFetch(domain:evil.org)", "WebFetch", "url", "https://evil.org\\@example.com", NO, YES},
    {"WebFetch(domain:example.com)", "WebFetch", "url", "https://ex%61mple.com", NO, YES},
    {"WebFetch(domain:example.com)", "WebFetch", "url", "https://exam\tple.com", NO, YES},
    {"WebFetch(domain:example.com)", "WebFetch", "url", "https:/example.com", NO, YES},
    {"WebFetch(domain:example.com)", "WebFetch", "url", "file:///example.com", NO, YES},
    {"WebFetch(domain:example.com)", "WebFetch", "url", "https://ex\xD0\xB0mple.com", NO, NO},
    {"WebFetch(domain:example.com)", "WebFetch", "url", "example.com", NO, YES},
    {"WebFetch(domain:*.example.com)", "WebFetch", "url", "https://a.example.com", YES, YES},
    {"WebFetch(domain:*.example.com)", "WebFetch", "url", "https://a.b.example.com", YES, YES},
    {"WebFetch(domain:*.example.com)", "WebFetch", "url", "https://example.com", NO, NO},
    {"WebFetch(domain:*.example.com)", "WebFetch", "url", "https://aexample.com", NO, NO},
    {"WebFetch(domain:example.*)", "WebFetch", "url", "https://example.org", YES, YES},
    {"WebFetch(domain:example.*)", "WebFetch", "url", "https://example.evil.com", NO, NO},
    {"WebFetch(domain:*)", "WebFetch", "url", "https://example.org", YES, YES},
    {"WebFetch(domain:)", "WebFetch", "url", "https://example.org", NO, NO},
    {"WebFetch(example.org)", "WebFetch", "url", "https://example.org", NO, NO},
    {"WebFetch", "WebFetch", "url", "anything", YES, YES},
};

static void
test_uses(void **state)
{
	const struct use_case *c;
	bool allows, refuses;
	int failed = 0;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof uses / sizeof uses[0]; i++) {
		c = &uses[i];
		allows = matches(c->rule, c->tool, c->member, c->value, true);
		refuses = matches(c->rule, c->tool, c->member, c->value, false);
		if (allows == c->allows && refuses == c->refuses)
			continue;
		print_error("%s and %s \"%s\": allows %d, refuses %d; expected %d, %d\n", c->rule,
		    c->tool, c->value != NULL ? c->value : "(none)", allows, refuses, c->allows,
		    c->refuses);
		failed++;
	}
	assert_int_equal(failed, 0);
}

static void
test_no_home(void **state)
{
	cJSON *input = input_of("file_path", "~/.ssh/id_rsa");
	struct rule_use use = {"Read", input, DIR, NULL, NULL};

	(void)state;
	assert_false(rule_matches("Read(~/.ssh/**)", &use, true));
	assert_false(rule_matches("Read(/**)", &use, true));
	assert_null(rule_of_use(&use));
	use.input = NULL;
	assert_false(rule_matches("Read(/**)", &use, true));
	assert_true(rule_matches("Read", &use, true));
	cJSON_Delete(input);
}

static void
test_check(void **state)
{
	static const char *const good[] = {
	    "Bash", "Bash(x)", "Bash(a (b) c)", "mcp__a__b", "mcp__a__*", "*", "Edit(./a b/**)"};
	static const char *const bad[] = {"", "(x)", "Bash()", "Bash( )", "Bash(x", "Bash x",
	    "Bash(x)y", "mcp__a__b(x)", "Bash(a\nb)", " Bash", "B\xC3\xA4sh"};
	struct err err;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof good / sizeof good[0]; i++)
		assert_int_equal(rule_check(good[i], &err), 0);
	for (i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		if (rule_check(bad[i], &err) != -1)
			fail_msg("\"%s\" was taken", bad[i]);
		assert_int_equal(err.code, ERR_INVALID);
		assert_false(matches(bad[i], "Bash", "command", "x", true));
		assert_false(matches(bad[i], "Bash", "command", "x", false));
	}
}

/* --- rules of uses ---------------------------------------------------------------------------- */

static const struct {
	const char *tool, *member, *value, *rule;
} made[] = {
    {"Bash", "command", "npm run build", "Bash(npm run build)"},
    {"Bash", "command", "  git commit -m 'a; b' ", "Bash(git commit -m 'a; b')"},
    {"Bash", "command", "a && b | c > /tmp/x", "Bash(a && b | c > /tmp/x)"},
    {"Bash", "command", "cat ~/x", "Bash(cat ~/x)"},
    {"Bash", "command", "echo (", NULL},
    {"Bash", "command", "a\nb", NULL},
    {"Bash", "command", "echo $X", NULL},
    {"Bash", "command", "echo $(x)", NULL},
    {"Bash", "command", "echo `x`", NULL},
    {"Bash", "command", "ls *.c", NULL},
    {"Bash", "command", "find . -name '*.c'", NULL},
    {"Bash", "command", "ls ?", NULL},
    {"Bash", "command", "git status:*", NULL},
    {"Bash", "command", "echo 'a", NULL},
    {"Bash", "command", "f() { x; }", NULL},
    {"Bash", "command", "", NULL},
    {"Bash", "command", "# nothing", NULL},
    {"Bash", "command", NULL, NULL},
    {"Monitor", "command", "ls", NULL},
    {"Edit", "file_path", DIR "/a.c", "Edit(/" DIR "/a.c)"},
    {"Write", "file_path", "a/../b.c", "Edit(/" DIR "/b.c)"},
    {"NotebookEdit", "notebook_path", "/x.ipynb", "Edit(//x.ipynb)"},
    {"MultiEdit", "file_path", "/a[1]*?\\", "Edit(//a\\[1\\]\\*\\?\\\\)"},
    {"Edit", "file_path", "/", NULL},
    {"Edit", "file_path", "", NULL},
    {"Edit", "file_path", NULL, NULL},
    {"Edit", "file_path", "/a\nb", NULL},
    {"Edit", "file_path", "/a ", NULL},
    {"Edit", "file_path", "/a)", "Edit(//a))"},
    {"Read", "file_path", "~/x", "Read(/" HOME "/x)"},
    {"Grep", "path", "/x", NULL},
    {"Glob", "pattern", "**", NULL},
    {"WebFetch", "url", "https://Example.com/x?y", "WebFetch(domain:example.com)"},
    {"WebFetch", "url", "https://a@example.com/", NULL},
    {"WebFetch", "url", "nothing", NULL},
    {"WebSearch", "query", "x", "WebSearch"},
    {"mcp__github__get_issue", "id", "1", "mcp__github__get_issue"},
    {"mcp__github", "id", "1", NULL},
    {"mcp__github__a*", "id", "1", NULL},
    {"mcp__github__a(b", "id", "1", NULL},
    {"Agent", "subagent_type", "Explore", "Agent(Explore)"},
    {"Agent", "prompt", "x", NULL},
    {"Skill", "skill", "review", "Skill(review)"},
    {"Skill", "skill", "a *", NULL},
    {"AskUserQuestion", "questions", "x", NULL},
    {"ExitPlanMode", "plan", "x", NULL},
    {"KillShell", "shell_id", "x", NULL},
    {"Unknown", "x", "y", NULL},
};

static void
test_made(void **state)
{
	struct rule_use use = {NULL, NULL, DIR, HOME, NULL};
	cJSON *input;
	char *rule;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof made / sizeof made[0]; i++) {
		use.tool = made[i].tool;
		use.input = input = input_of(made[i].member, made[i].value);
		rule = rule_of_use(&use);
		if ((rule == NULL) != (made[i].rule == NULL) ||
		    (rule != NULL && strcmp(rule, made[i].rule) != 0))
			fail_msg("%s \"%s\": %s instead of %s", use.tool,
			    made[i].value != NULL ? made[i].value : "(none)",
			    rule != NULL ? rule : "none",
			    made[i].rule != NULL ? made[i].rule : "none");
		free(rule);
		cJSON_Delete(input);
	}
}

/* xorshift: the same on every system. */
static uint64_t seed;

static unsigned
below(unsigned n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (unsigned)(seed >> 11) % n;
}

/* A command, a path or a URL of pieces that mean something to somebody. */
static void
random_value(int kind, char *out, size_t size)
{
	static const char *const words[3][12] = {
	    {"git", " status", " -s", " 'a b'", " && ", "ls", " > /tmp/x", " | cat", " \"c;d\"",
		" x\\ y", " --", " ~/f"},
	    {"/", "a", "b.c", "[1]", "?", "\\", "..", "x y", "(z)", ".", "*", "!"},
	    {"a", "b", ".", "example", "-", "com", "/", "1", "?q", ":80", "#", "A"},
	};
	size_t n = 0, i, parts = 1 + below(7);

	snprintf(out, size, "%s", kind == 0 ? "git" : kind == 1 ? "/w" : "https://h");
	for (i = 0; i < parts; i++) {
		n = strlen(out);
		snprintf(out + n, size - n, "%s", words[kind][below(12)]);
	}
}

/* One thing changed, so that another use comes of it. False where none does. */
static bool
mutate(int kind, char *s)
{
	static const char *const tails[3][6] = {
	    {"; rm x", " --force", " && x", "x", " > /tmp/y", " $(x)"},
	    {"/x", "x", "~", "/../y", "\\", "[a]"},
	    {"", "", "", "", "", ""},
	};
	size_t n = strlen(s), at;

	if (kind == 2) {
		/* Another host: its first letter, or one before it. */
		memmove(s + 9, s + 8, n - 7);
		s[8] = "xyz"[below(3)];
	} else if (below(2) == 0) {
		snprintf(s + n, 32, "%s", tails[kind][below(6)]);
	} else {
		/* A letter for another one. */
		for (at = below((unsigned)n); at < n; at++)
			if (s[at] >= 'a' && s[at] <= 'z')
				break;
		if (at == n)
			return false;
		s[at] = s[at] == 'z' ? 'q' : (char)(s[at] + 1);
	}
	return true;
}

/* The same path may be written in several ways. */
static bool
same_use(const char *tool, const char *member, const char *one, const char *two)
{
	cJSON *a = input_of(member, one), *b = input_of(member, two);
	struct rule_use ua = {tool, a, DIR, HOME, NULL}, ub = {tool, b, DIR, HOME, NULL};
	char *ra = rule_of_use(&ua), *rb = rule_of_use(&ub);
	bool same = ra != NULL && rb != NULL && strcmp(ra, rb) == 0;

	free(ra);
	free(rb);
	cJSON_Delete(a);
	cJSON_Delete(b);
	return same;
}

static void
test_narrow(void **state)
{
	static const char *const tools[] = {"Bash", "Edit", "WebFetch"};
	static const char *const members[] = {"command", "file_path", "url"};
	char value[512], other[512], *rule;
	int i, k, kind, rules = 0, mutants = 0;
	cJSON *input;

	(void)state;
	seed = (uint64_t)time(NULL) * 2654435761u + 1;
	print_message("seed %llu\n", (unsigned long long)seed);
	for (i = 0; i < 20000; i++) {
		kind = (int)below(3);
		random_value(kind, value, sizeof value - 64);
		input = input_of(members[kind], value);
		struct rule_use use = {tools[kind], input, DIR, HOME, NULL};
		if ((rule = rule_of_use(&use)) != NULL) {
			rules++;
			if (!matches(rule, tools[kind], members[kind], value, true) ||
			    !matches(rule, tools[kind], members[kind], value, false))
				fail_msg("%s does not mean \"%s\"", rule, value);
			for (k = 0; k < 8; k++) {
				memcpy(other, value, sizeof other);
				if (!mutate(kind, other) || strcmp(other, value) == 0 ||
				    same_use(tools[kind], members[kind], value, other))
					continue;
				mutants++;
				if (matches(rule, tools[kind], members[kind], other, true))
					fail_msg("%s means \"%s\" as well", rule, other);
			}
			for (k = 0; k < 3; k++)
				if (k != kind && matches(rule, tools[k], members[k], value, true))
					fail_msg("%s means a use of %s", rule, tools[k]);
			free(rule);
		}
		cJSON_Delete(input);
	}
	print_message("%d rules, %d uses that are not theirs\n", rules, mutants);
	assert_true(rules > 2000 && mutants > 10000);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_uses),
	    cmocka_unit_test(test_no_home),
	    cmocka_unit_test(test_check),
	    cmocka_unit_test(test_made),
	    cmocka_unit_test(test_narrow),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
