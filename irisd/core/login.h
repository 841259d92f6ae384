/* SPDX-License-Identifier: MIT
 *
 * One-time links to the dashboard: what "iris dashboard" is given, and a browser brings back once.
 * They are in memory only, and good for two minutes; what they open, an API key of a person's
 * browser, is net/control_login.c's. Never says who may have one.
 */
#ifndef IRIS_CORE_LOGIN_H
#define IRIS_CORE_LOGIN_H

#include <stdbool.h>
#include <stdint.h>

#define LOGIN_TOKEN_LEN 64
#define LOGIN_MS        ((int64_t)120000) /* a token's life */
#define LOGINS_MAX      16                /* tokens at a time; the oldest one gives way */

struct logins; /* NULL: there are none */

/* What a token opens. */
struct login {
	unsigned scopes; /* set of enum key_scope */
	int64_t life;    /* ms, of the login */
};

/* A new token, at now (ms, monotonic). */
void login_make(
    struct logins **all, const struct login *what, int64_t now, char token[LOGIN_TOKEN_LEN + 1]);

/* Take what this token opens: true once, and false for one that is unknown or too old. */
bool login_take(struct logins **all, const char *token, int64_t now, struct login *what);

void login_release(struct logins **all);

#endif
