/* SPDX-License-Identifier: MIT
 *
 * Blocking calls over irisd.sock, see call.h.
 */
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/call.h"
#include "common/compat.h"
#include "common/json.h"
#include "common/rpc.h"

#define CONNECT_MS 5000

int
call_socket(const char *path, struct err *err)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	/* For the connect alone: it waits where irisd hangs and its queue is full. */
	struct timeval limit = {CONNECT_MS / 1000, 0}, none = {0, 0};
	int fd, saved;
	uid_t uid;
	pid_t pid;

	if (compat_strlcpy(sun.sun_path, path, sizeof sun.sun_path) >= sizeof sun.sun_path)
		return err_set(err, ERR_CONFIG, "the socket's path is too long: %s", path);
	if ((fd = compat_socket(false)) == -1)
		return err_sys(err, ERR_IO, "can not make a socket");
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
	if (connect(fd, (struct sockaddr *)&sun, sizeof sun) == 0) {
		setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &none, sizeof none);
		if (compat_peer_cred(fd, &uid, &pid) == 0 && uid == geteuid())
			return fd;
		close(fd);
		return err_set(err, ERR_REFUSED,
		    "another user listens on %s; remove it or set IRIS_HOME elsewhere", path);
	}
	saved = errno;
	close(fd);
	errno = saved;
	if (errno == EAGAIN || errno == EINPROGRESS)
		return err_set(
		    err, ERR_TIMEOUT, "irisd does not take connections on %s; it hangs", path);
	if (errno == ENOENT || errno == ECONNREFUSED)
		return err_set(
		    err, ERR_UNAVAILABLE, "irisd is not running (nobody listens on %s)", path);
	return err_sys(err, ERR_IO, "can not connect to %s", path);
}

cJSON *
call_hello_params(const char *role)
{
	cJSON *params = json_new();

	json_put_str(params, "role", role);
	json_put_int(params, "protocol", RPC_PROTOCOL);
	json_put_str(params, "version", IRIS_VERSION);
	json_put_int(params, "pid", getpid());
	return params;
}

int
call_write_line(int fd, const char *line, size_t len, struct err *err)
{
	struct iovec {
		const char *p;
		size_t n;
	} part[2] = {{line, len}, {"\n", 1}};
	ssize_t n;
	int i;

	for (i = 0; i < 2; i++) {
		while (part[i].n > 0) {
			n = send(fd, part[i].p, part[i].n, MSG_NOSIGNAL);
			if (n == -1 && errno == EINTR)
				continue;
			if (n == -1)
				return err_sys(
				    err, ERR_UNAVAILABLE, "the connection to irisd is lost");
			part[i].p += n;
			part[i].n -= (size_t)n;
		}
	}
	return 0;
}

/* Wait until the socket can be read, or until the deadline (ms of compat_mono_ms, -1: none). */
static int
wait_readable(struct call *c, int64_t deadline, struct err *err)
{
	struct pollfd pfd = {.fd = c->fd, .events = POLLIN};
	int64_t left;
	int rv;

	for (;;) {
		left = deadline == -1 ? -1 : deadline - compat_mono_ms();
		if (deadline != -1 && left < 0)
			left = 0;
		rv = poll(&pfd, 1, (int)left);
		if (rv > 0)
			return 0;
		if (rv == 0)
			return err_set(err, ERR_TIMEOUT, "irisd did not answer in time");
		if (errno != EINTR)
			return err_sys(err, ERR_IO, "waiting for irisd");
	}
}

/* The next message; its line's memory is the connection's, *m is to be cleared. */
static int
next_message(struct call *c, int64_t deadline, struct rpc_msg *m, struct err *err)
{
	size_t len;
	char *line;
	ssize_t n;
	int rv;

	for (;;) {
		if ((rv = frame_next(&c->in, &line, &len)) == 1)
			break;
		if (rv == -1)
			return err_set(err, ERR_PROTOCOL, "irisd sent a line that is too long");
		if (wait_readable(c, deadline, err) == -1)
			return -1;
		n = frame_read(&c->in, c->fd);
		if (n == 0)
			return err_set(err, ERR_UNAVAILABLE,
			    "irisd closed the connection; \"iris status\" tells whether it "
			    "runs, and its log why it ended");
		if (n == -1 && errno != EINTR)
			return err_sys(err, ERR_UNAVAILABLE, "the connection to irisd is lost");
	}
	if (rpc_parse(line, len, m, err) == -1) {
		rpc_clear(m);
		return err_prefix(err, "irisd sent a bad message: ");
	}
	return 0;
}

int
call_request(struct call *c, const char *method, cJSON *params, int timeout_ms, call_notify_cb cb,
    void *arg, cJSON **result, struct err *err)
{
	int64_t deadline = timeout_ms < 0 ? -1 : compat_mono_ms() + timeout_ms;
	char id[32], *line;
	struct rpc_msg m;
	int rv;

	snprintf(id, sizeof id, "%" PRIu64, ++c->next_id);
	line = rpc_request(id, method, params);
	rv = call_write_line(c->fd, line, strlen(line), err);
	free(line);
	if (rv == -1)
		return -1;
	for (;;) {
		if (next_message(c, deadline, &m, err) == -1)
			return -1;
		if (m.kind == RPC_NOTIFICATION && cb != NULL)
			cb(m.method, m.params, arg);
		/* An error without an id is about the connection itself. */
		if (m.kind == RPC_ERROR && (m.id == NULL || strcmp(m.id, id) == 0)) {
			rpc_error_to_err(m.error, err);
			rpc_clear(&m);
			return -1;
		}
		if (m.kind == RPC_RESPONSE && strcmp(m.id, id) == 0)
			break;
		rpc_clear(&m);
	}
	if (result != NULL)
		*result = cJSON_DetachItemFromObjectCaseSensitive(m.json, "result");
	rpc_clear(&m);
	return 0;
}

int
call_wait(struct call *c, int timeout_ms, call_notify_cb cb, void *arg, struct err *err)
{
	int64_t deadline = timeout_ms < 0 ? -1 : compat_mono_ms() + timeout_ms;
	struct rpc_msg m;

	if (next_message(c, deadline, &m, err) == -1)
		return -1;
	if (m.kind == RPC_NOTIFICATION)
		cb(m.method, m.params, arg);
	rpc_clear(&m);
	return 0;
}

int
call_open(struct call *c, const char *sock, cJSON *params, int timeout_ms, struct err *err)
{
	memset(c, 0, sizeof *c);
	if ((c->fd = call_socket(sock, err)) == -1) {
		cJSON_Delete(params);
		return -1;
	}
	frame_init(&c->in, RPC_LINE_MAX);
	if (call_request(c, "iris/hello", params, timeout_ms, NULL, NULL, &c->hello, err) == -1) {
		call_close(c);
		return -1;
	}
	return 0;
}

void
call_close(struct call *c)
{
	if (c->fd != -1)
		close(c->fd);
	frame_release(&c->in);
	cJSON_Delete(c->hello);
	c->hello = NULL;
	c->fd = -1;
}
