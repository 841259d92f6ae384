/* SPDX-License-Identifier: MIT
 *
 * JSON as Iris accepts it: cJSON for the trees, with a strict scan in front of it, because cJSON
 * alone takes invalid UTF-8, cuts strings at \u0000, accepts raw control characters, 01 and
 * trailing garbage. Integers are printed here, since cJSON has only doubles. Of a name that comes
 * twice, the first counts.
 *
 * Lookups are by exact name and the first level only. Trees belong to the caller (cJSON_Delete).
 */
#ifndef IRIS_COMMON_JSON_H
#define IRIS_COMMON_JSON_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"

#define JSON_DEPTH_MAX 128

/* Make cJSON allocate with xmalloc. Call once at the start of main(). */
void json_init(void);

/*
 * Check that buf is exactly one JSON text (RFC 8259, I-JSON strings). -1 with ERR_INVALID and the
 * offset.
 */
int json_check(const char *buf, size_t len, struct err *err);

/* json_check, then parse. NULL with err filled. */
cJSON *json_parse(const char *buf, size_t len, struct err *err);

/*
 * The raw text of a member of the object in buf: a slice of buf, not terminated. False when buf is
 * no object or has no such member. Names with escapes are not found. Only where buf has passed
 * json_check is the slice valid JSON; otherwise it is what stands there, as long as the members up
 * to it have names and ends.
 */
bool json_raw_member(
    const char *buf, size_t len, const char *name, const char **raw, size_t *rawlen);

/* A piece of a JSON text, not terminated; p is NULL where there is none. */
struct json_slice {
	const char *p;
	size_t len;
};

/*
 * json_check, and in the same pass the raw texts of n first-level members: found[i] is names[i]'s,
 * as json_raw_member would find it. What is no object has none.
 */
int json_members(const char *buf, size_t len, const char *const names[], size_t n,
    struct json_slice found[], struct err *err);

/* Members of an object; NULL, -1 or dflt when missing or of another type. obj may be NULL. */
cJSON *json_get(const cJSON *obj, const char *name);
const char *json_str(const cJSON *obj, const char *name);
const cJSON *json_obj(const cJSON *obj, const char *name);
const cJSON *json_arr(const cJSON *obj, const char *name);
bool json_bool(const cJSON *obj, const char *name, bool dflt);
/* Only whole numbers within +-2^53: beyond, a double does not hold every integer. */
int json_int(const cJSON *obj, const char *name, int64_t *out);
int64_t json_int_or(const cJSON *obj, const char *name, int64_t dflt);
double json_num_or(const cJSON *obj, const char *name, double dflt);

/* Building. Names and values are copied; json_put takes the item. A NULL string becomes null. */
cJSON *json_new(void);
void json_put(cJSON *obj, const char *name, cJSON *item);
void json_put_str(cJSON *obj, const char *name, const char *value);
/* Leaves the member out when value is NULL. */
void json_put_str_opt(cJSON *obj, const char *name, const char *value);
void json_put_int(cJSON *obj, const char *name, int64_t value);
void json_put_num(cJSON *obj, const char *name, double value);
void json_put_bool(cJSON *obj, const char *name, bool value);
void json_put_null(cJSON *obj, const char *name);
/* raw is copied as it stands; it must be valid JSON on one line. */
void json_put_raw(cJSON *obj, const char *name, const char *raw, size_t rawlen);
cJSON *json_int_item(int64_t value);

/*
 * One line without spaces, malloc'ed. Never fails. A number reads back as the double that it was,
 * which cJSON alone does not see to.
 */
char *json_print(const cJSON *item);

/*
 * RFC 3339 in UTC with milliseconds, e.g. 2026-01-31T09:00:00.123Z; buf has at least 32 bytes.
 * Returns buf.
 */
const char *json_time(int64_t ms, char *buf, size_t size);

/* True when s is valid UTF-8 (RFC 3629), without NUL in len bytes. */
bool json_utf8_valid(const char *s, size_t len);

/*
 * Take out of s, in place, every byte that keeps it from being valid UTF-8: for texts that were cut
 * to a number of bytes.
 */
void json_utf8_mend(char *s);

/* How many bytes the first max characters of s have, which is valid UTF-8. */
size_t json_utf8_prefix(const char *s, size_t max);

/*
 * The next element of a list, in a NUL-terminated text that has passed json_check: *p is behind the
 * '[', or behind the element before, and then at this one. Its length; 0 at the end.
 */
size_t json_raw_element(const char **p);

#endif
