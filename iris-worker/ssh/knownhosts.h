/* SPDX-License-Identifier: MIT
 *
 * Which key a host is known by: known_hosts files, read and written as sshd(8) describes them,
 * hashed names, wildcards and @revoked included. @cert-authority lines are passed over, since
 * libssh does not check a host's certificate.
 */
#ifndef IRIS_SSH_KNOWNHOSTS_H
#define IRIS_SSH_KNOWNHOSTS_H

#include <libssh/libssh.h>

#include "iris-worker/ssh/conf.h"

enum known_state { KNOWN_YES, KNOWN_NO, KNOWN_CHANGED, KNOWN_REVOKED };

struct known {
	enum known_state state;
	char *file;  /* where the entry is that decided, or the user's file */
	int line;    /* of it; 0 without */
	bool listed; /* the file is one of RevokedHostKeys, and has the key */
	/* The host key algorithms to ask for, those of the keys that are known first. */
	char *algorithms;
};

/* "host", "[host]:port", or the alias: as it stands in the files. Malloc'ed. */
char *known_name(const struct conf *c);

/* Look key up, or, where key is NULL, only which algorithms to ask for. */
int known_find(const struct conf *c, ssh_key key, struct known *k, struct err *err);
void known_release(struct known *k);

/*
 * revoked.c: whether a file of RevokedHostKeys holds the key, 1 with its name (malloc'ed). -1 with
 * err filled: that can not be told, and so the key is not to be trusted.
 */
int known_revoked(const struct conf *c, ssh_key key, char **file, struct err *err);

/* The user's first known_hosts file. Malloc'ed. */
char *known_file(const struct conf *c, struct err *err);

/*
 * Write the key into the user's file, which is made where it is missing (0600, its directory 0700).
 * replace: what the file has for this host by name goes; the file as it was stays as FILE.old.
 */
int known_record(const struct conf *c, ssh_key key, bool replace, struct err *err);

/* SHA256:... of a key; malloc'ed. And the name of its kind: ED25519, or in files ssh-ed25519. */
char *known_fingerprint(ssh_key key);
const char *known_kind(ssh_key key);
const char *known_type(ssh_key key);

const char *known_state_name(enum known_state state);

#endif
