/* SPDX-License-Identifier: MIT
 *
 * Errors of irisd's as those of HTTP, and whose key a request comes with; see api.h.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/compat.h"
#include "common/json.h"
#include "irisd/web/api.h"
#include "irisd/web/cookie.h"
#include "irisd/web/header.h"

#define REALM "WWW-Authenticate: Bearer realm=\"iris\""

static const int statuses[ERR_COUNT] = {
    [ERR_INTERNAL] = 500,
    [ERR_INVALID] = 400,
    [ERR_PROTOCOL] = 502,
    [ERR_CONFIG] = 422,
    [ERR_NOT_FOUND] = 404,
    [ERR_REFUSED] = 403,
    [ERR_UNAVAILABLE] = 503,
    [ERR_LIMIT] = 429,
    [ERR_TIMEOUT] = 504,
    [ERR_CANCELLED] = 409,
    [ERR_EXPIRED] = 504,
    [ERR_NO_CLAUDE] = 503,
    [ERR_LOGIN] = 503,
    [ERR_DIRECTORY] = 503,
    [ERR_CRASHED] = 502,
    [ERR_AGENT] = 502,
    [ERR_UNAUTHORIZED] = 401,
    [ERR_LINE] = 503,
    [ERR_HOST] = 502,
    [ERR_IO] = 503,
};

/* What an answer is about where its status says more than its code. */
static const struct {
	int status;
	const char *title;
} titles[] = {
    {405, "the resource has not this method"},
    {408, "the request did not come in time"},
    {409, "it was decided already"},
    {412, "it has changed since it was read"},
    {413, "the body is too long"},
    {415, "the body is of another media type"},
    {428, "it has to be said which state is replaced"},
};

int
api_status(enum err_code code)
{
	return statuses[code];
}

/* What irisd refuses is a conflict when it says what is there instead. */
static int
status_of(const struct err *err, const cJSON *data)
{
	if (err->code == ERR_REFUSED && json_str(data, "etag") != NULL)
		return 412;
	if (err->code == ERR_REFUSED && json_str(data, "state") != NULL)
		return 409;
	return api_status(err->code);
}

static const char *
title_of(int status, enum err_code code)
{
	size_t i;

	for (i = 0; status != api_status(code) && i < sizeof titles / sizeof titles[0]; i++)
		if (titles[i].status == status)
			return titles[i].title;
	return err_meaning(code);
}

void
api_problem(struct http *h, int status, const char *extra, const struct err *err, cJSON *data)
{
	cJSON *o = json_new(), *member, *next;
	char type[64], *text;

	assert(status != 0);
	snprintf(type, sizeof type, "urn:iris:error:%s", err_name(err->code));
	json_put_str(o, "type", type);
	json_put_str(o, "title", title_of(status, err->code));
	json_put_int(o, "status", status);
	json_put_str(o, "detail", err->msg);
	json_put_str(o, "code", err_name(err->code));
	for (member = data != NULL ? data->child : NULL; member != NULL; member = next) {
		next = member->next;
		if (json_get(o, member->string) == NULL)
			json_put(o, member->string, cJSON_DetachItemViaPointer(data, member));
	}
	cJSON_Delete(data);
	if (h->ri != NULL && strncmp(h->ri->local_uri, "/api/", 5) == 0 &&
	    strncmp(h->ri->local_uri, "/api/v1/", 8) != 0) {
		/* For who looks for an error as Iris MCP told it. */
		json_put_bool(o, "success", false);
		json_put_str(o, "error", err->msg);
	}
	text = json_print(o);
	cJSON_Delete(o);
	if (h->stream)
		http_stream_event(h, "error", text, strlen(text));
	else
		http_answer(h, status, "application/problem+json", extra, text, strlen(text));
	free(text);
}

void
api_advice(int status, const cJSON *data, char extra[API_EXTRA])
{
	int64_t ms = json_int_or(data, "retryAfter", 1000);

	extra[0] = '\0';
	if (status == 401)
		snprintf(extra, API_EXTRA, REALM ", error=\"invalid_token\"\r\n");
	else if (status == 429 || status == 503)
		snprintf(extra, API_EXTRA, "Retry-After: %lld\r\n",
		    ms > 0 ? (long long)(ms + 999) / 1000 : 1LL);
}

void
api_refuse(struct http *h, const struct err *err, cJSON *data)
{
	int status = status_of(err, data);
	char extra[API_EXTRA];

	api_advice(status, data, extra);
	api_problem(h, status, extra, err, data);
}

static bool
no_key(struct http *h, const char *text)
{
	struct err err;

	err_set(&err, ERR_UNAUTHORIZED, "%s", text);
	api_problem(h, 401, REALM "\r\n", &err, NULL);
	return false;
}

/* The word that says that the page may use the cookie: browsers give a WebSocket no headers. */
static bool
csrf_of(const struct http *h, char csrf[COOKIE_CSRF_LEN + 1])
{
	const char *upgrade = http_header(h, "Upgrade"), *said = http_header(h, "X-Iris-CSRF");

	if (said != NULL)
		return compat_strlcpy(csrf, said, COOKIE_CSRF_LEN + 1) == COOKIE_CSRF_LEN;
	return upgrade != NULL && strcasecmp(upgrade, "websocket") == 0 &&
	    cookie_csrf_of_protocols(http_header(h, "Sec-WebSocket-Protocol"), csrf);
}

bool
api_principal(struct http *h, char key[API_KEY_SIZE])
{
	const char *host = http_header(h, "Host"), *origin = mg_get_header(h->conn, "Origin");
	char csrf[COOKIE_CSRF_LEN + 1];
	struct err err;

	if (mg_get_header(h->conn, "Authorization") != NULL) {
		if (header_bearer(http_header(h, "Authorization"), key, API_KEY_SIZE) &&
		    json_utf8_valid(key, strlen(key)))
			return true;
		return no_key(h, "Authorization must be \"Bearer KEY\"");
	}
	if (mg_get_header(h->conn, "Cookie") == NULL)
		return no_key(h,
		    "this needs a key, \"Authorization: Bearer KEY\"; \"iris key create\" makes one");
	if (!csrf_of(h, csrf) || !cookie_find(http_header(h, "Cookie"), host, h->secure, csrf, key))
		return no_key(h,
		    "a cookie needs the header X-Iris-CSRF with the word that the login has given; "
		    "\"iris dashboard\" logs in");
	if (origin == NULL || cookie_origin_own(origin, host, h->secure))
		return true;
	err_set(&err, ERR_REFUSED, "a login is for pages of its own server alone, not of %.100s",
	    origin);
	json_utf8_mend(err.msg);
	api_problem(h, 403, NULL, &err, NULL);
	return false;
}
