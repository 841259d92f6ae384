/* SPDX-License-Identifier: MIT
 *
 * What the values of HTTP headers mean, as far as Iris asks. Every value is a stranger's; NULL
 * stands for a header that did not come. No I/O, no state.
 */
#ifndef IRIS_WEB_HEADER_H
#define IRIS_WEB_HEADER_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Whether a Host names this machine's loopback: localhost, 127.0.0.1 or [::1], and a port where one
 * is given. Any port: a tunnel's other end may be another one, and a page that wants to be taken for
 * us is told by the name.
 */
bool header_host_ok(const char *host);

/*
 * Whether a Host may be one of this machine's that others use, too: the loopback, any address (a page
 * of another site has a name), or one of the names; with any port.
 */
bool header_host_known(const char *host, const char *const *names, size_t n);

/* The same as header_host_ok for an Origin; none is fine, "null" is not. */
bool header_origin_ok(const char *origin);

/* The token of "Bearer TOKEN", in out; false when there is none or it does not fit. */
bool header_bearer(const char *authorization, char *out, size_t size);

/* Whether the media type, without its parameters, is this one ("application/json"). */
bool header_type_is(const char *content_type, const char *type);

/* Whether an Accept allows the type: by name or by wildcard, with q not 0. None allows all. */
bool header_accepts(const char *accept, const char *type);

/*
 * Whether the header says the same as the text of the body, after decoding of "=?base64?...?="
 * (MCP 2026-07-28, value encoding). False as well for what no header value may hold.
 */
bool header_names(const char *value, const char *text);

/* Whether an If-None-Match (or NULL) names this tag, which has its quotes, or any. */
bool header_none_match(const char *value, const char *tag);

#endif
