/* SPDX-License-Identifier: MIT
 *
 * ask and send. ask waits with a spinner that says what happens (on a terminal), writes the answer
 * as it comes (on a terminal) or exactly and whole (into a pipe or file), and survives a restart of
 * irisd: the message carries an idempotency key, so that sending it again finds the first one.
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/compat.h"
#include "common/config.h"
#include "common/json.h"
#include "common/xmalloc.h"
#include "irisd/ctl/ask.h"
#include "irisd/ctl/stream.h"
#include "irisd/ctl/term.h"

#define MESSAGE_MAX                                                                                \
	((size_t)8 * 1024 * 1024) /* bytes; a line of the protocol has 16 MiB, escapes included */

/* All of standard input. */
static char *
read_stdin(size_t *len, struct err *err)
{
	size_t cap = 65536;
	char *buf = xmalloc(cap);
	ssize_t n;

	*len = 0;
	for (;;) {
		if (*len == cap && cap > MESSAGE_MAX) {
			err_set(err, ERR_LIMIT, "the message is longer than %zu MiB",
			    MESSAGE_MAX >> 20);
			break;
		}
		if (*len == cap)
			buf = xrealloc(buf, cap *= 2);
		n = read(STDIN_FILENO, buf + *len, cap - *len);
		if (n == 0)
			return buf;
		if (n == -1 && errno != EINTR) {
			err_sys(err, ERR_IO, "can not read standard input");
			break;
		}
		if (n > 0)
			*len += (size_t)n;
	}
	free(buf);
	return NULL;
}

static char *
join_operands(const struct ctl *c, int first, size_t *len)
{
	char *text = NULL;
	int i;

	for (*len = 0, i = first; i < c->noperands; i++) {
		size_t n = strlen(c->operand[i]);
		text = xrealloc(text, *len + n + 2);
		if (i > first)
			text[(*len)++] = ' ';
		memcpy(text + *len, c->operand[i], n);
		*len += n;
	}
	return text;
}

/* The text to send, the operands from the first on, NUL-terminated; malloc'ed. */
static char *
message_text(const struct ctl *c, int first, struct err *err)
{
	bool dash = c->noperands == first + 1 && strcmp(c->operand[first], "-") == 0;
	size_t len = 0;
	char *text;

	if (c->noperands == first && isatty(STDIN_FILENO)) {
		err_set(err, ERR_INVALID, "no text; write it behind the team, or pipe it in");
		return NULL;
	}
	if (c->noperands == first || dash) {
		if ((text = read_stdin(&len, err)) == NULL)
			return NULL;
	} else {
		text = join_operands(c, first, &len);
	}
	while (len > 0 && (text[len - 1] == '\n' || text[len - 1] == '\r'))
		len--;
	text = xrealloc(text, len + 1);
	text[len] = '\0';
	if (len == 0 || strspn(text, " \t\r\n") == len)
		err_set(err, ERR_INVALID, "the message is empty");
	else if (len > MESSAGE_MAX)
		err_set(err, ERR_LIMIT, "the message is longer than %zu MiB", MESSAGE_MAX >> 20);
	else if (!json_utf8_valid(text, len))
		err_set(err, ERR_INVALID, "the message is not UTF-8 text");
	else
		return text;
	free(text);
	return NULL;
}

cJSON *
sending_params(
    const struct ctl *c, const struct sending *q, const char *to, const char *key, bool wait)
{
	cJSON *params = json_new();

	json_put_str(params, "to", to);
	json_put_str(params, "message", q->text);
	json_put_str_opt(params, "from", ctl_opt(c, "from"));
	if (!wait)
		json_put_int(params, "timeout", -1);
	else if (q->timeout >= 0)
		json_put_int(params, "timeout", q->timeout);
	if (q->ttl >= 0)
		json_put_int(params, "ttl", q->ttl);
	if (wait)
		json_put_bool(params, "stream", true);
	json_put_str(params, "idempotencyKey", key);
	return params;
}

static int
send_only(struct ctl *c, const struct sending *q, struct err *err)
{
	struct ctl_wait w = {0};
	cJSON *m = NULL;
	const char *id;

	if (ctl_wait_call(c, true, "iris/message.send",
		sending_params(c, q, c->operand[0], q->key, false), ASK_SEND_TIMEOUT, &w, &m,
		err) == -1)
		return w.interrupted ? CTL_INTERRUPTED : -1;
	if (c->json) {
		ctl_print_json(m);
		return 0;
	}
	id = json_str(m, "id");
	term_print(stdout, id ? id : "", false);
	putchar('\n');
	if (!c->quiet && term.err_tty && id != NULL)
		fprintf(stderr, "%s\"iris message show %s\" fetches the answer%s\n",
		    term_on(stderr, TERM_DIM), id, term_off(stderr));
	cJSON_Delete(m);
	return 0;
}

/* Whether irisd cancels what nobody waits for any more. */
static bool
cancelled_when_left(const struct ctl *c)
{
	struct err err;
	struct config *cfg = config_load(c->paths.config, &err);
	bool yes = cfg != NULL && cfg->settings.cancel_on_disconnect;

	if (cfg != NULL)
		config_free(cfg);
	return yes;
}

static void
print_interrupted(const struct ctl *c, const struct stream *s)
{
	cJSON *tree, *inner;
	char text[256];

	if (s->id[0] != '\0' && cancelled_when_left(c))
		snprintf(text, sizeof text,
		    "the message is cancelled, unless somebody else waits for it "
		    "(settings.cancelOnDisconnect); \"iris message show %s\" tells",
		    s->id);
	else if (s->id[0] != '\0')
		snprintf(text, sizeof text,
		    "the message goes on without you; \"iris message show %s\" fetches the answer, "
		    "\"iris message cancel %s\" cancels it",
		    s->id, s->id);
	else
		snprintf(text, sizeof text, "interrupted before irisd had taken the message");
	if (!c->json) {
		fprintf(stderr, "iris: %s\n", text);
		return;
	}
	tree = json_new();
	inner = json_new();
	json_put_str(inner, "code", "interrupted");
	json_put_str(inner, "message", text);
	json_put_str_opt(inner, "id", s->id[0] != '\0' ? s->id : NULL);
	json_put(tree, "error", inner);
	ctl_print_json(tree);
}

/* What there is to say when the wait is over: the answer, a failure, or that it takes longer. */
static int
print_end(struct ctl *c, struct stream *s, cJSON *m, struct err *err)
{
	const char *response = json_str(m, "response"), *state = json_str(m, "state"),
		   *id = json_str(m, "id");
	int rv = ctl_message_err(m, err);
	size_t len;

	if (rv == 0 && (state == NULL || strcmp(state, "answered") != 0))
		rv = err_set(err, ERR_TIMEOUT,
		    "%s has not answered yet (%s); the message goes on: "
		    "\"iris message show %s --wait 60s\"",
		    c->operand[0], state ? state : "?", id ? id : s->id);
	if (c->json) {
		ctl_print_json(cJSON_Duplicate(m, true));
		return rv == 0 ? 0 : err_exit_status(err->code);
	}
	if (rv == 0) {
		stream_answer(s, response ? response : "");
		stream_summary(s, m);
	} else {
		stream_break(s);
		if (id != NULL && err->code != ERR_TIMEOUT) {
			len = strlen(err->msg);
			snprintf(err->msg + len, sizeof err->msg - len,
			    "\n\"iris message show %s\" tells each step", id);
		}
	}
	return rv;
}

static int
ask(struct ctl *c, const struct sending *q, struct err *err)
{
	struct stream s;
	struct ctl_wait w = {.notify = stream_event,
	    .tick = stream_tick,
	    .lost = stream_lost,
	    .arg = &s,
	    .limit = "timeout"};
	cJSON *m = NULL;
	int rv;

	stream_init(&s, c->operand[0], !c->json && ctl_opt(c, "no-stream") == NULL && term.out_tty,
	    !c->quiet && term.err_tty, c->quiet);
	s.verbose = c->verbose;
	w.tick_ms = s.spinner.on ? ASK_TICK : 0;
	stream_say(&s, "connecting to irisd");
	/* Asked again, the message is found by its key: it is sent once. */
	rv = ctl_wait_call(c, true, "iris/message.send",
	    sending_params(c, q, c->operand[0], q->key, true), -1, &w, &m, err);
	stream_quiet(&s);
	if (w.interrupted) {
		stream_break(&s);
		print_interrupted(c, &s);
		rv = CTL_INTERRUPTED;
	} else if (rv == 0) {
		rv = print_end(c, &s, m, err);
	} else {
		stream_break(&s);
	}
	cJSON_Delete(m);
	stream_release(&s);
	return rv;
}

/* From the command line; false with err. */
static bool
sending_init(const struct ctl *c, struct sending *q, struct err *err)
{
	const char *ttl = ctl_opt(c, "ttl");

	q->timeout = q->ttl = -1;
	q->key = ctl_opt(c, "key");
	if (q->key != NULL && q->key[0] == '\0') {
		err_set(err, ERR_INVALID, "--key is empty; give a name for this message");
		return false;
	}
	if (q->key == NULL) {
		uuid_v4(q->made);
		q->key = q->made;
	}
	if (ttl != NULL && ctl_duration(ttl, &q->ttl, err) == -1)
		return false;
	return (q->text = message_text(c, ctl_opt(c, "all") != NULL ? 0 : 1, err)) != NULL;
}

int
ctl_ask_run(struct ctl *c, struct err *err)
{
	const char *given = ctl_opt(c, "timeout");
	int64_t timeout = -1;
	struct sending q;
	int rv;

	if ((given != NULL && ctl_duration(given, &timeout, err) == -1) ||
	    !sending_init(c, &q, err))
		return -1;
	q.timeout = timeout;
	if (ctl_opt(c, "all") != NULL)
		rv = ask_all(c, &q, err);
	else if (ctl_opt(c, "no-wait") != NULL)
		rv = send_only(c, &q, err);
	else
		rv = ask(c, &q, err);
	free(q.text);
	return rv;
}

int
ctl_send_run(struct ctl *c, struct err *err)
{
	struct sending q;
	int rv;

	if (!sending_init(c, &q, err))
		return -1;
	rv = send_only(c, &q, err);
	free(q.text);
	return rv;
}
