/* SPDX-License-Identifier: MIT
 *
 * What workers tell of processes and their turns, and what follows for the session, its messages
 * and its mark: opened, refused, seen, answered, ended, lost. See pool.h; who gets a process at all
 * is pool.c's.
 */
#include <stdio.h>
#include <string.h>

#include "common/compat.h"
#include "common/json.h"
#include "common/log.h"
#include "irisd/core/backoff.h"
#include "irisd/core/event.h"
#include "irisd/core/line.h"
#include "irisd/core/message.h"
#include "irisd/core/permission.h"
#include "irisd/core/pool_private.h"
#include "irisd/core/team.h"
#include "irisd/net/evict.h"
#include "irisd/net/worker.h"

/* Surely nothing is left of its process. */
static void
clear_mark(struct session *s)
{
	if (s->row.instance[0] == '\0')
		return;
	permission_process_gone(s->d, s->row.instance);
	s->row.instance[0] = '\0';
	store_session_process(s->d->store, &s->row);
}

void
pool_on_opened(struct session *s, const struct pool_opened *o)
{
	s->pid = o->pid;
	s->pid_start = o->start;
	s->restarted = false;
	line_up(s->team);
	compat_strlcpy(s->version, o->version != NULL ? o->version : "", sizeof s->version);
	json_utf8_mend(s->version);
	session_move(s, SESSION_EV_OPENED);
	log_info("session ready from=%s to=%s pid=%ld ms=%lld claude=%s", s->row.from,
	    s->team->name, (long)o->pid, (long long)o->ready_ms, s->row.claude_id);
	if (s->state == SESSION_IDLE)
		pool_became_idle(s);
}

/*
 * Two failures mend themselves, once: a conversation that Claude does not know any more (its file
 * was removed) is begun anew, and one that it has although nothing was answered yet is resumed.
 */
static bool
try_again(struct session *s, const struct err *why, bool in_use)
{
	if (s->restarted || s->d->stopping)
		return false;
	if (why->code == ERR_NOT_FOUND && s->row.started) {
		log_warn("session begun anew, its conversation is gone from=%s to=%s claude=%s",
		    s->row.from, s->team->name, s->row.claude_id);
		s->row.started = false;
		uuid_v4(s->row.claude_id);
	} else if (in_use && !s->row.started) {
		s->row.started = true;
	} else {
		return false;
	}
	s->restarted = true;
	store_session_update(s->d->store, &s->row);
	return true;
}

/* What was to go on in a conversation that is gone: another one knows nothing of it. */
static void
fail_begun(struct session *s)
{
	struct message *m, *next;
	struct err why;

	if (s->row.started)
		return;
	err_set(&why, ERR_CRASHED,
	    "Claude had begun with this message, and its conversation with team %s is gone since; "
	    "look at what was done before you send it again",
	    s->team->name);
	TAILQ_FOREACH_SAFE (m, &s->queue, entry, next)
		if (m->state == LADDER_SEEN)
			message_failed(m, &why, NULL);
}

void
pool_on_open_failed(struct session *s, const struct err *why, enum pool_open_failure how)
{
	if (how == POOL_OPEN_CUT)
		permission_process_gone(s->d, s->row.instance);
	else if (how != POOL_OPEN_ALIVE)
		clear_mark(s);
	if (how != POOL_OPEN_ALIVE && try_again(s, why, how == POOL_OPEN_IN_USE)) {
		fail_begun(s);
		pool_became_asleep(s);
		return;
	}
	s->restarted = false;
	if (s->state == SESSION_STOPPING || s->d->stopping) {
		/* It was ended on purpose; what is queued is for the next process. */
		session_tell(s, false, why);
	} else if (how == POOL_OPEN_KILLED) {
		backoff_crash(s->team, why->msg);
	} else if (how != POOL_OPEN_LEAVING && !pool_open_waits(s, why, how)) {
		log_warn("session did not start from=%s to=%s code=%s reason=%s", s->row.from,
		    s->team->name, err_name(why->code), why->msg);
		pool_fail_all(s, why);
	}
	if (how == POOL_OPEN_ALIVE)
		session_tell(s, true, why);
	pool_became_asleep(s);
	if (how == POOL_OPEN_ALIVE)
		evict_team(s->team);
}

#define ATTEMPTS_REFUSED 3

/*
 * Put the current message back into the queue, where nobody wants it gone and Claude is not known
 * to have taken it. doubt: why it may have; NULL when it surely has not.
 */
static bool
redeliver(struct session *s, int attempts, const char *doubt)
{
	struct message *m = s->current;
	bool given = m->state == LADDER_SENT || m->resuming;

	if (!given || s->moved || m->attempts >= attempts || m->cancel_wanted ||
	    s->state == SESSION_STOPPING || s->d->stopping || s->team->removed)
		return false;
	s->current = NULL;
	if (m->resuming && doubt == NULL)
		pool_goes_on_again(m);
	message_requeue(m, doubt);
	return true;
}

/*
 * A worker refuses a turn when its Claude is on its way out, which irisd can not know yet: the
 * message waits for the next process, and this one's end is awaited by closing it.
 */
void
pool_on_turn_refused(struct session *s, const char *message, const struct err *why)
{
	if (s->current == NULL || strcmp(s->current->id, message) != 0)
		return;
	if ((why->code == ERR_REFUSED || why->code == ERR_NOT_FOUND ||
		why->code == ERR_UNAVAILABLE) &&
	    redeliver(s, ATTEMPTS_REFUSED, NULL)) {
		pool_close(s);
		return;
	}
	if (s->current->cancel_wanted)
		message_cancelled(s->current, "cancelled before Claude had it", NULL);
	else
		message_failed(s->current, why, NULL);
	if (s->state == SESSION_BUSY) {
		session_move(s, SESSION_EV_RESULT);
		pool_became_idle(s);
	}
}

static struct message *
current(struct session *s, const char *message)
{
	return s->current != NULL && strcmp(s->current->id, message) == 0 ? s->current : NULL;
}

void
pool_on_seen(struct session *s, const char *message, const char *evidence)
{
	struct message *m = current(s, message);

	if (m == NULL)
		return;
	if (!s->row.started) {
		s->row.started = true;
		store_session_update(s->d->store, &s->row);
	}
	m->resuming = false;
	message_seen(m, evidence);
}

void
pool_on_activity(struct session *s, const char *message, const char *text)
{
	struct message *m = current(s, message);

	compat_strlcpy(s->activity, text, sizeof s->activity);
	if (m != NULL)
		message_activity(m, text);
	else
		event_session(s);
}

void
pool_on_delta(struct session *s, const char *message, const char *text)
{
	struct message *m = current(s, message);

	if (m != NULL)
		message_delta(m, text);
}

void
pool_on_tool(struct session *s, const char *message, const char *name, const char *input)
{
	struct message *m = current(s, message);

	if (m != NULL)
		said_tool(m, name, input);
}

/*
 * The message that a result is about: the one in flight; or one of an earlier time, whose worker
 * has held its result since, or has left it in a file.
 */
static struct message *
result_for(struct session *s, const char *message)
{
	struct message *m = message_find(s->d, message);

	if (m == NULL || m->session != s)
		return NULL;
	return m == s->current || m->limbo || m->doubt != NULL ? m : NULL;
}

static void
count_usage(struct session *s, const struct pool_result *r)
{
	s->row.last_used_at = compat_now_ms();
	s->row.cost_usd += r->usage.cost_usd;
	s->row.messages += r->ok;
	store_session_update(s->d->store, &s->row);
	event_session(s);
	if (r->ok)
		backoff_reset(s->team);
}

static void
fail_by_result(struct session *s, struct message *m, const struct pool_result *r)
{
	const char *team = s->team->name;
	struct err why = r->why;

	if (why.code == ERR_CANCELLED && (m->cancel_wanted || r->interrupted)) {
		message_cancelled(m, "interrupted on request", &r->usage);
		return;
	}
	if (why.code == ERR_CANCELLED && s->d->stopping)
		err_set(&why, ERR_UNAVAILABLE, "irisd was stopped while team %s was at work on it",
		    team);
	else if (why.code == ERR_CANCELLED && m == s->current && s->state == SESSION_BUSY)
		err_set(
		    &why, ERR_CRASHED, "the iris-worker of team %s was ended in this turn", team);
	else if (why.code == ERR_CANCELLED)
		err_set(&why, ERR_CANCELLED, "team %s was put to sleep while it was at work on it",
		    team);
	message_failed(m, &why, &r->usage);
}

void
pool_on_result(struct session *s, const char *message, const struct pool_result *r)
{
	struct message *m = result_for(s, message);
	bool present = m != NULL && m == s->current, crashed = !r->ok && r->why.code == ERR_CRASHED;

	if (m == NULL)
		return; /* told twice: it was stored before the worker had our answer */
	if (r->seen != NULL)
		message_seen(m, r->seen);
	count_usage(s, r);
	if (crashed) {
		if (present)
			backoff_crash(s->team, r->why.msg);
		if (present && redeliver(s, ATTEMPTS_CRASH, r->why.msg)) {
			pool_close(s);
			return;
		}
		if (m->limbo && m->state == LADDER_SENT && !m->cancel_wanted) {
			message_requeue(m, r->why.msg);
			return;
		}
	}
	if (r->ok)
		message_answered(m, r->answer, &r->usage);
	else
		fail_by_result(s, m, r);
	/* One of an earlier time: its worker may have been kept for this only. */
	pool_want(s);
	if (!present || s->state != SESSION_BUSY)
		return;
	session_move(s, SESSION_EV_RESULT);
	if (crashed)
		/* It is on its way out: its end is awaited, the next one starts after. */
		pool_close(s);
	else
		pool_became_idle(s);
}

void
pool_on_exit(struct session *s, const char *reason)
{
	struct message *m = s->current;
	struct err why;

	if (s->state == SESSION_ASLEEP)
		return;
	clear_mark(s);
	if (s->state != SESSION_STOPPING && !s->d->stopping) {
		log_warn("claude ended from=%s to=%s pid=%ld reason=%s", s->row.from, s->team->name,
		    (long)s->pid, reason);
		if (!worker_leaving(s->team))
			backoff_crash(s->team, reason);
	}
	if (m != NULL && !redeliver(s, ATTEMPTS_CRASH, reason)) {
		s->current = NULL;
		if (m->cancel_wanted) {
			message_cancelled(m, "cancelled while its process ended", NULL);
		} else {
			err_set(&why, ERR_CRASHED,
			    "the Claude of team %s ended before it had answered: %s", s->team->name,
			    reason);
			message_failed(m, &why, NULL);
		}
	}
	pool_became_asleep(s);
}

void
pool_on_closed(struct session *s)
{
	if (s->state == SESSION_STOPPING)
		pool_on_exit(s, "it was closed");
}

void
pool_on_lost(struct session *s, const char *reason)
{
	if (s->state == SESSION_ASLEEP || s->state == SESSION_WAITING)
		return;
	s->left_pid = s->pid;
	s->left_start = s->pid_start;
	pool_in_doubt(s, reason);
	pool_became_asleep(s);
}

void
pool_on_alive(struct session *s, const char *reason)
{
	struct err why;

	if (s->state == SESSION_ASLEEP || s->state == SESSION_WAITING)
		return;
	log_error("claude can not be killed from=%s to=%s pid=%ld reason=%s", s->row.from,
	    s->team->name, (long)s->pid, reason);
	err_set(&why, ERR_UNAVAILABLE, "process %ld of team %s can not be killed (%s)",
	    (long)s->pid, s->team->name, reason);
	/* Those who wait for its sleep would take the rest for success. */
	session_tell(s, true, &why);
	pool_on_lost(s, reason);
	evict_team(s->team);
}
