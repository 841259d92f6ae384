/* SPDX-License-Identifier: MIT
 *
 * irisd/core/shell: which commands bash would run, from what is written. Each row is a text and
 * what is read of it, in the notation of dump().
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

#include "common/xmalloc.h"
#include "irisd/core/shell.h"

static void __attribute__((format(printf, 2, 3))) add(char **out, const char *fmt, ...)
{
	char *old = *out, *more;
	va_list ap;

	va_start(ap, fmt);
	more = xvasprintf(fmt, ap);
	va_end(ap);
	*out = xasprintf("%s%s", old, more);
	free(old);
	free(more);
}

/*
 * A line for each command: its words, those that are not known with a "?", assignments with "=" and
 * redirections with the operator before them, and at the end its subshell, function, what it reads
 * from, what it contains, "&".
 */
static char *
dump(const struct shell *sh)
{
	static const char *const ops[] = {"<", ">", ">>", "<>", ">&", "<<"};
	const struct shell_command *c;
	char *out = xstrdup("");
	size_t i, j;

	for (i = 0; i < sh->n; i++) {
		c = &sh->v[i];
		add(&out, i > 0 ? "\n" : "");
		if (c->kind != SHELL_SIMPLE)
			add(&out, c->kind == SHELL_FOR ? "FOR" : "REDIR");
		for (j = 0; j < c->n_assigns; j++)
			add(&out, "=%s%s", c->assigns[j].text, c->assigns[j].known ? "" : "?");
		for (j = 0; j < c->n_words; j++)
			add(&out, "[%s]%s", c->words[j].text, c->words[j].known ? "" : "?");
		for (j = 0; j < c->n_redirects; j++)
			add(&out, " %d%s[%s]%s", c->redirects[j].fd, ops[c->redirects[j].op],
			    c->redirects[j].target.text, c->redirects[j].target.known ? "" : "?");
		if (c->shell != 0)
			add(&out, " #%zu", c->shell);
		if (c->function != NULL)
			add(&out, " @%s", c->function);
		if (c->pipe_from != c->pipe_to)
			add(&out, " |%zu-%zu", c->pipe_from, c->pipe_to);
		if (c->inner != i)
			add(&out, " (%zu", c->inner);
		add(&out, c->background ? " &" : "");
	}
	add(&out, sh->partial ? "!" : "");
	return out;
}

struct row {
	const char *text, *want;
};

static void
check(const struct row *rows, size_t n)
{
	struct shell *sh;
	char *got;
	size_t i;

	for (i = 0; i < n; i++) {
		sh = shell_read(rows[i].text);
		got = dump(sh);
		if (strcmp(got, rows[i].want) != 0)
			fail_msg(
			    "%s\nis read as\n%s\ninstead of\n%s", rows[i].text, got, rows[i].want);
		free(got);
		shell_free(sh);
	}
}

#define CHECK(rows) check(rows, sizeof(rows) / sizeof((rows)[0]))

static void
test_words(void **state)
{
	static const struct row rows[] = {
	    {"", ""},
	    {"  \n\n ; ", ""},
	    {"git status", "[git][status]"},
	    {"r\\m -r'f' \"a b\" c\\ d", "[rm][-rf][a b][c d]"},
	    {"echo 'it''s' \"\" '' a\"\"", "[echo][its][][][a]"},
	    {"echo \"a\\\"b \\$x \\q\" '\\n'", "[echo][a\"b $x \\q][\\n]"},
	    {"echo $'a\\n\\x41\\101\\'\\u00e9' $'a\\0b'c", "[echo][a\nAA'\xc3\xa9][ac]"},
	    {"echo $\"hello\" $ \"$\" a$ $'\\q'", "[echo][hello][$][$][a$][\\q]"},
	    {"r\\\nm -r\\\nf /", "[rm][-rf][/]"},
	    {"echo \"a\\\nb\" 'a\\\nb'", "[echo][ab][a\\\nb]"},
	    {"echo a#b # rm -rf /\nls", "[echo][a#b]\n[ls]"},
	    {"# rm -rf /", ""},
	    {"echo \"# rm\" '#' \\#", "[echo][# rm][#][#]"},
	    {"ls *.c a? [ab] [ '*' \\* ]", "[ls][*.c]?[a?]?[[ab]]?[[][*][*][]]"},
	    {"cd ~ ~/x ~root '~' a~ x=~/y", "[cd][~]?[~/x]?[~root]?[~][a~][x=~/y]?"},
	    {"rm -rf $HOME/x ${A:-/} \"$B\"/c $1 $? $$",
		"[rm][-rf][$HOME/x]?[${A:-/}]?[$B/c]?"
		"[$1]?[$?]?[$$]?"},
	    {"echo $((1 + (2) * x))", "[echo][$((1 + (2) * x))]?"},
	    {"ls !(a|b c) @(x)", "[ls][!(a|b c)]?[@(x)]?"},
	    {"echo \xc3\xa4 \x01\x7f", "[echo][\xc3\xa4][\x01\x7f]"},
	};

	(void)state;
	CHECK(rows);
}

static void
test_braces(void **state)
{
	static const struct row rows[] = {
	    {"rm -rf /{etc,usr}", "[rm][-rf][/etc][/usr]"},
	    {"{rm,-rf,/}", "[rm][-rf][/]"},
	    {"echo a{b,c{d,e}}f", "[echo][abf][acdf][acef]"},
	    {"echo {a,b}{c,d}", "[echo][ac][ad][bc][bd]"},
	    {"echo {a} {} a{,b} '{a,b}' {\"a,b\",c} \\{a,b}",
		"[echo][{a}][{}][a][ab][{a,b}][a,b][c]"
		"[{a,b}]"},
	    {"echo ${a,b} {1..3} x{a..c}y", "[echo][${a,b}]?[{1..3}]?[x{a..c}y]?"},
	    {"echo {*,x} {{a,b", "[echo][*]?[x][{{a,b]"},
	    {"echo {{a,b}", "[echo][{a][{b]"},
	    {"X={a,b}* {,rm} y", "=X={a,b}*[rm][y]"},
	};

	(void)state;
	CHECK(rows);
}

static void
test_lists(void **state)
{
	static const struct row rows[] = {
	    {"a;b&&c||d&e\nf", "[a]\n[b]\n[c]\n[d] &\n[e]\n[f]"},
	    {"a | b |& c", "[a]\n[b] |0-1\n[c] |0-2"},
	    {"a & b", "[a] &\n[b]"},
	    {"a |\n\n # x\n b", "[a]\n[b] |0-1"},
	    {"a &\\\n& b", "[a]\n[b]"},
	    {"(a; b) | c", "[a] #1\n[b] #1\n[c] |0-2"},
	    {"a | { b | c; }", "[a]\n[b] |0-1\n[c] |0-2"},
	    {"a; b | while read x; do c $x; done; d",
		"[a]\n[b]\n[read][x] |1-2\n[c][$x]? |1-2\n[d]"},
	    {"{ a; }; ( (b) )", "[a]\n[b] #2"},
	    {"if a; then b; elif c; then d; else e; fi; f", "[a]\n[b]\n[c]\n[d]\n[e]\n[f]"},
	    {"while a; do b; done < f", "[a]\n[b]\nREDIR -1<[f]"},
	    {"for x in a 'b c' $y; do z \"$x\"; done", "FOR[x][a][b c][$y]?\n[z][$x]?"},
	    {"for x\ndo z; done; for ((i = 0; i < $(n); i++)); do b; done",
		"FOR[x]\n[z]\n[n] #1\n[b]"},
	    {"for x in a; { b; }; c", "FOR[x][a]\n[b]\n[c]"},
	    {"case $(a) in (x|y) b;; 'z z') c ;& *) d; esac; e", "[a] #1\n[b]\n[c]\n[d]\n[e]"},
	    {"case x in esac; a", "[a]"},
	    {"f() { a; b; }; f; function g { c; }; function h() (d); e",
		"[a] @f\n[b] @f\n[f]\n[c] @g\n[d] #1 @h\n[e]"},
	    {":(){ :|:& };:", "[:] @: &\n[:] @: |0-1 &\n[:]"},
	    {"! a; time -p b; time ! c; coproc d; coproc X { e; }", "[a]\n[b]\n[c]\n[d]\n[e]"},
	    {"[[ -f x && $(a) == b || c < d ]] && e; [ -f x ] && g",
		"[a] #1\n[e]\n[[][-f][x][]]\n[g]"},
	    {"((x = (1) + $(a))) && b; ((a); b)", "[a] #1\n[b]\n[a] #3\n[b] #2"},
	    {"'if' a; i\\f b; echo if fi done }", "[if][a]\n[if][b]\n[echo][if][fi][done][}]"},
	};

	(void)state;
	CHECK(rows);
}

static void
test_substitutions(void **state)
{
	static const struct row rows[] = {
	    {"a $(b c) \"$(d \"e f\")\" x",
		"[b][c] #1\n[d][e f] #2\n[a][$(b c)]?"
		"[$(d \"e f\")]?[x] (0"},
	    {"a `b \\`c\\`` \"`d`\"",
		"[c] #2\n[b][`c`]? #1 (0\n[d] #3\n"
		"[a][`b \\`c\\``]?[`d`]? (0"},
	    {"a '$(b)' \\$b \"\\$(b)\"", "[a][$(b)][$b][$(b)]"},
	    {"a $\\\n(b)", "[b] #1\n[a][$(b)]? (0"},
	    {"a <(b) >(c d) x=<(e)",
		"[b] #1\n[c][d] #2\n[e] #3\n"
		"[a][<(b)]?[>(c d)]?[x=<(e)]? (0"},
	    {"a ${x:-$(b)} \"${y:-`c`}\" ${z:-'$(d)'}",
		"[b] #1\n[c] #2\n"
		"[a][${x:-$(b)}]?[${y:-`c`}]?"
		"[${z:-'$(d)'}]? (0"},
	    {"a $(( $(b) + 1 ))", "[b] #1\n[a][$(( $(b) + 1 ))]? (0"},
	    {"a $((b); c)", "[b] #2\n[c] #1\n[a][$((b); c)]? (0"},
	    {"X=$(a) Y=b c; Z=d", "[a] #1\n=X=$(a)?=Y=b[c] (0\n=Z=d"},
	    {"X=(a $(b) c) d; Y+=e; Z[1]=f; declare -a W=(g)",
		"[b] #1\n=X=(a $(b) c)?[d] (0\n=Y+=e\n=Z[1]=f\n[declare][-a][W=(g)]?"},
	    {"a $(b | c)", "[b] #1\n[c] #1 |0-1\n[a][$(b | c)]? (0"},
	    {"a | b $(c)", "[a]\n[c] #1 |0-1\n[b][$(c)]? |0-1 (1"},
	    {"a $(b # )\n)", "[b] #1\n[a][$(b # )\n)]? (0"},
	    {"a $(case x in x) b;; esac)", "[b] #1\n[a][$(case x in x) b;; esac)]? (0"},
	};

	(void)state;
	CHECK(rows);
}

static void
test_redirections(void **state)
{
	static const struct row rows[] = {
	    {"a < b > c >> d 2>&1 &> e >| f <> g 2>&-",
		"[a] -1<[b] -1>[c] -1>>[d] 2>&[1] "
		"-1>[e] -1>[f] -1<>[g] 2>&[-]"},
	    {"a>b c2>d 3>e; >f; &>>g h", "[a][c2] -1>[b] -1>[d] 3>[e]\n -1>[f]\n[h] -1>>[g]"},
	    {"a >&b {x}>c <&3 >& 2", "[a] -1>[b] -1>[c] -1>&[3] -1>&[2]"},
	    {"a > $X <(b)", "[b] #1\n[a][<(b)]? -1>[$X]? (0"},
	    {"a <<< 'b c' <<<$d", "[a] -1<<[b c] -1<<[$d]?"},
	    {"a <<E; b\nx $y\nE\nc", "[a] -1<<[x $y\n]?\n[b]\n[c]"},
	    {"a <<'E'\nx $y `z`\nE\nc", "[a] -1<<[x $y `z`\n]\n[c]"},
	    {"a <<-E | b\n\tx\n\tE\nc", "[a] -1<<[\tx\n]\n[b] |0-1\n[c]"},
	    {"a <<A <<\"B\"\n1\nA\n2\nB\nc", "[a] -1<<[1\n] -1<<[2\n]\n[c]"},
	    {"a <<E\n$(b)\n\\$(c)\nE", "[a] -1<<[$(b)\n$(c)\n]?\n[b] #1"},
	    {"git commit -m \"$(cat <<'EOF'\nit's (a) \"test`\n\nEOF\n)\" && b",
		"[cat] -1<<[it's (a) \"test`\n\n] #1\n"
		"[git][commit][-m][$(cat <<'EOF'\nit's (a) \"test`\n\nEOF\n)]? (0\n[b]"},
	    {"{ a <<E; } > f\nrm -rf /\nE", "[a] -1<<[rm -rf /\n]\nREDIR -1>[f]"},
	    {"a <<E\nE", "[a] -1<<[]"},
	};

	(void)state;
	CHECK(rows);
}

static void
test_partial(void **state)
{
	static const struct row rows[] = {
	    {"echo 'a", "[echo][a]!"},
	    {"echo \"a; rm -rf /", "[echo][a; rm -rf /]!"},
	    {"a $(b", "[b] #1\n[a][$(b]? (0!"},
	    {"a `b", "[b] #1\n[a][`b]? (0!"},
	    {"(a", "[a] #1!"},
	    {"a); b", "[a]\n[b]!"},
	    {"if a; then b", "[a]\n[b]!"},
	    {"a; fi; b", "[a]\n[b]!"},
	    {"a <<E\nb", "[a] -1<<[b]!"},
	    {"a <<E", "[a] -1<<[E]!"},
	    {"a >", "[a]!"},
	    {"a ${b", "[a][${b]?!"},
	    {"a\\", "[a\\]"},
	};

	(void)state;
	CHECK(rows);
}

/* n times what, and end. */
static char *
times(const char *what, size_t n, const char *end)
{
	size_t len = strlen(what), i;
	char *text = xmalloc(n * len + strlen(end) + 1);

	for (i = 0; i < n; i++)
		memcpy(text + i * len, what, len);
	memcpy(text + n * len, end, strlen(end) + 1);
	return text;
}

/* What is too much ends soon, and is said. */
static void
test_bounds(void **state)
{
	static const char *const hostile[] = {"$(", "(", "`", "((", "$((", "${", "\"$(", "{",
	    "{a,b}", "<<E ", "$(cat <<E ", "a|", "f()", "if ", "case x in x) ", "\\`", "!", "[[ ",
	    "a <<<", "x=(", "@(", "<(", "$(( 1 ) ", "{ ", "a;", "\\\n", "$", "'", "\"", "#", "~",
	    "$'\\", ";;", "&", "<<-E\n", "coproc ", "for ", "((1)", "a=$("};
	struct shell *sh;
	clock_t start = clock();
	char *text;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(hostile) / sizeof(hostile[0]); i++) {
		text = times(hostile[i], 200 * 1024 / strlen(hostile[i]), "\nrm");
		sh = shell_read(text);
		assert_true(sh->n <= SHELL_COMMANDS_MAX + SHELL_DEPTH_MAX * 10);
		shell_free(sh);
		free(text);
	}
	assert_true((clock() - start) / CLOCKS_PER_SEC < 20);
	text = times("a;", SHELL_COMMANDS_MAX + 10, "");
	sh = shell_read(text);
	assert_true(sh->partial);
	shell_free(sh);
	free(text);
	text = times("(", SHELL_DEPTH_MAX + 1, "rm -rf /");
	sh = shell_read(text);
	assert_true(sh->partial);
	shell_free(sh);
	free(text);
	text = times("x", SHELL_LEN_MAX + 1, "");
	sh = shell_read(text);
	assert_true(sh->partial);
	shell_free(sh);
	free(text);
	text = times("{a,b}", 20, "");
	sh = shell_read(text);
	assert_true(sh->partial);
	shell_free(sh);
	free(text);
}

static void
test_word_is(void **state)
{
	struct shell *sh = shell_read("git 's'tatus \"$x\" *");

	(void)state;
	assert_int_equal(sh->n, 1);
	assert_true(shell_word_is(&sh->v[0].words[1], "status"));
	assert_false(shell_word_is(&sh->v[0].words[1], "stat"));
	assert_false(shell_word_is(&sh->v[0].words[2], "$x"));
	assert_string_equal(sh->v[0].words[2].marks, "\".");
	assert_string_equal(sh->v[0].words[3].marks, "p");
	shell_free(sh);
	shell_free(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_words),
	    cmocka_unit_test(test_braces),
	    cmocka_unit_test(test_lists),
	    cmocka_unit_test(test_substitutions),
	    cmocka_unit_test(test_redirections),
	    cmocka_unit_test(test_partial),
	    cmocka_unit_test(test_bounds),
	    cmocka_unit_test(test_word_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
