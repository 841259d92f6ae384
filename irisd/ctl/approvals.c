/* SPDX-License-Identifier: MIT
 *
 * approvals list and show, and how a request is told on one line. Starts no irisd: without one,
 * nothing waits.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/compat.h"
#include "common/json.h"
#include "common/xmalloc.h"
#include "irisd/ctl/approvals.h"
#include "irisd/ctl/term.h"

#define SUMMARY_COLUMNS 400

const char *
approvals_text(const cJSON *p, const char *name)
{
	const char *s = json_str(p, name);

	return s != NULL ? s : "?";
}

const char *
approvals_short(const cJSON *p)
{
	const char *id = approvals_text(p, "id");
	size_t len = strlen(id);

	return len > APPROVALS_SHORT ? id + len - APPROVALS_SHORT : id;
}

bool
approvals_pending(const cJSON *p)
{
	return strcmp(approvals_text(p, "state"), "pending") == 0;
}

const char *
approvals_asker(const cJSON *p, char *buf, size_t size)
{
	const char *from = json_str(p, "from"), *asked = json_str(p, "asked");

	if (asked != NULL && from != NULL && strcmp(asked, from) != 0)
		snprintf(buf, size, "%s (by way of %s)", asked, from);
	else
		snprintf(buf, size, "%s", asked != NULL ? asked : from != NULL ? from : "-");
	return buf;
}

/* The member that says most of what is to be done; with none of these, the whole. */
char *
approvals_summary(const cJSON *p)
{
	static const char *const names[] = {"command", "file_path", "notebook_path", "url", "path",
	    "pattern", "query", "prompt", "description"};
	const cJSON *input = json_get(p, "input"), *q;
	const char *text = NULL;
	char *out, *o, *at;
	size_t i;

	for (i = 0; i < sizeof names / sizeof names[0] && text == NULL; i++)
		text = json_str(input, names[i]);
	q = cJSON_GetArrayItem(json_arr(input, "questions"), 0);
	if (text == NULL)
		text = json_str(q, "question");
	out = text != NULL ? xstrdup(text) : input != NULL ? json_print(input) : xstrdup("");
	/* One blank for each run of blanks and line ends. */
	for (o = at = out; *at != '\0'; at++) {
		bool blank = strchr(" \t\r\n", *at) != NULL;
		if (!blank || (o > out && o[-1] != ' '))
			*o++ = blank ? ' ' : *at;
	}
	*o = '\0';
	term_cut(out, SUMMARY_COLUMNS);
	return out;
}

const char *
approvals_state(const cJSON *p, char *buf, size_t size)
{
	int64_t left = json_int_or(p, "deadline", 0) - compat_now_ms();
	const char *by = json_str(p, "by");
	char text[32];

	if (!approvals_pending(p))
		snprintf(buf, size, "%s%s%s", approvals_text(p, "state"), by != NULL ? " by " : "",
		    by != NULL ? by : "");
	else if (left > 0)
		snprintf(buf, size, "%s left", term_duration(left, text, sizeof text));
	else
		snprintf(buf, size, "its time is up");
	return buf;
}

int
approvals_fetch(struct ctl *c, const char *id, cJSON **p, struct err *err)
{
	cJSON *params = json_new(), *result = NULL;

	json_put_str(params, "id", id);
	if (ctl_call(c, false, "iris/permission.show", params, APPROVALS_TIMEOUT, &result, err) ==
	    -1)
		return -1;
	*p = cJSON_DetachItemFromObjectCaseSensitive(result, "permission");
	cJSON_Delete(result);
	return *p != NULL ? 0 : err_set(err, ERR_PROTOCOL, "irisd sent no permission request");
}

static void
print_list(const cJSON *list)
{
	static const char *const heads[] = {
	    "ID", "TEAM", "ASKED BY", "TOOL", "AGE", "STATE", "INPUT"};
	char age[32], state[256], asker[256], *summary;
	int64_t now = compat_now_ms();
	struct term_table t;
	const cJSON *p;

	term_table_init(&t, 7, heads);
	cJSON_ArrayForEach (p, list) {
		term_table_row(&t);
		term_table_cell(&t, 0, approvals_short(p), TERM_BOLD);
		term_table_cell(&t, 1, json_str(p, "team"), TERM_PLAIN);
		term_table_cell(&t, 2, approvals_asker(p, asker, sizeof asker), TERM_PLAIN);
		term_table_cell(&t, 3, json_str(p, "tool"), TERM_CYAN);
		term_table_cell(&t, 4,
		    term_duration(now - json_int_or(p, "createdAt", now), age, sizeof age),
		    TERM_PLAIN);
		term_table_cell(&t, 5, approvals_state(p, state, sizeof state),
		    approvals_pending(p) ? TERM_YELLOW : TERM_DIM);
		summary = approvals_summary(p);
		term_table_cell(&t, 6, summary, TERM_PLAIN);
		free(summary);
	}
	term_table_print(&t, "");
}

int
ctl_approvals_list_run(struct ctl *c, struct err *err)
{
	const char *limit = ctl_opt(c, "limit");
	bool all = ctl_opt(c, "all") != NULL;
	cJSON *params, *result = NULL, *list;
	int64_t n = 0, left;

	if (ctl_opt(c, "watch") != NULL)
		return approvals_watch(c, err);
	if (limit != NULL && ctl_number(limit, "--limit", 1, 10000, &n, err) == -1)
		return -1;
	params = json_new();
	json_put_bool(params, "all", all);
	if (n > 0)
		json_put_int(params, "limit", n);
	if (ctl_call(c, false, "iris/permission.list", params, APPROVALS_TIMEOUT, &result, err) ==
	    -1)
		return -1;
	list = cJSON_DetachItemFromObjectCaseSensitive(result, "permissions");
	left = json_int_or(result, "left", 0);
	cJSON_Delete(result);
	if (left > 0 && !c->quiet)
		fprintf(
		    stderr, "iris: %" PRId64 " more, older, are too large for one list\n", left);
	if (c->json) {
		ctl_print_json(list != NULL ? list : cJSON_CreateArray());
		return 0;
	}
	if (cJSON_GetArraySize(list) > 0)
		print_list(list);
	else
		puts(all ? "no permission requests" : "nothing waits for a permission");
	cJSON_Delete(list);
	return 0;
}

int
ctl_approvals_show_run(struct ctl *c, struct err *err)
{
	cJSON *p;

	if (approvals_fetch(c, c->operand[0], &p, err) == -1)
		return -1;
	if (c->json) {
		ctl_print_json(p);
		return 0;
	}
	approvals_print(c, p);
	if (!c->quiet && term.err_tty && approvals_pending(p))
		fprintf(stderr, "\n%s\"iris approvals allow %s\", or deny%s\n",
		    term_on(stderr, TERM_DIM), approvals_short(p), term_off(stderr));
	cJSON_Delete(p);
	return 0;
}

int
ctl_approvals_watch_run(struct ctl *c, struct err *err)
{
	return approvals_watch(c, err);
}
