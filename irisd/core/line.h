/* SPDX-License-Identifier: MIT
 *
 * The line to the host of a remote team: whether it is lost, since when and why, and when it is
 * tried again: after 1 s, doubling to 30 s, with jitter. Times and words only. pool_line.c tells
 * what has happened to it; pool.c asks before it starts anything, and is called when a pause, or
 * the whole time that the team's remoteOptions.reconnectTimeout gives, is over.
 */
#ifndef IRIS_CORE_LINE_H
#define IRIS_CORE_LINE_H

#include "irisd/core/team.h"

/*
 * It was lost, or could not be made again. Within a pause that is the same loss. Where no message of
 * the team waits, nobody would try it again: then it is logged, and no more.
 */
void line_lost(struct team *t, const char *why);
/* The host has answered. */
void line_up(struct team *t);
/* A message of the team has ended; it may have been the last one that waited. */
void line_unwanted(struct team *t);
/* Nothing of what was lost is of interest any more. */
void line_forget(struct team *t);
/* Somebody wants it tried again at once. */
void line_retry(struct team *t);

bool line_down(const struct team *t);
/* The same, or it was lost when nobody waited: who comes now may wait for it. */
bool line_broken(const struct team *t);
/* True while the next try is not due; the team's sessions are looked at again when it is. */
bool line_waits(const struct team *t);
/* True, with ERR_LINE, when it has been down for too long. */
bool line_over(const struct team *t, struct err *why);
/* ms, wall clock, of the next try; 0: it is due, or the line is not down. */
int64_t line_next(const struct team *t);

/* How long somebody is kept waiting for an end that the lost line is in the way of; 0: no limit. */
#define LINE_PATIENCE_MS 3000
int64_t line_patience(const struct team *t);

/* The host's name, as in the team's remote; "" of a local team. */
void line_host(const struct team *t, char *buf, size_t size);
/* "the line to HOST is lost (why); trying again in 8 s". */
void line_describe(const struct team *t, char *buf, size_t size);

/* How long to wait before try n, from 1; ms. random: any number. */
int64_t line_delay(int n, uint32_t random);

void line_release(struct team *t);

#endif
