/* SPDX-License-Identifier: MIT
 *
 * A conversation's end and the next one's beginning, see renew.h. First the process goes, then the
 * row gets its new id, and only then the old transcript is removed: whenever irisd dies meanwhile,
 * either all is as it was, or a file is left that nobody asks for.
 */
#include <stdlib.h>
#include <string.h>

#include "common/compat.h"
#include "common/log.h"
#include "common/xmalloc.h"
#include "irisd/core/event.h"
#include "irisd/core/message.h"
#include "irisd/core/pool.h"
#include "irisd/core/renew.h"
#include "irisd/core/talk.h"
#include "irisd/core/team.h"
#include "irisd/net/evict.h"
#include "irisd/net/worker.h"

struct renew {
	struct renew_result result;
	bool closing; /* its process is not gone yet */
	renew_cb cb;  /* NULL: nobody waits any more */
	void *arg;
};

static void
done(struct session *s)
{
	struct renew *r = s->renew;

	s->renew = NULL;
	if (r->cb != NULL)
		r->cb(s, &r->result, r->arg);
	free(r);
	/* What is queued may go to the new conversation, or the worker may end. */
	pool_want(s);
}

static bool
in_doubt(const struct session *s)
{
	const struct message *m;

	TAILQ_FOREACH (m, &s->queue, entry)
		if (m->doubt != NULL || m->state == LADDER_SEEN)
			return true;
	return false;
}

/* The old conversation may have had them; the new one shall not have them a second time. */
static void
end_doubtful(struct session *s)
{
	struct message *m, *next;

	TAILQ_FOREACH_SAFE (m, &s->queue, entry, next) {
		if (m->doubt != NULL)
			message_cancelled(m,
			    "its conversation was begun anew, and whether the old one had the "
			    "message was not known yet",
			    NULL);
		else if (m->state == LADDER_SEEN)
			message_cancelled(m,
			    "its conversation was begun anew, and the old one had begun with the "
			    "message",
			    NULL);
	}
}

static void
forget(struct session *s)
{
	struct renew *r = s->renew;
	struct err err;

	r->closing = false;
	r->result.had = s->row.started;
	compat_strlcpy(r->result.old_id, s->row.claude_id, sizeof r->result.old_id);
	end_doubtful(s);
	uuid_v4(s->row.claude_id);
	s->row.started = false;
	s->row.messages = 0;
	s->row.cost_usd = 0;
	s->row.last_used_at = compat_now_ms();
	store_session_update(s->d->store, &s->row);
	event_session(s);
	log_info("session begun anew from=%s to=%s old=%s claude=%s", s->row.from, s->team->name,
	    r->result.old_id, s->row.claude_id);
	if (!r->result.had)
		done(s);
	else if (worker_forget(s, r->result.old_id, &err) == -1)
		renew_on_forgotten(s, false, &err);
}

static void
asleep_cb(struct session *s, const struct err *err, void *arg)
{
	(void)err;
	(void)arg;
	forget(s);
}

static int
check(const struct session *s, bool force, struct err *err)
{
	const struct team *t = s->team;

	if (s->renew != NULL)
		return err_set(err, ERR_REFUSED,
		    "the conversation with team %s is being begun anew already", t->name);
	if (evict_holds(s)) {
		evict_why(s, err, NULL);
		return -1;
	}
	if (t->adopting > 0)
		return err_set(err, ERR_UNAVAILABLE,
		    "irisd was restarted and still looks after the processes of team %s; try again in "
		    "some seconds",
		    t->name);
	if (talk_check(s->d, s->row.from, t->name, err) == -1)
		return -1;
	if ((s->current != NULL || in_doubt(s)) && !force)
		return err_set(err, ERR_REFUSED,
		    "team %s is at work for %s; wait for it, or give force: true to interrupt it",
		    t->name, s->row.from);
	return 0;
}

int
renew_start(struct session *s, bool force, renew_cb cb, void *arg, struct err *err)
{
	struct renew *r;

	if (check(s, force, err) == -1)
		return -1;
	r = s->renew = xcalloc(1, sizeof *r);
	r->cb = cb;
	r->arg = arg;
	r->closing = s->state != SESSION_ASLEEP && s->state != SESSION_WAITING;
	r->result.stopped = r->closing;
	if (!r->closing) {
		forget(s);
		return 0;
	}
	session_watch(s, true, asleep_cb, r);
	pool_close(s);
	return 0;
}

void
renew_unwatch(struct irisd *d, void *arg)
{
	struct session *s;
	struct team *t;

	TAILQ_FOREACH (t, &d->teams, entry)
		TAILQ_FOREACH (s, &t->sessions, team_entry)
			if (s->renew != NULL && s->renew->arg == arg)
				s->renew->cb = NULL;
}

bool
renew_holds(const struct session *s)
{
	return s->renew != NULL && s->renew->closing;
}

void
renew_on_forgotten(struct session *s, bool removed, const struct err *why)
{
	if (s->renew == NULL || s->renew->closing)
		return;
	s->renew->result.removed = removed;
	if (why != NULL) {
		log_warn("transcript not removed from=%s to=%s claude=%s reason=%s", s->row.from,
		    s->team->name, s->renew->result.old_id, why->msg);
		compat_strlcpy(s->renew->result.why, why->msg, sizeof s->renew->result.why);
	}
	done(s);
}

void
renew_release(struct session *s)
{
	free(s->renew);
	s->renew = NULL;
}
