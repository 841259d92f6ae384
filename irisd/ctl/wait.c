/* SPDX-License-Identifier: MIT
 *
 * A call that somebody waits for: with ticks for the spinner, an end by Ctrl-C, and no end by that
 * of irisd, whose successor is asked again. Called by the commands that may take long.
 */
#include <errno.h>
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
#include "irisd/ctl/ctl.h"
#include "irisd/ctl/term.h"

#define LOSSES_MAX 10   /* in a row, each without progress: this very call may be what ends irisd */
#define LASTING_MS 5000 /* a connection that lived so long was no failure */
#define PAUSE_MS   50   /* before the third try; then doubling */
#define PAUSE_MAX  1600

static int interrupt_pipe[2] = {-1, -1};

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

/*
 * Until irisd has sent something, with ticks meanwhile. What is there when Ctrl-C comes is taken
 * before that ends the wait, once (*last): it may be the message's id, or its answer.
 */
static int
wait_input(struct call *call, int64_t deadline, bool *last, struct ctl_wait *w, struct err *err)
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
		if (rv > 0 && pfd[1].revents != 0 && (*last || pfd[0].revents == 0)) {
			w->interrupted = true;
			return err_set(err, ERR_CANCELLED, "interrupted");
		}
		if (rv > 0) {
			*last = pfd[1].revents != 0;
			return 0;
		}
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
		w->heard = true;
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

/* deadline: of compat_mono_ms, -1 for none. params are taken. */
static int
request(struct call *call, const char *method, cJSON *params, int64_t deadline, struct ctl_wait *w,
    cJSON **result, struct err *err)
{
	char id[32], *line;
	bool last = false;
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
		if ((rv = wait_input(call, deadline, &last, w, err)) == -1)
			break;
		n = frame_read(&call->in, call->fd);
		if (n == 0)
			rv = err_set(err, ERR_UNAVAILABLE, "irisd closed the connection");
		else if (n == -1 && errno != EINTR)
			rv = err_sys(err, ERR_UNAVAILABLE, "the connection to irisd is lost");
	}
	return rv;
}

/* Wait a little; -1 when that was interrupted. */
static int
pause_ms(int64_t ms, struct ctl_wait *w, struct err *err)
{
	struct pollfd pfd = {.fd = interrupt_pipe[0], .events = POLLIN};
	int64_t left, until = compat_mono_ms() + ms;

	do {
		left = until - compat_mono_ms();
		if (poll(&pfd, 1, left > 0 ? (int)left : 0) > 0) {
			w->interrupted = true;
			return err_set(err, ERR_CANCELLED, "interrupted");
		}
	} while (left > 0);
	return 0;
}

static void
tell(const struct ctl *c, const struct ctl_wait *w, bool back)
{
	if (w->lost != NULL)
		w->lost(back, w->arg);
	else if (back && !c->quiet && (term.err_tty || c->verbose))
		fprintf(stderr, "iris: irisd was restarted; still waiting\n");
}

/* What is left of the time to wait: irisd counts it from the beginning of each call. */
static cJSON *
params_now(const cJSON *params, const struct ctl_wait *w, int64_t elapsed)
{
	cJSON *now = cJSON_Duplicate(params, true);
	int64_t limit;

	if (w->limit != NULL && json_int(params, w->limit, &limit) == 0 && limit > 0) {
		cJSON_DeleteItemFromObjectCaseSensitive(now, w->limit);
		json_put_int(now, w->limit, limit > elapsed ? limit - elapsed : 1);
	}
	return now;
}

/* How one try has ended. */
enum end { END_FINAL, END_NO_CONNECTION, END_LOST };

static enum end
attempt(struct ctl *c, bool start, bool again, const char *method, cJSON *params, int64_t deadline,
    struct ctl_wait *w, cJSON **result, int *rv, struct err *err)
{
	struct call call;

	w->heard = false;
	if ((*rv = ctl_connect(c, start, NULL, &call, err)) == -1) {
		cJSON_Delete(params);
		/* ERR_IO: the irisd that was started has died before it was ready. */
		return start && (err->code == ERR_UNAVAILABLE || err->code == ERR_IO)
		    ? END_NO_CONNECTION
		    : END_FINAL;
	}
	if (again)
		tell(c, w, true);
	*rv = request(&call, method, params, deadline, w, result, err);
	call_close(&call);
	return *rv == 0 || w->refused || err->code != ERR_UNAVAILABLE ? END_FINAL : END_LOST;
}

int
ctl_wait_call(struct ctl *c, bool start, const char *method, cJSON *params, int64_t timeout_ms,
    struct ctl_wait *w, cJSON **result, struct err *err)
{
	int64_t began = compat_mono_ms(), tried, pause = 0;
	int64_t deadline = timeout_ms < 0 ? -1 : began + timeout_ms;
	bool again = false;
	int rv, losses = 0;
	enum end end;

	for (;;) {
		tried = compat_mono_ms();
		end = attempt(c, start || again, again, method,
		    params_now(params, w, tried - began), deadline, w, result, &rv, err);
		if (end == END_FINAL)
			break;
		if (end == END_LOST) {
			again = true;
			tell(c, w, false);
		}
		if (w->heard || compat_mono_ms() - tried >= LASTING_MS)
			losses = 0;
		if (losses++ == LOSSES_MAX)
			break;
		pause = losses == 1 ? 0 : losses == 2 ? PAUSE_MS : pause * 2;
		if (pause_ms(pause < PAUSE_MAX ? pause : PAUSE_MAX, w, err) == -1)
			break;
	}
	cJSON_Delete(params);
	return rv;
}
