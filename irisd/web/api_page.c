/* SPDX-License-Identifier: MIT
 *
 * Lists of the REST API: {"items": [...], "nextCursor": "..."}. irisd answers most lists whole; a
 * page is cut out of its text without being read into a tree. A cursor names the last item of the
 * page before, and where it stood for when it is gone; what it looks like is nobody else's business.
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/xmalloc.h"
#include "irisd/web/api_private.h"
#include "irisd/web/header.h"

#define LIMIT_MAX     500
#define LIMIT_DEFAULT 50
#define CURSOR_MAX    2048 /* digits */
#define APPROVALS_MAX 10000

/* The member by which items are told apart: the word behind the list's own name. */
static const char *
key_of(const struct api *a)
{
	const char *blank = strchr(a->row->list, ' ');

	return blank != NULL ? blank + 1 : "";
}

/* The raw list of the result; NULL, with the answer, when it has none. */
static const char *
list_of(struct api *a, const struct json_slice *r)
{
	char name[32];
	const char *raw;
	struct err err;
	size_t len;

	snprintf(name, sizeof name, "%.*s", (int)strcspn(a->row->list, " "), a->row->list);
	if (json_raw_member(r->p, r->len, name, &raw, &len) && *raw == '[')
		return raw + 1;
	err_set(&err, ERR_INTERNAL, "%s has answered without %s", a->method, name);
	api_refuse(a->h, &err, NULL);
	return NULL;
}

static char *
cursor_make(size_t offset, const char *key, size_t len)
{
	char *text = xasprintf("%zu %.*s", offset, (int)len, key), *out;
	size_t i, n = strlen(text);

	out = xmalloc(2 * n + 1);
	for (i = 0; i < n; i++)
		snprintf(out + 2 * i, 3, "%02x", (unsigned char)text[i]);
	out[2 * n] = '\0';
	free(text);
	return out;
}

/* In place, into the offset and the key. False for what is no cursor of ours. */
static bool
cursor_read(char *cursor, size_t *offset, const char **key)
{
	size_t i, n = strlen(cursor);
	unsigned byte;
	char *end;

	if (n == 0 || n % 2 != 0 || n > CURSOR_MAX ||
	    cursor[strspn(cursor, "0123456789abcdef")] != '\0')
		return false;
	for (i = 0; i < n / 2; i++) {
		if (sscanf(cursor + 2 * i, "%2x", &byte) != 1 || byte == 0)
			return false;
		cursor[i] = (char)byte;
	}
	cursor[i] = '\0';
	*offset = (size_t)strtoull(cursor, &end, 10);
	if (strspn(cursor, "0123456789") == 0 || *end != ' ')
		return false;
	*key = end + 1;
	return true;
}

int
api_prepare_list(struct api *a, struct err *err)
{
	int64_t limit = json_int_or(a->params, "limit", LIMIT_DEFAULT);
	cJSON *cursor = api_take(a, "cursor");
	int rv = 0;

	cJSON_Delete(api_take(a, "limit"));
	a->page.limit = (int)limit;
	if (limit < 1 || limit > LIMIT_MAX)
		rv = err_set(err, ERR_INVALID, "limit must be from 1 to %d", LIMIT_MAX);
	if (cursor != NULL) {
		a->page.cursor = xstrdup(cursor->valuestring);
		if (!cursor_read(a->page.cursor, &a->page.offset, &a->page.after))
			rv = err_set(err, ERR_INVALID,
			    "cursor must be a nextCursor that an earlier page has given");
	}
	cJSON_Delete(cursor);
	return rv;
}

/* All of them unless it is said otherwise: what was decided is still to be seen. */
int
api_prepare_approvals(struct api *a, struct err *err)
{
	if (json_get(a->params, "all") == NULL)
		json_put_bool(a->params, "all", true);
	if (json_bool(a->params, "all", true) && api_prepare_list(a, err) == 0) {
		json_put_int(a->params, "limit", APPROVALS_MAX);
		return 0;
	}
	return json_bool(a->params, "all", true) ? -1 : api_prepare_list(a, err);
}

/* irisd gives the page itself; one more than that shows whether there is another one. */
static int
prepare_newest(struct api *a, struct err *err)
{
	size_t n;

	json_put_int(a->params, "limit", a->page.limit < LIMIT_MAX ? a->page.limit + 1 : LIMIT_MAX);
	if (a->page.after == NULL)
		return 0;
	/* The id with its quotes. */
	if ((n = strlen(a->page.after)) < 2)
		return err_set(err, ERR_INVALID, "cursor must be a nextCursor of such a list");
	a->page.cursor[a->page.after + n - 1 - a->page.cursor] = '\0';
	json_put_str(a->params, "before", a->page.after + 1);
	a->page.after = NULL;
	return 0;
}

int
api_prepare_messages(struct api *a, struct err *err)
{
	cJSON *q = api_take(a, "q");

	if (q != NULL) {
		a->method = "iris/message.search";
		json_put(a->params, "query", q);
	}
	return api_prepare_list(a, err) == 0 ? prepare_newest(a, err) : -1;
}

int
api_prepare_webhooks(struct api *a, struct err *err)
{
	cJSON *message = api_take(a, "message");

	if (message != NULL)
		json_put(a->params, "id", message);
	return api_prepare_list(a, err) == 0 ? prepare_newest(a, err) : -1;
}

int
api_prepare_audit(struct api *a, struct err *err)
{
	if (api_prepare_list(a, err) == -1)
		return -1;
	json_put_int(a->params, "limit", a->page.limit);
	if (a->page.after != NULL) {
		cJSON_Delete(api_take(a, "seq"));
		json_put_int(a->params, "seq", (int64_t)a->page.offset);
		a->page.after = NULL;
	}
	return 0;
}

static bool
member_is(const char *item, size_t len, const char *name, const char *want)
{
	const char *raw;
	size_t n;

	return json_raw_member(item, len, name, &raw, &n) && n == strlen(want) &&
	    memcmp(raw, want, n) == 0;
}

/* Where the page begins, and its place in the list. */
static const char *
find_start(const struct api *a, const char *list, size_t *index)
{
	const char *p = list;
	size_t len, i;

	*index = 0;
	if (a->page.after == NULL)
		return p;
	for (i = 0; (len = json_raw_element(&p)) > 0; i++) {
		if (member_is(p, len, key_of(a), a->page.after)) {
			*index = i + 1;
			return p + len;
		}
		p += len;
	}
	/* It is gone: what stands in its place now. */
	for (p = list, i = 0; i < a->page.offset && (len = json_raw_element(&p)) > 0; i++)
		p += len;
	*index = i;
	return p;
}

/* The items from p on; the cursor of the next page, malloc'ed, or NULL. */
static char *
collect(const struct api *a, const char *p, size_t index, char *out, int *count)
{
	const char *last = NULL, *key;
	size_t len, last_len = 0, n = 0;

	for (*count = 0; *count < a->page.limit && (len = json_raw_element(&p)) > 0; ++*count) {
		if (n > 0)
			out[n++] = ',';
		memcpy(out + n, p, len);
		n += len;
		last = p;
		last_len = len;
		p += len;
	}
	out[n] = '\0';
	if (last == NULL || json_raw_element(&p) == 0 ||
	    !json_raw_member(last, last_len, key_of(a), &key, &len))
		return NULL;
	return cursor_make(index + (size_t)*count - 1, key, len);
}

/* more: further members, each with a comma before it. */
static void
answer_items(struct api *a, const char *items, const char *cursor, const char *more)
{
	char *text =
	    xasprintf("{\"items\":[%s]%s%s%s%s}", items, cursor != NULL ? ",\"nextCursor\":\"" : "",
		cursor != NULL ? cursor : "", cursor != NULL ? "\"" : "", more);

	api_text(a, 200, NULL, text, strlen(text));
	free(text);
}

void
api_list(struct api *a)
{
	struct json_slice r;
	char *items, *cursor;
	const char *list;
	size_t index;
	int count;

	if (!api_call(a, &r) || (list = list_of(a, &r)) == NULL)
		return;
	list = find_start(a, list, &index);
	items = xmalloc(r.len + 1);
	cursor = collect(a, list, index, items, &count);
	answer_items(a, items, cursor, "");
	free(items);
	free(cursor);
}

void
api_newest(struct api *a)
{
	const char *list, *p, *key, *last = NULL;
	char *cursor = NULL, *items;
	struct json_slice r;
	size_t len, last_len = 0;
	int count;

	if (!api_call(a, &r) || (list = list_of(a, &r)) == NULL)
		return;
	items = xmalloc(r.len + 1);
	cursor = collect(a, list, 0, items, &count);
	/* More than that irisd does not give, so nobody knows whether it has more. */
	if (cursor == NULL && count == LIMIT_MAX) {
		for (p = list; (len = json_raw_element(&p)) > 0; p += len) {
			last = p;
			last_len = len;
		}
		if (json_raw_member(last, last_len, key_of(a), &key, &len))
			cursor = cursor_make(0, key, len);
	}
	answer_items(a, items, cursor, "");
	free(items);
	free(cursor);
}

/* The raw value of a member as a further one; "" where there is none. malloc'ed. */
static char *
further(const struct json_slice *r, const char *name)
{
	const char *raw;
	size_t len;

	if (!json_raw_member(r->p, r->len, name, &raw, &len))
		return xstrdup("");
	return xasprintf(",\"%s\":%.*s", name, (int)len, raw);
}

void
api_audit(struct api *a)
{
	char *items, *cursor = NULL, *seq, *head, *more;
	const char *list, *p, *raw;
	int64_t newest = 0, last = 0;
	struct json_slice r;
	size_t len, n;
	int count;

	if (!api_call(a, &r) || (list = list_of(a, &r)) == NULL)
		return;
	items = xmalloc(r.len + 1);
	free(collect(a, list, 0, items, &count));
	for (p = list; (len = json_raw_element(&p)) > 0; p += len)
		if (json_raw_member(p, len, "seq", &raw, &n))
			last = strtoll(raw, NULL, 10);
	if (json_raw_member(r.p, r.len, "seq", &raw, &n))
		newest = strtoll(raw, NULL, 10);
	if (count > 0 && last < newest)
		cursor = cursor_make((size_t)last + 1, "", 0);
	seq = further(&r, "seq");
	head = further(&r, "head");
	more = xasprintf("%s%s", seq, head);
	answer_items(a, items, cursor, more);
	free(items);
	free(cursor);
	free(seq);
	free(head);
	free(more);
}

/* They are days here; to irisd "since" is a time, whatever the call. */
int
api_prepare_costs(struct api *a, struct err *err)
{
	(void)err;
	json_put(a->params, "sinceDay", api_take(a, "since"));
	json_put(a->params, "untilDay", api_take(a, "until"));
	return 0;
}

void
api_costs(struct api *a)
{
	struct json_slice r;
	const char *list;
	char *items, *total, *left_out, *more;
	int count;

	if (!api_call(a, &r) || (list = list_of(a, &r)) == NULL)
		return;
	a->page.limit = INT_MAX;
	items = xmalloc(r.len + 1);
	free(collect(a, list, 0, items, &count));
	total = further(&r, "total");
	left_out = further(&r, "more");
	more = xasprintf("%s%s", total, left_out);
	answer_items(a, items, NULL, more);
	free(items);
	free(total);
	free(left_out);
	free(more);
}

/* The one session between two names. */
void
api_session(struct api *a)
{
	struct json_slice r;
	const char *list;
	struct err err;
	size_t len;

	if (!api_call(a, &r) || (list = list_of(a, &r)) == NULL)
		return;
	if ((len = json_raw_element(&list)) > 0) {
		api_text(a, 200, NULL, list, len);
		return;
	}
	err_set(&err, ERR_NOT_FOUND,
	    "there is no such session; /api/v1/sessions has those that "
	    "there are");
	api_refuse(a->h, &err, NULL);
}

/* As they stand in the file, to be kept. */
static void
raw_lines(struct api *a, const struct json_slice *r)
{
	struct err err;
	cJSON *o = json_parse(r->p, r->len, &err);
	const cJSON *line;
	char *text = xmalloc(r->len + 1);
	const char *raw;
	size_t n = 0;

	cJSON_ArrayForEach (line, json_arr(o, "lines")) {
		if ((raw = json_str(line, "raw")) == NULL)
			continue;
		memcpy(text + n, raw, strlen(raw));
		n += strlen(raw);
		text[n++] = '\n';
	}
	http_answer(a->h, 200, "text/plain; charset=utf-8",
	    "Content-Disposition: attachment; filename=\"irisd.log\"\r\n", text, n);
	cJSON_Delete(o);
	free(text);
}

void
api_logs(struct api *a)
{
	const char *accept = mg_get_header(a->h->conn, "Accept");
	struct json_slice r;

	if (accept != NULL && header_accepts(accept, "text/plain") &&
	    !header_accepts(accept, "application/json")) {
		if (api_call(a, &r))
			raw_lines(a, &r);
		return;
	}
	a->page.limit = INT_MAX;
	api_list(a);
}
