/* SPDX-License-Identifier: MIT
 *
 * The connections that have a thread, see seat.h. Whatever closes one comes by seat_leave first, so
 * that under the lock a descriptor stays what it is.
 */
#include <sys/socket.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

#include "common/compat.h"
#include "common/log.h"
#include "irisd/web/seat.h"

#define SPARE     8    /* threads that are kept free of the silent */
#define FD_MAX    1024 /* a thread has two or three; the others wait for a thread */
#define SILENT_MS 100  /* a connection is given so long to say something while threads are short */
#define SWEEP_MS  50

static struct {
	bool busy;
	int port;      /* the client's, so that the next one with this descriptor is another one */
	int left;      /* that of the last one which is about to be closed, or was */
	int64_t since; /* ms, monotonic: seen silent */
	int64_t body;  /* the same: its body is awaited until then; 0: it is not */
} table[FD_MAX];

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t shortage = PTHREAD_COND_INITIALIZER;
static pthread_cond_t answered = PTHREAD_COND_INITIALIZER;
static int count;

/*
 * With 127.0.0.1 at either end, two ports are one connection; others of 127.0.0.0/8 are not let in,
 * and have none here while they are turned away.
 */
static int
port_of(int fd, int (*ask)(int, struct sockaddr *, socklen_t *))
{
	struct sockaddr_in sin;
	socklen_t len = sizeof sin;

	if (ask(fd, (struct sockaddr *)&sin, &len) == -1 || sin.sin_family != AF_INET ||
	    sin.sin_addr.s_addr != htonl(INADDR_LOOPBACK))
		return -1;
	return ntohs(sin.sin_port);
}

int
seat_find(int remote_port, int server_port)
{
	int fd;

	for (fd = 3; fd < FD_MAX; fd++)
		if (port_of(fd, getpeername) == remote_port &&
		    port_of(fd, getsockname) == server_port)
			return fd;
	return -1;
}

/* What has come and waits to be read is something, and so is the other side's end. */
static bool
is_silent(int fd)
{
	struct pollfd pfd = {.fd = fd, .events = POLLIN};

	return poll(&pfd, 1, 0) == 0;
}

/* Who is closed here is noticed by its thread, which then closes it as any other. */
static void
sweep(void)
{
	int64_t now = compat_mono_ms();
	int fd, port;

	for (fd = 3; fd < FD_MAX; fd++) {
		port = port_of(fd, getpeername);
		if (table[fd].busy && table[fd].body != 0 && now >= table[fd].body)
			shutdown(fd, SHUT_RDWR);
		if (port == -1 || table[fd].busy || table[fd].left == port || !is_silent(fd)) {
			table[fd].port = 0;
		} else if (table[fd].port != port) {
			table[fd].port = port;
			table[fd].since = now;
		} else if (now - table[fd].since >= SILENT_MS) {
			shutdown(fd, SHUT_RDWR);
		}
	}
}

static void *
sweeper(void *arg)
{
	const struct timespec moment = {0, SWEEP_MS * 1000000L};

	for (;;) {
		pthread_mutex_lock(&lock);
		while (count <= SEATS - SPARE)
			pthread_cond_wait(&shortage, &lock);
		sweep();
		pthread_mutex_unlock(&lock);
		nanosleep(&moment, NULL);
	}
	return arg;
}

void
seat_init(void)
{
	pthread_t thread;

	if ((errno = pthread_create(&thread, NULL, sweeper, NULL)) != 0)
		fatal("can not start a thread");
	pthread_detach(thread);
}

void
seat_take(void)
{
	pthread_mutex_lock(&lock);
	if (++count > SEATS - SPARE)
		pthread_cond_signal(&shortage);
	pthread_mutex_unlock(&lock);
}

void
seat_leave(int fd, int remote_port)
{
	pthread_mutex_lock(&lock);
	count--;
	if (fd >= 0 && fd < FD_MAX) {
		table[fd].busy = false;
		table[fd].body = 0;
		table[fd].left = remote_port;
	}
	pthread_mutex_unlock(&lock);
}

int
seat_count(void)
{
	int n;

	pthread_mutex_lock(&lock);
	n = count;
	pthread_mutex_unlock(&lock);
	return n;
}

void
seat_busy(int fd, bool busy)
{
	if (fd < 0 || fd >= FD_MAX)
		return;
	pthread_mutex_lock(&lock);
	table[fd].busy = busy;
	table[fd].left = 0;
	table[fd].body = 0;
	if (!busy)
		pthread_cond_signal(&answered);
	pthread_mutex_unlock(&lock);
}

void
seat_reading(int fd, int ms)
{
	if (fd < 0 || fd >= FD_MAX)
		return;
	pthread_mutex_lock(&lock);
	table[fd].body = ms > 0 ? compat_mono_ms() + ms : 0;
	pthread_mutex_unlock(&lock);
}

/* With the lock held. */
static bool
any_busy(void)
{
	int fd;

	for (fd = 3; fd < FD_MAX; fd++)
		if (table[fd].busy)
			return true;
	return false;
}

void
seat_await_answers(int ms)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += ms / 1000;
	until.tv_nsec += (ms % 1000) * 1000000L;
	if (until.tv_nsec >= 1000000000L) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000L;
	}
	pthread_mutex_lock(&lock);
	while (any_busy() && pthread_cond_timedwait(&answered, &lock, &until) == 0)
		;
	pthread_mutex_unlock(&lock);
}
