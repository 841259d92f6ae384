/* SPDX-License-Identifier: MIT
 *
 * Addresses of HTTP that somebody else has given (webhooks), as far as Iris must understand them: what
 * is not plainly one is refused, since two programs that read it differently is what an attacker
 * wants. Owns nothing.
 */
#ifndef IRIS_COMMON_URL_H
#define IRIS_COMMON_URL_H

#include <stdbool.h>

#include "common/err.h"

#define URL_MAX      2000 /* bytes */
#define URL_HOST_MAX 253

struct url {
	bool tls;
	bool v6;                     /* host is an IPv6 address */
	char host[URL_HOST_MAX + 1]; /* in lower case, without brackets */
	int port;
};

/* http or https; without user, password or fragment; ASCII. -1 with ERR_INVALID. */
int url_parse(const char *text, struct url *u, struct err *err);

/* Whether its host is this machine by what it is called: localhost, 127.x.x.x or ::1. */
bool url_loopback(const struct url *u);

/* Whether the host is the pattern's: that name, or with "*." one below it; "*": any. */
bool url_host_fits(const struct url *u, const char *pattern);

#endif
