/* SPDX-License-Identifier: MIT
 *
 * What Claude's own transcript says about a message: whether it got into the conversation, and
 * whether the turn that it began came to its end. This is what a message that may or may not have
 * been received is judged by, so nothing is guessed: what was interrupted, failed or was cut off,
 * and what was said when a tool could not ask us any more, is not an answer.
 */
#ifndef IRIS_WORKER_TRANSCRIPT_H
#define IRIS_WORKER_TRANSCRIPT_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"

enum transcript_state {
	TRANSCRIPT_ABSENT,  /* no transcript, or nothing of this message in it */
	TRANSCRIPT_TAKEN,   /* it is there; its turn did not end as it should */
	TRANSCRIPT_ANSWERED /* it is there, and its turn is complete */
};

struct transcript {
	enum transcript_state state;
	uint64_t line; /* where the message stands in the file, from 1; 0: absent */
	char *answer;  /* owned: as that of a live turn; NULL unless answered */
};

/*
 * The directory of Claude Code's files, for a Claude that is started with these variables (env, an
 * object of strings; null unsets one; may be NULL) on top of this process's own. -1: ERR_CONFIG.
 */
int transcript_config_dir(const cJSON *env, char *out, size_t size, struct err *err);

/*
 * Look in config_dir/projects for the session claude_id and in it for the message (both UUIDs). -1
 * with ERR_IO when something that could hold it can not be read. Release *t in either case.
 */
int transcript_lookup(const char *config_dir, const char *claude_id, const char *message,
    struct transcript *t, struct err *err);
void transcript_release(struct transcript *t);

/* The members state, line and answer of the answer to worker/lookup. */
cJSON *transcript_describe(const struct transcript *t);

/*
 * The same for lines that come from elsewhere: each with its number in the file, in their order,
 * none left out behind the first in which the message's UUID stands. False: nothing more belongs to
 * the message. At the end *t (which begins as zeros, and may be NULL) is replaced where this file
 * says more, and the scan is freed.
 */
struct transcript_scan;
struct transcript_scan *transcript_scan_new(const char *message);
bool transcript_scan_line(struct transcript_scan *s, uint64_t number, const char *line, size_t len);
void transcript_scan_end(struct transcript_scan *s, struct transcript *t);

#endif
