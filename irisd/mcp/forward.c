/* SPDX-License-Identifier: MIT
 *
 * Who is told of a permission request and who is asked, see forward.h. Each call that waits for the
 * root's message is asked once for each request: a form that was closed without an answer does not
 * come again in the same call, and the next call that waits (message_result, or the one that a shim
 * repeats to the next irisd) gets one of its own.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/compat.h"
#include "common/json.h"
#include "common/log.h"
#include "common/xmalloc.h"
#include "irisd/core/chain.h"
#include "irisd/core/digest.h"
#include "irisd/core/message.h"
#include "irisd/core/pool.h"
#include "irisd/core/team.h"
#include "irisd/mcp/elicit.h"
#include "irisd/mcp/forward.h"
#include "irisd/mcp/gather.h"

#define WHO_MAX 256

/* One form that is open, in one call. */
struct forward_form {
	LIST_ENTRY(forward_form) entry; /* permission.forms */
	struct permission *permission;
	struct mcp_call *call;
	struct elicit *elicit;
	char hash[DIGEST_LEN + 1]; /* of the input that it shows */
};

/* A call that cancels a message waits for it, too, but not for an answer. */
static bool
waits_for(const struct mcp_call *c, const char *message)
{
	const struct gather_item *it;

	if (c->wait != NULL)
		return strcmp(c->wait->message->id, message) == 0;
	if (c->gather == NULL || !c->gather->own)
		return false;
	TAILQ_FOREACH (it, &c->gather->items, entry)
		if (it->wait != NULL && strcmp(it->message, message) == 0)
			return true;
	return false;
}

/* --- asking ----------------------------------------------------------------------------------- */

/* Whether it is the one whose decision it is, and a person: by is who. */
static bool
may_decide(struct mcp_call *c, const struct store_permission *row, char by[WHO_MAX],
    char team[WHO_MAX], struct err *err)
{
	const struct mcp_carrier *carrier = c->mcp->carrier;
	char name[TEAM_NAME_MAX];

	carrier->who(c->mcp, name, sizeof name);
	if (row->asked == NULL || strcmp(name, row->asked) != 0)
		return err_set(err, ERR_REFUSED, "it is not for %.80s to answer", name) == 0;
	if (c->mcp->session != NULL || carrier->person == NULL)
		return err_set(err, ERR_REFUSED, "%.80s is no person here", name) == 0;
	if (carrier->person(c->mcp, "an answer to a permission request", by, team, WHO_MAX, err) ==
	    -1)
		return false;
	if (!permission_is_for(row, team[0] != '\0' ? team : NULL))
		return err_set(err, ERR_REFUSED, "it is not for %.80s to answer", team) == 0;
	return true;
}

/*
 * A call of 2026-07-28 between two requests has no connection to look at, but a form that it was
 * held with: whoever is behind it was a person then, and is looked at again with the answer.
 */
static bool
may_be_asked(struct mcp_call *c, const struct store_permission *row)
{
	char by[WHO_MAX], team[WHO_MAX], name[TEAM_NAME_MAX];
	struct err err;

	if (!mcp_call_can_elicit(c))
		return false;
	if (mcp_call_held(c)) {
		c->mcp->carrier->who(c->mcp, name, sizeof name);
		return row->asked != NULL && strcmp(name, row->asked) == 0;
	}
	if (may_decide(c, row, by, team, &err))
		return true;
	log_debug("permission not shown id=%s tool=%s reason=%s", row->id, c->tool, err.msg);
	return false;
}

static const char *
chosen(enum elicit_action action, const cJSON *content)
{
	const char *decision = json_str(content, "decision");

	return action == ELICIT_ACCEPT && decision != NULL ? decision : forward_deny;
}

/* What the person has filled in; not taken: it goes on waiting, and the log says why. */
static void
decide(const struct forward_form *f, enum elicit_action action, const cJSON *content)
{
	const char *decision = chosen(action, content);
	char by[WHO_MAX], team[WHO_MAX], reason[FORWARD_REASON_MAX + 1], *rule = NULL;
	struct irisd *d = f->permission->d;
	struct permission_decision p = {.id = f->permission->id,
	    .allow = strcmp(decision, forward_deny) != 0,
	    .hash = f->hash,
	    .by = by,
	    .via = "elicitation",
	    .remember = strcmp(decision, forward_remember) == 0};
	struct store_permission row;
	cJSON *updated;
	struct err err;

	compat_strlcpy(reason,
	    action == ELICIT_DECLINE                  ? "the person declined"
		: json_str(content, "reason") != NULL ? json_str(content, "reason")
						      : "",
	    sizeof reason);
	json_utf8_mend(reason);
	p.reason = reason[0] != '\0' ? reason : NULL;
	if (!store_permission_load(d->store, p.id, &row))
		return;
	if (!may_decide(f->call, &row, by, team, &err)) {
		log_warn("permission form: answer refused id=%s reason=%s", row.id, err.msg);
		store_permission_release(&row);
		return;
	}
	updated = p.allow ? forward_answers(&row, content) : NULL;
	store_permission_release(&row);
	p.updated = updated;
	p.speaks_for = team[0] != '\0' ? team : NULL;
	if (permission_decide(d, &p, &row, &rule, &err) == -1)
		log_warn("permission form: answer not taken id=%s reason=%s", p.id, err.msg);
	else
		store_permission_release(&row);
	free(rule);
	cJSON_Delete(updated);
}

static void
answered_cb(void *arg, enum elicit_action action, const cJSON *content)
{
	struct forward_form *f = arg;

	LIST_REMOVE(f, entry);
	/* What it decides ends the request and closes its other forms. */
	if (action == ELICIT_ACCEPT || action == ELICIT_DECLINE)
		decide(f, action, content);
	else
		log_info("permission form: no answer, it goes on waiting id=%s%s",
		    f->permission->id, action == ELICIT_GONE ? " (the call has ended)" : "");
	free(f);
}

static void
ask(struct permission *p, const struct store_permission *row, struct mcp_call *c)
{
	struct forward_form *f;
	cJSON *schema;
	char *text;

	if (!may_be_asked(c, row))
		return;
	f = xcalloc(1, sizeof *f);
	f->permission = p;
	f->call = c;
	compat_strlcpy(f->hash, row->hash, sizeof f->hash);
	text = forward_text(p->d, row);
	schema = forward_schema(p->d, row);
	f->elicit = mcp_elicit(c, text, schema, answered_cb, f);
	cJSON_Delete(schema);
	free(text);
	if (f->elicit == NULL) {
		log_info("permission not shown id=%s: the call has too many questions", p->id);
		free(f);
		return;
	}
	log_info("permission shown id=%s to=%s tool=%s", p->id, row->asked, c->tool);
	LIST_INSERT_HEAD(&p->forms, f, entry);
}

void
forward_start(struct permission *p, const struct store_permission *row)
{
	char name[TEAM_NAME_MAX];
	struct mcp_call *c;
	struct mcp *m;
	struct err err;

	if (row->asked == NULL || row->message[0] == '\0' ||
	    chain_root(p->d, row->message, name, sizeof name, p->root, &err) == -1) {
		p->root[0] = '\0';
		return;
	}
	LIST_FOREACH(m, &p->d->mcps, all)
	TAILQ_FOREACH (c, &m->calls, entry)
		if (waits_for(c, p->root))
			ask(p, row, c);
}

void
forward_waits(struct mcp_call *c, const char *message)
{
	struct store_permission row;
	struct permission *p;

	TAILQ_FOREACH (p, &c->mcp->d->permissions, entry) {
		if (strcmp(p->root, message) != 0 ||
		    !store_permission_load(p->d->store, p->id, &row))
			continue;
		ask(p, &row, c);
		store_permission_release(&row);
	}
}

void
forward_end(struct permission *p)
{
	struct forward_form *f;

	while ((f = LIST_FIRST(&p->forms)) != NULL) {
		LIST_REMOVE(f, entry);
		elicit_cancel(f->elicit);
		free(f);
	}
}

/* --- telling ---------------------------------------------------------------------------------- */

/* A call that waits for several messages says nothing of each one's progress by itself. */
static void
tell_gathers(struct irisd *d, const char *message, const char *text)
{
	struct mcp_call *c;
	struct mcp *m;

	LIST_FOREACH(m, &d->mcps, all)
	TAILQ_FOREACH (c, &m->calls, entry)
		if (c->gather != NULL && waits_for(c, message))
			mcp_call_progress(c, text);
}

static void
describe(const struct store_permission *row, char *buf, size_t size)
{
	if (row->state == STORE_PERMISSION_PENDING)
		snprintf(buf, size, "waits for a person to permit %.30s: iris approvals allow %s",
		    row->tool, row->id);
	else
		snprintf(buf, size, "%.30s was %s", row->tool,
		    row->state == STORE_PERMISSION_ALLOWED ? "permitted" : "not permitted");
	json_utf8_mend(buf);
}

void
forward_tell(struct irisd *d, const struct store_permission *row)
{
	struct message *m = message_find(d, row->message);
	char own[128], text[192];

	if (row->state == STORE_PERMISSION_WITHDRAWN)
		return;
	describe(row, own, sizeof own);
	snprintf(text, sizeof text, "team %.40s: %s", row->to, own);
	json_utf8_mend(text);
	for (; m != NULL; m = message_find(d, m->parent)) {
		tell_gathers(d, m->id, text);
		if (m->session->current == m)
			pool_on_activity(
			    m->session, m->id, strcmp(m->id, row->message) == 0 ? own : text);
	}
}
