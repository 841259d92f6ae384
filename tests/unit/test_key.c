/* SPDX-License-Identifier: MIT
 *
 * irisd/core/key and its table: texts, hashes, scopes; what the store keeps.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "common/compat.h"
#include "common/json.h"
#include "common/xmalloc.h"
#include "irisd/core/key.h"
#include "irisd/store/store.h"

#define SESSION "01234567-89ab-4cde-8f01-23456789abcd"

static void
test_make(void **state)
{
	char one[KEY_TEXT_LEN + 1], two[KEY_TEXT_LEN + 1], id[KEY_ID_LEN + 1];

	(void)state;
	key_make(one);
	key_make(two);
	assert_int_equal(strlen(one), KEY_TEXT_LEN);
	assert_int_equal(strncmp(one, KEY_PREFIX, strlen(KEY_PREFIX)), 0);
	assert_int_equal(strspn(one + strlen(KEY_PREFIX), "0123456789abcdef"), 64);
	assert_string_not_equal(one, two);
	key_make_id(id);
	assert_int_equal(strspn(id, "0123456789abcdef"), KEY_ID_LEN);
	assert_int_equal(strlen(id), KEY_ID_LEN);
}

static void
test_hash(void **state)
{
	char hash[KEY_HASH_LEN + 1];

	(void)state;
	/* FIPS 180-4's own examples. */
	key_hash("abc", hash);
	assert_string_equal(
	    hash, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	key_hash("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", hash);
	assert_string_equal(
	    hash, "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
	key_hash("", hash);
	assert_string_equal(
	    hash, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

static void
test_scopes(void **state)
{
	static const char *const bad[] = {"", ",", "read,", ",read", "reads", "rea", "Read",
	    "read message", "all", "read,,admin"};
	unsigned scopes;
	struct err err;
	cJSON *names;
	size_t i;

	(void)state;
	assert_int_equal(key_scopes_parse("message", &scopes, &err), 0);
	assert_int_equal(scopes, KEY_READ | KEY_MESSAGE);
	assert_true(key_allows(scopes, KEY_READ));
	assert_true(key_allows(scopes, KEY_MESSAGE));
	assert_false(key_allows(scopes, KEY_MANAGE));
	assert_false(key_allows(scopes, KEY_APPROVE));
	assert_int_equal(key_scopes_parse("approve,read,approve", &scopes, &err), 0);
	assert_int_equal(scopes, KEY_READ | KEY_APPROVE);
	assert_int_equal(key_scopes_parse("admin", &scopes, &err), 0);
	assert_true(key_allows(scopes, KEY_MANAGE));
	assert_true(key_allows(scopes, KEY_APPROVE));
	assert_false(key_allows(0, KEY_READ));
	for (i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		assert_int_equal(key_scopes_parse(bad[i], &scopes, &err), -1);
		assert_int_equal(err.code, ERR_INVALID);
	}
	names = key_scopes_json(KEY_READ | KEY_MANAGE | KEY_ADMIN);
	assert_int_equal(cJSON_GetArraySize(names), 3);
	assert_string_equal(cJSON_GetArrayItem(names, 1)->valuestring, "manage");
	assert_int_equal(key_scopes_of(names), KEY_READ | KEY_MANAGE | KEY_ADMIN);
	cJSON_AddItemToArray(names, json_int_item(5));
	cJSON_AddItemToArray(names, cJSON_CreateString("everything"));
	assert_int_equal(key_scopes_of(names), KEY_READ | KEY_MANAGE | KEY_ADMIN);
	cJSON_Delete(names);
	assert_int_equal(key_scopes_of(NULL), 0);
}

static void
count_cb(const struct store_key *k, void *arg)
{
	int *n = arg;

	assert_string_equal(k->name, *n == 0 ? "one" : "two");
	++*n;
}

static void
test_store(void **state)
{
	struct store_key a = {.id = "aaaaaaaaaaaa",
	    .hash = "h1",
	    .scopes = KEY_READ | KEY_ADMIN,
	    .created_at = 1,
	    .expires_at = 99};
	struct store_key b = {.id = "bbbbbbbbbbbb", .hash = "h2", .created_at = 2}, got;
	struct err err;
	struct store *s = store_open(":memory:", &err);
	int n = 0;

	(void)state;
	assert_non_null(s);
	a.name = xstrdup("one");
	a.team = xstrdup("backend");
	b.name = xstrdup("two");
	compat_strlcpy(b.session, SESSION, sizeof b.session);
	store_key_insert(s, &b);
	store_key_insert(s, &a);
	store_commit(s);
	store_key_release(&a);
	store_key_release(&b);
	assert_false(store_key_by_hash(s, "h3", &got));
	assert_false(store_key_load(s, "h1", &got));
	assert_true(store_key_by_hash(s, "h1", &got));
	assert_string_equal(got.id, "aaaaaaaaaaaa");
	assert_string_equal(got.team, "backend");
	assert_int_equal(got.scopes, KEY_READ | KEY_ADMIN);
	assert_int_equal(got.expires_at, 99);
	assert_string_equal(got.session, "");
	assert_int_equal(got.used_at, 0);
	got.used_at = 5;
	got.revoked_at = 6;
	store_key_update(s, &got);
	store_key_release(&got);
	assert_true(store_key_load(s, "aaaaaaaaaaaa", &got));
	assert_int_equal(got.used_at, 5);
	assert_int_equal(got.revoked_at, 6);
	store_key_release(&got);
	assert_true(store_key_load(s, "bbbbbbbbbbbb", &got));
	assert_null(got.team);
	assert_string_equal(got.session, SESSION);
	assert_int_equal(got.revoked_at, 0);
	store_key_release(&got);
	store_key_each(s, count_cb, &n);
	assert_int_equal(n, 2);
	store_key_delete(s, "bbbbbbbbbbbb");
	store_key_delete(s, "bbbbbbbbbbbb");
	assert_false(store_key_by_hash(s, "h2", &got));
	assert_true(store_key_load(s, "aaaaaaaaaaaa", &got));
	store_key_release(&got);
	store_commit(s);
	store_close(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_make),
	    cmocka_unit_test(test_hash),
	    cmocka_unit_test(test_scopes),
	    cmocka_unit_test(test_store),
	};

	json_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
