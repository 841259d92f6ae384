/* SPDX-License-Identifier: MIT
 *
 * Connecting, see hop.h. Called by main.c. The sockets are made here, so that libssh neither waits
 * for a name nor for a connection, and knows nothing of the way that its bytes take.
 */
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/spawn.h"
#include "common/xmalloc.h"
#include "iris-worker/ssh/auth.h"
#include "iris-worker/ssh/forward.h"
#include "iris-worker/ssh/hop.h"
#include "iris-worker/ssh/say.h"

#define EXIT_FAILED 255

static int reach(struct line *, struct conf *, struct verify *, int, struct err *);

/* What is said when the time is over: two texts in turn, since the signal comes at any moment. */
static char phases[2][512];
static const char *volatile phase = "iris-ssh: Connection timed out\n";
static int64_t deadline; /* ms, of compat_mono_ms */

static void
alarm_cb(int sig)
{
	const char *text = phase;
	ssize_t done;

	(void)sig;
	done = write(STDERR_FILENO, text, strlen(text));
	(void)done;
	_exit(EXIT_FAILED);
}

static void
set_phase(const char *before, const char *host, int port, const char *after)
{
	static int turn;

	turn = !turn;
	snprintf(phases[turn], sizeof phases[turn], "iris-ssh: %s %s port %d%s\n", before, host,
	    port, after);
	phase = phases[turn];
}

void
hop_time_limit(int seconds)
{
	struct sigaction sa = {.sa_handler = alarm_cb};

	sigemptyset(&sa.sa_mask);
	sigaction(SIGALRM, &sa, NULL);
	deadline = compat_mono_ms() + (int64_t)seconds * 1000;
	alarm((unsigned)seconds);
}

/* Wait for a connection on its way. 0 or an errno value. */
static int
wait_connected(int fd, int64_t ms)
{
	struct pollfd p = {.fd = fd, .events = POLLOUT};
	socklen_t len = sizeof(int);
	int e = 0, rc;

	do
		rc = poll(&p, 1, (int)ms);
	while (rc == -1 && errno == EINTR);
	if (rc == 0)
		return ETIMEDOUT;
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &e, &len) == -1)
		return errno;
	return e;
}

/* One address. A socket, or -1 with errno. */
static int
connect_address(struct hop *h, const struct addrinfo *ai, int left)
{
	int64_t ms = (deadline - compat_mono_ms()) / left;
	int fd, on = 1, e;

	if (getnameinfo(ai->ai_addr, ai->ai_addrlen, h->address, sizeof h->address, NULL, 0,
		NI_NUMERICHOST) != 0)
		h->address[0] = '\0';
	say_debug("Connecting to %s [%s] port %d.", h->conf.host, h->address, h->conf.port);
	if ((fd = socket(ai->ai_family, SOCK_STREAM, 0)) == -1)
		return -1;
	compat_set_cloexec(fd, true);
	compat_set_nonblock(fd);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
	e = connect(fd, ai->ai_addr, ai->ai_addrlen) == 0 ? 0 : errno;
	if (e == EINPROGRESS || e == EINTR)
		e = wait_connected(fd, ms > 1000 ? ms : 1000);
	if (e == 0)
		return fd;
	close(fd);
	errno = e;
	return -1;
}

static int
connect_tcp(struct hop *h, struct err *err)
{
	const struct conf *c = &h->conf;
	struct addrinfo hints = {.ai_family = c->family, .ai_socktype = SOCK_STREAM}, *found, *ai;
	char port[16];
	int fd = -1, rc, left = 0;

	snprintf(port, sizeof port, "%d", c->port);
	set_phase("connect to host", c->host, c->port, ": Connection timed out");
	if ((rc = getaddrinfo(c->host, port, &hints, &found)) != 0) {
		err_set(
		    err, ERR_IO, "Could not resolve hostname %s: %s", c->host, gai_strerror(rc));
		return -1;
	}
	for (ai = found; ai != NULL; ai = ai->ai_next)
		left++;
	for (ai = found; ai != NULL && fd == -1; ai = ai->ai_next)
		fd = connect_address(h, ai, left--);
	if (fd == -1)
		err_sys(err, ERR_IO, "connect to host %s port %d", c->host, c->port);
	freeaddrinfo(found);
	if (fd == -1)
		return -1;
	snprintf(h->where, sizeof h->where, "%s ([%s]:%d)", c->host, h->address, c->port);
	return fd;
}

/* The command of the configuration, run by sh as ssh does it; names in it are plain words. */
static int
connect_command(struct hop *h, struct err *err)
{
	char sh[] = "/bin/sh", dash_c[] = "-c", *command, *text;
	struct spawn spawn = {.path = sh};
	char *argv[] = {sh, dash_c, NULL, NULL};
	int pair[2];

	set_phase("connect to host", h->conf.host, h->conf.port,
	    " by ProxyCommand: Connection timed out");
	if ((text = conf_expand(&h->conf, h->conf.proxy, err)) == NULL)
		return -1;
	if (compat_pair(pair) == -1) {
		free(text);
		return err_sys(err, ERR_IO, "no pair of sockets for the ProxyCommand");
	}
	command = xasprintf("exec %s", text);
	say_debug("Executing proxy command: %s", command);
	argv[2] = command;
	spawn.argv = argv;
	spawn.fds[0] = spawn.fds[1] = pair[1];
	spawn.fds[2] = STDERR_FILENO;
	h->proxy = spawn_process(&spawn, err);
	free(text);
	free(command);
	close(pair[1]);
	if (h->proxy == -1) {
		close(pair[0]);
		return -1;
	}
	compat_set_nonblock(pair[0]);
	return pair[0];
}

/* A channel of the last hop to this one, and one end of a pair of sockets that it is pumped to. */
static int
connect_through(struct line *l, struct hop *h, struct err *err)
{
	struct hop *via = line_last(l);
	const struct conf *c = &h->conf;
	ssh_channel channel;
	int pair[2], rc;

	set_phase("connect to host", c->host, c->port, " through another: Connection timed out");
	say_debug("Connecting to %s [through %s] port %d.", c->host, via->conf.name, c->port);
	if ((channel = ssh_channel_new(via->session)) == NULL)
		return err_set(err, ERR_INTERNAL, "no channel to %s", c->host);
	LINE_WAIT(
	    l, rc, SSH_AGAIN, ssh_channel_open_forward(channel, c->host, c->port, "127.0.0.1", 0));
	if (rc != SSH_OK) {
		err_set(err, ERR_IO, "connect to host %s port %d through %s: %s", c->host, c->port,
		    via->conf.name, ssh_get_error(via->session));
		ssh_channel_free(channel);
		return -1;
	}
	if (compat_pair(pair) == -1) {
		ssh_channel_free(channel);
		return err_sys(err, ERR_IO, "no pair of sockets for %s", c->host);
	}
	flow_new(l, via, channel, pair[1], pair[1], -1);
	compat_set_nonblock(pair[0]);
	return pair[0];
}

/* Options that are worth no error: libssh passes over what it does not have. */
static void
set_algorithms(ssh_session s, const struct conf *c)
{
	const struct {
		enum ssh_options_e option;
		const char *value;
	} list[] = {{SSH_OPTIONS_CIPHERS_C_S, c->ciphers}, {SSH_OPTIONS_CIPHERS_S_C, c->ciphers},
	    {SSH_OPTIONS_HMAC_C_S, c->macs}, {SSH_OPTIONS_HMAC_S_C, c->macs},
	    {SSH_OPTIONS_KEY_EXCHANGE, c->kex}, {SSH_OPTIONS_PUBLICKEY_ACCEPTED_TYPES, c->pubkeys}};
	size_t i;

	for (i = 0; i < sizeof list / sizeof list[0]; i++)
		if (list[i].value != NULL && ssh_options_set(s, list[i].option, list[i].value) < 0)
			say("%s: '%s' names no algorithm that libssh has; its own are used",
			    c->name, list[i].value);
}

static int
new_session(struct hop *h, int fd, struct err *err)
{
	const struct conf *c = &h->conf;
	bool no = false;
	unsigned port = (unsigned)c->port;
	char *algorithms;
	int rc;

	if ((h->session = ssh_new()) == NULL) {
		close(fd);
		return err_set(err, ERR_INTERNAL, "libssh gives no session");
	}
	ssh_set_blocking(h->session, 0);
	ssh_set_counters(h->session, &h->raw, NULL);
	if ((algorithms = verify_algorithms(c, err)) == NULL) {
		close(fd);
		return -1;
	}
	/* Which keys are known is decided in verify.c alone. */
	rc = ssh_options_set(h->session, SSH_OPTIONS_HOST, c->host) |
	    ssh_options_set(h->session, SSH_OPTIONS_PORT, &port) |
	    ssh_options_set(h->session, SSH_OPTIONS_USER, c->user) |
	    ssh_options_set(h->session, SSH_OPTIONS_PROCESS_CONFIG, &no) |
	    ssh_options_set(h->session, SSH_OPTIONS_KNOWNHOSTS, "/dev/null") |
	    ssh_options_set(h->session, SSH_OPTIONS_GLOBAL_KNOWNHOSTS, "/dev/null") |
	    ssh_options_set(h->session, SSH_OPTIONS_HOSTKEYS, algorithms) |
	    ssh_options_set(h->session, SSH_OPTIONS_COMPRESSION, c->compression ? "yes" : "no");
	free(algorithms);
	if (rc < 0) {
		close(fd);
		return err_set(err, ERR_INVALID, "%s: %s", c->name, ssh_get_error(h->session));
	}
	set_algorithms(h->session, c);
	ssh_options_set(h->session, SSH_OPTIONS_FD, &fd);
	return 0;
}

static int
handshake(struct line *l, struct hop *h, struct err *err)
{
	const struct conf *c = &h->conf;
	int rc;

	set_phase("Connection timed out during banner exchange with", c->host, c->port, "");
	LINE_WAIT(l, rc, SSH_AGAIN, ssh_connect(h->session));
	if (rc != SSH_OK)
		return err_set(err, ERR_IO,
		    "Connection to %s port %d failed before a key was agreed on: %s", c->host,
		    c->port, ssh_get_error(h->session));
	if ((h->event = ssh_event_new()) == NULL ||
	    ssh_event_add_session(h->event, h->session) != SSH_OK)
		return err_set(err, ERR_INTERNAL, "libssh gives no event loop");
	return 0;
}

/* The hosts before this one, the nearest first. */
static int
reach_jumps(struct line *l, const struct conf *c, struct verify *show, int depth, struct err *err)
{
	const char *comma = strrchr(c->jump, ','), *name = comma != NULL ? comma + 1 : c->jump;
	struct conf jump;
	int rc;

	conf_init(&jump);
	if (comma != NULL)
		jump.jump = xstrndup(c->jump, (size_t)(comma - c->jump));
	rc = conf_set_destination(&jump, name, true, err);
	if (rc == 0)
		rc = conf_complete(&jump, l->config, err);
	if (rc == 0)
		rc = reach(l, &jump, show, depth + 1, err);
	conf_release(&jump);
	if (rc == -1)
		err_prefix(err, "on the way to %s: ", c->name);
	return rc;
}

/* depth 0 is the host that is wanted. */
static int
reach(struct line *l, struct conf *conf, struct verify *show, int depth, struct err *err)
{
	struct hop *h;
	int fd, rc;

	if (depth == LINE_HOPS)
		return err_set(err, ERR_INVALID,
		    "ProxyJump goes through more than %d hosts, or in a circle", LINE_HOPS - 1);
	if (conf->jump != NULL && (rc = reach_jumps(l, conf, show, depth, err)) != 0)
		return rc;
	h = xcalloc(1, sizeof *h);
	h->conf = *conf;
	conf_init(conf);
	snprintf(h->where, sizeof h->where, "%s (via proxy)", h->conf.host);
	if (h->conf.jump != NULL)
		fd = connect_through(l, h, err);
	else
		fd = h->conf.proxy != NULL ? connect_command(h, err) : connect_tcp(h, err);
	if (fd == -1 || new_session(h, fd, err) == -1) {
		if (h->session != NULL)
			ssh_free(h->session);
		conf_release(&h->conf);
		free(h);
		return -1;
	}
	l->hops[l->nhops++] = h;
	say_debug("Connection established.");
	if (handshake(l, h, err) == -1)
		return -1;
	rc = verify_host(h, show, depth == 0, err);
	if (rc != 0 || (show != NULL && depth == 0))
		return rc;
	forward_answer(l, h);
	set_phase("Connection timed out during the login to", h->conf.host, h->conf.port, "");
	return auth_login(l, err);
}

int
hop_reach(struct line *l, struct conf *conf, struct verify *show, struct err *err)
{
	return reach(l, conf, show, 0, err);
}
