/* SPDX-License-Identifier: MIT
 *
 * Addresses of HTTP, see url.h.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/url.h"

/* A name, or an address of four numbers; what has colons is in brackets. */
static bool
name_ok(const char *host, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (!isalnum((unsigned char)host[i]) && host[i] != '-' && host[i] != '.' &&
		    host[i] != '_')
			return false;
	return n > 0 && isalnum((unsigned char)host[0]) && host[n - 1] != '.' && host[n - 1] != '-';
}

static bool
v6_ok(const char *host, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (!isxdigit((unsigned char)host[i]) && host[i] != ':' && host[i] != '.')
			return false;
	return n >= 2;
}

/* The length of host and brackets at p; 0 when there is none. */
static size_t
take_host(const char *p, struct url *u)
{
	size_t i, n, whole;

	u->v6 = *p == '[';
	if (u->v6) {
		n = strcspn(p + 1, "]");
		whole = n + 2;
		if (p[1 + n] != ']' || !v6_ok(p + 1, n))
			return 0;
		p++;
	} else {
		n = whole = strcspn(p, ":/?");
		if (!name_ok(p, n))
			return 0;
	}
	if (n > URL_HOST_MAX)
		return 0;
	for (i = 0; i < n; i++)
		u->host[i] = (char)tolower((unsigned char)p[i]);
	u->host[n] = '\0';
	return whole;
}

/* ":80" or nothing, and then the path, the query, or the end. */
static bool
take_port(const char *p, struct url *u)
{
	size_t n = 0;
	long port;

	if (*p == ':') {
		n = strspn(++p, "0123456789");
		port = n >= 1 && n <= 5 ? strtol(p, NULL, 10) : 0;
		if (port < 1 || port > 65535)
			return false;
		u->port = (int)port;
	}
	return p[n] == '\0' || p[n] == '/' || p[n] == '?';
}

int
url_parse(const char *text, struct url *u, struct err *err)
{
	const char *p;
	size_t n;

	memset(u, 0, sizeof *u);
	if (strlen(text) > URL_MAX)
		return err_set(err, ERR_INVALID, "a url has at most %d bytes", URL_MAX);
	for (p = text; *p != '\0'; p++)
		if (*p <= ' ' || *p >= 0x7f || strchr("\"<>\\^`{|}#", *p) != NULL)
			return err_set(err, ERR_INVALID,
			    "a url has no fragment, and no such characters as the one at %zu; encode them",
			    (size_t)(p - text));
	u->tls = strncasecmp(text, "https://", 8) == 0;
	if (!u->tls && strncasecmp(text, "http://", 7) != 0)
		return err_set(err, ERR_INVALID, "a url begins with http:// or https://");
	u->port = u->tls ? 443 : 80;
	p = text + (u->tls ? 8 : 7);
	if (memchr(p, '@', strcspn(p, "/?")) != NULL)
		return err_set(err, ERR_INVALID, "a url has no user and no password here");
	if ((n = take_host(p, u)) == 0 || !take_port(p + n, u))
		return err_set(err, ERR_INVALID,
		    "a url has a host, by name or address, and perhaps a port, after http://");
	return 0;
}

/* 127.0.0.0/8 in the one form that all programs read alike. */
static bool
is_v4_loopback(const char *p)
{
	long number = 0;
	size_t n;
	int i;

	for (i = 0; i < 4; i++) {
		n = strspn(p, "0123456789");
		if (n == 0 || n > 3 || (n > 1 && p[0] == '0'))
			return false;
		number = strtol(p, NULL, 10);
		if (number > 255 || (i == 0 && number != 127) || p[n] != (i < 3 ? '.' : '\0'))
			return false;
		p += n + 1;
	}
	return true;
}

bool
url_loopback(const struct url *u)
{
	if (u->v6)
		return strcmp(u->host, "::1") == 0;
	return strcmp(u->host, "localhost") == 0 || is_v4_loopback(u->host);
}

bool
url_host_fits(const struct url *u, const char *pattern)
{
	size_t n = strlen(u->host), len = strlen(pattern);

	if (strcmp(pattern, "*") == 0)
		return true;
	/* As in a url, an address of six may stand in brackets. */
	if (u->v6 && len == n + 2 && pattern[0] == '[' && pattern[len - 1] == ']')
		return strncasecmp(pattern + 1, u->host, n) == 0;
	if (strncmp(pattern, "*.", 2) == 0)
		return n >= len && strcasecmp(u->host + n - (len - 1), pattern + 1) == 0;
	return strcasecmp(u->host, pattern) == 0;
}
