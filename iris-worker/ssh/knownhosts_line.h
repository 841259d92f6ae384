/* SPDX-License-Identifier: MIT
 *
 * One line of known_hosts, shared by the files that read (knownhosts.c) and write (record.c) them.
 */
#ifndef IRIS_SSH_KNOWNHOSTS_LINE_H
#define IRIS_SSH_KNOWNHOSTS_LINE_H

#include <libssh/libssh.h>
#include <stdbool.h>

struct known_line {
	ssh_key key;  /* owned by who has called known_line_parse */
	bool revoked; /* @revoked */
	bool pattern; /* of names with * or ? or ! */
};

/* 0: the line is about this host, and has a key. -1: it is not, or is none. */
int known_line_parse(const char *name, const char *text, struct known_line *l);

#endif
