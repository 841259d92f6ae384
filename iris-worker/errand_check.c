/* SPDX-License-Identifier: MIT
 *
 * worker/check: everything that a remote team needs, step by step, each with its time, up to the
 * first that fails. The steps of the connection are seen from what ssh -v says as it goes, the
 * others are those of remote/check.sh. Called by worker.c.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/compat.h"
#include "common/json.h"
#include "common/uuid.h"
#include "common/xmalloc.h"
#include "iris-worker/errand.h"
#include "iris-worker/remote.h"
#include "iris-worker/report.h"
#include "iris-worker/ssh_words.h"
#include "iris-worker/stream.h"
#include "iris-worker/tunnel.h"
#include "iris-worker/worker.h"

#define CHECK_MS   30000 /* for the steps over there */
#define DETAIL_MAX 256

extern char **environ;

enum step { RESOLVE, CONNECT, HOSTKEY, LOGIN, DIRECTORY, CLAUDE, STORAGE, STEPS };

static const char *const names[STEPS] = {
    [RESOLVE] = "resolve",
    [CONNECT] = "connect",
    [HOSTKEY] = "hostkey",
    [LOGIN] = "login",
    [DIRECTORY] = "directory",
    [CLAUDE] = "claude",
    [STORAGE] = "storage",
};

/* What ssh says when it is past a step; of interest is what stands between from and the last to. */
static const struct {
	const char *phrase;
	enum step step;
	const char *from, *to;
} signs[] = {
    {"Connecting to ", RESOLVE, "[", "."},
    {"Executing proxy command", RESOLVE, NULL, NULL},
    {"Connection established", CONNECT, NULL, NULL},
    {"Remote protocol version", CONNECT, NULL, NULL},
    {"is known and matches", HOSTKEY, NULL, NULL},
    {"Permanently added", HOSTKEY, NULL, NULL},
    {"Authenticated to ", LOGIN, "using \"", "\""},
};

/* What a step of the script fails with. */
static const struct {
	const char *failed;
	const char *what, *mend;
} faults[] = {
    {"missing", "there is no %s", "make it there, or mend \"path\" in config.yaml"},
    {"no_directory", "%s is no directory", "mend \"path\" in config.yaml"},
    {"forbidden", "%s can not be used by this login",
	"mend its permissions, or the user in \"remote\""},
    {"no_claude", "there is no claude in %s nor where its installers put it",
	"install Claude Code there, or set claudePath in config.yaml"},
    {"not_executable", "%s is not executable", "try chmod +x, or set claudePath in config.yaml"},
    {"full", "nothing can be written into %s: the disk is full", "make room there"},
};

struct check {
	struct worker *worker;
	cJSON *steps; /* owned, until it is answered */
	int step;     /* the present one */
	int64_t since;
	bool failed;
	bool tunnel;              /* the team has one */
	char key[DETAIL_MAX];     /* the host's key, as ssh has named it */
	char program[DETAIL_MAX]; /* the claude there */
	char version[DETAIL_MAX]; /* what it has printed first */
	bool reading;             /* it prints */
};

/* The present step is over. detail and mend may be NULL. */
static void
add_step(struct check *c, bool ok, const char *detail, const char *mend)
{
	int64_t now = compat_mono_ms();
	cJSON *p;

	if (c->failed || c->step >= STEPS)
		return;
	p = json_new();
	json_put_str(p, "name", names[c->step]);
	json_put_bool(p, "ok", ok);
	json_put_int(p, "ms", now - c->since);
	json_put_str(p, "detail", detail != NULL ? detail : "");
	json_put_str_opt(p, "mend", mend);
	cJSON_AddItemToArray(c->steps, p);
	c->since = now;
	c->failed = !ok;
	c->step++;
}

/* Past this one, and so past all before it. */
static void
pass(struct check *c, enum step step, const char *detail)
{
	while (c->step < (int)step)
		add_step(c, true, c->step == HOSTKEY ? c->key : NULL, NULL);
	if (c->step == (int)step)
		add_step(c, true, detail, NULL);
}

/* A part of what somebody else has said, fit for our answer. */
static void
take_detail(char out[DETAIL_MAX], const char *text, size_t len)
{
	char *clean;
	size_t n;

	clean = stream_repair(text, len < DETAIL_MAX ? len : DETAIL_MAX - 1, &n);
	compat_strlcpy(out, clean, DETAIL_MAX);
	json_utf8_mend(out);
	free(clean);
}

/* "[192.0.2.7] port 22" without its bracket. */
static void
strip_bracket(char *text)
{
	char *p = strchr(text, ']');

	if (p != NULL)
		memmove(p, p + 1, strlen(p));
}

static void
check_said(struct errand *e, char *line, size_t len, void *arg)
{
	char detail[DETAIL_MAX] = "";
	struct check *c = arg;
	const char *p, *end;
	size_t i;

	(void)e;
	(void)len;
	if (c->step > LOGIN)
		return;
	if ((p = strstr(line, "Server host key: ")) != NULL)
		take_detail(c->key, p + 17, strcspn(p + 17, "\r"));
	for (i = 0; i < sizeof signs / sizeof signs[0]; i++) {
		if (c->step > (int)signs[i].step || strstr(line, signs[i].phrase) == NULL)
			continue;
		if (signs[i].from != NULL && (p = strstr(line, signs[i].from)) != NULL) {
			p += strlen(signs[i].from);
			end = strrchr(p, signs[i].to[0]);
			take_detail(detail, p, end != NULL ? (size_t)(end - p) : strlen(p));
			strip_bracket(detail);
		}
		pass(c, signs[i].step, signs[i].step == HOSTKEY ? c->key : detail);
		return;
	}
}

static void
fault(struct check *c, const char *failed, const char *detail)
{
	size_t i, n = sizeof faults / sizeof faults[0];
	char *what;

	for (i = 0; i < n && strcmp(faults[i].failed, failed) != 0; i++)
		;
	if (i < n) {
		what = xasprintf(faults[i].what, detail);
		add_step(c, false, what, faults[i].mend);
	} else {
		/* Of a program: the status, and what it has said. */
		what = xasprintf("%s --version ended with %s%s%s", detail, failed,
		    c->version[0] != '\0' ? ": " : "", c->version);
		add_step(c, false, what,
		    "try it there, and install Claude Code anew if it does not run");
	}
	free(what);
}

static void
pass_storage(struct check *c, const cJSON *own)
{
	int64_t free_kb = json_int_or(own, "freeKb", -1);
	const char *dir = json_str(own, "detail");
	char *detail;

	if (free_kb >= 0)
		detail = xasprintf("%s, %" PRId64 " MiB free", dir, free_kb / 1024);
	else
		detail = xstrdup(dir);
	pass(c, STORAGE, detail);
	free(detail);
}

/* Of the script itself: begin, or the end of a step. */
static void
check_own(struct check *c, const cJSON *own)
{
	const char *begin = json_str(own, "begin"), *step = json_str(own, "step");
	const char *failed = json_str(own, "failed"), *detail = json_str(own, "detail");
	char *text;

	pass(c, LOGIN, NULL);
	c->reading = begin != NULL && strcmp(begin, "claude") == 0;
	if (c->reading && detail != NULL)
		take_detail(c->program, detail, strlen(detail));
	if (step == NULL || c->step >= STEPS || strcmp(step, names[c->step]) != 0)
		return;
	if (failed != NULL) {
		fault(c, failed, detail != NULL ? detail : "it");
	} else if (c->step == CLAUDE) {
		text =
		    xasprintf("%s%s%s", c->program, c->version[0] != '\0' ? ", " : "", c->version);
		pass(c, CLAUDE, text);
		free(text);
	} else if (c->step == STORAGE && detail != NULL) {
		pass_storage(c, own);
	} else {
		pass(c, (enum step)c->step, detail);
	}
}

static void
check_line(struct errand *e, const cJSON *own, char *line, size_t len, void *arg)
{
	struct check *c = arg;

	(void)e;
	if (own != NULL)
		check_own(c, own);
	else if (c->reading && len > 0 && c->version[0] == '\0')
		take_detail(c->version, line, len);
}

static cJSON *
conclude(struct check *c)
{
	bool ok = !c->failed && c->step == STEPS;
	cJSON *p = json_new();

	if (ok && c->tunnel) {
		tunnel_check_step(c->worker, c->steps);
		ok = json_bool(cJSON_GetArrayItem(c->steps, STEPS), "ok", false);
	}
	json_put_bool(p, "ok", ok);
	json_put(p, "steps", c->steps);
	c->steps = NULL;
	return p;
}

static void
check_over(struct errand *e, const struct err *err, void *arg)
{
	struct check *c = arg;

	if (err != NULL && err->code == ERR_UNAVAILABLE) {
		errand_refuse(e, err);
		return;
	}
	if (err != NULL)
		add_step(c, false, errand_why(e)->what, errand_why(e)->mend);
	else if (c->step < STEPS)
		add_step(c, false, "it has ended too early", "try again");
	errand_answer(e, conclude(c));
}

static void
check_release(void *arg)
{
	struct check *c = arg;

	cJSON_Delete(c->steps);
	free(c);
}

static struct check *
check_new(struct worker *w)
{
	struct check *c = xcalloc(1, sizeof *c);

	c->worker = w;
	c->steps = cJSON_CreateArray();
	c->since = compat_mono_ms();
	return c;
}

/* What keeps ssh from even being started here is the first step's fault. */
static int
refuse_start(struct worker *w, const char *id, struct err *err)
{
	struct check *c;

	if (err->code != ERR_HOST)
		return -1;
	c = check_new(w);
	add_step(c, false, err->msg, NULL);
	report_answer(w, id, conclude(c));
	check_release(c);
	return 0;
}

int
errand_check(struct worker *w, const cJSON *params, const char *id, struct err *err)
{
	static const struct errand_calls calls = {
	    check_line, check_said, check_over, check_release};
	const char *dir = json_str(params, "cwd"), *claude = json_str(params, "claudePath");
	struct errand_spec spec = {.request = id, .limit_ms = CHECK_MS};
	char instance[UUID_LEN + 1];
	struct remote_script *s;
	struct check *c;

	if (dir == NULL)
		return err_set(err, ERR_INVALID, "cwd must be a string");
	spec.remote = remote_new(json_obj(params, "remote"), REMOTE_ALONE, NULL, environ, err);
	if (spec.remote == NULL)
		return refuse_start(w, id, err);
	s = remote_script_new();
	remote_script_set(s, "dir", dir);
	remote_script_set(s, "claude", claude != NULL ? claude : "");
	uuid_v4(instance);
	remote_script_set(s, "instance", instance);
	if (remote_script_env(s, json_obj(params, "env"), err) == -1) {
		remote_script_free(s);
		remote_free(spec.remote);
		return -1;
	}
	spec.script = remote_script_end(s, "check");
	c = check_new(w);
	c->tunnel = json_bool(params, "tunnel", false);
	errand_start(w, &spec, &calls, c);
	return 0;
}
