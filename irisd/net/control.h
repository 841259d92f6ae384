/* SPDX-License-Identifier: MIT
 *
 * Control calls, iris/<noun>.<verb>: what the CLI asks of irisd. A call is answered once, now or
 * later.
 */
#ifndef IRIS_NET_CONTROL_H
#define IRIS_NET_CONTROL_H

#include <cjson/cJSON.h>

#include "common/rpc.h"
#include "irisd/core/login.h"
#include "irisd/core/message.h"
#include "irisd/net/client.h"

struct control {
	TAILQ_ENTRY(control) entry; /* client.controls */
	struct client *client;
	char *id; /* raw JSON, owned */
	const char *method;
	int64_t started; /* ms, monotonic */
	bool stream;     /* tell what happens meanwhile */
	struct wait *wait;
	char message[UUID_LEN + 1];    /* whose */
	bool watching;                 /* a session_watch with this call as its arg */
	bool renewing;                 /* a renew_start with this call as its arg */
	bool sent;                     /* it has sent the message that it waits for */
	bool permissions;              /* permission.watch: until the connection ends */
	bool daemon;                   /* daemon.watch: until the connection ends */
	bool delivers;                 /* webhook.next: until a delivery is due */
	bool settling;                 /* daemon.settled: until no worker is to be adopted */
	struct login login;            /* login.create: what is wished */
	bool opening;                  /* login.create: until the web process listens */
	int64_t retry_after;           /* ms, with an error: ask again then; 0: nothing is known */
	cJSON *result;                 /* owned: what is known already; or NULL */
	cJSON *data;                   /* owned: what goes with an error; or NULL */
	struct control_remote *remote; /* control_remote.c's: what it waits for; or NULL */
	struct control_events *events; /* control_event.c's: its subscription; or NULL */
	int pending, stopped;          /* team.sleep: sessions still to stop, and stopped */
};

void control_request(struct client *c, const struct rpc_msg *m);
/* It was lost while they wait: before that, cancel what only they wait for. */
void control_lost(struct client *c);
/* The last worker of an earlier irisd's is adopted or gone: those who wait for that are told. */
void control_settled(struct irisd *d);
/* The connection is gone: its calls are dropped, what they have begun goes on. */
void control_drop_all(struct client *c);
/* Answer what waits, because irisd stops. */
void control_stop(struct client *c, const struct err *why);

/* It ends: its subscription does, where it has one. */
void control_event_release(struct control *c);

/* End a call. result is taken. */
void control_done(struct control *c, cJSON *result);
void control_failed(struct control *c, const struct err *why);

/* The handlers, one for each row of the table. */
#define CONTROL_X(sym, method, scope, params, help)                                                \
	void control_##sym(struct control *, const cJSON *);
#include "irisd/net/control_table.h"
#undef CONTROL_X

/* Of iris/daemon.status: {active, max, waiting, queued}, and messages by state. */
cJSON *control_pool_json(struct irisd *d);
cJSON *control_counts_json(struct irisd *d);

/* params.team; NULL when the call was ended. */
struct team *control_team(struct control *c, const cJSON *params);

/*
 * The sender: params.from (the user may speak for any team), else by the caller's directory. False
 * when the call was ended, since that is no name.
 */
bool control_from(struct control *c, const cJSON *params, char *name, size_t size);

#endif
