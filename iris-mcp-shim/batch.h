/* SPDX-License-Identifier: MIT
 *
 * Lists of messages, which MCP 2025-03-26 has and no other revision: the relay takes them apart, so
 * that each request goes its own way and is repeated by itself, and what is answered is put
 * together here. A list has its answer when each of its requests has one, or was cancelled.
 */
#ifndef IRIS_SHIM_BATCH_H
#define IRIS_SHIM_BATCH_H

#include <sys/queue.h>
#include <stdbool.h>
#include <stddef.h>

#include "iris-mcp-shim/sniff.h"

#define BATCH_ERA "\"2025-03-26\""
#define BATCH_MAX 100 /* messages; as many as over HTTP */

struct batch {
	TAILQ_ENTRY(batch) entry;
	char *ids[BATCH_MAX]; /* owned: of requests without an answer; NULL: none */
	unsigned open;        /* how many; and one more while the list is taken apart */
	char *text;           /* owned: "[" and the answers that there are; NULL: none */
	size_t len;
};

TAILQ_HEAD(batches, batch);

void batches_init(struct batches *all);
void batches_release(struct batches *all);

/*
 * Where the first element of the line stands, for json_raw_element; NULL where it is no list, or
 * one that is empty or too long.
 */
const char *batch_first(const char *line, size_t len);

struct batch *batch_new(struct batches *all);
/* A request of this list goes out; at most BATCH_MAX of them. */
void batch_expect(struct batch *b, struct slice id);
/* One more answer: a line. */
void batch_add(struct batch *b, const char *line, size_t len);
/* The same for the answer to a request, which is an error where all are too long together. */
void batch_answer(struct batch *b, struct slice id, const char *line, size_t len);
/*
 * All of it has been taken apart, or one more request has ended: the list's answer, malloc'ed, when
 * that was the last; then the batch is gone. NULL also where there is nothing to say.
 */
char *batch_less(struct batches *all, struct batch *b);

/* The list in which this id waits for its answer, which it does not any more; NULL: none. */
struct batch *batches_take(struct batches *all, struct slice id);

#endif
