/* SPDX-License-Identifier: MIT
 *
 * The command with which a person goes on by hand with a copy of a session. Pure.
 */
#ifndef IRIS_CORE_FORK_H
#define IRIS_CORE_FORK_H

#include "irisd/core/team.h"

struct fork_command {
	const char
	    *argv[8]; /* ended by NULL; valid while the session's team keeps its configuration */
	char *config_dir; /* owned, or NULL */
};

/* The session from -> t, which has a conversation on this machine; NULL with err. */
struct session *fork_session_of(struct team *t, const char *from, struct err *err);

void fork_command_make(struct fork_command *f, const struct session *s);
void fork_command_release(struct fork_command *f);

#endif
