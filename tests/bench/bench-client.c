/* SPDX-License-Identifier: MIT
 *
 * Measures rounds of request and answer, one line each, for bench.mjs: over the standard input and
 * output of a child, or over a Unix socket; how long a child takes from its start to its first
 * answer; and what the disk takes to make a page durable. Prints one JSON object. In C, so that no
 * garbage collector is part of the figures.
 *
 * Every answer is looked at: one that does not hold what was expected is counted as wrong.
 */
#include <sys/wait.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/call.h"
#include "common/compat.h"
#include "common/frame.h"
#include "common/json.h"
#include "common/log.h"
#include "common/spawn.h"
#include "common/xmalloc.h"

#define LINES_MAX    8
#define CHANNELS_MAX 64
#define PAGE         4096
#define DISK_PAGES   256
#define WAIT_MS      60000 /* for one answer: then something is lost */

static const char usage[] =
    "usage: bench-client [options] -s socket\n"
    "       bench-client [options] -- program [argument ...]\n"
    "       bench-client -f file [-n rounds] [-w rounds]\n"
    "\n"
    "In lines and texts @N becomes the number of the round, @C that of the channel.\n"
    "  -p line   send first, and wait for one line that holds the -P text\n"
    "  -P text   marks the answer to a -p line (default: any line)\n"
    "  -o line   send after those, without an answer\n"
    "  -r line   the request\n"
    "  -u text   marks the answer to the request (default: \"id\":)\n"
    "  -e text   what a right answer holds\n"
    "  -n N      rounds to measure in each channel (default 1000)\n"
    "  -w N      rounds before those (default 100)\n"
    "  -b N      number of the first round (default 0)\n"
    "  -j N      channels: so many children or connections, each with its own rounds (default 1)\n"
    "  -d N      requests in flight in each channel (default 1)\n"
    "  -g N      microseconds of rest before each request (default 0)\n"
    "  -S N      measure N starts of the child instead, each to its first answer\n"
    "  -f file   measure writing a page of file durably instead\n";

struct options {
	const char *first[LINES_MAX], *first_mark;
	const char *once[LINES_MAX];
	const char *request, *mark, *expect, *socket, *disk;
	int nfirst, nonce, rounds, warmup, base, channels, depth, rest, starts;
	char **argv;
};

struct channel {
	int number, in, out;
	pid_t pid;
	struct frame frame;
	int sent, got;
	double *began; /* ms, by round */
};

static struct options opt = {
    .first_mark = "", .mark = "\"id\":", .rounds = 1000, .warmup = 100, .channels = 1, .depth = 1};

static double *samples;
static size_t nsamples;
static long long wrong;

static double
now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e3 + (double)ts.tv_nsec / 1e6;
}

/* The template with its numbers, to be freed. */
static char *
fill(const char *template, int channel, int round)
{
	size_t size = strlen(template) + 1, len = 0;
	char *text;
	const char *p;

	for (p = template; *p != '\0'; p++)
		size += *p == '@' ? 12 : 0;
	text = xmalloc(size);
	for (p = template; *p != '\0'; p++) {
		if (p[0] == '@' && (p[1] == 'N' || p[1] == 'C'))
			len += (size_t)snprintf(
			    text + len, size - len, "%d", *++p == 'N' ? round + opt.base : channel);
		else
			text[len++] = *p;
	}
	text[len] = '\0';
	return text;
}

static void
channel_send(struct channel *c, const char *template, int round)
{
	char *line = fill(template, c->number, round);
	size_t len = strlen(line), done = 0;
	ssize_t n;

	line[len++] = '\n'; /* in place of the NUL */
	while (done < len) {
		if ((n = write(c->out, line + done, len - done)) > 0)
			done += (size_t)n;
		else if (errno != EINTR)
			fatal("channel %d takes no more", c->number);
	}
	free(line);
}

/* The next line that is there already, or NULL. */
static char *
channel_line(struct channel *c)
{
	size_t len;
	char *line;
	int rv = frame_next(&c->frame, &line, &len);

	if (rv == -1)
		fatalx("channel %d sent a line that is too long", c->number);
	return rv == 1 ? line : NULL;
}

static void
channel_read(struct channel *c)
{
	ssize_t n = frame_read(&c->frame, c->in);

	if (n == 0)
		fatalx("channel %d has ended after %d of %d answers", c->number, c->got, c->sent);
	if (n == -1 && errno != EINTR && errno != EAGAIN)
		fatal("channel %d can not be read", c->number);
}

static void
channel_wait(struct channel *c, const char *mark)
{
	char *line;

	do {
		while ((line = channel_line(c)) == NULL)
			channel_read(c);
	} while (strstr(line, mark) == NULL);
}

static void
channel_open(struct channel *c, int number)
{
	int in[2], out[2];
	struct spawn s = {.path = opt.argv[0], .argv = opt.argv};
	struct err err;

	c->number = number;
	c->sent = c->got = 0;
	c->pid = 0;
	frame_init(&c->frame, (size_t)16 * 1024 * 1024);
	if (opt.socket != NULL) {
		if ((c->in = c->out = call_socket(opt.socket, &err)) == -1)
			fatalx("%s", err.msg);
		return;
	}
	if (compat_pipe(in) == -1 || compat_pipe(out) == -1)
		fatal("no pipe");
	s.fds[0] = in[0];
	s.fds[1] = out[1];
	s.fds[2] = STDERR_FILENO;
	if ((c->pid = spawn_process(&s, &err)) == -1)
		fatalx("%s", err.msg);
	close(in[0]);
	close(out[1]);
	c->out = in[1];
	c->in = out[0];
}

static void
channel_greet(struct channel *c)
{
	int i;

	for (i = 0; i < opt.nfirst; i++) {
		channel_send(c, opt.first[i], i);
		channel_wait(c, opt.first_mark);
	}
	for (i = 0; i < opt.nonce; i++)
		channel_send(c, opt.once[i], i);
}

static void
channel_close(struct channel *c)
{
	close(c->out);
	if (c->pid != 0)
		waitpid(c->pid, NULL, 0);
	if (c->in != c->out)
		close(c->in);
	frame_release(&c->frame);
}

/* A line of the channel's: when it is the answer to the oldest request, its time is taken. */
static void
channel_answer(struct channel *c, const char *line, double at)
{
	char *expect;

	if (c->got == c->sent || strstr(line, opt.mark) == NULL)
		return;
	if (opt.expect != NULL) {
		expect = fill(opt.expect, c->number, c->got);
		if (strstr(line, expect) == NULL) {
			if (wrong++ == 0)
				log_warn("wrong answer, \"%s\" is not in: %.400s", expect, line);
		}
		free(expect);
	}
	if (c->got >= opt.warmup)
		samples[nsamples++] = at - c->began[c->got];
	c->got++;
}

static void
channel_refill(struct channel *c, int limit)
{
	while (c->sent < limit && c->sent - c->got < opt.depth) {
		if (opt.rest > 0)
			nanosleep(&(struct timespec){0, (long)opt.rest * 1000}, NULL);
		c->began[c->sent] = now_ms();
		channel_send(c, opt.request, c->sent);
		c->sent++;
	}
}

/* All channels, until each has had its rounds up to limit. */
static void
run_to(struct channel *channels, int limit)
{
	struct pollfd pfd[CHANNELS_MAX];
	double at;
	char *line;
	int i, left;

	for (;;) {
		for (i = 0, left = 0; i < opt.channels; i++) {
			channel_refill(&channels[i], limit);
			pfd[i] = (struct pollfd){.fd = channels[i].in, .events = POLLIN};
			left += channels[i].got < limit;
		}
		if (left == 0)
			return;
		if (poll(pfd, (nfds_t)opt.channels, WAIT_MS) <= 0)
			fatalx("no answer for %d s, %d channels wait", WAIT_MS / 1000, left);
		for (i = 0; i < opt.channels; i++) {
			if (pfd[i].revents == 0)
				continue;
			channel_read(&channels[i]);
			at = now_ms();
			while ((line = channel_line(&channels[i])) != NULL)
				channel_answer(&channels[i], line, at);
		}
	}
}

static int
compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Nearest rank. */
static double
percentile(double p)
{
	size_t rank = (size_t)(p / 100 * (double)nsamples + 0.999999);

	return samples[rank > 0 ? rank - 1 : 0];
}

static cJSON *
report(void)
{
	cJSON *o = json_new();

	qsort(samples, nsamples, sizeof *samples, compare);
	json_put_int(o, "n", (int64_t)nsamples);
	json_put_num(o, "min", samples[0]);
	json_put_num(o, "p50", percentile(50));
	json_put_num(o, "p99", percentile(99));
	json_put_num(o, "max", samples[nsamples - 1]);
	json_put_int(o, "wrong", wrong);
	return o;
}

/* What the kernel says of a child's memory, in KiB; Linux only. */
static void
put_memory(cJSON *o, pid_t pid)
{
	char path[64], line[128];
	long kib;
	FILE *f;

	snprintf(path, sizeof path, "/proc/%ld/smaps_rollup", (long)pid);
	if ((f = fopen(path, "r")) == NULL)
		return;
	while (fgets(line, sizeof line, f) != NULL) {
		if (sscanf(line, "Rss: %ld", &kib) == 1)
			json_put_int(o, "rssKib", kib);
		else if (sscanf(line, "Pss: %ld", &kib) == 1)
			json_put_int(o, "pssKib", kib);
	}
	fclose(f);
}

static cJSON *
measure_rounds(void)
{
	struct channel *channels = xcalloc((size_t)opt.channels, sizeof *channels);
	int all = opt.warmup + opt.rounds, i;
	double from, took;
	cJSON *o;

	samples = xcalloc((size_t)opt.rounds * (size_t)opt.channels, sizeof *samples);
	for (i = 0; i < opt.channels; i++) {
		channel_open(&channels[i], i);
		channels[i].began = xcalloc((size_t)all, sizeof(double));
		channel_greet(&channels[i]);
	}
	run_to(channels, opt.warmup);
	from = now_ms();
	run_to(channels, all);
	took = now_ms() - from;
	o = report();
	json_put_num(o, "perSecond", (double)nsamples / took * 1e3);
	if (channels[0].pid != 0)
		put_memory(o, channels[0].pid);
	for (i = 0; i < opt.channels; i++) {
		channel_close(&channels[i]);
		free(channels[i].began);
	}
	free(channels);
	return o;
}

static cJSON *
measure_starts(void)
{
	struct channel c;
	double from;
	int i;

	samples = xcalloc((size_t)opt.starts, sizeof *samples);
	for (i = 0; i < opt.warmup + opt.starts; i++) {
		from = now_ms();
		channel_open(&c, 0);
		channel_send(&c, opt.request, i);
		channel_wait(&c, opt.mark);
		if (i >= opt.warmup)
			samples[nsamples++] = now_ms() - from;
		channel_close(&c);
	}
	return report();
}

static cJSON *
measure_disk(void)
{
	static char page[PAGE];
	int fd = open(opt.disk, O_WRONLY | O_CREAT | O_DSYNC | O_CLOEXEC, 0600), i;
	double from;

	if (fd == -1)
		fatal("can not open %s", opt.disk);
	/* The pages are there already, as those of a log that is used again are. */
	for (i = 0; i < DISK_PAGES; i++)
		if (pwrite(fd, page, PAGE, (off_t)i * PAGE) != PAGE)
			fatal("can not write %s", opt.disk);
	samples = xcalloc((size_t)opt.rounds, sizeof *samples);
	for (i = 0; i < opt.warmup + opt.rounds; i++) {
		memset(page, i, PAGE);
		from = now_ms();
		if (pwrite(fd, page, PAGE, (off_t)(i % DISK_PAGES) * PAGE) != PAGE)
			fatal("can not write %s", opt.disk);
		if (i >= opt.warmup)
			samples[nsamples++] = now_ms() - from;
	}
	close(fd);
	return report();
}

static void
bad_usage(void)
{
	fputs(usage, stderr);
	exit(2);
}

static int
number(int min, int max)
{
	char *end;
	long n = strtol(optarg, &end, 10);

	if (*optarg == '\0' || *end != '\0' || n < min || n > max)
		bad_usage();
	return (int)n;
}

static void
add_line(const char *list[LINES_MAX], int *n)
{
	if (*n == LINES_MAX)
		bad_usage();
	list[(*n)++] = optarg;
}

static void
parse_number(int c)
{
	switch (c) {
	case 'n':
		opt.rounds = number(1, 10000000);
		break;
	case 'w':
		opt.warmup = number(0, 10000000);
		break;
	case 'b':
		opt.base = number(0, 1000000000);
		break;
	case 'j':
		opt.channels = number(1, CHANNELS_MAX);
		break;
	case 'd':
		opt.depth = number(1, 1000);
		break;
	case 'g':
		opt.rest = number(0, 999999);
		break;
	case 'S':
		opt.starts = number(1, 100000);
		break;
	default:
		bad_usage();
	}
}

static void
parse_args(int argc, char *argv[])
{
	int c;

	while ((c = getopt(argc, argv, "+p:P:o:r:u:e:s:f:n:w:b:j:d:g:S:")) != -1) {
		switch (c) {
		case 'p':
			add_line(opt.first, &opt.nfirst);
			break;
		case 'o':
			add_line(opt.once, &opt.nonce);
			break;
		case 'P':
			opt.first_mark = optarg;
			break;
		case 'r':
			opt.request = optarg;
			break;
		case 'u':
			opt.mark = optarg;
			break;
		case 'e':
			opt.expect = optarg;
			break;
		case 's':
			opt.socket = optarg;
			break;
		case 'f':
			opt.disk = optarg;
			break;
		default:
			parse_number(c);
		}
	}
	opt.argv = argv + optind;
	if (opt.disk == NULL && (opt.request == NULL || (opt.socket == NULL) == (optind == argc)))
		bad_usage();
	if (opt.starts > 0 && (opt.socket != NULL || opt.nfirst + opt.nonce > 0))
		bad_usage();
}

int
main(int argc, char *argv[])
{
	cJSON *result;
	char *text;

	json_init();
	log_init("bench-client", LOG_INFO);
	signal(SIGPIPE, SIG_IGN);
	parse_args(argc, argv);
	if (opt.disk != NULL)
		result = measure_disk();
	else
		result = opt.starts > 0 ? measure_starts() : measure_rounds();
	text = json_print(result);
	puts(text);
	free(text);
	cJSON_Delete(result);
	free(samples);
	return wrong == 0 ? 0 : 1;
}
