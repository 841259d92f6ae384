/* SPDX-License-Identifier: MIT
 *
 * Webhooks, see webhook.h.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/compat.h"
#include "common/json.h"
#include "common/log.h"
#include "common/rpc.h"
#include "common/url.h"
#include "common/xmalloc.h"
#include "irisd/core/describe.h"
#include "irisd/core/event.h"
#include "irisd/core/message.h"
#include "irisd/core/webhook.h"
#include "irisd/net/control_webhook.h"
#include "irisd/net/web.h"

#define LEASE_MS (60 * 1000)           /* longer than a delivery takes, web/deliver.c */
#define LOOK_MS  (10 * 60 * 1000)      /* a clock that was set is noticed after so long at most */
#define LANE_MAX 2                     /* of one receiver that are under way */
#define BODY_MAX (RPC_LINE_MAX - 8192) /* it becomes a part of a line */

/* After each attempt that failed, ms; one fifth more or less, so that many do not come at once. */
static const int64_t delays[] = {
    5000, 30 * 1000, 2 * 60 * 1000, 10 * 60 * 1000, 3600 * 1000, 6 * 3600 * 1000, 24 * 3600 * 1000};
#define NDELAYS ((int64_t)(sizeof delays / sizeof delays[0]))

static const char *const state_names[] = {[STORE_WEBHOOK_WAITING] = "waiting",
    [STORE_WEBHOOK_DELIVERED] = "delivered",
    [STORE_WEBHOOK_FAILED] = "failed"};

/* One that is being delivered. */
struct lent {
	TAILQ_ENTRY(lent) entry;
	char id[UUID_LEN + 1];
	int lane;
	int64_t until; /* compat_mono_ms: it counts as lost then */
	const void *taker;
};

struct webhooks {
	struct event *timer;            /* to the first one that is due */
	int64_t open;                   /* those that wait for the end of their message */
	bool wanted;                    /* there are others that wait */
	int lanes[STORE_WEBHOOK_LANES]; /* how many are under way in each */
	TAILQ_HEAD(, lent) lent;
};

int
webhook_state(const char *name)
{
	size_t i;

	for (i = 0; i < sizeof state_names / sizeof state_names[0]; i++)
		if (strcmp(state_names[i], name) == 0)
			return (int)i;
	return -1;
}

cJSON *
webhook_json(const struct store_webhook *row)
{
	cJSON *o = json_new();

	json_put_str(o, "id", row->id);
	json_put_str(o, "message", row->message);
	json_put_str(o, "url", row->url);
	json_put_str(o, "state", state_names[row->state]);
	json_put_int(o, "attempts", row->attempts);
	if (row->state == STORE_WEBHOOK_WAITING && row->next_at != 0)
		json_put_int(o, "nextAt", row->next_at);
	if (row->last_status != 0)
		json_put_int(o, "lastStatus", row->last_status);
	json_put_str_opt(o, "lastError", row->last_error);
	json_put_int(o, "createdAt", row->created_at);
	if (row->delivered_at != 0)
		json_put_int(o, "deliveredAt", row->delivered_at);
	return o;
}

int
webhook_check(const struct irisd *d, const char *url, struct err *err)
{
	const struct config_list *allow = &d->conf->config->webhooks.allow;
	struct url u;
	size_t i;

	if (url_parse(url, &u, err) == -1)
		return err_prefix(err, "webhook: ");
	if (d->conf->config->webhooks.loopback && url_loopback(&u))
		return 0;
	for (i = 0; i < allow->n; i++)
		if (url_host_fits(&u, allow->v[i]))
			return 0;
	return err_set(err, ERR_REFUSED, "webhook: %s; add \"%.200s\" to webhooks.allow in %s",
	    url_loopback(&u)
		? "also addresses of this machine must be allowed, since webhooks.loopback is false"
		: "only addresses of this machine are told by themselves",
	    u.host, d->conf->config->path);
}

static struct lent *
find_lent(const struct irisd *d, const char *id)
{
	struct lent *l;

	TAILQ_FOREACH (l, &d->webhooks->lent, entry)
		if (strcmp(l->id, id) == 0)
			return l;
	return NULL;
}

static void
forget_lent(struct irisd *d, struct lent *l)
{
	TAILQ_REMOVE(&d->webhooks->lent, l, entry);
	d->webhooks->lanes[l->lane]--;
	free(l);
}

/* Receivers are told apart by host and port. */
static int
lane_of(const char *url)
{
	uint32_t sum = 2166136261u;
	struct url u;
	struct err err;
	const char *p;

	if (url_parse(url, &u, &err) == -1)
		return 0;
	for (p = u.host; *p != '\0'; p++)
		sum = (sum ^ (unsigned char)*p) * 16777619u;
	sum = (sum ^ (uint32_t)(u.port & 255)) * 16777619u;
	sum = (sum ^ (uint32_t)(u.port >> 8)) * 16777619u;
	return (int)((sum ^ sum >> 16) % STORE_WEBHOOK_LANES);
}

static bool
is_full(const struct webhooks *w, int lane)
{
	return w->lanes[lane] >= LANE_MAX;
}

/*
 * The next one of a receiver that may get another one, be it due later; false when there is none.
 * *any: there are some, if of others.
 */
static bool
find_next(struct irisd *d, struct store_webhook *row, bool *any)
{
	const struct webhooks *w = d->webhooks;
	struct store_webhook other;
	bool found = false;
	int i;

	if (!(*any = store_webhook_next(d->store, row)))
		return false;
	if (!is_full(w, row->lane) || row->next_at > compat_now_ms())
		return true;
	store_webhook_release(row);
	for (i = 0; i < STORE_WEBHOOK_LANES; i++) {
		if (is_full(w, i) || !store_webhook_next_in(d->store, i, &other))
			continue;
		if (found && row->next_at <= other.next_at) {
			store_webhook_release(&other);
			continue;
		}
		if (found)
			store_webhook_release(row);
		*row = other;
		found = true;
	}
	return found;
}

static int64_t
least(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* The web process, and the time at which the first one is due. */
static void
look(struct irisd *d)
{
	struct webhooks *w = d->webhooks;
	bool wanted = w->wanted;
	int64_t left = LOOK_MS;
	struct store_webhook row;
	const struct lent *l;
	struct timeval tv;

	if (d->stopping || d->handing_over)
		return;
	if (find_next(d, &row, &w->wanted)) {
		left = least(left, row.next_at - compat_now_ms());
		store_webhook_release(&row);
	}
	TAILQ_FOREACH (l, &w->lent, entry)
		left = least(left, l->until - compat_mono_ms());
	if (w->wanted) {
		left = left < 0 ? 0 : left;
		tv.tv_sec = left / 1000;
		tv.tv_usec = (left % 1000) * 1000;
		evtimer_add(w->timer, &tv);
	} else {
		evtimer_del(w->timer);
	}
	if (w->wanted != wanted)
		web_sync(d);
}

static void
timer_cb(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	control_webhook_due(arg);
}

bool
webhook_wanted(const struct irisd *d)
{
	return d->webhooks != NULL && d->webhooks->wanted;
}

static void
store(struct irisd *d, const struct store_webhook *row)
{
	store_webhook_update(d->store, row);
	if (event_wanted(d, EVENT_WEBHOOK))
		event_webhook(d, row->from, row->to, webhook_json(row));
}

int
webhook_add(struct irisd *d, const char *message, const char *url, struct err *err)
{
	const struct message *m = message_find(d, message);
	struct store_webhook row = {0}, stored;
	bool known;

	if (store_webhook_count(d->store, message, url, &known) >= WEBHOOK_MAX && !known)
		return err_set(err, ERR_LIMIT,
		    "%d addresses are told of the end of message %s already", WEBHOOK_MAX, message);
	if (known)
		return 0;
	uuid_v7(row.id);
	compat_strlcpy(row.message, message, sizeof row.message);
	row.url = xstrdup(url);
	row.lane = lane_of(url);
	row.created_at = compat_now_ms();
	row.next_at = m != NULL ? 0 : row.created_at;
	store_webhook_insert(d->store, &row);
	free(row.url);
	if (event_wanted(d, EVENT_WEBHOOK) && store_webhook_load(d->store, row.id, &stored)) {
		event_webhook(d, stored.from, stored.to, webhook_json(&stored));
		store_webhook_release(&stored);
	}
	if (m != NULL)
		d->webhooks->open++;
	else
		look(d);
	return 0;
}

void
webhook_message_ended(struct irisd *d, const char *message)
{
	int n;

	if (d->webhooks == NULL || d->webhooks->open == 0)
		return;
	if ((n = store_webhook_ready(d->store, message, compat_now_ms())) == 0)
		return;
	d->webhooks->open -= n;
	look(d);
}

/* When it is due again, after so many attempts. */
static int64_t
again_at(int64_t attempts)
{
	int64_t delay = delays[attempts < 1 ? 0 : attempts > NDELAYS ? NDELAYS - 1 : attempts - 1];
	uint32_t random;

	compat_random(&random, sizeof random);
	return compat_now_ms() + delay * 4 / 5 + (int64_t)(random % (uint32_t)(delay * 2 / 5));
}

static void
failed(struct irisd *d, struct store_webhook *row, int64_t status, const char *error)
{
	free(row->last_error);
	row->last_error = xstrdup(error);
	row->last_status = status;
	if (row->attempts > NDELAYS)
		row->state = STORE_WEBHOOK_FAILED;
	else
		row->next_at = again_at(row->attempts);
	store(d, row);
	log_info("webhook %s id=%s message=%s attempts=%lld error=%s",
	    row->state == STORE_WEBHOOK_FAILED ? "failed" : "not delivered", row->id, row->message,
	    (long long)row->attempts, error);
}

/* It is not tried again before a person asks for it. */
static void
give_up(struct irisd *d, struct store_webhook *row, const char *error)
{
	row->attempts = NDELAYS + 1;
	failed(d, row, 0, error);
}

/* The object that is posted, printed: with the message, or with its texts cut. */
static char *
print_body(
    struct irisd *d, const struct store_webhook *row, const struct store_message *m, bool cut)
{
	cJSON *o = json_new();
	char *text;

	json_put_str(o, "type", "message.ended");
	json_put_str(o, "id", row->id);
	if (cut)
		json_put_bool(o, "truncated", true);
	json_put(o, "message", describe_message(m, d->store));
	text = json_print(o);
	cJSON_Delete(o);
	return text;
}

/* What is posted; NULL when there is no such message. */
static char *
body_of(struct irisd *d, const struct store_webhook *row)
{
	struct store_message m;
	char *text = NULL;

	if (store_message_load(d->store, row->message, &m)) {
		if (strlen(m.body) + (m.answer != NULL ? strlen(m.answer) : 0) <= BODY_MAX)
			text = print_body(d, row, &m, false);
		store_message_release(&m);
	}
	if (text != NULL && strlen(text) <= BODY_MAX)
		return text;
	free(text);
	text = NULL;
	if (store_message_load_brief(d->store, row->message, &m)) {
		text = print_body(d, row, &m, true);
		store_message_release(&m);
	}
	return text;
}

static cJSON *
lend(struct irisd *d, struct store_webhook *row, char *body, const void *taker)
{
	struct lent *l = xcalloc(1, sizeof *l);
	cJSON *o = json_new();

	compat_strlcpy(l->id, row->id, sizeof l->id);
	l->taker = taker;
	l->lane = row->lane;
	l->until = compat_mono_ms() + LEASE_MS;
	d->webhooks->lanes[l->lane]++;
	TAILQ_INSERT_TAIL(&d->webhooks->lent, l, entry);
	row->attempts++;
	row->next_at = compat_now_ms() + LEASE_MS;
	store(d, row);
	json_put_str(o, "id", row->id);
	json_put_str(o, "url", row->url);
	json_put_int(o, "attempt", row->attempts);
	json_put_raw(o, "body", body, strlen(body));
	return o;
}

/* Whoever had it has said nothing for too long: its row is due again. */
static void
forget_lost(struct irisd *d)
{
	struct lent *l, *next;

	TAILQ_FOREACH_SAFE (l, &d->webhooks->lent, entry, next)
		if (l->until <= compat_mono_ms())
			forget_lent(d, l);
}

cJSON *
webhook_take(struct irisd *d, const void *taker)
{
	struct store_webhook row;
	cJSON *o = NULL;
	struct lent *l;
	struct err err;
	char *body;
	bool any;

	forget_lost(d);
	while (o == NULL && find_next(d, &row, &any)) {
		if (row.next_at > compat_now_ms()) {
			store_webhook_release(&row);
			break;
		}
		/* The clock was set. */
		if ((l = find_lent(d, row.id)) != NULL)
			forget_lent(d, l);
		if (webhook_check(d, row.url, &err) == -1) {
			give_up(d, &row, err.msg);
		} else if ((body = body_of(d, &row)) == NULL) {
			give_up(d, &row, "the message is no more");
		} else {
			o = lend(d, &row, body, taker);
			free(body);
		}
		store_webhook_release(&row);
	}
	look(d);
	return o;
}

int
webhook_done(struct irisd *d, const char *id, int64_t status, const char *error, struct err *err)
{
	struct store_webhook row;
	struct lent *l = find_lent(d, id);

	if (l == NULL || !store_webhook_load(d->store, id, &row))
		return err_set(err, ERR_NOT_FOUND, "delivery %.40s is not under way", id);
	forget_lent(d, l);
	if (error == NULL) {
		row.state = STORE_WEBHOOK_DELIVERED;
		row.last_status = status;
		row.delivered_at = compat_now_ms();
		free(row.last_error);
		row.last_error = NULL;
		store(d, &row);
		log_info("webhook delivered id=%s message=%s attempts=%lld", row.id, row.message,
		    (long long)row.attempts);
	} else {
		failed(d, &row, status, error);
	}
	store_webhook_release(&row);
	look(d);
	return 0;
}

void
webhook_given_back(struct irisd *d, const void *taker)
{
	struct store_webhook row;
	struct lent *l, *next;

	if (d->webhooks == NULL || d->stopping || d->handing_over)
		return;
	TAILQ_FOREACH_SAFE (l, &d->webhooks->lent, entry, next) {
		if (l->taker != taker)
			continue;
		if (store_webhook_load(d->store, l->id, &row)) {
			failed(d, &row, 0, "the web process has ended meanwhile");
			store_webhook_release(&row);
		}
		forget_lent(d, l);
	}
	look(d);
}

int
webhook_retry(struct irisd *d, struct store_webhook *row, struct err *err)
{
	if (row->state == STORE_WEBHOOK_DELIVERED)
		return err_set(err, ERR_INVALID, "webhook %s was delivered", row->id);
	if (row->state == STORE_WEBHOOK_WAITING && row->next_at == 0)
		return err_set(err, ERR_INVALID, "webhook %s waits for the end of message %s",
		    row->id, row->message);
	if (find_lent(d, row->id) != NULL)
		return err_set(err, ERR_INVALID, "webhook %s is being delivered", row->id);
	row->state = STORE_WEBHOOK_WAITING;
	row->attempts = 0;
	row->next_at = compat_now_ms();
	store(d, row);
	look(d);
	return 0;
}

void
webhook_load_all(struct irisd *d)
{
	struct webhooks *w = d->webhooks = xcalloc(1, sizeof *w);
	struct store_webhook row;

	TAILQ_INIT(&w->lent);
	w->timer = evtimer_new(d->loop.base, timer_cb, d);
	/* Also messages of teams that are no more, which have ended at the start. */
	if (store_webhook_open(d->store) > 0)
		store_webhook_ready_all(d->store, compat_now_ms());
	w->open = store_webhook_open(d->store);
	/* irisd does not listen yet: its start sees to the web process. */
	if ((w->wanted = store_webhook_next(d->store, &row)))
		store_webhook_release(&row);
	look(d);
}

void
webhook_release(struct irisd *d)
{
	struct webhooks *w = d->webhooks;

	if (w == NULL)
		return;
	while (!TAILQ_EMPTY(&w->lent))
		forget_lent(d, TAILQ_FIRST(&w->lent));
	event_free(w->timer);
	free(w);
	d->webhooks = NULL;
}
