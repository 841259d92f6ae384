/* SPDX-License-Identifier: MIT
 *
 * SQLite's writes on a full disk, see vfs.h and store_room. A write that finds no room is tried a
 * second time when the ballast has been removed. From then on new messages are refused, until the
 * ballast could be made again: so those that were accepted have its room for their steps and
 * answers. When that is used up, too, a write fails as it would without all this.
 *
 * Of the VFS only single system calls are replaced, which SQLite has for such ends
 * (sqlite.org/c3ref/vfs.html, xSetSystemCall). There is one database in a program.
 */
#include <sys/stat.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sqlite3.h>

#include "common/compat.h"
#include "common/log.h"
#include "common/xmalloc.h"
#include "irisd/store/store.h"
#include "irisd/store/vfs.h"

#define BALLAST_BYTES ((int64_t)8 * 1024 * 1024)

static struct {
	char *db, *path; /* owned; NULL: no ballast is wanted */
	bool held;
	int why; /* errno with which it could not be made, or was needed */
} ballast;

static ssize_t (*real_write)(int, const void *, size_t);
static ssize_t (*real_pwrite)(int, const void *, size_t, off_t);
static ssize_t (*real_pwrite64)(int, const void *, size_t, int64_t);

static bool
is_full(int e)
{
	return e == ENOSPC || e == EDQUOT;
}

/* After a write has failed: true when it is worth another one. Leaves errno as it was. */
static bool
release(void)
{
	int saved = errno;

	if (!is_full(saved) || !ballast.held)
		return false;
	ballast.held = false;
	ballast.why = saved;
	if (unlink(ballast.path) == -1) {
		log_error("can not remove %s: %s", ballast.path, strerror(errno));
		errno = saved;
		return false;
	}
	log_warn("no room to write %s (%s): its reserve is given up, and new messages are refused "
		 "until there is space again",
	    ballast.db, strerror(saved));
	errno = saved;
	return true;
}

static ssize_t
vfs_write(int fd, const void *buf, size_t len)
{
	ssize_t n = real_write(fd, buf, len);

	return n == -1 && release() ? real_write(fd, buf, len) : n;
}

static ssize_t
vfs_pwrite(int fd, const void *buf, size_t len, off_t at)
{
	ssize_t n = real_pwrite(fd, buf, len, at);

	return n == -1 && release() ? real_pwrite(fd, buf, len, at) : n;
}

static ssize_t
vfs_pwrite64(int fd, const void *buf, size_t len, int64_t at)
{
	ssize_t n = real_pwrite64(fd, buf, len, at);

	return n == -1 && release() ? real_pwrite64(fd, buf, len, at) : n;
}

/* Whether it is there already, of an earlier irisd. */
static bool
is_whole(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && st.st_size == BALLAST_BYTES &&
	    (int64_t)st.st_blocks * 512 >= BALLAST_BYTES;
}

/* -1 with ballast.why. */
static int
make(void)
{
	int fd = open(ballast.path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd == -1) {
		ballast.why = errno;
		return -1;
	}
	ballast.why = is_whole(fd) ? 0 : compat_allocate(fd, BALLAST_BYTES);
	close(fd);
	ballast.held = ballast.why == 0;
	if (!ballast.held)
		unlink(ballast.path);
	return ballast.held ? 0 : -1;
}

static void
forget(void)
{
	free(ballast.db);
	free(ballast.path);
	memset(&ballast, 0, sizeof ballast);
}

/* Put ours in the place of a system call that this SQLite uses; the one that was there. */
static sqlite3_syscall_ptr
replace(sqlite3_vfs *vfs, const char *name, sqlite3_syscall_ptr with)
{
	sqlite3_syscall_ptr old = vfs->xGetSystemCall(vfs, name);

	if (old != NULL)
		vfs->xSetSystemCall(vfs, name, with);
	return old;
}

static void
replace_all(sqlite3_vfs *vfs)
{
	static bool done;

	if (done)
		return;
	done = true;
	real_write = (ssize_t(*)(int, const void *, size_t))replace(
	    vfs, "write", (sqlite3_syscall_ptr)vfs_write);
	real_pwrite = (ssize_t(*)(int, const void *, size_t, off_t))replace(
	    vfs, "pwrite", (sqlite3_syscall_ptr)vfs_pwrite);
	real_pwrite64 = (ssize_t(*)(int, const void *, size_t, int64_t))replace(
	    vfs, "pwrite64", (sqlite3_syscall_ptr)vfs_pwrite64);
}

void
vfs_install(const char *path)
{
	sqlite3_vfs *vfs = sqlite3_vfs_find(NULL);

	forget();
	if (strcmp(path, ":memory:") == 0 || vfs == NULL || vfs->iVersion < 3)
		return;
	replace_all(vfs);
	ballast.db = xstrdup(path);
	ballast.path = xasprintf("%s-ballast", path);
	if (make() == 0)
		return;
	log_warn("no reserve for a full disk at %s: %s", ballast.path, strerror(ballast.why));
	/* A full disk is one thing; a file system that knows no reserve does without. */
	if (!is_full(ballast.why))
		forget();
}

int
store_room(struct store *s, struct err *err)
{
	(void)s;
	if (ballast.path == NULL || ballast.held)
		return 0;
	if (make() == 0) {
		log_info("there is space for %s again: new messages are accepted", ballast.db);
		return 0;
	}
	return err_set(err, ERR_IO,
	    "%s %s (%s): no new message is accepted, since it might not be stored; what was accepted "
	    "goes on. Free %d MiB there, then send again",
	    is_full(ballast.why) ? "there is no space left for" : "no space can be reserved for",
	    ballast.db, strerror(ballast.why), (int)(BALLAST_BYTES >> 20));
}
