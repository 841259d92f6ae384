/* SPDX-License-Identifier: MIT
 *
 * The doors of teams' tunnels, see pinned.h. Connections are client.c's, as all others are; this
 * says how they are let in, and what is different about them.
 */
#include <sys/socket.h>
#include <sys/stat.h>
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/compat.h"
#include "common/json.h"
#include "common/log.h"
#include "common/xmalloc.h"
#include "irisd/core/tunnel.h"
#include "irisd/net/client.h"
#include "irisd/net/pinned.h"
#include "irisd/net/room.h"

#define ACCEPT_MAX 8                        /* in one pass */
#define HERE_MAX   (2 * TUNNEL_CLIENTS_MAX) /* with those that are on their way out */
#define AGAIN_MS   250

struct pinned {
	struct team *team;
	char path[PATHS_SOCK_MAX];
	int fd;
	struct event *ev;
	struct event *again; /* while nobody is let in */
	int count;
};

/* --- what they are to the MCP server ---------------------------------------------------------- */

static void
carrier_send(struct mcp *m, char *text)
{
	struct client *c = m->arg;

	peer_send(c->peer, text);
}

static void
carrier_who(struct mcp *m, char *name, size_t size)
{
	const struct client *c = m->arg;

	compat_strlcpy(name, c->door->team->name, size);
}

static int
carrier_person(struct mcp *m, const char *what, char *by, char *team, size_t size, struct err *err)
{
	(void)m;
	(void)by;
	(void)team;
	(void)size;
	return err_set(err, ERR_REFUSED,
	    "%s is for a person at Iris's own machine: it is not to be had by a team's tunnel",
	    what);
}

static int
carrier_speak_as(struct mcp *m, const char *said, struct err *err)
{
	const struct client *c = m->arg;

	return err_set(err, ERR_REFUSED,
	    "fromTeam is \"%.100s\", but this tunnel belongs to team \"%s\"; leave fromTeam out",
	    said, c->door->team->name);
}

static const struct mcp_carrier carrier = {.send = carrier_send,
    .who = carrier_who,
    .unasked = true,
    .person = carrier_person,
    .speak_as = carrier_speak_as};

int
pinned_greet(struct client *c, const struct rpc_msg *hello, struct err *err)
{
	const char *role = json_str(hello->params, "role");
	const char *instance = json_str(hello->params, "instance");

	if (strcmp(role, "shim") != 0)
		return err_set(err, ERR_REFUSED,
		    "by the tunnel of a team there is no role but shim, and this is \"%.40s\"",
		    role);
	if (c->door->count > TUNNEL_CLIENTS_MAX)
		return err_set(err, ERR_LIMIT,
		    "%d connections by the tunnel of team %s are the limit; end one of the sessions "
		    "of Claude Code there",
		    TUNNEL_CLIENTS_MAX, c->door->team->name);
	mcp_init(&c->mcp, c->d, &carrier, c);
	c->mcp.tunnel = true;
	if (instance != NULL)
		compat_strlcpy(c->mcp.instance, instance, sizeof c->mcp.instance);
	return 0;
}

/* --- the socket ------------------------------------------------------------------------------- */

void
pinned_came(struct pinned *p)
{
	p->count++;
}

void
pinned_left(struct pinned *p)
{
	p->count--;
	if (evtimer_pending(p->again, NULL)) {
		evtimer_del(p->again);
		event_add(p->ev, NULL);
	}
}

static void
again_cb(evutil_socket_t fd, short what, void *arg)
{
	struct pinned *p = arg;

	(void)fd;
	(void)what;
	event_add(p->ev, NULL);
}

/* Who comes waits in the backlog, and is not looked at again and again. */
static void
pause_accept(struct pinned *p)
{
	static const struct timeval tv = {0, AGAIN_MS * 1000};

	event_del(p->ev);
	evtimer_add(p->again, &tv);
}

static void
accept_cb(evutil_socket_t lfd, short what, void *arg)
{
	struct pinned *p = arg;
	int i, fd;

	(void)what;
	for (i = 0; i < ACCEPT_MAX; i++) {
		if (p->count >= HERE_MAX || !room_to_accept(p->team->d)) {
			pause_accept(p);
			return;
		}
		if ((fd = compat_accept(lfd)) != -1) {
			client_take(p->team->d, fd, p);
			continue;
		}
		if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
			pause_accept(p);
		if (errno != EINTR && errno != ECONNABORTED)
			return;
	}
}

void
pinned_clean(const struct irisd *d)
{
	char dir[PATHS_MAX], path[PATHS_MAX];
	const struct dirent *de;
	size_t n;
	DIR *list;

	if (paths_join(dir, sizeof dir, d->paths.run, "remote") == -1 ||
	    (list = opendir(dir)) == NULL)
		return;
	while ((de = readdir(list)) != NULL) {
		n = strlen(de->d_name);
		if (n > 5 && strcmp(de->d_name + n - 5, ".sock") == 0 &&
		    paths_join(path, sizeof path, dir, de->d_name) == 0)
			unlink(path);
	}
	closedir(list);
}

struct pinned *
pinned_open(struct team *t, struct err *err)
{
	char path[PATHS_SOCK_MAX];
	struct pinned *p;
	int fd;

	if (paths_door(&t->d->paths, t->name, path, sizeof path, err) == -1 ||
	    (fd = client_listen_at(path, err)) == -1)
		return NULL;
	p = xcalloc(1, sizeof *p);
	p->team = t;
	p->fd = fd;
	memcpy(p->path, path, sizeof p->path);
	p->ev = event_new(t->d->loop.base, fd, EV_READ | EV_PERSIST, accept_cb, p);
	p->again = evtimer_new(t->d->loop.base, again_cb, p);
	event_add(p->ev, NULL);
	t->d->fds_at_start++;
	return p;
}

void
pinned_close(struct pinned *p, const struct err *why)
{
	struct irisd *d = p->team->d;

	event_del(p->ev);
	unlink(p->path);
	client_end_door(d, p, why);
	event_free(p->ev);
	event_free(p->again);
	close(p->fd);
	d->fds_at_start--;
	free(p);
}

const char *
pinned_path(const struct pinned *p)
{
	return p->path;
}

int
pinned_count(const struct pinned *p)
{
	return p->count;
}

const char *
pinned_team(const struct pinned *p)
{
	return p->team->name;
}
