/* SPDX-License-Identifier: MIT
 *
 * The end of a claude: interrupt, end of input, TERM, KILL, each given twice the time of the one
 * before; then everything that it left behind, until nothing is left. A tool that it started runs
 * in a session of its own and survives its death, so the process tree is noted while it still hangs
 * together, and whatever bears claude's mark in its environment; with start times, so that a reused
 * pid is never hit. Called by claude.c; owns claude->stop.
 */
#include <sys/wait.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/compat.h"
#include "common/log.h"
#include "iris-worker/claude.h"
#include "iris-worker/line.h"

#define PARTS     12   /* stop_ms / PARTS is the first rung's time */
#define NOW_MS    300  /* from TERM to KILL where it must end now */
#define ERRAND_MS 3000 /* the same on another host, with the way there */
#define DRAIN_MS  250 /* its pipes are read so long after its end, when something holds them open */
/*
 * A process in the middle of exec shows no environment: one that was not seen at first is seen
 * then.
 */
#define LOOK_AGAIN_MS 20
#define LOST_MS       3000 /* after KILL: it can not be killed */

/* Looks at what is left: TERM before the first, KILL before the others. */
static const int look_ms[] = {100, 20, 40, 80, 160, 320, 640, 1280};
#define LOOKS ((int)(sizeof look_ms / sizeof look_ms[0]))

static void rung_cb(evutil_socket_t, short, void *);
static void look_cb(evutil_socket_t, short, void *);

static void
arm(struct event *ev, int ms)
{
	struct timeval tv = {ms / 1000, (ms % 1000) * 1000};

	evtimer_add(ev, &tv);
}

void
stop_snapshot(struct claude *c)
{
	if (c->pid != 0 && c->line == NULL)
		remains_note_tree(&c->stop.left, c->pid);
}

/* -1: what there is can not be told now. */
static int
note_marked(struct claude *c)
{
	const char *mark = c->mark;

	return remains_note_marked(&c->stop.left, &mark, 1);
}

static void
signal_left(struct claude *c, int sig)
{
	/* Also what has left its tree. */
	note_marked(c);
	remains_signal(&c->stop.left, sig);
}

static void
end_process(struct claude *c, int ms)
{
	int least = NOW_MS;

	if (c->line == NULL) {
		kill(c->pid, SIGTERM);
	} else {
		line_end(c);
		least = c->line->pid != 0 ? ERRAND_MS : NOW_MS;
	}
	arm(c->stop.timer, ms < least || c->why.code != ERR_NONE ? least : ms);
}

static void
climb(struct claude *c, enum stop_rung rung)
{
	struct stop *s = &c->stop;
	int part = c->stop_ms / PARTS > 0 ? c->stop_ms / PARTS : 1;

	s->rung = rung;
	log_debug("stopping claude session=%s pid=%ld rung=%d", c->session, (long)c->pid, rung);
	stop_snapshot(c);
	switch (rung) {
	case RUNG_INTERRUPT:
		control_interrupt(c);
		arm(s->timer, part);
		break;
	case RUNG_EOF:
		if (c->io != NULL)
			peer_end_output(c->io);
		arm(s->timer, part * 2);
		break;
	case RUNG_TERM:
		end_process(c, part * 4);
		break;
	case RUNG_KILL:
		/* It is not reaped, so its group is still its own; ssh's may be of others' use. */
		if (c->line == NULL)
			kill(-c->pid, SIGKILL);
		kill(c->pid, SIGKILL);
		arm(s->timer, LOST_MS);
		break;
	case RUNG_LOST:
		log_error("claude can not be killed session=%s pid=%ld", c->session, (long)c->pid);
		s->alive = true;
		claude_event(c, CE_CLEAN);
		break;
	case RUNG_NONE:
		break;
	}
}

static void
rung_cb(evutil_socket_t fd, short what, void *arg)
{
	struct claude *c = arg;

	(void)fd;
	(void)what;
	if (c->state == CLAUDE_STOPPING && c->stop.rung < RUNG_LOST)
		climb(c, c->stop.rung + 1);
}

void
stop_begin(struct claude *c, bool now)
{
	struct stop *s = &c->stop;

	if (c->exited)
		return;
	if (s->timer == NULL)
		s->timer = evtimer_new(c->worker->loop.base, rung_cb, c);
	if (now && s->rung < RUNG_TERM)
		climb(c, RUNG_TERM);
	else if (s->rung == RUNG_NONE)
		climb(c, c->turn != NULL ? RUNG_INTERRUPT : RUNG_EOF);
}

/* The turn that was interrupted has ended. */
void
stop_turn_over(struct claude *c)
{
	if (c->stop.rung == RUNG_INTERRUPT && !c->exited)
		climb(c, RUNG_EOF);
}

static void
drain_cb(evutil_socket_t fd, short what, void *arg)
{
	struct claude *c = arg;

	(void)fd;
	(void)what;
	c->stop.drained = true;
	stop_check(c);
}

/* claude itself has ended; its group may not have. */
void
stop_exited(struct claude *c)
{
	struct stop *s = &c->stop;

	if (s->timer != NULL)
		event_free(s->timer);
	s->timer = evtimer_new(c->worker->loop.base, look_cb, c);
	s->drain = evtimer_new(c->worker->loop.base, drain_cb, c);
	arm(s->drain, DRAIN_MS);
	if (c->line != NULL) {
		/* Here there was ssh only, and what others share; over there the wrapper looks. */
		s->looked = true;
		stop_check(c);
		return;
	}
	signal_left(c, SIGTERM);
	arm(s->timer, remains_count(&c->stop.left) > 0 ? look_ms[0] : LOOK_AGAIN_MS);
	stop_check(c);
}

static void
look_cb(evutil_socket_t fd, short what, void *arg)
{
	struct claude *c = arg;
	struct stop *s = &c->stop;
	bool clean;

	(void)fd;
	(void)what;
	s->looked = note_marked(c) == 0;
	clean = remains_count(&s->left) == 0 && s->looked;
	if (!clean && ++s->round < LOOKS) {
		signal_left(c, SIGKILL);
		arm(s->timer, look_ms[s->round]);
	} else if (!clean) {
		log_error("%zu processes of a claude can not be killed session=%s", s->left.n,
		    c->session);
		s->alive = s->looked = true;
		s->left.n = 0;
	}
	stop_check(c);
}

void
stop_check(struct claude *c)
{
	struct stop *s = &c->stop;

	if (!c->exited || c->state != CLAUDE_STOPPING)
		return;
	if ((c->io != NULL || c->errs != NULL) && !s->drained)
		return;
	/* All that it had to say has been read. */
	turn_orphaned(c);
	if (s->looked && remains_count(&c->stop.left) == 0)
		claude_event(c, CE_CLEAN);
}

void
stop_release(struct claude *c)
{
	if (c->stop.timer != NULL)
		event_free(c->stop.timer);
	if (c->stop.drain != NULL)
		event_free(c->stop.drain);
	c->stop.timer = c->stop.drain = NULL;
}
