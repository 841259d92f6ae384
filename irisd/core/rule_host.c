/* SPDX-License-Identifier: MIT
 *
 * "domain:HOST" of rules for WebFetch. What a browser, curl and a careless parser could read as
 * different hosts is, to allow, no host at all; to refuse, each of them is one. Works on the texts
 * alone; called by rule.c and rule_make.c.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/xmalloc.h"
#include "irisd/core/rule_private.h"

#define PREFIX   "domain:"
#define HOST_MAX 253

static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-";

static void
lower(char *s)
{
	size_t n = strlen(s);

	for (size_t i = 0; i < n; i++)
		s[i] = (char)tolower((unsigned char)s[i]);
	if (n > 1 && s[n - 1] == '.')
		s[n - 1] = '\0';
}

char *
rule_host(const char *url)
{
	const char *p = url;
	size_t n, port;
	char *host;

	if (strncasecmp(p, "https://", 8) == 0)
		p += 8;
	else if (strncasecmp(p, "http://", 7) == 0)
		p += 7;
	else
		return NULL;
	n = strspn(p, letters);
	port = p[n] == ':' ? 1 + strspn(p + n + 1, "0123456789") : 0;
	if (n == 0 || n > HOST_MAX || p[0] == '.' || p[0] == '-' ||
	    (p[n + port] != '\0' && strchr("/?#", p[n + port]) == NULL))
		return NULL;
	host = xstrndup(p, n);
	lower(host);
	return host;
}

/* a.*.example is one name for the *; "*." at the beginning is one or more, and "*" is all. */
static bool
host_like(const char *pattern, const char *host)
{
	const char *star = NULL, *from = NULL;

	if (strcmp(pattern, "*") == 0)
		return true;
	if (strncmp(pattern, "*.", 2) == 0) {
		for (pattern++; (host = strchr(host, '.')) != NULL; host++)
			if (host_like(pattern + 1, host + 1))
				return true;
		return false;
	}
	while (*host != '\0') {
		if (*pattern == '*') {
			star = pattern++;
			from = host;
		} else if (*pattern == *host) {
			pattern++;
			host++;
		} else if (star != NULL && *from != '.') {
			pattern = star + 1;
			host = ++from;
		} else {
			return false;
		}
	}
	pattern += strspn(pattern, "*");
	return *pattern == '\0';
}

static int
hex(char c)
{
	const char *digits = "0123456789abcdef", *p = strchr(digits, tolower((unsigned char)c));

	return c != '\0' && p != NULL ? (int)(p - digits) : -1;
}

/* What programs pass over taken out, what stands for "/" made "/", %41 made "A". */
static char *
loose_url(const char *url)
{
	char *out = xmalloc(strlen(url) + 1), *p = out;

	for (; *url != '\0'; url++) {
		if ((unsigned char)*url <= ' ')
			continue;
		if (url[0] == '%' && hex(url[1]) != -1 && hex(url[2]) != -1) {
			*p++ = (char)(hex(url[1]) * 16 + hex(url[2]));
			url += 2;
		} else {
			*p++ = *url == '\\' ? '/' : *url;
		}
	}
	*p = '\0';
	return out;
}

/* Any host that the URL could be read to name. */
static bool
any_host_like(const char *pattern, const char *url)
{
	char *text = loose_url(url), *p = strchr(text, ':'), *word, *save = NULL;
	bool like = false;

	/* All between the scheme and the path, at each side of an "@" and a ":". */
	p = p != NULL ? p + 1 : text;
	p += strspn(p, "/");
	p[strcspn(p, "/?#")] = '\0';
	for (word = strtok_r(p, "@:", &save); word != NULL && !like;
	     word = strtok_r(NULL, "@:", &save)) {
		lower(word);
		like = host_like(pattern, word);
	}
	free(text);
	return like;
}

bool
rule_host_like(const char *spec, const char *url, bool strict)
{
	char *pattern, *host = NULL;
	bool like;

	if (strncmp(spec, PREFIX, strlen(PREFIX)) != 0)
		return false;
	spec += strlen(PREFIX);
	spec += strspn(spec, " ");
	if (*spec == '\0')
		return false;
	pattern = xstrdup(spec);
	lower(pattern);
	host = rule_host(url);
	like = host != NULL && host_like(pattern, host);
	if (!like && !strict)
		like = any_host_like(pattern, url);
	free(host);
	free(pattern);
	return like;
}
