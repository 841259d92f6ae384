/* SPDX-License-Identifier: MIT
 *
 * iris-ssh: a small ssh client on libssh, for machines without one. Opens the line, runs the
 * command with standard input and output, and ends with its status; 255 when something of its own
 * went wrong. Knows nothing of what it carries. Never asks, never reads a password.
 */
#include <libssh/libssh.h>
#include <libssh/server.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/json.h"
#include "common/log.h"
#include "iris-worker/ssh/args.h"
#include "iris-worker/ssh/auth.h"
#include "iris-worker/ssh/forward.h"
#include "iris-worker/ssh/hop.h"
#include "iris-worker/ssh/say.h"

#define EXIT_FAILED 255

static volatile sig_atomic_t caught;
static int wake[2] = {-1, -1};

static void
signal_cb(int sig)
{
	int saved = errno;
	ssize_t done;

	caught = sig;
	done = write(wake[1], "", 1);
	(void)done;
	errno = saved;
}

static void
catch_signals(struct line *l)
{
	static const int signals[] = {SIGTERM, SIGINT, SIGHUP};
	struct sigaction sa = {.sa_handler = signal_cb};
	size_t i;

	if (compat_pipe(wake) == -1)
		fatal("pipe");
	compat_set_nonblock(wake[1]);
	l->wake = wake[0];
	sigemptyset(&sa.sa_mask);
	for (i = 0; i < sizeof signals / sizeof signals[0]; i++)
		sigaction(signals[i], &sa, NULL);
}

/* Whether 0, 1 and 2 are open, and what they were set to: that is shared with others. */
static void
stdio_save(int flags[3])
{
	int fd, null;

	for (fd = 0; fd < 3; fd++) {
		flags[fd] = fcntl(fd, F_GETFL);
		if (flags[fd] == -1 && (null = open("/dev/null", O_RDWR)) != -1 && null != fd) {
			dup2(null, fd);
			close(null);
		}
	}
}

static void
stdio_restore(const int flags[3])
{
	int fd;

	for (fd = 0; fd < 3; fd++)
		if (flags[fd] != -1)
			fcntl(fd, F_SETFL, flags[fd]);
}

static int
start_command(struct line *l, const struct args *a, struct flow **out, struct err *err)
{
	struct hop *h = line_last(l);
	ssh_channel channel = ssh_channel_new(h->session);
	struct flow *f;
	int rc;

	if (channel == NULL)
		return err_set(err, ERR_INTERNAL, "libssh gives no channel");
	/* Before the host can answer: what it says first must not be missed. */
	f = flow_new(l, h, channel, STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO);
	f->keep = f->held = true;
	LINE_WAIT(l, rc, SSH_AGAIN, ssh_channel_open_session(channel));
	if (rc != SSH_OK)
		return err_set(err, ERR_IO, "%s opens no session: %s", h->conf.name,
		    ssh_get_error(h->session));
	if (h->conf.forward_agent) {
		LINE_WAIT(l, rc, SSH_AGAIN, ssh_channel_request_auth_agent(channel));
		if (rc != SSH_OK)
			say_debug("%s takes no agent", h->conf.name);
	}
	if (a->command != NULL) {
		say_debug("Sending command: %s", a->command);
		LINE_WAIT(l, rc, SSH_AGAIN, ssh_channel_request_exec(channel, a->command));
	} else {
		LINE_WAIT(l, rc, SSH_AGAIN, ssh_channel_request_shell(channel));
	}
	if (rc != SSH_OK)
		return err_set(err, ERR_IO, "%s does not run the command: %s", h->conf.name,
		    ssh_get_error(h->session));
	f->held = false;
	*out = f;
	return 0;
}

/* The host has been silent for so long. The ms until the next look; -1: too often. */
static int64_t
keepalive(struct line *l, int *unanswered)
{
	struct hop *h = line_last(l);
	uint64_t before = h->raw.out_bytes, heard = h->raw.in_bytes;

	if (++*unanswered > h->conf.alive_max) {
		say("Timeout, server %s not responding.", h->conf.name);
		return -1;
	}
	/* The first call may do no more than take note of the answer to the one before. */
	ssh_send_keepalive(h->session);
	if (h->raw.out_bytes == before)
		ssh_send_keepalive(h->session);
	/* On a busy machine the answer, or more, is there before the call is over. */
	if (h->raw.in_bytes != heard) {
		line_heard(l);
		*unanswered = 0;
	}
	return compat_mono_ms() + (int64_t)h->conf.alive_interval * 1000;
}

/* Until the command has ended, the line is lost, or a signal comes. -1: not by the command. */
static int
run(struct line *l, struct flow *f)
{
	struct hop *h = line_last(l);
	int64_t interval = (int64_t)h->conf.alive_interval * 1000, heard, due, left;
	int unanswered = 0, rc;

	heard = l->heard = compat_mono_ms();
	due = heard + interval;
	while (f == NULL || !flow_ended(f)) {
		left = interval == 0 ? -1 : due - compat_mono_ms();
		if (interval != 0 && left <= 0) {
			if ((due = keepalive(l, &unanswered)) == -1)
				return -1;
			continue;
		}
		if ((rc = line_step(l, left > 3600000 ? 3600000 : (int)left)) == 1) {
			say("Killed by signal %d.", (int)caught);
			return -1;
		}
		if (rc == -1)
			return -1;
		if (l->heard != heard) {
			heard = l->heard;
			due = heard + interval;
			unanswered = 0;
		}
	}
	return 0;
}

static int
session(struct line *l, struct args *a, struct err *err)
{
	struct flow *f = NULL;
	int rc;

	if (forward_resolve(l, err) == -1 || hop_reach(l, &a->conf, NULL, err) == -1)
		return -1;
	if (forward_listen(l, err) == -1)
		return -1;
	if (!a->no_command && start_command(l, a, &f, err) == -1)
		return -1;
	alarm(0);
	auth_wipe();
	catch_signals(l);
	rc = run(l, f);
	if (rc == -1 || f == NULL)
		return EXIT_FAILED;
	if (f->output_gone)
		say("nobody reads standard output any more");
	return f->status == -1 ? EXIT_FAILED : f->status;
}

int
main(int argc, char **argv)
{
	struct line l;
	struct args a;
	struct err err = {.code = ERR_NONE};
	int flags[3], status;

	signal(SIGPIPE, SIG_IGN);
	stdio_save(flags);
	log_init("iris-ssh", LOG_INFO);
	json_init();
	auth_take_passphrase();
	line_init(&l);
	status = args_parse(argc, argv, &a, &l, &err);
	if (status == 0) {
		hop_time_limit(a.conf.connect_timeout);
		if (a.host_key)
			status = hop_reach(&l, &a.conf, &a.verify, &err) == -1 ? -1 : 0;
		else
			status = session(&l, &a, &err);
	}
	if (status == -1) {
		say("%s", err.msg);
		status = EXIT_FAILED;
	}
	auth_wipe();
	line_release(&l);
	args_release(&a);
	stdio_restore(flags);
	return status;
}
