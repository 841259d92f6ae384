/* SPDX-License-Identifier: MIT
 *
 * Tells the root of a question that it is asked for a permission, see forward.h.
 */
#include <stdio.h>
#include <string.h>

#include "common/json.h"
#include "irisd/core/chain.h"
#include "irisd/mcp/forward.h"
#include "irisd/mcp/mcp.h"

static void
tell_calls(struct mcp *m, const char *root, const char *text)
{
	struct mcp_call *c;

	TAILQ_FOREACH (c, &m->calls, entry)
		if (strcmp(c->message, root) == 0)
			mcp_call_progress(c, text);
}

void
forward_start(struct permission *p, const struct store_permission *row)
{
	char name[TEAM_NAME_MAX], root[UUID_LEN + 1], text[256];
	struct err err;
	struct mcp *m;

	if (chain_root(p->d, row->message, name, sizeof name, root, &err) == -1)
		return;
	snprintf(text, sizeof text, "team %.80s asks for your permission to use %.60s: %s", row->to,
	    row->tool, "iris approvals");
	json_utf8_mend(text);
	LIST_FOREACH(m, &p->d->mcps, all)
	tell_calls(m, root, text);
}

void
forward_end(struct permission *p)
{
	p->elicit = NULL;
}
