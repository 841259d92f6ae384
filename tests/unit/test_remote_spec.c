/* SPDX-License-Identifier: MIT
 *
 * common/remote: where a host is, what is refused, and words quoted for any shell.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "common/remote.h"

static void
good(const char *text, const char *dest, const char *host, const char *const *args)
{
	struct remote_spec spec;
	struct err err;
	size_t n = 0;

	if (remote_parse(text, &spec, &err) == -1)
		fail_msg("%s: %s", text, err.msg);
	assert_string_equal(spec.dest, dest);
	assert_string_equal(spec.host, host);
	for (; args[n] != NULL; n++) {
		assert_true(n < spec.nargs);
		assert_string_equal(spec.args[n], args[n]);
	}
	assert_int_equal(spec.nargs, n);
	if (n > 0)
		assert_int_equal(remote_check_args(spec.args, spec.nargs, &err), 0);
	remote_release(&spec);
}
#define GOOD(text, dest, host, ...) good(text, dest, host, (const char *const[]){__VA_ARGS__, NULL})

static void
bad(const char *text, const char *why)
{
	struct remote_spec spec;
	struct err err;

	assert_int_equal(remote_parse(text, &spec, &err), -1);
	assert_int_equal(err.code, ERR_INVALID);
	if (strstr(err.msg, why) == NULL)
		fail_msg("%s: \"%s\" does not say \"%s\"", text, err.msg, why);
	assert_null(spec.args);
	assert_null(spec.dest);
}

static void
test_good(void **state)
{
	(void)state;
	good("ssh host", "host", "host", (const char *const[]){NULL});
	good("me@host.example", "me@host.example", "host.example", (const char *const[]){NULL});
	good("  ssh\tbüro ", "büro", "büro", (const char *const[]){NULL});
	GOOD("ssh -J jump me@host", "me@host", "host", "-J", "jump");
	GOOD("ssh -4Cp 22 -- host", "host", "host", "-4Cp", "22");
	GOOD("ssh -p22 -l me host", "host", "host", "-p22", "-l", "me");
	GOOD("ssh -o 'ProxyCommand=nc -X 5 %h %p' host", "host", "host", "-o",
	    "ProxyCommand=nc -X 5 %h %p");
	GOOD("ssh -i \"/a b/key\" ssh://me@host:2222", "ssh://me@host:2222", "host", "-i",
	    "/a b/key");
	good("ssh ssh://[::1]:22", "ssh://[::1]:22", "[::1]", (const char *const[]){NULL});
	good("ssh fe80::1%eth0", "fe80::1%eth0", "fe80::1%eth0", (const char *const[]){NULL});
}

static void
test_refused(void **state)
{
	(void)state;
	bad("", "no host");
	bad("ssh", "no host");
	bad("ssh -p 22", "no host");
	bad("ssh -oProxyCommand=id", "no host");
	bad("ssh -- -oProxyCommand=id", "begins with '-'");
	bad("ssh me@-oProxyCommand=id", "begins with '-'");
	bad("ssh -l -oProxyCommand=id host", "begins with '-'");
	bad("ssh -l-oProxyCommand=id host", "begins with '-'");
	bad("ssh -oUser=x -x@host", "no option -?");
	bad("ssh -- -x@host", "begins with '-'");
	bad("ssh ssh://-x@host", "begins with '-'");
	bad("ssh ssh://-oProxyCommand=id", "begins with '-'");
	bad("ssh ssh://host:0", "port");
	bad("ssh ssh://host:22x", "port");
	bad("ssh host id", "stands behind the host");
	bad("ssh host -p 22", "stands behind the host");
	bad("ssh 'ho;st'", "0x3b");
	bad("ssh '$(id)'", "0x24");
	bad("ssh '`id`@host'", "0x60");
	bad("ssh 'a b'", "0x20");
	bad("ssh ''", "empty");
	bad("ssh @host", "empty");
	bad("ssh me@", "empty");
	bad("ssh host\nid", "0x0a");
	bad("ssh host\x7f", "0x7f");
	bad("ssh 'host", "not closed");
	bad("ssh -N host", "-N");
	bad("ssh -4f host", "-f");
	bad("ssh -W a:1 host", "-W");
	bad("ssh -tt host", "-t");
	bad("ssh -S x host", "-S");
	bad("ssh -Z host", "no option -Z");
}

static void
test_args(void **state)
{
	char *missing[] = {(char *)(uintptr_t) "-p"}, *word[] = {(char *)(uintptr_t) "host"};
	char *newline[] = {(char *)(uintptr_t) "-o", (char *)(uintptr_t) "A=b\nC=d"};
	char *empty[] = {(char *)(uintptr_t) ""};
	struct err err;

	(void)state;
	assert_int_equal(remote_check_args(NULL, 0, &err), 0);
	assert_int_equal(remote_check_args(missing, 1, &err), -1);
	assert_non_null(strstr(err.msg, "is missing"));
	assert_int_equal(remote_check_args(word, 1, &err), -1);
	assert_non_null(strstr(err.msg, "no option"));
	assert_int_equal(remote_check_args(newline, 2, &err), -1);
	assert_int_equal(remote_check_args(empty, 1, &err), -1);
}

static void
test_quote(void **state)
{
	static const struct {
		const char *word, *quoted;
	} cases[] = {{"", "''"}, {"a b", "'a b'"}, {"it's", "'it'\\''s'"}, {"a\\b", "'a'\\\\'b'"},
	    {"!x", "''\\!'x'"}, {"$HOME `id` \"q\" *", "'$HOME `id` \"q\" *'"}};
	size_t i;
	char *q;

	(void)state;
	for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		q = remote_quote(cases[i].word);
		assert_string_equal(q, cases[i].quoted);
		free(q);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_good),
	    cmocka_unit_test(test_refused), cmocka_unit_test(test_args),
	    cmocka_unit_test(test_quote)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
