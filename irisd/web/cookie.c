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
#define HALF_LEN     (KEY_TEXT_LEN - COOKIE_CSRF_LEN)
#define HEX_DIGITS   "0123456789abcdef"

/* By which the cookie is found among others of its name. */
static void
mark_of(const char *key, char mark[COOKIE_MARK_LEN + 1])
{
	char hash[DIGEST_LEN + 1], *text = xasprintf("iris-cookie:%s", key);

	digest_text(text, hash);
	free(text);
	compat_strlcpy(mark, hash, COOKIE_MARK_LEN + 1);
}

void
cookie_split(const char *key, char value[COOKIE_LEN + 1], char csrf[COOKIE_CSRF_LEN + 1])
{
	char mark[COOKIE_MARK_LEN + 1];

	mark_of(key, mark);
	snprintf(value, COOKIE_LEN + 1, "%.*s%s", HALF_LEN, key, mark);
	compat_strlcpy(csrf, key + HALF_LEN, COOKIE_CSRF_LEN + 1);
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

/* Whether a cookie's value belongs to the other half; the key of both. */
static bool
join(const char *value, const char *csrf, char key[KEY_TEXT_LEN + 1])
{
	char mark[COOKIE_MARK_LEN + 1];
	size_t digits = HALF_LEN - strlen(KEY_PREFIX);

	if (strncmp(value, KEY_PREFIX, strlen(KEY_PREFIX)) != 0 ||
	    strspn(value + strlen(KEY_PREFIX), HEX_DIGITS) < digits)
		return false;
	snprintf(key, KEY_TEXT_LEN + 1, "%.*s%s", HALF_LEN, value, csrf);
	mark_of(key, mark);
	return memcmp(value + HALF_LEN, mark, COOKIE_MARK_LEN) == 0;
}

bool
cookie_find(
    const char *cookie, const char *host, bool secure, const char *csrf, char key[KEY_TEXT_LEN + 1])
{
	char name[NAME_MAX_LEN];
	const char *p = cookie;
	size_t n, len;

	if (p == NULL || csrf == NULL || strlen(csrf) != COOKIE_CSRF_LEN ||
	    strspn(csrf, HEX_DIGITS) != COOKIE_CSRF_LEN)
		return false;
	name_of(host, secure, name);
	len = strlen(name);
	for (; *p != '\0'; p += n) {
		p += strspn(p, "; \t");
		n = strcspn(p, ";");
		if (n == len + 1 + COOKIE_LEN && strncmp(p, name, len) == 0 && p[len] == '=' &&
		    join(p + len + 1, csrf, key))
			return true;
	}
	return false;
}

char *
cookie_line(const char *value, const char *host, bool secure, int64_t max_age)
{
	char name[NAME_MAX_LEN];

	name_of(host, secure, name);
	return xasprintf("Set-Cookie: %s=%s; HttpOnly; SameSite=Strict; Path=/; Max-Age=%" PRId64
			 "%s\r\n",
	    name, value, max_age, secure ? "; Secure" : "");
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
