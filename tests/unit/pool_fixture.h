/* SPDX-License-Identifier: MIT
 *
 * An irisd whose workers are the test itself: every function of net/worker.h is defined here,
 * so that the linker leaves the real ones out, and writes down what was asked of it. The test
 * answers with pool_on_*. Included by one .c file of a test program, after cmocka.h.
 */
#ifndef IRIS_UNIT_POOL_FIXTURE_H
#define IRIS_UNIT_POOL_FIXTURE_H

#include <stdarg.h>

#include "common/compat.h"
#include "common/json.h"
#include "irisd/core/pool.h"
#include "irisd/net/worker.h"
#include "tests/unit/irisd_fixture.h"

#define FIXTURE_PID 4711 /* of every claude here; none is ever started or signalled */

#define TEAM(name) "  " name ":\n    path: " name "\n    description: D\n    grantPermission: yes\n"

static struct irisd d;
static char did[4096];           /* what the pool asked of workers: "open beta>alpha; ..." */
static struct err *open_fails;   /* worker_open can not even ask */
static struct err *turn_fails;   /* nor worker_turn */
static bool workers_left;        /* what worker_left says */
static char mcp_said[16 * 1024]; /* the last line for an in-band client */

static inline void
note_did(const char *what, const struct session *s, const char *more)
{
	size_t n = strlen(did);

	assert_true(n < sizeof did / 2);
	snprintf(did + n, sizeof did - n, "%s %s>%s%s; ", what, s->row.from, s->row.to, more);
}

int
worker_open(struct session *s, struct err *err)
{
	note_did("open", s, s->row.started ? " again" : "");
	if (open_fails == NULL)
		return 0;
	*err = *open_fails;
	return -1;
}

int
worker_turn(struct session *s, struct message *m, struct err *err)
{
	struct store_message row;
	char *more;

	assert_ptr_equal(m->session, s);
	assert_true(store_message_load(s->d->store, m->id, &row));
	more = xasprintf(" %s", row.body);
	/* A turn that goes on has a line of its own, which is in the store before it is sent. */
	assert_int_equal(m->state == LADDER_SEEN, m->turn[0] != '\0');
	assert_string_equal(row.turn, m->turn);
	note_did(m->state == LADDER_SEEN ? "go on" : "turn", s, more);
	free(more);
	store_message_release(&row);
	if (turn_fails == NULL)
		return 0;
	*err = *turn_fails;
	return -1;
}

int
worker_lookup(struct session *s, struct message *m, struct err *err)
{
	(void)err;
	assert_ptr_equal(m->session, s);
	note_did(s->team->cfg->remote != NULL && m->cancel_wanted ? "end" : "look", s,
	    m->turn[0] != '\0' ? " turn" : "");
	return 0;
}

int
worker_forget(struct session *s, const char *claude_id, struct err *err)
{
	(void)err;
	assert_true(uuid_valid(claude_id));
	note_did("forget", s, "");
	return 0;
}

int
worker_check(struct team *t, struct worker_ticket *ticket, struct err *err)
{
	(void)ticket;
	return err_set(err, ERR_UNAVAILABLE, "team %s has no worker in this test", t->name);
}

int
worker_trust(struct team *t, const struct config_team *where, const char *record,
    struct worker_ticket *ticket, struct err *err)
{
	(void)where;
	(void)record;
	return worker_check(t, ticket, err);
}

/* What the transcript is made to say. */
static inline void
looked(struct session *s, const char *id, enum pool_found found, int64_t line, const char *answer)
{
	struct pool_lookup l = {found, line, answer};

	pool_on_lookup(s, id, &l);
}

void
worker_interrupt(struct session *s, struct message *m)
{
	assert_ptr_equal(s->current, m);
	note_did("interrupt", s, "");
}

void
worker_close(struct session *s)
{
	note_did("close", s, "");
}

void
worker_mcp(struct session *s, const char *line)
{
	(void)s;
	snprintf(mcp_said, sizeof mcp_said, "%s", line);
}

/* Not written down: it is asked whenever there is nothing to do for a session. */
void
worker_retire(struct team *t)
{
	(void)t;
}

int
worker_tunnel(struct team *t, cJSON *params, struct err *err)
{
	(void)t;
	(void)err;
	cJSON_Delete(params);
	return 0;
}

bool
worker_left(const struct team *t)
{
	(void)t;
	return workers_left;
}

void
worker_answer(struct session *s, const char *request, const struct permission_answer *a)
{
	(void)s;
	(void)request;
	(void)a;
}

void
worker_hooked(struct session *s, const char *request, enum permission_hooked how, const char *why)
{
	(void)s;
	(void)request;
	(void)how;
	(void)why;
}

void
worker_stop_all(struct irisd *irisd)
{
	(void)irisd;
}

bool
worker_leaving(const struct team *t)
{
	(void)t;
	return false;
}

/* What is to be said of the worker. */
static enum health worker_is;
static int worker_checks; /* how often all were looked at; and the last time asked */
static bool worker_asked;

void
worker_check_all(struct irisd *irisd, bool ask)
{
	(void)irisd;
	worker_checks++;
	worker_asked = ask;
}

enum health
worker_health(const struct team *t, char why[HEALTH_WHY])
{
	(void)t;
	health_why(why, worker_is, "iris-worker", FIXTURE_PID + 1, 7000);
	return worker_is;
}

void
worker_leave_all(struct irisd *irisd)
{
	(void)irisd;
}

int
worker_adopting(const struct irisd *irisd)
{
	(void)irisd;
	return 0;
}

int
worker_adopt(struct irisd *irisd, struct peer *peer, pid_t pid, const struct rpc_msg *hello,
    cJSON *result, struct err *err)
{
	(void)irisd;
	(void)peer;
	(void)pid;
	(void)hello;
	cJSON_Delete(result);
	return err_set(err, ERR_REFUSED, "not in this test");
}

bool
worker_reaped(struct irisd *irisd, pid_t pid, int status)
{
	(void)irisd;
	(void)pid;
	(void)status;
	return false;
}

cJSON *
worker_json(const struct irisd *irisd)
{
	(void)irisd;
	return cJSON_CreateArray();
}

static bool pauses; /* after crashes; otherwise every pause is over at once */

static inline void
pool_hook(void *arg)
{
	struct team *t;

	(void)arg;
	TAILQ_FOREACH (t, &d.teams, entry)
		if (!pauses)
			t->backoff.retry = 0;
	pool_run(&d);
	store_commit(d.store);
}

static char told[512]; /* to those who watch sessions: "name:ok name:login " */

static inline void
watch_cb(struct session *s, const struct err *err, void *arg)
{
	size_t n = strlen(told);

	(void)s;
	snprintf(told + n, sizeof told - n, "%s:%s ", (const char *)arg,
	    err != NULL ? err_name(err->code) : "ok");
}

/* As the tools do it: who waits for awake also makes it wanted. */
static inline void
watch(struct session *s, bool asleep, char *name)
{
	session_watch(s, asleep, watch_cb, name);
	pool_want(s);
}

/* The initial state of the test is the text of its configuration. */
static inline int
pool_setup(void **state)
{
	if (fixture_setup(state) == -1)
		return -1;
	fixture_irisd(&d, *state);
	d.loop.hook = pool_hook;
	did[0] = mcp_said[0] = told[0] = '\0';
	open_fails = turn_fails = NULL;
	workers_left = pauses = worker_asked = false;
	worker_is = HEALTH_ALIVE;
	worker_checks = 0;
	return 0;
}

static inline int
pool_teardown(void **state)
{
	d.loop.hook = NULL;
	fixture_irisd_release(&d);
	return fixture_teardown(state);
}

#define TEST(f, conf) cmocka_unit_test_prestate_setup_teardown(f, pool_setup, pool_teardown, conf)

/* As irisd does it for SIGHUP. */
static inline void
reload(const char *text, cJSON *diff)
{
	struct conf *old = d.conf;

	d.conf = fixture_conf(text);
	team_sync(&d, d.conf, diff);
	conf_unref(old);
}

/* One pass; then what was asked of the workers since the last look, no more and no less. */
#define expect(want)                                                                               \
	do {                                                                                       \
		fixture_pass(&d);                                                                  \
		assert_string_equal(did, want);                                                    \
		did[0] = '\0';                                                                     \
	} while (0)

static inline void
guard_cb(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	*(bool *)arg = true;
}

/* Passes with timers until text is not empty; 10 seconds at most. */
static inline void
run_until_said(const char *text)
{
	static const struct timeval limit = {10, 0};
	bool late = false;
	struct event *ev = evtimer_new(d.loop.base, guard_cb, &late);

	evtimer_add(ev, &limit);
	while (text[0] == '\0' && !late) {
		assert_int_equal(event_base_loop(d.loop.base, EVLOOP_ONCE), 0);
		fixture_pass(&d);
	}
	event_free(ev);
	if (late)
		fail_msg("nothing has happened in 10 s");
}

static inline struct session *
session_of(const char *from, const char *to)
{
	struct err err;
	struct session *s = session_get(team_find(&d, to), from, true, &err);

	if (s == NULL)
		fail_msg("%s", err.msg);
	return s;
}

/* Submit; the id, which stays good for the next 64 calls. */
static inline const char *
ask(const char *from, const char *to, const char *body)
{
	static char ids[64][UUID_LEN + 1];
	static unsigned next;
	struct message_new n = {.to = to, .from = from, .body = body};
	char *id = ids[next++ % 64];
	struct err err;

	if (message_submit(&d, &n, id, &err) == -1)
		fail_msg("%s", err.msg);
	assert_true(uuid_valid(id));
	return id;
}

static inline void
accepted(const struct message_new *n, char id[UUID_LEN + 1])
{
	struct err err;

	if (message_submit(&d, n, id, &err) == -1)
		fail_msg("%s", err.msg);
}

/* All that the store has, whatever their states. */
static inline int64_t
stored_messages(void)
{
	int64_t counts[LADDER_COUNT], n = 0;
	int i;

	store_message_counts(d.store, counts);
	for (i = 0; i < LADDER_COUNT; i++)
		n += counts[i];
	return n;
}

/* 0: the system does not tell of such a process, so that it is neither alive nor dead. */
static uint64_t fixture_start;

static inline void
opened(struct session *s)
{
	struct pool_opened o = {
	    .pid = FIXTURE_PID, .start = fixture_start, .ready_ms = 1, .version = "2.1.0"};

	pool_on_opened(s, &o);
}

/* The end of a turn: with code ERR_NONE text is the answer, otherwise the reason. */
static inline void
result(struct session *s, const char *id, enum err_code code, const char *text)
{
	struct pool_result r = {.ok = code == ERR_NONE,
	    .answer = text,
	    .usage = {.input_tokens = 3, .cost_usd = 0.5, .num_turns = 1}};

	if (!r.ok)
		err_set(&r.why, code, "%s", text);
	pool_on_result(s, id, &r);
}

static inline void
ladder_cb(const struct store_receipt *r, void *arg)
{
	char *buf = arg;

	assert_true(compat_strlcat(buf, buf[0] == '\0' ? "" : " ", 1024) < 1024);
	assert_true(compat_strlcat(buf, ladder_name(r->state), 1024) < 1024);
}

/*
 * What the store has of a message: its receipts, then how it ended: "queued sent seen
 * answered: yes", "queued failed: login: reason".
 */
static inline const char *
stored(const char *id)
{
	static char buf[1024];
	struct store_message row;

	buf[0] = '\0';
	if (!store_message_load(d.store, id, &row))
		return "no such message";
	store_receipts_each(d.store, id, ladder_cb, buf);
	/* The last receipt and the row never say different things. */
	assert_string_equal(
	    buf + strlen(buf) - strlen(ladder_name(row.state)), ladder_name(row.state));
	if (row.answer != NULL) {
		compat_strlcat(buf, ": ", sizeof buf);
		compat_strlcat(buf, row.answer, sizeof buf);
	}
	if (row.code != ERR_NONE) {
		compat_strlcat(buf, ": ", sizeof buf);
		compat_strlcat(buf, err_name(row.code), sizeof buf);
		compat_strlcat(buf, ": ", sizeof buf);
		compat_strlcat(buf, row.reason, sizeof buf);
	}
	/* What is not final, and only that, is in memory. */
	assert_int_equal(message_find(&d, id) != NULL, !ladder_final(row.state));
	store_message_release(&row);
	return buf;
}

/* Bring it to idle: its process is asked for, and answers. Nothing else may be asked meanwhile. */
static inline struct session *
idle_session(const char *from, const char *to)
{
	struct session *s = session_of(from, to);
	const char *id = ask(from, to, "first");
	char want[256];

	snprintf(want, sizeof want, "open %s>%s; ", from, to);
	expect(want);
	opened(s);
	snprintf(want, sizeof want, "turn %s>%s first; ", from, to);
	expect(want);
	pool_on_seen(s, id, "replay");
	result(s, id, ERR_NONE, "done");
	expect("");
	assert_int_equal(s->state, SESSION_IDLE);
	return s;
}

/* Idle, then given one more message, whose id is stored in *id. */
static inline struct session *
busy_session(const char *from, const char *to, const char **id)
{
	struct session *s = idle_session(from, to);
	char want[256];

	*id = ask(from, to, "work");
	snprintf(want, sizeof want, "turn %s>%s work; ", from, to);
	expect(want);
	assert_int_equal(s->state, SESSION_BUSY);
	return s;
}

#endif
