/* SPDX-License-Identifier: MIT
 *
 * The in-band carrier of the MCP server, see inband.h.
 */
#include <stdlib.h>
#include <string.h>

#include "common/compat.h"
#include "common/json.h"
#include "common/xmalloc.h"
#include "irisd/mcp/inband.h"
#include "irisd/mcp/mcp.h"
#include "irisd/net/worker.h"

static void
carrier_send(struct mcp *m, char *text)
{
	worker_mcp(m->arg, text);
	free(text);
}

static void
carrier_who(struct mcp *m, char *name, size_t size)
{
	struct session *s = m->arg;

	compat_strlcpy(name, s->team->name, size);
}

static const struct mcp_carrier carrier = {
    .send = carrier_send, .who = carrier_who, .unasked = true};

void
inband_input(struct session *s, const cJSON *message)
{
	char *line = json_print(message);

	if (s->mcp == NULL) {
		s->mcp = xmalloc(sizeof *s->mcp);
		mcp_init(s->mcp, s->d, &carrier, s);
		s->mcp->session = s;
		/* One name for one process: what it repeats to the next irisd is known by it. */
		compat_strlcpy(s->mcp->instance, s->row.instance, sizeof s->mcp->instance);
	}
	mcp_line(s->mcp, line, strlen(line));
	free(line);
}

bool
inband_waits(const struct session *s)
{
	const struct mcp_call *c;
	const struct mcp *m;

	/* Its Claude may also have asked by its MCP file. */
	LIST_FOREACH(m, &s->d->mcps, all)
	{
		if (m->session != s)
			continue;
		TAILQ_FOREACH (c, &m->calls, entry)
			if (c->wait != NULL || c->watching || c->gather != NULL)
				return true;
	}
	return false;
}

void
inband_release(struct session *s)
{
	if (s->mcp == NULL)
		return;
	mcp_release(s->mcp);
	free(s->mcp);
	s->mcp = NULL;
}
