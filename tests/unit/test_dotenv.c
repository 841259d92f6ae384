/* SPDX-License-Identifier: MIT
 *
 * .env: what a line may look like, where errors point, and who may own the file.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "common/dotenv.h"

static char dir[] = "/tmp/iris-dotenv-XXXXXX";
static char path[64];

static void
write_file(const char *text, size_t len, mode_t mode)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, len, f), len);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod(path, mode), 0);
}

static struct dotenv *
load(const char *text)
{
	char *warning;
	struct err e;
	struct dotenv *d;

	write_file(text, strlen(text), 0600);
	d = dotenv_load(path, &warning, &e);
	if (d == NULL)
		fail_msg("%s", e.msg);
	assert_null(warning);
	return d;
}

static void
expect(const char *text, const char *name, const char *value)
{
	struct dotenv *d = load(text);

	if (value == NULL)
		assert_null(dotenv_get(d, name));
	else {
		assert_non_null(dotenv_get(d, name));
		assert_string_equal(dotenv_get(d, name), value);
	}
	dotenv_free(d);
}

static void
expect_error(const char *text, size_t len, mode_t mode, const char *message)
{
	char *warning, want[512];
	struct err e;

	write_file(text, len, mode);
	assert_null(dotenv_load(path, &warning, &e));
	assert_null(warning);
	assert_int_equal(e.code, ERR_CONFIG);
	snprintf(want, sizeof want, "%s:%s", path, message);
	assert_string_equal(e.msg, want);
}

#define EXPECT_ERROR(text, message) expect_error(text, sizeof(text) - 1, 0600, message)

static void
test_plain(void **state)
{
	(void)state;
	expect("A=1\n", "A", "1");
	expect("A=1", "A", "1");
	expect("A=\n", "A", "");
	expect("  A = two words \t\n", "A", "two words");
	expect("export A=1\n", "A", "1");
	expect("export\tA=1\n", "A", "1");
	expect("export=1\n", "export", "1");
	expect("exported=1\n", "exported", "1");
	expect("A=1\nA=2\n", "A", "2");
	expect("A=x=y\n", "A", "x=y");
	expect("A=1\n", "B", NULL);
	expect("\xef\xbb\xbf"
	       "A=1\n",
	    "A", "1");
	expect("A=gr\xc3\xbc\xc3\x9f\n", "A", "gr\xc3\xbc\xc3\x9f");
}

static void
test_comments(void **state)
{
	(void)state;
	expect("# A=1\n\n   # B=2\n  \nC=3\n", "A", NULL);
	expect("# A=1\n\n   # B=2\n  \nC=3\n", "C", "3");
	expect("A=1 # one\n", "A", "1");
	expect("A=a#b\n", "A", "a#b");
	expect("A=#b\n", "A", "");
	expect("A='x' # c\n", "A", "x");
	expect("A=\"x\"# c\n", "A", "x");
}

static void
test_quotes(void **state)
{
	(void)state;
	expect("A='a b # c'\n", "A", "a b # c");
	expect("A='a\\nb\"'\n", "A", "a\\nb\"");
	expect("A=\"a\\nb\\tc\\\\d\\\"e\"\n", "A", "a\nb\tc\\d\"e");
	expect("A=\"C:\\dir\\x\"\n", "A", "C:\\dir\\x");
	expect("A=\"\"\n", "A", "");
	expect("A=it's\n", "A", "it's");
}

static void
test_crlf(void **state)
{
	(void)state;
	expect("A=1\r\n\r\n# c\r\nB='2'\r\nC=3\r", "A", "1");
	expect("A=1\r\n\r\n# c\r\nB='2'\r\nC=3\r", "B", "2");
	expect("A=1\r\n\r\n# c\r\nB='2'\r\nC=3\r", "C", "3");
}

static void
test_errors(void **state)
{
	(void)state;
	EXPECT_ERROR("A=1\n  nonsense\n", "2:11: expected '=' after the name");
	EXPECT_ERROR("A=1\n\n=x\n", "3:1: expected NAME=VALUE; a name is of A-Z a-z 0-9 _");
	EXPECT_ERROR("1A=x\n", "1:1: expected NAME=VALUE; a name is of A-Z a-z 0-9 _");
	EXPECT_ERROR("export \n", "1:8: expected NAME=VALUE; a name is of A-Z a-z 0-9 _");
	EXPECT_ERROR("A-B=x\n", "1:2: expected '=' after the name");
	EXPECT_ERROR(
	    "# \xc3\xbc\nA= \"open\n", "2:4: this quote is not closed before the end of the line");
	EXPECT_ERROR("A='open", "1:3: this quote is not closed before the end of the line");
	EXPECT_ERROR("A=\"x\\\"\n", "1:3: this quote is not closed before the end of the line");
	EXPECT_ERROR("A='x'y\n", "1:6: expected the end of the line after the closing quote");
	EXPECT_ERROR(
	    "A=1\r\nB=\xff\r\n", "2:3: byte 0xff is not valid UTF-8; save the file as UTF-8");
	EXPECT_ERROR("A=1\nB=\0x\n",
	    "2:3: byte 0x00 is a control character; write it as an escape, such as \"\\x1b\"");
}

static void
test_no_secret_in_errors(void **state)
{
	char *warning;
	struct err e;

	(void)state;
	write_file("A='hunter2'x\n", 13, 0600);
	assert_null(dotenv_load(path, &warning, &e));
	assert_null(strstr(e.msg, "hunter2"));
}

static void
test_modes(void **state)
{
	char *warning, want[256];
	struct err e;
	struct dotenv *d;

	(void)state;
	snprintf(want, sizeof want, "1:1: others may write this file; run: chmod 600 %s", path);
	expect_error("A=1\n", 4, 0620, want);
	expect_error("A=1\n", 4, 0602, want);
	write_file("A=1\n", 4, 0644);
	d = dotenv_load(path, &warning, &e);
	assert_non_null(d);
	assert_string_equal(dotenv_get(d, "A"), "1");
	snprintf(want, sizeof want, "%s:1:1: everyone may read this file; run: chmod 600 %s", path,
	    path);
	assert_string_equal(warning, want);
	free(warning);
	dotenv_free(d);
	write_file("A=1\n", 4, 0640);
	d = dotenv_load(path, &warning, &e);
	assert_non_null(d);
	assert_null(warning);
	dotenv_free(d);
}

static void
test_no_file(void **state)
{
	char *warning;
	struct err e;
	struct dotenv *d;

	(void)state;
	unlink(path);
	d = dotenv_load(path, &warning, &e);
	assert_non_null(d);
	assert_null(warning);
	assert_null(dotenv_get(d, "A"));
	dotenv_free(d);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_null(dotenv_load(path, &warning, &e));
	assert_int_equal(e.code, ERR_CONFIG);
	assert_int_equal(rmdir(path), 0);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_null(dotenv_load(path, &warning, &e));
	assert_int_equal(e.code, ERR_CONFIG);
	unlink(path);
}

static void
test_too_many(void **state)
{
	char *text = malloc(5000 * 16), *warning;
	size_t len = 0;
	struct err e;
	int i;

	(void)state;
	assert_non_null(text);
	for (i = 0; i < 5000; i++)
		len += (size_t)snprintf(text + len, 16, "V%d=1\n", i);
	write_file(text, len, 0600);
	free(text);
	assert_null(dotenv_load(path, &warning, &e));
	assert_non_null(strstr(e.msg, ":4097:1: too many variables"));
}

static int
make_dir(void **state)
{
	(void)state;
	if (mkdtemp(dir) == NULL)
		return -1;
	snprintf(path, sizeof path, "%s/.env", dir);
	return 0;
}

static int
remove_dir(void **state)
{
	(void)state;
	unlink(path);
	return rmdir(dir);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_plain),
	    cmocka_unit_test(test_comments),
	    cmocka_unit_test(test_quotes),
	    cmocka_unit_test(test_crlf),
	    cmocka_unit_test(test_errors),
	    cmocka_unit_test(test_no_secret_in_errors),
	    cmocka_unit_test(test_modes),
	    cmocka_unit_test(test_no_file),
	    cmocka_unit_test(test_too_many),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
