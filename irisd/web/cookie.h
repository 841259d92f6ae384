/* SPDX-License-Identifier: MIT
 *
 * The cookie of a person's browser. Browsers keep cookies apart by host but not by port: another
 * server of this machine is sent them, and may set some. So a login's key is cut in two: its cookie
 * has one half, and its page the other, where only pages of this very origin can read it, and which
 * it sends with each request. Neither opens anything, and neither follows from the other. No I/O.
 */
#ifndef IRIS_WEB_COOKIE_H
#define IRIS_WEB_COOKIE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "irisd/core/key.h"

#define COOKIE_CSRF_LEN 32 /* hexadecimal digits */
#define COOKIE_MARK_LEN 8  /* the same */
#define COOKIE_LEN      (KEY_TEXT_LEN - COOKIE_CSRF_LEN + COOKIE_MARK_LEN)

/*
 * The two halves: the value of the cookie, with a mark of the whole key, and what a page must say
 * beside it.
 */
void cookie_split(const char *key, char value[COOKIE_LEN + 1], char csrf[COOKIE_CSRF_LEN + 1]);

/*
 * The key of the cookie of the host's port (host: a good Host header; cookie: the Cookie header or
 * NULL) and of csrf; false when no cookie belongs to that. Of several with the same name, the one.
 */
bool cookie_find(const char *cookie, const char *host, bool secure, const char *csrf,
    char key[KEY_TEXT_LEN + 1]);

/* The header line that sets it, malloc'ed; max_age in seconds, 0 takes it away. */
char *cookie_line(const char *value, const char *host, bool secure, int64_t max_age);

/*
 * The CSRF word in a list of WebSocket protocols, "iris.v1, iris.csrf.WORD"; false when there is
 * none.
 */
bool cookie_csrf_of_protocols(const char *protocols, char csrf[COOKIE_CSRF_LEN + 1]);

/* Whether the origin is that of the server itself: the scheme, and the host with its port. */
bool cookie_origin_own(const char *origin, const char *host, bool secure);

#endif
