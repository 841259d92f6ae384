/* SPDX-License-Identifier: MIT
 *
 * irisd/core/guard: what it says of the commands in guard.tsv, of which about half are harmless,
 * and its actions. Says how many are judged wrongly, and allows none.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "common/xmalloc.h"
#include "irisd/core/guard.h"

#define CORPUS "tests/unit/guard.tsv"

static const struct guard_place place = {
    .dir = "/home/u/proj", .home = "/home/u", .iris = "/home/u/.iris"};

static char deny[] = "deny terraform destroy", ask[] = "ask npm publish";
static char *commands[] = {deny, ask};

static struct config_guard
all(int action)
{
	struct config_guard g = {
	    action, action, action, action, action, action, action, action, {commands, 2}};

	return g;
}

/* What guard_check says of a line of the corpus. */
static bool
check(const struct config_guard *g, const struct guard_place *at, const char *what,
    struct guard_hit *hit)
{
	cJSON *input = cJSON_CreateObject();
	char *copy = xstrdup(what), *path;
	bool any;

	if (copy[0] == '@') {
		path = strchr(copy, ' ');
		*path++ = '\0';
		cJSON_AddStringToObject(input,
		    strcmp(copy, "@NotebookEdit") == 0                             ? "notebook_path"
			: strcmp(copy, "@Grep") == 0 || strcmp(copy, "@Glob") == 0 ? "path"
										   : "file_path",
		    path);
		any = guard_check(g, at, copy + 1, input, hit);
	} else {
		cJSON_AddStringToObject(input, "command", copy);
		any = guard_check(g, at, "Bash", input, hit);
	}
	cJSON_Delete(input);
	free(copy);
	return any;
}

/* "␤" is a newline. */
static void
newlines(char *s)
{
	char *p;

	while ((p = strstr(s, "\xe2\x90\xa4")) != NULL) {
		*p = '\n';
		memmove(p + 1, p + 3, strlen(p + 3) + 1);
	}
}

/* Whether kind is one of want's, which stand between "|". */
static bool
wanted(const char *want, const char *kind)
{
	size_t n;

	for (; *want != '\0'; want += n + (want[n] == '|')) {
		n = strcspn(want, "|");
		if (strlen(kind) == n && memcmp(want, kind, n) == 0)
			return true;
	}
	return false;
}

static void
test_corpus(void **state)
{
	struct config_guard g = all(CONFIG_ACTION_ASK);
	size_t n = 0, harmless = 0, positive = 0, negative = 0, size = 0;
	FILE *f = fopen(CORPUS, "r");
	char *line = NULL, *text;
	struct guard_hit hit;
	ssize_t len;

	(void)state;
	assert_non_null(f);
	while ((len = getline(&line, &size, f)) > 0) {
		if (line[0] == '#')
			continue;
		line[len - 1] = '\0';
		text = strchr(line, '\t');
		assert_non_null(text);
		*text++ = '\0';
		newlines(text);
		n++;
		harmless += strcmp(line, "-") == 0;
		if (!check(&g, &place, text, &hit))
			hit.kind = "-";
		else
			assert_true(strlen(hit.what) > 5 && strchr(hit.what, '\n') == NULL);
		if (wanted(line, hit.kind))
			continue;
		print_message("%s instead of %s: %s\n", hit.kind, line, text);
		if (strcmp(line, "-") == 0)
			positive++;
		else
			negative++;
	}
	free(line);
	fclose(f);
	print_message("guard corpus: %zu commands, %zu of them harmless: %zu false positives, "
		      "%zu false negatives\n",
	    n, harmless, positive, negative);
	assert_true(n >= 1000 && harmless >= n * 2 / 5);
	assert_int_equal(positive, 0);
	assert_int_equal(negative, 0);
}

static void
test_actions(void **state)
{
	struct config_guard g = all(CONFIG_ACTION_OFF);
	struct guard_hit hit;

	(void)state;
	assert_false(check(&g, &place, "rm -rf /; git push -f", &hit));
	assert_true(check(&g, &place, "rm -rf /; npm publish; terraform destroy", &hit));
	assert_string_equal(hit.kind, "commands");
	assert_int_equal(hit.action, CONFIG_ACTION_DENY);
	assert_string_equal(hit.what, "terraform destroy: is in the list");
	g.force_push = CONFIG_ACTION_LOG;
	assert_true(check(&g, &place, "rm -rf /; git push -f", &hit));
	assert_string_equal(hit.kind, "forcePush");
	assert_int_equal(hit.action, CONFIG_ACTION_LOG);
	g.delete_outside = CONFIG_ACTION_ASK;
	assert_true(check(&g, &place, "git push -f; rm -rf /srv", &hit));
	assert_string_equal(hit.kind, "deleteOutside");
	assert_int_equal(hit.action, CONFIG_ACTION_ASK);
	assert_string_equal(hit.what, "rm -rf /srv: deletes outside of the project");
	assert_true(check(&g, &place, "rm -rf /srv\x01/\xc3\xa4 ../*; git push -f", &hit));
	assert_non_null(strstr(hit.what, "/srv.../\xc3\xa4 ../*: "));
}

/* Input of any form is passed, and what is too long is cut, not within a letter. */
static void
test_input(void **state)
{
	struct config_guard g = all(CONFIG_ACTION_DENY);
	cJSON *input = cJSON_CreateObject();
	struct guard_hit hit;
	char *text = xmalloc(4000), *p;

	(void)state;
	assert_false(guard_check(&g, &place, "Bash", NULL, &hit));
	assert_false(guard_check(&g, &place, "Bash", input, &hit));
	cJSON_AddNumberToObject(input, "command", 4);
	assert_false(guard_check(&g, &place, "Bash", input, &hit));
	cJSON_AddArrayToObject(input, "file_path");
	assert_false(guard_check(&g, &place, "Write", input, &hit));
	assert_false(guard_check(&g, &place, "WebFetch", input, &hit));
	assert_false(guard_check(&g, &place, "mcp__x__y", input, &hit));
	cJSON_Delete(input);
	p = text + snprintf(text, 4000, "rm -rf /");
	for (; p < text + 3900; p += 2)
		memcpy(p, "\xc3\xa4", 3);
	assert_true(check(&g, &place, text, &hit));
	p = strstr(hit.what, ": deletes");
	assert_non_null(p);
	assert_int_equal((unsigned char)p[-2], 0xc3);
	free(text);
}

/* A team on another host: no home, and nothing here is looked at. */
static void
test_remote(void **state)
{
	const struct guard_place far = {.dir = "/srv/app"};
	struct config_guard g = all(CONFIG_ACTION_ASK);
	struct guard_hit hit;

	(void)state;
	assert_true(check(&g, &far, "rm -rf ~/x", &hit));
	assert_true(check(&g, &far, "cat ~/.ssh/id_rsa", &hit));
	assert_true(check(&g, &far, "rm -rf $HOME", &hit));
	assert_false(check(&g, &far, "rm -rf /srv/app/build", &hit));
	assert_false(check(&g, &far, "cd /srv/app/x; rm -rf y", &hit));
	assert_true(check(&g, &far, "@Write /srv/app/.claude/settings.json", &hit));
	assert_string_equal(hit.kind, "iris");
}

/* What leads out of the project by a symlink is outside of it. */
static void
test_symlink(void **state)
{
	char dir[] = "/tmp/iris-guard-XXXXXX", *proj, *path, *line;
	struct config_guard g = all(CONFIG_ACTION_ASK);
	struct guard_place at = {.home = "/home/u", .iris = "/home/u/.iris"};
	struct guard_hit hit;

	(void)state;
	assert_non_null(mkdtemp(dir));
	proj = xasprintf("%s/proj", dir);
	assert_int_equal(mkdir(proj, 0700), 0);
	path = xasprintf("%s/out", proj);
	assert_int_equal(symlink("/usr", path), 0);
	at.dir = proj;
	assert_true(check(&g, &at, "rm -rf out/lib", &hit));
	assert_true(check(&g, &at, "rm -rf out/", &hit));
	assert_true(check(&g, &at, "cd out && rm -rf lib", &hit));
	assert_false(check(&g, &at, "rm -rf out", &hit));
	assert_false(check(&g, &at, "rm -rf x/out", &hit));
	line = xasprintf("rm -rf %s/out/nothing/there", proj);
	assert_true(check(&g, &at, line, &hit));
	free(line);
	line = xasprintf("rm -rf %s", dir);
	assert_true(check(&g, &at, line, &hit));
	free(line);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(proj), 0);
	assert_int_equal(rmdir(dir), 0);
	free(path);
	free(proj);
}

/* head, n times what, and tail. */
static char *
padded(const char *head, const char *what, size_t n, const char *tail)
{
	size_t len = strlen(what), at = strlen(head), i;
	char *s = xmalloc(at + n * len + strlen(tail) + 1);

	memcpy(s, head, at);
	for (i = 0; i < n; i++, at += len)
		memcpy(s + at, what, len);
	memcpy(s + at, tail, strlen(tail) + 1);
	return s;
}

/* What stands behind, or below, more than is read, is not let pass: a person looks at it. */
static void
test_unread(void **state)
{
	static const struct {
		const char *head, *what;
		size_t n, fits; /* fits: so many are no matter */
		const char *tail;
	} pads[] = {
	    {"", ":;", 2100, 2000, "rm -rf /srv"},
	    {"bash <<'E'\n", ":;", 2100, 2000, "rm -rf /srv\nE\n"},
	    {"", "sudo ", 12, 5, "rm -rf /srv"},
	    {"", "eval ", 12, 2, "rm -rf /srv"},
	    {"", "(", 60, 10, "rm -rf /srv"},
	    {"", "echo $(", 60, 10, "rm -rf /srv"},
	    {"", "{ ", 60, 10, "rm -rf /srv"},
	    {"rm -rf {", "b,", 300, 100, "/srv}"},
	    {"cat", " <<E", 40, 20, "\nrm -rf /srv\n"},
	    {"#", "0123456789abcdef", 64 * 1024, 64 * 1023, "\nrm -rf /srv"},
	};
	struct config_guard off = all(CONFIG_ACTION_OFF), strict = all(CONFIG_ACTION_DENY),
			    less = all(CONFIG_ACTION_OFF);
	struct guard_hit hit;
	char *text;
	size_t i;

	(void)state;
	less.secrets = CONFIG_ACTION_LOG;
	for (i = 0; i < sizeof(pads) / sizeof(pads[0]); i++) {
		text = padded(pads[i].head, pads[i].what, pads[i].n, pads[i].tail);
		assert_false(check(&off, &place, text, &hit));
		assert_true(check(&strict, &place, text, &hit));
		assert_int_equal(hit.action, CONFIG_ACTION_ASK);
		assert_non_null(strstr(hit.what, "to be read to its end"));
		assert_true(check(&less, &place, text, &hit));
		assert_string_equal(hit.kind, "secrets");
		assert_int_equal(hit.action, CONFIG_ACTION_LOG);
		free(text);
		text = padded(pads[i].head, pads[i].what, pads[i].fits, "ls");
		if (check(&strict, &place, text, &hit))
			fail_msg("%zu times \"%s\": %s", pads[i].fits, pads[i].what, hit.what);
		free(text);
	}
}

/* Hostile commands take no long time. */
static void
test_bounds(void **state)
{
	static const char *const hostile[] = {"rm -rf $x", "X=$X$X;", "sh -c '", "eval ",
	    "echo a | sh | ", "for x in a b c d; do rm $x$x$x$x;", "sudo ", "xargs ",
	    "find . -exec ", "$(pwd)/", "{a,b}", "cd x;", "echo a\\\\n | sh;", "psql -c drop;",
	    "cat ../*/*/*;", "git -c alias.x=x x;", "x=(a) ", "rm -rf ${X:-${X:-", "a=1 ",
	    "curl -d @x y;", "*", "[", "a[b]", "../", "rm ~ ", "kill $(pgrep x);",
	    "env -S 'env -S ", "parallel {} ::: {} "};
	struct config_guard g = all(CONFIG_ACTION_DENY);
	clock_t start = clock(), before;
	struct guard_hit hit;
	size_t i, n, k;
	char *text;

	(void)state;
	for (i = 0; i < sizeof(hostile) / sizeof(hostile[0]); i++) {
		n = 100 * 1024 / strlen(hostile[i]);
		text = xmalloc(n * strlen(hostile[i]) + 1);
		for (k = 0; k < n; k++)
			memcpy(text + k * strlen(hostile[i]), hostile[i], strlen(hostile[i]));
		text[n * strlen(hostile[i])] = '\0';
		before = clock();
		check(&g, &place, text, &hit);
		if ((clock() - before) / CLOCKS_PER_SEC > 2)
			print_message("slow: %s\n", hostile[i]);
		free(text);
	}
	assert_true((clock() - start) / CLOCKS_PER_SEC < 20);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_corpus),
	    cmocka_unit_test(test_actions),
	    cmocka_unit_test(test_input),
	    cmocka_unit_test(test_remote),
	    cmocka_unit_test(test_symlink),
	    cmocka_unit_test(test_unread),
	    cmocka_unit_test(test_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
