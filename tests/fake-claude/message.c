/* SPDX-License-Identifier: MIT
 *
 * One message of the "model": stream_event lines when asked for, an assistant line for each
 * finished block, the replay of the user line at the moment the real CLI prints it, and the
 * transcript.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/compat.h"
#include "common/json.h"
#include "common/xmalloc.h"
#include "fake.h"

#define INPUT_PRICE  0.000004
#define OUTPUT_PRICE 0.000020

double
message_cost(const cJSON *usage)
{
	return (double)json_int_or(usage, "input_tokens", 0) * INPUT_PRICE +
	    (double)json_int_or(usage, "output_tokens", 0) * OUTPUT_PRICE;
}

static int64_t
tokens(const char *text)
{
	return (int64_t)(strlen(text) + 3) / 4;
}

static cJSON *
usage_make(int64_t input, int64_t output)
{
	cJSON *o = json_new();

	json_put_int(o, "input_tokens", input);
	json_put_int(o, "cache_creation_input_tokens", 0);
	json_put_int(o, "cache_read_input_tokens", 0);
	json_put_int(o, "output_tokens", output);
	return o;
}

static cJSON *
message_head(struct turn *t, const char *model)
{
	cJSON *o = json_new();

	json_put_str(o, "id", t->message_id);
	json_put_str(o, "type", "message");
	json_put_str(o, "role", "assistant");
	json_put_str(o, "model", model);
	json_put_null(o, "stop_sequence");
	return o;
}

/* The first assistant line of a turn names the user lines that it answers. */
static void
tag(struct turn *t, cJSON *line)
{
	cJSON *uuids;
	struct user_line *u;

	if (t->tagged)
		return;
	t->tagged = true;
	uuids = cJSON_CreateArray();
	for (u = t->lines; u != NULL; u = u->next) {
		cJSON_AddItemToArray(uuids, cJSON_CreateString(u->uuid));
		if (u->next == NULL)
			json_put_str(line, "user_message_uuid", u->uuid);
	}
	json_put(line, "user_message_uuids", uuids);
}

static void
replay_one(const char *uuid, cJSON *content)
{
	char buf[32];
	cJSON *o = json_new(), *message = json_new();

	json_put_str(o, "type", "user");
	json_put_str(message, "role", "user");
	json_put(message, "content", content);
	json_put(o, "message", message);
	json_put_null(o, "parent_tool_use_id");
	json_put_str(o, "uuid", uuid);
	json_put_str(o, "timestamp", json_time(compat_now_ms(), buf, sizeof buf));
	json_put_bool(o, "isReplay", true);
	out_event(o);
}

void
message_replay(struct turn *t)
{
	struct user_line *u;

	if (t->replayed || !fake.opt.replay)
		return;
	t->replayed = true;
	for (u = t->lines; u != NULL; u = u->next) {
		bool merged = u->next == NULL && t->lines != u;
		replay_one(u->uuid,
		    merged ? cJSON_CreateString(t->text) : cJSON_Duplicate(u->content, true));
	}
}

static void
stream_event(struct turn *t, cJSON *event)
{
	cJSON *o;

	if (!fake.opt.partial) {
		cJSON_Delete(event);
		return;
	}
	o = json_new();
	json_put_str(o, "type", "stream_event");
	json_put(o, "event", event);
	json_put_null(o, "parent_tool_use_id");
	json_put_str(o, "api_message_id", t->message_id);
	out_event(o);
}

static cJSON *
event_make(const char *type, int index)
{
	cJSON *o = json_new();

	json_put_str(o, "type", type);
	if (index >= 0)
		json_put_int(o, "index", index);
	return o;
}

static void
block_start(struct turn *t, cJSON *block)
{
	cJSON *e = event_make("content_block_start", t->block);

	json_put(e, "content_block", block);
	stream_event(t, e);
}

static void
block_delta(struct turn *t, const char *type, const char *key, const char *value)
{
	cJSON *e = event_make("content_block_delta", t->block), *delta = json_new();

	json_put_str(delta, "type", type);
	json_put_str(delta, key, value);
	json_put(e, "delta", delta);
	stream_event(t, e);
}

/*
 * The assistant line of a finished block. It comes before the block's stop event. Takes the block.
 */
static void
block_done(struct turn *t, cJSON *block, int64_t output, bool aborted)
{
	cJSON *o = json_new(), *message, *content = cJSON_CreateArray();
	char buf[32];
	int64_t input = t->block == 0 ? tokens(t->text) : 0;

	message_replay(t);
	t->input_tokens += input;
	t->output_tokens += output;
	message = message_head(t, fake.opt.model);
	cJSON_AddItemToArray(content, block);
	json_put(message, "content", content);
	json_put_null(message, "stop_reason");
	json_put(message, "usage", usage_make(input, output));
	if (t->unwritten == NULL)
		t->unwritten = cJSON_CreateArray();
	cJSON_AddItemToArray(t->unwritten, cJSON_Duplicate(message, true));
	json_put_str(o, "type", "assistant");
	json_put(o, "message", message);
	json_put_null(o, "parent_tool_use_id");
	json_put_str(o, "timestamp", json_time(compat_now_ms(), buf, sizeof buf));
	if (aborted)
		json_put_bool(o, "aborted", true);
	tag(t, o);
	out_event(o);
	stream_event(t, event_make("content_block_stop", t->block));
	t->block++;
}

void
message_begin(struct turn *t)
{
	static unsigned count;
	cJSON *e, *message;

	if (fake.opt.partial) {
		cJSON *status = json_new();
		json_put_str(status, "type", "system");
		json_put_str(status, "subtype", "status");
		json_put_str(status, "status", "requesting");
		out_event(status);
		message_replay(t);
	}
	t->block = 0;
	t->steps++;
	snprintf(t->message_id, sizeof t->message_id, "msg_fake%08u", ++count);
	e = event_make("message_start", -1);
	message = message_head(t, fake.opt.model);
	json_put(message, "content", cJSON_CreateArray());
	json_put_null(message, "stop_reason");
	json_put(message, "usage", usage_make(tokens(t->text), 1));
	json_put(e, "message", message);
	stream_event(t, e);
}

static cJSON *
text_block(const char *text)
{
	cJSON *o = json_new();

	json_put_str(o, "type", "text");
	json_put_str(o, "text", text);
	return o;
}

/* Send the text word by word; answers how much of it went out before an interrupt. */
static size_t
stream_paced(struct turn *t, const char *text, int64_t pace)
{
	size_t total = strlen(text), done = 0;
	int64_t start = compat_mono_ms();

	while (done < total) {
		size_t n = strcspn(text + done, " ");
		char *piece;
		n += strspn(text + done + n, " ");
		piece = xstrndup(text + done, n);
		block_delta(t, "text_delta", "text", piece);
		free(piece);
		done += n;
		if (io_sleep(start + pace * (int64_t)done / (int64_t)total - compat_mono_ms()) ==
		    WAIT_INTERRUPTED)
			break;
	}
	return done;
}

bool
message_text(struct turn *t, const char *text, int64_t pace)
{
	size_t done = strlen(text);
	char *sent;

	block_start(t, text_block(""));
	if (pace > 0)
		done = stream_paced(t, text, pace);
	else
		block_delta(t, "text_delta", "text", text);
	sent = xstrndup(text, done);
	block_done(t, text_block(sent), tokens(sent), fake.interrupted);
	free(t->last_text);
	t->last_text = sent;
	return !fake.interrupted;
}

void
message_tool_use(struct turn *t, const char *id, const char *tool, const cJSON *input)
{
	cJSON *o = json_new(), *start;
	char *args = json_print(input);

	json_put_str(o, "type", "tool_use");
	json_put_str(o, "id", id);
	json_put_str(o, "name", tool);
	start = cJSON_Duplicate(o, true);
	json_put(start, "input", json_new());
	block_start(t, start);
	block_delta(t, "input_json_delta", "partial_json", args);
	json_put(o, "input", cJSON_Duplicate(input, true));
	block_done(t, o, tokens(args), false);
	free(args);
}

void
message_write(struct turn *t, const char *stop_reason)
{
	cJSON *message, *stop;

	cJSON_ArrayForEach (message, t->unwritten) {
		stop = stop_reason != NULL ? cJSON_CreateString(stop_reason) : cJSON_CreateNull();
		cJSON_ReplaceItemInObjectCaseSensitive(message, "stop_reason", stop);
		transcript_assistant(message);
	}
	cJSON_Delete(t->unwritten);
	t->unwritten = NULL;
}

void
message_end(struct turn *t, const char *stop_reason)
{
	cJSON *e = event_make("message_delta", -1), *delta = json_new();

	message_write(t, fake.interrupted ? NULL : stop_reason);
	json_put_str(delta, "stop_reason", stop_reason);
	json_put(e, "delta", delta);
	json_put(e, "usage", usage_make(0, t->output_tokens));
	stream_event(t, e);
	stream_event(t, event_make("message_stop", -1));
}

/* What the CLI itself says in the model's place: API errors and the like. status 0: none. */
void
message_synthetic(struct turn *t, const char *text, const char *error, int status)
{
	cJSON *o = json_new(), *message, *content = cJSON_CreateArray();

	message_replay(t);
	make_uuid(t->message_id);
	message = message_head(t, "<synthetic>");
	cJSON_AddItemToArray(content, text_block(text));
	json_put(message, "content", content);
	json_put_str(message, "stop_reason", "stop_sequence");
	json_put(message, "usage", usage_make(0, 0));
	transcript_assistant(message);
	json_put_str(o, "type", "assistant");
	json_put(o, "message", message);
	json_put_null(o, "parent_tool_use_id");
	json_put_str(o, "error", error);
	json_put_bool(o, "is_api_error_message", true);
	if (status != 0)
		json_put_int(o, "api_error_status", status);
	tag(t, o);
	out_event(o);
	t->steps++;
	free(t->last_text);
	t->last_text = xstrdup(text);
}
