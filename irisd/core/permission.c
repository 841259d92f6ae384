/* SPDX-License-Identifier: MIT
 *
 * Requests from their first word to their answer, see permission.h. What is decided at once is only
 * audited and answered; what waits for a person is stored, and is here while it waits.
 */
#include <event2/event.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/compat.h"
#include "common/json.h"
#include "common/log.h"
#include "common/xmalloc.h"
#include "irisd/core/audit.h"
#include "irisd/core/chain.h"
#include "irisd/core/digest.h"
#include "irisd/core/event.h"
#include "irisd/core/judge.h"
#include "irisd/core/notify.h"
#include "irisd/core/permission_private.h"
#include "irisd/core/pool.h"
#include "irisd/core/team.h"
#include "irisd/mcp/forward.h"
#include "irisd/net/control_permission.h"
#include "irisd/net/worker.h"

const char *
permission_state_name(enum store_permission_state state)
{
	static const char *const names[] = {[STORE_PERMISSION_PENDING] = "pending",
	    [STORE_PERMISSION_ALLOWED] = "allowed",
	    [STORE_PERMISSION_DENIED] = "denied",
	    [STORE_PERMISSION_EXPIRED] = "expired",
	    [STORE_PERMISSION_WITHDRAWN] = "withdrawn"};

	return names[state];
}

/* --- those that wait, in memory ------------------------------------------------------------- */

static void
arm(struct irisd *d)
{
	const struct permission *p;
	int64_t first = INT64_MAX, ms;
	struct timeval tv;

	TAILQ_FOREACH (p, &d->permissions, entry)
		if (p->deadline < first)
			first = p->deadline;
	if (first == INT64_MAX) {
		if (d->permission_timer != NULL)
			evtimer_del(d->permission_timer);
		return;
	}
	ms = first - compat_now_ms();
	ms = ms < 0 ? 0 : ms;
	tv = (struct timeval){ms / 1000, (ms % 1000) * 1000};
	evtimer_add(d->permission_timer, &tv);
}

struct permission *
permission_by_id(struct irisd *d, const char *id)
{
	struct permission *p;

	TAILQ_FOREACH (p, &d->permissions, entry)
		if (strcmp(p->id, id) == 0)
			return p;
	return NULL;
}

static void
forget(struct permission *p)
{
	struct irisd *d = p->d;

	forward_end(p);
	TAILQ_REMOVE(&d->permissions, p, entry);
	free(p->instance);
	free(p);
	arm(d);
}

static void
expire(struct permission *p)
{
	struct store_permission row;
	char text[160];

	if (!store_permission_load(p->d->store, p->id, &row)) {
		forget(p);
		return;
	}
	row.state = STORE_PERMISSION_EXPIRED;
	row.via = xstrdup("deadline");
	snprintf(text, sizeof text, "nobody has answered within %" PRId64 " s",
	    (row.deadline - row.created_at + 999) / 1000);
	row.reason = xstrdup(text);
	permission_end(p, &row);
	store_permission_release(&row);
}

void
permission_expire_due(struct irisd *d)
{
	struct permission *p, *next;
	int64_t now = compat_now_ms();

	for (p = TAILQ_FIRST(&d->permissions); p != NULL; p = next) {
		next = TAILQ_NEXT(p, entry);
		if (p->deadline <= now)
			expire(p);
	}
	arm(d);
}

static void
timer_cb(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	permission_expire_due(arg);
}

static struct permission *
remember_row(struct irisd *d, const struct store_permission *row)
{
	struct permission *p = xcalloc(1, sizeof *p);

	p->d = d;
	compat_strlcpy(p->id, row->id, sizeof p->id);
	p->instance = xstrdup(row->instance);
	p->deadline = row->deadline;
	TAILQ_INSERT_TAIL(&d->permissions, p, entry);
	if (d->permission_timer == NULL)
		d->permission_timer = evtimer_new(d->loop.base, timer_cb, d);
	return p;
}

static void
load_cb(const struct store_permission *row, void *arg)
{
	forward_start(remember_row(arg, row), row);
}

void
permission_load_all(struct irisd *d)
{
	store_permission_each(d->store, true, NULL, 0, load_cb, d);
	arm(d);
}

void
permission_forget_all(struct irisd *d)
{
	struct permission *p;

	while ((p = TAILQ_FIRST(&d->permissions)) != NULL) {
		forward_end(p);
		TAILQ_REMOVE(&d->permissions, p, entry);
		free(p->instance);
		free(p);
	}
	if (d->permission_timer != NULL)
		event_free(d->permission_timer);
	d->permission_timer = NULL;
}

/* --- answers -------------------------------------------------------------------------------- */

/* Whom an answer goes to. */
struct asker {
	struct session *session;
	const char *instance, *request;
	void (*answered)(void *arg, const struct permission_answer *);
	void *arg;
};

static void
tell(const struct asker *a, const struct permission_answer *answer)
{
	if (a->answered != NULL)
		a->answered(a->arg, answer);
	else if (a->session != NULL && strcmp(a->session->row.instance, a->instance) == 0)
		worker_answer(a->session, a->request, answer);
}

/* What Claude reads of a request that a person has decided, or nobody. */
static void
tell_ended(const struct asker *a, const struct store_permission *row)
{
	struct permission_answer answer = {
	    .allow = row->state == STORE_PERMISSION_ALLOWED, .input = row->updated};
	char text[1024];

	if (row->state == STORE_PERMISSION_DENIED)
		snprintf(text, sizeof text, "A person has refused %.80s%s%.600s", row->tool,
		    row->reason != NULL ? ": " : ".", row->reason != NULL ? row->reason : "");
	else
		snprintf(text, sizeof text,
		    "%.80s needs a person's permission (%.200s), and %.200s. Go on without it, and "
		    "say in your answer which permission was missing.",
		    row->tool, row->why, row->reason != NULL ? row->reason : "there was no answer");
	json_utf8_mend(text);
	answer.message = text;
	tell(a, &answer);
}

static void
audit_row(struct irisd *d, const struct store_permission *row, const char *decision)
{
	struct store_audit a = {.kind = "permission",
	    .decision = decision,
	    .from = row->from[0] != '\0' ? row->from : NULL,
	    .to = row->to,
	    .message = row->message[0] != '\0' ? row->message : NULL,
	    .permission = row->id,
	    .tool = row->tool,
	    .input_hash = row->hash,
	    .by = row->by,
	    .via = row->via,
	    .rule = row->why,
	    .reason = row->reason,
	    .took = row->decided_at != 0 ? row->decided_at - row->created_at : -1};
	char changed[DIGEST_LEN + 1], reason[256];

	if (row->updated != NULL) {
		digest_text(row->updated, changed);
		snprintf(reason, sizeof reason, "with another input, %s", changed);
		a.reason = reason;
	}
	audit_append(d, &a);
}

void
permission_end(struct permission *p, struct store_permission *row)
{
	struct asker a = {p->session, row->instance, row->request, p->answered, p->arg};

	row->decided_at = compat_now_ms();
	store_permission_decide(p->d->store, row);
	audit_row(p->d, row, permission_state_name(row->state));
	log_info("permission %s id=%s from=%s to=%s tool=%s by=%s via=%s",
	    permission_state_name(row->state), row->id, row->from, row->to, row->tool,
	    row->by != NULL ? row->by : "-", row->via != NULL ? row->via : "-");
	if (row->state != STORE_PERMISSION_WITHDRAWN)
		tell_ended(&a, row);
	control_permission_changed(p->d, row);
	event_approval(p->d, row);
	forward_tell(p->d, row);
	forget(p);
}

static void
withdraw(struct permission *p, const char *reason)
{
	struct store_permission row;

	if (!store_permission_load(p->d->store, p->id, &row)) {
		forget(p);
		return;
	}
	row.state = STORE_PERMISSION_WITHDRAWN;
	row.reason = xstrdup(reason);
	permission_end(p, &row);
	store_permission_release(&row);
}

void
permission_withdrawn(struct session *s, const char *request)
{
	struct store_permission row;
	struct permission *p;

	if (!store_permission_by_request(s->d->store, s->row.instance, request, &row))
		return;
	if ((p = permission_by_id(s->d, row.id)) != NULL)
		withdraw(p, "Claude does not ask any more");
	store_permission_release(&row);
}

void
permission_process_gone(struct irisd *d, const char *instance)
{
	struct permission *p, *next;

	for (p = TAILQ_FIRST(&d->permissions); p != NULL; p = next) {
		next = TAILQ_NEXT(p, entry);
		if (strcmp(p->instance, instance) == 0)
			withdraw(p, "the Claude that asked has ended");
	}
}

void
permission_adopted(struct session *s)
{
	struct permission *p;

	TAILQ_FOREACH (p, &s->d->permissions, entry)
		if (strcmp(p->instance, s->row.instance) == 0)
			p->session = s;
}

void
permission_settled(struct irisd *d)
{
	struct permission *p, *next;

	for (p = TAILQ_FIRST(&d->permissions); p != NULL; p = next) {
		next = TAILQ_NEXT(p, entry);
		/* A client's is told again by the client, or its time is up. */
		if (p->session == NULL &&
		    strncmp(p->instance, PERMISSION_CLIENT, strlen(PERMISSION_CLIENT)) != 0)
			withdraw(p, "the Claude that asked has ended");
	}
}

void
permission_detach(struct irisd *d, void *arg, bool gone)
{
	struct permission *p, *next;

	for (p = TAILQ_FIRST(&d->permissions); p != NULL; p = next) {
		next = TAILQ_NEXT(p, entry);
		if (p->answered == NULL || p->arg != arg)
			continue;
		p->answered = NULL;
		if (gone)
			withdraw(p, "who asked does not wait any more");
	}
}

/* --- questions ------------------------------------------------------------------------------ */

static const char *
from_of(const struct permission_ask *a)
{
	return a->session != NULL ? a->session->row.from : "";
}

static const char *
to_of(const struct permission_ask *a)
{
	return a->team != NULL ? a->team->name : a->who;
}

/* What was decided at once. */
static void
audit_verdict(
    struct irisd *d, const struct permission_ask *a, const struct verdict *v, const char *decision)
{
	char *text = json_print(a->input), hash[DIGEST_LEN + 1];
	struct store_audit row = {.kind = "permission",
	    .decision = decision,
	    .from = from_of(a)[0] != '\0' ? from_of(a) : NULL,
	    .to = to_of(a),
	    .message = a->message,
	    .tool = a->tool,
	    .input_hash = hash,
	    .via = v->via,
	    .rule = v->rule,
	    .took = 0};

	digest_text(text, hash);
	audit_append(d, &row);
	free(text);
}

static void
refusal(const struct verdict *v, const char *tool, const char *team, char *buf, size_t size)
{
	if (strcmp(v->via, "mode") == 0 && strcmp(tool, "AskUserQuestion") == 0)
		snprintf(buf, size,
		    "Nobody can be asked from here. Decide as you think best, or ask in your "
		    "answer: it goes to who has asked you.");
	else if (strcmp(v->via, "mode") == 0 && strcmp(tool, "ExitPlanMode") == 0)
		snprintf(buf, size,
		    "Nobody can approve a plan from here. The plan is your answer: give it whole, to "
		    "who has asked you.");
	else if (strcmp(v->via, "mode") == 0)
		snprintf(buf, size,
		    "%.80s is not permitted: team %.80s is read-only for other teams "
		    "(grantPermission: no). Answer without it, and say what could not be done.",
		    tool, team);
	else
		snprintf(buf, size,
		    "%.80s is not permitted here (%.240s). Answer without it, and say what could "
		    "not be done. Do not try the same in another way.",
		    tool, v->rule);
	json_utf8_mend(buf);
}

static struct asker
asker_of(const struct permission_ask *a)
{
	return (struct asker){a->session, a->instance, a->request, a->answered, a->arg};
}

static void
deny(const struct permission_ask *a, const char *message)
{
	struct permission_answer answer = {.message = message};
	struct asker asker = asker_of(a);

	tell(&asker, &answer);
}

/* A request for a person: whose, unless anybody's; why is what made it one. */
static void
open_request(
    struct irisd *d, const struct permission_ask *a, const struct verdict *v, const char *asked)
{
	struct store_permission row = {.from = xstrdup(from_of(a)),
	    .to = xstrdup(to_of(a)),
	    .instance = xstrdup(a->instance),
	    .request = xstrdup(a->request),
	    .tool = xstrdup(a->tool),
	    .input = json_print(a->input),
	    .asked = xstrdup_null(asked),
	    .why = xstrdup(v->rule),
	    .description = xstrdup_null(a->description),
	    .blocked_path = xstrdup_null(a->blocked_path),
	    .suggestions = a->suggestions != NULL ? json_print(a->suggestions) : NULL,
	    .created_at = compat_now_ms()};
	struct permission *p;

	uuid_v7(row.id);
	compat_strlcpy(row.message, a->message != NULL ? a->message : "", sizeof row.message);
	digest_text(row.input, row.hash);
	row.deadline = row.created_at + d->conf->config->settings.permission_timeout;
	store_permission_insert(d->store, &row);
	audit_row(d, &row, "asked");
	p = remember_row(d, &row);
	p->session = a->session;
	p->answered = a->answered;
	p->arg = a->arg;
	arm(d);
	log_info("permission asked id=%s from=%s to=%s tool=%s why=%s", row.id, row.from, row.to,
	    row.tool, row.why);
	forward_tell(d, &row);
	notify_permission(d, &row);
	control_permission_changed(d, &row);
	event_approval(d, &row);
	forward_start(p, &row);
	store_permission_release(&row);
}

static void
forward(struct irisd *d, const struct permission_ask *a, struct verdict *v)
{
	char name[TEAM_NAME_MAX], root[UUID_LEN + 1], text[ERR_MSG_MAX + 160];
	struct err err;

	/* A turn that no question began: nobody is behind it. */
	if (a->message == NULL) {
		open_request(d, a, v, NULL);
		return;
	}
	if (chain_root(d, a->message, name, sizeof name, root, &err) == 0) {
		open_request(d, a, v, name);
		return;
	}
	compat_strlcpy(v->rule, err.msg, sizeof v->rule);
	json_utf8_mend(v->rule);
	audit_verdict(d, a, v, "denied");
	snprintf(text, sizeof text,
	    "%.80s is not permitted: %s. Answer without it, and say what could not be done.",
	    a->tool, err.msg);
	json_utf8_mend(text);
	deny(a, text);
}

/* What can not be shown is not decided about either. */
static void
deny_unreadable(
    struct irisd *d, const struct permission_ask *a, const char *why, char *buf, size_t size)
{
	struct permission_ask shown = *a;
	struct verdict v = {.via = "input"};

	shown.tool = "(unreadable)";
	compat_strlcpy(v.rule, why, sizeof v.rule);
	json_utf8_mend(v.rule);
	audit_verdict(d, &shown, &v, "denied");
	snprintf(buf, size,
	    "%.80s is not permitted: %.240s. Answer without it, and say what could not be done.",
	    a->tool, why);
	json_utf8_mend(buf);
}

static bool
is_same(const struct permission_ask *a, const struct store_permission *row)
{
	char *text = json_print(a->input), hash[DIGEST_LEN + 1];

	digest_text(text, hash);
	free(text);
	return strcmp(hash, row->hash) == 0 && strcmp(a->tool, row->tool) == 0;
}

/* Told again, after a restart of irisd or of the connection. */
static void
again(struct irisd *d, const struct permission_ask *a, const struct store_permission *row)
{
	struct permission *p = permission_by_id(d, row->id);
	struct permission_answer elsewhere = {
	    .message = "This was asked again, and is answered there."};
	struct asker asker = asker_of(a);
	char text[400];

	if (!is_same(a, row)) {
		deny_unreadable(
		    d, a, "its request was made before, for something else", text, sizeof text);
		deny(a, text);
		return;
	}
	if (p == NULL) {
		tell_ended(&asker, row);
		return;
	}
	/* A client that is there still: it is not to wait for nothing. */
	if (p->answered != NULL && p->arg != a->arg)
		p->answered(p->arg, &elsewhere);
	p->session = a->session;
	p->answered = a->answered;
	p->arg = a->arg;
	forward_tell(d, row);
}

void
permission_ask(struct irisd *d, const struct permission_ask *a)
{
	struct permission_answer allowed = {.allow = true};
	struct asker asker = asker_of(a);
	struct store_permission row;
	struct verdict v;
	struct err err;
	char text[640];

	if (store_permission_by_request(d->store, a->instance, a->request, &row)) {
		again(d, a, &row);
		store_permission_release(&row);
		return;
	}
	if (permission_check_input(a->tool, a->input, &err) == -1) {
		deny_unreadable(d, a, err.msg, text, sizeof text);
		deny(a, text);
		return;
	}
	judge(d, a->team, a->cwd, a->tool, a->input, false, &v);
	switch (v.how) {
	case JUDGE_ALLOW:
		audit_verdict(d, a, &v, "allowed");
		tell(&asker, &allowed);
		break;
	case JUDGE_DENY:
	case JUDGE_NOTHING:
		audit_verdict(d, a, &v, "denied");
		refusal(&v, a->tool, to_of(a), text, sizeof text);
		deny(a, text);
		break;
	case JUDGE_ASK:
		open_request(d, a, &v, NULL);
		break;
	case JUDGE_FORWARD:
		forward(d, a, &v);
		break;
	}
}

enum permission_hooked
permission_hook(struct session *s, const char *tool, const cJSON *input, const char *cwd, char *why,
    size_t size)
{
	const char *message = s->current != NULL ? s->current->id : NULL;
	struct permission_ask a = {
	    .session = s, .team = s->team, .message = message, .tool = tool, .input = input};
	struct verdict v;
	struct err err;

	if (permission_check_input(tool, input, &err) == -1) {
		deny_unreadable(s->d, &a, err.msg, why, size);
		return PERMISSION_REFUSED;
	}
	judge(s->d, s->team, cwd, tool, input, true, &v);
	if (v.hit && v.guard.action == CONFIG_ACTION_LOG) {
		struct verdict logged = {.via = "guard"};

		snprintf(logged.rule, sizeof logged.rule, "%s: %s", v.guard.kind, v.guard.what);
		json_utf8_mend(logged.rule);
		audit_verdict(s->d, &a, &logged, "logged");
	}
	if (v.how == JUDGE_NOTHING)
		return PERMISSION_GO_ON;
	if (v.how == JUDGE_DENY) {
		audit_verdict(s->d, &a, &v, "denied");
		refusal(&v, tool, s->team->name, why, size);
		return PERMISSION_REFUSED;
	}
	snprintf(why, size, "%s", v.rule);
	json_utf8_mend(why);
	return PERMISSION_MUST_ASK;
}
