/* SPDX-License-Identifier: MIT
 *
 * Accepts connections and gates them by role, see client.h. What is not permitted in a role is
 * refused before it is looked at.
 */
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/call.h"
#include "common/compat.h"
#include "common/json.h"
#include "common/log.h"
#include "common/rpc.h"
#include "common/xmalloc.h"
#include "irisd/core/terminal.h"
#include "irisd/core/tunnel.h"
#include "irisd/mcp/elicit_private.h"
#include "irisd/net/client.h"
#include "irisd/net/control.h"
#include "irisd/net/origin.h"
#include "irisd/net/pinned.h"
#include "irisd/net/room.h"
#include "irisd/net/service.h"
#include "irisd/net/web.h"
#include "irisd/net/web_client.h"
#include "irisd/net/worker.h"

#define HELLO_TIMEOUT_S 10
#define BACKLOG         128
#define ACCEPT_MAX      64  /* connections taken in one pass, so that others get their turn */
#define ACCEPT_RETRY_MS 100 /* while there are too few descriptors */
#define CLOSE_GRACE_MS  2000

/* Where descriptors are short, who says nothing for so long (ms) gives way to those who wait. */
#define QUIET_NEW_MS 250
#define QUIET_CTL_MS 2000

#define KIB ((size_t)1024)
#define MIB (1024 * KIB)

/*
 * What a connection may send in one line, and leave unread before it is not read any more (soft) or
 * cut off (hard), per role; iris-protocol(7). A worker is always read: it may be waiting for that
 * before it reads in turn.
 */
static const struct peer_limits new_limits = {64 * KIB, 64 * KIB, 1 * MIB};
static const struct peer_limits role_limits[CLIENT_ROLES] = {
    [CLIENT_SHIM] = {RPC_LINE_MAX, 4 * MIB, 64 * MIB},
    [CLIENT_CTL] = {RPC_LINE_MAX, 1 * MIB, 64 * MIB},
    [CLIENT_WEB] = {RPC_LINE_MAX, 1 * MIB, 64 * MIB},
};
static const struct peer_limits worker_limits = {RPC_LINE_MAX, 256 * MIB, 256 * MIB};

static void line_cb(struct peer *, char *, size_t, void *);

static void
client_free(void *arg)
{
	struct client *c = arg;

	if (c->timer != NULL)
		event_free(c->timer);
	free(c->cwd);
	free(c);
}

/* Somebody else may be taken now. */
static void
accept_again(struct irisd *d)
{
	if (d->accept_retry != NULL && evtimer_pending(d->accept_retry, NULL)) {
		evtimer_del(d->accept_retry);
		event_add(d->accept_ev, NULL);
	}
}

/* Its end, whoever began it: the peer ends itself, or was ended by the caller. */
static void
client_gone(struct client *c)
{
	TAILQ_REMOVE(&c->d->clients, c, entry);
	if (c->role == CLIENT_NEW)
		c->d->greeting--;
	accept_again(c->d);
	if (c->door != NULL)
		pinned_left(c->door);
	if (c->role == CLIENT_SHIM)
		mcp_release(&c->mcp);
	else if (c->role == CLIENT_WEB)
		web_client_release(c);
	control_drop_all(c);
	if (c->timer != NULL)
		evtimer_del(c->timer);
	loop_defer(&c->d->loop, client_free, c);
}

static void
client_end(struct client *c)
{
	peer_close(c->peer, CLOSE_GRACE_MS);
	client_gone(c);
}

/*
 * End connections in this role on which nothing is said and nothing is waited for, at most n, the
 * oldest first; how many there were.
 */
static int
make_room(struct irisd *d, enum client_role role, int64_t quiet_ms, int n)
{
	int64_t since = compat_mono_ms() - quiet_ms;
	struct client *c, *next;
	struct err err;
	int gone = 0;

	TAILQ_FOREACH_SAFE (c, &d->clients, entry, next) {
		if (gone == n)
			break;
		if (c->role != role || !TAILQ_EMPTY(&c->controls) || c->quiet_since > since)
			continue;
		log_warn("idle connection closed, descriptors are short pid=%ld", (long)c->pid);
		err_set(&err, ERR_LIMIT,
		    "irisd has too few file descriptors for connections on which nothing is said");
		peer_send(c->peer, rpc_error("null", &err, NULL));
		client_end(c);
		gone++;
	}
	return gone;
}

static void
timer_cb(evutil_socket_t fd, short what, void *arg)
{
	struct client *c = arg;

	(void)fd;
	(void)what;
	log_warn("connection without a hello closed pid=%ld", (long)c->pid);
	client_end(c);
}

/* Once, until there is enough again. */
static void
say_short(struct irisd *d, const char *why)
{
	if (!d->accept_short)
		log_warn("connections are refused: %s", why);
	d->accept_short = true;
}

void
client_who(const struct client *c, char *name, size_t size)
{
	const char *team;
	unsigned scopes;

	if (c->door != NULL)
		compat_strlcpy(name, pinned_team(c->door), size);
	else if (web_client_scoped(c, &scopes, &team))
		compat_strlcpy(name, web_client_name(c), size);
	else
		team_of_dir(c->d, c->cwd, name, size);
}

static void
shim_send(struct mcp *m, char *text)
{
	struct client *c = m->arg;

	peer_send(c->peer, text);
}

static void
shim_who(struct mcp *m, char *name, size_t size)
{
	client_who(m->arg, name, size);
}

static int
shim_person(struct mcp *m, const char *what, char *by, char *team, size_t size, struct err *err)
{
	char name[TEAM_NAME_MAX];
	struct client *c = m->arg;

	if (origin_person(c, what, err) == -1)
		return -1;
	client_who(c, name, sizeof name);
	snprintf(by, size, "%.160s (pid %ld)", name, (long)c->pid);
	team[0] = '\0';
	return 0;
}

static int
shim_speak_as(struct mcp *m, const char *said, struct err *err)
{
	char name[TEAM_NAME_MAX];
	const struct client *c = m->arg;

	if (team_of_dir(c->d, c->cwd, name, sizeof name))
		return err_set(err, ERR_REFUSED,
		    "fromTeam is \"%.100s\", but this session belongs to team \"%s\"; leave fromTeam out",
		    said, name);
	return err_set(err, ERR_REFUSED,
	    "fromTeam is \"%.100s\", but this project's directory belongs to no team (it is known as "
	    "\"%s\"); leave fromTeam out, or add the project with \"iris team add\"",
	    said, name);
}

static const struct mcp_carrier shim_carrier = {.send = shim_send,
    .who = shim_who,
    .unasked = true,
    .person = shim_person,
    .speak_as = shim_speak_as};

/* A worker's connection is worker.c's from now on. */
static void
hello_worker(struct client *c, const struct rpc_msg *m, cJSON *result)
{
	struct err err;

	if (worker_adopt(c->d, c->peer, c->pid, m, result, &err) == -1) {
		peer_send(c->peer, rpc_error(m->id, &err, NULL));
		client_end(c);
	} else {
		peer_set_limits(c->peer, &worker_limits);
		client_gone(c);
	}
}

static cJSON *
hello_result(struct irisd *d)
{
	cJSON *o = json_new();

	json_put_str(o, "version", IRIS_VERSION);
	json_put_int(o, "protocol", RPC_PROTOCOL);
	json_put_int(o, "pid", getpid());
	json_put_str(o, "home", d->paths.home);
	return o;
}

static int
check_hello(const struct rpc_msg *m, struct err *err)
{
	int64_t protocol;

	if (m->kind != RPC_REQUEST || strcmp(m->method, "iris/hello") != 0)
		return err_set(err, ERR_PROTOCOL, "the first line must be the request iris/hello");
	if (json_str(m->params, "role") == NULL || json_int(m->params, "protocol", &protocol) == -1)
		return err_set(err, ERR_PROTOCOL, "iris/hello needs role and protocol");
	if (protocol != RPC_PROTOCOL)
		return err_set(err, ERR_PROTOCOL,
		    "this irisd (%s) speaks protocol %d, the other side %lld; after an upgrade run "
		    "\"iris restart\"",
		    IRIS_VERSION, RPC_PROTOCOL, (long long)protocol);
	return 0;
}

/* The directory as the kernel knows it, so that it can be compared with those of the teams. */
static void
set_cwd(struct client *c, const char *cwd)
{
	char real[PATHS_MAX];

	if (cwd != NULL && cwd[0] == '/')
		c->cwd = xstrdup(realpath(cwd, real) != NULL ? real : cwd);
	else
		c->cwd = xstrdup("/");
}

/* There may be any number of them; what irisd needs to go on working comes first. */
static int
admit_shim(struct irisd *d, struct err *err)
{
	int leaving = room_short(d) ? make_room(d, CLIENT_NEW, QUIET_NEW_MS, 1) : 0;

	if (room_for_shim(d, leaving, err) == 0)
		return 0;
	say_short(d, err->msg);
	return -1;
}

static void
greeted(struct client *c)
{
	c->d->greeting--;
	accept_again(c->d);
	evtimer_del(c->timer);
	peer_set_limits(c->peer, &role_limits[c->role]);
}

/* Of a team's host: what it says of itself counts for nothing. */
static void
hello_pinned(struct client *c, const struct rpc_msg *m)
{
	struct err err, often;
	cJSON *result;

	if (admit_shim(c->d, &err) == -1 || pinned_greet(c, m, &err) == -1) {
		/* Nobody over there fills the log. */
		if (tunnel_allows(c->d, pinned_team(c->door), &often) == 0)
			log_warn(
			    "refused by the tunnel of team %s: %s", pinned_team(c->door), err.msg);
		peer_send(c->peer, rpc_error(m->id, &err, NULL));
		client_end(c);
		return;
	}
	c->role = CLIENT_SHIM;
	greeted(c);
	result = json_new();
	json_put_str(result, "version", IRIS_VERSION);
	json_put_int(result, "protocol", RPC_PROTOCOL);
	peer_send(c->peer, rpc_result(m->id, result));
}

static void
hello(struct client *c, const struct rpc_msg *m)
{
	const char *role, *instance;
	struct err err;
	cJSON *result;

	if (check_hello(m, &err) == -1) {
		peer_send(c->peer, rpc_error(m->id, &err, NULL));
		client_end(c);
		return;
	}
	role = json_str(m->params, "role");
	if (c->door != NULL) {
		hello_pinned(c, m);
		return;
	}
	if (strcmp(role, "worker") == 0) {
		hello_worker(c, m, hello_result(c->d));
		return;
	}
	if ((strcmp(role, "shim") == 0 || strcmp(role, "web") == 0) &&
	    admit_shim(c->d, &err) == -1) {
		peer_send(c->peer, rpc_error(m->id, &err, NULL));
		client_end(c);
		return;
	}
	set_cwd(c, json_str(m->params, "cwd"));
	if (strcmp(role, "shim") == 0) {
		c->role = CLIENT_SHIM;
		mcp_init(&c->mcp, c->d, &shim_carrier, c);
		if ((instance = json_str(m->params, "instance")) != NULL)
			compat_strlcpy(c->mcp.instance, instance, sizeof c->mcp.instance);
		c->mcp.env = terminal_env(json_obj(m->params, "env"));
		c->mcp.dir = xstrdup(c->cwd);
	} else if (strcmp(role, "ctl") == 0) {
		c->role = CLIENT_CTL;
	} else if (strcmp(role, "web") == 0) {
		c->role = CLIENT_WEB;
		web_client_init(c);
	} else {
		err_set(&err, ERR_REFUSED, "no such role: %.40s", role);
		peer_send(c->peer, rpc_error(m->id, &err, NULL));
		client_end(c);
		return;
	}
	greeted(c);
	result = hello_result(c->d);
	if (c->role == CLIENT_WEB)
		json_put(result, "web", web_plan(c->d));
	peer_send(c->peer, rpc_result(m->id, result));
}

static void
line_cb(struct peer *peer, char *line, size_t len, void *arg)
{
	struct client *c = arg;
	struct rpc_msg m;
	struct err err;

	if (line == NULL) {
		log_debug("connection ended pid=%ld reason=%s", (long)c->pid, peer_why(peer));
		if (c->role == CLIENT_SHIM || c->role == CLIENT_WEB)
			mcp_lost(&c->mcp);
		control_lost(c);
		client_gone(c);
		return;
	}
	if (c->role == CLIENT_SHIM) {
		mcp_line(&c->mcp, line, len);
		return;
	}
	c->quiet_since = compat_mono_ms();
	if (c->role == CLIENT_WEB) {
		web_client_line(c, line, len);
		return;
	}
	if (rpc_parse(line, len, &m, &err) == -1) {
		peer_send(peer, rpc_error(m.id, &err, NULL));
		if (c->role == CLIENT_NEW)
			client_end(c);
	} else if (c->role == CLIENT_NEW) {
		hello(c, &m);
	} else if (m.kind == RPC_REQUEST) {
		control_request(c, &m);
	}
	rpc_clear(&m);
}

/*
 * Leave who comes in the backlog, until somebody goes or has said hello, and look again in a moment:
 * without descriptors, accept would fail at once, again and again.
 */
static void
pause_accept(struct irisd *d)
{
	struct timeval tv = {0, ACCEPT_RETRY_MS * 1000};

	event_del(d->accept_ev);
	evtimer_add(d->accept_retry, &tv);
}

static void
retry_cb(evutil_socket_t fd, short what, void *arg)
{
	struct irisd *d = arg;

	(void)fd;
	(void)what;
	if (!room_to_accept(d) && make_room(d, CLIENT_NEW, QUIET_NEW_MS, ACCEPT_MAX) == 0)
		make_room(d, CLIENT_CTL, QUIET_CTL_MS, 1);
	event_add(d->accept_ev, NULL);
}

void
client_take(struct irisd *d, int fd, struct pinned *door)
{
	struct timeval tv = {HELLO_TIMEOUT_S, 0};
	struct client *c;
	uid_t uid;
	pid_t pid;

	/* The socket's mode keeps others out; this is the second lock on the same door. */
	if (compat_peer_cred(fd, &uid, &pid) == -1 || uid != geteuid()) {
		log_warn("connection of another user refused");
		close(fd);
		return;
	}
	c = xcalloc(1, sizeof *c);
	c->d = d;
	c->pid = pid;
	c->pid_start = pid > 0 ? compat_proc_start(pid) : 0;
	c->quiet_since = compat_mono_ms();
	c->door = door;
	if (door != NULL)
		pinned_came(door);
	d->greeting++;
	TAILQ_INIT(&c->controls);
	c->peer = peer_new(&d->loop, fd, fd, &new_limits, line_cb, c);
	c->timer = evtimer_new(d->loop.base, timer_cb, c);
	evtimer_add(c->timer, &tv);
	TAILQ_INSERT_TAIL(&d->clients, c, entry);
}

static void
accept_cb(evutil_socket_t lfd, short what, void *arg)
{
	struct irisd *d = arg;
	int i, fd;

	(void)what;
	if (!room_short(d))
		d->accept_short = false;
	for (i = 0; i < ACCEPT_MAX; i++) {
		if (!room_to_accept(d)) {
			pause_accept(d);
			break;
		}
		if ((fd = compat_accept(lfd)) != -1) {
			client_take(d, fd, NULL);
			continue;
		}
		if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
			say_short(d, strerror(errno));
			pause_accept(d);
		}
		if (errno != EINTR && errno != ECONNABORTED)
			break;
	}
}

int
client_listen_at(const char *path, struct err *err)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	mode_t old;
	int fd, rv;

	compat_strlcpy(sun.sun_path, path, sizeof sun.sun_path);
	if ((fd = compat_socket(true)) == -1)
		return err_sys(err, ERR_IO, "can not make a socket");
	/* irisd's lock is ours, so whoever made this is dead. */
	unlink(path);
	old = umask(0177);
	rv = bind(fd, (struct sockaddr *)&sun, sizeof sun);
	umask(old);
	if (rv == -1 || listen(fd, BACKLOG) == -1) {
		err_sys(err, ERR_IO, "can not listen on %s", path);
		close(fd);
		return -1;
	}
	return fd;
}

int
client_listen(struct irisd *d, struct err *err)
{
	int fd = service_socket();

	if (fd == -1 && (fd = client_listen_at(d->paths.sock, err)) == -1)
		return -1;
	if (compat_set_nonblock(fd) == -1) {
		err_sys(err, ERR_IO, "can not use the socket %s", d->paths.sock);
		close(fd);
		return -1;
	}
	d->listen_fd = fd;
	room_init(d);
	d->accept_ev = event_new(d->loop.base, fd, EV_READ | EV_PERSIST, accept_cb, d);
	d->accept_retry = evtimer_new(d->loop.base, retry_cb, d);
	event_add(d->accept_ev, NULL);
	return 0;
}

void
client_leave_socket(struct irisd *d)
{
	event_free(d->accept_ev);
	event_free(d->accept_retry);
	d->accept_ev = d->accept_retry = NULL;
	close(d->listen_fd);
	d->listen_fd = -1;
}

void
client_stop_listening(struct irisd *d)
{
	if (d->accept_ev == NULL)
		return;
	client_leave_socket(d);
	/* A socket of the service manager's stays: it will start the next irisd. */
	if (!service_has_socket())
		unlink(d->paths.sock);
}

void
client_end_door(struct irisd *d, struct pinned *door, const struct err *why)
{
	struct client *c, *next;

	TAILQ_FOREACH_SAFE (c, &d->clients, entry, next) {
		if (c->door != door)
			continue;
		if (c->role == CLIENT_SHIM) {
			elicit_withdraw_all(&c->mcp);
			mcp_stop(&c->mcp, why);
		}
		client_end(c);
	}
}

void
client_stop_all(struct irisd *d, const struct err *why)
{
	struct client *c;

	TAILQ_FOREACH (c, &d->clients, entry) {
		if (c->role == CLIENT_SHIM || c->role == CLIENT_WEB)
			mcp_stop(&c->mcp, why);
		control_stop(c, why);
	}
}

void
client_close_all(struct irisd *d)
{
	struct client *c;

	while ((c = TAILQ_FIRST(&d->clients)) != NULL) {
		if (c->role == CLIENT_SHIM)
			elicit_withdraw_all(&c->mcp);
		client_end(c);
	}
	elicit_hold_end_all(d);
}
