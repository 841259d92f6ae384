/* SPDX-License-Identifier: MIT
 *
 * approvals rules, remember and revoke: what is allowed from now on without asking.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/json.h"
#include "irisd/ctl/approvals.h"
#include "irisd/ctl/term.h"

static void
print_rules(const cJSON *list)
{
	static const char *const heads[] = {
	    "N", "TEAM", "STATE", "EXPIRES", "BY", "REQUEST", "RULE"};
	char number[24], clock[48];
	struct term_table t;
	const char *state, *of;
	const cJSON *r;
	int64_t at;

	term_table_init(&t, 7, heads);
	cJSON_ArrayForEach (r, list) {
		state = json_str(r, "state");
		of = json_str(r, "permission");
		term_table_row(&t);
		snprintf(number, sizeof number, "%" PRId64, json_int_or(r, "id", 0));
		term_table_cell(&t, 0, number, TERM_BOLD);
		term_table_cell(
		    &t, 1, json_str(r, "team") ? json_str(r, "team") : "all", TERM_PLAIN);
		term_table_cell(&t, 2, state,
		    state != NULL && strcmp(state, "active") == 0 ? TERM_GREEN : TERM_DIM);
		term_table_cell(&t, 3,
		    json_int(r, "expiresAt", &at) == 0 ? term_clock(at, clock, sizeof clock) : NULL,
		    TERM_PLAIN);
		term_table_cell(&t, 4, json_str(r, "by"), TERM_PLAIN);
		if (of != NULL && strlen(of) > APPROVALS_SHORT)
			of += strlen(of) - APPROVALS_SHORT;
		term_table_cell(&t, 5, of, TERM_PLAIN);
		term_table_cell(&t, 6, json_str(r, "rule"), TERM_CYAN);
	}
	term_table_print(&t, "");
}

/* The list without what is not in force any more. */
static void
keep_active(cJSON *list)
{
	int i;

	for (i = cJSON_GetArraySize(list) - 1; i >= 0; i--) {
		const char *state = json_str(cJSON_GetArrayItem(list, i), "state");
		if (state == NULL || strcmp(state, "active") != 0)
			cJSON_DeleteItemFromArray(list, i);
	}
}

int
ctl_approvals_rules_run(struct ctl *c, struct err *err)
{
	bool all = ctl_opt(c, "all") != NULL;
	cJSON *result = NULL, *list;

	if (ctl_call(c, false, "iris/permission.rules", json_new(), APPROVALS_TIMEOUT, &result,
		err) == -1)
		return -1;
	list = cJSON_DetachItemFromObjectCaseSensitive(result, "rules");
	cJSON_Delete(result);
	if (!all)
		keep_active(list);
	if (c->json) {
		ctl_print_json(list != NULL ? list : cJSON_CreateArray());
		return 0;
	}
	if (cJSON_GetArraySize(list) > 0)
		print_rules(list);
	else
		puts("no rules were remembered");
	cJSON_Delete(list);
	return 0;
}

/* The rule that the answer holds, in a sentence that begins with text. */
static int
print_rule(struct ctl *c, cJSON *result, const char *text)
{
	const cJSON *r = json_obj(result, "rule");
	char clock[48];
	int64_t at;

	if (c->json) {
		ctl_print_json(cJSON_Duplicate(r, true));
		cJSON_Delete(result);
		return 0;
	}
	printf("%s %" PRId64 ": ", text, json_int_or(r, "id", 0));
	term_print(stdout, approvals_text(r, "rule"), false);
	if (json_str(r, "team") != NULL) {
		printf(" for team ");
		term_print(stdout, json_str(r, "team"), false);
	} else {
		printf(" for all teams");
	}
	if (json_int(r, "revokedAt", &at) == -1 && json_int(r, "expiresAt", &at) == 0)
		printf(", until %s", term_clock(at, clock, sizeof clock));
	putchar('\n');
	cJSON_Delete(result);
	return 0;
}

int
ctl_approvals_remember_run(struct ctl *c, struct err *err)
{
	const char *expires = ctl_opt(c, "expires");
	cJSON *params, *result = NULL;
	int64_t ms = 0;

	if (expires != NULL && ctl_lifetime(expires, "--expires", &ms, err) == -1)
		return -1;
	params = json_new();
	json_put_str(params, "rule", c->operand[0]);
	json_put_str_opt(params, "team", ctl_opt(c, "team"));
	if (ms > 0)
		json_put_int(params, "expires", ms);
	if (ctl_call(c, false, "iris/permission.remember", params, APPROVALS_TIMEOUT, &result,
		err) == -1)
		return -1;
	return print_rule(c, result, "remembered as rule");
}

int
ctl_approvals_revoke_run(struct ctl *c, struct err *err)
{
	cJSON *params, *result = NULL;
	int64_t n;

	if (ctl_number(c->operand[0], "the number of a rule", 1, INT32_MAX, &n, err) == -1)
		return -1;
	params = json_new();
	json_put_int(params, "number", n);
	if (ctl_call(c, false, "iris/permission.revoke", params, APPROVALS_TIMEOUT, &result, err) ==
	    -1)
		return -1;
	return print_rule(c, result, "revoked rule");
}
