/* SPDX-License-Identifier: MIT
 *
 * libFuzzer target for common/rpc: what is accepted keeps its promises (rpc.h), and an answer
 * made with its id is read again with that same id; what is refused says why.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "common/rpc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_accepted(const struct rpc_msg *m)
{
	bool request = m->kind == RPC_REQUEST || m->kind == RPC_NOTIFICATION;

	if ((m->method != NULL) != request)
		abort();
	if ((m->kind == RPC_REQUEST || m->kind == RPC_RESPONSE) && m->id == NULL)
		abort();
	if (m->kind == RPC_NOTIFICATION && m->id != NULL)
		abort();
	if ((m->kind == RPC_RESPONSE && m->result == NULL) ||
	    (m->kind == RPC_ERROR && m->error == NULL))
		abort();
}

static void
check_echo(const char *id)
{
	char *line = rpc_result(id, NULL);
	struct rpc_msg m;
	struct err err;

	if (strchr(line, '\n') != NULL || rpc_parse(line, strlen(line), &m, &err) == -1)
		abort();
	if (m.kind != RPC_RESPONSE || strcmp(m.id, id) != 0)
		abort();
	rpc_clear(&m);
	free(line);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct err err = {.code = ERR_NONE};
	struct rpc_msg m;

	/* A line holds no newline: frame.h sees to that. */
	if (memchr(data, '\n', size) != NULL)
		return 0;
	if (rpc_parse((const char *)data, size, &m, &err) == 0) {
		check_accepted(&m);
		if (m.kind == RPC_ERROR)
			rpc_error_to_err(m.error, &err);
	} else if (err.code == ERR_NONE || err.msg[0] == '\0') {
		abort();
	}
	if (m.id != NULL)
		check_echo(m.id);
	rpc_clear(&m);
	return 0;
}
