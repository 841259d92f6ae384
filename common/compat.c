/* SPDX-License-Identifier: MIT
 *
 * Operating system differences that need code. Each branch is kept small; the rest of the tree has
 * none. Called from everywhere; decides nothing.
 */
#ifdef __linux__
#define _GNU_SOURCE
#endif
#include <sys/socket.h>
#include <sys/stat.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/inotify.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#endif
#ifdef __GLIBC__
#include <malloc.h>
#endif
#ifdef __APPLE__
#include <sys/event.h>
#include <mach-o/dyld.h>
#include <sys/un.h>
#endif

#include "common/compat.h"
#include "common/xmalloc.h"

size_t
compat_strlcpy(char *dst, const char *src, size_t size)
{
	size_t len = strlen(src);

	if (size > 0) {
		size_t n = len < size ? len : size - 1;
		memcpy(dst, src, n);
		dst[n] = '\0';
	}
	return len;
}

size_t
compat_strlcat(char *dst, const char *src, size_t size)
{
	size_t len = strnlen(dst, size);

	if (len == size)
		return size + strlen(src);
	return len + compat_strlcpy(dst + len, src, size - len);
}

int
compat_set_nonblock(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	return flags == -1 ? -1 : fcntl(fd, F_SETFL, flags | O_NONBLOCK);
}

int
compat_set_cloexec(int fd, bool on)
{
	return fcntl(fd, F_SETFD, on ? FD_CLOEXEC : 0);
}

int64_t
compat_now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

int64_t
compat_mono_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

void
compat_random(void *buf, size_t len)
{
	arc4random_buf(buf, len);
}

void
compat_trim(void)
{
#ifdef __GLIBC__
	malloc_trim(0);
#endif
}

/* What both systems share of compat_spawn_prepare. */
static int
prepare(posix_spawn_file_actions_t *actions, posix_spawnattr_t *attr, const char *dir,
    bool own_session, short flags)
{
	sigset_t all, none;
	int e;

	sigfillset(&all);
	sigemptyset(&none);
	flags |= POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK;
	flags |= own_session ? POSIX_SPAWN_SETSID : POSIX_SPAWN_SETPGROUP;
	if ((e = posix_spawnattr_setsigdefault(attr, &all)) != 0 ||
	    (e = posix_spawnattr_setsigmask(attr, &none)) != 0 ||
	    (!own_session && (e = posix_spawnattr_setpgroup(attr, 0)) != 0) ||
	    (e = posix_spawnattr_setflags(attr, flags)) != 0)
		return e;
	return dir == NULL ? 0 : posix_spawn_file_actions_addchdir_np(actions, dir);
}

#ifdef __linux__

int
compat_socket(bool nonblock)
{
	return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | (nonblock ? SOCK_NONBLOCK : 0), 0);
}

int
compat_accept(int fd)
{
	return accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
}

int
compat_pipe(int fds[2])
{
	return pipe2(fds, O_CLOEXEC);
}

int
compat_pair(int fds[2])
{
	return socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds);
}

int
compat_peer_cred(int fd, uid_t *uid, pid_t *pid)
{
	struct ucred cred;
	socklen_t len = sizeof cred;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) == -1)
		return -1;
	*uid = cred.uid;
	*pid = cred.pid;
	return 0;
}

int
compat_proc_fd(pid_t pid)
{
	/* glibc 2.36 has a wrapper, older ones do not. The descriptor is close-on-exec. */
	return (int)syscall(SYS_pidfd_open, pid, 0);
}

/*
 * A hard limit can be lowered by everybody, and raised by root alone. This one has meant nothing
 * since Linux 2.4, and is infinite everywhere.
 */
#define BRAND_MAX ((rlim_t)1 << 32)

bool
compat_brand(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_LOCKS, &limit) == -1)
		return false;
	if (limit.rlim_max <= BRAND_MAX)
		return true;
	limit.rlim_cur = limit.rlim_max = BRAND_MAX;
	return setrlimit(RLIMIT_LOCKS, &limit) == 0;
}

/* From /proc: prlimit(2) does not tell of a process with another group, as newgrp makes one. */
int
compat_branded(pid_t pid)
{
	static const char name[] = "Max file locks";
	char path[64], buf[8192], hard[32], *line;
	size_t n;
	FILE *f;

	snprintf(path, sizeof path, "/proc/%ld/limits", (long)pid);
	if ((f = fopen(path, "re")) == NULL)
		return -1;
	n = fread(buf, 1, sizeof buf - 1, f);
	fclose(f);
	buf[n] = '\0';
	if ((line = strstr(buf, name)) == NULL ||
	    sscanf(line + strlen(name), "%*s %31s", hard) != 1)
		return -1;
	return strcmp(hard, "unlimited") != 0 && strtoull(hard, NULL, 10) <= BRAND_MAX;
}

bool
compat_subreaper(void)
{
	return prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0;
}

int
compat_spawn_prepare(
    posix_spawn_file_actions_t *actions, posix_spawnattr_t *attr, const char *dir, bool own_session)
{
	int e = prepare(actions, attr, dir, own_session, 0);

	return e != 0 ? e : posix_spawn_file_actions_addclosefrom_np(actions, STDERR_FILENO + 1);
}

int
compat_self_path(char *buf, size_t size)
{
	static const char gone[] = " (deleted)";
	ssize_t n = readlink("/proc/self/exe", buf, size - 1), len = sizeof gone - 1;

	if (n <= 0)
		return -1;
	buf[n] = '\0';
	/* After an upgrade: another file has the name now, and the other programs are beside it. */
	if (n > len && strcmp(buf + n - len, gone) == 0 && access(buf, F_OK) == -1)
		buf[n - len] = '\0';
	return 0;
}

int
compat_allocate(int fd, int64_t size)
{
	int e;

	do
		e = posix_fallocate(fd, 0, (off_t)size);
	while (e == EINTR);
	return e;
}

int
compat_watch(const char *path)
{
	int fd = inotify_init1(IN_CLOEXEC);

	if (fd != -1 &&
	    inotify_add_watch(fd, path,
		IN_MODIFY | IN_MOVE_SELF | IN_DELETE_SELF | IN_CREATE | IN_MOVED_TO) == -1) {
		close(fd);
		fd = -1;
	}
	return fd;
}

int
compat_watch_wait(int fd)
{
	char events[4096];

	return read(fd, events, sizeof events) > 0 || errno == EINTR ? 0 : -1;
}

int
compat_watch_open(const char *const *paths, size_t n, int *fds)
{
	struct stat st;
	uint32_t mask;
	size_t i;

	for (i = 1; i <= n; i++)
		fds[i] = -1;
	if ((fds[0] = inotify_init1(IN_CLOEXEC | IN_NONBLOCK)) == -1)
		return -1;
	for (i = 0; i < n; i++) {
		if (stat(paths[i], &st) == -1)
			continue;
		/* Not what is written to the other files of a directory: the database may be one. */
		mask = S_ISDIR(st.st_mode)
		    ? IN_CREATE | IN_DELETE | IN_MOVE
		    : IN_MODIFY | IN_CLOSE_WRITE | IN_ATTRIB | IN_MOVE_SELF | IN_DELETE_SELF;
		inotify_add_watch(fds[0], paths[i], mask);
	}
	return 0;
}

struct timespec
compat_changed(const struct stat *st)
{
	return st->st_ctim;
}

const char *
compat_link_opener(void)
{
	return getenv("DISPLAY") != NULL || getenv("WAYLAND_DISPLAY") != NULL ? "xdg-open" : NULL;
}

#endif /* __linux__ */

#ifdef __APPLE__

/* Finish a descriptor that was made without the flags, or close it. Keeps errno. */
static int
finish_fd(int fd, bool nonblock)
{
	int saved;

	if (fd == -1)
		return -1;
	if (compat_set_cloexec(fd, true) == 0 && (!nonblock || compat_set_nonblock(fd) == 0))
		return fd;
	saved = errno;
	close(fd);
	errno = saved;
	return -1;
}

int
compat_socket(bool nonblock)
{
	return finish_fd(socket(AF_UNIX, SOCK_STREAM, 0), nonblock);
}

int
compat_accept(int fd)
{
	return finish_fd(accept(fd, NULL, NULL), true);
}

static int
finish_two(int fds[2])
{
	if (compat_set_cloexec(fds[0], true) == 0 && compat_set_cloexec(fds[1], true) == 0)
		return 0;
	close(fds[0]);
	close(fds[1]);
	return -1;
}

int
compat_pipe(int fds[2])
{
	return pipe(fds) == -1 ? -1 : finish_two(fds);
}

int
compat_pair(int fds[2])
{
	return socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == -1 ? -1 : finish_two(fds);
}

int
compat_peer_cred(int fd, uid_t *uid, pid_t *pid)
{
	socklen_t len = sizeof *pid;
	gid_t gid;

	if (getpeereid(fd, uid, &gid) == -1)
		return -1;
	if (getsockopt(fd, SOL_LOCAL, LOCAL_PEERPID, pid, &len) == -1)
		*pid = 0;
	return 0;
}

int
compat_proc_fd(pid_t pid)
{
	struct kevent ev;
	int saved, fd = finish_fd(kqueue(), false);

	if (fd == -1)
		return -1;
	EV_SET(&ev, pid, EVFILT_PROC, EV_ADD | EV_ONESHOT, NOTE_EXIT, 0, NULL);
	if (kevent(fd, &ev, 1, NULL, 0, NULL) == 0)
		return fd;
	saved = errno;
	close(fd);
	errno = saved;
	return -1;
}

bool
compat_brand(void)
{
	return false;
}

int
compat_branded(pid_t pid)
{
	(void)pid;
	return 0;
}

bool
compat_subreaper(void)
{
	return false;
}

int
compat_spawn_prepare(
    posix_spawn_file_actions_t *actions, posix_spawnattr_t *attr, const char *dir, bool own_session)
{
	return prepare(actions, attr, dir, own_session, POSIX_SPAWN_CLOEXEC_DEFAULT);
}

int
compat_self_path(char *buf, size_t size)
{
	uint32_t n = (uint32_t)size;

	return _NSGetExecutablePath(buf, &n) == 0 ? 0 : -1;
}

int
compat_allocate(int fd, int64_t size)
{
	fstore_t store = {
	    .fst_flags = F_ALLOCATEALL, .fst_posmode = F_PEOFPOSMODE, .fst_length = size};

	if (fcntl(fd, F_PREALLOCATE, &store) == -1 || ftruncate(fd, (off_t)size) == -1)
		return errno;
	return 0;
}

/* The file's descriptor is the queue's and lives until the program ends. */
int
compat_watch(const char *path)
{
	int file = open(path, O_EVTONLY | O_CLOEXEC), kq = -1;
	struct kevent ev;

	if (file == -1)
		return -1;
	EV_SET(&ev, file, EVFILT_VNODE, EV_ADD | EV_CLEAR,
	    NOTE_WRITE | NOTE_EXTEND | NOTE_RENAME | NOTE_DELETE, 0, NULL);
	if ((kq = kqueue()) == -1 || kevent(kq, &ev, 1, NULL, 0, NULL) == -1) {
		if (kq != -1)
			close(kq);
		close(file);
		return -1;
	}
	return kq;
}

int
compat_watch_wait(int fd)
{
	struct kevent ev;

	return kevent(fd, NULL, 0, &ev, 1, NULL) >= 0 || errno == EINTR ? 0 : -1;
}

int
compat_watch_open(const char *const *paths, size_t n, int *fds)
{
	struct kevent ev;
	size_t i;

	for (i = 1; i <= n; i++)
		fds[i] = -1;
	if ((fds[0] = finish_fd(kqueue(), false)) == -1)
		return -1;
	for (i = 0; i < n; i++) {
		if ((fds[i + 1] = open(paths[i], O_EVTONLY | O_CLOEXEC)) == -1)
			continue;
		EV_SET(&ev, fds[i + 1], EVFILT_VNODE, EV_ADD | EV_CLEAR,
		    NOTE_WRITE | NOTE_EXTEND | NOTE_ATTRIB | NOTE_RENAME | NOTE_DELETE, 0, NULL);
		kevent(fds[0], &ev, 1, NULL, 0, NULL);
	}
	return 0;
}

struct timespec
compat_changed(const struct stat *st)
{
	return st->st_ctimespec;
}

const char *
compat_link_opener(void)
{
	return "open";
}

#endif /* __APPLE__ */
