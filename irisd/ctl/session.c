/* SPDX-License-Identifier: MIT
 *
 * session list, report, reboot, delete, compact and fork: the conversations that teams have with
 * one another. Without --from, that of the team in whose directory the caller is.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/json.h"
#include "common/xmalloc.h"
#include "irisd/ctl/ctl.h"
#include "irisd/ctl/sessions.h"
#include "irisd/ctl/term.h"

#define CALL_TIMEOUT  10000
#define RENEW_TIMEOUT 120000 /* ms: irisd has the shorter limits of the configuration */

static cJSON *
params_for(struct ctl *c)
{
	cJSON *params = json_new();

	json_put_str(params, "team", c->operand[0]);
	json_put_str_opt(params, "from", ctl_opt(c, "from"));
	return params;
}

int
ctl_session_list_run(struct ctl *c, struct err *err)
{
	cJSON *params = json_new(), *r = NULL;

	json_put_str_opt(params, "team", ctl_opt(c, "team"));
	json_put_str_opt(params, "from", ctl_opt(c, "from"));
	if (ctl_call(c, false, "iris/session.list", params, CALL_TIMEOUT, &r, err) == -1)
		return -1;
	if (c->json) {
		ctl_print_json(r);
		return 0;
	}
	if (cJSON_GetArraySize(json_arr(r, "sessions")) > 0)
		ctl_print_sessions(json_arr(r, "sessions"));
	else
		printf("no sessions\n");
	cJSON_Delete(r);
	return 0;
}

/* --- report ----------------------------------------------------------------------------------- */

static void
print_entry(const cJSON *e)
{
	const cJSON *m;
	char clock[48];

	printf("\n%s", term_on(stdout, TERM_BOLD));
	term_print(stdout, json_str(e, "messageId") ? json_str(e, "messageId") : "?", false);
	printf("%s  %s  ", term_off(stdout),
	    term_clock(json_int_or(e, "createdAt", 0), clock, sizeof clock));
	term_print(stdout, json_str(e, "state") ? json_str(e, "state") : "?", false);
	putchar('\n');
	cJSON_ArrayForEach (m, json_arr(e, "messages")) {
		const char *type = json_str(m, "type"), *text = json_str(m, "content");
		bool asks = type != NULL && strcmp(type, "user") == 0;
		printf("  %s%s%s ", term_on(stdout, TERM_DIM), asks ? ">" : "<", term_off(stdout));
		term_print(stdout, text ? text : "", false);
		putchar('\n');
	}
	if (json_str(e, "reason") != NULL) {
		printf("  %s! ", term_on(stdout, TERM_RED));
		term_print(stdout, json_str(e, "reason"), false);
		printf("%s\n", term_off(stdout));
	}
}

int
ctl_session_report_run(struct ctl *c, struct err *err)
{
	const cJSON *e, *stats;
	const char *from;
	cJSON *r = NULL;

	if (ctl_call(c, false, "iris/session.report", params_for(c), CALL_TIMEOUT, &r, err) == -1)
		return -1;
	if (c->json) {
		ctl_print_json(r);
		return 0;
	}
	stats = json_obj(r, "stats");
	from = json_str(r, "fromTeam");
	term_print(stdout, from ? from : "?", false);
	printf(" -> %s: %" PRId64 " messages, %" PRId64 " answered, %" PRId64
	       " without an answer, %" PRId64 " under way\n",
	    c->operand[0], json_int_or(stats, "totalEntries", 0),
	    json_int_or(stats, "completedEntries", 0), json_int_or(stats, "terminatedEntries", 0),
	    json_int_or(stats, "activeEntries", 0));
	cJSON_ArrayForEach (e, json_arr(r, "entries"))
		print_entry(e);
	cJSON_Delete(r);
	return 0;
}

/* --- reboot, delete, compact ------------------------------------------------------------------ */

/* A conversation does not come back. */
static int
ask(struct ctl *c, struct err *err)
{
	char question[256];

	if (ctl_opt(c, "yes") != NULL)
		return 0;
	if (!ctl_can_ask())
		return err_set(err, ERR_INVALID,
		    "nobody can be asked here; give --yes to forget the conversation without asking");
	snprintf(
	    question, sizeof question, "Forget the conversation with team %.100s?", c->operand[0]);
	if (!ctl_confirm(question))
		return err_set(err, ERR_CANCELLED, "nothing was changed");
	return 0;
}

static int
renew(struct ctl *c, const char *method, bool start, const char *done, struct err *err)
{
	struct ctl_wait w = {0};
	cJSON *params, *r = NULL;
	const char *problem;

	if (ask(c, err) == -1)
		return -1;
	params = params_for(c);
	if (ctl_opt(c, "force") != NULL)
		json_put_bool(params, "force", true);
	if (ctl_wait_call(c, start, method, params, RENEW_TIMEOUT, &w, &r, err) == -1)
		return w.interrupted ? CTL_INTERRUPTED : -1;
	if (c->json) {
		ctl_print_json(r);
		return 0;
	}
	problem = json_str(r, "problem");
	printf("%s: %s\n", c->operand[0],
	    json_bool(r, "hadSession", false) ? done : "there was no conversation");
	if (problem != NULL) {
		printf("  the old transcript is still there: ");
		term_print(stdout, problem, false);
		putchar('\n');
	}
	cJSON_Delete(r);
	return 0;
}

int
ctl_session_reboot_run(struct ctl *c, struct err *err)
{
	return renew(c, "iris/session.reboot", true, "begun anew, awake", err);
}

int
ctl_session_delete_run(struct ctl *c, struct err *err)
{
	return renew(c, "iris/session.delete", false, "forgotten", err);
}

int
ctl_session_compact_run(struct ctl *c, struct err *err)
{
	struct ctl_wait w = {0};
	cJSON *m = NULL;

	if (ctl_wait_call(c, true, "iris/session.compact", params_for(c), -1, &w, &m, err) == -1)
		return w.interrupted ? CTL_INTERRUPTED : -1;
	if (c->json) {
		ctl_print_json(m);
		return 0;
	}
	if (ctl_message_err(m, err) == -1) {
		cJSON_Delete(m);
		return -1;
	}
	printf("%s: compacted\n", c->operand[0]);
	cJSON_Delete(m);
	return 0;
}

/* --- fork ------------------------------------------------------------------------------------- */

#define ARGV_MAX 320

/* Become the command; does not come back when that works. */
static int
become(const cJSON *r, struct err *err)
{
	const cJSON *list = json_arr(r, "argv"), *word;
	const char *dir = json_str(r, "directory");
	char *argv[ARGV_MAX];
	int n = 0;

	/* A part of it would be another command. */
	if (cJSON_GetArraySize(list) >= ARGV_MAX)
		return err_set(err, ERR_LIMIT, "the command has more than %d words", ARGV_MAX - 1);
	cJSON_ArrayForEach (word, list)
		if (cJSON_IsString(word))
			argv[n++] = word->valuestring;
	argv[n] = NULL;
	if (n == 0 || dir == NULL)
		return err_set(err, ERR_PROTOCOL, "irisd sent no command");
	if (chdir(dir) == -1)
		return err_sys(err, ERR_DIRECTORY, "can not enter %s", dir);
	fflush(stdout);
	execvp(argv[0], argv);
	return err_sys(err, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO, "can not run %s", argv[0]);
}

int
ctl_session_fork_run(struct ctl *c, struct err *err)
{
	const char *command, *by_hand;
	cJSON *r = NULL;
	int rv = 0;

	if (ctl_call(c, true, "iris/session.fork", params_for(c), CALL_TIMEOUT, &r, err) == -1)
		return -1;
	if (c->json) {
		ctl_print_json(r);
		return 0;
	}
	command = json_str(r, "command");
	by_hand = json_str(r, "byHand");
	if (ctl_opt(c, "print") != NULL || by_hand != NULL)
		printf("%s\n", command != NULL ? command : "");
	if (by_hand != NULL && !c->quiet)
		fprintf(stderr, "iris: %s\n", by_hand);
	if (ctl_opt(c, "print") == NULL && by_hand == NULL)

		rv = become(r, err);
	cJSON_Delete(r);
	return rv;
}
