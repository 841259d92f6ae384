/* SPDX-License-Identifier: MIT
 *
 * The relay, see relay.h. Owns the buffers between the two sides and the order of things: hello
 * first, then what a restarted irisd must hear again, then the client's lines. Looks at ids and
 * methods only, and writes nothing to standard output but whole lines of MCP.
 *
 * Neither side is read while the other one does not take what is there already.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/compat.h"
#include "common/frame.h"
#include "common/json.h"
#include "common/log.h"
#include "common/rpc.h"
#include "common/uuid.h"
#include "common/xmalloc.h"
#include "iris-mcp-shim/batch.h"
#include "iris-mcp-shim/hello.h"
#include "iris-mcp-shim/lines.h"
#include "iris-mcp-shim/link.h"
#include "iris-mcp-shim/relay.h"
#include "iris-mcp-shim/sniff.h"

#define HELLO_ID   "\"iris/hello\""
#define OWN_MAX    ((size_t)64 * 1024) /* bytes of own answers above which the client is not read */
#define TAIL_MAX   512                 /* last bytes of a line too long: its id may be there */
#define EOF_MS     500 /* how long answers are still passed on after the client's EOF */
#define LASTING_MS 500 /* a request that ends irisd does so at once: not its fault after so long */

struct buf {
	char *p; /* owned */
	size_t len, off;
};

struct relay {
	struct link link;
	struct lines lines;  /* client -> irisd */
	struct frame client; /* what was read from standard input */
	struct frame irisd;  /* what was read from the connection */
	const char *cwd;
	char instance[UUID_LEN + 1]; /* of this shim */
	unsigned handshakes;         /* initialize requests of the client's */
	char *hello;                 /* owned: the line said first on every connection */
	struct buf first; /* what goes out before lines: hello, and the handshake again */
	char *cur;        /* the line of irisd's being written to standard output, in irisd */
	size_t cur_len, cur_off;
	struct buf own;         /* own answers to the client */
	char *init, *init_id;   /* owned: the client's initialize and its id, NULL without one */
	char *initialized;      /* owned: its notifications/initialized */
	struct batches batches; /* lists of the client's that wait for answers */
	bool batching;          /* its revision has such lists */
	bool init_answered;
	bool init_again; /* the answer to the repeated initialize is on its way */
	bool greeted;    /* irisd has answered the hello of this connection */
	bool broken;     /* writing failed: read what is left, then it is lost */
	int64_t up_since;
	bool skipping; /* within a line that is too long */
	char *skip_id; /* owned: its id, when its beginning told */
	bool skip_request;
	char skip_tail[TAIL_MAX];
	size_t skip_len;
	bool held; /* lines of the client's may be there for which there was no room */
	bool eof;  /* of standard input */
	int64_t eof_until;
	bool gone; /* nobody reads standard output */
};

static void
buf_add(struct buf *b, const char *data, size_t len)
{
	if (b->off == b->len)
		b->off = b->len = 0;
	b->p = xrealloc(b->p, b->len + len);
	memcpy(b->p + b->len, data, len);
	b->len += len;
}

static void
buf_add_line(struct buf *b, const char *line)
{
	buf_add(b, line, strlen(line));
	buf_add(b, "\n", 1);
}

/* Write what fd takes: 1 when all is out, 0 when it takes no more now, -1 with errno. */
static int
write_some(int fd, const char *p, size_t len, size_t *off)
{
	ssize_t n;

	while (*off < len) {
		n = write(fd, p + *off, len - *off);
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return errno == EAGAIN ? 0 : -1;
		*off += (size_t)n;
	}
	return 1;
}

struct refusal {
	struct relay *r;
	const struct err *err;
};

static void
batch_step(struct relay *r, struct batch *b)
{
	char *text = batch_less(&r->batches, b);

	if (text != NULL)
		buf_add_line(&r->own, text);
	free(text);
}

/* True when the answer to id belongs to a list, and has gone there. */
static bool
in_batch(struct relay *r, struct slice id, const char *line, size_t len)
{
	struct batch *b = batches_take(&r->batches, id);

	if (b == NULL)
		return false;
	batch_answer(b, id, line, len);
	batch_step(r, b);
	return true;
}

static void
answer_error(const char *id, void *arg)
{
	const struct refusal *f = arg;
	char *line = rpc_error(id, f->err, NULL);

	if (!in_batch(f->r, (struct slice){id, strlen(id)}, line, strlen(line)))
		buf_add_line(&f->r->own, line);
	free(line);
}

/* --- the connection -------------------------------------------------------------------------- */

static void
on_connected(struct relay *r)
{
	r->greeted = r->broken = r->init_again = false;
	r->up_since = compat_mono_ms();
	r->first.len = r->first.off = 0;
	buf_add_line(&r->first, r->hello);
	if (r->init != NULL && r->init_answered) {
		buf_add_line(&r->first, r->init);
		r->init_again = true;
		if (r->initialized != NULL)
			buf_add_line(&r->first, r->initialized);
	}
}

static void
on_event(struct relay *r, enum link_event ev, const struct err *err)
{
	struct refusal f = {r, err};

	if (ev == LINK_CONNECTED)
		on_connected(r);
	else if (ev == LINK_FAILED && (r->link.start || lines_waiting(&r->lines))) {
		log_warn("%s", err->msg);
		lines_fail(&r->lines, answer_error, &f);
	}
}

/*
 * Reconnect: starting irisd only for a request that waits, so that an irisd that was stopped
 * stays stopped.
 */
static void
on_lost(struct relay *r, const struct err *why)
{
	enum lines_loss loss = LINES_NEVER_USED;
	bool established = r->greeted;
	struct err often, err;
	struct refusal f = {r, &often};
	enum link_event ev;

	frame_release(&r->irisd);
	frame_init(&r->irisd, RPC_LINE_MAX);
	err_set(&often, ERR_UNAVAILABLE,
	    "irisd ended again and again while it had this request; its log tells why");
	if (established)
		loss = compat_mono_ms() - r->up_since < LASTING_MS ? LINES_SHORT : LINES_LASTED;
	lines_rewind(&r->lines, loss, answer_error, &f);
	ev = link_lost(&r->link, established, why, &err);
	on_event(r, ev, &err);
	if (established)
		link_want(&r->link, lines_waiting(&r->lines));
}

/* The first line of a connection: irisd's answer to the hello, never the client's. */
static void
on_hello(struct relay *r, const char *line, size_t len)
{
	struct rpc_msg m;
	struct err err;

	if (rpc_parse(line, len, &m, &err) == 0) {
		if (m.kind == RPC_RESPONSE && strcmp(m.id, HELLO_ID) == 0)
			r->greeted = true;
		else if (m.kind == RPC_ERROR)
			rpc_error_to_err(m.error, &err);
		else
			err_set(&err, ERR_PROTOCOL, "irisd did not answer the greeting");
	}
	rpc_clear(&m);
	if (!r->greeted) {
		err_prefix(&err, "irisd refused the connection: ");
		/* That it is full may be another thing for the next request. */
		if (err.code != ERR_LIMIT)
			err.code = ERR_REFUSED;
		on_lost(r, &err);
	}
}

/* One line of irisd's. True when the client is to get it. */
static bool
on_irisd_line(struct relay *r, const char *line, size_t len)
{
	struct slice init_id = {r->init_id, r->init_id != NULL ? strlen(r->init_id) : 0};
	struct sniff s;

	if (!r->greeted) {
		on_hello(r, line, len);
		return false;
	}
	sniff_line(line, len, &s);
	if (s.kind == SNIFF_ANSWER) {
		if (slice_equal(s.id, init_id)) {
			if (r->init_again) {
				r->init_again = false;
				return false;
			}
			/* The id may come again. */
			if (!r->init_answered)
				r->batching = sniff_version(line, len, BATCH_ERA);
			r->init_answered = true;
		}
		lines_answered(&r->lines, s.id);
		if (!TAILQ_EMPTY(&r->batches))
			return !in_batch(r, s.id, line, len);
	} else if (sniff_is(&s, "notifications/subscriptions/acknowledged")) {
		return !lines_take_ack(&r->lines, sniff_subscription(line, len));
	}
	return true;
}

/* Everything for standard output, until it takes no more or there is nothing. */
static void
pump_down(struct relay *r)
{
	size_t len;
	char *line;
	int rv;

	for (;;) {
		if (r->cur != NULL) {
			rv = write_some(STDOUT_FILENO, r->cur, r->cur_len, &r->cur_off);
			if (rv <= 0)
				break;
			r->cur = NULL;
		}
		rv = write_some(STDOUT_FILENO, r->own.p, r->own.len, &r->own.off);
		if (rv <= 0)
			break;
		if ((rv = frame_next(&r->irisd, &line, &len)) == 0) {
			frame_trim(&r->irisd);
			return;
		}
		if (rv == -1) {
			struct err err;
			err_set(&err, ERR_PROTOCOL, "irisd sent a line that is too long");
			on_lost(r, &err);
		} else if (on_irisd_line(r, line, len)) {
			line[len] = '\n';
			r->cur = line;
			r->cur_len = len + 1;
			r->cur_off = 0;
		}
	}
	if (rv == -1)
		r->gone = true;
}

static void
pump_irisd(struct relay *r)
{
	ssize_t n = frame_read(&r->irisd, r->link.fd);
	struct err err;

	if (n > 0 || (n == -1 && (errno == EAGAIN || errno == EINTR)))
		return;
	err_set(&err, ERR_UNAVAILABLE, "irisd closed the connection");
	on_lost(r, &err);
}

/* --- the client ------------------------------------------------------------------------------ */

static void
make_hello(struct relay *r)
{
	cJSON *params = hello_params(r->cwd, r->instance, r->handshakes);

	free(r->hello);
	r->hello = rpc_request(HELLO_ID, "iris/hello", params);
}

static void
on_handshake(struct relay *r, const char *line, size_t len, const struct sniff *s)
{
	if (s->kind == SNIFF_REQUEST && sniff_is(s, "initialize")) {
		r->handshakes++;
		make_hello(r);
		if (r->handshakes > 1) {
			lines_anew(&r->lines);
			batches_release(&r->batches);
		}
		r->batching = false;
		free(r->init);
		free(r->init_id);
		free(r->initialized);
		r->init = xstrndup(line, len);
		r->init_id = xstrndup(s->id.ptr, s->id.len);
		r->initialized = NULL;
		r->init_answered = r->init_again = false;
	} else if (s->kind == SNIFF_NOTIFICATION && sniff_is(s, "notifications/initialized")) {
		free(r->initialized);
		r->initialized = xstrndup(line, len);
	}
}

static void
on_message(struct relay *r, const char *line, size_t len)
{
	struct refusal f = {r, NULL};
	struct batch *b;
	struct err err;
	struct sniff s;
	char *id;

	sniff_line(line, len, &s);
	on_handshake(r, line, len, &s);
	/* What is cancelled gets no answer. */
	if (s.kind == SNIFF_NOTIFICATION && sniff_is(&s, "notifications/cancelled") &&
	    (b = batches_take(&r->batches, sniff_cancelled(line, len))) != NULL)
		batch_step(r, b);
	if (s.kind == SNIFF_NOTIFICATION && sniff_is(&s, "notifications/cancelled") &&
	    lines_cancelled(&r->lines, sniff_cancelled(line, len)))
		return;
	if (s.kind == SNIFF_REQUEST && r->lines.requests >= LINES_COUNT_MAX) {
		err_set(&err, ERR_LIMIT, "%d requests wait already", LINES_COUNT_MAX);
		f.err = &err;
		id = xstrndup(s.id.ptr, s.id.len);
		answer_error(id, &f);
		free(id);
		return;
	}
	/*
	 * Only a request is worth starting irisd; the rest is of no interest to one that starts
	 * later.
	 */
	if (s.kind == SNIFF_REQUEST)
		link_want(&r->link, true);
	else if (r->link.state == LINK_DOWN)
		return;
	lines_add(&r->lines, line, len, &s);
}

static void
on_element(struct relay *r, struct batch *b, const char *text, size_t len)
{
	const char *wrong = NULL;
	struct sniff s;
	char *id, *line;

	sniff_line(text, len, &s);
	if (s.kind == SNIFF_OTHER)
		wrong = "a list has JSON-RPC messages";
	else if (s.kind == SNIFF_REQUEST && sniff_is(&s, "initialize"))
		wrong = "initialize comes by itself";
	if (wrong == NULL) {
		if (s.kind == SNIFF_REQUEST)
			batch_expect(b, s.id);
		on_message(r, text, len);
		return;
	}
	id = s.kind == SNIFF_REQUEST ? xstrndup(s.id.ptr, s.id.len) : xstrdup("null");
	line = rpc_error_code(id, RPC_INVALID_REQUEST, wrong, NULL);
	batch_add(b, line, strlen(line));
	free(line);
	free(id);
}

/* True when it was a list, of a client whose revision has them. */
static bool
on_list(struct relay *r, const char *line, size_t len)
{
	const char *p = r->batching ? batch_first(line, len) : NULL;
	struct batch *b;
	size_t n;

	if (p == NULL)
		return false;
	b = batch_new(&r->batches);
	for (; (n = json_raw_element(&p)) > 0; p += n)
		on_element(r, b, p, n);
	batch_step(r, b);
	return true;
}

static void
on_client_line(struct relay *r, const char *line, size_t len)
{
	if (len > 0 && !on_list(r, line, len))
		on_message(r, line, len);
}

/* A line over RPC_LINE_MAX begins: keep what its beginning tells, and let it go by. */
static void
skip_begin(struct relay *r)
{
	const char *head = r->client.buf + r->client.head;
	size_t len = frame_pending(&r->client);
	struct sniff s;

	sniff_line(head, len, &s);
	r->skip_request = s.method.ptr != NULL;
	r->skip_id = s.kind == SNIFF_REQUEST ? xstrndup(s.id.ptr, s.id.len) : NULL;
	r->skip_len = 0;
	r->skipping = true;
}

static void
skip_end(struct relay *r)
{
	struct refusal f = {r, NULL};
	struct slice id = {NULL, 0};
	struct err err;

	r->skipping = false;
	err_set(&err, ERR_LIMIT, "a line is longer than %zu bytes", RPC_LINE_MAX);
	if (r->skip_id == NULL && r->skip_request)
		id = sniff_last_id(r->skip_tail, r->skip_len);
	if (id.ptr != NULL)
		r->skip_id = xstrndup(id.ptr, id.len);
	f.err = &err;
	if (r->skip_id != NULL)
		answer_error(r->skip_id, &f);
	else
		log_warn("dropped from the client: %s", err.msg);
	free(r->skip_id);
	r->skip_id = NULL;
}

/* Drop bytes up to the end of the line, keeping the last few. True when its end is there. */
static bool
skip_more(struct relay *r)
{
	bool done;
	char *data;
	size_t len;

	done = frame_discard(&r->client, &data, &len);
	if (len > TAIL_MAX) {
		data += len - TAIL_MAX;
		len = TAIL_MAX;
	}
	if (r->skip_len + len > TAIL_MAX) {
		size_t drop = r->skip_len + len - TAIL_MAX;
		memmove(r->skip_tail, r->skip_tail + drop, r->skip_len - drop);
		r->skip_len -= drop;
	}
	memcpy(r->skip_tail + r->skip_len, data, len);
	r->skip_len += len;
	return done;
}

static bool
client_may_send(const struct relay *r)
{
	return r->lines.unsent <= LINES_UNSENT_MAX && r->own.len - r->own.off <= OWN_MAX;
}

/* Everything of the client's that there is room for. */
static void
pump_client(struct relay *r)
{
	size_t len;
	char *line;
	int rv = 1;

	r->held = false;
	while (client_may_send(r)) {
		if (r->skipping) {
			if (!skip_more(r))
				return;
			skip_end(r);
		}
		if ((rv = frame_next(&r->client, &line, &len)) == 0) {
			frame_trim(&r->client);
			return;
		}
		if (rv == -1)
			skip_begin(r);
		else
			on_client_line(r, line, len);
	}
	r->held = true;
}

static void
read_client(struct relay *r)
{
	ssize_t n = frame_read(&r->client, STDIN_FILENO);

	if (n > 0 || (n == -1 && (errno == EAGAIN || errno == EINTR)))
		return;
	r->eof = true;
	r->eof_until = compat_mono_ms() + EOF_MS;
	if (frame_pending(&r->client) > 0)
		frame_feed(&r->client, "\n", 1);
}

static void
pump_up(struct relay *r)
{
	int rv;

	if (r->link.state != LINK_UP || r->broken)
		return;
	rv = write_some(r->link.fd, r->first.p, r->first.len, &r->first.off);
	if (rv == 1)
		rv = lines_write(&r->lines, r->link.fd);
	if (rv == -1)
		r->broken = true;
}

/* --- the loop -------------------------------------------------------------------------------- */

/* After the client's EOF: what it sent goes out, and answers that come at once are passed on. */
static bool
finished(const struct relay *r)
{
	if (r->gone)
		return true;
	if (!r->eof)
		return false;
	if (compat_mono_ms() >= r->eof_until)
		return true;
	return frame_pending(&r->client) == 0 && r->lines.unsent == 0 &&
	    !lines_waiting(&r->lines) && r->cur == NULL && r->own.off == r->own.len;
}

/* The time left until then, where that is less than ms (-1: no limit). */
static int
sooner(int ms, int64_t until)
{
	int64_t left = until - compat_mono_ms();

	if (left < 0)
		left = 0;
	return ms == -1 || left < ms ? (int)left : ms;
}

static int
timeout(const struct relay *r)
{
	int ms = link_timeout(&r->link);

	if (r->held && client_may_send(r))
		return 0;
	if (r->eof)
		ms = sooner(ms, r->eof_until);
	if (r->link.state == LINK_UP && !r->greeted)
		ms = sooner(ms, r->up_since + LINK_SERIES_MS);
	return ms;
}

/* An irisd that hangs: it is connected to, as the system does that, but never answers. */
static void
check_greeting(struct relay *r)
{
	struct err err;

	if (r->link.state != LINK_UP || r->greeted ||
	    compat_mono_ms() < r->up_since + LINK_SERIES_MS)
		return;
	err_set(&err, ERR_TIMEOUT, "irisd does not answer on %s; it hangs or is overloaded",
	    r->link.paths->sock);
	on_lost(r, &err);
}

enum { P_CLIENT, P_OUT, P_IRISD, P_RESULT, P_COUNT };

/* A descriptor that waits for nothing is left out, or its hang-up would be told again and again. */
static void
interests(struct relay *r, struct pollfd pfd[P_COUNT])
{
	bool out = r->cur != NULL || r->own.off < r->own.len;
	short up = 0;

	if (r->link.state == LINK_UP) {
		if (!out)
			up |= POLLIN;
		if (!r->broken && (r->first.off < r->first.len || r->lines.next != NULL))
			up |= POLLOUT;
	}
	pfd[P_CLIENT] = (struct pollfd){
	    .fd = !r->eof && client_may_send(r) ? STDIN_FILENO : -1, .events = POLLIN};
	pfd[P_OUT] = (struct pollfd){.fd = STDOUT_FILENO, .events = out ? POLLOUT : 0};
	pfd[P_IRISD] = (struct pollfd){.fd = up != 0 ? r->link.fd : -1, .events = up};
	pfd[P_RESULT] = (struct pollfd){.fd = link_wait_fd(&r->link), .events = POLLIN};
}

static void
pass(struct relay *r, const struct pollfd pfd[P_COUNT])
{
	struct err err;

	if ((pfd[P_OUT].revents & (POLLERR | POLLHUP | POLLNVAL)) != 0)
		r->gone = true;
	if (pfd[P_CLIENT].revents != 0)
		read_client(r);
	if (pfd[P_RESULT].revents != 0)
		on_event(r, link_result(&r->link, &err), &err);
	if ((pfd[P_IRISD].revents & ~POLLOUT) != 0 && r->cur == NULL && r->own.off == r->own.len)
		pump_irisd(r);
}

static void
relay_release(struct relay *r)
{
	lines_release(&r->lines);
	batches_release(&r->batches);
	frame_release(&r->client);
	frame_release(&r->irisd);
	free(r->hello);
	free(r->first.p);
	free(r->own.p);
	free(r->init);
	free(r->init_id);
	free(r->initialized);
	free(r->skip_id);
}

int
relay_run(const struct paths *paths, bool remote, const char *cwd)
{
	struct relay r = {0};
	struct pollfd pfd[P_COUNT];
	struct err err;
	int status = 1;

	if (link_init(&r.link, paths, remote, &err) == -1) {
		log_error("%s", err.msg);
		return 1;
	}
	lines_init(&r.lines);
	batches_init(&r.batches);
	frame_init(&r.client, RPC_LINE_MAX);
	frame_init(&r.irisd, RPC_LINE_MAX);
	r.cwd = cwd;
	uuid_v4(r.instance);
	make_hello(&r);
	link_want(&r.link, true);
	for (;;) {
		on_event(&r, link_step(&r.link, &err), &err);
		check_greeting(&r);
		pump_client(&r);
		pump_up(&r);
		pump_down(&r);
		if (finished(&r)) {
			status = 0;
			break;
		}
		interests(&r, pfd);
		if (poll(pfd, P_COUNT, timeout(&r)) == -1) {
			if (errno != EINTR) {
				log_error("can not wait: %s", strerror(errno));
				break;
			}
			continue;
		}
		pass(&r, pfd);
	}
	relay_release(&r);
	return status;
}
