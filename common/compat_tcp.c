/* SPDX-License-Identifier: MIT
 *
 * Whose the other end of a TCP connection of this machine is: asked where a secret that others may
 * have seen is taken over the loopback, which is open to every user. And who listens at a port that
 * is wanted. Decides nothing.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/compat.h"

#ifdef __linux__

#define ROW_LEN 512

/* An address as /proc/net/tcp has it: its words in the machine's own order of bytes. */
static void
print_address(char *buf, size_t size, const struct sockaddr_in *sin, bool mapped)
{
	snprintf(buf, size, "%s%08" PRIX32 ":%04X",
	    mapped ? (ntohl(1) == 1 ? "00000000000000000000FFFF" : "0000000000000000FFFF0000") : "",
	    (uint32_t)sin->sin_addr.s_addr, (unsigned)ntohs(sin->sin_port));
}

/* 1: found. One that nobody holds any more is nobody's: it has no inode. */
static int
look_in(const char *path, const char *own, const char *peer, uid_t *uid)
{
	char row[ROW_LEN], local[48], remote[48];
	unsigned long inode;
	unsigned id;
	int found = 0;
	FILE *f;

	if ((f = fopen(path, "re")) == NULL)
		return errno == ENOENT ? 0 : -1;
	while (found == 0 && fgets(row, sizeof row, f) != NULL) {
		if (sscanf(row, " %*[^:]: %47s %47s %*s %*s %*s %*s %u %*s %lu", local, remote, &id,
			&inode) == 4 &&
		    inode != 0 && strcmp(local, peer) == 0 && strcmp(remote, own) == 0) {
			*uid = (uid_t)id;
			found = 1;
		}
	}
	fclose(f);
	return found;
}

int
compat_tcp_peer_uid(const struct sockaddr_in *own, const struct sockaddr_in *peer, uid_t *uid)
{
	static const char *const files[] = {"/proc/net/tcp", "/proc/net/tcp6"};
	char a[64], b[64];
	int rv = 0, i;

	/* Twice: rows that come and go while it is read may hide another one. */
	for (i = 0; i < 4 && rv == 0; i++) {
		print_address(a, sizeof a, own, i % 2 == 1);
		print_address(b, sizeof b, peer, i % 2 == 1);
		rv = look_in(files[i % 2], a, b, uid);
	}
	return rv;
}

/* The inode of a socket that listens at the port, at whatever address; 0: there is none. */
static unsigned long
listener_in(const char *path, int port)
{
	char row[ROW_LEN];
	unsigned long inode = 0, i;
	unsigned at, state;
	FILE *f;

	if ((f = fopen(path, "re")) == NULL)
		return 0;
	while (inode == 0 && fgets(row, sizeof row, f) != NULL)
		if (sscanf(row, " %*[^:]: %*[^:]:%x %*s %x %*s %*s %*s %*s %*s %lu", &at, &state,
			&i) == 3 &&
		    state == 0x0a && at == (unsigned)port)
			inode = i;
	fclose(f);
	return inode;
}

/* Of another user's processes the descriptors are not to be seen. */
static bool
holds(const char *pid, const char *socket)
{
	char path[64], link[64];
	struct dirent *e;
	ssize_t n;
	bool found = false;
	DIR *dir;

	snprintf(path, sizeof path, "/proc/%.20s/fd", pid);
	if ((dir = opendir(path)) == NULL)
		return false;
	while (!found && (e = readdir(dir)) != NULL) {
		n = readlinkat(dirfd(dir), e->d_name, link, sizeof link - 1);
		link[n > 0 ? n : 0] = '\0';
		found = strcmp(link, socket) == 0;
	}
	closedir(dir);
	return found;
}

static void
name_of(const char *pid, char *name, size_t size)
{
	char path[64];
	FILE *f;

	snprintf(path, sizeof path, "/proc/%.20s/comm", pid);
	if ((f = fopen(path, "re")) == NULL || fgets(name, (int)size, f) == NULL)
		name[0] = '\0';
	name[strcspn(name, "\n")] = '\0';
	if (f != NULL)
		fclose(f);
}

pid_t
compat_port_holder(int port, char *name, size_t size)
{
	unsigned long inode = listener_in("/proc/net/tcp", port);
	struct dirent *e;
	char socket[64];
	pid_t pid = 0;
	DIR *dir;

	if (inode == 0)
		inode = listener_in("/proc/net/tcp6", port);
	if (inode == 0 || (dir = opendir("/proc")) == NULL)
		return 0;
	snprintf(socket, sizeof socket, "socket:[%lu]", inode);
	while (pid == 0 && (e = readdir(dir)) != NULL) {
		if (!isdigit((unsigned char)e->d_name[0]) || !holds(e->d_name, socket))
			continue;
		pid = (pid_t)strtol(e->d_name, NULL, 10);
		name_of(e->d_name, name, size);
	}
	closedir(dir);
	return pid;
}

#endif /* __linux__ */

#ifdef __APPLE__

int
compat_tcp_peer_uid(const struct sockaddr_in *own, const struct sockaddr_in *peer, uid_t *uid)
{
	(void)own;
	(void)peer;
	(void)uid;
	return -1;
}

pid_t
compat_port_holder(int port, char *name, size_t size)
{
	(void)port;
	(void)name;
	(void)size;
	return 0;
}

#endif /* __APPLE__ */
