/* SPDX-License-Identifier: MIT
 *
 * irisd/store/vfs: the ballast beside the database, and a write that finds the disk full. The disk is
 * full when the test says so: its own pwrite lies below that of the store.
 */
#include <sys/stat.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>
#include <sqlite3.h>

#include "tests/unit/store_fixture.h"

#define SIZE 8388608

static char dir[] = "/tmp/iris-vfs-XXXXXX";
static char path[64], ballast[80];

/* With this errno, while the ballast is there: the room that it holds is all that there is. */
static int full;
static int refused;

static bool
there(void)
{
	struct stat st;

	if (lstat(ballast, &st) == -1)
		return false;
	assert_int_equal(st.st_size, SIZE);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_true((int64_t)st.st_blocks * 512 >= SIZE);
	return true;
}

static ssize_t
test_pwrite(int fd, const void *buf, size_t len, off_t at)
{
	if (full != 0 && there()) {
		refused++;
		errno = full;
		return -1;
	}
	return pwrite(fd, buf, len, at);
}

static int
setup(void **state)
{
	(void)state;
	memcpy(dir + sizeof dir - 7, "XXXXXX", 6);
	if (mkdtemp(dir) == NULL)
		return -1;
	snprintf(path, sizeof path, "%s/iris.db", dir);
	snprintf(ballast, sizeof ballast, "%s-ballast", path);
	full = refused = 0;
	return 0;
}

static int
teardown(void **state)
{
	char name[80];

	(void)state;
	unlink(path);
	snprintf(name, sizeof name, "%s-wal", path);
	unlink(name);
	unlink(ballast);
	rmdir(ballast);
	return rmdir(dir);
}

static void
test_kept(void **state)
{
	struct store *s = open_store(path);
	struct stat before, after;
	struct err err;

	(void)state;
	assert_true(there());
	assert_int_equal(store_room(s, &err), 0);
	store_close(s);
	/* The next irisd, perhaps on a disk that is full by then, has the same one. */
	assert_true(there());
	assert_int_equal(stat(ballast, &before), 0);
	s = open_store(path);
	assert_int_equal(stat(ballast, &after), 0);
	assert_int_equal(before.st_ino, after.st_ino);
	assert_int_equal(before.st_mtime, after.st_mtime);
	store_close(s);
	/* One that was cut, or is a hole, is made whole. */
	assert_int_equal(truncate(ballast, 4096), 0);
	s = open_store(path);
	assert_true(there());
	store_close(s);
	assert_int_equal(truncate(ballast, 0), 0);
	assert_int_equal(truncate(ballast, SIZE), 0);
	s = open_store(path);
	assert_true(there());
	store_close(s);
}

/* Each of the two errors by which a disk says that it is full. */
static void
use_up(int e)
{
	struct store *s = open_store(path);
	struct store_message m;
	struct err err;

	put_message(s, put_session(s, "a", "b"), M1, NULL, &err);
	full = e;
	store_commit(s);
	assert_int_equal(refused, 1);
	assert_false(there());
	full = 0;
	assert_true(store_message_load(s, M1, &m));
	store_message_release(&m);
	/* There is space: it is made again by who asks first, and holds for the next time. */
	assert_int_equal(store_room(s, &err), 0);
	assert_true(there());
	store_message_step(s, M1, LADDER_SENT, 6000, "handed");
	full = e;
	store_commit(s);
	assert_int_equal(refused, 2);
	full = 0;
	store_close(s);
	assert_false(there());
	s = open_store(path);
	assert_true(there());
	assert_string_equal(receipts_of(s, M1), "queued@5000:stored sent@6000:handed ");
	store_close(s);
}

static void
test_no_space(void **state)
{
	(void)state;
	use_up(ENOSPC);
}

static void
test_quota(void **state)
{
	(void)state;
	use_up(EDQUOT);
}

/* Where the file can not be made, the store works without. */
static void
test_without(void **state)
{
	struct store *s;
	struct err err;

	(void)state;
	assert_int_equal(mkdir(ballast, 0700), 0);
	s = open_store(path);
	assert_int_equal(store_room(s, &err), 0);
	put_message(s, put_session(s, "a", "b"), M1, NULL, &err);
	store_commit(s);
	store_close(s);
	s = open_store(":memory:");
	assert_int_equal(store_room(s, &err), 0);
	store_close(s);
	assert_int_equal(access(":memory:-ballast", F_OK), -1);
}

/* Nobody's file is written through a link. */
static void
test_link(void **state)
{
	struct store *s;
	struct stat st;

	(void)state;
	assert_int_equal(symlink("/dev/null", ballast), 0);
	s = open_store(path);
	assert_int_equal(lstat(ballast, &st), 0);
	assert_true(S_ISLNK(st.st_mode));
	store_close(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_kept, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_no_space, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_quota, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_without, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_link, setup, teardown),
	};
	static const char *const calls[] = {"pwrite", "pwrite64"};
	sqlite3_vfs *vfs = sqlite3_vfs_find(NULL);
	size_t i;

	/* Which of the two it uses was decided when SQLite was built. */
	for (i = 0; i < 2; i++)
		if (vfs->xGetSystemCall(vfs, calls[i]) != NULL)
			vfs->xSetSystemCall(vfs, calls[i], (sqlite3_syscall_ptr)test_pwrite);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
