/* SPDX-License-Identifier: MIT
 *
 * Claude's output, one stream-json line at a time, as typed events. Pure: no I/O, no state between
 * lines. Only the members named here are looked at; everything unknown is STREAM_OTHER, since the
 * CLI adds kinds with any version.
 */
#ifndef IRIS_WORKER_STREAM_H
#define IRIS_WORKER_STREAM_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum stream_kind {
	STREAM_OTHER,       /* well-formed and of no interest */
	STREAM_GARBAGE,     /* not JSON, also after repair */
	STREAM_INIT,        /* system/init: a turn begins */
	STREAM_ASSISTANT,   /* finished blocks: text, name (last tool used), blocks (tool_use) */
	STREAM_TOOL_RESULT, /* blocks: how many tools have ended */
	STREAM_REPLAY,      /* id: the uuid of the user line that was taken */
	STREAM_BLOCK,       /* a block of the answer begins; name: its type */
	STREAM_DELTA,       /* text: a piece of the answer */
	STREAM_THINKING,    /* a sign of thinking */
	STREAM_RESULT,      /* see stream_result */
	STREAM_LIFECYCLE, /* id: uuid of a user line; name: queued, started, completed, cancelled */
	STREAM_STATE,     /* name: running, requires_action, idle */
	STREAM_RETRY,     /* attempt, attempts: the API is asked again */
	STREAM_UNSAVED,   /* error: why not all of the transcript was written */
	STREAM_CONTROL_REQ,   /* id; name: subtype */
	STREAM_CONTROL_RESP,  /* id; name: subtype */
	STREAM_CONTROL_CANCEL /* id */
};

struct stream_event {
	enum stream_kind kind;
	cJSON *json; /* owned, may be NULL; of RESULT and CONTROL the line, of INIT what is flat */
	char *repaired;   /* owned: what was parsed, where the line as it came was not valid */
	const char *line; /* the text that was read: the caller's line, or repaired */
	size_t len;
	bool subagent;          /* speaks for a subagent, not for the session */
	bool garbage_result;    /* STREAM_GARBAGE that has the mark of a result */
	const char *session_id; /* in json, as id and name; may be NULL */
	const char *id;
	const char *name;
	const char *error; /* STREAM_ASSISTANT: what the API answered in place of a model */
	char *text;        /* owned; may be NULL */
	int blocks;
	int attempt, attempts;
};

/*
 * Read one line. Never fails: what can not be read is STREAM_GARBAGE. Call stream_clear afterwards.
 */
void stream_parse(const char *line, size_t len, struct stream_event *ev);
void stream_clear(struct stream_event *ev);

enum stream_owner { STREAM_UNNAMED, STREAM_OURS, STREAM_FOREIGN };

struct stream_result {
	bool is_error;
	bool self_started;       /* origin.kind is task-notification: nobody's message */
	enum stream_owner owner; /* what the result itself says about the message */
	const char *text; /* result, or the first of errors; in json; NULL when there is none */
	const char *terminal_reason;
	int64_t status; /* api_error_status, 0: none */
	int64_t input, output, cache_read, cache_creation;
	int64_t turns, duration_ms;
	double cost;       /* of this turn; < 0: not said */
	double total_cost; /* of the session; < 0: not said */
	const char *model; /* NULL when not said */
};

/*
 * What a STREAM_RESULT says. message is the uuid of the message in flight, or NULL. Strings are
 * json's.
 */
void stream_result(const cJSON *json, const char *message, struct stream_result *r);

/* True when the text or the error name tells that Claude Code has no valid login. */
bool stream_is_login(const char *text, const char *error, int64_t status);

/*
 * The raw text of request.message.id and the like: members along a path of names, the last being
 * NULL.
 */
bool stream_raw(
    const char *line, size_t len, const char *const *path, const char **raw, size_t *rawlen);

/*
 * A copy of text in which nothing offends the strict JSON reader any more: bytes that are not
 * UTF-8, control characters, escaped NULs and lone surrogates become U+FFFD or a space. Malloc'ed;
 * *outlen without the NUL.
 */
char *stream_repair(const char *text, size_t len, size_t *outlen);

#endif
