/* SPDX-License-Identifier: MIT
 *
 * The REST API: from a request to its row of api_table.h, the steps that each takes, and the answers
 * that many have. See api.h and api_private.h.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/xmalloc.h"
#include "irisd/web/api_private.h"

#define V1       "/v1"
#define QUICK_MS 30000 /* for what irisd answers at once, however much there is to look at */

static const struct api_row rows[] = {
#define API_X(op, verb, path, method, scope, place, query, body, prepare, answer, list, status)    \
	{#op, verb, path, method, scope, place, query, body, prepare, answer, list, status},
#include "irisd/web/api_table.h"
#undef API_X
};

#define NROWS (sizeof rows / sizeof rows[0])

/* --- answers ------------------------------------------------------------------------------------ */

void
api_text(struct api *a, int status, const char *extra, const char *text, size_t len)
{
	http_answer(a->h, status, "application/json", extra, text, len);
}

void
api_object(struct api *a, int status, const char *extra, cJSON *o)
{
	char *text = json_print(o);

	cJSON_Delete(o);
	api_text(a, status, extra, text, strlen(text));
	free(text);
}

/* Since the key lacks the scope: which one it would have to have. */
static void
refuse_scope(struct api *a)
{
	char extra[128];
	struct err err;

	snprintf(extra, sizeof extra,
	    "WWW-Authenticate: Bearer realm=\"iris\", error=\"insufficient_scope\", scope=\"%s\"\r\n",
	    a->row->scope);
	err_set(&err, ERR_REFUSED, "this needs a key with the scope \"%s\", which this one has not",
	    a->row->scope);
	api_problem(a->h, 403, extra, &err, NULL);
}

static bool
permitted(const struct api *a)
{
	cJSON *list = cJSON_CreateArray();
	unsigned want;

	cJSON_AddItemToArray(list, cJSON_CreateString(a->row->scope));
	want = key_scopes_of(list);
	cJSON_Delete(list);
	return key_allows(a->uplink.scopes, (enum key_scope)want);
}

/* irisd may take as long as it wants. */
static bool
is_long(const struct api *a)
{
	return a->place != SERVE_QUICK && a->place != SERVE_LOGIN;
}

bool
api_hold(struct api *a)
{
	struct err err;

	if (a->held || (a->held = serve_hold(a->place, a->who)))
		return true;
	err_set(&err, ERR_LIMIT,
	    "as many clients as can be served wait already; try again in a moment");
	api_problem(a->h, 503, "Retry-After: 1\r\n", &err, NULL);
	return false;
}

bool
api_send(struct api *a)
{
	cJSON *params = a->params;
	struct err err;

	if (!api_hold(a))
		return false;
	a->params = NULL;
	if (uplink_call(&a->uplink, a->method, params, &err) == 0)
		return a->sent = true;
	api_refuse(a->h, &err, NULL);
	return false;
}

bool
api_await(struct api *a, uplink_cb cb, void *arg, struct json_slice *result)
{
	bool waits = is_long(a);
	struct err err;
	cJSON *data;

	switch (uplink_answer(&a->uplink, waits ? a->h->fd : -1, waits ? -1 : QUICK_MS, cb, arg,
	    result, &data, &err)) {
	case 0:
		return true;
	case 1:
		/* Nobody is there to be answered. */
		a->h->close = true;
		mg_disable_connection_keep_alive(a->h->conn);
		return false;
	default:
		api_refuse(a->h, &err, data);
		return false;
	}
}

bool
api_call(struct api *a, struct json_slice *result)
{
	return (a->sent || api_send(a)) && api_await(a, NULL, NULL, result);
}

int
api_further(struct api *a, const char *method, cJSON *params, struct json_slice *result,
    cJSON **data, struct err *err)
{
	bool waits = is_long(a);
	int rv;

	*data = NULL;
	if (uplink_call(&a->uplink, method, params, err) == -1)
		return -1;
	rv = uplink_answer(&a->uplink, waits ? a->h->fd : -1, waits ? -1 : QUICK_MS, NULL, NULL,
	    result, data, err);
	return rv == 1 ? err_set(err, ERR_CANCELLED, "the client is gone") : rv;
}

void
api_whole(struct api *a)
{
	struct json_slice r;

	if (api_call(a, &r))
		api_text(a, a->row->status, NULL, r.p, r.len);
}

void
api_member(struct api *a)
{
	struct json_slice r;
	const char *raw;
	struct err err;
	size_t len;

	if (!api_call(a, &r))
		return;
	if (json_raw_member(r.p, r.len, a->row->list, &raw, &len)) {
		api_text(a, a->row->status, NULL, raw, len);
		return;
	}
	err_set(&err, ERR_INTERNAL, "%s has answered without %s", a->method, a->row->list);
	api_refuse(a->h, &err, NULL);
}

void
api_none(struct api *a)
{
	struct json_slice r;

	if (api_call(a, &r))
		http_answer(a->h, 204, NULL, NULL, NULL, 0);
}

/* --- the steps ---------------------------------------------------------------------------------- */

static void
release(struct api *a)
{
	if (a->held)
		serve_let_go(a->place, a->who);
	if (a->open)
		uplink_close(&a->uplink);
	cJSON_Delete(a->params);
	free(a->page.cursor);
}

/* For what needs no key: its body, and what answers. */
static void
run_open(struct api *a)
{
	struct err err;

	if (api_read_query(a, &err) == -1)
		api_refuse(a->h, &err, NULL);
	else if (*a->row->body == '\0' || (api_hold(a) && api_read_body(a)))
		a->row->answer(a);
}

/* bare: it came without a body, and was prepared before. */
static void
run_body(struct api *a, bool bare)
{
	struct err err;

	if (!bare && strcmp(a->row->body, "-") != 0 && !api_read_body(a))
		return;
	/* Several calls, of which one may wait. */
	if (*a->method == '\0' && !api_hold(a))
		return;
	if (!bare && a->row->prepare != NULL && a->row->prepare(a, &err) == -1)
		api_refuse(a->h, &err, NULL);
	else
		a->row->answer(a);
}

/*
 * What has no body and does not wait is sent along with the key, so that there is one way to irisd
 * and back. What is wrong in a request is told only to who may make it.
 */
static void
run(struct api *a, const char *path)
{
	bool bare = *a->row->body == '\0' && !http_has_body(a->h), along;
	struct err said, err;
	char key[API_KEY_SIZE];
	cJSON *data;
	int rv;

	if (!api_principal(a->h, key))
		return;
	a->who = serve_who(key);
	err_clear(&said);
	rv = api_read_path(a, path, &said);
	if (rv == 0)
		rv = api_read_query(a, &said);
	if (rv == 0 && bare && a->row->prepare != NULL)
		rv = a->row->prepare(a, &said);
	along = rv == 0 && bare && a->place == SERVE_QUICK && *a->method != '\0';
	a->open = uplink_open_api(&a->uplink, serve_sock(), key, along ? a->method : NULL,
		      along ? a->params : NULL, &data, &err) == 0;
	if (along) {
		a->params = NULL;
		a->sent = true;
	}
	if (!a->open)
		api_refuse(a->h, &err, data);
	else if (!permitted(a))
		refuse_scope(a);
	else if (rv == -1)
		api_refuse(a->h, &said, NULL);
	else
		run_body(a, bare);
}

/* The methods of a path, for Allow. */
static void
not_allowed(struct http *h, const struct api_row *set, size_t n, const char *path)
{
	char allow[128] = "Allow: ";
	const char *comma = "";
	struct err err;
	size_t i, len;

	for (i = 0; i < n; i++) {
		if (!api_path_fits(path, set[i].path) || strstr(allow, set[i].verb) != NULL)
			continue;
		len = strlen(allow);
		snprintf(allow + len, sizeof allow - len, "%s%s%s", comma, set[i].verb,
		    strcmp(set[i].verb, "GET") == 0 ? ", HEAD" : "");
		comma = ", ";
	}
	err_set(&err, ERR_INVALID, "this resource has not the method %.20s; it has %s", h->method,
	    allow + strlen("Allow: "));
	json_utf8_mend(err.msg);
	len = strlen(allow);
	snprintf(allow + len, sizeof allow - len, "\r\n");
	api_problem(h, 405, allow, &err, NULL);
}

static void
run_row(struct http *h, const struct api_row *row, const char *path)
{
	struct api a = {.h = h, .row = row, .method = row->method, .place = row->place};

	a.params = json_new();
	if (strcmp(row->scope, "-") == 0)
		run_open(&a);
	else
		run(&a, path);
	release(&a);
}

static void
dispatch(struct http *h, const struct api_row *set, size_t n, const char *path)
{
	const char *verb = strcmp(h->method, "HEAD") == 0 ? "GET" : h->method;
	bool there = false;
	struct err err;
	size_t i;

	for (i = 0; i < n; i++) {
		if (!api_path_fits(path, set[i].path))
			continue;
		there = true;
		if (strcmp(set[i].verb, verb) == 0) {
			run_row(h, &set[i], path);
			return;
		}
	}
	if (there) {
		not_allowed(h, set, n, path);
		return;
	}
	err_set(&err, ERR_NOT_FOUND,
	    "there is nothing at this path; iris-api(7) and /api/v1/openapi.json tell what there is");
	api_problem(h, 404, NULL, &err, NULL);
}

void
web_api(struct http *h, const char *rest)
{
	const struct api_row *set = rows;
	size_t n = NROWS;

	/* With the slash before it. */
	rest = rest != NULL ? rest - 1 : "";
	if (strncmp(rest, V1 "/", strlen(V1) + 1) == 0)
		rest += strlen(V1);
	else
		set = api_iris_mcp(&n);
	dispatch(h, set, n, rest);
}
