/* SPDX-License-Identifier: MIT
 *
 * The queue of the client's lines, see lines.h. Knows nothing of how irisd is reached.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/compat.h"
#include "common/xmalloc.h"
#include "iris-mcp-shim/lines.h"

void
lines_init(struct lines *l)
{
	memset(l, 0, sizeof *l);
	TAILQ_INIT(&l->list);
}

/* The accounts of one line are the caller's. */
static void
forget(struct lines *l, struct line *e)
{
	if (e->id != NULL)
		l->requests--;
	TAILQ_REMOVE(&l->list, e, entry);
	free(e->text);
	free(e->id);
	free(e);
}

void
lines_release(struct lines *l)
{
	struct line *e;

	while ((e = TAILQ_FIRST(&l->list)) != NULL)
		forget(l, e);
	lines_init(l);
}

void
lines_add(struct lines *l, const char *text, size_t len, const struct sniff *s)
{
	struct line *e = xcalloc(1, sizeof *e);

	e->text = xmalloc(len + 1);
	memcpy(e->text, text, len);
	e->text[len] = '\n';
	e->len = len + 1;
	if (s->kind == SNIFF_REQUEST) {
		e->id = xstrndup(s->id.ptr, s->id.len);
		e->listen = sniff_is(s, "subscriptions/listen");
		l->requests++;
	}
	TAILQ_INSERT_TAIL(&l->list, e, entry);
	l->unsent += e->len;
	if (l->next == NULL)
		l->next = e;
}

/* The first unwritten line is out. */
static void
written(struct lines *l)
{
	struct line *e = l->next;

	l->next = TAILQ_NEXT(e, entry);
	l->off = 0;
	l->unsent -= e->len;
	if (e->id == NULL) {
		forget(l, e);
	} else if (l->kept + e->len > LINES_KEPT_MAX) {
		free(e->text);
		e->text = NULL;
		e->len = 0;
	} else {
		l->kept += e->len;
	}
}

int
lines_write(struct lines *l, int fd)
{
	ssize_t n;

	while (l->next != NULL) {
		n = write(fd, l->next->text + l->off, l->next->len - l->off);
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return errno == EAGAIN ? 0 : -1;
		l->off += (size_t)n;
		if (l->off == l->next->len)
			written(l);
	}
	return 0;
}

static struct line *
find(struct lines *l, struct slice id)
{
	struct line *e;

	TAILQ_FOREACH (e, &l->list, entry)
		if (e->id != NULL && slice_equal(id, (struct slice){e->id, strlen(e->id)}))
			return e;
	return NULL;
}

static bool
is_written(const struct lines *l, const struct line *e)
{
	const struct line *u;

	for (u = l->next; u != NULL; u = TAILQ_NEXT(u, entry))
		if (u == e)
			return false;
	return true;
}

void
lines_answered(struct lines *l, struct slice id)
{
	struct line *e = find(l, id);

	if (e != NULL && is_written(l, e)) {
		l->kept -= e->len;
		forget(l, e);
	}
}

bool
lines_cancelled(struct lines *l, struct slice id)
{
	struct line *e = find(l, id);

	if (e == NULL)
		return false;
	if (is_written(l, e)) {
		l->kept -= e->len;
		forget(l, e);
		return false;
	}
	if (e == l->next && l->off > 0) {
		/* Its rest must still go out, but no answer is expected. */
		free(e->id);
		e->id = NULL;
		l->requests--;
		return false;
	}
	if (e == l->next)
		l->next = TAILQ_NEXT(e, entry);
	l->unsent -= e->len;
	forget(l, e);
	return true;
}

bool
lines_take_ack(struct lines *l, struct slice id)
{
	struct line *e = find(l, id);

	bool again;

	if (e == NULL)
		return false;
	again = e->ack_due;
	e->acked = true;
	e->ack_due = false;
	return again;
}

void
lines_anew(struct lines *l)
{
	struct line *e, *after;

	for (e = TAILQ_FIRST(&l->list); e != NULL && e != l->next; e = after) {
		after = TAILQ_NEXT(e, entry);
		l->kept -= e->len;
		forget(l, e);
	}
}

void
lines_rewind(struct lines *l, enum lines_loss loss, lines_cb cb, void *arg)
{
	struct line *e, *after;

	for (e = TAILQ_FIRST(&l->list); e != NULL && e != l->next; e = after) {
		after = TAILQ_NEXT(e, entry);
		if (loss != LINES_NEVER_USED)
			e->repeat = loss == LINES_LASTED ? 1 : e->repeat + 1;
		e->ack_due = e->acked;
		if (e->text == NULL || e->repeat > LINES_REPEAT_MAX) {
			cb(e->id, arg);
			l->kept -= e->len;
			forget(l, e);
		}
	}
	l->unsent += l->kept;
	l->kept = 0;
	l->off = 0;
	l->next = TAILQ_FIRST(&l->list);
}

void
lines_fail(struct lines *l, lines_cb cb, void *arg)
{
	struct line *e, *after;

	l->unsent = l->kept = l->off = 0;
	TAILQ_FOREACH_SAFE (e, &l->list, entry, after) {
		if (e->acked) {
			l->unsent += e->len;
			continue;
		}
		if (e->id != NULL)
			cb(e->id, arg);
		forget(l, e);
	}
	l->next = TAILQ_FIRST(&l->list);
}

bool
lines_waiting(const struct lines *l)
{
	const struct line *e;

	TAILQ_FOREACH (e, &l->list, entry)
		if (e->id != NULL && !e->listen)
			return true;
	return false;
}
