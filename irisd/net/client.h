/* SPDX-License-Identifier: MIT
 *
 * Connections to irisd.sock: accepting, the hello, and who gets the lines that follow (mcp/ for a
 * shim, control.c for the CLI, worker.c for a worker). One place where a connection ends.
 */
#ifndef IRIS_NET_CLIENT_H
#define IRIS_NET_CLIENT_H

#include "common/peer.h"
#include "irisd/core/team.h"
#include "irisd/mcp/mcp.h"

enum client_role {
	CLIENT_NEW, /* has not said hello */
	CLIENT_SHIM,
	CLIENT_CTL,
	CLIENT_WEB,
	CLIENT_ROLES
};

struct control;
struct pinned;
struct web_client;

struct client {
	TAILQ_ENTRY(client) entry; /* irisd.clients */
	struct irisd *d;
	struct peer *peer;
	enum client_role role;
	struct pinned *door; /* of a team's tunnel, by which it came; NULL: our own socket */
	pid_t pid;
	uint64_t pid_start;             /* compat_proc_start */
	char *cwd;                      /* owned; absolute; "/" when it gave none */
	struct event *timer;            /* until the hello */
	int64_t quiet_since;            /* ms, monotonic: its last line, or its beginning */
	struct mcp mcp;                 /* of a shim, and of who comes over HTTP */
	struct web_client *web;         /* web_client.c's, in that role */
	TAILQ_HEAD(, control) controls; /* calls under way, of the CLI */
};

/*
 * Listen on the socket: the one that the service manager has passed, or one of our own, in place of
 * what a dead irisd has left there. The caller holds the lock.
 */
int client_listen(struct irisd *d, struct err *err);

/*
 * A socket of ours alone (0600) at path, in place of what an irisd before has left there, that takes
 * connections. -1 with ERR_IO.
 */
int client_listen_at(const char *path, struct err *err);

/* Take no more connections. */
void client_stop_listening(struct irisd *d);

/*
 * Close the socket and leave it where it is, for the next irisd to replace: who connects meanwhile
 * is told that nobody listens.
 */
void client_leave_socket(struct irisd *d);

/* Answer what waits, because irisd stops. */
void client_stop_all(struct irisd *d, const struct err *why);
/* End all connections, letting out what is queued. */
void client_close_all(struct irisd *d);

/* A connection that was accepted at this door (NULL: at our own socket); fd is taken. */
void client_take(struct irisd *d, int fd, struct pinned *door);
/* The door is closed: tell those who came by it why, and end their connections. */
void client_end_door(struct irisd *d, struct pinned *door, const struct err *why);

/* The name of who speaks: team or guest, by its directory, or as its key says. */
void client_who(const struct client *c, char *name, size_t size);

#endif
