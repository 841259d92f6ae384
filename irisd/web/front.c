/* SPDX-License-Identifier: MIT
 *
 * Starts and watches iris-tls, see front.h. Two ways lead to it: a pair of sockets, for its
 * configuration and for what it has to report, whose end is the end of both sides and which is the
 * main thread's; and a pipe by which it tells the ports of its connections, read by any thread that
 * asks for one. It writes there before it connects, so what was written is all that matters.
 */
#include <sys/wait.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "common/call.h"
#include "common/compat.h"
#include "common/json.h"
#include "common/log.h"
#include "common/spawn.h"
#include "common/xmalloc.h"
#include "irisd/tls/announce.h"
#include "irisd/web/front.h"
#include "irisd/web/header.h"

#define DELAY_MS   1000  /* to the next start after an end; doubles */
#define DELAY_MAX  10000 /* ms: who mends a certificate does not want to wait for long */
#define STEADY_MS  60000 /* who has lived so long starts again without a longer delay */
#define REPORT_MAX 65536 /* bytes */

static struct {
	/* Of the main thread. */
	pid_t pid; /* 0: none runs */
	int fd;
	struct frame in;
	cJSON *report;   /* what it said last, owned */
	char *said;      /* the error that was logged last, owned */
	int64_t started; /* ms, monotonic */
	int64_t due;     /* the same, of the next start */
	int64_t delay;

	/* Set before there are other threads. */
	cJSON *plan; /* owned; NULL: no front is wanted */
	int port;
	const char **names; /* that a Host may say; the strings are the plan's */
	size_t nnames;

	/* Under the lock. */
	int pipe; /* -1: none */
	unsigned char held[65536 / 8];
} front = {.fd = -1, .pipe = -1, .delay = DELAY_MS};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

void
front_plan(const cJSON *tls, const struct paths *p)
{
	const cJSON *name;
	size_t n;

	if (tls == NULL)
		return;
	front.plan = cJSON_Duplicate(tls, true);
	json_put_str(front.plan, "home", p->home);
	json_put_str(front.plan, "log", p->logfile);
	n = (size_t)cJSON_GetArraySize(json_arr(front.plan, "names"));
	front.names = xcalloc(n + 1, sizeof *front.names);
	cJSON_ArrayForEach (name, json_arr(front.plan, "names"))
		if (cJSON_IsString(name))
			front.names[front.nnames++] = name->valuestring;
}

bool
front_wanted(void)
{
	return front.plan != NULL;
}

/* The connections of one that has ended are nobody's any more. With the lock held. */
static void
drop_pipe(void)
{
	if (front.pipe != -1)
		close(front.pipe);
	front.pipe = -1;
	memset(front.held, 0, sizeof front.held);
}

static void
set_report(cJSON *report)
{
	const char *error = json_str(report, "error");

	if (error != NULL && (front.said == NULL || strcmp(front.said, error) != 0))
		log_warn("iris-tls: %s", error);
	free(front.said);
	front.said = error != NULL ? xstrdup(error) : NULL;
	cJSON_Delete(front.report);
	front.report = report;
}

static void
set_error(const char *text)
{
	cJSON *o = json_new();

	json_put_str(o, "error", text);
	set_report(o);
}

static void
again(void)
{
	if (compat_mono_ms() - front.started >= STEADY_MS)
		front.delay = DELAY_MS;
	front.due = compat_mono_ms() + front.delay;
	front.delay = front.delay * 2 > DELAY_MAX ? DELAY_MAX : front.delay * 2;
}

static int
spawn(int fds[2], int ports[2], struct err *err)
{
	char prog[PATHS_MAX], name[] = "iris-tls", *argv[] = {name, NULL};
	struct spawn sp = {.path = prog, .argv = argv, .dir = "/"};

	if (paths_program(name, prog, sizeof prog, err) == -1)
		return -1;
	if (compat_pair(fds) == -1)
		return err_sys(err, ERR_IO, "can not make a pair of sockets");
	if (compat_pipe(ports) == -1)
		return err_sys(err, ERR_IO, "can not make a pipe");
	compat_set_nonblock(ports[0]);
	sp.fds[0] = fds[1];
	sp.fds[1] = ports[1];
	sp.fds[2] = STDERR_FILENO;
	return (front.pid = spawn_process(&sp, err)) == -1 ? -1 : 0;
}

static void
start(void)
{
	int fds[2] = {-1, -1}, ports[2] = {-1, -1};
	struct err err = {0};
	char *line;
	int rv;

	front.started = compat_mono_ms();
	rv = spawn(fds, ports, &err);
	if (fds[1] != -1)
		close(fds[1]);
	if (ports[1] != -1)
		close(ports[1]);
	if (rv == -1) {
		if (fds[0] != -1)
			close(fds[0]);
		if (ports[0] != -1)
			close(ports[0]);
		front.pid = 0;
		set_error(err.msg);
		again();
		return;
	}
	front.fd = fds[0];
	frame_init(&front.in, REPORT_MAX);
	pthread_mutex_lock(&lock);
	drop_pipe();
	front.pipe = ports[0];
	pthread_mutex_unlock(&lock);
	line = json_print(front.plan);
	/* That it is gone already is seen as any end of it. */
	if (call_write_line(front.fd, line, strlen(line), &err) == -1)
		log_debug("iris-tls: %s", err.msg);
	free(line);
}

void
front_start(int port)
{
	front.port = port;
	json_put_int(front.plan, "backend", port);
	/* Its end is a report, no signal. */
	signal(SIGPIPE, SIG_IGN);
	start();
}

/* It has closed its side: whatever it does now, its time is over. */
static void
end(void)
{
	char text[160];
	int status = 0;

	close(front.fd);
	frame_release(&front.in);
	front.fd = -1;
	pthread_mutex_lock(&lock);
	drop_pipe();
	pthread_mutex_unlock(&lock);
	kill(front.pid, SIGKILL);
	while (waitpid(front.pid, &status, 0) == -1 && errno == EINTR)
		;
	/* One that could not do its work has said why. */
	if (json_str(front.report, "error") == NULL) {
		snprintf(text, sizeof text, "it has ended (%s %d) and is started again",
		    WIFSIGNALED(status) ? "signal" : "status",
		    WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
		set_error(text);
	}
	front.pid = 0;
	again();
}

static bool
read_reports(void)
{
	struct err err;
	bool changed = false;
	cJSON *report;
	ssize_t n = frame_read(&front.in, front.fd);
	size_t len;
	char *line;
	int rv;

	while ((rv = frame_next(&front.in, &line, &len)) == 1) {
		if ((report = json_parse(line, len, &err)) == NULL)
			break;
		set_report(report);
		changed = true;
	}
	if (rv != 0 || n == 0 || (n == -1 && errno != EINTR)) {
		end();
		changed = true;
	}
	return changed;
}

int
front_fd(void)
{
	return front.fd;
}

int
front_wait(void)
{
	int64_t left = front.due - compat_mono_ms();

	if (front.plan == NULL || front.port == 0 || front.pid != 0)
		return -1;
	return left > 0 ? (int)left : 0;
}

bool
front_turn(void)
{
	struct pollfd pfd = {.fd = front.fd, .events = POLLIN};

	if (front.fd != -1 && poll(&pfd, 1, 0) == 1)
		return read_reports();
	if (front_wait() == 0) {
		start();
		return front.pid == 0;
	}
	return false;
}

cJSON *
front_json(void)
{
	cJSON *o;

	if (front.report == NULL)
		return NULL;
	o = cJSON_Duplicate(front.report, true);
	if (front.pid != 0)
		json_put_int(o, "pid", front.pid);
	json_put_str_opt(o, "host", json_str(front.plan, "host"));
	json_put_int(o, "port", json_int_or(front.plan, "port", 0));
	return o;
}

bool
front_is(const struct mg_request_info *ri)
{
	return front.port != 0 && ri->server_port == front.port;
}

/* With the lock held: everything that it has said so far. */
static void
read_ports(void)
{
	struct announce list[256];
	ssize_t n;
	size_t i;

	while (front.pipe != -1) {
		n = read(front.pipe, list, sizeof list);
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return;
		/* Its end, or what it never writes: each write is whole. */
		if (n == 0 || (size_t)n % sizeof list[0] != 0) {
			drop_pipe();
			return;
		}
		for (i = 0; i < (size_t)n / sizeof list[0]; i++) {
			if (list[i].open)
				front.held[list[i].port / 8] |=
				    (unsigned char)(1 << list[i].port % 8);
			else
				front.held[list[i].port / 8] &=
				    (unsigned char)~(1 << list[i].port % 8);
		}
	}
}

bool
front_announced(const struct mg_request_info *ri)
{
	bool is;

	/* Another address may have the same port. */
	if (strcmp(ri->remote_addr, "127.0.0.1") != 0 || ri->remote_port <= 0 ||
	    ri->remote_port > 65535)
		return false;
	pthread_mutex_lock(&lock);
	read_ports();
	is = (front.held[ri->remote_port / 8] >> ri->remote_port % 8 & 1) != 0;
	pthread_mutex_unlock(&lock);
	return is;
}

bool
front_host_ok(const char *host)
{
	return header_host_known(host, front.names, front.nnames);
}

bool
front_origin_ok(const char *origin)
{
	return origin == NULL ||
	    (strncasecmp(origin, "https://", 8) == 0 && front_host_ok(origin + 8));
}
