/* SPDX-License-Identifier: MIT
 *
 * Access to and building of cJSON trees, see json.h. The strict scanner is in json_scan.c.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/json.h"
#include "common/xmalloc.h"

#define JSON_INT_MAX 9007199254740992.0 /* 2^53 */

static void *
json_malloc(size_t size)
{
	return xmalloc(size == 0 ? 1 : size);
}

void
json_init(void)
{
	cJSON_Hooks hooks = {.malloc_fn = json_malloc, .free_fn = free};

	cJSON_InitHooks(&hooks);
}

cJSON *
json_parse(const char *buf, size_t len, struct err *err)
{
	cJSON *tree;

	if (json_check(buf, len, err) == -1)
		return NULL;
	if ((tree = cJSON_ParseWithLength(buf, len)) == NULL)
		err_set(err, ERR_INVALID, "not JSON that can be read here");
	return tree;
}

cJSON *
json_get(const cJSON *obj, const char *name)
{
	return obj == NULL ? NULL : cJSON_GetObjectItemCaseSensitive(obj, name);
}

const char *
json_str(const cJSON *obj, const char *name)
{
	return cJSON_GetStringValue(json_get(obj, name));
}

const cJSON *
json_obj(const cJSON *obj, const char *name)
{
	cJSON *item = json_get(obj, name);

	return cJSON_IsObject(item) ? item : NULL;
}

const cJSON *
json_arr(const cJSON *obj, const char *name)
{
	cJSON *item = json_get(obj, name);

	return cJSON_IsArray(item) ? item : NULL;
}

bool
json_bool(const cJSON *obj, const char *name, bool dflt)
{
	cJSON *item = json_get(obj, name);

	return cJSON_IsBool(item) ? cJSON_IsTrue(item) : dflt;
}

int
json_int(const cJSON *obj, const char *name, int64_t *out)
{
	cJSON *item = json_get(obj, name);
	double d;

	if (!cJSON_IsNumber(item))
		return -1;
	d = item->valuedouble;
	if (!(fabs(d) <= JSON_INT_MAX) || floor(d) != d)
		return -1;
	*out = (int64_t)d;
	return 0;
}

int64_t
json_int_or(const cJSON *obj, const char *name, int64_t dflt)
{
	int64_t v;

	return json_int(obj, name, &v) == 0 ? v : dflt;
}

double
json_num_or(const cJSON *obj, const char *name, double dflt)
{
	cJSON *item = json_get(obj, name);

	return cJSON_IsNumber(item) ? item->valuedouble : dflt;
}

cJSON *
json_new(void)
{
	return cJSON_CreateObject();
}

void
json_put(cJSON *obj, const char *name, cJSON *item)
{
	cJSON_AddItemToObject(obj, name, item);
}

void
json_put_str(cJSON *obj, const char *name, const char *value)
{
	json_put(obj, name, value == NULL ? cJSON_CreateNull() : cJSON_CreateString(value));
}

void
json_put_str_opt(cJSON *obj, const char *name, const char *value)
{
	if (value != NULL)
		json_put_str(obj, name, value);
}

/* cJSON prints integers from 1e15 on wrongly or in exponent form. */
cJSON *
json_int_item(int64_t value)
{
	char text[32];

	snprintf(text, sizeof text, "%lld", (long long)value);
	return cJSON_CreateRaw(text);
}

void
json_put_int(cJSON *obj, const char *name, int64_t value)
{
	json_put(obj, name, json_int_item(value));
}

void
json_put_bool(cJSON *obj, const char *name, bool value)
{
	json_put(obj, name, cJSON_CreateBool(value));
}

void
json_put_null(cJSON *obj, const char *name)
{
	json_put(obj, name, cJSON_CreateNull());
}

void
json_put_raw(cJSON *obj, const char *name, const char *raw, size_t rawlen)
{
	char *text = xstrndup(raw, rawlen);

	json_put(obj, name, cJSON_CreateRaw(text));
	free(text);
}

/* The fewest digits that read back as this very double, which is finite. */
static void
print_number(double d, char *text, size_t size)
{
	int digits;

	if (fabs(d) <= JSON_INT_MAX && floor(d) == d) {
		snprintf(text, size, "%.0f", d);
		return;
	}
	for (digits = 15; digits <= 17; digits++) {
		snprintf(text, size, "%.*g", digits, d);
		if (strtod(text, NULL) == d)
			break;
	}
}

/* As its text at once: json_print has to copy the whole tree for a number. */
void
json_put_num(cJSON *obj, const char *name, double value)
{
	char text[40];

	if (!isfinite(value)) {
		json_put_null(obj, name);
		return;
	}
	print_number(value, text, sizeof text);
	json_put(obj, name, cJSON_CreateRaw(text));
}

/*
 * Whether cJSON would print another number: it takes two doubles for equal that differ in the 16th
 * digit, and gives large whole numbers an exponent.
 */
static bool
is_inexact(double d)
{
	return floor(d) == d ? fabs(d) >= 1e15 : true;
}

static bool
has_inexact(const cJSON *item)
{
	const cJSON *child;

	if (cJSON_IsNumber(item))
		return is_inexact(item->valuedouble);
	cJSON_ArrayForEach (child, item)
		if (has_inexact(child))
			return true;
	return false;
}

static void
make_exact(cJSON *item)
{
	char text[40];
	cJSON *child;

	if (cJSON_IsNumber(item) && isfinite(item->valuedouble) && is_inexact(item->valuedouble)) {
		print_number(item->valuedouble, text, sizeof text);
		item->type = cJSON_Raw;
		item->valuestring = xstrdup(text);
		return;
	}
	cJSON_ArrayForEach (child, item)
		make_exact(child);
}

/* A short line fits at once; cJSON would begin with less and copy it twice over. */
static char *
print(const cJSON *item)
{
	char *line = cJSON_PrintBuffered(item, 1024, false);
	size_t size = strlen(line) + 1;

	/* Of a long one, up to half of the room is not used. */
	return size > (size_t)16 * 1024 ? xrealloc(line, size) : line;
}

char *
json_print(const cJSON *item)
{
	cJSON *exact;
	char *line;

	if (!has_inexact(item))
		return print(item);
	exact = cJSON_Duplicate(item, true);
	make_exact(exact);
	line = print(exact);
	cJSON_Delete(exact);
	return line;
}

const char *
json_time(int64_t ms, char *buf, size_t size)
{
	time_t sec = (time_t)(ms / 1000);
	struct tm tm;
	size_t n;

	gmtime_r(&sec, &tm);
	n = strftime(buf, size, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(buf + n, size - n, ".%03dZ", (int)(ms % 1000));
	return buf;
}
