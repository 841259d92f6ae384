/* SPDX-License-Identifier: MIT
 *
 * The permission requests that wait, kept up to date over one connection to irisd, for those who
 * watch them come and go.
 */
#ifndef IRIS_CTL_FEED_H
#define IRIS_CTL_FEED_H

#include "irisd/ctl/ctl.h"

struct feed {
	struct ctl *c;
	struct call call; /* fd -1: there is no connection */
	cJSON *pending;   /* list, oldest first; owned */
	bool partial;     /* there are older ones, which were too large for one list */
	/* Each request that has come or has ended, once; p lives during the call only. */
	void (*changed)(const cJSON *p, void *arg);
	void *arg;
};

/* c, changed and arg are filled in. start: start irisd when there is none. */
int feed_open(struct feed *f, bool start, struct err *err);
/*
 * Take what irisd has sent; the descriptor was found readable. -1: the connection is closed;
 * ERR_UNAVAILABLE with *stopped unless it was just lost.
 */
int feed_read(struct feed *f, bool *stopped, struct err *err);
/* Look for more of them, where the list was partial. Errors as feed_open. */
int feed_more(struct feed *f, struct err *err);
void feed_close(struct feed *f);

/* One that waits, by its whole id; NULL when it does not. */
const cJSON *feed_find(const struct feed *f, const char *id);
/* Do not count this one any more: it has been answered here. */
void feed_forget(struct feed *f, const char *id);

#endif
