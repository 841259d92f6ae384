/* SPDX-License-Identifier: MIT
 *
 * Teams: one for each entry of the configuration, with the sessions that others have with it and
 * its worker. Also who a caller is, by the directory it works in.
 */
#ifndef IRIS_CORE_TEAM_H
#define IRIS_CORE_TEAM_H

#include "irisd/core/session.h"
#include "irisd/irisd.h"

#define TEAM_NAME_MAX 200 /* bytes, with a guest's name */

/* core/backoff.c's. */
struct backoff {
	int crashes;         /* in the present window, without an answer since */
	int64_t first;       /* ms, monotonic: when the first of them was */
	int64_t retry;       /* ms, monotonic: no start before that */
	char why[256];       /* the last one */
	struct event *timer; /* NULL until it was needed */
};

/* core/line.c's. */
struct line {
	bool down;           /* a session was cut, and the host was not reached since */
	int tries;           /* that did not bring it back */
	int64_t since;       /* ms, wall clock */
	int64_t lost;        /* the same, monotonic */
	int64_t next;        /* ms, monotonic: no try before that */
	int64_t quiet;       /* ms, monotonic: lost while nobody waited, not reached since; 0: no */
	char why[512];       /* the last one */
	struct event *timer; /* NULL until it was needed */
};

struct team {
	TAILQ_ENTRY(team) entry;      /* irisd.teams, by name */
	TAILQ_ENTRY(team) told_entry; /* events.teams, when to_tell */
	bool to_tell;
	struct irisd *d;
	char *name;        /* owned */
	struct conf *conf; /* referenced: cfg points into it */
	const struct config_team *cfg;
	bool
	    removed; /* no longer configured: takes no message, goes when its sessions are asleep */
	struct session_list sessions; /* linked by team_entry */
	struct worker *worker;        /* NULL while none runs; belongs to net/worker.c */
	int adopting;                 /* workers of an earlier irisd's that have not spoken yet */
	struct evict *evict;          /* while leftovers of its Claudes are killed; net/evict.c's */
	struct backoff backoff;
	struct line line;      /* to its host; never down for a local team */
	struct tunnel *tunnel; /* core/tunnel.c's; NULL until it was needed */
};

/* NULL when it is not configured (any more). */
struct team *team_find(struct irisd *d, const char *name);

/* The same with ERR_NOT_FOUND that names the nearest teams. */
struct team *team_require(struct irisd *d, const char *name, struct err *err);

/*
 * Bring the list in line with conf (referenced once more for each team). diff, an object, gets the
 * lists added, removed and changed; may be NULL.
 */
void team_sync(struct irisd *d, struct conf *conf, cJSON *diff);

/* Forget the removed teams whose sessions are all asleep. */
void team_collect(struct irisd *d);
void team_free_all(struct irisd *d);

/* True when any of its sessions has a process. */
bool team_awake(const struct team *t);

/*
 * The name of who works in dir: the team whose directory holds it, or a guest's name,
 * "guest:<directory>-<hash>", which is the same each time. Returns whether it is a team.
 */
bool team_of_dir(struct irisd *d, const char *dir, char *name, size_t size);

#endif
