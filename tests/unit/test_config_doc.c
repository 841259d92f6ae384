/* SPDX-License-Identifier: MIT
 *
 * What people read about the configuration against the table that the program uses: iris-config(5)
 * and etc/config.yaml. Run from the top of the source tree.
 */
#include <limits.h>
#include <stdarg.h>
#include <stddef.h>
#include <inttypes.h>
#include <setjmp.h>
#include <cmocka.h>

#include "common/config_table.h"
#include "config_fixture.h"

#define MANUAL  "man/iris-config.5"
#define EXAMPLE "etc/config.yaml"

static const struct {
	const char *section;
	const char *heading;
} headings[] = {
    {"settings", ".Sh SETTINGS\n"},
    {"dashboard", ".Sh DASHBOARD\n"},
    {"database", ".Sh DATABASE\n"},
    {"permissions", ".Sh PERMISSIONS\n"},
    {"guard", ".Sh GUARD\n"},
    {"webhooks", ".Sh WEBHOOKS\n"},
    {"teamPermissions", ".Sh PERMISSIONS OF A TEAM\n"},
    {"teams", ".Sh TEAMS\n"},
    {"remoteOptions", ".Sh REMOTE OPTIONS\n"},
};

static const char *
type_in_manual(enum config_type type)
{
	switch (type) {
	case CONFIG_INT:
		return "integer";
	case CONFIG_BOOL:
		return "boolean";
	case CONFIG_STR:
	case CONFIG_HOST:
	case CONFIG_COLOR:
		return "string";
	case CONFIG_TEXT:
		return "text";
	case CONFIG_PATH:
	case CONFIG_PROGRAM:
	case CONFIG_DBPATH:
	case CONFIG_SUBDIR:
	case CONFIG_TEAM_DIR:
	case CONFIG_TEAM_PATH:
	case CONFIG_TEAM_PROGRAM:
		return "path";
	case CONFIG_TEAM_PATHS:
	case CONFIG_LIST:
	case CONFIG_TOOLS:
	case CONFIG_RULES:
	case CONFIG_TALK:
	case CONFIG_COMMANDS:
		return "list";
	case CONFIG_ENV:
		return "mapping";
	case CONFIG_TRANSPORT:
	case CONFIG_LOG_LEVEL:
	case CONFIG_GRANT:
	case CONFIG_MODE:
	case CONFIG_ACTION:
		return "choice";
	}
	return NULL;
}

/* The text of the manual from a heading to the next one, to be freed. */
static char *
manual_section(const char *manual, const char *section)
{
	const char *start = NULL, *end;
	size_t i;

	for (i = 0; i < sizeof headings / sizeof headings[0]; i++)
		if (strcmp(headings[i].section, section) == 0)
			start = strstr(manual, headings[i].heading);
	assert_non_null(start);
	end = strstr(start + 1, "\n.Sh ");
	assert_non_null(end);
	return strndup(start, (size_t)(end - start) + 1);
}

static void
item_head(const struct config_key *k, char *out, size_t size)
{
	const char *def = k->def == NULL ? "none"
	    : strcmp(k->def, "@") == 0   ? "as in settings"
					 : k->def;

	if (k->type == CONFIG_TEAM_DIR)
		snprintf(out, size, "\n.It Ic %s Em path\n", k->name);
	else if (strcmp(k->name, "description") == 0)
		snprintf(out, size, "\n.It Ic description Em text Pq Team NAME\n");
	else
		snprintf(
		    out, size, "\n.It Ic %s Em %s Pq %s\n", k->name, type_in_manual(k->type), def);
}

static void
check_item(const struct config_key *k, const char *section)
{
	char head[200], text[100], *body;
	const char *at, *end;
	const char *const *choice = config_key_choices(k);

	item_head(k, head, sizeof head);
	if ((at = strstr(section, head)) == NULL) {
		fail_msg("%s: in section %s this is missing:%s", MANUAL, k->section, head);
		return;
	}
	end = strstr(at + 1, "\n.It ");
	body = end == NULL ? strdup(at) : strndup(at, (size_t)(end - at) + 1);
	snprintf(text, sizeof text, "%" PRId64 "..%" PRId64, k->min, k->max);
	if (k->type == CONFIG_INT && (k->def == NULL || strcmp(k->def, "@") != 0) &&
	    strstr(body, text) == NULL)
		fail_msg("%s: %s does not say %s", MANUAL, k->name, text);
	for (; choice != NULL && *choice != NULL; choice++) {
		snprintf(text, sizeof text, "\n.Li %s", *choice);
		if (strstr(body, text) == NULL)
			fail_msg("%s: %s does not name %s", MANUAL, k->name, *choice);
	}
	free(body);
}

static void
test_manual_has_every_key(void **state)
{
	char *manual = read_text(MANUAL), *section;
	size_t i;

	(void)state;
	for (i = 0; i < config_nkeys; i++) {
		section = manual_section(manual, config_keys[i].section);
		check_item(&config_keys[i], section);
		free(section);
	}
	free(manual);
}

static void
test_manual_has_no_other_key(void **state)
{
	char *manual = read_text(MANUAL), *section, *at, name[64];
	size_t i, found = 0;

	(void)state;
	for (i = 0; i < sizeof headings / sizeof headings[0]; i++) {
		section = manual_section(manual, headings[i].section);
		for (at = section; (at = strstr(at, "\n.It Ic ")) != NULL; at++) {
			assert_int_equal(sscanf(at, "\n.It Ic %63s", name), 1);
			found++;
			if (config_key_find(headings[i].section, name) == NULL &&
			    strcmp(name, "remoteOptions") != 0)
				fail_msg("%s: %s.%s is no key", MANUAL, headings[i].section, name);
		}
		free(section);
	}
	assert_int_equal(found, config_nkeys + 1);
	free(manual);
}

static struct config *
load_text(const char *text)
{
	struct err e;
	struct config *c;

	write_text(fixture_config, text);
	if ((c = config_load(fixture_config, &e)) == NULL)
		fail_msg("%s", e.msg);
	return c;
}

static void
test_example_loads(void **state)
{
	char *text = read_text(EXAMPLE);
	struct config *c = load_text(text);

	(void)state;
	assert_int_equal(c->warnings.n, 0);
	assert_int_equal(c->nteams, 0);
	config_free(c);
	free(text);
}

/* "#  key: value" becomes "  key: value"; lines with two # are prose. */
static void
uncomment(char *text)
{
	char *from = text, *to = text;
	bool line_start = true;

	for (; *from != '\0'; from++) {
		if (!(line_start && from[0] == '#' && from[1] != '#'))
			*to++ = *from;
		line_start = *from == '\n';
	}
	*to = '\0';
}

static void
test_example_uncommented(void **state)
{
	char *text = read_text(EXAMPLE), line[200];
	struct config *c;
	size_t i;

	(void)state;
	uncomment(text);
	c = load_text(text);
	for (i = 0; i < c->warnings.n; i++)
		if (strstr(c->warnings.v[i], "it is looked at again when the team is used") == NULL)
			fail_msg("%s", c->warnings.v[i]);
	assert_int_equal(c->nteams, 2);
	config_free(c);
	for (i = 0; i < config_nkeys; i++) {
		const struct config_key *k = &config_keys[i];
		bool shows_default = k->def != NULL && k->def[0] != '@';
		int depth = strcmp(k->section, "teams") == 0     ? 4
		    : strcmp(k->section, "guard") == 0           ? 4
		    : strcmp(k->section, "teamPermissions") == 0 ? 6
		    : strcmp(k->section, "remoteOptions") == 0   ? 6
								 : 2;

		snprintf(line, sizeof line, "\n%*s%s:%s%s%s", depth, "", k->name,
		    shows_default ? " " : "", shows_default ? k->def : "",
		    shows_default ? "\n" : "");
		if (strstr(text, line) == NULL)
			fail_msg("%s does not have:%s", EXAMPLE, line);
	}
	free(text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_manual_has_every_key),
	    cmocka_unit_test(test_manual_has_no_other_key),
	    cmocka_unit_test(test_example_loads),
	    cmocka_unit_test(test_example_uncommented),
	};

	return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
