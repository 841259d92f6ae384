/* SPDX-License-Identifier: MIT
 *
 * Whose the other end of a TCP connection of this machine is. Called where a secret that others may
 * have seen is taken over the loopback, which is open to every user. Decides nothing.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

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

#endif /* __APPLE__ */
