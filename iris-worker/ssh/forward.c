/* SPDX-License-Identifier: MIT
 *
 * Connections that come from over there, see forward.h. Their targets were resolved before, and
 * are connected to without waiting; each is a flow like any other. Called by line.c and main.c.
 */
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <libssh/server.h>

#include "common/xmalloc.h"
#include "iris-worker/ssh/auth.h"
#include "iris-worker/ssh/forward.h"
#include "iris-worker/ssh/say.h"

#define FORWARDS_MAX 16

struct forward {
	char *bind, *host; /* owned */
	int port, hostport;
	int bound; /* the port over there, 0: not yet */
	struct sockaddr_storage to;
	socklen_t tolen;
};

static struct ssh_callbacks_struct session_callbacks;

/* The next part of a specification, and what is behind its ':'. Brackets hold an IPv6 address. */
static char *
part(char **rest)
{
	char *start = *rest, *end;

	if (start == NULL)
		return NULL;
	if (*start == '[' && (end = strchr(start, ']')) != NULL) {
		start++;
		*end++ = '\0';
	} else {
		end = start + strcspn(start, ":");
	}
	*rest = *end == ':' ? end + 1 : NULL;
	if (*end != ':' && *end != '\0')
		return NULL;
	*end = '\0';
	return start;
}

static int
port_of(const char *text, int least)
{
	char *end;
	long v;

	if (text == NULL || *text < '0' || *text > '9')
		return -1;
	v = strtol(text, &end, 10);
	return *end != '\0' || v < least || v > 65535 ? -1 : (int)v;
}

int
forward_add(struct line *l, const char *spec, struct err *err)
{
	char *copy = xstrdup(spec), *rest = copy, *parts[4] = {NULL};
	struct forward f = {.bound = 0};
	size_t n = 0;
	int rc = -1;

	while (n < 4 && rest != NULL && (parts[n] = part(&rest)) != NULL)
		n++;
	if (n == 3) {
		memmove(parts + 1, parts, 3 * sizeof parts[0]);
		parts[0] = NULL;
		n = 4;
	}
	f.port = port_of(parts[1], 0);
	f.hostport = port_of(parts[3], 1);
	if (n != 4 || rest != NULL || f.port == -1 || f.hostport == -1 || *parts[2] == '\0') {
		err_set(err, ERR_INVALID, "-R wants [address:]port:host:port, not '%.200s'", spec);
		goto out;
	}
	if (l->nforwards == FORWARDS_MAX) {
		err_set(err, ERR_LIMIT, "more than %d forwardings", FORWARDS_MAX);
		goto out;
	}
	f.bind = xstrdup(parts[0] == NULL    ? "localhost"
		: strcmp(parts[0], "*") == 0 ? ""
					     : parts[0]);
	f.host = xstrdup(parts[2]);
	l->forwards = xreallocarray(l->forwards, l->nforwards + 1, sizeof *l->forwards);
	l->forwards[l->nforwards++] = f;
	rc = 0;
out:
	free(copy);
	return rc;
}

int
forward_resolve(struct line *l, struct err *err)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found;
	struct forward *f;
	char port[16];
	size_t i;
	int rc;

	for (i = 0; i < l->nforwards; i++) {
		f = &l->forwards[i];
		snprintf(port, sizeof port, "%d", f->hostport);
		if ((rc = getaddrinfo(f->host, port, &hints, &found)) != 0)
			return err_set(err, ERR_INVALID, "Could not resolve hostname %s: %s",
			    f->host, gai_strerror(rc));
		memcpy(&f->to, found->ai_addr, found->ai_addrlen);
		f->tolen = found->ai_addrlen;
		freeaddrinfo(found);
	}
	return 0;
}

void
forward_release(struct line *l)
{
	size_t i;

	for (i = 0; i < l->nforwards; i++) {
		free(l->forwards[i].bind);
		free(l->forwards[i].host);
	}
	free(l->forwards);
	l->forwards = NULL;
	l->nforwards = 0;
}

/* A socket on its way to an address, or -1. */
static int
connect_to(const struct sockaddr *to, socklen_t len)
{
	int fd = socket(to->sa_family, SOCK_STREAM, 0), on = 1;

	if (fd == -1)
		return -1;
	compat_set_cloexec(fd, true);
	compat_set_nonblock(fd);
	if (to->sa_family != AF_UNIX)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	if (connect(fd, to, len) == -1 && errno != EINPROGRESS) {
		close(fd);
		return -1;
	}
	return fd;
}

/* 1: refuse it; 0: it is answered. */
static int
message_cb(ssh_session session, ssh_message msg, void *arg)
{
	struct line *l = arg;
	ssh_channel channel;
	size_t i;
	int fd, port;

	/* A host on the way has nothing to ask for. */
	if (session != line_last(l)->session || ssh_message_type(msg) != SSH_REQUEST_CHANNEL_OPEN ||
	    ssh_message_subtype(msg) != SSH_CHANNEL_FORWARDED_TCPIP || l->nflows >= LINE_FLOWS)
		return 1;
	port = ssh_message_channel_request_open_destination_port(msg);
	for (i = 0; i < l->nforwards; i++)
		if (l->forwards[i].bound != 0 && l->forwards[i].bound == port)
			break;
	if (i == l->nforwards)
		return 1;
	fd = connect_to((const struct sockaddr *)&l->forwards[i].to, l->forwards[i].tolen);
	if (fd == -1) {
		say_debug("connect to %s port %d: %s", l->forwards[i].host, l->forwards[i].hostport,
		    strerror(errno));
		return 1;
	}
	if ((channel = ssh_message_channel_request_open_reply_accept(msg)) == NULL) {
		close(fd);
		return 1;
	}
	flow_new(l, line_last(l), channel, fd, fd, -1);
	return 0;
}

/* A channel for the agent that the host may use, or NULL. */
static ssh_channel
agent_cb(ssh_session session, void *arg)
{
	struct line *l = arg;
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	ssh_channel channel;
	char *path;
	int fd = -1;

	if (session != line_last(l)->session || l->nflows >= LINE_FLOWS ||
	    (path = auth_agent_path(&line_last(l)->conf)) == NULL)
		return NULL;
	if (compat_strlcpy(sun.sun_path, path, sizeof sun.sun_path) < sizeof sun.sun_path)
		fd = connect_to((const struct sockaddr *)&sun, sizeof sun);
	free(path);
	if (fd == -1)
		return NULL;
	if ((channel = ssh_channel_new(session)) == NULL) {
		close(fd);
		return NULL;
	}
	flow_new(l, line_last(l), channel, fd, fd, -1);
	return channel;
}

void
forward_answer(struct line *l, struct hop *h)
{
	ssh_set_message_callback(h->session, message_cb, l);
	if (!h->conf.forward_agent)
		return;
	memset(&session_callbacks, 0, sizeof session_callbacks);
	session_callbacks.userdata = l;
	session_callbacks.channel_open_request_auth_agent_function = agent_cb;
	ssh_callbacks_init(&session_callbacks);
	ssh_set_callbacks(h->session, &session_callbacks);
}

int
forward_listen(struct line *l, struct err *err)
{
	struct hop *h = line_last(l);
	struct forward *f;
	size_t i;
	int bound, rc;

	for (i = 0; i < l->nforwards; i++) {
		f = &l->forwards[i];
		bound = f->port;
		LINE_WAIT(l, rc, SSH_AGAIN,
		    ssh_channel_listen_forward(h->session, f->bind, f->port, &bound));
		if (rc != SSH_OK) {
			if (h->conf.exit_on_failure)
				return err_set(err, ERR_IO,
				    "Error: remote port forwarding failed for listen port %d",
				    f->port);
			say("Warning: remote port forwarding failed for listen port %d", f->port);
			continue;
		}
		f->bound = bound != 0 ? bound : f->port;
		if (f->port == 0)
			say("Allocated port %d for remote forward to %s:%d", f->bound, f->host,
			    f->hostport);
		say_debug("remote forward success for: listen %s:%d, connect %s:%d", f->bind,
		    f->bound, f->host, f->hostport);
	}
	return 0;
}
