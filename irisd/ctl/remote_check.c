/* SPDX-License-Identifier: MIT
 *
 * remote check: what irisd found at a team's host, step by step, with what to do about the step
 * that has failed. Also asks for doctor. Changes nothing, here or there.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "irisd/ctl/remote.h"
#include "irisd/ctl/term.h"

#define ASK_TIMEOUT  900000 /* ms: irisd ends it before, by the team's own time limits */
#define LIST_TIMEOUT 10000
#define TICK_MS      100

struct waiting {
	struct term_spinner spinner;
	const char *doing;
};

static void
tick_cb(void *arg)
{
	struct waiting *s = arg;

	term_spinner_draw(&s->spinner, s->doing);
}

int
ctl_remote_ask(struct ctl *c, bool start, const char *method, cJSON *params, const char *doing,
    bool *interrupted, cJSON **result, struct err *err)
{
	struct waiting s = {.spinner.on = !c->quiet && term.err_tty, .doing = doing};
	struct ctl_wait w = {.tick = tick_cb, .arg = &s, .tick_ms = s.spinner.on ? TICK_MS : 0};
	int rv;

	rv = ctl_wait_call(c, start, method, params, ASK_TIMEOUT, &w, result, err);
	term_spinner_clear(&s.spinner);
	*interrupted = w.interrupted;
	return rv;
}

int
ctl_remote_check(struct ctl *c, bool start, const char *team, const char *doing, bool *interrupted,
    cJSON **result, struct err *err)
{
	cJSON *params = json_new();

	json_put_str(params, "team", team);
	return ctl_remote_ask(
	    c, start, "iris/remote.check", params, doing, interrupted, result, err);
}

const cJSON *
ctl_remote_failed(const cJSON *result)
{
	const cJSON *step;

	cJSON_ArrayForEach (step, json_arr(result, "steps"))
		if (!json_bool(step, "ok", false))
			return step;
	return NULL;
}

enum err_code
ctl_remote_code(const cJSON *step)
{
	static const struct {
		const char *name;
		enum err_code code;
	} kinds[] = {
	    {"resolve", ERR_LINE},
	    {"connect", ERR_LINE},
	    {"hostkey", ERR_HOST},
	    {"login", ERR_HOST},
	    {"directory", ERR_DIRECTORY},
	    {"claude", ERR_NO_CLAUDE},
	    {"storage", ERR_HOST},
	    {"tunnel", ERR_HOST},
	};
	const char *name = json_str(step, "name");
	size_t i;

	for (i = 0; name != NULL && i < sizeof kinds / sizeof kinds[0]; i++)
		if (strcmp(kinds[i].name, name) == 0)
			return kinds[i].code;
	return ERR_HOST;
}

/* --- printing --------------------------------------------------------------------------------- */

static void
print_text(const char *text)
{
	term_print(stdout, text != NULL ? text : "", false);
}

static void
print_step(const cJSON *step)
{
	bool ok = json_bool(step, "ok", false);
	const char *name = json_str(step, "name"), *mend = json_str(step, "mend");
	const char *detail = json_str(step, "detail");
	const char *mark = term.utf8 ? (ok ? "✓" : "✗") : ok ? "ok" : "NO";
	char took[32], *safe = NULL;
	int pad;

	if (name == NULL)
		name = "?";
	safe = term_escape(name, strlen(name), false);
	pad = 10 - (int)term_columns(safe);
	printf("  %s%s%s  %s%*s", term_on(stdout, ok ? TERM_GREEN : TERM_RED), mark,
	    term_off(stdout), safe, pad > 0 ? pad : 0, "");
	free(safe);
	printf("  %s%8s%s", term_on(stdout, TERM_DIM),
	    term_duration(json_int_or(step, "ms", 0), took, sizeof took), term_off(stdout));
	if (detail != NULL && detail[0] != '\0') {
		printf("  ");
		print_text(detail);
	}
	putchar('\n');
	if (mend != NULL && !ok) {
		printf("     -> ");
		print_text(mend);
		putchar('\n');
	}
}

static void
print_result(const cJSON *result, const char *team)
{
	const char *host = json_str(result, "host"), *path = json_str(result, "path");
	const cJSON *step;

	printf("%s", term_on(stdout, TERM_BOLD));
	print_text(team);
	printf("%s", term_off(stdout));
	if (host != NULL) {
		printf(" on ");
		print_text(host);
	}
	if (path != NULL) {
		printf(", ");
		print_text(path);
	}
	putchar('\n');
	cJSON_ArrayForEach (step, json_arr(result, "steps"))
		print_step(step);
}

/* Of several teams, one that could not be looked at at all. */
static void
print_refused(const char *team, const struct err *why)
{
	printf("%s", term_on(stdout, TERM_BOLD));
	print_text(team);
	printf("%s\n  %s%s%s  ", term_off(stdout), term_on(stdout, TERM_RED),
	    term.utf8 ? "✗" : "NO", term_off(stdout));
	print_text(why->msg);
	putchar('\n');
}

/* --- the command ------------------------------------------------------------------------------ */

static int
status_of(const cJSON *result)
{
	const cJSON *step = ctl_remote_failed(result);

	return step != NULL ? err_exit_status(ctl_remote_code(step)) : 0;
}

static int
check_one(struct ctl *c, const char *team, struct err *err)
{
	cJSON *result = NULL;
	char doing[160];
	bool interrupted;
	int status;

	snprintf(doing, sizeof doing, "looking at the host of %.100s", team);
	if (ctl_remote_check(c, true, team, doing, &interrupted, &result, err) == -1)
		return interrupted ? CTL_INTERRUPTED : -1;
	status = status_of(result);
	if (c->json) {
		ctl_print_json(result);
		return status;
	}
	print_result(result, team);
	cJSON_Delete(result);
	return status;
}

static cJSON *
refused_json(const char *team, const struct err *why)
{
	cJSON *o = json_new(), *e = json_new();

	json_put_str(e, "code", err_name(why->code));
	json_put_str(e, "message", why->msg);
	json_put_str(o, "team", team);
	json_put_bool(o, "ok", false);
	json_put(o, "error", e);
	return o;
}

/* One team of all: its part of the list in JSON, or printed. The exit status, -1 for Ctrl-C. */
static int
check_next(struct ctl *c, const char *team, int nth, int of, cJSON *list)
{
	cJSON *result = NULL;
	struct err why = {0};
	char doing[160];
	bool interrupted;
	int status;

	snprintf(doing, sizeof doing, "looking at the host of %.100s (%d of %d)", team, nth, of);
	if (ctl_remote_check(c, true, team, doing, &interrupted, &result, &why) == -1) {
		if (interrupted)
			return -1;
		if (c->json)
			cJSON_AddItemToArray(list, refused_json(team, &why));
		else
			print_refused(team, &why);
		return err_exit_status(why.code);
	}
	status = status_of(result);
	if (c->json) {
		cJSON_AddItemToArray(list, result);
	} else {
		print_result(result, team);
		cJSON_Delete(result);
	}
	return status;
}

static int
check_all(struct ctl *c, struct err *err)
{
	cJSON *teams = NULL, *tree, *list = cJSON_CreateArray();
	const cJSON *t;
	const char *name;
	int n = 0, of, status = 0, one;

	if (ctl_call(c, true, "iris/remote.list", json_new(), LIST_TIMEOUT, &teams, err) == -1) {
		cJSON_Delete(list);
		return -1;
	}
	of = cJSON_GetArraySize(json_arr(teams, "teams"));
	if (of <= 0 && !c->json)
		printf("no team is on another machine\n");
	cJSON_ArrayForEach (t, json_arr(teams, "teams")) {
		if ((name = json_str(t, "name")) == NULL)
			continue;
		if (n > 0 && !c->json)
			putchar('\n');
		if ((one = check_next(c, name, ++n, of, list)) == -1) {
			status = CTL_INTERRUPTED;
			break;
		}
		fflush(stdout);
		status = status != 0 ? status : one;
	}
	cJSON_Delete(teams);
	if (!c->json) {
		cJSON_Delete(list);
		return status;
	}
	tree = json_new();
	json_put(tree, "teams", list);
	ctl_print_json(tree);
	return status;
}

int
ctl_remote_check_run(struct ctl *c, struct err *err)
{
	bool all = ctl_opt(c, "all") != NULL;

	if (all == (c->noperands > 0))
		return err_set(err, ERR_INVALID,
		    "which team? iris remote check takes the name of one, or --all");
	return all ? check_all(c, err) : check_one(c, c->operand[0], err);
}
