/* SPDX-License-Identifier: MIT
 *
 * The connection to irisd, see link.h. Owns the socket, the tries to connect again, and the time
 * after which they end. Hands messages to worker.c and never looks into them, but for the answer to
 * its own hello. Without a connection there are timers; with one there is none.
 */
#include <sys/socket.h>
#include <sys/un.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/call.h"
#include "common/compat.h"
#include "common/json.h"
#include "common/log.h"
#include "common/peer.h"
#include "common/rpc.h"
#include "iris-worker/link.h"
#include "iris-worker/worker.h"

#define HELLO_ID    "\"hello\""
#define WAIT_MIN_MS 250
#define WAIT_MAX_MS 10000

static void try_connect(struct worker *);

static void
arm(struct event *ev, int ms)
{
	struct timeval tv = {ms / 1000, (ms % 1000) * 1000};

	evtimer_add(ev, &tv);
}

static void
try_later(struct worker *w)
{
	struct link *l = &w->link;

	arm(l->retry, l->wait_ms);
	l->wait_ms = l->wait_ms * 2 < WAIT_MAX_MS ? l->wait_ms * 2 : WAIT_MAX_MS;
}

/* The connection is gone; at_once: the next one is tried without a wait. */
static void
lost(struct worker *w, const char *why, bool at_once)
{
	struct link *l = &w->link;

	log_info("the connection to irisd has ended reason=\"%s\"", why);
	l->peer = NULL;
	l->greeted = false;
	worker_lost(w);
	if (l->ended)
		return;
	if (!evtimer_pending(l->orphan, NULL))
		arm(l->orphan, l->orphan_ms);
	if (at_once)
		try_connect(w);
	else
		try_later(w);
}

static void
orphan(struct worker *w)
{
	struct link *l = &w->link;

	link_end(w);
	if (l->peer != NULL) {
		peer_close(l->peer, 0);
		lost(w, "given up", false);
	}
	worker_orphan(w);
}

static void
take_hello(struct worker *w, const struct rpc_msg *m)
{
	struct link *l = &w->link;

	if (m->kind == RPC_RESPONSE) {
		l->greeted = true;
		l->wait_ms = WAIT_MIN_MS;
		evtimer_del(l->orphan);
		return;
	}
	log_error("irisd refuses this worker: %s",
	    json_str(m->error, "message") != NULL ? json_str(m->error, "message")
						  : "no reason given");
	w->exit_status = WORKER_EX_PROTOCOL;
	orphan(w);
}

static void
irisd_cb(struct peer *p, char *line, size_t len, void *arg)
{
	struct worker *w = arg;
	struct rpc_msg m;
	struct err err;

	if (line == NULL) {
		/* One that closes before it has answered hello would be asked without end. */
		lost(w, peer_why(p), w->link.greeted);
		return;
	}
	if (rpc_parse(line, len, &m, &err) == -1) {
		log_error("irisd broke the protocol: %s", err.msg);
		worker_fault(w);
	} else if (m.method == NULL && (m.id == NULL || strcmp(m.id, HELLO_ID) == 0)) {
		take_hello(w, &m);
	} else {
		worker_message(w, &m, line, len);
	}
	rpc_clear(&m);
}

/* Take over a connected descriptor, say hello, and tell again what the last irisd may have lost. */
static void
greet(struct worker *w, int fd)
{
	/*
	 * Output to irisd is not limited: it is ours, and it reads. The soft limit slows its
	 * requests.
	 */
	static const struct peer_limits limits = {
	    RPC_LINE_MAX, (size_t)32 * 1024 * 1024, (size_t)512 * 1024 * 1024};
	cJSON *p = call_hello_params("worker");

	evtimer_del(w->link.retry);
	json_put_str(p, "team", w->team);
	json_put_int(p, "startTime", (int64_t)compat_proc_start(getpid()));
	worker_describe(w, p);
	w->link.peer = peer_new(&w->loop, fd, fd, &limits, irisd_cb, w);
	peer_send(w->link.peer, rpc_request(HELLO_ID, "iris/hello", p));
	worker_replay(w);
}

/* As call_socket, but it never waits: turns go on meanwhile. -1 with errno. */
static int
connect_now(const char *path)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	int fd, saved;
	uid_t uid;
	pid_t pid;

	compat_strlcpy(sun.sun_path, path, sizeof sun.sun_path);
	if ((fd = compat_socket(true)) == -1)
		return -1;
	if (connect(fd, (struct sockaddr *)&sun, sizeof sun) == 0 &&
	    compat_peer_cred(fd, &uid, &pid) == 0) {
		if (uid == geteuid())
			return fd;
		errno = EPERM;
	}
	saved = errno;
	close(fd);
	errno = saved;
	return -1;
}

static void
try_connect(struct worker *w)
{
	int fd = connect_now(w->link.sock);

	if (fd != -1) {
		log_info("connected to irisd again team=%s", w->team);
		greet(w, fd);
		return;
	}
	log_debug("can not connect to irisd: %s", strerror(errno));
	try_later(w);
}

static void
retry_cb(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	try_connect(arg);
}

static void
orphan_cb(evutil_socket_t fd, short what, void *arg)
{
	struct worker *w = arg;

	(void)fd;
	(void)what;
	log_warn("no irisd for %d s: the sessions end with their turns team=%s",
	    w->link.orphan_ms / 1000, w->team);
	orphan(w);
}

void
link_init(struct worker *w, const struct worker_options *o)
{
	struct link *l = &w->link;

	l->sock = o->sock;
	l->orphan_ms = o->orphan_ms;
	l->wait_ms = WAIT_MIN_MS;
	l->retry = evtimer_new(w->loop.base, retry_cb, w);
	l->orphan = evtimer_new(w->loop.base, orphan_cb, w);
}

void
link_release(struct worker *w)
{
	struct link *l = &w->link;

	if (l->peer != NULL)
		peer_close(l->peer, 0);
	l->peer = NULL;
	event_free(l->retry);
	event_free(l->orphan);
}

int
link_open(struct worker *w, struct err *err)
{
	int fd = call_socket(w->link.sock, err);

	if (fd == -1)
		return -1;
	greet(w, fd);
	return 0;
}

void
link_wake(struct worker *w)
{
	struct link *l = &w->link;

	if (l->ended)
		return;
	/* Where the end of the old connection is still to be read, its reading leads here. */
	l->wait_ms = WAIT_MIN_MS;
	if (l->peer == NULL) {
		evtimer_del(l->retry);
		try_connect(w);
	}
}

bool
link_up(const struct worker *w)
{
	return w->link.peer != NULL;
}

void
link_send(struct worker *w, char *line)
{
	if (w->link.peer == NULL)
		free(line);
	else
		peer_send(w->link.peer, line);
}

void
link_send_soon(struct worker *w, char *line)
{
	if (w->link.peer != NULL)
		peer_send_soon(w->link.peer, line, strlen(line));
	free(line);
}

void
link_end(struct worker *w)
{
	struct link *l = &w->link;

	l->ended = true;
	evtimer_del(l->retry);
	evtimer_del(l->orphan);
}
