/* SPDX-License-Identifier: MIT
 *
 * irisd/core/rule: what rules for Bash mean, to allow and to refuse; several of them together; what
 * is too long.
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
#include "tests/unit/rule_fixture.h"

/* --- commands --------------------------------------------------------------------------------- */

/* Rule, command, whether it allows it, whether it refuses it. */
static const struct command_case {
	const char *spec, *command;
	int allows, refuses;
} commands[] = {
    /* Exact ones. */
    {"npm run build", "npm run build", YES, YES},
    {"npm run build", "  npm   run build ", YES, YES},
    {"npm run build", "npm run build --watch", NO, NO},
    {"npm run build", "npm run builds", NO, NO},
    {"npm run build", "xnpm run build", NO, NO},
    {"npm run build", "'npm' run build", YES, YES},
    {"npm run build", "npm 'run build'", NO, YES},
    {"npm run build", "NPM RUN BUILD", NO, NO},
    {"git commit -m 'a b'", "git commit -m \"a b\"", YES, YES},
    {"git commit -m 'a b'", "git commit -m a b", NO, NO},
    {"rm a b", "rm 'a b'", NO, YES},
    {"make > log", "make > log", YES, YES},
    {"make", "make > log", NO, YES},
    {"FOO=1 make", "FOO=1 make", YES, YES},
    {"make", "FOO=1 make", NO, YES},
    {"git status && npm test", "git status && npm test", YES, YES},
    {"echo $HOME", "echo $HOME", YES, YES},
    {"echo '$HOME'", "echo $HOME", NO, NO},
    {"echo (a)", "echo (a)", YES, YES},
    /* Beginnings: whole words. */
    {"git status:*", "git status", YES, YES},
    {"git status:*", "git status --short", YES, YES},
    {"git status *", "git status", YES, YES},
    {"git status *", "git status -s x", YES, YES},
    {"git status:*", "git statusx", NO, NO},
    {"git status:*", "git  status", YES, YES},
    {"git status:*", "git\tstatus", YES, YES},
    {"git status:*", "git \\\nstatus", YES, YES},
    {"git status:*", "git stat\\\nus", YES, YES},
    {"git status:*", "git \"status\"", YES, YES},
    {"git status:*", "git 'status x'", NO, YES},
    {"git status:*", "git sta'tus'", YES, YES},
    {"git status:*", "Git status", NO, YES},
    {"git status:*", "git Status", NO, NO},
    {"git status:*", "git-status", NO, NO},
    {"git status:*", "git", NO, NO},
    {"git status:*", "g\xD1\x96t status", NO, NO}, /* a Cyrillic letter */
    {"git status:*", "git\xC2\xA0status", NO, NO}, /* a blank that is none */
    {"git status:*", "git status\xE2\x80\x8B", NO, NO},
    {"git:* push", "git push", NO, NO},
    {"ls*", "lsof", YES, YES},
    {"ls*", "ls -la", YES, YES},
    {"ls *", "lsof", NO, NO},
    {"ls *", "ls", YES, YES},
    {"* --version", "node --version", YES, YES},
    {"* --version", "node -v", NO, NO},
    {"git log * main", "git log --oneline main", YES, YES},
    {"git log * main", "git log main", NO, NO},
    {"git * main", "git push origin main", YES, YES},
    {"* --help *", "npm --help", NO, NO},
    {"* --help *", "npm --help x", YES, YES},
    {"*", "rm -rf / ; anything $(at all", YES, YES},
    {"echo:*", "echo '*'", YES, YES},
    /* Joined commands. */
    {"git status:*", "git status;rm -rf x", NO, YES},
    {"git status:*", "git status && rm x", NO, YES},
    {"git status:*", "git status || rm x", NO, YES},
    {"git status:*", "git status | sh", NO, YES},
    {"git status:*", "git status |& sh", NO, YES},
    {"git status:*", "git status & rm x", NO, YES},
    {"git status:*", "git status &", YES, YES},
    {"git status:*", "git status\nrm x", NO, YES},
    {"git status:*", "git status\\;rm x", NO, NO},
    {"git status:*", "git status \\; rm x", YES, YES},
    {"git status:*", "git status ';' rm x", YES, YES},
    {"git status:*", "git status; git status -s", YES, YES},
    {"git status:*", "git status | git status", YES, YES},
    {"git status:*", "(git status)", YES, YES},
    {"git status:*", "{ git status; }", YES, YES},
    {"git status:*", "if git status; then git status; fi", YES, YES},
    {"git status:*", "if rm x; then git status; fi", NO, YES},
    {"git status:*", "for f in a b; do git status; done", YES, YES},
    {"git status:*", "for PATH in /tmp/evil; do git status; done", NO, YES},
    {"git status:*", "git() { rm x; }; git status", NO, YES},
    {"git status:*", "git() { git status; }; git status", NO, YES},
    {"git status:*", "git status # ; rm x", YES, YES},
    {"git status:*", "# git status", NO, NO},
    {"git status:*", "git status &&", YES, YES},
    {"git status:*", "echo 'git status'", NO, NO},
    {"git status:*", "echo git status", NO, NO},
    {"git status:*", "", NO, NO},
    {"git status:*", "   ", NO, NO},
    {"rm:*", "echo hi; rm x", NO, YES},
    {"rm:*", "echo \"$(rm x)\"", NO, YES},
    {"rm:*", "echo `rm x`", NO, YES},
    {"rm:*", "cat <(rm x)", NO, YES},
    {"rm:*", "while true; do rm x; done", NO, YES},
    {"rm:*", "echo 'rm x'", NO, NO},
    {"rm:*", "echo hi # rm x", NO, NO},
    {"rm:*", "git rm x", NO, NO},
    {"rm:*", "case x in a) rm x;; b) y;; esac", NO, YES},
    {"rm:*", "f() { rm x; }", NO, YES},
    {"rm:*", "echo 'unfinished; rm x", NO, YES},
    /* What is made when it runs. */
    {"echo:*", "echo $(rm x)", NO, YES},
    {"echo:*", "echo \"`rm x`\"", NO, YES},
    {"echo:*", "echo $(echo x)", YES, YES},
    {"echo:*", "echo <(rm x)", NO, YES},
    {"echo:*", "echo $HOME", YES, YES},
    {"echo:*", "echo ${HOME}", YES, YES},
    {"echo:*", "echo ${x:-$(rm x)}", NO, YES},
    {"echo:*", "echo ${x@P}", NO, YES},
    {"echo:*", "echo ${!x}", NO, YES},
    {"echo:*", "echo $((1 + 2))", YES, YES},
    {"echo:*", "echo $((a[$(rm x)]))", NO, YES},
    {"echo:*", "echo *.c", YES, YES},
    {"echo:*", "echo *(e:'rm x':)", NO, YES},
    {"echo:*", "$X hello", NO, NO},
    {"echo:*", "e${X}cho hello", NO, NO},
    {"echo:*", "ec\"\"ho hello", YES, YES},
    {"echo:*", "$'echo' hello", YES, YES},
    {"echo:*", "$'\\x65cho' hello", YES, YES},
    {"* hello", "$X hello", NO, YES},
    {"echo:*", "echo =(rm x)", NO, YES},
    {"echo:*", "echo ${(e)x}", NO, YES},
    {"echo:*", "echo <(:) >(rm x)", NO, YES},
    {"git status:*", "! git status", YES, YES},
    {"git status:*", "coproc rm x", NO, NO},
    {"git status:*", "{git,status}", YES, YES},
    {"rm:*", "[[ -n $(rm x) ]]", NO, YES},
    {"rm:*", "((a[$(rm x)]))", NO, YES},
    {"rm:*", "x=$(rm y) true", NO, YES},
    {"git status:*", "git status; [[ 'a[$(rm x)]' -eq 1 ]]", NO, YES},
    {"git status:*", "git status; [\\\n[ $'a[\\x24(rm x)]' -eq 1 ]]", NO, YES},
    {"git status:*", "git status; ((a['$(rm x)']))", NO, YES},
    {"git status:*", "for ((;;)); do git status; done", NO, YES},
    {"printf:*", "printf -v 'a[$(rm x)]' x", NO, YES},
    {"printf:*", "printf $[a[1]]", NO, YES},
    {"printf:*", "printf \"$[a[1]]\"", NO, YES},
    {"grep:*", "grep '[[:alpha:]]' x", YES, YES},
    {"rm:*", "cat <<EOF\n`rm x`\nEOF", NO, YES},
    {"cat:*", "cat <<EOF\nhello\nEOF", YES, YES},
    {"cat:*", "cat <<EOF\n$(rm x)\nEOF", NO, YES},
    {"cat:*", "cat <<'EOF'\n$(rm x)\nEOF", YES, YES},
    {"cat:*", "cat <<< hello", YES, YES},
    /* Files that are redirected to. */
    {"echo:*", "echo x > ~/.bashrc", NO, YES},
    {"echo:*", "echo x >> ~/.bashrc", NO, YES},
    {"echo:*", "echo x >| a", NO, YES},
    {"echo:*", "echo x &> a", NO, YES},
    {"echo:*", "echo x 2> a", NO, YES},
    {"echo:*", "echo x <> a", NO, YES},
    {"echo:*", "> a echo x", NO, YES},
    {"echo:*", "{ echo x; } > a", NO, YES},
    {"echo:*", "(echo x) > a", NO, YES},
    {"echo:*", "echo x > /dev/null", YES, YES},
    {"echo:*", "echo x 2>/dev/null", YES, YES},
    {"echo:*", "echo x 2>&1", YES, YES},
    {"echo:*", "echo x >&2", YES, YES},
    {"echo:*", "echo x > /dev/sda", NO, YES},
    {"echo:*", "echo x > $F", NO, YES},
    {"echo:*", "echo x > $(rm x)", NO, YES},
    {"cat:*", "cat < a", YES, YES},
    {"cat:*", "cat < /etc/shadow", NO, YES},
    {"cat:*", "cat < ../../etc/shadow", NO, YES},
    {"cat:*", "cd / && cat < a", NO, YES},
    {"tee:*", "tee a", YES, YES},
    {"tee:*", "tee -a ~/.bashrc", NO, YES},
    {"tee:*", "tee /etc/passwd", NO, YES},
    /* Assignments. */
    {"npm test:*", "NODE_ENV=test npm test", YES, YES},
    {"npm test:*", "PATH=/tmp/evil npm test", NO, YES},
    {"npm test:*", "LD_PRELOAD=/tmp/e.so npm test", NO, YES},
    {"npm test:*", "NODE_ENV=$(rm x) npm test", NO, YES},
    {"npm test:*", "PATH=/tmp/evil; npm test", NO, YES},
    {"npm test:*", "X=1", NO, NO},
    {"* test", "PATH=/evil npm test", NO, YES},
    /* What only runs another command. */
    {"npm test:*", "timeout 30 npm test", YES, YES},
    {"npm test:*", "timeout -k 5 30s npm test -w a", YES, YES},
    {"npm test:*", "timeout --signal=KILL 30 npm test", YES, YES},
    {"npm test:*", "time npm test", YES, YES},
    {"npm test:*", "nice npm test", YES, YES},
    {"npm test:*", "nice -n 5 npm test", YES, YES},
    {"npm test:*", "nice -5 npm test", YES, YES},
    {"npm test:*", "nohup npm test", YES, YES},
    {"npm test:*", "stdbuf -oL npm test", YES, YES},
    {"npm test:*", "command npm test", YES, YES},
    {"npm test:*", "command -v npm test", NO, YES},
    {"npm test:*", "nice nohup timeout 5 npm test", YES, YES},
    {"npm test:*", "timeout --unknown 30 npm test", NO, YES},
    {"npm test:*", "timeout $X npm test", NO, YES},
    {"npm test:*", "sudo npm test", NO, YES},
    {"npm test:*", "sudo -u root npm test", NO, YES},
    {"npm test:*", "env A=1 npm test", NO, YES},
    {"npm test:*", "sudo env A=1 nice npm test", NO, YES},
    {"npm test:*", "sh -c 'npm test'", NO, YES},
    {"npm test:*", "bash -lc 'cd x; npm test'", NO, YES},
    {"npm test:*", "sudo sh -c \"npm test\"", NO, YES},
    {"npm test:*", "eval npm test", NO, YES},
    {"npm test:*", "eval 'npm' 'test'", NO, YES},
    {"npm test:*", "/usr/bin/npm test", NO, YES},
    {"timeout:*", "timeout 5 rm -rf x", NO, YES},
    {"grep:*", "xargs grep x", YES, YES},
    {"grep:*", "xargs -n1 grep x", NO, YES},
    {"grep x", "xargs grep x", NO, YES},
    {"watch:*", "watch rm x", NO, YES},
    {"watch ls", "watch ls", YES, YES},
    {"find:*", "find . -name x", YES, YES},
    {"find:*", "find . -delete", NO, YES},
    {"find:*", "find . -exec rm {} ;", NO, YES},
    {"find:*", "find . $X", NO, YES},
    {"find:*", "find . -n*", NO, YES},
    {"find . -delete", "find . -delete", YES, YES},
    {"rm:*", "find . -exec rm {} \\;", NO, YES},
    {"rm:*", "/bin/rm x", NO, YES},
    {"rm:*", "\\rm x", YES, YES},
    {"rm:*", "'rm' x", YES, YES},
    {"rm:*", "RM x", NO, YES},
};

static void
test_commands(void **state)
{
	const struct command_case *c;
	int failed = 0;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof commands / sizeof commands[0]; i++) {
		c = &commands[i];
		char *rule = xasprintf("Bash(%s)", c->spec);
		bool allows = matches(rule, "Bash", "command", c->command, true);
		bool refuses = matches(rule, "Bash", "command", c->command, false);
		if (allows != c->allows || refuses != c->refuses) {
			print_error("%s and \"%s\": allows %d, refuses %d; expected %d, %d\n", rule,
			    c->command, allows, refuses, c->allows, c->refuses);
			failed++;
		}
		free(rule);
	}
	assert_int_equal(failed, 0);
}

/* --- several rules together ------------------------------------------------------------------- */

static const struct {
	const char *rules[4], *command;
	int allows;
} together[] = {
    {{"Bash(git status:*)", "Bash(npm test)"}, "git status && npm test", YES},
    {{"Bash(git status:*)", "Bash(npm test)"}, "git status && npm test && rm x", NO},
    {{"Bash(git status:*)"}, "git status && npm test", NO},
    {{"Bash(echo:*)", "Edit(//tmp/out/**)"}, "echo x > /tmp/out/a", YES},
    {{"Bash(echo:*)", "Edit(//tmp/out/**)"}, "echo x > /tmp/out/../a", NO},
    {{"Bash(echo:*)", "Edit(//tmp/out/**)"}, "echo x > /tmp/a", NO},
    {{"Bash(echo:*)", "Read(//tmp/out/**)"}, "echo x > /tmp/out/a", NO},
    {{"Bash(echo:*)", "Edit"}, "cd / && echo x > a", NO},
    {{"Bash(echo:*)", "Bash(cd:*)", "Edit(/**)"}, "cd / && echo x > a", NO},
    {{"Bash(echo:*)", "Edit(/**)"}, "echo x > a", YES},
    {{"Bash(echo:*)", "Edit(/a)"}, "echo x > a", NO},
    {{"Bash(echo:*)", "Edit(/a)"}, "echo x > " DIR "/a", YES},
    {{"Bash(cat:*)", "Read(//etc/hosts)"}, "cat < /etc/hosts", YES},
    {{"Bash(tee:*)", "Edit(//tmp/**)"}, "tee /tmp/a", YES},
    {{"Bash(ls)", "WebFetch", "Edit", "mcp__x"}, "ls && curl x", NO},
    {{"Bash(f:*)", "Bash(g:*)"}, "f $(g x)", YES},
    {{"Bash(f:*)"}, "f $(g x)", NO},
};

static void
test_together(void **state)
{
	struct rule_use use = {"Bash", NULL, DIR, HOME, NULL};
	cJSON *input;
	size_t i, n;

	(void)state;
	for (i = 0; i < sizeof together / sizeof together[0]; i++) {
		for (n = 0; n < 4 && together[i].rules[n] != NULL; n++)
			;
		use.input = input = input_of("command", together[i].command);
		if (rule_all_match(together[i].rules, n, &use) != together[i].allows)
			fail_msg("%s ... and \"%s\": expected %d", together[i].rules[0],
			    together[i].command, together[i].allows);
		cJSON_Delete(input);
	}
}

static void
test_sandbox(void **state)
{
	cJSON *input = input_of("command", "ls");
	struct rule_use use = {"Bash", input, DIR, HOME, NULL};

	(void)state;
	assert_true(rule_matches("Bash(ls)", &use, true));
	json_put_bool(input, "dangerouslyDisableSandbox", true);
	assert_false(rule_matches("Bash(ls)", &use, true));
	assert_true(rule_matches("Bash", &use, true));
	assert_true(rule_matches("Bash(dangerouslyDisableSandbox:true)", &use, false));
	assert_null(rule_of_use(&use));
	cJSON_Delete(input);
}

/* What is too long to be looked at is allowed by no rule and refused by each. */
static void
test_long(void **state)
{
	size_t n = 300 * 1024;
	char *text = xmalloc(n + 1);
	time_t start = time(NULL);

	(void)state;
	memset(text, 'x', n);
	text[n] = '\0';
	memcpy(text, "ls ", 3);
	assert_false(matches("Bash(ls:*)", "Bash", "command", text, true));
	assert_true(matches("Bash(rm:*)", "Bash", "command", text, false));
	text[200 * 1024] = '\0';
	assert_false(matches("Bash(rm:*)", "Bash", "command", text, false));
	for (size_t i = 0; i + 5 < 200 * 1024; i += 5)
		memcpy(text + i, "eval ", 5);
	assert_true(matches("Bash(rm:*)", "Bash", "command", text, false));
	memset(text, '(', 200 * 1024);
	assert_false(matches("Bash(rm:*)", "Bash", "command", text, true));
	memset(text, '/', n);
	assert_false(matches("Edit(/**)", "Edit", "file_path", text, true));
	assert_true(time(NULL) - start < 20);
	free(text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_commands),
	    cmocka_unit_test(test_together),
	    cmocka_unit_test(test_sandbox),
	    cmocka_unit_test(test_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
