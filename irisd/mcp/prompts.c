/* SPDX-License-Identifier: MIT
 *
 * The prompts, see prompts.h. Their texts are templates, agent.c's; here is what the protocol wants
 * around them. A bad name and bad arguments are -32602 in both eras.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/json.h"
#include "common/nearest.h"
#include "common/xmalloc.h"
#include "irisd/mcp/agent.h"
#include "irisd/mcp/mcp_private.h"
#include "irisd/mcp/prompts.h"
#include "irisd/mcp/resources.h"

#define ARGS_MAX   2
#define ARG_BYTES  ((size_t)64 * 1024)
#define GETS_MAX   100 /* that are not answered yet, of one client */
#define VALUES_MAX 100 /* MCP: of one completion */

struct prompt_arg {
	const char *name, *description;
	bool required;
};

/* A prompts/get whose diff is being made. */
struct mcp_prompt {
	TAILQ_ENTRY(mcp_prompt) entry;
	struct mcp *mcp;
	char *id; /* raw JSON, owned */
	bool modern;
	const struct agent_type *type;
	struct agent *agent;
};

static const struct prompt_arg agent_args[ARGS_MAX] = {
    {"projectPath", "this project's directory (the default), or one below it", false},
    {"includeGitDiff", "true: with the changes since the last commit", false}};
static const struct prompt_arg ask_args[ARGS_MAX] = {{"team", "the team to ask", true},
    {"question", "what you want to know; without it, what you were just talking about", false}};
static const struct prompt_arg handoff_args[ARGS_MAX] = {
    {"team", "the team that is to go on with it", true},
    {"task", "what it is to do; without it, what was last under way", false}};

static const struct prompt_arg *
args_of(const struct agent_type *t)
{
	if (!t->prompt_only)
		return agent_args;
	return strcmp(t->name, "ask") == 0 ? ask_args : handoff_args;
}

static void
refuse(struct mcp *m, const struct rpc_msg *msg, const char *text)
{
	m->carrier->send(m, rpc_error_code(msg->id, RPC_INVALID_PARAMS, text, NULL));
}

/* --- prompts/list ----------------------------------------------------------------------------- */

static cJSON *
prompt_json(const struct agent_type *t)
{
	cJSON *o = json_new(), *list = cJSON_CreateArray(), *a;
	const struct prompt_arg *arg = args_of(t);
	int i;

	json_put_str(o, "name", t->name);
	json_put_str(o, "title", t->title);
	json_put_str(o, "description", t->description);
	for (i = 0; i < ARGS_MAX; i++) {
		a = json_new();
		json_put_str(a, "name", arg[i].name);
		json_put_str(a, "description", arg[i].description);
		json_put_bool(a, "required", arg[i].required);
		cJSON_AddItemToArray(list, a);
	}
	json_put(o, "arguments", list);
	return o;
}

void
prompts_list(struct mcp *m, const struct rpc_msg *msg, bool modern)
{
	const struct agent_type *t;
	cJSON *r, *list;

	if (json_get(msg->params, "cursor") != NULL) {
		refuse(m, msg, "no such cursor: all prompts are on the first page");
		return;
	}
	r = mcp_result(modern, true);
	list = cJSON_CreateArray();
	for (t = agent_types; t->name != NULL; t++)
		cJSON_AddItemToArray(list, prompt_json(t));
	json_put(r, "prompts", list);
	m->carrier->send(m, rpc_result(msg->id, r));
}

/* --- prompts/get ------------------------------------------------------------------------------ */

static void
prompt_free(struct mcp_prompt *p)
{
	TAILQ_REMOVE(&p->mcp->prompts, p, entry);
	agent_free(p->agent);
	free(p->id);
	free(p);
}

static void
prompt_failed(struct mcp_prompt *p, const struct err *why)
{
	p->mcp->carrier->send(p->mcp, rpc_error(p->id, why, NULL));
	prompt_free(p);
}

static void
finish(void *arg)
{
	struct mcp_prompt *p = arg;
	cJSON *r, *list, *message, *content;
	struct err err;
	char *text;

	if ((text = agent_render(p->agent, &err)) == NULL) {
		prompt_failed(p, &err);
		return;
	}
	r = mcp_result(p->modern, false);
	list = cJSON_CreateArray();
	message = json_new();
	content = json_new();
	json_put_str(content, "type", "text");
	json_put_str(content, "text", text);
	json_put_str(message, "role", "user");
	json_put(message, "content", content);
	cJSON_AddItemToArray(list, message);
	json_put_str(r, "description", p->type->description);
	json_put(r, "messages", list);
	p->mcp->carrier->send(p->mcp, rpc_result(p->id, r));
	free(text);
	prompt_free(p);
}

/* Which prompt; NULL when the request was refused. */
static const struct agent_type *
find_prompt(struct mcp *m, const struct rpc_msg *msg, const char *name)
{
	const struct agent_type *t = name != NULL ? agent_type_find(name) : NULL;
	const char *names[NEAREST_MAX], *near;
	char text[256];
	size_t n = 0;

	if (t != NULL)
		return t;
	for (t = agent_types; t->name != NULL && n < NEAREST_MAX; t++)
		names[n++] = t->name;
	if (name != NULL && nearest_names(name, names, n, &near, 1) == 1)
		snprintf(text, sizeof text, "unknown prompt \"%.100s\"; did you mean \"%s\"?", name,
		    near);
	else
		snprintf(text, sizeof text, "unknown prompt \"%.100s\"; prompts/list names them",
		    name != NULL ? name : "");
	json_utf8_mend(text);
	refuse(m, msg, text);
	return NULL;
}

static int
check_args(const struct agent_type *t, const cJSON *args, struct err *err)
{
	const struct prompt_arg *known = args_of(t);
	const cJSON *v;
	int i;

	if (args != NULL && !cJSON_IsObject(args))
		return err_set(err, ERR_INVALID, "%s: arguments must be an object", t->name);
	cJSON_ArrayForEach (v, args) {
		for (i = 0; i < ARGS_MAX && strcmp(known[i].name, v->string) != 0; i++)
			;
		if (i == ARGS_MAX)
			return err_set(err, ERR_INVALID,
			    "%s: unknown argument \"%.60s\"; there are %s and %s", t->name,
			    v->string, known[0].name, known[1].name);
		if (!cJSON_IsString(v))
			return err_set(err, ERR_INVALID, "%s: \"%s\" must be a string (%s)",
			    t->name, v->string, known[i].description);
		if (strlen(v->valuestring) > ARG_BYTES)
			return err_set(err, ERR_INVALID, "%s: \"%s\" has more than %zu bytes",
			    t->name, v->string, ARG_BYTES);
	}
	for (i = 0; i < ARGS_MAX; i++)
		if (known[i].required &&
		    (json_str(args, known[i].name) == NULL ||
			json_str(args, known[i].name)[0] == '\0'))
			return err_set(err, ERR_INVALID, "%s: \"%s\" is missing: %s", t->name,
			    known[i].name, known[i].description);
	return 0;
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

/* The variables of ask and handoff. */
static cJSON *
team_context(struct mcp *m, const struct agent_type *t, const cJSON *args, struct err *err)
{
	const char *what = args_of(t)[1].name;
	char *name = trimmed(args, "team"), *text = trimmed(args, what);
	struct team *team = team_require(m->d, name, err);
	cJSON *o = NULL;

	if (team != NULL) {
		o = json_new();
		json_put_str(o, "team", team->name);
		json_put_str(o, "teamDescription", team->cfg->description);
		json_put_str(o, what, text);
		/* Claude Code and others give each argument one word, and drop the rest. */
		json_put_bool(o, "oneWord", strpbrk(text, " \t\n") == NULL);
	} else {
		err->code = ERR_INVALID;
	}
	free(text);
	free(name);
	return o;
}

static bool
is_true(const char *s)
{
	return s != NULL && (strcasecmp(s, "true") == 0 || strcmp(s, "1") == 0);
}

static struct agent *
make_agent(struct mcp *m, const struct agent_type *t, const cJSON *args, struct err *err)
{
	struct agent_want want = {.type = t};
	char who[TEAM_NAME_MAX], *path;
	cJSON *context = NULL;
	struct agent *a = NULL;

	if (check_args(t, args, err) == -1 ||
	    (t->prompt_only && (context = team_context(m, t, args, err)) == NULL))
		return NULL;
	m->carrier->who(m, who, sizeof who);
	path = trimmed(args, "projectPath");
	want.who = who;
	want.project_path = path[0] != '\0' ? path : NULL;
	want.diff = is_true(json_str(args, "includeGitDiff"));
	want.context = context;
	a = agent_new(m->d, &want, err);
	cJSON_Delete(context);
	free(path);
	return a;
}

void
prompts_get(struct mcp *m, const struct rpc_msg *msg, bool modern)
{
	const struct agent_type *t = find_prompt(m, msg, json_str(msg->params, "name"));
	struct mcp_prompt *p;
	struct agent *a;
	struct err err;
	int n = 0;

	if (t == NULL)
		return;
	TAILQ_FOREACH (p, &m->prompts, entry)
		n++;
	if (n >= GETS_MAX) {
		err_set(&err, ERR_LIMIT, "%d prompts of this client are being made already", n);
		m->carrier->send(m, rpc_error(msg->id, &err, NULL));
		return;
	}
	if ((a = make_agent(m, t, json_get(msg->params, "arguments"), &err)) == NULL) {
		m->carrier->send(m, rpc_error(msg->id, &err, NULL));
		return;
	}
	p = xcalloc(1, sizeof *p);
	p->mcp = m;
	p->id = xstrdup(msg->id);
	p->modern = modern;
	p->type = t;
	p->agent = a;
	TAILQ_INSERT_TAIL(&m->prompts, p, entry);
	if (!agent_diff(a, finish, p))
		finish(p);
}

void
prompts_cancel(struct mcp *m, const char *id)
{
	struct mcp_prompt *p;

	TAILQ_FOREACH (p, &m->prompts, entry) {
		if (strcmp(p->id, id) == 0) {
			prompt_free(p);
			return;
		}
	}
}

void
prompts_end(struct mcp *m, const struct err *why)
{
	struct mcp_prompt *p;

	while ((p = TAILQ_FIRST(&m->prompts)) != NULL) {
		if (why != NULL)
			prompt_failed(p, why);
		else
			prompt_free(p);
	}
}

/* --- completion/complete ---------------------------------------------------------------------- */

struct values {
	cJSON *list;
	int total;
	const char *prefix;
};

static void
offer(struct values *v, const char *value)
{
	if (strncasecmp(value, v->prefix, strlen(v->prefix)) != 0)
		return;
	if (v->total++ < VALUES_MAX)
		cJSON_AddItemToArray(v->list, cJSON_CreateString(value));
}

static void
offer_teams(struct values *v, struct mcp *m, bool own)
{
	char who[TEAM_NAME_MAX];
	struct team *t;

	m->carrier->who(m, who, sizeof who);
	TAILQ_FOREACH (t, &m->d->teams, entry)
		if (!t->removed && (own || strcmp(t->name, who) != 0))
			offer(v, t->name);
}

/* Takes the values. */
static void
answer_values(struct mcp *m, const struct rpc_msg *msg, bool modern, struct values *v)
{
	cJSON *r = mcp_result(modern, false), *o = json_new();

	json_put(o, "values", v->list);
	json_put_int(o, "total", v->total);
	json_put_bool(o, "hasMore", v->total > VALUES_MAX);
	json_put(r, "completion", o);
	m->carrier->send(m, rpc_result(msg->id, r));
}

/* A variable of a resource's URI. */
static void
complete_resource(struct mcp *m, const struct rpc_msg *msg, const char *uri, struct values *v,
    const char *name, bool modern)
{
	int what = uri != NULL ? resource_variable(uri, name) : -1;

	if (what == -1) {
		refuse(m, msg,
		    "no such template, or no such variable in it; resources/templates/list has them");
		return;
	}
	v->list = cJSON_CreateArray();
	if (what == 0)
		offer_teams(v, m, true);
	answer_values(m, msg, modern, v);
}

void
prompts_complete(struct mcp *m, const struct rpc_msg *msg, bool modern)
{
	const cJSON *ref = json_obj(msg->params, "ref"), *arg = json_obj(msg->params, "argument");
	const char *type = json_str(ref, "type"), *name = json_str(arg, "name");
	struct values v = {NULL, 0, json_str(arg, "value")};
	const struct prompt_arg *known;
	const struct agent_type *t;

	if (type == NULL || name == NULL || v.prefix == NULL) {
		refuse(
		    m, msg, "completion/complete needs ref.type, argument.name and argument.value");
		return;
	}
	if (strcmp(type, "ref/resource") == 0) {
		complete_resource(m, msg, json_str(ref, "uri"), &v, name, modern);
		return;
	}
	if (strcmp(type, "ref/prompt") != 0) {
		refuse(m, msg, "ref.type must be \"ref/prompt\" or \"ref/resource\"");
		return;
	}
	if ((t = find_prompt(m, msg, json_str(ref, "name"))) == NULL)
		return;
	known = args_of(t);
	if (strcmp(name, known[0].name) != 0 && strcmp(name, known[1].name) != 0) {
		refuse(m, msg, "this prompt has no such argument");
		return;
	}
	v.list = cJSON_CreateArray();
	if (strcmp(name, "team") == 0) {
		offer_teams(&v, m, false);
	} else if (strcmp(name, "includeGitDiff") == 0) {
		offer(&v, "true");
		offer(&v, "false");
	}
	answer_values(m, msg, modern, &v);
}
