/* SPDX-License-Identifier: MIT
 *
 * One tools/call that waits for several things: messages that end, sessions that wake. Each has its
 * own object in the list that the call is answered with, and the end of one says nothing of the
 * others. Called by the files of tools; call.c frees it with its call.
 */
#ifndef IRIS_MCP_GATHER_H
#define IRIS_MCP_GATHER_H

#include "irisd/core/message.h"
#include "irisd/mcp/mcp.h"

struct gather {
	struct mcp_call *call;
	cJSON *list;      /* owned until end takes it: one object for each thing, in their order */
	const char *what; /* the things, for progress: "3 of 5 teams" */
	int total, pending;
	bool own;    /* the messages are sent by this call: who cancels it cancels them */
	cJSON *kept; /* owned: what next and end want to know; or NULL */
	void (*next)(struct gather *); /* when nothing is pending: begin more, if there is more */
	void (*end)(struct gather *);  /* there was no more: ends the call */
	TAILQ_HEAD(, gather_item) items;
};

/*
 * One of them, until it has ended; then told fills o, which is in the list. why: not as it was
 * wanted; NULL with over: a message has ended, without: its time is over, or a session is awake.
 */
struct gather_item {
	TAILQ_ENTRY(gather_item) entry;
	struct gather *g;
	cJSON *o;
	char message[UUID_LEN + 1];
	struct wait *wait;
	void (*told)(struct gather_item *, struct session *, const struct err *why, bool over);
};

/* For a call; its list is empty. Begin things, then gather_begun. */
struct gather *gather_new(struct mcp_call *c, const char *what, void (*end)(struct gather *));
/* All (of now) are begun; may end the call at once. */
void gather_begun(struct gather *g);

/* A new object at the end of the list. */
cJSON *gather_add(struct gather *g);

/* Wait for this message, which is not final; as in message_wait. */
void gather_message(struct gather *g, cJSON *o, struct message *m, int64_t timeout,
    void (*told)(struct gather_item *, struct session *, const struct err *, bool));
/* Wait for this session to be awake. Making it wanted is the caller's. */
void gather_awake(struct gather *g, cJSON *o, struct session *s,
    void (*told)(struct gather_item *, struct session *, const struct err *, bool));

/* The messages that the call would cancel, in a list of the caller's (malloc'ed); how many. */
size_t gather_messages(const struct gather *g, struct message ***list);
void gather_free(struct gather *g);

#endif
