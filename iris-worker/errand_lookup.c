/* SPDX-License-Identifier: MIT
 *
 * worker/lookup and worker/forget where the conversation is on another host, and the end of a
 * Claude there: the scripts remote/lookup.sh, forget.sh and end.sh, and what their lines mean.
 * Called by worker.c and stop.c. A transcript is judged here, by the same rules as a local one;
 * over there it is only looked for.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/json.h"
#include "common/uuid.h"
#include "common/xmalloc.h"
#include "iris-worker/errand.h"
#include "iris-worker/remote.h"
#include "iris-worker/report.h"
#include "iris-worker/transcript.h"
#include "iris-worker/worker.h"

#define MIB        ((size_t)1024 * 1024)
#define LOOKUP_MS  60000 /* for some GB of transcripts to be looked through */
#define LINE_MAX   (64 * MIB)
#define TOTAL_MAX  (1024 * MIB)
#define SHORT_MS   30000 /* for the other scripts */
#define NUMBER_MAX ((int64_t)1 << 40)

extern char **environ;

struct lookup {
	char message[UUID_LEN + 1];
	struct transcript_scan *scan; /* of the present file; NULL: none */
	uint64_t number;              /* of its next line */
	struct transcript found;
	bool running;
	char *failed; /* owned: why something that could hold it can not be read; NULL */
};

/*
 * A line to the host in the object, and a script that knows the conversation and the team's env.
 * NULL with err.
 */
static struct remote_script *
prepare(const cJSON *params, struct remote **r, struct err *err)
{
	struct remote_script *s;

	if ((*r = remote_new(json_obj(params, "remote"), REMOTE_SESSION, NULL, environ, err)) ==
	    NULL)
		return NULL;
	s = remote_script_new();
	remote_script_set(s, "conversation", json_str(params, "claudeId"));
	if (remote_script_env(s, json_obj(params, "env"), err) == -1) {
		remote_script_free(s);
		remote_free(*r);
		return NULL;
	}
	return s;
}

/* What the script says where it has failed; NULL when it has not. */
static const char *
failure(const cJSON *own)
{
	const char *detail = json_str(own, "detail"), *failed = json_str(own, "failed");

	return failed != NULL && detail != NULL ? detail : failed;
}

static void
fail(const struct errand *e, const char *what, const char *why, struct err *err)
{
	err_set(err, ERR_IO, "can not %s on %.100s: %.500s", what, errand_host(e), why);
}

static void
end_file(struct lookup *l)
{
	if (l->scan != NULL)
		transcript_scan_end(l->scan, &l->found);
	l->scan = NULL;
}

static void
lookup_own(struct lookup *l, const cJSON *own)
{
	int64_t line = json_int_or(own, "line", 0);

	end_file(l);
	if (json_bool(own, "running", false))
		l->running = true;
	if (failure(own) != NULL && l->failed == NULL)
		l->failed = xstrdup(failure(own));
	if (line > 0 && line < NUMBER_MAX) {
		l->scan = transcript_scan_new(l->message);
		l->number = (uint64_t)line;
	}
}

static void
lookup_line(struct errand *e, const cJSON *own, char *line, size_t len, void *arg)
{
	struct lookup *l = arg;

	if (own != NULL) {
		lookup_own(l, own);
	} else if (l->scan != NULL && !transcript_scan_line(l->scan, l->number++, line, len)) {
		end_file(l);
		/* No other file can say more: the rest of this one need not come here. */
		if (l->found.state == TRANSCRIPT_ANSWERED)
			errand_enough(e);
	}
}

static void
lookup_over(struct errand *e, const struct err *err, void *arg)
{
	struct lookup *l = arg;
	struct err own;
	cJSON *p;

	end_file(l);
	if (err == NULL && l->failed != NULL) {
		fail(e, "read Claude's transcript", l->failed, &own);
		err = &own;
	}
	if (err != NULL) {
		errand_refuse(e, err);
		return;
	}
	p = transcript_describe(&l->found);
	if (l->running)
		cJSON_ReplaceItemInObjectCaseSensitive(p, "state", cJSON_CreateString("running"));
	report_cut_answer(p);
	errand_answer(e, p);
}

static void
lookup_release(void *arg)
{
	struct lookup *l = arg;

	end_file(l);
	transcript_release(&l->found);
	free(l->failed);
	free(l);
}

int
errand_lookup(struct worker *w, const cJSON *params, const char *id, struct err *err)
{
	static const struct errand_calls calls = {lookup_line, NULL, lookup_over, lookup_release};
	const char *message = json_str(params, "turn");
	struct errand_spec spec = {
	    .request = id, .limit_ms = LOOKUP_MS, .line_max = LINE_MAX, .total_max = TOTAL_MAX};
	struct remote_script *s;
	struct lookup *l;

	if (message == NULL)
		message = json_str(params, "message");
	if ((s = prepare(params, &spec.remote, err)) == NULL)
		return -1;
	remote_script_set(s, "message", message);
	remote_script_set(s, "stop", json_bool(params, "kill", false) ? "1" : "");
	spec.script = remote_script_end(s, "lookup");
	l = xcalloc(1, sizeof *l);
	memcpy(l->message, message, UUID_LEN);
	errand_start(w, &spec, &calls, l);
	return 0;
}

/* Of the scripts that do something, and say whether they could. */
struct outcome {
	char *failed; /* owned; NULL */
	struct errand_calls calls;
	void *arg;
};

static void
outcome_line(struct errand *e, const cJSON *own, char *line, size_t len, void *arg)
{
	struct outcome *o = arg;

	(void)e;
	(void)line;
	(void)len;
	if (failure(own) != NULL && o->failed == NULL)
		o->failed = xstrdup(failure(own));
}

static void
outcome_release(void *arg)
{
	struct outcome *o = arg;

	if (o->calls.release != NULL)
		o->calls.release(o->arg);
	free(o->failed);
	free(o);
}

static void
forget_over(struct errand *e, const struct err *err, void *arg)
{
	const struct outcome *o = arg;
	struct err own;
	cJSON *p;

	if (err == NULL && o->failed != NULL) {
		fail(e, "remove Claude's conversation", o->failed, &own);
		err = &own;
	}
	if (err != NULL) {
		errand_refuse(e, err);
		return;
	}
	p = json_new();
	json_put_bool(p, "removed", true);
	errand_answer(e, p);
}

int
errand_forget(struct worker *w, const cJSON *params, const char *id, struct err *err)
{
	static const struct errand_calls calls = {outcome_line, NULL, forget_over, outcome_release};
	struct errand_spec spec = {.request = id, .limit_ms = SHORT_MS};
	struct remote_script *s;

	if ((s = prepare(params, &spec.remote, err)) == NULL)
		return -1;
	spec.script = remote_script_end(s, "forget");
	errand_start(w, &spec, &calls, xcalloc(1, sizeof(struct outcome)));
	return 0;
}

static void
end_over(struct errand *e, const struct err *err, void *arg)
{
	struct outcome *o = arg;
	struct err own;

	if (err == NULL && o->failed != NULL) {
		err_set(&own, ERR_HOST, "what Claude has left on %.100s can not be killed: %.500s",
		    errand_host(e), o->failed);
		err = &own;
	}
	o->calls.over(e, err, o->arg);
}

struct errand *
errand_end(struct worker *w, const cJSON *remote, const char *instance,
    const struct errand_calls *calls, void *arg, struct err *err)
{
	static const struct errand_calls own = {outcome_line, NULL, end_over, outcome_release};
	struct errand_spec spec = {.limit_ms = SHORT_MS, .lasting = true};
	struct remote_script *s;
	struct outcome *o;

	if ((spec.remote = remote_new(remote, REMOTE_SESSION, NULL, environ, err)) == NULL)
		return NULL;
	s = remote_script_new();
	remote_script_set(s, "instance", instance);
	spec.script = remote_script_end(s, "end");
	o = xcalloc(1, sizeof *o);
	o->calls = *calls;
	o->arg = arg;
	return errand_start(w, &spec, &own, o);
}
