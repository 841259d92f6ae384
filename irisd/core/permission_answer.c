/* SPDX-License-Identifier: MIT
 *
 * A person's answers to requests, and how a request is shown to one: found by its id, bound to the
 * input that was shown, first come first served. See permission.h.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/compat.h"
#include "common/json.h"
#include "common/xmalloc.h"
#include "irisd/core/audit.h"
#include "irisd/core/judge.h"
#include "irisd/core/permission_private.h"
#include "irisd/core/rule.h"
#include "irisd/core/team.h"

#define PART_MIN 6 /* characters of an id that may stand for it */

struct search {
	const char *part;
	char id[UUID_LEN + 1];
	int found;
};

static void
search_cb(const struct store_permission *row, void *arg)
{
	struct search *f = arg;
	size_t n = strlen(f->part), len = strlen(row->id);

	if (n > len ||
	    (strncmp(row->id, f->part, n) != 0 && strcmp(row->id + len - n, f->part) != 0))
		return;
	f->found++;
	compat_strlcpy(f->id, row->id, sizeof f->id);
}

int
permission_find(struct irisd *d, const char *id, struct store_permission *row, struct err *err)
{
	struct search f = {.part = id};

	if (store_permission_load(d->store, id, row))
		return 0;
	if (strlen(id) >= PART_MIN)
		store_permission_each(d->store, false, NULL, 0, search_cb, &f);
	if (f.found > 1)
		return err_set(err, ERR_INVALID,
		    "\"%.40s\" is a part of %d permission requests' ids: give more of it", id,
		    f.found);
	if (f.found == 1 && store_permission_load(d->store, f.id, row))
		return 0;
	return err_set(err, ERR_NOT_FOUND,
	    "there is no permission request \"%.40s\"; \"iris approvals list --all\" shows those "
	    "that there were",
	    id);
}

static cJSON *
parsed(const char *text)
{
	struct err err;
	cJSON *o = json_parse(text, strlen(text), &err);

	return o != NULL ? o : cJSON_CreateString(text);
}

/* The rule that would be remembered, malloc'ed; NULL where there is none. */
static char *
rule_for(struct irisd *d, const struct store_permission *row)
{
	const struct team *t = team_find(d, row->to);
	bool remote = t != NULL && t->cfg->remote != NULL;
	cJSON *input = parsed(row->input);
	struct rule_use use = {
	    row->tool, input, t != NULL ? t->cfg->path : "/", remote ? NULL : getenv("HOME"), NULL};
	struct verdict v;
	char *rule = NULL;

	/* What is to be asked about each time would be asked about all the same. */
	judge(d, t, NULL, row->tool, input, true, &v);
	if (v.how == JUDGE_NOTHING)
		rule = rule_of_use(&use);
	cJSON_Delete(input);
	return rule;
}

cJSON *
permission_json(struct irisd *d, const struct store_permission *row)
{
	cJSON *o = json_new();
	char *rule;

	json_put_str(o, "id", row->id);
	json_put_str(o, "state", permission_state_name(row->state));
	json_put_str(o, "team", row->to);
	if (row->from[0] != '\0')
		json_put_str(o, "from", row->from);
	if (row->message[0] != '\0')
		json_put_str(o, "message", row->message);
	json_put_str(o, "tool", row->tool);
	json_put(o, "input", parsed(row->input));
	json_put_str(o, "inputHash", row->hash);
	json_put_str_opt(o, "description", row->description);
	json_put_str_opt(o, "blockedPath", row->blocked_path);
	json_put_str_opt(o, "asked", row->asked);
	json_put_str(o, "why", row->why);
	json_put_int(o, "createdAt", row->created_at);
	json_put_int(o, "deadline", row->deadline);
	if (row->state == STORE_PERMISSION_PENDING && (rule = rule_for(d, row)) != NULL) {
		json_put_str(o, "rule", rule);
		free(rule);
	}
	if (row->decided_at != 0)
		json_put_int(o, "decidedAt", row->decided_at);
	json_put_str_opt(o, "by", row->by);
	json_put_str_opt(o, "via", row->via);
	json_put_str_opt(o, "reason", row->reason);
	if (row->updated != NULL)
		json_put(o, "updatedInput", parsed(row->updated));
	return o;
}

static int
check_pending(const struct store_permission *row, struct err *err)
{
	char at[64];

	if (row->state == STORE_PERMISSION_PENDING)
		return 0;
	return err_set(err, ERR_REFUSED, "this request was already %s%s%s, %s",
	    permission_state_name(row->state), row->by != NULL ? " by " : "",
	    row->by != NULL ? row->by : "", json_time(row->decided_at, at, sizeof at));
}

bool
permission_is_for(const struct store_permission *row, const char *team)
{
	if (team == NULL)
		return true;
	if (row->asked != NULL)
		return strcmp(row->asked, team) == 0;
	return strcmp(row->to, team) == 0 || strcmp(row->from, team) == 0;
}

static int
check_owner(
    const struct permission_decision *p, const struct store_permission *row, struct err *err)
{
	if (permission_is_for(row, p->speaks_for))
		return 0;
	return err_set(err, ERR_REFUSED, "this request is not for %.80s to answer", p->speaks_for);
}

static int
check_answer(
    const struct permission_decision *p, const struct store_permission *row, struct err *err)
{
	if (p->hash == NULL)
		return err_set(err, ERR_INVALID,
		    "an answer needs inputHash, that of the input which the person was shown");
	if (strcmp(p->hash, row->hash) != 0)
		return err_set(err, ERR_INVALID,
		    "inputHash is of another input than this request's: look at it again before "
		    "it is answered");
	if (!p->allow && (p->updated != NULL || p->remember))
		return err_set(
		    err, ERR_INVALID, "only what is allowed can be changed or remembered");
	if (p->updated != NULL && !cJSON_IsObject(p->updated))
		return err_set(err, ERR_INVALID, "updatedInput must be an object");
	if (p->updated != NULL && p->remember)
		return err_set(err, ERR_INVALID,
		    "what was changed can not be remembered: no rule would mean it");
	return 0;
}

static void
remember(struct irisd *d, const struct permission_decision *p, const struct store_permission *row,
    const char *rule)
{
	struct store_rule r = {.team = xstrdup(row->to),
	    .rule = xstrdup(rule),
	    .permission = xstrdup(row->id),
	    .by = xstrdup(p->by),
	    .created_at = compat_now_ms()};
	struct store_audit a = {.kind = "rule",
	    .decision = "remembered",
	    .to = row->to,
	    .permission = row->id,
	    .tool = row->tool,
	    .by = p->by,
	    .via = p->via,
	    .rule = rule,
	    .took = -1};

	if (p->remember_ms > 0)
		r.expires_at = r.created_at + p->remember_ms;
	store_rule_insert(d->store, &r);
	audit_append(d, &a);
	store_rule_release(&r);
}

int
permission_decide(struct irisd *d, const struct permission_decision *p,
    struct store_permission *row, char **rule, struct err *err)
{
	struct permission *waiting;

	*rule = NULL;
	permission_expire_due(d);
	if (permission_find(d, p->id, row, err) == -1)
		return -1;
	if (check_owner(p, row, err) == -1 || check_answer(p, row, err) == -1 ||
	    check_pending(row, err) == -1 || store_room(d->store, err) == -1)
		goto fail;
	if (p->remember && (*rule = rule_for(d, row)) == NULL) {
		err_set(err, ERR_INVALID,
		    "no rule can be remembered for this: it must be asked about each time (%.200s)",
		    row->why);
		goto fail;
	}
	if ((waiting = permission_by_id(d, row->id)) == NULL) {
		err_set(
		    err, ERR_INTERNAL, "request %s is pending and nothing waits for it", row->id);
		goto fail;
	}
	if (*rule != NULL)
		remember(d, p, row, *rule);
	row->state = p->allow ? STORE_PERMISSION_ALLOWED : STORE_PERMISSION_DENIED;
	row->by = xstrdup(p->by);
	row->via = xstrdup(p->via);
	row->reason = xstrdup_null(p->reason);
	row->updated = p->updated != NULL ? json_print(p->updated) : NULL;
	permission_end(waiting, row);
	return 0;
fail:
	free(*rule);
	*rule = NULL;
	store_permission_release(row);
	return -1;
}
