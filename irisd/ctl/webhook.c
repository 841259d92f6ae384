/* SPDX-License-Identifier: MIT
 *
 * webhook: who is told by HTTP that a message has ended, how that went, and the secret by which a
 * receiver knows that it was irisd.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/json.h"
#include "common/webhook_secret.h"
#include "irisd/ctl/ctl.h"
#include "irisd/ctl/term.h"

#define CALL_TIMEOUT 10000

static enum term_style
style_of(const char *state)
{
	if (state != NULL && strcmp(state, "delivered") == 0)
		return TERM_GREEN;
	return state != NULL && strcmp(state, "failed") == 0 ? TERM_RED : TERM_YELLOW;
}

static void
number(char *buf, size_t size, const cJSON *o, const char *name)
{
	int64_t n = json_int_or(o, name, 0);

	if (n == 0)
		buf[0] = '\0';
	else
		snprintf(buf, size, "%" PRId64, n);
}

/* When it was delivered, or is tried next. */
static const char *
when(const cJSON *o, char *buf, size_t size)
{
	int64_t at = json_int_or(o, "deliveredAt", json_int_or(o, "nextAt", 0));

	return at != 0 ? term_clock(at, buf, size) : NULL;
}

static void
print_list(const cJSON *list)
{
	static const char *const heads[] = {
	    "ID", "STATE", "TRIES", "HTTP", "AT", "MESSAGE", "URL", "ERROR"};
	char tries[24], status[24], clock[48];
	struct term_table t;
	const cJSON *o;

	if (cJSON_GetArraySize(list) <= 0) {
		printf("no webhooks\n");
		return;
	}
	term_table_init(&t, 8, heads);
	cJSON_ArrayForEach (o, list) {
		number(tries, sizeof tries, o, "attempts");
		number(status, sizeof status, o, "lastStatus");
		term_table_row(&t);
		term_table_cell(&t, 0, json_str(o, "id"), TERM_PLAIN);
		term_table_cell(&t, 1, json_str(o, "state"), style_of(json_str(o, "state")));
		term_table_cell(&t, 2, tries, TERM_PLAIN);
		term_table_cell(&t, 3, status, TERM_PLAIN);
		term_table_cell(&t, 4, when(o, clock, sizeof clock), TERM_PLAIN);
		term_table_cell(&t, 5, json_str(o, "message"), TERM_PLAIN);
		term_table_cell(&t, 6, json_str(o, "url"), TERM_PLAIN);
		term_table_cell(&t, 7, json_str(o, "lastError"), TERM_DIM);
	}
	term_table_print(&t, "");
}

int
ctl_webhook_list_run(struct ctl *c, struct err *err)
{
	cJSON *params = json_new(), *result = NULL;

	json_put_str_opt(params, "state", ctl_opt(c, "state"));
	json_put_str_opt(params, "id", ctl_opt(c, "message"));
	if (ctl_call(c, true, "iris/webhook.list", params, CALL_TIMEOUT, &result, err) == -1)
		return -1;
	if (c->json) {
		ctl_print_json(result);
		return 0;
	}
	print_list(json_arr(result, "webhooks"));
	cJSON_Delete(result);
	return 0;
}

static void
field(const char *name, const char *value)
{
	if (value == NULL || value[0] == '\0')
		return;
	printf("%-10s ", name);
	term_print(stdout, value, false);
	putchar('\n');
}

static void
print_one(const cJSON *o)
{
	char text[24], clock[48];

	field("id", json_str(o, "id"));
	field("message", json_str(o, "message"));
	field("url", json_str(o, "url"));
	field("state", json_str(o, "state"));
	number(text, sizeof text, o, "attempts");
	field("tries", text);
	number(text, sizeof text, o, "lastStatus");
	field("http", text);
	field("error", json_str(o, "lastError"));
	field("created", term_clock(json_int_or(o, "createdAt", 0), clock, sizeof clock));
	field(json_get(o, "deliveredAt") != NULL ? "delivered" : "next",
	    when(o, clock, sizeof clock));
}

/* A call about the delivery that the operand names. */
static int
about_one(struct ctl *c, const char *method, struct err *err)
{
	cJSON *params = json_new(), *o = NULL;

	json_put_str(params, "id", c->operand[0]);
	if (ctl_call(c, true, method, params, CALL_TIMEOUT, &o, err) == -1)
		return -1;
	if (c->json) {
		ctl_print_json(o);
		return 0;
	}
	print_one(o);
	cJSON_Delete(o);
	return 0;
}

int
ctl_webhook_show_run(struct ctl *c, struct err *err)
{
	return about_one(c, "iris/webhook.show", err);
}

int
ctl_webhook_retry_run(struct ctl *c, struct err *err)
{
	return about_one(c, "iris/webhook.retry", err);
}

int
ctl_webhook_secret_run(struct ctl *c, struct err *err)
{
	char text[WEBHOOK_TEXT_MAX];
	uint8_t key[WEBHOOK_KEY_MAX];
	size_t len;
	cJSON *o;

	if (paths_make(&c->paths, err) == -1 ||
	    webhook_secret(&c->paths, text, key, &len, err) == -1)
		return -1;
	if (!c->json) {
		puts(text);
		return 0;
	}
	o = json_new();
	json_put_str(o, "secret", text);
	ctl_print_json(o);
	return 0;
}
