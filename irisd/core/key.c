/* SPDX-License-Identifier: MIT
 *
 * API keys, see key.h.
 */
#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "common/compat.h"
#include "common/json.h"
#include "irisd/core/digest.h"
#include "irisd/core/key.h"

static const struct {
	const char *name;
	enum key_scope scope;
} scopes_by_name[] = {
    {"read", KEY_READ},
    {"message", KEY_MESSAGE},
    {"manage", KEY_MANAGE},
    {"approve", KEY_APPROVE},
    {"admin", KEY_ADMIN},
};

#define NSCOPES (sizeof scopes_by_name / sizeof scopes_by_name[0])

static void
hex(const uint8_t *bytes, size_t n, char *out)
{
	size_t i;

	for (i = 0; i < n; i++)
		snprintf(out + 2 * i, 3, "%02x", bytes[i]);
}

void
key_make(char text[KEY_TEXT_LEN + 1])
{
	uint8_t bits[32];

	compat_random(bits, sizeof bits);
	memcpy(text, KEY_PREFIX, sizeof KEY_PREFIX);
	hex(bits, sizeof bits, text + strlen(KEY_PREFIX));
	assert(strlen(text) == KEY_TEXT_LEN);
}

void
key_make_id(char id[KEY_ID_LEN + 1])
{
	uint8_t bits[KEY_ID_LEN / 2];

	compat_random(bits, sizeof bits);
	hex(bits, sizeof bits, id);
}

void
key_hash(const char *text, char hash[KEY_HASH_LEN + 1])
{
	digest_text(text, hash);
}

/* The scope with this name, of n bytes; 0 when there is none. */
static unsigned
scope_named(const char *name, size_t n)
{
	size_t i;

	for (i = 0; i < NSCOPES; i++)
		if (strlen(scopes_by_name[i].name) == n &&
		    memcmp(scopes_by_name[i].name, name, n) == 0)
			return scopes_by_name[i].scope;
	return 0;
}

int
key_scopes_parse(const char *text, unsigned *scopes, struct err *err)
{
	const char *p = text;
	unsigned one;
	size_t n;

	*scopes = KEY_READ;
	for (;;) {
		n = strcspn(p, ",");
		if ((one = scope_named(p, n)) == 0)
			return err_set(err, ERR_INVALID,
			    "\"%.*s\" is no scope; a key has one or more of read, message, manage, "
			    "approve and admin, separated by commas",
			    (int)(n > 60 ? 60 : n), p);
		*scopes |= one;
		if (p[n] == '\0')
			return 0;
		p += n + 1;
	}
}

cJSON *
key_scopes_json(unsigned scopes)
{
	cJSON *list = cJSON_CreateArray();
	size_t i;

	for (i = 0; i < NSCOPES; i++)
		if ((scopes & scopes_by_name[i].scope) != 0)
			cJSON_AddItemToArray(list, cJSON_CreateString(scopes_by_name[i].name));
	return list;
}

unsigned
key_scopes_of(const cJSON *names)
{
	unsigned scopes = 0;
	const cJSON *name;

	cJSON_ArrayForEach (name, names)
		if (cJSON_IsString(name))
			scopes |= scope_named(name->valuestring, strlen(name->valuestring));
	return scopes;
}

bool
key_allows(unsigned scopes, enum key_scope want)
{
	return (scopes & (KEY_ADMIN | (unsigned)want)) != 0;
}
