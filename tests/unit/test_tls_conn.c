/* SPDX-License-Identifier: MIT
 *
 * irisd/tls/conn: that a connection which waits for its client waits with an end. Its source is in
 * here, so that what it waits for can be looked at, and what is seldom can be brought about.
 */
#include <sys/socket.h>
#include <sys/stat.h>
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

#undef STDOUT_FILENO
#define STDOUT_FILENO sink /* where ports are told */
static int sink = -1;

#include "irisd/tls/conn.c"

#define PATIENCE_MS 20000
#define TICK_MS     5

/* What has to become true, while the loop turns. */
#define AWAIT(cond)                                                                                \
	do {                                                                                       \
		int64_t until = compat_mono_ms() + PATIENCE_MS;                                    \
		while (!(cond) && compat_mono_ms() < until)                                        \
			step();                                                                    \
		assert_true(cond);                                                                 \
	} while (0)

static char dir[] = "/tmp/iris-tls-XXXXXX";
static struct tls t;
static struct conn *c;
static SSL_CTX *ctx;
static SSL *client;
static struct event *tick;
static int door, fd, back; /* civetweb's door, the client's connection, civetweb's */

static int
listen_somewhere(uint16_t *port)
{
	struct sockaddr_in sin = {.sin_family = AF_INET};
	socklen_t len = sizeof sin;
	int s = socket(AF_INET, SOCK_STREAM, 0);

	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(s, (struct sockaddr *)&sin, sizeof sin), 0);
	assert_int_equal(listen(s, 8), 0);
	assert_int_equal(getsockname(s, (struct sockaddr *)&sin, &len), 0);
	*port = ntohs(sin.sin_port);
	return s;
}

static void
step(void)
{
	assert_int_not_equal(event_base_loop(t.base, EVLOOP_ONCE), -1);
}

/* A client whose first byte has come through to civetweb. */
static int
connect_client(void **state)
{
	struct sockaddr_in sin = {.sin_family = AF_INET};
	char byte;
	int s;

	(void)state;
	s = listen_somewhere(&t.backend);
	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	door = listen_somewhere(&sin.sin_port);
	sin.sin_port = htons(sin.sin_port);
	fd = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&sin, sizeof sin), 0);
	assert_int_equal(compat_set_nonblock(fd), 0);
	conn_new(&t, compat_accept(door));
	close(door);
	door = s;
	c = TAILQ_FIRST(&t.young);
	client = SSL_new(ctx);
	SSL_set_fd(client, fd);
	AWAIT(SSL_connect(client) == 1);
	assert_int_equal(SSL_write(client, "x", 1), 1);
	AWAIT(c->state == CONN_RELAY);
	back = accept(door, NULL, NULL);
	AWAIT(recv(back, &byte, 1, MSG_DONTWAIT | MSG_PEEK) == 1);
	assert_int_equal(recv(back, &byte, 1, 0), 1);
	assert_int_equal(byte, 'x');
	return 0;
}

static int
disconnect(void **state)
{
	(void)state;
	SSL_free(client);
	if (t.conns > 0)
		conn_free(c);
	if (fd != -1)
		close(fd);
	if (back != -1)
		close(back);
	close(door);
	return 0;
}

static void
end_back(void)
{
	close(back);
	back = -1;
	AWAIT(c->down_eof);
}

/* All was said but that it was all, and for that there is no room: the client does not read. */
static void
last_word_has_its_time(void **state)
{
	BIO *narrow, *other;

	(void)state;
	assert_int_equal(BIO_new_bio_pair(&narrow, 1, &other, 1), 1);
	SSL_set0_wbio(c->ssl, narrow);
	end_back();
	assert_int_equal(c->state, CONN_RELAY);
	assert_true(c->want_write);
	assert_true(evtimer_pending(c->timer, NULL));
	/* It is up. */
	event_active(c->timer, EV_TIMEOUT, 1);
	step();
	assert_int_equal(t.conns, 0);
	BIO_free(other);
}

/* Who has said that it ends, and is told the same, is waited for no longer than it is there. */
static void
who_has_ended_is_seen_to_leave(void **state)
{
	(void)state;
	assert_int_equal(SSL_shutdown(client), 0);
	AWAIT(c->up_shut);
	end_back();
	assert_int_equal(c->state, CONN_CLOSE);
	assert_true(event_pending(c->fd_read, EV_READ, NULL));
	close(fd);
	fd = -1;
	AWAIT(t.conns == 0);
}

/* What breaks off while there is still something to be said to it must not look like an end. */
static void
break_met_by_a_write(void **state)
{
	static char much[1 << 20];
	struct linger hard = {.l_onoff = 1};
	int64_t end;
	int n, why;

	(void)state;
	AWAIT((SSL_write(client, much, sizeof much), buf_len(&c->up) == BUF_SIZE));
	assert_int_equal(setsockopt(back, SOL_SOCKET, SO_LINGER, &hard, sizeof hard), 0);
	close(back);
	back = -1;
	end = compat_mono_ms() + PATIENCE_MS;
	do {
		step();
		n = SSL_read(client, much, sizeof much);
		why = SSL_get_error(client, n);
	} while (why == SSL_ERROR_WANT_READ && compat_mono_ms() < end);
	assert_int_not_equal(why, SSL_ERROR_WANT_READ);
	assert_int_not_equal(why, SSL_ERROR_ZERO_RETURN);
}

/* Nor when that was known before, and the rest of the answer has not left yet. */
static void
break_seen_before_a_write(void **state)
{
	struct linger hard = {.l_onoff = 1};
	BIO *narrow, *other;

	(void)state;
	assert_int_equal(BIO_new_bio_pair(&narrow, 1, &other, 1), 1);
	SSL_set0_wbio(c->ssl, narrow);
	assert_int_equal(write(back, "answer", 6), 6);
	AWAIT(buf_len(&c->down) > 0 && c->want_write);
	assert_int_equal(setsockopt(back, SOL_SOCKET, SO_LINGER, &hard, sizeof hard), 0);
	end_back();
	assert_true(c->broken);
	assert_int_equal(SSL_write(client, "y", 1), 1);
	AWAIT(c->up_lost);
	assert_true(c->broken);
	conn_free(c);
	BIO_free(other);
}

static void
tick_cb(evutil_socket_t unused, short what, void *arg)
{
	(void)unused;
	(void)what;
	(void)arg;
}

static void
no_report(struct tls *unused)
{
	(void)unused;
}

static int
setup(void **state)
{
	const struct timeval moment = {0, TICK_MS * 1000};
	struct err err = {0};

	(void)state;
	t.report = no_report;
	TAILQ_INIT(&t.young);
	assert_non_null(mkdtemp(dir));
	assert_int_equal(paths_join(t.cert.cert, sizeof t.cert.cert, dir, "cert.pem"), 0);
	assert_int_equal(paths_join(t.cert.key, sizeof t.cert.key, dir, "key.pem"), 0);
	compat_strlcpy(t.cert.dir, dir, sizeof t.cert.dir);
	assert_int_equal(cert_load(&t.cert, &err), 0);
	assert_non_null(t.base = event_base_new());
	tick = event_new(t.base, -1, EV_PERSIST, tick_cb, NULL);
	event_add(tick, &moment);
	assert_non_null(ctx = SSL_CTX_new(TLS_client_method()));
	SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	assert_int_not_equal(sink = open("/dev/null", O_WRONLY), -1);
	signal(SIGPIPE, SIG_IGN);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	unlink(t.cert.cert);
	unlink(t.cert.key);
	rmdir(dir);
	SSL_CTX_free(ctx);
	SSL_CTX_free(t.cert.ctx);
	event_free(tick);
	event_base_free(t.base);
	close(sink);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(last_word_has_its_time, connect_client, disconnect),
	    cmocka_unit_test_setup_teardown(
		who_has_ended_is_seen_to_leave, connect_client, disconnect),
	    cmocka_unit_test_setup_teardown(break_met_by_a_write, connect_client, disconnect),
	    cmocka_unit_test_setup_teardown(break_seen_before_a_write, connect_client, disconnect),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
