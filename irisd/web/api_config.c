/* SPDX-License-Identifier: MIT
 *
 * The configuration over the REST API. It may be sent as its text, which replaces the file, or as
 * JSON, whose members are merged into it; in the first case the sender must say which text it has
 * seen (If-Match), so that nobody's change is lost. Also the teams in it, and what follows from a
 * new one. What is valid, and how a merge keeps comments, is irisd's.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/xmalloc.h"
#include "irisd/web/api_private.h"
#include "irisd/web/header.h"

#define TAG_MAX 160 /* bytes of an ETag with its end */

static const char *const body_types[] = {"application/yaml", "application/json"};

int
api_prepare_team(struct api *a, struct err *err)
{
	cJSON *values = json_get(a->params, "values"), *name;

	/* Nothing to change. */
	if (values == NULL)
		json_put(a->params, "values", json_new());
	if (json_get(a->params, "team") != NULL)
		return 0;
	name = cJSON_DetachItemFromObjectCaseSensitive(values, "name");
	if (!cJSON_IsString(name)) {
		cJSON_Delete(name);
		return err_set(err, ERR_INVALID, "name must be a string");
	}
	json_put(a->params, "team", name);
	return 0;
}

void
api_made_team(struct api *a)
{
	struct json_slice r;
	const char *name;
	char extra[512];
	size_t len;

	if (!api_call(a, &r))
		return;
	/* Nothing in a team's name has to be encoded. */
	extra[0] = '\0';
	if (json_raw_member(r.p, r.len, "name", &name, &len) && len > 2)
		snprintf(extra, sizeof extra, "Location: /api/v1/teams/%.*s\r\n", (int)len - 2,
		    name + 1);
	api_text(a, 201, extra, r.p, r.len);
}

/* The tag with its quotes, out of the result; "" where there is none. */
static void
tag_of(const struct json_slice *r, char tag[TAG_MAX])
{
	const char *raw;
	size_t len;

	tag[0] = '\0';
	if (json_raw_member(r->p, r->len, "etag", &raw, &len) && *raw == '"')
		snprintf(tag, TAG_MAX, "%.*s", (int)len, raw);
}

static void
answer_config(struct api *a, const struct json_slice *r)
{
	const char *match = http_header(a->h, "If-None-Match");
	char tag[TAG_MAX], extra[TAG_MAX + 16];

	tag_of(r, tag);
	snprintf(extra, sizeof extra, tag[0] != '\0' ? "ETag: %s\r\n" : "%s", tag);
	if (strcmp(a->row->verb, "GET") == 0 && tag[0] != '\0' && header_none_match(match, tag))
		http_answer(a->h, 304, NULL, extra, NULL, 0);
	else
		api_text(a, 200, extra, r->p, r->len);
}

void
api_config(struct api *a)
{
	struct json_slice r;

	if (api_call(a, &r))
		answer_config(a, &r);
}

/* The text or the members that were sent; false when they were refused, with the answer. */
static bool
read_config(struct api *a, bool *whole)
{
	struct err err;
	size_t len;
	cJSON *o;
	char *text = api_body_text(a, body_types, 2, &len);

	if (text == NULL)
		return false;
	err_clear(&err);
	*whole = header_type_is(http_header(a->h, "Content-Type"), body_types[0]);
	if (*whole && !json_utf8_valid(text, len))
		err_set(&err, ERR_INVALID, "the text is not UTF-8");
	else if (*whole)
		json_put_str(a->params, "yaml", text);
	else if ((o = api_body_object(text, len, "config:object!", &err)) != NULL) {
		cJSON_Delete(a->params);
		a->params = o;
	}
	free(text);
	if (err.code != ERR_NONE)
		api_refuse(a->h, &err, NULL);
	return err.code == ERR_NONE;
}

/* If-Match: the tag without its quotes, into the params; false when it is refused. */
static bool
read_match(struct api *a, bool must)
{
	const char *match = http_header(a->h, "If-Match");
	size_t n = match != NULL ? strlen(match) : 0;
	char tag[TAG_MAX];
	struct err err;

	if (match == NULL && mg_get_header(a->h->conn, "If-Match") == NULL) {
		if (!must)
			return true;
		err_set(&err, ERR_INVALID,
		    "a whole new text needs If-Match with the ETag of the one that it replaces; GET "
		    "/api/v1/config tells it");
		api_problem(a->h, 428, NULL, &err, NULL);
		return false;
	}
	if (n < 3 || n >= sizeof tag || match[0] != '"' || match[n - 1] != '"' ||
	    !json_utf8_valid(match, n)) {
		err_set(
		    &err, ERR_INVALID, "If-Match must be the ETag that GET /api/v1/config tells");
		api_refuse(a->h, &err, NULL);
		return false;
	}
	snprintf(tag, sizeof tag, "%.*s", (int)n - 2, match + 1);
	json_put_str(a->params, "etag", tag);
	return true;
}

/* The call with what was read; false when it has failed, which is answered then. */
static bool
change(struct api *a, bool must_match, struct json_slice *r)
{
	cJSON *data, *params;
	struct err err;
	bool whole;

	if (!read_config(a, &whole) || !read_match(a, whole && must_match))
		return false;
	params = a->params;
	a->params = NULL;
	if (api_further(a, a->method, params, r, &data, &err) == 0)
		return true;
	api_refuse(a->h, &err, data);
	return false;
}

void
api_put_config(struct api *a)
{
	struct json_slice r;

	if (change(a, true, &r))
		answer_config(a, &r);
}

void
api_check_config(struct api *a)
{
	struct json_slice r;

	if (change(a, false, &r))
		api_text(a, 200, NULL, r.p, r.len);
}
