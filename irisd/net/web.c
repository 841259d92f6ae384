/* SPDX-License-Identifier: MIT
 *
 * Starts and watches the web process, see web.h. A port that is taken is the web process's to say
 * and to try again: it goes on without it, so that nothing here goes round in circles.
 */
#include <sys/wait.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/compat.h"
#include "common/json.h"
#include "common/log.h"
#include "common/spawn.h"
#include "common/xmalloc.h"
#include "irisd/core/session_key.h"
#include "irisd/core/tunnel.h"
#include "irisd/core/webhook.h"
#include "irisd/net/control_login.h"
#include "irisd/net/web.h"

#define START_MS  50    /* after irisd's own start: whoever started it comes first */
#define DELAY_MS  1000  /* to the next start after an end; doubles */
#define DELAY_MAX 60000 /* ms */
#define STEADY_MS 60000 /* who has lived so long starts again without a longer delay */
#define SPEAK_MS  10000 /* in which it must tell what it listens at */

struct web {
	struct irisd *d;
	struct event *timer; /* to its start; while it starts, to its end */
	pid_t pid;           /* 0: none */
	int64_t started;     /* ms, monotonic */
	int64_t delay;       /* ms, of the next start */
	char *plan;          /* what it was started with, owned */
	cJSON *ports;        /* what it listens at, owned; NULL before it has told */
	cJSON *tls;          /* the same of https */
	bool failed;         /* the last one has ended before it told */
};

static bool
is_loopback(const char *host)
{
	return strcmp(host, "localhost") == 0 || strcmp(host, "127.0.0.1") == 0 ||
	    strcmp(host, "::1") == 0;
}

static void
add_port(cJSON *ports, int64_t port)
{
	const cJSON *p;

	cJSON_ArrayForEach (p, ports)
		if ((int64_t)p->valuedouble == port)
			return;
	if (port != 0)
		cJSON_AddItemToArray(ports, json_int_item(port));
}

static cJSON *
wanted_ports(const struct irisd *d)
{
	const struct config *c = d->conf->config;
	cJSON *ports = cJSON_CreateArray();

	if (c->dashboard.enabled || c->settings.default_transport == CONFIG_TRANSPORT_HTTP ||
	    tunnel_wants_http(d) || session_key_wants_http(d))
		add_port(ports, c->settings.http_port);
	if (c->dashboard.enabled)
		add_port(ports, c->dashboard.http);
	return ports;
}

/* By what https may be asked for, and what its own certificate is about. */
static cJSON *
wanted_names(const struct config_dashboard *c)
{
	cJSON *names = cJSON_CreateArray();
	char host[256] = "";
	size_t i;

	cJSON_AddItemToArray(names, cJSON_CreateString(c->host));
	if (gethostname(host, sizeof host - 1) == 0 && host[0] != '\0')
		cJSON_AddItemToArray(names, cJSON_CreateString(host));
	for (i = 0; i < c->names.n; i++)
		cJSON_AddItemToArray(names, cJSON_CreateString(c->names.v[i]));
	return names;
}

/* NULL: no https. */
static cJSON *
wanted_tls(const struct irisd *d)
{
	const struct config_dashboard *c = &d->conf->config->dashboard;
	cJSON *o;

	if (!c->enabled || c->https == 0)
		return NULL;
	o = json_new();
	json_put_str(o, "host", c->host);
	json_put_int(o, "port", c->https);
	json_put_str_opt(o, "cert", c->selfsigned ? NULL : c->cert_path);
	json_put_str_opt(o, "key", c->selfsigned ? NULL : c->key_path);
	json_put(o, "names", wanted_names(c));
	return o;
}

cJSON *
web_plan(struct irisd *d)
{
	cJSON *o = json_new(), *tls = wanted_tls(d);

	if (tls != NULL)
		json_put(o, "tls", tls);
	json_put(o, "ports", wanted_ports(d));
	json_put_str(o, "logLevel", config_log_level_names[d->conf->config->settings.log_level]);
	return o;
}

static void
arm(struct web *w, int64_t ms)
{
	struct timeval tv = {ms / 1000, (ms % 1000) * 1000};

	evtimer_add(w->timer, &tv);
}

static void
forget_ports(struct web *w)
{
	cJSON_Delete(w->ports);
	cJSON_Delete(w->tls);
	w->ports = w->tls = NULL;
}

static void
start(struct web *w)
{
	char prog[PATHS_MAX], role[] = "-x", name[] = "web", *argv[] = {prog, role, name, NULL};
	struct spawn sp = {.path = prog,
	    .argv = argv,
	    .dir = "/",
	    .fds = {-1, -1, STDERR_FILENO},
	    .own_session = true};
	struct err err;
	cJSON *plan;

	if (compat_self_path(prog, sizeof prog) == -1 ||
	    (w->pid = spawn_process(&sp, &err)) == -1) {
		log_error("the web process can not be started: %s", err.msg);
		w->pid = 0;
		w->failed = true;
		arm(w, w->delay = DELAY_MAX);
		control_login_listening(w->d);
		return;
	}
	plan = web_plan(w->d);
	free(w->plan);
	w->plan = json_print(plan);
	cJSON_Delete(plan);
	w->started = compat_mono_ms();
	log_info("web process started pid=%ld", (long)w->pid);
	arm(w, SPEAK_MS);
}

static void
timer_cb(evutil_socket_t fd, short what, void *arg)
{
	struct web *w = arg;

	(void)fd;
	(void)what;
	if (w->d->stopping)
		return;
	if (w->pid == 0) {
		start(w);
		return;
	}
	log_warn("the web process says nothing, ended pid=%ld", (long)w->pid);
	kill(w->pid, SIGKILL);
}

/* The plan as a text, NULL when there is nothing to listen at and nobody to be told of anything. */
static char *
plan_text(struct irisd *d)
{
	cJSON *plan = web_plan(d);
	char *text = NULL;

	if (cJSON_GetArraySize(json_arr(plan, "ports")) > 0 || json_obj(plan, "tls") != NULL ||
	    webhook_wanted(d))
		text = json_print(plan);
	cJSON_Delete(plan);
	return text;
}

void
web_sync(struct irisd *d)
{
	struct web *w = d->web;
	char *want = plan_text(d);

	if (w == NULL && want != NULL) {
		w = d->web = xcalloc(1, sizeof *w);
		w->d = d;
		w->delay = DELAY_MS;
		w->timer = evtimer_new(d->loop.base, timer_cb, w);
		arm(w, START_MS);
	} else if (w != NULL && w->pid == 0 && want == NULL) {
		web_release(d);
	} else if (w != NULL && w->pid == 0) {
		w->failed = false;
		arm(w, w->delay = DELAY_MS);
	} else if (w != NULL && (want == NULL || strcmp(want, w->plan) != 0)) {
		/* What comes next is web_reaped's. */
		log_info(
		    "web process is ended, the configuration has changed pid=%ld", (long)w->pid);
		kill(w->pid, SIGTERM);
		w->started = 0;
		forget_ports(w);
		arm(w, SPEAK_MS);
	}
	free(want);
	control_login_listening(d);
}

bool
web_reaped(struct irisd *d, pid_t pid, int status)
{
	struct web *w = d->web;
	char *want;

	if (w == NULL || w->pid == 0 || w->pid != pid)
		return false;
	w->pid = 0;
	w->failed = w->started != 0 && w->ports == NULL;
	forget_ports(w);
	evtimer_del(w->timer);
	if (d->stopping || d->handing_over)
		return true;
	if ((want = plan_text(d)) == NULL) {
		web_release(d);
		control_login_listening(d);
		return true;
	}
	free(want);
	if (w->failed)
		control_login_listening(d);
	if (w->started == 0) {
		/* As it was asked to. */
		arm(w, START_MS);
		return true;
	}
	if (compat_mono_ms() - w->started >= STEADY_MS)
		w->delay = DELAY_MS;
	log_warn("web process ended pid=%ld %s=%d, the next one starts in %lld ms", (long)pid,
	    WIFSIGNALED(status) ? "signal" : "status",
	    WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status), (long long)w->delay);
	arm(w, w->delay);
	w->delay = w->delay * 2 > DELAY_MAX ? DELAY_MAX : w->delay * 2;
	return true;
}

void
web_release(struct irisd *d)
{
	if (d->web == NULL)
		return;
	event_free(d->web->timer);
	forget_ports(d->web);
	free(d->web->plan);
	free(d->web);
	d->web = NULL;
}

/* host is a name or an address. */
static void
tls_url(const cJSON *tls, char out[320])
{
	const char *host = json_str(tls, "host");

	if (host == NULL || strcmp(host, "0.0.0.0") == 0 || strcmp(host, "::") == 0)
		host = "localhost";
	snprintf(out, 320, strchr(host, ':') != NULL ? "https://[%s]:%lld" : "https://%s:%lld",
	    host, (long long)json_int_or(tls, "port", 0));
}

/* A certificate of the web process's is news, and what ended as well; its errors it logs itself. */
static void
log_tls(const cJSON *was, const cJSON *tls)
{
	const char *before = json_str(was, "fingerprint"), *now = json_str(tls, "fingerprint");
	char url[320];

	if (now == NULL || (before != NULL && strcmp(before, now) == 0))
		return;
	tls_url(tls, url);
	log_info("HTTPS url=%s fingerprint=%s", url, now);
}

void
web_listens(struct irisd *d, pid_t pid, const cJSON *ports, const cJSON *tls)
{
	struct web *w = d->web;
	const cJSON *p;
	bool again;

	/* Another one, of an earlier irisd's, has nothing to say; pid is 0 where no system tells. */
	if (w == NULL || w->pid == 0 || (pid != 0 && pid != w->pid))
		return;
	/* Nor has one that is to end: its ports are closed, and the timer is that of its end. */
	if (w->started == 0)
		return;
	log_tls(w->tls, tls);
	again = w->ports != NULL && cJSON_Compare(w->ports, ports, true);
	forget_ports(w);
	w->ports = cJSON_Duplicate(ports, true);
	w->tls = cJSON_Duplicate(tls, true);
	w->failed = false;
	evtimer_del(w->timer);
	if (again)
		return;
	cJSON_ArrayForEach (p, w->ports) {
		if (json_str(p, "error") != NULL)
			log_warn("no HTTP on port %lld: %s", (long long)json_int_or(p, "port", 0),
			    json_str(p, "error"));
		else
			log_info(
			    "HTTP url=http://127.0.0.1:%lld", (long long)json_int_or(p, "port", 0));
	}
}

pid_t
web_pid(const struct irisd *d)
{
	return d->web != NULL ? d->web->pid : 0;
}

pid_t
web_tls_pid(const struct irisd *d)
{
	return d->web != NULL ? (pid_t)json_int_or(d->web->tls, "pid", 0) : 0;
}

cJSON *
web_json(struct irisd *d)
{
	cJSON *o = json_new(), *urls = cJSON_CreateArray();
	const cJSON *p, *ports = NULL, *tls = NULL;
	char url[320];

	if (d->web != NULL) {
		ports = d->web->ports;
		tls = d->web->tls;
	}
	json_put_bool(o, "wanted", d->web != NULL);
	if (d->web != NULL && d->web->pid != 0)
		json_put_int(o, "pid", d->web->pid);
	cJSON_ArrayForEach (p, ports) {
		if (json_str(p, "error") != NULL)
			continue;
		snprintf(
		    url, sizeof url, "http://127.0.0.1:%lld", (long long)json_int_or(p, "port", 0));
		cJSON_AddItemToArray(urls, cJSON_CreateString(url));
	}
	if (json_str(tls, "fingerprint") != NULL) {
		tls_url(tls, url);
		cJSON_AddItemToArray(urls, cJSON_CreateString(url));
	}
	json_put(o, "urls", urls);
	if (tls != NULL)
		json_put(o, "tls", cJSON_Duplicate(tls, true));
	return o;
}

/* The first port that is open, of this number (0: of any); 0: none is. */
static int64_t
open_port(const struct web *w, int64_t number)
{
	const cJSON *p;
	int64_t port;

	cJSON_ArrayForEach (p, w->ports) {
		port = json_int_or(p, "port", 0);
		if (json_str(p, "error") == NULL && (number == 0 || port == number))
			return port;
	}
	return 0;
}

/* Why no port is open, for who wants to look at the dashboard. */
static int
none_open(const struct irisd *d, struct err *err)
{
	const struct web *w = d->web;
	const char *why = json_str(w->tls, "error");
	int64_t port = json_int_or(w->tls, "port", 0);
	const cJSON *p;

	cJSON_ArrayForEach (p, w->ports)
		if (json_str(p, "error") != NULL) {
			why = json_str(p, "error");
			port = json_int_or(p, "port", 0);
		}
	return err_set(err, ERR_UNAVAILABLE,
	    "the dashboard can not be reached: nothing can listen on port %lld: %.300s; end what "
	    "has it, or choose another one: dashboard.http in %.300s",
	    (long long)port, why != NULL ? why : "it is not open", d->paths.config);
}

int
web_dashboard(struct irisd *d, cJSON *o, struct err *err)
{
	const struct config_dashboard *c = &d->conf->config->dashboard;
	const struct web *w = d->web;
	char plain[64], tls[320] = "";
	int64_t port;

	if (!c->enabled)
		return err_set(err, ERR_UNAVAILABLE,
		    "the dashboard is switched off: dashboard.enabled is false in %s; set it to true",
		    d->paths.config);
	if (w == NULL)
		return err_set(err, ERR_UNAVAILABLE,
		    "the dashboard has no port: dashboard.http, dashboard.https and "
		    "settings.httpPort are 0 in %s; give one of them a port",
		    d->paths.config);
	if (w->failed)
		return err_set(err, ERR_UNAVAILABLE,
		    "the web process of irisd, which has the dashboard, does not start; %s says why, and "
		    "it is tried again",
		    d->paths.logfile);
	if (w->ports == NULL || (c->https != 0 && w->tls == NULL))
		return 0;
	if (json_str(w->tls, "fingerprint") != NULL)
		tls_url(w->tls, tls);
	if (c->http == 0 || (port = open_port(w, c->http)) == 0)
		port = tls[0] == '\0' ? open_port(w, 0) : 0;
	if (port == 0 && tls[0] == '\0')
		return none_open(d, err);
	snprintf(plain, sizeof plain, "http://127.0.0.1:%lld", (long long)port);
	json_put_str(o, "url", port != 0 ? plain : tls);
	if (tls[0] != '\0')
		json_put_str(o, "https", tls);
	if (tls[0] != '\0' && json_bool(w->tls, "selfsigned", false))
		json_put_str(o, "fingerprint", json_str(w->tls, "fingerprint"));
	return 1;
}

static void
warn(cJSON *warnings, const char *text)
{
	cJSON_AddItemToArray(warnings, cJSON_CreateString(text));
}

void
web_warnings(struct irisd *d, cJSON *warnings)
{
	const struct config_dashboard *c = &d->conf->config->dashboard;
	char text[ERR_MSG_MAX];
	const cJSON *p;

	if (d->web == NULL)
		return;
	if (c->enabled && !is_loopback(c->host) && c->https == 0) {
		snprintf(text, sizeof text,
		    "dashboard.host is %.200s, but HTTP is served on 127.0.0.1 only, without "
		    "dashboard.https",
		    c->host);
		warn(warnings, text);
	}
	cJSON_ArrayForEach (p, d->web->ports) {
		if (json_str(p, "error") == NULL)
			continue;
		snprintf(text, sizeof text, "no HTTP on port %lld: %.700s",
		    (long long)json_int_or(p, "port", 0), json_str(p, "error"));
		warn(warnings, text);
	}
	if (json_str(d->web->tls, "error") != NULL) {
		snprintf(text, sizeof text, "no HTTPS on port %lld: %.700s",
		    (long long)json_int_or(d->web->tls, "port", 0), json_str(d->web->tls, "error"));
		warn(warnings, text);
	}
	cJSON_ArrayForEach (p, json_arr(d->web->tls, "warnings"))
		if (cJSON_IsString(p))
			warn(warnings, p->valuestring);
}
