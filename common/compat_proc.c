/* SPDX-License-Identifier: MIT
 *
 * The part of compat.h that looks at the system's processes: who lives, who descends from whom, what
 * was started with which environment, and what they and the machine use. Changes nothing.
 */
#ifdef __linux__
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#ifdef __linux__
#include <dirent.h>
#endif
#ifdef __APPLE__
#include <sys/sysctl.h>
#include <libproc.h>
#include <mach/mach.h>
#include <mach/mach_time.h>
#endif

#include "common/compat.h"
#include "common/xmalloc.h"

/* What is known of a process that can not be looked at. */
static enum compat_proc
unseen(pid_t pid)
{
	return kill(pid, 0) == -1 && errno == ESRCH ? COMPAT_PROC_GONE : COMPAT_PROC_UNKNOWN;
}

static void read_memory(struct compat_host *host);

void
compat_host_usage(struct compat_host *host)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);

	memset(host, 0, sizeof *host);
	host->cpus = cpus > 0 ? (int)cpus : 0;
	if (getloadavg(host->load, 3) != 3)
		memset(host->load, 0, sizeof host->load);
	read_memory(host);
}

#ifdef __linux__

struct proc_stat {
	pid_t ppid, pgrp, session;
	char state;
	uint64_t start;
	uint64_t ticks; /* of CPU */
	int64_t pages;  /* resident */
};

/* Not that it is not there: this process can not look. */
static bool
scarce(int e)
{
	return e == EMFILE || e == ENFILE || e == ENOMEM;
}

/* proc(5): the name in parentheses may hold anything, so look for the last ')'. */
static int
read_proc_stat(pid_t pid, struct proc_stat *st)
{
	char path[64], buf[1024], *p;
	unsigned long long start, user, system;
	int fd, ppid, pgrp, session;
	long pages;
	ssize_t n;

	snprintf(path, sizeof path, "/proc/%ld/stat", (long)pid);
	errno = 0;
	if ((fd = open(path, O_RDONLY | O_CLOEXEC)) == -1)
		return -1;
	n = read(fd, buf, sizeof buf - 1);
	close(fd);
	if (n <= 0)
		return -1;
	buf[n] = '\0';
	if ((p = strrchr(buf, ')')) == NULL)
		return -1;
	if (sscanf(p + 1,
		" %c %d %d %d %*d %*d %*u %*u %*u %*u %*u %llu %llu %*d %*d %*d %*d %*d %*d %llu "
		"%*u %ld",
		&st->state, &ppid, &pgrp, &session, &user, &system, &start, &pages) != 8)
		return -1;
	st->ppid = ppid;
	st->pgrp = pgrp;
	st->session = session;
	st->start = start;
	st->ticks = user + system;
	st->pages = pages;
	return 0;
}

uint64_t
compat_proc_start(pid_t pid)
{
	struct proc_stat st;
	bool known = pid > 0 && read_proc_stat(pid, &st) == 0;

	if (known && st.state != 'Z' && st.state != 'X')
		return st.start;
	if (known || pid <= 0 || !scarce(errno))
		errno = ESRCH;
	return 0;
}

enum compat_proc
compat_proc_state(pid_t pid, uint64_t start)
{
	struct proc_stat st;

	if (pid <= 0 || start == 0)
		return COMPAT_PROC_UNKNOWN;
	if (read_proc_stat(pid, &st) == -1)
		return unseen(pid);
	if (st.state == 'Z' || st.state == 'X' || st.start != start)
		return COMPAT_PROC_GONE;
	return st.state == 'T' ? COMPAT_PROC_STOPPED : COMPAT_PROC_RUNS;
}

int
compat_proc_usage(pid_t pid, struct compat_usage *usage)
{
	int64_t hz = sysconf(_SC_CLK_TCK), page = sysconf(_SC_PAGESIZE), uptime;
	struct proc_stat st;
	struct timespec now;

	if (pid <= 0 || hz <= 0 || read_proc_stat(pid, &st) == -1 || st.state == 'Z' ||
	    st.state == 'X' || clock_gettime(CLOCK_BOOTTIME, &now) == -1)
		return -1;
	uptime = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
	usage->start = st.start;
	usage->started_at = compat_now_ms() - uptime + (int64_t)st.start * 1000 / hz;
	usage->rss = st.pages * page;
	usage->cpu = (int64_t)st.ticks * 1000 / hz;
	return 0;
}

/* proc(5): lines "Name:   NUMBER kB". */
static void
read_memory(struct compat_host *host)
{
	FILE *f = fopen("/proc/meminfo", "re");
	char line[256];
	long long kb;

	if (f == NULL)
		return;
	while ((host->mem_total == 0 || host->mem_available == 0) &&
	    fgets(line, sizeof line, f) != NULL) {
		if (sscanf(line, "MemTotal: %lld kB", &kb) == 1)
			host->mem_total = kb * 1024;
		else if (sscanf(line, "MemAvailable: %lld kB", &kb) == 1)
			host->mem_available = kb * 1024;
	}
	fclose(f);
}

/* One pass over /proc: a snapshot of who is whose child. */
static size_t
snapshot(pid_t **pids, struct proc_stat **stats)
{
	size_t n = 0, cap = 0;
	struct dirent *de;
	DIR *dir;

	*pids = NULL;
	*stats = NULL;
	if ((dir = opendir("/proc")) == NULL)
		return 0;
	while ((de = readdir(dir)) != NULL) {
		struct proc_stat st;
		long pid = strtol(de->d_name, NULL, 10);
		if (pid <= 0 || read_proc_stat((pid_t)pid, &st) == -1)
			continue;
		if (n == cap) {
			cap = cap == 0 ? 256 : cap * 2;
			*pids = xreallocarray(*pids, cap, sizeof **pids);
			*stats = xreallocarray(*stats, cap, sizeof **stats);
		}
		(*pids)[n] = (pid_t)pid;
		(*stats)[n++] = st;
	}
	closedir(dir);
	return n;
}

static bool
is_one_of(pid_t pid, const pid_t *pids, size_t n)
{
	size_t i;

	for (i = 0; i < n && pids[i] != pid; i++)
		;
	return i < n;
}

size_t
compat_proc_descendants(const pid_t *roots, size_t nroots, pid_t *out, size_t max)
{
	struct proc_stat *stats;
	size_t n, i, j, found = 0;
	bool *in, *root, grew;
	pid_t *pids;

	n = snapshot(&pids, &stats);
	in = n > 0 ? xcalloc(n, sizeof *in) : NULL;
	root = n > 0 ? xcalloc(n, sizeof *root) : NULL;
	for (i = 0; i < n; i++) {
		root[i] = is_one_of(pids[i], roots, nroots);
		in[i] = !root[i] &&
		    (is_one_of(stats[i].ppid, roots, nroots) ||
			is_one_of(stats[i].pgrp, roots, nroots) ||
			is_one_of(stats[i].session, roots, nroots));
	}
	do {
		grew = false;
		for (i = 0; i < n; i++) {
			if (in[i] || root[i])
				continue;
			for (j = 0; j < n; j++) {
				if (in[j] && stats[i].ppid == pids[j]) {
					in[i] = grew = true;
					break;
				}
			}
		}
	} while (grew);
	for (i = 0; i < n; i++) {
		if (!in[i] || stats[i].state == 'Z')
			continue;
		if (found < max)
			out[found] = pids[i];
		found++;
	}
	free(in);
	free(root);
	free(pids);
	free(stats);
	return found;
}

static bool
equals_one(const char *text, const char *const *entries, size_t n)
{
	size_t i;

	for (i = 0; i < n && strcmp(text, entries[i]) != 0; i++)
		;
	return i < n;
}

/*
 * environ is the entries, each ended by a NUL; read in pieces, the begin of one kept for the next.
 * 1: it has one of them, 0: it has none, or is not ours, -1: it can not be read now. A zombie has
 * none.
 */
static int
environ_has(pid_t pid, const char *const *entries, size_t nentries)
{
	char path[64], buf[16384], *p, *end;
	bool found = false, rest = false; /* of one that is longer than buf */
	size_t have = 0;
	ssize_t n = 0;
	int fd, e;

	snprintf(path, sizeof path, "/proc/%ld/environ", (long)pid);
	if ((fd = open(path, O_RDONLY | O_CLOEXEC)) == -1)
		return scarce(errno) ? -1 : 0;
	while (!found && (n = read(fd, buf + have, sizeof buf - have)) > 0) {
		have += (size_t)n;
		for (p = buf; (end = memchr(p, '\0', have - (size_t)(p - buf))) != NULL;
		     p = end + 1) {
			found = found || (!rest && equals_one(p, entries, nentries));
			rest = false;
		}
		have -= (size_t)(p - buf);
		memmove(buf, p, have);
		if (have == sizeof buf) {
			have = 0;
			rest = true;
		}
	}
	e = errno;
	close(fd);
	return n == -1 && scarce(e) ? -1 : found;
}

ssize_t
compat_proc_marked(const char *const *entries, size_t n, pid_t *out, size_t max)
{
	DIR *dir = opendir("/proc");
	bool unknown = dir == NULL;
	struct dirent *de;
	size_t found = 0;
	int rv;

	while (!unknown && (de = readdir(dir)) != NULL) {
		long pid = strtol(de->d_name, NULL, 10);
		if (pid <= 0 || (rv = environ_has((pid_t)pid, entries, n)) == 0)
			continue;
		unknown = rv == -1;
		if (found < max)
			out[found] = (pid_t)pid;
		found++;
	}
	if (dir != NULL)
		closedir(dir);
	return unknown ? -1 : (ssize_t)found;
}

ssize_t
compat_proc_args(pid_t pid, char *buf, size_t size)
{
	char path[64];
	size_t used = 0;
	ssize_t n = 0;
	int fd;

	snprintf(path, sizeof path, "/proc/%ld/cmdline", (long)pid);
	if ((fd = open(path, O_RDONLY | O_CLOEXEC)) == -1)
		return -1;
	while (used < size && (n = read(fd, buf + used, size - used)) > 0)
		used += (size_t)n;
	close(fd);
	return n == -1 ? -1 : (ssize_t)used;
}
#endif /* __linux__ */

#ifdef __APPLE__

uint64_t
compat_proc_start(pid_t pid)
{
	struct proc_bsdinfo info;

	if (pid <= 0 ||
	    proc_pidinfo(pid, PROC_PIDTBSDINFO, 0, &info, sizeof info) != (int)sizeof info ||
	    info.pbi_status == 5 /* SZOMB */) {
		errno = ESRCH;
		return 0;
	}
	return info.pbi_start_tvsec * 1000000 + info.pbi_start_tvusec;
}

enum compat_proc
compat_proc_state(pid_t pid, uint64_t start)
{
	struct proc_bsdinfo info;

	if (pid <= 0 || start == 0)
		return COMPAT_PROC_UNKNOWN;
	/* 1: also of a zombie. */
	if (proc_pidinfo(pid, PROC_PIDTBSDINFO, 1, &info, sizeof info) != (int)sizeof info)
		return unseen(pid);
	if (info.pbi_status == 5 /* SZOMB */ ||
	    info.pbi_start_tvsec * 1000000 + info.pbi_start_tvusec != start)
		return COMPAT_PROC_GONE;
	return info.pbi_status == 4 /* SSTOP */ ? COMPAT_PROC_STOPPED : COMPAT_PROC_RUNS;
}

int
compat_proc_usage(pid_t pid, struct compat_usage *usage)
{
	mach_timebase_info_data_t base;
	struct proc_taskinfo task;
	struct proc_bsdinfo info;

	if (pid <= 0 || mach_timebase_info(&base) != KERN_SUCCESS ||
	    proc_pidinfo(pid, PROC_PIDTBSDINFO, 0, &info, sizeof info) != (int)sizeof info ||
	    proc_pidinfo(pid, PROC_PIDTASKINFO, 0, &task, sizeof task) != (int)sizeof task)
		return -1;
	usage->start = info.pbi_start_tvsec * 1000000 + info.pbi_start_tvusec;
	usage->started_at = (int64_t)(usage->start / 1000);
	usage->rss = (int64_t)task.pti_resident_size;
	usage->cpu = (int64_t)((double)(task.pti_total_user + task.pti_total_system) * base.numer /
	    base.denom / 1000000);
	return 0;
}

static void
read_memory(struct compat_host *host)
{
	mach_msg_type_number_t count = HOST_VM_INFO64_COUNT;
	mach_port_t self = mach_host_self();
	vm_statistics64_data_t vm;
	uint64_t total = 0;
	size_t size = sizeof total;

	if (sysctlbyname("hw.memsize", &total, &size, NULL, 0) == 0)
		host->mem_total = (int64_t)total;
	if (host_statistics64(self, HOST_VM_INFO64, (host_info64_t)&vm, &count) == KERN_SUCCESS)
		host->mem_available =
		    ((int64_t)vm.free_count + vm.inactive_count) * sysconf(_SC_PAGESIZE);
	mach_port_deallocate(mach_task_self(), self);
}

/* Unless it is a root, or found already. False then. */
static bool
add(pid_t pid, const pid_t *roots, size_t nroots, pid_t *out, size_t max, size_t *found)
{
	size_t i;

	for (i = 0; i < nroots; i++)
		if (roots[i] == pid)
			return false;
	for (i = 0; i < *found && i < max; i++)
		if (out[i] == pid)
			return false;
	if (*found < max)
		out[*found] = pid;
	(*found)++;
	return true;
}

static void
collect(
    pid_t of, const pid_t *roots, size_t nroots, pid_t *out, size_t max, size_t *found, int depth)
{
	pid_t kids[512];
	int n, i;

	n = depth > 32 ? 0 : proc_listchildpids(of, kids, sizeof kids);
	for (i = 0; i < n && i < 512; i++)
		if (add(kids[i], roots, nroots, out, max, found))
			collect(kids[i], roots, nroots, out, max, found, depth + 1);
}

size_t
compat_proc_descendants(const pid_t *roots, size_t nroots, pid_t *out, size_t max)
{
	pid_t group[512];
	size_t found = 0, i, j;
	int n;

	for (j = 0; j < nroots; j++) {
		collect(roots[j], roots, nroots, out, max, &found, 0);
		n = proc_listpgrppids(roots[j], group, sizeof group);
		for (i = 0; n > 0 && i < (size_t)n && i < 512; i++)
			add(group[i], roots, nroots, out, max, &found);
	}
	return found;
}

/*
 * KERN_PROCARGS2: argc, the path, NULs, argc arguments, the environment, each ended by a NUL. As
 * elsewhere: 1, 0, or -1 for unknown.
 */
static int
environ_has(pid_t pid, const char *const *entries, size_t nentries)
{
	int mib[3] = {CTL_KERN, KERN_PROCARGS2, pid}, rv = 0;
	size_t size = 0, i, j, want;
	char *buf;

	if (sysctl(mib, 3, NULL, &size, NULL, 0) == -1 || size == 0)
		return errno == ENOMEM ? -1 : 0;
	buf = xmalloc(size);
	if (sysctl(mib, 3, buf, &size, NULL, 0) == -1)
		rv = errno == ENOMEM ? -1 : 0;
	else
		for (i = sizeof(int) + 1; i < size && rv == 0; i++)
			for (j = 0; j < nentries && rv == 0; j++) {
				want = strlen(entries[j]) + 1;
				rv = buf[i - 1] == '\0' && i + want <= size &&
				    memcmp(buf + i, entries[j], want) == 0;
			}
	free(buf);
	return rv;
}

/* Behind argc, the path and its NULs. */
ssize_t
compat_proc_args(pid_t pid, char *out, size_t size)
{
	int mib[3] = {CTL_KERN, KERN_PROCARGS2, pid}, argc = 0;
	size_t len = 0, at = sizeof(int), from;
	char *buf;

	if (sysctl(mib, 3, NULL, &len, NULL, 0) == -1 || len <= sizeof(int))
		return -1;
	buf = xmalloc(len);
	if (sysctl(mib, 3, buf, &len, NULL, 0) == -1 || len <= sizeof(int)) {
		free(buf);
		return -1;
	}
	memcpy(&argc, buf, sizeof argc);
	while (at < len && buf[at] != '\0')
		at++;
	while (at < len && buf[at] == '\0')
		at++;
	for (from = at; argc > 0 && at < len; at++)
		argc -= buf[at] == '\0';
	len = at - from < size ? at - from : size;
	memcpy(out, buf + from, len);
	free(buf);
	return (ssize_t)len;
}

ssize_t
compat_proc_marked(const char *const *entries, size_t nentries, pid_t *out, size_t max)
{
	int n = proc_listallpids(NULL, 0), i, rv;
	bool unknown = n <= 0;
	size_t found = 0;
	pid_t *pids;

	if (unknown)
		return -1;
	pids = xcalloc((size_t)n + 64, sizeof *pids);
	n = proc_listallpids(pids, (n + 64) * (int)sizeof *pids);
	for (i = 0; i < n && !unknown; i++) {
		if ((rv = environ_has(pids[i], entries, nentries)) == 0)
			continue;
		unknown = rv == -1;
		if (found < max)
			out[found] = pids[i];
		found++;
	}
	free(pids);
	return unknown || n <= 0 ? -1 : (ssize_t)found;
}

#endif /* __APPLE__ */
