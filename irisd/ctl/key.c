/* SPDX-License-Identifier: MIT
 *
 * key: API keys for HTTP. irisd makes and keeps them; the text of a new one goes to standard output
 * alone, so that a script can take it from there.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "irisd/ctl/ctl.h"
#include "irisd/ctl/term.h"

#define CALL_TIMEOUT 10000

/* The scopes as one text. */
static const char *
scopes_text(const cJSON *key, char *buf, size_t size)
{
	const cJSON *s;
	size_t n = 0;

	buf[0] = '\0';
	cJSON_ArrayForEach (s, json_arr(key, "scopes"))
		if (cJSON_IsString(s) && n < size)
			n += (size_t)snprintf(
			    buf + n, size - n, "%s%s", n > 0 ? "," : "", s->valuestring);
	return buf;
}

int
ctl_key_create_run(struct ctl *c, struct err *err)
{
	const char *scope = ctl_opt(c, "scope"), *expires = ctl_opt(c, "expires"), *text;
	cJSON *params, *key = NULL;
	char scopes[128];
	int64_t ms = 0;

	if (scope == NULL)
		return err_set(err, ERR_INVALID,
		    "what may the key do? --scope takes read, message, manage, approve and admin");
	if (expires != NULL && ctl_lifetime(expires, "--expires", &ms, err) == -1)
		return -1;
	params = json_new();
	json_put_str(params, "name", c->operand[0]);
	json_put_str(params, "scope", scope);
	json_put_str_opt(params, "team", ctl_opt(c, "team"));
	if (ms > 0)
		json_put_int(params, "expires", ms);
	if (ctl_call(c, true, "iris/key.create", params, CALL_TIMEOUT, &key, err) == -1)
		return -1;
	if (c->json) {
		ctl_print_json(key);
		return 0;
	}
	text = json_str(key, "key");
	term_print(stdout, text != NULL ? text : "", false);
	putchar('\n');
	if (!c->quiet)
		fprintf(stderr, "key %s (%s); it is not shown again\n", json_str(key, "id"),
		    scopes_text(key, scopes, sizeof scopes));
	cJSON_Delete(key);
	return 0;
}

static void
time_cell(struct term_table *t, size_t col, const cJSON *key, const char *name)
{
	char clock[48];
	int64_t at;

	if (json_int(key, name, &at) == 0)
		term_table_cell(t, col, term_clock(at, clock, sizeof clock), TERM_PLAIN);
	else
		term_table_cell(t, col, NULL, TERM_PLAIN);
}

static void
print_keys(const cJSON *keys)
{
	static const char *const heads[] = {
	    "ID", "NAME", "STATE", "SCOPES", "TEAM", "CREATED", "EXPIRES", "USED"};
	struct term_table t;
	const char *state;
	char scopes[128];
	const cJSON *k;

	if (cJSON_GetArraySize(keys) <= 0) {
		printf("no keys\n");
		return;
	}
	term_table_init(&t, 8, heads);
	cJSON_ArrayForEach (k, keys) {
		state = json_str(k, "state");
		term_table_row(&t);
		term_table_cell(&t, 0, json_str(k, "id"), TERM_PLAIN);
		term_table_cell(&t, 1, json_str(k, "name"), TERM_PLAIN);
		term_table_cell(&t, 2, state,
		    state != NULL && strcmp(state, "active") == 0 ? TERM_GREEN : TERM_DIM);
		term_table_cell(&t, 3, scopes_text(k, scopes, sizeof scopes), TERM_PLAIN);
		term_table_cell(&t, 4, json_str(k, "team"), TERM_PLAIN);
		time_cell(&t, 5, k, "createdAt");
		time_cell(&t, 6, k, "expiresAt");
		time_cell(&t, 7, k, "usedAt");
	}
	term_table_print(&t, "");
}

int
ctl_key_list_run(struct ctl *c, struct err *err)
{
	cJSON *result = NULL;

	if (ctl_call(c, true, "iris/key.list", json_new(), CALL_TIMEOUT, &result, err) == -1)
		return -1;
	if (c->json) {
		ctl_print_json(result);
		return 0;
	}
	print_keys(json_arr(result, "keys"));
	cJSON_Delete(result);
	return 0;
}

int
ctl_key_revoke_run(struct ctl *c, struct err *err)
{
	cJSON *params = json_new(), *key = NULL;

	json_put_str(params, "id", c->operand[0]);
	if (ctl_call(c, true, "iris/key.revoke", params, CALL_TIMEOUT, &key, err) == -1)
		return -1;
	if (c->json) {
		ctl_print_json(key);
		return 0;
	}
	printf("the key is revoked: ");
	term_print(stdout, c->operand[0], false);
	putchar('\n');
	cJSON_Delete(key);
	return 0;
}
