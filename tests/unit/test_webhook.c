/* SPDX-License-Identifier: MIT
 *
 * What webhooks are made of: HMAC-SHA256 by the vectors of RFC 4231, addresses, and the file with
 * the secret.
 */
#include <sys/stat.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "common/base64.h"
#include "common/url.h"
#include "common/webhook_secret.h"
#include "irisd/core/hmac.h"

static void
check_mac(const void *key, size_t len, const char *data, size_t data_len, const char *want)
{
	uint8_t mac[HMAC_LEN];
	char hex[2 * HMAC_LEN + 1];
	struct hmac h;
	size_t i;

	hmac_init(&h, key, len);
	/* In pieces, as it is used. */
	hmac_update(&h, data, data_len / 2);
	hmac_update(&h, data + data_len / 2, data_len - data_len / 2);
	hmac_final(&h, mac);
	for (i = 0; i < sizeof mac; i++)
		snprintf(hex + 2 * i, 3, "%02x", mac[i]);
	assert_string_equal(hex, want);
}

static void
test_hmac(void **state)
{
	static const char larger[] =
	    "This is a test using a larger than block-size key and a larger than block-size data. "
	    "The key needs to be hashed before being used by the HMAC algorithm.";
	static const char first[] = "Test Using Larger Than Block-Size Key - Hash Key First";
	uint8_t key[131];
	char data[50];
	size_t i;

	(void)state;
	memset(key, 0x0b, sizeof key);
	check_mac(key, 20, "Hi There", 8,
	    "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
	check_mac("Jefe", 4, "what do ya want for nothing?", 28,
	    "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
	memset(key, 0xaa, sizeof key);
	memset(data, 0xdd, sizeof data);
	check_mac(
	    key, 20, data, 50, "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe");
	for (i = 0; i < 25; i++)
		key[i] = (uint8_t)(i + 1);
	memset(data, 0xcd, sizeof data);
	check_mac(
	    key, 25, data, 50, "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b");
	memset(key, 0xaa, sizeof key);
	check_mac(key, 131, first, strlen(first),
	    "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
	check_mac(key, 131, larger, strlen(larger),
	    "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2");
}

static void
test_url(void **state)
{
	static const struct {
		const char *text, *host;
		int port;
		bool tls, loopback;
	} good[] = {
	    {"http://localhost", "localhost", 80, false, true},
	    {"HTTP://LocalHost:8080/x?y=z&a=%20", "localhost", 8080, false, true},
	    {"http://127.0.0.1:1/", "127.0.0.1", 1, false, true},
	    {"http://127.255.0.9", "127.255.0.9", 80, false, true},
	    {"https://[::1]:8443?x", "::1", 8443, true, true},
	    {"https://hooks.example.org/a@b", "hooks.example.org", 443, true, false},
	    {"http://localhost.example.org", "localhost.example.org", 80, false, false},
	    {"http://127.0.0.1.example.org", "127.0.0.1.example.org", 80, false, false},
	    /* Others read these as the loopback, or do not: so they are none. */
	    {"http://127.1", "127.1", 80, false, false},
	    {"http://2130706433", "2130706433", 80, false, false},
	    {"http://0x7f000001", "0x7f000001", 80, false, false},
	    {"http://127.0.0.01", "127.0.0.01", 80, false, false},
	    {"http://127.0.0.256", "127.0.0.256", 80, false, false},
	    {"http://127.0.0.1.1", "127.0.0.1.1", 80, false, false},
	    {"http://0.0.0.0", "0.0.0.0", 80, false, false},
	    {"http://[::]", "::", 80, false, false},
	    {"http://[::ffff:127.0.0.1]", "::ffff:127.0.0.1", 80, false, false},
	    {"http://169.254.169.254/latest", "169.254.169.254", 80, false, false},
	};
	static const char *const bad[] = {"", "localhost", "ftp://localhost", "file:///etc/passwd",
	    "http:/localhost", "http://", "http:///x", "http://:80",
	    "http://localhost:", "http://localhost:0", "http://localhost:65536",
	    "http://localhost:80x", "http://user@localhost", "http://user:pw@localhost",
	    "http://a@b@localhost/", "http://localhost#x", "http://local host",
	    "http://localhost\\@evil", "http://[::1", "http://[::1]x", "http://[]",
	    "http://-x.example", "http://x.example.", "http://.x", "http://ex\xc3\xa4mple.org",
	    "http://localhost/\r\nX: y", "http://localhost/{a,b}", "javascript:alert(1)",
	    "http://[fe80::1%25eth0]", "\"http://localhost\""};
	char longer[URL_MAX + 2];
	struct url u;
	struct err err;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof good / sizeof good[0]; i++) {
		if (url_parse(good[i].text, &u, &err) == -1)
			fail_msg("%s: %s", good[i].text, err.msg);
		assert_string_equal(u.host, good[i].host);
		assert_int_equal(u.port, good[i].port);
		assert_int_equal(u.tls, good[i].tls);
		if (url_loopback(&u) != good[i].loopback)
			fail_msg("%s is taken for what it is not", good[i].text);
	}
	for (i = 0; i < sizeof bad / sizeof bad[0]; i++)
		if (url_parse(bad[i], &u, &err) == 0)
			fail_msg("\"%s\" was taken, host \"%s\"", bad[i], u.host);
	memset(longer, 'x', sizeof longer);
	memcpy(longer, "http://localhost/", 17);
	longer[URL_MAX + 1] = '\0';
	assert_int_equal(url_parse(longer, &u, &err), -1);
	longer[URL_MAX] = '\0';
	assert_int_equal(url_parse(longer, &u, &err), 0);
}

static void
test_pattern(void **state)
{
	struct url u;
	struct err err;

	(void)state;
	assert_int_equal(url_parse("https://hooks.Example.org", &u, &err), 0);
	assert_true(url_host_fits(&u, "hooks.example.org"));
	assert_true(url_host_fits(&u, "HOOKS.example.org"));
	assert_true(url_host_fits(&u, "*.example.org"));
	assert_true(url_host_fits(&u, "*.org"));
	assert_true(url_host_fits(&u, "*"));
	assert_false(url_host_fits(&u, "example.org"));
	assert_false(url_host_fits(&u, "*.hooks.example.org"));
	assert_false(url_host_fits(&u, "*ooks.example.org"));
	assert_false(url_host_fits(&u, ""));
	assert_int_equal(url_parse("https://evilexample.org", &u, &err), 0);
	assert_false(url_host_fits(&u, "*.example.org"));
	assert_int_equal(url_parse("https://[fd00::1]", &u, &err), 0);
	assert_true(url_host_fits(&u, "fd00::1"));
	assert_true(url_host_fits(&u, "[fd00::1]"));
	assert_false(url_host_fits(&u, "[fd00::2]"));
}

static void
test_secret(void **state)
{
	char dir[] = "/tmp/iris-secret-XXXXXX", path[PATHS_MAX], text[WEBHOOK_TEXT_MAX],
	     again[WEBHOOK_TEXT_MAX];
	static const char *const bad[] = {"", "whsec_", "whsec_AAAA\n", "x",
	    "whsec_!!!!!!!!!!!!!!!!!!!!"
	    "!!!!!!!!!!!!!!!!!!!!!!!!"};
	uint8_t key[WEBHOOK_KEY_MAX], key2[WEBHOOK_KEY_MAX];
	struct paths p = {0};
	size_t i, len, len2;
	struct stat st;
	struct err err;
	FILE *f;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(p.home, sizeof p.home, "%s", dir);
	snprintf(path, sizeof path, "%s/webhook.secret", dir);
	err_clear(&err);
	assert_int_equal(webhook_secret(&p, text, key, &len, &err), 0);
	/* That there was none before is no error. */
	assert_int_equal(err.code, ERR_NONE);
	assert_int_equal(len, 32);
	assert_int_equal(strncmp(text, "whsec_", 6), 0);
	assert_int_equal(base64_decode(text + 6, key2, sizeof key2), 32);
	assert_memory_equal(key, key2, 32);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(webhook_secret(&p, again, key2, &len2, &err), 0);
	assert_string_equal(text, again);
	for (i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		f = fopen(path, "w");
		fputs(bad[i], f);
		fclose(f);
		assert_int_equal(webhook_secret(&p, text, key, &len, &err), -1);
		assert_int_equal(err.code, ERR_INVALID);
		assert_non_null(strstr(err.msg, path));
	}
	/* One that others know is none. */
	unlink(path);
	assert_int_equal(webhook_secret(&p, text, key, &len, &err), 0);
	assert_int_equal(chmod(path, 0640), 0);
	assert_int_equal(webhook_secret(&p, text, key, &len, &err), -1);
	assert_int_equal(err.code, ERR_INVALID);
	assert_non_null(strstr(err.msg, "chmod 600"));
	assert_string_equal(text, "");
	/* Nobody waits for what is no file. */
	unlink(path);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(webhook_secret(&p, text, key, &len, &err), -1);
	assert_int_equal(err.code, ERR_INVALID);
	unlink(path);
	/* What leads elsewhere is followed, but not made. */
	assert_int_equal(symlink("/nonexistent/x", path), 0);
	assert_int_equal(webhook_secret(&p, text, key, &len, &err), -1);
	unlink(path);
	/* Nothing else is left there. */
	assert_int_equal(rmdir(dir), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_hmac),
	    cmocka_unit_test(test_url),
	    cmocka_unit_test(test_pattern),
	    cmocka_unit_test(test_secret),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
