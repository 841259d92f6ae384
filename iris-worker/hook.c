/* SPDX-License-Identifier: MIT
 *
 * The PreToolUse hook, see hook.h. Called by control.c for Claude's lines and by worker.c for
 * irisd's; never looks into the input of a tool. What Claude Code does with it, measured on 2.1.330
 * (tests/e2e/hook-facts.test.mjs asserts it):
 *
 * - An entry without a matcher is called for every tool whose input is valid: built-in ones, those
 *   of MCP servers, ours in the same pipe among them, and those that subagents use. A project's
 *   disableAllHooks and its own hooks that allow do not take it away.
 * - "deny" refuses in every permission mode. "ask" leads to can_use_tool in every one, dontAsk,
 *   bypassPermissions and auto included, and for tools that settings or --allowedTools allow.
 * - But of that, whoever answers first decides: a PermissionRequest hook of the project's own is
 *   asked beside us, and is faster than any person. And "allow" is overruled in plan mode. So the
 *   hook is held until a person has decided, and "ask" comes after that: the can_use_tool to which
 *   it leads has the same tool_use_id and, to the letter, the same input, updatedInput's where that
 *   was given with "ask", and is answered here. Anything else is asked about anew.
 * - A PreToolUse hook of the project's own may change the input. can_use_tool has it as it would
 *   run, in whichever order the two answer: changed, except that a change that comes with "allow"
 *   after our "ask" is dropped. After an empty answer of ours, nobody shows us the change.
 * - An empty answer leaves it to Claude Code. So does an error in place of an answer, or one of
 *   another form: what can not be decided must be refused in so many words.
 * - Without an answer within timeout (seconds, of any length; 600 where none is given) the tool is
 *   not used. One that is interrupted is withdrawn by control_cancel_request.
 */
#include <stdlib.h>
#include <string.h>

#include "common/compat.h"
#include "common/json.h"
#include "common/log.h"
#include "common/rpc.h"
#include "common/xmalloc.h"
#include "iris-worker/claude.h"
#include "iris-worker/hook.h"
#include "iris-worker/report.h"

#define CALLBACK   "iris-guard"
#define HOOKS_MAX  64 /* open at once */
#define GRANTS_MAX 64
#define TIMEOUT_S  2592000 /* a month: longer than permissionTimeout can be */
#define NOBODY                                                                                     \
	"Nobody can say whether this is permitted: irisd is not running. Use no more tools; say "  \
	"in your answer what could not be done."
#define REFUSED  "Not permitted by Iris."
#define TOO_MUCH "Iris can not handle this use of a tool: too many at once, or too large."

static const char *const input_path[] = {"request", "input", "tool_input", NULL};

void
hook_init(struct claude *c)
{
	TAILQ_INIT(&c->hooks.list);
	TAILQ_INIT(&c->hooks.grants);
}

static void
free_hook(struct claude *c, struct hook *h)
{
	TAILQ_REMOVE(&c->hooks.list, h, entry);
	c->hooks.n--;
	free(h->id);
	free(h->use);
	cJSON_Delete(h->params);
	free(h);
}

static void
free_grant(struct claude *c, struct grant *g)
{
	TAILQ_REMOVE(&c->hooks.grants, g, entry);
	c->hooks.ngrants--;
	free(g->use);
	free(g->body);
	free(g);
}

void
hook_release(struct claude *c)
{
	while (!TAILQ_EMPTY(&c->hooks.list))
		free_hook(c, TAILQ_FIRST(&c->hooks.list));
	while (!TAILQ_EMPTY(&c->hooks.grants))
		free_grant(c, TAILQ_FIRST(&c->hooks.grants));
}

cJSON *
hook_registration(void)
{
	cJSON *hooks = json_new(), *list = cJSON_CreateArray(), *entry = json_new();
	cJSON *ids = cJSON_CreateArray();

	cJSON_AddItemToArray(ids, cJSON_CreateString(CALLBACK));
	json_put(entry, "hookCallbackIds", ids);
	json_put_int(entry, "timeout", TIMEOUT_S);
	cJSON_AddItemToArray(list, entry);
	json_put(hooks, "PreToolUse", list);
	return hooks;
}

/* decision NULL: Claude Code's own rules go on. input: raw JSON in place of the tool's; or NULL. */
static void
decide(
    struct claude *c, const char *id, const char *decision, const char *reason, const char *input)
{
	cJSON *body = json_new(), *o;
	char *raw;

	if (decision != NULL) {
		o = json_new();
		json_put_str(o, "hookEventName", "PreToolUse");
		json_put_str(o, "permissionDecision", decision);
		json_put_str(o, "permissionDecisionReason", reason);
		if (input != NULL)
			json_put_raw(o, "updatedInput", input, strlen(input));
		json_put(body, "hookSpecificOutput", o);
	}
	raw = json_print(body);
	control_send_answer(c, id, raw);
	free(raw);
	cJSON_Delete(body);
}

void
hook_refuse(struct claude *c, const char *id)
{
	decide(c, id, "deny", NOBODY, NULL);
}

void
hook_line(struct claude *c, const struct stream_event *ev, const cJSON *request)
{
	const cJSON *input = json_obj(request, "input");
	const char *callback = json_str(request, "callback_id"), *tool, *use, *raw;
	struct hook *h;
	size_t rawlen;
	cJSON *p;

	if (callback == NULL || strcmp(callback, CALLBACK) != 0) {
		control_send_refusal(c, ev->id, "no such hook");
		return;
	}
	if (c->worker->orphaned) {
		hook_refuse(c, ev->id);
		return;
	}
	if (c->hooks.n >= HOOKS_MAX || (tool = json_str(input, "tool_name")) == NULL ||
	    json_obj(input, "tool_input") == NULL ||
	    !stream_raw(ev->line, ev->len, input_path, &raw, &rawlen) ||
	    rawlen > RPC_LINE_MAX / 2) {
		decide(c, ev->id, "deny", TOO_MUCH, NULL);
		return;
	}
	p = json_new();
	json_put_str(p, "session", c->session);
	if (c->turn != NULL)
		json_put_str(p, "message", c->turn->message);
	json_put_str(p, "request", ev->id);
	json_put_str(p, "tool", tool);
	json_put_raw(p, "input", raw, rawlen);
	json_put_str_opt(p, "cwd", json_str(input, "cwd"));
	h = xcalloc(1, sizeof *h);
	h->id = xstrdup(ev->id);
	h->params = p;
	use = json_str(request, "tool_use_id");
	h->use = xstrdup(use != NULL ? use : "");
	TAILQ_INSERT_TAIL(&c->hooks.list, h, entry);
	c->hooks.n++;
	log_debug("a tool waits for irisd session=%s tool=%.100s", c->session, tool);
	report_event(c->worker, "event/hook", cJSON_Duplicate(p, true));
}

static struct hook *
find_hook(struct claude *c, const char *id)
{
	struct hook *h;

	TAILQ_FOREACH (h, &c->hooks.list, entry) {
		if (id != NULL && strcmp(h->id, id) == 0)
			return h;
	}
	return NULL;
}

bool
hook_is_open(struct claude *c, const char *id)
{
	return find_hook(c, id) != NULL;
}

void
hook_cancel(struct claude *c, const char *id)
{
	struct hook *h = find_hook(c, id);

	if (h != NULL)
		free_hook(c, h);
}

/* Silence counts from here: the tool runs now, or Claude goes on. */
static void
answered(struct claude *c, struct hook *h)
{
	free_hook(c, h);
	if (c->turn != NULL)
		c->turn->heard = compat_mono_ms();
}

/* What irisd is to be asked is what it was told; the hook stays open. */
static void
ask(struct claude *c, struct hook *h)
{
	if (control_ask(c, h->id, h->use, h->params)) {
		h->use = NULL;
		h->params = NULL;
	} else {
		decide(c, h->id, "deny", TOO_MUCH, NULL);
	}
}

int
hook_answer(struct claude *c, const cJSON *params, struct err *err)
{
	const char *decision = json_str(params, "decision"), *reason = json_str(params, "reason");
	struct hook *h = find_hook(c, json_str(params, "request"));

	if (h == NULL)
		return err_set(err, ERR_NOT_FOUND, "no hook with this id is open");
	if (decision == NULL ||
	    (strcmp(decision, "none") != 0 && strcmp(decision, "ask") != 0 &&
		strcmp(decision, "deny") != 0))
		return err_set(err, ERR_INVALID, "decision must be \"none\", \"ask\" or \"deny\"");
	if (strcmp(decision, "ask") == 0)
		ask(c, h);
	else
		decide(c, h->id, strcmp(decision, "none") == 0 ? NULL : decision,
		    reason != NULL && reason[0] != '\0' ? reason : REFUSED, NULL);
	answered(c, h);
	return 0;
}

void
hook_decided(struct claude *c, const struct ask *a, const cJSON *body)
{
	const cJSON *input = json_get(body, "updatedInput"); /* raw */
	const char *old, *why = json_str(body, "message");
	struct grant *g;
	size_t len;

	if (input == NULL) {
		decide(c, a->id, "deny", why != NULL ? why : REFUSED, NULL);
		return;
	}
	if (c->hooks.ngrants >= GRANTS_MAX)
		free_grant(c, TAILQ_FIRST(&c->hooks.grants));
	g = xcalloc(1, sizeof *g);
	g->use = xstrdup(a->use);
	g->body = json_print(body);
	TAILQ_INSERT_TAIL(&c->hooks.grants, g, entry);
	c->hooks.ngrants++;
	if (json_raw_member(a->params, strlen(a->params), "input", &old, &len) &&
	    len == strlen(input->valuestring) && memcmp(old, input->valuestring, len) == 0)
		decide(c, a->id, "ask", "It was permitted.", NULL);
	else
		decide(c, a->id, "ask", "It was permitted, changed.", input->valuestring);
}

bool
hook_granted(struct claude *c, const struct stream_event *ev, const cJSON *request)
{
	static const char *const path[] = {"request", "input", NULL};
	const char *use = json_str(request, "tool_use_id"), *raw, *allowed;
	size_t rawlen, len;
	struct grant *g;
	bool same;

	TAILQ_FOREACH (g, &c->hooks.grants, entry) {
		if (use != NULL && use[0] != '\0' && strcmp(g->use, use) == 0)
			break;
	}
	if (g == NULL)
		return false;
	same = stream_raw(ev->line, ev->len, path, &raw, &rawlen) &&
	    json_raw_member(g->body, strlen(g->body), "updatedInput", &allowed, &len) &&
	    len == rawlen && memcmp(raw, allowed, len) == 0;
	if (same)
		control_send_answer(c, ev->id, g->body);
	free_grant(c, g);
	return same;
}

void
hook_replay(struct claude *c)
{
	const struct hook *h;

	TAILQ_FOREACH (h, &c->hooks.list, entry)
		report_event(c->worker, "event/hook", cJSON_Duplicate(h->params, true));
}

void
hook_orphan(struct claude *c)
{
	struct hook *h;

	while ((h = TAILQ_FIRST(&c->hooks.list)) != NULL) {
		hook_refuse(c, h->id);
		answered(c, h);
	}
}
