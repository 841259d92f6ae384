/* SPDX-License-Identifier: MIT
 *
 * Reads Claude Code's transcripts, see transcript.h. Called by worker.c for worker/lookup and, line
 * by line, by errand_lookup.c for those on another host. The form is that of Claude Code 2.1: one
 * JSON object a line, appended and never changed, most of them of no interest here. The lines are
 * read one after the other, and only those that can matter are parsed. The name of a project's
 * directory is not computed, since it is not unique: all are looked into.
 */
#include <sys/stat.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/compat.h"
#include "common/frame.h"
#include "common/json.h"
#include "common/paths.h"
#include "common/xmalloc.h"
#include "iris-worker/stream.h"
#include "iris-worker/transcript.h"

/* Of a longer line nothing is read: no message and no answer makes one. */
#define LINE_MAX_BYTES ((size_t)32 * 1024 * 1024)
#define ANSWER_MAX     ((size_t)64 * 1024 * 1024)

struct transcript_scan {
	char *message;   /* owned */
	uint64_t number; /* of the present line */
	uint64_t found;  /* of the message's line; 0: not yet */
	bool ended;      /* what came last is the end of a turn */
	bool over;       /* the next turn has begun: nothing more belongs to the message */
	bool cut;        /* a tool had nobody to ask: what the model says to that is no answer */
	char *answer;    /* owned */
};

static bool
equal(const char *a, const char *b)
{
	return a != NULL && strcmp(a, b) == 0;
}

/*
 * Read it as stream_parse does, since what Claude writes here is what it writes there. NULL when it
 * is no object: torn, or not Claude's.
 */
static cJSON *
parse(const char *line, size_t len)
{
	cJSON *json = json_parse(line, len, NULL);
	char *repaired;
	size_t n;

	if (json == NULL) {
		repaired = stream_repair(line, len, &n);
		json = json_parse(repaired, n, NULL);
		free(repaired);
	}
	if (json != NULL && !cJSON_IsObject(json)) {
		cJSON_Delete(json);
		json = NULL;
	}
	return json;
}

/*
 * A message is a user line of its own or, when it came while Claude was busy with something that
 * nobody had asked for, an attachment to that turn.
 */
static bool
is_message(const cJSON *json, const char *message)
{
	const cJSON *attachment = json_obj(json, "attachment");

	if (json_bool(json, "isSidechain", false))
		return false;
	if (equal(json_str(json, "type"), "user"))
		return equal(json_str(json, "uuid"), message);
	return equal(json_str(json, "type"), "attachment") &&
	    equal(json_str(attachment, "type"), "queued_command") &&
	    equal(json_str(attachment, "source_uuid"), message);
}

static void
add_text(struct transcript_scan *s, const char *text)
{
	char *joined;

	if (s->answer == NULL) {
		s->answer = xstrdup(text);
	} else if (strlen(s->answer) + strlen(text) <= ANSWER_MAX) {
		joined = xasprintf("%s\n\n%s", s->answer, text);
		free(s->answer);
		s->answer = joined;
	}
}

/*
 * The lines of one reply all bear its stop reason, and its text comes last: where only thinking was
 * written, the rest was lost. What Claude Code itself says in the model's place (an API error; "No
 * response requested." behind a turn that was cut off) is no reply.
 */
static void
take_assistant(struct transcript_scan *s, const cJSON *json)
{
	const cJSON *message = json_obj(json, "message"), *block;
	const char *stop = json_str(message, "stop_reason");

	s->ended = false;
	if (json_bool(json, "isApiErrorMessage", false) || json_str(json, "error") != NULL ||
	    equal(json_str(message, "model"), "<synthetic>"))
		return;
	cJSON_ArrayForEach (block, json_arr(message, "content")) {
		const char *text = json_str(block, "text");
		if (!equal(json_str(block, "type"), "text") || text == NULL || text[0] == '\0')
			continue;
		add_text(s, text);
		s->ended = equal(stop, "end_turn") || equal(stop, "stop_sequence");
	}
}

static bool
begins(const char *text, const char *start)
{
	return text != NULL && strncmp(text, start, strlen(start)) == 0;
}

/*
 * The result of a tool that waited for something of ours (a permission, an answer of the in-band
 * server, a hook) when Claude's input ended. The turn goes on to its end as if nothing had been.
 */
static bool
is_cut(const cJSON *block)
{
	static const char *const texts[] = {
	    "Tool permission request failed: AbortError: Tool permission stream closed",
	    "Tool permission request failed: AbortError: Stream closed",
	    "The tool call was interrupted before a result was received.",
	    "The user doesn't want to take this action right now. STOP what you are doing"};
	const char *text = json_str(block, "content");
	size_t i;

	if (!json_bool(block, "is_error", false))
		return false;
	if (text == NULL)
		text = json_str(cJSON_GetArrayItem(json_arr(block, "content"), 0), "text");
	for (i = 0; i < sizeof texts / sizeof texts[0]; i++)
		if (begins(text, texts[i]))
			return true;
	return false;
}

/* A user line behind the message: of its turn, or the begin of the next one. */
static void
take_user(struct transcript_scan *s, const cJSON *json)
{
	const cJSON *message = json_obj(json, "message"), *block;
	const char *text = json_str(message, "content");
	bool tool = false;

	cJSON_ArrayForEach (block, json_arr(message, "content")) {
		/* A tool has ended; the model goes on. */
		if (equal(json_str(block, "type"), "tool_result")) {
			s->ended = false;
			s->cut = s->cut || is_cut(block);
			tool = true;
		}
		if (text == NULL)
			text = json_str(block, "text");
	}
	if (tool)
		return;
	if (json_bool(json, "isCompactSummary", false))
		return;
	if (json_bool(json, "isMeta", false) && !begins(text, "<local-command-caveat>")) {
		/* Claude Code speaks: a hook wants more, or the model is to go on. */
		s->ended = false;
		return;
	}
	if (begins(text, "[Request interrupted"))
		s->ended = false;
	s->over = true;
}

/* A cheap look first: most lines are attachments, snapshots and books about requests. */
static bool
can_matter(const struct transcript_scan *s, const char *line)
{
	if (strstr(line, s->message) != NULL)
		return true;
	return s->found != 0 &&
	    (strstr(line, "\"assistant\"") != NULL || strstr(line, "\"user\"") != NULL ||
		strstr(line, "\"compact_boundary\"") != NULL);
}

static void
take_line(struct transcript_scan *s, const char *line, size_t len)
{
	const char *type;
	cJSON *json;

	if (!can_matter(s, line) || (json = parse(line, len)) == NULL)
		return;
	type = json_str(json, "type");
	if (is_message(json, s->message)) {
		/* Twice only where somebody has delivered it twice: an answer is an answer. */
		s->over = s->found != 0 && s->ended && !s->cut;
		if (s->over)
			goto out;
		s->found = s->number;
		s->cut = false;
		free(s->answer);
		s->answer = NULL;
	} else if (s->found == 0 || json_bool(json, "isSidechain", false)) {
		;
	} else if (equal(type, "assistant")) {
		take_assistant(s, json);
	} else if (equal(type, "user")) {
		take_user(s, json);
	} else if (equal(type, "system") && equal(json_str(json, "subtype"), "compact_boundary")) {
		/* In the middle of a turn that turn goes on behind it. */
		s->over = s->ended;
	}
out:
	cJSON_Delete(json);
}

struct transcript_scan *
transcript_scan_new(const char *message)
{
	struct transcript_scan *s = xcalloc(1, sizeof *s);

	s->message = xstrdup(message);
	return s;
}

bool
transcript_scan_line(struct transcript_scan *s, uint64_t number, const char *line, size_t len)
{
	if (!s->over && len <= LINE_MAX_BYTES) {
		s->number = number;
		take_line(s, line, len);
	}
	return !s->over;
}

void
transcript_scan_end(struct transcript_scan *s, struct transcript *t)
{
	enum transcript_state state = TRANSCRIPT_ABSENT;

	if (s->found != 0)
		state = s->ended && !s->cut ? TRANSCRIPT_ANSWERED : TRANSCRIPT_TAKEN;
	if (t != NULL && state > t->state) {
		transcript_release(t);
		t->state = state;
		t->line = s->found;
		if (state == TRANSCRIPT_ANSWERED) {
			t->answer = s->answer;
			s->answer = NULL;
		}
	}
	free(s->message);
	free(s->answer);
	free(s);
}

/* Go past the rest of a line that is too long. 0 at the end of the file, -1 with errno. */
static int
skip_line(struct frame *f, int fd)
{
	size_t len;
	char *data;
	ssize_t n;

	while (!frame_discard(f, &data, &len)) {
		do
			n = frame_read(f, fd);
		while (n == -1 && errno == EINTR);
		if (n <= 0)
			return (int)n;
	}
	return 1;
}

/* The lines that are there, and what is behind the last one. -1 with errno. */
static int
scan_fd(struct transcript_scan *s, int fd)
{
	uint64_t number = 0;
	struct frame f;
	ssize_t n = 1;
	size_t len;
	char *line;
	int rv;

	frame_init(&f, LINE_MAX_BYTES);
	while (n > 0 && !s->over) {
		while (!s->over && (rv = frame_next(&f, &line, &len)) != 0) {
			number++;
			if (rv == 1)
				transcript_scan_line(s, number, line, len);
			else if ((n = skip_line(&f, fd)) <= 0)
				break;
		}
		if (n <= 0 || s->over)
			break;
		do
			n = frame_read(&f, fd);
		while (n == -1 && errno == EINTR);
	}
	/* Whole, but for the newline, it is part of the conversation; torn, it does not parse. */
	if (n == 0 && !s->over && frame_pending(&f) > 0) {
		frame_feed(&f, "\n", 1);
		if (frame_next(&f, &line, &len) == 1)
			transcript_scan_line(s, number + 1, line, len);
	}
	frame_release(&f);
	return n == -1 ? -1 : 0;
}

/* One transcript that may not exist. What it says replaces *t where it says more. */
static int
scan_file(const char *path, const char *message, struct transcript *t, struct err *err)
{
	struct transcript_scan *s = NULL;
	struct stat st;
	int fd, rv = -1;

	fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (fd == -1)
		return errno == ENOENT || errno == ENOTDIR
		    ? 0
		    : err_sys(err, ERR_IO, "can not read Claude's transcript %s", path);
	s = transcript_scan_new(message);
	if (fstat(fd, &st) == -1 || (S_ISREG(st.st_mode) && scan_fd(s, fd) == -1)) {
		err_sys(err, ERR_IO, "can not read Claude's transcript %s", path);
		goto out;
	}
	transcript_scan_end(s, t);
	s = NULL;
	rv = 0;
out:
	close(fd);
	if (s != NULL)
		transcript_scan_end(s, NULL);
	return rv;
}

int
transcript_lookup(const char *config_dir, const char *claude_id, const char *message,
    struct transcript *t, struct err *err)
{
	char *projects = xasprintf("%s/projects", config_dir), *path;
	const struct dirent *de;
	DIR *dir = NULL;
	int rv = -1;

	memset(t, 0, sizeof *t);
	if ((dir = opendir(projects)) == NULL) {
		if (errno == ENOENT)
			rv = 0;
		else
			err_sys(err, ERR_IO, "can not read %s", projects);
		goto out;
	}
	for (errno = 0; (de = readdir(dir)) != NULL; errno = 0) {
		if (equal(de->d_name, ".") || equal(de->d_name, ".."))
			continue;
		path = xasprintf("%s/%s/%s.jsonl", projects, de->d_name, claude_id);
		rv = scan_file(path, message, t, err);
		free(path);
		if (rv == -1)
			goto out;
	}
	rv = errno == 0 ? 0 : err_sys(err, ERR_IO, "can not read %s", projects);
out:
	if (dir != NULL)
		closedir(dir);
	free(projects);
	return rv;
}

cJSON *
transcript_describe(const struct transcript *t)
{
	static const char *const names[] = {[TRANSCRIPT_ABSENT] = "absent",
	    [TRANSCRIPT_TAKEN] = "taken",
	    [TRANSCRIPT_ANSWERED] = "answered"};
	cJSON *p = json_new();

	json_put_str(p, "state", names[t->state]);
	json_put_int(p, "line", (int64_t)t->line);
	json_put_str_opt(p, "answer", t->answer);
	return p;
}

void
transcript_release(struct transcript *t)
{
	free(t->answer);
	memset(t, 0, sizeof *t);
}

/* As it will be in the environment of a Claude that is started. NULL: not set, or empty. */
static const char *
variable(const cJSON *env, const char *name)
{
	const cJSON *own = json_get(env, name);
	const char *value = own == NULL ? getenv(name) : cJSON_GetStringValue(own);

	return value != NULL && value[0] != '\0' ? value : NULL;
}

int
transcript_config_dir(const cJSON *env, char *out, size_t size, struct err *err)
{
	const char *dir = variable(env, "CLAUDE_CONFIG_DIR"), *home;

	if (dir != NULL) {
		if (dir[0] != '/')
			return err_set(
			    err, ERR_CONFIG, "CLAUDE_CONFIG_DIR must be an absolute path: %s", dir);
		if (compat_strlcpy(out, dir, size) >= size)
			return err_set(err, ERR_CONFIG, "CLAUDE_CONFIG_DIR is too long");
		return 0;
	}
	if ((home = variable(env, "HOME")) == NULL || home[0] != '/')
		home = paths_user_home();
	if (home == NULL || paths_join(out, size, home, ".claude") == -1)
		return err_set(err, ERR_CONFIG, "the user has no home directory (set HOME)");
	return 0;
}
