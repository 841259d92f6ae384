/* SPDX-License-Identifier: MIT
 *
 * What the host may open towards this machine: connections to a port that -R asked for, and to the
 * agent with -A. Everything else that it asks for is refused.
 */
#ifndef IRIS_SSH_FORWARD_H
#define IRIS_SSH_FORWARD_H

#include "iris-worker/ssh/line.h"

/* A specification of -R: [bind:]port:host:hostport. */
int forward_add(struct line *l, const char *spec, struct err *err);

/* Resolve the targets, before the line is opened: that may take its time. */
int forward_resolve(struct line *l, struct err *err);

/* Answer what the host asks for, from now on. */
void forward_answer(struct line *l, struct hop *h);

/*
 * Have the last host listen. A port that it does not give is an error with ExitOnForwardFailure,
 * and otherwise said.
 */
int forward_listen(struct line *l, struct err *err);

void forward_release(struct line *l);

#endif
