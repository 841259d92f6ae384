/* SPDX-License-Identifier: MIT
 *
 * The web process from start to end, see web.h. It lives by one connection to irisd: from that it
 * learns its ports, over that it tells which of them are open, and with that it ends, or by
 * SIGTERM, when what it is to do has changed: one of the answers under way is to who has changed it.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/call.h"
#include "common/compat.h"
#include "common/json.h"
#include "common/log.h"
#include "irisd/web/deliver.h"
#include "irisd/web/front.h"
#include "irisd/web/seat.h"
#include "irisd/web/serve.h"
#include "irisd/web/web.h"

#define CALL_MS  10000
#define FIRST_MS 2000  /* to the first look at a port that was taken: its owner may be ending */
#define RETRY_MS 30000 /* between looks at it; up to that the time doubles */
#define END_MS   1000  /* for the threads to say what irisd said last, or to end what is short */

static int asked[2] = {-1, -1}; /* a pipe: SIGTERM was sent */

static void
term_cb(int sig)
{
	int saved = errno;

	(void)sig;
	(void)!write(asked[1], "", 1);
	errno = saved;
}

/* Before there are other threads, which must not be the ones that get it; then for this one. */
static void
block_term(bool on)
{
	struct sigaction sa = {.sa_handler = term_cb};
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	if (on && compat_pipe(asked) == -1)
		fatal("can not make a pipe");
	if (!on)
		sigaction(SIGTERM, &sa, NULL);
	pthread_sigmask(on ? SIG_BLOCK : SIG_UNBLOCK, &set, NULL);
}

static void
notify_cb(const char *method, const cJSON *params, void *arg)
{
	(void)params;
	(void)arg;
	log_debug("notification method=%s", method);
}

static int
read_plan(const cJSON *plan, struct serve_port ports[SERVE_PORTS_MAX])
{
	const char *level = json_str(plan, "logLevel");
	enum log_level l;
	const cJSON *p;
	int n = 0;

	if (level != NULL && log_level_from_name(level, &l) == 0)
		log_set_level(l);
	cJSON_ArrayForEach (p, json_arr(plan, "ports"))
		if (n < SERVE_PORTS_MAX)
			ports[n++].port = p->valueint;
	return n;
}

static int
tell_ports(struct call *c, const struct serve_port *ports, int n, struct err *err)
{
	cJSON *params = json_new(), *list = cJSON_CreateArray(), *o;
	int i;

	for (i = 0; i < n; i++) {
		o = json_new();
		json_put_int(o, "port", ports[i].port);
		if (ports[i].err.code != ERR_NONE)
			json_put_str(o, "error", ports[i].err.msg);
		cJSON_AddItemToArray(list, o);
	}
	json_put(params, "ports", list);
	if ((o = front_json()) != NULL)
		json_put(params, "tls", o);
	return call_request(c, "iris/web.listening", params, CALL_MS, NULL, NULL, NULL, err);
}

/* One that was taken and is free now: civetweb takes no further port, so a new process does. */
static bool
port_to_be_had(const struct serve_port *ports, int n)
{
	struct err err;
	int i;

	for (i = 0; i < n; i++)
		if (ports[i].err.code != ERR_NONE && serve_port_free(ports[i].port, &err))
			return true;
	return false;
}

static bool
was_asked(void)
{
	struct pollfd pfd = {.fd = asked[0], .events = POLLIN};

	return poll(&pfd, 1, 0) == 1;
}

/* Until irisd or the front has something to say, or ms have passed. */
static void
await_either(const struct call *c, int ms)
{
	struct pollfd pfd[3] = {{.fd = c->fd, .events = POLLIN},
	    {.fd = front_fd(), .events = POLLIN}, {.fd = asked[0], .events = POLLIN}};
	int due = front_wait();

	poll(pfd, 3, due != -1 && (ms == -1 || due < ms) ? due : ms);
}

/* What there is to do besides HTTP; returns when the process has to end, err says why. */
static void
attend(struct call *c, const struct serve_port *ports, int n, int open, struct err *err)
{
	int64_t pause = FIRST_MS, look = compat_mono_ms() + pause, left;

	for (;;) {
		while (call_wait(c, 0, notify_cb, NULL, err) == 0)
			;
		if (err->code != ERR_TIMEOUT)
			return;
		if (was_asked()) {
			err_set(err, ERR_CANCELLED, "the configuration has changed");
			return;
		}
		if (open < n && compat_mono_ms() >= look) {
			if (port_to_be_had(ports, n))
				return;
			pause = pause * 2 < RETRY_MS ? pause * 2 : RETRY_MS;
			look = compat_mono_ms() + pause;
		}
		if (front_turn()) {
			if (tell_ports(c, ports, n, err) == -1)
				return;
			continue;
		}
		left = look - compat_mono_ms();
		await_either(c, open == n ? -1 : left > 0 ? (int)left : 0);
	}
}

int
web_main(void)
{
	struct serve_port ports[SERVE_PORTS_MAX] = {0};
	struct paths paths;
	struct call call;
	struct err err;
	int n, open;
	bool told;

	if (paths_init(&paths, &err) == -1 ||
	    call_open(&call, paths.sock, call_hello_params("web"), CALL_MS, &err) == -1) {
		log_error("web: %s", err.msg);
		return err_exit_status(err.code);
	}
	log_copy(paths.logfile);
	n = read_plan(json_obj(call.hello, "web"), ports);
	front_plan(json_obj(json_obj(call.hello, "web"), "tls"), &paths);
	block_term(true);
	open = serve_start(&paths, ports, n);
	told = tell_ports(&call, ports, n, &err) == 0;
	if (told && open == -1) {
		/* Perhaps the next one can. */
		log_error("web: civetweb does not start");
		return 1;
	}
	if (told) {
		deliver_start(&paths);
		block_term(false);
		attend(&call, ports, n, open, &err);
	}
	log_info("web process ends: %s",
	    err.code == ERR_TIMEOUT ? "a port that was taken is free" : err.msg);
	/* Their connections to irisd have ended as this one did, or new ones are still answered. */
	if (err.code != ERR_TIMEOUT)
		seat_await_answers(END_MS);
	deliver_end();
	/* Not by way of exit(): a thread may be in the middle of what it does. */
	_exit(0);
}
