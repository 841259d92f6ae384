/* SPDX-License-Identifier: MIT
 *
 * remote list, revoke, grant and mcp: the teams on other machines, the lines to them, and the way
 * back for a person's own Claude over there. Asks irisd and prints; decides nothing.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/compat.h"
#include "common/json.h"
#include "irisd/ctl/remote.h"
#include "irisd/ctl/term.h"

#define CALL_TIMEOUT 10000

const char *
ctl_line_text(const cJSON *line, char *buf, size_t size)
{
	int64_t now = compat_now_ms(), since, next;
	char ago[32], left[32];
	size_t n;

	n = (size_t)snprintf(buf, size, "lost");
	if (json_int(line, "down", &since) == 0)
		n += (size_t)snprintf(buf + n, size - n, " %s ago",
		    term_duration(since < now ? now - since : 0, ago, sizeof ago));
	if (json_int(line, "nextTry", &next) == 0)
		snprintf(buf + n, size - n, ", next try in %s",
		    term_duration(next > now ? next - now : 0, left, sizeof left));
	return buf;
}

static void
print_text(const char *text)
{
	term_print(stdout, text != NULL ? text : "?", false);
}

/* --- list ------------------------------------------------------------------------------------- */

static void
line_cell(struct term_table *table, const cJSON *t)
{
	const char *status = json_str(t, "status");
	const cJSON *line = json_obj(t, "line");
	char text[128];

	if (line != NULL)
		term_table_cell(table, 3, ctl_line_text(line, text, sizeof text), TERM_RED);
	else if (status != NULL && strcmp(status, "awake") == 0)
		term_table_cell(table, 3, "up", TERM_GREEN);
	else
		term_table_cell(table, 3, "not in use", TERM_DIM);
}

static void
tunnel_cell(struct term_table *table, const cJSON *t)
{
	const char *state = json_str(json_obj(t, "tunnel"), "state");
	enum term_style style = TERM_YELLOW;

	if (state == NULL || strcmp(state, "off") == 0)
		style = TERM_DIM;
	else if (strcmp(state, "revoked") == 0)
		style = TERM_RED;
	else if (strcmp(state, "up") == 0)
		style = TERM_GREEN;
	term_table_cell(table, 4, state != NULL ? state : "off", style);
}

int
ctl_remote_list_run(struct ctl *c, struct err *err)
{
	static const char *const heads[] = {
	    "TEAM", "HOST", "BY", "LINE", "REVERSE MCP", "DIRECTORY"};
	struct term_table table;
	cJSON *result = NULL;
	const char *why;
	const cJSON *t;

	if (ctl_call(c, true, "iris/remote.list", json_new(), CALL_TIMEOUT, &result, err) == -1)
		return -1;
	if (c->json) {
		ctl_print_json(result);
		return 0;
	}
	if (cJSON_GetArraySize(json_arr(result, "teams")) <= 0) {
		printf("no team is on another machine; \"iris team add NAME --remote 'ssh "
		       "user@host' --path DIR\" adds one\n");
		cJSON_Delete(result);
		return 0;
	}
	term_table_init(&table, 6, heads);
	cJSON_ArrayForEach (t, json_arr(result, "teams")) {
		term_table_row(&table);
		term_table_cell(&table, 0, json_str(t, "name"), TERM_BOLD);
		term_table_cell(&table, 1, json_str(t, "host"), TERM_PLAIN);
		term_table_cell(&table, 2, json_str(t, "transport"), TERM_PLAIN);
		line_cell(&table, t);
		tunnel_cell(&table, t);
		term_table_cell(&table, 5, json_str(t, "path"), TERM_PLAIN);
	}
	term_table_print(&table, "");
	cJSON_ArrayForEach (t, json_arr(result, "teams")) {
		if ((why = json_str(json_obj(t, "line"), "why")) == NULL)
			continue;
		printf("%sline lost:%s ", term_on(stdout, TERM_YELLOW), term_off(stdout));
		print_text(json_str(t, "name"));
		printf(": ");
		print_text(why);
		putchar('\n');
	}
	cJSON_Delete(result);
	return 0;
}

/* --- revoke and grant ------------------------------------------------------------------------- */

static int
change(struct ctl *c, const char *method, const char *said, struct err *err)
{
	cJSON *params = json_new(), *result = NULL;

	json_put_str(params, "team", c->operand[0]);
	if (ctl_call(c, true, method, params, CALL_TIMEOUT, &result, err) == -1)
		return -1;
	if (c->json) {
		ctl_print_json(result);
		return 0;
	}
	printf("%s%s%s: %s\n", term_on(stdout, TERM_BOLD), c->operand[0], term_off(stdout), said);
	cJSON_Delete(result);
	return 0;
}

int
ctl_remote_revoke_run(struct ctl *c, struct err *err)
{
	return change(c, "iris/remote.revoke",
	    "nothing over there reaches Iris any more by its tunnel, which is closed, or by its "
	    "key;\n\"iris remote grant\" undoes this, and \"iris team remove\" ends the team",
	    err);
}

int
ctl_remote_grant_run(struct ctl *c, struct err *err)
{
	return change(
	    c, "iris/remote.grant", "it may have its tunnel again, where the team has one", err);
}

/* --- mcp -------------------------------------------------------------------------------------- */

/* The member of remote.list for this team; NULL with err. */
static const cJSON *
find_team(const cJSON *list, const char *name, struct err *err)
{
	const char *is;
	const cJSON *t;

	cJSON_ArrayForEach (t, json_arr(list, "teams"))
		if ((is = json_str(t, "name")) != NULL && strcmp(is, name) == 0)
			return t;
	err_set(err, ERR_NOT_FOUND,
	    "there is no team \"%.100s\" on another machine; \"iris remote list\" lists them",
	    name);
	return NULL;
}

static void
print_mcp(const cJSON *t, const cJSON *tunnel)
{
	const char *state = json_str(tunnel, "state"), *form = json_str(tunnel, "form");
	bool up = state != NULL && strcmp(state, "up") == 0;
	const char *why = json_str(tunnel, up ? "address" : "why");

	printf("For your own Claude Code on ");
	print_text(json_str(t, "host"));
	printf(", which then speaks for team ");
	print_text(json_str(t, "name"));
	printf(". Over there");
	if (form != NULL && strcmp(form, "http") == 0)
		printf(":\n\n    claude --mcp-config ~/.iris/mcp.json\n");
	else
		printf(", with iris-mcp-shim installed, once:\n\n    claude mcp add --scope user "
		       "iris -- iris-mcp-shim --socket ~/.iris/remote.sock\n");
	printf("\nThe tunnel is ");
	print_text(state != NULL && strcmp(state, "making") == 0 ? "being made" : state);
	if (why != NULL) {
		printf(": ");
		print_text(why);
	}
	putchar('\n');
}

int
ctl_remote_mcp_run(struct ctl *c, struct err *err)
{
	const cJSON *t, *tunnel;
	cJSON *list = NULL;
	const char *state;
	int rv = -1;

	if (ctl_call(c, true, "iris/remote.list", json_new(), CALL_TIMEOUT, &list, err) == -1)
		return -1;
	if ((t = find_team(list, c->operand[0], err)) == NULL)
		goto out;
	tunnel = json_obj(t, "tunnel");
	if ((state = json_str(tunnel, "state")) != NULL && strcmp(state, "revoked") == 0) {
		err_set(err, ERR_REFUSED,
		    "team %s is revoked; \"iris remote grant %s\" gives it its tunnel again",
		    c->operand[0], c->operand[0]);
		goto out;
	}
	if (tunnel == NULL) {
		err_set(err, ERR_CONFIG,
		    "team %s has no tunnel; set enableReverseMcp: true for it in %s (iris-config(5))",
		    c->operand[0], c->paths.config);
		goto out;
	}
	rv = 0;
	if (c->json)
		ctl_print_json(cJSON_Duplicate(t, true));
	else
		print_mcp(t, tunnel);
out:
	cJSON_Delete(list);
	return rv;
}
