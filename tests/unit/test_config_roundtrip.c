/* SPDX-License-Identifier: MIT
 *
 * Random files with teams, comments, blank lines and line ends of all kinds: a team that is added
 * and removed again leaves every byte as it was, and a team that is removed takes no other along.
 */
#include <limits.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <time.h>
#include <cmocka.h>

#include "common/config_edit.h"
#include "config_fixture.h"

static int
add(const char *name, const char *path, const char *description, struct err *e)
{
	const struct config_edit_field fields[] = {{"path", path}, {"description", description}};
	const struct config_edit_team team = {fields, 2};

	return config_edit_add_team(fixture_config, name, &team, e);
}

static uint64_t rng;

static unsigned
pick(unsigned n)
{
	rng = rng * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(rng >> 33) % n;
}

static void
put(char *out, const char *s)
{
	strcat(out, s);
}

static void
put_gap(char *out, const char *nl, const char *indent)
{
	switch (pick(6)) {
	case 0:
		put(out, nl);
		break;
	case 1:
		put(out, indent);
		put(out, "# c\xc3\xb6mment: {x");
		put(out, nl);
		break;
	case 2:
		put(out, nl);
		put(out, "# far left");
		put(out, nl);
		break;
	default:
		break;
	}
}

static void
put_random_team(char *out, unsigned i, const char *nl, const char *unit)
{
	static const char *const forms[] = {"env: {A: 1}", "addDirs: [x, \"y, z\"]",
	    "description: 'it''s # one'", "allowedTools: Read  # why",
	    "description: \"a: \xe2\x82\xac\"", "model: x", "env:"};
	char line[200];
	unsigned n = pick(4);
	bool used[7] = {false};

	snprintf(line, sizeof line, "%st%u:%s", unit, i, pick(4) == 0 ? " # the team" : "");
	put(out, line);
	put(out, nl);
	snprintf(line, sizeof line, "%s%spath: dir/%u%s", unit, unit, i, nl);
	put(out, line);
	while (n-- > 0) {
		unsigned f = pick(7);

		if (used[f] || (f == 0 && used[6]) || (f == 6 && used[0]) || (f == 2 && used[4]) ||
		    (f == 4 && used[2]))
			continue;
		used[f] = true;
		snprintf(line, sizeof line, "%s%s%s%s", unit, unit, forms[f], nl);
		put(out, line);
		if (f == 6) {
			snprintf(line, sizeof line, "%s%s%sB: 'x'%s", unit, unit, unit, nl);
			put(out, line);
		}
	}
	if (pick(5) == 0) {
		snprintf(line, sizeof line, "%s%sappendSystemPrompt: |%s%s%s%s# text: x%s", unit,
		    unit, nl, unit, unit, unit, nl);
		put(out, line);
	}
}

static unsigned
random_file(char *out)
{
	const char *nl = pick(4) == 0 ? "\r\n" : "\n", *unit = pick(3) == 0 ? "    " : "  ";
	unsigned n = 1 + pick(5), i;

	out[0] = '\0';
	put_gap(out, nl, "");
	if (pick(2) == 0) {
		put(out, "settings: {maxQueue: 3}");
		put(out, nl);
		put_gap(out, nl, "");
	}
	put(out, pick(3) == 0 ? "teams:   # all" : "teams:");
	put(out, nl);
	for (i = 0; i < n; i++) {
		put_gap(out, nl, unit);
		put_random_team(out, i, nl, unit);
	}
	put_gap(out, nl, unit);
	if (pick(2) == 0) {
		put(out, "database:");
		put(out, nl);
		put(out, unit);
		put(out, "inMemory: true");
		put(out, nl);
	} else if (pick(3) == 0 && strstr(out, "text: x") == NULL)
		out[strlen(out) - strlen(nl)] = '\0';
	return n;
}

static void
check_one(const char *text, unsigned n, uint64_t seed)
{
	struct err e;
	struct config *c;
	char *now, name[32];
	unsigned victim = pick(n), i;

	write_text(fixture_config, text);
	if (add("extra", "gamma", "d", &e) == -1)
		fail_msg("seed %llu: add: %s\n%s", (unsigned long long)seed, e.msg, text);
	c = config_load(fixture_config, &e);
	assert_non_null(c);
	assert_int_equal(c->nteams, n + 1);
	assert_string_equal(c->teams[n].name, "extra");
	config_free(c);
	if (config_edit_remove_team(fixture_config, "extra", &e) == -1)
		fail_msg("seed %llu: remove: %s\n%s", (unsigned long long)seed, e.msg, text);
	now = read_text(fixture_config);
	if (strcmp(now, text) != 0)
		fail_msg(
		    "seed %llu: not the same:\n%s\n---\n%s", (unsigned long long)seed, text, now);
	free(now);
	snprintf(name, sizeof name, "t%u", victim);
	if (config_edit_remove_team(fixture_config, name, &e) == -1)
		fail_msg(
		    "seed %llu: remove %s: %s\n%s", (unsigned long long)seed, name, e.msg, text);
	c = config_load(fixture_config, &e);
	assert_non_null(c);
	assert_int_equal(c->nteams, n - 1);
	for (i = 0; i < n; i++) {
		snprintf(name, sizeof name, "t%u", i);
		assert_int_equal(config_find_team(c, name) == NULL, i == victim);
	}
	assert_null(config_find_team(c, "extra"));
	config_free(c);
}

static void
test_random(void **state)
{
	const char *given = getenv("IRIS_TEST_SEED");
	uint64_t seed = given != NULL ? strtoull(given, NULL, 10) : (uint64_t)time(NULL);
	static char text[16384];
	unsigned i, n;

	(void)state;
	print_message("seed %llu (IRIS_TEST_SEED repeats it)\n", (unsigned long long)seed);
	for (i = 0; i < 300; i++) {
		rng = seed + i;
		pick(2);
		n = random_file(text);
		check_one(text, n, seed + i);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
