/* SPDX-License-Identifier: MIT
 *
 * common/paths: where things are, which directories are trusted, and what happens when IRIS_HOME
 * is too long for a socket's name.
 */
#define _XOPEN_SOURCE 700 /* nftw */
#include <sys/stat.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "common/paths.h"
#include "common/spawn.h"

static char root[64];
static struct paths p;
static struct err err;

static int
remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path);
}

static int
setup(void **state)
{
	(void)state;
	snprintf(root, sizeof root, "/tmp/iris-paths-XXXXXX");
	if (mkdtemp(root) == NULL)
		return -1;
	unsetenv("IRIS_HOME");
	unsetenv("IRIS_CONFIG_PATH");
	return setenv("HOME", root, 1);
}

static int
teardown(void **state)
{
	(void)state;
	return nftw(root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static const char *
under(const char *name)
{
	static char buf[4][256];
	static int i;

	i = (i + 1) % 4;
	snprintf(buf[i], sizeof buf[i], "%s/%s", root, name);
	return buf[i];
}

static int
mode_of(const char *path)
{
	struct stat st;

	return lstat(path, &st) == -1 ? -1 : (int)(st.st_mode & 07777);
}

static void
test_defaults(void **state)
{
	(void)state;
	assert_int_equal(paths_init(&p, &err), 0);
	assert_string_equal(p.home, under(".iris"));
	assert_string_equal(p.config, under(".iris/config.yaml"));
	assert_string_equal(p.db, under(".iris/iris.db"));
	assert_string_equal(p.logfile, under(".iris/log/irisd.log"));
	assert_string_equal(p.lock, under(".iris/run/irisd.lock"));
	assert_string_equal(p.start, under(".iris/run/start.lock"));
	assert_string_equal(p.sock, under(".iris/irisd.sock"));
	/* Nothing was touched. */
	assert_int_equal(mode_of(p.home), -1);
	assert_int_equal(paths_make(&p, &err), 0);
	assert_int_equal(mode_of(p.home), 0700);
	assert_int_equal(mode_of(p.run), 0700);
	assert_int_equal(mode_of(p.log), 0700);
	assert_int_equal(paths_make(&p, &err), 0);
}

static void
test_environment(void **state)
{
	char longer[PATHS_MAX + 10];

	(void)state;
	setenv("IRIS_HOME", under("x///"), 1);
	assert_int_equal(paths_init(&p, &err), 0);
	assert_string_equal(p.home, under("x"));
	setenv("IRIS_HOME", "relative", 1);
	assert_int_equal(paths_init(&p, &err), -1);
	assert_int_equal(err.code, ERR_CONFIG);
	assert_non_null(strstr(err.msg, "IRIS_HOME is \"relative\"; it must be an absolute path"));
	memset(longer, 'a', sizeof longer);
	longer[0] = '/';
	longer[sizeof longer - 1] = '\0';
	setenv("IRIS_HOME", longer, 1);
	assert_int_equal(paths_init(&p, &err), -1);
	assert_non_null(strstr(err.msg, "too long"));
	setenv("IRIS_HOME", "", 1);
	assert_int_equal(paths_init(&p, &err), 0);
	assert_string_equal(p.home, under(".iris"));
	/* Without HOME the password database knows. */
	unsetenv("HOME");
	assert_int_equal(paths_init(&p, &err), 0);
	assert_int_equal(p.home[0], '/');
	setenv("HOME", "not absolute", 1);
	assert_non_null(paths_user_home());
	assert_int_equal(paths_user_home()[0], '/');
}

static void
test_config_file(void **state)
{
	(void)state;
	setenv("IRIS_CONFIG_PATH", "/elsewhere/c.yaml", 1);
	assert_int_equal(paths_init(&p, &err), 0);
	assert_string_equal(p.config, "/elsewhere/c.yaml");
	unsetenv("IRIS_CONFIG_PATH");
	assert_int_equal(mkdir(under(".iris"), 0700), 0);
	fclose(fopen(under(".iris/config.yml"), "w"));
	assert_int_equal(paths_init(&p, &err), 0);
	assert_string_equal(p.config, under(".iris/config.yml"));
	fclose(fopen(under(".iris/config.yaml"), "w"));
	assert_int_equal(paths_init(&p, &err), 0);
	assert_string_equal(p.config, under(".iris/config.yaml"));
}

/* In the user's own home: closed when open, never a link in place of run or log. */
static void
test_own_directories(void **state)
{
	(void)state;
	assert_int_equal(mkdir(under(".iris"), 0755), 0);
	assert_int_equal(chmod(under(".iris"), 0777), 0);
	assert_int_equal(paths_init(&p, &err), 0);
	assert_int_equal(paths_make(&p, &err), 0);
	assert_int_equal(mode_of(p.home), 0700);
	assert_int_equal(mode_of(p.spool), 0700);
	assert_int_equal(rmdir(p.spool), 0);
	assert_int_equal(rmdir(p.run), 0);
	assert_int_equal(mkdir(under("planted"), 0700), 0);
	assert_int_equal(symlink(under("planted"), p.run), 0);
	assert_int_equal(paths_make(&p, &err), -1);
	assert_int_equal(err.code, ERR_CONFIG);
	assert_non_null(strstr(err.msg, "is not a directory"));
	assert_int_equal(unlink(p.run), 0);
	fclose(fopen(p.run, "w"));
	assert_int_equal(paths_make(&p, &err), -1);
	assert_non_null(strstr(err.msg, "is not a directory"));
}

static void
test_home_is_a_link(void **state)
{
	(void)state;
	assert_int_equal(mkdir(under("real"), 0700), 0);
	assert_int_equal(symlink(under("real"), under(".iris")), 0);
	assert_int_equal(paths_init(&p, &err), 0);
	assert_int_equal(paths_make(&p, &err), 0);
	assert_int_equal(mode_of(under("real/run")), 0700);
	assert_int_equal(unlink(under(".iris")), 0);
	assert_int_equal(symlink(under("nothing"), under(".iris")), 0);
	assert_int_equal(paths_make(&p, &err), -1);
	assert_non_null(strstr(err.msg, "is a link to nothing"));
}

static void
test_foreign_owner(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip();
	assert_int_equal(mkdir(under(".iris"), 0700), 0);
	assert_int_equal(chown(under(".iris"), 12345, (gid_t)-1), 0);
	assert_int_equal(paths_init(&p, &err), 0);
	assert_int_equal(paths_make(&p, &err), -1);
	assert_int_equal(err.code, ERR_REFUSED);
	assert_non_null(strstr(err.msg, "belongs to another user (uid 12345)"));
}

/* The longest IRIS_HOME that fits, and the first that does not. */
static void
test_long_home(void **state)
{
	char home[256], dir[64];
	size_t n;

	(void)state;
	n = 103 - strlen("/irisd.sock");
	memset(home, 'h', sizeof home);
	memcpy(home, root, strlen(root));
	home[strlen(root)] = '/';
	home[n] = '\0';
	setenv("IRIS_HOME", home, 1);
	assert_int_equal(paths_init(&p, &err), 0);
	assert_int_equal(strlen(p.sock), 103);
	assert_memory_equal(p.sock, home, n);
	home[n] = 'h';
	home[n + 1] = '\0';
	setenv("IRIS_HOME", home, 1);
	assert_int_equal(paths_init(&p, &err), 0);
	n = (size_t)snprintf(dir, sizeof dir, "/tmp/iris-%lu/", (unsigned long)getuid());
	assert_memory_equal(p.sock, dir, n);
	assert_int_equal(strlen(p.sock), n + 16 + strlen(".sock"));
	/* Another home gets another name. */
	snprintf(dir, sizeof dir, "%s", p.sock + n);
	home[n + 40] = 'x';
	setenv("IRIS_HOME", home, 1);
	assert_int_equal(paths_init(&p, &err), 0);
	assert_string_not_equal(p.sock + n, dir);
}

/*
 * The directory of such a socket lies where everybody can write: it is trusted only when it is
 * right by itself.
 */
static void
test_shared_directory(void **state)
{
	char dir[96];

	(void)state;
	assert_int_equal(paths_init(&p, &err), 0);
	snprintf(dir, sizeof dir, "%s/shared", root);
	snprintf(p.sock, sizeof p.sock, "%s/x.sock", dir);
	assert_int_equal(paths_make(&p, &err), 0);
	assert_int_equal(mode_of(dir), 0700);
	assert_int_equal(chmod(dir, 0770), 0);
	assert_int_equal(paths_make(&p, &err), -1);
	assert_int_equal(err.code, ERR_REFUSED);
	assert_non_null(strstr(err.msg, "open to other users"));
	assert_int_equal(rmdir(dir), 0);
	assert_int_equal(symlink(root, dir), 0);
	assert_int_equal(paths_make(&p, &err), -1);
	assert_non_null(strstr(err.msg, "is not a directory"));
}

static void
test_small_ones(void **state)
{
	char buf[8], out[PATHS_MAX];

	(void)state;
	assert_int_equal(paths_join(buf, sizeof buf, "/a", "b"), 0);
	assert_string_equal(buf, "/a/b");
	assert_int_equal(paths_join(buf, sizeof buf, "/", "b"), 0);
	assert_string_equal(buf, "/b");
	assert_int_equal(paths_join(buf, sizeof buf, "/abc", "def"), -1);
	assert_int_equal(paths_join(buf, sizeof buf, "/abc", "de"), 0);
	assert_true(paths_contains("/a", "/a"));
	assert_true(paths_contains("/a", "/a/b"));
	assert_false(paths_contains("/a", "/ab"));
	assert_false(paths_contains("/a/b", "/a"));
	assert_true(paths_contains("/", "/a"));
	assert_int_equal(paths_program("no-such-program", out, sizeof out, &err), -1);
	assert_non_null(strstr(err.msg, "no-such-program"));
	assert_int_equal(paths_program("test_paths", out, sizeof out, &err), 0);
	assert_int_equal(out[0], '/');
}

static void
test_search(void **state)
{
	char out[PATHS_MAX], path[512];
	int fd;

	(void)state;
	assert_int_equal(mkdir(under("one"), 0700), 0);
	assert_int_equal(mkdir(under("two"), 0700), 0);
	assert_int_equal(mkdir(under("one/dir"), 0700), 0);
	fclose(fopen(under("one/prog"), "w"));
	snprintf(path, sizeof path, ":%s::%s:/nowhere", under("one"), under("two"));
	assert_int_equal(chmod(under("one/prog"), 0600), 0);
	assert_int_equal(spawn_search("prog", path, out, sizeof out), -1);
	assert_int_equal(errno, EACCES);
	assert_string_equal(out, under("one/prog"));
	fd = open(under("two/prog"), O_CREAT | O_WRONLY, 0700);
	assert_true(fd != -1);
	close(fd);
	assert_int_equal(spawn_search("prog", path, out, sizeof out), 0);
	assert_string_equal(out, under("two/prog"));
	assert_int_equal(spawn_search("dir", path, out, sizeof out), -1);
	assert_int_equal(errno, ENOENT);
	assert_string_equal(out, "");
	assert_int_equal(spawn_search("prog", NULL, out, sizeof out), -1);
	assert_int_equal(spawn_search("prog", "", out, sizeof out), -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_defaults, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_environment, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_config_file, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_own_directories, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_home_is_a_link, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_foreign_owner, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_long_home, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_shared_directory, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_small_ones, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_search, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
