/* SPDX-License-Identifier: MIT
 *
 * Control calls about permission requests, remembered rules and the audit. What changes what an
 * agent may do is refused to agents (origin.h).
 */
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/compat.h"
#include "common/json.h"
#include "common/xmalloc.h"
#include "irisd/core/audit.h"
#include "irisd/core/permission.h"
#include "irisd/core/rule.h"
#include "irisd/net/control.h"
#include "irisd/net/control_permission.h"
#include "irisd/net/control_scope.h"
#include "irisd/net/origin.h"
#include "irisd/net/web_client.h"

#define LIST_LIMIT   100
#define LIST_BYTES   ((size_t)8 * 1024 * 1024) /* of a list: half of what a line may have */
#define ROW_BYTES    1024                      /* of each request, beside its input */
#define VERIFY_LIMIT 2000                      /* rows in one call, so that irisd is not held up */

static bool
is_web(const struct control *c)
{
	const char *team;
	unsigned scopes;

	return web_client_scoped(c->client, &scopes, &team);
}

/* Who answers: by the CLI the user, and which process it was; over HTTP whose key it was. */
static char *
caller(const struct control *c)
{
	const struct passwd *pw = getpwuid(geteuid());
	char by[WEB_BY_MAX];

	if (is_web(c)) {
		web_client_by(c->client, by);
		return xstrdup(by);
	}
	return xasprintf(
	    "%s (pid %ld)", pw != NULL ? pw->pw_name : "the user", (long)c->client->pid);
}

/* What teams' Claudes want to do is for people to read, and not for the others' Claudes. */
static bool
is_person(struct control *c, const char *what)
{
	struct err err;

	if (origin_person(c->client, what, &err) == 0)
		return true;
	control_failed(c, &err);
	return false;
}

/* A request of whose existence this caller may know: between its teams, or asked of its person. */
static bool
may_see(const struct client *client, const struct store_permission *row)
{
	return control_sees(client, row->from, row->to) ||
	    (row->asked != NULL && strcmp(row->asked, control_team_only(client)) == 0);
}

/*
 * permission_find for this caller. A key of one team gives whole ids: what a part of one fits would
 * tell of others' requests.
 */
static int
find_seen(struct control *c, const char *id, struct store_permission *row, struct err *err)
{
	struct client *client = c->client;

	if (control_team_only(client) == NULL || uuid_valid(id)) {
		if (permission_find(client->d, id, row, err) == -1)
			return -1;
		if (may_see(client, row))
			return 0;
		store_permission_release(row);
	}
	return err_set(err, ERR_NOT_FOUND, "there is no permission request \"%.40s\" of team %s",
	    id, control_team_only(client));
}

struct list {
	struct irisd *d;
	cJSON *rows;
	size_t bytes;
	int64_t left;
};

/* At least one, and of the rest as much as fits into a line. */
static void
list_cb(const struct store_permission *row, void *arg)
{
	size_t bytes = ROW_BYTES + strlen(row->input) +
	    (row->updated != NULL ? strlen(row->updated) : 0) +
	    (row->description != NULL ? strlen(row->description) : 0);
	struct list *l = arg;

	if (l->left > 0 || (l->bytes > 0 && l->bytes + bytes > LIST_BYTES)) {
		l->left++;
		return;
	}
	l->bytes += bytes;
	cJSON_AddItemToArray(l->rows, permission_json(l->d, row));
}

void
control_permission_list(struct control *c, const cJSON *params)
{
	struct list l = {.d = c->client->d};
	bool all = json_bool(params, "all", false);
	int64_t limit = json_int_or(params, "limit", all ? LIST_LIMIT : 0);
	cJSON *o;

	if (!is_person(c, "the list of permission requests"))
		return;
	l.rows = cJSON_CreateArray();
	limit = limit > 0 && limit <= 10000 ? limit : 0;
	/* Those that may_see: others' rows count for nothing. */
	store_permission_each(
	    l.d->store, !all, control_team_only(c->client), (int)limit, list_cb, &l);
	o = json_new();
	json_put(o, "permissions", l.rows);
	if (l.left > 0)
		json_put_int(o, "left", l.left);
	control_done(c, o);
}

void
control_permission_show(struct control *c, const cJSON *params)
{
	const char *id = json_str(params, "id");
	struct store_permission row;
	struct err err;
	cJSON *o;

	if (!is_person(c, "a permission request"))
		return;
	if (id == NULL)
		err_set(&err, ERR_INVALID, "iris/permission.show needs id");
	if (id == NULL || find_seen(c, id, &row, &err) == -1) {
		control_failed(c, &err);
		return;
	}
	o = json_new();
	json_put(o, "permission", permission_json(c->client->d, &row));
	if (row.suggestions != NULL)
		json_put_raw(json_get(o, "permission"), "suggestions", row.suggestions,
		    strlen(row.suggestions));
	store_permission_release(&row);
	control_done(c, o);
}

static int
read_decision(const cJSON *params, struct permission_decision *p, struct err *err)
{
	const char *behavior = json_str(params, "behavior");

	p->id = json_str(params, "id");
	p->hash = json_str(params, "inputHash");
	p->reason = json_str(params, "reason");
	p->updated = json_get(params, "updatedInput");
	p->remember = json_bool(params, "remember", false);
	p->remember_ms = json_int_or(params, "expires", 0);
	if (p->id == NULL || behavior == NULL ||
	    (strcmp(behavior, "allow") != 0 && strcmp(behavior, "deny") != 0))
		return err_set(err, ERR_INVALID,
		    "iris/permission.answer needs id, and behavior, \"allow\" or \"deny\"");
	if (p->remember_ms < 0)
		return err_set(err, ERR_INVALID, "expires must not be negative");
	p->allow = strcmp(behavior, "allow") == 0;
	return 0;
}

/*
 * A key of one team decides what it sees; what is remembered of it holds for the team that was asked
 * whoever asks, so that team's key alone may say so.
 */
static int
check_seen(struct control *c, const struct permission_decision *p, struct err *err)
{
	const char *mine = control_team_only(c->client);
	struct store_permission row;
	int rv = 0;

	if (mine == NULL)
		return 0;
	if (find_seen(c, p->id, &row, err) == -1)
		return -1;
	if (p->remember && strcmp(row.to, mine) != 0)
		rv = err_set(err, ERR_REFUSED,
		    "the key %s is of team \"%s\": it can not remember a rule for team \"%.100s\"",
		    web_client_key(c->client), mine, row.to);
	store_permission_release(&row);
	return rv;
}

/* When somebody else was faster, or the request is over, the error has what has become of it. */
static int
decide(struct control *c, const struct permission_decision *p, struct store_permission *row,
    char **rule, struct err *err)
{
	struct irisd *d = c->client->d;
	struct err ignored;

	if (permission_decide(d, p, row, rule, err) == 0)
		return 0;
	if (err->code == ERR_REFUSED && permission_find(d, p->id, row, &ignored) == 0) {
		if (row->state != STORE_PERMISSION_PENDING &&
		    permission_is_for(row, p->speaks_for)) {
			c->data = json_new();
			json_put_str(c->data, "state", permission_state_name(row->state));
		}
		store_permission_release(row);
	}
	return -1;
}

void
control_permission_answer(struct control *c, const cJSON *params)
{
	struct permission_decision p = {
	    .via = is_web(c) ? "web" : "cli", .speaks_for = control_team_only(c->client)};
	struct store_permission row;
	char *who = caller(c), *rule;
	struct err err;
	cJSON *o;

	p.by = who;
	if (read_decision(params, &p, &err) == -1 ||
	    origin_person(c->client, "an answer to a permission request", &err) == -1 ||
	    check_seen(c, &p, &err) == -1 || decide(c, &p, &row, &rule, &err) == -1) {
		control_failed(c, &err);
		free(who);
		return;
	}
	o = json_new();
	json_put(o, "permission", permission_json(c->client->d, &row));
	json_put_str_opt(o, "remembered", rule);
	store_permission_release(&row);
	free(rule);
	free(who);
	control_done(c, o);
}

/* --- rules ---------------------------------------------------------------------------------- */

static const char *
rule_state(const struct store_rule *r)
{
	if (r->revoked_at != 0)
		return "revoked";
	return r->expires_at != 0 && r->expires_at <= compat_now_ms() ? "expired" : "active";
}

static cJSON *
rule_json(const struct store_rule *r)
{
	cJSON *o = json_new();

	json_put_int(o, "id", r->id);
	json_put_str(o, "rule", r->rule);
	json_put_str_opt(o, "team", r->team);
	json_put_str(o, "state", rule_state(r));
	json_put_str(o, "by", r->by);
	json_put_str_opt(o, "permission", r->permission);
	json_put_int(o, "createdAt", r->created_at);
	if (r->expires_at != 0)
		json_put_int(o, "expiresAt", r->expires_at);
	if (r->revoked_at != 0)
		json_put_int(o, "revokedAt", r->revoked_at);
	json_put_str_opt(o, "revokedBy", r->revoked_by);
	return o;
}

/* A key of one team has the rules for that team, none of those for all. */
static bool
rule_is_for(const struct control *c, const struct store_rule *r)
{
	const char *mine = control_team_only(c->client);

	return mine == NULL || (r->team != NULL && strcmp(r->team, mine) == 0);
}

struct rules {
	const struct control *c;
	cJSON *list;
};

static void
rules_cb(const struct store_rule *r, void *arg)
{
	struct rules *rules = arg;

	if (rule_is_for(rules->c, r))
		cJSON_AddItemToArray(rules->list, rule_json(r));
}

void
control_permission_rules(struct control *c, const cJSON *params)
{
	struct rules rules = {c, cJSON_CreateArray()};
	cJSON *o = json_new();

	(void)params;
	store_rule_each(c->client->d->store, rules_cb, &rules);
	json_put(o, "rules", rules.list);
	control_done(c, o);
}

static void
audit_rule(struct control *c, const struct store_rule *r, const char *decision, const char *by)
{
	struct store_audit a = {.kind = "rule",
	    .decision = decision,
	    .to = r->team,
	    .permission = r->permission,
	    .by = by,
	    .via = is_web(c) ? "web" : "cli",
	    .rule = r->rule,
	    .took = -1};

	audit_append(c->client->d, &a);
}

static int
check_rule(struct control *c, const char *rule, const char *team, int64_t ms, struct err *err)
{
	if (rule == NULL)
		return err_set(err, ERR_INVALID, "iris/permission.remember needs rule");
	if (rule_check(rule, err) == -1)
		return -1;
	if (team != NULL && team_require(c->client->d, team, err) == NULL)
		return -1;
	if (ms < 0)
		return err_set(err, ERR_INVALID, "expires must not be negative");
	if (origin_person(c->client, "a rule that allows", err) == -1)
		return -1;
	return store_room(c->client->d->store, err);
}

void
control_permission_remember(struct control *c, const cJSON *params)
{
	const char *rule = json_str(params, "rule"), *team = json_str(params, "team");
	int64_t ms = json_int_or(params, "expires", 0);
	struct store_rule r = {0};
	struct err err;
	cJSON *o;

	if (check_rule(c, rule, team, ms, &err) == -1) {
		control_failed(c, &err);
		return;
	}
	r.rule = xstrdup(rule);
	r.team = xstrdup_null(team);
	r.by = caller(c);
	r.created_at = compat_now_ms();
	r.expires_at = ms > 0 ? r.created_at + ms : 0;
	store_rule_insert(c->client->d->store, &r);
	audit_rule(c, &r, "remembered", r.by);
	o = json_new();
	json_put(o, "rule", rule_json(&r));
	store_rule_release(&r);
	control_done(c, o);
}

struct find_rule {
	struct control *c;
	int64_t id;
	char *by;
	cJSON *found; /* NULL: none */
};

static void
revoke_cb(const struct store_rule *r, void *arg)
{
	struct find_rule *f = arg;
	struct store_rule row = *r;

	if (r->id != f->id || !rule_is_for(f->c, r))
		return;
	if (r->revoked_at == 0) {
		row.revoked_at = compat_now_ms();
		row.revoked_by = f->by;
		store_rule_revoke(f->c->client->d->store, &row);
		audit_rule(f->c, &row, "revoked", f->by);
	}
	f->found = rule_json(&row);
}

void
control_permission_revoke(struct control *c, const cJSON *params)
{
	struct find_rule f = {c, json_int_or(params, "number", 0), NULL, NULL};
	struct err err;
	cJSON *o;

	if (!is_person(c, "the end of a rule"))
		return;
	f.by = caller(c);
	store_rule_each(c->client->d->store, revoke_cb, &f);
	free(f.by);
	if (f.found == NULL) {
		err_set(&err, ERR_NOT_FOUND,
		    "there is no remembered rule %lld; \"iris approvals rules\" shows those that "
		    "there are",
		    (long long)f.id);
		control_failed(c, &err);
		return;
	}
	o = json_new();
	json_put(o, "rule", f.found);
	control_done(c, o);
}

/* --- watching ------------------------------------------------------------------------------- */

void
control_permission_watch(struct control *c, const cJSON *params)
{
	(void)params;
	if (is_person(c, "the list of permission requests"))
		c->permissions = true;
}

void
control_permission_changed(struct irisd *d, const struct store_permission *row)
{
	struct client *client;
	struct control *c;
	cJSON *o;

	TAILQ_FOREACH (client, &d->clients, entry)
		TAILQ_FOREACH (c, &client->controls, entry) {
			if (!c->permissions || !may_see(client, row))
				continue;
			o = json_new();
			json_put(o, "permission", permission_json(d, row));
			peer_send(client->peer, rpc_notification("iris/permission.event", o));
		}
}

/* --- the audit ------------------------------------------------------------------------------ */

static bool
audit_cb(const struct store_audit *row, void *arg)
{
	cJSON_AddItemToArray(arg, audit_json(row));
	return true;
}

void
control_audit_list(struct control *c, const cJSON *params)
{
	int64_t limit = json_int_or(params, "limit", LIST_LIMIT), from, seq;
	cJSON *o, *list;
	char head[65];

	if (!is_person(c, "the audit"))
		return;
	list = cJSON_CreateArray();
	store_audit_head(c->client->d->store, &seq, head);
	limit = limit < 1 || limit > VERIFY_LIMIT ? VERIFY_LIMIT : limit;
	/* The last ones, unless it is said from where. */
	from = json_int_or(params, "seq", seq - limit + 1);
	store_audit_each(c->client->d->store, from < 1 ? 1 : from, (int)limit, audit_cb, list);
	o = json_new();
	json_put(o, "rows", list);
	json_put_int(o, "seq", seq);
	json_put_str(o, "head", head);
	control_done(c, o);
}

void
control_audit_verify(struct control *c, const cJSON *params)
{
	int64_t seq = json_int_or(params, "seq", 0);
	const char *before = json_str(params, "hash");
	struct audit_check check = {0};
	cJSON *o = json_new();
	char hash[65];

	compat_strlcpy(hash, before != NULL ? before : "", sizeof hash);
	if (audit_verify(c->client->d, &seq, hash, VERIFY_LIMIT, &check)) {
		json_put_bool(o, "more", true);
		json_put_int(o, "seq", seq);
		json_put_str(o, "hash", hash);
		control_done(c, o);
		return;
	}
	json_put_bool(o, "more", false);
	json_put_bool(o, "good", check.good);
	json_put_int(o, "seq", check.good ? seq : check.seq);
	json_put_str(o, "hash", check.hash);
	json_put_str_opt(o, "why", check.good ? NULL : check.why);
	control_done(c, o);
}
