/* SPDX-License-Identifier: MIT
 *
 * ask --all: one message to each team but the asker's own, all stored before the first answer is
 * waited for, so that the teams work at the same time. The answers are printed in the order of
 * irisd's list; a team that fails does not keep the others from answering.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/compat.h"
#include "common/config.h"
#include "common/json.h"
#include "common/xmalloc.h"
#include "irisd/ctl/ask.h"
#include "irisd/ctl/stream.h"
#include "irisd/ctl/term.h"

#define LIST_TIMEOUT 15000

struct all {
	struct ctl *c;
	const struct sending *q;
	cJSON *results;   /* a message for each team, or what kept it from being sent */
	int64_t deadline; /* compat_mono_ms; 0: none */
	int done, failed;
	bool interrupted;
	struct err first; /* what the first that failed has failed with */
};

/* The names of the teams to ask, a list; NULL with err. */
static cJSON *
other_teams(struct ctl *c, struct err *err)
{
	const char *from = ctl_opt(c, "from"), *name;
	cJSON *result = NULL, *names;
	const cJSON *t;

	if (ctl_call(c, true, "iris/team.list", NULL, LIST_TIMEOUT, &result, err) == -1)
		return NULL;
	if (from == NULL)
		from = json_str(result, "from");
	names = cJSON_CreateArray();
	cJSON_ArrayForEach (t, json_arr(result, "teams"))
		if ((name = json_str(t, "name")) != NULL &&
		    (from == NULL || strcmp(name, from) != 0))
			cJSON_AddItemToArray(names, cJSON_CreateString(name));
	cJSON_Delete(result);
	if (cJSON_GetArraySize(names) > 0)
		return names;
	cJSON_Delete(names);
	err_set(err, ERR_NOT_FOUND,
	    "there is no team to ask but this one; \"iris team add NAME PATH\" adds another");
	return NULL;
}

static cJSON *
unsent(const char *to, const struct err *why)
{
	cJSON *o = json_new(), *e = json_new();

	json_put_str(o, "to", to);
	json_put_str(o, "state", "failed");
	json_put_str(e, "code", err_name(why->code));
	json_put_str(e, "reason", why->msg);
	json_put(o, "error", e);
	return o;
}

/* Have a message for each team stored. -1 only where nothing more can be done. */
static int
send_all(struct all *a, const cJSON *names, struct err *err)
{
	const cJSON *name;
	char *key;
	cJSON *m;
	int rv;

	cJSON_ArrayForEach (name, names) {
		struct ctl_wait w = {0};
		m = NULL;
		key = xasprintf("%s:%s", a->q->key, name->valuestring);
		rv = ctl_wait_call(a->c, true, "iris/message.send",
		    sending_params(a->c, a->q, name->valuestring, key, false), ASK_SEND_TIMEOUT, &w,
		    &m, err);
		free(key);
		a->interrupted = w.interrupted;
		if (rv == -1 && (w.interrupted || !w.refused))
			return -1;
		cJSON_AddItemToArray(a->results, rv == 0 ? m : unsent(name->valuestring, err));
	}
	return 0;
}

/* How long an answer may still take, as iris/message.show takes it. */
static int64_t
time_left(const struct all *a)
{
	int64_t left = a->deadline - compat_mono_ms();

	return a->deadline == 0 ? 0 : left > 0 ? left : 1;
}

/* The message as it is when it has ended, or the time is over, in the place of *m. */
static int
await(struct all *a, struct stream *s, cJSON **m, struct err *err)
{
	struct ctl_wait w = {.notify = stream_event,
	    .tick = stream_tick,
	    .lost = stream_lost,
	    .arg = s,
	    .tick_ms = s->spinner.on ? ASK_TICK : 0,
	    .limit = "wait"};
	cJSON *params = json_new(), *now = NULL;
	int rv;

	json_put_str(params, "id", json_str(*m, "id"));
	json_put_int(params, "wait", time_left(a));
	json_put_bool(params, "stream", true);
	rv = ctl_wait_call(a->c, true, "iris/message.show", params, -1, &w, &now, err);
	a->interrupted = w.interrupted;
	if (rv == 0)
		*m = now;
	return rv;
}

/* 0 with an answer, else -1 with err. */
static int
outcome(const cJSON *m, struct err *err)
{
	const char *state = json_str(m, "state"), *id = json_str(m, "id");

	if (ctl_message_err(m, err) == -1)
		return -1;
	if (strcmp(state, "answered") == 0)
		return 0;
	return err_set(err, ERR_TIMEOUT,
	    "has not answered yet (%s); the message goes on: \"iris message show %s --wait 60s\"",
	    state, id != NULL ? id : "ID");
}

static void
print_one(struct all *a, const cJSON *m)
{
	const char *to = json_str(m, "to"), *response = json_str(m, "response");
	struct err err;
	int rv = outcome(m, &err);

	if (rv == -1 && a->failed++ == 0)
		a->first = err;
	if (a->c->json)
		return;
	if (rv == -1) {
		fflush(stdout);
		fprintf(stderr, "iris: %s: %s\n", to, err.msg);
		return;
	}
	printf("%s%s== %s%s\n", a->done++ > 0 ? "\n" : "", term_on(stdout, TERM_BOLD), to,
	    term_off(stdout));
	if (term.out_tty)
		term_print(stdout, response != NULL ? response : "", true);
	else
		fputs(response != NULL ? response : "", stdout);
	putchar('\n');
	fflush(stdout);
}

/* The answers, in order; -1 where the waiting has come to an end. */
static int
collect(struct all *a, struct err *err)
{
	int i, n = cJSON_GetArraySize(a->results), rv;
	struct ctl *c = a->c;
	struct stream s;
	cJSON *m, *old;

	for (i = 0; i < n; i++) {
		m = old = cJSON_GetArrayItem(a->results, i);
		if (json_str(m, "id") != NULL) {
			stream_init(
			    &s, json_str(m, "to"), false, !c->quiet && term.err_tty, c->quiet);
			s.verbose = c->verbose;
			stream_say(&s, "waiting for the answer");
			rv = await(a, &s, &m, err);
			stream_quiet(&s);
			stream_release(&s);
			if (rv == -1)
				return -1;
			if (m != old)
				cJSON_ReplaceItemInArray(a->results, i, m);
		}
		print_one(a, m);
	}
	return 0;
}

static int
print_sent(struct all *a)
{
	const cJSON *m;
	struct err err;

	cJSON_ArrayForEach (m, a->results) {
		if (ctl_message_err(m, &err) == -1) {
			if (a->failed++ == 0)
				a->first = err;
			if (!a->c->json)
				fprintf(stderr, "iris: %s: %s\n", json_str(m, "to"), err.msg);
		} else if (!a->c->json) {
			printf("%s %s\n", json_str(m, "id"), json_str(m, "to"));
		}
	}
	return 0;
}

/* When to stop waiting: the time that was given, or the configuration's. */
static int64_t
deadline(const struct ctl *c, const struct sending *q)
{
	int64_t ms = q->timeout;
	struct config *cfg;
	struct err err;

	if (ms < 0 && (cfg = config_load(c->paths.config, &err)) != NULL) {
		ms = cfg->settings.default_timeout;
		config_free(cfg);
	}
	return ms > 0 ? compat_mono_ms() + ms : 0;
}

static int
end(struct all *a, int rv, struct err *err)
{
	int total = cJSON_GetArraySize(a->results);

	if (a->interrupted) {
		err_set(err, ERR_CANCELLED,
		    "interrupted; the messages go on without you: \"iris message list\" shows them");
		if (!a->c->json)
			fprintf(stderr, "iris: %s\n", err->msg);
	}
	if (rv == 0 && a->failed > 0) {
		rv = err_set(err, a->first.code, "%d of %d teams did not answer", a->failed, total);
		if (a->c->json)
			rv = err_exit_status(a->first.code);
	}
	if (a->c->json && (rv != -1 || a->interrupted)) {
		ctl_print_json(a->results);
		a->results = NULL;
	}
	return a->interrupted ? CTL_INTERRUPTED : rv;
}

int
ask_all(struct ctl *c, const struct sending *q, struct err *err)
{
	struct all a = {.c = c, .q = q, .deadline = deadline(c, q)};
	cJSON *names;
	int rv;

	if ((names = other_teams(c, err)) == NULL)
		return -1;
	a.results = cJSON_CreateArray();
	rv = send_all(&a, names, err);
	if (rv == 0)
		rv = ctl_opt(c, "no-wait") != NULL ? print_sent(&a) : collect(&a, err);
	rv = end(&a, rv, err);
	cJSON_Delete(a.results);
	cJSON_Delete(names);
	return rv;
}
