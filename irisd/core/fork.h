/* SPDX-License-Identifier: MIT
 *
 * The command with which a person goes on by hand with a copy of a session: in the place where
 * Claude Code finds it, on this machine or, with ssh, on the team's. Starts nothing.
 */
#ifndef IRIS_CORE_FORK_H
#define IRIS_CORE_FORK_H

#include "irisd/core/team.h"

#define FORK_BY_HAND                                                                               \
	"the team is reached with iris-ssh, which has no terminal: run the command with an ssh "   \
	"client of your own"

struct fork_command {
	char **argv;     /* owned with its words, ended by NULL */
	const char *dir; /* where to start it, on this machine */
	char *text;      /* owned: what a person would type for it, from any directory */
	bool by_hand;    /* it is only told: the team's own client, iris-ssh, has no terminal */
};

/* The session from -> t, which has a conversation; NULL with err. */
struct session *fork_session_of(struct team *t, const char *from, struct err *err);

/* Valid while the session's team keeps its configuration. */
void fork_command_make(struct fork_command *f, const struct session *s);
void fork_command_release(struct fork_command *f);

#endif
