/* SPDX-License-Identifier: MIT
 *
 * One request's connection to irisd, see uplink.h.
 */
#include <errno.h>
#include <poll.h>
#include <string.h>

#include "common/compat.h"
#include "common/json.h"
#include "irisd/core/key.h"
#include "irisd/mcp/elicit_private.h"
#include "irisd/web/http.h"
#include "irisd/web/uplink.h"

#define CALL_MS 10000 /* for what irisd answers at once */

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
