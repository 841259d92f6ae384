/* SPDX-License-Identifier: MIT
 *
 * What is to be known about one host before it is connected to: ssh_config(5) as far as iris-ssh
 * follows it. Values come from the command line first, then from the user's file, then from the
 * system's; the first that is found counts, as with ssh.
 */
#ifndef IRIS_SSH_CONF_H
#define IRIS_SSH_CONF_H

#include <stdbool.h>
#include <stddef.h>

#include "common/err.h"

#define CONF_IDENTITIES 32
#define CONF_PORT       22

enum conf_strict { CONF_STRICT_YES = 1, CONF_STRICT_NEW = 2 };
/* CONF_RAW: of an option of its own (-i), where the value is one word whatever is in it. */
enum conf_origin { CONF_ARG, CONF_RAW, CONF_FILE };

struct conf {
	char *name;  /* the host as it was asked for */
	char *host;  /* where to connect: HostName, or name */
	char *user;  /* who logs in */
	char *alias; /* HostKeyAlias; NULL without */
	char *identity[CONF_IDENTITIES];
	size_t nidentity;
	bool identity_default; /* those above are the usual names: they may be missing */
	char *agent;           /* IdentityAgent: a path, "none", or NULL: SSH_AUTH_SOCK */
	char *user_hosts;      /* known_hosts files, separated by spaces */
	char *global_hosts;
	char *revoked_hosts; /* RevokedHostKeys, the same; NULL without */
	char *jump;          /* ProxyJump, or NULL */
	char *proxy;         /* ProxyCommand, or NULL */
	char *ciphers, *macs, *kex, *hostkeys, *pubkeys;
	/* -1: not said yet. Times are seconds. */
	int port, strict, identities_only, compression, forward_agent, alive_interval, alive_max,
	    connect_timeout, exit_on_failure, family;
};

void conf_init(struct conf *c);
void conf_release(struct conf *c);

/*
 * Set one keyword where it was not set before. ERR_INVALID: the value is wrong, or, from the
 * command line, iris-ssh does not have the keyword; in a file such a one is passed over.
 */
int conf_set(struct conf *c, const char *keyword, const char *value, enum conf_origin origin,
    struct err *err);

/*
 * A destination of the command line or of ProxyJump: [user@]host, ssh://[user@]host[:port], and
 * [user@]host:port where with_port. Refuses what could be taken for an option or for more than a
 * name. Sets name, and user and port where they were not set.
 */
int conf_set_destination(struct conf *c, const char *dest, bool with_port, struct err *err);

/*
 * Read ~/.ssh/config and /etc/ssh/ssh_config, or only the file given ("none": no file), then put
 * the defaults in. After this nothing but the optional ones above is NULL or -1.
 */
int conf_complete(struct conf *c, const char *file, struct err *err);

/* conf_file.c: one file. A missing one is an error where must. */
int conf_read(struct conf *c, const char *path, bool must, struct err *err);

/* A shell pattern of * and ?, in a list separated by commas or spaces; !negated ones refuse. */
bool conf_match(const char *list, const char *text);

/* ~ and ${VAR} and the %-tokens of ssh_config(5). Malloc'ed; NULL with err filled. */
char *conf_expand(const struct conf *c, const char *text, struct err *err);

/* The next word of a list separated by spaces, quotes taken off; malloc'ed, or NULL at the end. */
char *conf_word(const char **p);

#endif
