/* SPDX-License-Identifier: MIT
 *
 * Is this the host that is meant? What is done about a host's key: accepted, recorded, refused, or,
 * with --host-key, shown.
 */
#ifndef IRIS_SSH_VERIFY_H
#define IRIS_SSH_VERIFY_H

#include "iris-worker/ssh/knownhosts.h"
#include "iris-worker/ssh/line.h"

/* What --host-key wants. */
struct verify {
	const char *record; /* the fingerprint that is to be recorded, or NULL */
};

/* The host key algorithms to ask this host for; malloc'ed. */
char *verify_algorithms(const struct conf *c, struct err *err);

/*
 * The host's key has been seen. 0: go on. 1: it was shown, and the line ends here (only with show).
 * -1 with err filled: it is not to be trusted. last: it is the host that was asked for.
 */
int verify_host(struct hop *h, const struct verify *show, bool last, struct err *err);

#endif
