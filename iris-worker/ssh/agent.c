/* SPDX-License-Identifier: MIT
 *
 * See agent.h. A thread, because libssh waits for the agent's answers: it reads a request, asks the
 * agent, and hands the answer on. It knows one message, the list of keys (draft-miller-ssh-agent),
 * and touches nothing of libssh. Called by auth.c.
 */
#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/compat.h"
#include "common/xmalloc.h"
#include "iris-worker/ssh/agent.h"

#define REQUEST_IDENTITIES 11
#define IDENTITIES_ANSWER  12
#define MESSAGE_MAX        (256 * 1024) /* bytes, as in ssh-agent */

struct agent {
	pthread_t thread;
	int near, far; /* libssh's other end; the agent */
	char **wanted;
	size_t nwanted;
	bool only;
	char **offered;
	size_t noffered;
};

/* An entry of the list: where it lies in the message. */
struct entry {
	const unsigned char *start;
	size_t len;
	bool wanted;
};

static uint32_t
get32(const unsigned char *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void
put32(unsigned char *p, uint32_t v)
{
	p[0] = (unsigned char)(v >> 24);
	p[1] = (unsigned char)(v >> 16);
	p[2] = (unsigned char)(v >> 8);
	p[3] = (unsigned char)v;
}

static char *
base64(const unsigned char *p, size_t len)
{
	static const char digits[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	char *out = xmalloc((len + 2) / 3 * 4 + 1), *o = out;
	uint32_t v;
	size_t i;

	for (i = 0; i < len; i += 3) {
		v = (uint32_t)p[i] << 16;
		v |= i + 1 < len ? (uint32_t)p[i + 1] << 8 : 0;
		v |= i + 2 < len ? p[i + 2] : 0;
		*o++ = digits[v >> 18];
		*o++ = digits[v >> 12 & 63];
		*o++ = i + 1 < len ? digits[v >> 6 & 63] : '=';
		*o++ = i + 2 < len ? digits[v & 63] : '=';
	}
	*o = '\0';
	return out;
}

static bool
transfer(int fd, unsigned char *buf, size_t len, bool in)
{
	ssize_t n;

	while (len > 0) {
		n = in ? read(fd, buf, len) : write(fd, buf, len);
		if (n == -1 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		buf += n;
		len -= (size_t)n;
	}
	return true;
}

/* A whole message with its length in front, or 0. */
static size_t
receive(int fd, unsigned char *buf)
{
	size_t len;

	if (!transfer(fd, buf, 4, true) || (len = get32(buf)) == 0 || len > MESSAGE_MAX - 4)
		return 0;
	return transfer(fd, buf + 4, len, true) ? len + 4 : 0;
}

/* The length of a string of the protocol with its four bytes, or 0 where it does not fit. */
static size_t
string_len(const unsigned char *p, size_t left)
{
	uint32_t len;

	if (left < 4 || (len = get32(p)) > left - 4)
		return 0;
	return (size_t)len + 4;
}

static bool
contains(char *const *list, size_t n, const char *text)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (strcmp(list[i], text) == 0)
			return true;
	return false;
}

/* Take the list apart. The number of keys; none when it is not well-formed. */
static size_t
entries(const struct agent *a, const unsigned char *msg, size_t len, struct entry *out, size_t max)
{
	const unsigned char *p = msg + 9;
	size_t count, i, key, comment, left = len - 9;
	char *text;

	count = get32(msg + 5);
	for (i = 0; i < count && i < max; i++) {
		key = string_len(p, left);
		comment = key == 0 ? 0 : string_len(p + key, left - key);
		if (comment == 0)
			break;
		text = base64(p + 4, key - 4);
		out[i].start = p;
		out[i].len = key + comment;
		out[i].wanted = contains(a->wanted, a->nwanted, text);
		free(text);
		p += key + comment;
		left -= key + comment;
	}
	return i;
}

/* The list as libssh is to see it: rewritten in buf. The new length. */
static size_t
choose(struct agent *a, unsigned char *buf, size_t len)
{
	size_t max = len / 8 + 1, n, i, at = 9, kept = 0;
	struct entry *e = xcalloc(max, sizeof *e);
	unsigned char *out = xmalloc(len);
	int pass;

	n = entries(a, buf, len, e, max);
	for (pass = 0; pass < (a->only ? 1 : 2); pass++)
		for (i = 0; i < n; i++) {
			if (e[i].wanted != (pass == 0))
				continue;
			memcpy(out + at, e[i].start, e[i].len);
			at += e[i].len;
			kept++;
			a->offered = xreallocarray(a->offered, a->noffered + 1, sizeof *a->offered);
			a->offered[a->noffered++] = base64(e[i].start + 4, get32(e[i].start));
		}
	memcpy(buf + 9, out + 9, at - 9);
	put32(buf + 5, (uint32_t)kept);
	put32(buf, (uint32_t)(at - 4));
	free(out);
	free(e);
	return at;
}

static void *
serve(void *arg)
{
	struct agent *a = arg;
	unsigned char *buf = xmalloc(MESSAGE_MAX);
	unsigned char asked;
	size_t len;

	while ((len = receive(a->near, buf)) != 0) {
		asked = buf[4];
		if (!transfer(a->far, buf, len, false) || (len = receive(a->far, buf)) == 0)
			break;
		if (asked == REQUEST_IDENTITIES && buf[4] == IDENTITIES_ANSWER && len >= 9)
			len = choose(a, buf, len);
		if (!transfer(a->near, buf, len, false))
			break;
	}
	free(buf);
	shutdown(a->near, SHUT_RDWR);
	return NULL;
}

struct agent *
agent_start(const char *path, const char *const *wanted, size_t n, bool only, int *fd)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	struct agent *a = NULL;
	int pair[2] = {-1, -1}, far = -1;
	size_t i;

	if (compat_strlcpy(sun.sun_path, path, sizeof sun.sun_path) >= sizeof sun.sun_path ||
	    (far = compat_socket(false)) == -1 ||
	    connect(far, (struct sockaddr *)&sun, sizeof sun) == -1 || compat_pair(pair) == -1)
		goto fail;
	a = xcalloc(1, sizeof *a);
	a->near = pair[1];
	a->far = far;
	a->only = only;
	a->nwanted = n;
	a->wanted = xcalloc(n + 1, sizeof *a->wanted);
	for (i = 0; i < n; i++)
		a->wanted[i] = xstrdup(wanted[i]);
	if (pthread_create(&a->thread, NULL, serve, a) != 0)
		goto fail;
	*fd = pair[0];
	return a;
fail:
	if (pair[0] != -1)
		close(pair[0]);
	if (a != NULL) {
		agent_free(a);
	} else {
		if (far != -1)
			close(far);
		if (pair[1] != -1)
			close(pair[1]);
	}
	return NULL;
}

bool
agent_offered(const struct agent *a, const char *key)
{
	return contains(a->offered, a->noffered, key);
}

void
agent_stop(struct agent *a, int fd)
{
	shutdown(fd, SHUT_RDWR);
	shutdown(a->far, SHUT_RDWR);
	pthread_join(a->thread, NULL);
}

void
agent_free(struct agent *a)
{
	size_t i;

	for (i = 0; i < a->nwanted; i++)
		free(a->wanted[i]);
	for (i = 0; i < a->noffered; i++)
		free(a->offered[i]);
	free(a->wanted);
	free(a->offered);
	close(a->near);
	close(a->far);
	free(a);
}
