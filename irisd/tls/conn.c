/* SPDX-License-Identifier: MIT
 *
 * One connection, see conn.h. Whatever happens on either side, pump() moves what can be moved, in
 * all directions, until nothing moves any more, and then asks the loop for what is missing.
 */
#include <sys/socket.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <string.h>
#include <unistd.h>

#include "common/compat.h"
#include "common/log.h"
#include "common/xmalloc.h"
#include "irisd/tls/announce.h"
#include "irisd/tls/conn.h"

#define HANDSHAKE_S 10
#define ASK_S       10 /* from there to the first byte of a request */
#define STALL_S     30 /* that a client may not read what is there for it */
#define CLOSE_S     2  /* for what it still sends when all was said */
#define BUF_SIZE    16384
#define ROUNDS      16 /* of pump, before others have their turn */

enum conn_state {
	CONN_HANDSHAKE,
	CONN_WAIT,    /* it has asked nothing yet */
	CONN_CONNECT, /* to civetweb */
	CONN_RELAY,
	CONN_CLOSE, /* all was said; what comes is thrown away */
};

struct buf {
	unsigned char *data;
	size_t head, tail;
};

struct conn {
	TAILQ_ENTRY(conn) entry; /* of tls.young, in all states but CONNECT and RELAY */
	struct tls *t;
	enum conn_state state;
	SSL *ssl;
	int fd, back;  /* the client's, civetweb's (-1: none) */
	uint16_t port; /* that was announced; 0: none */
	struct event *fd_read, *fd_write, *back_read, *back_write;
	struct event *timer;        /* the state's time is up */
	struct event *again;        /* there is more to do */
	struct buf up, down;        /* to civetweb, to the client */
	int64_t sent;               /* ms, monotonic: the client took something */
	bool want_read, want_write; /* what OpenSSL waits for on fd */
	bool up_eof, up_shut;       /* the client has ended, and civetweb knows */
	bool up_lost;               /* civetweb does not read any more */
	bool down_eof;              /* civetweb has ended */
	bool broken;                /* and not in order */
	bool dead;
};

static void pump(struct conn *c);

static bool
is_young(const struct conn *c)
{
	return c->state != CONN_CONNECT && c->state != CONN_RELAY;
}

static void
announce(uint16_t port, bool open)
{
	struct announce a = {.open = open, .port = port};

	if (write(STDOUT_FILENO, &a, sizeof a) != (ssize_t)sizeof a)
		fatal("the web process does not take notice of a connection");
}

/* First it is said, then the port is free for others. */
static void
close_back(struct conn *c)
{
	if (c->back_read != NULL)
		event_free(c->back_read);
	if (c->back_write != NULL)
		event_free(c->back_write);
	c->back_read = c->back_write = NULL;
	if (c->port != 0)
		announce(c->port, false);
	c->port = 0;
	if (c->back != -1)
		close(c->back);
	c->back = -1;
}

static void
conn_free(struct conn *c)
{
	if (is_young(c))
		TAILQ_REMOVE(&c->t->young, c, entry);
	close_back(c);
	event_free(c->fd_read);
	event_free(c->fd_write);
	event_free(c->timer);
	event_free(c->again);
	SSL_free(c->ssl);
	close(c->fd);
	free(c->up.data);
	free(c->down.data);
	c->t->conns--;
	free(c);
}

static void
set_timer(struct conn *c, int64_t ms)
{
	struct timeval tv = {ms / 1000, (ms % 1000) * 1000};

	evtimer_add(c->timer, &tv);
}

/* Those that are about to end anyway give way first. */
static void
set_state(struct conn *c, enum conn_state state)
{
	static const int seconds[] = {[CONN_HANDSHAKE] = HANDSHAKE_S,
	    [CONN_WAIT] = ASK_S,
	    [CONN_CONNECT] = ASK_S,
	    [CONN_RELAY] = 0,
	    [CONN_CLOSE] = CLOSE_S};
	bool was = is_young(c);

	c->state = state;
	if (was && !is_young(c))
		TAILQ_REMOVE(&c->t->young, c, entry);
	else if (!was && is_young(c))
		TAILQ_INSERT_HEAD(&c->t->young, c, entry);
	if (seconds[state] > 0)
		set_timer(c, (int64_t)seconds[state] * 1000);
	else
		evtimer_del(c->timer);
}

static size_t
buf_len(const struct buf *b)
{
	return b->tail - b->head;
}

/* Room at the end, for which what is there moves; 0: it is full. */
static size_t
buf_room(struct buf *b)
{
	if (b->data == NULL)
		b->data = xmalloc(BUF_SIZE);
	if (b->head > 0) {
		memmove(b->data, b->data + b->head, buf_len(b));
		b->tail -= b->head;
		b->head = 0;
	}
	return BUF_SIZE - b->tail;
}

/*
 * What a call of OpenSSL's that moved nothing means. True: later. Whether the client has ended is
 * for reads alone to ask: a write that fails after that answers SSL_ERROR_ZERO_RETURN, too.
 */
static bool
ssl_later(struct conn *c, int rv)
{
	switch (SSL_get_error(c->ssl, rv)) {
	case SSL_ERROR_WANT_READ:
		c->want_read = true;
		return true;
	case SSL_ERROR_WANT_WRITE:
		c->want_write = true;
		return true;
	default:
		return false;
	}
}

/* Nothing more is said to the client; it may have sent what was not read, which would be lost. */
static void
begin_close(struct conn *c)
{
	close_back(c);
	shutdown(c->fd, SHUT_WR);
	set_state(c, CONN_CLOSE);
}

static void
refuse(struct conn *c)
{
	static const char plain[] = "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\n"
				    "Content-Length: 52\r\nConnection: close\r\n\r\n"
				    "This port speaks https: write https:// for http://.\n";
	int why = ERR_GET_REASON(ERR_peek_last_error());
	ssize_t n = 0;

	log_debug("no handshake: %s", ERR_reason_error_string(ERR_peek_last_error()));
	if (why == SSL_R_HTTP_REQUEST || why == SSL_R_HTTPS_PROXY_REQUEST)
		n = write(c->fd, plain, sizeof plain - 1);
	c->dead = n == -1;
	/* Its alert or that answer shall arrive. */
	if (!c->dead)
		begin_close(c);
}

static bool
handshake(struct conn *c)
{
	int rv;

	ERR_clear_error();
	if ((rv = SSL_accept(c->ssl)) == 1) {
		set_state(c, CONN_WAIT);
		return true;
	}
	if (SSL_get_error(c->ssl, rv) == SSL_ERROR_ZERO_RETURN)
		c->dead = true;
	else if (!ssl_later(c, rv))
		refuse(c);
	return false;
}

static void
back_cb(evutil_socket_t fd, short what, void *arg)
{
	struct conn *c = arg;
	int e = 0;
	socklen_t len = sizeof e;

	(void)what;
	if (c->state == CONN_CONNECT) {
		if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &e, &len) == -1 || e != 0) {
			log_warn("the web process does not answer: %s", strerror(e));
			conn_free(c);
			return;
		}
		set_state(c, CONN_RELAY);
	}
	pump(c);
}

/* Connect from a port that the web process has been told of: what comes from there is ours. */
static bool
connect_back(struct conn *c)
{
	struct sockaddr_in sin = {.sin_family = AF_INET}, own;
	socklen_t len = sizeof own;
	int on = 1;

	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if ((c->back = socket(AF_INET, SOCK_STREAM, 0)) == -1 ||
	    compat_set_cloexec(c->back, true) == -1 || compat_set_nonblock(c->back) == -1 ||
	    bind(c->back, (struct sockaddr *)&sin, sizeof sin) == -1 ||
	    getsockname(c->back, (struct sockaddr *)&own, &len) == -1) {
		log_warn("no connection to the web process: %s", strerror(errno));
		return false;
	}
	c->port = ntohs(own.sin_port);
	announce(c->port, true);
	setsockopt(c->back, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	sin.sin_port = htons(c->t->backend);
	if (connect(c->back, (struct sockaddr *)&sin, sizeof sin) == -1 && errno != EINPROGRESS) {
		log_warn("the web process does not answer: %s", strerror(errno));
		return false;
	}
	c->back_read = event_new(c->t->base, c->back, EV_READ | EV_PERSIST, back_cb, c);
	c->back_write = event_new(c->t->base, c->back, EV_WRITE, back_cb, c);
	set_state(c, CONN_CONNECT);
	return true;
}

/* From the client. True when something has moved; so with the others. */
static bool
read_client(struct conn *c)
{
	size_t room;
	int n;

	if (c->up_lost)
		c->up.head = c->up.tail = 0;
	if (c->up_eof || (room = buf_room(&c->up)) == 0)
		return false;
	ERR_clear_error();
	if ((n = SSL_read(c->ssl, c->up.data + c->up.tail, (int)room)) <= 0) {
		c->up_eof = SSL_get_error(c->ssl, n) == SSL_ERROR_ZERO_RETURN;
		/* Who leaves without a question needs no answer. */
		c->dead = c->up_eof ? c->state == CONN_WAIT : !ssl_later(c, n);
		return c->up_eof;
	}
	c->up.tail += (size_t)n;
	if (c->state == CONN_WAIT && !connect_back(c))
		c->dead = true;
	return true;
}

static bool
write_back(struct conn *c)
{
	ssize_t n = 0;

	if (c->state != CONN_RELAY || c->up_lost)
		return false;
	if (buf_len(&c->up) > 0) {
		n = write(c->back, c->up.data + c->up.head, buf_len(&c->up));
		if (n > 0)
			c->up.head += (size_t)n;
		/* It may have answered before it had read everything. */
		else if (n == -1 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR) {
			c->up_lost = true;
			/* Who is told of it here reads an end that looks like one in order. */
			c->broken |= errno != EPIPE;
		}
	}
	if (c->up_eof && buf_len(&c->up) == 0 && !c->up_shut) {
		c->up_shut = true;
		shutdown(c->back, SHUT_WR);
	}
	return n > 0;
}

static bool
read_back(struct conn *c)
{
	size_t room;
	ssize_t n;

	if (c->state != CONN_RELAY || c->down_eof || (room = buf_room(&c->down)) == 0)
		return false;
	n = read(c->back, c->down.data + c->down.tail, room);
	if (n == -1 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
		return false;
	if (n > 0) {
		c->down.tail += (size_t)n;
	} else {
		c->down_eof = true;
		c->broken |= n == -1;
	}
	return true;
}

static bool
write_client(struct conn *c)
{
	int n;

	if (c->state != CONN_RELAY)
		return false;
	ERR_clear_error();
	if (buf_len(&c->down) > 0) {
		n = SSL_write(c->ssl, c->down.data + c->down.head, (int)buf_len(&c->down));
		if (n <= 0) {
			c->dead = !ssl_later(c, n);
			return false;
		}
		c->down.head += (size_t)n;
		c->sent = compat_mono_ms();
		return true;
	}
	if (!c->down_eof)
		return false;
	/* The end is told only where it is one: what broke off must not look whole. */
	if (!c->broken && (n = SSL_shutdown(c->ssl)) < 0 && ssl_later(c, n) && c->want_write)
		return false;
	begin_close(c);
	return false;
}

static void
discard(struct conn *c)
{
	unsigned char waste[BUF_SIZE];
	ssize_t n = read(c->fd, waste, sizeof waste);

	c->want_read = true;
	c->dead = n == 0 || (n == -1 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR);
}

static void
await(struct event *ev, bool wanted)
{
	if (ev == NULL)
		return;
	if (wanted)
		event_add(ev, NULL);
	else
		event_del(ev);
}

/* What has to happen before there is more to do. */
static void
settle(struct conn *c)
{
	bool relay = c->state == CONN_RELAY;
	bool full = c->state != CONN_HANDSHAKE && c->state != CONN_CLOSE && c->up.data != NULL &&
	    buf_len(&c->up) == BUF_SIZE;

	await(c->fd_read,
	    c->want_read || c->state == CONN_CLOSE ||
		(c->state != CONN_HANDSHAKE && !c->up_eof && !full));
	await(c->fd_write, c->want_write);
	await(c->back_write,
	    c->state == CONN_CONNECT || (relay && !c->up_lost && buf_len(&c->up) > 0));
	await(c->back_read, relay && !c->down_eof && buf_len(&c->down) < BUF_SIZE);
	/* Also where all that is left to say is that it was all. */
	if (relay && c->want_write) {
		if (!evtimer_pending(c->timer, NULL))
			set_timer(c, STALL_S * 1000);
	} else if (relay) {
		evtimer_del(c->timer);
	}
}

static void
pump(struct conn *c)
{
	static const struct timeval now = {0, 0};
	bool moved = true;
	int i;

	for (i = 0; i < ROUNDS && moved && !c->dead; i++) {
		moved = false;
		c->want_read = c->want_write = false;
		if (c->state == CONN_HANDSHAKE)
			moved = handshake(c);
		else if (c->state == CONN_CLOSE)
			discard(c);
		else
			moved = read_client(c);
		if (!c->dead)
			moved = write_back(c) || moved;
		if (!c->dead)
			moved = read_back(c) || moved;
		if (!c->dead)
			moved = write_client(c) || moved;
	}
	if (c->dead) {
		conn_free(c);
		return;
	}
	if (moved)
		evtimer_add(c->again, &now);
	settle(c);
}

static void
pump_cb(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	pump(arg);
}

static void
timer_cb(evutil_socket_t fd, short what, void *arg)
{
	struct conn *c = arg;
	int64_t left = c->sent + STALL_S * 1000 - compat_mono_ms();

	(void)fd;
	(void)what;
	if (c->state == CONN_RELAY && left > 0)
		set_timer(c, left);
	else
		conn_free(c);
}

bool
conn_give_way(struct tls *t)
{
	struct conn *oldest = TAILQ_FIRST(&t->young);

	if (oldest == NULL)
		return false;
	conn_free(oldest);
	return true;
}

void
conn_new(struct tls *t, int fd)
{
	struct conn *c;
	int on = 1;

	if (t->conns >= TLS_CONNS && !conn_give_way(t)) {
		close(fd);
		return;
	}
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
	c = xcalloc(1, sizeof *c);
	c->t = t;
	c->fd = fd;
	c->back = -1;
	if ((c->ssl = SSL_new(t->cert.ctx)) == NULL || SSL_set_fd(c->ssl, fd) != 1)
		fatalx("OpenSSL has no memory for a connection");
	c->fd_read = event_new(t->base, fd, EV_READ | EV_PERSIST, pump_cb, c);
	c->fd_write = event_new(t->base, fd, EV_WRITE, pump_cb, c);
	c->timer = evtimer_new(t->base, timer_cb, c);
	c->again = evtimer_new(t->base, pump_cb, c);
	t->conns++;
	TAILQ_INSERT_TAIL(&t->young, c, entry);
	set_timer(c, HANDSHAKE_S * 1000);
	pump(c);
}
