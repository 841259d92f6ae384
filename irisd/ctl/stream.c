/* SPDX-License-Identifier: MIT
 *
 * The live view of one question, see stream.h. Called by ask.c and, through callbacks, while it
 * waits.
 */
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/compat.h"
#include "common/json.h"
#include "common/xmalloc.h"
#include "irisd/ctl/stream.h"

#define SPINNER_COLUMNS 16 /* beside what is done: the spinner itself, and the time */

void
stream_init(struct stream *s, const char *team, bool live, bool spin, bool quiet)
{
	memset(s, 0, sizeof *s);
	s->team = team;
	s->live = live;
	s->quiet = quiet;
	s->spinner.on = spin;
	s->began = compat_mono_ms();
}

void
stream_release(struct stream *s)
{
	free(s->text);
	s->text = NULL;
}

void
stream_tick(void *arg)
{
	struct stream *s = arg;
	char line[400], took[32];

	/* A spinner would overwrite the line that the answer stands in. */
	if (s->midline)
		return;
	snprintf(line, sizeof line, "%s: %s (%s)", s->team, s->doing,
	    term_duration(compat_mono_ms() - s->began, took, sizeof took));
	term_spinner_draw(&s->spinner, line);
}

void
stream_say(struct stream *s, const char *doing)
{
	bool new = strcmp(s->doing, doing) != 0;

	compat_strlcpy(s->doing, doing, sizeof s->doing);
	/* What does not fit beside the spinner is told in full, once: it may be a command to type. */
	if (new && s->spinner.on && !s->midline && !s->verbose &&
	    term_columns(s->team) + term_columns(doing) + SPINNER_COLUMNS > (size_t)term_width()) {
		term_spinner_clear(&s->spinner);
		term_print(stderr, s->team, false);
		fputs(": ", stderr);
		term_print(stderr, doing, false);
		fputc('\n', stderr);
	}
	stream_tick(s);
}

void
stream_break(struct stream *s)
{
	if (s->midline) {
		putchar('\n');
		fflush(stdout);
	}
	s->midline = false;
}

void
stream_lost(bool back, void *arg)
{
	struct stream *s = arg;

	stream_break(s);
	if (!back) {
		s->len = s->shown = 0;
		stream_say(s, "irisd is gone; asking again");
		return;
	}
	term_spinner_clear(&s->spinner);
	if (s->spinner.on || s->verbose)
		fprintf(stderr, "iris: irisd was restarted; still waiting\n");
}

void
stream_quiet(struct stream *s)
{
	term_spinner_clear(&s->spinner);
	s->spinner.on = false;
}

/* The bytes at the end that may be the beginning of one character. */
static size_t
unfinished(const char *text, size_t len)
{
	size_t n;

	for (n = 1; n <= 3 && n <= len; n++) {
		unsigned char c = (unsigned char)text[len - n];
		if (c < 0x80)
			return 0;
		if (c >= 0xc0)
			return n < (c >= 0xf0 ? 4u : c >= 0xe0 ? 3u : 2u) ? n : 0;
	}
	return 0;
}

static void
show(struct stream *s, const char *text, size_t len)
{
	char *safe;

	if (len == 0)
		return;
	term_spinner_clear(&s->spinner);
	safe = term_escape(text, len, true);
	fputs(safe, stdout);
	fflush(stdout);
	s->midline = safe[strlen(safe) - 1] != '\n';
	free(safe);
}

static void
on_delta(struct stream *s, const char *text)
{
	size_t n = strlen(text), upto;

	if (!s->live)
		return;
	if (s->len + n > s->cap) {
		s->cap = (s->len + n) * 2;
		s->text = xrealloc(s->text, s->cap);
	}
	memcpy(s->text + s->len, text, n);
	s->len += n;
	upto = s->len - unfinished(s->text, s->len);
	show(s, s->text + s->shown, upto - s->shown);
	s->shown = upto;
}

static void
activity_line(const cJSON *p, char *buf, size_t size)
{
	const cJSON *a = json_get(p, "activity");
	const char *kind = json_str(a, "kind"), *tool = json_str(a, "tool"),
		   *detail = json_str(a, "detail");

	buf[0] = '\0';
	if (cJSON_IsString(a))
		snprintf(buf, size, "%s", a->valuestring);
	else if (kind != NULL && strcmp(kind, "tool") == 0)
		snprintf(buf, size, "tool %s%s%s", tool ? tool : "?", detail ? ": " : "",
		    detail ? detail : "");
	else if (kind != NULL && strcmp(kind, "text") == 0)
		snprintf(buf, size, "writing");
	else if (kind != NULL)
		snprintf(buf, size, "%s%s%s", kind, detail ? ": " : "", detail ? detail : "");
}

static void
on_message_event(struct stream *s, const cJSON *p)
{
	const char *state = json_str(p, "state"), *id = json_str(p, "id"),
		   *reason = json_str(p, "reason");
	char doing[256], what[200];
	int64_t position;

	if (id != NULL && uuid_valid(id))
		compat_strlcpy(s->id, id, sizeof s->id);
	activity_line(p, what, sizeof what);
	if (what[0] != '\0')
		snprintf(doing, sizeof doing, "%s", what);
	else if (json_int(p, "position", &position) == 0 && position > 0)
		snprintf(doing, sizeof doing, "queued, place %" PRId64, position);
	else
		snprintf(doing, sizeof doing, "%s%s%s", state ? state : "waiting",
		    reason ? ": " : "", reason ? reason : "");
	/* Something goes on between two parts of the answer: show it below the first. */
	if (s->midline && what[0] != '\0' && strcmp(what, "writing") != 0)
		stream_break(s);
	if (s->verbose) {
		term_spinner_clear(&s->spinner);
		fprintf(stderr, "iris: message %s: ", s->id);
		term_print(stderr, doing, false);
		fputc('\n', stderr);
	}
	stream_say(s, doing);
}

void
stream_event(const char *method, const cJSON *params, void *arg)
{
	struct stream *s = arg;
	const char *text = json_str(params, "text");

	if (strcmp(method, "iris/message.event") == 0)
		on_message_event(s, params);
	else if (strcmp(method, "iris/message.delta") == 0 && text != NULL)
		on_delta(s, text);
}

/* The same text but for blanks and line ends, which parts of an answer are joined by. */
static bool
same_words(const char *a, size_t alen, const char *b)
{
	size_t i = 0;

	for (;;) {
		while (i < alen && isspace((unsigned char)a[i]))
			i++;
		while (isspace((unsigned char)*b))
			b++;
		if (i == alen || *b == '\0')
			return i == alen && *b == '\0';
		if (a[i++] != *b++)
			return false;
	}
}

void
stream_answer(struct stream *s, const char *answer)
{
	size_t n = strlen(answer);

	term_spinner_clear(&s->spinner);
	if (!term.out_tty) {
		/* Exactly the answer: whoever reads this is a program. */
		fwrite(answer, 1, n, stdout);
		putchar('\n');
		return;
	}
	if (s->shown > 0 && s->shown <= n && memcmp(s->text, answer, s->shown) == 0) {
		show(s, answer + s->shown, n - s->shown);
	} else if (s->shown == 0 || !same_words(s->text, s->len, answer)) {
		stream_break(s);
		if (s->shown > 0)
			printf("%s--- the answer as it is in the end:%s\n",
			    term_on(stdout, TERM_DIM), term_off(stdout));
		show(s, answer, n);
	}
	stream_break(s);
}

void
stream_summary(struct stream *s, const cJSON *message)
{
	const cJSON *u = json_obj(message, "usage"), *r;
	int64_t at, before = -1;
	const char *model;
	char took[32];

	if (s->quiet || !term.err_tty)
		return;
	fprintf(stderr, "%s", term_on(stderr, TERM_DIM));
	term_print(stderr, json_str(message, "id") ? json_str(message, "id") : s->id, false);
	cJSON_ArrayForEach (r, json_arr(message, "receipts")) {
		at = json_int_or(r, "at", 0);
		fputs(before == -1 ? "  " : " -> ", stderr);
		term_print(stderr, json_str(r, "state") ? json_str(r, "state") : "?", false);
		if (before != -1)
			fprintf(stderr, " +%s", term_duration(at - before, took, sizeof took));
		before = at;
	}
	if (before == -1)
		fprintf(stderr, "  answered after %s",
		    term_duration(compat_mono_ms() - s->began, took, sizeof took));
	if (u != NULL)
		fprintf(stderr, "  $%.4f", json_num_or(u, "costUsd", 0));
	if ((model = json_str(u, "model")) != NULL) {
		fprintf(stderr, "  ");
		term_print(stderr, model, false);
	}
	fprintf(stderr, "%s\n", term_off(stderr));
}
