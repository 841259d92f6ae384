/* SPDX-License-Identifier: MIT
 *
 * The tool get_agent: an expert's prompt, with what is known of the caller's project.
 */
#include <stdlib.h>
#include <string.h>

#include "common/compat.h"
#include "common/json.h"
#include "irisd/mcp/agent.h"
#include "irisd/mcp/mcp.h"

#define CONTEXT_MAX ((size_t)256 * 1024) /* bytes of names and texts, and 16 for each value */

static void
finish(void *arg)
{
	struct mcp_call *c = arg;
	struct agent *a = c->agent;
	cJSON *o, *names;
	struct err err;
	char *text;
	int i;

	if ((text = agent_render(a, &err)) == NULL) {
		mcp_call_failed(c, &err, NULL);
		return;
	}
	o = json_new();
	names = cJSON_CreateArray();
	for (i = 0; agent_names[i] != NULL; i++)
		cJSON_AddItemToArray(names, cJSON_CreateString(agent_names[i]));
	json_put_str(o, "agentType", agent_name(a));
	json_put_str(o, "prompt", text);
	json_put_bool(o, "valid", true);
	json_put(o, "availableAgents", names);
	json_put_str(o, "template", agent_template(a));
	if (cJSON_GetArraySize(agent_problems(a)) > 0)
		json_put(o, "problems", cJSON_Duplicate(agent_problems(a), true));
	json_put_int(o, "timestamp", compat_now_ms());
	free(text);
	mcp_call_done(c, o);
}

/* What a context costs to copy and to look through. */
static size_t
weight(const cJSON *item)
{
	const cJSON *m;
	size_t n = 16;

	if (cJSON_IsString(item))
		n += strlen(item->valuestring);
	cJSON_ArrayForEach (m, item)
		n += weight(m) + (m->string != NULL ? strlen(m->string) : 0);
	return n;
}

static void
fn_agent(struct mcp_call *c, const cJSON *args)
{
	const cJSON *context = json_obj(args, "context");
	struct agent_want want = {.type = agent_type_find(json_str(args, "agentType")),
	    .project_path = json_str(args, "projectPath"),
	    .diff = json_bool(args, "includeGitDiff", false),
	    .context = context};
	char who[TEAM_NAME_MAX];
	struct err err;
	size_t n = context != NULL ? weight(context) : 0;

	c->mcp->carrier->who(c->mcp, who, sizeof who);
	want.who = who;
	if (n > CONTEXT_MAX)
		err_set(&err, ERR_INVALID,
		    "get_agent: \"context\" is too large (%zu bytes and more); give what the prompt is "
		    "to say, and name files instead of sending them",
		    n);
	else
		c->agent = agent_new(c->mcp->d, &want, &err);
	if (c->agent == NULL) {
		mcp_call_failed(c, &err, NULL);
		return;
	}
	if (agent_diff(c->agent, finish, c))
		mcp_call_progress(c, "making the git diff");
	else
		finish(c);
}

const struct mcp_tool mcp_tools_agent[] = {
    {.name = "get_agent",
	.title = "Get an expert's prompt",
	.description =
	    "Get the prompt of an expert agent (code reviewer, unit tester, tech writer, debugger ...) for "
	    "this project, for when the person says \"act as a code reviewer\", \"use the unit-tester "
	    "agent\" or wants a sub-agent with a role. The prompt knows the project's language, framework, "
	    "tests and CLAUDE.md. Follow it yourself, or give it to a sub-agent.",
	.params = {{.name = "agentType",
		       .type = MCP_STRING,
		       .required = true,
		       .description = "which expert",
		       .choices =
			   "tech-writer unit-tester integration-tester code-reviewer debugger "
			   "refactorer changeloger error-handler example-writer logger"},
	    {.name = "context",
		.type = MCP_OBJECT,
		.description =
		    "what you know better than the files say, or want the prompt to name: projectName, "
		    "framework, testingFramework, target, reviewFocus, writePatterns, customVars ..."},
	    {.name = "projectPath",
		.type = MCP_STRING,
		.min = 1,
		.max = 4096,
		.description = "this team's own directory (the default), or one below it"},
	    {.name = "includeGitDiff",
		.type = MCP_BOOL,
		.description = "put git diff HEAD into the prompt (default false)"}},
	.output =
	    "{\"type\":\"object\",\"properties\":{\"agentType\":{\"type\":\"string\"},"
	    "\"prompt\":{\"type\":\"string\"},\"valid\":{\"type\":\"boolean\"},"
	    "\"availableAgents\":{\"type\":\"array\",\"items\":{\"type\":\"string\"}},"
	    "\"template\":{\"type\":\"string\",\"description\":\"the file it was made from\"},"
	    "\"problems\":{\"type\":\"array\",\"items\":{\"type\":\"string\"},"
	    "\"description\":\"what could not be used\"},"
	    "\"timestamp\":{\"type\":\"integer\",\"description\":\"ms since 1970\"}},"
	    "\"required\":[\"agentType\",\"prompt\",\"valid\",\"availableAgents\",\"timestamp\"]}",
	.read_only = true,
	.idempotent = true,
	.large = true,
	.fn = fn_agent},
    {0},
};
