/* SPDX-License-Identifier: MIT
 *
 * The prompts whose texts are templates (agent_table.h): one for each agent, and ask and handoff,
 * which are about a team. The texts are agent.c's.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/json.h"
#include "common/xmalloc.h"
#include "irisd/mcp/agent.h"
#include "irisd/mcp/prompts.h"

static void
finish(void *arg)
{
	struct mcp_prompt *p = arg;
	cJSON *messages;
	struct err err;
	char *text;

	if ((text = agent_render(p->arg, &err)) == NULL) {
		prompt_failed(p, &err);
		return;
	}
	messages = cJSON_CreateArray();
	prompt_says_text(messages, text);
	free(text);
	prompt_done(p, messages);
}

/* Answered now, or when its git diff is there. */
static void
make(struct mcp_prompt *p, struct agent_want *want)
{
	char who[TEAM_NAME_MAX];
	struct err err;

	p->mcp->carrier->who(p->mcp, who, sizeof who);
	want->who = who;
	want->type = agent_type_find(p->prompt->name);
	if ((p->arg = agent_new(p->mcp->d, want, &err)) == NULL) {
		prompt_failed(p, &err);
		return;
	}
	p->undo = agent_free;
	if (!agent_diff(p->arg, finish, p))
		finish(p);
}

/* An argument without what is around it; "" when there is none. */
static char *
trimmed(const cJSON *args, const char *name)
{
	const char *s = json_str(args, name);
	size_t n;

	if (s == NULL)
		return xstrdup("");
	s += strspn(s, " \t\r\n");
	for (n = strlen(s); n > 0 && strchr(" \t\r\n", s[n - 1]) != NULL; n--)
		;
	return xstrndup(s, n);
}

static bool
is_true(const char *s)
{
	return s != NULL && (strcasecmp(s, "true") == 0 || strcmp(s, "1") == 0);
}

static void
fn_agent(struct mcp_prompt *p, const cJSON *args)
{
	char *path = trimmed(args, "projectPath");
	struct agent_want want = {.project_path = path[0] != '\0' ? path : NULL,
	    .diff = is_true(json_str(args, "includeGitDiff"))};

	make(p, &want);
	free(path);
}

static void
fn_team(struct mcp_prompt *p, const cJSON *args)
{
	const char *what = p->prompt->args[1].name;
	char *name = trimmed(args, "team"), *text = trimmed(args, what);
	struct agent_want want = {0};
	struct team *team;
	struct err err;
	cJSON *o;

	if ((team = team_require(p->mcp->d, name, &err)) != NULL) {
		o = json_new();
		json_put_str(o, "team", team->name);
		json_put_str(o, "teamDescription", team->cfg->description);
		json_put_str(o, what, text);
		/* Claude Code and others give each argument one word, and drop the rest. */
		json_put_bool(o, "oneWord", strpbrk(text, " \t\n") == NULL);
		want.context = o;
		make(p, &want);
		cJSON_Delete(o);
	} else {
		err.code = ERR_INVALID;
		prompt_failed(p, &err);
	}
	free(text);
	free(name);
}

#define AGENT(n, t, d)                                                                             \
	{.name = (n),                                                                              \
	    .title = (t),                                                                          \
	    .description = (d),                                                                    \
	    .args = {{"projectPath", "this project's directory (the default), or one below it",    \
			 false, NULL},                                                             \
		{"includeGitDiff", "true: with the changes since the last commit", false,          \
		    complete_bool}},                                                               \
	    .fn = fn_agent},
#define ABOUT_TEAM(n, t, d, team, what, about)                                                     \
	{.name = (n),                                                                              \
	    .title = (t),                                                                          \
	    .description = (d),                                                                    \
	    .args = {{"team", (team), true, complete_other_team}, {(what), (about), false, NULL}}, \
	    .fn = fn_team},

const struct prompt prompts_agent[] = {
#include "irisd/mcp/agent_table.h"
    {0},
};
