/* SPDX-License-Identifier: MIT
 *
 * iris-worker: what irisd starts for each awake team. Reads its options, connects to irisd, and
 * turns signals into calls of worker.c. Nothing else.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/call.h"
#include "common/compat.h"
#include "common/json.h"
#include "common/log.h"
#include "iris-worker/worker.h"

static const char usage_text[] =
    "usage: iris-worker -s socket -t team [-l level]\n"
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
options(int argc, char **argv, const char **sock, const char **team, enum log_level *level)
{
	int ch;

	if (argc == 2 && strcmp(argv[1], "--version") == 0) {
		puts("iris-worker " IRIS_VERSION);
		exit(0);
	}
	if (argc == 2 && strcmp(argv[1], "--help") == 0) {
		fputs(usage_text, stdout);
		exit(0);
	}
	while ((ch = getopt(argc, argv, "l:s:t:")) != -1) {
		if (ch == 's')
			*sock = optarg;
		else if (ch == 't')
			*team = optarg;
		else if (ch != 'l' || log_level_from_name(optarg, level) == -1)
			optind = argc + 1;
	}
	if (optind != argc || *sock == NULL || *team == NULL) {
		fputs(usage_text, stderr);
		exit(2);
	}
}

int
main(int argc, char **argv)
{
	const char *sock = NULL, *team = NULL;
	struct event *child, *term, *intr;
	enum log_level level = LOG_INFO;
	struct worker w;
	struct err err;
	int fd;

	options(argc, argv, &sock, &team, &level);
	log_init("iris-worker", level);
	json_init();
	worker_init(&w, team);
	if ((fd = call_socket(sock, &err)) == -1)
		fatalx("%s", err.msg);
	if (!compat_subreaper())
		log_debug("orphans can not be adopted here; they are found by their parents");
	child = evsignal_new(w.loop.base, SIGCHLD, child_cb, &w);
	term = evsignal_new(w.loop.base, SIGTERM, stop_cb, &w);
	intr = evsignal_new(w.loop.base, SIGINT, stop_cb, &w);
	evsignal_add(child, NULL);
	evsignal_add(term, NULL);
	evsignal_add(intr, NULL);
	worker_connect(&w, fd);
	log_info("worker runs team=%s pid=%ld", team, (long)getpid());
	loop_run(&w.loop);
	event_free(child);
	event_free(term);
	event_free(intr);
	log_info("worker ends team=%s status=%d", team, w.exit_status);
	worker_release(&w);
	return w.exit_status;
}
