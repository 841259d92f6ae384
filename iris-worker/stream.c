/* SPDX-License-Identifier: MIT
 *
 * Reads stream-json, see stream.h. Called by claude.c for each line of claude's standard output.
 * The order of members differs between versions of the CLI, so a line is always read to its end
 * and nothing is matched by prefix.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "common/xmalloc.h"
#include "iris-worker/stream.h"

#define REPLACEMENT "\xef\xbf\xbd"

static int
hex4(const char *p, const char *end)
{
	int v = 0, i;

	if (end - p < 4)
		return -1;
	for (i = 0; i < 4; i++) {
		char c = p[i];
		if (c >= '0' && c <= '9')
			v = v * 16 + (c - '0');
		else if (c >= 'a' && c <= 'f')
			v = v * 16 + (c - 'a') + 10;
		else if (c >= 'A' && c <= 'F')
			v = v * 16 + (c - 'A') + 10;
		else
			return -1;
	}
	return v;
}

/* One escape at p (a backslash). Returns how many bytes it takes; *bad when it must be replaced. */
static size_t
escape_len(const char *p, const char *end, bool *bad)
{
	int v, low;

	*bad = false;
	if (end - p < 2)
		return 1;
	if (p[1] != 'u')
		return 2;
	if ((v = hex4(p + 2, end)) == -1)
		return 2;
	if (v >= 0xd800 && v <= 0xdbff && end - p >= 12 && p[6] == '\\' && p[7] == 'u') {
		low = hex4(p + 8, end);
		if (low >= 0xdc00 && low <= 0xdfff)
			return 12;
	}
	*bad = v == 0 || (v >= 0xd800 && v <= 0xdfff);
	return 6;
}

static size_t
utf8_step(const char *p, const char *end)
{
	size_t n;

	for (n = 1; n <= 4 && (size_t)(end - p) >= n; n++)
		if (json_utf8_valid(p, n))
			return n;
	return 0;
}

char *
stream_repair(const char *text, size_t len, size_t *outlen)
{
	const char *p = text, *end = text + len;
	char *out = xmalloc(len * 3 + 1), *o = out;

	while (p < end) {
		size_t n;
		bool bad = false;
		if ((unsigned char)*p < 0x20) {
			*o++ = ' ';
			p++;
			continue;
		}
		if (*p == '\\') {
			n = escape_len(p, end, &bad);
			/* A raw byte after the backslash is looked at by itself. */
			if (n == 2 && ((unsigned char)p[1] < 0x20 || (unsigned char)p[1] >= 0x80))
				n = 1;
		} else if ((n = utf8_step(p, end)) == 0) {
			n = 1;
			bad = true;
		}
		if (bad) {
			memcpy(o, REPLACEMENT, 3);
			o += 3;
		} else {
			memcpy(o, p, n);
			o += n;
		}
		p += n;
	}
	*o = '\0';
	*outlen = (size_t)(o - out);
	return out;
}

static bool
equal(const char *a, const char *b)
{
	return a != NULL && strcmp(a, b) == 0;
}

/* The piece is this very string. */
static bool
is_text(const struct json_slice *piece, const char *text)
{
	size_t n = strlen(text);

	return piece->p != NULL && piece->len == n + 2 && piece->p[0] == '"' &&
	    memcmp(piece->p + 1, text, n) == 0;
}

static void
append(char **to, const char *text)
{
	char *joined;

	if (*to == NULL) {
		*to = xstrdup(text);
		return;
	}
	joined = xasprintf("%s\n\n%s", *to, text);
	free(*to);
	*to = joined;
}

static void
read_user(struct stream_event *ev)
{
	const cJSON *message = json_obj(ev->json, "message"), *block;

	if (json_bool(ev->json, "isReplay", false)) {
		ev->kind = STREAM_REPLAY;
		ev->id = json_str(ev->json, "uuid");
		return;
	}
	cJSON_ArrayForEach (block, json_arr(message, "content")) {
		if (equal(json_str(block, "type"), "tool_result"))
			ev->blocks++;
	}
	if (ev->blocks > 0)
		ev->kind = STREAM_TOOL_RESULT;
}

/* A piece of a line that is known to be valid, as a tree; NULL for no piece. */
static cJSON *
tree(const struct json_slice *piece)
{
	return piece->p != NULL ? cJSON_ParseWithLength(piece->p, piece->len) : NULL;
}

/* Of the message only its blocks are read. */
static void
read_assistant(struct stream_event *ev, const struct json_slice *message)
{
	static const char *const names[] = {"content"};
	struct json_slice content = {0};
	const cJSON *block;

	ev->kind = STREAM_ASSISTANT;
	ev->error = json_str(ev->json, "error");
	if (message->p != NULL)
		json_members(message->p, message->len, names, 1, &content, NULL);
	if (content.p == NULL || content.p[0] != '[')
		return;
	json_put(ev->json, "content", tree(&content));
	cJSON_ArrayForEach (block, json_arr(ev->json, "content")) {
		const char *type = json_str(block, "type"), *text = json_str(block, "text");
		if (equal(type, "text") && text != NULL && text[0] != '\0') {
			append(&ev->text, text);
		} else if (equal(type, "tool_use")) {
			ev->name = json_str(block, "name");
			ev->blocks++;
		}
	}
}

/* Of a delta's line most is the frame around it, which nobody reads. */
static void
read_partial(struct stream_event *ev, const struct json_slice *event)
{
	static const char *const names[] = {"type", "content_block", "delta"};
	struct json_slice part[3];
	const char *what;

	if (event->p == NULL || json_members(event->p, event->len, names, 3, part, NULL) == -1)
		return;
	if (is_text(&part[0], "content_block_start")) {
		ev->kind = STREAM_BLOCK;
		ev->json = tree(&part[1]);
		ev->name = json_str(ev->json, "type");
		if (equal(ev->name, "thinking"))
			ev->kind = STREAM_THINKING;
	} else if (is_text(&part[0], "content_block_delta")) {
		ev->json = tree(&part[2]);
		what = json_str(ev->json, "type");
		if (equal(what, "text_delta")) {
			const char *text = json_str(ev->json, "text");
			if (text != NULL && text[0] != '\0') {
				ev->kind = STREAM_DELTA;
				ev->text = xstrdup(text);
			}
		} else if (equal(what, "thinking_delta")) {
			ev->kind = STREAM_THINKING;
		}
	}
}

static void
read_system(struct stream_event *ev)
{
	const char *subtype = json_str(ev->json, "subtype");

	if (equal(subtype, "init")) {
		ev->kind = STREAM_INIT;
	} else if (equal(subtype, "session_state_changed")) {
		ev->kind = STREAM_STATE;
		ev->name = json_str(ev->json, "state");
	} else if (equal(subtype, "api_retry")) {
		ev->kind = STREAM_RETRY;
		ev->attempt = (int)json_int_or(ev->json, "attempt", 0);
		ev->attempts = (int)json_int_or(ev->json, "max_retries", 0);
		ev->error = json_str(ev->json, "error");
	} else if (equal(subtype, "thinking_tokens")) {
		ev->kind = STREAM_THINKING;
	} else if (equal(subtype, "session_writes_lost")) {
		ev->kind = STREAM_UNSAVED;
		ev->error = json_str(ev->json, "error_code");
	}
}

static void
read_control(struct stream_event *ev, const char *type)
{
	const cJSON *body;

	if (equal(type, "control_response")) {
		ev->kind = STREAM_CONTROL_RESP;
		body = json_obj(ev->json, "response");
		ev->id = json_str(body, "request_id");
	} else {
		ev->kind =
		    equal(type, "control_request") ? STREAM_CONTROL_REQ : STREAM_CONTROL_CANCEL;
		body = json_obj(ev->json, "request");
		ev->id = json_str(ev->json, "request_id");
	}
	ev->name = json_str(body, "subtype");
	if (ev->id == NULL)
		ev->kind = STREAM_OTHER;
}

/* The whole line is wanted as a tree. */
static void
read_line(struct stream_event *ev)
{
	const char *type;

	if ((ev->json = cJSON_ParseWithLength(ev->line, ev->len)) == NULL) {
		ev->kind = STREAM_GARBAGE;
		return;
	}
	type = json_str(ev->json, "type");
	ev->session_id = json_str(ev->json, "session_id");
	ev->subagent = json_str(ev->json, "parent_tool_use_id") != NULL;
	if (equal(type, "user")) {
		read_user(ev);
	} else if (equal(type, "result")) {
		ev->kind = STREAM_RESULT;
	} else if (equal(type, "control_request") || equal(type, "control_response") ||
	    equal(type, "control_cancel_request")) {
		read_control(ev, type);
	}
}

/* The first-level members that are looked at where no tree of the whole line is made. */
enum { M_TYPE, M_PARENT, M_REPLAY, M_EVENT, M_MESSAGE, M_FLAT };
static const char *const members[] = {
    [M_TYPE] = "type",
    [M_PARENT] = "parent_tool_use_id",
    [M_REPLAY] = "isReplay",
    [M_EVENT] = "event",
    [M_MESSAGE] = "message",
    /* Strings and numbers, which go into a tree of their own. */
    [M_FLAT] = "subtype",
    "session_id",
    "uuid",
    "state",
    "command_uuid",
    "model",
    "claude_code_version",
    "permissionMode",
    "cwd",
    "attempt",
    "max_retries",
    "error",
    "error_code",
};
#define NMEMBERS (sizeof members / sizeof members[0])

static void
read_flat(struct stream_event *ev, const struct json_slice found[NMEMBERS])
{
	size_t i;

	ev->json = json_new();
	for (i = M_FLAT; i < NMEMBERS; i++)
		if (found[i].p != NULL && found[i].p[0] != '{' && found[i].p[0] != '[')
			json_put(ev->json, members[i], tree(&found[i]));
	ev->session_id = json_str(ev->json, "session_id");
	if (is_text(&found[M_TYPE], "system")) {
		read_system(ev);
	} else if (is_text(&found[M_TYPE], "assistant")) {
		read_assistant(ev, &found[M_MESSAGE]);
	} else if (is_text(&found[M_TYPE], "user")) {
		ev->kind = STREAM_REPLAY;
		ev->id = json_str(ev->json, "uuid");
	} else {
		ev->kind = STREAM_LIFECYCLE;
		ev->id = json_str(ev->json, "command_uuid");
		ev->name = json_str(ev->json, "state");
	}
}

/*
 * A turn has many lines of which little is read; trees of them all would be most of what a message
 * costs here.
 */
static void
read_members(struct stream_event *ev, const struct json_slice found[NMEMBERS])
{
	const struct json_slice *type = &found[M_TYPE], *replay = &found[M_REPLAY];

	ev->kind = STREAM_OTHER;
	ev->subagent = found[M_PARENT].p != NULL && found[M_PARENT].p[0] == '"';
	if (type->p == NULL || memchr(type->p, '\\', type->len) != NULL)
		read_line(ev); /* written in an unusual way, if at all */
	else if (is_text(type, "stream_event"))
		read_partial(ev, &found[M_EVENT]);
	else if (is_text(type, "system") || is_text(type, "command_lifecycle") ||
	    is_text(type, "assistant") ||
	    (is_text(type, "user") && replay->len == 4 && memcmp(replay->p, "true", 4) == 0))
		read_flat(ev, found);
	else
		read_line(ev);
}

/* In a string of some other line the quotes would be escaped: so this is the line's own member. */
static bool
has_result_mark(const char *line, size_t len)
{
	static const char mark[] = "\"type\":\"result\"";
	size_t n = sizeof mark - 1, i;

	for (i = 0; i + n <= len; i++) {
		if (line[i] == '"' && memcmp(line + i, mark, n) == 0)
			return true;
	}
	return false;
}

void
stream_parse(const char *line, size_t len, struct stream_event *ev)
{
	struct json_slice found[NMEMBERS];
	int rv;

	memset(ev, 0, sizeof *ev);
	ev->line = line;
	ev->len = len;
	rv = json_members(line, len, members, NMEMBERS, found, NULL);
	if (rv == -1) {
		ev->repaired = stream_repair(line, len, &ev->len);
		ev->line = ev->repaired;
		rv = json_members(ev->line, ev->len, members, NMEMBERS, found, NULL);
	}
	if (rv == 0)
		read_members(ev, found);
	else
		ev->kind = STREAM_GARBAGE;
	if (ev->kind == STREAM_GARBAGE)
		ev->garbage_result = has_result_mark(line, len);
}

void
stream_clear(struct stream_event *ev)
{
	cJSON_Delete(ev->json);
	free(ev->repaired);
	free(ev->text);
	memset(ev, 0, sizeof *ev);
}

static void
read_usage(const cJSON *json, struct stream_result *r)
{
	const cJSON *usage = json_obj(json, "usage"), *m;
	const cJSON *models = json_obj(json, "model_usage_since_last_result");
	const cJSON *named = models != NULL ? models : json_obj(json, "modelUsage");
	int64_t in = 0, out = 0, cached = 0, created = 0;
	double most = -1;

	r->input = json_int_or(usage, "input_tokens", 0);
	r->output = json_int_or(usage, "output_tokens", 0);
	r->cache_read = json_int_or(usage, "cache_read_input_tokens", 0);
	r->cache_creation = json_int_or(usage, "cache_creation_input_tokens", 0);
	if (models != NULL)
		r->cost = 0;
	cJSON_ArrayForEach (m, named) {
		double cost = json_num_or(m, "costUSD", 0);
		if (models != NULL)
			r->cost += cost;
		in += json_int_or(m, "inputTokens", 0);
		out += json_int_or(m, "outputTokens", 0);
		cached += json_int_or(m, "cacheReadInputTokens", 0);
		created += json_int_or(m, "cacheCreationInputTokens", 0);
		if (cost > most) {
			most = cost;
			r->model = m->string;
		}
	}
	/* A turn that was interrupted says zero in usage, though it has cost something. */
	if (models != NULL && r->input + r->output + r->cache_read + r->cache_creation == 0) {
		r->input = in;
		r->output = out;
		r->cache_read = cached;
		r->cache_creation = created;
	}
}

static enum stream_owner
read_owner(const cJSON *json, const char *message)
{
	const char *one = json_str(json, "user_message_uuid");
	const cJSON *all = json_arr(json, "user_message_uuids"), *item;

	if (one == NULL && cJSON_GetArraySize(all) == 0)
		return STREAM_UNNAMED;
	if (message == NULL)
		return STREAM_FOREIGN;
	if (equal(one, message))
		return STREAM_OURS;
	cJSON_ArrayForEach (item, all) {
		if (equal(cJSON_GetStringValue(item), message))
			return STREAM_OURS;
	}
	return STREAM_FOREIGN;
}

void
stream_result(const cJSON *json, const char *message, struct stream_result *r)
{
	const cJSON *errors = json_arr(json, "errors");

	memset(r, 0, sizeof *r);
	r->cost = -1;
	r->is_error = json_bool(json, "is_error", false);
	r->self_started = equal(json_str(json_obj(json, "origin"), "kind"), "task-notification");
	r->owner = read_owner(json, message);
	r->text = json_str(json, "result");
	if (r->text == NULL && errors != NULL)
		r->text = cJSON_GetStringValue(cJSON_GetArrayItem(errors, 0));
	r->terminal_reason = json_str(json, "terminal_reason");
	r->status = json_int_or(json, "api_error_status", 0);
	r->turns = json_int_or(json, "num_turns", 0);
	r->duration_ms = json_int_or(json, "duration_ms", 0);
	r->total_cost = json_num_or(json, "total_cost_usd", -1);
	read_usage(json, r);
}

bool
stream_is_login(const char *text, const char *error, int64_t status)
{
	return equal(error, "authentication_failed") || status == 401 ||
	    (text != NULL &&
		(strstr(text, "Not logged in") != NULL ||
		    strstr(text, "Please run /login") != NULL));
}

bool
stream_raw(const char *line, size_t len, const char *const *path, const char **raw, size_t *rawlen)
{
	*raw = line;
	*rawlen = len;
	for (; *path != NULL; path++) {
		if (!json_raw_member(*raw, *rawlen, *path, raw, rawlen))
			return false;
	}
	return true;
}
