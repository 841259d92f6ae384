/* SPDX-License-Identifier: MIT
 *
 * approvals allow and deny. An answer holds the hash of the input that was fetched, and on a
 * terminal shown, so that it can not come to mean another one; all requests are fetched before the
 * first is answered.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/json.h"
#include "common/xmalloc.h"
#include "irisd/ctl/approvals.h"
#include "irisd/ctl/term.h"

#define INPUT_LIMIT ((size_t)4 * 1024 * 1024)
#define ID_MIN      6 /* characters of an id that irisd takes for it */

int
approvals_send(struct ctl *c, const cJSON *p, const struct approvals_answer *a, cJSON **result,
    struct err *err)
{
	cJSON *params = json_new();

	json_put_str(params, "id", approvals_text(p, "id"));
	json_put_str(params, "behavior", a->allow ? "allow" : "deny");
	json_put_str(
	    params, "inputHash", a->hash != NULL ? a->hash : approvals_text(p, "inputHash"));
	json_put_str_opt(params, "reason", a->reason);
	if (a->updated != NULL)
		json_put(params, "updatedInput", cJSON_Duplicate(a->updated, true));
	if (a->remember)
		json_put_bool(params, "remember", true);
	if (a->expires > 0)
		json_put_int(params, "expires", a->expires);
	return ctl_call(c, false, "iris/permission.answer", params, APPROVALS_TIMEOUT, result, err);
}

void
approvals_print_end(const cJSON *result)
{
	const cJSON *p = json_obj(result, "permission");
	const char *rule = json_str(result, "remembered");
	bool allowed = strcmp(approvals_text(p, "state"), "allowed") == 0;

	fputs(term_on(stdout, allowed ? TERM_GREEN : TERM_RED), stdout);
	term_print(stdout, approvals_text(p, "state"), false);
	printf("%s: ", term_off(stdout));
	term_print(stdout, approvals_text(p, "tool"), false);
	printf(" for team ");
	term_print(stdout, approvals_text(p, "team"), false);
	if (json_get(p, "updatedInput") != NULL)
		printf(", with another input");
	printf(" (");
	term_print(stdout, approvals_short(p), false);
	printf(")\n");
	if (rule != NULL) {
		printf("remembered: ");
		term_print(stdout, rule, false);
		putchar('\n');
	}
}

/* --- the command line --------------------------------------------------------------------- */

/* All of a file, "-" for standard input, as a JSON object; NULL with err. */
static cJSON *
read_input(const char *name, struct err *err)
{
	bool in = strcmp(name, "-") == 0;
	int fd = in ? STDIN_FILENO : open(name, O_RDONLY | O_CLOEXEC);
	char *text = NULL;
	cJSON *o = NULL;
	size_t len = 0;
	ssize_t n = -1;

	if (fd != -1) {
		text = xmalloc(INPUT_LIMIT + 1);
		while (len <= INPUT_LIMIT &&
		    ((n = read(fd, text + len, INPUT_LIMIT + 1 - len)) > 0 ||
			(n == -1 && errno == EINTR)))
			len += n > 0 ? (size_t)n : 0;
	}
	if (n == -1)
		err_sys(err, ERR_IO, "can not read %s", in ? "standard input" : name);
	else if (len > INPUT_LIMIT)
		err_set(err, ERR_LIMIT, "the input is longer than %zu MiB", INPUT_LIMIT >> 20);
	else if ((o = json_parse(text, len, err)) == NULL)
		err_prefix(err, "%s: ", in ? "standard input" : name);
	else if (!cJSON_IsObject(o)) {
		err_set(err, ERR_INVALID, "%s: the input of a tool is a JSON object",
		    in ? "standard input" : name);
		cJSON_Delete(o);
		o = NULL;
	}
	if (!in && fd != -1)
		close(fd);
	free(text);
	return o;
}

/* What irisd may take for the beginning or the end of an id. */
static bool
like_id(const char *s)
{
	size_t i;

	for (i = 0; isxdigit((unsigned char)s[i]) || s[i] == '-'; i++)
		continue;
	return s[i] == '\0' && i >= ID_MIN;
}

/* How many operands are ids: all that look like it, and the first in any case. */
static int
count_ids(const struct ctl *c)
{
	int n = 1;

	while (n < c->noperands && like_id(c->operand[n]))
		n++;
	return n;
}

static char *
join(const struct ctl *c, int first)
{
	char *text = NULL, *more;
	int i;

	for (i = first; i < c->noperands; i++) {
		more =
		    text == NULL ? xstrdup(c->operand[i]) : xasprintf("%s %s", text, c->operand[i]);
		free(text);
		text = more;
	}
	return text;
}

/* The requests that the first n operands name, a list; NULL with err. */
static cJSON *
fetch_all(struct ctl *c, int n, struct err *err)
{
	cJSON *list = cJSON_CreateArray(), *p;
	int i;

	for (i = 0; i < n; i++) {
		if (approvals_fetch(c, c->operand[i], &p, err) == -1) {
			cJSON_Delete(list);
			return NULL;
		}
		cJSON_AddItemToArray(list, p);
	}
	return list;
}

static cJSON *
failure(const cJSON *p, const struct err *why)
{
	cJSON *o = json_new(), *e = json_new();

	json_put_str(o, "id", approvals_text(p, "id"));
	json_put_str(e, "code", err_name(why->code));
	json_put_str(e, "message", why->msg);
	json_put(o, "error", e);
	return o;
}

/* Several: each for itself, and the first failure is the exit status. */
static int
answer_each(struct ctl *c, const cJSON *list, const struct approvals_answer *a)
{
	cJSON *results = cJSON_CreateArray(), *result;
	struct err err = {0};
	const cJSON *p;
	int status = 0;

	cJSON_ArrayForEach (p, list) {
		result = NULL;
		if (!c->json && term.out_tty) {
			approvals_print(c, p);
			putchar('\n');
		}
		if (approvals_send(c, p, a, &result, &err) == -1) {
			result = failure(p, &err);
			status = status == 0 ? err_exit_status(err.code) : status;
			if (!c->json) {
				fflush(stdout);
				fprintf(stderr, "iris: %s: ", approvals_short(p));
				term_print(stderr, err.msg, true);
				fputc('\n', stderr);
			}
		} else if (!c->json) {
			approvals_print_end(result);
		}
		cJSON_AddItemToArray(results, result);
	}
	if (c->json)
		ctl_print_json(results);
	else
		cJSON_Delete(results);
	return status;
}

static int
answer(struct ctl *c, int n, const struct approvals_answer *a, struct err *err)
{
	cJSON *list = fetch_all(c, n, err), *result = NULL;
	const cJSON *p;
	int rv;

	if (list == NULL)
		return -1;
	if (n > 1) {
		rv = answer_each(c, list, a);
		cJSON_Delete(list);
		return rv;
	}
	p = cJSON_GetArrayItem(list, 0);
	if (!c->json && term.out_tty && approvals_pending(p)) {
		approvals_print(c, p);
		putchar('\n');
	}
	rv = approvals_send(c, p, a, &result, err);
	cJSON_Delete(list);
	if (rv == -1)
		return -1;
	if (c->json) {
		ctl_print_json(result);
		return 0;
	}
	approvals_print_end(result);
	cJSON_Delete(result);
	return 0;
}

int
ctl_approvals_allow_run(struct ctl *c, struct err *err)
{
	const char *input = ctl_opt(c, "input"), *expires = ctl_opt(c, "expires");
	struct approvals_answer a = {
	    .allow = true, .hash = ctl_opt(c, "hash"), .remember = ctl_opt(c, "remember") != NULL};
	cJSON *updated = NULL;
	int rv;

	if (expires != NULL && !a.remember)
		return err_set(err, ERR_INVALID,
		    "--expires is for what is remembered: give --remember as well");
	if (expires != NULL && ctl_lifetime(expires, "--expires", &a.expires, err) == -1)
		return -1;
	if (c->noperands > 1 && (input != NULL || a.hash != NULL))
		return err_set(
		    err, ERR_INVALID, "--input and --hash are of one request: give one id");
	if (input != NULL && (updated = read_input(input, err)) == NULL)
		return -1;
	a.updated = updated;
	rv = answer(c, c->noperands, &a, err);
	cJSON_Delete(updated);
	return rv;
}

int
ctl_approvals_deny_run(struct ctl *c, struct err *err)
{
	struct approvals_answer a = {.hash = ctl_opt(c, "hash"), .reason = ctl_opt(c, "reason")};
	int n = count_ids(c), rv;
	char *words = join(c, n);

	if (words != NULL && a.reason != NULL)
		rv = err_set(err, ERR_INVALID,
		    "there are two reasons: \"%.80s\" and that of --reason", words);
	else if (n > 1 && a.hash != NULL)
		rv = err_set(err, ERR_INVALID, "--hash is of one request: give one id");
	else {
		a.reason = words != NULL ? words : a.reason;
		rv = answer(c, n, &a, err);
	}
	free(words);
	return rv;
}
