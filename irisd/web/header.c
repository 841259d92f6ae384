/* SPDX-License-Identifier: MIT
 *
 * Header values, see header.h.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <ctype.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/xmalloc.h"
#include "irisd/web/header.h"

#define HOST_MAX      256 /* bytes of a name, and one */
#define ENCODED_START "=?base64?"
#define ENCODED_END   "?="

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* ":" and 1 to 5 digits, or nothing. */
static bool
port_ok(const char *p)
{
	size_t n;

	if (*p == '\0')
		return true;
	n = strspn(p + 1, "0123456789");
	return *p == ':' && n >= 1 && n <= 5 && p[1 + n] == '\0';
}

bool
header_host_ok(const char *host)
{
	static const char *const names[] = {"localhost", "127.0.0.1", "[::1]"};
	size_t i, n;

	if (host == NULL)
		return false;
	for (i = 0; i < sizeof names / sizeof names[0]; i++) {
		n = strlen(names[i]);
		if (strncasecmp(host, names[i], n) == 0 && port_ok(host + n))
			return true;
	}
	return false;
}

/* The name or address of a Host, without its port and brackets; false when it has no form. */
static bool
host_name(const char *host, char out[HOST_MAX], bool *v6)
{
	size_t n;

	*v6 = host[0] == '[';
	n = *v6 ? strcspn(++host, "]") : strcspn(host, ":");
	if (n == 0 || n >= HOST_MAX || (*v6 && host[n] != ']') ||
	    !port_ok(host + n + (*v6 ? 1 : 0)))
		return false;
	memcpy(out, host, n);
	out[n] = '\0';
	return true;
}

bool
header_host_known(const char *host, const char *const *names, size_t n)
{
	unsigned char address[sizeof(struct in6_addr)];
	char name[HOST_MAX];
	size_t i;
	bool v6;

	if (host == NULL || !host_name(host, name, &v6))
		return false;
	if (header_host_ok(host) || inet_pton(v6 ? AF_INET6 : AF_INET, name, address) == 1)
		return true;
	for (i = 0; i < n && !v6; i++)
		if (strcasecmp(name, names[i]) == 0)
			return true;
	return false;
}

bool
header_origin_ok(const char *origin)
{
	if (origin == NULL)
		return true;
	if (strncasecmp(origin, "http://", 7) == 0)
		return header_host_ok(origin + 7);
	return strncasecmp(origin, "https://", 8) == 0 && header_host_ok(origin + 8);
}

bool
header_bearer(const char *authorization, char *out, size_t size)
{
	const char *p = authorization;
	size_t n;

	if (p == NULL || strncasecmp(p, "Bearer", 6) != 0 || !is_blank(p[6]))
		return false;
	for (p += 6; is_blank(*p); p++)
		;
	n = strcspn(p, " \t");
	if (n == 0 || n >= size || p[n + strspn(p + n, " \t")] != '\0')
		return false;
	memcpy(out, p, n);
	out[n] = '\0';
	return true;
}

/* The length of a media type at p, without what follows it. */
static size_t
type_len(const char *p)
{
	return strcspn(p, " \t;,");
}

bool
header_type_is(const char *content_type, const char *type)
{
	const char *p = content_type;
	size_t n;

	if (p == NULL)
		return false;
	while (is_blank(*p))
		p++;
	n = type_len(p);
	return n == strlen(type) && strncasecmp(p, type, n) == 0;
}

/* Whether the parameters up to end have a q of zero: 0, 0.0, 0.00 or 0.000. */
static bool
refused(const char *p, const char *end)
{
	for (; p < end; p++) {
		if (*p != ';')
			continue;
		do
			p++;
		while (p < end && is_blank(*p));
		if (end - p > 2 && (*p == 'q' || *p == 'Q') && p[1] == '=')
			return strspn(p + 2, "0.") >= strcspn(p + 2, " \t;,");
	}
	return false;
}

bool
header_accepts(const char *accept, const char *type)
{
	size_t n, main_len = strcspn(type, "/") + 1;
	const char *p = accept, *end;

	if (p == NULL)
		return true;
	while (*p != '\0') {
		p += strspn(p, " \t,");
		end = p + strcspn(p, ",");
		n = type_len(p);
		if (((n == strlen(type) && strncasecmp(p, type, n) == 0) ||
			(n == 3 && strncmp(p, "*/*", 3) == 0) ||
			(n == main_len + 1 && strncasecmp(p, type, main_len) == 0 &&
			    p[main_len] == '*')) &&
		    !refused(p + n, end))
			return true;
		p = end;
	}
	return false;
}

static int
base64_value(char c)
{
	static const char digits[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *at = c != '\0' ? strchr(digits, c) : NULL;

	return at != NULL ? (int)(at - digits) : -1;
}

/* RFC 4648, with its padding; malloc'ed, NULL for what is no base64. */
static char *
base64_decode(const char *p, size_t len)
{
	size_t i, n = 0, pad = 0;
	uint32_t bits = 0;
	char *out;
	int v;

	if (len % 4 != 0)
		return NULL;
	while (pad < 2 && pad < len && p[len - 1 - pad] == '=')
		pad++;
	out = xmalloc(len / 4 * 3 + 1);
	for (i = 0; i < len; i++) {
		v = i >= len - pad ? 0 : base64_value(p[i]);
		if (v == -1) {
			free(out);
			return NULL;
		}
		bits = bits << 6 | (uint32_t)v;
		if (i % 4 == 3) {
			out[n++] = (char)(bits >> 16);
			out[n++] = (char)(bits >> 8);
			out[n++] = (char)bits;
		}
	}
	n -= pad;
	out[n] = '\0';
	if (strlen(out) != n) {
		free(out);
		return NULL;
	}
	return out;
}

bool
header_names(const char *value, const char *text)
{
	size_t n, start = strlen(ENCODED_START), end = strlen(ENCODED_END);
	const char *p = value;
	char *decoded;
	bool same;

	if (value == NULL)
		return false;
	while (is_blank(*p))
		p++;
	n = strlen(p);
	while (n > 0 && is_blank(p[n - 1]))
		n--;
	if (n >= start + end && strncmp(p, ENCODED_START, start) == 0 &&
	    strncmp(p + n - end, ENCODED_END, end) == 0) {
		decoded = base64_decode(p + start, n - start - end);
		same = decoded != NULL && strcmp(decoded, text) == 0;
		free(decoded);
		return same;
	}
	for (same = n == strlen(text); same && n > 0; n--)
		same = p[n - 1] == text[n - 1] && (unsigned char)p[n - 1] < 0x7f &&
		    ((unsigned char)p[n - 1] >= 0x20 || p[n - 1] == '\t');
	return same;
}

bool
header_none_match(const char *value, const char *tag)
{
	return value != NULL && (strcmp(value, "*") == 0 || strstr(value, tag) != NULL);
}
