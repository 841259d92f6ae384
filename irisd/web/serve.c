/* SPDX-License-Identifier: MIT
 *
 * civetweb, see serve.h.
 */
#include <sys/socket.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/compat.h"
#include "common/json.h"
#include "common/log.h"
#include "common/port.h"
#include "irisd/web/api.h"
#include "irisd/web/feed.h"
#include "irisd/web/front.h"
#include "irisd/web/header.h"
#include "irisd/web/mcp.h"
#include "irisd/web/seat.h"
#include "irisd/web/serve.h"
#include "irisd/web/static.h"

#define KEEP_MAX     24      /* connections without a place up to which an idle one is kept */
#define KEEP_MS      "4000"  /* an idle connection; clients are told a second less (http.c) */
#define REQUEST_MS   "2000"  /* that a client may be silent within a request, or not read */
#define REQUEST_MAX  "16380" /* bytes to the end of the headers; malloc has some more (http.c) */
#define PORT_TRY_MS  3000    /* the web process of the last irisd may be about to end */
#define PORT_WAIT_MS 50

#define PLACES_MAX 128

/* Threads that may wait for long; the others of the SEATS are for what is quick. */
static const int places[] = {[SERVE_CALL] = 64,
    [SERVE_END] = 16,
    [SERVE_LISTEN] = 128,
    [SERVE_VIEW] = 112,
    [SERVE_LOGIN] = 16};

static struct {
	char sock[sizeof((struct paths *)0)->sock];
	atomic_int held[SERVE_LOGIN + 1];

	/* Under the lock: who has how many of each kind; 0 of who: free. */
	struct share {
		uint64_t who;
		int n;
	} shares[SERVE_LOGIN + 1][PLACES_MAX];
} serve;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

struct route {
	const char *path;
	bool below; /* what lies under it as well, which is handed over */
	void (*fn)(struct http *h, const char *rest);
};

static void
do_health(struct http *h, const char *rest)
{
	static const char text[] = "{\"status\":\"ok\",\"transport\":\"http\",\"server\":\"iris\","
				   "\"version\":\"" IRIS_VERSION "\"}";

	(void)rest;
	if (strcmp(h->method, "GET") != 0 && strcmp(h->method, "HEAD") != 0)
		http_problem(h, 405, "Allow: GET, HEAD\r\n", "this resource is only read");
	else
		http_answer(h, 200, "application/json", NULL, text, sizeof text - 1);
}

static void
do_events(struct http *h, const char *rest)
{
	(void)rest;
	web_feed(h);
}

static const struct route routes[] = {
    {"/health", false, do_health},
    {"/mcp", true, web_mcp},
    {"/api/v1/events", false, do_events},
    {"/api", true, web_api},
};

const char *
serve_sock(void)
{
	return serve.sock;
}

uint64_t
serve_who(const char *key)
{
	uint64_t hash = 14695981039346656037U; /* FNV-1a */

	for (; *key != '\0'; key++)
		hash = (hash ^ (unsigned char)*key) * 1099511628211U;
	return hash != 0 ? hash : 1;
}

/* With the lock held: its share, or a free one. There are as many as places, so there is one. */
static struct share *
share_of(enum serve_place place, uint64_t who)
{
	struct share *s = serve.shares[place], *unused = NULL;
	int i;

	for (i = 0; i < places[place]; i++) {
		if (s[i].who == who)
			return &s[i];
		if (s[i].who == 0 && unused == NULL)
			unused = &s[i];
	}
	assert(unused != NULL);
	unused->who = who;
	return unused;
}

static void
let_go(enum serve_place place, uint64_t who)
{
	struct share *s;

	if (who != 0) {
		pthread_mutex_lock(&lock);
		s = share_of(place, who);
		if (--s->n == 0)
			s->who = 0;
		pthread_mutex_unlock(&lock);
	}
	atomic_fetch_sub(&serve.held[place], 1);
}

static bool
hold(enum serve_place place, uint64_t who)
{
	struct share *s;
	bool fits = true;

	if (atomic_fetch_add(&serve.held[place], 1) >= places[place]) {
		atomic_fetch_sub(&serve.held[place], 1);
		return false;
	}
	if (who == 0)
		return true;
	pthread_mutex_lock(&lock);
	s = share_of(place, who);
	s->n++;
	fits = s->n <= places[place] - places[place] / 8;
	pthread_mutex_unlock(&lock);
	if (!fits)
		let_go(place, who);
	return fits;
}

bool
serve_hold(enum serve_place place, uint64_t who)
{
	if (place == SERVE_QUICK)
		return true;
	/* Theirs is a part of the places of those who listen. */
	if (place == SERVE_VIEW && !hold(SERVE_LISTEN, who))
		return false;
	if (hold(place, who))
		return true;
	if (place == SERVE_VIEW)
		let_go(SERVE_LISTEN, who);
	return false;
}

void
serve_let_go(enum serve_place place, uint64_t who)
{
	if (place != SERVE_QUICK)
		let_go(place, who);
	if (place == SERVE_VIEW)
		let_go(SERVE_LISTEN, who);
}

/* How many have a place; those of viewers are among those of who listens. */
static int
held(void)
{
	return atomic_load(&serve.held[SERVE_CALL]) + atomic_load(&serve.held[SERVE_END]) +
	    atomic_load(&serve.held[SERVE_LISTEN]);
}

/* Pages of other sites must not get here, neither by a name that they point at us nor openly. */
static bool
check_place(struct http *h)
{
	const char *origin = mg_get_header(h->conn, "Origin"), *host = http_header(h, "Host");

	if (origin != NULL && http_header(h, "Origin") == NULL)
		origin = "";
	if (h->secure ? front_host_ok(host) && front_origin_ok(origin)
		      : header_host_ok(host) && header_origin_ok(origin))
		return true;
	h->close = true;
	if (h->secure) {
		http_problem(h, 403, NULL,
		    "Host and Origin must name this machine: an address, its host name, or a name in "
		    "dashboard.names");
		return false;
	}
	http_problem(h, 403, NULL,
	    "Host and Origin must name this machine's loopback (127.0.0.1, localhost or [::1])");
	return false;
}

static bool
check_framing(struct http *h)
{
	if (http_framed(h))
		return true;
	h->close = true;
	http_problem(h, 400, NULL,
	    "headers of a line each, which ends with CR LF, fewer than 64; one Content-Length, or "
	    "Transfer-Encoding: chunked");
	return false;
}

static void
answer(struct http *h)
{
	const struct route *r;
	size_t i, n;

	for (i = 0; i < sizeof routes / sizeof routes[0]; i++) {
		r = &routes[i];
		n = strlen(r->path);
		if (strncmp(h->path, r->path, n) != 0)
			continue;
		if (h->path[n] == '\0' ||
		    (r->below && h->path[n] == '/' && h->path[n + 1] != '\0')) {
			r->fn(h, h->path[n] == '/' ? h->path + n + 1 : NULL);
			return;
		}
	}
	if (!static_answer(h))
		http_problem(h, 404, NULL, "there is nothing at this path");
}

#define OWN ((intptr_t)1 << 30) /* of a connection's data: it is the front's */

/*
 * The connection's descriptor, and whether it is the front's: found out once. Its data is one more
 * than the descriptor.
 */
static int
descriptor(const struct mg_connection *conn, bool *own)
{
	const struct mg_request_info *ri = mg_get_request_info(conn);
	intptr_t data = (intptr_t)ri->conn_data;

	if (data == 0) {
		data = seat_find(ri->remote_port, ri->server_port) + 1;
		if (front_is(ri) && front_announced(ri))
			data |= OWN;
		mg_set_user_connection_data(conn, (void *)data);
	}
	if (own != NULL)
		*own = (data & OWN) != 0;
	return (int)(data & ~OWN) - 1;
}

/* The front's port is nobody else's. */
static bool
check_way(struct http *h)
{
	if (h->secure || !front_is(h->ri))
		return true;
	h->close = true;
	http_problem(h, 403, NULL, "this port is there for iris-tls only");
	return false;
}

/* civetweb's threads come in here, and it does nothing with the request itself. */
static int
request_cb(struct mg_connection *conn)
{
	bool own;
	int fd = descriptor(conn, &own);
	struct http h;

	seat_busy(fd, true);
	http_init(&h, conn, seat_count() - held() > KEEP_MAX);
	h.fd = fd;
	h.secure = own;
	if (check_way(&h) && check_place(&h) && check_framing(&h))
		answer(&h);
	seat_busy(fd, false);
	if (h.large)
		compat_trim();
	return 200;
}

/* What civetweb refuses by itself: no page of its own, and no connection that goes on after it. */
static int
error_cb(struct mg_connection *conn, int status, const char *text)
{
	struct http h;

	http_init(&h, conn, true);
	http_problem(&h, status, NULL, text);
	return 0;
}

static int
log_cb(const struct mg_connection *conn, const char *text)
{
	(void)conn;
	log_info("civetweb: %s", text);
	return 1;
}

static int
open_cb(const struct mg_connection *conn, void **data)
{
	(void)conn;
	*data = NULL;
	seat_take();
	return 0;
}

static void
close_cb(const struct mg_connection *conn)
{
	seat_leave(descriptor(conn, NULL), mg_get_request_info(conn)->remote_port);
}

bool
serve_port_free(int port, struct err *err)
{
	struct sockaddr_in sin = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1, rv, saved;

	if (fd == -1)
		return err_sys(err, ERR_IO, "can not make a socket") == 0;
	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	rv = bind(fd, (struct sockaddr *)&sin, sizeof sin);
	if (rv == 0)
		rv = listen(fd, 1);
	if (rv == -1)
		err_sys(err, ERR_IO, "it can not be listened at");
	saved = errno;
	close(fd);
	errno = saved;
	return rv == 0;
}

static void
await_port(struct serve_port *p, int64_t deadline)
{
	const struct timespec moment = {0, PORT_WAIT_MS * 1000000L};

	while (!serve_port_free(p->port, &p->err)) {
		if (compat_mono_ms() >= deadline) {
			if (errno == EADDRINUSE)
				port_taken(&p->err, p->port, "httpPort, dashboard.http");
			return;
		}
		nanosleep(&moment, NULL);
	}
	err_clear(&p->err);
}

/* The one that the system has chosen is the last of the list. */
static int
last_port(const struct mg_context *ctx)
{
	struct mg_server_port ports[SERVE_PORTS_MAX + 1];
	int n = mg_get_server_ports(ctx, SERVE_PORTS_MAX + 1, ports);

	if (n <= 0)
		fatalx("civetweb does not tell its ports");
	return ports[n - 1].port;
}

int
serve_start(const struct paths *paths, struct serve_port *ports, int nports)
{
	const char *options[] = {"listening_ports", NULL, "num_threads", NULL, "enable_keep_alive",
	    "yes", "keep_alive_timeout_ms", KEEP_MS, "request_timeout_ms", REQUEST_MS,
	    "tcp_nodelay", "1", "access_control_list", "-0.0.0.0/0,+127.0.0.1/32",
	    "max_request_size", REQUEST_MAX, "connection_queue", "512", "listen_backlog", "1024",
	    "enable_directory_listing", "no", "decode_url", "no", NULL};
	struct mg_callbacks callbacks = {.begin_request = request_cb,
	    .http_error = error_cb,
	    .log_message = log_cb,
	    .init_connection = open_cb,
	    .connection_close = close_cb};
	int64_t deadline = compat_mono_ms() + PORT_TRY_MS;
	char list[(SERVE_PORTS_MAX + 1) * 32] = "", threads[16];
	struct mg_context *ctx = NULL;
	size_t n = 0;
	int i, open = 0;

	compat_strlcpy(serve.sock, paths->sock, sizeof serve.sock);
	for (i = 0; i < nports; i++) {
		await_port(&ports[i], deadline);
		if (ports[i].err.code != ERR_NONE)
			continue;
		n += (size_t)snprintf(
		    list + n, sizeof list - n, "%s127.0.0.1:%d", n > 0 ? "," : "", ports[i].port);
		open++;
	}
	if (front_wanted())
		compat_strlcat(list, n > 0 ? ",127.0.0.1:0" : "127.0.0.1:0", sizeof list);
	else if (open == 0)
		return 0;
	snprintf(threads, sizeof threads, "%d", SEATS);
	options[1] = list;
	options[3] = threads;
	seat_init();
	static_load();
	mg_init_library(0);
	if ((ctx = mg_start(&callbacks, NULL, options)) != NULL) {
		if (front_wanted())
			front_start(last_port(ctx));
		return open;
	}
	for (i = 0; i < nports; i++)
		if (ports[i].err.code == ERR_NONE)
			err_set(&ports[i].err, ERR_IO, "civetweb does not start; the log says why");
	return -1;
}
