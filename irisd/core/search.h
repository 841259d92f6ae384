/* SPDX-License-Identifier: MIT
 *
 * Keeps the index of ended messages (store/search.c) up to date, in steps and while nothing else is
 * to do; who searches waits for at most so many of them.
 */
#ifndef IRIS_CORE_SEARCH_H
#define IRIS_CORE_SEARCH_H

#include "irisd/irisd.h"

/* A message has ended, or may have before irisd started. */
void search_touch(struct irisd *d);

/* Before a search. */
void search_catch_up(struct irisd *d);

/* At irisd's end. */
void search_release(struct irisd *d);

#endif
