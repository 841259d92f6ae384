/* SPDX-License-Identifier: MIT
 *
 * The CLI's connection to irisd: made in role ctl, started on demand. Called by every command that
 * needs irisd.
 */
#include <inttypes.h>
#include <stdio.h>
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
