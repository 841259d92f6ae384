/* SPDX-License-Identifier: MIT
 *
 * The CLI's connection to irisd: made in role ctl, started on demand, and a request that a person
 * can wait for, with ticks for the spinner and an end by Ctrl-C. Called by every command that needs
 * irisd.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/call.h"
#include "common/compat.h"
#include "common/json.h"
#include "common/rpc.h"
#include "common/start.h"
#include "irisd/ctl/ctl.h"

#define START_TIMEOUT 15000 /* ms: irisd opens its database and adopts what runs */
#define HELLO_TIMEOUT 5000
#define CONNECT_TRIES 3

static int interrupt_pipe[2] = {-1, -1};

static cJSON *
hello_params(void)
{
	cJSON *params = call_hello_params("ctl");
	char cwd[PATHS_MAX];

	if (getcwd(cwd, sizeof cwd) != NULL && json_utf8_valid(cwd, strlen(cwd)))
		json_put_str(params, "cwd", cwd);
	return params;
}

int
ctl_connect(struct ctl *c, bool start, int *started, struct call *call, struct err *err)
{
	int fd, rv, tries = 0;

	if (started != NULL)
		*started = 0;
	do {
		fd = start ? start_connect(&c->paths, START_TIMEOUT, started, err)
			   : call_socket(c->paths.sock, err);
		if (fd == -1 && !start && err->code == ERR_UNAVAILABLE)
			return err_set(err, ERR_UNAVAILABLE,
			    "irisd is not running (nobody listens on %s); \"iris start\" starts it",
			    c->paths.sock);
		if (fd == -1)
			return -1;
		/* An irisd that dies takes connections up to its end: the next one is meant. */
		rv = ctl_hello(c, fd, call, err);
	} while (rv == -1 && err->code == ERR_UNAVAILABLE && ++tries < CONNECT_TRIES);
	return rv;
}

int
ctl_hello(struct ctl *c, int fd, struct call *call, struct err *err)
{
	memset(call, 0, sizeof *call);
	call->fd = fd;
	frame_init(&call->in, RPC_LINE_MAX);
	if (call_request(call, "iris/hello", hello_params(), HELLO_TIMEOUT, NULL, NULL,
		&call->hello, err) == -1) {
		call_close(call);
		return -1;
	}
	if (c->verbose)
		fprintf(stderr, "iris: irisd %s, pid %" PRId64 ", at %s\n",
		    json_str(call->hello, "version") ? json_str(call->hello, "version") : "?",
		    json_int_or(call->hello, "pid", 0), c->paths.sock);
	return 0;
}

int
ctl_call(struct ctl *c, bool start, const char *method, cJSON *params, int timeout_ms,
    cJSON **result, struct err *err)
{
	struct call call;
	int rv;

	if (ctl_connect(c, start, NULL, &call, err) == -1) {
		cJSON_Delete(params);
		return -1;
	}
	rv = call_request(&call, method, params, timeout_ms, NULL, NULL, result, err);
	call_close(&call);
	return rv;
}

static void
on_interrupt(int sig)
{
	int saved = errno;
	char c = (char)sig;

	/* The pipe does not block: when it is full, the news is already there. */
	if (write(interrupt_pipe[1], &c, 1) == -1)
		errno = saved;
}

/* From the first wait on, SIGINT and SIGTERM are bytes in a pipe. */
static int
catch_interrupt(struct err *err)
{
	struct sigaction sa = {.sa_handler = on_interrupt};

	if (interrupt_pipe[0] != -1)
		return 0;
	if (compat_pipe(interrupt_pipe) == -1)
		return err_sys(err, ERR_IO, "can not make a pipe");
	compat_set_nonblock(interrupt_pipe[0]);
	compat_set_nonblock(interrupt_pipe[1]);
	sigemptyset(&sa.sa_mask);
	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
	return 0;
}

/* Until irisd has sent something, with ticks meanwhile. */
static int
wait_input(struct call *call, int64_t deadline, struct ctl_wait *w, struct err *err)
{
	struct pollfd pfd[2] = {
	    {.fd = call->fd, .events = POLLIN},
	    {.fd = interrupt_pipe[0], .events = POLLIN},
	};
	int64_t left;
	int timeout, rv;

	for (;;) {
		left = deadline == -1 ? -1 : deadline - compat_mono_ms();
		if (deadline != -1 && left <= 0)
			return err_set(err, ERR_TIMEOUT, "irisd did not answer in time");
		timeout =
		    w->tick_ms > 0 && (left == -1 || left > w->tick_ms) ? w->tick_ms : (int)left;
		rv = poll(pfd, 2, timeout);
		if (rv == -1 && errno != EINTR)
			return err_sys(err, ERR_IO, "waiting for irisd");
		if (rv > 0 && pfd[1].revents != 0) {
			w->interrupted = true;
			return err_set(err, ERR_CANCELLED, "interrupted");
		}
		if (rv > 0)
			return 0;
		if (w->tick != NULL && w->tick_ms > 0)
			w->tick(w->arg);
	}
}

/* 1: it was the answer to id (result or error), 0: something else. */
static int
take_line(struct ctl_wait *w, const char *line, size_t len, const char *id, cJSON **result, int *rv,
    struct err *err)
{
	struct rpc_msg m;
	int done = 0;

	if (rpc_parse(line, len, &m, err) == -1) {
		*rv = err_prefix(err, "irisd sent a bad message: ");
		done = 1;
	} else if (m.kind == RPC_NOTIFICATION) {
		if (w->notify != NULL)
			w->notify(m.method, m.params, w->arg);
	} else if (m.kind == RPC_ERROR && (m.id == NULL || strcmp(m.id, id) == 0)) {
		rpc_error_to_err(m.error, err);
		w->refused = true;
		*rv = -1;
		done = 1;
	} else if (m.kind == RPC_RESPONSE && strcmp(m.id, id) == 0) {
		*result = cJSON_DetachItemFromObjectCaseSensitive(m.json, "result");
		*rv = 0;
		done = 1;
	}
	rpc_clear(&m);
	return done;
}

int
ctl_wait_request(struct call *call, const char *method, cJSON *params, int timeout_ms,
    struct ctl_wait *w, cJSON **result, struct err *err)
{
	int64_t deadline = timeout_ms < 0 ? -1 : compat_mono_ms() + timeout_ms;
	char id[32], *line;
	size_t len;
	ssize_t n;
	int rv;

	snprintf(id, sizeof id, "%" PRIu64, ++call->next_id);
	line = rpc_request(id, method, params);
	rv = catch_interrupt(err) == -1 ? -1 : call_write_line(call->fd, line, strlen(line), err);
	free(line);
	while (rv == 0) {
		while ((rv = frame_next(&call->in, &line, &len)) == 1) {
			if (take_line(w, line, len, id, result, &rv, err))
				return rv;
		}
		if (rv == -1)
			return err_set(err, ERR_PROTOCOL, "irisd sent a line that is too long");
		if ((rv = wait_input(call, deadline, w, err)) == -1)
			break;
		n = frame_read(&call->in, call->fd);
		if (n == 0)
			rv = err_set(err, ERR_UNAVAILABLE, "irisd closed the connection");
		else if (n == -1 && errno != EINTR)
			rv = err_sys(err, ERR_UNAVAILABLE, "the connection to irisd is lost");
	}
	return rv;
}
