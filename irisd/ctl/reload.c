/* SPDX-License-Identifier: MIT
 *
 * reload: have irisd read its configuration again, and show what has changed by that. irisd has the
 * file, compares and decides; nothing is read here.
 */
#include <stdio.h>
#include <string.h>

#include "common/json.h"
#include "irisd/ctl/ctl.h"
#include "irisd/ctl/term.h"

#define CALL_TIMEOUT 10000

/* A line for each team of one list; how many. */
static int
print_teams(const cJSON *diff, const char *list, const char *sign, enum term_style style)
{
	const cJSON *name;
	int n = 0;

	cJSON_ArrayForEach (name, json_arr(diff, list)) {
		if (!cJSON_IsString(name))
			continue;
		printf("%s%s%s team ", term_on(stdout, style), sign, term_off(stdout));
		term_print(stdout, name->valuestring, false);
		putchar('\n');
		n++;
	}
	return n;
}

static int
print_settings(const cJSON *diff)
{
	const char *name, *old, *now;
	const cJSON *s;
	int n = 0;

	cJSON_ArrayForEach (s, json_arr(diff, "settings")) {
		name = json_str(s, "name");
		old = json_str(s, "old");
		now = json_str(s, "new");
		if (name == NULL || old == NULL || now == NULL)
			continue;
		printf("%s~%s ", term_on(stdout, TERM_YELLOW), term_off(stdout));
		term_print(stdout, name, false);
		printf(": ");
		term_print(stdout, old, false);
		printf(" -> ");
		term_print(stdout, now, false);
		/* An open database is not exchanged for another. */
		if (strncmp(name, "database.", 9) == 0)
			printf(" (from the next \"iris restart\" on)");
		putchar('\n');
		n++;
	}
	return n;
}

int
ctl_reload_run(struct ctl *c, struct err *err)
{
	const cJSON *w;
	cJSON *diff = NULL;
	int n;

	if (ctl_call(c, false, "iris/config.reload", json_new(), CALL_TIMEOUT, &diff, err) == -1)
		return err->code == ERR_CONFIG
		    ? err_prefix(err, "nothing has changed, irisd does not take the file: ")
		    : -1;
	if (c->json) {
		ctl_print_json(diff);
		return 0;
	}
	n = print_teams(diff, "added", "+", TERM_GREEN);
	n += print_teams(diff, "removed", "-", TERM_RED);
	n += print_teams(diff, "changed", "~", TERM_YELLOW);
	n += print_settings(diff);
	if (n == 0)
		printf("nothing has changed\n");
	cJSON_ArrayForEach (w, json_arr(diff, "warnings")) {
		printf("%swarning:%s ", term_on(stdout, TERM_YELLOW), term_off(stdout));
		term_print(stdout, cJSON_IsString(w) ? w->valuestring : "", false);
		putchar('\n');
	}
	cJSON_Delete(diff);
	return 0;
}
