/* SPDX-License-Identifier: MIT
 *
 * The order of what decides, see judge.h.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/compat.h"
#include "common/json.h"
#include "common/xmalloc.h"
#include "irisd/core/judge.h"
#include "irisd/core/rule.h"
#include "irisd/core/team.h"
#include "irisd/mcp/mcp.h"

#define IRIS_TOOL "mcp__" MCP_SERVER_NAME "__" /* before the names of our tools, for Claude */

static void
set(struct verdict *v, enum judge_how how, const char *via, const char *list, const char *rule)
{
	v->how = how;
	v->via = via;
	snprintf(v->rule, sizeof v->rule, "%s: %s", list, rule);
	json_utf8_mend(v->rule);
}

static bool
list_decides(const struct config_list *rules, const struct rule_use *use, bool strict,
    const char *name, enum judge_how how, struct verdict *v)
{
	size_t i;

	for (i = 0; i < rules->n; i++) {
		if (!rule_matches(rules->v[i], use, strict))
			continue;
		set(v, how, "rule", name, rules->v[i]);
		return true;
	}
	return false;
}

struct remembered {
	const struct rule_use *use;
	const char *team;
	int64_t now;
	struct verdict *v;
	struct config_list *others; /* those that do not mean the use by themselves */
	bool found;
};

/* The texts are whose they were. */
static void
add_rule(struct config_list *list, char *rule)
{
	list->v = xreallocarray(list->v, list->n + 1, sizeof *list->v);
	list->v[list->n++] = rule;
}

/* Commands can be joined: each part of the use by one of all the rules. */
static bool
all_allow(const struct config_list *lists[3], const struct rule_use *use, struct verdict *v)
{
	struct config_list all = {0};
	bool found;
	size_t i, j;

	for (i = 0; i < 3; i++)
		for (j = 0; lists[i] != NULL && j < lists[i]->n; j++)
			add_rule(&all, lists[i]->v[j]);
	found = rule_all_match((const char *const *)all.v, all.n, use);
	if (found)
		set(v, JUDGE_ALLOW, "rule", "several rules that allow", use->tool);
	free(all.v);
	return found;
}

static void
remembered_cb(const struct store_rule *row, void *arg)
{
	struct remembered *r = arg;
	char list[64];

	if (r->found || row->revoked_at != 0 ||
	    (row->expires_at != 0 && row->expires_at <= r->now) ||
	    (row->team != NULL && (r->team == NULL || strcmp(row->team, r->team) != 0)))
		return;
	if (!rule_matches(row->rule, r->use, true)) {
		add_rule(r->others, xstrdup(row->rule));
		return;
	}
	snprintf(list, sizeof list, "remembered rule %lld", (long long)row->id);
	set(r->v, JUDGE_ALLOW, "rule", list, row->rule);
	r->found = true;
}

static bool
is_allowed(struct irisd *d, const struct team *t, const struct rule_use *use, struct verdict *v)
{
	const struct config_list *all = &d->conf->config->permissions.rules.allow;
	const struct config_list *own = t != NULL ? &t->cfg->rules.allow : NULL;
	struct config_list others = {0};
	struct remembered r = {use, t != NULL ? t->name : NULL, compat_now_ms(), v, &others, false};
	bool found;
	size_t i;

	if (list_decides(all, use, true, "permissions.allow", JUDGE_ALLOW, v) ||
	    (own != NULL && list_decides(own, use, true, "the team's allow", JUDGE_ALLOW, v)))
		return true;
	store_rule_each(d->store, remembered_cb, &r);
	found = r.found || all_allow((const struct config_list *[]){all, own, &others}, use, v);
	for (i = 0; i < others.n; i++)
		free(others.v[i]);
	free(others.v);
	return found;
}

static bool
is_ours(const char *tool)
{
	/* By their names: another server's could begin alike ("iris__x"). */
	return strncmp(tool, IRIS_TOOL, strlen(IRIS_TOOL)) == 0 &&
	    mcp_tool_find(tool + strlen(IRIS_TOOL)) != NULL;
}

/*
 * What Claude asks of the person itself: nobody has said anything when it is simply allowed. The
 * plan of a team that is to plan only is one; what Claude has planned of its own accord is none.
 */
static bool
is_question(const struct team *t, const char *tool)
{
	if (strcmp(tool, "AskUserQuestion") == 0)
		return true;
	return strcmp(tool, "ExitPlanMode") == 0 && t->cfg->permission_mode == CONFIG_MODE_PLAN;
}

static void
by_mode(const struct team *t, const char *tool, struct verdict *v)
{
	static const enum judge_how hows[] = {[CONFIG_GRANT_YES] = JUDGE_ALLOW,
	    [CONFIG_GRANT_NO] = JUDGE_DENY,
	    [CONFIG_GRANT_ASK] = JUDGE_ASK,
	    [CONFIG_GRANT_FORWARD] = JUDGE_FORWARD};
	int mode = t != NULL ? t->cfg->grant_permission : CONFIG_GRANT_ASK;

	set(v, hows[mode], "mode", "grantPermission", config_grant_names[mode]);
	if (v->how == JUDGE_ALLOW && is_question(t, tool))
		v->how = JUDGE_DENY;
}

/* What must be asked about is still for the team's mode to say of whom, and whether at all. */
static void
ask_of_whom(const struct team *t, struct verdict *v)
{
	int mode = t != NULL ? t->cfg->grant_permission : CONFIG_GRANT_ASK;

	if (v->how != JUDGE_ASK)
		return;
	if (mode == CONFIG_GRANT_NO)
		v->how = JUDGE_DENY;
	else if (mode == CONFIG_GRANT_FORWARD)
		v->how = JUDGE_FORWARD;
}

static bool
guard_decides(struct irisd *d, const struct rule_use *use, const struct team *t, struct verdict *v)
{
	bool remote = t != NULL && t->cfg->remote != NULL;
	struct guard_place place = {use->dir, use->cwd, use->home, remote ? NULL : d->paths.home};

	v->hit = guard_check(
	    &d->conf->config->permissions.guard, &place, use->tool, use->input, &v->guard);
	if (!v->hit || v->guard.action == CONFIG_ACTION_LOG)
		return false;
	set(v, v->guard.action == CONFIG_ACTION_DENY ? JUDGE_DENY : JUDGE_ASK, "guard",
	    v->guard.kind, v->guard.what);
	return true;
}

void
judge(struct irisd *d, const struct team *t, const char *cwd, const char *tool, const cJSON *input,
    bool before, struct verdict *v)
{
	const struct config_rules *all = &d->conf->config->permissions.rules;
	const struct config_rules *own = t != NULL ? &t->cfg->rules : NULL;
	bool remote = t != NULL && t->cfg->remote != NULL;
	struct rule_use use = {
	    tool, input, t != NULL ? t->cfg->path : "/", remote ? NULL : getenv("HOME"), cwd};

	memset(v, 0, sizeof *v);
	v->how = JUDGE_NOTHING;
	if (list_decides(&all->deny, &use, false, "permissions.deny", JUDGE_DENY, v) ||
	    (own != NULL &&
		list_decides(&own->deny, &use, false, "the team's deny", JUDGE_DENY, v)) ||
	    guard_decides(d, &use, t, v) ||
	    list_decides(&all->ask, &use, false, "permissions.ask", JUDGE_ASK, v) ||
	    (own != NULL && list_decides(&own->ask, &use, false, "the team's ask", JUDGE_ASK, v))) {
		ask_of_whom(t, v);
		return;
	}
	if (before || is_allowed(d, t, &use, v))
		return;
	if (is_ours(tool))
		set(v, JUDGE_ALLOW, "rule", "Iris's own tool", tool);
	else
		by_mode(t, tool, v);
}
