/* SPDX-License-Identifier: MIT
 *
 * Writes down what reaches the disk and who is told what, in order, see preload.h: IRIS_PRELOAD is
 * the path of the record, which all processes of the program add to. A record is a struct entry, a
 * name of name_len bytes and len bytes of data. Concerned are regular files and directories, and
 * sockets in both directions.
 */
#define _GNU_SOURCE
#include <sys/stat.h>
#include <sys/syscall.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tests/crash/preload.h"

struct entry {
	uint32_t call; /* enum call */
	uint32_t pid;
	uint32_t name_len, len;
	int64_t off;
	uint64_t inode;
	int64_t at; /* ms since 1970 */
};

static int record = -1;

bool
policy_init(const char *spec)
{
	record = openat(AT_FDCWD, spec, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	return record != -1;
}

int
policy_before(const struct point *p, uint32_t n, uint32_t of)
{
	struct stat st;

	(void)n;
	(void)of;
	/* The inode is gone when it is done. */
	if (p->call == CALL_UNLINK && stat(p->path, &st) == 0 && S_ISREG(st.st_mode)) {
		struct entry e = {CALL_UNLINK, (uint32_t)getpid(), (uint32_t)strlen(p->path), 0, -1,
		    st.st_ino, 0};
		struct iovec iov[2] = {{&e, sizeof e}, {(void *)(uintptr_t)p->path, e.name_len}};
		syscall(SYS_writev, record, iov, 2);
	}
	return 0;
}

static int64_t
now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* What was done, with the first rv bytes of what was written or read. */
static void
put(const struct point *p, int fd, const char *name, uint64_t inode, int64_t rv)
{
	struct entry e = {(uint32_t)p->call, (uint32_t)getpid(), (uint32_t)strlen(name), 0, p->off,
	    inode, now_ms()};
	struct iovec iov[2 + 64] = {{&e, sizeof e}, {(void *)(uintptr_t)name, e.name_len}};
	size_t left = p->niov > 0 && rv > 0 ? (size_t)rv : 0;
	int i, n = 2;

	if (p->call == CALL_WRITE && e.off == -1)
		e.off = lseek(fd, 0, SEEK_CUR) - rv;
	for (i = 0; i < p->niov && n < 66 && left > 0; i++) {
		iov[n] = p->iov[i];
		if (iov[n].iov_len > left)
			iov[n].iov_len = left;
		left -= iov[n].iov_len;
		e.len += (uint32_t)iov[n++].iov_len;
	}
	syscall(SYS_writev, record, iov, n);
}

void
policy_after(const struct point *p, int64_t rv)
{
	int fd = p->call == CALL_OPEN ? (int)rv : p->fd;
	char name[PATH_MAX];
	struct stat st;

	if (rv < 0 || p->call == CALL_SPAWN || p->call == CALL_KILL || p->call == CALL_UNLINK)
		return;
	if (p->call == CALL_RENAME) {
		snprintf(name, sizeof name, "%s%c%s", p->path, '\n', p->to);
		if (stat(p->to, &st) == 0)
			put(p, -1, name, st.st_ino, rv);
		return;
	}
	if (fstat(fd, &st) == -1)
		return;
	if (!S_ISSOCK(st.st_mode) && !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode))
		return;
	if (p->call == CALL_READ && !S_ISSOCK(st.st_mode))
		return;
	preload_name(fd, name, sizeof name);
	put(p, fd, name, st.st_ino, rv);
}
