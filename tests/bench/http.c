/* SPDX-License-Identifier: MIT
 *
 * Measures rounds of one HTTP request and its answer on a connection that is kept open, for
 * api.mjs. Prints one JSON object. Every answer is looked at: one with another status than 200, or
 * without what was expected, is counted as wrong.
 *
 *	bench-http port path key expected rounds warmup
 */
#include <sys/socket.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define ANSWER_MAX ((size_t)1024 * 1024)

static double
now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e3 + (double)ts.tv_nsec / 1e6;
}

static void
die(const char *what)
{
	perror(what);
	exit(1);
}

static int
dial(int port)
{
	struct sockaddr_in sin = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;

	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd == -1 || connect(fd, (struct sockaddr *)&sin, sizeof sin) == -1)
		die("connect");
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	return fd;
}

/* One whole answer, which has a Content-Length; whether it is right. */
static int
take(int fd, char *buf, const char *expected)
{
	size_t n = 0, want = 0;
	char *body, *length;
	ssize_t got;

	for (;;) {
		if (n == ANSWER_MAX || (got = read(fd, buf + n, ANSWER_MAX - n)) <= 0)
			die("read");
		n += (size_t)got;
		buf[n] = '\0';
		if (want == 0 && (body = strstr(buf, "\r\n\r\n")) != NULL) {
			if ((length = strstr(buf, "Content-Length: ")) == NULL)
				die("an answer without a length");
			want = (size_t)(body + 4 - buf) +
			    strtoul(length + strlen("Content-Length: "), NULL, 10);
		}
		if (want != 0 && n >= want)
			return strncmp(buf, "HTTP/1.1 200 ", 13) == 0 &&
			    strstr(buf, expected) != NULL;
	}
}

static int
by_value(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

int
main(int argc, char *argv[])
{
	char request[1024], *buf = malloc(ANSWER_MAX + 1);
	long i, rounds, warmup, wrong = 0;
	double began, *samples;
	size_t len;
	int fd;

	if (argc != 7) {
		fputs("usage: bench-http port path key expected rounds warmup\n", stderr);
		return 2;
	}
	rounds = strtol(argv[5], NULL, 10);
	warmup = strtol(argv[6], NULL, 10);
	if (rounds < 1 || warmup < 0 || buf == NULL ||
	    (samples = calloc((size_t)rounds, sizeof *samples)) == NULL)
		die("rounds");
	len = (size_t)snprintf(request, sizeof request,
	    "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%s\r\nAuthorization: Bearer %s\r\n\r\n", argv[2],
	    argv[1], argv[3]);
	fd = dial(atoi(argv[1]));
	for (i = -warmup; i < rounds; i++) {
		began = now_ms();
		if (write(fd, request, len) != (ssize_t)len)
			die("write");
		wrong += !take(fd, buf, argv[4]);
		if (i >= 0)
			samples[i] = now_ms() - began;
	}
	qsort(samples, (size_t)rounds, sizeof *samples, by_value);
	printf("{\"p50\":%.4f,\"p99\":%.4f,\"max\":%.4f,\"n\":%ld,\"wrong\":%ld}\n",
	    samples[rounds / 2], samples[rounds * 99 / 100], samples[rounds - 1], rounds, wrong);
	close(fd);
	free(samples);
	free(buf);
	return wrong > 0;
}
