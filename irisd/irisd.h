/* SPDX-License-Identifier: MIT
 *
 * The daemon's one context: everything that irisd owns hangs here. One thread, one loop; so no lock
 * anywhere.
 *
 *	net/	connections: hello, control calls, workers	(in: lines; out: calls of mcp/ and core/)
 *	mcp/	the MCP server					(in: MCP lines; out: calls of core/)
 *	core/	teams, sessions, messages, the pool		(decides; calls store/ and net/worker.h)
 *	store/	iris.db
 */
#ifndef IRIS_IRISD_H
#define IRIS_IRISD_H

#include <sys/queue.h>
#include <stdbool.h>
#include <stdint.h>

#include <cjson/cJSON.h>

#include "common/config.h"
#include "common/loop.h"
#include "common/paths.h"

struct client;
struct logins;
struct rates;
struct events;
struct mcp;
struct message;
struct permission;
struct session;
struct store;
struct team;
struct terminal;
struct watch;
struct web;
struct webhooks;
struct worker;

/*
 * A loaded configuration and who still uses it: a removed team keeps the one it was defined in
 * until it is idle.
 */
struct conf {
	struct config *config;
	int refs;
};

struct irisd {
	struct loop loop;
	struct paths paths;
	struct conf *conf;
	struct store *store;
	int64_t started_at; /* ms, wall clock */
	bool stopping;      /* iris/daemon.stop or a signal came */
	bool handing_over;  /* ends at once, and leaves its workers to the next irisd */
	int lock_fd;        /* what makes this the only irisd of its home */

	TAILQ_HEAD(team_list, team) teams;
	int draining;                            /* removed teams that are still in the list */
	TAILQ_HEAD(session_list, session) ready; /* sessions that pool_run must look at */
	struct session_list waiting; /* sessions that wait for a process slot, in order */
	struct message *messages;    /* hash by id: those that are not final */
	int queued;                  /* those that wait, of all sessions */
	int active;                  /* sessions that hold a process slot */
	bool too_many;               /* more than the configuration now allows: pool_fit */

	TAILQ_HEAD(client_list, client) clients;
	LIST_HEAD(mcp_list, mcp) mcps; /* MCP clients, by whatever carrier */
	bool follow_due,
	    follow_teams; /* mcp/follow.c has something to tell; that the list changed */
	struct event *accept_ev;
	struct event *accept_retry; /* while no connection is taken */
	bool accept_short;          /* there are too few descriptors: said once */
	int fds_at_start;           /* descriptors that are no connection's */
	int greeting;               /* connections that have not said hello yet */
	int listen_fd;
	TAILQ_HEAD(worker_list, worker) workers;
	TAILQ_HEAD(terminal_list, terminal) terminals;       /* programs that open windows */
	TAILQ_HEAD(permission_list, permission) permissions; /* requests that wait for a person */
	struct event *permission_timer;                      /* to the first one's deadline */
	struct watch *watch;            /* watch.c's; NULL while no file is watched */
	char config_error[ERR_MSG_MAX]; /* why the last reload was none; "" after a good one */
	struct web *web;                /* net/web.c's; NULL while no HTTP is wanted */
	struct webhooks *webhooks;      /* core/webhook.c's */
	struct event *search_timer;     /* until the texts of ended messages can be searched */
	int64_t search_touched, search_wanted; /* core/search.c's; ms, monotonic */
	struct {
		struct event *timer; /* pending while there is work */
		int work;            /* turns, starts and requests that processes have to do */
		bool asked;          /* the last look has asked: the next one judges */
	} health;                    /* core/health.c's */
	struct logins *logins;       /* core/login.c's: links to the dashboard */
	struct rates *rates;         /* core/rate.c's: what keys have asked of late */
	struct event *commit_timer;  /* while something is written that nobody waits for */
	struct events *events;       /* core/event.c's; NULL until somebody has subscribed */
	unsigned event_topics;       /* set of EVENT_BIT: those that are made */
	struct {
		ino_t ino; /* 0: there was no file */
		off_t size;
		struct timespec changed;
	} config_file; /* as it was when it was read */
};

/* Begin the orderly stop: refuse new work, end workers, then leave the loop. Safe to call twice. */
void irisd_stop(struct irisd *d, const char *why);

/*
 * Leave everything to the next irisd: workers go on, and who waits for an answer gets none, but the
 * end of its connection, and asks again. What is queued for a connection in this pass still goes
 * out. Safe to call twice; an orderly stop that has begun is not turned into this.
 */
void irisd_handover(struct irisd *d, const char *why);

/*
 * Read the configuration again; -1 leaves everything as it was. diff (may be NULL) gets added,
 * removed, changed, settings.
 */
int irisd_reload(struct irisd *d, cJSON *diff, struct err *err);

void conf_unref(struct conf *c);

#endif
