/* SPDX-License-Identifier: MIT
 *
 * The tunnel, see tunnel.h. Each try has three parts: an errand that makes the host ready (and
 * writes the key for HTTP there), ssh itself, and an errand that waits for its end to be there and
 * looks where it is bound. What is bound to more than the loopback is ended. Once it is up there
 * is no timer: ssh's end says that it is down.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/compat.h"
#include "common/json.h"
#include "common/log.h"
#include "common/xmalloc.h"
#include "iris-worker/errand.h"
#include "iris-worker/remote.h"
#include "iris-worker/report.h"
#include "iris-worker/tunnel.h"
#include "iris-worker/worker.h"

#define WAIT_MIN_MS 1000
#define WAIT_MAX_MS 60000
#define STEADY_MS   30000 /* up for so long, and the next tries begin with the shortest wait */
#define ERRAND_MS   20000
#define BOUND_TRIES 150             /* tenths of a second, for ssh to be there */
#define LASTS_MS    (20 * 86400000) /* ssh is begun anew after so long */
#define ADDRESSES   8

extern char **environ;

enum tunnel_state { TUNNEL_MAKING, TUNNEL_UP, TUNNEL_DOWN };

struct tunnel {
	struct worker *worker;
	cJSON *params; /* of worker/tunnel, owned; may hold a key: never log it */
	enum tunnel_state state;
	bool told;                   /* that it is down, and why; nothing else since */
	struct errand *ssh, *errand; /* NULL: not under way */
	char *path;                  /* owned: what was made ready over there */
	char *failed;                /* owned: why the errand's work could not be done */
	char *bound[ADDRESSES];      /* owned: where it listens over there */
	size_t nbound;
	char host[256], why[640], address[512];
	int wait_ms;
	int64_t up_since; /* ms, monotonic; 0: not up */
	struct event *retry;
};

static void begin(struct tunnel *t);

static bool
is_http(const struct tunnel *t)
{
	return json_str(t->params, "socket") == NULL;
}

static void
put_tunnel(const struct tunnel *t, cJSON *p)
{
	static const char *const names[] = {
	    [TUNNEL_MAKING] = "making", [TUNNEL_UP] = "up", [TUNNEL_DOWN] = "down"};

	json_put_str(p, "plan", json_str(t->params, "plan"));
	json_put_str(p, "state", names[t->state]);
	json_put_str_opt(p, "why", t->state == TUNNEL_DOWN ? t->why : NULL);
	json_put_str_opt(p, "address", t->state == TUNNEL_UP ? t->address : NULL);
}

static void
tell_tunnel(struct tunnel *t)
{
	cJSON *o = json_new();

	put_tunnel(t, o);
	report_event(t->worker, "event/tunnel", o);
}

static void
forget_try(struct tunnel *t)
{
	if (t->ssh != NULL)
		errand_cancel(t->ssh);
	if (t->errand != NULL)
		errand_cancel(t->errand);
	t->ssh = t->errand = NULL;
	free(t->path);
	free(t->failed);
	t->path = t->failed = NULL;
	while (t->nbound > 0)
		free(t->bound[--t->nbound]);
}

/* With jitter: many teams of one host were cut off by one thing. */
static void
down(struct tunnel *t, const struct err *why)
{
	char said[sizeof t->why];
	uint32_t bits;
	struct timeval tv;
	int ms;

	forget_try(t);
	if (t->up_since != 0 && compat_mono_ms() - t->up_since >= STEADY_MS)
		t->wait_ms = WAIT_MIN_MS;
	t->up_since = 0;
	t->state = TUNNEL_DOWN;
	compat_strlcpy(said, t->why, sizeof said);
	compat_strlcpy(t->why, why->msg, sizeof t->why);
	json_utf8_mend(t->why);
	compat_random(&bits, sizeof bits);
	ms = t->wait_ms - t->wait_ms / 4 + (int)(bits % ((uint32_t)t->wait_ms / 2 + 1));
	t->wait_ms = t->wait_ms * 2 > WAIT_MAX_MS ? WAIT_MAX_MS : t->wait_ms * 2;
	/* A host may be off for days: it is said once, and again when it is for another reason. */
	if (!t->told || strcmp(said, t->why) != 0) {
		log_warn("tunnel is down host=%s retry_ms=%d why=\"%s\"", t->host, ms, t->why);
		tell_tunnel(t);
	}
	t->told = true;
	if (t->worker->stopping)
		return;
	tv = (struct timeval){ms / 1000, (ms % 1000) * 1000};
	evtimer_add(t->retry, &tv);
}

static void
retry_cb(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	begin(arg);
}

/* --- where it is bound ------------------------------------------------------------------------ */

/*
 * As bound.sh says it: netstat's words, or those of /proc/net, which has each four bytes in the
 * order of its machine.
 */
static bool
is_loopback(const char *a)
{
	static const char *const good[] = {"127.0.0.1", "::1", "0100007F", "7F000001",
	    "00000000000000000000000001000000", "00000000000000000000000000000001",
	    "0000000000000000FFFF00000100007F", "00000000000000000000FFFF7F000001"};
	size_t i;

	for (i = 0; i < sizeof good / sizeof good[0]; i++)
		if (strcmp(a, good[i]) == 0)
			return true;
	return false;
}

static void
bound_line(struct errand *e, const cJSON *own, char *line, size_t len, void *arg)
{
	const char *bound = json_str(own, "bound"), *failed = json_str(own, "failed");
	struct tunnel *t = arg;

	(void)e;
	(void)line;
	(void)len;
	if (bound != NULL && t->nbound < ADDRESSES)
		t->bound[t->nbound++] = xstrdup(bound);
	if (failed != NULL && t->failed == NULL)
		t->failed = xstrdup(failed);
}

static int
check_bound(const struct tunnel *t, struct err *err)
{
	size_t i;

	if (t->nbound == 0)
		return err_set(err, ERR_HOST,
		    "ssh has made a tunnel from %s, but nothing is to be seen of its end there%s; see "
		    "that its sshd allows forwarding (AllowTcpForwarding, AllowStreamLocalForwarding)",
		    t->host, is_http(t) ? ", or it can not be told where it is bound" : "");
	for (i = 0; is_http(t) && i < t->nbound; i++)
		if (!is_loopback(t->bound[i]))
			return err_set(err, ERR_HOST,
			    "port %" PRId64
			    " of %s, the end of the tunnel, is open to other machines (%.60s), so the "
			    "tunnel was ended; set GatewayPorts to \"no\" or \"clientspecified\" in its "
			    "sshd_config, or choose another reverseMcpPort",
			    json_int_or(t->params, "port", 0), t->host, t->bound[i]);
	return 0;
}

static void
bound_over(struct errand *e, const struct err *err, void *arg)
{
	struct tunnel *t = arg;
	struct err own;

	(void)e;
	t->errand = NULL;
	if (err == NULL && check_bound(t, &own) == -1)
		err = &own;
	if (err != NULL) {
		down(t, err);
		return;
	}
	if (is_http(t))
		snprintf(t->address, sizeof t->address, "%.200s: http://127.0.0.1:%" PRId64 "/mcp",
		    t->host, json_int_or(t->params, "port", 0));
	else
		snprintf(t->address, sizeof t->address, "%.200s: %.300s", t->host, t->path);
	t->state = TUNNEL_UP;
	t->told = false;
	t->up_since = compat_mono_ms();
	log_info("tunnel is up address=\"%s\"", t->address);
	tell_tunnel(t);
}

/* --- its three parts -------------------------------------------------------------------------- */

static struct errand *
start_script(struct tunnel *t, struct remote_script *s, const char *name,
    const struct errand_calls *calls, struct err *err)
{
	struct errand_spec spec = {.limit_ms = ERRAND_MS};

	spec.remote = remote_new(json_obj(t->params, "remote"), REMOTE_SESSION, NULL, environ, err);
	if (spec.remote == NULL) {
		remote_script_free(s);
		return NULL;
	}
	spec.script = remote_script_end(s, name);
	return errand_start(t->worker, &spec, calls, t);
}

static void
ssh_line(struct errand *e, const cJSON *own, char *line, size_t len, void *arg)
{
	(void)e;
	(void)own;
	(void)line;
	(void)len;
	(void)arg;
}

static void
ssh_over(struct errand *e, const struct err *err, void *arg)
{
	struct tunnel *t = arg;
	struct err own;

	(void)e;
	t->ssh = NULL;
	if (err == NULL) {
		err_set(&own, ERR_LINE, "the tunnel to %s has ended", t->host);
		err = &own;
	}
	down(t, err);
}

/* For ssh's -R, in which a colon ends a path; what it might expand in one is refused. */
static int
add_path(char *out, size_t size, const char *path, struct err *err)
{
	size_t n = strlen(out);
	const char *p;

	if (path[0] != '/' || strpbrk(path, "%$") != NULL)
		return err_set(err, ERR_HOST,
		    "%.200s can not be the end of a tunnel: the path must be absolute and without %% "
		    "and $",
		    path);
	for (p = path; *p != '\0' && n + 3 < size; p++) {
		if ((unsigned char)*p < 0x20)
			break;
		if (*p == ':' || *p == '\\')
			out[n++] = '\\';
		out[n++] = *p;
	}
	out[n] = '\0';
	return *p == '\0'
	    ? 0
	    : err_set(err, ERR_HOST, "a path is too long for a tunnel, or no name: %.100s", path);
}

static int
make_forward(const struct tunnel *t, char *out, size_t size, struct err *err)
{
	if (is_http(t)) {
		snprintf(out, size, "127.0.0.1:%" PRId64 ":%.100s",
		    json_int_or(t->params, "port", 0), json_str(t->params, "target"));
		return 0;
	}
	out[0] = '\0';
	if (add_path(out, size, t->path, err) == -1)
		return -1;
	compat_strlcat(out, ":", size);
	return add_path(out, size, json_str(t->params, "socket"), err);
}

static int
start_ssh(struct tunnel *t, struct err *err)
{
	static const struct errand_calls calls = {.line = ssh_line, .over = ssh_over};
	static const struct errand_calls bound = {.line = bound_line, .over = bound_over};
	struct errand_spec spec = {.limit_ms = LASTS_MS, .program = true};
	struct remote_script *s;
	char forward[1024], number[32];

	if (make_forward(t, forward, sizeof forward, err) == -1)
		return -1;
	spec.remote =
	    remote_new(json_obj(t->params, "remote"), REMOTE_TUNNEL, forward, environ, err);
	if (spec.remote == NULL)
		return -1;
	t->ssh = errand_start(t->worker, &spec, &calls, t);
	s = remote_script_new();
	remote_script_set(s, "socket", is_http(t) ? "" : t->path);
	snprintf(number, sizeof number, "%" PRId64, json_int_or(t->params, "port", 0));
	remote_script_set(s, "port", number);
	snprintf(number, sizeof number, "%d", BOUND_TRIES);
	remote_script_set(s, "tries", number);
	t->errand = start_script(t, s, "bound", &bound, err);
	return t->errand != NULL ? 0 : -1;
}

static void
prepare_line(struct errand *e, const cJSON *own, char *line, size_t len, void *arg)
{
	const char *path = json_str(own, "path"), *detail = json_str(own, "detail");
	struct tunnel *t = arg;

	(void)e;
	(void)line;
	(void)len;
	if (path != NULL && t->path == NULL)
		t->path = xstrdup(path);
	if (json_str(own, "failed") != NULL && t->failed == NULL)
		t->failed = xstrdup(detail != NULL ? detail : "no reason given");
}

static void
prepare_over(struct errand *e, const struct err *err, void *arg)
{
	struct tunnel *t = arg;
	struct err own;

	(void)e;
	t->errand = NULL;
	if (err == NULL && (t->failed != NULL || t->path == NULL)) {
		err_set(&own, ERR_HOST, "%s can not be made ready for a tunnel: %.300s", t->host,
		    t->failed != NULL ? t->failed : "it has said nothing");
		err = &own;
	}
	if (err == NULL && start_ssh(t, &own) == -1)
		err = &own;
	if (err != NULL)
		down(t, err);
}

/* ~/.iris/mcp.json over there, for claude --mcp-config. */
static char *
mcp_config(const struct tunnel *t)
{
	cJSON *o = json_new(), *servers = json_new(), *iris = json_new(), *headers = json_new();
	char url[64], *bearer, *text;

	snprintf(
	    url, sizeof url, "http://127.0.0.1:%" PRId64 "/mcp", json_int_or(t->params, "port", 0));
	bearer = xasprintf("Bearer %s", json_str(t->params, "token"));
	json_put_str(headers, "Authorization", bearer);
	json_put_str(iris, "type", "http");
	json_put_str(iris, "url", url);
	json_put(iris, "headers", headers);
	json_put(servers, "iris", iris);
	json_put(o, "mcpServers", servers);
	text = json_print(o);
	cJSON_Delete(o);
	free(bearer);
	return text;
}

static void
begin(struct tunnel *t)
{
	static const struct errand_calls calls = {.line = prepare_line, .over = prepare_over};
	struct remote_script *s = remote_script_new();
	struct err err;
	char *config;

	t->state = TUNNEL_MAKING;
	remote_script_set(s, "form", is_http(t) ? "http" : "socket");
	if (is_http(t)) {
		config = mcp_config(t);
		remote_script_set(s, "config", config);
		free(config);
	}
	if ((t->errand = start_script(t, s, "prepare", &calls, &err)) == NULL)
		down(t, &err);
}

/* --- for worker.c ----------------------------------------------------------------------------- */

static int
check_params(const cJSON *params, struct err *err)
{
	const char *socket = json_str(params, "socket"), *target = json_str(params, "target");
	int64_t port = json_int_or(params, "port", 0);

	if (json_obj(params, "remote") == NULL || json_str(params, "plan") == NULL)
		return err_set(err, ERR_INVALID, "a tunnel needs remote and plan");
	if (socket != NULL && socket[0] == '/')
		return 0;
	if (socket != NULL || port < 1 || port > 65535 || target == NULL ||
	    json_str(params, "token") == NULL)
		return err_set(
		    err, ERR_INVALID, "a tunnel needs socket, or port, target and token");
	return 0;
}

void
tunnel_end(struct worker *w)
{
	struct tunnel *t = w->tunnel;

	if (t == NULL)
		return;
	w->tunnel = NULL;
	forget_try(t);
	event_free(t->retry);
	cJSON_Delete(t->params);
	free(t);
}

int
tunnel_request(struct worker *w, const cJSON *params, struct err *err)
{
	const char *host = json_str(json_obj(params, "remote"), "host");
	struct tunnel *t;

	if (!json_bool(params, "on", false)) {
		if (w->tunnel != NULL)
			log_info("tunnel is ended host=%s", w->tunnel->host);
		tunnel_end(w);
		return 0;
	}
	if (check_params(params, err) == -1)
		return -1;
	if (w->stopping)
		return err_set(err, ERR_UNAVAILABLE, "the worker is stopping");
	tunnel_end(w);
	t = w->tunnel = xcalloc(1, sizeof *t);
	t->worker = w;
	t->params = cJSON_Duplicate(params, true);
	t->wait_ms = WAIT_MIN_MS;
	t->retry = evtimer_new(w->loop.base, retry_cb, t);
	compat_strlcpy(t->host, host != NULL ? host : "the host", sizeof t->host);
	begin(t);
	return 0;
}

cJSON *
tunnel_describe(const struct worker *w)
{
	struct tunnel *t = w->tunnel;
	cJSON *o;

	if (t == NULL)
		return NULL;
	o = json_new();
	put_tunnel(t, o);
	/* Who hears this knows no more than this. */
	t->told = t->state == TUNNEL_DOWN;
	return o;
}

void
tunnel_check_step(struct worker *w, cJSON *steps)
{
	const struct tunnel *t = w->tunnel;
	cJSON *o = json_new();

	json_put_str(o, "name", "tunnel");
	json_put_bool(o, "ok", t != NULL && t->state == TUNNEL_UP);
	json_put_int(o, "ms", 0);
	if (t == NULL) {
		json_put_str(o, "detail", "there is none: it was revoked");
		json_put_str(o, "mend", "\"iris remote grant\" lets the team have it again");
	} else if (t->state == TUNNEL_UP) {
		json_put_str(o, "detail", t->address);
	} else if (t->state == TUNNEL_MAKING) {
		json_put_str(o, "detail", "it is being made");
		json_put_str(o, "mend", "look again in a moment");
	} else {
		json_put_str(o, "detail", t->why);
		json_put_str(o, "mend", "it is tried again by itself, each minute at the latest");
	}
	cJSON_AddItemToArray(steps, o);
}
