/* SPDX-License-Identifier: MIT
 *
 * Makes one call fail, once, see preload.h. IRIS_PRELOAD is count, or KIND:ERRNO:N, where KIND is
 *
 *	alloc     malloc, calloc or realloc number N answers NULL
 *	file      a write to a file fails
 *	socket    a write to a socket fails, and the connection has ended
 *	short     a write to either does half of its bytes (no ERRNO: 0)
 *	sync      fsync or fdatasync
 *	spawn     posix_spawn
 *	open      open
 *
 * Writes are counted by what they go to: preload_state->writes has those to files, those to sockets,
 * and all.
 */
#define _GNU_SOURCE
#include <sys/socket.h>
#include <sys/stat.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/crash/preload.h"

extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);

static const struct {
	const char *name;
	enum call call;
} kinds[] = {
    {"alloc", CALL_ALLOC},
    {"file", CALL_PWRITE},
    {"socket", CALL_WRITE},
    {"short", CALL_COUNT},
    {"sync", CALL_SYNC},
    {"spawn", CALL_SPAWN},
    {"open", CALL_OPEN},
};

static bool armed;
static enum call kind;
static int error;
static unsigned target, writes, files, sockets;
static __thread bool inside; /* what a policy allocates itself is not shown */

bool
policy_init(const char *spec)
{
	char word[16];
	size_t i;

	if (strcmp(spec, "count") == 0)
		return true;
	if (sscanf(spec, "%15[a-z]:%d:%u", word, &error, &target) != 3)
		return false;
	for (i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
		if (strcmp(kinds[i].name, word) == 0) {
			kind = kinds[i].call;
			armed = true;
		}
	}
	return armed;
}

/* Which number this call has among those of the kind that is to fail, 0: it is none of them. */
static unsigned
number(const struct point *p, uint32_t of)
{
	struct stat st;
	bool file, sock;

	if (p->call != CALL_WRITE && p->call != CALL_PWRITE)
		return p->call == kind ? of : 0;
	if (fstat(p->fd, &st) == -1)
		return 0;
	file = S_ISREG(st.st_mode);
	sock = S_ISSOCK(st.st_mode);
	preload_state->writes[0] = files += file;
	preload_state->writes[1] = sockets += sock;
	preload_state->writes[2] = writes += file || sock;
	if (kind == CALL_COUNT)
		return file || sock ? writes : 0;
	return kind == CALL_PWRITE && file ? files : kind == CALL_WRITE && sock ? sockets : 0;
}

int
policy_before(const struct point *p, uint32_t n, uint32_t of)
{
	bool hit;

	(void)n;
	hit = number(p, of) == target && armed;
	if (!hit)
		return 0;
	armed = false;
	preload_fired(p);
	/* Such a write fails because the other side is gone; so there is nothing to read, either. */
	if (kind == CALL_WRITE)
		shutdown(p->fd, SHUT_RDWR);
	return kind == CALL_COUNT ? -1 : error;
}

void
policy_after(const struct point *p, int64_t rv)
{
	(void)p;
	(void)rv;
}

static bool
fails(void)
{
	struct point p = {CALL_ALLOC, -1, NULL, 0, -1, 0, "memory", NULL};
	int e;

	if (inside)
		return false;
	inside = true;
	e = preload_show(&p);
	inside = false;
	if (e != 0)
		errno = e;
	return e != 0;
}

void *
malloc(size_t size)
{
	return fails() ? NULL : __libc_malloc(size);
}

void *
calloc(size_t n, size_t size)
{
	return fails() ? NULL : __libc_calloc(n, size);
}

void *
realloc(void *p, size_t size)
{
	return fails() ? NULL : __libc_realloc(p, size);
}
