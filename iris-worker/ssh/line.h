/* SPDX-License-Identifier: MIT
 *
 * The line: the hosts that are logged in to, one through the other, and the flows of bytes through
 * them, all moved by one poll(2). A hop is one host and its session; a flow joins a channel of a
 * hop with descriptors: standard input and output, a forwarded connection, an agent, the next hop.
 *
 * libssh never blocks here. A call that is not through yet is repeated after line_step: LINE_WAIT.
 */
#ifndef IRIS_SSH_LINE_H
#define IRIS_SSH_LINE_H

#include <libssh/libssh.h>
#include <libssh/callbacks.h>
#include <sys/types.h>
#include <stdint.h>

#include "common/compat.h"
#include "iris-worker/ssh/conf.h"

#define LINE_HOPS  8
#define LINE_FLOWS 128

struct hop {
	struct conf conf; /* owned */
	char where[160];  /* "HOST ([ADDRESS]:PORT)", for sentences */
	char address[64]; /* numeric, or empty: not by TCP from here */
	ssh_session session;
	ssh_event event; /* NULL until connected */
	struct ssh_counter_struct raw;
	pid_t proxy; /* of a ProxyCommand, or 0 */
	bool active; /* something has come in this step */
};

/* Room for what was read on one side and not yet written on the other. */
struct ring {
	char *buf;
	size_t size, start, len;
};

struct flow {
	TAILQ_ENTRY(flow) link;
	struct hop *hop;
	ssh_channel channel;
	struct ssh_channel_callbacks_struct cb;
	int rfd, wfd, efd; /* -1: closed, or not there; rfd and wfd may be one */
	struct ring up, down, errs;
	bool eof_sent;    /* ours */
	bool eof, closed; /* the other side's */
	bool output_gone; /* nobody reads what comes */
	int status;       /* of the remote command, or -1 */
	int polled[3];    /* places in the poll set of this step, or -1 */
	bool keep;        /* freed by its owner, not when it has ended */
	bool held;        /* not to be moved yet */
	bool fresh;       /* to be moved in the next step, whatever poll(2) says */
};
TAILQ_HEAD(flow_list, flow);

/* A forwarding that was asked for: what comes in at port over there goes to a port here. */
struct forward;

struct line {
	struct hop *hops[LINE_HOPS];
	size_t nhops;
	struct flow_list flows;
	size_t nflows;
	const char *config;       /* -F */
	struct forward *forwards; /* of the last hop; owned */
	size_t nforwards;
	int wake;      /* a signal was caught: readable, or -1 */
	int64_t heard; /* ms: when the last hop was last heard of */
};

void line_init(struct line *l);
void line_release(struct line *l);
struct hop *line_last(struct line *l);

/* The host's own word for whom the connection is gone: says it. Returns -1. */
int line_lost(struct hop *h);

/*
 * Wait at most timeout ms (-1: no limit) and move what can be moved. 0; 1: a signal; -1: a hop is
 * lost, which has been said.
 */
int line_step(struct line *l, int timeout);

/* A call of libssh's outside of line_step has read: every flow is looked at in the next step. */
void line_heard(struct line *l);

#define LINE_WAIT(l, rc, again, call)                                                              \
	do {                                                                                       \
		while (((rc) = (call)) == (again) && line_step((l), -1) == 0)                      \
			continue;                                                                  \
	} while (0)

/*
 * flow.c. The descriptors are the flow's from now on, and are made non-blocking; 0, 1 and 2 stay
 * open, and main.c gives them back what they were set to.
 */
struct flow *flow_new(
    struct line *l, struct hop *h, ssh_channel channel, int rfd, int wfd, int efd);
void flow_free(struct line *l, struct flow *f);
bool flow_wants_input(const struct flow *f);
/* Move what can be moved now. readable: rfd is worth a read. */
void flow_run(struct flow *f, bool readable);
/* The channel is closed and everything that came has been written. */
bool flow_ended(const struct flow *f);

#endif
