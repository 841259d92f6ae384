/* SPDX-License-Identifier: MIT
 *
 * The browser's cookie, see cookie.h.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/compat.h"
#include "common/xmalloc.h"
#include "irisd/core/digest.h"
#include "irisd/web/cookie.h"

#define NAME_MAX_LEN 16 /* iris_65535 */
#define CSRF_WORD    "iris.csrf."

void
cookie_csrf(const char *key, char csrf[COOKIE_CSRF_LEN + 1])
{
	char hash[KEY_HASH_LEN + 1], *text = xasprintf("iris-csrf:%s", key);

	digest_text(text, hash);
	free(text);
	compat_strlcpy(csrf, hash, COOKIE_CSRF_LEN + 1);
}

/* By the port that the browser knows, which behind a tunnel or TLS is not the one listened at. */
static void
name_of(const char *host, bool secure, char name[NAME_MAX_LEN])
{
	const char *port = strrchr(host, ':');

	if (port == NULL || strchr(port, ']') != NULL)
		port = secure ? ":443" : ":80";
	snprintf(name, NAME_MAX_LEN, "iris_%.5s", port + 1);
}

/* In the same time wherever the first difference is. */
static bool
same(const char *a, const char *b, size_t n)
{
	unsigned char diff = 0;
	size_t i;

	for (i = 0; i < n; i++)
		diff |= (unsigned char)(a[i] ^ b[i]);
	return diff == 0;
}

bool
cookie_find(
    const char *cookie, const char *host, bool secure, const char *csrf, char key[KEY_TEXT_LEN + 1])
{
	char name[NAME_MAX_LEN], right[COOKIE_CSRF_LEN + 1];
	const char *p = cookie;
	size_t n, len;

	if (p == NULL || csrf == NULL || strlen(csrf) != COOKIE_CSRF_LEN)
		return false;
	name_of(host, secure, name);
	len = strlen(name);
	for (; *p != '\0'; p += n) {
		p += strspn(p, "; \t");
		n = strcspn(p, ";");
		if (n != len + 1 + KEY_TEXT_LEN || strncmp(p, name, len) != 0 || p[len] != '=')
			continue;
		memcpy(key, p + len + 1, KEY_TEXT_LEN);
		key[KEY_TEXT_LEN] = '\0';
		cookie_csrf(key, right);
		if (same(csrf, right, COOKIE_CSRF_LEN))
			return true;
	}
	return false;
}

char *
cookie_line(const char *key, const char *host, bool secure, int64_t max_age)
{
	char name[NAME_MAX_LEN];

	name_of(host, secure, name);
	return xasprintf("Set-Cookie: %s=%s; HttpOnly; SameSite=Strict; Path=/; Max-Age=%" PRId64
			 "%s\r\n",
	    name, key, max_age, secure ? "; Secure" : "");
}

bool
cookie_csrf_of_protocols(const char *protocols, char csrf[COOKIE_CSRF_LEN + 1])
{
	const char *p = protocols;
	size_t n, len = strlen(CSRF_WORD);

	if (p == NULL)
		return false;
	for (; *p != '\0'; p += n) {
		p += strspn(p, ", \t");
		n = strcspn(p, ", \t");
		if (n != len + COOKIE_CSRF_LEN || strncmp(p, CSRF_WORD, len) != 0)
			continue;
		memcpy(csrf, p + len, COOKIE_CSRF_LEN);
		csrf[COOKIE_CSRF_LEN] = '\0';
		return true;
	}
	return false;
}

bool
cookie_origin_own(const char *origin, const char *host, bool secure)
{
	const char *scheme = secure ? "https://" : "http://";
	size_t n = strlen(scheme);

	return strncasecmp(origin, scheme, n) == 0 && strcasecmp(origin + n, host) == 0;
}
