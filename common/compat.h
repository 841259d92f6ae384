/* SPDX-License-Identifier: MIT
 *
 * The only place that knows operating systems apart (Linux and macOS). Everything else is written
 * against POSIX and what is declared here.
 */
#ifndef IRIS_COMMON_COMPAT_H
#define IRIS_COMMON_COMPAT_H

#include <sys/types.h>
#include <sys/queue.h>
#include <sys/stat.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#ifndef TAILQ_FOREACH_SAFE
#define TAILQ_FOREACH_SAFE(var, head, field, next)                                                 \
	for ((var) = TAILQ_FIRST(head); (var) != NULL && ((next) = TAILQ_NEXT(var, field), 1);     \
	     (var) = (next))
#endif

/* As in OpenBSD: the length that was tried for; >= size means that it was cut. */
size_t compat_strlcpy(char *dst, const char *src, size_t size);
size_t compat_strlcat(char *dst, const char *src, size_t size);

/* A Unix stream socket, close-on-exec and, where asked, non-blocking. -1 with errno. */
int compat_socket(bool nonblock);
/* accept(2), close-on-exec and non-blocking. -1 with errno. */
int compat_accept(int fd);
/* pipe(2), both ends close-on-exec. -1 with errno. */
int compat_pipe(int fds[2]);
/* Two Unix stream sockets, joined, both close-on-exec. -1 with errno. */
int compat_pair(int fds[2]);
int compat_set_nonblock(int fd);
int compat_set_cloexec(int fd, bool on);

/* Who is at the other end of a connected Unix socket. pid is 0 where the system can not say. */
int compat_peer_cred(int fd, uid_t *uid, pid_t *pid);

/*
 * Whose the other end of a TCP connection from this machine to itself is, by both of its addresses.
 * 1 with the uid; 0: nobody holds it, or it is of elsewhere; -1: the system does not tell.
 */
struct sockaddr_in;
int compat_tcp_peer_uid(const struct sockaddr_in *own, const struct sockaddr_in *peer, uid_t *uid);

/* Which process of this user's listens at a TCP port, and its name; 0: none, or it can not be told. */
pid_t compat_port_holder(int port, char *name, size_t size);

/*
 * When a process started, in the system's own units: together with the pid it names one process
 * for ever, where a pid alone may come to mean another one. 0 when there is no such process (or
 * it is a zombie), with errno ESRCH; any other errno: that can not be told now, for want of
 * descriptors or memory.
 */
uint64_t compat_proc_start(pid_t pid);

/*
 * What the process of this pid and compat_proc_start does. GONE is proof: there is none, it is a
 * zombie, or another one has the pid. UNKNOWN: the system does not tell (start 0 as well).
 */
enum compat_proc { COMPAT_PROC_UNKNOWN, COMPAT_PROC_GONE, COMPAT_PROC_RUNS, COMPAT_PROC_STOPPED };
enum compat_proc compat_proc_state(pid_t pid, uint64_t start);

/*
 * What a process uses: start is its compat_proc_start, started_at is ms since 1970, rss is bytes, cpu
 * is ms of all its threads, in user and system mode. -1 when there is no such process, or the system
 * does not tell.
 */
struct compat_usage {
	uint64_t start;
	int64_t started_at, rss, cpu;
};
int compat_proc_usage(pid_t pid, struct compat_usage *usage);

/*
 * The arguments that a process was started with, each ended by a NUL, as many as fit in size bytes;
 * the last may be cut. Returns how many bytes; -1 when the system does not tell.
 */
ssize_t compat_proc_args(pid_t pid, char *buf, size_t size);

/* The machine: load of the last 1, 5 and 15 minutes, CPUs that run, memory in bytes. 0: unknown. */
struct compat_host {
	double load[3];
	int cpus;
	int64_t mem_total, mem_available;
};
void compat_host_usage(struct compat_host *host);

/*
 * Every live process whose chain of parents reaches one of the roots, and every one in a root's
 * session or process group, in no order, the roots themselves left out. Returns how many were
 * found; at most max are stored in pids. One look at the system, however many roots. Used to reap
 * what a child leaves behind.
 */
size_t compat_proc_descendants(const pid_t *roots, size_t nroots, pid_t *pids, size_t max);

/*
 * Every live process of this user with one of the entries (NAME=value) in the environment that it
 * was started with; counted and stored as above, in one look however many entries. Finds what a
 * child has left behind also where it has cut every other tie. -1: the system can not be looked at
 * now, for want of descriptors or memory: nobody knows.
 */
ssize_t compat_proc_marked(const char *const *entries, size_t n, pid_t *pids, size_t max);

/*
 * A descriptor that becomes readable when the process ends, also one that is not a child of this
 * one. -1 with errno: ESRCH when it has ended already, ENOSYS where the system has no such thing.
 */
int compat_proc_fd(pid_t pid);

/*
 * Wait for a file or a directory to change: a descriptor for compat_watch_wait, which returns when
 * the file has been written to, moved or removed since the last call, when the directory has got
 * another entry, or a signal came. -1 with errno.
 */
int compat_watch(const char *path);
int compat_watch_wait(int fd);

/*
 * Watch up to n files and directories, for changes of a file and for what comes into and goes out
 * of a directory; one that can not be watched is left out. fds has room for n + 1 and is filled:
 * fds[0] becomes readable at the first change. To end it close all that are not -1. -1 with errno.
 */
int compat_watch_open(const char *const *paths, size_t n, int *fds);

/* When the file was changed last in any way, st_ctime in full. */
struct timespec compat_changed(const struct stat *st);

/*
 * Brand this process, and with it all that it will ever start: who is not root can not take it off
 * again. False where there is nothing of the kind.
 */
bool compat_brand(void);
/* 1: it is branded; 0: it is not, or that is not known here; -1: it can not be looked at. */
int compat_branded(pid_t pid);

/*
 * Make orphaned descendants children of this process, so that it can reap them. False where not
 * possible.
 */
bool compat_subreaper(void);

/*
 * Set up a spawn so that the child starts in dir (NULL: unchanged), and keeps no descriptor but
 * 0, 1, 2 and those that the actions install. own_session makes it a session leader, otherwise it
 * leads its own process group. Returns 0 or an errno value.
 */
int compat_spawn_prepare(posix_spawn_file_actions_t *actions, posix_spawnattr_t *attr,
    const char *dir, bool own_session);

/* Milliseconds: wall clock (since 1970), and one that never jumps. */
int64_t compat_now_ms(void);
int64_t compat_mono_ms(void);

/* Fill buf with len random bytes, good enough for tokens. */
void compat_random(void *buf, size_t len);

/* Give memory that was freed back to the system, after much was used, where that is not done anyway. */
void compat_trim(void);

/* The absolute path of the running program. -1 when the system does not tell. */
int compat_self_path(char *buf, size_t size);

/* The program that opens a link in a browser; NULL where nobody sits before a screen. */
const char *compat_link_opener(void);

/*
 * Give an empty file this many bytes, with room on the disk for all of them. 0 or an errno value;
 * then the file may have a part of it.
 */
int compat_allocate(int fd, int64_t size);

#endif
