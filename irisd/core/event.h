/* SPDX-License-Identifier: MIT
 *
 * Live events, iris/event of iris-protocol(7): what happens in irisd, told to those who have
 * subscribed. Each event is one line, made once; its number, seq, rises for the whole life of a home.
 * The last ones are kept, so that who was away for a moment misses nothing.
 *
 * core/ and net/ say what has happened, and pay next to nothing while nobody wants it. What a
 * subscriber is sent is queued in the pass in which it happens, and leaves after that pass's commit.
 */
#ifndef IRIS_CORE_EVENT_H
#define IRIS_CORE_EVENT_H

#include <cjson/cJSON.h>

#include "irisd/core/session.h"
#include "irisd/core/team.h"
#include "irisd/irisd.h"
#include "irisd/store/store.h"

enum event_topic {
	EVENT_STREAM, /* about the events themselves: everybody gets these */
	EVENT_TEAM,
	EVENT_SESSION,
	EVENT_MESSAGE,
	EVENT_TEXT, /* never kept: who comes gets what was said so far */
	EVENT_APPROVAL,
	EVENT_LOG,
	EVENT_CONFIG,
	EVENT_POOL,
	EVENT_HOST, /* never kept */
	EVENT_WEBHOOK,
	EVENT_TOPICS
};
#define EVENT_BIT(topic) (1u << (topic))
#define EVENT_ALL        (EVENT_BIT(EVENT_TOPICS) - 1)
/* Of no team alone: not for those who see one team's traffic only. */
#define EVENT_COMMON                                                                               \
	(EVENT_BIT(EVENT_LOG) | EVENT_BIT(EVENT_CONFIG) | EVENT_BIT(EVENT_POOL) |                  \
	    EVENT_BIT(EVENT_HOST))

#define EVENT_RING_MAX   2048                  /* events that are kept */
#define EVENT_RING_BYTES ((size_t)1024 * 1024) /* and of their lines */
#define EVENT_HOLD_MS    (10 * 60 * 1000)     /* after the last subscriber, events are still kept */
#define EVENT_MARK       ((size_t)256 * 1024) /* who has more unread gets no pieces of text */
#define EVENT_HARD       ((size_t)1024 * 1024) /* nor anything else: a gap, when it has read */

const char *event_topic_name(enum event_topic topic);
/* -1: none of that name. */
int event_topic_from_name(const char *name);

/* --- who wants them ----------------------------------------------------------------------------- */

struct event_sub {
	TAILQ_ENTRY(event_sub) entry;
	unsigned topics; /* set of EVENT_BIT */
	char team
	    [TEAM_NAME_MAX]; /* only what comes from it or goes to it, or is about it; "": all */
	/* A line for it, without the newline. The subscription must not end in this. */
	void (*send)(struct event_sub *, const char *line, size_t len);
	/* Bytes that wait for it. */
	size_t (*queued)(const struct event_sub *);
	void *arg;
	bool behind; /* pieces of text were left out: it gets all again when it has read */
	bool lost;   /* so were others: it gets a gap then */
};

/*
 * sub is the caller's, filled but for entry, behind and lost. Before this returns it is sent hello; with
 * since (-1: none) what is kept of what came after that, a gap first where something is missing; and
 * what every turn that runs has said so far.
 */
void event_subscribe(struct irisd *d, struct event_sub *sub, int64_t since);
void event_unsubscribe(struct irisd *d, struct event_sub *sub);

static inline bool
event_wanted(const struct irisd *d, enum event_topic topic)
{
	return (d->event_topics & EVENT_BIT(topic)) != 0;
}

/* The teams that an event is about: NULL where that is none. */
struct event_about {
	const char *from, *to;
	const char *also; /* whose person is asked; or NULL */
	int64_t at;       /* ms; 0: now */
};

/*
 * A new event, numbered here, with these members; o is taken. Only while event_wanted. The second one
 * for what is about more than from and to.
 */
void event_send(struct irisd *d, enum event_topic topic, const char *type, cJSON *o,
    const char *from, const char *to);
void event_send_as(struct irisd *d, enum event_topic topic, const char *type, cJSON *o,
    const struct event_about *about);
/* To one subscriber alone, and not kept. */
void event_tell(
    struct irisd *d, struct event_sub *sub, enum event_topic topic, const char *type, cJSON *o);

/* Those who have this topic missed some of it: they begin anew. */
void event_gap(struct irisd *d, enum event_topic topic);

/* --- what happened (event_kinds.c) ---------------------------------------------------------------- */

/* It is told soon as it is then: at most once in EVENT_SPACING_MS. */
void event_session(struct session *s);
void event_team(struct team *t);
void event_pool(struct irisd *d);
#define EVENT_SPACING_MS 20

/* They go, and are not told of any more. */
void event_session_gone(struct session *s);
void event_team_gone(struct team *t);

/* Its conversation is forgotten; unless it goes, it is told how it is then. */
void event_session_deleted(struct session *s);
/* It was accepted; row is as it is stored. */
void event_message_came(struct irisd *d, const struct store_message *row);
/* Its last step is stored. */
void event_message_ended(struct irisd *d, const char *id);
void event_receipt(const struct message *m, enum ladder state, int64_t at, const char *evidence);
void event_approval(struct irisd *d, const struct store_permission *row);
/* diff: what irisd_reload has. */
void event_config(struct irisd *d, const cJSON *diff);
void event_config_refused(struct irisd *d, const char *why);
/* webhook, a delivery object, is taken; from and to are its message's. NULL: nothing to tell. */
void event_webhook(struct irisd *d, const char *from, const char *to, cJSON *webhook);

/* Tell what event_session and its like have noted; from the loop's hook, before the commit. */
void event_run(struct irisd *d);
void event_release(struct irisd *d);

/* --- what a turn has said so far (event_text.c) --------------------------------------------------- */

#define SAID_TEXT_MAX    ((size_t)256 * 1024) /* bytes of text; the newest are kept */
#define SAID_TOOLS_MAX   50                   /* uses of tools; the newest */
#define SAID_TOOLS_BYTES ((size_t)16 * 1024)  /* of them, as JSON */
#define SAID_INPUT_MAX   400                  /* characters of a tool's input */

struct said;

void said_delta(struct message *m, const char *text);
/* input: JSON text, cut to SAID_INPUT_MAX characters; NULL: not known. */
void said_tool(struct message *m, const char *name, const char *input);
/* The tools that it has used, as a JSON list, malloc'ed; NULL for none. */
char *said_tools(const struct message *m);
void said_forget(struct message *m);
/* Events of type text for each turn that runs, to this subscriber. */
void said_tell_all(struct irisd *d, struct event_sub *sub);

/* --- net/event_log.c, net/event_host.c: while somebody has that topic ------------------------------ */

void event_log_watch(struct irisd *d, bool on);
void event_host_watch(struct irisd *d, bool on);

#endif
