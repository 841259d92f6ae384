/* SPDX-License-Identifier: MIT
 *
 * What a person sees while `iris ask` waits: the spinner with the message's state, the answer as it
 * is written, and in the end the answer as it is, with one line about how it came to be.
 */
#ifndef IRIS_CTL_STREAM_H
#define IRIS_CTL_STREAM_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/uuid.h"
#include "irisd/ctl/term.h"

struct stream {
	const char *team;
	bool live; /* the answer is written as it comes: standard output is a terminal */
	bool quiet;
	bool verbose; /* each event is a line on standard error */
	struct term_spinner spinner;
	char id[UUID_LEN + 1]; /* "" until irisd has stored the message */
	char doing[256];       /* what the spinner says */
	int64_t began;         /* compat_mono_ms */
	char *text;            /* what came of the answer so far, owned */
	size_t len, cap;
	size_t shown; /* bytes of text that are on the screen */
	bool midline; /* the cursor is not at the beginning of a line */
};

void stream_init(struct stream *s, const char *team, bool live, bool spin, bool quiet);
void stream_release(struct stream *s);
void stream_say(struct stream *s, const char *doing);
/* Notifications of irisd, and the passing of time: callbacks with the stream as their argument. */
void stream_event(const char *method, const cJSON *params, void *arg);
void stream_tick(void *arg);
/* The connection was lost, and the answer begins anew; or it is back. A callback, too. */
void stream_lost(bool back, void *arg);
/* No spinner any more. */
void stream_quiet(struct stream *s);
/* End a line of the answer that stands unfinished on the screen. */
void stream_break(struct stream *s);
/* The final answer: what of it is not on the screen yet, or all of it when something else is. */
void stream_answer(struct stream *s, const char *answer);
void stream_summary(struct stream *s, const cJSON *message);

#endif
