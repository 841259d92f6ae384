/* SPDX-License-Identifier: MIT
 *
 * message show, list and cancel, and how a message is shown: its ladder, each step with the time it
 * took and the proof that irisd has for it. Starts no irisd but in the place of one that died while
 * it was asked.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "common/uuid.h"
#include "common/xmalloc.h"
#include "irisd/ctl/ctl.h"
#include "irisd/ctl/term.h"

#define CALL_TIMEOUT 10000

int
ctl_message_err(const cJSON *message, struct err *err)
{
	const char *state = json_str(message, "state"), *reason, *code;
	const cJSON *e = json_obj(message, "error");
	enum err_code c;

	if (state == NULL)
		return err_set(err, ERR_PROTOCOL, "irisd sent a message without a state");
	if (strcmp(state, "failed") != 0 && strcmp(state, "expired") != 0 &&
	    strcmp(state, "cancelled") != 0)
		return 0;
	c = strcmp(state, "expired") == 0     ? ERR_EXPIRED
	    : strcmp(state, "cancelled") == 0 ? ERR_CANCELLED
					      : ERR_AGENT;
	if ((code = json_str(e, "code")) != NULL)
		c = err_code_from_name(code);
	reason = json_str(e, "reason");
	return err_set(err, c, "%s", reason != NULL ? reason : err_meaning(c));
}

static enum term_style
state_style(const char *state)
{
	if (state == NULL)
		return TERM_PLAIN;
	if (strcmp(state, "answered") == 0)
		return TERM_GREEN;
	if (strcmp(state, "failed") == 0 || strcmp(state, "expired") == 0)
		return TERM_RED;
	return strcmp(state, "cancelled") == 0 ? TERM_DIM : TERM_YELLOW;
}

void
ctl_print_ladder(const cJSON *message)
{
	char clock[48], delta[32], text[64];
	int64_t at, before = -1;
	struct term_table t;
	const cJSON *r;

	if (cJSON_GetArraySize(json_arr(message, "receipts")) <= 0)
		return;
	term_table_init(&t, 4, NULL);
	cJSON_ArrayForEach (r, json_arr(message, "receipts")) {
		at = json_int_or(r, "at", 0);
		term_table_row(&t);
		term_table_cell(&t, 0, json_str(r, "state"), state_style(json_str(r, "state")));
		term_table_cell(&t, 1, term_clock(at, clock, sizeof clock), TERM_PLAIN);
		text[0] = '\0';
		if (before != -1)
			snprintf(text, sizeof text, "+%s",
			    term_duration(at - before, delta, sizeof delta));
		term_table_cell(&t, 2, text, TERM_CYAN);
		term_table_cell(
		    &t, 3, json_str(r, "evidence") ? json_str(r, "evidence") : "", TERM_DIM);
		before = at;
	}
	term_table_print(&t, "  ");
}

static void
print_body(const char *head, const char *text)
{
	if (text == NULL)
		return;
	printf("\n%s%s%s\n", term_on(stdout, TERM_BOLD), head, term_off(stdout));
	term_print(stdout, text, true);
	putchar('\n');
}

static void
print_usage_line(const cJSON *m)
{
	const cJSON *u = json_obj(m, "usage");
	const char *model = json_str(u, "model");

	if (u == NULL)
		return;
	printf("  %" PRId64 " tokens in, %" PRId64 " out, %" PRId64 " from cache; $%.4f",
	    json_int_or(u, "inputTokens", 0) + json_int_or(u, "cacheCreationTokens", 0),
	    json_int_or(u, "outputTokens", 0), json_int_or(u, "cacheReadTokens", 0),
	    json_num_or(u, "costUsd", 0));
	if (model != NULL) {
		printf("; ");
		term_print(stdout, model, false);
	}
	putchar('\n');
}

static void
print_message(const cJSON *m)
{
	const char *state = json_str(m, "state"), *from = json_str(m, "from"),
		   *to = json_str(m, "to");
	char took[32];
	int64_t ms;

	term_print(stdout, json_str(m, "id") ? json_str(m, "id") : "?", false);
	printf("  ");
	term_print(stdout, from ? from : "?", false);
	printf(" -> ");
	term_print(stdout, to ? to : "?", false);
	printf("  %s", term_on(stdout, state_style(state)));
	term_print(stdout, state ? state : "?", false);
	fputs(term_off(stdout), stdout);
	if (json_int(m, "duration", &ms) == 0)
		printf(" after %s", term_duration(ms, took, sizeof took));
	putchar('\n');
	ctl_print_ladder(m);
	print_usage_line(m);
	if (json_str(m, "hint") != NULL) {
		printf("  %s", term_on(stdout, TERM_DIM));
		term_print(stdout, json_str(m, "hint"), false);
		printf("%s\n", term_off(stdout));
	}
	print_body("Message", json_str(m, "message"));
	print_body("Answer", json_str(m, "response"));
	if (json_obj(m, "error") != NULL)
		print_body("Error", json_str(json_obj(m, "error"), "reason"));
}

static int
check_id(const char *id, struct err *err)
{
	if (uuid_valid(id))
		return 0;
	return err_set(err, ERR_INVALID,
	    "\"%.80s\" is not a message id; \"iris message list\" shows them", id);
}

/* What has no answer fails as ask does. */
static int
check_answered(const cJSON *m, struct err *err)
{
	const char *state = json_str(m, "state");

	if (ctl_message_err(m, err) == -1)
		return -1;
	if (strcmp(state, "answered") != 0 || json_str(m, "response") == NULL)
		return err_set(err, ERR_TIMEOUT, "the message is not answered yet (%s)", state);
	return 0;
}

/* Only the answer, as it is unless a terminal reads it. */
static int
print_answer(const cJSON *m, struct err *err)
{
	const char *response = json_str(m, "response");

	if (check_answered(m, err) == -1)
		return -1;
	if (term.out_tty)
		term_print(stdout, response, true);
	else
		fputs(response, stdout);
	putchar('\n');
	return 0;
}

static int
fetch(struct ctl *c, int64_t wait, cJSON **m, bool *interrupted, struct err *err)
{
	struct ctl_wait w = {.limit = "wait"};
	cJSON *params = json_new();
	/* irisd takes 0 as "without limit". */
	int64_t limit = wait < 0 ? CALL_TIMEOUT : wait == 0 ? -1 : wait + CALL_TIMEOUT;
	int rv;

	json_put_str(params, "id", c->operand[0]);
	if (wait >= 0) {
		json_put_int(params, "wait", wait);
		/* Whatever is told shows that irisd works on it. */
		json_put_bool(params, "stream", true);
	}
	rv = ctl_wait_call(c, false, "iris/message.show", params, limit, &w, m, err);
	*interrupted = w.interrupted;
	return rv;
}

int
ctl_message_show_run(struct ctl *c, struct err *err)
{
	const char *wait = ctl_opt(c, "wait");
	bool interrupted = false;
	cJSON *m = NULL;
	int64_t ms = -1;
	int rv = 0;

	if (check_id(c->operand[0], err) == -1 ||
	    (wait != NULL && ctl_duration(wait, &ms, err) == -1))
		return -1;
	if (fetch(c, ms, &m, &interrupted, err) == -1)
		return interrupted ? CTL_INTERRUPTED : -1;
	if (c->json) {
		rv = ctl_opt(c, "answer") != NULL ? check_answered(m, err) : 0;
		ctl_print_json(m);
		return rv == 0 ? 0 : err_exit_status(err->code);
	}
	if (ctl_opt(c, "answer") != NULL)
		rv = print_answer(m, err);
	else if (ctl_opt(c, "steps") != NULL)
		ctl_print_ladder(m);
	else
		print_message(m);
	cJSON_Delete(m);
	return rv;
}

/* On one line, with one blank for each run of blanks and line ends; malloc'ed. */
static char *
one_line(const char *text)
{
	char *out = xstrdup(text == NULL ? "" : text), *o = out;
	const char *p;

	for (p = out; *p != '\0'; p++) {
		bool blank = strchr(" \t\r\n", *p) != NULL;
		if (!blank || (o > out && o[-1] != ' '))
			*o++ = blank ? ' ' : *p;
	}
	*o = '\0';
	return out;
}

/* The begin of a row, for the heads ID, AT, FROM and TO. */
static void
put_row(struct term_table *t, const cJSON *m)
{
	char clock[48];

	term_table_row(t);
	term_table_cell(t, 0, json_str(m, "id"), TERM_PLAIN);
	term_table_cell(
	    t, 1, term_clock(json_int_or(m, "createdAt", 0), clock, sizeof clock), TERM_PLAIN);
	term_table_cell(t, 2, json_str(m, "from"), TERM_PLAIN);
	term_table_cell(t, 3, json_str(m, "to"), TERM_PLAIN);
}

static void
print_list(const cJSON *messages)
{
	static const char *const heads[] = {"ID", "AT", "FROM", "TO", "STATE", "MESSAGE"};
	char *text;
	struct term_table t;
	const cJSON *m;

	if (cJSON_GetArraySize(messages) <= 0) {
		printf("no messages\n");
		return;
	}
	term_table_init(&t, 6, heads);
	cJSON_ArrayForEach (m, messages) {
		put_row(&t, m);
		term_table_cell(&t, 4, json_str(m, "state"), state_style(json_str(m, "state")));
		text = one_line(json_str(m, "message"));
		term_table_cell(&t, 5, text, TERM_PLAIN);
		free(text);
	}
	term_table_print(&t, "");
}

int
ctl_message_list_run(struct ctl *c, struct err *err)
{
	static const char *const filters[] = {"team", "from", "state", "before"};
	const char *limit = ctl_opt(c, "limit");
	cJSON *params, *result = NULL;
	int64_t n = 50;
	size_t i;

	if (limit != NULL && ctl_number(limit, "--limit", 1, 500, &n, err) == -1)
		return -1;
	if (ctl_opt(c, "before") != NULL && check_id(ctl_opt(c, "before"), err) == -1)
		return -1;
	params = json_new();
	for (i = 0; i < sizeof filters / sizeof filters[0]; i++)
		json_put_str_opt(params, filters[i], ctl_opt(c, filters[i]));
	json_put_int(params, "limit", n);
	if (ctl_call(c, false, "iris/message.list", params, CALL_TIMEOUT, &result, err) == -1)
		return -1;
	if (c->json) {
		ctl_print_json(result);
		return 0;
	}
	print_list(json_arr(result, "messages"));
	cJSON_Delete(result);
	return 0;
}

static void
print_found(const cJSON *messages)
{
	static const char *const heads[] = {"ID", "AT", "FROM", "TO", "TEXT"};
	char *text;
	struct term_table t;
	const cJSON *m;

	if (cJSON_GetArraySize(messages) <= 0) {
		printf("nothing found\n");
		return;
	}
	term_table_init(&t, 5, heads);
	cJSON_ArrayForEach (m, messages) {
		put_row(&t, m);
		text = one_line(json_str(m, "excerpt"));
		term_table_cell(&t, 4, text, TERM_PLAIN);
		free(text);
	}
	term_table_print(&t, "");
}

int
ctl_message_search_run(struct ctl *c, struct err *err)
{
	const char *limit = ctl_opt(c, "limit");
	cJSON *params, *result = NULL;
	char *query = NULL, *more;
	int64_t n = 20;
	int i;

	if (limit != NULL && ctl_number(limit, "--limit", 1, 500, &n, err) == -1)
		return -1;
	for (i = 0; i < c->noperands; i++) {
		more = xasprintf(
		    "%s%s%s", query != NULL ? query : "", i > 0 ? " " : "", c->operand[i]);
		free(query);
		query = more;
	}
	params = json_new();
	json_put_str(params, "query", query);
	json_put_str_opt(params, "from", ctl_opt(c, "from"));
	json_put_int(params, "limit", n);
	free(query);
	if (ctl_call(c, false, "iris/message.search", params, CALL_TIMEOUT, &result, err) == -1)
		return -1;
	if (c->json) {
		ctl_print_json(result);
		return 0;
	}
	print_found(json_arr(result, "messages"));
	cJSON_Delete(result);
	return 0;
}

int
ctl_message_cancel_run(struct ctl *c, struct err *err)
{
	struct ctl_wait w = {0};
	cJSON *params, *m = NULL;
	const char *state;

	if (check_id(c->operand[0], err) == -1)
		return -1;
	params = json_new();
	json_put_str(params, "id", c->operand[0]);
	if (ctl_wait_call(c, false, "iris/message.cancel", params, CALL_TIMEOUT, &w, &m, err) == -1)
		return w.interrupted ? CTL_INTERRUPTED : -1;
	if (c->json) {
		ctl_print_json(m);
		return 0;
	}
	state = json_str(m, "state");
	term_print(stdout, c->operand[0], false);
	printf(" is ");
	term_print(stdout, state ? state : "?", false);
	if (state != NULL && (strcmp(state, "sent") == 0 || strcmp(state, "seen") == 0))
		printf(", and is to be cancelled as soon as its team's machine can be reached");
	putchar('\n');
	cJSON_Delete(m);
	return 0;
}
