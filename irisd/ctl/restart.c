/* SPDX-License-Identifier: MIT
 *
 * restart: irisd hands over to the next one, and no turn is lost by it; for upgrades. The old irisd
 * ends without stopping its workers, this starts the next one (or the service manager does), waits
 * until that has adopted the workers, and tells what went on and what did not.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/compat.h"
#include "common/config.h"
#include "common/json.h"
#include "common/start.h"
#include "irisd/ctl/ctl.h"
#include "irisd/ctl/daemon.h"
#include "irisd/ctl/term.h"

#define CALL_MS   10000
#define START_MS  15000
#define SETTLE_MS 30000 /* irisd gives each worker 10 s, then kills it */
#define TRIES     8     /* an irisd of a service manager's may take over from the one we start */
#define PAUSE_MS  20    /* between them, doubling */

/* An irisd that runs is not given up for one that could not start. */
static int
check_next(const struct ctl *c, struct err *err)
{
	char prog[PATHS_MAX];
	struct config *cfg;

	if (paths_program("irisd", prog, sizeof prog, err) == -1)
		return err_prefix(err, "nothing is stopped, as irisd would not start again: ");
	if (access(c->paths.config, F_OK) == -1 && errno == ENOENT)
		return 0;
	if ((cfg = config_load(c->paths.config, err)) == NULL)
		return err_prefix(err, "nothing is stopped, as irisd would not start again: ");
	config_free(cfg);
	return 0;
}

/* End everything, then start. */
static int
restart_hard(struct ctl *c, struct err *err)
{
	struct call call;
	int64_t pid;
	bool was;

	if (daemon_stop(c, &was, &pid, err) == -1 || ctl_connect(c, true, NULL, &call, err) == -1)
		return -1;
	daemon_print_started(c, &call, was ? "restarted" : "started");
	call_close(&call);
	return 0;
}

/* Ask the irisd at the other end of call to hand over; before becomes its last status. */
static int
leave(struct ctl *c, struct call *call, cJSON **before, struct err *err)
{
	cJSON *params = json_new();
	int rv;

	json_put_bool(params, "handover", true);
	if (call_request(
		call, "iris/daemon.status", json_new(), CALL_MS, NULL, NULL, before, err) == -1) {
		cJSON_Delete(params);
		return -1;
	}
	rv = call_request(call, "iris/daemon.stop", params, CALL_MS, NULL, NULL, NULL, err);
	/*
	 * That it closes before it has answered comes to the same. The lock may be held again
	 * already, by an irisd of a service manager's.
	 */
	if (rv == 0 || err->code == ERR_UNAVAILABLE)
		rv = daemon_wait_gone(c, call->fd, false, err);
	return rv;
}

/* Wait until the irisd at the other end has adopted what it can. */
static int
ask_settled(struct call *call, cJSON **after, struct err *err)
{
	/* A version that does not know the method adopts nothing either. */
	if (call_request(
		call, "iris/daemon.settled", json_new(), SETTLE_MS, NULL, NULL, NULL, err) == -1 &&
	    err->code != ERR_PROTOCOL)
		return -1;
	return call_request(
	    call, "iris/daemon.status", json_new(), CALL_MS, NULL, NULL, after, err);
}

/*
 * A connection to the next irisd, when that has settled, and its status then. One that a service
 * manager starts may take over from the one that this starts: then again.
 */
static int
settle(struct ctl *c, struct call *call, cJSON **after, struct err *err)
{
	struct timespec pause = {.tv_nsec = PAUSE_MS * 1000000L};
	int fd, tries;

	for (tries = 1;; tries++) {
		fd = start_connect_held(&c->paths, START_MS, NULL, err);
		if (fd != -1 && ctl_hello(c, fd, call, err) == 0) {
			if (ask_settled(call, after, err) == 0)
				return 0;
			call_close(call);
		}
		if (err->code != ERR_UNAVAILABLE || tries == TRIES)
			return -1;
		nanosleep(&pause, NULL);
		pause.tv_nsec = pause.tv_nsec < 500000000L ? pause.tv_nsec * 2 : pause.tv_nsec;
	}
}

static bool
has_worker(const cJSON *status, const cJSON *worker)
{
	const cJSON *w;

	cJSON_ArrayForEach (w, json_arr(status, "workers"))
		if (json_int_or(w, "pid", 0) == json_int_or(worker, "pid", -1))
			return true;
	return false;
}

/* What was there before, and whether it is there still. */
struct outcome {
	int workers, workers_lost, turns, turns_lost;
};

static int
busy_turns(const cJSON *status, const char *team)
{
	const char *to, *state;
	const cJSON *s;
	int n = 0;

	cJSON_ArrayForEach (s, json_arr(status, "sessions")) {
		to = json_str(s, "to");
		state = json_str(s, "state");
		if (to != NULL && state != NULL && strcmp(to, team) == 0)
			n += strcmp(state, "busy") == 0;
	}
	return n;
}

static struct outcome
compare(const cJSON *before, const cJSON *after)
{
	struct outcome o = {0};
	const char *team;
	const cJSON *w;
	int turns;

	cJSON_ArrayForEach (w, json_arr(before, "workers")) {
		team = json_str(w, "team");
		turns = team != NULL ? busy_turns(before, team) : 0;
		if (has_worker(after, w)) {
			o.workers++;
			o.turns += turns;
		} else {
			o.workers_lost++;
			o.turns_lost += turns;
		}
	}
	return o;
}

static void
print_json(const struct ctl *c, const cJSON *hello, const struct outcome *o, const char *version,
    int64_t ms)
{
	cJSON *tree = json_new();

	json_put_str(tree, "status", "restarted");
	json_put_int(tree, "pid", json_int_or(hello, "pid", 0));
	json_put_str_opt(tree, "version", json_str(hello, "version"));
	json_put_str_opt(tree, "versionBefore", version);
	json_put_str(tree, "socket", c->paths.sock);
	json_put_int(tree, "turns", o->turns);
	json_put_int(tree, "turnsLost", o->turns_lost);
	json_put_int(tree, "workers", o->workers);
	json_put_int(tree, "workersLost", o->workers_lost);
	json_put_int(tree, "duration", ms);
	ctl_print_json(tree);
}

static void
print_text(const cJSON *hello, const struct outcome *o, const char *version, int64_t ms)
{
	const char *now = json_str(hello, "version");
	char took[32];

	printf("irisd %srestarted%s: version ", term_on(stdout, TERM_GREEN), term_off(stdout));
	term_print(stdout, version != NULL ? version : "?", false);
	printf(" -> ");
	term_print(stdout, now != NULL ? now : "?", false);
	printf(", pid %" PRId64 ", after %s; ", json_int_or(hello, "pid", 0),
	    term_duration(ms, took, sizeof took));
	if (o->turns + o->turns_lost == 0)
		printf("no turn was running\n");
	else
		printf("%d turn%s on\n", o->turns, o->turns == 1 ? " goes" : "s go");
	fflush(stdout);
	if (o->turns_lost > 0)
		fprintf(stderr,
		    "%swarning:%s %d turn%s lost; \"iris message list --state failed\" shows which\n",
		    term_on(stderr, TERM_YELLOW), term_off(stderr), o->turns_lost,
		    o->turns_lost == 1 ? " was" : "s were");
}

/* The irisd at the other end of old leaves, and the next one takes over. */
static int
hand_over(struct ctl *c, struct call *old, struct err *err)
{
	const char *version = json_str(old->hello, "version");
	cJSON *before = NULL, *after = NULL;
	int64_t began = compat_mono_ms();
	struct call call = {.fd = -1};
	struct outcome o;
	int lock, rv;

	/* So that the next irisd is the one beside this program, and not a waiting shim's. */
	if ((lock = start_hold(&c->paths, err)) == -1)
		return -1;
	if ((rv = leave(c, old, &before, err)) == -1)
		goto out;
	if ((rv = settle(c, &call, &after, err)) == -1) {
		err_prefix(err, "irisd has handed over, its workers go on, but the next one: ");
		goto out;
	}
	o = compare(before, after);
	if (c->json)
		print_json(c, call.hello, &o, version, compat_mono_ms() - began);
	else
		print_text(call.hello, &o, version, compat_mono_ms() - began);
out:
	close(lock);
	if (call.fd != -1)
		call_close(&call);
	cJSON_Delete(before);
	cJSON_Delete(after);
	return rv;
}

int
ctl_restart_run(struct ctl *c, struct err *err)
{
	struct call call;
	int rv;

	if (check_next(c, err) == -1)
		return -1;
	if (ctl_opt(c, "hard") != NULL)
		return restart_hard(c, err);
	if (ctl_connect(c, false, NULL, &call, err) == -1) {
		/* None listens; one that is on its way out is waited for. */
		return err->code == ERR_UNAVAILABLE ? restart_hard(c, err) : -1;
	}
	rv = hand_over(c, &call, err);
	call_close(&call);
	return rv;
}
