/* SPDX-License-Identifier: MIT
 *
 * One request's connection to irisd, see uplink.h.
 */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/compat.h"
#include "common/json.h"
#include "common/rpc.h"
#include "common/xmalloc.h"
#include "irisd/core/key.h"
#include "irisd/mcp/elicit_private.h"
#include "irisd/web/http.h"
#include "irisd/web/uplink.h"

#define CALL_MS  10000 /* for what irisd answers at once */
#define QUICK_MS 100   /* most answers are there by then; what is not may be waited for */
#define BEAT_MS  15000 /* between signs of life */

int
uplink_open(struct uplink *l, const char *sock, const char *key, const char *session, unsigned can,
    struct err *err)
{
	cJSON *params, *who = NULL;

	memset(l, 0, sizeof *l);
	if (call_open(&l->call, sock, call_hello_params("web"), CALL_MS, err) == -1)
		return -1;
	params = json_new();
	json_put_str(params, "key", key);
	json_put_str_opt(params, "session", session);
	json_put_bool(params, "mcp", true);
	if (can != 0)
		json_put(params, "capabilities", elicit_capabilities_json(can));
	if (call_request(&l->call, "iris/key.check", params, CALL_MS, NULL, NULL, &who, err) ==
	    -1) {
		call_close(&l->call);
		return -1;
	}
	l->scopes = key_scopes_of(json_arr(who, "scopes"));
	cJSON_Delete(who);
	return 0;
}

void
uplink_close(struct uplink *l)
{
	call_close(&l->call);
	cJSON_Delete(l->who);
	l->who = NULL;
}

/* An error of irisd's; of its data the members beside the code become the caller's. */
static int
take_error(const struct json_slice *error, cJSON **data, struct err *err)
{
	cJSON *o = json_parse(error->p, error->len, err);

	if (o == NULL)
		return -1;
	rpc_error_to_err(o, err);
	if (json_obj(o, "data") != NULL) {
		*data = cJSON_DetachItemFromObjectCaseSensitive(o, "data");
		cJSON_DeleteItemFromObjectCaseSensitive(*data, "code");
	}
	cJSON_Delete(o);
	return -1;
}

/* The answer to the request with this id, see uplink_answer. */
static int
await(struct uplink *l, uint64_t want, int client, int timeout_ms, uplink_cb cb, void *arg,
    struct json_slice *result, cJSON **data, struct err *err)
{
	static const char *const names[] = {"id", "method", "params", "result", "error"};
	int64_t deadline = timeout_ms < 0 ? -1 : compat_mono_ms() + timeout_ms;
	int watched = -1, idle = timeout_ms < 0 ? QUICK_MS : timeout_ms;
	struct json_slice m[5];
	char id[32], *line;
	size_t len;

	*data = NULL;
	snprintf(id, sizeof id, "%" PRIu64, want);
	for (;;) {
		switch (uplink_next(l, watched, idle, &line, &len, err)) {
		case UPLINK_GONE:
			return 1;
		case UPLINK_LOST:
			return -1;
		case UPLINK_IDLE:
			if (deadline != -1 && compat_mono_ms() >= deadline)
				return err_set(err, ERR_TIMEOUT, "irisd did not answer in time");
			if (idle == BEAT_MS && cb != NULL && !cb(NULL, NULL, arg))
				return 1;
			watched = client;
			idle = BEAT_MS;
			continue;
		case UPLINK_LINE:
			break;
		}
		if (json_members(line, len, names, 5, m, err) == -1)
			return err_prefix(err, "irisd sent a bad message: ");
		if (m[1].p != NULL) {
			if (cb != NULL && !cb(&m[1], &m[2], arg))
				return 1;
		} else if (m[4].p != NULL && (m[0].p == NULL || strncmp(m[0].p, "null", 4) == 0)) {
			/* About the connection itself. */
			return take_error(&m[4], data, err);
		} else if (m[0].len == strlen(id) && strncmp(m[0].p, id, m[0].len) == 0) {
			if (m[4].p != NULL)
				return take_error(&m[4], data, err);
			*result = m[3];
			return 0;
		}
	}
}

/* hello, who it is, and what is to be done: answered in this order. */
static int
greet(struct uplink *l, const char *key, cJSON **data, struct err *err)
{
	struct json_slice result;

	if (await(l, 1, -1, CALL_MS, NULL, NULL, &result, data, err) == -1 ||
	    (l->call.hello = json_parse(result.p, result.len, err)) == NULL)
		return -1;
	if (key == NULL)
		return 0;
	if (await(l, 2, -1, CALL_MS, NULL, NULL, &result, data, err) == -1 ||
	    (l->who = json_parse(result.p, result.len, err)) == NULL)
		return -1;
	l->scopes = key_scopes_of(json_arr(l->who, "scopes"));
	return 0;
}

int
uplink_open_api(struct uplink *l, const char *sock, const char *key, const char *method,
    cJSON *params, cJSON **data, struct err *err)
{
	char *hello, *check, *call = NULL, *all;
	cJSON *who = json_new();
	int rv;

	memset(l, 0, sizeof *l);
	*data = NULL;
	json_put_str_opt(who, "key", key);
	json_put_bool(who, "api", true);
	hello = rpc_request("1", "iris/hello", call_hello_params("web"));
	check = rpc_request("2", "iris/key.check", who);
	if (method != NULL)
		call = rpc_request("3", method, params);
	all = xasprintf("%s%s%s%s%s", hello, key != NULL ? "\n" : "", key != NULL ? check : "",
	    call != NULL ? "\n" : "", call != NULL ? call : "");
	free(hello);
	free(check);
	free(call);
	frame_init(&l->call.in, RPC_LINE_MAX);
	l->call.next_id = 3;
	rv = l->call.fd = call_socket(sock, err);
	if (rv != -1)
		rv = call_write_line(l->call.fd, all, strlen(all), err);
	free(all);
	if (rv == -1 || greet(l, key, data, err) == -1) {
		uplink_close(l);
		return -1;
	}
	return 0;
}

int
uplink_open_plain(struct uplink *l, const char *sock, struct err *err)
{
	cJSON *data;
	int rv = uplink_open_api(l, sock, NULL, NULL, NULL, &data, err);

	cJSON_Delete(data);
	return rv;
}

int
uplink_call(struct uplink *l, const char *method, cJSON *params, struct err *err)
{
	char id[32], *line;
	int rv;

	snprintf(id, sizeof id, "%" PRIu64, ++l->call.next_id);
	line = rpc_request(id, method, params);
	rv = strlen(line) > RPC_LINE_MAX
	    ? err_set(err, ERR_LIMIT, "the request is longer than 16 MiB")
	    : call_write_line(l->call.fd, line, strlen(line), err);
	free(line);
	return rv;
}

int
uplink_answer(struct uplink *l, int client, int timeout_ms, uplink_cb cb, void *arg,
    struct json_slice *result, cJSON **data, struct err *err)
{
	return await(l, l->call.next_id, client, timeout_ms, cb, arg, result, data, err);
}

int
uplink_send(struct uplink *l, const char *line, size_t len, struct err *err)
{
	return call_write_line(l->call.fd, line, len, err);
}

/* Both descriptors, until one of them has something or the time is up. */
static int
wait_both(struct uplink *l, int client, int64_t deadline, struct pollfd pfd[2])
{
	int64_t left;
	int rv;

	do {
		left = deadline == -1 ? -1 : deadline - compat_mono_ms();
		if (deadline != -1 && left < 0)
			left = 0;
		pfd[0] = (struct pollfd){.fd = l->call.fd, .events = POLLIN};
		/* What it may send before the answer is the next request: not to be waited for. */
		pfd[1] = (struct pollfd){.fd = client, .events = client != -1 ? POLLIN : 0};
		rv = poll(pfd, 2, (int)left);
	} while (rv == -1 && errno == EINTR);
	return rv;
}

enum uplink_event
uplink_next(struct uplink *l, int client, int idle_ms, char **line, size_t *len, struct err *err)
{
	int64_t deadline = idle_ms < 0 ? -1 : compat_mono_ms() + idle_ms;
	struct pollfd pfd[2];
	ssize_t n;
	int rv;

	for (;;) {
		if ((rv = frame_next(&l->call.in, line, len)) == 1)
			return UPLINK_LINE;
		if (rv == -1) {
			err_set(err, ERR_PROTOCOL, "irisd sent a line that is too long");
			return UPLINK_LOST;
		}
		if (wait_both(l, client, deadline, pfd) == 0)
			return UPLINK_IDLE;
		if (pfd[1].revents != 0) {
			if (http_gone(client))
				return UPLINK_GONE;
			client = -1;
		}
		if (pfd[0].revents == 0)
			continue;
		n = frame_read(&l->call.in, l->call.fd);
		if (n == 0 || (n == -1 && errno != EINTR)) {
			err_set(err, ERR_UNAVAILABLE,
			    "irisd has ended; the message is stored, ask for its result again");
			return UPLINK_LOST;
		}
	}
}
