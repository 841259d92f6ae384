/* SPDX-License-Identifier: MIT
 *
 * Tools about permissions: permissions__approve, by which a Claude that is not irisd's asks.
 */
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "common/xmalloc.h"
#include "irisd/core/message.h"
#include "irisd/core/permission.h"
#include "irisd/core/team.h"
#include "irisd/mcp/mcp.h"

/* The answer is the text itself, in the form that --permission-prompt-tool knows and no other. */
static void
answered_cb(void *arg, const struct permission_answer *a)
{
	struct mcp_call *c = arg;
	cJSON *o = json_new();
	char *text;

	c->undo = NULL;
	json_put_str(o, "behavior", a->allow ? "allow" : "deny");
	if (!a->allow)
		json_put_str(o, "message", a->message);
	else if (a->input != NULL)
		json_put_raw(o, "updatedInput", a->input, strlen(a->input));
	else
		json_put(o, "updatedInput", cJSON_Duplicate(c->kept, true));
	text = json_print(o);
	cJSON_Delete(o);
	mcp_call_text(c, text);
	free(text);
}

static void
undo_approve(struct mcp_call *c)
{
	struct irisd *d = c->mcp->d;

	/* After irisd's end its client asks the next one again. */
	permission_detach(d, c, !d->stopping && !d->handing_over);
}

/* One name for the request, the same when the client tells it again after a restart of irisd. */
static void
fn_approve(struct mcp_call *c, const cJSON *args)
{
	struct mcp *m = c->mcp;
	const char *use = json_str(args, "tool_use_id");
	char who[TEAM_NAME_MAX], instance[160], unique[UUID_LEN + 1];
	struct permission_ask a = {.session = m->session,
	    .who = who,
	    .instance = instance,
	    .request = use != NULL ? use : c->id,
	    .tool = json_str(args, "tool_name"),
	    .input = json_obj(args, "input"),
	    .description = json_str(args, "reason"),
	    .answered = answered_cb,
	    .arg = c};

	m->carrier->who(m, who, sizeof who);
	uuid_v4(unique);
	snprintf(instance, sizeof instance, PERMISSION_CLIENT "%s",
	    m->instance[0] != '\0' ? m->instance : unique);
	a.team = m->session != NULL ? m->session->team : team_find(m->d, who);
	if (m->session != NULL && m->session->current != NULL)
		a.message = m->session->current->id;
	c->kept = cJSON_Duplicate(a.input, true);
	c->undo = undo_approve;
	mcp_call_progress(c, "waiting for a person's permission (iris approvals)");
	permission_ask(m->d, &a);
}

const struct mcp_tool mcp_tools_permission[] = {
    {.name = "permissions__approve",
	.title = "Decide on a permission",
	.description =
	    "Decide whether a team's Claude may use a tool: for Claude Code's --permission-prompt-tool, "
	    "not for a model. The rules of Iris's configuration and the team's grantPermission "
	    "decide, or a person whom it asks.",
	.params = {{"tool_name", MCP_STRING, true, 1, 200, "the tool that is to be used", NULL},
	    {"input", MCP_OBJECT, true, 0, 0, "what it is to be used with", NULL},
	    {"tool_use_id", MCP_STRING, false, 1, 200, "Claude Code's name of the use", NULL},
	    {"reason", MCP_STRING, false, 0, 4096, "why it is asked for", NULL}},
	.large = true,
	.fn = fn_approve},
    {0},
};
