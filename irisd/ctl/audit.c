/* SPDX-License-Identifier: MIT
 *
 * audit show, verify and export: what was decided, whether the record of it is whole, and a copy of
 * it. irisd does the checking, page by page, so that it is not held up; starts none.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "common/compat.h"
#include "common/json.h"
#include "irisd/ctl/ctl.h"
#include "irisd/ctl/term.h"

#define CALL_TIMEOUT 30000
#define PAGE         2000 /* rows; irisd gives no more at once */
#define SHOW_MAX     10000
#define HASH_LEN     64
#define PROGRESS_MS  1000 /* before which nothing is said of the progress */
#define SPIN_MS      100

struct progress {
	const struct ctl *c;
	struct term_spinner spinner;
	int64_t began, drawn;
};

static void
progress_begin(struct progress *p, const struct ctl *c)
{
	memset(p, 0, sizeof *p);
	p->c = c;
	p->spinner.on = !c->quiet && term.err_tty;
	p->began = compat_mono_ms();
}

static void
progress_at(struct progress *p, int64_t seq, int64_t of)
{
	int64_t now = compat_mono_ms();
	char text[96];

	if (now - p->began < PROGRESS_MS || now - p->drawn < SPIN_MS)
		return;
	p->drawn = now;
	if (of > 0)
		snprintf(text, sizeof text, "row %" PRId64 " of %" PRId64, seq, of);
	else
		snprintf(text, sizeof text, "row %" PRId64, seq);
	term_spinner_draw(&p->spinner, text);
}

/* Rows from seq on; the result has seq and head, those of the last row that was written. */
static int
page(struct call *call, int64_t seq, int64_t limit, cJSON **result, struct err *err)
{
	cJSON *params = json_new();

	json_put_int(params, "seq", seq);
	json_put_int(params, "limit", limit);
	return call_request(call, "iris/audit.list", params, CALL_TIMEOUT, NULL, NULL, result, err);
}

/* --- show --------------------------------------------------------------------------------- */

static void
print_rows(const cJSON *rows)
{
	static const char *const heads[] = {
	    "SEQ", "AT", "TEAM", "FROM", "DECISION", "TOOL", "BY", "WHY"};
	char number[24], clock[48];
	struct term_table t;
	const char *decision;
	enum term_style style;
	const cJSON *r;

	term_table_init(&t, 8, heads);
	cJSON_ArrayForEach (r, rows) {
		decision = json_str(r, "decision");
		style = decision == NULL               ? TERM_PLAIN
		    : strcmp(decision, "allowed") == 0 ? TERM_GREEN
		    : strcmp(decision, "denied") == 0 || strcmp(decision, "expired") == 0
		    ? TERM_RED
		    : TERM_PLAIN;
		term_table_row(&t);
		snprintf(number, sizeof number, "%" PRId64, json_int_or(r, "seq", 0));
		term_table_cell(&t, 0, number, TERM_DIM);
		term_table_cell(
		    &t, 1, term_clock(json_int_or(r, "at", 0), clock, sizeof clock), TERM_PLAIN);
		term_table_cell(&t, 2, json_str(r, "to"), TERM_PLAIN);
		term_table_cell(&t, 3, json_str(r, "from"), TERM_PLAIN);
		term_table_cell(&t, 4, decision, style);
		term_table_cell(&t, 5,
		    json_str(r, "tool") ? json_str(r, "tool") : json_str(r, "kind"), TERM_CYAN);
		term_table_cell(
		    &t, 6, json_str(r, "by") ? json_str(r, "by") : json_str(r, "via"), TERM_PLAIN);
		term_table_cell(&t, 7,
		    json_str(r, "reason") ? json_str(r, "reason") : json_str(r, "rule"),
		    TERM_PLAIN);
	}
	term_table_print(&t, "");
}

/*
 * Put what fits of the rows from lo to hi before those in kept, up to want in all. Rows that are
 * missing make a page reach beyond hi.
 */
static void
keep(cJSON *kept, cJSON *rows, int64_t hi, const char *team, int64_t want)
{
	const char *to, *from;
	cJSON *r;
	int i;

	for (i = cJSON_GetArraySize(rows) - 1; i >= 0; i--) {
		r = cJSON_GetArrayItem(rows, i);
		to = json_str(r, "to");
		from = json_str(r, "from");
		if (json_int_or(r, "seq", 0) > hi ||
		    (team != NULL && (to == NULL || strcmp(to, team) != 0) &&
			(from == NULL || strcmp(from, team) != 0)))
			continue;
		if (cJSON_GetArraySize(kept) >= want)
			return;
		cJSON_InsertItemInArray(kept, 0, cJSON_DetachItemFromArray(rows, i));
	}
}

/* The latest rows from since on, page by page backwards; *head is what the last page was with. */
static int
collect(struct call *call, int64_t since, int64_t want, const char *team, cJSON *kept, cJSON **head,
    struct err *err)
{
	int64_t hi = 0, lo, size = team != NULL ? PAGE : want < PAGE ? want : PAGE;
	cJSON *result;

	if (page(call, INT32_MAX, 1, head, err) == -1)
		return -1;
	hi = json_int_or(*head, "seq", 0);
	for (; hi >= since && cJSON_GetArraySize(kept) < want; hi = lo - 1) {
		lo = hi - size + 1 > since ? hi - size + 1 : since;
		result = NULL;
		if (page(call, lo, hi - lo + 1, &result, err) == -1)
			return -1;
		keep(kept, cJSON_GetObjectItemCaseSensitive(result, "rows"), hi, team, want);
		cJSON_Delete(result);
	}
	return 0;
}

int
ctl_audit_show_run(struct ctl *c, struct err *err)
{
	const char *limit = ctl_opt(c, "limit"), *since = ctl_opt(c, "since");
	int64_t want = since != NULL ? SHOW_MAX : 50, from = 1;
	cJSON *kept, *head = NULL;
	struct call call;
	int rv;

	if ((limit != NULL && ctl_number(limit, "--limit", 1, SHOW_MAX, &want, err) == -1) ||
	    (since != NULL && ctl_number(since, "--since", 1, INT32_MAX, &from, err) == -1) ||
	    ctl_connect(c, false, NULL, &call, err) == -1)
		return -1;
	kept = cJSON_CreateArray();
	rv = collect(&call, from, want, ctl_opt(c, "team"), kept, &head, err);
	call_close(&call);
	if (rv == 0 && c->json) {
		cJSON_ReplaceItemInObjectCaseSensitive(head, "rows", kept);
		ctl_print_json(head);
		return 0;
	}
	if (rv == 0 && cJSON_GetArraySize(kept) > 0)
		print_rows(kept);
	else if (rv == 0)
		puts("nothing was decided yet");
	cJSON_Delete(kept);
	cJSON_Delete(head);
	return rv;
}

/* --- verify ------------------------------------------------------------------------------- */

/* irisd's check, page by page, up to the result that is the last. */
static int
check(struct call *call, struct progress *p, cJSON **last, struct err *err)
{
	cJSON *params = json_new(), *result;
	bool more;

	do {
		result = NULL;
		if (call_request(call, "iris/audit.verify", params, CALL_TIMEOUT, NULL, NULL,
			&result, err) == -1)
			return -1;
		more = json_bool(result, "more", false);
		if (more) {
			progress_at(p, json_int_or(result, "seq", 0), 0);
			params = json_new();
			json_put_int(params, "seq", json_int_or(result, "seq", 0));
			json_put_str(params, "hash",
			    json_str(result, "hash") ? json_str(result, "hash") : "");
			cJSON_Delete(result);
		}
	} while (more);
	*last = result;
	return 0;
}

/* The number of the row with this hash; 0: there is none. */
static int
find_hash(struct call *call, const char *hash, struct progress *p, int64_t *seq, struct err *err)
{
	int64_t at = 1, last = 1;
	cJSON *result;
	const cJSON *r;
	const char *h;

	*seq = 0;
	while (at <= last && *seq == 0) {
		result = NULL;
		if (page(call, at, PAGE, &result, err) == -1)
			return -1;
		last = json_int_or(result, "seq", 0);
		at = cJSON_GetArraySize(json_arr(result, "rows")) > 0 ? at : last + 1;
		cJSON_ArrayForEach (r, json_arr(result, "rows")) {
			at = json_int_or(r, "seq", last) + 1;
			if ((h = json_str(r, "hash")) != NULL && strcasecmp(h, hash) == 0)
				*seq = at - 1;
		}
		progress_at(p, at - 1, last);
		cJSON_Delete(result);
	}
	return 0;
}

/* What is said in the end, and the exit status. */
static int
print_verdict(struct ctl *c, cJSON *result, const char *head, int64_t known)
{
	int64_t seq = json_int_or(result, "seq", 0);
	bool good = json_bool(result, "good", false), changed = head != NULL && known == 0;
	const char *why = json_str(result, "why"), *hash = json_str(result, "hash");

	if (c->json) {
		cJSON_DeleteItemFromObjectCaseSensitive(result, "more");
		if (good && head != NULL)
			json_put_bool(result, "headFound", known > 0);
		if (good && known > 0)
			json_put_int(result, "headSeq", known);
		ctl_print_json(cJSON_Duplicate(result, true));
	} else if (!good) {
		fprintf(stderr, "%siris:%s the audit is not whole, from row %" PRId64 " on: ",
		    term_on(stderr, TERM_RED), term_off(stderr), seq);
		term_print(stderr, why != NULL ? why : "?", false);
		fputc('\n', stderr);
	} else if (changed) {
		fprintf(stderr,
		    "%siris:%s no row of the audit has that hash: it is not the record that it was "
		    "then, though its rows fit one another\n",
		    term_on(stderr, TERM_RED), term_off(stderr));
	} else {
		printf("%sthe audit is whole%s: %" PRId64 " row%s", term_on(stdout, TERM_GREEN),
		    term_off(stdout), seq, seq == 1 ? "" : "s");
		if (known > 0)
			printf("; that hash is row %" PRId64 "'s, %" PRId64 " came after it", known,
			    seq - known);
		printf("\nhead ");
		term_print(stdout, hash != NULL && hash[0] != '\0' ? hash : "-", false);
		putchar('\n');
	}
	return good && !changed ? 0 : 1;
}

int
ctl_audit_verify_run(struct ctl *c, struct err *err)
{
	const char *head = ctl_opt(c, "head");
	cJSON *result = NULL;
	struct progress p;
	struct call call;
	int64_t known = 0;
	int rv;

	if (head != NULL &&
	    (strlen(head) != HASH_LEN || strspn(head, "0123456789abcdefABCDEF") != HASH_LEN))
		return err_set(err, ERR_INVALID,
		    "--head takes a hash of %d hexadecimal digits, as this command prints one",
		    HASH_LEN);
	if (ctl_connect(c, false, NULL, &call, err) == -1)
		return -1;
	progress_begin(&p, c);
	rv = check(&call, &p, &result, err);
	if (rv == 0 && head != NULL && json_bool(result, "good", false))
		rv = find_hash(&call, head, &p, &known, err);
	term_spinner_clear(&p.spinner);
	call_close(&call);
	if (rv == 0)
		rv = print_verdict(c, result, head, known);
	cJSON_Delete(result);
	return rv;
}

/* --- export ------------------------------------------------------------------------------- */

struct export
{
	FILE *f;
	int64_t from, last, rows;
	char head[HASH_LEN + 1];
};

/* One page; 1 when there are more. What is written after the first page is left out. */
static int
export_page(struct call *call, struct export *x, struct err *err)
{
	int64_t seq, before = x->from;
	cJSON *result = NULL;
	const cJSON *r;
	char *text;

	if (page(call, x->from, PAGE, &result, err) == -1)
		return -1;
	if (x->last == -1) {
		x->last = json_int_or(result, "seq", 0);
		compat_strlcpy(x->head, json_str(result, "head") ? json_str(result, "head") : "",
		    sizeof x->head);
	}
	cJSON_ArrayForEach (r, json_arr(result, "rows")) {
		seq = json_int_or(r, "seq", x->last + 1);
		x->from = seq + 1;
		if (seq > x->last)
			break;
		text = json_print(r);
		fprintf(x->f, "%s\n", text);
		free(text);
		x->rows++;
	}
	cJSON_Delete(result);
	return x->from > before && x->from <= x->last;
}

static int
export_all(struct call *call, struct export *x, struct progress *p, struct err *err)
{
	cJSON *end = json_new();
	char *text;
	int rv;

	while ((rv = export_page(call, x, err)) == 1 && !ferror(x->f))
		progress_at(p, x->from - 1, x->last);
	if (rv != -1) {
		/* The end says that nothing behind it was lost. */
		json_put_str(end, "head", x->head);
		json_put_int(end, "seq", x->last);
		text = json_print(end);
		fprintf(x->f, "%s\n", text);
		free(text);
		rv = 0;
	}
	cJSON_Delete(end);
	return rv;
}

static FILE *
open_file(const char *path, struct err *err)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	FILE *f = fd == -1 ? NULL : fdopen(fd, "w");

	if (f == NULL) {
		err_sys(err, ERR_IO, "can not write %s", path);
		if (fd != -1)
			close(fd);
	}
	return f;
}

static void
print_exported(const struct ctl *c, const struct export *x, const char *path)
{
	cJSON *o;

	if (c->json && path != NULL) {
		o = json_new();
		json_put_str(o, "file", path);
		json_put_int(o, "rows", x->rows);
		json_put_int(o, "seq", x->last);
		json_put_str(o, "head", x->head);
		ctl_print_json(o);
	} else if (!c->quiet && !c->json && path != NULL) {
		printf("%" PRId64 " row%s in ", x->rows, x->rows == 1 ? "" : "s");
		term_print(stdout, path, false);
		printf("\nhead %s\n", x->head[0] != '\0' ? x->head : "-");
	}
}

int
ctl_audit_export_run(struct ctl *c, struct err *err)
{
	const char *from = ctl_opt(c, "from"), *path = c->noperands > 0 ? c->operand[0] : NULL;
	struct export x = {.f = stdout, .from = 1, .last = -1};
	struct progress p;
	struct call call;
	int rv;

	if ((from != NULL && ctl_number(from, "--from", 1, INT32_MAX, &x.from, err) == -1) ||
	    ctl_connect(c, false, NULL, &call, err) == -1)
		return -1;
	progress_begin(&p, c);
	if (path != NULL && (x.f = open_file(path, err)) == NULL) {
		call_close(&call);
		return -1;
	}
	rv = export_all(&call, &x, &p, err);
	term_spinner_clear(&p.spinner);
	call_close(&call);
	if (path != NULL) {
		if (fflush(x.f) == EOF || fsync(fileno(x.f)) == -1)
			rv = rv == -1 ? -1 : err_sys(err, ERR_IO, "can not write %s", path);
		if (fclose(x.f) == EOF && rv == 0)
			rv = err_sys(err, ERR_IO, "can not write %s", path);
	}
	if (rv == 0)
		print_exported(c, &x, path);
	return rv;
}
