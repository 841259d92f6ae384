/* SPDX-License-Identifier: MIT
 *
 * approvals watch: on a terminal each request whole, the oldest first, answered by one key, with a
 * countdown; elsewhere one line for each that comes or ends. What was typed before a request could
 * be read is thrown away, so that no key answers what it was not meant for.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/compat.h"
#include "common/json.h"
#include "common/uuid.h"
#include "common/xmalloc.h"
#include "irisd/ctl/approvals.h"
#include "irisd/ctl/editor.h"
#include "irisd/ctl/feed.h"
#include "irisd/ctl/keys.h"
#include "irisd/ctl/term.h"

#define LOOK_MS    500 /* before the first key counts */
#define TICK_MS    1000
#define TRIES_MAX  10 /* to reach another irisd */
#define PAUSE_MS   50 /* doubled from try to try */
#define PAUSE_MAX  1600
#define REASON_MAX 1024

struct watch {
	struct ctl *c;
	struct feed feed;
	char shown[UUID_LEN + 1]; /* the request on the screen; "" */
	cJSON *request;           /* it, as it was shown; owned */
	cJSON *edited;            /* the input that it may be allowed with instead; owned */
	cJSON *skipped;           /* list of ids; owned */
	int64_t look_until;       /* compat_mono_ms; 0: the prompt is there */
	bool idle;                /* it was said that nothing waits */
	bool quit;
};

/* --- one line for each event -------------------------------------------------------------- */

static void
line_cb(const cJSON *p, void *arg)
{
	const struct watch *w = arg;
	char clock[48], *summary;

	if (w->c->json) {
		ctl_print_json(cJSON_Duplicate(p, true));
		fflush(stdout);
		return;
	}
	summary = approvals_summary(p);
	printf("%s  %s  ", term_clock(compat_now_ms(), clock, sizeof clock), approvals_short(p));
	term_print(stdout, approvals_text(p, "state"), false);
	printf("  ");
	term_print(stdout, approvals_text(p, "team"), false);
	printf("  ");
	term_print(stdout, approvals_text(p, "tool"), false);
	printf("  ");
	term_print(stdout, summary, false);
	if (json_str(p, "by") != NULL) {
		printf("  by ");
		term_print(stdout, json_str(p, "by"), false);
	}
	putchar('\n');
	fflush(stdout);
	free(summary);
}

/* --- the screen --------------------------------------------------------------------------- */

static void
clear_prompt(void)
{
	fputs("\r\033[K", stdout);
}

static bool
is_skipped(const struct watch *w, const char *id)
{
	const cJSON *s;

	cJSON_ArrayForEach (s, w->skipped)
		if (strcmp(s->valuestring, id) == 0)
			return true;
	return false;
}

static void
leave_request(struct watch *w)
{
	w->shown[0] = '\0';
	cJSON_Delete(w->request);
	cJSON_Delete(w->edited);
	w->request = w->edited = NULL;
}

/* What was typed up to here was meant for something else. */
static void
let_look(struct watch *w)
{
	w->look_until = compat_mono_ms() + LOOK_MS;
	fflush(stdout);
}

static void
show_request(struct watch *w, const cJSON *p)
{
	compat_strlcpy(w->shown, approvals_text(p, "id"), sizeof w->shown);
	w->request = cJSON_Duplicate(p, true);
	w->idle = false;
	printf("\n");
	approvals_print(w->c, p);
	putchar('\n');
	let_look(w);
}

/* How many wait that were not skipped, but for the one that is shown. */
static int
others(const struct watch *w)
{
	const cJSON *p;
	int n = 0;

	cJSON_ArrayForEach (p, w->feed.pending) {
		const char *id = approvals_text(p, "id");
		n += strcmp(id, w->shown) != 0 && !is_skipped(w, id);
	}
	return n;
}

static int
skipped(const struct watch *w)
{
	const cJSON *p;
	int n = 0;

	cJSON_ArrayForEach (p, w->feed.pending)
		n += is_skipped(w, approvals_text(p, "id"));
	return n;
}

static void
say_idle(struct watch *w)
{
	int n = skipped(w);

	if (w->idle)
		return;
	w->idle = true;
	if (n > 0)
		printf("\n%d skipped request%s wait%s: s shows %s again, q quits\n", n,
		    n == 1 ? "" : "s", n == 1 ? "s" : "", n == 1 ? "it" : "them");
	else
		printf("\nnothing waits for a permission; q quits\n");
	fflush(stdout);
}

/* The oldest that was not skipped, when nothing is on the screen. */
static void
pick(struct watch *w)
{
	const cJSON *p;

	if (w->shown[0] != '\0')
		return;
	cJSON_ArrayForEach (p, w->feed.pending)
		if (!is_skipped(w, approvals_text(p, "id"))) {
			show_request(w, p);
			return;
		}
	say_idle(w);
}

static void
prompt(const struct watch *w)
{
	int64_t left = json_int_or(w->request, "deadline", 0) - compat_now_ms();
	const char *rule = json_str(w->request, "rule");
	char line[512], more[48] = "", *safe;
	int n = others(w);

	left = left > 0 ? (left + 999) / 1000 : 0;
	if (n > 0)
		snprintf(more, sizeof more, ", %d more", n);
	if (w->edited != NULL)
		snprintf(line, sizeof line,
		    "%s for %s with this input: [y]es [n]o, back  %" PRId64 ":%02" PRId64 "%s",
		    approvals_text(w->request, "tool"), approvals_text(w->request, "team"),
		    left / 60, left % 60, more);
	else
		snprintf(line, sizeof line,
		    "%s for %s: [y]es %s[n]o [e]dit [s]kip [q]uit  %" PRId64 ":%02" PRId64 "%s",
		    approvals_text(w->request, "tool"), approvals_text(w->request, "team"),
		    rule != NULL ? "[r]emember " : "", left / 60, left % 60, more);
	safe = term_escape(line, strlen(line), false);
	term_cut(safe, term_width() > 8 ? (size_t)term_width() - 3 : 5);
	printf("\r%s%s%s\033[K ", term_on(stdout, TERM_YELLOW), safe, term_off(stdout));
	fflush(stdout);
	free(safe);
}

/* Somebody else was faster, or nobody was fast enough. */
static void
screen_cb(const cJSON *p, void *arg)
{
	struct watch *w = arg;
	char state[256];

	if (approvals_pending(p)) {
		w->idle = false;
		return;
	}
	if (strcmp(approvals_text(p, "id"), w->shown) != 0)
		return;
	clear_prompt();
	printf("%s", term_on(stdout, TERM_YELLOW));
	term_print(stdout, approvals_state(p, state, sizeof state), false);
	if (json_str(p, "reason") != NULL) {
		printf(": ");
		term_print(stdout, json_str(p, "reason"), false);
	}
	printf("%s\n", term_off(stdout));
	leave_request(w);
}

/* --- answers ------------------------------------------------------------------------------ */

static void
give(struct watch *w, const struct approvals_answer *a)
{
	cJSON *result = NULL;
	struct err err;

	clear_prompt();
	if (approvals_send(w->c, w->request, a, &result, &err) == 0) {
		approvals_print_end(result);
		cJSON_Delete(result);
		feed_forget(&w->feed, w->shown);
		leave_request(w);
		return;
	}
	printf("%s", term_on(stdout, TERM_RED));
	term_print(stdout, err.msg, true);
	printf("%s\n", term_off(stdout));
	/* Where it was answered, the feed tells so, and by whom. */
	let_look(w);
}

static void
deny(struct watch *w)
{
	struct approvals_answer a = {.allow = false};
	char reason[REASON_MAX];

	clear_prompt();
	printf("why not (Enter: no reason, Ctrl-C: back)? ");
	fflush(stdout);
	if (!keys_line(reason, sizeof reason)) {
		putchar('\n');
		let_look(w);
		return;
	}
	json_utf8_mend(reason);
	a.reason = reason[strspn(reason, " \t")] != '\0' ? reason : NULL;
	give(w, &a);
}

/* The input as the person has made it, when it is one and another one. */
static cJSON *
read_edited(const char *text, const cJSON *before, struct err *err)
{
	cJSON *o = json_parse(text, strlen(text), err);

	if (o == NULL) {
		err_prefix(err, "this is no input: ");
	} else if (!cJSON_IsObject(o)) {
		err_set(err, ERR_INVALID, "the input of a tool is a JSON object");
	} else if (cJSON_Compare(o, before, true)) {
		err_set(err, ERR_INVALID, "the input was not changed");
	} else {
		return o;
	}
	cJSON_Delete(o);
	return NULL;
}

static void
edit(struct watch *w)
{
	const cJSON *input = json_get(w->request, "input");
	char *before = cJSON_Print(input), *whole = xasprintf("%s\n", before), *after, *again;
	struct err err;

	clear_prompt();
	fflush(stdout);
	keys_pause();
	after = editor_run(w->c->paths.run, "input.json", whole, &err);
	keys_resume();
	if (after != NULL && (w->edited = read_edited(after, input, &err)) != NULL) {
		again = cJSON_Print(w->edited);
		printf("\n");
		approvals_print_diff(before, again);
		putchar('\n');
		free(again);
	} else {
		term_print(stdout, err.msg, true);
		putchar('\n');
	}
	free(after);
	free(whole);
	free(before);
	let_look(w);
}

static void
skip(struct watch *w)
{
	if (w->shown[0] == '\0') {
		cJSON_Delete(w->skipped);
		w->skipped = cJSON_CreateArray();
		w->idle = false;
		return;
	}
	clear_prompt();
	printf("skipped\n");
	cJSON_AddItemToArray(w->skipped, cJSON_CreateString(w->shown));
	leave_request(w);
}

static void
key_edited(struct watch *w, char key)
{
	struct approvals_answer a = {.allow = true, .updated = w->edited};

	if (key == 'y') {
		give(w, &a);
	} else if (key == 'n') {
		cJSON_Delete(w->edited);
		w->edited = NULL;
		let_look(w);
	}
}

static void
on_key(struct watch *w, char key)
{
	struct approvals_answer a = {.allow = true};

	if (key == 'q' || key == 4) {
		w->quit = true;
	} else if (w->shown[0] == '\0') {
		if (key == 's')
			skip(w);
	} else if (w->look_until != 0) {
		return;
	} else if (w->edited != NULL) {
		key_edited(w, key);
	} else if (key == 'y') {
		give(w, &a);
	} else if (key == 'r' && json_str(w->request, "rule") != NULL) {
		a.remember = true;
		give(w, &a);
	} else if (key == 'n') {
		deny(w);
	} else if (key == 'e') {
		edit(w);
	} else if (key == 's') {
		skip(w);
	}
}

/* --- waiting ------------------------------------------------------------------------------ */

/* Another irisd in the place of the one that died; its workers hold what was asked. */
static int
reconnect(struct watch *w, bool screen, struct err *err)
{
	int i, pause = 0;
	char key;

	if (!w->c->quiet)
		fprintf(stderr, "%siris: irisd is gone; looking for the next one\n",
		    screen ? "\r\033[K" : "");
	for (i = 0; i < TRIES_MAX; i++) {
		if (feed_open(&w->feed, true, err) == 0)
			return 0;
		if (err->code != ERR_UNAVAILABLE && err->code != ERR_IO)
			return -1;
		pause = pause == 0 ? PAUSE_MS : pause < PAUSE_MAX ? pause * 2 : PAUSE_MAX;
		if (keys_wait(-1, pause, &key) == KEYS_END) {
			w->quit = true;
			return 0;
		}
	}
	return -1;
}

static int
on_readable(struct watch *w, bool screen, struct err *err)
{
	bool stopped;

	if (feed_read(&w->feed, &stopped, err) == 0)
		return 0;
	return stopped || err->code == ERR_PROTOCOL ? -1 : reconnect(w, screen, err);
}

/* How long until something is to be drawn; -1: nothing is. */
static int
next_draw(const struct watch *w, bool screen)
{
	int64_t left = w->look_until - compat_mono_ms();

	if (!screen || w->shown[0] == '\0')
		return -1;
	if (w->look_until == 0)
		return TICK_MS;
	return left > 0 ? (int)left : 0;
}

static void
draw(struct watch *w)
{
	if (w->shown[0] == '\0')
		return;
	if (w->look_until != 0 && compat_mono_ms() < w->look_until)
		return;
	if (w->look_until != 0)
		keys_flush();
	w->look_until = 0;
	prompt(w);
}

static int
loop(struct watch *w, bool screen, struct err *err)
{
	enum keys_event e;
	int rv = 0;
	char key;

	while (rv == 0 && !w->quit) {
		/* What is old and large comes when there is room for it. */
		if (w->feed.partial && cJSON_GetArraySize(w->feed.pending) == skipped(w) &&
		    feed_more(&w->feed, err) == -1) {
			rv = reconnect(w, screen, err);
			continue;
		}
		if (screen) {
			pick(w);
			draw(w);
		}
		e = keys_wait(w->feed.call.fd, next_draw(w, screen), &key);
		if (e == KEYS_END)
			return CTL_INTERRUPTED;
		if (e == KEYS_KEY)
			on_key(w, key);
		else if (e == KEYS_FD)
			rv = on_readable(w, screen, err);
	}
	return rv;
}

int
approvals_watch(struct ctl *c, struct err *err)
{
	bool screen = !c->json && term.out_tty && ctl_can_ask();
	struct watch w = {.c = c, .feed = {.c = c, .changed = screen ? screen_cb : line_cb}};
	int rv;

	w.feed.arg = &w;
	w.feed.call.fd = -1;
	w.skipped = cJSON_CreateArray();
	if ((rv = keys_open(screen, err)) == 0 && (rv = feed_open(&w.feed, false, err)) == 0)
		rv = loop(&w, screen, err);
	if (screen)
		clear_prompt();
	keys_close();
	leave_request(&w);
	cJSON_Delete(w.skipped);
	feed_close(&w.feed);
	return rv;
}
