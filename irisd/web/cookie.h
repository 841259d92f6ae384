/* SPDX-License-Identifier: MIT
 *
 * The cookie of a person's browser. Browsers keep cookies apart by host but not by port: another
 * server of this machine is sent them, and may set some. So the cookie alone opens nothing: a
 * request shows with a header that its page knows what follows from the key, which the page keeps
 * where only pages of this very origin can read it. No I/O.
 */
#ifndef IRIS_WEB_COOKIE_H
#define IRIS_WEB_COOKIE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "irisd/core/key.h"

#define COOKIE_CSRF_LEN 32 /* hexadecimal digits */

/* What a page must say beside the cookie with this key. */
void cookie_csrf(const char *key, char csrf[COOKIE_CSRF_LEN + 1]);

/*
 * The key in the cookie of the host's port (host: a good Host header; cookie: the Cookie header or
 * NULL) for which csrf is right; false when there is none. Of several with the same name, that one.
 */
bool cookie_find(const char *cookie, const char *host, bool secure, const char *csrf,
    char key[KEY_TEXT_LEN + 1]);

/* The header line that sets it, malloc'ed; max_age in seconds, 0 takes it away. */
char *cookie_line(const char *key, const char *host, bool secure, int64_t max_age);

/*
 * The CSRF word in a list of WebSocket protocols, "iris.v1, iris.csrf.WORD"; false when there is
 * none.
 */
bool cookie_csrf_of_protocols(const char *protocols, char csrf[COOKIE_CSRF_LEN + 1]);

/* Whether the origin is that of the server itself: the scheme, and the host with its port. */
bool cookie_origin_own(const char *origin, const char *host, bool secure);

#endif
