/* SPDX-License-Identifier: MIT
 *
 * iris-worker: what irisd starts for each awake team. Reads its options, connects to irisd, and
 * turns signals into calls of worker.c. Nothing else.
 */
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/compat.h"
#include "common/json.h"
#include "common/log.h"
#include "iris-worker/remote.h"
#include "iris-worker/worker.h"

#define ORPHAN_MS 600000 /* where irisd does not say */

static const char usage_text[] =
    "usage: iris-worker -s socket -t team [-d directory] [-g file] [-l level] [-o milliseconds]\n"
    "       iris-worker --help | --version\n"
    "\n"
    "Runs the Claude Code sessions of one team for irisd, which starts it. See iris-worker(8).\n";

static void
child_cb(evutil_socket_t sig, short what, void *arg)
{
	(void)sig;
	(void)what;
	worker_reap(arg);
}

static void
stop_cb(evutil_socket_t sig, short what, void *arg)
{
	(void)what;
	log_info("stopping on signal %d", (int)sig);
	worker_stop(arg);
}

static void
wake_cb(evutil_socket_t sig, short what, void *arg)
{
	(void)sig;
	(void)what;
	link_wake(arg);
}

static bool
milliseconds(const char *text, int *out)
{
	char *end;
	long v;

	errno = 0;
	v = strtol(text, &end, 10);
	if (errno != 0 || end == text || *end != '\0' || v < 0 || v > INT_MAX)
		return false;
	*out = (int)v;
	return true;
}

static void
options(
    int argc, char **argv, struct worker_options *o, enum log_level *level, const char **logfile)
{
	bool ok = true;
	int ch;

	if (argc == 2 && strcmp(argv[1], "--version") == 0) {
		puts("iris-worker " IRIS_VERSION);
		exit(0);
	}
	if (argc == 2 && strcmp(argv[1], "--help") == 0) {
		fputs(usage_text, stdout);
		exit(0);
	}
	while ((ch = getopt(argc, argv, "d:g:l:o:s:t:")) != -1) {
		if (ch == 'd')
			o->spool_dir = optarg;
		else if (ch == 'g')
			*logfile = optarg;
		else if (ch == 's')
			o->sock = optarg;
		else if (ch == 't')
			o->team = optarg;
		else if (ch == 'o')
			ok = ok && milliseconds(optarg, &o->orphan_ms);
		else
			ok = ok && ch == 'l' && log_level_from_name(optarg, level) == 0;
	}
	if (!ok || optind != argc || o->sock == NULL || o->team == NULL) {
		fputs(usage_text, stderr);
		exit(2);
	}
}

int
main(int argc, char **argv)
{
	static const struct {
		int sig;
		event_callback_fn cb;
	} signals[] = {
	    {SIGCHLD, child_cb}, {SIGTERM, stop_cb}, {SIGINT, stop_cb}, {SIGUSR1, wake_cb}};
	struct event *events[sizeof signals / sizeof signals[0]];
	struct worker_options o = {.orphan_ms = ORPHAN_MS};
	enum log_level level = LOG_INFO;
	const char *logfile = NULL;
	struct worker w;
	struct err err;
	int status;
	size_t i;

	/* Started by ssh, for the passphrase of a key. */
	if (remote_askpass(argc, argv, &status))
		return status;
	options(argc, argv, &o, &level, &logfile);
	log_init("iris-worker", level);
	if (logfile != NULL)
		log_copy(logfile);
	json_init();
	worker_init(&w, &o);
	for (i = 0; i < sizeof signals / sizeof signals[0]; i++) {
		events[i] = evsignal_new(w.loop.base, signals[i].sig, signals[i].cb, &w);
		evsignal_add(events[i], NULL);
	}
	/* Before anything is started: irisd knows by it what is no person's. */
	if (!compat_brand())
		log_debug("what is started can not be marked for good here");
	if (!compat_subreaper())
		log_debug("orphans can not be adopted here; they are found by their parents");
	if (link_open(&w, &err) == -1)
		fatalx("%s", err.msg);
	log_info("worker runs team=%s pid=%ld", o.team, (long)getpid());
	loop_run(&w.loop);
	for (i = 0; i < sizeof signals / sizeof signals[0]; i++)
		event_free(events[i]);
	log_info("worker ends team=%s status=%d", o.team, w.exit_status);
	worker_release(&w);
	return w.exit_status;
}
