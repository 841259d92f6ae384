/* SPDX-License-Identifier: MIT
 *
 * The REST API, /api/v1, and the routes that Iris MCP's dashboard had, /api: each request is one
 * control call of irisd's, made as the bearer of its key. What a call means, who may make it and
 * what its objects look like is irisd's; here is what HTTP adds: paths, queries, bodies, status
 * codes, pages, problem details.
 */
#ifndef IRIS_WEB_API_H
#define IRIS_WEB_API_H

#include <cjson/cJSON.h>

#include "common/err.h"
#include "irisd/core/key.h"
#include "irisd/web/http.h"

#define API_KEY_SIZE 256 /* bytes of a bearer token with its end; ours are shorter */

/* What lies under /api/, which rest is. */
void web_api(struct http *h, const char *rest);

/*
 * The key that the request comes with: of its Authorization, or of the browser's cookie where the
 * page has shown that it may use it (cookie.h). False when there is none, which is answered then:
 * 401, or 403 for a cookie from a page of another origin. Whether the key is good, irisd knows.
 */
bool api_principal(struct http *h, char key[API_KEY_SIZE]);

/*
 * Errors as problem details (RFC 9457): the status that belongs to the code, Retry-After and
 * WWW-Authenticate where they belong. data (taken, may be NULL): members that come along. On a stream that has begun
 * they are an event "error".
 */
void api_refuse(struct http *h, const struct err *err, cJSON *data);
/* The header lines of that: when to come again, or what kind of a key is wanted. */
#define API_EXTRA 128
void api_advice(int status, const cJSON *data, char extra[API_EXTRA]);

/* The status that belongs to the code. */
int api_status(enum err_code code);

/* The same as api_refuse with another status, and extra header lines, or NULL. */
void api_problem(struct http *h, int status, const char *extra, const struct err *err, cJSON *data);

#endif
