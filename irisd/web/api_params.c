/* SPDX-License-Identifier: MIT
 *
 * What an API request says in its path, its query and its body, checked against the row of its
 * operation: names that it does not know and values of another type are refused, since a filter
 * that is passed over would mean all of them. What the values mean is irisd's.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/nearest.h"
#include "common/xmalloc.h"
#include "irisd/web/api_private.h"
#include "irisd/web/header.h"

#define OPEN_MAX    ((size_t)4 * 1024) /* bytes of a body for which no key is needed, */
#define OPEN_MS     3000               /* and in which it has to be there */
#define FORM_MAX    ((size_t)64 * 1024)
#define MEMBERS_MAX 200
#define VALUES_MAX  100000
#define WORDS_MAX   16 /* members of one spec */

/* One member of a spec: "name:type", "name:type!" or "*". */
struct word {
	char name[32], type[12];
	bool must;
};

static bool
next_word(const char **p, struct word *w)
{
	const char *s = *p + strspn(*p, " ");
	size_t n = strcspn(s, ": "), t;

	if (*s == '\0')
		return false;
	memset(w, 0, sizeof *w);
	memcpy(w->name, s, n);
	s += n;
	if (*s == ':') {
		t = strcspn(++s, " !");
		memcpy(w->type, s, t);
		s += t;
	}
	w->must = *s == '!';
	*p = s + w->must;
	return true;
}

static bool
find_word(const char *spec, const char *name, struct word *w)
{
	const char *p = spec;

	while (next_word(&p, w))
		if (strcmp(w->name, name) == 0)
			return true;
	return false;
}

/* A name that the spec does not have. */
static int
unknown(const char *spec, const char *what, const char *name, struct err *err)
{
	struct word words[WORDS_MAX];
	const char *names[WORDS_MAX], *near[1], *p = spec;
	size_t n = 0;

	while (n < WORDS_MAX && next_word(&p, &words[n])) {
		names[n] = words[n].name;
		n++;
	}
	if (n == 0)
		err_set(err, ERR_INVALID, "this takes no %s, \"%.60s\" is one", what, name);
	else if (nearest_names(name, names, n, near, 1) == 1)
		err_set(err, ERR_INVALID, "this has no %s \"%.60s\"; is \"%s\" meant?", what, name,
		    near[0]);
	else
		err_set(
		    err, ERR_INVALID, "this has no %s \"%.60s\"; there are: %s", what, name, spec);
	json_utf8_mend(err->msg);
	return -1;
}

bool
api_path_fits(const char *path, const char *pattern)
{
	size_t n, m;

	for (;; path += n, pattern += m) {
		if (*path == '\0' || *pattern == '\0')
			return *path == *pattern;
		if (*path != '/')
			return false;
		n = strcspn(++path, "/");
		m = strcspn(++pattern, "/");
		if (n == 0 || (*pattern != '{' && (n != m || strncmp(path, pattern, n) != 0)))
			return false;
	}
}

static int
hex_value(char c)
{
	static const char digits[] = "0123456789abcdef0123456789ABCDEF";
	const char *at = c != '\0' ? strchr(digits, c) : NULL;

	return at != NULL ? (int)((at - digits) % 16) : -1;
}

/* Percent-encoding; plus: in a form, where that is a blank. malloc'ed, NULL with err. */
static char *
decode(const char *p, size_t len, bool plus, struct err *err)
{
	char *out = xmalloc(len + 1);
	size_t i, n = 0;
	int a, b;

	for (i = 0; i < len; i++) {
		if (p[i] != '%') {
			out[n++] = plus && p[i] == '+' ? ' ' : p[i];
			continue;
		}
		a = i + 2 < len ? hex_value(p[i + 1]) : -1;
		b = a != -1 ? hex_value(p[i + 2]) : -1;
		if (b == -1)
			break;
		out[n++] = (char)(a << 4 | b);
		i += 2;
	}
	out[n] = '\0';
	if (i == len && json_utf8_valid(out, n))
		return out;
	free(out);
	err_set(err, ERR_INVALID, "the URL has a part that is not percent-encoded UTF-8");
	return NULL;
}

/* A value that came as text, into the params. */
static int
put_text(cJSON *params, const char *name, const char *type, const char *text, struct err *err)
{
	long long v;
	char *end;

	if (strcmp(type, "integer") == 0) {
		errno = 0;
		v = strtoll(text, &end, 10);
		if (text[strspn(text, "-0123456789")] != '\0' || *text == '\0' || *end != '\0' ||
		    errno != 0 || v > 1LL << 53 || v < -(1LL << 53))
			return err_set(err, ERR_INVALID, "%s must be a whole number", name);
		/* No raw text: it may be read again before it is sent. */
		json_put(params, name, cJSON_CreateNumber((double)v));
	} else if (strcmp(type, "boolean") == 0) {
		if (strcmp(text, "true") != 0 && strcmp(text, "false") != 0)
			return err_set(err, ERR_INVALID, "%s must be true or false", name);
		json_put_bool(params, name, *text == 't');
	} else {
		json_put_str(params, name, text);
	}
	return 0;
}

int
api_read_path(struct api *a, const char *path, struct err *err)
{
	const char *pattern = a->row->path;
	char name[32], *text;
	size_t n, m;
	int rv = 0;

	for (; rv == 0 && *path != '\0'; path += n, pattern += m) {
		n = strcspn(++path, "/");
		m = strcspn(++pattern, "/");
		if (*pattern != '{')
			continue;
		memcpy(name, pattern + 1, m - 2);
		name[m - 2] = '\0';
		if ((text = decode(path, n, false, err)) == NULL)
			return -1;
		rv = put_text(
		    a->params, name, strcmp(name, "number") == 0 ? "integer" : "string", text, err);
		free(text);
	}
	return rv;
}

int
api_read_query(struct api *a, struct err *err)
{
	const char *p = a->h->ri->query_string;
	char *name = NULL, *value = NULL;
	struct word w;
	size_t n, eq;
	int rv = 0;

	for (; rv == 0 && p != NULL && *p != '\0'; p += n + (p[n] == '&')) {
		if ((n = strcspn(p, "&")) == 0)
			continue;
		eq = strcspn(p, "=&");
		name = decode(p, eq, true, err);
		value = decode(p + eq + (eq < n), n - eq - (eq < n), true, err);
		if (name == NULL || value == NULL)
			rv = -1;
		else if (!find_word(a->row->query, name, &w))
			rv = unknown(a->row->query, "query parameter", name, err);
		else if (json_get(a->params, name) != NULL)
			rv = err_set(err, ERR_INVALID, "%s comes twice", name);
		else
			rv = put_text(a->params, name, w.type, value, err);
		free(name);
		free(value);
	}
	return rv;
}

/* What nobody has sent yet is small, and so is what has no text or list of any length. */
static struct http_limit
limit_of(const struct api_row *row)
{
	struct http_limit limit = {HTTP_BODY_MAX, 0};

	if (strcmp(row->scope, "-") == 0) {
		limit.max = OPEN_MAX;
		limit.ms = OPEN_MS;
	} else if (strpbrk(row->body, "*-") == NULL && strstr(row->body, ":object") == NULL &&
	    strstr(row->body, "message:") == NULL) {
		limit.max = FORM_MAX;
	}
	return limit;
}

char *
api_body_text(struct api *a, const char *const types[], size_t ntypes, size_t *len)
{
	const char *type = http_header(a->h, "Content-Type");
	struct http_limit limit = limit_of(a->row);
	struct err err;
	size_t i;
	char *body;
	int status;

	for (i = 0; i < ntypes; i++)
		if (header_type_is(type, types[i]))
			break;
	if (i == ntypes) {
		err_set(&err, ERR_INVALID, "the body must be %s%s%s", types[0],
		    ntypes > 1 ? " or " : "", ntypes > 1 ? types[1] : "");
		api_problem(a->h, 415, NULL, &err, NULL);
		return NULL;
	}
	if ((body = http_body(a->h, &limit, len, &status)) != NULL)
		return body;
	if (status == 413)
		err_set(&err, ERR_LIMIT, "the body is longer than %zu KiB", limit.max / 1024);
	else
		err_set(
		    &err, status == 408 ? ERR_TIMEOUT : ERR_INVALID, "the body is not complete");
	api_problem(a->h, status, NULL, &err, NULL);
	return NULL;
}

static const char *
type_fails(const cJSON *o, const cJSON *v, const char *type)
{
	int64_t n;

	if (strcmp(type, "string") == 0)
		return cJSON_IsString(v) ? NULL : "a string";
	if (strcmp(type, "boolean") == 0)
		return cJSON_IsBool(v) ? NULL : "true or false";
	if (strcmp(type, "object") == 0)
		return cJSON_IsObject(v) ? NULL : "an object";
	if (strcmp(type, "integer") == 0)
		return cJSON_IsNumber(v) && json_int(o, v->string, &n) == 0 ? NULL
									    : "a whole number";
	return NULL;
}

/* Every member is in the spec and of its type, and none is missing. */
static int
check_members(const cJSON *o, const char *spec, struct err *err)
{
	const char *p = spec, *want;
	struct word w, any;
	const cJSON *v;

	if (cJSON_GetArraySize(o) > MEMBERS_MAX)
		return err_set(err, ERR_INVALID, "the body has more than %d members", MEMBERS_MAX);
	cJSON_ArrayForEach (v, o) {
		/* Others may read the last one. */
		if (json_get(o, v->string) != v) {
			err_set(err, ERR_INVALID, "a member comes twice: %.60s", v->string);
			json_utf8_mend(err->msg);
			return -1;
		}
		if (!find_word(spec, v->string, &w)) {
			if (find_word(spec, "*", &any))
				continue;
			return unknown(spec, "member", v->string, err);
		}
		if ((want = type_fails(o, v, w.type)) != NULL)
			return err_set(err, ERR_INVALID, "%s must be %s", w.name, want);
	}
	while (next_word(&p, &w))
		if (w.must && json_get(o, w.name) == NULL)
			return err_set(err, ERR_INVALID,
			    "%s is missing in the body; iris-api(7) says what it is", w.name);
	return 0;
}

/* A value takes 64 bytes in memory, where it may have been two of the body. */
static bool
has_many(const char *text, size_t len)
{
	bool in_string = false;
	size_t i, n = 0;

	for (i = 0; i < len && n <= VALUES_MAX; i++) {
		if (text[i] == '"')
			in_string = !in_string;
		else if (in_string && text[i] == '\\')
			i++;
		else if (!in_string && (text[i] == ',' || text[i] == '[' || text[i] == '{'))
			n++;
	}
	return n > VALUES_MAX;
}

cJSON *
api_body_object(const char *text, size_t len, const char *spec, struct err *err)
{
	cJSON *o;

	if (has_many(text, len)) {
		err_set(err, ERR_INVALID, "the body has more than %d values", VALUES_MAX);
		return NULL;
	}
	o = json_parse(text, len, err);
	if (o != NULL && !cJSON_IsObject(o))
		err_set(err, ERR_INVALID, "the body must be a JSON object");
	else if (o != NULL && check_members(o, spec, err) == 0)
		return o;
	cJSON_Delete(o);
	return NULL;
}

bool
api_read_body(struct api *a)
{
	static const char *const json[] = {"application/json"};
	cJSON *o, *v, *next;
	struct err err;
	size_t len;
	char *text;

	if (!http_has_body(a->h)) {
		/* Where nothing must be in it, that is as good as an empty object. */
		if (strchr(a->row->body, '!') == NULL)
			return true;
		err_set(&err, ERR_INVALID,
		    "a body is missing: a JSON object, with Content-Type: application/json");
		api_refuse(a->h, &err, NULL);
		return false;
	}
	if ((text = api_body_text(a, json, 1, &len)) == NULL)
		return false;
	o = api_body_object(text, len, a->row->body, &err);
	free(text);
	if (o == NULL) {
		api_refuse(a->h, &err, NULL);
		return false;
	}
	if (strchr(a->row->body, '*') != NULL) {
		json_put(a->params, "values", o);
		return true;
	}
	for (v = o->child; v != NULL; v = next) {
		next = v->next;
		/* What the path and the query say counts. */
		if (json_get(a->params, v->string) == NULL)
			json_put(a->params, v->string, cJSON_DetachItemViaPointer(o, v));
	}
	cJSON_Delete(o);
	return true;
}

cJSON *
api_take(struct api *a, const char *name)
{
	return cJSON_DetachItemFromObjectCaseSensitive(a->params, name);
}
