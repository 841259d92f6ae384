/* SPDX-License-Identifier: MIT
 *
 * Listening sockets, see listen.h.
 */
#include <sys/socket.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/compat.h"
#include "common/log.h"
#include "common/port.h"
#include "irisd/tls/conn.h"
#include "irisd/tls/listen.h"

#define LISTENERS 8
#define TRY_MS    3000
#define WAIT_MS   50
#define BACKLOG   256
#define BATCH     32 /* connections at a time, before others have their turn */
#define PAUSE_MS  1000

static struct {
	struct tls *t;
	struct event *events[LISTENERS];
	int n;
	struct event *pause;
} listeners;

/* No descriptors: the backlog has to wait, since it would wake us again at once. */
static void
pause_accept(void)
{
	struct timeval tv = {PAUSE_MS / 1000, (PAUSE_MS % 1000) * 1000};
	int i;

	log_warn("iris-tls has no descriptor for a new connection: %s", strerror(errno));
	for (i = 0; i < listeners.n; i++)
		event_del(listeners.events[i]);
	evtimer_add(listeners.pause, &tv);
}

static void
resume_cb(evutil_socket_t fd, short what, void *arg)
{
	int i;

	(void)fd;
	(void)what;
	(void)arg;
	for (i = 0; i < listeners.n; i++)
		event_add(listeners.events[i], NULL);
}

static void
accept_cb(evutil_socket_t fd, short what, void *arg)
{
	struct tls *t = arg;
	int i, client;

	(void)what;
	if (cert_look(&t->cert))
		t->report(t);
	for (i = 0; i < BATCH; i++) {
		if ((client = compat_accept(fd)) != -1) {
			conn_new(t, client);
			continue;
		}
		if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
			if (conn_give_way(t))
				continue;
			pause_accept();
		}
		return;
	}
}

static int
bind_to(const struct addrinfo *ai)
{
	int fd = socket(ai->ai_family, SOCK_STREAM, 0), on = 1, any = 0, saved;
	const struct sockaddr_in6 *sin6 = (const void *)ai->ai_addr;

	if (fd == -1)
		return -1;
	compat_set_cloexec(fd, true);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	/* "::" is all there is, also of IPv4; any other address is itself. */
	if (ai->ai_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY,
		    IN6_IS_ADDR_UNSPECIFIED(&sin6->sin6_addr) ? &any : &on, sizeof on);
	if (bind(fd, ai->ai_addr, ai->ai_addrlen) == 0 && listen(fd, BACKLOG) == 0 &&
	    compat_set_nonblock(fd) == 0)
		return fd;
	saved = errno;
	close(fd);
	errno = saved;
	return -1;
}

static int
bind_patiently(const struct addrinfo *ai, int64_t deadline)
{
	const struct timespec moment = {0, WAIT_MS * 1000000L};
	int fd;

	while ((fd = bind_to(ai)) == -1 && errno == EADDRINUSE && compat_mono_ms() < deadline)
		nanosleep(&moment, NULL);
	return fd;
}

static int
listen_one(const char *host, const char *port, bool optional, int64_t deadline, struct err *err)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE}, *list, *ai;
	char shown[NI_MAXHOST] = "?";
	struct tls *t = listeners.t;
	int rv, fd;

	if ((rv = getaddrinfo(host, port, &hints, &list)) != 0)
		return err_set(err, ERR_CONFIG, "dashboard.host %.200s has no address: %s", host,
		    gai_strerror(rv));
	for (ai = list, rv = 0; ai != NULL && rv == 0 && listeners.n < LISTENERS;
	     ai = ai->ai_next) {
		if ((fd = bind_patiently(ai, deadline)) == -1) {
			if (optional && errno != EADDRINUSE)
				continue;
			getnameinfo(ai->ai_addr, ai->ai_addrlen, shown, sizeof shown, NULL, 0,
			    NI_NUMERICHOST);
			rv = err_sys(err, ERR_IO, "%s port %s can not be listened at", shown, port);
			if (errno == EADDRINUSE)
				port_taken(err, atoi(port), "dashboard.https");
			continue;
		}
		listeners.events[listeners.n] =
		    event_new(t->base, fd, EV_READ | EV_PERSIST, accept_cb, t);
		event_add(listeners.events[listeners.n++], NULL);
	}
	freeaddrinfo(list);
	return rv;
}

int
listen_at(struct tls *t, const char *host, int port, struct err *err)
{
	int64_t deadline = compat_mono_ms() + TRY_MS;
	char name[256], service[16];

	listeners.t = t;
	listeners.pause = evtimer_new(t->base, resume_cb, NULL);
	snprintf(service, sizeof service, "%d", port);
	if (strcmp(host, "localhost") == 0) {
		/* Without asking anybody; a machine may have no IPv6. */
		if (listen_one("127.0.0.1", service, false, deadline, err) == -1)
			return -1;
		return listen_one("::1", service, true, deadline, err);
	}
	compat_strlcpy(name, host[0] == '[' ? host + 1 : host, sizeof name);
	if (host[0] == '[')
		name[strcspn(name, "]")] = '\0';
	return listen_one(name, service, false, deadline, err);
}
