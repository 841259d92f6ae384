/* SPDX-License-Identifier: MIT
 *
 * The prompts, see prompts.h: what the protocol wants around them. A bad name and bad arguments are
 * -32602 in both eras.
 */
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "common/nearest.h"
#include "common/xmalloc.h"
#include "irisd/mcp/mcp_private.h"
#include "irisd/mcp/prompts.h"

#define ARG_BYTES ((size_t)64 * 1024)
#define GETS_MAX  100 /* that are not answered yet, of one client */

static const struct prompt *const families[] = {
    prompts_agent,
#ifdef IRIS_MCP_FIXTURES
    prompts_fixtures,
#endif
};

#define NFAMILIES (sizeof families / sizeof families[0])

/* NULL with err when there is none of that name, which may be NULL. */
static const struct prompt *
find_prompt(const char *name, struct err *err)
{
	const char *names[NEAREST_MAX], *near;
	const struct prompt *p;
	size_t n = 0, i;

	for (i = 0; i < NFAMILIES; i++) {
		for (p = families[i]; p->name != NULL; p++) {
			if (name != NULL && strcmp(p->name, name) == 0)
				return p;
			if (n < NEAREST_MAX)
				names[n++] = p->name;
		}
	}
	if (name != NULL && nearest_names(name, names, n, &near, 1) == 1)
		err_set(err, ERR_INVALID, "unknown prompt \"%.100s\"; did you mean \"%s\"?", name,
		    near);
	else
		err_set(err, ERR_INVALID, "unknown prompt \"%.100s\"; prompts/list names them",
		    name != NULL ? name : "");
	return NULL;
}

static const struct prompt_arg *
find_arg(const struct prompt *p, const char *name)
{
	const struct prompt_arg *a;

	for (a = p->args; a->name != NULL; a++)
		if (strcmp(a->name, name) == 0)
			return a;
	return NULL;
}

int
prompt_completes(
    const char *prompt, const char *arg, void (**fn)(struct completion *), struct err *err)
{
	const struct prompt *p = find_prompt(prompt, err);
	const struct prompt_arg *a;

	if (p == NULL)
		return -1;
	if ((a = find_arg(p, arg)) == NULL)
		return err_set(err, ERR_INVALID, "this prompt has no such argument");
	*fn = a->complete;
	return 0;
}

/* --- prompts/list ----------------------------------------------------------------------------- */

static cJSON *
prompt_json(const struct prompt *p)
{
	cJSON *o = json_new(), *list = cJSON_CreateArray(), *one;
	const struct prompt_arg *a;

	json_put_str(o, "name", p->name);
	json_put_str(o, "title", p->title);
	json_put_str(o, "description", p->description);
	for (a = p->args; a->name != NULL; a++) {
		one = json_new();
		json_put_str(one, "name", a->name);
		json_put_str(one, "description", a->description);
		json_put_bool(one, "required", a->required);
		cJSON_AddItemToArray(list, one);
	}
	json_put(o, "arguments", list);
	return o;
}

void
prompts_list(struct mcp *m, const struct rpc_msg *msg, bool modern)
{
	const struct prompt *p;
	cJSON *r, *list;
	size_t i;

	if (json_get(msg->params, "cursor") != NULL) {
		m->carrier->send(m,
		    rpc_error_code(msg->id, RPC_INVALID_PARAMS,
			"no such cursor: all prompts are on the first page", NULL));
		return;
	}
	r = mcp_result(modern, true);
	list = cJSON_CreateArray();
	for (i = 0; i < NFAMILIES; i++)
		for (p = families[i]; p->name != NULL; p++)
			cJSON_AddItemToArray(list, prompt_json(p));
	json_put(r, "prompts", list);
	m->carrier->send(m, rpc_result(msg->id, r));
}

/* --- prompts/get ------------------------------------------------------------------------------ */

static void
prompt_free(struct mcp_prompt *p)
{
	TAILQ_REMOVE(&p->mcp->prompts, p, entry);
	if (p->undo != NULL)
		p->undo(p->arg);
	free(p->id);
	free(p);
}

void
prompt_failed(struct mcp_prompt *p, const struct err *why)
{
	p->mcp->carrier->send(p->mcp, rpc_error(p->id, why, NULL));
	prompt_free(p);
}

void
prompt_done(struct mcp_prompt *p, cJSON *messages)
{
	cJSON *r = mcp_result(p->modern, false);

	json_put_str(r, "description", p->prompt->description);
	json_put(r, "messages", messages);
	p->mcp->carrier->send(p->mcp, rpc_result(p->id, r));
	prompt_free(p);
}

void
prompt_says(cJSON *messages, cJSON *content)
{
	cJSON *message = json_new();

	json_put_str(message, "role", "user");
	json_put(message, "content", content);
	cJSON_AddItemToArray(messages, message);
}

void
prompt_says_text(cJSON *messages, const char *text)
{
	cJSON *content = json_new();

	json_put_str(content, "type", "text");
	json_put_str(content, "text", text);
	prompt_says(messages, content);
}

static int
unknown_arg(const struct prompt *p, const char *name, struct err *err)
{
	const struct prompt_arg *a = p->args;

	if (a[0].name == NULL)
		return err_set(err, ERR_INVALID,
		    "%s: unknown argument \"%.60s\"; this prompt takes none", p->name, name);
	if (a[1].name == NULL)
		return err_set(err, ERR_INVALID, "%s: unknown argument \"%.60s\"; there is %s",
		    p->name, name, a[0].name);
	return err_set(err, ERR_INVALID, "%s: unknown argument \"%.60s\"; there are %s and %s",
	    p->name, name, a[0].name, a[1].name);
}

static int
check_args(const struct prompt *p, const cJSON *args, struct err *err)
{
	const struct prompt_arg *a;
	const char *s;
	const cJSON *v;

	if (args != NULL && !cJSON_IsObject(args))
		return err_set(err, ERR_INVALID, "%s: arguments must be an object", p->name);
	cJSON_ArrayForEach (v, args) {
		if ((a = find_arg(p, v->string)) == NULL)
			return unknown_arg(p, v->string, err);
		if (!cJSON_IsString(v))
			return err_set(err, ERR_INVALID, "%s: \"%s\" must be a string (%s)",
			    p->name, a->name, a->description);
		if (strlen(v->valuestring) > ARG_BYTES)
			return err_set(err, ERR_INVALID, "%s: \"%s\" has more than %zu bytes",
			    p->name, a->name, ARG_BYTES);
	}
	for (a = p->args; a->name != NULL; a++)
		if (a->required && ((s = json_str(args, a->name)) == NULL || s[0] == '\0'))
			return err_set(err, ERR_INVALID, "%s: \"%s\" is missing: %s", p->name,
			    a->name, a->description);
	return 0;
}

void
prompts_get(struct mcp *m, const struct rpc_msg *msg, bool modern)
{
	const cJSON *args = json_get(msg->params, "arguments");
	const struct prompt *prompt;
	struct mcp_prompt *p;
	struct err err;
	int n = 0;

	if ((prompt = find_prompt(json_str(msg->params, "name"), &err)) == NULL) {
		m->carrier->send(m, rpc_error_code(msg->id, RPC_INVALID_PARAMS, err.msg, NULL));
		return;
	}
	TAILQ_FOREACH (p, &m->prompts, entry)
		n++;
	if (n >= GETS_MAX) {
		err_set(&err, ERR_LIMIT, "%d prompts of this client are being made already", n);
		m->carrier->send(m, rpc_error(msg->id, &err, NULL));
		return;
	}
	p = xcalloc(1, sizeof *p);
	p->mcp = m;
	p->id = xstrdup(msg->id);
	p->modern = modern;
	p->prompt = prompt;
	TAILQ_INSERT_TAIL(&m->prompts, p, entry);
	if (check_args(prompt, args, &err) == -1)
		prompt_failed(p, &err);
	else
		prompt->fn(p, args);
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
