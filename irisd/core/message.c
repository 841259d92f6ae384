/* SPDX-License-Identifier: MIT
 *
 * The life of a message, see message.h. Each change is written to the store first, then told to
 * those who wait; what they send leaves after the pass's commit.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/compat.h"
#include "common/json.h"
#include "common/log.h"
#include "common/xmalloc.h"
#include "irisd/core/event.h"
#include "irisd/core/line.h"
#include "irisd/core/message.h"
#include "irisd/core/message_ttl.h"
#include "irisd/core/pool.h"
#include "irisd/core/search.h"
#include "irisd/core/team.h"
#include "irisd/core/webhook.h"
#include "irisd/mcp/follow.h"

struct message *
message_find(struct irisd *d, const char *id)
{
	struct message *m;

	HASH_FIND_STR(d->messages, id, m);
	return m;
}

static struct message *
message_new(struct session *s, const struct store_message *row)
{
	struct message *m = xcalloc(1, sizeof *m);

	m->d = s->d;
	m->session = s;
	compat_strlcpy(m->id, row->id, sizeof m->id);
	compat_strlcpy(m->root, row->root, sizeof m->root);
	compat_strlcpy(m->parent, row->parent, sizeof m->parent);
	m->hops = row->hops;
	m->kind = row->kind;
	m->state = row->state;
	compat_strlcpy(m->turn, row->turn, sizeof m->turn);
	m->resumes = row->resumes;
	TAILQ_INIT(&m->waits);
	HASH_ADD_STR(s->d->messages, id, m);
	message_ttl_arm(m, row);
	return m;
}

static void
count_queued(struct message *m, int n)
{
	m->session->queued += n;
	m->d->queued += n;
	event_session(m->session);
	event_pool(m->d);
}

static void
enqueue(struct message *m)
{
	m->in_queue = true;
	count_queued(m, 1);
	TAILQ_INSERT_TAIL(&m->session->queue, m, entry);
	pool_want(m->session);
}

/* In the order in which they were accepted; ids sort by time. */
void
message_requeue(struct message *m, const char *doubt)
{
	struct message *other;

	if (doubt != NULL && m->doubt == NULL)
		m->doubt = xstrdup(doubt);
	m->limbo = false;
	m->in_queue = true;
	count_queued(m, 1);
	/* It is begun again, where it is not gone on with. */
	if (m->state != LADDER_SEEN)
		said_forget(m);
	TAILQ_FOREACH (other, &m->session->queue, entry)
		if (strcmp(other->id, m->id) > 0)
			break;
	if (other != NULL)
		TAILQ_INSERT_BEFORE(other, m, entry);
	else
		TAILQ_INSERT_TAIL(&m->session->queue, m, entry);
	pool_want(m->session);
}

void
message_certain(struct message *m)
{
	free(m->doubt);
	m->doubt = NULL;
	m->runs = false;
	m->looks = 0;
	m->look_at = 0;
	pool_want(m->session);
}

static void
dequeue(struct message *m)
{
	if (!m->in_queue)
		return;
	m->in_queue = false;
	count_queued(m, -1);
	TAILQ_REMOVE(&m->session->queue, m, entry);
	message_ttl_disarm(m);
}

static int
check_body(const char *body, struct err *err)
{
	size_t len = strlen(body);

	if (body[strspn(body, " \t\r\n")] == '\0')
		return err_set(
		    err, ERR_INVALID, "the message is empty; write what the team should do");
	if (len > MESSAGE_BODY_MAX)
		return err_set(err, ERR_LIMIT,
		    "the message has %zu bytes, %zu are the limit; put the text in a file of the team's "
		    "project and name that",
		    len, MESSAGE_BODY_MAX);
	return 0;
}

/* With the length: any of them may have any character. */
char *
message_key(enum message_key_by by, const char *who, const char *key)
{
	static const char *const names[] = {[MESSAGE_KEY_DIR] = "dir",
	    [MESSAGE_KEY_SESSION] = "session",
	    [MESSAGE_KEY_API] = "api",
	    [MESSAGE_KEY_NAME] = "name",
	    [MESSAGE_KEY_TUNNEL] = "tunnel"};

	return xasprintf("key:%s:%zu:%s:%s", names[by], strlen(who), who, key);
}

char *
message_key_of(struct irisd *d, const char *name, const char *dir, const char *key)
{
	const struct team *t = team_find(d, name);

	if (t != NULL && t->cfg->remote == NULL)
		dir = t->cfg->path;
	return dir != NULL ? message_key(MESSAGE_KEY_DIR, dir, key)
			   : message_key(MESSAGE_KEY_NAME, name, key);
}

/*
 * 1 when the key names a message that is the same one, 0 when it is new; then *key is what to store
 * with it.
 */
static int
find_by_key(struct irisd *d, const struct message_new *n, char id[UUID_LEN + 1], const char **key,
    struct err *err)
{
	struct store_message old;
	int rv = 0;

	*key = n->key;
	if (n->key == NULL || !store_message_by_key(d->store, n->key, &old))
		return 0;
	/* The sender may have had another name then; that it is the same one, the key says. */
	if (strcmp(old.to, n->to) == 0 && strcmp(old.body, n->body) == 0) {
		compat_strlcpy(id, old.id, UUID_LEN + 1);
		rv = 1;
	} else if (n->key_made) {
		/* A client that uses one JSON-RPC id twice means two calls. */
		*key = NULL;
	} else {
		rv = err_set(err, ERR_INVALID,
		    "the idempotency key was used for another message (%s); use a new key for new text",
		    old.id);
	}
	store_message_release(&old);
	return rv;
}

/*
 * A question that can never be answered is refused: its session is in the middle of a turn that,
 * over however many teams, waits for this very question's sender. And a chain of questions has an
 * end.
 */
static int
check_chain(const struct message_new *n, const struct session *s, struct err *err)
{
	const struct message *a;

	if (n->parent == NULL)
		return 0;
	if (n->parent->hops + 1 >= MESSAGE_HOPS_MAX)
		return err_set(err, ERR_LIMIT,
		    "%d questions already hang on one another here; answer the one you were asked with what "
		    "you know",
		    MESSAGE_HOPS_MAX);
	for (a = n->waits ? n->parent : NULL; a != NULL; a = message_find(s->d, a->parent))
		if (a->session == s)
			return err_set(err, ERR_REFUSED,
			    "team %s is itself waiting for the answer that is being worked on here (message "
			    "%s); answer it with what you know, or use quick_message",
			    s->team->name, a->id);
	return 0;
}

static int
check_room(const struct irisd *d, struct err *err)
{
	int64_t limit = d->conf->config->settings.max_queue_total;

	if (d->queued < limit)
		return store_room(d->store, err);
	return err_set(err, ERR_LIMIT,
	    "%d messages already wait for all teams together (settings.maxQueueTotal is %lld); send "
	    "again when some are answered",
	    d->queued, (long long)limit);
}

int
message_submit(struct irisd *d, const struct message_new *n, char id[UUID_LEN + 1], struct err *err)
{
	int64_t limit = d->conf->config->settings.max_queue;
	struct store_message row = {0};
	struct message *m;
	struct session *s;
	const char *key;
	struct team *t;
	int known;

	if (d->stopping)
		return err_set(
		    err, ERR_UNAVAILABLE, "irisd is being stopped; send again when it runs");
	/* Also of a team that is no more: its messages have ended, and that is the answer. */
	if ((known = find_by_key(d, n, id, &key, err)) != 0)
		return known == 1 ? 0 : -1;
	if ((t = team_require(d, n->to, err)) == NULL || check_body(n->body, err) == -1)
		return -1;
	if (check_room(d, err) == -1)
		return -1;
	if ((s = session_get(t, n->from, true, err)) == NULL)
		return -1;
	if (check_chain(n, s, err) == -1)
		return -1;
	if (s->queued >= limit)
		return err_set(err, ERR_LIMIT,
		    "%d messages from %s already wait for team %s (settings.maxQueue is %lld); send again "
		    "when some are answered",
		    s->queued, n->from, t->name, (long long)limit);
	uuid_v7(row.id);
	row.session = s->row.id;
	row.from = s->row.from;
	row.to = t->name;
	row.kind = n->kind;
	row.body = xstrdup(n->body);
	row.key = xstrdup_null(key);
	row.hops = n->parent != NULL ? n->parent->hops + 1 : 0;
	compat_strlcpy(row.root, n->parent != NULL ? n->parent->root : row.id, sizeof row.root);
	compat_strlcpy(row.parent, n->parent != NULL ? n->parent->id : "", sizeof row.parent);
	row.created_at = compat_now_ms();
	row.expires_at = n->ttl > 0 ? row.created_at + n->ttl : 0;
	if ((known = store_message_insert(d->store, &row, err)) == 0)
		event_message_came(d, &row);
	free(row.body);
	free(row.key);
	if (known == -1)
		return -1;
	compat_strlcpy(id, row.id, UUID_LEN + 1);
	m = message_new(s, &row);
	event_receipt(m, LADDER_QUEUED, row.created_at, "stored");
	enqueue(m);
	follow_session(s);
	log_info("message queued id=%s from=%s to=%s bytes=%zu", row.id, n->from, t->name,
	    strlen(n->body));
	return 0;
}

/*
 * What was queued is queued again. What was with a process when irisd ended may be with it still:
 * it waits for the worker's word. Without a worker it is looked up.
 */
static void
recover_cb(const struct store_message *row, void *arg)
{
	struct irisd *d = arg;
	struct team *t = team_find(d, row->to);
	struct session *s = t != NULL ? session_get(t, row->from, false, NULL) : NULL;
	struct message *m;

	if (s == NULL) {
		store_message_finish(d->store, row->id, LADDER_FAILED, compat_now_ms(), "recovery",
		    NULL, ERR_NOT_FOUND, "the team is not configured any more", NULL);
		return;
	}
	m = message_new(s, row);
	m->recovered = true;
	m->cancel_wanted = row->cancel;
	if (row->state == LADDER_QUEUED)
		enqueue(m);
	else if (t->adopting > 0)
		m->limbo = true;
	else
		message_requeue(
		    m, "irisd and the team's worker ended while the message was with the team");
	m->attempts = row->state != LADDER_QUEUED;
}

struct recovery {
	struct store_message *rows;
	size_t n;
};

static void
collect_cb(const struct store_message *row, void *arg)
{
	struct recovery *r = arg;
	struct store_message *m;

	r->rows = xreallocarray(r->rows, r->n + 1, sizeof *r->rows);
	m = &r->rows[r->n++];
	*m = *row;
	m->from = xstrdup(row->from);
	m->to = xstrdup(row->to);
	m->body = m->answer = m->reason = m->key = m->usage.model = NULL;
}

void
message_recover_all(struct irisd *d)
{
	struct recovery r = {NULL, 0};
	size_t i;

	/* Collected first: the statement must be done before rows are changed. */
	store_message_open_each(d->store, collect_cb, &r);
	for (i = 0; i < r.n; i++) {
		recover_cb(&r.rows[i], d);
		store_message_release(&r.rows[i]);
	}
	free(r.rows);
	if (r.n > 0)
		log_info("recovery messages=%zu", r.n);
	search_touch(d);
}

static void
tell(struct message *m, enum wait_event ev, const char *text)
{
	struct wait *w, *next;

	TAILQ_FOREACH_SAFE (w, &m->waits, entry, next)
		w->cb(w, ev, text);
}

static void
move(struct message *m, enum ladder state)
{
	if (!ladder_allows(m->state, state))
		fatalx("message %s is %s and can not become %s; please report this", m->id,
		    ladder_name(m->state), ladder_name(state));
	m->state = state;
	follow_message(m->d, m->id, m->session->row.from, m->session->row.to);
	follow_session(m->session);
}

static void
step(struct message *m, enum ladder state, const char *evidence)
{
	int64_t now = compat_now_ms();

	move(m, state);
	store_message_step(m->d->store, m->id, state, now, evidence);
	event_receipt(m, state, now, evidence);
}

void
message_sent(struct message *m, const char *evidence)
{
	dequeue(m);
	m->attempts++;
	step(m, LADDER_SENT, evidence);
	tell(m, WAIT_STATE, evidence);
}

void
message_seen(struct message *m, const char *evidence)
{
	if (m->state != LADDER_SENT)
		return;
	step(m, LADDER_SEEN, evidence);
	tell(m, WAIT_STATE, evidence);
}

void
message_resumed(struct message *m, const char *evidence)
{
	int64_t now = compat_now_ms();

	assert(m->state == LADDER_SEEN);
	dequeue(m);
	m->attempts++;
	m->resumes++;
	m->resuming = true;
	uuid_v4(m->turn);
	store_message_resume(m->d->store, m->id, m->turn, m->resumes);
	/* No step of the ladder: one more receipt of the one that it is on. */
	store_message_step(m->d->store, m->id, m->state, now, evidence);
	event_receipt(m, m->state, now, evidence);
	follow_message(m->d, m->id, m->session->row.from, m->session->row.to);
	tell(m, WAIT_STATE, evidence);
}

void
message_activity(struct message *m, const char *text)
{
	event_session(m->session);
	tell(m, WAIT_ACTIVITY, text);
}

void
message_delta(struct message *m, const char *text)
{
	said_delta(m, text);
	tell(m, WAIT_DELTA, text);
}

static void
wait_free(struct wait *w)
{
	TAILQ_REMOVE(&w->message->waits, w, entry);
	if (w->timer != NULL)
		event_free(w->timer);
	free(w);
}

static void
message_free(void *arg)
{
	struct message *m = arg;

	while (!TAILQ_EMPTY(&m->waits))
		wait_free(TAILQ_FIRST(&m->waits));
	said_forget(m);
	free(m->doubt);
	free(m);
}

void
message_forget_all(struct irisd *d)
{
	struct message *m, *next;

	search_release(d);
	HASH_ITER(hh, d->messages, m, next)
	{
		dequeue(m);
		HASH_DEL(d->messages, m);
		message_free(m);
	}
}

/* After the last step was stored. */
static void
end(struct message *m)
{
	struct wait *w;

	dequeue(m);
	if (m->session->current == m)
		m->session->current = NULL;
	line_unwanted(m->session->team);
	HASH_DEL(m->d->messages, m);
	while ((w = TAILQ_FIRST(&m->waits)) != NULL) {
		w->cb(w, WAIT_FINAL, NULL);
		if (TAILQ_FIRST(&m->waits) == w)
			wait_free(w);
	}
	log_info("message %s id=%s from=%s to=%s", ladder_name(m->state), m->id,
	    m->session->row.from, m->session->team->name);
	search_touch(m->d);
	loop_defer(&m->d->loop, message_free, m);
}

/* How it ended: an answer, or why there is none. */
struct ending {
	const char *evidence, *answer, *reason;
	enum err_code code;
	const struct store_usage *usage;
};

static void
finish(struct message *m, enum ladder state, const struct ending *how)
{
	int64_t now = compat_now_ms();
	char *tools = said_tools(m);

	move(m, state);
	if (tools != NULL)
		store_message_tools(m->d->store, m->id, tools);
	free(tools);
	store_message_finish(m->d->store, m->id, state, now, how->evidence, how->answer, how->code,
	    how->reason, how->usage);
	if (how->usage != NULL)
		store_cost_add(
		    m->d->store, now, m->session->row.from, m->session->team->name, how->usage);
	event_receipt(m, state, now, how->evidence);
	event_message_ended(m->d, m->id);
	webhook_message_ended(m->d, m->id);
	end(m);
}

static void
answered(
    struct message *m, const char *answer, const char *evidence, const struct store_usage *usage)
{
	if (m->state == LADDER_SENT)
		message_seen(m, evidence);
	finish(m, LADDER_ANSWERED,
	    &(struct ending){.evidence = evidence, .answer = answer, .usage = usage});
}

/* The reason is the evidence. */
static void
unanswered(struct message *m, enum ladder state, enum err_code code, const char *reason,
    const struct store_usage *usage)
{
	finish(m, state,
	    &(struct ending){.evidence = reason, .reason = reason, .code = code, .usage = usage});
}

void
message_answered(struct message *m, const char *answer, const struct store_usage *usage)
{
	answered(m, answer, "result", usage);
}

void
message_found(struct message *m, const char *answer, const char *evidence)
{
	answered(m, answer, evidence, NULL);
}

void
message_failed(struct message *m, const struct err *why, const struct store_usage *usage)
{
	unanswered(m, LADDER_FAILED, why->code, why->msg, usage);
}

void
message_cancelled(struct message *m, const char *reason, const struct store_usage *usage)
{
	unanswered(m, LADDER_CANCELLED, ERR_CANCELLED, reason, usage);
}

void
message_expired(struct message *m, const char *reason)
{
	unanswered(m, LADDER_EXPIRED, ERR_EXPIRED, reason, NULL);
}

void
message_cancel(struct message *m, const char *reason)
{
	if (m->in_queue && (m->doubt == NULL || m->session->team->cfg->remote == NULL)) {
		message_cancelled(m, reason, NULL);
		return;
	}
	/* It may take longer than this irisd lives. */
	if (!m->cancel_wanted)
		store_message_cancel(m->d->store, m->id);
	m->cancel_wanted = true;
	if (m->in_queue)
		pool_want(m->session);
	else
		pool_interrupt(m);
}

void
message_abandoned(struct message *m)
{
	if (m->d->conf->config->settings.cancel_on_disconnect && !m->d->stopping &&
	    TAILQ_EMPTY(&m->waits))
		message_cancel(m,
		    "who waited for its answer has gone "
		    "(settings.cancelOnDisconnect)");
}

static void
timeout_cb(evutil_socket_t fd, short what, void *arg)
{
	struct wait *w = arg;

	(void)fd;
	(void)what;
	w->cb(w, WAIT_TIMEOUT, NULL);
	wait_free(w);
}

struct wait *
message_wait(struct message *m, int64_t timeout_ms,
    void (*cb)(struct wait *, enum wait_event, const char *), void *arg)
{
	struct wait *w = xcalloc(1, sizeof *w);
	struct timeval tv = {timeout_ms / 1000, (timeout_ms % 1000) * 1000};

	w->message = m;
	w->cb = cb;
	w->arg = arg;
	TAILQ_INSERT_TAIL(&m->waits, w, entry);
	if (timeout_ms > 0) {
		w->timer = evtimer_new(m->d->loop.base, timeout_cb, w);
		evtimer_add(w->timer, &tv);
	}
	return w;
}

void
message_unwait(struct wait *w)
{
	wait_free(w);
}
