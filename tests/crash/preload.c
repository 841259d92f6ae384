/* SPDX-License-Identifier: MIT
 *
 * The calls, see preload.h. Owns the decision whether this process is the one concerned, and the
 * counters. The calls themselves are made by number, so that nothing but posix_spawn has to be
 * looked up in the C library.
 *
 * Writes to standard error are neither counted nor shown: the log is not part of what Iris keeps.
 */
#define _GNU_SOURCE
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/crash/preload.h"

struct preload_state *preload_state;

static bool active; /* this is the process concerned */
static uint32_t counts[CALL_COUNT];

static const char *const names[CALL_COUNT] = {
    [CALL_WRITE] = "write",
    [CALL_PWRITE] = "pwrite",
    [CALL_SYNC] = "sync",
    [CALL_RENAME] = "rename",
    [CALL_UNLINK] = "unlink",
    [CALL_TRUNCATE] = "truncate",
    [CALL_SPAWN] = "spawn",
    [CALL_KILL] = "kill",
    [CALL_ALLOC] = "alloc",
    [CALL_READ] = "read",
    [CALL_OPEN] = "open",
};

/* --- whose process this is -------------------------------------------------------------------- */

/* want is one name, or several with commas between. */
static bool
is_program(const char *want)
{
	char exe[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", exe, sizeof exe - 1);
	const char *base;
	size_t len;

	if (n <= 0)
		return false;
	exe[n] = '\0';
	if ((base = strrchr(exe, '/')) == NULL)
		return false;
	for (base++; want[0] != '\0'; want += want[len] == ',' ? len + 1 : len) {
		len = strcspn(want, ",");
		if (strlen(base) == len && strncmp(base, want, len) == 0)
			return true;
	}
	return false;
}

static struct preload_state *
map_state(const char *path)
{
	int fd = openat(AT_FDCWD, path, O_RDWR | O_CLOEXEC);
	void *p = MAP_FAILED;

	if (fd != -1) {
		p = mmap(NULL, sizeof *preload_state, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		close(fd);
	}
	return p == MAP_FAILED ? NULL : p;
}

__attribute__((constructor)) static void
begin(void)
{
	const char *spec = getenv("IRIS_PRELOAD"), *program = getenv("IRIS_PRELOAD_PROGRAM");
	const char *path = getenv("IRIS_PRELOAD_STATE"), *victim = getenv("IRIS_PRELOAD_VICTIM");
	uint32_t nth;

	if (spec == NULL || program == NULL || path == NULL || !is_program(program))
		return;
	if ((preload_state = map_state(path)) == NULL || !policy_init(spec)) {
		dprintf(
		    STDERR_FILENO, "preload: no use with IRIS_PRELOAD=%s, state %s\n", spec, path);
		_exit(127);
	}
	nth = __atomic_add_fetch(&preload_state->processes, 1, __ATOMIC_SEQ_CST);
	active = victim == NULL || atoi(victim) == 0 || (uint32_t)atoi(victim) == nth;
}

/* --- what policies use ------------------------------------------------------------------------ */

void
preload_name(int fd, char *buf, size_t size)
{
	char link[64];
	ssize_t n;

	snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
	n = readlink(link, buf, size - 1);
	if (n <= 0)
		n = snprintf(buf, size, "?");
	buf[n] = '\0';
}

size_t
preload_length(const struct point *p)
{
	size_t n = 0;
	int i;

	for (i = 0; i < p->niov; i++)
		n += p->iov[i].iov_len;
	return n;
}

void
preload_fired(const struct point *p)
{
	char name[128] = "";

	if (p->path == NULL && p->fd != -1)
		preload_name(p->fd, name, sizeof name);
	snprintf(preload_state->what, sizeof preload_state->what, "%s of %zu bytes at %lld: %s%s%s",
	    names[p->call], preload_length(p), (long long)p->off, p->path != NULL ? p->path : name,
	    p->to != NULL ? " -> " : "", p->to != NULL ? p->to : "");
	preload_state->fired = (uint32_t)getpid();
}

ssize_t
preload_half(const struct point *p)
{
	size_t n = preload_length(p) / 2;

	if (p->niov == 0)
		return 0;
	if (n > p->iov[0].iov_len)
		n = p->iov[0].iov_len;
	if (n == 0)
		n = p->iov[0].iov_len;
	if (p->call == CALL_PWRITE)
		return syscall(SYS_pwrite64, p->fd, p->iov[0].iov_base, n, p->off);
	return syscall(SYS_write, p->fd, p->iov[0].iov_base, n);
}

/* --- showing ---------------------------------------------------------------------------------- */

/* As policy_before. errno is kept. */
int
preload_show(const struct point *p)
{
	uint32_t n = 0, of;
	int saved = errno, rv;

	if (!active || (p->call == CALL_WRITE && p->fd == STDERR_FILENO))
		return 0;
	if (p->call < CALL_ALLOC)
		n = __atomic_add_fetch(&preload_state->calls, 1, __ATOMIC_SEQ_CST);
	if (n > 0 && n <= PRELOAD_TRACE)
		preload_state->trace[n - 1] = (uint8_t)p->call;
	of = __atomic_add_fetch(&counts[p->call], 1, __ATOMIC_SEQ_CST);
	preload_state->each[p->call] = of;
	rv = policy_before(p, n, of);
	errno = saved;
	return rv;
}

static ssize_t
done(const struct point *p, ssize_t rv)
{
	int saved = errno;

	if (active && (p->call != CALL_WRITE || p->fd != STDERR_FILENO))
		policy_after(p, rv);
	errno = saved;
	return rv;
}

static int
fail(int e)
{
	errno = e;
	return -1;
}

/* --- the calls -------------------------------------------------------------------------------- */

static ssize_t
show_write(const struct point *p)
{
	int e = preload_show(p);

	if (e > 0)
		return fail(e);
	if (e == -1)
		return done(p, preload_half(p));
	if (p->call == CALL_PWRITE)
		return done(
		    p, syscall(SYS_pwrite64, p->fd, p->iov[0].iov_base, p->iov[0].iov_len, p->off));
	return done(p, syscall(SYS_writev, p->fd, p->iov, p->niov));
}

ssize_t
write(int fd, const void *buf, size_t n)
{
	struct iovec iov = {(void *)(uintptr_t)buf, n};

	return show_write(&(struct point){CALL_WRITE, fd, &iov, 1, -1, 0, NULL, NULL});
}

ssize_t
writev(int fd, const struct iovec *iov, int niov)
{
	return show_write(&(struct point){CALL_WRITE, fd, iov, niov, -1, 0, NULL, NULL});
}

ssize_t
pwrite64(int fd, const void *buf, size_t n, off64_t off)
{
	struct iovec iov = {(void *)(uintptr_t)buf, n};

	return show_write(&(struct point){CALL_PWRITE, fd, &iov, 1, off, 0, NULL, NULL});
}

ssize_t
pwrite(int fd, const void *buf, size_t n, off_t off)
{
	return pwrite64(fd, buf, n, off);
}

ssize_t
send(int fd, const void *buf, size_t n, int flags)
{
	struct iovec iov = {(void *)(uintptr_t)buf, n};
	struct point p = {CALL_WRITE, fd, &iov, 1, -1, 0, NULL, NULL};
	int e = preload_show(&p);

	if (e > 0)
		return fail(e);
	if (e == -1)
		return done(&p, preload_half(&p));
	return done(&p, syscall(SYS_sendto, fd, buf, n, flags, NULL, 0));
}

ssize_t
sendmsg(int fd, const struct msghdr *msg, int flags)
{
	struct point p = {CALL_WRITE, fd, msg->msg_iov, (int)msg->msg_iovlen, -1, 0, NULL, NULL};
	int e = preload_show(&p);

	if (e > 0)
		return fail(e);
	if (e == -1)
		return done(&p, preload_half(&p));
	return done(&p, syscall(SYS_sendmsg, fd, msg, flags));
}

ssize_t
read(int fd, void *buf, size_t n)
{
	struct iovec iov = {buf, 0};
	struct point p = {CALL_READ, fd, &iov, 1, -1, 0, NULL, NULL};
	ssize_t rv;
	int e;

	if ((e = preload_show(&p)) > 0)
		return fail(e);
	rv = syscall(SYS_read, fd, buf, n);
	iov.iov_len = rv > 0 ? (size_t)rv : 0;
	return done(&p, rv);
}

static int
show_sync(int fd, long number)
{
	struct point p = {CALL_SYNC, fd, NULL, 0, -1, 0, NULL, NULL};
	int e = preload_show(&p);

	return e > 0 ? fail(e) : (int)done(&p, syscall(number, fd));
}

int
fsync(int fd)
{
	return show_sync(fd, SYS_fsync);
}

int
fdatasync(int fd)
{
	return show_sync(fd, SYS_fdatasync);
}

int
ftruncate64(int fd, off64_t len)
{
	struct point p = {CALL_TRUNCATE, fd, NULL, 0, len, 0, NULL, NULL};
	int e = preload_show(&p);

	return e > 0 ? fail(e) : (int)done(&p, syscall(SYS_ftruncate, fd, len));
}

int
ftruncate(int fd, off_t len)
{
	return ftruncate64(fd, len);
}

int
rename(const char *from, const char *to)
{
	struct point p = {CALL_RENAME, -1, NULL, 0, -1, 0, from, to};
	int e = preload_show(&p);

	return e > 0 ? fail(e) : (int)done(&p, renameat(AT_FDCWD, from, AT_FDCWD, to));
}

int
unlink(const char *path)
{
	struct point p = {CALL_UNLINK, -1, NULL, 0, -1, 0, path, NULL};
	int e = preload_show(&p);

	return e > 0 ? fail(e) : (int)done(&p, unlinkat(AT_FDCWD, path, 0));
}

int
kill(pid_t pid, int sig)
{
	struct point p = {CALL_KILL, -1, NULL, 0, -1, sig, "kill", NULL};

	/* Asking whether somebody lives changes nothing. */
	if (sig == 0)
		return (int)syscall(SYS_kill, pid, sig);
	if (preload_show(&p) == -1)
		return (int)done(&p, 0);
	return (int)done(&p, syscall(SYS_kill, pid, sig));
}

static int
show_open(const char *path, int flags, mode_t mode)
{
	struct point p = {CALL_OPEN, -1, NULL, 0, -1, flags, path, NULL};
	int e = preload_show(&p);

	if (e > 0)
		return fail(e);
	return (int)done(&p, openat(AT_FDCWD, path, flags, mode));
}

int
open(const char *path, int flags, ...)
{
	va_list ap;
	mode_t mode;

	va_start(ap, flags);
	mode = (flags & O_CREAT) != 0 ? va_arg(ap, mode_t) : 0;
	va_end(ap);
	return show_open(path, flags, mode);
}

int
open64(const char *path, int flags, ...)
{
	va_list ap;
	mode_t mode;

	va_start(ap, flags);
	mode = (flags & O_CREAT) != 0 ? va_arg(ap, mode_t) : 0;
	va_end(ap);
	return show_open(path, flags, mode);
}

int
posix_spawn(pid_t *pid, const char *path, const posix_spawn_file_actions_t *fa,
    const posix_spawnattr_t *attr, char *const argv[], char *const envp[])
{
	struct point p = {CALL_SPAWN, -1, NULL, 0, -1, 0, path, NULL};
	void *sym = dlsym(RTLD_NEXT, "posix_spawn");
	int (*real)(pid_t *, const char *, const posix_spawn_file_actions_t *,
	    const posix_spawnattr_t *, char *const[], char *const[]);
	int e;

	memcpy(&real, &sym, sizeof real);
	if ((e = preload_show(&p)) > 0)
		return e;
	return (int)done(&p, real(pid, path, fa, attr, argv, envp));
}
